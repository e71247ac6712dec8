"""What the last layer of a model of the user's makes of its outputs: whether they are probabilities.

The graph of the model tells where the last layers are Keras's. Otherwise the operation with which TensorFlow ends does.
"""

from __future__ import annotations

from skdeep._data.objectives import snake_name
from skdeep._data.structure import Keys, packed
from skdeep._engine.tracing import traced
from skdeep._keras.ports import input_dtypes
from skdeep._lazy import keras, tf

# By what activations of Keras are called; those of the first kind make rows that sum to 1.
_MAKES = {
    "softmax": "softmax",
    "sparsemax": "softmax",
    "sigmoid": "sigmoid",
    "hard_sigmoid": "sigmoid",
    "sparse_sigmoid": "sigmoid",
}
# Layers that pass values as they are in predictions, at most in another shape.
_PASSING = ("Identity", "Dropout", "Flatten", "Reshape", "Permute", "ActivityRegularization", "Masking")
# Of TensorFlow, for layers of the user's.
_PASSING_OPERATIONS = ("Identity", "Reshape", "Squeeze", "Cast", "ExpandDims", "StridedSlice")
_OPERATIONS = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
_OTHER_OPERATIONS = (
    "BiasAdd",
    "MatMul",
    "Add",
    "AddV2",
    "Tanh",
    "Relu",
    "Relu6",
    "Elu",
    "Selu",
    "LeakyRelu",
    "Softplus",
)


def activation_of(model: keras.Model, row_shape: tuple[int, ...] | None = None) -> str:
    """Return what makes the outputs of a model.

    Parameters
    ----------
    model : keras.Model
        Built.
    row_shape : tuple of int, default=None
        Shape of one row. Without it only the graph of the model tells.

    Returns
    -------
    activation : {"softmax", "sigmoid", "other", "unknown"}
        "other" where the outputs may be any numbers.
    """
    (activation,) = activations_of(model, None if row_shape is None else (row_shape,))
    return activation


def activations_of(
    model: keras.Model, row_shapes: tuple[tuple[int, ...], ...] | None = None, keys: Keys = None
) -> tuple[str, ...]:
    """Return what makes each output of a model, in the order of `keras.tree.flatten`.

    Parameters
    ----------
    model : keras.Model
        Built.
    row_shapes : tuple of tuple of int, default=None
        Shapes of one row of each input. Without it only the graph of the model tells.
    keys : tuple, default=None
        How several inputs are given to it, see `skdeep._data.structure.Structure`.
    """
    outputs = getattr(model, "outputs", None)
    found = tuple(_of_tensor(tensor) for tensor in outputs) if outputs else ("unknown",)
    if "unknown" not in found or row_shapes is None:
        return found
    traced_ones = _of_trace(model, row_shapes, keys)
    return tuple(
        other if each == "unknown" else each
        for each, other in zip(found if len(found) == len(traced_ones) else traced_ones, traced_ones, strict=True)
    )


def _of_tensor(tensor):
    """Return it for a symbolic tensor of Keras."""
    operation, node_index, tensor_index = tensor._keras_history
    if isinstance(operation, (keras.Sequential, keras.Model)) and getattr(operation, "outputs", None):
        return _of_tensor(operation.outputs[tensor_index])
    if not type(operation).__module__.startswith("keras."):
        return "unknown"
    sources = operation._inbound_nodes[node_index].input_tensors
    if type(operation) in (keras.layers.Average, keras.layers.Concatenate):
        found = {_of_tensor(source) for source in sources}
        # Side by side, rows of several softmax layers sum to more than 1.
        found = found if type(operation) is keras.layers.Average else {_beside_others(each) for each in found}
        return found.pop() if len(found) == 1 else "unknown"
    if isinstance(operation, tuple(getattr(keras.layers, name) for name in _PASSING)):
        return _of_tensor(sources[0])
    if isinstance(operation, keras.layers.Lambda):
        return "unknown"
    activation = getattr(operation, "activation", None)
    if activation is None:  # an operation or a layer that is an activation, such as Softmax
        return _MAKES.get(snake_name(operation), "other")
    if not str(getattr(activation, "__module__", "")).startswith("keras."):
        return "unknown"
    if activation is keras.activations.linear and type(operation) is keras.layers.Activation:
        return _of_tensor(sources[0])
    return _MAKES.get(getattr(activation, "__name__", snake_name(activation)), "other")  # a layer has no __name__


def _beside_others(activation):
    return "sigmoid" if activation == "softmax" else activation


def _of_trace(model, row_shapes, keys):
    """Return it by the operations with which a traced call of the model ends."""
    dtypes = input_dtypes(model, keys)
    signature = [tf.TensorSpec([None, *shape], dtype) for shape, dtype in zip(row_shapes, dtypes, strict=True)]

    def call(*arrays):
        return keras.tree.flatten(model(packed(keys, arrays), training=False))

    return tuple(_of_operation(tensor.op) for tensor in traced(call, signature).outputs)


def _of_operation(operation):
    while operation.type in _PASSING_OPERATIONS:
        operation = operation.inputs[0].op
    if operation.type in _OPERATIONS:
        return _OPERATIONS[operation.type]
    return "other" if operation.type in _OTHER_OPERATIONS else "unknown"
