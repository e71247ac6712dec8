"""The networks that the parameters ask for."""

import copy
import pickle
import random

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skdeep
from skdeep import CNNClassifier, DNNClassifier, MLPClassifier, programs
from skdeep._networks import recipes


def dense(rows, n_classes, **params):
    X = np.zeros((n_classes, rows), dtype=np.float32)
    return DNNClassifier(epochs=1, **params).fit(X, np.arange(n_classes)).model_


def cnn(shape, n_classes=10, **params):
    X = np.zeros((n_classes, *shape), dtype=np.float32)
    return CNNClassifier(epochs=1, **params).fit(X, np.arange(n_classes)).model_


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "model, n_parameters",
    [
        (lambda: dense(784, 10, hidden_layer_sizes=(512,)), 407_050),
        (lambda: dense(784, 10, hidden_layer_sizes=()), 7_850),
        (lambda: dense(2, 2, hidden_layer_sizes=(8,), loss="mse"), 33),
        (lambda: dense(784, 10, hidden_layer_sizes=15, activation="sigmoid"), 11_935),
        (lambda: dense(3072, 10, hidden_layer_sizes=(512, 120, 512), output_activation="sigmoid"), 1_702_018),
        (lambda: cnn((28, 28), conv_filters=((32,),), hidden_layer_sizes=(128,)), 804_554),
        (lambda: cnn((32, 32, 3), conv_filters=((32, 64),), hidden_layer_sizes=(128, 64)), 2_125_578),
    ],
)
def test_numbers_of_parameters_of_known_networks(model, n_parameters):
    assert model().count_params() == n_parameters


def by_hand(X, weights, *, normalized, pooling):
    """Return what two residual blocks and an output make of images, from weights by the names of layers."""
    ops = keras.ops

    def conv(x, name):
        kernel, *bias = weights[name]
        x = ops.conv(x, kernel, padding="same")
        if not normalized:
            return x + bias[0]
        gamma, beta, mean, variance = weights[f"{name}_normalization"]
        return (x - mean) / ops.sqrt(variance + 1e-3) * gamma + beta

    x = ops.convert_to_tensor(X)
    first = ops.relu(conv(ops.relu(conv(x, "conv_1_1")), "conv_1_2") + conv(x, "shortcut_1"))
    first = ops.max_pool(first, 2, padding="valid")
    x = ops.relu(conv(first, "conv_2_1") + first)  # of as many channels
    x = ops.max_pool(x, 2, padding="valid")
    x = ops.mean(x, axis=(1, 2)) if pooling == "average" else ops.max(x, axis=(1, 2))
    kernel, bias = weights["output"]
    return ops.softmax(x @ kernel + bias)


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("pooling", ["average", "max"])
def test_residual_blocks_and_global_pooling_by_hand(normalized, pooling):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 9, 8, 3)).astype(np.float32), np.arange(30) % 3
    clf = CNNClassifier(
        conv_filters=((4, 5), (5,)),
        hidden_layer_sizes=(),
        residual=True,
        global_pooling=pooling,
        batch_normalization=normalized,
        epochs=2,
        random_state=0,
    ).fit(X, y)
    weights = {layer.name: layer.get_weights() for layer in clf.model_.layers}
    expected = by_hand(X, weights, normalized=normalized, pooling=pooling)
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-5)
    pickled = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(pickled.predict_proba(X), clf.predict_proba(X))


