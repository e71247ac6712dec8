"""The loop: the same mathematics as Keras's fit, and the same calls of callbacks."""

import pickle
import threading
import tracemalloc

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdeep
from skdeep import CNNClassifier, DNNClassifier, KerasRegressor
from skdeep._data.rows import Rows
from skdeep._engine import application
from skdeep._engine.program import Program
from skdeep._inference import layer_stack
from skdeep._training import epochs
from skdeep._training.trainer import Plan, train


def plain(**params):
    """A network whose training holds no random draw after the initial weights."""
    return DNNClassifier((12,), **{"dropout": 0, "shuffle": False, "random_state": 0, "batch_size": 32} | params)


def keras_twin(estimator, X, n_classes=3):
    """Return an uncompiled Keras model with the initial weights of the estimator's fit."""
    untrained = DNNClassifier(**estimator.get_params()).set_params(
        learning_rate=None, optimizer="sgd", optimizer__learning_rate=1e-30, epochs=1, loss="auto", metrics=None
    )
    for name in [name for name in untrained.get_params() if "__" in name and name != "optimizer__learning_rate"]:
        delattr(untrained, name)
    return keras.models.clone_model(untrained.fit(X, np.arange(len(X)) % n_classes).model_), untrained.model_


OPTIMIZERS = {
    "adam": ({"optimizer": "adam"}, lambda: keras.optimizers.Adam()),
    "adam with amsgrad": (
        {"optimizer": "adam", "optimizer__amsgrad": True},
        lambda: keras.optimizers.Adam(amsgrad=True),
    ),
    "adam with weight decay": (
        {"optimizer": "adamw", "optimizer__weight_decay": 0.01, "optimizer__beta_1": 0.8},
        lambda: keras.optimizers.AdamW(weight_decay=0.01, beta_1=0.8),
    ),
    "adam with averages of weights": (
        {"optimizer": "adam", "optimizer__use_ema": True, "optimizer__ema_momentum": 0.9},
        lambda: keras.optimizers.Adam(use_ema=True, ema_momentum=0.9),
    ),
    "adam with accumulated gradients": (
        {"optimizer": "adam", "optimizer__gradient_accumulation_steps": 3},
        lambda: keras.optimizers.Adam(gradient_accumulation_steps=3),
    ),
    "adam with scaled loss": (
        {"optimizer": keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(), initial_scale=8.0)},
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(), initial_scale=8.0),
    ),
    "sgd with momentum": (
        {"optimizer": "sgd", "learning_rate": 0.05, "optimizer__momentum": 0.9},
        lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    ),
    "rmsprop": ({"optimizer": "rmsprop"}, lambda: keras.optimizers.RMSprop()),
    "gradient clipping": (
        {"optimizer": "sgd", "optimizer__clipnorm": 0.01},
        lambda: keras.optimizers.SGD(clipnorm=0.01),
    ),
    "learning-rate schedule": (
        {"optimizer": "adam", "learning_rate": keras.optimizers.schedules.ExponentialDecay(0.01, 3, 0.5)},
        lambda: keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.01, 3, 0.5)),
    ),
}
# Means of 1, so that skdeep's scaling changes nothing.
WEIGHTS = {
    "no weights": ({}, None),
    "sample_weight": ({}, np.linspace(0.5, 1.5, 150)),
    "class_weight": ({"class_weight": {0: 0.25, 1: 0.75, 2: 2.0}}, None),
}


def assert_same_training(ours, theirs, our_history, their_history):
    for weight, keras_weight in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(weight, keras_weight, rtol=1e-4, atol=1e-6)
    # Keras tells the learning rate only where a callback of its own changes it.
    assert set(our_history) - {"learning_rate"} == set(their_history) - {"learning_rate"}
    for name in their_history:
        values = our_history[name]
        np.testing.assert_allclose(values, their_history[name], rtol=1e-4)


