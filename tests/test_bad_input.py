"""Bad input of every kind: the error names the culprit, and costs a fitted estimator nothing.

Where scikit-learn itself checks, as for arrays of a wrong shape or dtype, the words are scikit-learn's.
"""

import contextlib
import copy
import datetime
import pathlib
import re

import keras
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import tensorflow as tf
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.utils._param_validation import InvalidParameterError

from skdeep import (
    CNNClassifier,
    DNNClassifier,
    Flatten,
    MLPClassifier,
    OneHot,
    ReadImages,
    Reshape,
    ScaleToUnit,
    ZScore,
)

X, Y = (part[::5] for part in load_iris(return_X_y=True))  # 30 rows, 4 features, 3 classes
IMAGES = X.reshape(30, 2, 2)
N = len(Y)
NAMES = ["a", "b", "c", "d"]
NAN, INF = float("nan"), float("inf")
PARAMS = {"hidden_layer_sizes": (4, 3), "epochs": 1, "random_state": 0}
CLASSIFIERS = {
    "mlp": MLPClassifier(**PARAMS),
    "dnn": DNNClassifier(**PARAMS),
    "cnn": CNNClassifier((2,), **PARAMS),
}
DENSE = ["mlp", "dnn"]
METHODS = ["fit", "partial_fit", "X_val", "predict"]


# Two columns of numbers, one of text and one of categories.
MIXED = pd.DataFrame({"a": X[:, 0], "city": ["x", "y"] * 15, "c": X[:, 2], "kind": pd.Categorical(["u", "v"] * 15)})


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, number):
        return X[:10], Y[:10]


@pytest.fixture(scope="module")
def fitted():
    """Return a function that gives a fitted classifier whose network no failed fit may change."""
    estimators = {}

    def get(kind, data=X):
        key = kind, type(data), np.shape(data)
        if key not in estimators:
            estimators[key] = clone(CLASSIFIERS[kind]).fit(data, Y)
        return copy.copy(estimators[key])

    return get


@contextlib.contextmanager
def refused(estimator, error, *said, data=X, apply="predict_proba"):
    """Expect an error of this very type whose message matches all of `said`, and nothing else changed."""
    before, state = getattr(estimator, apply)(data), dict(vars(estimator))
    with pytest.raises(error, check=lambda e: type(e) is error) as caught:
        yield
    for pattern in said:
        assert re.search(pattern, str(caught.value), re.DOTALL), f"{pattern!r} is not in: {caught.value}"
    assert vars(estimator).keys() == state.keys()
    assert all(vars(estimator)[name] is value for name, value in state.items())
    np.testing.assert_array_equal(getattr(estimator, apply)(data), before)


def call(clf, method, X_bad, y=Y):
    """Hand X_bad over to `method`; "X_val" is `fit` with good training data."""
    if method == "X_val":
        return clf.fit(X, y, X_val=X_bad, y_val=y)
    return clf.predict(X_bad) if method == "predict" else getattr(clf, method)(X_bad, y)


def with_value(array, value, dtype):
    array = array.astype(dtype)
    array[(3,) if array.ndim == 1 else (3, 1)] = value
    return array


def ids(values):
    return [re.sub(r" at 0x\w+|[^ -~]", "", repr(value))[:40] for value in values]


class NotOfKeras:
    pass


class NoName:
    def __repr__(self):
        return "NoName()"


# ---------------------------------------------------------------------------------------------------------------------
# Parameters
# ---------------------------------------------------------------------------------------------------------------------

# What is allowed, and values that are of another type or out of range.
_INT = r"an int in the range \[1, inf\)"
_BOOL = "an instance of 'bool'"
CHECKED_BY_SCIKIT_LEARN = {
    "hidden_layer_sizes": ("'int' or an array-like", ["100", None, 10.5, b"8", NoName()]),
    "activation": ("'str', a callable or an array-like", [None, 3, b"relu", True, NoName()]),
    "dropout": ("'float' or an array-like", ["0.1", None, 1j, NoName()]),
    "output_activation": ("'softmax'", ["relu", "Softmax", "", None, 3, True, ["softmax"], np.array(["softmax", "a"])]),
    "learning_rate": (
        r"a float in the range \(0.0, inf\), a callable, a str among {.*'cosine'.*} or None",
        [0, -1, NAN, INF, -INF, "fast", [0.1], 1j, {"a": 1}],
    ),
    "epochs": (rf"{_INT} or a str among {{'auto'}}", [0, -1, 1.5, 2.0, NAN, INF, "many", None, [3]]),
    "alpha": (r"a float in the range \[0.0, inf\)", [-1, -1e-9, NAN, INF, None, "small", [1]]),
    "batch_normalization": (_BOOL, [None, "yes", 1, 0, [True]]),
    "batch_size": (rf"{_INT} or a str among {{'auto'}}", [0, -1, 1.5, 32.0, NAN, INF, "all", None, [3]]),
    "shuffle": (_BOOL, [None, "yes", 1, 0, [True]]),
    "validation_fraction": (r"\(0.0, 1.0\) or None", [0, 1, 1.0, -0.1, 1.5, 5, NAN, INF, "0.1", [0.1]]),
    "validation_rows": ("'last'", ["first", "Last", "", None, 3, True, ["last"]]),
    "early_stopping": (_BOOL, [None, "yes", 2, [True]]),
    "monitor": ("an instance of 'str'", [None, 3, ["loss"], keras.metrics.Accuracy]),
    "n_iter_no_change": (_INT, [0, -1, 1.5, INF, NAN, None, "ten"]),
    "tol": (r"a float in the range \[0.0, inf\)", [-1, -1e-9, NAN, INF, None, "small", [1]]),
    "class_weight": ("'dict', a str among {'balanced'} or None", ["even", "", [1, 2, 3], 3, True, np.ones(3)]),
    "warm_start": (_BOOL, [None, "yes", 2]),
    "dtype_policy": ("'mixed_bfloat16'", ["float16", "mixed_float16", "bfloat16", "", np.float32, None, 32]),
    "random_state": ("RandomState", ["0", -1, 2**32, 1.5, NAN, [1], np.random.default_rng(0)]),
    "verbose": (r"an int in the range \[0, inf\)", [-1, "yes", None, 1.5, NAN]),
    "conv_filters": ("'int' or an array-like", ["32", None, 1.5, NAN, NoName()]),
    "kernel_size": (rf"{_INT} or an array-like", [0, -1, 1.5, NAN, "3", None]),
    "conv_activation": ("'str' or a callable", [None, 3, ("relu", "relu"), True, NoName()]),
    "padding": ("'valid'", ["full", "causal", "Same", None, 3, ["same"]]),
    "pool_size": (rf"{_INT} or an array-like", [0, -1, 1.5, NAN, "2", None]),
    "residual": (_BOOL, [None, "yes", 2, [True]]),
    "global_pooling": ("'average'", ["mean", "", 3, True, ["max"]]),
    "augment": ("'dict', an array-like, a callable or None", [3, 1.5, NAN, True, NoName()]),
    "image_shape": ("an array-like or None", ["2x2", 4, NAN, True, NoName()]),
}
ONLY_CNN = [
    "conv_filters",
    "kernel_size",
    "conv_activation",
    "padding",
    "pool_size",
    "residual",
    "global_pooling",
    "augment",
    "image_shape",
]


