"""The networks that the parameters ask for."""

import numpy as np
import pytest

from skdeep import CNNClassifier, DNNClassifier, MLPClassifier


def dense(rows, n_classes, **params):
    X = np.zeros((n_classes, rows), dtype=np.float32)
    return DNNClassifier(epochs=1, **params).fit(X, np.arange(n_classes)).model_


def cnn(shape, n_classes=10, **params):
    X = np.zeros((n_classes, *shape), dtype=np.float32)
    return CNNClassifier(epochs=1, **params).fit(X, np.arange(n_classes)).model_


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


def describe(model):
    """Return what tells the layers apart."""
    settings = ("units", "filters", "rate", "pool_size", "padding")
    return [
        tuple(str(getattr(layer, name)) for name in settings if hasattr(layer, name))
        + ((layer.activation.__name__,) if hasattr(layer, "activation") else ())
        for layer in model.layers[1:]
    ]


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


@pytest.mark.parametrize("sizes", [7, (7,), [7], np.array([7]), np.int64(7)])
def test_one_hidden_layer_in_every_form(sizes):
    assert [layer.name for layer in dense(4, 3, hidden_layer_sizes=sizes, dropout=0).layers] == [
        "input",
        "hidden_1",
        "output",
    ]


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
