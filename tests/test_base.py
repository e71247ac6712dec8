"""fit, partial_fit, predict: what is learned, what is kept, what is left alone."""

import errno
import functools
import os
import pickle
import random
import re
import subprocess
import sys
import warnings

import keras
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import CNNClassifier, DNNClassifier, DNNRegressor, KerasClassifier, MLPClassifier
from skdeep._estimators import base


def quick(**params):
    return DNNClassifier((16,), **{"epochs": 5, "random_state": 0} | params)


def weights(estimator):
    return np.concatenate([weight.ravel() for weight in estimator.model_.get_weights()])


def test_fitted_attributes(iris):
    X, y = iris
    names = ["a", "b", "c", "d"]
    clf = quick(validation_fraction=0.2).fit(pd.DataFrame(X, columns=names), y)
    assert list(clf.history_) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert all(len(values) == 5 and all(type(v) is float for v in values) for values in clf.history_.values())
    assert (clf.n_iter_, clf.best_epoch_, clf.n_features_in_) == (5, 5, 4)
    assert clf.feature_names_in_.tolist() == names
    assert clf.classes_.tolist() == [0, 1, 2]
    assert clf.model_.count_params() == 4 * 16 + 16 + 16 * 3 + 3


def test_probabilities_are_float64_rows_that_sum_to_one(iris):
    clf = quick().fit(*iris)
    probabilities = clf.predict_proba(iris[0])
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(clf.classes_[probabilities.argmax(axis=1)], clf.predict(iris[0]))
    np.testing.assert_allclose(np.exp(clf.predict_log_proba(iris[0])), probabilities)


def test_decision_function_orders_as_the_probabilities(iris):
    X, y = iris
    three = quick().fit(X, y)
    np.testing.assert_allclose(three.decision_function(X), np.log(three.predict_proba(X)), atol=1e-6)
    two = quick().fit(X, y == 0)
    np.testing.assert_array_equal(two.decision_function(X) > 0, two.predict(X))
    shares = quick(output_activation="sigmoid").fit(X, y)
    outputs = shares.model_.predict(X, verbose=0)
    np.testing.assert_allclose(shares.decision_function(X), np.log(outputs), atol=1e-5)
    np.testing.assert_allclose(shares.predict_proba(X), outputs / outputs.sum(axis=1, keepdims=True), atol=1e-6)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("classifier", [MLPClassifier, CNNClassifier])
def test_a_row_is_predicted_alike_alone_and_in_any_batch(classifier, digits):
    X = digits.data[:50]
    clf = classifier(epochs=1, random_state=0).fit(X, digits.target[:50])
    together = clf.predict_proba(X)
    for size in (1, 2, 3, 7, 20):
        parts = [clf.predict_proba(X[start : start + size]) for start in range(0, 50, size)]
        if classifier is CNNClassifier:  # TensorFlow rounds by the size of a batch, on processors without AVX-512
            np.testing.assert_allclose(np.concatenate(parts), together, rtol=1e-5)
        else:
            np.testing.assert_array_equal(np.concatenate(parts), together)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "decision_function"])
def test_unfitted_estimators_say_so(method, iris):
    with pytest.raises(NotFittedError, match="This DNNClassifier instance is not fitted yet"):
        getattr(DNNClassifier(), method)(iris[0])


def test_unfitted_estimators_have_no_model():
    assert not hasattr(DNNClassifier(), "model_")


class TestRandomState:
    def test_same_seed_same_bits(self, iris):
        first, second, other = (
            quick(dropout=0.5, random_state=seed, validation_fraction=0.2).fit(*iris) for seed in (1, 1, 2)
        )
        assert first.history_ == second.history_ != other.history_
        np.testing.assert_array_equal(weights(first), weights(second))

    @pytest.mark.slow
    def test_same_bits_in_another_process(self):
        code = (
            "from sklearn.datasets import load_iris; from skdeep import DNNClassifier; "
            "clf = DNNClassifier(epochs=2, random_state=3).fit(*load_iris(return_X_y=True)); "
            "print([weight.tobytes().hex() for weight in clf.model_.get_weights()])"
        )
        here = DNNClassifier(epochs=2, random_state=3).fit(*load_iris(return_X_y=True)).model_.get_weights()
        there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert there.strip() == str([weight.tobytes().hex() for weight in here])

    def test_global_random_states_stay_as_they_are(self, iris):
        random.seed(5)
        np.random.seed(5)  # noqa: NPY002 (it is the legacy global state that must stay)
        expected = random.Random(5).random(), np.random.RandomState(5).random_sample()
        quick(dropout=0.2, validation_fraction=0.2).fit(*iris).predict(iris[0])
        assert (random.random(), np.random.random_sample()) == expected  # noqa: NPY002

    def test_none_draws_anew(self, iris):
        assert quick(random_state=None).fit(*iris).history_ != quick(random_state=None).fit(*iris).history_

    def test_none_draws_from_the_global_random_numbers_of_numpy(self, iris):
        histories = []
        for seed in (5, 5, 6):
            np.random.seed(seed)  # noqa: NPY002
            histories.append(quick(random_state=None).fit(*iris).history_)
        assert histories[0] == histories[1] != histories[2]

    def test_random_state_instance_is_drawn_from(self, iris):
        state = np.random.RandomState(0)
        clf = quick(random_state=state)
        assert clf.fit(*iris).history_ != clf.fit(*iris).history_


