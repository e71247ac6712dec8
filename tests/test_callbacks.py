"""The callbacks beside those of Keras, and those of scikit-learn."""

import csv
import subprocess
import sys

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline

import skdeep
from skdeep import DNNClassifier, Flatten, OneHot, ReadImages, Reshape, ScaleToUnit, StopAtMetric, ZScore, programs
from skdeep._networks import recipes


def fitted(callback, iris, **params):
    return DNNClassifier((16,), epochs=60, callbacks=callback, learning_rate=0.005, random_state=0, **params).fit(*iris)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("metric, value", [("accuracy", 0.9), ("val_accuracy", 0.8), ("loss", 0.4), ("val_loss", 0.4)])
def test_stops_in_the_first_epoch_that_reaches_the_value(metric, value, iris):
    clf = fitted(StopAtMetric(metric, value), iris, validation_fraction=0.2)
    values = clf.history_[metric]
    assert 1 < clf.n_iter_ == len(values) < 60
    falls = metric.endswith("loss")
    assert [(v <= value) if falls else (v >= value) for v in values] == [False] * (len(values) - 1) + [True]


def test_says_so_if_asked(iris, capsys):
    clf = fitted(StopAtMetric("accuracy", 0.9, verbose=1), iris)
    accuracy = clf.history_["accuracy"][-1]
    assert capsys.readouterr().out == f"Epoch {clf.n_iter_}: accuracy is {accuracy:.4f}, training stops.\n"


def test_a_value_that_is_not_reached_stops_nothing(iris):
    assert fitted(StopAtMetric("loss", -1.0), iris).n_iter_ == 60


def test_an_unknown_metric_is_named(iris):
    with pytest.raises(ValueError, match=r"monitor='acc' is not among the metrics of this fit, .*'loss', 'accuracy'"):
        fitted(StopAtMetric("acc"), iris)


def test_mode_says_which_way_a_metric_goes(iris):
    clf = fitted(StopAtMetric("kl_divergence", 0.4, mode="min"), iris, metrics="kl_divergence")
    assert 1 < clf.n_iter_ < 60
    assert clf.history_["kl_divergence"][-1] <= 0.4 < min(clf.history_["kl_divergence"][:-1])
    assert fitted(StopAtMetric("loss", 0.0, mode="max"), iris).n_iter_ == 1


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("metric", ["kl_divergence", "mse", "val_hinge"])
def test_of_keras_metrics_the_way_is_known(metric, iris):
    name = metric.removeprefix("val_")
    values = fitted(None, iris, metrics=name, validation_fraction=0.2).history_[metric]
    value = values[30]
    clf = fitted(StopAtMetric(metric, value), iris, metrics=name, validation_fraction=0.2)
    assert clf.n_iter_ == 1 + next(n for n, each in enumerate(values) if each <= value) > 1


def test_of_others_it_must_be_said(iris):
    def peak(y_true, y_pred):
        return keras.ops.max(y_pred)

    with pytest.raises(ValueError, match="monitor='peak': whether low or high is good must be said by mode"):
        fitted(StopAtMetric("peak", 0.5), iris, metrics=[peak])
    assert fitted(StopAtMetric("peak", 0.0, mode="max"), iris, metrics=[peak]).n_iter_ == 1


@pytest.mark.parametrize(
    "params, message",
    [({"value": "0.9"}, "value must be a number. Got '0.9'"), ({"mode": "up"}, "mode must be 'auto'")],
)
def test_bad_arguments_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        StopAtMetric(**params)


def test_repr_tells_its_arguments():
    assert repr(StopAtMetric("loss", 0.1)) == "StopAtMetric('loss', 0.1, mode='auto', verbose=0)"


def test_as_a_parameter(iris):
    clf = fitted(StopAtMetric, iris, callbacks__value=0.9)
    assert clone(clf).fit(*iris).n_iter_ == clf.n_iter_ < 60
    search = GridSearchCV(clf, {"callbacks__value": [0.5, 0.8]}, cv=2).fit(*iris)
    assert search.best_estimator_.history_["accuracy"][-1] >= search.best_params_["callbacks__value"]


class Recorder:
    """A callback of scikit-learn's that notes what it is told."""

    def __init__(self, stop_at=None, keep=False):
        self.stop_at = stop_at
        self.keep = keep
        self.events = []
        self.kept = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.estimator_name, context.task_name, context.task_id, context.max_subtasks))

    def on_fit_task_end(self, estimator, context):
        self.events.append(("end", context.estimator_name, context.task_name, context.task_id))
        return context.task_name == "epoch" and context.task_id == self.stop_at


class Keeper(Recorder):
    """One that asks for an estimator fitted so far, and keeps it with its probabilities at that time."""

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        if context.task_name == "epoch":
            self.kept.append((fitted_estimator, fitted_estimator.predict_proba(X)))


class Propagated(Recorder):
    max_propagation_depth = None


def quick(**params):
    return DNNClassifier(**{"hidden_layer_sizes": (8,), "epochs": 3, "dropout": 0.2, "random_state": 0} | params)


