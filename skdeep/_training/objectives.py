"""Losses and metrics of a batch, from the outputs of the last layer, and the gradients of the losses.

A loss that belongs to the activation of the last layer takes what goes into that, as Keras does: so its layer is
linear here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_EPSILON = np.float32(1e-7)  # of Keras


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


# By Keras's names.
LOSSES: dict[str, Callable[[], Any]] = {
    "sparse_categorical_crossentropy": lambda: SoftmaxCrossEntropy(is_sparse=True),
    "categorical_crossentropy": lambda: SoftmaxCrossEntropy(is_sparse=False),
    "binary_crossentropy": SigmoidCrossEntropy,
    "mean_squared_error": lambda: MeanError(np.square, lambda errors: 2 * errors),
    "mean_absolute_error": lambda: MeanError(np.abs, np.sign),
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
