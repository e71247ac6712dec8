"""Networks as files for other libraries: Keras's own format and ONNX.

ONNX networks end with what makes class probabilities of the outputs, both kinds with what brings the predictions of a
regressor to the unit of y, so that they give what the estimator gives. The ONNX network computes in float32, whatever
the dtype policy, and only that last step of regressors in float64. tf2onnx converts the graph of the Keras model
operation by operation; the few of Keras's activations that it does not know are given to it here. What it cannot
convert it only logs, so the result is checked.
"""

import contextlib
import json
import logging
import threading

import numpy as np

from skdeep._common.atomic_files import replaced, writable_path
from skdeep._common.version import __version__
from skdeep._data.numeric_targets import NumericTargets
from skdeep._lazy import keras, lazy_module, tf

_ADVICE = "to_onnx needs onnx and tf2onnx: pip install 'skdeep[onnx]'."
onnx = lazy_module("onnx", advice=_ADVICE)
tf2onnx = lazy_module("tf2onnx", advice=_ADVICE)

# The newest that tf2onnx writes.
_OPSET = 18
# Of a file of protobuf.
_MAX_BYTES = 2**31
# For the level of tf2onnx's logger.
_lock = threading.Lock()


def write_keras(network, live, targets, path):
    """Write a network, whose model is `live`, as Keras does; see `skdeep.DNNClassifier.to_keras`."""
    path = writable_path(path)
    if path.suffix != ".keras":
        raise ValueError(f"path must end in '.keras'. Got {str(path)!r}.")
    network.follow_changes()
    model = live
    if not isinstance(targets, NumericTargets):
        if network.head.is_converted:
            probabilities = network.head.probabilities(live.outputs[0], keras.ops)
            model = keras.Model(live.inputs[0], probabilities, name=live.name)
    elif targets.is_scaled:
        # In float64: where the mean is far larger than the deviation, float32 would round the predictions away. Given
        # arrays, since of lists Keras makes float32 first.
        units = keras.layers.Rescaling(targets.scale, targets.mean, dtype="float64", name="unit")
        model = keras.Model(live.inputs[0], units(live.outputs[0]), name=live.name)
    with replaced(path) as part:
        try:
            model.save(part)
        except TypeError as error:  # of what has no name to be found by
            raise ValueError(
                f"Keras cannot write what is among the parameters of the network: {error} Give it functions of a "
                "module, or classes that Keras can describe."
            ) from error


def write_onnx(network, live, targets, path):
    """Write a network, whose model is `live`, as `skdeep.DNNClassifier.to_onnx` does."""
    checker, convert = onnx.checker, tf2onnx.convert  # first, since they may be missing
    path = writable_path(path)
    network.follow_changes()
    n_bytes = 4 * live.count_params()
    if n_bytes >= _MAX_BYTES:
        raise ValueError(f"The network cannot be written as one ONNX file: its weights have {n_bytes:,} bytes.")
    model = live if network.is_changed else network.specification.in_float32(live)

    def compute(input):
        outputs = model(input, training=False)
        if isinstance(targets, NumericTargets):
            return {"predictions": tf.cast(outputs, tf.float64) * targets.scale + targets.mean}
        return {"probabilities": network.head.probabilities(outputs, keras.ops)}

    signature = [tf.TensorSpec(model.input_shape, tf.float32, name="input")]
    function = tf.function(compute, input_signature=signature, autograph=False)
    try:
        with _quiet(logging.getLogger("tf2onnx")):  # the check tells the same
            converted, _ = convert.from_function(function, signature, opset=_OPSET, custom_op_handlers=_HANDLERS)
        checker.check_model(converted, full_check=True)
    except (checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ValueError(
            f"The network cannot be written as ONNX. Its activations are {_activations(model)}; one may compute what "
            f"ONNX does not have: {error}"
        ) from error
    converted.producer_name, converted.producer_version = "skdeep", __version__
    for value in (*converted.graph.input, *converted.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n_samples"
    if not isinstance(targets, NumericTargets):
        onnx.helper.set_model_props(converted, {"classes": json.dumps(targets.classes.tolist(), default=str)})
    with replaced(path) as part:
        part.write_bytes(converted.SerializeToString())


@contextlib.contextmanager
def _quiet(logger):
    with _lock:
        level = logger.level
        logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            logger.setLevel(level)


def _activations(model):
    activations = [layer.activation for layer in model.layers if hasattr(layer, "activation")]
    return ", ".join(dict.fromkeys(getattr(activation, "__name__", repr(activation)) for activation in activations))


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
_HANDLERS = {"Erfc": (_erfc, []), "Expm1": (_expm1, []), "Log1p": (_log1p, [])}
