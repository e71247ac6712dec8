"""y in any form: it is learned, predicted in the same form, and refused with a reason when it makes no sense."""

import inspect
import pickle
import re
import tracemalloc

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import make_blobs
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, log_loss
from sklearn.model_selection import GridSearchCV

from skdeep import DNNClassifier, DNNRegressor, KerasClassifier, MLPClassifier


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


@pytest.mark.slow_after(4)
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


@pytest.mark.slow_after(2)
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


@pytest.mark.slow_after(2)
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


@pytest.mark.slow_after(1)
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
        (lambda y: 1 - np.eye(3)[y], "y is one-hot, by what fit got .* its row 0 does not have exactly one 1"),
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


@pytest.mark.slow_after(1)
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


@pytest.mark.parametrize(
    "params, message",
    [
        ({"output_activation": "softmax"}, "y is one-hot, .* but its row 50 .* is said by output_activation='sigmoid'"),
        ({"loss": "categorical_crossentropy"}, r"y is multilabel .* needs output_activation='sigmoid'"),
    ],
)
def test_multilabel_needs_independent_outputs(params, message, iris):
    y = np.column_stack([iris[1] > 0, iris[1] < 2]).astype(int)
    with pytest.raises(ValueError, match=message):
        quick(**params).fit(iris[0], y)


class TestRowsOfZeroAndOne:
    """`output_activation` says what they are, so that nothing hangs on which rows come."""

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("method", ["fit", "partial_fit", "a search", "loaded"])
    def test_sigmoid_says_multilabel(self, method, iris):
        X, y = iris
        rows = np.eye(3, dtype=int)[y]
        clf = quick(output_activation="sigmoid", epochs=2, dropout=0.0)
        if method == "a search":
            clf = GridSearchCV(clf, {"alpha": [0.0]}, cv=3).fit(X, rows).best_estimator_
        elif method == "partial_fit":
            clf.partial_fit(X, rows, classes=range(3)).partial_fit(X, 1 - rows)
        else:
            clf.fit(X, rows, X_val=X, y_val=rows)
            p = clf.predict_proba(X)
            loss = -np.mean(rows * np.log(p) + (1 - rows) * np.log(1 - p))
            assert clf.history_["val_loss"][-1] == pytest.approx(loss, rel=1e-4)
        if method == "loaded":
            clf = pickle.loads(pickle.dumps(clf)).partial_fit(X, 1 - rows)
        raw = clf.model_.predict(X, verbose=0)
        np.testing.assert_allclose(clf.predict_proba(X), raw, rtol=1e-4)
        np.testing.assert_array_equal(clf.predict(X), raw > 0.5)

    def test_the_order_of_the_batches_does_not_matter_for_what_is_learned(self, iris):
        X, y = iris
        rows = np.column_stack([y == 0, y > 0, y == 2]).astype(int)
        first = quick(output_activation="sigmoid").partial_fit(X[:100], rows[:100])
        second = quick(output_activation="sigmoid").partial_fit(X[100:], rows[100:])
        for clf in (first, second):
            clf.partial_fit(X, rows)
            raw = clf.model_.predict(X, verbose=0)
            np.testing.assert_allclose(clf.predict_proba(X), raw, rtol=1e-4)
            np.testing.assert_array_equal(clf.predict(X), raw > 0.5)

    @pytest.mark.parametrize("method", ["fit", "partial_fit"])
    def test_softmax_says_one_hot(self, method, iris):
        X, y = iris
        clf = getattr(quick(output_activation="softmax"), method)(X, np.eye(3)[y])
        np.testing.assert_allclose(clf.predict_proba(X).sum(axis=1), 1)
        with pytest.raises(ValueError, match=r"y is one-hot, .* but its row 7 does not have exactly one 1"):
            getattr(clf, method)(X, np.eye(3)[y] * (np.arange(150) != 7)[:, np.newaxis])

    def test_for_labels_sigmoid_is_a_unit_a_class(self, iris):
        clf = quick(output_activation="sigmoid", epochs=2).fit(*iris)
        raw = clf.model_.predict(iris[0], verbose=0)
        np.testing.assert_allclose(clf.predict_proba(iris[0]), raw / raw.sum(axis=1, keepdims=True), rtol=1e-4)

    def test_a_warm_start_goes_on_with_what_they_were(self, iris):
        X, y = iris
        several = np.column_stack([y == 0, y > 0, y == 2]).astype(int)
        clf = quick(epochs=1, warm_start=True).fit(X, several).fit(X, np.eye(3, dtype=int)[y])
        np.testing.assert_allclose(clf.predict_proba(X), clf.model_.predict(X, verbose=0), rtol=1e-4)
        clf = quick(epochs=1, warm_start=True).fit(X, np.eye(3)[y])
        with pytest.raises(ValueError, match=r"y is one-hot, .* but its row 100 "):
            clf.fit(X, several)

    def test_classes_are_the_numbers_of_the_columns(self, iris):
        with pytest.raises(ValueError, match="classes must be the numbers of the columns, 0 to 2,"):
            quick().partial_fit(iris[0], np.eye(3)[iris[1]], classes=["a", "b", "c"])


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("rows, params", [(60, {}), (100, {"validation_fraction": 0.1})])
@pytest.mark.parametrize("kind", ["numbers", "strings"])
def test_memory_for_y(rows, params, kind):
    """In docs/scaling.md: bytes a row at the peak beyond a copy of strings."""

    class Rows:
        dtype = np.dtype("uint8")

        def __init__(self, n_rows):
            self.shape = (n_rows, 4)

        def __len__(self):
            return self.shape[0]

        def __getitem__(self, rows):
            return np.zeros((rows.stop - rows.start, 4), np.uint8)

    def peak(n_rows):
        y = np.arange(n_rows) % 10
        y = y if kind == "numbers" else np.array([f"class_{i:016}" for i in range(10)])[y]
        tracemalloc.start()
        try:
            MLPClassifier((4,), epochs=1, batch_size=10_000, shuffle="blocks", random_state=0, **params).fit(
                Rows(n_rows), y
            )
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(30_000)
    assert (peak(200_000) - peak(100_000)) / 100_000 < rows + (88 if kind == "strings" else 0)


