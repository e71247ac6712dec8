"""scikeras.

Its own ``random_state`` turns on TensorFlow's slower deterministic operations, so the seed is set by Keras.
"""

import keras
from scikeras.wrappers import KerasClassifier

from libraries._keras_models import LOSS, cnn_model, dense_model

LEARNING_RATE = "optimizer__learning_rate"


def make(
    hidden_layer_sizes,
    *,
    dropout,
    learning_rate,
    batch_size,
    epochs,
    n_features,
    n_classes,
    random_state,
    wrapper=KerasClassifier,
):
    return _classifier(
        wrapper,
        dense_model,
        random_state,
        learning_rate,
        batch_size,
        epochs,
        n_features=n_features,
        n_classes=n_classes,
        hidden_layer_sizes=hidden_layer_sizes,
        dropout=dropout,
    )


def make_cnn(
    conv_blocks, hidden_layer_sizes, *, dropout, learning_rate, batch_size, epochs, image_shape, n_classes, random_state
):
    return _classifier(
        KerasClassifier,
        cnn_model,
        random_state,
        learning_rate,
        batch_size,
        epochs,
        image_shape=image_shape,
        n_classes=n_classes,
        conv_blocks=conv_blocks,
        hidden_layer_sizes=hidden_layer_sizes,
        dropout=dropout,
    )


def grid(sizes, rates):
    return {"model__hidden_layer_sizes": sizes, "model__dropout": rates}


def _classifier(wrapper, build, random_state, learning_rate, batch_size, epochs, **arguments):
    keras.utils.set_random_seed(random_state)
    return wrapper(
        build,
        loss=LOSS,
        optimizer="adam",
        optimizer__learning_rate=learning_rate,
        batch_size=batch_size,
        predict__batch_size=1000,
        epochs=epochs,
        verbose=0,
        **{f"model__{name}": value for name, value in arguments.items()},
    )