class TestInput:
    @pytest.mark.slow_after(4)
    @pytest.mark.parametrize(
        "convert",
        [
            lambda X: X.astype(np.float32),
            lambda X: X.tolist(),
            np.asfortranarray,
            lambda X: pd.DataFrame(X).to_numpy(),
            scipy.sparse.csr_matrix,
            scipy.sparse.csc_array,
            scipy.sparse.coo_array,
        ],
    )
    def test_any_form_of_table_gives_the_same(self, convert, iris):
        X, y = iris
        expected = quick().fit(X, y).predict_proba(X)
        given = convert(X)
        np.testing.assert_array_equal(quick().fit(given, y).predict_proba(given), expected)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("frames", [pd, pl], ids=["pandas", "polars"])
    def test_frames(self, frames, iris):
        X, y = iris
        names = ["a", "b", "c", "d"]
        table, labels = (
            frames.DataFrame(dict(zip(names, X.T, strict=True))),
            frames.Series(np.array(["x", "y", "z"])[y]),
        )
        clf = quick().fit(table, labels, frames.Series(np.ones(150)), X_val=table, y_val=labels)
        np.testing.assert_array_equal(clf.predict_proba(table), quick().fit(X, y, X_val=X, y_val=y).predict_proba(X))
        assert clf.feature_names_in_.tolist() == names
        assert set(clf.predict(table)) <= {"x", "y", "z"}
        with pytest.raises(ValueError, match="feature names should match"):
            clf.predict(table[["b", "a", "c", "d"]])
        clf.partial_fit(table, labels)

    @pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.float32, bool])
    def test_dtypes(self, dtype, digits):
        X = digits.data.astype(dtype)
        expected = quick(epochs=1).fit(X.astype(np.float64), digits.target).predict_proba(X[:50].astype(np.float64))
        np.testing.assert_array_equal(quick(epochs=1).fit(X, digits.target).predict_proba(X[:50]), expected)

    def test_the_callers_arrays_are_never_changed(self, iris):
        X, y = iris[0].copy(), iris[1].copy()
        sample_weight = np.linspace(0, 2, len(y))
        class_weight = {0: 2.0}
        for array in (X, y, sample_weight):
            array.flags.writeable = False
        before = X.copy(), y.copy(), sample_weight.copy()
        quick(class_weight=class_weight).fit(X, y, sample_weight, X_val=X, y_val=y).predict(X)
        for array, old in zip((X, y, sample_weight), before, strict=True):
            np.testing.assert_array_equal(array, old)
        assert class_weight == {0: 2.0}

    @pytest.mark.parametrize(
        "change, message",
        [
            (lambda X: X * np.nan, "Input X contains NaN"),
            (lambda X: X + np.inf, "Input X contains infinity"),
            (lambda X: X + 1j, "Complex data not supported"),
            (
                lambda X: np.where(X > 0, "much", "little"),
                "dtype='numeric' is not compatible with arrays of bytes/strings",
            ),
            (lambda X: X[:, 0], "Expected 2D array, got 1D array"),
            (lambda X: X[:0], r"Found array with 0 sample\(s\)"),
            (lambda X: X[:, :0], r"Found array with 0 feature\(s\)"),
            (lambda X: X[:9], "inconsistent numbers of samples"),
            (lambda X: X * 1e300, "Input X contains a value too large for float32"),
        ],
    )
    def test_bad_input_is_named(self, change, message, iris):
        with pytest.raises(ValueError, match=message):
            quick().fit(change(iris[0]), iris[1])

    def test_other_features_than_in_fit_are_named(self, iris):
        frame = pd.DataFrame(iris[0], columns=list("abcd"))
        clf = quick(epochs=1).fit(frame, iris[1])
        with pytest.raises(ValueError, match="X has 3 features, but DNNClassifier is expecting 4 features"):
            quick(epochs=1).fit(*iris).predict(iris[0][:, :3])
        with pytest.raises(ValueError, match="Feature names must be in the same order as they were in fit"):
            clf.predict(frame[list("dcba")])


