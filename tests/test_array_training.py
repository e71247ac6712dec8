"""Training by NumPy: the same mathematics as Keras's fit, the same bits in every way to train, and no framework."""

import gc
import os
import pickle
import subprocess
import sys
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as ScikitLearns

import skdeep
from skdeep import CNNClassifier, DNNClassifier, DNNRegressor, KerasClassifier, MLPClassifier, programs
from skdeep._inference import blas
from skdeep._networks import initial_values, recipes
from skdeep._training import epochs, layers
from skdeep._training.activations import ACTIVATIONS
from skdeep._training.array_program import ArrayProgram


def quick(**params):
    return DNNClassifier(**{"hidden_layer_sizes": (12, 6), "epochs": 3, "random_state": 0} | params)


def names_of(params):
    """Return an id that is the same in all processes of a test run."""
    return "-".join(f"{name}={getattr(each, '__name__', type(each).__name__)}" for name, each in params.items())


def weights(estimator):
    return [weight.copy() for weight in estimator.model_.get_weights()]


def assert_same_bits(one, other, X):
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    assert one.history_ == other.history_


class Watches(keras.callbacks.Callback):
    """A callback of the user's, which has the Keras model."""


class WatchesBatches(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.last = dict(logs)


# ---------------------------------------------------------------------------------------------------------------------
# The same as Keras
# ---------------------------------------------------------------------------------------------------------------------

OPTIMIZERS = [
    {},
    {"optimizer__beta_1": 0.5, "optimizer__beta_2": 0.9, "optimizer__epsilon": 1e-3},
    {"optimizer": "adamw"},
    {"optimizer": "adamw", "optimizer__weight_decay": 0.1},
    {"optimizer": "sgd", "learning_rate": 0.1},
    {"optimizer": "sgd", "optimizer__momentum": 0.9},
    {"optimizer": "sgd", "optimizer__momentum": 0.9, "optimizer__nesterov": True},
    {"optimizer": "rmsprop"},
    {"optimizer": "rmsprop", "optimizer__rho": 0.5},
]
# Learned by Keras's own formulas where TensorFlow trains; see test_training.py for Keras's `fit` itself.
NETWORKS = [
    *({"activation": name} for name in ACTIVATIONS if name != "softmax"),
    {"activation": "softmax"},
    {"activation": ("tanh", "relu")},
    {"batch_normalization": True},
    {"batch_normalization": True, "activation": "tanh", "alpha": 1.0},
    {"alpha": 3.0},
    {"hidden_layer_sizes": ()},
    {"hidden_layer_sizes": 7},
    {"frozen_layers": "hidden_1"},
    {"frozen_layers": ("hidden_2", "output"), "alpha": 1.0},
    {"frozen_layers": ("hidden_1", "hidden_1_normalization"), "batch_normalization": True},
    {"loss": "mse"},
    {"loss": "mean_absolute_error"},
    {"loss": "categorical_crossentropy"},
    {"loss": "mse", "output_activation": "sigmoid"},
    {"loss": "binary_crossentropy", "output_activation": "sigmoid"},
    {"metrics": None},
    {"metrics": ["acc"]},
    {"metrics": ["accuracy", "sparse_categorical_accuracy"]},
    {"class_weight": {0: 1, 1: 2, 2: 3}},
    {"batch_size": 150},
    {"batch_size": 7},
    {"batch_size": 1, "epochs": 1},
]


def by_both(estimator, X, y, monkeypatch, **arguments):
    """Return the estimator as NumPy trains it, and as TensorFlow does."""
    ours = clone(estimator).fit(X, y, **arguments)
    assert ours.summary().trained_by == "NumPy"
    with monkeypatch.context() as patched:
        patched.setattr(recipes, "_MOST_WORK", 0)
        theirs = clone(estimator).fit(X, y, **arguments)
        assert theirs.summary().trained_by == "TensorFlow"
    return ours, theirs


def assert_near(ours, theirs):
    for one, other in zip(ours.model_.get_weights(), theirs.model_.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=2e-5)
    for one, other in zip(ours.model_.optimizer.variables, theirs.model_.optimizer.variables, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    assert list(ours.history_) == list(theirs.history_)
    for name, values in ours.history_.items():
        np.testing.assert_allclose(values, theirs.history_[name], rtol=1e-3, atol=1e-5, err_msg=name)


@pytest.mark.slow_after(4)
@pytest.mark.parametrize("params", [*NETWORKS, *OPTIMIZERS], ids=str)
def test_what_tensorflow_learns(params, iris, monkeypatch):
    X, y = iris
    clf = quick(dropout=0, **params)
    sample_weight = np.linspace(0.5, 1.5, 150)
    assert_near(*by_both(clf, X, y, monkeypatch, sample_weight=sample_weight, X_val=X[::3], y_val=y[::3]))


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("loss", ["mse", "mae"])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("metrics", [None, "mae", ["mse", "mean_absolute_error"]])
def test_what_tensorflow_learns_of_numbers(loss, n_outputs, metrics, iris, monkeypatch):
    X, y = iris[0], (iris[0] @ np.arange(12.0).reshape(4, 3)[:, :n_outputs]).squeeze()
    reg = DNNRegressor((12,), loss=loss, metrics=metrics, dropout=0, epochs=3, alpha=0.1, random_state=0)
    assert_near(*by_both(reg, X, y, monkeypatch))


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("kind", ["two classes", "two classes by softmax", "one-hot", "multilabel"])
def test_what_tensorflow_learns_of_every_kind_of_targets(kind, iris, monkeypatch):
    X, y = iris
    params = {"output_activation": "softmax"} if "softmax" in kind else {}
    y = {"one-hot": np.eye(3)[y], "multilabel": np.stack([y > 0, y > 1, y != 1], axis=1) * 1}.get(kind, y > 0)
    assert_near(*by_both(quick(dropout=0, **params), X, y, monkeypatch))


def test_a_linear_network_finds_the_ridge_regression(rng):
    """An independent formula for the penalty, the loss and the optimizer's aim."""
    X = rng.normal(size=(200, 5))
    y = X @ np.arange(5.0) + rng.normal(size=200)
    reg = DNNRegressor((), dropout=0, alpha=20.0, epochs=2000, batch_size=200, scale_targets=False, random_state=0)
    reg.set_params(optimizer="sgd", learning_rate=0.05).fit(X, y)
    expected = Ridge(alpha=20.0).fit(X, y)
    np.testing.assert_allclose(reg.model_.get_weights()[0][:, 0], expected.coef_, rtol=1e-3)
    np.testing.assert_allclose(reg.model_.get_weights()[1][0], expected.intercept_, atol=1e-3)


@pytest.mark.parametrize("rate", [0.25, 0.75])
def test_dropout_drops_units_and_scales_the_others(rate):
    """With one hidden unit, the loss tells in how many rows it was dropped."""
    X, y = np.ones((20_000, 1)), np.arange(20_000) % 2
    clf = DNNClassifier(1, activation="linear", dropout=rate, epochs=1, batch_size=20_000, loss="mse")
    clf.set_params(optimizer="sgd", learning_rate=1e-30, random_state=5).fit(X, y)
    assert clf.summary().trained_by == "NumPy"
    weight = clf.model_.get_weights()
    kept, dropped = (1 / (1 + np.exp(-value)) for value in (weight[0].item() * weight[2].item() / (1 - rate), 0))
    errors = [np.mean((value - y) ** 2) for value in (kept, dropped)]
    assert (clf.history_["loss"][0] - errors[0]) / (errors[1] - errors[0]) == pytest.approx(rate, abs=0.02)


def test_dropout_with_tensorflow_s_masks_learns_what_tensorflow_learns(iris, monkeypatch):
    """Which units are dropped is all in which they differ."""

    def forward(self, inputs, training):
        if not training:
            return inputs
        ones, seed = np.ones(inputs.shape, dtype=np.float32), self._state.astype(np.int32)
        self._state[1] += 1
        self._mask = tf.nn.experimental.stateless_dropout(ones, 0.5, seed=seed).numpy()
        return inputs * self._mask

    monkeypatch.setattr(layers.Dropout, "forward", forward)
    clf = quick(hidden_layer_sizes=(40, 30), activation=("tanh", "softmax"), dropout=0.5, epochs=5)
    assert_near(*by_both(clf, *iris, monkeypatch))


def test_masks_differ_by_layer_step_and_seed():
    from_seeds = []
    for seed in (0, 1):
        clf = DNNClassifier((64, 64), dropout=0.5, epochs=2, batch_size=50, learning_rate=1e-30, random_state=seed)
        clf.fit(np.zeros((100, 1)), np.arange(100) % 2)
        states = [variable.numpy() for variable in clf.model_.variables if "seed" in variable.path]
        assert [state[1] for state in states] == [4, 4]  # steps, as Keras counts
        from_seeds += [int(state[0]) for state in states]
    assert len(set(from_seeds)) == 4


# ---------------------------------------------------------------------------------------------------------------------
# The same bits
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.slow_after(2)
@pytest.mark.parametrize(
    "params", [{}, {"batch_normalization": True}, {"optimizer": "sgd", "optimizer__momentum": 0.9}, {"alpha": 1.0}]
)
def test_whoever_has_the_model(params, iris, tmp_path):
    """Before and after it was asked for, with callbacks, copied, pickled and saved."""
    X, y = iris
    clf = quick(dropout=0.3, validation_fraction=0.2, **params).fit(X, y)
    for callback in (Watches(), WatchesBatches(), keras.callbacks.TerminateOnNaN()):
        other = clone(clf).set_params(callbacks=callback).fit(X, y)
        assert other.summary().trained_by == "NumPy"
        assert_same_bits(other, clf, X)
    skdeep.save(clf, tmp_path / "file")
    seen = clone(clf).fit(X, y)
    assert seen.model_.count_params() > 0
    copies = [seen, pickle.loads(pickle.dumps(clf)), pickle.loads(pickle.dumps(seen)), skdeep.load(tmp_path / "file")]
    clf.partial_fit(X, y)
    for copy in copies:
        copy.partial_fit(X, y)
        assert_same_bits(copy, clf, X)


def trained_adam():
    optimizer = keras.optimizers.Adam()
    variable = keras.Variable(np.ones(3, np.float32))
    for _ in range(3):
        optimizer.apply([np.ones(3, np.float32)], [variable])
    return optimizer


def test_forms_of_the_same_parameters(iris):
    X, y = iris
    expected = quick(optimizer="adam", loss="sparse_categorical_crossentropy").fit(X, y)
    forms = [
        {"optimizer": keras.optimizers.Adam},
        {"optimizer": keras.optimizers.Adam()},
        {"optimizer": trained_adam()},
        {"optimizer": "adam", "learning_rate": 0.001},
        {"optimizer": "adam", "optimizer__learning_rate": 0.001},
        {"optimizer": keras.optimizers.Adam(0.7), "learning_rate": 0.001},
        {"loss": keras.losses.SparseCategoricalCrossentropy},
        {"loss": keras.losses.SparseCategoricalCrossentropy()},
        {"loss": keras.losses.sparse_categorical_crossentropy},
        {"kernel_initializer": keras.initializers.GlorotUniform},
        {"kernel_initializer": keras.initializers.GlorotUniform()},
        {"kernel_initializer": "GlorotUniform"},
    ]
    for form in forms:
        clf = quick(**form).fit(X, y)
        assert clf.summary().trained_by == "NumPy", form
        assert_same_bits(clf, expected, X)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "params",
    [
        {"optimizer": keras.optimizers.Adam(clipnorm=1.0)},
        {"optimizer": keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.01, 3, 0.5))},
        {"optimizer": type("Own", (keras.optimizers.Adam,), {})},
        {"optimizer": "adam", "optimizer__amsgrad": True},
        {"optimizer": "nadam"},
        {"loss": keras.losses.SparseCategoricalCrossentropy(ignore_class=1)},
        {"loss": "kl_divergence"},
        {"loss": lambda y, outputs: keras.ops.mean(keras.ops.square(y - outputs), axis=-1)},
        {"metrics": "auc"},
        {"metrics": [keras.metrics.SparseCategoricalAccuracy()]},
        {"activation": keras.activations.relu},
        {"activation": "celu"},
        {"dtype_policy": "float64"},
        {"hidden_layer_sizes": (3000,), "batch_size": 10_000},
    ],
    ids=names_of,
)
def test_all_else_is_left_to_tensorflow(params, iris):
    X, y = iris
    if "batch_size" in params:
        X, y = np.tile(X, (70, 1)), np.tile(y, 70)
    assert quick(epochs=1, **params).fit(X, y).summary().trained_by == "TensorFlow"


