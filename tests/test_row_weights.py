"""Weights of rows where a row has more than one value of the loss: images and sequences as targets."""

import keras
import numpy as np
import pytest

from skdeep import KerasRegressor


def build():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(12), keras.layers.Reshape((4, 3))])


def of_rows(y, outputs):
    return keras.ops.mean((y - outputs) ** 2, axis=(1, 2))


class OfRows(keras.losses.Loss):
    def call(self, y, outputs):
        return of_rows(y, outputs)


class OfItsOwn(keras.losses.Loss):
    """With a call of its own, which sees the weights as they were given."""

    def call(self, y, outputs):
        raise AssertionError

    def __call__(self, y, outputs, sample_weight=None):
        weight = 1.0 if sample_weight is None else keras.ops.cast(sample_weight, "float32")
        return keras.ops.mean(of_rows(y, outputs) * weight)


# As many rows as a row has values, for which (n,) would go with (n, 4) as well, but mean something else.
@pytest.mark.parametrize("n_rows", [4, 30])
@pytest.mark.parametrize("loss", ["mse", keras.losses.MeanSquaredError(), of_rows, OfRows(), OfItsOwn()])
def test_rows_are_weighed(n_rows, loss):
    rng = np.random.default_rng(0)
    X, y, weight = rng.normal(size=(n_rows, 4)), rng.normal(size=(n_rows, 4, 3)), rng.uniform(0.5, 2, n_rows)
    reg = KerasRegressor(build, loss=loss, optimizer="sgd", epochs=2, batch_size=-1, verbose=0, random_state=0)
    reg.initialize(X, y)
    expected, losses = reg.predict(X), []
    # One step of gradient descent on the weighted mean of the squares, with Keras's learning rate of 0.01.
    kernel, bias = reg.model_.get_weights()
    for _ in range(2):
        difference = expected.reshape(n_rows, 12) - y.reshape(n_rows, 12)
        losses.append(np.mean(weight * np.mean(difference**2, axis=1)))
        gradient = 2 * weight[:, np.newaxis] * difference / difference.size
        kernel, bias = kernel - 0.01 * X.T @ gradient, bias - 0.01 * gradient.sum(axis=0)
        expected = (X @ kernel + bias).reshape(y.shape)
    reg.fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(reg.history_["loss"], losses, rtol=1e-5)
    np.testing.assert_allclose(reg.predict(X), expected, atol=1e-5)