def parameter_cases(table):
    for name, (allowed, values) in table.items():
        for value, shown in zip(values, ids(values), strict=True):
            for kind in ["cnn"] if name in ONLY_CNN else CLASSIFIERS:
                yield pytest.param(kind, name, value, allowed, id=f"{kind}-{name}={shown}")


@pytest.mark.slow_after(8)
@pytest.mark.parametrize("kind, name, value, allowed", list(parameter_cases(CHECKED_BY_SCIKIT_LEARN)))
def test_a_parameter_of_another_type_or_range(kind, name, value, allowed, fitted):
    clf = fitted(kind).set_params(**{name: value})
    said = f"^The '{name}' parameter of {type(clf).__name__} must be .*{allowed}"
    with refused(clf, InvalidParameterError, said, re.escape(f"Got {value!r} instead.")):
        clf.fit(X, Y)
    with refused(clf, InvalidParameterError, said):
        clf.partial_fit(X, Y)


_SIZES = "must be a positive int or a sequence of them, one for each hidden layer"
_SHARE = r"must be a share in \[0, 1\), or one for each hidden layer"
_EACH = "must be one value or a sequence of 2, one for each hidden layer"
_BLOCKS = "must be a sequence of blocks, each a positive int or a non-empty sequence of positive ints"
_PAIR = r"must be a positive int, or two of them \(height, width\)"
_SHAPE = r"must be \(height, width\) or \(height, width, channels\), positive ints"
_WEIGHTS = "must hold finite weights of at least 0, not all 0"
_METRICS = "must be one Keras metric or a list of them, by name, class or object"
_LOSS = "must be 'auto', or a Keras loss as a name, class, function or object"
_OPTIMIZER = "must be the name, a class or an instance of a Keras optimizer"
_INITIALIZER = "must be the name, a class or an instance of a Keras initializer"
_CALLBACKS = "must be Keras callbacks, their classes or names"
_UNKNOWN_CLASS = r"has weights for .*, but the classes in y are \[0, 1, 2\]"
CHECKED_WHERE_USED = {
    "hidden_layer_sizes": (
        (ValueError, _SIZES),
        [0, -3, True, (0,), (10, -1), (10.5, 3), (True, 3), ((10,), 3), (None,), (NAN,), ("8",), np.ones((2, 2), int)],
    ),
    "dropout": (
        (ValueError, _SHARE),
        [-0.1, 1, 1.5, NAN, INF, True, (0.1, NAN), (0.1, 1), (0.1, True), (0.1, None), (0.1, "a"), ((0.1,), (0.2,))],
    ),
    "dropout ": ((ValueError, _EACH), [(), (0.1,), (0.1, 0.2, 0.3), [[0.1, 0.2]], np.zeros((3, 2))]),
    "activation": ((ValueError, _EACH), [(), ["relu"], ["relu"] * 3, ["rellu"] * 3]),
    "class_weight": ((ValueError, _WEIGHTS), [{0: -1}, {0: NAN}, {0: INF}, {0: None}, {0: 0, 1: 0, 2: 0.0}]),
    "class_weight ": ((ValueError, _UNKNOWN_CLASS), [{"a": 1}, {5: 1.0}, {"0": 2}, {(1,): 1}, {0: 1, 3: 1}]),
    "optimizer": (
        (TypeError, _OPTIMIZER),
        [None, 3, True, b"adam", ["adam"], {"a": 1}, dict, NotOfKeras, NoName(), keras.losses.MeanSquaredError],
    ),
    "loss": ((TypeError, _LOSS), [None, 3, True, b"mse", ["mse"], {"a": "mse"}, NoName()]),
    "metrics": ((TypeError, _METRICS), [3, True, b"acc", {"a": "acc"}, {"acc"}, NoName()]),
    "kernel_initializer": (
        (TypeError, _INITIALIZER),
        [None, 3, True, b"zeros", ["zeros"], dict, NoName(), keras.optimizers.Adam, np.zeros((4, 4))],
    ),
    "bias_initializer": ((TypeError, _INITIALIZER), [None, 3, ["zeros", "zeros"], NotOfKeras]),
    "callbacks": (
        (TypeError, _CALLBACKS),
        [3, True, dict, {"a": 1}, NotOfKeras, NoName(), keras.optimizers.Adam, [None]],
    ),
    "conv_filters": (
        (ValueError, _BLOCKS),
        [0, -1, True, (0,), ((),), (32, (0,)), (1.5,), (True,), ("8",), [None], (((8,),),), {"a": 1}],
    ),
    "kernel_size": ((ValueError, _PAIR), [True, (), (3, 3, 3), (3, 0), (3, 1.5), ("3", "3"), (True, 3), [[3, 3]]]),
    "pool_size": ((ValueError, _PAIR), [True, (), (2, 2, 2), (2, 0), (2, -1), (2, 1.5), ("2", "2"), [[2, 2]]]),
    "image_shape": (
        (ValueError, _SHAPE),
        [(), (4,), (2, 2, 1, 1), (2, 2.0), (0, 4), (-2, -2), (1, 4, 0), ("2", "2"), (2, None), [[2, 2]]],
    ),
}


@pytest.mark.slow_after(5)
@pytest.mark.parametrize("kind, name, value, expected", list(parameter_cases(CHECKED_WHERE_USED)))
def test_a_parameter_with_a_form_of_its_own(kind, name, value, expected, fitted):
    (error, allowed), name = expected, name.strip()
    clf = fitted(kind).set_params(**{name: value})
    with refused(clf, error, rf"^{name} {allowed}", "" if "but the classes" in allowed else re.escape(repr(value))):
        clf.fit(X, Y)