@pytest.mark.slow_after(4)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "mean_squared_error"])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_same_weights_and_history_as_keras_fit(optimizer, loss, weights, iris):
    """150 rows in batches of 32, so the last batch of an epoch is a partial one."""
    X, y = iris[0].astype(np.float32), iris[1]
    params, make_optimizer = OPTIMIZERS[optimizer]
    class_weight, sample_weight = WEIGHTS[weights]
    clf = plain(loss=loss, epochs=2, **params, **class_weight)
    model, untrained = keras_twin(clf, X)
    model.set_weights(untrained.get_weights())
    model.compile(optimizer=make_optimizer(), loss=loss, weighted_metrics=["accuracy"])
    targets = y if loss.startswith("sparse") else np.eye(3, dtype=np.float32)[y]
    validation = (X[:50], targets[:50])
    expected = model.fit(
        X,
        targets,
        32,
        2,
        verbose=0,
        shuffle=False,
        sample_weight=sample_weight,
        **class_weight,
        validation_data=validation,
    )
    clf.fit(X, y, sample_weight, X_val=X[:50], y_val=y[:50])
    assert_same_training(clf.model_, model, clf.history_, expected.history)


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("weighted", [False, True])
def test_same_training_of_a_model_with_regularisers_and_batch_normalisation(optimizer, weighted, iris):
    X, y = iris[0].astype(np.float32), iris[1].astype(np.int32)
    sample_weight = np.linspace(0.5, 1.5, 150, dtype=np.float32) if weighted else None
    # The same weights in each run: with others, a row may lie so near to a tie that rounding decides on its accuracy.
    start = keras.initializers.GlorotUniform(seed=0)
    l2 = keras.regularizers.L2(0.01)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(12, "relu", kernel_initializer=start, kernel_regularizer=l2),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(8, "relu", kernel_initializer=start, bias_regularizer="l2", activity_regularizer=l2),
            keras.layers.Dense(3, "softmax", kernel_initializer=start),
        ]
    )
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    for each in (model, twin):
        each.compile(OPTIMIZERS[optimizer][1](), "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    expected = twin.fit(
        X, y, 32, 2, verbose=0, shuffle=False, sample_weight=sample_weight, validation_data=(X[:50], y[:50])
    )
    history, *_ = train(
        Program(model),
        Rows(X, (4,), "float32", y, sample_weight),
        Plan(first_epoch=0, epochs=2, batch_size=32, shuffle=False),
        None,
        validation=Rows(X[:50], (4,), "float32", y[:50]),
    )
    assert_same_training(model, twin, history, expected.history)


class GrowingMomentum(keras.callbacks.Callback):
    """Sets the momentum of batch normalizations as the guide says; a model that runs eagerly reads it in each step."""

    def __init__(self, n_rows, batch_size):
        super().__init__()
        self.n_rows, self.batch_size, self.n_steps = n_rows, batch_size, 0

    def on_train_batch_begin(self, batch, logs=None):
        share = min(self.batch_size, self.n_rows - batch * self.batch_size) / self.batch_size
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = 1 - share * max(0.1, 4 / (self.n_steps + 4))
        self.n_steps += 1


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("dtype_policy", ["float32", "float64", "mixed_bfloat16"])
def test_batch_normalization_is_that_of_keras_with_a_momentum_that_grows(dtype_policy, iris):
    X, y = iris[0].astype(np.float32), iris[1]
    X_val, y_val = X[::3], y[::3]
    # In a fixed order, so it takes a mix of the classes; rates so small that rounding is not amplified.
    order = np.random.default_rng(0).permutation(150)
    X, y = X[order], y[order]
    clf = plain(batch_normalization=True, dtype_policy=dtype_policy, optimizer="sgd", epochs=8)
    start = clone(clf).set_params(learning_rate=1e-30, epochs=1).fit(X, y).model_
    model = keras.models.clone_model(start)
    for variable, value in zip(model.trainable_variables, start.trainable_variables, strict=True):
        variable.assign(value)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
    callbacks = [GrowingMomentum(150, 32)]
    expected = model.fit(
        X, y, 32, 8, verbose=0, shuffle=False, validation_data=(X_val, y_val), callbacks=callbacks
    ).history
    clf.fit(X, y, X_val=X_val, y_val=y_val)
    if dtype_policy == "mixed_bfloat16":  # which rounds to three digits, and otherwise where it runs eagerly
        for ours, theirs in zip(clf.model_.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0.05, atol=0.02)
    else:
        assert_same_training(clf.model_, model, clf.history_, expected)
    assert clf.model_.get_layer("hidden_1_normalization").momentum == 0.9


