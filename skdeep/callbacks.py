"""Keras callbacks that Keras itself does not have. Importing this module imports TensorFlow."""

from __future__ import annotations

from numbers import Real
from typing import Literal

from skdeep._common.typing import Logs
from skdeep._engine.hooks import direction
from skdeep._lazy import keras
from skdeep._training.callbacks import monitored

__all__ = ["StopAtMetric"]


class StopAtMetric(keras.callbacks.Callback):
    """Stop training as soon as a metric reaches a value.

    Parameters
    ----------
    monitor : str, default="accuracy"
        Name of the metric in `history_`, such as "accuracy", "loss" or "val_accuracy".
    value : float, default=0.99
        Training stops after the first epoch in which the metric has reached that.
    mode : {"auto", "min", "max"}, default="auto"
        Whether the metric has reached the value when it is at most ("min") or at least ("max") that. "auto" knows that
        of Keras's metrics, and takes "min" for names that end in "loss", "error" or "crossentropy"; for others it must
        be said.
    verbose : int, default=0
        If positive, a line is printed when training stops.

    Raises
    ------
    ValueError
        If `value` is not a number or `mode` not one of these.

    See Also
    --------
    keras.callbacks.EarlyStopping : Stops when a metric no longer improves.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DNNClassifier, StopAtMetric
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = DNNClassifier(
    ...     epochs=200, callbacks=StopAtMetric("accuracy", 0.95), random_state=0
    ... ).fit(X, y)
    >>> clf.n_iter_ < 200
    True
    >>> bool(clf.history_["accuracy"][-1] >= 0.95)
    True
    """

    monitor: str
    value: float
    mode: Literal["auto", "min", "max"]
    verbose: int

    def __init__(
        self,
        monitor: str = "accuracy",
        value: float = 0.99,
        *,
        mode: Literal["auto", "min", "max"] = "auto",
        verbose: int = 0,
    ) -> None:
        super().__init__()
        if not isinstance(value, Real):
            raise ValueError(f"value must be a number. Got {value!r}.")
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max'. Got {mode!r}.")
        self.monitor = monitor
        self.value = value
        self.mode = mode
        self.verbose = verbose

    def __repr__(self):
        return f"StopAtMetric({self.monitor!r}, {self.value!r}, mode={self.mode!r}, verbose={self.verbose!r})"

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Stop if the metric has reached the value.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        logs : dict of str to float, default=None
            Metrics of the epoch.

        Raises
        ------
        ValueError
            If the metric is not among those of the epoch, or nothing tells its `mode`.
        """
        now = monitored(self.monitor, logs)
        mode = direction(self.model, self.monitor) if self.mode == "auto" else self.mode
        if mode is None:
            raise ValueError(f"monitor={self.monitor!r}: whether low or high is good must be said by mode.")
        if (now <= self.value) if mode == "min" else (now >= self.value):
            self.model.stop_training = True
            if self.verbose:
                print(f"Epoch {epoch + 1}: {self.monitor} is {now:.4f}, training stops.")
