"""Copies and pickles of fitted estimators."""

import copy
import pickle
import subprocess
import sys

import cloudpickle
import joblib
import keras
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from skdeep import CNNClassifier, DNNClassifier, Flatten, ScaleToUnit

WAYS = {
    "pickle": lambda estimator, path: pickle.loads(pickle.dumps(estimator)),
    "cloudpickle": lambda estimator, path: pickle.loads(cloudpickle.dumps(estimator)),
    "copy": lambda estimator, path: copy.copy(estimator),
    "deepcopy": lambda estimator, path: copy.deepcopy(estimator),
    "joblib": lambda estimator, path: joblib.load(joblib.dump(estimator, path / "estimator.joblib", compress=3)[0]),
    "twice": lambda estimator, path: pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(estimator)))),
}


def quick(**params):
    return DNNClassifier(**{"hidden_layer_sizes": 16, "epochs": 3, "dropout": 0.3, "random_state": 0} | params)


def cubed(x):
    return keras.ops.power(x, 3)


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_predicts_the_same_bits(way, iris, tmp_path):
    clf = quick().fit(*iris)
    other = WAYS[way](clf, tmp_path)
    np.testing.assert_array_equal(other.predict_proba(iris[0]), clf.predict_proba(iris[0]))
    assert other.history_ == clf.history_


@pytest.mark.slow_after(3)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "optimizer",
    [
        {"optimizer": "adam", "alpha": 1.0, "batch_normalization": True},
        {"optimizer": "sgd", "optimizer__momentum": 0.9},
    ],
)
@pytest.mark.parametrize("method", ["partial_fit", "fit"])
def test_training_goes_on_with_the_same_bits(way, optimizer, method, iris, tmp_path):
    clf = quick(warm_start=True, **optimizer).fit(*iris)
    other = WAYS[way](clf, tmp_path)
    for estimator in (clf, other):
        getattr(estimator, method)(*iris)
        estimator.partial_fit(*iris)
    assert other.history_ == clf.history_
    np.testing.assert_array_equal(other.predict_proba(iris[0]), clf.predict_proba(iris[0]))


@pytest.mark.parametrize("way", WAYS)
def test_training_a_copy_leaves_the_original_alone(way, iris, tmp_path):
    clf = quick().fit(*iris)
    before = clf.predict_proba(iris[0])
    other = WAYS[way](clf, tmp_path)
    other.partial_fit(*iris)
    np.testing.assert_array_equal(clf.predict_proba(iris[0]), before)
    assert not np.array_equal(other.predict_proba(iris[0]), before)


def test_settings_changed_after_fit_do_not_disturb_a_copy(iris):
    clf = quick().fit(*iris)
    clf.set_params(hidden_layer_sizes=(5, 5), dtype_policy="float64", loss="mse")
    other = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(other.predict_proba(iris[0]), clf.predict_proba(iris[0]))


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "params",
    [
        {"optimizer": keras.optimizers.SGD(0.1)},
        {"optimizer": keras.optimizers.SGD, "learning_rate": 0.1},
        {"loss": keras.losses.MeanSquaredError()},
        {"metrics": [keras.metrics.CategoricalAccuracy()], "loss": "categorical_crossentropy"},
        {"callbacks": keras.callbacks.TerminateOnNaN()},
        {"activation": cubed},
        {"activation": keras.activations.gelu},
        {"learning_rate": keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)},
        {"dtype_policy": "float64"},
    ],
)
def test_keras_objects_among_the_parameters(params, iris):
    clf = quick(**params).fit(*iris)
    other = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(other.predict_proba(iris[0]), clf.predict_proba(iris[0]))
    assert other.partial_fit(*iris).history_ == clf.partial_fit(*iris).history_


def make_power(exponent):
    def act(x):
        return keras.ops.sign(x) * keras.ops.power(keras.ops.abs(x) + 1e-3, exponent)

    return act


def relu(x):
    return -x


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("activation", [[make_power(0.5), make_power(1.5)], ["relu", relu], lambda x: x**2])
def test_functions_with_any_name_survive_a_copy(activation, iris):
    clf = quick(activation=activation, hidden_layer_sizes=(8, 8)).fit(*iris)
    other = copy.deepcopy(clf)
    np.testing.assert_array_equal(other.predict_proba(iris[0]), clf.predict_proba(iris[0]))
    assert other.partial_fit(*iris).history_ == clf.partial_fit(*iris).history_


@pytest.mark.slow
def test_a_pipeline_is_loaded_in_another_process(digits, tmp_path):
    pipe = make_pipeline(ScaleToUnit(), CNNClassifier((4,), epochs=1, random_state=0)).fit(digits.images, digits.target)
    joblib.dump(pipe, tmp_path / "pipe.joblib")
    code = (
        "import sys, joblib, numpy as np; from sklearn.datasets import load_digits; "
        f"pipe = joblib.load({str(tmp_path / 'pipe.joblib')!r}); "
        "assert 'tensorflow' not in sys.modules; "
        f"np.save({str(tmp_path / 'there.npy')!r}, pipe.predict_proba(load_digits().images))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "there.npy"), pipe.predict_proba(digits.images))


def test_a_file_is_about_the_size_of_weights_and_optimizer_state(digits):
    clf = DNNClassifier((500, 100), epochs=1).fit(digits.data, digits.target)
    n_bytes = 3 * 4 * clf.model_.count_params()  # Adam keeps two values for each weight
    assert len(pickle.dumps(clf)) < 1.1 * n_bytes + 20_000


def test_an_unfitted_pipeline_is_copied_without_tensorflow():
    code = (
        "import sys, pickle; from sklearn.base import clone; from sklearn.pipeline import make_pipeline; "
        "from skdeep import *; "
        "pipe = clone(make_pipeline(Flatten(), ScaleToUnit(), DNNClassifier(), )); "
        "pickle.loads(pickle.dumps([pipe, CNNClassifier(), MLPClassifier()])); repr(pipe); pipe.get_params(); "
        "assert not {'tensorflow', 'keras', 'scikeras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert Flatten().fit_transform(np.zeros((2, 2, 2))).shape == (2, 4)
