"""Whether a Keras model is a row of layers whose formulas `skdeep._inference` knows, and which.

Only Keras's own classes and those of `skdeep._keras.stacked_networks` count, in float32, as they compute in
predictions: whatever somebody may have made otherwise (a subclass, a method set on an object, another dtype, quantized
or low-rank weights) is left to Keras.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from skdeep._inference.activations import ACTIVATIONS
from skdeep._lazy import keras, lazy_module

stacked_networks = lazy_module("skdeep._keras.stacked_networks")


def steps_of(model: keras.Model) -> list[list[Any]] | None:
    """Return the steps of a built model, as `skdeep._inference.layer_stack` takes them, or None.

    Places in them are those in ``model.variables``.
    """
    layers = row_of_layers(model)
    if layers is None:
        return None
    places = {id(variable): place for place, variable in enumerate(model.variables)}
    steps = []
    for layer in layers:
        step = _makers(_is_stacked(model))[type(layer)](layer, places)
        if step is None:
            return None
        steps += step
    return steps if any(step[0] in ("dense", "stacked_dense") for step in steps) else None


def row_of_layers(model: keras.Model) -> list[keras.layers.Layer] | None:
    """Return the layers between the input and the output of a model, in a row.

    None if they are in no row, or one is not of the classes that are known, or not as Keras makes it.
    """
    is_known = type(model) in (keras.Sequential, keras.src.models.functional.Functional) or _is_stacked(model)
    if not is_known or "call" in vars(model):
        return None
    if len(getattr(model, "inputs", None) or ()) != 1 or len(model.outputs) != 1:
        return None
    tensor, layers = model.outputs[0], []
    while tensor is not model.inputs[0]:
        layer, node_index, _ = tensor._keras_history
        inputs = layer._inbound_nodes[node_index].input_tensors
        if type(layer) not in _makers(_is_stacked(model)) or len(inputs) != 1:
            return None
        layers.append(layer)
        (tensor,) = inputs
    is_plain = model.inputs[0].dtype == "float32" and all(map(_is_plain, layers))
    return layers[::-1] if is_plain else None


def _is_stacked(model):
    return type(model) is stacked_networks.StackedNetworks


def _is_plain(layer):
    policy = layer.dtype_policy
    is_float32 = policy.compute_dtype == policy.variable_dtype == "float32" and policy.quantization_mode is None
    return is_float32 and not vars(layer).keys() & {"call", "__call__"} and not getattr(layer, "lora_enabled", False)


@functools.cache
def _makers(is_stacked):
    """Return, by class, what makes the steps of a layer; it returns None if it cannot.

    Parameters
    ----------
    is_stacked : bool
        Whether it is a layer of several networks side by side.
    """
    layers = keras.layers
    if is_stacked:
        return {
            layers.EinsumDense: _stacked_dense,
            layers.Dropout: lambda layer, places: [],
            stacked_networks.NumberEmbedding: _number_embedding,
            stacked_networks.MeanOfNetworks: lambda layer, places: [["mean"]],
        }
    return {
        layers.Dense: _dense,
        layers.BatchNormalization: _batch_normalization,
        layers.Activation: _activation,
        layers.Dropout: lambda layer, places: [],
        layers.Flatten: _flatten,
        layers.Reshape: lambda layer, places: [["reshape", [int(size) for size in layer.target_shape]]],
        layers.Rescaling: lambda layer, places: [["rescaling", *map(_number, (layer.scale, layer.offset))]],
        layers.Normalization: _normalization,
    }


def _dense(layer, places):
    name = _name_of(layer.activation)
    if name is None or len(layer.input.shape) != 2:
        return None
    bias = None if layer.bias is None else places[id(layer.bias)]
    return [["dense", places[id(layer.kernel)], bias, name]]


def _stacked_dense(layer, places):
    name = _name_of(layer.activation)
    return None if name is None else [["stacked_dense", places[id(layer.kernel)], places[id(layer.bias)], name]]


def _number_embedding(layer, places):
    return [["number_embedding", *(places[id(each)] for each in (layer.frequencies, layer.phases, layer.kernel))]]


def _batch_normalization(layer, places):
    if len(layer.input.shape) != 2:
        return None
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    arrays = [None if getattr(layer, name) is None else places[id(getattr(layer, name))] for name in names]
    return [["batch_normalization", *arrays, float(layer.epsilon)]]


def _activation(layer, places):
    name = _name_of(layer.activation)
    return None if name is None else [["activation", name]]


def _flatten(layer, places):
    return [["reshape", [-1]]] if layer.data_format == "channels_last" else None


def _normalization(layer, places):
    if layer.mean is None or layer.variance is None or layer.invert:
        return None
    deviation = np.maximum(np.sqrt(np.asarray(layer.variance, np.float32)), np.float32(keras.config.epsilon()))
    return [["normalization", np.asarray(layer.mean, np.float32), deviation]]


def _number(value):
    return float(value) if np.ndim(value) == 0 else np.asarray(value, np.float32)


def _name_of(activation):
    """Return the name of one of Keras's functions of which the formula is known, or None."""
    name = getattr(activation, "__name__", None)
    return name if name in ACTIVATIONS and getattr(keras.activations, name, None) is activation else None
