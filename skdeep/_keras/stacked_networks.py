"""Keras layers of several networks side by side, and the model that trains each by its own loss."""

from __future__ import annotations

import math
from typing import Any

import keras


class NumberEmbedding(keras.layers.Layer):
    """Periodic functions of the first inputs, see `skdeep._training.stacked_layers.NumberEmbedding`."""

    def __init__(self, n_numbers: int, n_frequencies: int, n_values: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n_numbers, self.n_frequencies, self.n_values = n_numbers, n_frequencies, n_values

    def build(self, input_shape: Any) -> None:
        """Make the weights, which are 0 at first."""
        shape = (self.n_numbers, self.n_frequencies)
        self.frequencies = self.add_weight(shape=shape, initializer="zeros", name="frequencies")
        self.phases = self.add_weight(shape=shape, initializer="zeros", name="phases")
        self.kernel = self.add_weight(shape=(*shape, self.n_values), initializer="zeros", name="kernel")

    def call(self, inputs: Any) -> Any:
        """Return the inputs with the embedding behind them."""
        cycles = inputs[:, : self.n_numbers, None] * self.frequencies + self.phases
        embedded = keras.ops.einsum("bfq,fqd->bfd", keras.ops.cos(2 * math.pi * cycles), self.kernel)
        embedded = keras.ops.reshape(embedded, (-1, self.n_numbers * self.n_values))
        return keras.ops.concatenate([inputs, embedded], axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs."""
        return (*input_shape[:-1], input_shape[-1] + self.n_numbers * self.n_values)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        names = ("n_numbers", "n_frequencies", "n_values")
        return super().get_config() | {name: getattr(self, name) for name in names}


class MeanOfNetworks(keras.layers.Layer):
    """The mean of the outputs of several networks, but in training these themselves."""

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Return the outputs of shape (n, n_outputs), in training (n, n_networks, n_outputs)."""
        return inputs if training else keras.ops.mean(inputs, axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs in predictions."""
        return (input_shape[0], input_shape[2])


class StackedNetworks(keras.Model):
    """Networks side by side: in training the loss is the mean of theirs, the metrics are those of their mean."""

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the loss as Keras has it, of each network on its own where there are their outputs."""
        if len(y_pred.shape) < 3:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        # One by one, since a loss may be any function of a batch; penalties are in each.
        outputs = keras.ops.unstack(y_pred, axis=1)
        losses = [super(StackedNetworks, self).compute_loss(x, y, each, sample_weight, training) for each in outputs]
        return sum(losses) / len(losses)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the metrics as Keras has them, of the mean of the outputs."""
        y_pred = keras.ops.mean(y_pred, axis=1) if len(y_pred.shape) == 3 else y_pred
        return super().compute_metrics(x, y, y_pred, sample_weight)


def in_keras_layers(model: StackedNetworks) -> keras.Model:
    """Return what predicts as a model does, of layers of Keras alone, some of which it shares."""
    x = inputs = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype, name="input")
    for layer in model.layers[1:]:
        if isinstance(layer, NumberEmbedding):
            x = _embedded(layer, x)
        elif isinstance(layer, MeanOfNetworks):
            x = keras.layers.GlobalAveragePooling1D(dtype=layer.dtype_policy, name=layer.name)(x)
        else:
            x = layer(x)
    return keras.Model(inputs, x, name=model.name)


def _embedded(layer, x):
    """Return what an embedding makes of a tensor, by layers with copies of its weights."""
    options = {"dtype": layer.dtype_policy}
    shape = (layer.n_numbers, layer.n_frequencies)
    numbers = x[:, : layer.n_numbers]
    angles = keras.layers.EinsumDense("bf,fq->bfq", shape, bias_axes="fq", name="frequencies", **options)
    combined = keras.layers.EinsumDense("bfq,fqd->bfd", (layer.n_numbers, layer.n_values), name="embedding", **options)
    values = keras.layers.Flatten(name="embedded", **options)(combined(keras.ops.cos(angles(numbers))))
    angles.set_weights([2 * math.pi * weight.numpy() for weight in (layer.frequencies, layer.phases)])
    combined.set_weights([layer.kernel.numpy()])
    return keras.layers.Concatenate(name="with_embedding", **options)([x, values])
