"""Whatever valid X and y: they are learned, predicted in the form of y, and left as they are."""

import pickle
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning

import skdeep
from skdeep import CNNClassifier, DNNClassifier, MLPClassifier, programs

modest = settings(max_examples=8, deadline=None, derandomize=True)

CLASSIFIERS = [
    MLPClassifier((3,), epochs=1, random_state=0),
    DNNClassifier((3,), dropout=0.3, epochs=2, random_state=0),
    CNNClassifier((2,), hidden_layer_sizes=(3,), epochs=1, random_state=0),
]


@pytest.fixture(autouse=True, scope="module")
def large_pool():
    """Keep the programs of all shapes that occur here, so that few networks are traced."""
    size = programs.info()["size"]
    programs.set_size(100)
    yield
    programs.set_size(size)
    programs.clear()


# ---------------------------------------------------------------------------------------------------------------------
# Tables
# ---------------------------------------------------------------------------------------------------------------------

DTYPES = [bool, np.int8, np.uint8, np.int64, np.float16, np.float32, np.float64]


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def strided(X):
    return np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3]


FORMS = {
    "C order": np.ascontiguousarray,
    "Fortran order": np.asfortranarray,
    "strided": strided,
    "reversed": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "other byte order": lambda X: X.astype(X.dtype.newbyteorder()),
    "read-only": read_only,
    "csr": scipy.sparse.csr_matrix,
    "csc": scipy.sparse.csc_array,
    "coo": scipy.sparse.coo_array,
    "lists": np.ndarray.tolist,
    "tuples": lambda X: tuple(map(tuple, X.tolist())),
    "frame": pd.DataFrame,
    "named frame": lambda X: pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]),
}


