"""Where a convolutional network looks: heat maps of its scores, by Grad-CAM."""

from __future__ import annotations

import numpy as np

from skdeep._common import interrupts
from skdeep._lazy import keras, tf

_CHUNK_ROWS = 32
_CONVOLUTIONS = ("Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D")


def last_convolution(model: keras.Model) -> str | None:
    """Return the name of the last layer of a model that is a 2D convolution or a model that has one, or None."""
    return next((layer.name for layer in reversed(model.layers) if _convolves(layer)), None)


def class_maps(
    model: keras.Model, layer: keras.layers.Layer, x: np.ndarray, columns: np.ndarray, signs: np.ndarray
) -> np.ndarray:
    """Return heat maps of one score for each row, in the size of the images.

    Parameters
    ----------
    model : keras.Model
        With a graph, one input of images and one output. It must be one that nobody else uses: the activation of its
        last layer is taken away.
    layer : keras.layers.Layer
        One of its layers, with feature maps as its output.
    x : ndarray of shape (n, height, width, channels)
        Images.
    columns, signs : ndarray of shape (n,)
        Which output is the score of each row, before the activation, and what it is multiplied by.

    Returns
    -------
    maps : ndarray of shape (n, height, width), float32
        Values of zero or more.
    """
    parts = keras.Model(model.inputs, [layer.output, _before_activation(model)])
    maps = [np.empty((0, *x.shape[1:3]), np.float32)]
    for start in range(0, len(x), _CHUNK_ROWS):
        interrupts.answer()
        chunk = slice(start, start + _CHUNK_ROWS)
        maps.append(_maps_of(parts, tf.constant(x[chunk]), columns[chunk], signs[chunk]))
    return np.concatenate(maps)


def _convolves(layer):
    kinds = tuple(getattr(keras.layers, name) for name in _CONVOLUTIONS)
    return isinstance(layer, kinds) or (isinstance(layer, keras.Model) and any(map(_convolves, layer.layers)))


def _before_activation(model):
    """Return the output of a model without the softmax or another activation at its end."""
    output = model.outputs[0]
    operation, node_index, _ = output._keras_history
    if isinstance(operation, keras.layers.Softmax):
        return operation._inbound_nodes[node_index].input_tensors[0]
    if getattr(operation, "activation", None) is not None:
        operation.activation = keras.activations.linear
    return output


def _maps_of(parts, x, columns, signs):
    with tf.GradientTape() as tape:
        x = tf.cast(x, tf.float32)
        tape.watch(x)  # also where no weight is trained
        features, outputs = parts(x, training=False)
        scores = tf.gather(tf.cast(outputs, tf.float32), columns, axis=1, batch_dims=1) * tf.constant(signs, tf.float32)
    gradients = tf.cast(tape.gradient(scores, features, unconnected_gradients="zero"), tf.float32)
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    maps = tf.nn.relu(tf.reduce_sum(weights * tf.cast(features, tf.float32), axis=-1, keepdims=True))
    return tf.image.resize(maps, x.shape[1:3])[..., 0].numpy()
