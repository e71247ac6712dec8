"""Estimators for tables: networks side by side, against Keras's own fit of each, and frames of any kind."""

import copy
import inspect
import pickle
import subprocess
import sys
import warnings
from unittest import SkipTest

import keras
import numpy as np
import onnxruntime
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import sklearn
import skops.io
from joblib import parallel_config
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import skdeep
from skdeep import (
    CNNClassifier,
    DNNClassifier,
    DNNRegressor,
    KerasClassifier,
    MLPClassifier,
    TableClassifier,
    TableEncoder,
    TableRegressor,
    programs,
)

ALL = [TableClassifier, TableRegressor]


def table(n_rows, seed=0):
    """Return a frame with numbers, gaps, strings and categories, classes and numbers that depend on them."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n_rows).astype(float),
            "city": rng.choice(["Bonn", "Ulm", "Kiel"], n_rows),
            "size": pd.Categorical(rng.choice(["S", "M", "L"], n_rows)),
            "height": rng.normal(170, 10, n_rows),
            "member": rng.random(n_rows) < 0.5,
        }
    )
    labels = np.where((X["age"] > 45) & (X["city"] != "Kiel"), "yes", "no")
    numbers = 100 * np.sin(X["height"] / 5) + 50 * (X["city"] == "Ulm")
    X.loc[::17, "age"] = np.nan
    X.loc[::23, "city"] = None
    return X, labels, numbers.to_numpy()


def targets_for(estimator, n_rows, seed=0):
    X, labels, numbers = table(n_rows, seed)
    return (X, labels) if estimator is TableClassifier else (X, numbers)


def outputs(estimator, X):
    return estimator.predict_proba(X) if isinstance(estimator, TableClassifier) else estimator.predict(X)


def quick(estimator, **params):
    return estimator((16, 8), **{"n_networks": 3, "epochs": 3, "random_state": 0} | params)


# The second pass is slow: no line of skdeep depends on it.
ROUTING = [
    pytest.param(False, id="routing off"),
    pytest.param(True, id="routing on", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("routing", ROUTING)
@parametrize_with_checks([TableClassifier(epochs=30), TableRegressor(epochs=30)])
def test_scikit_learn_checks(estimator, check, routing):
    if "sample_weight_equivalence" in str(check):
        # It compares to 1e-7, so rows in another order, or drawn into other batches, must not round differently.
        estimator.set_params(batch_size=1000, dropout=0, dtype_policy="float64")
    with sklearn.config_context(enable_metadata_routing=routing):
        try:
            check(estimator)
        except SkipTest as reason:
            pytest.fail(f"skipped: {reason}")


@pytest.mark.parametrize("estimator", ALL)
def test_every_parameter_and_attribute_is_documented(estimator):
    doc = inspect.getdoc(estimator)
    fitted = quick(estimator).fit(*targets_for(estimator, 40))
    learned = [name for name in vars(fitted) if name.endswith("_") and not name.startswith("_")]
    for name in [*inspect.signature(estimator).parameters, *learned, "model_", "feature_names_in_"]:
        assert f"\n{name} : " in doc, name


def separate_networks(fitted, n_networks, loss, activation, rate):
    """Return a Keras model for each network of a fitted estimator without embedding, with its weights, compiled."""
    weights = fitted.model_.get_weights()
    models = []
    for number in range(n_networks):
        kernels = [each[number] for each in weights]
        layers = [keras.layers.Dense(len(bias), "relu") for bias in kernels[1:-1:2]]
        model = keras.Sequential([*layers, keras.layers.Dense(len(kernels[-1]), activation)])
        model.build((None, kernels[0].shape[0]))
        model.set_weights(kernels)
        model.compile(keras.optimizers.SGD(rate), loss)
        models.append(model)
    return models


class TestNetworksSideBySide:
    def check(self, estimator, y, codes, loss, activation, weight=None):
        """Compare with Keras's own fit of each network on its own, whose mean loss is the loss."""
        X = np.random.default_rng(0).normal(size=(90, 4)).astype(np.float32)
        settings = {"hidden_layer_sizes": (7, 5), "n_networks": 3, "embedding_size": 0, "dropout": 0.0}
        settings |= {"optimizer": "sgd", "shuffle": False, "batch_size": 32, "random_state": 0}
        started = estimator(**settings, learning_rate=1e-30, epochs=1).fit(X, y)
        # The gradient of the mean of three losses is a third of that of each.
        fitted = estimator(**settings, learning_rate=0.3, epochs=2).fit(X, y, weight)
        encoded = fitted.preprocessor_.transform(X)
        models = separate_networks(started, 3, loss, activation, rate=0.1)
        weight = None if weight is None else weight / weight.mean()
        histories = [
            model.fit(encoded, codes, 32, 2, sample_weight=weight, shuffle=False, verbose=0).history["loss"]
            for model in models
        ]
        np.testing.assert_allclose(fitted.history_["loss"], np.mean(histories, axis=0), rtol=1e-5)
        return X, fitted, np.mean([model(encoded) for model in models], axis=0)

    def test_two_classes(self):
        y = np.random.default_rng(1).integers(2, size=90)
        X, fitted, expected = self.check(TableClassifier, y, y, "binary_crossentropy", "sigmoid")
        np.testing.assert_allclose(fitted.predict_proba(X)[:, 1:], expected, atol=1e-6)

    @pytest.mark.parametrize("weighted", [False, True])
    def test_three_classes(self, weighted):
        rng = np.random.default_rng(1)
        y, weight = rng.integers(3, size=90), rng.uniform(0.5, 2, 90) if weighted else None
        X, fitted, expected = self.check(
            TableClassifier, y, y, "sparse_categorical_crossentropy", "softmax", weight=weight
        )
        np.testing.assert_allclose(fitted.predict_proba(X), expected, atol=1e-6)

    def test_labels(self):
        y = np.random.default_rng(1).integers(2, size=(90, 3))
        y[0] = 1  # else each row might have one
        X, fitted, expected = self.check(TableClassifier, y, y, "binary_crossentropy", "sigmoid")
        np.testing.assert_allclose(fitted.predict_proba(X), expected, atol=1e-6)

    def test_numbers(self):
        y = np.random.default_rng(1).normal(5, 3, size=(90, 2))
        codes = (y - y.mean(axis=0)) / y.std(axis=0)
        X, fitted, expected = self.check(TableRegressor, y, codes, "mean_squared_error", None)
        np.testing.assert_allclose(fitted.predict(X), expected * y.std(axis=0) + y.mean(axis=0), atol=1e-4)


