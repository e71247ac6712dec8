"""Optimizers, losses, metrics and callbacks, in every form in which they can be given."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import jaccard_score
from sklearn.model_selection import GridSearchCV

from skdeep import DNNClassifier, DNNRegressor, programs


def quick(**params):
    return DNNClassifier((16,), **{"epochs": 3, "random_state": 0} | params)


class TestOptimizer:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "params",
        [
            {"optimizer": "sgd", "learning_rate": 0.1, "optimizer__momentum": 0.5},
            {"optimizer": "SGD", "optimizer__learning_rate": 0.1, "optimizer__momentum": 0.5},
            {"optimizer": keras.optimizers.SGD, "learning_rate": np.float64(0.1), "optimizer__momentum": 0.5},
            {"optimizer": keras.optimizers.SGD(0.1, momentum=0.5)},
            {"optimizer": keras.optimizers.SGD(0.7, momentum=0.5), "learning_rate": 0.1},
        ],
    )
    def test_every_form_trains_alike(self, params, iris):
        expected = quick(optimizer="sgd", learning_rate=0.1, optimizer__momentum=0.5).fit(*iris).history_
        clf = quick(**params)
        for _ in range(2):  # a given object is used for neither fit
            assert clf.fit(*iris).history_ == expected
        assert clone(clf).fit(*iris).history_ == expected

    def test_a_given_object_stays_fresh(self, iris):
        optimizer = keras.optimizers.Adam()
        quick(optimizer=optimizer).fit(*iris)
        assert not optimizer.built

    def test_defaults_are_those_of_keras(self, iris):
        assert float(quick(epochs=1).fit(*iris).model_.optimizer.learning_rate) == pytest.approx(1e-3)
        assert float(quick(epochs=1, optimizer="sgd").fit(*iris).model_.optimizer.learning_rate) == pytest.approx(1e-2)

    def test_learning_rate_schedule(self, iris):
        schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=1, decay_rate=1e-9)
        falling = quick(optimizer="sgd", learning_rate=schedule, dropout=0).fit(*iris)
        losses = falling.history_["loss"]
        assert losses[1] == pytest.approx(losses[2], rel=1e-5)


class TestLoss:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "loss",
        [
            "mse",
            "mean_squared_error",
            "MeanSquaredError",
            keras.losses.MeanSquaredError,
            keras.losses.MeanSquaredError(),
        ],
    )
    def test_mean_squared_error_on_one_hot_rows(self, loss, iris):
        X, y = iris
        clf = quick(loss=loss, dropout=0, shuffle=False).fit(X, y, X_val=X, y_val=y)
        expected = np.mean((clf.predict_proba(X) - np.eye(3)[y]) ** 2)
        assert clf.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-5)

    def test_a_function(self, iris):
        def twice_squared_error(y_true, y_pred):
            return 2 * keras.ops.mean((y_true - y_pred) ** 2, axis=-1)

        X, y = iris
        clf = quick(loss=twice_squared_error).fit(X, y, X_val=X, y_val=y)
        expected = 2 * np.mean((clf.predict_proba(X) - np.eye(3)[y]) ** 2)
        assert clf.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-5)

    def test_routed_label_smoothing(self, iris):
        X, y = iris
        clf = quick(loss="categorical_crossentropy", loss__label_smoothing=0.3).fit(X, y, X_val=X, y_val=y)
        smoothed = np.eye(3)[y] * 0.7 + 0.1
        assert clf.history_ == quick(loss__label_smoothing=0.3).fit(X, y, X_val=X, y_val=y).history_
        expected = -np.mean(np.sum(smoothed * clf.predict_log_proba(X), axis=1))
        assert clf.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-5)


class TestMetrics:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "metrics, names",
        [
            ("accuracy", ["accuracy"]),
            ([], []),
            (None, []),
            (["accuracy", "top_k_categorical_accuracy"], ["accuracy", "top_k_categorical_accuracy"]),
            (keras.metrics.CategoricalAccuracy, ["categorical_accuracy"]),
            (keras.metrics.AUC(name="area"), ["area"]),
        ],
    )
    def test_they_are_followed_in_history(self, metrics, names, iris):
        clf = quick(metrics=metrics, loss="categorical_crossentropy", validation_fraction=0.2)
        for _ in range(2):
            clf.fit(*iris)
            assert list(clf.history_) == ["loss", *names, "val_loss", *(f"val_{name}" for name in names)]

    def test_routed(self, iris):
        clf = quick(metrics="TopKCategoricalAccuracy", metrics__k=3, loss="categorical_crossentropy").fit(*iris)
        assert clf.history_["top_k_categorical_accuracy"] == [1.0, 1.0, 1.0]

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("metric", ["categorical_accuracy", "mean_squared_error", "auc", "precision"])
    def test_metrics_of_one_hot_rows_follow_the_default_loss(self, metric, iris):
        X, y = iris
        by_default = quick(metrics=metric).fit(X, y)
        assert by_default.history_ == quick(metrics=metric, loss="categorical_crossentropy").fit(X, y).history_
        if metric == "mean_squared_error":
            clf = quick(metrics=metric).fit(X, y, X_val=X, y_val=y)
            expected = np.mean((clf.predict_proba(X) - np.eye(3)[y]) ** 2)
            assert clf.history_["val_mean_squared_error"][-1] == pytest.approx(expected, rel=1e-5)

    @pytest.mark.slow
    def test_names_do_not_depend_on_what_ran_before(self, iris):
        clf = quick(metrics=["auc", "accuracy"], early_stopping=True, monitor="val_auc", warm_start=True)
        for _ in range(2):
            assert list(clf.fit(*iris).history_) == ["loss", "auc", "accuracy", "val_loss", "val_auc", "val_accuracy"]
        assert quick(metrics="auc", metrics__name="area").fit(*iris).history_.keys() == {"loss", "area"}

    def test_a_metric_with_a_number_for_each_class_is_an_error(self, iris):
        with pytest.raises(ValueError, match="metrics must be single numbers, but 'f1_score' gives 3"):
            quick(metrics="f1_score").fit(*iris)
        assert "f1_score" in quick(metrics="f1_score", metrics__average="macro").fit(*iris).history_

    def test_accuracy_counts_weighted_rows(self, iris):
        X, y = iris
        clf = quick(learning_rate=1e-9, dropout=0).fit(X, y, sample_weight=np.where(y == 0, 1000.0, 0.001))
        assert clf.history_["accuracy"][-1] == pytest.approx(clf.score(X[y == 0], y[y == 0]), abs=1e-3)


class Recorder(keras.callbacks.Callback):
    """Counts what it sees."""

    seen = 0

    def __init__(self, label="none"):
        super().__init__()
        self.label = label
        self.epochs = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(epoch)
        Recorder.seen += 1
        logs[self.label] = len(self.epochs)


class TestCallbacks:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "params",
        [
            {"callbacks": Recorder},
            {"callbacks": Recorder()},
            {"callbacks": [Recorder()]},
            {"callbacks": (Recorder,)},
            {"callbacks": Recorder, "callbacks__label": "mine"},
            {"callbacks": [Recorder, keras.callbacks.TerminateOnNaN()]},
        ],
    )
    def test_every_form_is_called_once_an_epoch(self, params, iris):
        Recorder.seen = 0
        quick(**params).fit(*iris)
        assert Recorder.seen == 3

    def test_each_fit_works_with_the_object_itself(self, iris):
        recorder = Recorder()
        clf = quick(callbacks=recorder)
        clf.fit(*iris)
        clf.fit(*iris)
        assert recorder.epochs == [0, 1, 2, 0, 1, 2]
        assert clf.callbacks is recorder

    def test_a_grid_search_shares_no_state(self, iris):
        stopper = keras.callbacks.EarlyStopping(monitor="loss", patience=1)
        clf = quick(callbacks=stopper, epochs=4)
        search = GridSearchCV(clf, {"learning_rate": [1e-3, 1e-2]}, cv=2).fit(*iris)
        alone = quick(callbacks=keras.callbacks.EarlyStopping(monitor="loss", patience=1), epochs=4)
        assert search.best_estimator_.history_ == alone.set_params(**search.best_params_).fit(*iris).history_
        assert stopper.best is None or not hasattr(stopper, "best")

    def test_routed_parameters_of_one_among_several(self, iris):
        clf = quick(
            callbacks=[keras.callbacks.EarlyStopping, keras.callbacks.TerminateOnNaN],
            callbacks__0__monitor="loss",
            callbacks__0__min_delta=100,
            callbacks__0__patience=1,
            epochs=50,
        )
        assert clf.fit(*iris).n_iter_ == 2

    def test_what_callbacks_add_to_the_logs_is_in_the_history(self, iris):
        clf = quick(callbacks=keras.callbacks.ReduceLROnPlateau, callbacks__monitor="loss").fit(*iris)
        assert clf.history_["learning_rate"] == pytest.approx([1e-3] * 3)

    def test_plateau_changes_the_learning_rate(self, iris):
        clf = quick(
            callbacks=keras.callbacks.ReduceLROnPlateau,
            callbacks__monitor="loss",
            callbacks__min_delta=100.0,
            callbacks__patience=1,
            epochs=4,
        ).fit(*iris)
        assert float(clf.model_.optimizer.learning_rate) < 1e-4


def keras_fit(estimator, X, targets, compiled, **fit):
    """Return the history and weights of Keras's own fit from the initial weights of a dense estimator's fit."""
    unmoved = {"dropout": 0, "optimizer": "sgd", "learning_rate": 1e-30, "metrics": None, "epochs": 1}
    start = type(estimator)(estimator.hidden_layer_sizes, random_state=0, **unmoved)
    start.fit(X, targets[:, 0] if targets.shape[1] == 1 else targets.argmax(axis=1))
    model = keras.models.clone_model(start.model_)
    model.set_weights(start.model_.get_weights())
    model.compile(**compiled)
    history = model.fit(X, targets, epochs=3, batch_size=50, shuffle=False, verbose=0, **fit).history
    return history, model.get_weights()


def assert_as_keras(estimator, X, y, targets, compiled):
    history, weights = keras_fit(estimator, X, targets, compiled)
    fitted = estimator.fit(X, y)
    np.testing.assert_allclose(fitted.history_["loss"], history["loss"], rtol=1e-4)
    for ours, theirs in zip(fitted.model_.get_weights(), weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


class Scaled(keras.losses.Loss):
    """A loss that is not registered with Keras and says nothing of its argument in get_config."""

    def __init__(self, factor=1.0, name="scaled"):
        super().__init__(name=name)
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)


class WithCatchAll(Scaled):
    """Its catch-all is for something else than what Keras's losses take."""

    def __init__(self, factor=1.0, **notes):
        super().__init__(factor)
        if notes:
            raise TypeError(f"unexpected {notes}")