def test_errors_of_a_regressor_are_those_of_its_outputs(iris):
    X, y = iris
    for loss, activation in (("binary_crossentropy", "sigmoid"), ("mse", "sigmoid"), ("mae", "tanh")):
        reg = DNNRegressor((8,), loss=loss, output_activation=activation, metrics=["mae", "mse"], scale_targets=False)
        reg.set_params(dropout=0, learning_rate=1e-20, epochs=1, random_state=0).fit(X, y > 0)
        errors = reg.predict(X) - (y > 0)
        assert reg.history_["mae"][0] == pytest.approx(np.abs(errors).mean(), rel=1e-5)
        assert reg.history_["mse"][0] == pytest.approx(np.square(errors).mean(), rel=1e-5)


def excluding_adamw():
    optimizer = keras.optimizers.AdamW(0.05, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["kernel"])
    return optimizer


@pytest.mark.parametrize(
    "params",
    [
        lambda: {"optimizer": excluding_adamw()},
        lambda: {"loss": keras.losses.SparseCategoricalCrossentropy(dtype="bfloat16")},
        lambda: {"learning_rate": 1e39, "optimizer": "sgd"},
    ],
)
def test_what_no_config_tells_is_left_to_tensorflow(params, iris):
    specification = quick(**params())._make_network((4,), learned(iris[1]), 150, np.random.default_rng(0)).specification
    assert specification.recipe is None


