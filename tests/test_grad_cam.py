"""Where convolutional networks look: the maps against TensorFlow's gradients and a network whose map is known."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdeep import CNNClassifier, CNNRegressor, DNNClassifier, KerasClassifier, ReadImages, ScaleToUnit
from skdeep.plotting import GradCAMDisplay


@pytest.fixture(autouse=True)
def agg():
    """Draw without a screen, and close what was drawn."""
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.images[:200] / 16, data.target[:200]


@pytest.fixture(scope="module")
def clf(digits):
    return CNNClassifier((4, 6), hidden_layer_sizes=(8,), epochs=2, random_state=0).fit(*digits)


def maps_by_tape(model, layer, X, weights_of_outputs):
    """Return the maps of sums of the inputs of the softmax or sigmoid, from the layers that follow one by one."""
    layers = model.layers
    features = keras.Model(model.inputs, layer.output)(tf.constant(X, tf.float32), training=False)
    with tf.GradientTape() as tape:
        tape.watch(features)
        values = features
        for each in layers[layers.index(layer) + 1 : -1]:
            values = each(values, training=False)
        score = tf.reduce_sum((values @ layers[-1].kernel + layers[-1].bias) * weights_of_outputs)
    alpha = tape.gradient(score, features).numpy().mean(axis=(1, 2))
    maps = np.maximum(0, np.einsum("nijk,nk->nij", features.numpy(), alpha))
    return tf.image.resize(maps[..., np.newaxis], X.shape[1:3]).numpy()[..., 0]


def layers_of(model, kind=keras.layers.Conv2D):
    return [layer for layer in model.layers if isinstance(layer, kind)]


class Known:
    """A network of one convolution of two filters and a mean over each, whose weights are set."""

    def __init__(self, rng):
        self.kernel = np.array([[[[1.0, -1.0]]]])  # the image itself, and its negative
        self.dense = np.array([[1.0, 2.0, -3.0], [4.0, -1.0, 2.0]])
        self.X = rng.normal(size=(5, 4, 6, 1)).astype(np.float32)

    def fitted(self, end="softmax"):
        layers = [
            keras.layers.Input((4, 6, 1)),
            keras.layers.Conv2D(2, 1, activation="relu", use_bias=False),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax" if end == "softmax" else None),
            *([keras.layers.Softmax()] if end == "layer" else []),
        ]
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=end == "logits")
        clf = KerasClassifier(keras.Sequential(layers), loss=loss, verbose=0).fit(self.X, ["a", "b", "c", "a", "b"])
        clf.model_.set_weights([self.kernel, self.dense, np.zeros(3)])
        return clf

    def maps(self, numbers):
        """Return the maps by hand: each gradient is the weight divided by the number of pixels."""
        features = np.maximum(0, self.X * [1, -1])
        return np.maximum(0, np.einsum("nijk,kn->nij", features, self.dense[:, numbers] / 24))


class TestMaps:
    @pytest.mark.slow_after(2)
    @pytest.mark.parametrize("end", ["softmax", "layer", "logits"])
    def test_of_a_network_that_is_known(self, end, rng):
        known = Known(rng)
        clf = known.fitted(end)
        display = GradCAMDisplay.from_estimator(clf, known.X)
        assert_allclose(display.maps, known.maps(np.searchsorted(clf.classes_, clf.predict(known.X))), rtol=1e-5)
        for number, label in enumerate("abc"):
            display = GradCAMDisplay.from_estimator(clf, known.X, target=label)
            assert_allclose(display.maps, known.maps([number] * 5), rtol=1e-5, atol=1e-7)
            assert [text.get_text() for text in display.texts_] == [label] * 5

    @pytest.mark.parametrize("number, name", [(-1, None), (0, "conv_1_1"), (1, "conv_2_1")])
    def test_of_a_classifier(self, number, name, clf, digits):
        X = digits[0][:40]
        display = GradCAMDisplay.from_estimator(clf, X, layer=name)
        layer = layers_of(clf.model_)[number]
        expected = maps_by_tape(clf.model_, layer, X[..., np.newaxis], np.eye(10)[clf.predict(X)])
        assert_allclose(display.maps, expected, rtol=1e-4, atol=1e-6)
        assert display.maps.max() > 0

    def test_of_two_classes(self, digits):
        X, y = digits[0], np.where(digits[1] < 5, "small", "large")
        clf = CNNClassifier((4,), epochs=1, random_state=0).fit(X, y)
        for label, sign in (("large", -1.0), ("small", 1.0)):
            display = GradCAMDisplay.from_estimator(clf, X[:9], target=label)
            expected = maps_by_tape(clf.model_, layers_of(clf.model_)[-1], X[:9, ..., np.newaxis], sign)
            assert_allclose(display.maps, expected, rtol=1e-4, atol=1e-6)

    @pytest.mark.slow
    def test_of_a_regressor(self, digits):
        X, y = digits[0], digits[1].astype(float)
        reg = CNNRegressor((4,), epochs=1, scale_targets=False, random_state=0).fit(X, y)
        expected = maps_by_tape(reg.model_, layers_of(reg.model_)[-1], X[:9, ..., np.newaxis], 1.0)
        assert_allclose(GradCAMDisplay.from_estimator(reg, X[:9]).maps, expected, rtol=1e-4, atol=1e-6)
        reg.fit(X, np.column_stack([y, -y]))
        expected = maps_by_tape(reg.model_, layers_of(reg.model_)[-1], X[:9, ..., np.newaxis], [0.0, 1.0])
        display = GradCAMDisplay.from_estimator(reg, X[:9], target=1)
        assert_allclose(display.maps, expected, rtol=1e-4, atol=1e-6)
        with pytest.raises(ValueError, match=r"target must be the number of an output, from 0 to 1. Got None"):
            GradCAMDisplay.from_estimator(reg, X[:9])

    def test_of_a_backbone_that_is_not_trained(self, digits):
        def build():
            keras.utils.set_random_seed(0)
            backbone = keras.Sequential(
                [keras.layers.Input((8, 8, 1)), keras.layers.Conv2D(3, 3), keras.layers.ReLU()], name="backbone"
            )
            backbone.trainable = False
            inputs = keras.Input((8, 8, 1))
            values = keras.layers.GlobalAveragePooling2D()(backbone(inputs, training=False))
            return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(values))

        X, y = digits[0][..., np.newaxis], digits[1]
        clf = KerasClassifier(build, loss="sparse_categorical_crossentropy", verbose=0, random_state=0).fit(X, y)
        features = clf.model_.get_layer("backbone")(X[:9]).numpy()
        alpha = clf.model_.layers[-1].kernel.numpy()[:, clf.predict(X[:9])] / 36
        expected = np.maximum(0, np.einsum("nijk,kn->nij", features, alpha))[..., np.newaxis]
        display = GradCAMDisplay.from_estimator(clf, X[:9])
        assert_allclose(display.maps, tf.image.resize(expected, (8, 8))[..., 0], rtol=1e-4, atol=1e-6)

    def test_the_estimator_is_left_alone(self, clf, digits):
        expected = clf.predict_proba(digits[0])
        GradCAMDisplay.from_estimator(clf, digits[0][:3])
        assert_array_equal(clf.predict_proba(digits[0]), expected)
        assert clf.model_.layers[-1].activation is keras.activations.softmax


class TestPipelines:
    def test_pictures_are_what_the_pipeline_reads(self, tmp_path, rng):
        paths = [str(tmp_path / f"{i}.png") for i in range(6)]
        for path in paths:
            Image.fromarray(rng.integers(0, 256, (12, 10, 3), dtype=np.uint8)).save(path)
        pipe = make_pipeline(ReadImages(size=8), ScaleToUnit(), CNNClassifier((4,), epochs=1, random_state=0))
        search = GridSearchCV(pipe, {"cnnclassifier__alpha": [0.0]}, cv=2).fit(paths, ["a", "b"] * 3)
        display = GradCAMDisplay.from_estimator(search, paths, class_names=["Anna", "Bea"])
        read = ReadImages(size=8).fit_transform(paths)
        assert_array_equal(display.images, read)
        inner = GradCAMDisplay.from_estimator(search.best_estimator_[-1], read / np.float32(255))
        assert_allclose(display.maps, inner.maps, rtol=1e-5, atol=1e-7)
        names = {"a": "Anna", "b": "Bea"}
        assert [text.get_text() for text in display.texts_] == [names[label] for label in search.predict(paths)]

    def test_other_images(self, clf, digits):
        X = digits[0][:4]
        rows = make_pipeline(FunctionTransformer(lambda X: X.reshape(-1, 8, 8)), clf)
        display = GradCAMDisplay.from_estimator(rows, X.reshape(4, -1), image_shape=(8, 8))
        assert_array_equal(display.images, X)
        large = X.repeat(3, axis=1).repeat(3, axis=2)
        display = GradCAMDisplay.from_estimator(clf, X, images=large)
        assert display.images.shape == (4, 24, 24)
        assert display.maps.shape == (4, 8, 8)


class TestPlot:
    def test_maps_lie_over_the_images(self):
        maps = np.zeros((3, 2, 2))
        maps[0, 0, 1], maps[1] = 4.0, 1.0
        display = GradCAMDisplay(np.zeros((3, 8, 8)), maps, targets=["a", "b", "c"]).plot(alpha=0.5, cmap="viridis")
        limits = display.ax_.get_xlim(), display.ax_.get_ylim()
        assert [each.get_extent() for each in display.maps_] == [each.get_extent() for each in display.images_]
        assert [each.get_clim() for each in display.maps_] == [(0, 4), (0, 1), (0, 1)]
        assert {each.get_alpha() for each in display.maps_} == {0.5}
        assert display.plot(n_images=2) is display
        assert len(display.maps_) == len(display.images_) == len(display.texts_) == 2
        assert limits[0][0] == 0

    def test_as_many_maps_as_images(self):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            GradCAMDisplay(np.zeros((3, 8, 8)), np.zeros((2, 8, 8))).plot()


class TestBadInput:
    @pytest.mark.parametrize(
        "params, message",
        [
            ({"target": 10}, r"target must be one of the classes \[0, 1, .*\]. Got 10"),
            ({"layer": "conv"}, r"layer='conv' is no layer of the model, which has 'input', 'conv_1_1', .*"),
            ({"layer": "hidden_1"}, r"layer='hidden_1' has outputs of shape \(8,\), which are no feature maps"),
            ({"class_names": ["a"]}, "class_names must be one for each of 10 classes. Got 1"),
        ],
    )
    def test_is_named(self, params, message, clf, digits):
        with pytest.raises(ValueError, match=message):
            GradCAMDisplay.from_estimator(clf, digits[0][:3], **params)

    def test_other_estimators_are_named(self, digits):
        X, y = digits
        rows = X.reshape(len(X), -1)
        with pytest.raises(TypeError, match=r"A network of skdeep, .* is needed. Got LogisticRegression"):
            GradCAMDisplay.from_estimator(LogisticRegression(max_iter=1000).fit(rows, y), rows, image_shape=(8, 8))
        dense = DNNClassifier(epochs=1).fit(rows, y)
        with pytest.raises(ValueError, match="There is no convolution in the network"):
            GradCAMDisplay.from_estimator(dense, rows, image_shape=(8, 8))
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            GradCAMDisplay.from_estimator(CNNClassifier(), X)

    @pytest.mark.slow
    def test_several_labels_are_named(self, digits):
        X, y = digits
        several = CNNClassifier((4,), epochs=1).fit(X, np.column_stack([y > 3, y > 5]).astype(int))
        with pytest.raises(ValueError, match="one label or number for each image"):
            GradCAMDisplay.from_estimator(several, X)