class Slowed(keras.optimizers.SGD):
    """An optimizer whose config does not tell of its argument."""

    def __init__(self, learning_rate=0.1, divisor=1.0):
        super().__init__(learning_rate)
        self.divisor = divisor

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient / self.divisor, variable, learning_rate)

    def get_config(self):
        return {"learning_rate": 0.1}


class AtLeast(keras.metrics.Metric):
    """The share of outputs above a threshold, which is in no config."""

    def __init__(self, threshold=0.0):
        super().__init__(name="at_least")
        self.threshold = threshold
        self.share = self.add_weight(shape=(), initializer="zeros", name="share")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.share.assign(keras.ops.mean(keras.ops.cast(y_pred > self.threshold, "float32")))

    def result(self):
        return self.share


def own_adamw():
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["kernel"])
    return optimizer


def regressor(**params):
    settings = {
        "dropout": 0,
        "shuffle": False,
        "batch_size": 50,
        "epochs": 3,
        "random_state": 0,
        "scale_targets": False,
    }
    return DNNRegressor((6,), **settings | params)


class TestWhatIsGivenIsWhatIsUsed:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "params, loss",
        [
            ({"loss": keras.losses.Huber(delta=0.01)}, keras.losses.Huber(delta=0.01)),
            ({"loss": keras.losses.Huber, "loss__delta": 0.01}, keras.losses.Huber(delta=0.01)),
            ({"loss": "huber", "loss__delta": np.float32(0.25)}, keras.losses.Huber(delta=0.25)),
            ({"loss": keras.losses.MeanSquaredError(reduction="sum")}, keras.losses.MeanSquaredError(reduction="sum")),
            ({"loss": Scaled(20.0)}, Scaled(20.0)),
            ({"loss": Scaled, "loss__factor": 20.0}, Scaled(20.0)),
            ({"loss": WithCatchAll, "loss__factor": 20.0}, Scaled(20.0)),
        ],
    )
    def test_losses(self, params, loss, rng):
        X, y = rng.normal(size=(150, 4)).astype(np.float32), rng.normal(size=150).astype(np.float32)
        reg = regressor(optimizer="sgd", learning_rate=0.001, **params)
        assert_as_keras(reg, X, y, y[:, np.newaxis], {"optimizer": keras.optimizers.SGD(0.001), "loss": loss})
        if isinstance(params["loss"], keras.losses.Loss):
            assert reg.model_.loss is params["loss"]

    def test_the_axis_of_a_loss(self, iris):
        loss = keras.losses.CosineSimilarity(axis=0)
        clf = quick(loss=loss, dropout=0, shuffle=False, batch_size=50, optimizer="sgd")
        assert_as_keras(clf, iris[0], iris[1], np.eye(3)[iris[1]], {"optimizer": "sgd", "loss": loss})

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("make", [lambda: Slowed(0.1, divisor=50.0), own_adamw])
    def test_optimizers(self, make, rng):
        X, y = rng.normal(size=(150, 4)).astype(np.float32), rng.normal(size=150).astype(np.float32)
        optimizer = make()
        reg = regressor(optimizer=optimizer)
        for _ in range(2):
            assert_as_keras(reg, X, y, y[:, np.newaxis], {"optimizer": make(), "loss": "mse"})
        assert not optimizer.built

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "rate", [0.25, keras.optimizers.schedules.ExponentialDecay(0.3, 3, 0.5)], ids=["number", "schedule"]
    )
    def test_a_learning_rate_beside_an_optimizer_whatever_it_had(self, rate, iris):
        expected = quick(optimizer="sgd", learning_rate=rate).fit(*iris).history_
        had = (0.7, keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5))
        for optimizer in map(keras.optimizers.SGD, had):
            assert quick(optimizer=optimizer, learning_rate=rate).fit(*iris).history_ == expected

    def test_an_optimizer_that_has_trained_starts_anew_and_is_left_alone(self, iris):
        used = keras.optimizers.Adam(0.01)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile(used, "mse")
        model.fit(*iris, verbose=0)
        before = [variable.numpy() for variable in used.variables]
        expected = quick(optimizer=keras.optimizers.Adam(0.01)).fit(*iris).history_
        assert quick(optimizer=used).fit(*iris).history_ == expected
        for variable, value in zip(used.variables, before, strict=True):
            np.testing.assert_array_equal(variable.numpy(), value)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("threshold, share", [(2.0, 0.0), (-1.0, 1.0)])
    @pytest.mark.parametrize("as_class", [False, True])
    def test_metrics(self, threshold, share, as_class, iris):
        params = {"metrics": AtLeast, "metrics__threshold": threshold} if as_class else {"metrics": AtLeast(threshold)}
        clf = quick(**params)
        for _ in range(2):
            assert clf.fit(*iris).history_["at_least"] == [share] * 3

    @pytest.mark.slow
    def test_initializers(self, iris):
        untrained = {"optimizer": "sgd", "learning_rate": 1e-30, "epochs": 1}

        def kernels(initializer, seed=0):
            clf = DNNClassifier((4, 4), kernel_initializer=initializer, random_state=seed, **untrained).fit(*iris)
            return [layer.kernel.numpy() for layer in clf.model_.layers if layer.weights]

        np.testing.assert_allclose(kernels(keras.initializers.Identity(gain=3.0))[0], 3 * np.eye(4), atol=1e-20)
        orthogonal = keras.initializers.Orthogonal(gain=2.0)
        one, two, _ = kernels(orthogonal)
        np.testing.assert_allclose(one.T @ one, 4 * np.eye(4), atol=1e-5)
        assert not np.allclose(one, two)  # each layer has a seed of its own
        np.testing.assert_array_equal(kernels(orthogonal)[0], one)
        assert not np.allclose(kernels(orthogonal, seed=1)[0], one)
        seeded = kernels(keras.initializers.Orthogonal(seed=3))
        np.testing.assert_array_equal(seeded[0], seeded[1])
        np.testing.assert_allclose(seeded[0], keras.initializers.Orthogonal(seed=3)((4, 4)), rtol=1e-6)
        stream = keras.initializers.RandomNormal(seed=keras.random.SeedGenerator(5))
        first = kernels(stream)
        np.testing.assert_array_equal(kernels(stream)[0], first[0])  # the user's generator does not move
        expected = keras.initializers.RandomNormal(seed=keras.random.SeedGenerator(5))
        np.testing.assert_allclose(first[0], expected((4, 4)), rtol=1e-6)

    def test_an_own_initializer_without_a_seed_gets_one(self, iris):
        class Filled(keras.initializers.Initializer):
            def __init__(self, size, seed=None):
                self.size, self.seed = size, seed

            def __call__(self, shape, dtype=None, **kwargs):
                return keras.ops.full(shape, self.size * (self.seed % 1000 + 1), dtype)

        filled = Filled(1e-5)
        clf = quick(kernel_initializer=filled, learning_rate=1e-30, epochs=1).fit(*iris)
        first, second = (layer.kernel.numpy().ravel()[0] for layer in clf.model_.layers if layer.weights)
        assert first != second
        assert filled.seed is None