class TestValidationData:
    def test_given_data_are_used(self, iris):
        X, y = iris
        clf = quick().fit(X, y, X_val=X[::2], y_val=y[::2])
        probabilities = clf.predict_proba(X[::2])
        expected = -np.mean(np.log(probabilities[np.arange(75), y[::2]]))
        assert clf.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-5)
        assert clf.history_["val_accuracy"][-1] == pytest.approx(clf.score(X[::2], y[::2]))

    def test_they_go_through_the_pipeline(self, iris):
        X, y = iris[0] * 50 + 1000, iris[1]
        with sklearn.config_context(enable_metadata_routing=True):
            clf = quick().set_fit_request(X_val=True, y_val=True)
            pipe = make_pipeline(StandardScaler(), clf, transform_input=["X_val"]).fit(X, y, X_val=X[:60], y_val=y[:60])
        assert pipe[-1].history_["val_accuracy"][-1] == pytest.approx(pipe.score(X[:60], y[:60]))

    @pytest.mark.parametrize(
        "validation, message",
        [
            ({"X_val": np.zeros((3, 4))}, "X_val was given without y_val"),
            ({"y_val": [0, 1, 2]}, "y_val was given without X_val"),
            ({"X_val": np.zeros((3, 5)), "y_val": [0, 1, 2]}, "X_val or y_val does not fit: X has 5 features"),
            ({"X_val": np.zeros((2, 4)), "y_val": [0, 1, 2]}, "X_val or y_val does not fit: .*inconsistent numbers"),
            ({"X_val": np.zeros((3, 4)), "y_val": [0, 1, 7]}, r"y_val contains labels .* not seen in fit: \[7\]"),
        ],
    )
    def test_bad_validation_data_are_named(self, validation, message, iris):
        with pytest.raises(ValueError, match=message):
            quick().fit(*iris, **validation)


class TestEarlyStopping:
    def test_stops_and_keeps_the_best_weights(self, iris):
        X, y = iris
        rng = np.random.default_rng(0)
        X_val, y_val = X + rng.normal(scale=0.7, size=X.shape), y
        clf = quick(epochs=200, learning_rate=0.05, early_stopping=True, n_iter_no_change=4)
        clf.fit(X, y, X_val=X_val, y_val=y_val)
        losses = clf.history_["val_loss"]
        assert clf.n_iter_ == len(losses) == clf.best_epoch_ + 4 < 200
        probabilities = clf.predict_proba(X_val)
        kept = -np.mean(np.log(probabilities[np.arange(len(y)), y]))
        assert kept == pytest.approx(losses[clf.best_epoch_ - 1], rel=1e-4)

    def test_keeps_the_best_weights_when_the_epochs_run_out(self, iris):
        X, y = iris
        wrong = (y + 1) % 3
        clf = quick(epochs=6, learning_rate=0.01, early_stopping=True).fit(X, y, X_val=X, y_val=wrong)
        losses = clf.history_["val_loss"]
        assert clf.n_iter_ == 6
        assert clf.best_epoch_ == np.argmin(losses) + 1 < 6
        probabilities = clf.predict_proba(X)
        kept = -np.mean(np.log(probabilities[np.arange(len(y)), wrong]))
        assert kept == pytest.approx(losses[clf.best_epoch_ - 1], rel=1e-4)

    def test_takes_a_tenth_for_validation_by_default(self, iris):
        assert "val_loss" in quick(early_stopping=True).fit(*iris).history_

    def test_another_metric(self, iris):
        clf = quick(epochs=100, early_stopping=True, monitor="val_accuracy", n_iter_no_change=2, tol=0)
        accuracies = clf.fit(*iris).history_["val_accuracy"]
        assert clf.best_epoch_ == np.argmax(accuracies) + 1

    def test_unknown_metric_is_named(self, iris):
        message = r"monitor='val_auc' is not among .* \['loss', 'accuracy', 'val_loss', 'val_accuracy'\]"
        with pytest.raises(ValueError, match=message):
            quick(early_stopping=True, monitor="val_auc").fit(*iris)

    def test_the_best_weights_are_the_best_whatever_the_tolerance(self, iris):
        clf = quick(epochs=60, learning_rate=0.01, early_stopping=True, tol=10, n_iter_no_change=20).fit(*iris)
        assert clf.n_iter_ < 60
        assert clf.best_epoch_ == np.argmin(clf.history_["val_loss"]) + 1 > 1


def mean_of_the_largest(y_true, y_pred):
    return keras.ops.mean(keras.ops.max(y_pred, axis=-1))


class Noted(keras.callbacks.Callback):
    """Notes the weights after each epoch, and adds a metric to the logs."""

    def __init__(self, name="val_score"):
        super().__init__()
        self.name = name
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(np.concatenate([weight.ravel() for weight in self.model.get_weights()]))
        logs[self.name] = np.sin(1 + epoch)  # largest after epoch 2, least after epoch 5


