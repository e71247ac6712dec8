"""What scikeras's notebooks do, with the estimators of skdeep under the same names."""

import pickle

import keras
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits, make_classification, make_moons, make_regression
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier
from sklearn.metrics import accuracy_score, mean_squared_error
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, LabelEncoder, OneHotEncoder, StandardScaler

from skdeep.wrappers import BaseWrapper, KerasClassifier, KerasRegressor

pytestmark = pytest.mark.slow


def hidden(n_features, sizes, dropout=0.0):
    layers = [keras.Input((n_features,))]
    for size in sizes:
        layers += [keras.layers.Dense(size, activation="relu"), keras.layers.Dropout(dropout)]
    return keras.Sequential(layers)


def binary(meta, hidden_layer_sizes, dropout):
    model = hidden(meta["n_features_in_"], hidden_layer_sizes, dropout)
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    return model


def numeric(meta, hidden_layer_sizes, dropout):
    model = hidden(meta["n_features_in_"], hidden_layer_sizes, dropout)
    model.add(keras.layers.Dense(1))
    return model


def compiled(hidden_layer_sizes, meta, compile_kwargs):
    """Choose the output and the loss by the kind of y, and take the optimizer as it was made."""
    model = hidden(meta["n_features_in_"], hidden_layer_sizes)
    if meta["target_type_"] == "binary":
        model.add(keras.layers.Dense(1, activation="sigmoid"))
        loss = "binary_crossentropy"
    else:
        model.add(keras.layers.Dense(meta["n_classes_"], activation="softmax"))
        loss = "sparse_categorical_crossentropy"
    model.compile(loss=loss, optimizer=compile_kwargs["optimizer"])
    return model


@pytest.fixture
def table():
    return make_classification(1000, 20, n_informative=10, random_state=0)


@pytest.fixture
def moons():
    return make_moons(n_samples=100, noise=0.2, random_state=0)


class TestBasicUsage:
    def test_a_classifier(self, table, capsys):
        X, y = table
        clf = KerasClassifier(model=binary, loss="binary_crossentropy", hidden_layer_sizes=(100,), dropout=0.5)
        clf.fit(X, y)
        assert "loss" in capsys.readouterr().out  # a line an epoch, unless verbose=0
        assert clf.predict(X[:5]).shape == (5,)
        assert clf.predict_proba(X[:5]).shape == (5, 2)
        pipe = Pipeline([("scale", StandardScaler()), ("clf", clf.set_params(epochs=5, verbose=0))])
        assert pipe.fit(X, y).score(X, y) > 0.7

    def test_a_regressor_pickled_and_saved_by_keras(self, tmp_path):
        X, y = make_regression(1000, 20, n_informative=10, random_state=0)
        reg = KerasRegressor(
            model=numeric,
            loss="mse",
            metrics=[keras.metrics.R2Score],
            hidden_layer_sizes=(100,),
            dropout=0.5,
            verbose=0,
        )
        with pytest.warns(UserWarning, match="Set scale_targets=True"):  # y is in the hundreds
            reg.fit(X, y)
        assert list(reg.history_) == ["loss", "r2_score"]
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(reg)).predict(X), reg.predict(X))
        reg.model_.save(tmp_path / "model.keras")
        again = KerasRegressor(keras.saving.load_model(tmp_path / "model.keras"))
        again.initialize(X, y)
        np.testing.assert_allclose(again.predict(X), reg.predict(X), rtol=1e-5, atol=1e-5)

    def test_a_callback_of_ones_own(self, moons):
        class StopAt(keras.callbacks.Callback):
            def __init__(self, monitor, value):  # without Keras's own
                self.monitor = monitor
                self.value = value

            def on_epoch_end(self, epoch, logs=None):
                if logs[self.monitor] > self.value:
                    self.model.stop_training = True

        settings = {
            "model": binary,
            "loss": "binary_crossentropy",
            "dropout": 0.5,
            "hidden_layer_sizes": (100,),
            "metrics": ["binary_accuracy"],
            "fit__validation_split": 0.2,
            "epochs": 20,
            "verbose": False,
            "random_state": 0,
        }
        assert len(KerasClassifier(**settings).fit(*moons).history_["loss"]) == 20
        callback = StopAt("val_binary_accuracy", 0.75)
        clf = KerasClassifier(**settings, callbacks=[callback]).fit(*moons)
        assert len(clf.history_["loss"]) < 20
        assert clf.history_["val_binary_accuracy"][-1] > 0.75

    def test_a_search_with_routed_parameters(self, moons):
        clf = KerasClassifier(
            model=binary,
            loss="binary_crossentropy",
            optimizer="adam",
            optimizer__learning_rate=0.1,
            model__hidden_layer_sizes=(100,),
            model__dropout=0.5,
            verbose=False,
        )
        grid = {
            "optimizer__learning_rate": [1e-9, 0.1],
            "model__hidden_layer_sizes": [(100,), (50, 50)],
            "model__dropout": [0, 0.5],
        }
        search = GridSearchCV(clf, grid, scoring="accuracy", n_jobs=2, cv=2).fit(*moons)
        assert search.best_params_["optimizer__learning_rate"] == 0.1
        assert search.best_score_ > 0.7


