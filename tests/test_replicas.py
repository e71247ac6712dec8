"""Training on two devices at once: two logical CPUs, in a process of their own, since they must come first there."""

import copy
import functools
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from joblib.externals.loky import ProcessPoolExecutor
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import (
    CNNClassifier,
    DNNClassifier,
    DNNRegressor,
    KerasClassifier,
    KerasRegressor,
    StopAtMetric,
    programs,
)

pytestmark = pytest.mark.slow


def make_two_cpus():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


@pytest.fixture(scope="module")
def other_process():
    with ProcessPoolExecutor(max_workers=1, initializer=make_two_cpus) as executor:
        yield executor


def on_two_cpus(test):
    """Run a test function in the process with two logical CPUs."""

    def run(other_process):
        other_process.submit(_run, test.__name__).result(timeout=120)

    run.__name__, run.__doc__, run.body = test.__name__, test.__doc__, test
    return run


def _run(name):
    globals()[name].body()


@functools.cache
def strategy():
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@functools.cache
def data():
    X, y = load_digits(return_X_y=True)
    return X[:600] / 16, y[:600]


def quick(**params):
    given = {"optimizer": "sgd", "learning_rate": 0.1, "dropout": 0, "batch_size": 40, "epochs": 3, "random_state": 0}
    return DNNClassifier((16,), **given | params)


def weights(estimator):
    return np.concatenate([weight.ravel() for weight in estimator.model_.get_weights()])


def fitted_on_both(estimator, *arguments, **named):
    with strategy().scope():
        return estimator.fit(*(arguments or data()), **named)


@on_two_cpus
def test_there_are_two_devices_with_the_same_weights():
    clf = fitted_on_both(quick())
    assert tf.distribute.has_strategy() is False
    for weight in clf.model_.weights:
        first, second = weight.value.values
        assert first.device.endswith("CPU:0")
        assert second.device.endswith("CPU:1")
        np.testing.assert_array_equal(first.numpy(), second.numpy())


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"optimizer": "adam", "learning_rate": 0.001},
        {"optimizer": "adamw", "learning_rate": 0.001},
        {"optimizer__momentum": 0.9},
        {"alpha": 0.5},
        {"class_weight": "balanced"},
        {"validation_fraction": 0.2},
        {"early_stopping": True, "epochs": 8, "n_iter_no_change": 2},
        {"loss": "mse"},
        {"dtype_policy": "float64"},
        {"callbacks": StopAtMetric(value=0.4)},
    ],
    ids=str,
)
def test_the_same_training_as_on_one_device(params, other_process):
    other_process.submit(compare_with_one_device, params).result(timeout=120)


def compare_with_one_device(params):
    X, y = data()
    alone = quick(**params).fit(X, y)
    assert alone.n_iter_ >= 2
    both = fitted_on_both(quick(**params))
    np.testing.assert_allclose(weights(both), weights(alone), atol=2e-5)
    assert both.history_.keys() == alone.history_.keys()
    for name, values in alone.history_.items():
        np.testing.assert_allclose(both.history_[name], values, rtol=1e-4, atol=2e-3, err_msg=name)
    np.testing.assert_allclose(both.predict_proba(X), alone.predict_proba(X), atol=1e-4)


@on_two_cpus
def test_uneven_shares_are_those_of_keras():
    """A batch of three rows is shared as one and two, and the mean of their means counts."""
    X, y = data()
    params = {"batch_size": 3, "shuffle": False}
    both = fitted_on_both(quick(**params))
    alone = quick(**params).fit(X, y, sample_weight=np.tile([1.5, 0.75, 0.75], 200))
    np.testing.assert_allclose(weights(both), weights(alone), atol=1e-5)
    assert not np.allclose(weights(both), weights(quick(**params).fit(X, y)), atol=1e-3)


@on_two_cpus
def test_a_last_batch_of_one_row():
    X, y = data()
    both = fitted_on_both(quick(), X[:561], y[:561])
    np.testing.assert_allclose(weights(both), weights(quick().fit(X[:561], y[:561])), atol=1e-5)


