"""Losses that layers and models of the user's add themselves, beside or in place of the one that is compiled."""

import keras
import numpy as np
import pytest
from sklearn.base import clone

from skdeep import KerasClassifier, KerasRegressor, KerasTransformer


class AddsItsSize(keras.layers.Layer):
    def call(self, inputs):
        self.add_loss(0.1 * keras.ops.mean(inputs**2))
        return inputs


class Bottleneck(keras.layers.Layer):
    """Of a variational autoencoder, without its noise: the divergence from a normal distribution."""

    def __init__(self, units):
        super().__init__()
        self.mean, self.spread = keras.layers.Dense(units), keras.layers.Dense(units)

    def call(self, inputs):
        mean, spread = self.mean(inputs), self.spread(inputs)
        self.add_loss(-0.05 * keras.ops.mean(1 + spread - mean**2 - keras.ops.exp(spread)))
        return mean


class Adds(keras.Model):
    """Adds in its own call."""

    def __init__(self, units):
        super().__init__()
        self.hidden, self.last = keras.layers.Dense(8, "relu"), keras.layers.Dense(units)

    def call(self, inputs):
        hidden = self.hidden(inputs)
        self.add_loss(0.1 * keras.ops.mean(hidden))
        return self.last(hidden)


class Computes(keras.Sequential):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x, y, y_pred, sample_weight, training) + keras.ops.mean(y_pred**2)


def layers(*between):
    return [keras.Input((4,)), keras.layers.Dense(8, "tanh"), *between]


BUILDERS = {
    "layer": lambda units: keras.Sequential([*layers(AddsItsSize()), keras.layers.Dense(units)]),
    "nested": lambda units: keras.Sequential([keras.Sequential(layers(AddsItsSize())), keras.layers.Dense(units)]),
    "activity": lambda units: keras.Sequential(
        [*layers(keras.layers.ActivityRegularization(0.01, 0.02)), keras.layers.Dense(units, activity_regularizer="l2")]
    ),
    "bottleneck": lambda units: keras.Sequential([*layers(Bottleneck(3)), keras.layers.Dense(units)]),
    "model": Adds,
    "compute_loss": lambda units: Computes([*layers(), keras.layers.Dense(units)]),
}
SETTINGS = {"optimizer": "sgd", "epochs": 2, "batch_size": 50, "shuffle": False, "verbose": 0, "random_state": 0}


@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
@pytest.mark.parametrize("kind", ["classifier", "regressor", "autoencoder"])
def test_as_in_keras(build, kind, iris):
    X, y = iris[0].astype(np.float32), iris[1]
    loss, units, targets = "mse", 1, X[:, 0]
    estimator = KerasRegressor(build, loss=loss, units=1, **SETTINGS)
    if kind == "classifier":
        loss, units, targets = keras.losses.SparseCategoricalCrossentropy(from_logits=True), 3, y
        estimator = KerasClassifier(build, loss=loss, units=3, **SETTINGS)
    elif kind == "autoencoder":
        units, targets = 4, X
        estimator = KerasTransformer(build, loss=loss, units=4, **SETTINGS)
    model = build(units)
    model.compile("sgd", loss)
    model(X)  # which makes the variables of models that are built by calls
    model.set_weights(clone(estimator).initialize(X, targets).model_.get_weights())
    column = targets[:, np.newaxis] if kind == "regressor" else targets
    fit_settings = {"batch_size": 50, "epochs": 2, "shuffle": False, "verbose": 0}
    history = model.fit(X, column, validation_data=(X[:30], column[:30]), **fit_settings).history
    estimator.fit(X, targets, validation_data=(X[:30], targets[:30]))
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(estimator.history_[name], history[name], rtol=1e-5)
    for weight, expected in zip(estimator.model_.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected, atol=1e-5)
    without = clone(estimator).set_params(model=lambda units: keras.Sequential([*layers(), keras.layers.Dense(units)]))
    assert without.fit(X, targets).history_["loss"] != pytest.approx(history["loss"], rel=1e-3)


def of_nothing(y, outputs):
    return 0 * keras.ops.mean(outputs, axis=-1)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # in Keras's own fit
def test_alone(iris):
    """With a loss of zeros, as Keras trains a model that is compiled without one."""
    X = iris[0].astype(np.float32)
    reg = KerasRegressor(BUILDERS["bottleneck"], units=1, loss=of_nothing, **SETTINGS)
    model = BUILDERS["bottleneck"](1)
    model.compile("sgd")
    model.set_weights(clone(reg).initialize(X, X[:, 0]).model_.get_weights())
    history = model.fit(X, X[:, :1], batch_size=50, epochs=2, shuffle=False, verbose=0).history
    np.testing.assert_allclose(reg.fit(X, X[:, 0]).history_["loss"], history["loss"], rtol=1e-5)