class MLPClassifier(KerasClassifier):
    def __init__(
        self,
        hidden_layer_sizes=(100,),
        optimizer="adam",
        optimizer__learning_rate=0.001,
        epochs=200,
        verbose=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.hidden_layer_sizes = hidden_layer_sizes
        self.optimizer = optimizer
        self.optimizer__learning_rate = optimizer__learning_rate
        self.epochs = epochs
        self.verbose = verbose

    def _keras_build_fn(self, compile_kwargs):
        meta = {name: getattr(self, name) for name in ("n_features_in_", "target_type_", "n_classes_")}
        return compiled(self.hidden_layer_sizes, meta, compile_kwargs)


class MLPRegressor(KerasRegressor):
    def __init__(self, hidden_layer_sizes=(100,), optimizer="adam", epochs=200, verbose=0, **kwargs):
        super().__init__(**kwargs)
        self.hidden_layer_sizes = hidden_layer_sizes
        self.optimizer = optimizer
        self.epochs = epochs
        self.verbose = verbose

    def _keras_build_fn(self, compile_kwargs):
        model = hidden(self.n_features_in_, self.hidden_layer_sizes)
        model.add(keras.layers.Dense(1))
        model.compile(loss="mse", optimizer=compile_kwargs["optimizer"])
        return model


class TestMLPClassifier:
    @pytest.mark.parametrize("n_classes", [2, 3])
    def test_a_function_that_compiles(self, n_classes):
        X, y = make_classification(n_classes=n_classes, n_informative=4, random_state=0)
        clf = KerasClassifier(
            model=compiled,
            hidden_layer_sizes=(100,),
            optimizer="adam",
            optimizer__learning_rate=0.001,
            epochs=50,
            verbose=0,
        )
        assert clf.fit(X, y).score(X, y) > 0.7

    def test_a_subclass(self):
        X, y = make_classification(random_state=0)
        clf = MLPClassifier(epochs=20, random_state=0)
        assert clf.fit(X, y).score(X, y) > 0.7
        search = GridSearchCV(
            clf, {"hidden_layer_sizes": [(5,), (50,)], "optimizer__learning_rate": [1e-9, 0.01]}, cv=2
        )
        assert search.fit(X, y).best_params_["optimizer__learning_rate"] == 0.01
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(clf)).predict_proba(X), clf.predict_proba(X))

    def test_a_regressor(self):
        X = np.arange(50)[:, np.newaxis] / 25
        reg = MLPRegressor(epochs=100, random_state=0)
        assert reg.fit(X, X[:, 0]).score(X, X[:, 0]) > 0.9


