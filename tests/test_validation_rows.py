"""Validation on the last rows: a fit is as that which gets these rows as X_val."""

import pickle

import keras
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

from skdeep import (
    CNNClassifier,
    DNNClassifier,
    DNNRegressor,
    KerasClassifier,
    KerasRegressor,
    KerasTransformer,
    MLPClassifier,
    MLPRegressor,
    TableClassifier,
    persistence,
)

SETTINGS = {"epochs": 4, "batch_size": 16, "random_state": 0, "verbose": 0}
LAST = {"validation_fraction": 0.2, "validation_rows": "last"}


def dense(meta):
    last = (1, None) if "n_classes_" not in meta else (meta["n_classes_"], "softmax")
    inputs = keras.Input((meta["n_features_in_"],))
    return keras.Model(inputs, keras.layers.Dense(*last)(keras.layers.Dense(8, "tanh")(inputs)))


def normalized(meta):
    inputs = keras.Input((meta["n_features_in_"],))
    hidden = keras.layers.LayerNormalization()(keras.layers.Dense(8)(inputs))
    return keras.Model(inputs, keras.layers.Dense(meta["n_outputs_"])(hidden))


@pytest.fixture
def mixed(iris, rng):
    order = rng.permutation(150)
    return iris[0][order], iris[1][order]


ESTIMATORS = {
    "NumPy": DNNClassifier((8,), **SETTINGS),
    "one layer": MLPClassifier(**SETTINGS),
    "Keras": DNNClassifier((8,), batch_normalization=True, **SETTINGS),
    "numbers": DNNRegressor((8,), scale_targets=False, **SETTINGS),
    "other numbers": MLPRegressor(scale_targets=False, **SETTINGS),
    "images": CNNClassifier((4,), image_shape=(2, 2, 1), kernel_size=1, pool_size=1, **SETTINGS),
    "own": KerasClassifier(dense, **SETTINGS),
    "own of numbers": KerasRegressor(dense, loss="mse", **SETTINGS),
    "own by Keras": KerasRegressor(normalized, loss="mse", **SETTINGS),
}


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_as_with_the_last_rows_as_validation_data(kind, mixed):
    X, y = mixed
    estimator = ESTIMATORS[kind]
    by_hand = estimator.fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:])
    history, outputs = by_hand.history_, by_hand.predict(X)
    parameters = estimator.get_params()
    try:
        last = estimator.set_params(**LAST).fit(X, y)
    finally:
        estimator.set_params(**{name: parameters[name] for name in LAST})
    assert last.history_ == history
    assert len(history["val_loss"]) == 4
    np.testing.assert_array_equal(last.predict(X), outputs)


def test_by_the_name_of_keras(mixed):
    X, y = mixed
    one = KerasClassifier(dense, validation_split=0.2, validation_rows="last", **SETTINGS).fit(X, y)
    other = KerasClassifier(dense, **SETTINGS).fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:])
    assert one.history_ == other.history_


def test_transformers_of_models(mixed):
    X = mixed[0]

    def autoencoder():
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])

    one = KerasTransformer(autoencoder, loss="mse", **LAST, **SETTINGS).fit(X)
    other = KerasTransformer(autoencoder, loss="mse", **SETTINGS).fit(X[:120], X_val=X[120:])
    assert one.history_ == other.history_


def test_tables(mixed):
    """The preprocessing is learned from all rows, so that only the rows that train or validate are told apart."""
    X, y = mixed
    clf = TableClassifier(n_networks=2, **LAST, **SETTINGS).fit(X, y)
    changed = y.copy()
    changed[120:] = (y[120:] + 1) % 3
    other = TableClassifier(n_networks=2, **LAST, **SETTINGS).fit(X, changed)
    assert other.history_["loss"] == clf.history_["loss"]
    assert other.history_["val_loss"] != clf.history_["val_loss"]


def test_rows_of_weight_zero_are_absent(mixed):
    X, y = mixed
    weight = np.ones(150)
    weight[::3] = 0  # also of rows at the end
    kept = np.flatnonzero(weight)
    one = DNNClassifier((8,), **LAST, **SETTINGS).fit(X, y, weight)
    other = DNNClassifier((8,), **SETTINGS)
    other.fit(X[kept[:80]], y[kept[:80]], X_val=X[kept[80:]], y_val=y[kept[80:]])
    np.testing.assert_allclose(one.history_["val_loss"], other.history_["val_loss"], rtol=1e-6)