@st.composite
def tables(draw, n_rows):
    """A table of numbers that float32 holds, and a function that gives it its form."""
    width, dtype = draw(st.sampled_from([1, 2, 5, 8])), np.dtype(draw(st.sampled_from(DTYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([0, 1, 100]))
    X = rng.normal(scale=scale, size=(n_rows, width))
    if dtype.kind in "iu":
        X = np.clip(X, 0 if dtype.kind == "u" else -100, 100)
    X = X.astype(dtype)
    forms = [name for name in FORMS if not (dtype == np.float16 and name in ("csr", "csc", "coo"))]
    return X, FORMS[draw(st.sampled_from(forms))]


# ---------------------------------------------------------------------------------------------------------------------
# Labels
# ---------------------------------------------------------------------------------------------------------------------

NUMBERS_OF_CLASSES = [2, 3, 5]
TEXT = st.text(min_size=1, max_size=5).filter(lambda text: "\0" not in text)
LABELS = {
    "ints": st.integers(-5, 5),
    "huge ints": st.integers(-(2**63), 2**63 - 1),
    "whole floats": st.integers(-(2**53), 2**53).map(float),
    "strings": TEXT,
    "digits": st.integers(-99, 99).map(str),
}
TO_LABELS = {
    "list": list,
    "array": np.array,
    "read-only": lambda labels: read_only(np.array(labels)),
    "objects": lambda labels: np.array(labels, dtype=object),
    "series": lambda labels: pd.Series(labels, index=np.arange(len(labels))[::-1] + 7),
    "categorical": lambda labels: pd.Series(pd.Categorical(labels)),
    "column": lambda labels: np.array(labels)[:, np.newaxis],
    "frame of one column": lambda labels: pd.DataFrame({"label": labels}),
}


@st.composite
def class_numbers(draw, n_classes):
    """Numbers of classes in any order, each at least once."""
    extra = draw(st.lists(st.integers(0, n_classes - 1), max_size=30 - n_classes))
    return np.array(draw(st.permutations([*range(n_classes), *extra])))


@st.composite
def labels(draw):
    """The labels as a list, and the function that gives them their form."""
    kind = draw(st.sampled_from([*LABELS, "bools"]))
    n_classes = 2 if kind == "bools" else draw(st.sampled_from(NUMBERS_OF_CLASSES))
    numbers = draw(class_numbers(n_classes))
    if kind == "bools":
        names = [False, True]
    else:
        names = draw(st.lists(LABELS[kind], min_size=n_classes, max_size=n_classes, unique=True))
    # Objects that are no strings are no labels to scikit-learn.
    without = {"strings": [], "digits": [], "bools": ["objects", "categorical"]}.get(kind, ["objects"])
    return [names[number] for number in numbers], TO_LABELS[draw(st.sampled_from(sorted({*TO_LABELS} - {*without})))]


INDICATOR_DTYPES = [bool, np.int8, np.uint8, np.int64, np.float32, np.float64]


@st.composite
def one_hot_rows(draw):
    n_classes = draw(st.sampled_from(NUMBERS_OF_CLASSES))
    return np.eye(n_classes, dtype=draw(st.sampled_from(INDICATOR_DTYPES)))[draw(class_numbers(n_classes))]


@st.composite
def multilabel_rows(draw):
    """Rows of 0 and 1 of which at least one has not a single 1."""
    n_labels, n_rows = draw(st.sampled_from(NUMBERS_OF_CLASSES)), draw(st.integers(2, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = (rng.random((n_rows, n_labels)) < draw(st.sampled_from([0, 0.3, 0.8, 1]))).astype(int)
    y[draw(st.integers(0, n_rows - 1))] = draw(st.sampled_from([0, 1]))
    return y.astype(draw(st.sampled_from(INDICATOR_DTYPES)))


# ---------------------------------------------------------------------------------------------------------------------
# What holds for all of them
# ---------------------------------------------------------------------------------------------------------------------


def fit(clf, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataConversionWarning)  # of labels in a column
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        return clf.fit(X, y)


def as_bytes(data):
    """Return what tells whether X or y were changed."""
    if scipy.sparse.issparse(data):
        data = data.tocoo()
        return [part.tobytes() for part in (data.data, *data.coords)]
    return pickle.dumps(data)


def saved_and_loaded(clf):
    with tempfile.TemporaryDirectory() as folder:
        skdeep.save(clf, Path(folder) / "file")
        return skdeep.load(Path(folder) / "file")


def check(clf, X, y, n_classes, sums_to_one=True):
    """Fit and return the probabilities and predictions for X, after checks of what holds for every X and y."""
    clf, before = clone(clf), (as_bytes(X), as_bytes(y))
    fit(clf, X, y)
    probabilities, predicted = clf.predict_proba(X), clf.predict(X)
    assert (as_bytes(X), as_bytes(y)) == before

    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    assert probabilities.shape == (n_rows, n_classes)
    assert probabilities.dtype == np.float64
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    if sums_to_one:
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=0, atol=1e-15)

    for copied in (pickle.loads(pickle.dumps(clf)), saved_and_loaded(clf)):
        np.testing.assert_array_equal(copied.predict_proba(X), probabilities, strict=True)
        np.testing.assert_array_equal(copied.predict(X), predicted, strict=True)

    again = fit(clone(clf), X, y)
    np.testing.assert_array_equal(again.predict_proba(X), probabilities, strict=True)
    assert again.history_ == clf.history_
    return clf, probabilities, predicted


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda classifier: type(classifier).__name__)
@modest
@given(data=st.data())
def test_any_table_and_any_labels(classifier, data):
    names, to_labels = data.draw(labels())
    X, to_form = data.draw(tables(len(names)))
    y = to_labels(names)
    expected = np.unique(np.asarray(y).ravel())
    clf, probabilities, predicted = check(classifier, to_form(X), y, len(expected))
    assert clf.classes_.tolist() == sorted(set(names))
    assert clf.classes_.dtype == predicted.dtype == expected.dtype
    assert predicted.shape == (len(names),)
    np.testing.assert_array_equal(predicted, clf.classes_[probabilities.argmax(axis=1)])
    # The form of the table makes no difference.
    plain = fit(clone(classifier), X, y)
    np.testing.assert_array_equal(plain.predict_proba(X), probabilities)


@pytest.mark.parametrize("labels", [[0, 1], [-5, 7], [0.0, 3.0], ["u", "v"], [False, True]], ids=str)
def test_categories_come_back_with_the_dtype_of_the_categories(labels):
    y = pd.Series(pd.Categorical(labels * 5))
    clf = clone(CLASSIFIERS[0]).fit(np.zeros((10, 1)), y)
    assert clf.classes_.tolist() == labels
    assert clf.classes_.dtype == clf.predict(np.zeros((3, 1))).dtype == np.asarray(y).dtype


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda classifier: type(classifier).__name__)
@modest
@given(data=st.data())
def test_any_one_hot_rows(classifier, data):
    y = data.draw(one_hot_rows())
    X, to_form = data.draw(tables(len(y)))
    to_rows = data.draw(st.sampled_from([np.asarray, np.asfortranarray, pd.DataFrame, read_only]))
    clf, probabilities, predicted = check(classifier, to_form(X), to_rows(y), y.shape[1])
    assert clf.classes_.tolist() == list(range(y.shape[1]))
    assert (predicted.dtype, predicted.shape) == (y.dtype, y.shape)
    np.testing.assert_array_equal(predicted, np.eye(y.shape[1])[probabilities.argmax(axis=1)])
    # They are learned as the numbers of their columns.
    numbers = fit(clone(classifier), X, y.argmax(axis=1))
    np.testing.assert_array_equal(numbers.predict_proba(X), probabilities)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda classifier: type(classifier).__name__)