class TestCallbacksOfScikitLearn:
    def test_each_epoch_is_a_task(self, iris):
        recorder = Recorder()
        quick(epochs=2).set_callbacks(recorder).fit(*iris)
        assert recorder.events == [
            "setup",
            ("begin", "DNNClassifier", "fit", 0, 2),
            ("begin", "DNNClassifier", "epoch", 0, 0),
            ("end", "DNNClassifier", "epoch", 0),
            ("begin", "DNNClassifier", "epoch", 1, 0),
            ("end", "DNNClassifier", "epoch", 1),
            ("end", "DNNClassifier", "fit", 0),
            "teardown",
        ]

    def test_they_do_not_change_what_is_learned(self, iris):
        expected = quick().fit(*iris).predict_proba(iris[0])
        for callback in (Recorder(), Keeper()):
            np.testing.assert_array_equal(quick().set_callbacks(callback).fit(*iris).predict_proba(iris[0]), expected)

    def test_a_request_to_stop_ends_training(self, iris):
        clf = quick(epochs=50).set_callbacks(Recorder(stop_at=4)).fit(*iris)
        assert clf.n_iter_ == clf.best_epoch_ == len(clf.history_["loss"]) == 5

    def test_a_clone_keeps_them_and_partial_fit_calls_none(self, iris):
        recorder = Recorder()
        clf = clone(quick(epochs=2).set_callbacks(recorder)).fit(*iris)
        n_events = len(recorder.events)
        assert n_events == 8
        clf.partial_fit(*iris)
        assert len(recorder.events) == n_events

    def test_scores_an_epoch(self, iris):
        X, y = iris
        monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
        clf = quick(epochs=4).set_callbacks(monitor).fit(X, y)
        log = monitor.get_logs().data_as_pandas
        epochs = log[log["task_name"] == "epoch"]
        assert len(epochs) == 4
        assert len(set(epochs["neg_log_loss"])) == 4
        for row in (epochs.iloc[-1], log[log["task_name"] == "fit"].iloc[0]):
            assert row["accuracy"] == clf.score(X, y)
            assert row["neg_log_loss"] == -log_loss(y, clf.predict_proba(X))

    def test_drawn_validation_rows_are_scored_along_and_given_ones_are_not(self, iris):
        X, y = iris
        for data, params in (({}, {"validation_fraction": 0.3}), ({"X_val": X[:9], "y_val": y[:9]}, {})):
            monitor = ScoringMonitor(scoring="neg_log_loss")
            clf = quick(epochs=1, **params).set_callbacks(monitor).fit(X, y, **data)
            score = monitor.get_logs().data_as_pandas["neg_log_loss"].iloc[-1]
            assert score == -log_loss(y, clf.predict_proba(X))

    def test_weights_are_passed_to_the_scores(self, iris):
        X, y = iris
        weight = np.linspace(0, 1, len(y))
        monitor = ScoringMonitor(scoring="neg_log_loss")
        clf = quick().set_callbacks(monitor).fit(X, y, weight)
        score = monitor.get_logs().data_as_pandas["neg_log_loss"].iloc[-1]
        assert score == -log_loss(y, clf.predict_proba(X), sample_weight=weight)

    def test_an_estimator_fitted_so_far_can_be_kept_and_trained(self, iris):
        X, y = iris
        keeper = Keeper()
        clf = quick(validation_fraction=0.2).set_callbacks(keeper).fit(X, y)
        after = clf.predict_proba(X)
        for number, (kept, probabilities) in enumerate(keeper.kept, start=1):
            np.testing.assert_array_equal(kept.predict_proba(X), probabilities)
            assert kept.n_iter_ == kept.best_epoch_ == number
            assert kept.history_ == {name: values[:number] for name, values in clf.history_.items()}
        np.testing.assert_array_equal(keeper.kept[-1][1], after)
        kept = keeper.kept[0][0].set_callbacks().partial_fit(X, y)
        assert kept.n_iter_ == 2
        np.testing.assert_array_equal(clf.predict_proba(X), after)

    def test_what_was_lent_is_not_reused(self, iris, monkeypatch):
        monkeypatch.setattr(recipes, "_MOST_WORK", 0)  # TensorFlow trains
        X, y = iris
        programs.clear()
        keeper = Keeper()
        models = [quick().set_callbacks(keeper).fit(X, y)._network._lease.program.model for _ in range(2)]
        assert models[0] is not models[1]
        recorder = Recorder()
        ids = {id(quick().set_callbacks(recorder).fit(X, y)._network._lease.program) for _ in range(2)}
        assert len(ids) == 1

    def test_a_failed_fit_ends_them_and_leaves_what_was_learned(self, iris):
        X, y = iris
        clf = quick().fit(X, y)
        before = clf.predict_proba(X)

        class Fails(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                raise RuntimeError("of the user's")

        recorder = Recorder()
        clf.set_params(callbacks=Fails()).set_callbacks(recorder)
        with pytest.raises(RuntimeError, match="of the user's"):
            clf.fit(X, y)
        assert recorder.events[-1] == "teardown"
        assert not hasattr(clf, "_callback_fit_ctx")
        np.testing.assert_array_equal(clf.predict_proba(X), before)
        assert clf.set_params(callbacks=None).fit(X, y).n_iter_ == 3

    def test_steps_of_a_pipeline_in_a_search(self, digits):
        recorder = Propagated()
        pipeline = make_pipeline(Reshape((8, 8)), Flatten(), ScaleToUnit(), ZScore(), quick(epochs=2))
        GridSearchCV(pipeline, {"dnnclassifier__dropout": [0.0]}, cv=2, refit=False).set_callbacks(recorder).fit(
            digits.images[:100], digits.target[:100]
        )
        names = [event[1] for event in recorder.events if event[0] == "begin"]
        for name in ("Reshape", "Flatten", "ScaleToUnit", "ZScore"):
            assert names.count(name) == 2
        assert names.count("DNNClassifier") == 2 * (1 + 2)

    @pytest.mark.parametrize("method", ["fit", "fit_transform"])
    @pytest.mark.parametrize(
        "transformer, X",
        [
            (ReadImages(), [np.zeros((2, 2), dtype=np.uint8)]),
            (OneHot(), [0, 1, 2]),
            (ScaleToUnit(), [[1.0]]),
            (ZScore(), [[1.0]]),
            (Flatten(), [[[1.0]]]),
            (Reshape((1, 1)), [[1.0]]),
        ],
    )
    def test_transformers(self, transformer, X, method):
        recorder = Recorder()
        getattr(clone(transformer).set_callbacks(recorder), method)(X)
        name = type(transformer).__name__
        assert recorder.events == ["setup", ("begin", name, "fit", 0, 0), ("end", name, "fit", 0), "teardown"]

    @pytest.mark.slow
    def test_progress_of_a_search_with_two_workers(self):
        """Rich draws nothing where there is no terminal, but it writes the last state."""
        code = (
            "from sklearn.callback import ProgressBar; from sklearn.datasets import load_iris; "
            "from sklearn.model_selection import GridSearchCV; from skdeep import DNNClassifier; "
            "clf = DNNClassifier((8,), epochs=3, random_state=0); "
            "search = GridSearchCV(clf, {'dropout': [0, 0.1]}, cv=2, n_jobs=2); "
            "search.set_callbacks(ProgressBar()).fit(*load_iris(return_X_y=True))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        lines = [line.split() for line in done.stdout.splitlines() if "DNNClassifier" in line]
        assert len(lines) == 2 * 2 + 1
        assert all("100%" in line for line in lines)

    def test_a_search_that_shows_progress_can_be_saved(self, iris, tmp_path):
        search = GridSearchCV(quick(), {"dropout": [0.0]}, cv=2).set_callbacks(ProgressBar()).fit(*iris)
        skdeep.save(search, tmp_path / "file")
        assert skdeep.load(tmp_path / "file").predict(iris[0]).shape == (150,)


class TestCallbacksOfKeras:
    """Those that people reach for; the hooks themselves are in test_training."""

    def test_a_log_as_csv(self, iris, tmp_path):
        callback = keras.callbacks.CSVLogger(tmp_path / "log.csv")
        clf = quick(callbacks=callback, validation_fraction=0.2).fit(*iris)
        with open(tmp_path / "log.csv") as file:
            rows = list(csv.DictReader(file))
        assert [int(row["epoch"]) for row in rows] == [0, 1, 2]
        for name, values in clf.history_.items():
            assert [float(row[name]) for row in rows] == values

    def test_checkpoints(self, iris, tmp_path):
        clf = quick(callbacks=keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")).fit(*iris)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["1.keras", "2.keras", "3.keras"]
        last = keras.saving.load_model(tmp_path / "3.keras")
        np.testing.assert_allclose(last.predict(iris[0], verbose=0), clf.predict_proba(iris[0]), rtol=1e-5)

    def test_learning_rates(self, iris):
        clf = quick(callbacks=keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / (epoch + 1))).fit(*iris)
        assert clf.history_["learning_rate"] == pytest.approx([0.1, 0.05, 0.1 / 3])
        clf = quick(epochs=8, callbacks=keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=10)).fit(*iris)
        assert clf.history_["learning_rate"] == pytest.approx([0.001, *(0.001 / 10**n for n in range(7))])
        steps = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=5, decay_rate=0.5)
        clf = quick(learning_rate=steps).fit(*iris)
        assert float(clf.model_.optimizer.learning_rate) == pytest.approx(0.1 * 0.5**3)  # five batches an epoch

    def test_in_a_cross_validation_each_fit_has_its_own(self, iris, tmp_path):
        callback = keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=10)
        results = cross_validate(quick(callbacks=callback), *iris, cv=2, return_estimator=True)["estimator"]
        assert [each.history_["learning_rate"][0] for each in results] == pytest.approx([0.001, 0.001])