def test_weights_of_classes_are_those_of_the_rows_that_train(mixed):
    X, y = mixed
    one = DNNClassifier((8,), class_weight="balanced", **LAST, **SETTINGS).fit(X, y)
    other = DNNClassifier((8,), class_weight="balanced", **SETTINGS)
    other.fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:])
    assert one.history_ == other.history_


class TestEarlyStopping:
    def test_the_last_tenth_of_the_rows(self, mixed):
        X, y = mixed
        params = SETTINGS | {"epochs": 30, "early_stopping": True, "n_iter_no_change": 1, "learning_rate": 0.1}
        one = DNNClassifier((8,), validation_rows="last", **params).fit(X, y)
        other = DNNClassifier((8,), **params).fit(X[:135], y[:135], X_val=X[135:], y_val=y[135:])
        assert one.history_ == other.history_
        assert one.n_iter_ < 30

    def test_auto_needs_no_share_of_each_class(self, mixed):
        """Drawn rows would have to have a class with a single row; the last ones need not."""
        X, y = np.tile(mixed[0], (4, 1)), np.tile(mixed[1], 4)
        y[7] = 3
        clf = DNNClassifier((8,), batch_size=200, random_state=0, n_iter_no_change=1)
        assert "val_loss" not in clf.fit(X, y).history_
        assert "val_loss" in clf.set_params(validation_rows="last").fit(X, y).history_

    def test_partial_fit_validates_on_nothing(self, mixed):
        clf = DNNClassifier((8,), **LAST, **SETTINGS).partial_fit(*mixed, classes=[0, 1, 2])
        assert clf.history_.keys() == {"loss", "accuracy"}
        assert clf.history_ == DNNClassifier((8,), **SETTINGS).partial_fit(*mixed, classes=[0, 1, 2]).history_


def test_a_class_that_occurs_in_the_last_rows_alone_is_known(iris):
    """All rows of the third class are at the end: none of them is trained on, and each validation row is wrong."""
    clf = DNNClassifier((8,), validation_fraction=1 / 3, validation_rows="last", **SETTINGS).fit(*iris)
    assert clf.classes_.tolist() == [0, 1, 2]
    assert clf.predict_proba(iris[0]).shape == (150, 3)
    clf = clf.set_params(epochs=60, learning_rate=0.01).fit(*iris)
    assert clf.history_["accuracy"][-1] > 0.95
    assert clf.history_["val_accuracy"][-1] == 0


def test_both_stages_have_the_last_rows(mixed):
    X, y = mixed
    first = {"first_stage__epochs": 2, "first_stage__optimizer": "sgd"}
    one = KerasClassifier(dense, **LAST, **first, **SETTINGS).fit(X, y)
    other = KerasClassifier(dense, **first, **SETTINGS).fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:])
    assert one.history_ == other.history_
    assert len(one.history_["val_loss"]) == 6


def test_searched_with_folds_in_the_order_of_time(mixed):
    search = GridSearchCV(
        DNNClassifier((8,), validation_fraction=0.2, **SETTINGS),
        {"validation_rows": ["random", "last"]},
        cv=TimeSeriesSplit(2),
    ).fit(*mixed)
    assert search.cv_results_["param_validation_rows"].tolist() == ["random", "last"]


def test_saved(mixed, tmp_path):
    clf = DNNClassifier((8,), **LAST, **SETTINGS).fit(*mixed)
    persistence.save(clf, tmp_path / "clf.skdeep")
    assert persistence.load(tmp_path / "clf.skdeep").validation_rows == "last"


@pytest.mark.parametrize("estimator", [DNNClassifier(**SETTINGS), KerasClassifier(dense, **SETTINGS)], ids=type)
def test_what_was_pickled_before_draws_its_rows(estimator, mixed):
    state = estimator.__getstate__()
    del state["validation_rows"]
    old = object.__new__(type(estimator))
    old.__setstate__(state)
    old = pickle.loads(pickle.dumps(old)).set_params(validation_fraction=0.2)
    assert old.validation_rows == "random"
    old_history = old.fit(*mixed).history_
    assert estimator.set_params(validation_fraction=0.2).fit(*mixed).history_ == old_history
    estimator.set_params(validation_fraction=None)