class TestEngines:
    """NumPy trains where nothing asks for Keras; a clipped gradient does, and 1e9 clips nothing."""

    @pytest.mark.parametrize(
        "estimator, params",
        [
            (TableClassifier, {}),
            (TableClassifier, {"alpha": 1.0, "activation": ["tanh", "silu"]}),
            (TableClassifier, {"loss": "categorical_crossentropy", "output_activation": "softmax"}),
            (TableRegressor, {}),
            (TableRegressor, {"loss": "mean_absolute_error", "metrics": ["mean_squared_error"]}),
            (TableRegressor, {"hidden_layer_sizes": (), "n_networks": 1, "alpha": 0.1}),
        ],
    )
    def test_both_learn_the_same(self, estimator, params):
        X, y = targets_for(estimator, 200)
        weight = np.random.default_rng(0).uniform(0.5, 2, 200)
        settings = {"hidden_layer_sizes": (16, 8), "n_networks": 3, "epochs": 3, "random_state": 0, "dropout": 0.0}
        settings |= {"batch_size": 64} | params
        by_numpy, by_keras = (
            estimator(**settings, optimizer=keras.optimizers.Adam(clipnorm=clipnorm)).fit(
                X, y, weight, X_val=X[:50], y_val=y[:50], sample_weight_val=weight[:50]
            )
            for clipnorm in (None, 1e9)
        )
        assert by_numpy.summary().trained_by == "NumPy" != by_keras.summary().trained_by
        assert by_numpy.history_.keys() == by_keras.history_.keys()
        for name, values in by_numpy.history_.items():
            np.testing.assert_allclose(values, by_keras.history_[name], rtol=2e-5, err_msg=name)
        np.testing.assert_allclose(outputs(by_numpy, X), outputs(by_keras, X), rtol=1e-4, atol=1e-5)

    def test_dropout_of_keras_learns_too(self):
        X, y, _ = table(400)
        clf = TableClassifier(optimizer=keras.optimizers.Adam(clipnorm=1e9), epochs=20, random_state=0).fit(X, y)
        assert clf.score(X, y) > 0.9

    @pytest.mark.parametrize("dtype_policy", ["float64", "mixed_bfloat16"])
    def test_other_policies_predict_about_the_same(self, dtype_policy):
        X, y, _ = table(200)
        expected = quick(TableClassifier, dropout=0.0).fit(X, y).predict_proba(X)
        found = quick(TableClassifier, dropout=0.0, dtype_policy=dtype_policy).fit(X, y).predict_proba(X)
        np.testing.assert_allclose(found, expected, atol=1e-4 if dtype_policy == "float64" else 0.02)

    def test_networks_that_keras_trains_reuse_its_programs(self):
        X, y, _ = table(100)
        programs.clear()
        settings = {"optimizer__clipnorm": 1.0, "epochs": 1}
        first = quick(TableClassifier, **settings).fit(X, y)
        expected, before = first.predict_proba(X), programs.info()
        del first
        other = quick(TableClassifier, **settings, frequency_init_scale=2.0, dropout=0.5).fit(X, y)
        assert programs.info()["reused"] == before["reused"] + 1
        assert np.abs(other.predict_proba(X) - expected).max() > 1e-3
        del other
        again = quick(TableClassifier, **settings).fit(X, y)
        assert programs.info()["reused"] == before["reused"] + 2
        np.testing.assert_array_equal(again.predict_proba(X), expected)