def test_a_layer_of_random_layers_follows_from_the_random_state():
    X, y = np.random.default_rng(0).uniform(size=(40, 8, 8, 3)).astype(np.float32), np.arange(40) % 2
    settings = {"conv_filters": (4,), "hidden_layer_sizes": (), "dropout": (), "epochs": 2}

    def fitted(random_state, augment):
        return CNNClassifier(**settings, augment=augment, random_state=random_state).fit(X, y)

    by_name, by_object = {"RandAugment": {"value_range": (0, 1)}}, keras.layers.RandAugment((0, 1))
    first, again = fitted(0, by_name), fitted(0, by_object)
    assert first.history_ == again.history_
    assert first.history_ != fitted(1, by_name).history_
    # Predictions see the images as they are.
    plain = fitted(0, None)
    plain.model_.set_weights([each for each in first.model_.get_weights() if each.dtype == np.float32])
    np.testing.assert_allclose(plain.predict_proba(X), first.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("size", [16, 64])
def test_global_pooling_has_as_many_weights_for_images_of_any_size(size):
    model = cnn((size, size, 3), conv_filters=(8, 16), global_pooling="average", hidden_layer_sizes=(32,))
    assert model.count_params() == 3 * 9 * 8 + 8 + 8 * 9 * 16 + 16 + 16 * 32 + 32 + 32 * 10 + 10


def test_residual_blocks_need_images_of_one_size():
    with pytest.raises(ValueError, match="residual=True needs padding='same', which keeps the size of the images"):
        cnn((8, 8), residual=True, padding="valid")


def describe(model):
    """Return what tells the layers apart."""
    settings = ("units", "filters", "rate", "pool_size", "padding")
    return [
        tuple(str(getattr(layer, name)) for name in settings if hasattr(layer, name))
        + ((layer.activation.__name__,) if hasattr(layer, "activation") else ())
        for layer in model.layers[1:]
    ]


def test_batch_normalization_stands_before_each_activation():
    model = dense(4, 3, hidden_layer_sizes=(8, 5), dropout=(0.5, 0), batch_normalization=True)
    assert [layer.name for layer in model.layers[1:]] == [
        "hidden_1",
        "hidden_1_normalization",
        "hidden_1_activation",
        "dropout_1",
        "hidden_2",
        "hidden_2_normalization",
        "hidden_2_activation",
        "output",
    ]
    assert [model.get_layer(f"hidden_1{end}").activation.__name__ for end in ("", "_activation")] == ["linear", "relu"]
    names = [layer.name for layer in cnn((4, 4), conv_filters=((2,),), batch_normalization=True).layers]
    assert names[1:5] == ["conv_1_1", "conv_1_1_normalization", "conv_1_1_activation", "pool_1"]


def test_penalties_are_on_scikit_learns_scale():
    """Half of alpha over the batch size, on the kernels of all layers."""
    model = dense(4, 10, hidden_layer_sizes=(8, 5), alpha=3.0, batch_size=5)
    penalties = [layer.kernel_regularizer.l2 for layer in model.layers if layer.weights]
    assert penalties == [3.0 / (2 * 5)] * 3
    model = cnn((4, 4), conv_filters=((2,),), alpha=3.0)  # ten rows are less than a batch
    assert [layer.kernel_regularizer.l2 for layer in model.layers if layer.weights] == [3.0 / (2 * 10)] * 3
    assert all(layer.kernel_regularizer is None for layer in dense(4, 3).layers if layer.weights)


def test_activation_and_dropout_layer_by_layer():
    model = dense(4, 3, hidden_layer_sizes=(50, 10, 5), activation=("relu", "softmax", "tanh"), dropout=(0, 0.5, 0.1))
    assert describe(model) == [
        ("50", "relu"),
        ("10", "softmax"),
        ("0.5",),
        ("5", "tanh"),
        ("0.1",),
        ("3", "softmax"),
    ]


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("sizes", [7, (7,), [7], np.array([7]), np.int64(7)])
def test_one_hidden_layer_in_every_form(sizes):
    assert [layer.name for layer in dense(4, 3, hidden_layer_sizes=sizes, dropout=0).layers] == [
        "input",
        "hidden_1",
        "output",
    ]


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "conv_filters, names",
    [
        (((4,),), ["conv_1_1", "pool_1"]),
        (((4, 8),), ["conv_1_1", "conv_1_2", "pool_1"]),
        ((4, 8), ["conv_1_1", "pool_1", "conv_2_1", "pool_2"]),
        (((4,), (8,)), ["conv_1_1", "pool_1", "conv_2_1", "pool_2"]),
        (((4, 4), 8), ["conv_1_1", "conv_1_2", "pool_1", "conv_2_1", "pool_2"]),
        (4, ["conv_1_1", "pool_1"]),
        ((), []),
    ],
)
def test_blocks_of_convolutions(conv_filters, names):
    model = cnn((8, 8), conv_filters=conv_filters, hidden_layer_sizes=(), dropout=0)
    assert [layer.name for layer in model.layers] == ["input", *names, "flatten", "output"]


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "shape, pool_size, sizes",
    [
        ((8, 8), 2, [(4, 4), (2, 2), (1, 1), (1, 1)]),
        ((1, 9), 2, [(1, 4), (1, 2), (1, 1), (1, 1)]),
        ((9, 5), (3, 2), [(3, 2), (1, 1), (1, 1), (1, 1)]),
    ],
)
def test_pooling_ends_at_one_pixel(shape, pool_size, sizes):
    model = cnn(shape, conv_filters=(2, 2, 2, 2), pool_size=pool_size)
    assert [tuple(model.get_layer(f"pool_{i}").output.shape[1:3]) for i in (1, 2, 3, 4)] == sizes


