"""What is TensorFlow's among the objects that other modules look at, copy, count and describe.

Beside `_engine`, which runs networks, this is the only module that uses TensorFlow. So what another backend of Keras
needs stands in these two places.
"""

from __future__ import annotations

import contextlib
import functools
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from skdeep._common import startup_lines
from skdeep._lazy import tf


@functools.cache
def start() -> None:
    """Start TensorFlow's runtime, as the first operation would, without its start-up lines."""
    with startup_lines.withheld():
        tf.config.list_logical_devices()


@functools.cache
def array_types() -> tuple[type[Any], ...]:
    """Return the classes of arrays: those of numpy and tensors."""
    return (np.ndarray, np.generic, tf.Tensor)


def is_tensor(value: object) -> bool:
    """Whether this is a tensor."""
    return isinstance(value, tf.Tensor)


def is_tensor_of_numbers(value: object) -> bool:
    """Whether this is a tensor whose values are known now, and are numbers."""
    return isinstance(value, tf.Tensor) and hasattr(value, "numpy") and value.dtype != tf.string


def tensor_of(array: np.ndarray) -> Any:
    """Return a tensor with the values of an array."""
    return tf.convert_to_tensor(array)


@functools.cache
def description_types() -> tuple[type[Any], ...]:
    """Return the classes of objects that are told by their repr."""
    return (tf.DType, tf.TensorShape)


@functools.cache
def shared_types() -> tuple[type[Any], ...]:
    """Return the classes of objects that copies share with their originals, beside tensors of the same."""
    return (*description_types(), tf.Tensor, tf.Graph, tf.distribute.Strategy, tf.distribute.StrategyExtended)


@functools.cache
def traced_type() -> type[Any]:
    """Return the class of what `tf.function` makes."""
    return tf.types.experimental.PolymorphicFunction


def next_variable_number() -> int:
    """Return the number of a variable made now: TensorFlow numbers all that are made."""
    return variable_number(tf.Variable(0, trainable=False))


def variable_number(variable: Any) -> int:
    """Return the number that TensorFlow gave a variable of its own, the first of those of several devices."""
    first = getattr(variable, "values", [variable])[0]
    return int(first._unique_id.rpartition("_")[2])


@contextlib.contextmanager
def seen_variables(see: Callable[[Any], None]) -> Iterator[None]:
    """Call `see` with the initial value of each variable before it is made in the body of the ``with`` statement."""

    def create(next_creator, **arguments):
        see(arguments["initial_value"])
        return next_creator(**arguments)

    with tf.variable_creator_scope(create):
        yield


def shape_of_result(function: Callable[[], Any]) -> tuple[int, ...]:
    """Return the shape of the tensor that a function returns, without computing it."""
    with tf.Graph().as_default():
        return tuple(function().shape)


def lack_of_memory(error: Exception) -> str | None:
    """Return what could not be allocated, if this is TensorFlow's error for that, or None."""
    tf = sys.modules.get("tensorflow")  # only who has imported it can get its errors
    if tf is None or not isinstance(error, tf.errors.ResourceExhaustedError):
        return None
    found = re.search(r"OOM when allocating .*? type \w+", error.message)
    return found and found[0]  # it is also the error for full disks and too many open files