@pytest.mark.slow
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


OF_NUMBERS = ["SparseCategoricalCrossentropy", "Circle", "CategoricalGeneralizedCrossEntropy"]
LOSSES = sorted(name for name, each in vars(keras.losses).items() if inspect.isclass(each))
LOSSES = [name for name in LOSSES if name not in ("Loss", "CTC", "BinaryCrossentropy", "BinaryFocalCrossentropy")]


def own_network(n_outputs=3, **compiled):
    def network():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(n_outputs, "softmax")])
        if compiled:
            model.compile(**compiled)
        return model

    return network


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("own", [False, True], ids=["ready network", "network of the user's"])
def test_each_loss_of_keras_gets_targets_in_the_form_it_takes(name, own, iris):
    """All but the binary ones, which compute with the logits of a softmax while they train."""
    X, y = iris
    loss = getattr(keras.losses, name)()
    clf = quick(loss=loss, epochs=1, batch_size=150)
    if own:
        clf = KerasClassifier(own_network(), loss=loss, batch_size=150, verbose=0, random_state=0)
    clf.fit(X, y, X_val=X, y_val=y)
    outputs = clf.model_.predict(X, verbose=0)
    expected = float(loss(y if name in OF_NUMBERS else np.eye(3)[y], outputs))
    assert clf.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("loss", ["ctc", "CTC", keras.losses.CTC, keras.losses.CTC(), keras.losses.ctc])
def test_a_loss_of_sequences_is_refused(loss, iris):
    with pytest.raises(ValueError, match="takes sequences of labels"):
        quick(loss=loss).fit(*iris)


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", keras.losses.Circle()])
def test_regressors_have_no_class_numbers(loss, iris):
    with pytest.raises(ValueError, match="takes class numbers, but y are numbers of a regression"):
        DNNRegressor(loss=loss).fit(*iris)