OTHER_PARAMETERS = [
    # a name that Keras does not know, alone and in a list: it is quoted
    ({"activation": "rellu"}, ValueError, "^activation='rellu' is not an activation that Keras knows"),
    ({"activation": ""}, ValueError, "^activation='' is not an activation"),
    ({"activation": ["relu", "rellu"]}, ValueError, "^activation='rellu' is not an activation"),
    ({"activation": ["relu", 3]}, TypeError, "^activation must be a Keras activation by name, .* Got 3"),
    ({"optimizer": "adamm"}, ValueError, "^optimizer='adamm' is not an optimizer that Keras knows"),
    ({"optimizer": ""}, ValueError, "^optimizer='' is not an optimizer"),
    ({"loss": "cross"}, ValueError, "^loss='cross' is not a loss that Keras knows"),
    ({"loss": ""}, ValueError, "^loss='' is not a loss"),
    ({"metrics": "accurate"}, ValueError, "^metrics='accurate' is not a metric that Keras knows"),
    ({"metrics": ["accuracy", "accurate"]}, ValueError, "^metrics='accurate' is not a metric"),
    ({"metrics": ["accuracy", 3]}, TypeError, f"^metrics {_METRICS}. Got 3"),
    ({"metrics": [None]}, TypeError, f"^metrics {_METRICS}. Got None"),
    ({"metrics": [["accuracy"]]}, TypeError, rf"^metrics {_METRICS}. Got \['accuracy'\]"),
    ({"kernel_initializer": "he"}, ValueError, "^kernel_initializer='he' is not an initializer that Keras knows"),
    ({"kernel_initializer": "Initializer"}, ValueError, "^kernel_initializer='Initializer' is not an initializer"),
    ({"bias_initializer": "zero_s"}, ValueError, "^bias_initializer='zero_s' is not an initializer"),
    # right by itself, but not with the rest
    ({"bias_initializer": "orthogonal"}, ValueError, "^bias_initializer does not fit the layer .* the shape"),
    ({"monitor": "", "early_stopping": True}, ValueError, r"^monitor='' is not among .*\['loss', 'accuracy'\]"),
    ({"monitor": "val_auc", "early_stopping": True}, ValueError, "^monitor='val_auc' is not among .*'val_loss'"),
    ({"monitor": "Loss", "early_stopping": True}, ValueError, "^monitor='Loss' is not among .*'loss'"),
    ({"monitor": "val_accuracy", "early_stopping": True, "metrics": []}, ValueError, "^monitor='val_accuracy'"),
    ({"validation_fraction": 0.99}, ValueError, "^validation_fraction=0.99 of 30 rows leaves no row to train on"),
    ({"callbacks__patience": 3}, ValueError, "^callbacks__patience was given, but callbacks is None"),
    ({"optimizer__momentumm": 3}, ValueError, "^optimizer__momentumm is not a parameter of Adam, which takes"),
    ({"optimizer__": 3}, ValueError, "^optimizer__ is not a parameter of Adam, which takes"),
    ({"loss__": 3}, ValueError, "^loss__ is not a parameter of"),
    ({"metrics__1__name": "a"}, ValueError, "^metrics__1__name needs metrics to be"),
]


@pytest.mark.slow_after(5)
@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("params, error, said", OTHER_PARAMETERS, ids=ids(case[0] for case in OTHER_PARAMETERS))
def test_a_parameter_that_fits_nothing(kind, params, error, said, fitted):
    clf = fitted(kind).set_params(**params)
    with refused(clf, error, said):
        clf.fit(X, Y)


def fails(*_):
    raise RuntimeError("a bug of the user's")


# Objects that Keras would have to be asked about, or that break only when it calls them.
OBJECTS = [
    ({"hidden_layer_sizes": np.array(8)}, ValueError, f"hidden_layer_sizes {_SIZES}"),
    ({"activation": keras.layers.Dense}, TypeError, "^activation must be"),
    ({"activation": dict}, TypeError, "^activation must be"),
    ({"activation": lambda: 1}, TypeError, "^activation must be a Keras activation by name, or a function"),
    ({"optimizer": keras.optimizers.Optimizer}, TypeError, "^optimizer "),
    ({"optimizer": "optimizer"}, ValueError, "^optimizer='optimizer' is not an optimizer"),
    ({"learning_rate": keras.optimizers.schedules.ExponentialDecay}, TypeError, "learning_rate"),
    ({"loss": np.array([1, 2])}, TypeError, f"^loss {_LOSS}"),
    ({"loss": NotOfKeras}, TypeError, f"^loss {_LOSS}"),
    ({"loss": keras.optimizers.Adam}, TypeError, f"^loss {_LOSS}"),
    ({"loss": lambda: 1}, TypeError, f"^loss {_LOSS}"),
    ({"loss": keras.metrics.Accuracy()}, TypeError, f"^loss {_LOSS}"),
    ({"metrics": np.array(["accuracy", "precision"])}, TypeError, f"^metrics {_METRICS}"),
    ({"metrics": NotOfKeras}, TypeError, f"^metrics {_METRICS}"),
    ({"metrics": keras.optimizers.Adam}, TypeError, f"^metrics {_METRICS}"),
    ({"metrics": lambda: 1}, TypeError, f"^metrics {_METRICS}"),
    ({"kernel_initializer": keras.initializers.Initializer}, TypeError, f"^kernel_initializer {_INITIALIZER}"),
    ({"class_weight": {0: "2"}}, ValueError, f"^class_weight {_WEIGHTS}"),
    ({"class_weight": {0: [1]}}, ValueError, f"^class_weight {_WEIGHTS}"),
    ({"class_weight": {0: 1j}}, ValueError, f"^class_weight {_WEIGHTS}"),
    ({"callbacks": keras.callbacks.ModelCheckpoint}, TypeError, "callbacks.*filepath"),
]


@pytest.mark.slow_after(9)
@pytest.mark.parametrize("params, error, said", OBJECTS, ids=ids(case[0] for case in OBJECTS))
def test_an_object_that_keras_cannot_use(params, error, said, fitted):
    clf = fitted("dnn").set_params(**params)
    with refused(clf, error, said):
        clf.fit(X, Y)


@pytest.mark.parametrize("value", [dict, keras.layers.Dense], ids=str)
def test_a_conv_activation_that_keras_cannot_use(value, fitted):
    clf = fitted("cnn").set_params(conv_activation=value)
    with refused(clf, TypeError, "^conv_activation must be a Keras activation by name, or a function"):
        clf.fit(X, Y)


@pytest.mark.parametrize(
    "params, said",
    [
        ({"padding": "valid"}, r"kernel_size=\(3, 3\) is larger than the 1 x 4 image .* convolution 1 of block 1"),
        ({"padding": "valid", "image_shape": (2, 2)}, r"kernel_size=\(3, 3\) is larger than the 2 x 2 image"),
        ({"image_shape": (2, 3)}, r"image_shape=\(2, 3\) does not fit X, whose rows have shape \(4,\)"),
        ({"image_shape": (2, 2, 2)}, r"image_shape=\(2, 2, 2\) does not fit X, whose rows have shape \(4,\)"),
        ({"conv_activation": "rellu"}, "conv_activation='rellu' is not an activation that Keras knows"),
        ({"conv_activation": ""}, "conv_activation='' is not an activation"),
    ],
    ids=str,
)
def test_a_parameter_of_the_cnn_that_fits_nothing(params, said, fitted):
    clf = fitted("cnn").set_params(**params)
    with refused(clf, ValueError, said):
        clf.fit(X, Y)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_an_error_of_the_users_own_code_is_not_hidden(kind, fitted):
    clf = fitted(kind).set_params(callbacks=keras.callbacks.LambdaCallback(on_epoch_end=fails))
    with refused(clf, RuntimeError, "a bug of the user's"):
        clf.fit(X, Y)


# ---------------------------------------------------------------------------------------------------------------------
# X
# ---------------------------------------------------------------------------------------------------------------------

