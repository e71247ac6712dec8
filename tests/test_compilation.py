"""Optimizers, losses, metrics and callbacks, in every form in which they can be given."""

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skdeep import DNNClassifier


def quick(**params):
    return DNNClassifier((16,), **{"epochs": 3, "random_state": 0} | params)


class TestOptimizer:
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

    @pytest.mark.parametrize("metric", ["categorical_accuracy", "mean_squared_error", "auc", "precision"])
    def test_metrics_of_one_hot_rows_follow_the_default_loss(self, metric, iris):
        X, y = iris
        by_default = quick(metrics=metric).fit(X, y)
        assert by_default.history_ == quick(metrics=metric, loss="categorical_crossentropy").fit(X, y).history_
        if metric == "mean_squared_error":
            clf = quick(metrics=metric).fit(X, y, X_val=X, y_val=y)
            expected = np.mean((clf.predict_proba(X) - np.eye(3)[y]) ** 2)
            assert clf.history_["val_mean_squared_error"][-1] == pytest.approx(expected, rel=1e-5)

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
