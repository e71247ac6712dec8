"""What is done to `model_` of a fitted estimator counts: in predictions, further training, copies and files."""

import copy
import io
import pickle
import tempfile

import joblib
import keras
import numpy as np
import pytest

import skdeep
from skdeep import DNNClassifier, DNNRegressor, KerasClassifier


def build():
    layers = [keras.Input((4,)), keras.layers.Dense(8, "relu", name="hidden_1"), keras.layers.Dense(3, "softmax")]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


SETTINGS = {"epochs": 2, "batch_size": 150, "shuffle": False, "random_state": 0}
ESTIMATORS = {
    "ready": lambda: DNNClassifier((8,), dropout=0.0, **SETTINGS),
    "own": lambda: KerasClassifier(build, verbose=0, **SETTINGS),
}


@pytest.fixture(params=ESTIMATORS)
def fitted(request, iris):
    return ESTIMATORS[request.param]().fit(*iris)


def dumped(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


def saved(estimator):
    own = [f"{__name__}.build"]
    with tempfile.TemporaryDirectory() as folder:
        skdeep.save(estimator, f"{folder}/estimator.skdeep", trusted=own)
        return skdeep.load(f"{folder}/estimator.skdeep", trusted=own)


COPIES = {
    "as it is": lambda estimator: estimator,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "joblib": dumped,
    "file": saved,
}


def compiled_again(model):
    model.compile(keras.optimizers.SGD(0.5, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])


def frozen_and_compiled(model):
    model.get_layer("hidden_1").trainable = False
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy", metrics=["accuracy"])


def of_one_hot_targets(model):
    model.compile(keras.optimizers.SGD(0.5), "categorical_crossentropy", metrics=["accuracy"])


def other_learning_rate(model):
    model.optimizer.learning_rate = 0.25


def other_weights(model):
    model.set_weights([weight + 0.5 for weight in model.get_weights()])


CHANGES = [compiled_again, frozen_and_compiled, of_one_hot_targets, other_learning_rate, other_weights]


def trained_by_keras(model, X, y):
    """Return the weights after one more epoch of Keras's own fit, of a model that then is as before."""
    state = [variable.numpy() for variable in [*model.variables, *model.optimizer.variables]]
    y = np.eye(3)[y] if model.loss == "categorical_crossentropy" else y[:, np.newaxis]
    model.optimizer.build(model.trainable_variables)
    before = [variable.numpy() for variable in [*model.variables, *model.optimizer.variables]]
    model.fit(X, y, batch_size=len(X), shuffle=False, verbose=0)
    weights = model.get_weights()
    for variable, value in zip([*model.variables, *model.optimizer.variables], before, strict=True):
        variable.assign(value)
    assert len(state) <= len(before)
    return weights


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("change", CHANGES)
def test_predictions_and_training_go_on_from_the_model_as_it_is_now(change, way, fitted, iris):
    X, y = iris
    change(fitted.model_)
    expected_outputs = fitted.model_(X.astype(np.float32)).numpy()
    expected_weights = trained_by_keras(fitted.model_, X, y)
    other = COPIES[way](fitted)
    np.testing.assert_allclose(other.predict_proba(X), expected_outputs, rtol=1e-5, atol=1e-7)
    other.partial_fit(X, y)
    for one, expected in zip(other.model_.get_weights(), expected_weights, strict=True):
        np.testing.assert_allclose(one, expected, rtol=1e-4, atol=1e-6)
    if other is not fitted:
        np.testing.assert_allclose(fitted.predict_proba(X), expected_outputs, rtol=1e-5, atol=1e-7)


@pytest.mark.slow_after(1)
def test_layers_frozen_without_compiling_are_not_trained(fitted, iris):
    layer = fitted.model_.get_layer("hidden_1")
    before = layer.get_weights()
    layer.trainable = False
    last = fitted.model_.layers[-1].get_weights()[0]
    fitted.partial_fit(*iris)
    np.testing.assert_array_equal(layer.get_weights()[0], before[0])
    assert np.abs(fitted.model_.layers[-1].get_weights()[0] - last).max() > 0


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("is_trained_on", [False, True])
def test_copies_of_layers_frozen_without_compiling(is_trained_on, way, fitted, iris):
    fitted.model_.get_layer("hidden_1").trainable = False
    if is_trained_on:
        fitted.partial_fit(*iris)
    other = COPIES[way](fitted)
    np.testing.assert_allclose(other.predict_proba(iris[0]), fitted.predict_proba(iris[0]), rtol=1e-6)
    frozen = fitted.model_.get_layer("hidden_1").get_weights()[0]
    outputs = [each.partial_fit(*iris).predict_proba(iris[0]) for each in dict.fromkeys([other, fitted])]
    np.testing.assert_allclose(outputs[0], outputs[-1], rtol=1e-6)
    np.testing.assert_array_equal(other.model_.get_layer("hidden_1").get_weights()[0], frozen)


def test_a_given_model_that_was_trained_before_a_layer_was_frozen(iris):
    model = build()
    model.fit(iris[0], iris[1][:, np.newaxis], verbose=0)
    model.layers[0].trainable = False
    clf = KerasClassifier(model, verbose=0, **SETTINGS)
    expected = clf.fit(*iris).predict_proba(iris[0])
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.predict_proba(iris[0]), expected)
    np.testing.assert_array_equal(again.fit(*iris).predict_proba(iris[0]), expected)


