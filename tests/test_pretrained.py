"""initial_model and frozen_layers: starts from other networks, and layers that stay as they are."""

import keras
import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_score

import skdeep
from skdeep import CNNClassifier, DNNClassifier, DNNRegressor, programs
from skdeep._networks import recipes


def quick(**params):
    return DNNClassifier((32, 16), **{"epochs": 5, "random_state": 0} | params)


def weights_of(estimator, name):
    return np.concatenate([weight.ravel() for weight in estimator.model_.get_layer(name).get_weights()])


@pytest.fixture(scope="module")
def tables(digits):
    X, y = digits.data / 16, digits.target
    return X[:900], y[:900], X[900:], y[900:]


@pytest.fixture(scope="module")
def learned(tables):
    return quick(epochs=20).fit(*tables[:2])


class TestStarts:
    @pytest.mark.slow
    def test_from_an_estimator_a_model_and_a_file(self, learned, tables, tmp_path):
        _, _, X, y = tables
        learned.to_keras(tmp_path / "model.keras")
        starts = [learned, FrozenEstimator(learned), learned.model_, tmp_path / "model.keras"]
        starts.append(str(starts[-1]))
        fitted = [quick(initial_model=each, epochs=1).fit(X, y) for each in starts]
        fresh = quick(epochs=1).fit(X, y)
        assert fitted[0].history_["accuracy"][0] > fresh.history_["accuracy"][0] + 0.3
        for other in fitted[1:]:
            for weight, expected in zip(other.model_.get_weights(), fitted[0].model_.get_weights(), strict=True):
                np.testing.assert_array_equal(weight, expected)

    def test_the_initial_model_is_left_alone(self, learned, tables):
        before = learned.predict_proba(tables[0])
        quick(initial_model=learned).fit(*tables[2:])
        np.testing.assert_array_equal(learned.predict_proba(tables[0]), before)

    def test_other_classes_get_an_output_layer_of_their_own(self, learned, tables):
        _, _, X, y = tables
        few = y < 5
        clf = quick(initial_model=learned, learning_rate=1e-9, epochs=1).fit(X[few], y[few])
        np.testing.assert_allclose(weights_of(clf, "hidden_1"), weights_of(learned, "hidden_1"), atol=1e-6)
        assert clf.predict_proba(X).shape[1] == 5
        transferred = quick(initial_model=learned, frozen_layers=["hidden_1"], epochs=20).fit(X[few], y[few])
        assert transferred.score(X[few], y[few]) > 0.9

    def test_to_a_regressor(self, learned, tables):
        _, _, X, y = tables
        reg = DNNRegressor((32, 16), initial_model=learned, frozen_layers=["hidden_1"], epochs=2).fit(X, y)
        np.testing.assert_array_equal(weights_of(reg, "hidden_1"), weights_of(learned, "hidden_1"))

    def test_convolutions(self, digits):
        X, y = digits.images / 16, digits.target
        params = {"hidden_layer_sizes": (16,), "epochs": 1, "random_state": 0}
        first = CNNClassifier((8,), **params).fit(X, y)
        second = CNNClassifier((8,), **params, initial_model=first, frozen_layers="conv_1_1").fit(X, y % 3)
        np.testing.assert_array_equal(weights_of(second, "conv_1_1"), weights_of(first, "conv_1_1"))

    def test_in_a_search(self, learned, tables):
        frozen = FrozenEstimator(learned)
        search = GridSearchCV(quick(epochs=1), {"initial_model": [None, frozen]}, cv=3).fit(*tables[2:])
        assert search.best_params_["initial_model"] is frozen
        with pytest.raises(ValueError, match=r"is not fitted.*sklearn\.frozen\.FrozenEstimator"):
            cross_val_score(quick(initial_model=learned), *tables[2:], cv=2, error_score="raise")

    def test_without_it_the_bits_are_the_same(self, learned, tables):
        expected = quick().fit(*tables[2:]).predict_proba(tables[2])
        quick(initial_model=learned).fit(*tables[2:])
        np.testing.assert_array_equal(quick().fit(*tables[2:]).predict_proba(tables[2]), expected)

    @pytest.mark.parametrize(
        "initial_model, kind, message",
        [
            (3, TypeError, "initial_model must be a fitted estimator of skdeep, a keras.Model or the path"),
            (quick(), ValueError, "is not fitted"),
            (
                keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]),
                ValueError,
                r"no layer of the name.*hidden_1",
            ),
            ("/nowhere/model.keras", ValueError, "not found"),
        ],
    )
    def test_errors(self, initial_model, kind, message, tables):
        with pytest.raises(kind, match=message):
            quick(initial_model=initial_model).fit(*tables[2:])

    def test_files_and_copies(self, learned, tables, tmp_path):
        clf = quick(initial_model=FrozenEstimator(learned), frozen_layers=("hidden_2",)).fit(*tables[2:])
        skdeep.save(clf, tmp_path / "file")
        again = skdeep.load(tmp_path / "file")
        for each in (clf, again):
            each.partial_fit(*tables[2:])
        np.testing.assert_array_equal(again.predict_proba(tables[2]), clf.predict_proba(tables[2]))
        np.testing.assert_array_equal(weights_of(again, "hidden_2"), weights_of(learned, "hidden_2"))


class TestFrozenLayers:
    @pytest.mark.parametrize("optimizer", ["adam", "sgd"])
    def test_they_stay_and_the_others_learn(self, optimizer, learned, tables):
        clf = quick(initial_model=learned, frozen_layers=("hidden_1",), optimizer=optimizer).fit(*tables[2:])
        np.testing.assert_array_equal(weights_of(clf, "hidden_1"), weights_of(learned, "hidden_1"))
        assert not np.array_equal(weights_of(clf, "hidden_2"), weights_of(learned, "hidden_2"))

    def test_they_are_another_program(self, tables, monkeypatch):
        monkeypatch.setattr(recipes, "_MOST_WORK", 0)  # TensorFlow trains
        programs.clear()
        before = programs.info()["traced"]
        for frozen in [(), ("hidden_1",), ["hidden_1"], "hidden_1"]:
            quick(frozen_layers=frozen, epochs=1).fit(*tables[2:])
        assert programs.info()["traced"] - before == 2

    def test_warm_start_with_others(self, tables):
        clf = quick(warm_start=True).fit(*tables[2:])
        before = weights_of(clf, "hidden_1")
        clf.set_params(frozen_layers=("hidden_1",)).fit(*tables[2:])
        np.testing.assert_array_equal(weights_of(clf, "hidden_1"), before)

    @pytest.mark.parametrize(
        "frozen, message",
        [
            (["nope"], r"frozen_layers has 'nope', which is not among .* hidden_1, hidden_2, output"),
            (["dropout_1"], "'dropout_1'"),
            (["hidden_1", "hidden_2", "output"], "leaves no layer to train"),
            (3, "The 'frozen_layers' parameter"),
        ],
    )
    def test_errors(self, frozen, message, tables):
        with pytest.raises(ValueError, match=message):
            quick(frozen_layers=frozen).fit(*tables[2:])