@pytest.mark.parametrize(
    "params, message",
    [
        ({"loss": "mse", "target_encoding": "ordinal"}, "target_encoding='ordinal', but loss='mse' takes one-hot rows"),
        (
            {"loss": keras.losses.SparseCategoricalCrossentropy(), "target_encoding": "one-hot"},
            "target_encoding='one-hot', but loss=SparseCategoricalCrossentropy takes class numbers",
        ),
        (
            {"loss": "categorical_crossentropy", "metrics": "sparse_categorical_accuracy"},
            "metrics='sparse_categorical_accuracy' takes class numbers, but loss=.* gives one-hot rows",
        ),
        ({"loss": "sparse_categorical_crossentropy", "metrics": "auc"}, "metrics='auc' takes one-hot rows, but loss="),
        (
            {"metrics": ["auc", "sparse_categorical_accuracy"]},
            "takes class numbers, but metrics='auc' gives one-hot rows",
        ),
        ({"target_encoding": "ordinal", "metrics": "auc"}, "but target_encoding='ordinal' gives class numbers"),
        ({"metrics": keras.metrics.MeanIoU(3)}, "MeanIoU takes class numbers as outputs.* sparse_y_pred=False"),
        ({"metrics": keras.metrics.Accuracy()}, "takes class numbers as outputs.* Give 'accuracy'"),
        ({"metrics": keras.metrics.Mean()}, "metrics=Mean does not compare targets with outputs"),
        ({"metrics": "sum"}, "metrics='sum' does not compare targets with outputs"),
        ({"target_encoding": "sparse"}, "The 'target_encoding' parameter"),
    ],
)
def test_forms_that_contradict_each_other(params, message, iris):
    with pytest.raises(ValueError, match=message):
        quick(**params).fit(*iris)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("sparse_y_true", [False, True])
def test_flags_of_a_metric_object_decide_for_the_loss_auto(sparse_y_true, iris):
    X, y = iris
    metric = keras.metrics.MeanIoU(3, sparse_y_true=sparse_y_true, sparse_y_pred=False, name="iou")
    clf = quick(metrics=metric).fit(X, y, X_val=X, y_val=y)
    assert clf.model_.loss.name == ("sparse_" if sparse_y_true else "") + "categorical_crossentropy"
    assert clf.history_["val_iou"][-1] == pytest.approx(jaccard_score(y, clf.predict(X), average="macro"), abs=1e-5)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("metric", ["sparse_categorical_accuracy", "CategoricalAccuracy", "top_k_categorical_accuracy"])
def test_metrics_of_several_outputs_give_two_classes_two(metric, iris):
    X, y = iris[0], iris[1] == 1
    k = {"metrics__k": 1} if "top" in metric else {}
    clf = quick(metrics=metric, **k).fit(X, y, X_val=X, y_val=y)
    assert clf.model_.output_shape == (None, 2)
    assert list(clf.history_.values())[-1][-1] == pytest.approx(clf.score(X, y))


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("multilabel", [False, True])
def test_the_f1_score_of_independent_outputs(multilabel, iris):
    X, y = iris[0], iris[1] == 1
    y = np.column_stack([y, iris[1] > 0]).astype(int) if multilabel else y.astype(int)
    clf = quick(metrics="F1Score", metrics__average="macro").fit(X, y, X_val=X, y_val=y)
    expected = f1_score(y, clf.predict(X), average="macro" if multilabel else "binary")
    assert clf.history_["val_f1_score"][-1] == pytest.approx(expected, abs=1e-5)
    with pytest.raises(ValueError, match=r"metrics=F1Score takes the largest output.* Give it threshold=0.5"):
        quick(metrics=keras.metrics.F1Score("macro")).fit(X, y)


def seen_targets():
    """Return a loss of the user's, and a list to which it adds the shapes and dtypes of the targets it sees."""
    seen = []

    def loss(y_true, y_pred):
        seen.append((tuple(y_true.shape)[1:], keras.backend.standardize_dtype(y_true.dtype)))
        form = keras.losses.categorical_crossentropy if y_true.shape[-1] > 1 else None
        return (form or keras.losses.sparse_categorical_crossentropy)(y_true, y_pred)

    return loss, seen


class NumbersLoss(keras.losses.Loss):
    """Written for class numbers."""

    def call(self, y_true, y_pred):
        return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)