ANY_X = {
    "nan": (with_value(X, NAN, "f8"), ValueError, "Input X contains NaN"),
    "nan in float32": (with_value(X, NAN, "f4"), ValueError, "Input X contains NaN"),
    "infinity": (with_value(X, INF, "f8"), ValueError, "Input X contains infinity"),
    "minus infinity": (with_value(X, -INF, "f8"), ValueError, "Input X contains infinity"),
    "infinity in float16": (with_value(X, INF, "f2"), ValueError, "Input X contains infinity .*float16"),
    "nan in a sparse matrix": (scipy.sparse.csr_array(with_value(X, NAN, "f8")), ValueError, "Input X contains NaN"),
    "nan in a list": (with_value(X, NAN, "f8").tolist(), ValueError, "Input X contains NaN"),
    "too large": (with_value(X, -1e39, "f8"), ValueError, "Input X contains a value too large for float32.* scale X"),
    "too large and sparse": (
        scipy.sparse.coo_array(with_value(X, 1e39, "f8")),
        ValueError,
        "Input X contains a value too large for float32.* scale X",
    ),
    "missing in a frame": (pd.DataFrame(X).astype("Float64").mask(X > 6), ValueError, "Input X contains NaN"),
    "None": (with_value(X, None, object), ValueError, "Input X contains NaN"),
    "pd.NA": (with_value(X, pd.NA, object), TypeError, "argument must be a string or a real number, not 'NAType'"),
    "strings": (np.full(X.shape, "much"), ValueError, "dtype='numeric' is not compatible with arrays of bytes/strings"),
    "digits": (X.astype(str), ValueError, "dtype='numeric' is not compatible with arrays of bytes/strings"),
    "bytes": (X.astype("S"), ValueError, "dtype='numeric' is not compatible with arrays of bytes/strings"),
    "words": (np.full(X.shape, "much", object), ValueError, "could not convert string to float: 'much'"),
    "categories": (pd.DataFrame({i: pd.Categorical(["u", "v"] * 15) for i in range(4)}), ValueError, "to float: '"),
    "dicts": (np.full(X.shape, {}, object), TypeError, "argument must be a string or a real number, not 'dict'"),
    "date objects": (np.full(X.shape, datetime.date(2020, 1, 1), object), TypeError, "not 'datetime.date'"),
    "complex": (X + 1j, ValueError, "Complex data not supported"),
    "dates": (X.astype("i8").astype("M8[D]"), ValueError, r"X.*datetime64"),
    "times": (X.astype("i8").astype("m8[s]"), ValueError, r"X.*timedelta64"),
    "dates in a frame": (pd.DataFrame(X.astype("i8").astype("M8[s]")), ValueError, r"X.*datetime64"),
    "a scalar": (3.0, ValueError, "Expected 2D array, got scalar array instead"),
    "a string": ("abc", TypeError, "X is of type str. Give the data themselves"),
    "bytes of a file": (b"abc", TypeError, "X is of type bytes. Give the data themselves"),
    "a path": (pathlib.Path("data.csv"), TypeError, "X is of type PosixPath. Give the data themselves"),
    "a dict of arrays": ({"a": X, "b": X}, TypeError, "X is of type dict, but networks have one input"),
    "a Bunch": (load_iris(), TypeError, r"X is of type Bunch. Give the array in it, X\['data'\]"),
    "a tuple of arrays": ((X, X), TypeError, r"X is a tuple of 2 arrays, of the shapes \(30, 4\), \(30, 4\)"),
    "a tuple of X and y": ((X, Y), TypeError, r"X is a tuple of 2 arrays, of the shapes \(30, 4\), \(30,\)"),
    "a list of images of several sizes": ([X[:4], X[:3]] * 15, ValueError, r"several shapes, \(4, 4\), \(3, 4\)"),
    "a list of dicts": ([{"a": 1.0}] * N, TypeError, "X is a list of dicts. Give a data frame"),
    "a set": ({1, 2}, TypeError, "X is of type set, from which no rows"),
    "an iterator": (map(list, X), TypeError, "X is of type map, from which no rows"),
    "tf.data": (tf.data.Dataset.from_tensor_slices((X, Y)).batch(10), TypeError, "_BatchDataset, from which no rows"),
    "PyDataset": (Batches(), TypeError, "X is of type Batches, from which no rows"),
    "LazyFrame": (pl.DataFrame(X).lazy(), TypeError, r"LazyFrame, which holds no rows yet. Give X.collect\(\)"),
    "text": (
        np.full(N, "a film"),
        ValueError,
        r"X holds text. Make numbers of it in front, with .* TfidfVectorizer\(\)",
    ),
    "text in a list": (["a film"] * N, ValueError, "X holds text. Make numbers of it in front"),
    "text in a series": (pd.Series(["a film"] * N), ValueError, "X holds text. Make numbers of it in front"),
    "text in bytes": (np.full(N, b"a film"), ValueError, "X holds text. Make numbers of it in front"),
    "text in an array": (
        MIXED.to_numpy(object),
        ValueError,
        "holds text in columns 1, 3.*TableEncoder.*convert string",
    ),
    "one row without its axis": (X[0], ValueError, "Expected 2D array, got 1D array instead"),
    "an empty list": ([], ValueError, "Expected 2D array, got 1D array instead"),
    "a series": (pd.Series(X[:, 0]), ValueError, "Expected a 2-dimensional container but got .*Series"),
    "ragged": ([[1, 2, 3, 4], [1]] * 15, ValueError, "inhomogeneous shape"),
    "a generator": ((row for row in X), TypeError, "X is of type generator, from which no rows"),
    "no rows": (X[:0], ValueError, r"Found array with 0 sample\(s\) \(shape=\(0, 4\)\) while a minimum of 1"),
    "no columns": (X[:, :0], ValueError, r"Found array with 0 feature\(s\) \(shape=\(30, 0\)\) while a minimum of 1"),
    "images without pixels": (np.zeros((N, 4, 0)), ValueError, r"X.*\(30, 4, 0\)"),
    "images without channels": (np.zeros((N, 2, 2, 0)), ValueError, r"X.*\(30, 2, 2, 0\)"),
    "names of mixed types": (
        pd.DataFrame(X, columns=["a", 1, "b", 2]),
        TypeError,
        "Feature names are only supported if all input features have string names",
    ),
}


@pytest.mark.slow_after(8)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("case", ANY_X)
def test_any_bad_X(case, kind, method, fitted):
    X_bad, error, said = ANY_X[case]
    clf = fitted(kind)
    with refused(clf, error, said, *(["X_val"] if method == "X_val" else [])):
        call(clf, method, X_bad)


FRAMES = {
    "text in a frame": (
        MIXED,
        ValueError,
        "columns that hold no numbers: 'city', 'kind'.*TableEncoder.*convert string",
    ),
    "pandas strings": (MIXED.astype({"city": "string"}), ValueError, "hold no numbers: 'city', 'kind'.*TableEncoder"),
    "text in polars": (
        pl.DataFrame(MIXED.to_dict("list")),
        ValueError,
        "hold no numbers: 'city', 'kind'.*TableEncoder",
    ),
    "dates among numbers": (
        pd.DataFrame(X, columns=NAMES).assign(b=pd.date_range("2020", periods=N)),
        ValueError,
        "X has columns that hold no numbers: 'b'",
    ),
}


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("case", FRAMES)
def test_frames_with_columns_that_hold_no_numbers(case, kind, fitted):
    frame, error, said = FRAMES[case]
    with refused(fitted(kind), error, said):
        fitted(kind).fit(frame, Y)
    good = pd.DataFrame(X, columns=list(frame.columns))
    named = clone(CLASSIFIERS[kind]).fit(good, Y)
    with pytest.raises(error, match=said):
        named.predict(frame)
    with pytest.raises(error, match=said):
        named.partial_fit(frame, Y)
    with pytest.raises(error, match=said):
        named.fit(good, Y, X_val=frame, y_val=Y)


