"""Keras models for the three libraries that take them."""

from keras import Input, Sequential
from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D

LOSS = "sparse_categorical_crossentropy"


def dense_model(n_features, n_classes, hidden_layer_sizes, dropout):
    """Build dense layers, each followed by dropout."""
    hidden = _hidden_layers(hidden_layer_sizes, [dropout] * len(hidden_layer_sizes))
    return Sequential([Input((n_features,)), *hidden, Dense(n_classes, "softmax")])


def cnn_model(image_shape, n_classes, conv_blocks, hidden_layer_sizes, dropout):
    """Build blocks of convolutions, each ended by max-pooling, then dense layers."""
    layers = [Input(image_shape)]
    for filters_of_block in conv_blocks:
        layers += [Conv2D(filters, 3, padding="same", activation="relu") for filters in filters_of_block]
        layers.append(MaxPooling2D(2))
    hidden = _hidden_layers(hidden_layer_sizes, dropout)
    return Sequential([*layers, Flatten(), *hidden, Dense(n_classes, "softmax")])


def _hidden_layers(sizes, rates):
    return [layer for units, rate in zip(sizes, rates, strict=True) for layer in (Dense(units, "relu"), Dropout(rate))]