def learned(y):
    return quick()._learn_targets(y, None)


def test_an_optimizer_of_the_users_that_is_changed_later(iris):
    X, y = iris
    for change in ({"momentum": 0.9}, {"clipnorm": 0.1}):
        optimizer = keras.optimizers.SGD(0.1)
        clf, expected = (quick(optimizer=optimizer, dropout=0.2).fit(X, y) for _ in range(2))
        expected.partial_fit(X, y)
        vars(optimizer).update(change)
        assert_same_bits(clf.partial_fit(X, y), expected, X)


def test_convolutions_are_left_to_tensorflow_whoever_made_them(digits):
    X, y = digits.images[:100], digits.target[:100]
    assert CNNClassifier((4,), epochs=1).fit(X, y).summary().trained_by == "TensorFlow"

    def build(*layers):
        output = keras.layers.Dense(10, "softmax")
        return keras.Sequential([keras.Input((8, 8, 1)), *layers, keras.layers.Flatten(), output])

    X = X[..., np.newaxis]
    clf = KerasClassifier(lambda: build(keras.layers.Conv2D(4, 3)), loss="sparse_categorical_crossentropy", verbose=0)
    assert clf.fit(X, y).summary().trained_by == "TensorFlow"
    assert clone(clf).set_params(model=build).fit(X, y).summary().trained_by == "NumPy"