@on_two_cpus
def test_the_same_bits_again():
    X, _ = data()
    first, second = (fitted_on_both(quick(dropout=0.3, optimizer="adam")) for _ in range(2))
    assert first.history_ == second.history_
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    # Each device draws the same masks: their random states, of which one is saved, go on alike.
    (seed,) = [variable.value for variable in first.model_.variables if "seed" in variable.name]
    ours, theirs = (copied.numpy() for copied in seed.values)
    np.testing.assert_array_equal(ours, theirs)
    assert ours[1] == 45  # steps: three epochs of 15 batches


@on_two_cpus
def test_such_networks_are_not_reused():
    X, y = data()
    expected = quick(optimizer="nadam").fit(X, y).history_
    before = programs.info()
    fitted_on_both(quick(optimizer="nadam"))
    fitted_on_both(quick(optimizer="nadam"))
    assert programs.info()["reused"] == before["reused"]
    assert quick(optimizer="nadam").fit(X, y).history_ == expected
    assert programs.info()["reused"] == before["reused"] + 1


@on_two_cpus
def test_other_estimators():
    X, y = data()
    images = X.reshape(-1, 8, 8)
    cnn = CNNClassifier((4,), optimizer="sgd", dropout=0, batch_size=40, epochs=2, random_state=0)
    regressor = DNNRegressor((8,), dropout=0, batch_size=40, epochs=2, random_state=0)

    def build():
        layers = [keras.layers.Dense(8, activation="relu"), keras.layers.Dense(10, activation="softmax")]
        return keras.Sequential([keras.Input((64,)), *layers])

    own = KerasClassifier(build, loss="sparse_categorical_crossentropy", batch_size=40, epochs=2, random_state=0)
    for estimator, rows, target in [(cnn, images, y), (regressor, X, y), (own, X, y)]:
        alone = copy.deepcopy(estimator).fit(rows, target)
        both = fitted_on_both(estimator, rows, target)
        assert len(both.model_.weights[0].value.values) == 2
        np.testing.assert_allclose(weights(both), weights(alone), atol=1e-4)


@on_two_cpus
def test_within_a_search():
    X, y = data()
    search = GridSearchCV(make_pipeline(StandardScaler(), quick()), {"dnnclassifier__learning_rate": [0.01, 0.1]}, cv=2)
    scores = copy.deepcopy(search).fit(X, y).cv_results_["mean_test_score"]
    np.testing.assert_allclose(fitted_on_both(search).cv_results_["mean_test_score"], scores, atol=0.01)
    assert len(search.best_estimator_[-1].model_.weights[0].value.values) == 2


@on_two_cpus
def test_copies_go_on_with_any_devices():
    X, y = data()
    both = fitted_on_both(quick(optimizer="adam", learning_rate=0.001))
    expected = both.predict_proba(X)
    there = pickle.loads(pickle.dumps(both))
    np.testing.assert_array_equal(there.predict_proba(X), expected)
    assert not hasattr(there.model_.weights[0].value, "values")
    on_one = there.partial_fit(X, y)
    again = copy.deepcopy(both)
    with strategy().scope():
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(both)).predict_proba(X), expected)
        again.set_params(warm_start=True, epochs=1).fit(X, y)
    assert len(again.model_.weights[0].value.values) == 2
    both.partial_fit(X, y)  # which is on both, in the scope or not
    assert len(both.model_.weights[0].value.values) == 2
    np.testing.assert_allclose(weights(both), weights(on_one), atol=2e-5)


@on_two_cpus
def test_warm_start():
    X, y = data()
    clf = quick(warm_start=True).fit(X, y)
    expected = copy.deepcopy(clf).fit(X, y)
    fitted_on_both(clf)
    assert clf.n_iter_ == 6
    np.testing.assert_allclose(weights(clf), weights(expected), atol=1e-5)


