"""Keras's own wrapper, `keras.wrappers.SKLearnClassifier`."""

import keras
from keras.wrappers import SKLearnClassifier

from libraries._keras_models import dense_model

keras.utils.disable_interactive_logging()  # the wrapper's predict draws a progress bar otherwise


def build(X, y, *, hidden_layer_sizes, dropout, learning_rate):
    """Build and compile a model for X and one-hot rows y."""
    model = dense_model(X.shape[1], y.shape[1], hidden_layer_sizes, dropout)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate), loss="categorical_crossentropy")
    return model


def make(hidden_layer_sizes, *, dropout, learning_rate, batch_size, epochs, n_features, n_classes, random_state):
    keras.utils.set_random_seed(random_state)

    class Classifier(SKLearnClassifier):
        # Not as fit_kwargs, which scikit-learn's clone loses.
        def fit(self, X, y):
            return super().fit(X, y, batch_size=batch_size, epochs=epochs, verbose=0)

    arguments = {"hidden_layer_sizes": hidden_layer_sizes, "dropout": dropout, "learning_rate": learning_rate}
    return Classifier(build, model_kwargs=arguments)


def grid(sizes, rates):
    arguments = [
        {"hidden_layer_sizes": hidden_layer_sizes, "dropout": dropout, "learning_rate": 0.001}
        for hidden_layer_sizes in sizes
        for dropout in rates
    ]
    return {"model_kwargs": arguments}
