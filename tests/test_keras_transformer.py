"""KerasTransformer, and regressors of images, beside what Keras itself gives."""

import pickle

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

import skdeep
from skdeep import DNNClassifier, KerasRegressor, KerasTransformer, Reshape, ScaleToUnit

FIT = {"optimizer": "adam", "epochs": 3, "verbose": 0, "random_state": 0}


def autoencoder(meta, n_components=4):
    n_features = meta["n_features_in_"]
    return keras.Sequential(
        [
            keras.Input((n_features,)),
            keras.layers.Dense(16, "relu"),
            keras.layers.Dense(n_components, "tanh", name="code"),
            keras.layers.Dense(16, "relu"),
            keras.layers.Dense(n_features),
        ]
    )


@pytest.fixture(scope="module")
def X(digits):
    return digits.data[:300] / 16


class TestAutoencoder:
    def test_it_learns_as_in_keras(self, X):
        given = autoencoder({"n_features_in_": 64})
        code = KerasTransformer(given, layer="code", shuffle=False, **FIT).fit(X)
        given.compile("adam", "mse")
        theirs = given.fit(X, X, 32, 3, verbose=0, shuffle=False).history["loss"]
        np.testing.assert_allclose(code.history_["loss"], theirs, rtol=1e-4)
        until = keras.Model(given.inputs, given.get_layer("code").output)
        expected = until.predict(X, verbose=0)
        np.testing.assert_allclose(code.transform(X), expected, atol=1e-3)
        again = code.inverse_transform(code.transform(X))
        np.testing.assert_allclose(again, given.predict(X, verbose=0), atol=1e-3)
        assert code.score(X) == pytest.approx(r2_score(X, again, multioutput="variance_weighted"))

    def test_names_that_keras_made(self, X):
        clf = KerasTransformer(autoencoder, layer="dense_1", **FIT).fit(X)
        assert clf.transform(X).shape == (300, 16)
        with pytest.raises(ValueError, match=r"layer='cod' is no layer .*'dense', 'code', .* Did you mean 'code'\?"):
            clf.set_params(layer="cod").transform(X)
        assert not hasattr(clf.set_params(layer=None), "inverse_transform")

    def test_in_pipelines_and_searches(self, X, digits):
        y = digits.target[:300]
        encoder = KerasTransformer(autoencoder, layer="code", **FIT)
        pipe = make_pipeline(ScaleToUnit(), encoder, LogisticRegression(max_iter=1000))
        assert pipe.fit(X, y).score(X, y) > 0.4
        assert len(cross_val_score(pipe, X, y, cv=2)) == 2
        search = GridSearchCV(encoder.set_params(epochs=30), {"n_components": [1, 8]}, cv=2).fit(X)
        assert search.best_params_ == {"n_components": 8}
        assert search.best_estimator_.transform(X).shape == (300, 8)

    def test_frames_and_names(self, X):
        encoder = KerasTransformer(autoencoder, layer="code", **FIT).set_output(transform="pandas")
        frame = encoder.fit_transform(X)
        assert list(frame.columns) == [f"kerastransformer{number}" for number in range(4)]
        assert list(encoder.get_feature_names_out()) == list(frame.columns)

    def test_validation_rows_and_other_targets(self, X):
        encoder = KerasTransformer(autoencoder, layer="code", **FIT)
        by_x = encoder.fit(X[:200], X_val=X[200:]).history_
        assert by_x.keys() == {"loss", "val_loss"}
        assert by_x == encoder.fit(X[:200], np.zeros(200), X_val=X[200:], y_val=np.zeros(100)).history_
        assert by_x == encoder.fit(X[:200], validation_data=(X[200:], None)).history_
        assert by_x == clone(encoder).set_params(fit__validation_data=(X[200:], None)).fit(X[:200]).history_
        of_y = clone(encoder).set_params(target="y", scale_targets=True)
        by_x = encoder.set_params(scale_targets=True).fit(X[:200], X_val=X[200:]).history_
        assert by_x == of_y.fit(X[:200], X[:200], X_val=X[200:], y_val=X[200:]).history_
        noisy = X + np.random.default_rng(0).normal(size=X.shape)
        assert of_y.fit(noisy, X).score(noisy, X) != of_y.score(X, X)
        with pytest.raises(ValueError, match="target='y' needs y, but it is None"):
            of_y.fit(X)

    def test_copies_and_files(self, X, tmp_path):
        encoder = KerasTransformer(autoencoder, layer="code", **FIT).fit(X)
        expected = encoder.transform(X)
        skdeep.save(encoder, tmp_path / "encoder.skops", trusted=[f"{__name__}.autoencoder"])
        loaded = skdeep.load(tmp_path / "encoder.skops", trusted=[f"{__name__}.autoencoder"])
        for other in (pickle.loads(pickle.dumps(encoder)), loaded):
            np.testing.assert_array_equal(other.transform(X), expected)
        assert not hasattr(clone(encoder), "history_")

    def test_one_row_is_as_in_a_batch(self, X):
        encoder = KerasTransformer(autoencoder, layer="code", **FIT).fit(X)
        np.testing.assert_allclose(encoder.transform(X[:1]), encoder.transform(X)[:1], atol=1e-6)