def test_missing_numbers_beside_text_are_not_named():
    frame = MIXED.assign(a=pd.array([1, None] * 15, "Int64"))
    with pytest.raises(ValueError, match="hold no numbers: 'city', 'kind'"):
        DNNClassifier(**PARAMS).fit(frame, Y)


@pytest.mark.parametrize("method", ["fit", "partial_fit", "X_val"])
def test_an_array_for_each_of_several_inputs(method, fitted):
    clf = fitted("dnn")
    with refused(clf, ValueError, "X is a list of 2 arrays of 30 rows each, but networks have one input"):
        call(clf, method, [X, X])
    with refused(clf, ValueError, "X is a list of 2 arrays of 30 rows each, but networks have one input"):
        call(clf, method, [X, X[:, :2]])


def test_lists_of_images_of_one_shape_are_images(fitted):
    images = CNNClassifier((2,), **PARAMS).fit(IMAGES, Y).predict_proba(IMAGES)
    listed = CNNClassifier((2,), **PARAMS).fit(list(IMAGES), Y).predict_proba(list(IMAGES))
    np.testing.assert_array_equal(images, listed)
    np.testing.assert_array_equal(fitted("dnn").predict(list(X)), fitted("dnn").predict(tuple(X)))


@pytest.mark.slow_after(10)
@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "X_val"])
@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array, pd.DataFrame, np.ndarray.tolist])
def test_X_and_y_of_different_lengths(convert, method, kind, fitted):
    clf = fitted(kind)
    with refused(clf, ValueError, r"inconsistent numbers of samples: \[29, 30\]", method if method == "X_val" else ""):
        call(clf, method, convert(X[:29]))


@pytest.mark.slow_after(19)
@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("method", ["partial_fit", "X_val", "predict", "predict_proba", "decision_function"])
@pytest.mark.parametrize("width", [1, 3, 5])
def test_another_number_of_features_than_in_fit(width, method, kind, fitted):
    clf, X_bad = fitted(kind), np.zeros((N, width))
    said = f"X has {width} features, but {type(clf).__name__} is expecting 4 features"
    with refused(clf, ValueError, said, method if method == "X_val" else ""):
        getattr(clf, method)(X_bad) if method.startswith(("predict", "dec")) else call(clf, method, X_bad)


@pytest.mark.slow_after(10)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", DENSE)
@pytest.mark.parametrize("shape", [(30, 2, 2), (30, 4, 1), (30, 2, 2, 1), (30, 1, 1, 4, 1)], ids=str)
def test_dense_networks_given_images(shape, kind, method, fitted):
    clf = fitted(kind)
    said = rf"takes tables of shape \(n_samples, n_features\), but X has shape {re.escape(str(shape))}.*Flatten"
    with refused(clf, ValueError, type(clf).__name__, said):
        call(clf, method, X.reshape(shape))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(30, 1, 2, 2, 1), (30, 1, 1, 1, 2, 2)], ids=str)
def test_cnn_given_too_many_axes(shape, method, fitted):
    clf = fitted("cnn")
    said = rf"CNNClassifier takes images of shape \(n, height, width\) .*but X has shape {re.escape(str(shape))}"
    with refused(clf, ValueError, said):
        call(clf, method, X.reshape(shape))


@pytest.mark.slow_after(5)
@pytest.mark.parametrize("method", ["partial_fit", "X_val", "predict"])
@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (4, 1), (1, 4), (1, 1), (2, 2, 2), (2, 2, 3), (4, 4, 1)], ids=str)
def test_images_of_another_size_than_in_fit(shape, method, fitted):
    clf, X_bad = fitted("cnn", IMAGES), np.zeros((N, *shape))
    said = rf"X has images of shape {re.escape(str(shape))}, but in fit they had shape \(2, 2, 1\)"
    with refused(clf, ValueError, said, method if method == "X_val" else "", data=IMAGES):
        if method == "X_val":
            clf.fit(IMAGES, Y, X_val=X_bad, y_val=Y)
        else:
            call(clf, method, X_bad)


@pytest.mark.parametrize("width", [3, 5])
def test_flat_rows_that_are_no_image_of_the_size_in_fit(width, fitted):
    clf = fitted("cnn", IMAGES)
    with refused(clf, ValueError, rf"X has .*{width}.* \(2, 2, 1\), 4 values", data=IMAGES):
        clf.predict(np.zeros((3, width)))


@pytest.mark.slow_after(3)
@pytest.mark.parametrize("method", ["partial_fit", "X_val", "predict"])
@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize(
    "columns, said",
    [
        (["d", "c", "b", "a"], "Feature names must be in the same order as they were in fit"),
        (["a", "b", "c", "e"], "Feature names unseen at fit time:\n- e\nFeature names seen at .* now missing:\n- d"),
        (["a", "b", "c"], "Feature names seen at fit time, yet now missing:\n- d"),
        (["a", "b", "c", "d", "e"], "Feature names unseen at fit time:\n- e"),
    ],
    ids=["reordered", "renamed", "missing", "additional"],
)
def test_other_feature_names_than_in_fit(columns, said, kind, method, fitted):
    frame = pd.DataFrame(X, columns=NAMES)
    clf = fitted(kind, frame)
    other = pd.DataFrame(np.zeros((N, len(columns))), columns=columns)
    with refused(clf, ValueError, said, method if method == "X_val" else "", data=frame):
        if method == "X_val":
            clf.fit(frame, Y, X_val=other, y_val=Y)
        else:
            call(clf, method, other)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_table_without_names_is_warned_about_where_fit_had_names(kind, fitted):
    frame = pd.DataFrame(X, columns=NAMES)
    clf = fitted(kind, frame)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        predicted = clf.predict(X)
    np.testing.assert_array_equal(predicted, clf.predict(frame))


# ---------------------------------------------------------------------------------------------------------------------
# y
# ---------------------------------------------------------------------------------------------------------------------

