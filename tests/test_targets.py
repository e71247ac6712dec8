"""y in any form: it is learned, predicted in the same form, and refused with a reason when it makes no sense."""

import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import make_blobs
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import accuracy_score

from skdeep import DNNClassifier


def quick(**params):
    return DNNClassifier((16,), **{"epochs": 30, "learning_rate": 0.02, "random_state": 0} | params)


LABELS = {
    "ints": np.array([0, 1, 2]),
    "other ints": np.array([-7, 5, 1000]),
    "floats": np.array([0.0, 1.0, 5.0]),
    "strings": np.array(["cat", "dog", "owl"]),
    "digit strings": np.array(["1", "2", "10"]),
    "objects": np.array(["cat", "dog", "owl"], dtype=object),
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_labels_of_any_type(kind, n_classes, iris):
    X, codes = iris[0][: 50 * n_classes], iris[1][: 50 * n_classes]
    y = LABELS[kind][codes]
    clf = quick().fit(X, y)
    assert clf.classes_.dtype == y.dtype
    assert set(clf.classes_) == set(y)
    predicted = clf.predict(X)
    assert predicted.dtype == y.dtype
    assert clf.score(X, y) == np.mean(predicted == y) > 0.8
    assert clf.predict_proba(X).shape == (len(X), n_classes)


def test_bools(iris):
    X, y = iris[0], iris[1] == 0
    clf = quick().fit(X, y)
    assert clf.classes_.tolist() == [False, True]
    assert clf.predict(X).dtype == bool
    assert clf.score(X, y) > 0.9


def test_a_column_counts_as_labels_with_a_warning(iris):
    X, y = iris
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
        clf = quick().fit(X, y[:, np.newaxis])
    expected = quick().fit(X, y)
    np.testing.assert_array_equal(clf.predict(X), expected.predict(X))
    assert clf.score(X, y[:, np.newaxis]) == expected.score(X, y)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, bool])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_one_hot_rows_are_learned_as_their_labels(dtype, n_classes, iris):
    X, codes = iris[0][: 50 * n_classes], iris[1][: 50 * n_classes]
    y = np.eye(n_classes, dtype=dtype)[codes]
    clf, labels = quick().fit(X, y), quick().fit(X, codes)
    np.testing.assert_array_equal(clf.predict_proba(X), labels.predict_proba(X))
    predicted = clf.predict(X)
    assert predicted.dtype == dtype
    np.testing.assert_array_equal(predicted, np.eye(n_classes, dtype=dtype)[labels.predict(X)])
    assert clf.score(X, y) == labels.score(X, codes)
    assert clf.classes_.tolist() == list(range(n_classes))


def test_one_hot_frame(iris):
    X, y = iris
    frame = pd.get_dummies(pd.Series(y))
    assert quick().fit(X, frame).score(X, frame) > 0.9


@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array])
def test_multilabel(convert, iris):
    X, codes = iris
    y = np.column_stack([codes > 0, codes == 1, codes < 2]).astype(int)
    clf = quick(epochs=60).fit(X, convert(y))
    predicted = clf.predict(X)
    assert predicted.shape == y.shape
    assert accuracy_score(y, predicted) > 0.8
    probabilities = clf.predict_proba(X)
    np.testing.assert_array_equal(probabilities > 0.5, predicted)
    assert clf.history_["accuracy"][-1] == pytest.approx(np.mean(predicted == y), abs=0.1)


