"""Networks as files for other libraries: Keras's own format and ONNX.

ONNX networks end with what makes class probabilities of the outputs, both kinds with what brings the predictions of a
regressor to the unit of y, so that they give what the estimator gives. The ONNX network computes in float32, whatever
the dtype policy, and only that last step of regressors in float64.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from skdeep._common.atomic_files import replaced, writable_path
from skdeep._common.typing import PathLike
from skdeep._common.version import __version__
from skdeep._data.heads import Head
from skdeep._data.numeric_targets import NumericTargets
from skdeep._data.sequence_targets import SequenceHead
from skdeep._data.spreads import LEAST_DEVIATION, NormalTargets, QuantileTargets, SpreadTargets
from skdeep._engine import onnx_graph
from skdeep._lazy import keras, lazy_module

if TYPE_CHECKING:
    from skdeep._data.class_targets import ClassTargets
    from skdeep._networks.network import Network


stacked_networks = lazy_module("skdeep._keras.stacked_networks")

# Of a file of protobuf.
_MAX_BYTES = 2**31
_OF_ONE_OUTPUT = (Head, SequenceHead)


def write_keras(network: Network, live: keras.Model, targets: ClassTargets | NumericTargets, path: PathLike) -> None:
    """Write a network, whose model is `live`, as Keras does; see `skdeep.DNNClassifier.to_keras`."""
    path = writable_path(path)
    if path.suffix != ".keras":
        raise ValueError(f"path must end in '.keras'. Got {str(path)!r}.")
    network.follow_changes()
    if isinstance(live, stacked_networks.StackedNetworks):
        live = stacked_networks.in_keras_layers(live)
    model = live
    if not isinstance(network.head, _OF_ONE_OUTPUT):
        pass  # several outputs, or those of which a transformer of the user's knows the meaning, as they are
    elif not isinstance(targets, NumericTargets):
        if network.head.is_converted:
            probabilities = network.head.probabilities(live.outputs[0], keras.ops)
            model = keras.Model(live.inputs[0], probabilities, name=live.name)
    elif targets.is_scaled or isinstance(targets, SpreadTargets):

        def in_unit(x, scale, offset):
            # In float64: where the mean is far larger than the deviation, float32 would round the predictions away.
            # Given arrays, since of lists Keras makes float32 first.
            return keras.layers.Rescaling(scale, offset, dtype="float64")(x)

        told = _told(targets, live.outputs[0], in_unit)
        outputs = told if isinstance(targets, SpreadTargets) else told["predictions"]
        model = keras.Model(live.inputs[0], outputs, name=live.name)
    with replaced(path) as part:
        try:
            model.save(part)
        except TypeError as error:  # of what has no name to be found by
            raise ValueError(
                f"Keras cannot write what is among the parameters of the network: {error} Give it functions of a "
                "module, or classes that Keras can describe."
            ) from error


def write_onnx(network: Network, live: keras.Model, targets: ClassTargets | NumericTargets, path: PathLike) -> None:
    """Write a network, whose model is `live`, as `skdeep.DNNClassifier.to_onnx` does."""
    onnx_graph.check_installed()
    path = writable_path(path)
    model = as_onnx(network, live, targets)
    if not isinstance(targets, NumericTargets):
        onnx_graph.set_metadata(model, {"classes": json.dumps(targets.classes.tolist(), default=str)})
    with replaced(path) as part:
        part.write_bytes(model.SerializeToString())


def as_onnx(
    network: Network, live: keras.Model, targets: ClassTargets | NumericTargets, *, with_outputs: bool = False
) -> Any:
    """Return a network, whose model is `live`, as an `onnx.ModelProto`.

    Its output is "probabilities" or "predictions". With `with_outputs` a classifier has "outputs", too, those of the
    last layer, by which `predict` decides.
    """
    onnx_graph.check_installed()
    network.follow_changes()
    if not isinstance(network.head, _OF_ONE_OUTPUT) or len(getattr(live, "inputs", None) or [None]) != 1:
        raise ValueError(
            "to_onnx writes networks with one input and one output. Write others with to_keras, and convert that file."
        )
    n_bytes = 4 * live.count_params()
    if n_bytes >= _MAX_BYTES:
        raise ValueError(f"The network cannot be written as one ONNX file: its weights have {n_bytes:,} bytes.")
    model = live if network.is_changed else network.specification.in_float32(live)

    def compute(input):
        outputs = model(input, training=False)
        if isinstance(targets, NumericTargets):
            return _told(targets, outputs, lambda x, scale, offset: keras.ops.cast(x, "float64") * scale + offset)
        computed = {"probabilities": network.head.probabilities(outputs, keras.ops)}
        if with_outputs:
            computed["outputs"] = keras.ops.cast(outputs, "float32")
        return computed

    try:
        converted = onnx_graph.converted(compute, model.input_shape)
    except onnx_graph.NoOnnxError as error:
        raise ValueError(
            f"The network cannot be written as ONNX. Its activations are {_activations(model)}; one may compute what "
            f"ONNX does not have: {error}"
        ) from error
    converted.producer_name, converted.producer_version = "skdeep", __version__
    return converted


def _told(targets, outputs, in_unit):
    """Return what the outputs of a regressor tell in the unit of y, by name; `in_unit` multiplies and adds."""
    if isinstance(targets, QuantileTargets):
        units = (np.repeat(each, targets.n_values) for each in (targets.scale, targets.mean))
        values = keras.ops.reshape(in_unit(outputs, *units), (-1, targets.n_outputs, targets.n_values))
        values = keras.ops.sort(values, axis=2)
        medians = keras.ops.take(values, targets.learned.index(0.5), axis=2)
        asked = [targets.learned.index(each) for each in targets.quantiles]
        return {"predictions": medians, "quantiles": keras.ops.take(values, asked, axis=2)}
    if isinstance(targets, NormalTargets):
        spreads = keras.ops.softplus(outputs[:, 1::2])
        return {
            "predictions": in_unit(outputs[:, 0::2], targets.scale, targets.mean),
            "standard_deviations": in_unit(spreads, targets.scale, LEAST_DEVIATION * targets.scale),
        }
    shape = outputs.shape[1:]
    return {"predictions": in_unit(outputs, targets.scale.reshape(shape), targets.mean.reshape(shape))}


def _activations(model):
    activations = [layer.activation for layer in model.layers if hasattr(layer, "activation")]
    return ", ".join(dict.fromkeys(getattr(activation, "__name__", repr(activation)) for activation in activations))
