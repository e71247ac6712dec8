"""Converters of `TableEncoder` and the estimators for tables, which have one inside."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdeep.export import _networks
from skdeep.export._graph import Graph, data_types, dtype_of, registration

# Far more than any clip, and its square is finite.
_LARGE = 1e100


def encoder_type(operator: Any) -> None:
    """Set the type of what `TableEncoder` gives."""
    encoder = operator.raw_operator
    kind = data_types.DoubleTensorType if encoder.dtype == "float64" else data_types.FloatTensorType
    operator.outputs[0].type = kind([None, len(encoder.get_feature_names_out())])


def convert_encoder(scope: Any, operator: Any, container: Any) -> None:
    """Convert `TableEncoder`."""
    graph = Graph(scope, container)
    encoded = _encoded(graph, operator.raw_operator, operator.inputs)
    graph.add("Identity", encoded, output=operator.outputs[0].onnx_name)


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Convert `TableClassifier`."""
    graph = Graph(scope, container)
    X = _encoded(graph, operator.raw_operator.preprocessor_, operator.inputs)
    _networks.add_classifier(graph, operator, X)


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Convert `TableRegressor`."""
    graph = Graph(scope, container)
    X = _encoded(graph, operator.raw_operator.preprocessor_, operator.inputs)
    _networks.add_regressor(graph, operator, X)


def convert_imputer(scope: Any, operator: Any, container: Any) -> None:
    """Convert `SimpleImputer` as skl2onnx does, but for double, for which onnxruntime has no node."""
    imputer = operator.raw_operator
    values = imputer.statistics_
    is_known = imputer.missing_values is not None and imputer.missing_values != imputer.missing_values  # NaN
    is_plain = is_known and not imputer.add_indicator and values.dtype.kind == "f" and np.isfinite(values).all()
    if not is_plain or dtype_of(operator.outputs[0]) != np.float64:
        registration.get_converter(operator.type)(scope, operator, container)
        return
    graph = Graph(scope, container)
    X = graph.joined(operator.inputs, np.float64)
    filled = graph.constant(values, np.float64)
    graph.add("Where", graph.add("IsNaN", X), filled, X, output=operator.outputs[0].onnx_name)


def _encoded(graph, encoder, variables):
    """Do what `TableEncoder.transform` does."""
    columns = [column for variable in variables for column in _columns(graph, variable)]
    if len(columns) != encoder.n_features_in_:
        raise ValueError(f"X has {len(columns)} columns, but the table of fit had {encoder.n_features_in_}.")
    parts = []
    numeric = [column for column, is_category in zip(columns, encoder.is_categorical_, strict=True) if not is_category]
    if numeric:
        parts += _numbers(graph, encoder, numeric)
    if encoder.encoder_ is not None:
        chosen = [column for column, is_category in zip(columns, encoder.is_categorical_, strict=True) if is_category]
        rare = getattr(encoder.encoder_, "infrequent_categories_", [None] * len(chosen))
        parts += map(_category, [graph] * len(chosen), chosen, encoder.encoder_.categories_, rare)
    return graph.add("Concat", *(graph.cast(part, encoder.dtype) for part in parts), axis=1)


def _columns(graph, variable):
    """Return names and dtypes of the columns of a variable, each of shape (n_samples, 1)."""
    name, n_columns = variable.onnx_name, variable.type.shape[1]
    if n_columns == 1:
        return [(name, dtype_of(variable))]
    places = [graph.constant([place], np.int64) for place in range(n_columns)]
    return [(graph.add("Gather", name, place, axis=1), dtype_of(variable)) for place in places]


def _numbers(graph, encoder, columns):
    """Return the bent numbers, and where they are missing."""
    if any(dtype.kind == "O" for _, dtype in columns):
        raise ValueError("X has strings in a column that held numbers in fit.")
    columns = [graph.cast(name, np.float64) for name, _ in columns]
    numbers = graph.add("Concat", *columns, axis=1)
    kinds = np.array(encoder._kinds, dtype=object)[~encoder.is_categorical_]
    has_values = np.array([kind is not None for kind in kinds])
    if not has_values.all():  # what comes later in such a column counts as missing
        numbers = graph.add("Where", graph.constant(has_values[np.newaxis]), numbers, graph.constant(np.float64("nan")))
    is_missing = graph.add("IsNaN", numbers)
    deviation = graph.add("Sub", numbers, graph.constant(encoder.mean_, np.float64))
    score = graph.add("Div", deviation, graph.constant(encoder.scale_, np.float64))
    score = graph.add("Where", is_missing, graph.constant(np.float64(0)), score)
    if encoder.clip is not None:
        score = graph.add("Clip", score, graph.constant(np.float64(-_LARGE)), graph.constant(np.float64(_LARGE)))
        ratio = graph.add("Div", score, graph.constant(np.float64(encoder.clip)))
        square = graph.add("Add", graph.add("Mul", ratio, ratio), graph.constant(np.float64(1)))
        score = graph.add("Div", score, graph.add("Sqrt", square))
    places = np.flatnonzero(encoder._has_missing)
    if not len(places):
        return [score]
    return [score, graph.add("Gather", is_missing, graph.constant(places, np.int64), axis=1)]


def _category(graph, column, categories, rare):
    """Return a column that is 1 for each category; the last is that of the rare ones, if there are some."""
    name, dtype = column
    if dtype.kind != "O" or not all(each is None or isinstance(each, str) for each in categories):
        raise ValueError("The table has categories that are no strings, which cannot be written as ONNX.")
    rare = [] if rare is None else list(rare)
    frequent = [each for each in categories if each not in rare]
    n_columns = len(frequent) + bool(rare)
    places = {each: frequent.index(each) if each in frequent else n_columns - 1 for each in categories}
    if None in places:  # ONNX has no missing strings
        places = {"": places.pop(None)} | places
    code = graph.add(
        "LabelEncoder",
        name,
        domain="ai.onnx.ml",
        keys_strings=list(places),
        values_int64s=list(places.values()),
        default_int64=n_columns - 1 if rare else -1,
    )
    return graph.add("Equal", code, graph.constant(np.arange(n_columns)[np.newaxis], np.int64))
