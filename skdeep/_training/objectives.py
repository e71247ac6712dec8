"""Losses and metrics of a batch, from the outputs of the last layer, and the gradients of the losses.

A loss that belongs to the activation of the last layer takes what goes into that, as Keras does: so its layer is
linear here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skdeep._data.spreads import LEAST_DEVIATION

_EPSILON = np.float32(1e-7)  # of Keras
_LOG_OF_UNIT = np.float32(np.log(2 * np.pi) / 2)  # what the normal distribution has beside its exponent


class SoftmaxCrossEntropy:
    """Cross-entropy of classes.

    Parameters
    ----------
    is_sparse : bool
        Whether targets are numbers of classes, and not one-hot rows.
    """

    activation = "softmax"

    def __init__(self, is_sparse: bool) -> None:
        self._is_sparse = is_sparse

    def losses(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the losses of the rows."""
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        self._powers = np.exp(shifted)
        self._sums = self._powers.sum(axis=1, keepdims=True)
        if self._is_sparse:
            self._of_target = shifted[np.arange(len(y)), y]
            return np.log(self._sums[:, 0]) - self._of_target
        return ((np.log(self._sums) - shifted) * y).sum(axis=1)

    def gradient(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the gradient of the losses whose values were asked for last, row by row."""
        gradient = self._powers
        gradient /= self._sums
        if self._is_sparse:
            gradient[np.arange(len(y)), y] -= 1
        else:
            gradient -= y
        return gradient


class SigmoidCrossEntropy:
    """Cross-entropy of independent labels."""

    activation = "sigmoid"

    def losses(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the losses of the rows."""
        self._small = np.exp(-np.abs(outputs))
        return (np.maximum(outputs, 0) - outputs * y + np.log1p(self._small)).mean(axis=1)

    def gradient(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the gradient of the losses whose values were asked for last, row by row."""
        gradient = np.where(outputs >= 0, np.float32(1), self._small)
        gradient /= 1 + self._small
        gradient -= y
        gradient /= np.float32(outputs.shape[1])
        return gradient


class MeanError:
    """Mean of a function of the errors of a row.

    Parameters
    ----------
    function, derivative : callable
        Of an array of errors.
    """

    activation = None

    def __init__(
        self, function: Callable[[np.ndarray], np.ndarray], derivative: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        self._function, self._derivative = function, derivative

    def losses(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the losses of the rows."""
        self._errors = outputs - y
        return self._function(self._errors).mean(axis=1)

    def gradient(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the gradient of the losses whose values were asked for last, row by row."""
        return self._derivative(self._errors) / np.float32(outputs.shape[1])


class PinballError:
    """Mean of the pinball losses of several quantiles, for each of which there is an output for each column of y.

    Parameters
    ----------
    quantile : float or tuple of float, default=0.5
        In (0, 1).
    """

    activation = None

    def __init__(self, quantile: float | tuple[float, ...] = 0.5) -> None:
        self._levels = np.atleast_1d(np.asarray(quantile, np.float32))

    def losses(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the losses of the rows."""
        self._errors = y[:, :, np.newaxis] - outputs.reshape(len(y), -1, len(self._levels))
        return np.maximum(self._levels * self._errors, (self._levels - 1) * self._errors).mean(axis=(1, 2))

    def gradient(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the gradient of the losses whose values were asked for last, row by row."""
        gradient = np.where(self._errors >= 0, -self._levels, 1 - self._levels)
        return gradient.reshape(outputs.shape) / np.float32(outputs.shape[1])


class NormalError:
    """Negative log-likelihood of normal distributions, whose mean and deviation two outputs for each column of y tell.

    The deviation is the softplus of the second output, and a little more.
    """

    activation = None

    def losses(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the losses of the rows."""
        means, self._raw = outputs[:, 0::2], outputs[:, 1::2]
        self._deviations = np.logaddexp(np.float32(0), self._raw) + np.float32(LEAST_DEVIATION)
        self._errors = (y - means) / self._deviations
        return (np.log(self._deviations) + np.square(self._errors) / 2).mean(axis=1) + _LOG_OF_UNIT

    def gradient(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the gradient of the losses whose values were asked for last, row by row."""
        gradient = np.empty_like(outputs)
        gradient[:, 0::2] = -self._errors / self._deviations
        of_deviations = (1 - np.square(self._errors)) / self._deviations
        gradient[:, 1::2] = of_deviations / (1 + np.exp(-self._raw))  # by the derivative of the softplus
        return gradient / np.float32(self._raw.shape[1])


class OfEachNetwork:
    """The mean of the losses of several networks, each with its own outputs.

    Parameters
    ----------
    objective : object
        One of the above.
    """

    def __init__(self, objective: Any) -> None:
        self.activation = objective.activation
        self._objective = objective

    def losses(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the losses of the rows, from outputs of shape (n_networks, n_rows, n_outputs)."""
        self._shape = outputs.shape
        self._y = np.tile(y, (len(outputs),) + (1,) * (y.ndim - 1))
        of_all = self._objective.losses(outputs.reshape(-1, outputs.shape[2]), self._y)
        return of_all.reshape(outputs.shape[:2]).mean(axis=0)

    def gradient(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the gradient of the losses whose values were asked for last, row by row."""
        of_all = self._objective.gradient(outputs.reshape(-1, outputs.shape[2]), self._y)
        return of_all.reshape(self._shape) / np.float32(len(outputs))


# By Keras's names, and those of `skdeep.losses`.
LOSSES: dict[str, Callable[..., Any]] = {
    "sparse_categorical_crossentropy": lambda: SoftmaxCrossEntropy(is_sparse=True),
    "categorical_crossentropy": lambda: SoftmaxCrossEntropy(is_sparse=False),
    "binary_crossentropy": SigmoidCrossEntropy,
    "mean_squared_error": lambda: MeanError(np.square, lambda errors: 2 * errors),
    "mean_absolute_error": lambda: MeanError(np.abs, np.sign),
    "pinball": PinballError,
    "gaussian_nll": NormalError,
}


def _sparse_cross_entropy(probabilities, y):
    return -np.log(_clipped(_scaled(probabilities))[np.arange(len(y)), y])


def _cross_entropy(probabilities, y):
    return -(np.log(_clipped(_scaled(probabilities))) * y).sum(axis=1)


def _binary_cross_entropy(probabilities, y):
    clipped = _clipped(probabilities)
    return -(y * np.log(clipped) + (1 - y) * np.log(1 - clipped)).mean(axis=1)


def _clipped(probabilities):
    return np.clip(probabilities, _EPSILON, 1 - _EPSILON)


def _scaled(probabilities):
    return probabilities / probabilities.sum(axis=1, keepdims=True)


# The losses of rows whose probabilities are known, where the others take what goes into the activation.
OF_PROBABILITIES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "sparse_categorical_crossentropy": _sparse_cross_entropy,
    "categorical_crossentropy": _cross_entropy,
    "binary_crossentropy": _binary_cross_entropy,
}


def _share_of_labels(cut):
    return lambda outputs, y: ((outputs > cut) == (y > 0.5)).mean(axis=1)


# Values of each row, by name and by the form of the targets, see `skdeep._data.heads.Head`. The outputs may be those
# of the last layer before its activation, which does not change which is the largest.
ACCURACIES = {
    "indices": lambda cut: lambda outputs, y: outputs.argmax(axis=1) == y,
    "column of indices": lambda cut: lambda outputs, y: outputs.argmax(axis=1) == y,  # which is given as a vector
    "one-hot": lambda cut: lambda outputs, y: outputs.argmax(axis=1) == y.argmax(axis=1),
    "column": _share_of_labels,
    "indicator": _share_of_labels,
}
ERRORS = {
    "mean_squared_error": lambda outputs, y: np.square(outputs - y).mean(axis=1),
    "mean_absolute_error": lambda outputs, y: np.abs(outputs - y).mean(axis=1),
}
