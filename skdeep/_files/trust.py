"""The types and functions that files may have without being named by who loads them.

All are plain data, or compute with what they are given. A name says for what kind of node it stands: a class that may
be made again with its attributes need not be one that may be called.
"""

from __future__ import annotations

import builtins
import functools
import re
import sys
from math import prod
from typing import Any

import numpy as np
from sklearn import feature_selection, metrics, model_selection
from sklearn.base import BaseEstimator
from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit, RepeatedKFold, RepeatedStratifiedKFold

_ESTIMATORS = (
    "skdeep.classifiers._cnn.CNNClassifier",
    "skdeep.classifiers._dnn.DNNClassifier",
    "skdeep.classifiers._mlp.MLPClassifier",
    "skdeep.classifiers._table.TableClassifier",
    "skdeep.preprocessing._one_hot.OneHot",
    "skdeep.preprocessing._read_images.ReadImages",
    "skdeep.preprocessing._scale.ScaleToUnit",
    "skdeep.preprocessing._scale.ZScore",
    "skdeep.preprocessing._table.TableEncoder",
    "skdeep.preprocessing._shape.Flatten",
    "skdeep.preprocessing._shape.Reshape",
    "skdeep.preprocessing._window.Window",
    "skdeep.regressors._cnn.CNNRegressor",
    "skdeep.regressors._dnn.DNNRegressor",
    "skdeep.regressors._mlp.MLPRegressor",
    "skdeep.regressors._table.TableRegressor",
    "skdeep.wrappers._classifier.KerasClassifier",
    "skdeep.wrappers._regressor.KerasRegressor",
    "skdeep.wrappers._transformer.KerasTransformer",
)
# Of these the attributes are descriptions of Keras objects, which are checked when they are made.
OF_KERAS = ("skdeep._networks.own_models.OwnModelSpecification", "skdeep._files.stand_ins.KerasObject")
_PARTS = (
    "skdeep._data.encoded_targets.EncodedHead",
    "skdeep._data.encoded_targets.EncodedTargets",
    "skdeep._data.heads.Head",
    "skdeep._data.sequence_targets.SequenceHead",
    "skdeep._data.sequence_targets.SequenceTargets",
    "skdeep._data.several_heads.ColumnsOfOutputs",
    "skdeep._data.several_heads.SeveralHeads",
    "skdeep._data.several_targets.SeveralTargets",
    "skdeep._networks.built_in.Architecture",
    "skdeep._networks.built_in.BuiltInSpecification",
    "skdeep._networks.network.Network",
    "skdeep._files.stand_ins.Distribution",
    "skdeep._files.stand_ins.MetadataRequests",
    "skdeep._data.class_targets.LabelTargets",
    "skdeep._data.class_targets.MultilabelTargets",
    "skdeep._data.class_targets.OneHotTargets",
    "skdeep._data.numeric_targets.NumericTargets",
    "skdeep._data.spreads.NormalTargets",
    "skdeep._data.spreads.QuantileTargets",
    *OF_KERAS,
)
# Classes of Keras's kind, which a network that was changed is described by.
_OF_NETWORKS = tuple(
    f"skdeep._keras.stacked_networks.{name}" for name in ("MeanOfNetworks", "NumberEmbedding", "StackedNetworks")
)
# What searches and other meta-estimators of scikit-learn hold.
_OF_SCIKIT_LEARN = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.callback._progressbar.ProgressBar",
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.model_selection._search_successive_halving.HalvingGridSearchCV",
    "sklearn.model_selection._search_successive_halving.HalvingRandomSearchCV",
    "sklearn.multiclass._ConstantPredictor",
    "sklearn.utils._bunch.Bunch",
)
# Their predictions are compiled code that reads where these say, out of bounds if a file says so.
_UNCHECKED = ("sklearn.svm.", "sklearn.cluster.", "sklearn.tree.", "sklearn.ensemble._hist_gradient_boosting.")
CONTAINERS = ("builtins.list", "builtins.set", "builtins.tuple", "builtins.dict")
SCALARS = tuple(
    sorted({f"numpy.{kind.__name__}" for kind in np.sctypeDict.values() if np.dtype(kind).kind in "biufcSUmM"})
)
_PLAIN = ("builtins.int", "builtins.float", "builtins.str", "builtins.bool")
KEYS = (*_PLAIN, *SCALARS)
_MOST_VALUES = 2**27  # of one image; Pillow's limit is less


def is_object(name: str) -> bool:
    """Whether an object of this type may be made with the attributes that a file says."""
    if name in _ESTIMATORS or name in _PARTS or name in _OF_SCIKIT_LEARN or _is_splitter(name):
        return True
    return _is_estimator(name) and not name.startswith(_UNCHECKED)


def is_type(name: str) -> bool:
    """Whether a file may have this type itself."""
    return name in KEYS or name in CONTAINERS or name in _OF_NETWORKS or _is_splitter(name)


