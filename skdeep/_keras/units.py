"""Whether models take and give numbers as they are, so that their units matter."""

from __future__ import annotations

from skdeep._data.objectives import keras_name
from skdeep._lazy import keras

_LOSSES = ("mean_squared_error", "mean_absolute_error", "huber", "log_cosh")
_PASSING = (
    "ActivityRegularization",
    "AlphaDropout",
    "Concatenate",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "Masking",
    "Permute",
    "RepeatVector",
    "Reshape",
)
_WITH_WEIGHTS = (
    "Dense",
    "EinsumDense",
    "Conv1D",
    "Conv2D",
    "SeparableConv1D",
    "SeparableConv2D",
    "RNN",
    "Bidirectional",
)
_SCALING = (
    "BatchNormalization",
    "CategoryEncoding",
    "Discretization",
    "Embedding",
    "GroupNormalization",
    "Hashing",
    "IntegerLookup",
    "LayerNormalization",
    "Normalization",
    "RMSNormalization",
    "Rescaling",
    "StringLookup",
    "UnitNormalization",
)


def takes_numbers_as_they_are(model: keras.Model) -> bool:
    """Whether the input of a model meets weights unchanged, as far as the model tells."""

    def classes(names):
        return tuple(getattr(keras.layers, name) for name in names)

    passing, with_weights, scaling = classes(_PASSING), classes(_WITH_WEIGHTS), classes(_SCALING)

    def meets_weights(layer):
        """Whether it has weights for what comes in; None if that passes through."""
        if isinstance(layer, keras.Model):
            return takes_numbers_as_they_are(layer)
        return None if isinstance(layer, passing) else isinstance(layer, with_weights)

    if isinstance(model, keras.Sequential):
        return bool(next((found for found in map(meets_weights, model.layers) if found is not None), False))
    if not hasattr(model, "operations"):  # the code of a subclass does not tell where its input goes
        return not any(isinstance(layer, scaling) for layer in model._flatten_layers())
    nodes = [(operation, node) for operation in model.operations for node in operation._inbound_nodes]
    pending, seen = list(model.inputs), set()
    while pending:
        tensor = pending.pop()
        for operation, node in nodes:
            if id(node) in seen or not any(each is tensor for each in node.input_tensors):
                continue
            seen.add(id(node))
            found = meets_weights(operation)
            if found:
                return True
            pending += node.output_tensors if found is None else []
    return False


def gives_numbers_as_they_are(model: keras.Model) -> bool:
    """Whether a model learns numbers by their distances, with outputs that nothing transforms."""
    last = model.layers[-1] if model.layers else None
    is_plain = isinstance(last, keras.layers.Dense) and last.activation is keras.activations.linear
    return is_plain and keras_name(model.loss) in _LOSSES