class TestTheAimOfEarlyStopping:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("mode", ["min", "max"])
    @pytest.mark.parametrize("estimator", [quick, lambda **params: DNNRegressor((8,), random_state=0, **params)])
    def test_of_a_metric_of_ones_own_it_must_be_said(self, mode, estimator, iris):
        X, y = iris
        settings = {"early_stopping": True, "monitor": "val_mean_of_the_largest", "metrics": [mean_of_the_largest]}
        clf = estimator(**settings, callbacks=Noted(), epochs=8)
        with pytest.raises(
            ValueError, match=r"'val_mean_of_the_largest' is a metric of which .* set monitor_mode to 'min'"
        ):
            clf.fit(X, y)
        clf.set_params(monitor_mode=mode).fit(X, y)
        best = getattr(np, f"arg{mode}")(clf.history_["val_mean_of_the_largest"])
        assert clf.best_epoch_ == best + 1
        np.testing.assert_array_equal(weights(clf), clf.callbacks_[0].weights[best])

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "metric, aim",
        [
            ("accuracy", "max"),
            ("mse", "min"),
            (keras.metrics.AUC(name="quality"), "max"),
            (keras.losses.mean_squared_error, "min"),
            (keras.metrics.CosineSimilarity, "max"),
        ],
    )
    def test_of_keras_metrics_it_is_known(self, metric, aim, iris):
        clf = quick(early_stopping=True, metrics=[metric], epochs=12, learning_rate=0.05, batch_size=8)
        name = list(clf.set_params(monitor="val_loss").fit(*iris).history_)[1]
        clf.set_params(monitor=f"val_{name}").fit(*iris)
        assert clf.best_epoch_ == getattr(np, f"arg{aim}")(clf.history_[f"val_{name}"]) + 1

    def test_the_other_way_if_it_is_said(self, iris):
        clf = quick(early_stopping=True, monitor_mode="max").fit(*iris)
        assert clf.best_epoch_ == np.argmax(clf.history_["val_loss"]) + 1

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("mode, best", [("max", 2), ("min", 5)])
    def test_a_metric_that_a_callback_adds(self, mode, best, iris):
        clf = quick(early_stopping=True, monitor="val_score", callbacks=Noted(), epochs=7)
        with pytest.raises(ValueError, match=r"'val_score' is not among .* \['loss', .* callback .* set monitor_mode"):
            clf.fit(*iris)
        clf.set_params(monitor_mode=mode).fit(*iris)
        assert clf.best_epoch_ == best
        np.testing.assert_array_equal(weights(clf), clf.callbacks_[0].weights[best - 1])

    def test_a_metric_that_a_callback_adds_in_some_epochs(self, iris):
        class Sometimes(Noted):
            def on_epoch_end(self, epoch, logs=None):
                if epoch % 2 == 0:
                    super().on_epoch_end(epoch, logs)

        clf = quick(early_stopping=True, monitor="val_score", monitor_mode="min", callbacks=Sometimes(), epochs=7)
        assert clf.fit(*iris).best_epoch_ == 5

    def test_a_name_that_no_callback_adds(self, iris):
        clf = quick(callbacks=Noted("val_other")).fit(*iris)
        before = weights(clf)
        clf.set_params(early_stopping=True, monitor="val_score", monitor_mode="max", warm_start=True)
        with pytest.raises(ValueError, match=r"'val_score' is not among .*, which are \[.*'val_loss'.*'val_other'"):
            clf.fit(*iris)
        np.testing.assert_array_equal(weights(clf), before)
        assert clf.n_iter_ == len(clf.history_["loss"]) == 5

    def test_it_stops_after_as_many_epochs_as_keras(self, iris):
        X, y = iris
        clf = quick(early_stopping=True, tol=0.01, n_iter_no_change=3, epochs=200, learning_rate=0.02).fit(
            X, y, X_val=X, y_val=y
        )
        stop = keras.callbacks.EarlyStopping("val_loss", min_delta=0.01, patience=3)
        theirs = quick(callbacks=stop, epochs=200, learning_rate=0.02).fit(X, y, X_val=X, y_val=y)
        assert clf.n_iter_ == theirs.n_iter_ < 200


