"""Networks as files for other libraries: Keras's own format and ONNX.

The ONNX network computes in float32, whatever the dtype policy. It ends with what makes class probabilities of the
outputs, so that it gives what `predict_proba` gives. tf2onnx converts the graph of the Keras model operation by
operation; what it cannot convert it only logs, so the result is checked. Two of Keras's activations are computed by
operations that ONNX does not have, and are replaced by equal ones.
"""

import json
import logging
import math
import os
from dataclasses import replace

from skdeep._tensorflow import keras, tf
from skdeep.files import replaced

# The newest that tf2onnx writes.
_OPSET = 18


def write_keras(network, path):
    """Write the compiled Keras model of a network; see `skdeep.DNNClassifier.to_keras`."""
    if not os.fspath(path).endswith(".keras"):
        raise ValueError(f"path must end in '.keras'. Got {os.fspath(path)!r}.")
    with replaced(path) as part:
        network.program.model.save(part)


def write_onnx(network, classes, path):
    """Write a network with class probabilities as its output; see `skdeep.DNNClassifier.to_onnx`."""
    try:
        import onnx
        import tf2onnx
    except ImportError as error:
        raise ImportError("to_onnx needs onnx and tf2onnx: pip install 'skdeep[onnx]'.") from error
    from skdeep import __version__

    model = _in_float32(network)

    def probabilities(input):
        return {"probabilities": _probabilities(model(input, training=False), network.head.encoding)}

    signature = [tf.TensorSpec(model.input_shape, tf.float32, name="input")]
    function = tf.function(probabilities, input_signature=signature, autograph=False)
    log = logging.getLogger("tf2onnx")
    level = log.level
    log.setLevel(logging.CRITICAL)  # the check below tells the same
    try:
        converted, _ = tf2onnx.convert.from_function(function, signature, opset=_OPSET)
        onnx.checker.check_model(converted, full_check=True)
    except Exception as error:  # tf2onnx raises many kinds
        raise ValueError(
            "The network cannot be written as ONNX, which may not have what an activation computes. "
            f"Its activations are {_activations(model)}; the error was: {error}"
        ) from error
    finally:
        log.setLevel(level)
    converted.producer_name, converted.producer_version = "skdeep", __version__
    for value in (*converted.graph.input, *converted.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n_samples"
    onnx.helper.set_model_props(converted, {"classes": json.dumps(classes.tolist(), default=str)})
    with replaced(path) as part:
        onnx.save(converted, part)


def _in_float32(network):
    architecture = network.architecture
    parameters = architecture.parameters | {"dtype_policy": "float32"}
    model = replace(architecture, parameters=parameters).build()
    model.set_weights(network.program.model.get_weights())
    for layer in model.layers:
        if getattr(layer, "activation", None) in _EQUAL_ACTIVATIONS:
            layer.activation = _EQUAL_ACTIVATIONS[layer.activation]
    return model


def _probabilities(outputs, encoding):
    """Return what `skdeep.targets.Head.probabilities` returns, as a tensor."""
    if encoding == "indicator":
        return outputs
    if encoding == "column":
        return tf.concat([1 - outputs, outputs], axis=1)
    total = tf.reduce_sum(outputs, axis=1, keepdims=True)
    is_zero = total == 0
    return tf.where(is_zero, tf.ones_like(outputs) / outputs.shape[1], outputs / tf.where(is_zero, 1.0, total))


def _activations(model):
    activations = [layer.activation for layer in model.layers if hasattr(layer, "activation")]
    return ", ".join(dict.fromkeys(getattr(activation, "__name__", repr(activation)) for activation in activations))


def _gelu(x):
    return 0.5 * x * (1 + tf.math.erf(x / math.sqrt(2)))


_EQUAL_ACTIVATIONS = {keras.activations.gelu: _gelu, keras.activations.celu: keras.activations.elu}