class TestMetaEstimators:
    @pytest.fixture
    def clf(self):
        return KerasClassifier(
            model=compiled,
            hidden_layer_sizes=(100,),
            optimizer="adam",
            optimizer__learning_rate=0.001,
            verbose=0,
            random_state=0,
        )

    @pytest.mark.parametrize(
        "ensemble",
        [
            lambda clf: AdaBoostClassifier(clf, n_estimators=5, random_state=0),
            lambda clf: BaggingClassifier(clf, n_estimators=4, random_state=0, n_jobs=2),
        ],
        ids=["AdaBoost", "bagging"],
    )
    def test_ensembles_have_members_of_their_own(self, ensemble, clf):
        X, y = make_moons(random_state=0)
        fitted = ensemble(clf.set_params(epochs=10)).fit(X, y)
        assert fitted.score(X, y) > 0.6
        first, second = (member.model_.get_weights()[0] for member in fitted.estimators_[:2])
        assert not np.array_equal(first, second)


class PairOfLabels(BaseEstimator, TransformerMixin):
    """A yes or no, and one of several kinds, in two columns."""

    def fit(self, y):
        self.encoders_ = [LabelEncoder().fit(column) for column in y.T]
        return self

    def transform(self, y):
        return [encoder.transform(column) for encoder, column in zip(self.encoders_, y.T, strict=True)]

    def inverse_transform(self, y, return_proba=False):
        if return_proba:
            return np.column_stack(y)
        codes = [(y[0] > 0.5).astype(int).reshape(-1), y[1].argmax(axis=1)]
        return np.column_stack([each.inverse_transform(code) for each, code in zip(self.encoders_, codes, strict=True)])

    def get_metadata(self):
        return {"n_classes_": [each.classes_.size for each in self.encoders_], "n_outputs_expected_": 2}


class PairClassifier(KerasClassifier):
    @property
    def target_encoder(self):
        return PairOfLabels()

    @staticmethod
    def scorer(y_true, y_pred, **kwargs):
        return np.mean([accuracy_score(y_true[:, column], y_pred[:, column]) for column in (0, 1)])


def two_ends(meta):
    inputs = keras.Input((meta["n_features_in_"],))
    x = keras.layers.Dense(100, activation="relu")(inputs)
    ends = [
        keras.layers.Dense(1, activation="sigmoid")(x),
        keras.layers.Dense(meta["n_classes_"][1], activation="softmax")(x),
    ]
    model = keras.Model(inputs, ends)
    model.compile(loss=["binary_crossentropy", "sparse_categorical_crossentropy"])
    return model


def two_starts():
    starts = [keras.Input((1,)), keras.Input((1,))]
    hidden = [keras.layers.Dense(size, activation="relu")(start) for size, start in zip((100, 50), starts, strict=True)]
    model = keras.Model(starts, keras.layers.Dense(1)(keras.layers.Concatenate()(hidden)))
    model.compile(loss="mse")
    return model


class SplitRegressor(KerasRegressor):
    @property
    def feature_encoder(self):
        return FunctionTransformer(func=lambda X: [X[:, 0], X[:, 1]])


class TestDataTransformers:
    def test_several_outputs(self):
        rng = np.random.default_rng(0)
        y = np.column_stack([rng.integers(0, 2, 100), rng.integers(0, 5, 100)])
        X = StandardScaler().fit_transform(y)
        clf = PairClassifier(model=two_ends, verbose=0, random_state=0, epochs=60).fit(X, y)
        assert clf.score(X, y) > 0.9
        assert clf.predict_proba(X).shape == (100, 6)
        assert clf.target_encoder_.encoders_[1].classes_.tolist() == [0, 1, 2, 3, 4]

    def test_several_inputs(self):
        X = np.random.default_rng(0).random((100, 2))
        y = X.sum(axis=1)
        reg = SplitRegressor(model=two_starts, verbose=0, random_state=0, epochs=60).fit(X, y)
        assert reg.score(X, y) > 0.9

    def test_images_of_flat_rows(self):
        class Images(KerasClassifier):
            @property
            def feature_encoder(self):
                return FunctionTransformer(func=lambda X: X.reshape(X.shape[0], 8, 8, 1))

        def convolutions(meta):
            layers = [
                keras.Input((8, 8, 1)),
                keras.layers.Conv2D(8, kernel_size=(3, 3), activation="relu"),
                keras.layers.MaxPooling2D(pool_size=(2, 2)),
                keras.layers.Flatten(),
                keras.layers.Dense(meta["n_classes_"], activation="softmax"),
            ]
            model = keras.Sequential(layers)
            model.compile(loss="sparse_categorical_crossentropy")
            return model

        X, y = load_digits(return_X_y=True)
        clf = Images(model=convolutions, epochs=10, batch_size=128, validation_split=0.1, verbose=0, random_state=0)
        assert clf.fit(X / 16, y).score(X / 16, y) > 0.7