class TestEarlyStoppingWithWarmStart:
    RATES = [0.01, 2.0, 0.003, 0.5]

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy", "loss", "val_score"])
    @pytest.mark.parametrize("kind", [DNNClassifier, CNNClassifier, DNNRegressor])
    def test_the_best_of_all_fits_is_kept(self, kind, monitor, iris):
        X, y = iris
        if kind is DNNRegressor and monitor == "val_accuracy":
            monitor, kind = "val_mae", functools.partial(DNNRegressor, metrics="mae")
        noted, aim = Noted(), "max" if monitor in ("val_accuracy", "val_score") else "min"
        clf = kind(early_stopping=True, warm_start=True, monitor=monitor, epochs=4, callbacks=noted, random_state=0)
        clf.set_params(monitor_mode="max" if monitor == "val_score" else "auto", dropout=0.0)
        for number, rate in enumerate(self.RATES, start=1):
            clf.set_params(learning_rate=rate).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
            assert clf.n_iter_ == len(noted.weights) == 4 * number
            best = getattr(np, f"arg{aim}")(clf.history_[monitor])
            assert clf.best_epoch_ == best + 1
            np.testing.assert_array_equal(weights(clf), noted.weights[best])
            clf = pickle.loads(pickle.dumps(clf))
            noted = clf.callbacks

    def test_with_other_validation_rows_what_it_began_with_is_measured_on_them(self, iris):
        X, y = iris
        clf = quick(early_stopping=True, warm_start=True, epochs=30, learning_rate=0.01).fit(X, y, X_val=X, y_val=y)
        before, best = weights(clf), clf.best_epoch_
        wrong = (y + 1) % 3
        start = log_loss(wrong, clf.predict_proba(X))
        clf.set_params(epochs=2).fit(X, wrong, X_val=X, y_val=wrong)  # far worse than the first fit was, but learned
        assert clf.history_["val_loss"][best - 1] < clf.history_["val_loss"][-1] < start
        assert clf.best_epoch_ == 32
        after = weights(clf)
        clf.set_params(epochs=2, learning_rate=1.0).fit(X, y, X_val=X, y_val=wrong)
        assert min(clf.history_["val_loss"][32:]) > clf.history_["val_loss"][31]
        np.testing.assert_array_equal(weights(clf), after)
        assert clf.best_epoch_ == 32
        assert np.abs(after - before).max() > 0

    def test_patience_counts_from_what_it_began_with(self, iris):
        X, y = iris
        clf = quick(early_stopping=True, warm_start=True, epochs=40, learning_rate=0.01).fit(X, y, X_val=X, y_val=y)
        n_epochs, best = clf.n_iter_, clf.best_epoch_
        clf.set_params(learning_rate=3.0, n_iter_no_change=3).fit(X, y, X_val=X, y_val=y)
        assert (clf.n_iter_, clf.best_epoch_) == (n_epochs + 3, best)

    def test_an_epoch_of_partial_fit_in_between(self, iris):
        X, y = iris
        held = {"X_val": X, "y_val": y}
        clf = quick(early_stopping=True, warm_start=True, learning_rate=0.01).fit(X, y, **held)
        clf.set_params(early_stopping=False).partial_fit(X, y)
        between = weights(clf)
        clf.set_params(early_stopping=True, learning_rate=5.0, epochs=2).fit(X, y, **held)
        assert (clf.n_iter_, clf.best_epoch_) == (8, 6)
        np.testing.assert_array_equal(weights(clf), between)


