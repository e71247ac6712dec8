from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.validation import check_is_fitted

from skdeep._common.atomic_files import replaced, writable_path
from skdeep._common.typing import Data, PathLike
from skdeep._common.version import __version__
from skdeep._engine import onnx_graph
from skdeep.classifiers import CNNClassifier, DNNClassifier, MLPClassifier, TableClassifier
from skdeep.export import _networks, _tables, _transformers
from skdeep.export._graph import operators, skl2onnx, type_helper
from skdeep.preprocessing import Flatten, Reshape, ScaleToUnit, TableEncoder, ZScore
from skdeep.regressors import CNNRegressor, DNNRegressor, MLPRegressor, TableRegressor
from skdeep.wrappers import KerasClassifier, KerasRegressor

# That of the networks, which then need no change.
_OPSETS = {"": 18, "ai.onnx.ml": 3}

_CLASSIFIERS = dict.fromkeys(
    (CNNClassifier, DNNClassifier, MLPClassifier, KerasClassifier), _networks.convert_classifier
)
_CLASSIFIERS[TableClassifier] = _tables.convert_classifier
_REGRESSORS = dict.fromkeys((CNNRegressor, DNNRegressor, MLPRegressor, KerasRegressor), _networks.convert_regressor)
_REGRESSORS[TableRegressor] = _tables.convert_regressor
_TRANSFORMERS = {
    Flatten: (_transformers.reshape_type, _transformers.convert_reshape),
    Reshape: (_transformers.reshape_type, _transformers.convert_reshape),
    ScaleToUnit: (_transformers.scale_to_unit_type, _transformers.convert_scale_to_unit),
    ZScore: (_transformers.z_score_type, _transformers.convert_z_score),
    TableEncoder: (_tables.encoder_type, _tables.convert_encoder),
}


def to_onnx(estimator: Any, X: Data, path: PathLike, *, zipmap: bool = False) -> None:
    """Write a fitted pipeline as one ONNX file, which runs without Python, scikit-learn, TensorFlow and skdeep.

    skl2onnx converts the steps of scikit-learn, and skdeep its own: the networks of one input and one output,
    `Flatten`, `Reshape`, `ScaleToUnit`, `ZScore`, and `TableEncoder` where its categories are strings; a missing string
    is an empty one in ONNX.

    The inputs are those that skl2onnx makes of X: "X" for an array, one of shape (n_samples, 1) for each column of a
    data frame, of the dtypes of X. So are the outputs: "label" and "probabilities" of a classifier, and "variable" of
    shape (n_samples, n_outputs) of a regressor. "variable" is double where the first input of the last step
    is, and else float; networks compute in float32.

    Parameters
    ----------
    estimator : estimator
        A fitted pipeline, or any fitted estimator whose parts can be converted.
    X : ndarray or pandas.DataFrame
        Some rows of the data, in the form in which the file will get them. Only shapes and dtypes count.
    path : str or path-like
        File to write. It is replaced in one step.
    zipmap : bool, default=False
        Whether "probabilities" is a list of dicts from label to probability, which skl2onnx makes if not told
        otherwise, instead of an array of shape (n_samples, n_classes).

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    ImportError
        If skl2onnx, onnx or tf2onnx is not installed.
    ValueError
        If a step cannot be converted; the message names it.
    OSError
        If the file cannot be written.

    See Also
    --------
    register_converters : For calls of skl2onnx itself.
    skdeep.DNNClassifier.to_onnx : Write the network alone.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import onnxruntime
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeep import DNNClassifier, export
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = make_pipeline(
    ...     StandardScaler(), DNNClassifier((8,), epochs=1, random_state=0)
    ... )
    >>> path = os.path.join(tempfile.mkdtemp(), "iris.onnx")
    >>> export.to_onnx(clf.fit(X, y), X, path)
    >>> session = onnxruntime.InferenceSession(path)
    >>> label, probabilities = session.run(None, {"X": X})
    >>> print((label == clf.predict(X)).all())
    True
    >>> print(np.allclose(probabilities, clf.predict_proba(X), atol=1e-5))
    True
    """
    check_is_fitted(estimator)
    onnx_graph.check_installed()
    path = writable_path(path)
    register_converters()
    steps = dict(_leaves(estimator, ""))
    for name, step in steps.items():
        if type(step) not in operators.sklearn_operator_name_map:
            raise ValueError(f"{_named(name, step)} cannot be written as ONNX: skl2onnx has no converter for it.")
    options = {id(steps[name]): {"zipmap": zipmap} for name in list(steps)[-1:] if is_classifier(steps[name])}
    try:
        model = skl2onnx.convert_sklearn(
            estimator,
            name="skdeep",
            initial_types=type_helper.guess_initial_types(X),
            target_opset=_OPSETS,
            options=options,
            custom_conversion_functions={SimpleImputer: _tables.convert_imputer},
        )
    except Exception as error:  # of any kind, as each converter has it
        raise ValueError(f"{_failing(error, steps, estimator)} cannot be written as ONNX: {error}") from error
    model.producer_name, model.producer_version = "skdeep", __version__
    onnx_graph.drop_unused_domains(model)
    with replaced(path) as part:
        part.write_bytes(model.SerializeToString())


def register_converters() -> None:
    """Tell skl2onnx how to convert the estimators of skdeep, for `skl2onnx.to_onnx` and all that calls it.

    `to_onnx` does it, too; to call it again changes nothing.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    Examples
    --------
    >>> import skl2onnx
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import MLPClassifier, export
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier(epochs=1, random_state=0).fit(X, y)
    >>> export.register_converters()
    >>> model = skl2onnx.to_onnx(clf, X, options={"zipmap": False})
    >>> [output.name for output in model.graph.output]
    ['label', 'probabilities']
    """
    options = {"zipmap": [True, False, "columns"], "output_class_labels": [False, True], "nocl": [False]}
    for each, convert in _CLASSIFIERS.items():
        _register(each, _networks.classifier_types, convert, options)
    for each, convert in _REGRESSORS.items():
        _register(each, _networks.regressor_type, convert)
    for each, (types, convert) in _TRANSFORMERS.items():
        _register(each, types, convert)


def _register(kind, types, convert, options=None):
    alias = f"Skdeep{kind.__name__}"
    skl2onnx.update_registered_converter(kind, alias, types, convert, options=options)


def _leaves(estimator: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the name and the estimator of each step, also of those within others; the last one predicts."""
    parts: list[tuple[str, Any]] | None = None
    if isinstance(estimator, Pipeline):
        parts = estimator.steps
    elif isinstance(estimator, FeatureUnion):
        parts = estimator.transformer_list
    elif isinstance(estimator, ColumnTransformer):
        parts = [(each, step) for each, step, _ in estimator.transformers_]
    if parts is None:
        yield name, estimator
        return
    for each, step in parts:
        if step is not None and not isinstance(step, str):  # "passthrough" and "drop"
            yield from _leaves(step, f"{name}__{each}" if name else each)


def _failing(error, steps, estimator):
    """Name the step at which skl2onnx was, which the frames of its functions tell."""
    failing = type(estimator).__name__
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for local in ("model", "operator"):
            at = getattr(frame.f_locals.get(local), "raw_operator", frame.f_locals.get(local))
            failing = next((_named(name, step) for name, step in steps.items() if step is at), failing)
    return failing


def _named(name, step):
    return f"The step {name!r} ({type(step).__name__})" if name else type(step).__name__
