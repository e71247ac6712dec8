"""The inputs and outputs of models: how many, by what names, of what shapes."""

from __future__ import annotations

import collections
import re
from typing import Any

import numpy as np

from skdeep._common.near_names import did_you_mean
from skdeep._data.structure import Keys, packed
from skdeep._lazy import keras


def input_dtypes(model: keras.Model, keys: Keys = None) -> tuple[str, ...]:
    """Return the dtypes of the data that a model takes, but of text, which comes as numbers.

    Parameters
    ----------
    model : keras.Model
        Built.
    keys : tuple, default=None
        Names or numbers of several inputs, as they are given to it; None for a single one.
    """
    inputs = getattr(model, "inputs", None) or []
    dtypes = {tensor.name: "float32" if tensor.dtype == "string" else tensor.dtype for tensor in inputs}
    if keys is None:
        return (next(iter(dtypes.values()), "float32"),)
    if isinstance(keys[0], int):
        return tuple(list(dtypes.values())[key] if key < len(dtypes) else "float32" for key in keys)
    return tuple(dtypes.get(key, "float32") for key in keys)


def input_shapes(model: keras.Model) -> dict[str, tuple[int | None, ...]]:
    """Return the shapes of a row of each input of a model, by its name; none if the model does not tell."""
    return {tensor.name: tuple(tensor.shape[1:]) for tensor in getattr(model, "inputs", None) or []}


def output_shapes(
    model: keras.Model, row_shapes: tuple[tuple[int, ...], ...], keys: Keys
) -> tuple[Keys, tuple[str, ...], list[tuple[int, ...]]]:
    """Return the keys, the names and the shapes of the outputs of a model; build it, if it is not built yet.

    Parameters
    ----------
    model : keras.Model
        Compiled or not.
    row_shapes : tuple of tuple of int
        Shapes of a row of each input.
    keys : tuple or None
        Names or numbers of several inputs; None for a single one.

    Returns
    -------
    keys : tuple or None
        Names of the dict, or numbers of the list, that several outputs are; None of a single one.
    names : tuple of str
        Names of the layers that make them; empty if the model does not tell.
    shapes : list of tuple of int
        Shapes of the outputs, rows included.
    """
    struct = getattr(model, "_outputs_struct", None)
    if struct is None:
        struct = getattr(model, "outputs", None) or None
    if struct is None:
        dtypes = input_dtypes(model, keys)
        arrays = [np.zeros((1, *shape), dtype=dtype) for shape, dtype in zip(row_shapes, dtypes, strict=True)]
        struct = model(packed(keys, arrays))
    shapes = [tuple(tensor.shape) for tensor in keras.tree.flatten(struct)]
    found: Any = None
    if isinstance(struct, dict):
        found = tuple(sorted(struct))  # in the order of `keras.tree.flatten`
    elif isinstance(struct, (list, tuple)) and len(struct) > 1:
        found = tuple(range(len(struct)))
    names = tuple(getattr(model, "output_names", None) or ())
    if isinstance(model, keras.Sequential):  # which does not tell
        names = tuple(layer.name for layer in model.layers[-1:])
    return found, names if len(names) == len(shapes) else (), shapes


def part_of(model: keras.Model, start: str | None, end: str | None) -> keras.Model:
    """Return the part of a model behind one layer and up to another, which shares its layers.

    Parameters
    ----------
    model : keras.Model
        With one input and one output, and a graph.
    start, end : str or None
        Names of layers, see `skdeep._engine.program.Program.apply_part`.
    """
    if not (getattr(model, "inputs", None) and getattr(model, "outputs", None)):
        raise ValueError(
            "The outputs of a layer need a model whose layers are connected, a keras.Sequential or a functional one, "
            f"but {type(model).__name__} is a subclass with code of its own."
        )
    first = model.inputs if start is None else named_layer(model, start).output
    last = model.outputs if end is None else named_layer(model, end).output
    return keras.Model(first, last)


def named_layer(model: keras.Model, name: str) -> keras.layers.Layer:
    """Return the layer of this name, which may be that of `plain_names`, or raise a ValueError."""
    names = [layer.name for layer in model.layers]
    plain = plain_names(model.layers)
    for each in (names, plain):
        if name in each:
            return model.layers[each.index(name)]
    raise ValueError(
        f"layer={name!r} is no layer of the model, which has {', '.join(map(repr, plain))}.{did_you_mean(name, plain)}"
    )


def plain_names(layers: list[keras.layers.Layer]) -> list[str]:
    """Return the names of layers; those that Keras gave are counted here, as in a process that has made no others."""
    names, counts = [], collections.Counter[str]()
    for layer in layers:
        kind = keras.src.utils.naming.to_snake_case(type(layer).__name__)
        is_counted = re.fullmatch(rf"{re.escape(kind)}(_\d+)?", layer.name) is not None
        names.append(layer.name if not is_counted else f"{kind}_{counts[kind]}" if counts[kind] else kind)
        counts[kind] += is_counted
    return names