class TestDivergence:
    MESSAGE = r"Training diverged in epoch {}: .*The weights are those after {} epochs.*Scale X.*lower learning_rate"

    def test_in_the_first_epoch_the_initial_weights_stay(self, iris):
        params = {"optimizer": "sgd", "validation_fraction": 0.2}
        with pytest.warns(ConvergenceWarning, match=self.MESSAGE.format(1, 0)):
            clf = quick(learning_rate=1e9, **params).fit(iris[0] * 100, iris[1])
        initial = quick(learning_rate=1e-30, epochs=1, **params).fit(iris[0] * 100, iris[1])
        np.testing.assert_allclose(weights(clf), weights(initial), atol=1e-20)
        assert (clf.n_iter_, clf.best_epoch_) == (1, 0)
        assert np.isnan(clf.history_["val_loss"]).tolist() == [True]
        assert np.isfinite(clf.predict_proba(iris[0])).all()

    class BlowUp(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 3:
                self.model.optimizer.learning_rate = 1e38

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
    @pytest.mark.parametrize("params", [{}, {"early_stopping": True, "monitor": "loss"}])
    def test_later_the_last_finite_weights_stay(self, optimizer, params, iris):
        clf = quick(optimizer=optimizer, epochs=9, callbacks=self.BlowUp, **params)
        with pytest.warns(ConvergenceWarning, match=self.MESSAGE.format(4, 3)):
            clf.fit(*iris)
        expected = quick(optimizer=optimizer, epochs=3).fit(*iris)
        np.testing.assert_array_equal(weights(clf), weights(expected))
        assert clf.history_["loss"][:3] == expected.history_["loss"]
        assert (clf.n_iter_, clf.best_epoch_) == (4, 3)

    def test_training_can_go_on(self, iris):
        clf = quick(epochs=9, callbacks=self.BlowUp)
        with pytest.warns(ConvergenceWarning):
            clf.fit(*iris)
        clf.set_params(callbacks=None, warm_start=True, learning_rate=0.01).fit(*iris)
        assert clf.n_iter_ == 13
        assert clf.score(*iris) > 0.9

    def test_a_search_goes_on_and_ranks_it_last(self, iris):
        search = GridSearchCV(quick(optimizer="sgd"), {"learning_rate": [0.1, 1e30]}, cv=2)
        with pytest.warns(ConvergenceWarning):
            search.fit(*iris)
        assert search.best_params_ == {"learning_rate": 0.1}
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()

    def test_predictions_that_mean_nothing_are_told(self, digits):
        clf = quick(epochs=1).fit(digits.data, digits.target)
        X = np.full((3, 64), 3e38)
        X[1] = 0
        with pytest.warns(RuntimeWarning, match="not finite for 2 of 3 rows of X.* Scale X"):
            clf.predict(X)


class TestWarmStart:
    def test_goes_on_from_the_weights_and_the_optimizer(self, iris):
        once = quick(epochs=3, shuffle=False, dropout=0, warm_start=True).fit(*iris)
        first = {name: list(values) for name, values in once.history_.items()}
        once.set_params(epochs=2).fit(*iris)
        together = quick(epochs=5, shuffle=False, dropout=0).fit(*iris)
        assert once.history_ == together.history_
        assert first["loss"] == together.history_["loss"][:3]
        assert once.n_iter_ == 5
        np.testing.assert_array_equal(weights(once), weights(together))

    def test_another_learning_rate_counts(self, iris):
        clf = quick(warm_start=True, learning_rate=0.01).fit(*iris)
        before = weights(clf)
        clf.set_params(learning_rate=1e-12, epochs=1).fit(*iris)
        np.testing.assert_allclose(weights(clf), before, atol=1e-8)

    def test_off_it_starts_anew(self, iris):
        clf = quick()
        assert clf.fit(*iris).history_ == clf.fit(*iris).history_

    def test_another_network_is_an_error(self, iris):
        clf = quick(warm_start=True).fit(*iris)
        with pytest.raises(ValueError, match=r"warm_start=True goes on with the weights .* another network"):
            clf.set_params(hidden_layer_sizes=(17,)).fit(*iris)

    def test_other_classes_are_an_error(self, iris):
        clf = quick(warm_start=True).fit(*iris)
        with pytest.raises(
            ValueError, match=r"goes on with the classes of the earlier fit, \[0, 1, 2\], .*\[False, True\]"
        ):
            clf.fit(iris[0], iris[1] > 0)


class TestHistory:
    def test_it_has_one_entry_an_epoch_for_every_metric_ever(self, iris):
        X, y = iris
        clf = quick(epochs=2, warm_start=True).fit(X, y)
        clf.fit(X, y, X_val=X, y_val=y)
        clf.partial_fit(X, y)
        assert clf.n_iter_ == 5
        assert {name: len(values) for name, values in clf.history_.items()} == dict.fromkeys(clf.history_, 5)
        assert np.isnan(clf.history_["val_loss"]).tolist() == [True, True, False, False, True]


class TestPartialFit:
    def test_each_call_is_one_epoch(self, iris):
        X, y = iris
        parts = quick(shuffle=False, dropout=0)
        for _ in range(5):
            parts.partial_fit(X, y, classes=[0, 1, 2])
        whole = quick(shuffle=False, dropout=0).fit(X, y)
        assert parts.history_ == whole.history_
        assert parts.n_iter_ == parts.best_epoch_ == 5
        np.testing.assert_array_equal(weights(parts), weights(whole))

    def test_goes_on_after_fit(self, iris):
        clf = quick().fit(*iris)
        before = clf.history_["loss"]
        clf.partial_fit(*iris)
        assert clf.history_["loss"][:5] == before
        assert clf.n_iter_ == 6

    def test_parts_need_not_hold_all_classes(self, iris):
        X, y = iris
        clf = quick(learning_rate=0.01)
        for _ in range(20):
            for label in (0, 1, 2):
                clf.partial_fit(X[y == label][:10], y[y == label][:10], classes=[0, 1, 2])
        assert clf.predict_proba(X).shape == (150, 3)

    @pytest.mark.parametrize(
        "params, call, message",
        [
            ({}, {}, "classes must be passed on the first call to partial_fit"),
            ({}, {"classes": [0, 1]}, r"y contains labels that were not seen in fit: \[2\]"),
            ({"early_stopping": True}, {"classes": [0, 1, 2]}, "does not work with early_stopping=True"),
            ({"class_weight": "balanced"}, {"classes": [0, 1, 2]}, "does not work with class_weight='balanced'"),
        ],
    )
    def test_errors(self, params, call, message, iris):
        with pytest.raises(ValueError, match=message):
            quick(**params).partial_fit(*iris, **call)

    def test_parameters_are_checked_in_later_calls_too(self, iris):
        clf = quick().fit(*iris).set_params(batch_size=-5)
        with pytest.raises(ValueError, match="The 'batch_size' parameter of DNNClassifier must be"):
            clf.partial_fit(*iris)

    def test_other_classes_than_before_are_an_error(self, iris):
        clf = quick().partial_fit(*iris, classes=[0, 1, 2])
        with pytest.raises(ValueError, match=r"classes=\[0, 1\] is not the same as .*\[0, 1, 2\]"):
            clf.partial_fit(*iris, classes=[0, 1])


class TestNothingIsLostByAnError:
    def raising(self):
        import keras

        class Raising(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                raise RuntimeError("no more")

        return Raising()

    @pytest.mark.slow_after(2)
    @pytest.mark.parametrize(
        "params, data",
        [
            ({"epochs": -1}, lambda X, y: (X, y)),
            ({"optimizer": "adamm"}, lambda X, y: (X, y)),
            ({"dropout": 2}, lambda X, y: (X, y)),
            ({}, lambda X, y: (X[:, :3] * np.nan, y)),
            ({}, lambda X, y: (X[:, :3], np.zeros(150))),
        ],
    )
    def test_after_a_failed_fit_the_model_predicts_as_before(self, params, data, iris):
        clf = quick().fit(*iris)
        before, state = clf.predict_proba(iris[0]), set(vars(clf))
        with pytest.raises(ValueError):  # noqa: PT011 (the messages are tested elsewhere)
            clf.set_params(**params).fit(*data(*iris))
        np.testing.assert_array_equal(clf.predict_proba(iris[0]), before)
        assert set(vars(clf)) == state

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("method", ["fit", "partial_fit"])
    @pytest.mark.parametrize("warm_start", [False, True])
    def test_after_training_broke_off(self, method, warm_start, iris):
        clf = quick(warm_start=warm_start, learning_rate=0.1).fit(*iris)
        before, history = clf.predict_proba(iris[0]), clf.history_
        clf.set_params(callbacks=self.raising())
        with pytest.raises(RuntimeError, match="no more"):
            getattr(clf, method)(*iris)
        np.testing.assert_array_equal(clf.predict_proba(iris[0]), before)
        assert clf.history_ == history
        clf.set_params(callbacks=None)
        assert getattr(clf, method)(*iris).score(*iris) > 0.5

    def test_a_failed_first_fit_leaves_the_estimator_unfitted(self, iris):
        clf = quick(optimizer="adamm")
        with pytest.raises(ValueError, match="adamm"):
            clf.fit(*iris)
        assert not hasattr(clf, "n_features_in_")
        with pytest.raises(NotFittedError):
            clf.predict(iris[0])


def read_to_end(reader):
    """Read what is left in a pipe or terminal whose other end is closed; a terminal hands it on bit by bit."""
    chunks = []
    try:
        while chunk := os.read(reader, 10_000):
            chunks.append(chunk)
    except OSError as error:
        if error.errno != errno.EIO:  # how a terminal says that there is no more
            raise
    finally:
        os.close(reader)
    return b"".join(chunks)


class TestOutput:
    def test_silent_by_default(self, iris, capfd):
        quick(validation_fraction=0.2).fit(*iris).score(*iris)
        assert capfd.readouterr() == ("", "")

    def test_verbose_prints_a_line_an_epoch(self, iris, capfd):
        quick(epochs=2, verbose=1, validation_fraction=0.2).fit(*iris)
        lines = capfd.readouterr().out.splitlines()
        assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("sink", ["a pipe", "a terminal"])
    def test_the_line_has_what_keras_prints(self, sink, iris, monkeypatch):
        X, y = iris
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
        loss = "sparse_categorical_crossentropy"
        model.compile(keras.optimizers.SGD(1e-5), loss, metrics=["accuracy", "sparse_top_k_categorical_accuracy"])
        fit = {"epochs": 3, "batch_size": 15, "shuffle": False, "validation_data": (X, y)}
        printed = []
        for train in (KerasClassifier(model, verbose=1).fit, functools.partial(model.fit, verbose=2)):
            reader, writer = os.openpty() if sink == "a terminal" else os.pipe()
            with open(writer, "w") as stream, monkeypatch.context() as patch:
                patch.setattr(sys, "stdout", stream)
                train(X, y, **fit)
            printed.append(read_to_end(reader).decode().splitlines())
        ours, theirs = printed
        heads, values = [line.split(" - ") for line in theirs[::2]], [line.split(" - ") for line in theirs[1::2]]
        assert len(ours) == len(heads) == 3
        for line, (head,), (steps, _, per_step, *metrics) in zip(ours, heads, values, strict=True):
            epoch, our_steps, seconds, our_per_step, *our_metrics = line.split(" - ")
            assert (epoch, our_steps) == (head, steps) == (head, "10/10")
            assert re.fullmatch(r"\d+s", seconds)
            assert all(re.fullmatch(r"\d+(s|ms|us)/step", each) for each in (our_per_step, per_step))
            expected = {name: float(value) for name, value in (each.split(": ") for each in metrics)}
            got = {name: float(value) for name, value in (each.split(": ") for each in our_metrics)}
            assert got == pytest.approx(expected, abs=2e-4)

    def test_repr_shows_what_differs_from_the_defaults(self):
        shown = repr(DNNClassifier((5,), epochs=3, optimizer__beta_1=0.5))
        assert shown == "DNNClassifier(epochs=3, hidden_layer_sizes=(5,), optimizer__beta_1=0.5)"

    def test_html_representation(self, iris):
        assert "hidden_layer_sizes" in quick(epochs=1).fit(*iris)._repr_html_()


def test_float64(iris):
    X, y = iris
    clf = quick(dtype_policy="float64", epochs=30, learning_rate=0.02).fit(X, y)
    assert {weight.dtype for weight in clf.model_.get_weights()} == {np.dtype(np.float64)}
    assert not np.array_equal(clf.predict_proba(X).astype(np.float32), clf.predict_proba(X))
    assert clf.score(X, y) > 0.9


@pytest.mark.slow
def test_mixed_bfloat16(digits):
    X = StandardScaler().fit_transform(digits.data)
    clf = quick(dtype_policy="mixed_bfloat16", epochs=20).fit(X, digits.target, X_val=X, y_val=digits.target)
    model = clf.model_
    assert {weight.dtype for weight in model.get_weights()} == {np.dtype(np.float32)}
    assert model.get_layer("hidden_1").compute_dtype == "bfloat16"
    assert model.get_layer("output").compute_dtype == model.output.dtype == "float32"
    assert clf.score(X, digits.target) > 0.95
    in_full = quick(epochs=20).fit(X, digits.target, X_val=X, y_val=digits.target)
    assert clf.history_ != in_full.history_
    assert clf.history_["val_loss"][-1] == pytest.approx(in_full.history_["val_loss"][-1], rel=0.1)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(clf)).predict_proba(X), clf.predict_proba(X))