class TestHistory:
    def test_of_validation_it_is_that_of_the_predictions(self):
        X, y, _ = table(300)
        clf = quick(TableClassifier, monitor="val_loss").fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
        assert clf.history_["val_loss"][clf.best_epoch_ - 1] == pytest.approx(
            log_loss(y[200:], clf.predict_proba(X[200:])), rel=1e-5
        )
        assert clf.history_["val_accuracy"][clf.best_epoch_ - 1] == pytest.approx(
            accuracy_score(y[200:], clf.predict(X[200:]))
        )

    def test_metrics_of_the_users_see_the_mean_of_the_networks(self):
        X, y, _ = table(300)
        clf = quick(TableClassifier, metrics=keras.metrics.AUC(num_thresholds=5000, name="auc"))
        clf.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
        expected = roc_auc_score(y[200:] == "yes", clf.predict_proba(X[200:])[:, 1])
        assert clf.history_["val_auc"][clf.best_epoch_ - 1] == pytest.approx(expected, abs=2e-3)

    def test_losses_of_the_users_get_rows_of_outputs(self):
        shapes = []

        def loss(y_true, y_pred):
            shapes.append((len(y_true.shape), len(y_pred.shape)))
            return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=1)

        X, _, numbers = table(200)
        own = quick(TableRegressor, loss=loss, dropout=0.0).fit(X, numbers)
        assert set(shapes) == {(2, 2)}
        expected = quick(TableRegressor, dropout=0.0).fit(X, numbers)
        np.testing.assert_allclose(own.predict(X), expected.predict(X), rtol=1e-4)
        np.testing.assert_allclose(own.history_["loss"], expected.history_["loss"], rtol=1e-5)

    def test_callbacks_of_keras_see_it(self):
        seen = []

        class Watcher(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                seen.append((logs["loss"], self.model.count_params()))

        X, y, _ = table(200)
        clf = quick(TableClassifier, callbacks=Watcher()).fit(X, y)
        assert [loss for loss, _ in seen] == clf.history_["loss"]
        plain = quick(TableClassifier).fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), plain.predict_proba(X))


