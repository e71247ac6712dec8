"""Tables and targets in units in which networks hardly learn are warned about, and no others."""

import pickle
import warnings

import keras
import numpy as np
import onnxruntime
import pytest
import scipy.sparse
from sklearn import preprocessing
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.model_selection import GridSearchCV

import skdeep
from skdeep import DNNClassifier, DNNRegressor, KerasClassifier, KerasRegressor
from skdeep._data import scales
from skdeep._data.row_source import RowSource
from skdeep.datasets import fetch_fashion_mnist, fetch_mnist

LOADERS = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}
TABLES = {name: load().data for name, load in LOADERS.items()}
SCALERS = [
    preprocessing.StandardScaler(),
    preprocessing.MinMaxScaler(),
    preprocessing.MinMaxScaler((-1, 1)),
    preprocessing.MaxAbsScaler(),
    preprocessing.RobustScaler(),
    preprocessing.PowerTransformer(),
    preprocessing.QuantileTransformer(n_quantiles=20),
    skdeep.ZScore(axis=0),
]


def said(X):
    return scales.trouble_with_table(X, "DNNClassifier")


def warned(estimator, X, y):
    """Return the messages of a fit."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X, y)
    return [str(each.message) for each in caught]


class Rows:
    """Rows that are not in memory."""

    def __init__(self, X):
        self._X, self.shape, self.dtype, self.n_read = X, X.shape, X.dtype, 0

    def __len__(self):
        return len(self._X)

    def __getitem__(self, rows):
        self.n_read += rows.stop - rows.start
        return self._X[rows]


FORMS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "slice": lambda X: np.hstack([X, X])[::-1, : X.shape[1]],
    "csr": scipy.sparse.csr_array,
    "float32": lambda X: X.astype(np.float32),
    "source": lambda X: RowSource(Rows(X)),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_largest_value_of_each_column(form, rng, monkeypatch):
    monkeypatch.setattr(scales, "_CHUNK_BYTES", 1000)
    X = rng.normal(size=(777, 5)) * [1, -10, 0, 1000, 1e-5]
    if form == "csr":
        X[rng.random(X.shape) < 0.5] = 0
    largest = scales._largest_by_column(FORMS[form](X))
    np.testing.assert_allclose(largest, np.abs(X).max(axis=0), rtol=1e-6 if form == "float32" else 0)


class TestTables:
    @pytest.mark.parametrize("form", FORMS)
    def test_columns_in_units_that_differ(self, form):
        for name in ("wine", "breast cancer"):
            assert "columns of X lie between" in said(FORMS[form](TABLES[name]))
        assert "between 0.66 and 1,680" in said(TABLES["wine"])
        assert ("MaxAbsScaler" if form == "csr" else "StandardScaler") in said(FORMS[form](TABLES["wine"]))

    @pytest.mark.parametrize("form", FORMS)
    def test_tiny_and_huge(self, form):
        for name in ("iris", "digits"):
            assert "All values of X are tiny" in said(FORMS[form](TABLES[name] * 1e-5))
            assert "up to" in said(FORMS[form](TABLES[name] * 1e4))

    @pytest.mark.slow_after(17)
    @pytest.mark.parametrize("name", TABLES)
    @pytest.mark.parametrize("scaler", SCALERS, ids=lambda scaler: type(scaler).__name__)
    @pytest.mark.parametrize("form", ["C", "csr", "float32", "source"])
    def test_scaled(self, name, scaler, form):
        assert said(FORMS[form](scaler.fit_transform(TABLES[name]))) is None

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("factor", [1, 1 / 16, 255 / 16, 1 / 255])
    def test_digits(self, form, factor):
        assert said(FORMS[form](TABLES["digits"] * factor)) is None

    @pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "int64"])
    @pytest.mark.parametrize("n", [100, 1000])
    def test_flat_images_with_a_border(self, dtype, n, rng):
        images = np.zeros((n, 28, 28), dtype=dtype)
        images[:, 4:24, 4:24] = rng.integers(0, 256, size=(n, 20, 20))
        images[3, 0, 0] = 1  # a single dark pixel in one image
        X = images.reshape(n, -1)
        assert said(X) is None
        assert said(X / 255) is None
        assert said(preprocessing.StandardScaler().fit_transform(X)) is None
        assert said(skdeep.ZScore().fit_transform(X)) is None

    @pytest.mark.real_data
    @pytest.mark.parametrize("fetch", [fetch_mnist, fetch_fashion_mnist])
    def test_real_images(self, fetch, needs_real_data):
        needs_real_data(fetch.__name__.removeprefix("fetch_"))
        X = fetch().X_train.reshape(60000, -1)
        for n in (100, 1000, 60000):
            assert said(X[:n]) is None
            assert said(X[:n].astype(np.float32)) is None
            assert said(X[:n] / 255) is None
            assert said(preprocessing.StandardScaler().fit_transform(X[:n])) is None

    def test_one_hot_columns(self, rng):
        categories = rng.integers(200, size=(3000, 3))
        categories[0] = 999  # once
        X = preprocessing.OneHotEncoder().fit_transform(categories)
        assert said(X.tocsr()) is None
        assert said(X.toarray()) is None
        assert said(X.toarray().astype(bool)) is None
        assert said(preprocessing.StandardScaler().fit_transform(X.toarray())) is None

    def test_words(self):
        documents = [line for load in LOADERS.values() for line in load().DESCR.splitlines() if line.strip()]
        for vectorizer in (
            TfidfVectorizer(),
            TfidfVectorizer(norm=None),
            TfidfVectorizer(norm="l1"),
            CountVectorizer(),
        ):
            X = vectorizer.fit_transform(documents)
            assert said(X) is None
            assert said(X.toarray()) is None

    def test_columns_of_zeros_and_what_rounding_leaves(self):
        assert said(np.zeros((10, 3))) is None
        assert said(scipy.sparse.csr_array((10, 3))) is None
        assert said(np.array([[0.0, 1.0], [0.0, -1.0]])) is None
        for dtype in ("float32", "float64"):  # the digits have columns of zeros
            assert said(PCA().fit_transform((TABLES["digits"] / 16).astype(dtype))) is None

    def test_scaled_tables_of_very_many_rows(self):
        """A scaled column whose values are the same but for one has it at the square root of the number of rows."""
        n = 2_000_000
        X = np.full((n, 2), -1 / np.sqrt(n - 1))
        X[0] = np.sqrt(n - 1)
        X[:, 1] = np.where(np.arange(n) % 2, 1, -1)
        assert said(X) is None

    def test_the_limit(self):
        assert said(np.array([[1.0, 1000.0]])) is None
        assert said(np.array([[0.99, 1000.0]])) is not None
        assert said(np.array([[-0.99, -1000.0]])) is not None
        assert said(np.array([[1, 1001]])) is not None

    def test_a_source_of_floats_is_read_once_for_all_checks(self, iris):
        def n_read(X):
            rows = Rows(X)
            DNNClassifier((4,), epochs=1, shuffle=False).fit(rows, iris[1])
            return rows.n_read

        X = iris[0]
        assert n_read(X) - n_read((X * 10).astype("int8")) == pytest.approx(150, abs=2)


def own(*layers, **params):
    def build(meta):
        given = [layer() for layer in layers]
        return keras.Sequential([keras.Input(meta["X_shape_"][1:]), *given, keras.layers.Dense(3, "softmax")])

    return KerasClassifier(build, loss="sparse_categorical_crossentropy", verbose=0, **params)


def dense():
    return keras.layers.Dense(4, "relu")


class Own(keras.Model):
    def __init__(self, *layers):
        super().__init__()
        self.parts = [*layers, keras.layers.Dense(3, "softmax")]

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x


class TestOwnNetworks:
    data = load_wine(return_X_y=True)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "layers",
        [
            (),
            (dense,),
            (dense, keras.layers.BatchNormalization),
            (lambda: keras.layers.Dropout(0.1), keras.layers.Flatten, dense),
            (lambda: keras.Sequential([dense()]),),
            (lambda: keras.layers.Reshape((13, 1)), lambda: keras.layers.Conv1D(2, 3), keras.layers.Flatten),
            (lambda: keras.layers.Reshape((13, 1)), lambda: keras.layers.GRU(2)),
        ],
    )
    def test_whose_weights_get_X_as_it_is(self, layers):
        assert len(warned(own(*layers), *self.data)) == 1

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "layers",
        [
            (keras.layers.BatchNormalization,),
            (keras.layers.LayerNormalization, dense),
            (lambda: keras.layers.Rescaling(1 / 1000), dense),
            (lambda: keras.layers.Dropout(0.1), keras.layers.BatchNormalization, dense),
            (lambda: keras.Sequential([keras.layers.UnitNormalization()]), dense),
            (lambda: keras.layers.Lambda(lambda x: x / 1000), dense),
        ],
    )
    def test_that_scale_X_themselves(self, layers):
        assert warned(own(*layers), *self.data) == []

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("scales_itself", [False, True])
    def test_functional_models_and_subclasses(self, scales_itself):
        X, y = self.data
        norm = keras.layers.Normalization()
        norm.adapt(X)

        def wired(meta):
            inputs = keras.Input((13,))
            x = norm(inputs) if scales_itself else inputs
            return keras.Model(inputs, keras.layers.Dense(3, "softmax")(keras.layers.Dense(4)(x)))

        def beside(meta):
            inputs = keras.Input((13,))
            x = inputs / 1000 if scales_itself else keras.layers.Dropout(0.1)(inputs)
            return keras.Model(inputs, keras.layers.Dense(3, "softmax")(keras.layers.Dense(4)(x)))

        def subclass(meta):
            return Own(*([keras.layers.BatchNormalization()] if scales_itself else [dense()]))

        for build in (wired, beside, subclass):
            clf = KerasClassifier(build, loss="sparse_categorical_crossentropy", verbose=0)
            assert len(warned(clf, X, y)) == (not scales_itself), build

    def test_images_are_no_tables(self):
        images = load_digits().images[:100] * 1e5
        assert warned(own(keras.layers.Flatten), images, load_digits().target[:100] % 3) == []

    def test_batch_normalization_of_a_ready_network_does_not_scale_X(self):
        assert len(warned(DNNClassifier((4,), epochs=1, batch_normalization=True), *self.data)) == 1


def linear(meta):
    return keras.Sequential([keras.Input((meta["n_features_in_"],)), keras.layers.Dense(meta["n_outputs_"])])


def regressor(model=linear, **params):
    defaults = {"loss": "mse", "optimizer": "adam", "verbose": 0, "random_state": 0, "epochs": 1}
    return KerasRegressor(model, **defaults | params)


class TestTargets:
    X, y = load_diabetes(return_X_y=True)
    unit = preprocessing.scale(y)

    @pytest.mark.slow_after(2)
    @pytest.mark.parametrize("mean, deviation", [(152, 77), (0, 0.03), (0, 100), (10, 1), (-30, 1), (0.5, 0.01)])
    def test_far_from_1(self, mean, deviation):
        (said,) = warned(regressor(), self.X, self.unit * deviation + mean)
        assert "scale_targets=True" in said
        (said,) = warned(regressor(), self.X, np.column_stack([self.unit, self.unit * deviation + mean]))
        assert "Column 1 of y has a mean of" in said

    @pytest.mark.parametrize("mean, deviation", [(0, 1), (0, 0.1), (0, 30), (1, 1), (3, 1), (50, 30), (0.5, 0.1)])
    def test_near_1(self, mean, deviation):
        assert warned(regressor(), self.X, self.unit * deviation + mean) == []

    def test_what_needs_y_in_its_own_unit(self):
        def positive(meta):
            return keras.Sequential([keras.Input((10,)), keras.layers.Dense(1, "exponential")])

        def rescaled(meta):
            return keras.Sequential([keras.Input((10,)), keras.layers.Dense(1), keras.layers.Rescaling(77, 152)])

        assert warned(regressor(positive, loss="poisson"), self.X, self.y) == []
        assert warned(regressor(positive), self.X, self.y) == []
        assert warned(regressor(rescaled), self.X, self.y) == []
        assert warned(regressor(loss="mape"), self.X, self.y) == []

    def test_ready_networks_and_scaled_targets(self):
        assert warned(DNNRegressor((4,), epochs=1), self.X, self.y) == []
        assert warned(regressor(scale_targets=True), self.X, self.y) == []


class TestScaleTargets:
    """What the model learns is what it learns from targets that were scaled beforehand."""

    X = preprocessing.scale(load_diabetes().data)
    y = load_diabetes().target
    unit = preprocessing.scale(y)

    def pair(self, y=None, unit=None, **params):
        """Return a regressor fitted on y, and one on y scaled beforehand."""
        params = {"epochs": 5, "optimizer__learning_rate": 0.05} | params
        y, unit = (self.y, self.unit) if y is None else (y, unit)
        return regressor(scale_targets=True, **params).fit(self.X, y), regressor(**params).fit(self.X, unit)

    def same(self, scaled, plain, y=None):
        y = self.y if y is None else y
        np.testing.assert_allclose(
            scaled.predict(self.X), plain.predict(self.X) * y.std(axis=0) + y.mean(axis=0), rtol=1e-4
        )

    def test_fit_and_partial_fit(self):
        scaled, plain = self.pair()
        self.same(scaled, plain)
        np.testing.assert_allclose(scaled.history_["loss"], plain.history_["loss"], rtol=1e-5)
        assert scaled.score(self.X, self.y) > 0.4
        scaled.partial_fit(self.X, self.y)
        plain.partial_fit(self.X, self.unit)
        self.same(scaled, plain)

    def test_several_columns_and_the_first_partial_fit(self):
        Y = np.column_stack([self.y, self.X[:, 0] * 1e-3])
        self.same(*self.pair(Y, preprocessing.scale(Y)), Y)
        scaled = regressor(scale_targets=True).partial_fit(self.X, Y)
        plain = regressor().partial_fit(self.X, preprocessing.scale(Y))
        self.same(scaled, plain, Y)

    def test_warm_start_keeps_the_unit(self):
        scaled, plain = self.pair(warm_start=True)
        self.same(scaled.fit(self.X, self.y), plain.fit(self.X, self.unit))
        scaled.fit(self.X[:50], self.y[:50])
        self.same(scaled, plain.fit(self.X[:50], self.unit[:50]))

    def test_validation(self):
        scaled = regressor(scale_targets=True).fit(self.X, self.y, X_val=self.X, y_val=self.y)
        plain = regressor().fit(self.X, self.unit, X_val=self.X, y_val=self.unit)
        np.testing.assert_allclose(scaled.history_["val_loss"], plain.history_["val_loss"], rtol=1e-5)

    def test_a_search(self):
        grid = {"scale_targets": [False, True]}
        with pytest.warns(UserWarning, match="Set scale_targets=True"):
            search = GridSearchCV(regressor(epochs=20, optimizer__learning_rate=0.05), grid, cv=3).fit(self.X, self.y)
        assert search.best_params_ == {"scale_targets": True}
        assert search.best_score_ > 0.4

    def test_files(self, tmp_path):
        scaled, _ = self.pair()
        expected = scaled.predict(self.X)
        trusted = [f"{__name__}.linear"]
        skdeep.save(scaled, tmp_path / "reg.skdeep", trusted=trusted)
        loaded = skdeep.load(tmp_path / "reg.skdeep", trusted=trusted)
        for other in (pickle.loads(pickle.dumps(scaled)), loaded):
            np.testing.assert_allclose(other.predict(self.X), expected, rtol=1e-5)
            assert other.scale_targets
            other.partial_fit(self.X, self.y)
        scaled.to_keras(tmp_path / "reg.keras")
        np.testing.assert_allclose(
            keras.models.load_model(tmp_path / "reg.keras").predict(self.X)[:, 0], expected, rtol=1e-5
        )
        scaled.to_onnx(tmp_path / "reg.onnx")
        session = onnxruntime.InferenceSession(tmp_path / "reg.onnx")
        (outputs,) = session.run(None, {"input": self.X.astype(np.float32)})
        np.testing.assert_allclose(outputs[:, 0], expected, rtol=1e-5)

    def test_a_model_that_is_only_initialized_gives_the_unit_of_y(self):
        scaled = regressor(scale_targets=True).initialize(self.X, self.y)
        plain = regressor().initialize(self.X, self.unit)
        self.same(scaled, plain)

    def test_it_is_checked(self):
        with pytest.raises(ValueError, match="'scale_targets' parameter"):
            regressor(scale_targets="yes").fit(self.X, self.y)