def test_the_first_step_sets_the_averages_of_batch_normalization(iris, tmp_path):
    X, y = iris[0].astype(np.float32), iris[1]
    whole = plain(batch_normalization=True, learning_rate=1e-30, epochs=1, batch_size=150)

    def assert_averages(clf, rows):
        values = clf.model_.get_layer("hidden_1")(rows).numpy()
        layer = clf.model_.get_layer("hidden_1_normalization")
        np.testing.assert_allclose(layer.moving_mean, values.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(layer.moving_variance, values.var(axis=0), rtol=1e-4)

    assert_averages(clone(whole).fit(X, y), X)
    assert_averages(clone(whole).partial_fit(X, y, classes=[0, 1, 2]), X)
    # So does that of another optimizer, on other rows.
    clf = clone(whole).set_params(warm_start=True, epochs=30).fit(X, y)
    assert_averages(clf.set_params(optimizer="sgd", epochs=1).fit(X[::2], y[::2]), X[::2])
    assert_averages(clone(whole).set_params(initial_model=clf).fit(X, y), X)
    clf = clone(whole).set_params(epochs=30).fit(X, y)
    skdeep.save(clf, tmp_path / "file", optimizer=False)
    assert_averages(skdeep.load(tmp_path / "file").partial_fit(X[::2], y[::2]), X[::2])


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("params", [{"alpha": 2.0}, {"batch_normalization": True}, {"alpha": 0.5, "optimizer": "sgd"}])
def test_same_training_with_penalties_and_batch_normalization(params, iris):
    X, y = iris[0].astype(np.float32), iris[1]
    clf = plain(epochs=1, batch_size=50, **params)  # without a smaller last batch, whose penalty is scikit-learn's
    model = keras.models.clone_model(clone(clf).fit(X, y).model_)
    start = clone(clf).set_params(learning_rate=1e-30).fit(X, y).model_  # as it was before training
    for variable, value in zip(model.trainable_variables, start.trainable_variables, strict=True):
        variable.assign(value)
    model.compile(
        params.get("optimizer", "adam"), "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True
    )
    expected = model.fit(X, y, 50, 1, verbose=0, shuffle=False, callbacks=[GrowingMomentum(150, 50)])
    clf.fit(X, y)
    assert_same_training(clf.model_, model, clf.history_, expected.history)


def test_the_loss_with_a_penalty_is_that_of_scikit_learn(iris):
    X, y = iris
    clf = plain(epochs=1, batch_size=150, alpha=7.0, learning_rate=1e-30).fit(X, y)
    squares = sum(np.sum(np.square(layer.kernel)) for layer in clf.model_.layers if layer.weights)
    expected = log_loss(y, clf.predict_proba(X)) + 7.0 / 2 * squares / 150
    assert clf.history_["loss"][0] == pytest.approx(expected, rel=1e-5)


def test_rows_come_in_a_new_order_each_epoch_unless_shuffle_is_off(iris):
    X, y = iris
    in_order, shuffled = plain(epochs=3).fit(X, y), plain(epochs=3, shuffle=True).fit(X, y)
    assert in_order.history_["loss"] != shuffled.history_["loss"]
    one_batch = {"batch_size": 150, "dtype_policy": "float64"}
    np.testing.assert_allclose(
        plain(epochs=3, **one_batch).fit(X, y).history_["loss"],
        plain(epochs=3, shuffle=True, **one_batch).fit(X, y).history_["loss"],
        rtol=1e-6,
    )


class Calls(keras.callbacks.Callback):
    """Records the hooks that are called."""

    log = []

    def on_train_begin(self, logs=None):
        Calls.log.append("train begin")

    def on_train_end(self, logs=None):
        Calls.log.append(f"train end {sorted(logs)}")

    def on_epoch_begin(self, epoch, logs=None):
        Calls.log.append(f"epoch {epoch} begin")

    def on_epoch_end(self, epoch, logs=None):
        Calls.log.append(f"epoch {epoch} end {sorted(logs)}")

    def on_test_begin(self, logs=None):
        Calls.log.append("test begin")

    def on_test_end(self, logs=None):
        Calls.log.append(f"test end {sorted(logs)}")


class BatchCalls(Calls):
    """Records the hooks of batches, too."""

    def on_train_batch_begin(self, batch, logs=None):
        Calls.log.append(f"train batch {batch} begin")

    def on_train_batch_end(self, batch, logs=None):
        Calls.log.append(f"train batch {batch} end {sorted(logs)}")

    def on_test_batch_end(self, batch, logs=None):
        Calls.log.append(f"test batch {batch} end {sorted(logs)}")


@pytest.mark.parametrize("callback", [Calls, BatchCalls])
def test_hooks_are_called_as_by_keras_fit(callback, iris):
    X, y = iris[0].astype(np.float32), iris[1]
    clf = plain(epochs=2, batch_size=60, callbacks=callback)
    Calls.log = ours = []
    clf.fit(X, y, X_val=X[:70], y_val=y[:70])
    model = keras.models.clone_model(clf.model_)
    model.compile("adam", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    Calls.log = expected = []
    model.fit(X, y, 60, 2, verbose=0, callbacks=[callback()], validation_data=(X[:70], y[:70]))
    assert ours == expected


def test_batch_hooks_do_not_change_what_is_learned(iris):
    with_hooks = plain(epochs=3, callbacks=BatchCalls, shuffle=True).fit(*iris)
    without = plain(epochs=3, shuffle=True).fit(*iris)
    assert with_hooks.history_ == without.history_


def test_a_callback_stops_training_after_a_batch(iris):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            Calls.log.append(batch)
            self.model.stop_training = batch == 1

    Calls.log = []
    clf = plain(epochs=5, callbacks=Stop).fit(*iris)
    assert (Calls.log, clf.n_iter_) == ([0, 1], 1)


def test_stop_training_ends_after_the_epoch(iris):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 2

    assert plain(epochs=10, callbacks=Stop).fit(*iris).n_iter_ == 3


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("container", [np.asarray, scipy.sparse.csr_array, "memory map"])
def test_many_chunks_learn_what_one_does(container, tmp_path, monkeypatch, digits):
    X, y = digits.data.astype(np.uint8), digits.target
    expected = plain(epochs=2, shuffle=True).fit(X, y)
    monkeypatch.setattr(epochs, "_CHUNK_BYTES", 100_000)
    if container == "memory map":
        X_map = np.memmap(tmp_path / "X", dtype=np.uint8, mode="w+", shape=X.shape)
        X_map[:] = X
        X = np.memmap(tmp_path / "X", dtype=np.uint8, mode="r", shape=X.shape)
    else:
        X = container(X)
    clf = plain(epochs=2, shuffle=True).fit(X, y)
    for ours, theirs in zip(clf.model_.get_weights(), expected.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(clf.predict_proba(X), expected.predict_proba(digits.data))


def test_batch_size_larger_than_the_data(iris):
    assert plain(batch_size=10_000, epochs=2).fit(*iris).n_iter_ == 2


def test_convolutions_learn_the_same_twice(digits):
    first, second = (
        CNNClassifier((8,), epochs=2, random_state=0).fit(digits.images, digits.target).history_ for _ in range(2)
    )
    assert first == second


class TestInterrupt:
    class At(keras.callbacks.Callback):
        """Interrupts in a hook of an epoch, as Ctrl-C does; counts the calls of `on_train_end`."""

        def __init__(self, epoch, hook="on_epoch_begin"):
            super().__init__()
            self.epoch = epoch
            self.hook = hook
            self.n_ends = 0

        def on_epoch_begin(self, epoch, logs=None):
            self.now = epoch
            self.interrupt("on_epoch_begin")

        def on_train_batch_end(self, batch, logs=None):
            self.interrupt("on_train_batch_end")

        def on_train_end(self, logs=None):
            self.n_ends += 1
            self.interrupt("on_train_end")

        def interrupt(self, hook):
            if hook == self.hook and self.now == self.epoch:
                raise KeyboardInterrupt

    @staticmethod
    def fit_interrupted(clf, X, y, method="fit", **arguments):
        """Fit, and return the notes of the KeyboardInterrupt."""
        with pytest.raises(KeyboardInterrupt) as caught:
            getattr(clf, method)(X, y, **arguments)
        return caught.value.__notes__

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("hook", ["on_epoch_begin", "on_train_batch_end", "on_train_end"])
    def test_what_was_learned_is_kept_and_training_goes_on(self, hook, iris, tmp_path):
        X, y = iris
        n_epochs = 4 if hook == "on_train_end" else 3
        callback = self.At(3, hook)
        clf = plain(epochs=4, callbacks=callback, validation_fraction=0.2)
        notes = self.fit_interrupted(clf, X, y)
        assert notes == [f"Training ended after {n_epochs} whole epochs; the estimator keeps what it learned."]
        assert callback.n_ends == 1
        assert clf.n_iter_ == clf.best_epoch_ == n_epochs
        assert {len(values) for values in clf.history_.values()} == {n_epochs}
        uninterrupted = plain(epochs=n_epochs, validation_fraction=0.2).fit(X, y)
        assert clf.history_ == uninterrupted.history_
        is_same = (clf.predict_proba(X) == uninterrupted.predict_proba(X)).all()
        assert is_same == (hook != "on_train_batch_end")  # which has learned from one batch more
        clf.set_params(callbacks=None, validation_fraction=None)
        skdeep.save(clf, tmp_path / "interrupted")
        copies = pickle.loads(pickle.dumps(clf)), skdeep.load(tmp_path / "interrupted")
        for each in (clf, *copies):
            assert each.partial_fit(X, y).n_iter_ == n_epochs + 1
            np.testing.assert_array_equal(each.predict_proba(X), clf.predict_proba(X))
        assert clf.set_params(warm_start=True, epochs=2).fit(X, y).n_iter_ == n_epochs + 3

    def test_a_part_of_the_first_epoch_counts_as_learned(self, iris):
        X, y = iris
        clf = plain(epochs=4, callbacks=self.At(0, "on_train_batch_end"))
        assert "after 0 whole epochs" in self.fit_interrupted(clf, X, y)[0]
        assert clf.n_iter_ == clf.best_epoch_ == 0
        assert clf.history_ == {}
        assert clf.predict(X).shape == (150,)
        assert clf.set_params(callbacks=None).partial_fit(X, y).n_iter_ == 1
        assert list(clf.history_) == ["loss", "accuracy"]

    def test_before_the_first_step_the_estimator_is_left_as_it_was(self, iris):
        X, y = iris
        callback = self.At(0)
        clf = plain(epochs=4, callbacks=callback)
        assert self.fit_interrupted(clf, X, y) == ["Nothing was learned yet; the estimator is as it was before."]
        assert callback.n_ends == 1
        with pytest.raises(NotFittedError):
            clf.predict(X)
        clf.set_params(callbacks=None).fit(X, y)
        before, history = clf.predict_proba(X), clf.history_
        clf.set_params(callbacks=self.At(0))
        self.fit_interrupted(clf, X, y)
        clf.set_params(callbacks=self.At(4))
        self.fit_interrupted(clf, X, y, "partial_fit")
        self.fit_interrupted(clf.set_params(warm_start=True), X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), before)
        assert clf.history_ == history
        assert clf.set_params(callbacks=None).partial_fit(X, y).n_iter_ == 5

    def test_in_partial_fit(self, iris):
        X, y = iris
        clf = plain(epochs=2).fit(X, y)
        history, before = clf.history_, clf.predict_proba(X)
        clf.set_params(callbacks=self.At(2, "on_train_batch_end"))
        assert "after 0 whole epochs" in self.fit_interrupted(clf, X, y, "partial_fit")[0]
        assert clf.history_ == history
        assert clf.n_iter_ == clf.best_epoch_ == 2
        assert (clf.predict_proba(X) != before).any()
        assert clf.set_params(callbacks=None).partial_fit(X, y).n_iter_ == 3

    def test_the_best_weights_are_restored(self, iris):
        X, y = iris
        wrong = (y + 1) % 3
        clf = plain(epochs=50, callbacks=self.At(5), early_stopping=True, learning_rate=0.01)
        assert "after 5 whole epochs" in self.fit_interrupted(clf, X, y, X_val=X, y_val=wrong)[0]
        assert clf.best_epoch_ == np.argmin(clf.history_["val_loss"]) + 1 < 5

    def test_own_networks_keep_what_was_learned(self, iris):
        def build():
            return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])

        X = iris[0]
        reg = KerasRegressor(build, loss="mse", epochs=9, verbose=0, callbacks=self.At(3))
        assert "after 3 whole epochs" in self.fit_interrupted(reg, X, X[:, 0], validation_split=0.1)[0]
        assert reg.n_iter_ == 3
        assert reg.predict(X).shape == (150,)
        assert reg.set_params(callbacks=None).partial_fit(X, X[:, 0]).n_iter_ == 4

    def test_the_last_step_of_a_pipeline(self, iris):
        X, y = iris
        pipeline = make_pipeline(StandardScaler(), plain(epochs=9, callbacks=self.At(3)))
        self.fit_interrupted(pipeline, X, y)
        assert pipeline.predict(X).shape == (150,)
        assert pipeline[-1].n_iter_ == 3

    def test_it_ends_a_search_and_a_cross_validation(self, iris):
        search = GridSearchCV(plain(epochs=9, callbacks=self.At(3)), {"alpha": [0, 1]})
        self.fit_interrupted(search, *iris)
        assert not hasattr(search, "cv_results_")
        with pytest.raises(KeyboardInterrupt):
            cross_val_score(search.estimator, *iris)

    def test_an_error_at_the_end_does_not_take_its_place(self, iris):
        """A search would take it for one of a single fit and go on."""

        class Fails(keras.callbacks.Callback):
            def on_train_end(self, logs=None):
                raise OSError("disk full")

        clf = plain(epochs=9, callbacks=[self.At(3), Fails()])
        with pytest.raises(KeyboardInterrupt) as caught:
            clf.fit(*iris)
        assert str(caught.value.__cause__) == "disk full"
        assert not hasattr(clf, "n_iter_")

    def test_scikit_learns_callbacks_end_theirs(self, iris):
        clf = plain(epochs=9, callbacks=self.At(3)).set_callbacks(ProgressBar())
        self.fit_interrupted(clf, *iris)
        assert not any("ProgressMonitor" in type(thread).__name__ for thread in threading.enumerate())
        assert clf.n_iter_ == 3
        assert clf.set_params(callbacks=None).fit(*iris).n_iter_ == 9