_LETTERS = ["u", "v", "w"] * 10
_MISSING = "NaN|NA|NaT|None|missing"
MISSING_LABELS = {
    "nan": with_value(Y, NAN, float),
    "nan among objects": with_value(Y, NAN, object),
    "None": with_value(Y, None, object),
    "pd.NA": with_value(Y, pd.NA, object),
    "nan among strings": with_value(np.array(_LETTERS), NAN, object),
    "None among strings": with_value(np.array(_LETTERS), None, object),
    "pd.NA among strings": with_value(np.array(_LETTERS), pd.NA, object),
    "NaT": with_value(Y, np.datetime64("NaT"), "M8[D]"),
    "series of Int64": pd.Series(with_value(Y, None, object), dtype="Int64"),
    "series of boolean": pd.Series(with_value(Y > 0, None, object), dtype="boolean"),
    "series of string": pd.Series(with_value(np.array(_LETTERS), None, object), dtype="string"),
    "series of category": pd.Series(pd.Categorical(with_value(np.array(_LETTERS), None, object))),
    "one-hot rows": with_value(np.eye(3)[Y], NAN, float),
    "one-hot objects": with_value(np.eye(3, dtype=int)[Y], None, object),
}


@pytest.mark.slow_after(19)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "y_val"])
@pytest.mark.parametrize("case", MISSING_LABELS)
def test_missing_labels(case, method, fitted):
    clf, y_bad = fitted("dnn"), MISSING_LABELS[case]
    name = "y_val" if method == "y_val" else "y"
    with refused(clf, ValueError, rf"\b{name}\b", _MISSING):
        if method == "y_val":
            clf.fit(X, Y, X_val=X, y_val=y_bad)
        else:
            getattr(clf, method)(X, y_bad)


_NOT_SUPPORTED = r"of shape \(30, 2\) is not supported: labels of shape \(n_samples,\)"
BAD_Y = {
    "infinity": (with_value(Y, INF, float), ValueError, "Input y contains infinity"),
    "continuous": (np.linspace(0, 1, N), ValueError, "Unknown label type: continuous"),
    "continuous float32": (np.linspace(0, 1, N, dtype="f4"), ValueError, "Unknown label type: continuous"),
    "complex": (Y + 1j, ValueError, "Complex data not supported"),
    "bytes": (np.array(_LETTERS, "S"), TypeError, "labels represented as bytes is not supported"),
    "one class": (np.zeros(N, int), ValueError, "at least two classes, but y has only one class: 0"),
    "one class of strings": (["u"] * N, ValueError, "at least two classes, but y has only one class: 'u'"),
    "none": (None, ValueError, "requires y to be passed, but the target y is None"),
    "shorter": (Y[:-1], ValueError, r"inconsistent numbers of samples: \[30, 29\]"),
    "longer": ([*Y, 0], ValueError, r"inconsistent numbers of samples: \[30, 31\]"),
    "empty": ([], ValueError, r"Found array with 0 sample\(s\)"),
    "ragged": ([[1], [1, 2]] * 15, ValueError, "inhomogeneous shape"),
    "mixed types": (np.array([1, "u", 2] * 10, object), ValueError, "y must hold labels of one type"),
    "strings and bools": (np.array([True, "u", False] * 10, object), ValueError, "y must hold labels of one type"),
    "two columns of ints": (np.column_stack([Y, Y]), ValueError, _NOT_SUPPORTED),
    "two columns of shares": (np.column_stack([Y, Y]) / 7, ValueError, _NOT_SUPPORTED),
    "two columns of strings": (np.full((N, 2), "u"), ValueError, _NOT_SUPPORTED),
    "two columns of -1 and 1": (np.column_stack([Y > 0, Y > 1]) * 2 - 1, ValueError, _NOT_SUPPORTED),
    "frame of two types": (pd.DataFrame({"a": Y, "b": _LETTERS}), ValueError, _NOT_SUPPORTED),
    "three axes": (np.zeros((N, 2, 2)), ValueError, "Found array with dim 3"),
    "no columns": (np.zeros((N, 0)), ValueError, r"0 feature\(s\) \(shape=\(30, 0\)\)"),
    "sparse ints": (scipy.sparse.csr_array(np.column_stack([Y, Y])), ValueError, _NOT_SUPPORTED),
}


@pytest.mark.slow_after(37)
@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("case", BAD_Y)
def test_bad_y(case, kind, fitted):
    y_bad, error, said = BAD_Y[case]
    clf = fitted(kind)
    with refused(clf, error, said):
        clf.fit(X, y_bad)


LATER_Y = {
    "unseen": (with_value(Y, 7, int), ValueError, r"{} contains labels that were not seen in fit: \[7\]"),
    "all unseen": (_LETTERS, ValueError, r"{} contains labels that were not seen in fit: \['u', 'v', 'w'\]"),
    "digits": (Y.astype(str), ValueError, r"{} contains labels that were not seen in fit: \['0', '1', '2'\]"),
    "continuous": (Y + 0.5, ValueError, r"{} contains labels that were not seen in fit: \[0.5, 1.5, 2.5\]"),
    "bytes": (np.array(_LETTERS, "S"), ValueError, "{} contains labels that were not seen in fit: "),
    "mixed types": (np.array([1, "u", 2] * 10, object), ValueError, "{} must hold labels of one type"),
    "one-hot": (np.eye(3)[Y], ValueError, r"{} has shape \(30, 3\), but labels of shape \(n_samples,\) were given"),
    "shorter": (Y[:-1], ValueError, r"{}.*inconsistent numbers of samples: \[30, 29\]"),
    "two columns": (np.column_stack([Y, Y]), ValueError, "{}.* " + _NOT_SUPPORTED),
}


@pytest.mark.slow_after(8)
@pytest.mark.parametrize("method", ["partial_fit", "y_val"])
@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("case", LATER_Y)
def test_y_that_does_not_fit_the_earlier_one(case, kind, method, fitted):
    y_bad, error, said = LATER_Y[case]
    clf = fitted(kind)
    if method == "y_val":
        with refused(clf, error, said.format("y_val")):
            clf.fit(X, Y, X_val=X, y_val=y_bad)
    else:
        with refused(clf, error, said.removeprefix("{}.*").strip().format("y")):
            clf.partial_fit(X, y_bad)


@pytest.mark.parametrize("method", ["partial_fit", "y_val"])
def test_the_message_stays_short_whatever_the_number_of_unseen_labels(method, fitted):
    clf, X_more, unseen = fitted("dnn"), np.tile(X, (200, 1)), np.arange(6000) + 3
    with refused(clf, ValueError, "contains labels that were not seen in fit", r"^.{1,500}$"):
        if method == "y_val":
            clf.fit(X, Y, X_val=X_more, y_val=unseen)
        else:
            clf.partial_fit(X_more, unseen)


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("given, missing", [("X_val", "y_val"), ("y_val", "X_val")])
def test_half_of_the_validation_data(given, missing, kind, fitted):
    clf = fitted(kind)
    with refused(clf, ValueError, f"^{given} was given without {missing}"):
        clf.fit(X, Y, **{given: {"X_val": X, "y_val": Y}[given]})


