"""What scikeras's notebooks on basic usage, its MLPClassifier and meta-estimators do, with skdeep's estimators."""

import pickle

import keras
import numpy as np
import pytest
from sklearn.datasets import make_classification, make_moons, make_regression
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skdeep.wrappers import KerasClassifier, KerasRegressor

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
