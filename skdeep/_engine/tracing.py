"""TensorFlow functions traced from Keras models, and what replaces parts of a model while its training is traced.

The replacements compute what the parts do, and each mends one thing:

- Softmax. TensorFlow's oneDNN kernel takes 50 microseconds or more for any small batch, a large share of a training
  step; the exponential of the log-softmax takes 5 and differs from it by rounding.
- Dropout and L2 penalties. Keras writes rates and strengths into the trace as constants; here the trace reads them from
  variables, so that networks that differ in them alone can use the same trace.
- Batch normalization. Its moving averages, which it uses in prediction, start from 0 and 1, and under a fixed momentum
  these still count after many steps. Here the momentum grows with the steps of the optimizer, so that the averages are
  those of the data from the first step on, and the smaller last batch of an epoch counts by its rows.
- The optimizer's sum of gradients over replicas. If there is one replica, the sum is the gradient itself, but
  TensorFlow registers a function for each such sum that it traces and never drops it, nor the traced graph that the
  function refers to: about 4 MB for a small network.
- Adam's step, if there is one replica. Keras writes it as a dozen operations on each variable; TensorFlow has one for
  the same formula.

When the trace is made the model is as before: nobody outside sees the replacements, and what is saved is plain Keras.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from skdeep._lazy import keras, tf


def traced(function: Callable[..., Any], signature: Sequence[Any]) -> Any:
    """Trace a function of tensors with this signature, once.

    Returns
    -------
    traced : tf.types.experimental.ConcreteFunction
        Takes tensors only; a call costs half of what one of a `tf.function` costs.
    """
    # TensorFlow warns of retracing by counting the traces of one piece of code, whichever network they are for; a
    # partial is a piece of its own.
    function = tf.function(functools.partial(function), input_signature=signature, autograph=False)
    return function.get_concrete_function()


def traced_of(model: keras.Model, function: Callable[..., Any], signature: Sequence[Any]) -> Any:
    """Trace a function that applies a model; return it as it is if the model is compiled with ``run_eagerly=True``."""
    return function if model.run_eagerly else traced(function, signature)


class Strengths:
    """Variables for the dropout rates and the strengths of the L2 penalties of layers, which a trace reads.

    The momentum of batch normalizations needs none: the trace computes it from what it has.

    Parameters
    ----------
    layers : sequence of keras.layers.Layer
        Layers as `skdeep._networks.builders` makes them, of the model whose training is traced.

    Attributes
    ----------
    batch_fraction : callable or None
        While a step is traced: returns a tensor, the rows of its batch as a fraction of the batch size. The penalty is
        divided by it.
    n_steps : keras.Variable, tensor or None
        While a step is traced: how many steps the optimizer has made.
    """

    def __init__(self, layers: Sequence[keras.layers.Layer]) -> None:
        self._rates = {
            layer: tf.Variable(layer.rate, trainable=False, dtype=layer.compute_dtype)
            for layer in layers
            if type(layer) is keras.layers.Dropout
        }
        self._penalty_scale = tf.Variable(1.0, trainable=False, dtype=tf.float64)
        self._normalizations = [layer for layer in layers if type(layer) is keras.layers.BatchNormalization]
        self.batch_fraction = self.n_steps = None
        self._penalties = {
            layer: tf.Variable(layer.kernel_regularizer.l2, trainable=False, dtype=layer.variable_dtype)
            for layer in layers
            if _has_penalty(layer)
        }

    def update(self, penalty_scale: float = 1.0) -> None:
        """Take the values that the model has now, and what its penalties are multiplied by in training."""
        self._penalty_scale.assign(penalty_scale)
        for layer, rate in self._rates.items():
            rate.assign(layer.rate)
        for layer, penalty in self._penalties.items():
            penalty.assign(layer.kernel_regularizer.l2)

    def _penalty(self, strength, kernel):
        penalty = strength.read_value() * tf.reduce_sum(tf.square(kernel))
        if self.batch_fraction is not None:
            factor = self._penalty_scale.read_value() / tf.cast(self.batch_fraction(), tf.float64)
            penalty *= tf.cast(factor, penalty.dtype)
        return tf.cast(
            penalty, keras.config.floatx()
        )  # the dtype of Keras's sum of losses, whatever that of the layers

    def _normalized(self, layer, x, training=False, mask=None):
        """Call a batch normalization with a momentum that grows from 0 to the layer's own."""
        if not training:
            return type(layer).call(layer, x, mask=mask)
        momentum = layer.momentum
        dtype = keras.backend.result_type(x.dtype, "float32")  # in which the layer computes
        n_steps = keras.ops.cast(self.n_steps, dtype)
        # 1 in place of 4 would be the mean of all batches, but after the first ones the weights have changed most.
        growing = tf.minimum(tf.cast(momentum, dtype), n_steps / (n_steps + 4))
        layer.momentum = 1 - (1 - growing) * tf.cast(self.batch_fraction(), dtype)
        try:
            return type(layer).call(layer, x, training=True, mask=mask)
        finally:
            layer.momentum = momentum

    @contextlib.contextmanager
    def replaced(self) -> Iterator[None]:
        """Let the model read the variables in the body of the ``with`` statement."""
        for layer in self._normalizations:
            layer.call = functools.partial(self._normalized, layer)
        for layer, rate in self._rates.items():
            layer.call = functools.partial(_dropout, layer.seed_generator, rate)
        for layer, penalty in self._penalties.items():
            layer.kernel.regularizer = functools.partial(self._penalty, penalty)
        try:
            yield
        finally:
            for layer in (*self._rates, *self._normalizations):
                del layer.call
            for layer in self._penalties:
                layer.kernel.regularizer = layer.kernel_regularizer