@pytest.mark.slow_after(2)
@pytest.mark.parametrize(
    "target_encoding, own, one_hot_y, shape",
    [
        ("auto", False, False, (3,)),
        ("ordinal", False, False, (1,)),
        ("one-hot", False, False, (3,)),
        ("auto", True, False, (1,)),
        ("ordinal", True, False, (1,)),
        ("one-hot", True, False, (3,)),
        ("auto", True, True, (3,)),
        ("ordinal", True, True, (1,)),
    ],
)
@pytest.mark.parametrize("compiled", [False, True])
def test_what_a_loss_of_the_users_gets(target_encoding, own, one_hot_y, shape, compiled, iris):
    X, y = iris
    loss, seen = seen_targets()
    clf = quick(loss=loss, target_encoding=target_encoding)
    if own:
        given = (
            {"model": own_network(loss=loss, optimizer="sgd")} if compiled else {"model": own_network(), "loss": loss}
        )
        clf = KerasClassifier(**given, target_encoding=target_encoding, verbose=0, random_state=0, batch_size=150)
    clf.fit(X, np.eye(3)[y] if one_hot_y else y, X_val=X, y_val=np.eye(3)[y] if one_hot_y else y)
    assert set(seen) == {(shape, "float32")}
    assert clf.history_["val_loss"][-1] == pytest.approx(log_loss(y, clf.predict_proba(X)), rel=1e-4)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("loss", [NumbersLoss, NumbersLoss()])
def test_classes_of_the_users_for_class_numbers(loss, iris):
    X, y = iris
    ready = quick(loss=loss, target_encoding="ordinal")
    own = KerasClassifier(
        own_network(), loss=loss, optimizer="adam", optimizer__learning_rate=0.05, epochs=30, verbose=0
    )
    for clf in (ready, own.set_params(random_state=0)):
        assert clf.fit(X, y).score(X, y) > 0.9


def test_a_class_of_the_users_with_a_name_of_kerass_is_the_users(iris):
    """The names are those of Keras's losses and metrics, the code is not."""

    class SparseCategoricalCrossentropy(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return 7 + 0 * keras.ops.mean(y_true * y_pred, axis=-1)  # fails for class numbers in shape (n,)

    def sparse_categorical_crossentropy(y_true, y_pred):
        return 7 + 0 * keras.ops.mean(y_true * y_pred, axis=-1)

    class MeanIoU(keras.metrics.Metric):
        def update_state(self, y_true, y_pred, sample_weight=None):
            pass

        def result(self):
            return 7.0

    for loss in (SparseCategoricalCrossentropy, SparseCategoricalCrossentropy(), sparse_categorical_crossentropy):
        clf = quick(loss=loss, metrics=MeanIoU, epochs=1).fit(*iris)
        assert clf.history_ == {"loss": [7.0], "mean_io_u": [7.0]}
        assert clf._network.head.encoding == "one-hot"


def test_a_subclass_that_leaves_the_computing_to_keras_counts_as_kerass(iris):
    class Renamed(keras.losses.SparseCategoricalCrossentropy):
        pass

    expected = quick(loss="sparse_categorical_crossentropy", dropout=0, epochs=2).fit(*iris).history_
    history = quick(loss=Renamed(), dropout=0, epochs=2).fit(*iris).history_
    assert history.keys() == expected.keys()
    for name in history:
        np.testing.assert_allclose(history[name], expected[name], rtol=1e-5)


def test_encodings_that_one_output_or_several_labels_rule_out(iris):
    X, y = iris
    with pytest.raises(ValueError, match="target_encoding='one-hot' needs one output for each class"):
        KerasClassifier(own_network(1), loss="mse", target_encoding="one-hot", verbose=0).fit(X, y > 0)
    with pytest.raises(ValueError, match="takes one output for each of several classes"):
        KerasClassifier(own_network(1), loss="sparse_categorical_crossentropy", verbose=0).fit(X, y > 0)
    with pytest.raises(ValueError, match="target_encoding='ordinal' is for one class a row, but y is multilabel"):
        quick(target_encoding="ordinal").fit(X, np.column_stack([y > 0, y < 2]).astype(int))
    assert quick(target_encoding="one-hot", epochs=1).fit(X, y > 0).model_.output_shape == (None, 2)