class TestBits:
    @pytest.mark.parametrize("estimator", ALL)
    def test_a_row_gives_the_same_alone_and_among_others(self, estimator):
        X, y = targets_for(estimator, 300)
        fitted = quick(estimator).fit(X, y)
        expected = outputs(fitted, X)
        alone = np.concatenate([outputs(fitted, X[row : row + 1]) for row in range(60)])
        np.testing.assert_array_equal(alone, expected[:60])
        np.testing.assert_array_equal(outputs(fitted, X[::-1]), expected[::-1])
        many = pd.concat([X] * 40)
        np.testing.assert_array_equal(outputs(fitted, many)[-300:], expected)

    @pytest.mark.parametrize("estimator", ALL)
    def test_fits_copies_and_files_give_the_same(self, estimator, tmp_path):
        X, y = targets_for(estimator, 300)
        fitted = quick(estimator).fit(X, y)
        expected = outputs(fitted, X)
        skdeep.save(fitted, tmp_path / "table.skdeep")
        others = {
            "fit": clone(fitted).fit(X, y),
            "copy": copy.deepcopy(fitted),
            "pickle": pickle.loads(pickle.dumps(fitted)),
            "file": skdeep.load(tmp_path / "table.skdeep"),
            "skops": skops.io.loads(skops.io.dumps(fitted), trusted=skdeep.trusted_types()),
        }
        for name, other in others.items():
            np.testing.assert_array_equal(outputs(other, X), expected, err_msg=name)
            assert other.get_params() == fitted.get_params()
            other.partial_fit(X, y)
        gone_on = fitted.partial_fit(X, y)
        for name, other in others.items():
            np.testing.assert_array_equal(outputs(other, X), outputs(gone_on, X), err_msg=name)

    def test_who_looks_at_the_model_changes_nothing(self):
        X, y, _ = table(300)
        clf = quick(TableClassifier).fit(X, y)
        expected = clf.predict_proba(X)
        of_keras = clf.model_.predict(clf.preprocessor_.transform(X), verbose=0)
        np.testing.assert_allclose(of_keras[:, 0], expected[:, 1], atol=1e-6)
        np.testing.assert_array_equal(clf.predict_proba(X), expected)
        assert clf.summary().predicted_by == "NumPy"

    @pytest.mark.parametrize("changes", ["weights", "layers"])
    def test_a_model_that_was_changed_is_kept(self, changes, tmp_path):
        X, y, _ = table(300)
        clf = quick(TableClassifier).fit(X, y)
        hidden = clf.model_.get_layer("hidden_1")
        if changes == "weights":
            hidden.set_weights([2 * weight for weight in hidden.get_weights()])
        else:
            hidden.trainable = False
            clf.model_.compile("sgd", "binary_crossentropy")
        before = hidden.get_weights()[0]
        clf.partial_fit(X, y)
        assert (hidden.get_weights()[0] == before).all() == (changes == "layers")
        expected = clf.predict_proba(X)
        skdeep.save(clf, tmp_path / "changed.skdeep")
        for other in (pickle.loads(pickle.dumps(clf)), copy.deepcopy(clf), skdeep.load(tmp_path / "changed.skdeep")):
            np.testing.assert_array_equal(other.predict_proba(X), expected)

    def test_workers_find_the_same(self):
        X, y, _ = table(200)
        search = GridSearchCV(quick(TableClassifier), {"n_networks": [1, 2], "embedding_size": [0, 4]}, cv=2)
        scores = []
        for n_jobs in (1, 2):
            with parallel_config(n_jobs=n_jobs):
                scores.append(search.fit(X, y).cv_results_["mean_test_score"])
        np.testing.assert_array_equal(*scores)


class TestFiles:
    @pytest.mark.parametrize("estimator", ALL)
    def test_keras_loads_them_without_skdeep(self, estimator, tmp_path):
        X, y = targets_for(estimator, 200)
        fitted = quick(estimator).fit(X, y)
        fitted.to_keras(tmp_path / "table.keras")
        np.save(tmp_path / "X.npy", fitted.preprocessor_.transform(X))
        code = (
            "import sys, keras, numpy as np; model = keras.saving.load_model('table.keras');"
            "np.save('outputs.npy', model.predict(np.load('X.npy'), verbose=0)); assert 'skdeep' not in sys.modules"
        )
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
        expected = outputs(fitted, X)
        expected = expected[:, 1] if estimator is TableClassifier else expected
        np.testing.assert_allclose(np.load(tmp_path / "outputs.npy")[:, 0], expected, rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("estimator", ALL)
    def test_onnx(self, estimator, tmp_path):
        X, y = targets_for(estimator, 200)
        fitted = quick(estimator).fit(X, y)
        fitted.to_onnx(tmp_path / "table.onnx")
        session = onnxruntime.InferenceSession(tmp_path / "table.onnx")
        (found,) = session.run(None, {"input": fitted.preprocessor_.transform(X)})
        expected = outputs(fitted, X)
        np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-4, atol=1e-5)

    def test_a_file_with_another_preprocessor_is_refused(self):
        fitted = quick(TableClassifier).fit(*targets_for(TableClassifier, 100))
        state = fitted.__getstate__() | {"preprocessor_": LogisticRegression()}
        with pytest.raises(ValueError, match="preprocessor_=LogisticRegression"):
            TableClassifier.__new__(TableClassifier).__setstate__(state)

    @pytest.mark.parametrize(
        "change",
        [
            lambda steps: steps[:-1],
            lambda steps: [*steps, ["activation", "relu"]],
            lambda steps: [steps[0], *steps],
            lambda steps: [["number_embedding", 0, 1, 1], *steps[1:]],
            lambda steps: [steps[0], ["stacked_dense", 3, 3, "relu"], *steps[2:]],
            lambda steps: [["mean"]],
        ],
    )
    def test_a_file_with_other_steps_is_refused(self, change):
        fitted = quick(TableClassifier, dropout=0.0).fit(*targets_for(TableClassifier, 100))
        state = fitted._network.__getstate__()
        network = type(fitted._network).__new__(type(fitted._network))
        with pytest.raises(ValueError, match="steps"):
            network.__setstate__(state | {"steps": change(state["steps"])})