@contextlib.contextmanager
def replaced_parts(model: keras.Model, strengths: Strengths, *, n_replicas: int) -> Iterator[None]:
    """Replace parts of a model and of its optimizer in the body of the ``with`` statement.

    Parameters
    ----------
    model : keras.Model
        Compiled model whose training is traced.
    strengths : Strengths
        Those of the model.
    n_replicas : int
        On how many devices it is trained at once.
    """
    softmax_layers = [
        layer
        for layer in model.layers
        if type(layer) in (keras.layers.Dense, keras.layers.Activation)
        and layer.activation is keras.activations.softmax
    ]
    for layer in softmax_layers:
        layer.activation = _softmax
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)  # of one that scales the loss
    replacements = {}
    if n_replicas == 1:
        replacements["_all_reduce_sum_gradients"] = _unchanged
        # AdamW differs in what it does besides; a subclass of the user's may change any part of the step.
        if type(optimizer) in (keras.optimizers.Adam, keras.optimizers.AdamW) and not optimizer.amsgrad:
            replacements["update_step"] = functools.partial(_adam_step, optimizer)
    for name, replacement in replacements.items():
        setattr(optimizer, name, replacement)
    try:
        with strengths.replaced():
            yield
    finally:
        for layer in softmax_layers:
            layer.activation = keras.activations.softmax
        for name in replacements:
            delattr(optimizer, name)


def _has_penalty(layer):
    """Whether there is an L2 penalty. Keras goes by that of the variable, whatever the layer has got since."""
    regularizer = getattr(layer, "kernel_regularizer", None)
    is_l2 = type(regularizer) is keras.regularizers.L2
    return is_l2 and getattr(layer.kernel, "regularizer", None) is regularizer


def _softmax(x):
    output = tf.exp(tf.nn.log_softmax(x))
    output._keras_logits = x  # where Keras's cross-entropies look for the logits, as after its own softmax
    return output


def _unchanged(grads_and_vars):
    return grads_and_vars


def _adam_step(optimizer, gradient, variable, learning_rate):
    if isinstance(gradient, tf.IndexedSlices):
        # Rows of an embedding: Keras squares them one by one, TensorFlow's operation their sum.
        type(optimizer).update_step(optimizer, gradient, variable, learning_rate)
        return
    # Keras's own name for the place of a variable's moments; its public attributes do not tell.
    index = optimizer._get_variable_index(variable)
    step = tf.cast(optimizer.iterations + 1, variable.dtype)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=optimizer._momentums[index].value.handle,
        v=optimizer._velocities[index].value.handle,
        beta1_power=tf.pow(tf.cast(optimizer.beta_1, variable.dtype), step),
        beta2_power=tf.pow(tf.cast(optimizer.beta_2, variable.dtype), step),
        lr=tf.cast(learning_rate, variable.dtype),
        beta1=tf.cast(optimizer.beta_1, variable.dtype),
        beta2=tf.cast(optimizer.beta_2, variable.dtype),
        epsilon=tf.cast(optimizer.epsilon, variable.dtype),
        grad=tf.cast(gradient, variable.dtype),
    )


def _dropout(seed_generator, rate, x, training=False):
    if not training:
        return x
    return tf.nn.experimental.stateless_dropout(x, rate.read_value(), seed_generator.next())