def test_a_full_disk_is_not_told_as_missing_memory(iris):
    class Log(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            with tf.io.gfile.GFile("/dev/full", "w") as file:
                file.write("x" * 100_000)

    with pytest.raises(tf.errors.ResourceExhaustedError, match="No space left"):
        plain(epochs=1, callbacks=Log).fit(*iris)


class OwnSteps(keras.Model):
    """Its steps report what no metric is called, a loss among it only if asked for."""

    with_loss = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.error = keras.metrics.Mean("error")

    @property
    def metrics(self):
        return [self.error]

    def train_step(self, data):
        x, y = data[:2]
        with tf.GradientTape() as tape:
            loss = keras.ops.mean(keras.ops.square(self(x, training=True)[:, 0] - keras.ops.reshape(y, (-1,))))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        self.error.update_state(loss)
        logs = {"error": self.error.result(), "parts": {"twice": 2 * loss, "one": 1}, "rows": tf.shape(x)[0]}
        return logs | ({"loss": loss} if self.with_loss else {})

    def test_step(self, data):
        x, y = data[:2]
        self.error.update_state(keras.ops.mean(keras.ops.abs(self(x)[:, 0] - keras.ops.reshape(y, (-1,)))))
        return {"error": self.error.result()}


class OwnStepsWithLoss(OwnSteps):
    with_loss = True


class OnlyTestStep(keras.Model):
    def test_step(self, data):
        return super().test_step(data) | {"constant": 3.0}


def own_steps(make):
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(1, kernel_initializer=keras.initializers.RandomNormal(seed=1))(inputs)
    model = make(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("make", [OwnSteps, OwnStepsWithLoss, OnlyTestStep])
def test_steps_of_the_users_model_report_what_they_return(make, iris):
    """150 rows in batches of 32: what the last, smaller batch returned is in the history."""
    X, y = iris[0].astype(np.float32), iris[1].astype(np.float32)
    theirs = own_steps(make).fit(X, y, 32, 3, verbose=0, shuffle=False, validation_data=(X[:70], y[:70])).history
    reg = KerasRegressor(lambda: own_steps(make), epochs=3, batch_size=32, shuffle=False, verbose=0)
    ours = reg.fit(X, y, X_val=X[:70], y_val=y[:70]).history_
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5, err_msg=name)
    assert reg.n_iter_ == 3
    reg.partial_fit(X, y)
    assert {len(values) for values in reg.history_.values()} == {4}


def test_a_step_that_returns_several_numbers_is_an_error(iris):
    class Several(keras.Model):
        def train_step(self, data):
            return super().train_step(data) | {"all": self.trainable_variables[0]}

    with pytest.raises(ValueError, match=r"train_step must return single numbers, but 'all' has the shape \(4, 1\)"):
        KerasRegressor(lambda: own_steps(Several), verbose=0).fit(*iris)


# ---------------------------------------------------------------------------------------------------------------------
# What is read and kept
# ---------------------------------------------------------------------------------------------------------------------


def mapped(X, path):
    """Return a memory map of X in its order in memory."""
    np.save(path, X)
    return np.load(path, mmap_mode="r")


def unaligned(X):
    raw = np.empty(X.nbytes + 1, np.uint8)[1:].view(X.dtype).reshape(X.shape)
    raw[...] = X
    return raw


FORMS = {
    "C order": lambda X, path: X,
    "Fortran order": lambda X, path: np.asfortranarray(X),
    "slice of columns": lambda X, path: np.hstack([X, X[:, :9]])[:, : X.shape[1]],
    "slice of rows in Fortran order": lambda X, path: np.asfortranarray(np.vstack([X, X[:99]]))[: len(X)],
    "every second row": lambda X, path: np.repeat(X, 2, axis=0)[::2],
    "reversed rows": lambda X, path: X[::-1].copy()[::-1],
    "reversed columns": lambda X, path: X[:, ::-1].copy()[:, ::-1],
    "unaligned": lambda X, path: unaligned(X),
    "frame": lambda X, path: pd.DataFrame(np.asfortranarray(X)),
    "map": mapped,
    "map in Fortran order": lambda X, path: mapped(np.asfortranarray(X), path),
    "columns of a map": lambda X, path: mapped(np.hstack([X, X[:, :9]]), path)[:, : X.shape[1]],
    "reversed map in Fortran order": lambda X, path: mapped(np.asfortranarray(X[::-1]), path)[::-1],
}
CONVERTED_ONCE = {
    "csr": lambda X, path: scipy.sparse.csr_array(X),
    "csc": lambda X, path: scipy.sparse.csc_array(X),
    "coo": lambda X, path: scipy.sparse.coo_array(X),
    "frame of several dtypes": lambda X, path: pd.DataFrame(X).astype({0: np.float64, 1: np.float64}),
}


def peak_of(function, *arguments):
    """Return the largest memory that Python and numpy have got during a call, beside what they had, and its result."""
    tracemalloc.start()
    try:
        result = function(*arguments)
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


@pytest.mark.slow_after(6)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", [*FORMS, *CONVERTED_ONCE])
def test_x_of_any_form_is_never_copied_whole_and_gives_the_same_bits(form, dtype, rng, tmp_path, monkeypatch):
    monkeypatch.setattr(epochs, "_CHUNK_BYTES", 2**18)
    monkeypatch.setattr(application, "_CHUNK_BYTES", 2**18)
    plain_X = rng.random((20_000, 100), dtype=np.float32).astype(dtype)
    if form in CONVERTED_ONCE and form != "frame of several dtypes":
        plain_X *= rng.random(plain_X.shape) < 0.1
    y = np.arange(len(plain_X)) % 3
    X = (FORMS | CONVERTED_ONCE)[form](plain_X, tmp_path / "X.npy")
    clf = DNNClassifier((4,), batch_size=500, validation_fraction=0.1, epochs=1, random_state=0)
    expected = clf.fit(plain_X, y).predict_proba(plain_X)
    fit_peak, clf = peak_of(clone(clf).fit, X, y)
    predict_peak, probabilities = peak_of(clf.predict_proba, X)
    np.testing.assert_array_equal(probabilities, expected)
    if form in FORMS:
        assert fit_peak < 0.4 * plain_X.nbytes
        assert predict_peak < 0.4 * plain_X.nbytes
    else:  # the conversion of a frame reads it as float64
        assert fit_peak < 2.5 * plain_X.nbytes


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("shuffle", [True, False, "blocks"])
def test_images_of_any_form_give_the_same_bits(shuffle, digits):
    X, y = digits.images.astype(np.uint8), digits.target
    clf = CNNClassifier((4,), epochs=1, shuffle=shuffle, random_state=0)
    expected = clone(clf).fit(X, y).predict_proba(X)
    for form in (
        np.asfortranarray(X),
        np.pad(X, [(0, 0), (1, 2), (0, 3)])[:, 1:-2, :-3],
        X.transpose(2, 0, 1).copy().transpose(1, 2, 0),
        X[::-1, :, ::-1].copy()[::-1, :, ::-1],
        np.asfortranarray(X.reshape(len(X), -1)).reshape(len(X), 8, 8),
    ):
        np.testing.assert_array_equal(clone(clf).fit(form, y).predict_proba(form), expected)


@st.composite
def views(draw):
    """An array that is a view of another, with axes in any order and steps of any size and direction."""
    n_axes = draw(st.integers(2, 4))
    shape = tuple(draw(st.integers(1, 40 if axis == 0 else 4)) for axis in range(n_axes))
    steps = [draw(st.sampled_from([1, 2, -1, -3])) for _ in shape]
    dtype = draw(st.sampled_from(["<f4", ">f4", "<f8", ">f8", "u1", "<i2", ">i8", "?"]))
    order = draw(st.permutations(range(n_axes)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    whole = [size * abs(step) for size, step in zip(shape, steps, strict=True)]
    base = rng.integers(0, 100, size=[whole[axis] for axis in order]).astype(dtype)
    return base.transpose(np.argsort(order))[tuple(slice(None, None, step) for step in steps)]


@settings(deadline=None)
@given(X=views(), data=st.data())
def test_rows_of_any_view(X, data):
    n_rows = len(X)
    positions = data.draw(
        st.lists(st.integers(0, n_rows - 1), min_size=1).map(np.array)
        | st.tuples(st.integers(0, n_rows - 1), st.integers(1, n_rows)).map(
            lambda drawn: np.arange(drawn[0], min(n_rows, drawn[0] + drawn[1]))
        )
    )
    for index in (None, np.arange(n_rows)[::-1], np.arange(n_rows)):
        (x,) = Rows(X, X.shape[1:], "float32", index=index).gather(positions)
        rows = positions if index is None else index[positions]
        np.testing.assert_array_equal(x, X[rows].astype(np.float32), strict=True)


def test_rows_in_many_blocks(rng, monkeypatch):
    monkeypatch.setattr("skdeep._data.rows._BLOCK_ROWS", 7)
    X = np.asfortranarray(rng.random((100, 3)))
    for n_rows in (1, 6, 7, 8, 100):
        positions = rng.permutation(100)[:n_rows]
        (x,) = Rows(X, (3,), "float64").gather(positions)
        np.testing.assert_array_equal(x, X[positions])


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("kind", ["numbers", "strings", "one-hot"])
def test_predictions_keep_no_more_of_the_outputs_than_they_need(kind, rng, monkeypatch):
    monkeypatch.setattr(epochs, "_CHUNK_BYTES", 2**18)
    monkeypatch.setattr(application, "_CHUNK_BYTES", 2**18)
    monkeypatch.setattr(layer_stack, "_CHUNK_NUMBERS", 2**16)
    n_rows, n_classes = 8000, 500
    codes = np.arange(n_rows) % n_classes
    y = {"numbers": codes, "strings": codes.astype(str), "one-hot": np.eye(n_classes, dtype=np.uint8)[codes]}[kind]
    X = rng.random((n_rows, 5), dtype=np.float32)
    clf = DNNClassifier((4,), epochs=1, random_state=0).fit(X, y)
    peak, probabilities = peak_of(clf.predict_proba, X)
    assert peak < 1.2 * probabilities.nbytes
    peak, predicted = peak_of(clf.predict, X)
    assert peak < 0.1 * probabilities.nbytes + predicted.nbytes
    expected = clf.classes_[probabilities.argmax(axis=1)]
    if kind == "one-hot":
        np.testing.assert_array_equal(predicted.sum(axis=1), 1)
        predicted = predicted.argmax(axis=1)
    np.testing.assert_array_equal(predicted, expected)


def test_outputs_that_are_not_finite_are_counted_over_all_chunks(rng, monkeypatch):
    monkeypatch.setattr(layer_stack, "_CHUNK_NUMBERS", 2**10)
    X, y = rng.random((1000, 5), dtype=np.float32), np.arange(1000) % 3
    clf = DNNClassifier((4,), epochs=1, random_state=0).fit(X, y)
    clf.model_.set_weights([np.full_like(weights, 1e3) for weights in clf.model_.get_weights()])
    X[[3, 500, 999]] = 1e38
    with pytest.warns(RuntimeWarning, match="not finite for 3 of 1000 rows of X"):
        clf.predict(X)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("dtype_policy", ["float32", "float64"])
def test_one_hot_targets_are_made_a_chunk_at_a_time(dtype_policy, rng, monkeypatch):
    monkeypatch.setattr(epochs, "_CHUNK_BYTES", 2**18)
    monkeypatch.setattr(application, "_CHUNK_BYTES", 2**18)
    n_rows, n_classes = 8000, 500
    X, y = rng.random((n_rows, 5), dtype=np.float32), np.arange(n_rows) % n_classes
    clf = plain(loss="categorical_crossentropy", epochs=1, dtype_policy=dtype_policy)
    clf.fit(X, y)
    peak, one_hot = peak_of(clone(clf).fit, X, y)
    assert peak < 0.2 * 4 * n_rows * n_classes
    by_number = clone(clf).set_params(loss="sparse_categorical_crossentropy").fit(X, y)
    np.testing.assert_allclose(one_hot.history_["loss"], by_number.history_["loss"], rtol=1e-5)
    np.testing.assert_allclose(one_hot.predict_proba(X), by_number.predict_proba(X), rtol=1e-4, atol=1e-7)