def test_a_model_that_was_changed_is_left_to_tensorflow(iris):
    X, y = iris
    clf = quick(dropout=0).fit(X, y)
    clf.model_.compile("sgd", "sparse_categorical_crossentropy")
    assert clf.summary().trained_by == "TensorFlow"
    before = weights(clf)
    clf.model_.layers[1].trainable = False
    clf.model_.compile("sgd", "sparse_categorical_crossentropy")
    clf.partial_fit(X, y)
    np.testing.assert_array_equal(clf.model_.get_weights()[0], before[0])
    assert (clf.model_.get_weights()[2] != before[2]).any()


class Schedules(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.model.optimizer.learning_rate = keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)


class SchedulesLater(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.model.optimizer.learning_rate = keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)


class Compiles(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])


class Penalizes(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.model.layers[1].kernel_regularizer.l2 = 1.0


@pytest.mark.parametrize("callback", [Schedules, SchedulesLater, Compiles, Penalizes])
def test_a_model_that_a_callback_changes_is_trained_as_tensorflow_trains_it(callback, iris, monkeypatch):
    X, y = iris
    clf = quick(dropout=0, alpha=1.0, callbacks=callback, optimizer="sgd", learning_rate=0.01)
    ours = clone(clf).fit(X, y)
    assert ours.summary().trained_by == "TensorFlow"
    if callback in (SchedulesLater, Compiles):  # its first epoch is the same
        plain = clone(clf).set_params(callbacks=None).fit(X, y)
        assert ours.history_["loss"][0] == plain.history_["loss"][0]
        assert ours.history_["loss"][1] != pytest.approx(plain.history_["loss"][1], rel=1e-3)
        return
    monkeypatch.setattr(recipes, "_MOST_WORK", 0)
    np.testing.assert_allclose(ours.history_["loss"], clone(clf).fit(X, y).history_["loss"], rtol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        lambda model: setattr(model.layers[1].kernel_regularizer, "l2", 1.0),
        lambda model: setattr(
            model.optimizer, "learning_rate", keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)
        ),
        lambda model: setattr(model.layers[1], "activation", keras.activations.tanh),
    ],
    ids=["penalty", "schedule", "activation"],
)
def test_a_model_that_was_changed_in_place(change, iris):
    X, y = iris
    clf = quick(dropout=0, alpha=1.0).fit(X, y)
    other = pickle.loads(pickle.dumps(clf))
    change(clf.model_)
    assert clf.summary().trained_by == "TensorFlow"
    clf.partial_fit(X, y)
    other.partial_fit(X, y)
    assert not np.allclose(clf.model_.get_weights()[0], other.model_.get_weights()[0], rtol=1e-4)


