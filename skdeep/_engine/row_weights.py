"""Weights of rows in the form that a loss takes them: with an axis for each that its values have before their mean.

Keras multiplies the values with the weights, (n, n_steps) with (n,) for labels of the steps of a sequence, and NumPy's
rules for that take the weights for those of the steps. (n, 1) weighs the rows.
"""

from __future__ import annotations

from typing import Any

from skdeep._lazy import keras, tf


def axes_of_loss(model: keras.Model, y: Any, outputs: Any) -> int:
    """Return how many axes the values of the loss have before their mean.

    Parameters
    ----------
    model : keras.Model
        Its loss has been called before, since Keras makes it then.
    y, outputs : tensors
        Of some rows. Where they are several, each output has columns, and a loss one value a row.
    """
    compiled = model._compile_loss
    losses = [] if compiled is None else compiled._flat_losses
    if not losses or keras.tree.is_nested(outputs) or len(outputs.shape) < 3:
        return 1
    loss = losses[0][1]
    if type(loss).__call__ is not keras.losses.Loss.__call__:  # of the user's, which has weights as it likes
        return 1
    values = loss.call(keras.ops.cast(y, loss.dtype), keras.ops.cast(outputs, loss.dtype))
    return max(1, len(values.shape))


def with_axes(weight: Any, n_axes: int) -> Any:
    """Return weights of shape (n, 1, ...)."""
    return tf.reshape(weight, [-1] + [1] * (n_axes - 1)) if n_axes > 1 else weight
