"""The values of Keras variables as arrays, read and set at about a fourth of the time that their own methods take.

A network that NumPy trains while somebody sees its Keras model goes to and fro: after each batch, if a callback asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from skdeep._lazy import tf


class Variables:
    """Reads and sets values; knows the variables of the last time."""

    def __init__(self) -> None:
        self._known: list[Any] = []
        self._handles: list[tuple[Any, ...]] = []

    def read(self, variables: Iterable[Any]) -> list[np.ndarray]:
        """Return the values of Keras variables."""
        read = tf.raw_ops.ReadVariableOp
        return [
            variable.numpy() if handle is None else read(resource=handle, dtype=dtype).numpy()
            for variable, (handle, dtype, _) in zip(variables, self._handles_of(variables), strict=True)
        ]

    def assign(self, variables: Iterable[Any], values: Iterable[Any]) -> None:
        """Set the values of Keras variables."""
        assign = tf.raw_ops.AssignVariableOp
        for variable, value, (handle, dtype, shape) in zip(variables, values, self._handles_of(variables), strict=True):
            value = np.asarray(value)
            if handle is None or value.dtype != dtype.as_numpy_dtype or value.shape != shape:
                variable.assign(value)  # converts it, or says what is wrong
            else:
                assign(resource=handle, value=value)

    def _handles_of(self, variables):
        """Return handle, dtype and shape of each; the handle of one on several devices is None."""
        variables = list(variables)
        if len(variables) != len(self._known) or any(map(_is_another, variables, self._known)):
            self._known = variables
            self._handles = [_handle(variable.value, tuple(variable.shape)) for variable in variables]
        return self._handles


def _is_another(one, other):
    return one is not other


def _handle(value, shape):
    is_shared = isinstance(value, tf.distribute.DistributedValues)
    return (None if is_shared else value.handle), value.dtype, shape