def test_callbacks_find_the_metrics_in_the_model(iris):
    class Looks(keras.callbacks.Callback):
        seen = []

        def on_epoch_end(self, epoch, logs=None):
            self.seen.append({name: float(value) for name, value in self.model.get_metrics_result().items()})

    clf = quick(callbacks=Looks).fit(*iris)
    assert clf.summary().trained_by == "NumPy"
    for name, values in clf.history_.items():
        np.testing.assert_allclose([each[name] for each in Looks.seen], values, rtol=1e-6)


def test_weights_that_keras_loads_change_no_more_than_the_weights(iris, tmp_path):
    X, y = iris
    clf = quick().fit(X, y)
    clf.model_.save_weights(tmp_path / "model.weights.h5")
    expected = clf.predict_proba(X)
    clf.partial_fit(X, y)
    clf.model_.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(clf.predict_proba(X), expected)
    assert clf.summary().trained_by == "NumPy"


@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_chunks_change_no_bits(data):
    """Where they end hangs on the clock and on memory."""
    n_rows, batch_size = data.draw(st.integers(2, 200)), data.draw(st.integers(1, 60))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    X, y = rng.normal(size=(n_rows, 5)), np.arange(n_rows) % 3
    clf = DNNClassifier((6,), dropout=0.2, batch_normalization=True, batch_size=batch_size, epochs=2, random_state=0)
    first = clone(clf).fit(X, y)
    before = epochs._CHUNK_BYTES
    epochs._CHUNK_BYTES = data.draw(st.integers(1, 3000))
    try:
        assert_same_bits(clone(clf).fit(X, y), first, X)
    finally:
        epochs._CHUNK_BYTES = before


