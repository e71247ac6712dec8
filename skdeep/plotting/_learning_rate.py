from __future__ import annotations

import contextlib
import inspect
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_scalar

from skdeep._common.typing import Data
from skdeep._lazy import keras, lazy_module

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from sklearn.base import BaseEstimator

plt = lazy_module("matplotlib.pyplot")

_TOO_LARGE = 4.0  # times the lowest loss so far: no larger rate is worth a step
_BELOW_LOWEST = 10.0  # by which the suggested rate is smaller than that of the lowest loss
# Routed parameters of what the test sets itself.
_NOT_KEPT = ("callbacks__", "first_stage__", "fit__epochs", "fit__callbacks", "fit__validation_split", "fit__verbose")


class _TestOverError(Exception):
    """Raised by a callback to leave a fit at once, whatever the weights have become."""


class LearningRateDisplay:
    """Losses of training steps whose learning rate rises from one to the next, to choose a rate by [1]_.

    Made by `from_estimator`. Where the rate is too small the loss hardly falls, where it is too large the loss rises.
    The rate suggested is a tenth of that at which the loss, smoothed over its neighbours, was the lowest.

    Parameters
    ----------
    rates : array-like of shape (n_steps,)
        Learning rates of the steps, rising.
    losses : array-like of shape (n_steps,)
        Losses of the batches, each before its step.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The Axes with the curves.
    figure_ : matplotlib Figure
        The figure that has it.
    lines_ : list of matplotlib Line2D
        The losses of the batches, those smoothed, and the suggested rate if there is one.

    See Also
    --------
    TrainingHistoryDisplay : The losses of a fit.

    Notes
    -----
    The loss of a step is smoothed by the mean of it and its neighbours, on either side one for every 20 steps.

    References
    ----------
    .. [1] L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017, arXiv:1506.01186.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from skdeep import DNNClassifier, ScaleToUnit
    >>> from skdeep.plotting import LearningRateDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = make_pipeline(ScaleToUnit(), DNNClassifier(random_state=0))
    >>> display = LearningRateDisplay.from_estimator(clf, X, y)
    >>> 1e-4 < display.suggested_rate < 1e-1
    True
    """

    ax_: Axes
    lines_: list[Line2D]

    def __init__(self, rates: ArrayLike, losses: ArrayLike) -> None:
        self.rates = rates
        self.losses = losses

    @property
    def suggested_rate(self) -> float | None:
        """A tenth of the rate of the lowest smoothed loss; None if the loss did not fall, or no such rate was tried."""
        rates, losses = self._checked()
        smoothed = _smoothed(losses)
        lowest = int(smoothed.argmin())
        rate = float(rates[lowest]) / _BELOW_LOWEST
        return rate if smoothed[lowest] < smoothed[0] and rate >= rates[0] else None

    def plot(self, *, ax: Axes | None = None) -> Self:
        """Draw the losses over the rates.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None is a new figure.

        Returns
        -------
        display : LearningRateDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `rates` and `losses` are not of one length, or the rates not positive.
        """
        rates, losses = self._checked()
        if ax is None:
            _, ax = plt.subplots(figsize=(5.5, 4), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_ = [
            *ax.plot(rates, losses, color="tab:blue", alpha=0.35, linewidth=1, label="of each batch"),
            *ax.plot(rates, _smoothed(losses), color="tab:blue", label="smoothed"),
        ]
        suggested = self.suggested_rate
        if suggested is not None:
            label = f"suggested: {suggested:.2g}"
            self.lines_.append(ax.axvline(suggested, color="tab:red", linestyle="--", label=label))
        ax.set(xscale="log", xlabel="learning rate", ylabel="loss")
        ax.legend(fontsize="small")
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Data,
        y: Any,
        *,
        min_rate: float = 1e-6,
        max_rate: float = 1.0,
        n_steps: int = 200,
        ax: Axes | None = None,
    ) -> Self:
        """Train a clone for some steps at rising learning rates, and draw their losses.

        Each step trains on a batch of rows, in the order of a fit, as often as all rows are needed; its rate is that of
        the step before times a factor. The test ends early when the loss is not finite, or its mean over some steps is
        four times the lowest so far.

        Parameters
        ----------
        estimator : estimator
            A network of skdeep, fitted or not, or a pipeline that ends in one. It is not changed, and nothing that it
            has learned is used.
        X : array-like of shape (n_samples, ...)
            Training data, as for its `fit`. The steps of a pipeline before the network are fitted to it.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, as for its `fit`.
        min_rate, max_rate : float, default=1e-6 and 1.0
            The first and the last learning rate.
        n_steps : int, default=200
            How many steps, at least 10.
        ax : matplotlib Axes, default=None
            Where to draw; None is a new figure.

        Returns
        -------
        display : LearningRateDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If there is no network at the end of the estimator.
        ValueError
            If `min_rate` is not smaller than `max_rate`, there are no finite losses, or as `fit` of the estimator.

        Notes
        -----
        The clone has the parameters of the estimator but those of epochs, validation, early stopping, callbacks, a
        first stage and the learning rate. It is trained by TensorFlow.
        """
        for name, rate in (("min_rate", min_rate), ("max_rate", max_rate)):
            check_scalar(rate, name, Real, min_val=0, include_boundaries="neither")
        check_scalar(n_steps, "n_steps", Integral, min_val=10)
        if not min_rate < max_rate < np.inf:
            raise ValueError(f"min_rate must be smaller than max_rate, and both finite. Got {min_rate} and {max_rate}.")
        network = estimator[-1] if isinstance(estimator, Pipeline) else estimator
        _check_is_network(network)
        if isinstance(estimator, Pipeline):
            X = clone(estimator[:-1]).fit_transform(X, y) if len(estimator) > 1 else X
        rates = np.geomspace(min_rate, max_rate, n_steps)
        losses = _losses(network, X, y, rates)
        if not losses:
            raise ValueError(f"The loss is not finite at the first learning rate, min_rate={min_rate}.")
        return cls(rates[: len(losses)], np.array(losses)).plot(ax=ax)

    def _checked(self):
        """Return the rates and the losses as arrays of equal length."""
        rates, losses = np.asarray(self.rates, dtype=np.float64), np.asarray(self.losses, dtype=np.float64)
        check_consistent_length(rates, losses)
        if rates.ndim != 1 or losses.ndim != 1 or len(rates) == 0 or not (rates > 0).all():
            raise ValueError(
                "rates and losses must be of shape (n_steps,), with at least one step and positive rates. "
                f"Got shapes {rates.shape} and {losses.shape}."
            )
        return rates, losses