class AutoEncoder(BaseWrapper, TransformerMixin):
    """Two halves that are estimators of their own, and share the layers of what is trained."""

    def _keras_build_fn(self, encoding_dim, meta):
        n_features = meta["n_features_in_"]
        start = keras.Input((n_features,))
        encoder = keras.Model(start, keras.layers.Dense(encoding_dim, activation="relu")(start))
        middle = keras.Input((encoding_dim,))
        decoder = keras.Model(middle, keras.layers.Dense(n_features, activation="sigmoid")(middle))
        whole = keras.Input((n_features,))
        self.encoder_model_ = BaseWrapper(encoder, verbose=self.verbose)
        self.decoder_model_ = BaseWrapper(decoder, verbose=self.verbose)
        return keras.Model(whole, decoder(encoder(whole)))

    def _initialize(self, X, y=None):
        X, _ = super()._initialize(X=X, y=y)
        codes = self.encoder_model_.initialize(X).predict(X)
        self.decoder_model_.initialize(codes)
        return X, X

    def initialize(self, X):
        self._initialize(X=X, y=X)
        return self

    def fit(self, X, *, sample_weight=None):
        super().fit(X=X, y=X, sample_weight=sample_weight)
        return self

    def score(self, X):
        return 1 - mean_squared_error(self.predict(X), X)

    def transform(self, X):
        return self.encoder_model_.predict(self.feature_encoder_.transform(X))

    def inverse_transform(self, codes):
        return self.feature_encoder_.inverse_transform(self.decoder_model_.predict(codes))


class TestAutoEncoders:
    def test_both_halves_are_trained(self):
        X = load_digits().data / 16
        auto = AutoEncoder(
            loss="binary_crossentropy", encoding_dim=16, random_state=0, epochs=20, verbose=False, optimizer="adam"
        )
        auto.fit(X=X)
        codes = auto.transform(X)
        assert codes.shape == (1797, 16)
        again = auto.inverse_transform(codes)
        np.testing.assert_allclose(again, auto.predict(X), atol=1e-5)
        np.testing.assert_allclose(again, auto.model_.predict(X, verbose=0), atol=1e-5)
        untrained = AutoEncoder(encoding_dim=16, loss="mse", random_state=0, verbose=False).initialize(X)
        assert auto.score(X) > 0.95 > untrained.score(X)


class TestSparseInputs:
    def test_one_hot_rows_sparse_and_dense(self):
        def build(meta):
            layers = [keras.Input((meta["n_features_in_"],)), keras.layers.Dense(10, activation="relu")]
            return keras.Sequential([*layers, keras.layers.Dense(1)])

        X, y = np.arange(200).reshape(-1, 1), np.random.default_rng(0).uniform(0, 1, 200)

        def pipeline(*, is_sparse):
            reg = KerasRegressor(build, loss="mse", epochs=5, verbose=False, random_state=0)
            return Pipeline([("encoder", OneHotEncoder(sparse_output=is_sparse)), ("model", reg)]).fit(X, y)

        sparse, dense = pipeline(is_sparse=True), pipeline(is_sparse=False)
        np.testing.assert_allclose(sparse.predict(X), dense.predict(X), rtol=1e-6)