BAD_CLASSES = {
    "missing": (None, ValueError, "classes must be passed on the first call to partial_fit"),
    "too few": ([0, 1], ValueError, r"y contains labels that were not seen in fit: \[2\]"),
    "one": ([0], ValueError, "at least two classes, but classes has only one: 0|classes.* only one class"),
    "none": ([], ValueError, "classes"),
    "a scalar": (3, ValueError, "classes"),
    "two axes": ([[0, 1, 2], [0, 1, 2]], ValueError, "classes"),
    "nan": ([0, 1, NAN], ValueError, r"classes.*(NaN|missing)"),
    "None": ([0, 1, None], ValueError, "classes"),
    "None among strings": (np.array(["u", "v", None], object), ValueError, "classes"),
    "continuous": ([0.5, 1.5, 2.5], ValueError, "classes|Unknown label type: continuous"),
    "sparse": (scipy.sparse.csr_array([[0, 1, 2]]), ValueError, "classes"),
}


@pytest.mark.parametrize("case", BAD_CLASSES)
def test_bad_classes_in_the_first_call_of_partial_fit(case):
    classes, error, said = BAD_CLASSES[case]
    clf = clone(CLASSIFIERS["dnn"])
    with pytest.raises(error, match=said, check=lambda e: type(e) is error):
        clf.partial_fit(X, Y, classes=classes)
    assert vars(clf) == vars(clone(clf))


@pytest.mark.parametrize(
    "classes", [[0, 1], [0, 1, 2, 3], ["0", "1", "2"], [], 3, [[0, 1], [1, 2]], [0, 1, NAN], [0, "1", None]], ids=str
)
def test_other_classes_in_a_later_call_of_partial_fit(classes, fitted):
    clf = fitted("dnn")
    with refused(clf, ValueError, r"^classes=.*not the same as on the last call .*\[0, 1, 2\]"):
        clf.partial_fit(X, Y, classes=classes)


# ---------------------------------------------------------------------------------------------------------------------
# sample_weight
# ---------------------------------------------------------------------------------------------------------------------

ONES = np.ones(N)
BAD_WEIGHTS = {
    "negative": (with_value(ONES, -1, float), ValueError, "Negative values in data passed to `sample_weight`"),
    "nan": (with_value(ONES, NAN, float), ValueError, "Input sample_weight contains NaN"),
    "infinite": (with_value(ONES, INF, float), ValueError, "Input sample_weight contains infinity"),
    "None": (with_value(ONES, None, object), ValueError, "Input sample_weight contains NaN"),
    "missing in a series": (pd.Series([None, *ONES[1:]], dtype="Float64"), ValueError, "Input sample_weight .* NaN"),
    "all zero": (ONES * 0, ValueError, "Sample weights must contain at least one non-zero number"),
    "shorter": (ONES[1:], ValueError, r"sample_weight.shape == \(29,\), expected \(30,\)"),
    "longer": (np.ones(31), ValueError, r"sample_weight.shape == \(31,\), expected \(30,\)"),
    "a column": (ONES[:, np.newaxis], ValueError, "Sample weights must be 1D array or scalar, got 2D array"),
    "two columns": (np.ones((N, 2)), ValueError, "Sample weights must be 1D array or scalar, got 2D array"),
    "sparse": (scipy.sparse.csr_array(ONES), TypeError, "Sparse data was passed for sample_weight"),
    "strings": (_LETTERS, ValueError, "sample_weight"),
    "a string": ("balanced", ValueError, "sample_weight"),
    "complex": (ONES + 1j, ValueError, "Complex data not supported"),
    "scalar 0": (0, ValueError, "Sample weights must contain at least one non-zero number"),
    "scalar -1": (-1, ValueError, "Negative values in data passed to `sample_weight`"),
    "scalar nan": (NAN, ValueError, "sample_weight.*NaN"),
    "scalar infinity": (INF, ValueError, "sample_weight.*inf"),
}


@pytest.mark.slow_after(19)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_bad_sample_weight(case, kind, method, fitted):
    weight, error, said = BAD_WEIGHTS[case]
    clf = copy.deepcopy(fitted(kind)) if method == "partial_fit" else fitted(kind)
    with refused(clf, error, said):
        getattr(clf, method)(X, Y, sample_weight=weight)


def test_weights_that_leave_one_class(fitted):
    clf = fitted("dnn")
    with refused(clf, ValueError, "at least two classes, but y has only one class: 1"):
        clf.fit(X, Y, sample_weight=(Y == 1).astype(float))


def test_weights_in_partial_fit_that_the_network_cannot_hold(fitted):
    clf = copy.deepcopy(fitted("dnn"))
    with refused(clf, ValueError, "sample_weight.*too large for float32"):
        clf.partial_fit(X, Y, sample_weight=with_value(ONES, 1e39, float))


@pytest.mark.parametrize("scale", [1e-300, 1e30, 1e300, 1e308])
def test_only_the_proportions_of_weights_matter_in_fit(scale):
    weight = np.linspace(0.5, 1, N)
    expected, clf = (
        clone(CLASSIFIERS["dnn"]).set_params(epochs=3).fit(X, Y, sample_weight=weight * factor) for factor in (1, scale)
    )
    np.testing.assert_allclose(clf.predict_proba(X), expected.predict_proba(X), rtol=1e-4)


# ---------------------------------------------------------------------------------------------------------------------
# What is odd but valid
# ---------------------------------------------------------------------------------------------------------------------


def assert_probable(clf, data, n_classes):
    probabilities = clf.predict_proba(data)
    assert probabilities.shape == (len(data), n_classes)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=0, atol=1e-12)
    assert np.isin(clf.predict(data), clf.classes_).all()


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize(
    "rows",
    [[0, 10, 20], [0, 20], [20, 0, 0], list(range(30)) * 7],
    ids=["one row a class", "two rows", "two classes", "many"],
)
def test_few_rows(rows, kind):
    clf = clone(CLASSIFIERS[kind]).set_params(class_weight="balanced").fit(X[rows], Y[rows])
    assert_probable(clf, X, len(set(Y[rows])))


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_class_a_row(kind):
    with pytest.warns(UserWarning, match="number of unique classes is greater than 50%"):
        clf = clone(CLASSIFIERS[kind]).fit(X, np.arange(N))
    assert_probable(clf, X, N)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_more_classes_than_rows(kind):
    assert_probable(clone(CLASSIFIERS[kind]).partial_fit(X[:5], Y[:5], classes=np.arange(40)), X, 40)
    one_hot = clone(CLASSIFIERS[kind]).fit(X[:5], np.eye(40)[Y[:5]])
    assert one_hot.predict_proba(X).shape == one_hot.predict(X).shape == (N, 40)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("row", [0, 29])
def test_a_single_row(row, kind, fitted):
    clf = copy.deepcopy(fitted(kind))
    tolerance = 0 if kind in DENSE else 1e-5  # TensorFlow rounds by the size of a batch, on processors without AVX-512
    np.testing.assert_allclose(clf.predict_proba(X[[row]]), clf.predict_proba(X)[[row]], rtol=tolerance)
    np.testing.assert_array_equal(clf.predict(X[[row]].tolist()), clf.predict(X)[[row]])
    assert clf.partial_fit(X[[row]], Y[[row]]).n_iter_ == 2
    clf.fit(X, Y, X_val=X[[row]], y_val=Y[[row]])
    assert clf.history_["val_accuracy"][-1] in (0, 1)


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("value", [0, 1, -1e30, 1e-30, 3e38])
def test_constant_X(value, kind):
    data = np.full((N, 4), float(value))
    clf = clone(CLASSIFIERS[kind])
    if abs(value) > 1e20:  # then training may diverge and predictions overflow, but never without a word
        with contextlib.suppress(UserWarning, RuntimeWarning):
            assert_probable(clf.fit(data, Y), data, 3)
    elif value == 1e-30 and kind in DENSE:
        with pytest.warns(UserWarning, match="All values of X are tiny"):
            assert_probable(clf.fit(data, Y), data, 3)
    else:
        assert_probable(clf.fit(data, Y), data, 3)