def test_valid_padding_shrinks_the_image_and_too_large_a_kernel_is_an_error():
    assert cnn((8, 8), conv_filters=(4,), padding="valid").get_layer("conv_1_1").output.shape[1:3] == (6, 6)
    message = r"kernel_size=\(3, 3\) is larger than the 1 x 1 image .* convolution 1 of block 3"
    with pytest.raises(ValueError, match=message):
        cnn((8, 8), conv_filters=(4, 4, 4), padding="valid")


def test_kernels_and_windows_of_two_sizes():
    model = cnn((8, 8), conv_filters=(4,), kernel_size=(1, 5), pool_size=(4, 2), hidden_layer_sizes=())
    assert model.get_layer("conv_1_1").kernel.shape == (1, 5, 1, 4)
    assert model.get_layer("pool_1").output.shape[1:3] == (2, 4)


def test_convolutions_have_an_activation_of_their_own():
    model = cnn((8, 8), conv_filters=(4,), conv_activation="tanh", activation="elu")
    assert model.get_layer("conv_1_1").activation.__name__ == "tanh"
    assert model.get_layer("hidden_1").activation.__name__ == "elu"


def test_layers_start_from_different_weights():
    model = MLPClassifier((5, 5), learning_rate=1e-12, epochs=1, random_state=0).fit(np.eye(5), np.arange(5)).model_
    first, second = (model.get_layer(f"hidden_{i}").get_weights()[0] for i in (1, 2))
    assert not np.array_equal(first, second)


class Filled(keras.initializers.Initializer):
    """Like many of users', without get_config."""

    def __init__(self, value):
        self.value = value

    def __call__(self, shape, dtype=None):
        return np.full(shape, self.value)


