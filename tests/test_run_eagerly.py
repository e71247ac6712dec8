"""Training and predictions that run the Python code of a model, and settings of compiling and predicting by prefix."""

import pickle

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import accuracy_score

import skdeep
from skdeep import DNNClassifier, KerasClassifier, KerasRegressor, KerasTransformer

SETTINGS = {"loss": "sparse_categorical_crossentropy", "epochs": 3, "batch_size": 50, "verbose": 0, "random_state": 0}


class Counting(keras.layers.Layer):
    """Counts how often Python runs its call, and for how many rows the values are there to be seen."""

    calls = []

    def call(self, inputs):
        self.calls.append(inputs.numpy().shape if hasattr(inputs, "numpy") else None)
        return inputs


class Stepping(keras.Sequential):
    """With a step of its own."""

    def train_step(self, data):
        return super().train_step(data) | {"seen": float(hasattr(data[0], "numpy"))}


def build(meta, kind=keras.Sequential, compiled=None):
    layers = [keras.layers.Dense(8, "relu"), Counting(), keras.layers.Dense(meta.get("n_classes_", 1))]
    model = kind([keras.Input((4,)), *layers, keras.layers.Softmax()][: 5 if "n_classes_" in meta else 4])
    if compiled:
        model.compile("rmsprop", "sparse_categorical_crossentropy", **compiled)
    return model


@pytest.fixture(autouse=True)
def no_calls():
    Counting.calls.clear()


