"""From a computation with Keras and TensorFlow to ONNX.

tf2onnx converts the graph of the computation operation by operation; the few of Keras's activations that it does not
know are given to it here. What it cannot convert it only logs, so the result is checked.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from skdeep._lazy import lazy_module, tf

_ADVICE = "to_onnx needs onnx and tf2onnx: pip install 'skdeep[onnx]'."
onnx = lazy_module("onnx", advice=_ADVICE)
tf2onnx = lazy_module("tf2onnx", advice=_ADVICE)

# The newest that tf2onnx writes.
_OPSET = 18
# For the level of tf2onnx's logger.
_lock = threading.Lock()


class NoOnnxError(ValueError):
    """ONNX does not have what is computed."""


def check_installed() -> object:
    """Raise an ImportError if what this needs is not installed."""
    return onnx.checker, tf2onnx.convert


def converted(compute: Callable[[Any], dict[str, Any]], input_shape: tuple[int | None, ...]) -> Any:
    """Return what a function computes, as an ONNX model.

    Parameters
    ----------
    compute : callable
        Takes a float32 tensor, "input", and returns tensors by their names.
    input_shape : tuple of int or None
        Of that tensor; the first axis is that of samples.

    Returns
    -------
    model : onnx.ModelProto

    Raises
    ------
    NoOnnxError
        If ONNX cannot compute that.
    """
    signature = [tf.TensorSpec(input_shape, tf.float32, name="input")]
    function = tf.function(compute, input_signature=signature, autograph=False)
    try:
        with _quiet(logging.getLogger("tf2onnx")):  # the check tells the same
            model, _ = tf2onnx.convert.from_function(function, signature, opset=_OPSET, custom_op_handlers=_HANDLERS)
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise NoOnnxError(str(error)) from error
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n_samples"
    drop_unused_domains(model)
    return model


def drop_unused_domains(model: Any) -> None:
    """Drop from an ONNX model each declared domain that no node uses."""
    used = {each.domain for each in _nodes(model.graph)} | {each.domain for each in model.functions}
    kept = [each for each in model.opset_import if each.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def _nodes(graph):
    """Yield the nodes of a graph and of the graphs in their attributes."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def set_metadata(model: Any, metadata: dict[str, str]) -> None:
    """Set the metadata of an ONNX model, a dict of strings."""
    onnx.helper.set_model_props(model, metadata)


@contextlib.contextmanager
def _quiet(logger):
    with _lock:
        level = logger.level
        logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            logger.setLevel(level)


def _erfc(graph, node, name, args):
    erf = graph.make_node("Erf", node.input)
    _become(graph, node, "Sub", _one(graph), erf)


def _expm1(graph, node, name, args):
    exp = graph.make_node("Exp", node.input)
    _become(graph, node, "Sub", exp, _one(graph))


def _log1p(graph, node, name, args):
    total = graph.make_node("Add", [node.input[0], _one(graph).output[0]])
    _become(graph, node, "Log", total)


def _one(graph):
    return graph.make_const(tf2onnx.utils.make_name("one"), np.array(1, dtype=np.float32))


def _become(graph, node, kind, *inputs):
    node.type = kind
    graph.replace_inputs(node, [each.output[0] for each in inputs])


# Operations of TensorFlow that tf2onnx does not know, for its `custom_op_handlers`.
_HANDLERS: dict[str, tuple[Callable[..., None], list[Any]]] = {
    "Erfc": (_erfc, []),
    "Expm1": (_expm1, []),
    "Log1p": (_log1p, []),
}