@on_two_cpus
def test_training_on_in_the_scope_with_a_network_made_outside_is_an_error():
    X, y = data()
    clf = quick(optimizer="nadam").fit(X, y)
    expected = clf.predict_proba(X)

    def check(clf):
        with strategy().scope():
            for _ in range(2):
                with pytest.raises(ValueError, match="cannot go on in the scope of this MirroredStrategy"):
                    clf.partial_fit(X, y)
                np.testing.assert_array_equal(clf.predict_proba(X), expected)
        assert not hasattr(clf.model_.weights[0].value, "values")
        return clf.partial_fit(X, y).predict_proba(X)

    copied = check(copy.deepcopy(clf))
    before = programs.info()["reused"]
    quick(optimizer="nadam", random_state=1).fit(X, y)
    assert programs.info()["reused"] == before + 1  # so that the program of clf is gone
    np.testing.assert_array_equal(check(clf), copied)


@on_two_cpus
def test_one_device_of_several():
    X, y = data()
    for optimizer in ("sgd", "adam"):
        clf = quick(optimizer=optimizer, learning_rate=0.01)
        alone = copy.deepcopy(clf).fit(X, y)
        with tf.distribute.OneDeviceStrategy("CPU:1").scope():
            clf.fit(X, y)
        assert {weight.value.device[-5:] for weight in clf.model_.weights} == {"CPU:1"}
        np.testing.assert_allclose(weights(clf), weights(alone), atol=1e-5)


@on_two_cpus
def test_distributions_of_keras_have_no_effect():
    """Keras has them for its JAX backend; that of TensorFlow takes them and trains as before."""
    X, y = data()
    expected = quick().fit(X, y).history_
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=["cpu:0", "cpu:1"]))
    try:
        assert quick().fit(X, y).history_ == expected
    finally:
        keras.distribution.set_distribution(None)


@on_two_cpus
def test_objects_made_outside_of_the_scope_train_in_it():
    metric = keras.metrics.SparseCategoricalAccuracy("accuracy")
    clf = quick(optimizer=keras.optimizers.SGD(0.7, momentum=0.5), learning_rate=0.1, metrics=metric)
    in_scope = fitted_on_both(clf).history_
    by_name = fitted_on_both(quick(optimizer__momentum=0.5)).history_
    assert in_scope == by_name
    alone = clf.fit(*data()).history_  # and outside of it again
    for name in alone:
        np.testing.assert_allclose(in_scope[name], alone[name], rtol=1e-4)


class OwnStep(keras.Model):
    def train_step(self, data):
        x, y = data[:2]
        with tf.GradientTape() as tape:
            loss = keras.ops.mean(keras.ops.square(self(x, training=True)[:, 0] - keras.ops.reshape(y, (-1,))))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"mine": loss}


def own_step():
    inputs = keras.Input((64,))
    model = OwnStep(inputs, keras.layers.Dense(1, kernel_initializer="zeros")(inputs))
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model


@on_two_cpus
def test_what_an_own_step_returns_is_the_mean_over_replicas_as_in_keras():
    X, y = data()
    reg = fitted_on_both(KerasRegressor(own_step, epochs=2, batch_size=40, shuffle=False, verbose=0))
    with strategy().scope():
        theirs = own_step().fit(X, y.astype(np.float32), 40, 2, verbose=0, shuffle=False).history
    np.testing.assert_allclose(reg.history_["mine"], theirs["mine"], rtol=1e-5)


@on_two_cpus
def test_the_penalty_of_a_smaller_batch_is_that_of_one_device():
    clf = quick(alpha=5.0, batch_size=70)
    np.testing.assert_allclose(fitted_on_both(clf).history_["loss"], clf.fit(*data()).history_["loss"], rtol=1e-5)


@on_two_cpus
def test_learning_rates_fall_on_all_devices():
    X, y = load_digits(return_X_y=True)
    X, y = X[:256] / 16, y[:256]
    settings = {"epochs": 2, "batch_size": 64, "dropout": 0.0, "random_state": 0}
    with strategy().scope():
        named = DNNClassifier(**settings, learning_rate="cosine", learning_rate__max=0.01).fit(X, y)
        schedule = keras.optimizers.schedules.CosineDecay(0.01, 8)
        by_object = DNNClassifier(**settings, learning_rate=schedule).fit(X, y)
    np.testing.assert_allclose(named.history_["loss"], by_object.history_["loss"], rtol=1e-4)
    np.testing.assert_allclose(named.history_["learning_rate"], [float(schedule(3)), float(schedule(7))], rtol=1e-4)