@pytest.mark.parametrize(
    "params, n_outputs, activation",
    [
        ({}, 1, "sigmoid"),
        ({"output_activation": "softmax"}, 2, "softmax"),
        ({"loss": "categorical_crossentropy"}, 2, "softmax"),
        ({"loss": "sparse_categorical_crossentropy"}, 2, "softmax"),
        ({"output_activation": "sigmoid", "loss": "categorical_crossentropy"}, 2, "sigmoid"),
        ({"loss": "mean_squared_error"}, 1, "sigmoid"),
    ],
)
def test_output_layer_for_two_classes(params, n_outputs, activation, iris):
    X, y = iris[0][:100], iris[1][:100]
    clf = quick(**params).fit(X, y)
    output = clf.model_.layers[-1]
    assert (output.units, output.activation.__name__) == (n_outputs, activation)
    assert clf.score(X, y) > 0.9
    np.testing.assert_allclose(clf.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("loss", ["auto", "categorical_crossentropy", "CategoricalCrossentropy", "mse", "poisson"])
@pytest.mark.parametrize("output_activation", ["auto", "sigmoid"])
def test_output_layer_for_three_classes(loss, output_activation, iris):
    X, y = iris
    clf = quick(loss=loss, output_activation=output_activation, epochs=60).fit(X, y)
    output = clf.model_.layers[-1]
    assert (output.units, output.activation.__name__) == (3, {"auto": "softmax"}.get(output_activation, "sigmoid"))
    assert clf.score(X, y) > 0.85
    np.testing.assert_allclose(clf.predict_proba(X).sum(axis=1), 1)


def test_sparse_and_one_hot_cross_entropy_learn_the_same(iris):
    sparse, one_hot = (
        quick(loss=f"{kind}categorical_crossentropy", epochs=3).fit(*iris).history_["loss"] for kind in ("sparse_", "")
    )
    np.testing.assert_allclose(sparse, one_hot, rtol=1e-5)


@pytest.mark.parametrize(
    "y, message",
    [
        (np.linspace(0, 1, 150), "Unknown label type: continuous"),
        (np.zeros(150, dtype=int), "at least two classes, but y has only one class: 0"),
        (np.full(150, "a"), "at least two classes, but y has only one class: 'a'"),
        (np.where(np.arange(150) > 3, 1.0, np.nan), "Input y contains NaN"),
        (np.arange(300).reshape(150, 2), r"y of shape \(150, 2\) is not supported: labels of shape"),
        (np.arange(300).reshape(150, 2) % 2 + 1, r"y of shape \(150, 2\) is not supported"),
        (np.zeros((150, 2, 2)), "Found array with dim 3"),
        (None, "requires y to be passed, but the target y is None"),
    ],
)
def test_bad_y_is_named(y, message, iris):
    with pytest.raises(ValueError, match=message):
        quick().fit(iris[0], y)


@pytest.mark.parametrize(
    "later, message",
    [
        (lambda y: y, r"y has shape \(150,\), but rows of 3 values were given in fit"),
        (lambda y: np.eye(4)[y], r"y has shape \(150, 4\), but rows of 3 values were given in fit"),
        (lambda y: 1 - np.eye(3)[y], "y was one-hot in fit, but its row 0 does not have exactly one 1"),
    ],
)
def test_another_form_than_in_fit_is_an_error(later, message, iris):
    X, y = iris
    clf = quick(epochs=1).fit(X, np.eye(3)[y])
    with pytest.raises(ValueError, match=message):
        clf.partial_fit(X, later(y))


@pytest.mark.parametrize(
    "known, later, unseen",
    [
        (["ant", "bee", "cat"], ["ant", "bees", "cattle"], "['bees', 'cattle']"),
        ([0, 1, 2], [0.0, 1.5, 2.0], "[1.5]"),
        ([0, 1, 2], ["0", "1", "2"], "['0', '1', '2']"),
        ([False, True, True], [0, 1, 2], "[2]"),
    ],
)
def test_labels_that_only_look_like_known_ones_are_named(known, later, unseen, iris):
    X = iris[0][[0, 60, 120]]
    clf = quick(epochs=1).fit(X, known)
    with pytest.raises(ValueError, match=re.escape(f"y contains labels that were not seen in fit: {unseen}")):
        clf.partial_fit(X, later)


def test_equal_labels_of_another_type_are_known(iris):
    X = iris[0][[0, 60, 120]]
    clf = quick(epochs=1).fit(X, [0, 1, 2]).partial_fit(X, [0.0, 1.0, 2.0])
    assert clf.n_iter_ == 2


@pytest.mark.parametrize("loss", ["kl_divergence", "cosine_similarity"])
def test_losses_that_compare_distributions_get_an_output_a_class(loss, iris):
    X, y = iris[0], iris[1] == 0
    clf = quick(loss=loss, epochs=60).fit(X, y)
    assert clf.model_.layers[-1].units == 2
    assert clf.score(X, y) > 0.9


def test_labels_in_fit_and_rows_later_is_an_error(iris):
    clf = quick(epochs=1).fit(*iris)
    with pytest.raises(ValueError, match=r"y has shape \(150, 3\), but labels of shape \(n_samples,\) were given"):
        clf.partial_fit(iris[0], np.eye(3)[iris[1]])


@pytest.mark.parametrize("params", [{"output_activation": "softmax"}, {"loss": "categorical_crossentropy"}])
def test_multilabel_needs_independent_outputs(params, iris):
    y = np.column_stack([iris[1] > 0, iris[1] < 2]).astype(int)
    with pytest.raises(ValueError, match=r"y is multilabel .* needs output_activation='sigmoid'"):
        quick(**params).fit(iris[0], y)


@settings(max_examples=15, deadline=None)
@given(
    labels=st.one_of(
        st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=5, unique=True),
        st.lists(st.text(min_size=1, max_size=5).filter(lambda s: "\0" not in s), min_size=2, max_size=5, unique=True),
    ),
    seed=st.integers(0, 100),
)
def test_whatever_the_labels_the_same_rows_get_them(labels, seed):
    """Renaming and reordering the classes must not lose or mix up any."""
    X, codes = make_blobs(20 * len(labels), centers=len(labels), cluster_std=0.1, random_state=seed)
    y = np.array(labels)[codes]
    clf = quick(epochs=1).fit(X, y)
    assert clf.classes_.tolist() == sorted(labels)
    assert set(clf.predict(X)) <= set(y)
    assert clf.score(X, y) == np.mean(clf.predict(X) == y)
