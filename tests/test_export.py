"""to_keras and to_onnx: files that other libraries read, and that compute what the estimator does."""

import functools
import json
import logging
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from sklearn.exceptions import NotFittedError

import skdeep
from skdeep import CNNClassifier, DNNClassifier, KerasClassifier, MLPClassifier

# Those that take the output of a layer alone and keep its shape.
ACTIVATIONS = sorted(
    {name for name in dir(keras.activations) if not name.startswith("_")}
    - {"get", "serialize", "deserialize", "glu", "threshold"}
)


def quick(**params):
    return DNNClassifier(**{"hidden_layer_sizes": (16, 8), "epochs": 2, "random_state": 0} | params)


def leaky(x):
    return keras.ops.maximum(x, 0.1 * x)


def bessel(x):
    return tf.math.bessel_i0(x)


def run_onnx(path, X):
    session = onnxruntime.InferenceSession(path)
    (probabilities,) = session.run(["probabilities"], {"input": np.asarray(X, dtype=np.float32)})
    return probabilities


class TestKeras:
    @pytest.mark.slow
    def test_computes_the_same_without_skdeep(self, iris, tmp_path):
        clf = quick(dropout=0.2, optimizer="sgd", optimizer__momentum=0.9).fit(*iris)
        clf.to_keras(tmp_path / "iris.keras")
        np.save(tmp_path / "X.npy", iris[0])
        code = (
            "import sys, keras, numpy as np; folder = sys.argv[1]; "
            "model = keras.saving.load_model(folder + '/iris.keras'); "
            "assert 'skdeep' not in sys.modules; assert float(model.optimizer.momentum) == 0.9; "
            "np.save(folder + '/there.npy', model.predict(np.load(folder + '/X.npy'), verbose=0))"
        )
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
        np.testing.assert_allclose(np.load(tmp_path / "there.npy"), clf.predict_proba(iris[0]), rtol=1e-5)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("batch_normalization", [False, True])
    def test_images(self, batch_normalization, digits, tmp_path):
        clf = CNNClassifier((4,), batch_normalization=batch_normalization, epochs=1)
        clf.fit(digits.images, digits.target).to_keras(str(tmp_path / "digits.keras"))
        model = keras.saving.load_model(tmp_path / "digits.keras")
        outputs = model.predict(digits.images[..., np.newaxis], verbose=0)
        np.testing.assert_allclose(outputs, clf.predict_proba(digits.images), rtol=1e-4, atol=1e-6)
        momenta = [layer.momentum for layer in model.layers if type(layer) is keras.layers.BatchNormalization]
        assert momenta == pytest.approx([0.9, 0.9] if batch_normalization else [])

    def test_training_goes_on_in_keras(self, iris, tmp_path):
        clf = quick().fit(*iris)
        clf.to_keras(tmp_path / "iris.keras")
        model = keras.saving.load_model(tmp_path / "iris.keras")
        assert int(model.optimizer.iterations) == int(clf.model_.optimizer.iterations) > 0
        model.fit(*iris, verbose=0)

    def test_the_suffix_is_asked_for(self, iris, tmp_path):
        with pytest.raises(ValueError, match=r"path must end in '\.keras'\. Got '.*iris\.h5'"):
            quick().fit(*iris).to_keras(tmp_path / "iris.h5")

    @pytest.mark.parametrize("name", ["file", ".keras", "file.KERAS", "file.keras/"])
    def test_other_names(self, name, iris, tmp_path):
        (tmp_path / "file.keras").mkdir()
        with pytest.raises((ValueError, IsADirectoryError), match=r"file|keras"):
            quick().fit(*iris).to_keras(f"{tmp_path}/{name}")

    def test_functions_of_the_user(self, iris, tmp_path):
        clf = quick(activation=leaky).fit(*iris)
        clf.to_keras(tmp_path / "file.keras")
        model = keras.saving.load_model(tmp_path / "file.keras", custom_objects={"leaky": leaky})
        np.testing.assert_allclose(model.predict(iris[0], verbose=0), clf.predict_proba(iris[0]), rtol=1e-5)
        clf = quick(activation=functools.partial(keras.activations.leaky_relu, negative_slope=0.1)).fit(*iris)
        with pytest.raises(ValueError, match=r"Keras cannot write .*functools.partial"):
            clf.to_keras(tmp_path / "other.keras")
        assert [each.name for each in tmp_path.iterdir()] == ["file.keras"]

    def test_multilabel(self, iris, tmp_path):
        X, y = iris
        clf = quick(dtype_policy="mixed_bfloat16").fit(X, np.column_stack([y > 0, y < 2]).astype(int))
        clf.to_keras(tmp_path / "file.keras")
        outputs = keras.saving.load_model(tmp_path / "file.keras").predict(X, verbose=0)
        np.testing.assert_allclose(outputs, clf.predict_proba(X), rtol=1e-5)


