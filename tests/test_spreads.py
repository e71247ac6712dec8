"""What regressors tell beside one number: quantiles, and standard deviations."""

import pickle

import keras
import numpy as np
import onnxruntime
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdeep
from skdeep import CNNRegressor, DNNClassifier, DNNRegressor, KerasRegressor, MLPRegressor, TableRegressor
from skdeep.losses import GaussianNLL, Pinball

X, y = load_diabetes(return_X_y=True)
X = StandardScaler().fit_transform(X)
TWO = np.column_stack([y, -10 * y + X[:, 0]])
KINDS = [DNNRegressor, MLPRegressor, CNNRegressor, TableRegressor]
LEVELS = (0.1, 0.25, 0.9)
SHORT = {"epochs": 3, "random_state": 0}


def noisy(n_rows, seed=0):
    """Return x and y whose spread grows with x: y is normal with mean 2 x and deviation 0.2 + x."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, (n_rows, 1))
    return x, rng.normal(2 * x[:, 0], 0.2 + x[:, 0])


class TestLosses:
    @pytest.mark.parametrize("level", [0.05, 0.5, 0.9])
    def test_pinball_is_that_of_scikit_learn(self, level):
        predicted = y + np.random.default_rng(0).normal(size=len(y))
        loss = Pinball(level)(y[:, np.newaxis], predicted[:, np.newaxis])
        assert_allclose(loss, mean_pinball_loss(y, predicted, alpha=level), rtol=1e-5)

    def test_pinball_of_several_columns_and_levels_is_the_mean(self):
        predicted = np.random.default_rng(0).normal(size=(len(y), 2 * len(LEVELS)))
        expected = [
            mean_pinball_loss(TWO[:, column], predicted[:, len(LEVELS) * column + place], alpha=level)
            for column in range(2)
            for place, level in enumerate(LEVELS)
        ]
        assert_allclose(Pinball(LEVELS)(TWO, predicted), np.mean(expected), rtol=1e-5)

    def test_gaussian_nll_is_that_of_scipy(self):
        outputs = np.random.default_rng(0).normal(size=(len(y), 4))
        unit = TWO / 100
        deviations = np.log1p(np.exp(outputs[:, 1::2])) + 0.001
        expected = -norm(outputs[:, 0::2], deviations).logpdf(unit).mean()
        assert_allclose(GaussianNLL()(unit, outputs), expected, rtol=1e-5)

    @pytest.mark.parametrize("level", [0.0, 1.0, -0.5, "half", (), (0.5, 0.1), (0.5, 0.5), None])
    def test_levels_must_rise_between_0_and_1(self, level):
        with pytest.raises(ValueError, match=r"quantile must be in \(0, 1\), and several ones must rise"):
            Pinball(level)

    @pytest.mark.parametrize("loss", [Pinball(0.3), Pinball([0.1, 0.7], name="mine"), GaussianNLL()])
    def test_are_made_again_of_their_configs(self, loss):
        again = type(loss).from_config(loss.get_config())
        assert again.get_config() == loss.get_config()


class TestTraining:
    """NumPy trains as Keras does."""

    @pytest.mark.parametrize(
        ("parameters", "n_columns"),
        [
            ({"quantiles": LEVELS}, 1),
            ({"quantiles": LEVELS}, 2),
            ({"loss": "pinball", "loss__quantile": 0.8}, 2),
            ({"loss": "quantile"}, 1),
            ({"loss": "gaussian_nll"}, 1),
            ({"loss": "gaussian_nll"}, 2),
        ],
    )
    @pytest.mark.parametrize("kind", [DNNRegressor, TableRegressor])
    def test_of_dense_networks_is_that_of_keras(self, kind, parameters, n_columns):
        targets = y if n_columns == 1 else TWO
        settings = SHORT | {"dropout": 0.0, "alpha": 0.1, "validation_fraction": 0.2}
        weight = np.random.default_rng(0).uniform(0, 2, len(y))
        by_numpy = kind(**settings, **parameters).fit(X, targets, weight)
        assert by_numpy.summary().trained_by == "NumPy"
        by_keras = kind(**settings, **parameters, dtype_policy="float64").fit(X, targets, weight)
        assert by_keras.summary().trained_by == "TensorFlow"
        for name in by_keras.history_:
            assert_allclose(by_numpy.history_[name], by_keras.history_[name], rtol=2e-4, err_msg=name)
        assert_allclose(by_numpy.predict(X), by_keras.predict(X), rtol=1e-3, atol=0.1)

    def test_of_a_median_is_that_of_half_the_absolute_error(self):
        settings = SHORT | {"dropout": 0.0, "optimizer": "sgd"}
        of_median = DNNRegressor(**settings, loss="pinball", learning_rate=0.02).fit(X, y)
        of_error = DNNRegressor(**settings, loss="mean_absolute_error", learning_rate=0.01).fit(X, y)
        assert_allclose(of_median.predict(X), of_error.predict(X), rtol=1e-4)
        assert_allclose(2 * np.array(of_median.history_["loss"]), of_error.history_["loss"], rtol=1e-4)

    def test_the_loss_is_that_of_the_quantiles_in_units_of_y(self):
        reg = DNNRegressor(**SHORT, quantiles=(0.1, 0.5, 0.9)).fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
        _, quantiles = reg.predict(X[300:], return_quantiles=True)
        losses = [mean_pinball_loss(y[300:], quantiles[:, n], alpha=level) for n, level in enumerate((0.1, 0.5, 0.9))]
        assert_allclose(reg.history_["val_loss"][-1] * y[:300].std(), np.mean(losses), rtol=1e-4)


class TestPredictions:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("target", ["column", "one column of a table", "two columns"])
    def test_have_the_shapes_of_y(self, kind, target):
        given = {"column": y, "one column of a table": y, "two columns": TWO}[target]
        reg = kind(**SHORT, quantiles=LEVELS).fit(X, given)
        predicted, quantiles = reg.predict(X[:7], return_quantiles=True)
        shape = (7,) if given.ndim == 1 else (7, 2)
        assert predicted.shape == shape
        assert quantiles.shape == (*shape, 3)
        assert predicted.dtype == quantiles.dtype == np.float64
        assert_array_equal(predicted, reg.predict(X[:7]))
        assert np.all(np.diff(quantiles, axis=-1) >= 0)
        # The median is between those around it.
        assert np.all((quantiles[..., 1] <= predicted) & (predicted <= quantiles[..., 2]))
        normal = kind(**SHORT, loss="gaussian_nll").fit(X, given)
        predicted, deviations = normal.predict(X[:7], return_std=True)
        assert predicted.shape == deviations.shape == shape
        assert np.all(deviations > 0)
        assert_array_equal(predicted, normal.predict(X[:7]))
        assert reg.n_outputs_ == normal.n_outputs_ == given.reshape(len(y), -1).shape[1]

    def test_of_the_outputs_are_sorted_in_the_unit_of_y(self):
        reg = DNNRegressor(**SHORT, quantiles=LEVELS).fit(X, y)
        outputs = reg.model_.predict(X, verbose=0).reshape(len(X), 4)
        expected = np.sort(outputs.astype(float), axis=1) * y.std() + y.mean()
        predicted, quantiles = reg.predict(X, return_quantiles=True)
        assert_allclose(quantiles, expected[:, [0, 1, 3]], rtol=1e-5)
        assert_allclose(predicted, expected[:, 2], rtol=1e-5)

    def test_of_mean_and_deviation_are_those_of_the_outputs(self):
        reg = DNNRegressor(**SHORT, loss="gaussian_nll").fit(X, TWO)
        outputs = reg.model_.predict(X, verbose=0).astype(float)
        predicted, deviations = reg.predict(X, return_std=True)
        assert_allclose(predicted, outputs[:, 0::2] * TWO.std(axis=0) + TWO.mean(axis=0), rtol=1e-5)
        assert_allclose(deviations, (np.log1p(np.exp(outputs[:, 1::2])) + 0.001) * TWO.std(axis=0), rtol=1e-5)

    def test_of_quantiles_are_near_the_true_ones(self):
        x, noise = noisy(4000)
        reg = DNNRegressor(quantiles=(0.1, 0.9), random_state=0, dropout=0.0).fit(x, noise)
        grid = np.linspace(0.1, 0.9, 9)[:, np.newaxis]
        predicted, quantiles = reg.predict(grid, return_quantiles=True)
        true = norm(2 * grid, 0.2 + grid)
        assert_allclose(predicted, true.ppf(0.5)[:, 0], atol=0.15)
        assert_allclose(quantiles, true.ppf([0.1, 0.9]), atol=0.25)

    def test_of_deviations_are_near_the_true_ones(self):
        x, noise = noisy(4000)
        reg = DNNRegressor(loss="gaussian_nll", random_state=0, dropout=0.0).fit(x, noise)
        grid = np.linspace(0.1, 0.9, 9)[:, np.newaxis]
        predicted, deviations = reg.predict(grid, return_std=True)
        assert_allclose(predicted, 2 * grid[:, 0], atol=0.15)
        assert_allclose(deviations, 0.2 + grid[:, 0], atol=0.12)

    def test_go_through_pipelines_and_searches(self):
        reg = make_pipeline(StandardScaler(), DNNRegressor(**SHORT, quantiles=(0.1, 0.9)))
        search = GridSearchCV(reg, {"dnnregressor__dropout": [0.0, 0.3]}, cv=2, scoring="neg_mean_absolute_error")
        search.fit(X, y)
        best = search.best_estimator_
        predicted, quantiles = best.predict(X, return_quantiles=True)
        assert_array_equal(predicted, search.predict(X))
        assert quantiles.shape == (len(X), 2)

    def test_by_the_quantile_of_a_loss_are_single(self):
        x, noise = noisy(2000)
        reg = DNNRegressor(loss="quantile", loss__quantile=0.9, random_state=0, dropout=0.0).fit(x, noise)
        assert_allclose(np.mean(noise <= reg.predict(x)), 0.9, atol=0.03)


class TestStates:
    @pytest.mark.parametrize("parameters", [{"quantiles": LEVELS}, {"loss": "gaussian_nll"}])
    @pytest.mark.parametrize("kind", KINDS)
    def test_are_saved(self, kind, parameters, tmp_path):
        reg = kind(**SHORT, **parameters).fit(X, y)
        option = {"return_quantiles": True} if "quantiles" in parameters else {"return_std": True}
        expected = reg.predict(X, **option)
        skdeep.save(reg, tmp_path / "reg")
        for other in (pickle.loads(pickle.dumps(reg)), skdeep.load(tmp_path / "reg")):
            for one, two in zip(other.predict(X, **option), expected, strict=True):
                assert_array_equal(one, two)
            other.partial_fit(X, y)
            assert other.n_iter_ == 4
        assert clone(reg).get_params() == reg.get_params()

    @pytest.mark.parametrize("parameters", [{"quantiles": LEVELS}, {"loss": "gaussian_nll"}])
    def test_go_on(self, parameters):
        option = {"return_quantiles": True} if "quantiles" in parameters else {"return_std": True}
        settings = {"random_state": 0, "dropout": 0.0, **parameters}
        whole = DNNRegressor(**settings, epochs=4, warm_start=True).fit(X, y)
        half = DNNRegressor(**settings, epochs=2, warm_start=True).fit(X, y).fit(X, y)
        parts = DNNRegressor(**settings)
        for _ in range(4):
            parts.partial_fit(X, y)
        assert_array_equal(parts.predict(X, **option)[1], whole.predict(X, **option)[1])
        assert half.n_iter_ == 4
        assert half.history_["loss"][2] < half.history_["loss"][1]

    def test_a_warm_start_does_not_go_on_with_other_quantiles(self):
        reg = DNNRegressor(**SHORT, quantiles=LEVELS, warm_start=True).fit(X, y)
        before = reg.predict(X)
        others = [{"quantiles": (0.2, 0.8)}, {"quantiles": None}, {"quantiles": None, "loss": "gaussian_nll"}]
        for parameters in others:
            with pytest.raises(ValueError, match="warm_start=True"):
                reg.set_params(**parameters).fit(X, y)
        assert_array_equal(reg.predict(X), before)

    def test_a_changed_model_is_saved(self, tmp_path):
        reg = DNNRegressor(**SHORT, quantiles=LEVELS).fit(X, y)
        reg.model_.get_layer("hidden_1").trainable = False
        reg.model_.compile("sgd", Pinball((0.1, 0.25, 0.5, 0.9)))
        reg.partial_fit(X, y)
        skdeep.save(reg, tmp_path / "reg")
        loaded = skdeep.load(tmp_path / "reg")
        assert_array_equal(loaded.predict(X, return_quantiles=True)[1], reg.predict(X, return_quantiles=True)[1])
        loaded.partial_fit(X, y)


class TestFiles:
    """Files for other libraries tell what `predict` does."""

    @pytest.mark.parametrize("parameters", [{"quantiles": LEVELS}, {"loss": "gaussian_nll"}])
    @pytest.mark.parametrize("n_columns", [1, 2])
    @pytest.mark.parametrize("kind", [DNNRegressor, CNNRegressor, TableRegressor])
    def test_of_keras_and_onnx(self, kind, n_columns, parameters, tmp_path):
        reg = kind(**SHORT, **parameters).fit(X, y if n_columns == 1 else TWO)
        option = {"return_quantiles": True} if "quantiles" in parameters else {"return_std": True}
        predicted, spread = reg.predict(X[:50], **option)
        name = "quantiles" if "quantiles" in parameters else "standard_deviations"
        expected = {"predictions": predicted.reshape(50, n_columns), name: spread.reshape(50, n_columns, -1)}
        rows = X[:50] if kind is not TableRegressor else reg.preprocessor_.transform(X[:50])
        rows = rows.reshape(50, 1, -1, 1) if kind is CNNRegressor else rows
        reg.to_keras(tmp_path / "reg.keras")
        by_keras = keras.models.load_model(tmp_path / "reg.keras", compile=False)(rows.astype(np.float32))
        reg.to_onnx(tmp_path / "reg.onnx")
        session = onnxruntime.InferenceSession(tmp_path / "reg.onnx")
        by_onnx = session.run(list(expected), {"input": rows.astype(np.float32)})
        for (key, value), other in zip(expected.items(), by_onnx, strict=True):
            assert_allclose(other.reshape(value.shape), value, rtol=1e-5, atol=1e-3)
            assert_allclose(np.reshape(by_keras[key], value.shape), value, rtol=1e-5, atol=1e-3)


class TestErrors:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            (
                {"quantiles": (0.9, 0.1)},
                r"quantiles must be in \(0, 1\), and several ones must rise.* Got \(0.9, 0.1\)",
            ),
            ({"quantiles": [0.0, 0.5]}, r"quantiles must be in \(0, 1\)"),
            ({"quantiles": 0.5}, "'quantiles' parameter of .* must be an array-like or None"),
            ({"quantiles": (0.1,), "loss": "mae"}, "quantiles are learned by the pinball loss, so loss must be"),
            ({"quantiles": (0.1,), "loss": "pinball", "loss__quantile": 0.1}, "are the same setting"),
            ({"quantiles": (0.1,), "metrics": "mae"}, "metrics must be None with 'pinball'"),
            ({"loss": "gaussian_nll", "metrics": ["mse"]}, "metrics must be None with 'gaussian_nll'"),
            ({"loss": "gaussian_nll", "output_activation": "relu"}, "output_activation must be 'linear' with"),
            ({"loss": "pinball", "loss__quantile": 2.0}, r"quantile must be in \(0, 1\)"),
            ({"loss": "pinball", "loss__alpha": 0.5}, "loss__alpha is not a parameter of Pinball"),
        ],
    )
    def test_name_the_parameter(self, kind, parameters, message):
        with pytest.raises(ValueError, match=message):
            kind(**SHORT, **parameters).fit(X, y)

    def test_tell_what_was_not_learned(self):
        reg = DNNRegressor(**SHORT).fit(X, y)
        with pytest.raises(ValueError, match="return_std=True needs a regressor that was fitted with"):
            reg.predict(X, return_std=True)
        with pytest.raises(ValueError, match="return_quantiles=True needs a regressor that was fitted with quantiles"):
            reg.predict(X, return_quantiles=True)

    def test_of_classifiers(self):
        for classes in (y > 100, y // 100, np.column_stack([y > 100, y > 50]).astype(int)):
            with pytest.raises(ValueError, match="loss='gaussian_nll' is for numbers, but y holds classes"):
                DNNClassifier(loss="gaussian_nll", epochs=1).fit(X, classes)


def build(meta):
    return keras.Sequential(
        [keras.Input((meta["n_features_in_"],)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)]
    )


def test_networks_of_your_own_learn_a_quantile():
    x, noise = noisy(2000)
    for loss in (
        {"loss": "pinball", "loss__quantile": 0.9},
        {"loss": Pinball(0.9)},
        {"loss": Pinball, "loss__quantile": 0.9},
    ):
        reg = KerasRegressor(
            build, **loss, optimizer="adam", learning_rate=0.01, epochs=20, verbose=0, random_state=0
        ).fit(x, noise)
        assert_allclose(np.mean(noise <= reg.predict(x)), 0.9, atol=0.03)