class TestTables:
    def test_frames_of_any_library_and_arrays_give_the_same(self):
        X, y, _ = table(200)
        expected = quick(TableClassifier).fit(X, y).predict_proba(X)
        of_polars = pl.DataFrame({name: X[name].astype(object).where(X[name].notna(), None).tolist() for name in X})
        fitted = quick(TableClassifier).fit(of_polars, pl.Series(y))
        np.testing.assert_array_equal(fitted.predict_proba(of_polars), expected)
        np.testing.assert_array_equal(fitted.predict_proba(X), expected)
        array = X.astype(object).to_numpy()
        as_array = quick(TableClassifier, categorical_features=[1, 2]).fit(array, y)
        np.testing.assert_array_equal(as_array.predict_proba(array), expected)

    def test_the_inputs_are_those_of_a_table_encoder(self):
        X, y, _ = table(200)
        clf = quick(TableClassifier, max_categories=2).fit(X, y)
        encoder = TableEncoder(max_categories=2).fit(X)
        np.testing.assert_array_equal(clf.preprocessor_.transform(X), encoder.transform(X))
        assert clf.preprocessor_.get_feature_names_out().tolist() == encoder.get_feature_names_out().tolist()
        assert clf.feature_names_in_.tolist() == list(X)
        assert clf.n_features_in_ == 5

    def test_new_categories_and_gaps_are_predicted(self):
        X, y, _ = table(200)
        clf = quick(TableClassifier).fit(X, y)
        new = X[:2].assign(city=["Rome", None], size=["XXL", "S"], height=[np.nan, 180.0])
        assert np.isfinite(clf.predict_proba(new)).all()
        # One that was not seen has none of the columns: the same as any other that was not seen.
        np.testing.assert_array_equal(clf.predict_proba(new)[:1], clf.predict_proba(new.assign(city="Oslo"))[:1])

    def test_columns_of_numbers_only_and_of_categories_only(self):
        X, y, _ = table(200)
        for columns in (["age", "height"], ["city"], ["member"]):
            clf = quick(TableClassifier).fit(X[columns], y)
            assert clf.predict_proba(X[columns]).shape == (200, 2)

    @pytest.mark.parametrize("estimator", ALL)
    def test_rows_of_weight_zero_are_absent(self, estimator):
        X, y = targets_for(estimator, 120)
        weight = np.ones(120)
        weight[100:] = 0
        strange = X.copy()
        strange.loc[100:, "city"] = "Atlantis"
        strange.loc[100:, "height"] = 1e6
        settings = {"shuffle": False, "dropout": 0.0}
        with_zeros = quick(estimator, **settings).fit(strange, y, weight)
        without = quick(estimator, **settings).fit(X[:100], y[:100])
        assert "city_Atlantis" not in with_zeros.preprocessor_.get_feature_names_out()
        np.testing.assert_allclose(outputs(with_zeros, X), outputs(without, X), rtol=1e-5)

    def test_weights_count_as_rows(self):
        X, _, numbers = table(60)
        weight = np.random.default_rng(0).integers(1, 4, 60)
        settings = {"shuffle": False, "dropout": 0.0, "batch_size": 1000, "epochs": 5}
        weighted = quick(TableRegressor, **settings).fit(X, numbers, weight)
        repeated = X.loc[np.repeat(np.arange(60), weight)].reset_index(drop=True)
        expected = quick(TableRegressor, **settings).fit(repeated, np.repeat(numbers, weight))
        np.testing.assert_allclose(weighted.preprocessor_.mean_, expected.preprocessor_.mean_)
        np.testing.assert_allclose(weighted.predict(X), expected.predict(X), rtol=1e-4)

    def test_going_on_keeps_what_was_learned_of_the_columns(self):
        X, y, _ = table(200)
        clf = quick(TableClassifier, warm_start=True).fit(X, y)
        encoder = clf.preprocessor_
        other = X.assign(height=X["height"] + 1000, city="Rome")
        clf.fit(other, y)
        assert clf.preprocessor_ is encoder
        assert len(clf.history_["loss"]) == 6
        clf.partial_fit(other, y)
        assert clf.preprocessor_ is encoder

    def test_a_fit_that_fails_changes_nothing(self):
        X, y, _ = table(200)
        clf = quick(TableClassifier).fit(X, y)
        expected, encoder = clf.predict_proba(X), clf.preprocessor_
        with pytest.raises(ValueError, match="dropout"):
            clf.set_params(dropout=2.0).fit(X[["age"]], y)
        assert clf.preprocessor_ is encoder
        np.testing.assert_array_equal(clf.set_params(dropout=0.1).predict_proba(X), expected)


