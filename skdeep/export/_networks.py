"""Converters of the classifiers and regressors for skl2onnx: the graph of a network goes into that of the pipeline."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from skdeep._data.class_targets import LabelTargets, MultilabelTargets, OneHotTargets
from skdeep._data.numeric_targets import NumericTargets
from skdeep._data.spreads import SpreadTargets
from skdeep.export._graph import Graph, data_types, dtype_of, float_type


def classifier_types(operator: Any) -> None:
    """Set the types of labels and probabilities."""
    targets = _checked_targets(operator.raw_operator, (LabelTargets, OneHotTargets, MultilabelTargets))
    label, probabilities = operator.outputs
    shape = [None] if isinstance(targets, LabelTargets) else [None, targets.n_outputs]
    is_text = _labels(operator.raw_operator).dtype.kind == "O"
    label.type = (data_types.StringTensorType if is_text else data_types.Int64TensorType)(shape)
    # As the network gives them; lists of dicts take no double.
    probabilities.type = data_types.FloatTensorType([None, targets.n_outputs])


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Convert a classifier."""
    graph = Graph(scope, container)
    add_classifier(graph, operator, graph.joined(operator.inputs, np.float32))


def add_classifier(graph: Graph, operator: Any, X: str) -> None:
    """Add the network of a classifier behind X, and labels as `predict` gives them."""
    estimator = operator.raw_operator
    outputs = _outputs_of(graph, estimator, X)
    label, probabilities = operator.outputs
    graph.add("Identity", outputs["probabilities"], output=probabilities.onnx_name)
    codes = _decide(graph, estimator._network.head, outputs["outputs"])
    if isinstance(estimator._targets, MultilabelTargets):
        graph.cast(codes, np.int64, label.onnx_name)
        return
    # One-hot rows are those of the identity.
    is_label = isinstance(estimator._targets, LabelTargets)
    rows = _labels(estimator) if is_label else np.eye(estimator._targets.n_outputs, dtype=np.int64)
    graph.add("Gather", graph.constant(rows), codes, output=label.onnx_name, axis=0)


def _decide(graph, head, outputs):
    """Do what `skdeep._data.heads.Head.decide` does."""
    if head.encoding not in ("indicator", "column"):
        return graph.add("ArgMax", outputs, axis=1, keepdims=0)
    is_above = graph.add("Greater", outputs, graph.constant(head.cut, np.float32))
    if head.encoding == "indicator":
        return is_above
    return graph.cast(graph.reshape(is_above, ()), np.int64)


def regressor_type(operator: Any) -> None:
    """Set the type of the predictions."""
    targets = _checked_targets(operator.raw_operator, (NumericTargets,))
    shape = (targets.n_outputs,) if targets.row_shape is None else targets.row_shape
    operator.outputs[0].type = float_type(operator.inputs[0], [None, *shape])


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Convert a regressor."""
    graph = Graph(scope, container)
    add_regressor(graph, operator, graph.joined(operator.inputs, np.float32))


def add_regressor(graph: Graph, operator: Any, X: str) -> None:
    """Add the network of a regressor behind X, and predictions in the unit of y as columns."""
    (output,) = operator.outputs
    predictions = graph.cast(_outputs_of(graph, operator.raw_operator, X)["predictions"], dtype_of(output))
    graph.reshape(predictions, tuple(output.type.shape[1:]), output.onnx_name)


def _outputs_of(graph, estimator, X):
    """Put the network into the graph and return the names of its outputs."""
    model, shape = estimator._as_onnx()
    X = graph.cast(X, np.float32)
    if None not in shape:  # images come without the axis of a single channel, too
        X = graph.reshape(X, shape)
    return graph.embedded(model, X)


def _checked_targets(estimator, kinds):
    targets = estimator._targets
    if not isinstance(targets, kinds) or isinstance(targets, SpreadTargets):
        raise ValueError(
            f"{type(estimator).__name__} cannot be written as ONNX with others: that takes one y of labels, rows of 0 "
            "and 1, or numbers, and no quantiles, standard deviations, sequences or target_encoder."
        )
    return targets


def _labels(estimator):
    """Return the labels as ONNX has them: int64, or strings as objects."""
    labels = estimator._targets.classes
    if labels.dtype.kind in "US" or all(isinstance(each, str) for each in labels):
        return np.array([str(each) for each in labels], dtype=object)
    if labels.dtype.kind in "biu" or all(math.floor(each) == each for each in labels):
        return labels.astype(np.int64)
    raise ValueError(f"ONNX has whole numbers and strings as labels. Got {labels.tolist()!r}.")