def test_auto_epochs_and_batch_size_follow_the_number_of_rows(iris):
    clf = MLPClassifier((2,)).fit(*iris)
    assert clf.n_iter_ == 200  # 5 steps an epoch, at most 200 epochs
    X = np.repeat(iris[0], 67, axis=0)
    clf = MLPClassifier((2,), early_stopping=False).fit(X, np.repeat(iris[1], 67))
    assert clf.n_iter_ == 64  # 10,050 rows, 79 steps of 128 rows


def test_fit_does_not_change_parameters(iris):
    clf = DNNClassifier([np.int64(8), 4], dropout=[0.1, np.float32(0.2)], activation=["relu", "tanh"], epochs=1)
    params = clf.get_params()
    clf.fit(*iris)
    assert all(clf.get_params()[name] is value for name, value in params.items())
    assert clone(clf).fit(*iris).n_iter_ == 1


def test_a_penalty_in_double_precision(iris):
    clf = quick(dtype_policy="float64", alpha=0.1, epochs=30, learning_rate=0.02).fit(*iris)
    assert clf.score(*iris) > 0.8
    assert np.abs(weights(clf)).sum() < np.abs(weights(clf.set_params(alpha=0.0).fit(*iris))).sum()


class OfUsers(np.ndarray):
    """A subclass of arrays."""


