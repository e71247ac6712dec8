"""TensorFlow functions traced from Keras models, and what replaces parts of a model while its training is traced.

The replacements compute what the parts do, and each mends one thing:

- Softmax. TensorFlow's oneDNN kernel takes 50 microseconds or more for any small batch, a large share of a training
  step; the exponential of the log-softmax takes 5 and differs from it by rounding.
- Dropout. Keras writes the rate into the trace as a constant; here the trace reads it from a variable, so that networks
  that differ in their rates alone can use the same trace.
- The optimizer's sum of gradients over replicas. There is one replica, so the sum is the gradient itself, but
  TensorFlow registers a function for each such sum that it traces and never drops it, nor the traced graph that the
  function refers to: about 4 MB for a small network.
- Adam's step. Keras writes it as a dozen operations on each variable; TensorFlow has one for the same formula.

When the trace is made the model is as before: nobody outside sees the replacements, and what is saved is plain Keras.
"""

import contextlib
import functools

from skdeep._tensorflow import keras, tf


def traced(function, signature):
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


def rate_variables(model):
    """Return a variable for the rate of each dropout layer of the model, by the name of the layer."""
    return {
        layer.name: tf.Variable(layer.rate, trainable=False, dtype=layer.compute_dtype)
        for layer in model.layers
        if type(layer) is keras.layers.Dropout
    }


@contextlib.contextmanager
def replaced_parts(model, rates):
    """Replace parts of a model and of its optimizer in the body of the ``with`` statement.

    Parameters
    ----------
    model : keras.Model
        Compiled model whose training is traced.
    rates : dict of str to tf.Variable
        From `rate_variables`: where the trace reads the dropout rates.
    """
    softmax_layers = [
        layer for layer in model.layers if getattr(layer, "activation", None) is keras.activations.softmax
    ]
    dropout_layers = [model.get_layer(name) for name in rates]
    for layer in softmax_layers:
        layer.activation = _softmax
    for layer in dropout_layers:
        layer.call = functools.partial(_dropout, layer.seed_generator, rates[layer.name])
    optimizer = model.optimizer
    # AdamW differs in what it does besides; a subclass of the user's may change any part of the step.
    is_adam = type(optimizer) in (keras.optimizers.Adam, keras.optimizers.AdamW) and not optimizer.amsgrad
    optimizer._all_reduce_sum_gradients = _unchanged
    if is_adam:
        optimizer.update_step = functools.partial(_adam_step, optimizer)
    try:
        yield
    finally:
        for layer in softmax_layers:
            layer.activation = keras.activations.softmax
        for layer in dropout_layers:
            del layer.call
        del optimizer._all_reduce_sum_gradients
        if is_adam:
            del optimizer.update_step


def _softmax(x):
    output = tf.exp(tf.nn.log_softmax(x))
    output._keras_logits = x  # where Keras's cross-entropies look for the logits, as after its own softmax
    return output


def _unchanged(grads_and_vars):
    return grads_and_vars


def _adam_step(optimizer, gradient, variable, learning_rate):
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