class TestFeatures:
    def test_of_a_network_that_is_trained_already(self, X, digits):
        y = digits.target[:300]
        trained = DNNClassifier((32, 16), epochs=5, random_state=0).fit(X, y)
        features = KerasTransformer(trained.model_, layer="hidden_2", epochs=0, verbose=0).fit(X)
        until = keras.Model(trained.model_.inputs, trained.model_.get_layer("hidden_2").output)
        np.testing.assert_allclose(features.transform(X), until.predict(X, verbose=0), atol=1e-5)
        pipe = make_pipeline(features, LogisticRegression(max_iter=1000)).fit(X, y)
        assert pipe.score(X, y) > 0.8
        fitted = pipe[0].model_.get_weights()
        for one, other in zip(fitted, trained.model_.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_a_file_of_it(self, X, tmp_path):
        given = autoencoder({"n_features_in_": 64})
        features = KerasTransformer(given, layer="code", epochs=0, verbose=0).fit(X)
        skdeep.save(features, tmp_path / "features.skops")
        loaded = skdeep.load(tmp_path / "features.skops")
        np.testing.assert_array_equal(loaded.transform(X), features.transform(X))

    def test_maps_of_convolutions(self, digits):
        def build():
            layers = [keras.Input((8, 8, 1)), keras.layers.Conv2D(3, 3, name="maps"), keras.layers.Flatten()]
            return keras.Sequential([*layers, keras.layers.Dense(2)])

        images = digits.images[:50, :, :, np.newaxis] / 16
        maps = KerasTransformer(build, layer="maps", epochs=0, verbose=0).fit(images)
        assert maps.transform(images).shape == (50, 6, 6, 3)

    def test_a_subclass_with_code_of_its_own(self, X):
        class Own(keras.Model):
            def __init__(self):
                super().__init__()
                self.dense = keras.layers.Dense(64)

            def call(self, x):
                return self.dense(x)

        with pytest.raises(ValueError, match="need a model whose layers are connected"):
            KerasTransformer(Own, layer="dense", **FIT).fit(X).transform(X)
        assert KerasTransformer(Own, **FIT).fit(X).score(X) < 1


class TestImagesAsTargets:
    @pytest.mark.parametrize("last_axis", [False, True])
    def test_as_in_keras(self, last_axis, digits):
        images = digits.images[:100] / 16
        shape = (8, 8, 1) if last_axis else (8, 8)
        given = keras.Sequential(
            [keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(64), keras.layers.Reshape(shape)]
        )
        reg = KerasRegressor(given, loss="mse", shuffle=False, **FIT).fit(images, images[:, ::-1])
        given.compile("adam", "mse")
        theirs = given.fit(images, images[:, ::-1], 32, 3, verbose=0, shuffle=False).history["loss"]
        np.testing.assert_allclose(reg.history_["loss"], theirs, rtol=1e-4)
        predicted = reg.predict(images)
        assert predicted.shape == (100, 8, 8)
        np.testing.assert_allclose(predicted, given.predict(images, verbose=0).reshape(100, 8, 8), atol=1e-3)
        expected = r2_score(images[:, ::-1].reshape(100, -1), predicted.reshape(100, -1))
        assert reg.score(images, images[:, ::-1]) == pytest.approx(expected)

    def test_scaled_and_copied(self, digits):
        images = digits.images[:100]
        given = keras.Sequential(
            [keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(64), keras.layers.Reshape((8, 8))]
        )
        reg = KerasRegressor(given, scale_targets=True, learning_rate=0.01, **FIT | {"epochs": 30})
        reg.fit(images / 16, images * 1000)
        assert reg.score(images / 16, images * 1000) > 0.3
        other = pickle.loads(pickle.dumps(reg))
        np.testing.assert_array_equal(other.predict(images / 16), reg.predict(images / 16))

    def test_what_does_not_fit(self, digits):
        images = digits.images[:100] / 16
        given = keras.Sequential([keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(64)])
        with pytest.raises(ValueError, match="The model has 64 outputs, but y has 32"):
            KerasRegressor(given, **FIT).fit(images, images[:, :4])
        with pytest.raises(ValueError, match="dim 3"):
            skdeep.DNNRegressor().fit(images.reshape(100, -1), images)


def linear(meta):
    n_features = meta["n_features_in_"]
    inputs = keras.Input((n_features,), dtype="float64")
    return keras.Model(inputs, keras.layers.Dense(n_features)(keras.layers.Dense(2, name="code")(inputs)))


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["code", None])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_s_checks(layer):
    # Only so a row of weight 2 counts as two rows.
    loss = keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")
    params = {
        "loss": loss,
        "batch_size": -1,
        "verbose": 0,
        "random_state": 0,
        "dtype_policy": "float64",
    }
    failed = []
    for each, check in estimator_checks_generator(KerasTransformer(linear, layer=layer, **params)):
        try:
            check(each)
        except Exception as error:
            if type(error).__name__ != "SkipTest":
                failed.append(check.func.__name__)
                print(check.func.__name__, repr(error)[:900])
    assert failed == []


def test_reshape_in_front(digits):
    images = digits.images[:60]
    encoder = KerasTransformer(autoencoder, layer="code", **FIT)
    pipe = make_pipeline(Reshape((64,)), ScaleToUnit(), encoder)
    assert pipe.fit_transform(images).shape == (60, 4)