@pytest.mark.parametrize(
    "form",
    [
        lambda X: X,
        lambda X: X.astype(np.float32),
        lambda X: X.astype(np.float16),
        lambda X: X.astype(">f4"),
        lambda X: np.asfortranarray(X),
        lambda X: X[::-2],
        lambda X: X.view(OfUsers),
        lambda X: np.full_like(X, 3e38, dtype=np.float32),  # whose sum is infinite
        lambda X: np.full_like(X, 1e300),
        lambda X: np.where(X > 2, np.nan, X),
        lambda X: np.where(X > 2, np.inf, X),
        lambda X: X[:0],
        lambda X: X[:, :3],
        lambda X: X[0],
        lambda X: X[:, :, None],
        lambda X: X.tolist(),
    ],
)
@pytest.mark.parametrize("names", [False, True])
def test_tables_that_need_no_check_are_told_as_scikit_learn_would(form, names, iris, monkeypatch):
    X, y = iris
    clf = DNNClassifier((4,), epochs=1, random_state=0).fit(pd.DataFrame(X, columns=list("abcd")) if names else X, y)

    def outcome():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                said = clf.predict_proba(form(X)).tolist()
            except ValueError as error:
                said = str(error)
        return said, [str(each.message) for each in caught]

    told = outcome()
    monkeypatch.setattr(base, "passes_as_it_is", lambda X, n_features: False)
    assert str(told) == str(outcome())  # NaN is not equal to itself