@pytest.mark.parametrize("params", [{"run_eagerly": True}, {"compile__run_eagerly": True}])
def test_each_step_runs_the_code(params, iris):
    X, y = iris
    traced = KerasClassifier(build, **SETTINGS).fit(X, y)
    assert (150, 4) not in Counting.calls
    clf = KerasClassifier(build, **SETTINGS, **params)
    Counting.calls.clear()
    clf.fit(X, y)
    assert Counting.calls.count((50, 8)) == 3 * 3
    Counting.calls.clear()
    assert clf.predict_proba(X).shape == (150, 3)
    assert Counting.calls == [(150, 8)]
    np.testing.assert_allclose(clf.history_["loss"], traced.history_["loss"], rtol=1e-5)
    np.testing.assert_allclose(clf.predict_proba(X), traced.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize(
    "estimator", [KerasRegressor(build), KerasTransformer(build, target="y")], ids=["regressor", "transformer"]
)
def test_other_estimators(estimator, iris):
    X = iris[0]
    estimator.set_params(loss="mse", batch_size=50, run_eagerly=True, verbose=0)
    Counting.calls.clear()
    estimator.fit(X, X[:, 0])
    assert Counting.calls.count((50, 8)) == 3
    Counting.calls.clear()
    getattr(estimator, "transform", getattr(estimator, "predict", None))(X)
    assert Counting.calls == [(150, 8)]


def test_a_step_of_ones_own_sees_values(iris):
    history = KerasClassifier(build, kind=Stepping, run_eagerly=True, **SETTINGS).fit(*iris).history_
    assert history["seen"] == [1, 1, 1]
    assert KerasClassifier(build, kind=Stepping, **SETTINGS).fit(*iris).history_["seen"] == [0, 0, 0]


@pytest.mark.parametrize("is_given", [False, True], ids=["function", "model"])
def test_what_a_model_was_compiled_with_counts(is_given, iris):
    compiled = {"run_eagerly": True}
    params = (
        {"model": build({"n_classes_": 3}, compiled=compiled)} if is_given else {"model": build, "compiled": compiled}
    )
    Counting.calls.clear()
    KerasClassifier(**params, **SETTINGS).fit(*iris)
    assert Counting.calls.count((50, 8)) == 9


def test_of_the_model_that_was_fitted(iris):
    clf = DNNClassifier((8,), epochs=1, random_state=0).fit(*iris)
    assert clf.summary().trained_by == "NumPy"
    clf.model_.run_eagerly = True
    assert clf.summary().trained_by == "TensorFlow"
    first = clf.model_.layers[1]
    original, seen = first.call, []
    first.call = lambda inputs, **given: seen.append(hasattr(inputs, "numpy")) or original(inputs, **given)
    clf.partial_fit(*iris)
    assert set(seen) == {True}


def test_saved_and_copied(iris, tmp_path):
    X, y = iris
    clf = KerasClassifier(build, run_eagerly=True, **SETTINGS).fit(X, y)
    own = [f"{__name__}.build", f"{__name__}.Counting"]
    skdeep.save(clf, tmp_path / "clf.skdeep", trusted=own)
    for again in (
        pickle.loads(pickle.dumps(clf)),
        skdeep.load(tmp_path / "clf.skdeep", trusted=own),
        clone(clf).fit(X, y),
    ):
        Counting.calls.clear()
        again.partial_fit(X, y)
        assert Counting.calls.count((50, 8)) == 3


class TestCompilePrefix:
    def test_means_what_the_parameter_does(self, iris):
        plain = {"optimizer": "sgd", "metrics": ["accuracy"], "loss_weights": [2.0]}
        expected = KerasClassifier(build, **SETTINGS, **plain).fit(*iris)
        params = {f"compile__{name}": value for name, value in plain.items()}
        clf = KerasClassifier(build, **SETTINGS | {"loss": "mse"}, **params, compile__loss=SETTINGS["loss"]).fit(*iris)
        assert clf.history_ == expected.history_
        assert clone(clf).fit(*iris).history_ == expected.history_
        assert clf.set_params(compile__optimizer="adam").fit(*iris).history_ != expected.history_

    def test_parameters_of_what_it_gives(self, iris):
        params = {"compile__optimizer": keras.optimizers.SGD, "optimizer__learning_rate": 0.1}
        clf = KerasClassifier(build, **SETTINGS, **params).fit(*iris)
        assert type(clf.model_.optimizer).__name__ == "SGD"
        assert float(clf.model_.optimizer.learning_rate) == pytest.approx(0.1)

    def test_weighted_metrics_as_in_keras(self, iris):
        X, y = iris
        weight = np.where(y == 0, 5.0, 1.0)
        settings = SETTINGS | {"shuffle": False, "epochs": 1, "batch_size": 150, "optimizer": "sgd"}
        clf = KerasClassifier(build, compile__weighted_metrics=["accuracy"], metrics=["acc"], **settings)
        before = clf.initialize(X, y).predict(X)
        history = clf.fit(X, y, sample_weight=weight).history_
        assert history["accuracy"] == [pytest.approx(accuracy_score(y, before, sample_weight=weight))]
        assert history["acc"] == [pytest.approx(accuracy_score(y, before))]


class Predicting(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []

    def on_predict_begin(self, logs=None):
        self.calls.append("begin")

    def on_predict_batch_end(self, batch, logs=None):
        self.calls.append(len(logs["outputs"]))


class TestCallbacksOfPredictions:
    @pytest.mark.parametrize("form", ["parameter", "keyword"])
    def test_are_called_as_by_keras(self, form, iris):
        X, y = iris
        callback, expected = Predicting(), KerasClassifier(build, **SETTINGS).fit(X, y)
        settings = {"callbacks": [callback], "batch_size": 60}
        params = {f"predict__{name}": value for name, value in settings.items()} if form == "parameter" else {}
        clf = KerasClassifier(build, **SETTINGS, **params).fit(X, y)
        given = {} if params else settings
        np.testing.assert_allclose(clf.predict_proba(X, **given), expected.predict_proba(X), atol=1e-6)
        assert callback.calls == ["begin", 60, 60, 30]
        np.testing.assert_array_equal(clf.predict(X, **given), expected.predict(X))
        assert len(callback.calls) == 8
        assert callback.model is None
        again = pickle.loads(pickle.dumps(clf))
        np.testing.assert_array_equal(again.predict(X), expected.predict(X))

    def test_of_numbers_of_several_outputs_and_of_all_rows(self, iris):
        X = iris[0]
        callback = Predicting()
        reg = KerasRegressor(build, loss="mse", verbose=0, random_state=0, predict__batch_size=-1).fit(X, X[:, 0])
        np.testing.assert_allclose(reg.predict(X, callbacks=callback), reg.predict(X), rtol=1e-5)
        assert callback.calls == ["begin", 150]

    def test_a_transformer_has_none(self, iris):
        with pytest.raises(ValueError, match="predict__callbacks is not a setting"):
            KerasTransformer(build, target="y", predict__callbacks=[Predicting()], loss="mse").fit(*iris)

    def test_must_be_callbacks(self, iris):
        clf = KerasClassifier(build, predict__callbacks=[3], **SETTINGS).fit(*iris)
        with pytest.raises(TypeError, match=r"predict__callbacks must be Keras callbacks\. Got 3"):
            clf.predict(iris[0])
