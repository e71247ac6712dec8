"""Networks for tables, several side by side with one embedding of numbers: in Keras and in plain values.

Each of the networks has hidden layers of its own, and learns from its own loss; the prediction is the mean of theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skdeep._common.typing import Activations, Floats, Ints
from skdeep._lazy import keras, lazy_module
from skdeep._networks import initial_values
from skdeep._networks.builders import dropout_rates, known_activation, layer_sizes, per_layer
from skdeep._training.activations import ACTIVATIONS

if TYPE_CHECKING:
    from skdeep._networks.built_in import Architecture

_RANDOM_STATE = (2,)  # the shape of a seed and its count
# Of the values that an embedding gives at first, beside numbers of standard deviation 1: 0.1 gave a log loss as low as
# 0.3 or lower, and both a lower one than 1, on three tables of three.
_FIRST_EMBEDDING = 0.1
stacked_networks = lazy_module("skdeep._keras.stacked_networks")


def build_table(
    input_shape: tuple[int, ...],
    n_outputs: int,
    *,
    n_numbers: int,
    n_networks: int,
    hidden_layer_sizes: Ints,
    activation: Activations,
    dropout: Floats,
    n_frequencies: int,
    frequency_scale: float,
    embedding_size: int,
    output_activation: str,
    dtype_policy: str,
    l2: float = 0.0,
) -> keras.Model:
    """Build networks side by side.

    Parameters
    ----------
    input_shape : tuple of one int
        ``(n_features,)``.
    n_outputs : int
        Units of the output layer of each network.
    n_numbers : int
        How many features, the first ones, are embedded.
    n_networks : int
        How many networks there are.
    n_frequencies, embedding_size : int
        Frequencies of each number, and values that are made of its cosines; if one is 0, nothing is embedded.
    frequency_scale : float
        Standard deviation of the first frequencies.
    hidden_layer_sizes, activation, dropout, output_activation, dtype_policy, l2
        As in `skdeep._networks.builders.build_dense`, of each network.

    Returns
    -------
    model : keras.Model
        Maps arrays of shape ``(n, n_features)`` to ``(n, n_outputs)``, and in training to ``(n, n_networks,
        n_outputs)``; not compiled, and the same in each call.
    """
    value_dtype = keras.dtype_policies.get(dtype_policy).variable_dtype

    def layer(x, units, activation, dtype, name):
        return keras.layers.EinsumDense(
            "bi,kio->bko" if len(x.shape) == 2 else "bki,kio->bko",
            (n_networks, units),
            activation=activation,
            bias_axes="ko",
            kernel_initializer="zeros",
            kernel_regularizer=keras.regularizers.L2(l2) if l2 > 0 else None,
            dtype=dtype,
            name=name,
        )(x)

    sizes = layer_sizes(hidden_layer_sizes)
    activations = [known_activation(each, "activation") for each in per_layer(activation, len(sizes), "activation")]
    x = inputs = keras.Input(input_shape, dtype=value_dtype, name="input")
    if _is_embedded(n_numbers, n_frequencies, embedding_size):
        x = stacked_networks.NumberEmbedding(
            n_numbers, n_frequencies, embedding_size, dtype=value_dtype, name="embedding"
        )(x)
    rates = dropout_rates(dropout, hidden_layer_sizes)
    for number, (size, activation_of_layer, rate) in enumerate(zip(sizes, activations, rates, strict=True), start=1):
        x = layer(x, size, activation_of_layer, dtype_policy, f"hidden_{number}")
        if rate > 0:
            x = keras.layers.Dropout(rate, seed=0, dtype=dtype_policy, name=f"dropout_{number}")(x)
    x = layer(x, n_outputs, known_activation(output_activation, "output_activation"), value_dtype, "output")
    outputs = stacked_networks.MeanOfNetworks(dtype=value_dtype, name="mean")(x)
    return stacked_networks.StackedNetworks(inputs, outputs, name="table")


def variable_shapes(architecture: Architecture) -> list[tuple[int, ...]]:
    """Return the shapes of the variables, in Keras's order."""
    parameters = architecture.parameters
    (n_inputs,), n_networks = architecture.input_shape, parameters["n_networks"]
    shapes = _embedding_shapes(parameters)
    if shapes:
        n_inputs += shapes[-1][0] * shapes[-1][2]
    sizes = layer_sizes(parameters["hidden_layer_sizes"])
    rates = dropout_rates(parameters["dropout"], parameters["hidden_layer_sizes"])
    for size, rate in zip((*sizes, architecture.n_outputs), (*rates, 0), strict=True):
        shapes += [(n_networks, n_inputs, size), (n_networks, size)]
        shapes += [_RANDOM_STATE] if rate > 0 else []
        n_inputs = size
    return shapes