class TestWhatUsersHave:
    """Settings and tables that are met in practice."""

    @pytest.mark.parametrize("container", ["pandas", "polars"])
    @pytest.mark.parametrize("estimator", ALL)
    def test_transformers_that_give_frames(self, estimator, container):
        X, y = targets_for(estimator, 120)
        expected = outputs(quick(estimator).fit(X, y), X)
        with sklearn.config_context(transform_output=container):
            fitted = quick(estimator).fit(X, y, X_val=X, y_val=y)
            np.testing.assert_array_equal(outputs(quick(estimator).fit(X, y), X), expected)
            assert outputs(fitted, X).shape == expected.shape

    def test_only_the_proportions_of_weights_matter(self):
        X, y, _ = table(100)
        X["height"] = 1e9 + 100 * X["height"]
        weight = np.random.default_rng(0).uniform(1, 2, 100)
        expected = quick(TableClassifier).fit(X, y, weight)
        for factor in (2.0**40, 2.0**-40):
            fitted = quick(TableClassifier).fit(X, y, factor * weight)
            np.testing.assert_allclose(fitted.preprocessor_.scale_, expected.preprocessor_.scale_)
            np.testing.assert_allclose(fitted.predict_proba(X), expected.predict_proba(X), rtol=1e-5)

    def test_lists_of_rows(self):
        X, y, _ = table(100)
        rows = X.drop(columns="member").astype(object).to_numpy()
        expected = quick(TableClassifier).fit(rows, y).predict_proba(rows)
        fitted = quick(TableClassifier).fit(rows.tolist(), y.tolist())
        np.testing.assert_array_equal(fitted.predict_proba(rows.tolist()), expected)

    def test_intervals_as_categories(self):
        X, y, _ = table(100)
        X["height"] = pd.cut(X["height"], [100, 165, 175, 250])
        names = quick(TableClassifier).fit(X, y).preprocessor_.get_feature_names_out()
        assert {"height_(100, 165]", "height_(165, 175]", "height_(175, 250]"} <= set(names)

    def test_one_warning_for_missing_names(self):
        X, y, _ = table(100)
        clf = quick(TableClassifier).fit(X[["age", "height"]], y)
        with pytest.warns(UserWarning, match="feature names") as warned:
            clf.predict(X[["age", "height"]].to_numpy())
        assert len(warned) == 1

    def test_a_column_with_values_in_rows_of_weight_zero_only(self):
        X, y, _ = table(100)
        X["note"] = [None] * 99 + ["text"]
        weight = np.ones(100)
        weight[99] = 0
        clf = quick(TableClassifier).fit(X, y, weight)
        assert not any(name.startswith("note_t") for name in clf.preprocessor_.get_feature_names_out())

    def test_no_categories_by_an_empty_list(self):
        X, y, _ = table(100)
        numbers = X[["age", "height"]]
        fitted = quick(TableClassifier, categorical_features=[]).fit(numbers, y)
        np.testing.assert_array_equal(
            fitted.predict_proba(numbers), quick(TableClassifier).fit(numbers, y).predict_proba(numbers)
        )

    @pytest.mark.parametrize("changed", [{"categorical_features": ["member"]}, {"max_categories": 2}])
    def test_going_on_with_other_columns_is_an_error(self, changed):
        X, y, _ = table(100)
        clf = quick(TableClassifier, warm_start=True).fit(X, y)
        with pytest.raises(ValueError, match=f"warm_start=True goes on.*{next(iter(changed))} was"):
            clf.set_params(**changed).fit(X, y)

    def test_sums_of_losses_are_means_over_the_networks(self):
        X, _, numbers = table(100)
        settings = {
            "loss": "mean_squared_error",
            "epochs": 1,
            "batch_size": 100,
            "learning_rate": 1e-12,
            "dropout": 0.0,
        }
        summed = quick(TableRegressor, **settings, loss__reduction="sum").fit(X, numbers)
        mean = quick(TableRegressor, **settings).fit(X, numbers)
        assert summed.history_["loss"][0] == pytest.approx(100 * mean.history_["loss"][0], rel=1e-4)