@modest
@given(data=st.data())
def test_any_multilabel_rows(classifier, data):
    y = data.draw(multilabel_rows())
    X, to_form = data.draw(tables(len(y)))
    to_rows = data.draw(st.sampled_from([np.asarray, np.asfortranarray, pd.DataFrame, read_only]))
    clf, probabilities, predicted = check(classifier, to_form(X), to_rows(y), y.shape[1], sums_to_one=False)
    assert clf.classes_.tolist() == list(range(y.shape[1]))
    assert (predicted.dtype, predicted.shape) == (y.dtype, y.shape)
    np.testing.assert_array_equal(predicted, probabilities > 0.5)


@pytest.mark.slow
@modest
@given(
    seed=st.integers(0, 2**32 - 1),
    n_rows=st.integers(2, 30),
    size=st.sampled_from([(1, 1), (2, 3), (4, 4)]),
    channels=st.sampled_from([None, 1, 3]),
    dtype=st.sampled_from(DTYPES),
    form=st.sampled_from(["C order", "Fortran order", "read-only", "lists", "other byte order"]),
)
def test_any_images(seed, n_rows, size, channels, dtype, form):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 100, size=(n_rows, *size, *([] if channels is None else [channels]))).astype(dtype)
    y = np.arange(n_rows) % 2 == 0
    clf, probabilities, predicted = check(CLASSIFIERS[2], FORMS[form](X), y, 2)
    assert clf.image_shape_ == (*size, channels or 1)
    assert predicted.dtype == bool
    flat = clone(CLASSIFIERS[2]).set_params(image_shape=clf.image_shape_).fit(X.reshape(n_rows, -1), y)
    np.testing.assert_array_equal(flat.predict_proba(X), probabilities)


@modest
@given(data=st.data())
def test_any_labels_in_parts(data):
    """Parts that lack classes train the network of all classes."""
    names, to_labels = data.draw(labels())
    X, to_form = data.draw(tables(len(names)))
    clf = clone(CLASSIFIERS[1])
    middle = data.draw(st.integers(1, len(names) - 1))
    for part in (slice(middle), slice(middle, None)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataConversionWarning)
            clf.partial_fit(to_form(X[part]), to_labels(names[part]), classes=sorted(set(names), key=names.index))
    assert clf.classes_.tolist() == sorted(set(names))
    assert clf.predict_proba(to_form(X)).shape == (len(names), len(clf.classes_))
    assert set(clf.predict(to_form(X)).tolist()) <= set(names)
