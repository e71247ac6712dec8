"""Keras alone: a model, its `fit` and its `predict`."""

import functools

import keras
import numpy as np

from libraries._keras_models import LOSS, cnn_model, dense_model


class Classifier:
    """The least that gives Keras the methods of a classifier."""

    def __init__(self, build, learning_rate, batch_size, epochs):
        self.build = build
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs

    def fit(self, X, y):
        """Build, compile and train the model."""
        self.model_ = self.build()
        self.model_.compile(optimizer=keras.optimizers.Adam(self.learning_rate), loss=LOSS)
        self.model_.fit(X, y, batch_size=self.batch_size, epochs=self.epochs, verbose=0)
        return self

    def predict(self, X):
        """Return the most probable classes."""
        return np.argmax(self.model_.predict(X, batch_size=1000, verbose=0), axis=1)


def make(hidden_layer_sizes, *, dropout, learning_rate, batch_size, epochs, n_features, n_classes, random_state):
    keras.utils.set_random_seed(random_state)
    build = functools.partial(dense_model, n_features, n_classes, hidden_layer_sizes, dropout)
    return Classifier(build, learning_rate, batch_size, epochs)


def make_cnn(
    conv_blocks, hidden_layer_sizes, *, dropout, learning_rate, batch_size, epochs, image_shape, n_classes, random_state
):
    keras.utils.set_random_seed(random_state)
    build = functools.partial(cnn_model, image_shape, n_classes, conv_blocks, hidden_layer_sizes, dropout)
    return Classifier(build, learning_rate, batch_size, epochs)