class TestNames:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("metric", ["acc", "accuracy", "Accuracy", "mse", "MAE", "mape", "bce", "auc", "hinge"])
    def test_a_metric_has_the_name_it_was_given_by(self, metric, iris):
        """As in Keras's own compile."""
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
        model.compile("sgd", "categorical_crossentropy", metrics=[metric])
        theirs = model.fit(iris[0], np.eye(3)[iris[1]], verbose=0).history
        ours = quick(metrics=metric, loss="categorical_crossentropy", validation_fraction=0.2).fit(*iris).history_
        assert set(ours) == {*theirs, *(f"val_{name}" for name in theirs)}

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "metric, name", [("TopKCategoricalAccuracy", "top_k_categorical_accuracy"), (keras.metrics.AUC, "auc")]
    )
    def test_classes_have_their_default_name(self, metric, name, iris):
        assert list(quick(metrics=metric, epochs=1).fit(*iris).history_) == ["loss", name]

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("name", ["MeanIoU", "mean_io_u", "OneHotMeanIoU", keras.metrics.MeanIoU])
    @pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy", "auto"])
    def test_what_has_a_required_argument(self, name, loss, iris):
        X, y = iris
        if "OneHot" in str(name) and "sparse" in loss:
            with pytest.raises(ValueError, match=r"metrics=.* takes one-hot rows, but loss=.* gives class numbers"):
                quick(metrics=name, metrics__num_classes=3, loss=loss).fit(X, y)
            return
        clf = quick(metrics=[name], metrics__0__num_classes=3, loss=loss).fit(X, y, X_val=X, y_val=y)
        expected = jaccard_score(y, clf.predict(X), average="macro")
        (found,) = (values for key, values in clf.history_.items() if key.endswith("io_u") and key.startswith("val"))
        assert found[-1] == pytest.approx(expected, abs=1e-5)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("name", ["schedule_free_adam_w", "ScheduleFreeAdamW", "adamw", "Adam_W", "RMSprop"])
    def test_optimizers(self, name, iris):
        assert type(quick(optimizer=name, epochs=1).fit(*iris).model_.optimizer).__name__.lower() == (
            name.lower().replace("_", "")
        )

    @pytest.mark.parametrize("params", [{"optimizer": "optimizer"}, {"loss": "loss"}, {"metrics": "metric"}])
    def test_base_classes_are_not_meant(self, params, iris):
        with pytest.raises(ValueError, match="that Keras knows"):
            quick(**params).fit(*iris)

    def test_a_missing_argument_is_named(self, iris):
        with pytest.raises(TypeError, match=r"metrics='MeanIoU' cannot be made: .*num_classes"):
            quick(metrics="MeanIoU").fit(*iris)
        with pytest.raises(TypeError, match=r"loss=LossOfTwo cannot be made: .*needed"):
            quick(loss=LossOfTwo).fit(*iris)