def test_low_rank_weights_predict_before_they_are_compiled(fitted, iris):
    X = iris[0].astype(np.float32)
    fitted.model_.get_layer("hidden_1").enable_lora(2)
    expected = fitted.model_(X).numpy()
    np.testing.assert_allclose(fitted.predict_proba(X), expected, rtol=1e-5)
    np.testing.assert_allclose(copy.deepcopy(fitted).predict_proba(X), expected, rtol=1e-5)
    with pytest.raises(ValueError, match="Compile model_ again"):
        fitted.partial_fit(*iris)


@pytest.mark.slow_after(1)
def test_penalties_set_on_a_layer_that_is_built_count_as_in_keras(fitted, iris):
    X, y = iris
    fitted.model_.get_layer("hidden_1").kernel_regularizer = keras.regularizers.L2(3.0)
    expected = trained_by_keras(fitted.model_, X, y)
    for other in (copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted)), fitted):
        for one, two in zip(other.partial_fit(X, y).model_.get_weights(), expected, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)


def test_keras_own_loops_change_nothing(iris, tmp_path):
    clf = ESTIMATORS["ready"]().fit(*iris)
    clf.model_.predict(iris[0], verbose=0)
    clf.model_.evaluate(*iris, verbose=0)
    skdeep.save(clf, tmp_path / "file")
    np.testing.assert_array_equal(skdeep.load(tmp_path / "file").predict(iris[0]), clf.predict(iris[0]))


def test_layers_that_the_optimizer_does_not_know(iris):
    clf = DNNClassifier((8,), epochs=2, frozen_layers=["hidden_1"], random_state=0).fit(*iris)
    clf.model_.get_layer("hidden_1").trainable = True
    with pytest.raises(ValueError, match=r"optimizer of model_ does not know hidden_1/kernel, .*Compile model_ again"):
        clf.partial_fit(*iris)
    clf.model_.compile("sgd", "sparse_categorical_crossentropy")
    before = clf.model_.get_layer("hidden_1").get_weights()[0]
    clf.partial_fit(*iris)
    assert np.abs(clf.model_.get_layer("hidden_1").get_weights()[0] - before).max() > 0