class TestInitializers:
    NORMAL = keras.initializers.RandomNormal(stddev=1.0)

    def weights(self, seed=0, **params):
        params = {"hidden_layer_sizes": (400,), "optimizer": "sgd", "learning_rate": 1e-30} | params
        return dense(50, 10, random_state=seed, **params).get_weights()

    def test_weights_and_biases_are_drawn_as_asked(self):
        kernel, bias, *_ = self.weights(kernel_initializer=self.NORMAL, bias_initializer=self.NORMAL)
        assert kernel.std() == pytest.approx(1, abs=0.03)
        assert bias.std() == pytest.approx(1, abs=0.1)
        assert kernel.mean() == pytest.approx(0, abs=0.03)

    @pytest.mark.parametrize("bias", ["zeros", "ones"])
    def test_biases(self, bias):
        assert np.all(self.weights(bias_initializer=bias)[1] == (bias == "ones"))

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("form", ["he_normal", "HeNormal", keras.initializers.HeNormal])
    def test_every_form_draws_alike_and_with_the_seed_of_the_fit(self, form):
        expected = self.weights(kernel_initializer=keras.initializers.HeNormal())[0]
        np.testing.assert_array_equal(self.weights(kernel_initializer=form)[0], expected)
        assert not np.array_equal(self.weights(seed=1, kernel_initializer=form)[0], expected)
        assert expected.std() == pytest.approx(np.sqrt(2 / 50), rel=0.05)

    def test_a_seed_of_its_own_counts(self):
        given = keras.initializers.RandomNormal(seed=3)
        first, second = (self.weights(seed=seed, kernel_initializer=given)[0] for seed in (0, 1))
        np.testing.assert_array_equal(first, second)

    def test_python_s_random_numbers_are_left_alone(self):
        random.seed(0)
        state = random.getstate()
        self.weights(kernel_initializer="random_normal", bias_initializer="random_normal")
        assert random.getstate() == state

    def test_a_reused_program_starts_from_another_initializer(self, monkeypatch):
        monkeypatch.setattr(recipes, "_MOST_WORK", 0)  # TensorFlow trains
        X, y = np.zeros((3, 50)), np.arange(3)
        programs.clear()
        before = programs.info()["reused"]
        means = []
        for form in ("zeros", keras.initializers.RandomNormal(mean=1.0), Filled(0.25), "zeros"):
            clf = DNNClassifier((400,), kernel_initializer=form, learning_rate=1e-30, epochs=1, random_state=0)
            program = clf.fit(X, y)._network._lease.program  # model_ would stop the reuse
            means.append(program.model.get_weights()[0].mean())
            del program
            del clf
        assert means == pytest.approx([0, 1, 0.25, 0], abs=0.01)
        assert programs.info()["reused"] == before + 3

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("name", ["normal", "uniform", "one", "zero", "OrthogonalInitializer"])
    def test_keras_s_other_names(self, name):
        expected = type(keras.initializers.get(name))()
        shape = self.weights(kernel_initializer=name)[0].shape
        assert shape == self.weights(kernel_initializer=expected)[0].shape

    @pytest.mark.parametrize("initializer", [NORMAL, Filled(0.5)])
    def test_pickles(self, initializer):
        X = np.eye(4)
        clf = DNNClassifier((), kernel_initializer=initializer, epochs=1, random_state=0).fit(X, [0, 1, 2, 0])
        loaded = pickle.loads(pickle.dumps(clf))
        np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))

    @pytest.mark.parametrize(
        "params, error, message",
        [
            ({"kernel_initializer": "normall"}, ValueError, "kernel_initializer='normall' is not an initializer that"),
            ({"kernel_initializer": "initializer"}, ValueError, "kernel_initializer='initializer' is not an initi"),
            (
                {"bias_initializer": "orthogonal"},
                ValueError,
                r"bias_initializer does not fit the layer 'hidden_1', whose bias has the shape \(400,\): ",
            ),
            ({"bias_initializer": 0.5}, TypeError, "bias_initializer must be the name, a class or an instance of"),
        ],
    )
    def test_what_is_none_is_named(self, params, error, message):
        with pytest.raises(error, match=message):
            self.weights(**params)


