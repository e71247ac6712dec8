"""Converters of the transformers for skl2onnx."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdeep.export._graph import Graph, data_types, dtype_of, float_type


def reshape_type(operator: Any) -> None:
    """Set the type of what `Reshape` and `Flatten` give."""
    (variable,) = operator.inputs
    operator.outputs[0].type = type(variable.type)([None, *operator.raw_operator.shape_])


def convert_reshape(scope: Any, operator: Any, container: Any) -> None:
    """Convert `Reshape` and `Flatten`."""
    name, output = operator.inputs[0].onnx_name, operator.outputs[0].onnx_name
    Graph(scope, container).reshape(name, operator.raw_operator.shape_, output)


def scale_to_unit_type(operator: Any) -> None:
    """Set the type of what `ScaleToUnit` gives."""
    operator.outputs[0].type = data_types.FloatTensorType([None, *operator.raw_operator.sample_shape_])


def convert_scale_to_unit(scope: Any, operator: Any, container: Any) -> None:
    """Convert `ScaleToUnit`."""
    graph = Graph(scope, container)
    is_wide = any(dtype_of(each).itemsize > 4 for each in operator.inputs)
    work_dtype = np.float64 if is_wide else np.float32
    divisor = graph.constant(operator.raw_operator.max_value_, work_dtype)
    quotient = graph.add("Div", graph.joined(operator.inputs, work_dtype), divisor)
    graph.cast(quotient, np.float32, operator.outputs[0].onnx_name)


def z_score_type(operator: Any) -> None:
    """Set the type of what `ZScore` gives."""
    operator.outputs[0].type = float_type(operator.inputs[0], [None, *operator.raw_operator.sample_shape_])


def convert_z_score(scope: Any, operator: Any, container: Any) -> None:
    """Convert `ZScore`."""
    graph = Graph(scope, container)
    dtypes = [dtype_of(each) for each in operator.inputs]
    is_wide = any(each == np.float64 or (each.kind in "iu" and each.itemsize > 2) for each in dtypes)
    work_dtype = np.float64 if is_wide else np.float32
    mean = graph.constant(operator.raw_operator.mean_, work_dtype)
    scale = graph.constant(operator.raw_operator.scale_, work_dtype)
    score = graph.add("Div", graph.add("Sub", graph.joined(operator.inputs, work_dtype), mean), scale)
    graph.cast(score, dtype_of(operator.outputs[0]), operator.outputs[0].onnx_name)