@pytest.mark.slow_after(12)
@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("batch_size", [1, 29, 30, 31, 10**9, 2**63, np.int64(7)], ids=str)
def test_any_batch_size(batch_size, kind):
    assert_probable(clone(CLASSIFIERS[kind]).set_params(batch_size=batch_size).fit(X, Y), X, 3)


def test_a_batch_size_of_more_than_all_rows_is_that_of_all_rows():
    whole, more = (clone(CLASSIFIERS["dnn"]).set_params(batch_size=size).fit(X, Y) for size in (30, 10**12))
    np.testing.assert_array_equal(whole.predict_proba(X), more.predict_proba(X))


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("value", [0, 1])
def test_multilabel_targets_that_are_all_the_same(value, kind):
    clf = clone(CLASSIFIERS[kind]).fit(X, np.full((N, 3), value))
    probabilities = clf.predict_proba(X)
    assert probabilities.shape == (N, 3)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_an_image_of_one_pixel():
    clf = clone(CLASSIFIERS["cnn"]).fit(X[:, :1, np.newaxis], Y)
    assert clf.image_shape_ == (1, 1, 1)
    assert_probable(clf, X[:, :1, np.newaxis], 3)


def test_numbers_in_object_arrays_are_numbers(fitted):
    clf = fitted("dnn")
    for given in (X.astype(object), pd.DataFrame(X).astype(object)):
        np.testing.assert_array_equal(clf.predict_proba(given), clf.predict_proba(X))


# ---------------------------------------------------------------------------------------------------------------------
# The transformers
# ---------------------------------------------------------------------------------------------------------------------

TRANSFORMERS = [Flatten(), Reshape((2, 2)), ScaleToUnit(), ZScore()]
BAD_FOR_TRANSFORMERS = {
    name: case
    for name, case in ANY_X.items()
    if name in ("strings", "words", "dicts", "complex", "a scalar", "one row without its axis", "ragged", "no rows")
    or name in ("no columns", "names of mixed types", "a series", "categories")
}


@pytest.mark.parametrize("method", ["fit", "transform"])
@pytest.mark.parametrize("case", BAD_FOR_TRANSFORMERS)
@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=str)
def test_transformers_given_a_bad_X(transformer, case, method):
    X_bad, error, said = BAD_FOR_TRANSFORMERS[case]
    transformer = clone(transformer).fit(X)
    with refused(transformer, error, said, apply="transform"):
        getattr(transformer, method)(X_bad)


@pytest.mark.parametrize("method", ["fit", "transform"])
@pytest.mark.parametrize("dtype", ["M8[D]", "m8[s]"])
@pytest.mark.parametrize("transformer", [ScaleToUnit(), ZScore()], ids=str)
def test_scaling_given_dates_or_times(transformer, dtype, method):
    transformer = clone(transformer).fit(X)
    with refused(transformer, ValueError, "X.*(datetime64|timedelta64)", apply="transform"):
        getattr(transformer, method)(X.astype("i8").astype(dtype))


@pytest.mark.parametrize("transformer", [ScaleToUnit(), ZScore()], ids=str)
def test_scaling_given_images_without_pixels(transformer):
    with pytest.raises(ValueError, match=r"X.*\(3, 0, 2\)|0 feature\(s\) \(shape=\(3, 0, 2\)\)"):
        clone(transformer).fit(np.zeros((3, 0, 2)))


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=str)
def test_transformers_given_a_sparse_matrix(transformer):
    transformer = clone(transformer).fit(X)
    with refused(transformer, TypeError, "Sparse data was passed for X", apply="transform"):
        transformer.fit(scipy.sparse.csr_array(X))


@pytest.mark.parametrize(
    "transformer, params, X_bad, said",
    [
        (Reshape((2, 2)), {}, np.zeros((3, 5)), r"shape=\(2, 2\) does not fit samples of shape \(5,\)"),
        (Reshape((2, 2)), {"shape": (0, 4)}, X[:, :2], r"shape must be positive ints.* Got \(0, 4\)"),
        (ZScore(axis=0), {"axis": (0, 2)}, np.zeros((3, 5)), r"axis must be None.* Got \(0, 2\) for X of 2 dimensions"),
        (ScaleToUnit(), {"max_value": -1}, np.zeros((3, 5)), "'max_value' parameter of ScaleToUnit"),
    ],
    ids=["shape does not fit", "bad shape", "bad axis", "bad max_value"],
)
def test_a_transformer_keeps_what_it_learned_when_the_next_fit_fails(transformer, params, X_bad, said):
    transformer = clone(transformer).fit(X)
    before = transformer.transform(X)
    transformer.set_params(**params)
    with pytest.raises(ValueError, match=said):
        transformer.fit(X_bad)
    np.testing.assert_array_equal(transformer.transform(X), before)


@pytest.mark.parametrize("method", ["fit", "transform"])
@pytest.mark.parametrize(
    "labels, said",
    [
        ([], r"Found array with 0 sample\(s\)"),
        (np.zeros((2, 2, 2)), "Found array with dim 3"),
        ([1j, 0], "Complex data not supported"),
    ],
    ids=["empty", "three axes", "complex"],
)
def test_one_hot_given_no_labels(labels, said, method):
    one_hot = OneHot().fit([0, 1, 2])
    with refused(one_hot, ValueError, said, data=[0, 2], apply="transform"):
        getattr(one_hot, method)(labels)


@pytest.mark.parametrize(
    "rows, said",
    [
        ([[NAN, 0, 1]], "Input X contains NaN"),
        ([["u", "v", "w"]], "not compatible with arrays of bytes/strings"),
        ([0, 0, 1], "Expected 2D array, got 1D array instead"),
        (np.zeros((0, 3)), r"Found array with 0 sample\(s\)"),
        ([[0, 0, 0]], r"Samples \[0\] can not be inverted .* all zeros"),
    ],
    ids=["nan", "strings", "one axis", "no rows", "all zero"],
)
def test_one_hot_given_rows_that_it_cannot_invert(rows, said):
    one_hot = OneHot().fit([0, 1, 2])
    with refused(one_hot, ValueError, said, data=[0, 2], apply="transform"):
        one_hot.inverse_transform(rows)


def test_images_that_cannot_be_read_leave_what_was_learned():
    pixels = np.zeros((2, 4, 5), np.uint8)
    read = ReadImages().fit(pixels)
    with refused(read, ValueError, r"Cannot read X\[0\]: images must be paths", data=pixels, apply="transform"):
        read.fit([3])
