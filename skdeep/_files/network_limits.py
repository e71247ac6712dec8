"""Limits of what a file can ask for: a file of a few bytes may describe a network of any size."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

from skdeep._backend import seen_variables, shape_of_result
from skdeep._files.plain_states import altered
from skdeep._keras.copying import contents
from skdeep._lazy import keras

_OUTPUT = 2**26  # numbers of a row in the output of one layer, if the inputs do not have more
_STEPS = 1000  # of a recurrent layer that is unrolled


@contextlib.contextmanager
def limited_variables(n_numbers: float) -> Iterator[None]:
    """Raise a ValueError before variables take more memory than for these numbers in the body of the ``with``."""
    left = n_numbers

    def see(value):
        nonlocal left
        left -= math.prod(_shape_of(value))
        if left < 0:
            raise altered(f"its variables have more than the {n_numbers} numbers that it can have")

    with seen_variables(see):
        yield


def _shape_of(value):
    """Return the shape of the first value of a variable, which is not made for that."""
    if not callable(value):
        return tuple(value.shape) if hasattr(value, "shape") else ()
    for each in contents(value):
        if isinstance(each, keras.Variable):  # the function is Keras's, which draws it for this variable
            return tuple(each.shape)
    return shape_of_result(value)


def check_sizes(model: keras.Model) -> None:
    """Raise a ValueError if a layer of a model gives more numbers for a row, or has more steps, than anybody wants."""
    for layer in model._flatten_layers():
        operations = getattr(getattr(layer, "_functional", None) or layer, "operations", ())
        largest = max([_OUTPUT, *(_size_of_row(tensor) for tensor in getattr(layer, "inputs", None) or ())])
        for operation, node in ((each, node) for each in operations for node in each._inbound_nodes):
            size = max(map(_size_of_row, node.outputs))
            if size > largest:
                raise altered(f"its {operation.name} gives {size} numbers for each row")
            if (
                _is_unrolled(operation)
                and max((tensor.shape[1] or 1) for tensor in node.arguments.keras_tensors) > _STEPS
            ):
                raise altered(f"its {operation.name} is unrolled to more than {_STEPS} steps")


def _is_unrolled(operation):
    return any(getattr(each, "unroll", False) for each in (operation, getattr(operation, "layer", None)))


def _size_of_row(tensor):
    return math.prod(size or 1 for size in tuple(tensor.shape)[1:])