def _check_is_network(estimator):
    if not hasattr(estimator, "get_params") or not {"learning_rate", "epochs", "callbacks"} <= {
        *estimator.get_params(deep=False)
    }:
        raise TypeError(
            "A network of skdeep with the parameters learning_rate, epochs and callbacks is needed, or a pipeline that "
            f"ends in one. Got {estimator!r}."
        )


def _losses(network, X, y, rates):
    """Return the finite losses of steps of a clone at these rates, each before its step."""
    losses, n_recent, lowest = [], _reach(rates), np.inf

    def begin(logs=None):
        # Not as a parameter, which a model that is compiled already would not take.
        recorder.model.optimizer.learning_rate = keras.optimizers.schedules.ExponentialDecay(
            float(rates[0]), decay_steps=len(rates) - 1, decay_rate=float(rates[-1] / rates[0])
        )

    def reset(batch, logs=None):  # else Keras would tell the mean since the epoch began
        recorder.model.reset_metrics()

    def record(batch, logs):
        nonlocal lowest
        if not np.isfinite(logs["loss"]):
            raise _TestOverError
        losses.append(logs["loss"])
        recent = np.mean(losses[-n_recent:])
        if len(losses) >= n_recent:
            lowest = min(lowest, recent)
        if len(losses) == len(rates) or recent > _TOO_LARGE * lowest > 0:
            raise _TestOverError

    recorder = keras.callbacks.LambdaCallback(
        on_train_begin=begin, on_train_batch_begin=reset, on_train_batch_end=record
    )
    tested = _tested(network, recorder, epochs=len(rates))  # of one step at least
    with contextlib.suppress(_TestOverError):
        tested.fit(X, y)
    return losses


def _tested(network, recorder, epochs):
    """Return a clone of a network that does nothing else than to train, and calls the recorder."""
    own = {
        "callbacks": recorder,
        "epochs": epochs,
        "early_stopping": False,
        "validation_fraction": None,
        "validation_split": 0.0,
        "warm_start": False,
        "verbose": 0,
    }
    not_kept = _NOT_KEPT
    if isinstance(network.learning_rate, str) or inspect.isclass(network.learning_rate):  # of a schedule
        own["learning_rate"], not_kept = None, (*_NOT_KEPT, "learning_rate__")
    parameters = clone(network).get_params(deep=False)
    kept = {name: value for name, value in parameters.items() if not name.startswith(not_kept)}
    return type(network)(**kept | {name: value for name, value in own.items() if name in kept})


def _reach(values):
    return max(1, len(values) // 20)


def _smoothed(losses):
    """Return for each loss the mean of those in a window around it."""
    reach, steps = _reach(losses), np.arange(len(losses))
    first, last = np.maximum(steps - reach, 0), np.minimum(steps + reach + 1, len(losses))
    sums = np.concatenate([[0.0], np.cumsum(losses)])
    return (sums[last] - sums[first]) / (last - first)