def first_values(
    architecture: Architecture, initializers: dict[str, str], rng: np.random.Generator
) -> list[np.ndarray]:
    """Return the values of the variables before training, see `skdeep._networks.recipes.first_values`."""
    shapes, values, parameters = variable_shapes(architecture), [], architecture.parameters
    of_embedding = _embedding_shapes(parameters)
    if of_embedding:
        scale = np.float32(parameters["frequency_scale"])
        values.append(scale * rng.standard_normal(of_embedding[0], np.float32))
        values.append(rng.random(of_embedding[1], np.float32))
        # The mean of the square of a cosine is one half, so this is the standard deviation of the embedding.
        scale = np.float32(_FIRST_EMBEDDING * np.sqrt(2 / parameters["n_frequencies"]))
        values.append(scale * rng.standard_normal(of_embedding[2], np.float32))
    for shape in shapes[len(of_embedding) :]:
        if shape == _RANDOM_STATE:
            values.append(np.array([rng.integers(2**31), 0], np.int64))
            continue
        name = initializers["kernel" if len(shape) == 3 else "bias"]
        # Drawn for each network on its own, as if there were no others.
        values.append(np.stack([_drawn(name, shape[1:], rng) for _ in range(shape[0])]))
    return values


def layers_of(architecture: Architecture) -> list[list[Any]] | None:
    """Return the layers as a recipe has them, or None if an activation is not known."""
    parameters = architecture.parameters
    sizes = layer_sizes(parameters["hidden_layer_sizes"])
    rates = dropout_rates(parameters["dropout"], parameters["hidden_layer_sizes"])
    given = per_layer(parameters["activation"], len(sizes), "activation")
    activations = ["linear" if each is None else each for each in (*given, parameters["output_activation"])]
    if not all(isinstance(each, str) and each in ACTIVATIONS for each in activations):
        return None
    layers, place = [], len(_embedding_shapes(parameters))
    if place:
        layers.append(["number_embedding", *range(place)])
    for activation, rate in zip(activations, (*rates, 0), strict=True):
        layers.append(["stacked_dense", place, place + 1, activation])
        place += 2
        if rate > 0:
            layers.append(["dropout", place, rate])
            place += 1
    return [*layers, ["mean"]]


def trained_places(architecture: Architecture, layers: list[list[Any]]) -> tuple[int, ...]:
    """Return the places of what is trained."""
    shapes = variable_shapes(architecture)
    states = {layer[1] for layer in layers if layer[0] == "dropout"}
    return tuple(place for place in range(len(shapes)) if place not in states)


def _embedding_shapes(parameters):
    """Return the shapes of frequencies, phases and kernel, or nothing if no number is embedded."""
    n_numbers, n_frequencies = parameters["n_numbers"], parameters["n_frequencies"]
    n_values = parameters["embedding_size"]
    if not _is_embedded(n_numbers, n_frequencies, n_values):
        return []
    return [(n_numbers, n_frequencies), (n_numbers, n_frequencies), (n_numbers, n_frequencies, n_values)]


def _is_embedded(n_numbers, n_frequencies, embedding_size):
    return n_numbers > 0 and n_frequencies > 0 and embedding_size > 0


def _drawn(name, shape, rng):
    seed = int(rng.integers(2**31)) if initial_values.is_random(name) else None
    return initial_values.drawn(name, shape, "float32", seed)
