"""The regressors: scikit-learn's checks, defaults, the unit of y, and what they share with the classifiers."""

import copy
import gc
import inspect
import pickle
import warnings
from unittest import SkipTest

import keras
import numpy as np
import onnxruntime
import pandas as pd
import pytest
import scipy.sparse
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, make_regression
from sklearn.ensemble import AdaBoostRegressor, BaggingRegressor, StackingRegressor, VotingRegressor
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.neural_network import MLPClassifier as ScikitLearnMLPClassifier
from sklearn.neural_network import MLPRegressor as ScikitLearnMLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import skdeep
from skdeep import CNNRegressor, DNNClassifier, DNNRegressor, MLPRegressor, programs
from skdeep._networks import recipes

ALL = [MLPRegressor, DNNRegressor, CNNRegressor]

# Fewer epochs, filters and units than by default, for the sake of time alone.
CHECKED = [MLPRegressor(32, epochs=30), DNNRegressor((20, 10), epochs=30), CNNRegressor((8,), epochs=30)]


# The second pass is slow: no line of skdeep depends on it.
ROUTING = [
    pytest.param(False, id="routing off"),
    pytest.param(True, id="routing on", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("routing", ROUTING)
@parametrize_with_checks(CHECKED)
def test_scikit_learn_checks(estimator, check, routing):
    estimator = clone(estimator)  # which other checks share
    if "sample_weight_equivalence" in str(check):
        # It compares to 1e-7, so rows in another order, or drawn into other batches, must not round differently.
        estimator.set_params(batch_size=1000, dropout=0, dtype_policy="float64")
    if "check_regressors_train" in str(check):
        estimator.set_params(dropout=0)  # it asks for more than half of the variance of the training data
    with sklearn.config_context(enable_metadata_routing=routing):
        try:
            check(estimator)
        except SkipTest as reason:
            pytest.fail(f"skipped: {reason}")


@pytest.fixture(scope="module")
def table():
    X, y = make_regression(200, 5, noise=1, random_state=0)
    return StandardScaler().fit_transform(X), y


def quick(**params):
    return DNNRegressor((16,), **{"epochs": 20, "learning_rate": 0.01, "dropout": 0, "random_state": 0} | params)


def weights(estimator):
    return np.concatenate([weight.ravel() for weight in estimator.model_.get_weights()])


@pytest.mark.parametrize("regressor", ALL)
def test_no_fewer_checks_than_for_scikit_learns_mlp(regressor):
    def count(estimator):
        return len(list(estimator_checks_generator(estimator)))

    assert count(regressor()) >= count(ScikitLearnMLPRegressor())
    assert is_regressor(regressor())


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("regressor", ALL)
def test_every_parameter_and_attribute_is_documented(regressor, table):
    doc = inspect.getdoc(regressor)
    fitted = regressor(epochs=1).fit(*table)
    learned = [name for name in vars(fitted) if name.endswith("_") and not name.startswith("_")]
    for name in [*inspect.signature(regressor).parameters, *learned, "model_"]:
        assert f"\n{name} : " in doc, name
    assert not hasattr(fitted, "classes_")


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("regressor", [MLPRegressor, DNNRegressor])
@pytest.mark.parametrize(
    "data", [load_diabetes(return_X_y=True), make_regression(300, 20, noise=5, random_state=0)], ids=["real", "made"]
)
def test_defaults_are_at_least_as_good_as_scikit_learns(regressor, data):
    def score(estimator):
        return cross_val_score(
            make_pipeline(StandardScaler(), estimator), *data, cv=KFold(3, shuffle=True, random_state=0)
        ).mean()

    with pytest.warns(ConvergenceWarning):
        theirs = score(ScikitLearnMLPRegressor(random_state=0))
    assert score(regressor(random_state=0)) > theirs


class TestUnitOfY:
    @settings(max_examples=15, deadline=None)
    @given(
        factor=st.floats(-40, 40).map(lambda power: 2.0 ** round(power)),
        offset=st.integers(-4, 4),
    )
    def test_predictions_follow_it(self, factor, offset):
        X, y = make_regression(60, 3, random_state=0)
        expected = quick(epochs=3).fit(X, y).predict(X)
        shift = offset * y.std()
        predicted = quick(epochs=3).fit(X, (y + shift) * factor).predict(X)
        np.testing.assert_allclose(predicted / factor - shift, expected, rtol=1e-3, atol=1e-3 * y.std())

    def test_losses_that_need_it(self, rng):
        X = rng.normal(size=(300, 2))
        y = rng.poisson(np.exp(X[:, 0] + 1))
        params = {"loss": "poisson", "output_activation": "exponential", "scale_targets": False, "epochs": 50}
        reg = quick(**params).fit(X, y)
        assert reg.predict(X).min() > 0
        assert reg.score(X, y) > 0.5

    @pytest.mark.slow
    def test_the_loss_is_that_of_the_scaled_y(self, table):
        X, y = table
        reg = quick(metrics="mae").fit(X, y, X_val=X, y_val=y)
        assert list(reg.history_) == ["loss", "mae", "val_loss", "val_mae"]
        error = (reg.predict(X) - y) / y.std()
        np.testing.assert_allclose(reg.history_["val_loss"][-1], np.mean(error**2), rtol=1e-4)
        plain = quick(scale_targets=False, epochs=2).fit(X, y, X_val=X, y_val=y)
        np.testing.assert_allclose(plain.history_["val_loss"][-1], np.mean((plain.predict(X) - y) ** 2), rtol=1e-4)

    @pytest.mark.parametrize("y", [np.full(60, 7.0), np.arange(60), np.arange(60) % 2, np.arange(60) * 1e30])
    def test_any_numbers(self, y, table):
        reg = quick().fit(table[0][:60], y)
        predicted = reg.predict(table[0][:60])
        assert predicted.dtype == np.float64
        assert np.isfinite(predicted).all()
        if np.ptp(y) == 0:
            np.testing.assert_allclose(predicted, 7, atol=0.5)

    @pytest.mark.parametrize("factor", [1e-300, 1e-170, 1e-30, 1e30, 1e160, 1e300])
    def test_of_any_size(self, factor, table):
        X, y = table
        y = y / y.std()
        expected = quick(epochs=3).fit(X, y).predict(X)
        np.testing.assert_allclose(
            quick(epochs=3).fit(X, y * factor).predict(X) / factor, expected, rtol=1e-3, atol=1e-3
        )

    @pytest.mark.slow_after(5)
    @pytest.mark.parametrize("value", [0.1, -7, 1e30, 1e-30, 1e200])
    @pytest.mark.parametrize("weight", [None, np.linspace(0.1, 1, 60)], ids=["equal", "weighted"])
    def test_of_one_number(self, value, weight, table):
        X = table[0][:60]
        np.testing.assert_allclose(quick().fit(X, np.full(60, value), weight).predict(X), value, rtol=0.5)

    @pytest.mark.parametrize("value", [1e39, -1e39])
    def test_what_the_network_cannot_hold_is_named(self, value, table):
        X, y = table
        large = np.where(np.arange(200) == 3, value, y / y.std())
        with pytest.raises(ValueError, match=r"^y contains a value too large for float32"):
            quick(scale_targets=False).fit(X, large)
        reg = quick(epochs=2).fit(X, y / y.std())
        before = reg.predict(X)
        with pytest.raises(ValueError, match=r"^y contains a value too large for float32"):
            reg.partial_fit(X, large)
        with pytest.raises(ValueError, match=r"^y_val contains a value too large for float32"):
            reg.fit(X, y / y.std(), X_val=X, y_val=large)
        np.testing.assert_array_equal(reg.predict(X), before)

    def test_only_the_proportions_of_weights_matter(self, table):
        X, y = table
        weight = np.linspace(0.5, 1, 200)
        expected = quick().fit(X, y, weight).predict(X)
        np.testing.assert_allclose(quick().fit(X, y, weight * 1.7e308).predict(X), expected, rtol=1e-3, atol=1e-3)

    def test_the_mean_counts_rows_by_weight(self, table):
        X, y = table
        weight = np.arange(200) % 3
        repeated = np.repeat(np.arange(200), weight)
        one = quick(batch_size=400, dtype_policy="float64", shuffle=False).fit(X, y, sample_weight=weight)
        two = quick(batch_size=400, dtype_policy="float64", shuffle=False).fit(X[repeated], y[repeated])
        np.testing.assert_allclose(one.predict(X), two.predict(X))

    def test_warm_start_and_partial_fit_keep_it(self, table):
        X, y = table
        warm = quick(warm_start=True).fit(X, y)
        before = warm.predict(X)
        assert np.corrcoef(warm.fit(X, y + 1000).predict(X), before)[0, 1] > 0.5
        part = quick().partial_fit(X[:50], y[:50])
        for _ in range(30):
            part.partial_fit(X, y)
        assert part.score(X, y) > 0.9
        assert part.n_iter_ == 31


class TestForms:
    def test_several_columns(self, table):
        X, y = table
        Y = np.column_stack([y, -10 * y, y**2])
        reg = quick(epochs=60).fit(X, Y)
        assert reg.predict(X).shape == (200, 3)
        assert reg.n_outputs_ == 3
        assert reg.score(X, Y) > 0.8
        assert cross_val_score(quick(epochs=60), X, Y, cv=3).min() > 0.5

    def test_sparse_columns(self, table):
        X, y = table
        Y = np.column_stack([y, np.where(y > 0, y, 0)])
        expected = quick(epochs=2).fit(X, Y).predict(X)
        np.testing.assert_array_equal(quick(epochs=2).fit(X, scipy.sparse.csr_array(Y)).predict(X), expected)

    def test_a_column_is_flattened(self, table):
        with pytest.warns(DataConversionWarning):
            reg = quick(epochs=1).fit(table[0], table[1][:, np.newaxis])
        assert reg.predict(table[0]).shape == (200,)

    def test_frames_and_images(self, table):
        frame = pd.DataFrame(table[0], columns=list("abcde"))
        reg = quick(epochs=1).fit(frame, pd.Series(table[1]))
        assert reg.feature_names_in_.tolist() == list("abcde")
        images = np.random.default_rng(0).random((100, 6, 6))
        cnn = CNNRegressor((4,), epochs=40, learning_rate=0.005, dropout=0, random_state=0).fit(
            images, images.mean(axis=(1, 2))
        )
        assert cnn.image_shape_ == (6, 6, 1)
        assert cnn.score(images, images.mean(axis=(1, 2))) > 0.5

    @pytest.mark.parametrize(
        "y, message",
        [
            (["a", "b", "c"] * 20, "y must hold numbers.*<U1"),
            ([np.nan] + [0.0] * 59, "contains NaN|missing values"),
            ([np.inf] + [0.0] * 59, "infinity"),
            (np.zeros((60, 2, 2)), "dim 3"),
            (np.zeros(59), "inconsistent numbers of samples"),
            (None, "requires y to be passed"),
            (np.arange(60) * 1j, "Complex data not supported"),
        ],
    )
    def test_bad_y(self, y, message, table):
        with pytest.raises(ValueError, match=message):
            quick().fit(table[0][:60], y)

    @pytest.mark.parametrize(
        "params, message",
        [
            ({"output_activation": "nope"}, "output_activation='nope' is not an activation"),
            ({"output_activation": 3}, "The 'output_activation' parameter"),
            ({"scale_targets": "yes"}, "The 'scale_targets' parameter"),
            ({"loss": "nope"}, "loss='nope' is not a loss"),
        ],
    )
    def test_bad_parameters(self, params, message, table):
        with pytest.raises(ValueError, match=message):
            quick(**params).fit(*table)

    def test_class_weight_is_no_parameter(self):
        with pytest.raises(TypeError, match="class_weight"):
            DNNRegressor(class_weight="balanced")

    def test_other_columns_later(self, table):
        X, y = table
        with pytest.raises(ValueError, match="y_val has 2 columns, but in fit it had 1"):
            quick().fit(X, y, X_val=X, y_val=np.column_stack([y, y]))
        with pytest.raises(ValueError, match="1 columns of y of the earlier fit, but y has 2"):
            quick(warm_start=True).fit(X, y).fit(X, np.column_stack([y, y]))


class TestState:
    def test_copies_and_files(self, table, tmp_path):
        X, y = table
        reg = quick(dropout=0.2).fit(X, np.column_stack([y, 3 * y]))
        skdeep.save(reg, tmp_path / "file")
        others = [pickle.loads(pickle.dumps(reg)), copy.deepcopy(reg), skdeep.load(tmp_path / "file")]
        for other in others:
            np.testing.assert_array_equal(other.predict(X), reg.predict(X))
        reg.partial_fit(X, np.column_stack([y, 3 * y]))
        for other in others:
            other.partial_fit(X, np.column_stack([y, 3 * y]))
            np.testing.assert_array_equal(weights(other), weights(reg))

    @pytest.mark.parametrize("scaled", [True, False])
    def test_exports_are_in_the_unit_of_y(self, scaled, table, tmp_path):
        X, y = table
        Y = np.column_stack([1000 * y + 5, y])
        reg = quick(scale_targets=scaled).fit(X, Y)
        reg.to_keras(tmp_path / "model.keras")
        model = keras.saving.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(model.predict(X, verbose=0), reg.predict(X), rtol=1e-4, atol=1e-3)
        assert model.compiled is not scaled
        reg.to_onnx(tmp_path / "model.onnx")
        session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
        (predictions,) = session.run(["predictions"], {"input": X.astype(np.float32)})
        np.testing.assert_allclose(predictions, reg.predict(X), rtol=1e-4, atol=1e-3)

    def test_exports_of_a_y_far_from_zero_are_not_rounded_away(self, table, tmp_path):
        X, y = table
        reg = quick().fit(X, 1e8 + y / y.std())
        reg.to_keras(tmp_path / "model.keras")
        reg.to_onnx(tmp_path / "model.onnx")
        session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
        (predictions,) = session.run(["predictions"], {"input": X.astype(np.float32)})
        for exported in (keras.saving.load_model(tmp_path / "model.keras").predict(X, verbose=0), predictions):
            np.testing.assert_allclose(exported[:, 0] - 1e8, reg.predict(X) - 1e8, rtol=1e-4, atol=1e-5)

    def test_the_same_bits_with_and_without_reuse(self, table, monkeypatch):
        monkeypatch.setattr(recipes, "_MOST_WORK", 0)  # TensorFlow trains
        programs.clear()
        before = programs.info()["reused"]
        expected = weights(quick(dropout=0.2).fit(*table))
        quick(dropout=0.1, random_state=3, scale_targets=False).fit(*table)
        gc.collect()
        np.testing.assert_array_equal(weights(quick(dropout=0.2).fit(*table)), expected)
        assert programs.info()["reused"] > before

    def test_early_stopping_keeps_the_best(self, table):
        X, y = table
        reg = quick(epochs=200, learning_rate=0.05, early_stopping=True, n_iter_no_change=3).fit(X, y)
        losses = reg.history_["val_loss"]
        assert reg.n_iter_ < 200
        assert reg.best_epoch_ == np.argmin(losses) + 1


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "build",
    [
        lambda reg: VotingRegressor([("a", reg), ("b", Ridge())]),
        lambda reg: StackingRegressor([("a", reg)], Ridge(), cv=3),
        lambda reg: BaggingRegressor(reg, n_estimators=3, random_state=0),
        lambda reg: AdaBoostRegressor(reg, n_estimators=3, random_state=0),
        lambda reg: TransformedTargetRegressor(reg, func=np.cbrt, inverse_func=lambda z: z**3),
        lambda reg: GridSearchCV(reg, {"alpha": [0.0, 0.01], "hidden_layer_sizes": [(8,), (16,)]}, cv=3),
        lambda reg: make_pipeline(StandardScaler(), reg),
    ],
    ids=["voting", "stacking", "bagging", "AdaBoost", "transformed target", "search", "pipeline"],
)
def test_meta_estimators(build, table):
    meta = clone(build(quick(epochs=40)))
    assert meta.fit(*table).score(*table) > 0.8


@pytest.mark.parametrize("build", [MultiOutputRegressor, RegressorChain])
def test_meta_estimators_of_several_columns(build, table):
    X, y = table
    y = y / y.std()  # the chain makes the first column a feature
    Y = np.column_stack([y, 2 - y])
    assert build(quick(epochs=40)).fit(X, Y).score(X, Y) > 0.8


class TestAlpha:
    """The penalty is on scikit-learn's scale."""

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("loss", ["mean_squared_error", "MSE", keras.losses.MeanSquaredError()])
    @pytest.mark.parametrize("n_targets", [1, 2])
    def test_all_rows_in_a_batch_give_ridge(self, loss, n_targets, rng):
        X = rng.normal(size=(60, 3))
        y = np.squeeze(X @ rng.normal(size=(3, n_targets)) + 1)
        reg = DNNRegressor((), alpha=20.0, loss=loss, batch_size=60, optimizer="sgd", learning_rate=0.1, epochs=800)
        reg.set_params(scale_targets=False, random_state=0).fit(X, y)
        kernel, bias = reg.model_.get_weights()
        ridge = Ridge(20.0 * n_targets).fit(X, y)
        np.testing.assert_allclose(kernel.T, np.atleast_2d(ridge.coef_), atol=1e-4)
        np.testing.assert_allclose(bias, ridge.intercept_, atol=1e-4)

    def test_another_loss_is_weighed_as_in_the_other_networks_of_scikit_learn(self, rng):
        X, y = rng.normal(size=(60, 3)), rng.normal(size=60)
        reg = DNNRegressor((4,), loss="mae", alpha=7.0, batch_size=60, epochs=1, learning_rate=1e-30, random_state=0)
        reg.set_params(scale_targets=False, dropout=0).fit(X, y)
        squares = sum(np.sum(np.square(layer.kernel)) for layer in reg.model_.layers if layer.weights)
        expected = np.abs(reg.predict(X) - y).mean() + 7.0 / 2 * squares / 60
        assert reg.history_["loss"][0] == pytest.approx(expected, rel=1e-5)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("validation", ["validation_fraction", "X_val", None])
    def test_the_rows_that_train_count(self, validation, rng):
        X, y = rng.normal(size=(60, 3)), rng.normal(size=60)
        params = {"validation_fraction": 0.5} if validation == "validation_fraction" else {}
        held = {"X_val": X[:9], "y_val": y[:9]} if validation == "X_val" else {}
        n_rows = 30 if params else 60
        with_alpha, without = (
            DNNRegressor((4,), alpha=alpha, batch_size=1000, epochs=1, learning_rate=1e-30, dropout=0, random_state=0)
            .set_params(**params)
            .fit(X, y, **held)
            for alpha in (50.0, 0.0)
        )
        penalty = with_alpha.history_["loss"][0] - without.history_["loss"][0]
        squares = sum(np.sum(np.square(layer.kernel)) for layer in with_alpha.model_.layers if layer.weights)
        assert penalty == pytest.approx(50.0 * squares / n_rows, rel=1e-3)

    def test_chunks_of_any_size_in_partial_fit(self, rng):
        """The penalty of a batch is alpha / 2 times the squares, divided by the rows of that batch."""
        X, y = rng.normal(size=(60, 3)), rng.normal(size=60)

        def loss(alpha, way):
            reg = DNNRegressor((4,), alpha=alpha, batch_size=20, learning_rate=1e-30, dropout=0, random_state=0)
            reg.set_params(scale_targets=False).partial_fit(X[:5], y[:5])
            return way(reg).partial_fit(X[:50], y[:50])

        for way in (lambda reg: reg, lambda reg: pickle.loads(pickle.dumps(reg))):
            with_alpha, without = loss(7.0, way), loss(0.0, way)
            squares = sum(np.sum(np.square(layer.kernel)) for layer in with_alpha.model_.layers if layer.weights)
            penalty = with_alpha.history_["loss"][-1] - without.history_["loss"][-1]
            # The mean over 20, 20 and 10 rows, each batch weighed by its rows.
            assert penalty == pytest.approx(7.0 * squares * 3 / 50, rel=1e-4)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("kind", ["one target", "two targets", "two classes", "three classes", "three labels"])
    def test_the_same_steps_as_scikit_learn(self, kind, rng):
        """50 rows in batches of 20, so the last, smaller batch of an epoch has a larger penalty."""
        X = rng.normal(size=(50, 3))
        score = X @ [1.0, -2.0, 3.0]
        y = {
            "one target": score,
            "two targets": np.column_stack([score, -score]),
            "two classes": (score > 0).astype(int),
            "three classes": np.digitize(score, [-2, 2]),
            "three labels": np.column_stack([score > 0, X[:, 0] > 0, X[:, 1] > 0]).astype(int),
        }[kind]
        is_regressor = "target" in kind
        # The steps of scikit-learn halve the squared error, and sum over targets and labels where Keras averages.
        factor = {"one target": 0.5, "two targets": 1, "three labels": 3}.get(kind, 1)
        common = {"activation": "tanh", "alpha": 3.0, "batch_size": 20, "shuffle": False}
        theirs = (ScikitLearnMLPRegressor if is_regressor else ScikitLearnMLPClassifier)(
            hidden_layer_sizes=(5,), solver="sgd", learning_rate_init=0.05, momentum=0, warm_start=True, **common
        )
        ours = (DNNRegressor if is_regressor else DNNClassifier)((5,), optimizer="sgd", metrics=None, **common)
        ours.set_params(dropout=0, dtype_policy="float64", random_state=0)
        if is_regressor:
            ours.set_params(scale_targets=False, alpha=1.5 if kind == "two targets" else 3.0)  # Ridge(k * alpha)
        start = clone(ours).set_params(learning_rate=1e-30, epochs=1).fit(X, y).model_.get_weights()
        ours.set_params(learning_rate=0.05 * factor, epochs=4).fit(X, y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            theirs.set_params(max_iter=1).fit(X, y)
            for part, given in ((theirs.coefs_, start[::2]), (theirs.intercepts_, start[1::2])):
                for weight, value in zip(part, given, strict=True):
                    weight[...] = value
            theirs.set_params(max_iter=4).fit(X, y)
        for weight, expected in zip(ours.model_.get_weights()[::2], theirs.coefs_, strict=True):
            np.testing.assert_allclose(weight, expected, atol=1e-7)