class LossOfTwo(Scaled):
    """A loss with an argument that has no default."""

    def __init__(self, needed):
        super().__init__(needed)


ONE = [1, np.int64(1), np.float32(1), np.array(1.0), np.array(1)]
QUARTER = [np.float32(0.25), np.float64(0.25), np.array(0.25), np.float16(0.25)]


class TestNumbersOfAnyKind:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("size", [0, 6], ids=["traced anew", "reused"])
    @pytest.mark.parametrize(
        "params, name, value, others",
        [
            ({"optimizer": "sgd"}, "learning_rate", 1.0, ONE),
            ({"optimizer": "sgd"}, "learning_rate", 0.25, QUARTER),
            ({"optimizer": keras.optimizers.SGD()}, "learning_rate", 1.0, ONE),
            ({"optimizer": "sgd"}, "optimizer__learning_rate", 1.0, ONE),
            ({"optimizer": "sgd"}, "optimizer__momentum", 0.25, QUARTER),
            ({"optimizer": "sgd"}, "optimizer__clipnorm", 1.0, ONE),
            ({"loss": "huber"}, "loss__delta", 1.0, ONE),
            ({}, "dropout", 0.25, QUARTER),
            ({}, "alpha", 1.0, ONE),
            ({"metrics": "precision"}, "metrics__thresholds", 0.25, QUARTER),
        ],
    )
    def test_they_count_as_floats(self, size, params, name, value, others, iris):
        programs.set_size(size)
        try:
            expected = quick(epochs=1, **params, **{name: value}).fit(*iris).history_
            for other in others:
                assert quick(epochs=1, **params, **{name: other}).fit(*iris).history_ == expected
        finally:
            programs.set_size(6)

    def test_bools_are_none(self, iris):
        with pytest.raises(ValueError, match="'learning_rate' parameter"):
            quick(learning_rate=True).fit(*iris)


WITHOUT_SCIKERAS = """
import sys
import keras
def methods():
    classes = keras.Model, keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer
    names = "__reduce__", "__deepcopy__"
    return [(name in vars(cls), getattr(cls, name, None)) for cls in classes for name in names]
before = methods()
from skdeep import DNNClassifier
callback = keras.callbacks.TerminateOnNaN
params = {"optimizer": "nadam", "optimizer__beta_1": 0.8, "metrics": "AUC", "callbacks": callback, "epochs": 1}
DNNClassifier((2,), **params).fit([[0.0], [1.0], [2.0]], [0, 1, 1])
print("scikeras" in sys.modules, methods() == before)
"""


@pytest.mark.slow
def test_scikeras_which_changes_keras_is_not_imported():
    command = [sys.executable, "-c", WITHOUT_SCIKERAS]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == ["False", "True"]
