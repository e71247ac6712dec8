"""Keras callbacks that Keras itself does not have. Importing this module imports TensorFlow.

`EpochTasks` brings scikit-learn's callbacks into Keras's: to them a fit is a task and each epoch a task in it.
"""

import contextlib
from numbers import Real

from skdeep._tensorflow import keras


class StopAtMetric(keras.callbacks.Callback):
    """Stop training as soon as a metric reaches a value.

    Parameters
    ----------
    monitor : str, default="accuracy"
        Name of the metric in `history_`, such as "accuracy", "loss" or "val_accuracy".
    value : float, default=0.99
        Training stops after the first epoch in which the metric has reached that.
    mode : {"auto", "min", "max"}, default="auto"
        Whether the metric has reached the value when it is at most ("min") or at least ("max") that. "auto" is "min"
        for names that end in "loss", "error" or "crossentropy", otherwise "max".
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
    >>> clf = DNNClassifier(epochs=200, callbacks=StopAtMetric("accuracy", 0.95), random_state=0).fit(X, y)
    >>> clf.n_iter_ < 200
    True
    >>> bool(clf.history_["accuracy"][-1] >= 0.95)
    True
    """

    def __init__(self, monitor="accuracy", value=0.99, *, mode="auto", verbose=0):
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

    def on_epoch_end(self, epoch, logs=None):
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
            If the metric is not among those of the epoch.
        """
        logs = logs or {}
        if self.monitor not in logs:
            raise ValueError(
                f"monitor={self.monitor!r} is not among the metrics of this fit, which are {list(logs)!r}."
            )
        now = logs[self.monitor]
        falls = self.monitor.endswith(("loss", "error", "crossentropy")) if self.mode == "auto" else self.mode == "min"
        if (now <= self.value) if falls else (now >= self.value):
            self.model.stop_training = True
            if self.verbose:
                print(f"Epoch {epoch + 1}: {self.monitor} is {now:.4f}, training stops.")


class EpochTasks(keras.callbacks.Callback):
    """Tell scikit-learn's callbacks of each epoch, and stop training if one of them asks for it.

    Parameters
    ----------
    task : sklearn.callback.CallbackContext
        The task that is the whole fit.
    task_data : dict
        What is told of each epoch: the estimator and its arguments.
    network : skdeep.network.Network
        What is trained.
    learned : callable
        From a network and a history to the attributes of an estimator fitted so far.
    """

    def __init__(self, task, task_data, network, learned):
        super().__init__()
        self._task = task
        self._task_data = task_data
        self._network = network
        self._learned = learned
        self._history = {}

    def on_epoch_begin(self, epoch, logs=None):
        """Begin a task."""
        self._epoch_task = self._task.subcontext(task_name="epoch")
        self._epoch_task.call_on_fit_task_begin(**self._task_data)

    def on_epoch_end(self, epoch, logs=None):
        """End it, and lend the network to those who ask for an estimator fitted so far."""
        for name, value in (logs or {}).items():
            self._history.setdefault(name, []).append(value)
        with contextlib.ExitStack() as loans:

            def attributes():
                return self._learned(loans.enter_context(self._network.lent()), self._history)

            if self._epoch_task.call_on_fit_task_end(**self._task_data, reconstruction_attributes=attributes):
                self.model.stop_training = True