PRINT_DIGEST = """
import hashlib, sys
from sklearn.datasets import load_digits
from skdeep import DNNClassifier
X, y = load_digits(return_X_y=True)
clf = DNNClassifier((100, 50), epochs=2, random_state=0).fit(X / 16, y)
print(hashlib.sha256(clf.predict_proba(X / 16).tobytes()).hexdigest())
"""


@pytest.mark.slow_after(0)
def test_the_number_of_threads_of_blas_changes_no_bits():
    digests = set()
    for n_threads in ("1", "2", None):
        environment = os.environ | ({} if n_threads is None else {"OPENBLAS_NUM_THREADS": n_threads})
        process = subprocess.run(
            [sys.executable, "-c", PRINT_DIGEST], env=environment, capture_output=True, text=True, check=True
        )
        digests.add(process.stdout)
    assert len(digests) == 1


def test_workers_find_the_same_bits(digits):
    X, y = digits.data[:300] / 16, digits.target[:300]
    grid = {"hidden_layer_sizes": [(20,), (30, 10)], "dropout": [0.0, 0.3]}
    alone, beside = (
        GridSearchCV(quick(epochs=2), grid, cv=2, n_jobs=n_jobs).fit(X, y).cv_results_ for n_jobs in (1, 2)
    )
    np.testing.assert_array_equal(alone["mean_test_score"], beside["mean_test_score"])


def test_the_threads_of_blas_are_given_back(iris):
    before = [each.get_num_threads() for each in blas._LIBRARIES]
    quick().fit(*iris)
    assert [each.get_num_threads() for each in blas._LIBRARIES] == before


# ---------------------------------------------------------------------------------------------------------------------
# Without a framework
# ---------------------------------------------------------------------------------------------------------------------

TRAIN = """
import pickle, sys
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skdeep import DNNClassifier, DNNRegressor, MLPClassifier, MLPRegressor
X, y = load_iris(return_X_y=True)
for make in (DNNClassifier, MLPClassifier, DNNRegressor, MLPRegressor):
    model = make_pipeline(StandardScaler(), make(epochs=2, random_state=0, verbose=1))
    model.fit(X, y).predict(X)
    model[-1].set_params(early_stopping=True, warm_start=True).fit(X, y, X_val=X, y_val=y)
    model[-1].set_params(early_stopping=False).partial_fit(X, y)
    pickle.loads(pickle.dumps(model)).fit(X, y).score(X, y)
search = GridSearchCV(DNNClassifier(epochs=1), {"hidden_layer_sizes": [3, (4, 2)], "optimizer": ["adam", "sgd"]})
search.fit(X, y)
names = {name.partition(".")[0] for name in sys.modules}
print(sorted(names & {"tensorflow", "keras", "scikeras", "skops"}))
"""


def test_dense_networks_train_without_a_framework():
    process = subprocess.run([sys.executable, "-c", TRAIN], capture_output=True, text=True, check=True)
    *lines, last = process.stdout.splitlines()
    assert last == "[]"
    assert lines[0].startswith("Epoch 1/2 - 5/5 - 0s - ")