def is_function(name: str) -> bool:
    """Whether a file may have this function: a formula of numpy, or a score of scikit-learn's."""
    kind = _found(name)
    if isinstance(kind, np.ufunc):
        return name.startswith(("numpy.", "scipy.special."))
    short = name.rpartition(".")[2]
    modules = [sys.modules.get(f"sklearn.{each}") for each in ("metrics", "feature_selection")]
    return kind is not None and any(
        short in getattr(module, "__all__", ()) and getattr(module, short) is kind and not isinstance(kind, type)
        for module in modules
    )


def is_compiled_loss(name: str) -> bool:
    """Whether this is one of the losses of scikit-learn's linear models."""
    module = name.rpartition(".")[0]
    return module in ("sklearn._loss._loss", "sklearn.linear_model._sgd_fast") and isinstance(_found(name), type)


def is_set_by_class(name: str, attribute: str) -> bool:
    """Whether a class has this attribute itself, other than as the default of a number, text or an empty sequence."""
    default = getattr(_found(name), attribute, ...)
    is_default = (
        default is None or isinstance(default, (bool, int, float, str)) or (isinstance(default, tuple) and not default)
    )
    return default is not ... and not (is_default and not attribute.startswith("_"))


def is_harmless(attribute: str, value: Any) -> bool:
    """Whether an attribute of an estimator does nothing later that nobody expects of a file."""
    return value is None or LOOKED_AT[attribute](value)


def _like(pattern):
    """Return whether a value is no text, or such text; objects and functions are looked at by name."""
    return lambda value: not isinstance(value, str) or re.fullmatch(pattern, value) is not None


def _is_small_shape(value):
    sizes = np.ravel(value).tolist()
    return all(isinstance(size, int) for size in sizes) and abs(prod(sizes)) <= _MOST_VALUES


# Attributes of which the caller has to name those that are something else than this. The first are files that are read
# and written later; then what is looked up in an object, searched for in text and filled in, where a text may take all
# the time or memory there is; how many processes start; and how large an image is.
LOOKED_AT = {
    "memory": lambda value: False,
    "initial_model": lambda value: not isinstance(value, str),
    "input": _like("content"),
    "importance_getter": _like(r"[a-zA-Z]\w*"),
    "token_pattern": _like(re.escape(r"(?u)\b\w\w+\b")),
    "verbose_feature_names_out": _like(r"([^{}]|\{feature_name\}|\{transformer_name\})*"),
    "n_jobs": lambda value: isinstance(value, int) and abs(value) <= 256,
    **dict.fromkeys(("size", "shape", "sample_shape_", "shape_", "image_shape", "image_shape_"), _is_small_shape),
}


def trusted_types() -> list[str]:
    """Return the names for `trusted` of skops and MLflow, so that they load what `skdeep.save` would write.

    Returns
    -------
    names : list of str
        Sorted. Beside skdeep's own types there are those of numpy and scikit-learn that skops does not trust by itself.

    Examples
    --------
    >>> import skops.io
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DNNClassifier, trusted_types
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = DNNClassifier((8,), epochs=2, random_state=0).fit(X, y)
    >>> loaded = skops.io.loads(skops.io.dumps(clf), trusted=trusted_types())
    >>> print((loaded.predict_proba(X) == clf.predict_proba(X)).all())
    True
    """
    public = [
        f"{item.__module__}.{short}"
        for module in (metrics, feature_selection, model_selection)
        for short in module.__all__
        if hasattr(item := vars(module).get(short), "__module__")  # not getattr, which refuses what is experimental
    ]
    others = [name for name in public if is_function(name) or _is_splitter(name)]
    return sorted({"numpy.dtype", *_ESTIMATORS, *_PARTS, *_OF_NETWORKS, *_OF_SCIKIT_LEARN, *others})


@functools.cache
def _is_splitter(name):
    """Whether this is one of scikit-learn's splitters."""
    kinds = (BaseCrossValidator, BaseShuffleSplit, RepeatedKFold, RepeatedStratifiedKFold)
    kind = _found(name) if name.startswith("sklearn.model_selection.") else None
    return isinstance(kind, type) and issubclass(kind, kinds)


def _is_estimator(name):
    """Whether this is an estimator of scikit-learn's."""
    kind = _found(name) if name.startswith("sklearn.") else None
    return isinstance(kind, type) and issubclass(kind, BaseEstimator)


def _found(name):
    """Return what has this full name, if its module is imported: nothing is imported for a file's sake.

    Modules of skdeep import nothing that is not there, and skops has imported those of scikit-learn.
    """
    module, _, short = name.rpartition(".")
    if module.startswith("skdeep.") and name in (*_ESTIMATORS, *_PARTS):
        __import__(module)
    return getattr(sys.modules.get(module), short, None) if module != "builtins" else getattr(builtins, short, None)
