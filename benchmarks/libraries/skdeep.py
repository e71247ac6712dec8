"""skdeep."""

import skdeep._networks.compilation  # noqa: F401 (imports TensorFlow, Keras and scikeras, as a fit of convolutions does)
from skdeep import CNNClassifier, DNNClassifier

LEARNING_RATE = "learning_rate"


def make(hidden_layer_sizes, *, dropout, learning_rate, batch_size, epochs, n_features, n_classes, random_state):
    return DNNClassifier(
        hidden_layer_sizes,
        dropout=dropout,
        learning_rate=learning_rate,
        batch_size=batch_size,
        epochs=epochs,
        random_state=random_state,
    )


def make_cnn(
    conv_blocks,
    hidden_layer_sizes,
    *,
    dropout,
    learning_rate,
    batch_size,
    epochs,
    image_shape,
    n_classes,
    random_state,
    dtype_policy="float32",
):
    return CNNClassifier(
        conv_blocks,
        hidden_layer_sizes=hidden_layer_sizes,
        dropout=dropout,
        learning_rate=learning_rate,
        batch_size=batch_size,
        epochs=epochs,
        random_state=random_state,
        dtype_policy=dtype_policy,
    )


def grid(sizes, rates):
    return {"hidden_layer_sizes": sizes, "dropout": rates}