# ---------------------------------------------------------------------------------------------------------------------
# Initial weights
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(600, 400), (3, 3, 80, 120)])
@pytest.mark.parametrize("name", sorted(initial_values._KNOWN))
def test_initial_values_have_the_distribution_of_keras(name, shape):
    ours = initial_values.drawn(name, shape, "float32", seed=1).ravel()
    initializer = keras.initializers.get(name)
    initializer.seed = 0
    theirs = np.array(initializer(shape)).ravel()
    assert ours.dtype == np.float32
    deviation = float(theirs.std())
    assert float(ours.mean()) == pytest.approx(float(theirs.mean()), abs=0.05 * deviation + 1e-9)
    assert float(ours.std()) == pytest.approx(deviation, rel=0.03)
    grid = np.linspace(0.01, 0.99, 25)
    np.testing.assert_allclose(np.quantile(ours, grid), np.quantile(theirs, grid), atol=0.05 * deviation + 1e-9)
    assert np.abs(ours).max() <= np.abs(theirs).max() * 1.2 + 1e-9


def test_the_same_initial_weights_whatever_trains(iris, monkeypatch):
    X, y = iris
    start = {"learning_rate": 1e-30, "epochs": 1}
    estimators = [
        quick(**start),
        quick(batch_normalization=True, bias_initializer="random_normal", dropout=0, **start),
        MLPClassifier(random_state=3, **start),
    ]
    for clf in estimators:
        for one, other in zip(*map(weights, by_both(clf, X, y, monkeypatch)), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


# ---------------------------------------------------------------------------------------------------------------------
# What may go wrong
# ---------------------------------------------------------------------------------------------------------------------


def test_divergence_goes_back_to_finite_weights(iris):
    X, y = iris
    with pytest.warns(match="Training diverged in epoch"):
        clf = quick(optimizer="sgd", learning_rate=1e30, dropout=0, epochs=5).fit(X, y)
    assert np.isfinite(clf.predict_proba(X)).all()


def test_a_fit_that_fails_leaves_the_earlier_model(iris, monkeypatch):
    X, y = iris
    clf = quick().fit(X, y)
    before = clf.predict_proba(X)

    def fail(*arguments, **others):
        raise MemoryError("none left")

    monkeypatch.setattr("skdeep._training.dense_training.DenseTraining.train", fail)
    for train in (clf.fit, clf.partial_fit):
        with pytest.raises(MemoryError):
            train(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), before)


@pytest.mark.parametrize("part", ["model", "optimizer"])
def test_values_of_other_shapes_are_named(part, iris):
    X, y = iris
    clf = quick().fit(X, y)
    state = clf._network.__getstate__()
    values = dict(state["values"])
    values[part] = [*values[part][:-1], np.zeros(7, np.float32)]
    clf._network.__setstate__(state | {"values": values, "steps": None})
    with pytest.raises(ValueError, match=r"A variable of the network has the shape \(3,\). Got one of \(7,\)."):
        clf.partial_fit(X, y)


def test_what_trained_is_gone_without_the_garbage_collector(iris, monkeypatch):
    """It has as much memory as the network and its optimizer."""
    made, init = [], ArrayProgram.__init__

    def noted(self, *arguments):
        init(self, *arguments)
        made.extend([weakref.ref(self), weakref.ref(self._training)])

    monkeypatch.setattr(ArrayProgram, "__init__", noted)
    gc.collect()
    gc.disable()
    try:
        clf = quick(early_stopping=True, validation_fraction=0.2).fit(*iris)
        clf.set_params(early_stopping=False).partial_fit(*iris)
        assert made
        assert [each() for each in made if each() is not None] == []
    finally:
        gc.enable()


def test_networks_of_numpy_take_no_program(iris):
    programs.clear()
    before = programs.info()
    quick().fit(*iris)
    assert programs.info() == before


def test_scores_are_those_of_scikit_learns_network(digits):
    X, y = digits.data / 16, digits.target
    ours = DNNClassifier((50,), dropout=0, epochs=20, random_state=0).fit(X[:1000], y[:1000]).score(X[1000:], y[1000:])
    with pytest.warns(ConvergenceWarning):
        theirs = ScikitLearns((50,), max_iter=20, batch_size=32, random_state=0).fit(X[:1000], y[:1000])
    assert ours == pytest.approx(theirs.score(X[1000:], y[1000:]), abs=0.02)
