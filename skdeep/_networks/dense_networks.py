"""Networks of dense layers in plain values, in the order of their variables in Keras: shapes, first values, recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skdeep._networks import initial_values
from skdeep._networks.builders import dropout_rates, layer_sizes, per_layer
from skdeep._training.activations import ACTIVATIONS

if TYPE_CHECKING:
    from skdeep._networks.built_in import Architecture

# Of Keras's batch normalization, and as `builders` sets it.
_EPSILON, _MOMENTUM = 1e-3, 0.9
_RANDOM_STATE = (2,)  # the shape of a seed and its count


def variable_shapes(architecture: Architecture) -> list[tuple[int, ...]]:
    """Return the shapes of the variables of a dense network, in Keras's order."""
    parameters = architecture.parameters
    sizes = layer_sizes(parameters["hidden_layer_sizes"])
    rates = dropout_rates(parameters["dropout"], parameters["hidden_layer_sizes"])
    shapes, (n_inputs,) = [], architecture.input_shape
    for size, rate in zip(sizes, rates, strict=True):
        shapes += [(n_inputs, size)] + [(size,)] * (4 if parameters["batch_normalization"] else 1)
        shapes += [_RANDOM_STATE] if rate > 0 else []
        n_inputs = size
    return [*shapes, (n_inputs, architecture.n_outputs), (architecture.n_outputs,)]


def first_values(
    architecture: Architecture, initializers: dict[str, str], rng: np.random.Generator
) -> list[np.ndarray]:
    """Return the values of the variables of a dense network before training.

    Parameters
    ----------
    architecture : skdeep._networks.built_in.Architecture
        What builds the model.
    initializers : dict of str to str
        For "kernel" and "bias" a name from `skdeep._networks.initial_values.known_name`.
    rng : numpy.random.Generator
        Source of a seed for each layer.
    """
    normalized = architecture.parameters["batch_normalization"]
    shapes = variable_shapes(architecture)
    values = []
    while shapes:
        shape = shapes.pop(0)
        if shape == _RANDOM_STATE:
            values.append(np.array([rng.integers(2**31), 0], np.int64))
            continue
        values.append(_drawn(initializers["kernel"], shape, rng))
        if normalized and len(shapes) > 1:
            _seed(initializers["bias"], rng)  # as for a bias, so that the others are those of `builders.draw_values`
            # Scale, shift, mean, variance.
            values += [np.full(shapes.pop(0), value, np.float32) for value in (1, 0, 0, 1)]
        else:
            values.append(_drawn(initializers["bias"], shapes.pop(0), rng))
    return values


def _drawn(name, shape, rng):
    return initial_values.drawn(name, shape, "float32", _seed(name, rng))


def _seed(name, rng):
    return int(rng.integers(2**31)) if initial_values.is_random(name) else None


def layers_of(architecture: Architecture) -> list[list[Any]] | None:
    """Return the layers as a recipe has them, or None if an activation is not known."""
    parameters = architecture.parameters
    sizes = layer_sizes(parameters["hidden_layer_sizes"])
    rates = dropout_rates(parameters["dropout"], parameters["hidden_layer_sizes"])
    given = per_layer(parameters["activation"], len(sizes), "activation")
    activations = ["linear" if each is None else each for each in (*given, parameters["output_activation"])]
    if not all(isinstance(each, str) and each in ACTIVATIONS for each in activations):
        return None
    layers, place = [], 0
    for activation, rate in zip(activations, rates, strict=False):
        if parameters["batch_normalization"]:
            layers.append(["dense", place, None, "linear"])
            layers.append(["batch_normalization", *range(place + 1, place + 5), _EPSILON, _MOMENTUM])
            layers.append(["activation", activation])
            place += 5
        else:
            layers.append(["dense", place, place + 1, activation])
            place += 2
        if rate > 0:
            layers.append(["dropout", place, rate])
            place += 1
    layers.append(["dense", place, place + 1, activations[-1]])
    return layers


def trained_places(architecture: Architecture, layers: list[list[Any]]) -> tuple[int, ...] | None:
    """Return the places of what is trained, or None if a layer that is to be frozen is not there."""
    frozen, number, trained, known = architecture.parameters["frozen_layers"], 0, [], []
    n_hidden = sum(layer[0] == "dense" for layer in layers) - 1
    for layer in layers:
        number += layer[0] == "dense"
        name = "output" if number > n_hidden else f"hidden_{number}"
        places = {"dense": layer[1:3], "batch_normalization": layer[1:3]}.get(layer[0], [])
        name += "_normalization" if layer[0] == "batch_normalization" else ""
        if places:
            known.append(name)
            trained += [place for place in places if place is not None and name not in frozen]
    return tuple(trained) if set(frozen) <= set(known) else None