class TestBadTables:
    def check(self, X, error, message, **params):
        y = np.resize([0, 1], len(X) if not scipy.sparse.issparse(X) else X.shape[0])
        with pytest.raises(error, match=message):
            quick(TableClassifier, **params).fit(X, y)

    def test_dates_are_named(self):
        X, *_ = table(20)
        self.check(X.assign(born=pd.Timestamp("2020-01-01")), ValueError, "'born' holds dates or times")

    def test_infinity_is_named(self):
        X, *_ = table(20)
        self.check(X.assign(height=np.inf), ValueError, "'height' contains infinity")

    def test_sparse_matrices(self):
        self.check(scipy.sparse.eye(4, format="csr"), TypeError, "TableClassifier does not take sparse matrices")

    def test_images(self):
        self.check(np.zeros((4, 3, 3)), ValueError, r"TableClassifier takes tables.*X has shape \(4, 3, 3\)")

    def test_unknown_columns_are_named(self):
        self.check(table(20)[0], ValueError, "categorical_features has 'town'", categorical_features=["town"])

    def test_no_rows(self):
        self.check(table(20)[0][:0], ValueError, r"0 sample\(s\)|a row and a column")

    def test_other_columns_in_predict(self):
        X, y, _ = table(50)
        clf = quick(TableClassifier).fit(X, y)
        with pytest.raises(ValueError, match="feature names"):
            clf.predict(X.drop(columns="age"))
        with pytest.raises(ValueError, match="'height' holds strings, but in fit it held numbers"):
            clf.predict(X.assign(height="tall"))

    @pytest.mark.parametrize(
        "params, message",
        [
            ({"n_networks": 0}, "n_networks"),
            ({"n_networks": True}, "n_networks"),
            ({"embedding_size": -1}, "embedding_size"),
            ({"frequency_init_scale": 0}, "frequency_init_scale"),
            ({"early_stopping": "yes"}, "early_stopping"),
            ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
        ],
    )
    def test_parameters(self, params, message):
        X, y, _ = table(50)
        with pytest.raises(ValueError, match=message):
            TableClassifier(**params).fit(X, y)