@pytest.mark.slow_after(1)
def test_an_activation_that_was_changed_counts_in_predictions(fitted, iris):
    X = iris[0].astype(np.float32)
    fitted.predict(X)  # traces
    fitted.model_.get_layer("hidden_1").activation = keras.activations.tanh
    expected = fitted.model_(X).numpy()
    for other in (fitted, copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
        np.testing.assert_allclose(other.predict_proba(X), expected, rtol=1e-5)


def test_another_constant_in_a_lambda_is_another_model(iris):
    clf = ESTIMATORS["ready"]().fit(*iris)
    layer = clf.model_.get_layer("hidden_1")
    layer.activation = lambda x: keras.ops.relu(x) * 2.0
    for factor in (2.0, 3.0):
        layer.activation = (lambda x: keras.ops.relu(x) * 2.0) if factor == 2.0 else lambda x: keras.ops.relu(x) * 3.0
        expected = clf.model_(iris[0].astype(np.float32)).numpy()
        np.testing.assert_allclose(clf.predict_proba(iris[0]), expected, rtol=1e-5)
        np.testing.assert_allclose(copy.deepcopy(clf).predict_proba(iris[0]), expected, rtol=1e-5)
        with pytest.raises(ValueError, match="a lambda cannot be in a file"):
            saved(clf)


def test_the_key_of_a_model_tells_constants_in_functions():
    from skdeep._keras.comparing import settings_key

    def loss(factor):
        loss = keras.losses.MeanSquaredError()
        loss.fn = eval(f"lambda y, p: {factor} * (y - p)")
        return loss

    assert settings_key(loss(2.0)) == settings_key(loss(2.0))
    assert settings_key(loss(2.0)) != settings_key(loss(3.0))


def test_regressors(iris):
    X, y = iris[0][:, :3], iris[0][:, 3]
    # Without dropout, whose masks NumPy draws otherwise.
    settings = {"batch_size": 150, "shuffle": False, "dropout": 0, "scale_targets": False, "random_state": 0}
    reg = DNNRegressor((8,), epochs=2, **settings).fit(X, y)
    reg.model_.compile(keras.optimizers.SGD(0.1), "mae")
    expected = trained_by_keras(reg.model_, X, y)
    for other in (pickle.loads(pickle.dumps(reg)), reg):
        weights = other.partial_fit(X, y).model_.get_weights()
        for one, two in zip(weights, expected, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)


class TestSave:
    """Files hold the model as it is."""

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("change", [compiled_again, frozen_and_compiled, of_one_hot_targets])
    def test_a_model_that_was_changed(self, change, iris):
        X, y = iris
        clf = ESTIMATORS["ready"]().fit(X, y)
        change(clf.model_)
        again = saved(saved(clf))
        np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
        for each in (clf, again):
            each.partial_fit(X, y)
        np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
        assert again.history_ == clf.history_
        assert not np.array_equal(
            again.predict_proba(X), ESTIMATORS["ready"]().fit(X, y).partial_fit(X, y).predict_proba(X)
        )

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("change", [other_learning_rate, other_weights])
    def test_weights_and_learning_rate_are_saved(self, change, iris, tmp_path):
        X, y = iris
        clf = ESTIMATORS["ready"]().fit(X, y)
        change(clf.model_)
        skdeep.save(clf, tmp_path / "file")
        again = skdeep.load(tmp_path / "file")
        np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
        for each in (clf, again):
            each.partial_fit(X, y)
        np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))

    def test_compiled_again_as_it_was_is_no_change(self, iris, tmp_path):
        X, y = iris
        clf = ESTIMATORS["ready"]().fit(X, y)
        model = clf.model_
        model.compile("adam", loss=model.loss, weighted_metrics=["accuracy"])
        skdeep.save(clf, tmp_path / "file")
        again = skdeep.load(tmp_path / "file")
        for each in (clf, again):
            each.partial_fit(X, y)
        np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("change", [compiled_again, frozen_and_compiled])
def test_warm_starts_say_that_they_would_drop_it(change, fitted, iris):
    change(fitted.model_)
    expected = fitted.predict_proba(iris[0])
    with pytest.raises(ValueError, match=r"model_ was changed since.*partial_fit"):
        fitted.set_params(warm_start=True).fit(*iris)
    np.testing.assert_array_equal(fitted.predict_proba(iris[0]), expected)


def test_a_model_that_was_only_read_goes_on_with_its_trace(fitted, iris):
    model = fitted.model_
    fitted.partial_fit(*iris)
    with fitted._network.in_use() as program:
        steps = dict(program._steps)
        fitted.partial_fit(*iris)
        assert program._steps == steps
        assert program.model is model
