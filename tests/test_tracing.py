"""What replaces parts of a model while its training is traced, and that nothing of it is left."""

import gc
import weakref

import keras
import numpy as np
import pytest

from skdeep import DNNClassifier, programs
from skdeep._networks import recipes


@pytest.fixture(autouse=True)
def by_tensorflow(monkeypatch):
    """Only what TensorFlow trains has a trace."""
    monkeypatch.setattr(recipes, "_MOST_WORK", 0)


def quick(**params):
    return DNNClassifier((16,), **{"epochs": 2, "dropout": 0.3, "random_state": 0} | params)


def test_the_fitted_model_is_plain_keras(iris, tmp_path):
    clf = quick(alpha=1.0).fit(*iris)
    clf.model_.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("output").activation is keras.activations.softmax
    np.testing.assert_allclose(loaded.predict(iris[0], verbose=0), clf.predict_proba(iris[0]), rtol=1e-5)
    assert all(each.kernel.regularizer is each.kernel_regularizer for each in clf.model_.layers if each.weights)
    names = {"call", "_all_reduce_sum_gradients", "update_step"}
    assert not names & {name for part in (*clf.model_.layers, clf.model_.optimizer) for name in vars(part)}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_reused_program_drops_the_share_that_is_asked_for(rate, iris):
    quick(dropout=0.3).fit(*iris)
    reused = programs.info()["reused"]
    clf = quick(dropout=rate).fit(*iris)
    assert programs.info()["reused"] == reused + 1
    assert clf.model_.get_layer("dropout_1").rate == rate
    programs.clear()
    assert clf.history_ == quick(dropout=rate).fit(*iris).history_


def test_dropout_drops_units_and_scales_the_others():
    """With one hidden unit, the loss tells in how many rows it was dropped."""
    X, y = np.ones((2000, 1)), np.arange(2000) % 2
    rates = {}
    for rate in (0.25, 0.75):
        clf = DNNClassifier(1, activation="linear", dropout=rate, epochs=1, batch_size=2000, loss="mse")
        clf.set_params(optimizer="sgd", learning_rate=1e-30, random_state=5).fit(X, y)
        weight = clf.model_.get_weights()
        kept, dropped = (1 / (1 + np.exp(-value)) for value in (weight[0].item() * weight[2].item() / (1 - rate), 0))
        errors = [np.mean((value - y) ** 2) for value in (kept, dropped)]
        rates[rate] = (clf.history_["loss"][0] - errors[0]) / (errors[1] - errors[0])
    assert rates == pytest.approx({0.25: 0.25, 0.75: 0.75}, abs=0.04)


def test_a_dropped_program_leaves_no_graph_behind(iris):
    programs.clear()
    clf = quick().fit(*iris)
    graphs = [weakref.ref(step.graph) for step in clf._network._lease.program._steps.values()]
    assert graphs
    assert all(graph() is not None for graph in graphs)
    del clf
    programs.clear()
    gc.collect()
    assert [graph() for graph in graphs] == [None]


class HalfStep(keras.optimizers.Adam):
    def assign_sub(self, variable, value):
        super().assign_sub(variable, 0.5 * value)


def test_an_optimizer_of_the_user_s_does_what_it_says(iris):
    params = {"dropout": 0, "shuffle": False, "epochs": 5}
    own, half, whole = (
        quick(optimizer=optimizer, learning_rate=rate, **params).fit(*iris).history_["loss"]
        for optimizer, rate in ((HalfStep, 0.01), ("adam", 0.005), ("adam", 0.01))
    )
    np.testing.assert_allclose(own, half, rtol=1e-4)
    assert not np.allclose(own, whole, rtol=1e-3)