class TestOnnx:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "params",
        [
            {},
            {"hidden_layer_sizes": ()},
            {"activation": ("tanh", "selu"), "dropout": 0.3},
            {"activation": leaky},
            {"output_activation": "sigmoid"},
            {"alpha": 1.0, "batch_normalization": True},
            {"dtype_policy": "float64"},
        ],
    )
    def test_dense(self, params, iris, tmp_path):
        clf = quick(**params).fit(*iris)
        clf.to_onnx(tmp_path / "file.onnx")
        np.testing.assert_allclose(run_onnx(tmp_path / "file.onnx", iris[0]), clf.predict_proba(iris[0]), atol=1e-5)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_all_activations_of_keras(self, activation, iris, tmp_path):
        clf = quick(hidden_layer_sizes=(8,), epochs=1, activation=activation).fit(*iris)
        clf.to_onnx(tmp_path / "file.onnx")
        np.testing.assert_allclose(run_onnx(tmp_path / "file.onnx", iris[0]), clf.predict_proba(iris[0]), atol=1e-5)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "y",
        [
            lambda y: y > 0,
            lambda y: np.eye(3, dtype=int)[y],
            lambda y: np.column_stack([y > 0, y < 2, y == 1]).astype(int),
        ],
        ids=["binary", "one-hot", "multilabel"],
    )
    def test_other_targets(self, y, iris, tmp_path):
        clf = quick().fit(iris[0], y(iris[1]))
        clf.to_onnx(tmp_path / "file.onnx")
        np.testing.assert_allclose(run_onnx(tmp_path / "file.onnx", iris[0]), clf.predict_proba(iris[0]), atol=1e-5)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "params",
        [
            {},
            {"batch_normalization": True, "augment": "RandomFlip"},
            {"padding": "valid", "kernel_size": 2, "conv_activation": "elu", "pool_size": (1, 2)},
        ],
    )
    def test_images(self, params, digits, tmp_path):
        clf = CNNClassifier(((4, 8), (8,)), epochs=1, random_state=0, **params).fit(digits.images, digits.target)
        clf.to_onnx(str(tmp_path / "digits.onnx"))
        probabilities = run_onnx(tmp_path / "digits.onnx", digits.images[..., np.newaxis])
        np.testing.assert_allclose(probabilities, clf.predict_proba(digits.images), atol=1e-5)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "activation",
        [
            lambda x: keras.ops.celu(x, alpha=2.0),
            tf.nn.gelu,
            keras.ops.expm1,
            lambda x: keras.ops.log1p(keras.ops.abs(x)),
            keras.layers.Activation("gelu"),
        ],
        ids=["celu", "gelu", "expm1", "log1p", "layer"],
    )
    def test_operations_that_tf2onnx_does_not_know(self, activation, iris, tmp_path):
        clf = quick(activation=activation).fit(*iris)
        clf.to_onnx(tmp_path / "file.onnx")
        np.testing.assert_allclose(run_onnx(tmp_path / "file.onnx", iris[0]), clf.predict_proba(iris[0]), atol=1e-5)

    def test_whatever_became_of_the_network(self, iris, tmp_path):
        X, y = iris
        clf = quick(epochs=1, warm_start=True).fit(X, y)
        clf.fit(X, y).partial_fit(X, y)
        skdeep.save(clf, tmp_path / "file.skdeep")
        clf.model_.get_layer("hidden_1").activation = keras.activations.tanh
        expected = clf.predict_proba(X)
        for number, each in enumerate((clf, skdeep.load(tmp_path / "file.skdeep"), pickle.loads(pickle.dumps(clf)))):
            each.to_onnx(tmp_path / "file.onnx")
            probabilities = run_onnx(tmp_path / "file.onnx", X)
            np.testing.assert_allclose(probabilities, each.predict_proba(X), atol=1e-5)
            assert (np.abs(probabilities - expected).max() < 1e-5) == (number != 1)  # which was saved before

    def test_any_name_gives_the_same_file(self, iris, tmp_path):
        clf = quick().fit(*iris)
        clf.to_onnx(tmp_path / "file.json")
        assert run_onnx(tmp_path / "file.json", iris[0]).shape == (150, 3)

    def test_in_threads(self, iris, tmp_path):
        clf = quick().fit(*iris)
        level = logging.getLogger("tf2onnx").level
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda number: clf.to_onnx(tmp_path / f"{number}.onnx"), range(9)))
        assert logging.getLogger("tf2onnx").level == level
        for number in range(9):
            np.testing.assert_allclose(
                run_onnx(tmp_path / f"{number}.onnx", iris[0]), clf.predict_proba(iris[0]), atol=1e-5
            )

    def test_bfloat16_is_written_as_float32(self, iris, tmp_path):
        X, y = iris
        clf = quick(dtype_policy="mixed_bfloat16").fit(X, y)
        clf.to_onnx(tmp_path / "file.onnx")
        np.testing.assert_allclose(run_onnx(tmp_path / "file.onnx", X), clf.predict_proba(X), atol=0.02)

    def test_rows_for_which_all_outputs_are_zero(self, iris, tmp_path):
        X, y = iris
        clf = quick(output_activation="sigmoid").fit(X, y)
        weights = clf.model_.get_weights()
        clf.model_.set_weights([*weights[:-1], np.full(3, -200, dtype=np.float32)])
        clf.to_onnx(tmp_path / "file.onnx")
        np.testing.assert_allclose(run_onnx(tmp_path / "file.onnx", X), 1 / 3)
        np.testing.assert_allclose(clf.predict_proba(X), 1 / 3)

    def test_what_the_file_says(self, iris, tmp_path):
        clf = quick().fit(iris[0], np.array(["a", "b", "ö"])[iris[1]])
        clf.to_onnx(tmp_path / "file.onnx")
        session = onnxruntime.InferenceSession(tmp_path / "file.onnx")
        assert [(x.name, x.shape, x.type) for x in session.get_inputs()] == [
            ("input", ["n_samples", 4], "tensor(float)")
        ]
        assert [(x.name, x.shape) for x in session.get_outputs()] == [("probabilities", ["n_samples", 3])]
        assert json.loads(session.get_modelmeta().custom_metadata_map["classes"]) == ["a", "b", "ö"]
        assert onnx.load(tmp_path / "file.onnx").producer_name == "skdeep"

    def test_what_onnx_does_not_have(self, iris, tmp_path, caplog):
        clf = quick(activation=bessel).fit(*iris)
        with pytest.raises(ValueError, match=r"cannot be written as ONNX.*activations are bessel, softmax.*BesselI0"):
            clf.to_onnx(tmp_path / "file.onnx")
        assert not list(tmp_path.iterdir())
        assert not [record for record in caplog.records if record.name.startswith("tf2onnx")]
        assert logging.getLogger("tf2onnx").level != logging.CRITICAL

    def test_the_estimator_stays_as_it_was(self, iris, tmp_path):
        X, y = iris
        clf, other = quick(activation="gelu").fit(X, y), quick(activation="gelu").fit(X, y)
        clf.to_onnx(tmp_path / "file.onnx")
        assert clf.partial_fit(X, y).history_ == other.partial_fit(X, y).history_
        np.testing.assert_array_equal(clf.predict_proba(X), other.predict_proba(X))

    def test_more_than_one_file_can_hold(self, iris, tmp_path, monkeypatch):
        monkeypatch.setattr("skdeep._networks.export._MAX_BYTES", 100)
        with pytest.raises(ValueError, match=r"cannot be written as one ONNX file: its weights have \d+ bytes"):
            quick().fit(*iris).to_onnx(tmp_path / "file.onnx")
        assert not list(tmp_path.iterdir())

    def test_without_onnx_it_says_what_to_install(self, iris, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "tf2onnx", None)
        monkeypatch.setattr("skdeep._engine.onnx_graph.tf2onnx._module", None)  # as it is before the first use
        with pytest.raises(ImportError, match=r"needs onnx and tf2onnx: pip install 'skdeep\[onnx\]'"):
            quick().fit(*iris).to_onnx(tmp_path / "file.onnx")


@pytest.mark.parametrize("name", ["to_keras", "to_onnx"])
def test_an_estimator_that_is_not_fitted(name, tmp_path):
    with pytest.raises(NotFittedError):
        getattr(MLPClassifier(), name)(tmp_path / "file.keras")


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_networks_of_ones_own(n_outputs, iris, tmp_path):
    X, y = iris[0], iris[1] if n_outputs == 3 else iris[1] == 0

    def build():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(n_outputs)])
        kind = keras.losses.SparseCategoricalCrossentropy if n_outputs == 3 else keras.losses.BinaryCrossentropy
        model.compile("adam", kind(from_logits=True))
        return model

    clf = KerasClassifier(build, epochs=3, verbose=0, random_state=0).fit(X, y)
    clf.to_onnx(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    (probabilities,) = session.run(["probabilities"], {"input": X.astype(np.float32)})
    np.testing.assert_allclose(probabilities, clf.predict_proba(X), rtol=0, atol=1e-5)