class TestEarlyStopping:
    """What "auto" is, of networks for tables and of dense ones."""

    ESTIMATORS = [
        TableClassifier((4,), n_networks=2, learning_rate=0.05, random_state=0),
        DNNClassifier((4,), learning_rate=0.05, random_state=0),
        MLPClassifier((4,), learning_rate=0.05, random_state=0),
    ]

    def data(self, n_rows):
        X = np.random.default_rng(0).normal(size=(n_rows, 3))
        return X, (X[:, 0] > 0).astype(int)

    @pytest.mark.parametrize("estimator", ESTIMATORS)
    def test_it_stops_from_500_rows_on(self, estimator):
        X, y = self.data(500)
        stopped = clone(estimator).fit(X, y)
        losses = stopped.history_["val_loss"]
        assert stopped.best_epoch_ == np.argmin(losses) + 1
        assert "val_loss" not in clone(estimator).fit(X[:499], y[:499]).history_

    @pytest.mark.parametrize("estimator", ESTIMATORS)
    def test_it_stops_as_true_does(self, estimator):
        X, y = self.data(500)
        stopped = clone(estimator).fit(X, y)
        expected = clone(estimator).set_params(early_stopping=True).fit(X, y)
        np.testing.assert_array_equal(stopped.predict_proba(X), expected.predict_proba(X))

    @pytest.mark.parametrize("estimator", ESTIMATORS)
    def test_it_stops_by_validation_data_of_the_users(self, estimator):
        X, y = self.data(120)
        noisy = np.where(np.random.default_rng(0).random(120) < 0.3, 1 - y, y)
        clf = clone(estimator).fit(X[:80], noisy[:80], X_val=X[80:], y_val=noisy[80:])
        assert clf.best_epoch_ == np.argmin(clf.history_["val_loss"]) + 1
        assert clf.n_iter_ < 100
        assert log_loss(noisy[80:], clf.predict_proba(X[80:])) == pytest.approx(min(clf.history_["val_loss"]), rel=1e-5)

    @pytest.mark.parametrize("estimator", ESTIMATORS)
    def test_a_number_of_epochs_is_run(self, estimator):
        clf = clone(estimator).set_params(epochs=3).fit(*self.data(600))
        assert (clf.n_iter_, list(clf.history_)) == (3, ["loss", "accuracy"])

    @pytest.mark.parametrize("estimator", ESTIMATORS)
    def test_it_is_off_for_parts(self, estimator):
        X, y = self.data(600)
        clf = clone(estimator).partial_fit(X, y, classes=[0, 1])
        assert list(clf.history_) == ["loss", "accuracy"]
        with pytest.raises(ValueError, match="early_stopping=True"):
            clone(estimator).set_params(early_stopping=True).partial_fit(X, y, classes=[0, 1])

    @pytest.mark.parametrize("estimator", ESTIMATORS)
    def test_it_is_off_where_no_part_has_all_classes(self, estimator):
        X, y = self.data(600)
        y[:] = 0
        y[:1] = 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert "val_loss" not in clone(estimator).fit(X, y).history_
        y[:2] = 1
        assert "val_loss" not in clone(estimator).set_params(class_weight={0: 0.0}).fit(X, y).history_

    @pytest.mark.parametrize("estimator", [CNNClassifier(), KerasClassifier(epochs=1)])
    def test_others_do_not_know_it(self, estimator):
        with pytest.raises(ValueError, match="early_stopping"):
            estimator.set_params(early_stopping="auto").fit(*self.data(20))

    @pytest.mark.parametrize("estimator", ESTIMATORS)
    def test_false_never_stops(self, estimator):
        assert "val_loss" not in clone(estimator).set_params(early_stopping=False).fit(*self.data(600)).history_


class TestWithinScikitLearn:
    def test_scores_and_importances_of_a_frame(self):
        X, y, _ = table(400)
        clf = TableClassifier(n_networks=2, epochs=30, random_state=0)
        assert cross_val_score(clf, X, y, cv=3).min() > 0.85
        found = permutation_importance(clf.fit(X, y), X, y, n_repeats=3, random_state=0).importances_mean
        assert set(np.argsort(found)[-2:]) == {0, 1}

    def test_calibration(self):
        X, y, _ = table(300)
        clf = CalibratedClassifierCV(quick(TableClassifier), cv=2).fit(X, y)
        assert clf.predict_proba(X).shape == (300, 2)

    def test_class_weights(self):
        X, y, _ = table(300)
        heavy = quick(TableClassifier, class_weight={"yes": 50.0}).fit(X, y)
        assert (heavy.predict(X) == "yes").mean() > 0.9


@pytest.mark.parametrize("estimator, single", [(TableClassifier, DNNClassifier), (TableRegressor, DNNRegressor)])
def test_they_have_the_checks_and_the_parameters_of_one_network(estimator, single):
    assert len(list(estimator_checks_generator(estimator()))) >= len(list(estimator_checks_generator(single()))) - 3
    left_out = {"batch_normalization", "kernel_initializer", "bias_initializer", "initial_model", "frozen_layers"}
    assert single().get_params().keys() - estimator().get_params().keys() == left_out


@pytest.mark.slow
def test_they_learn_what_one_network_does_not():
    """A wave over a number, which takes one network without embedding far longer."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, (2000, 1))
    y = np.sin(8 * X[:, 0])
    reg = TableRegressor(random_state=0).fit(X[:1500], y[:1500])
    assert reg.score(X[1500:], y[1500:]) > 0.98
    assert DNNRegressor(random_state=0).fit(X[:1500], y[:1500]).score(X[1500:], y[1500:]) < 0.7