class TestAugment:
    FLIP = {"RandomFlip": {"mode": "horizontal"}}

    def fitted(self, augment, digits, **params):
        clf = CNNClassifier((4,), hidden_layer_sizes=(), epochs=1, random_state=0, augment=augment, **params)
        return clf.fit(digits.images[:200], digits.target[:200])

    @pytest.mark.parametrize("size", [(6, 6), (8, 6), (10, 10)])
    def test_images_of_another_shape_are_refused_by_name(self, size, digits):
        message = (
            r"^augment must keep the shape of the images, .* Got RandomCrop .* of shape \(.*\) of those .*\(8, 8, 1\)"
        )
        for augment in (
            {"RandomCrop": dict(zip(["height", "width"], size, strict=True))},
            keras.layers.RandomCrop(*size),
        ):
            with pytest.raises(ValueError, match=message):
                self.fitted(augment, digits)
        clf = self.fitted({"RandomCrop": {"height": 8, "width": 8}}, digits)
        assert clf.summary().layers[1].output_shape == (8, 8, 1)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "augment",
        [
            "RandomFlip",
            keras.layers.RandomRotation(0.1),
            ["RandomFlip", keras.layers.RandomZoom(0.2)],
            FLIP | {"RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1}},
            {"RandomColorJitter": {"value_range": (0, 16), "brightness_factor": 0.5}},
        ],
    )
    def test_images_are_changed_in_training_and_repeatably(self, augment, digits):
        programs.clear()
        first = self.fitted(augment, digits)
        again = self.fitted(augment, digits)
        del again
        again = self.fitted(augment, digits)  # by a reused program
        assert first.history_ == again.history_ != self.fitted(None, digits).history_
        np.testing.assert_array_equal(first.predict_proba(digits.images), again.predict_proba(digits.images))
        other = copy.deepcopy(first)
        assert first.partial_fit(digits.images, digits.target).history_ == (
            other.partial_fit(digits.images, digits.target).history_
        )

    def test_images_are_left_alone_in_prediction(self, digits):
        clf = self.fitted(self.FLIP, digits, learning_rate=1e-30)
        plain = self.fitted(None, digits, learning_rate=1e-30)
        plain.model_.set_weights(clf.model_.get_weights())
        np.testing.assert_array_equal(clf.predict_proba(digits.images), plain.predict_proba(digits.images))

    @pytest.mark.slow
    def test_what_is_learned_from_flipped_images(self):
        """A dot on the left or on the right: flipped, nothing tells them apart."""
        X = np.zeros((400, 4, 4))
        y = np.arange(400) % 2
        X[np.arange(400), 1, 3 * y] = 1
        clf = CNNClassifier((4,), dropout=0, epochs=20, learning_rate=0.01, random_state=0)
        assert clf.fit(X, y).score(X, y) == 1
        flipped = clf.set_params(augment=self.FLIP).fit(X, y)
        assert np.abs(flipped.predict_proba(X) - 0.5).max() < 0.1

    @pytest.mark.slow
    def test_in_a_search_and_in_files(self, digits, tmp_path):
        X, y = digits.images[:100], digits.target[:100]
        clf = CNNClassifier((2,), epochs=1, random_state=0)
        search = GridSearchCV(clf, {"augment": [None, "RandomFlip", self.FLIP]}, cv=2).fit(X, y)
        skdeep.save(search, tmp_path / "file")
        loaded = skdeep.load(tmp_path / "file")
        np.testing.assert_array_equal(loaded.predict_proba(X), search.predict_proba(X))
        clf = clone(clf.set_params(augment=keras.layers.RandomRotation(0.1))).fit(X, y)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(clf)).predict_proba(X), clf.predict_proba(X))

    @pytest.mark.parametrize(
        "augment, message",
        [
            ("Flip", "augment must be a random layer of Keras.*Got 'Flip'"),
            ("Dense", "augment must be a random layer of Keras.*Got 'Dense'"),
            (["RandomFlip", 3], r"augment must be a random layer of Keras.*Got \['RandomFlip', 3\]"),
            (keras.layers.Dense(3), "augment must be a random layer of Keras.*Got <Dense"),
            (keras.layers.RandomFlip, "augment must be a random layer of Keras.*Got <class"),
            ({"RandomFlip": "horizontal"}, "augment must be a random layer of Keras.*Got {'RandomFlip': 'horizontal'}"),
            ({"RandomZoom": {"height_factor": "much"}}, "augment has arguments that RandomZoom cannot take.*'much'"),
            ({"RandomFlip": {"seed": 3}}, "augment has arguments that RandomFlip cannot take, {'seed': 3}"),
            ({"RandomFlip": {"mood": 3}}, "augment has arguments that RandomFlip cannot take, {'mood': 3}.*mood"),
            ("RandomRotation", "augment has arguments that RandomRotation cannot take, {}.*factor"),
        ],
    )
    def test_anything_else_is_named(self, augment, message, digits):
        with pytest.raises(ValueError, match=message):
            self.fitted(augment, digits)
