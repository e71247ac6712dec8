"""skorch, on the CPU; runs in an environment of its own."""

import torch
from skorch import NeuralNetClassifier
from torch import nn

LEARNING_RATE = "lr"


class DenseModule(nn.Sequential):
    """Dense layers, each followed by dropout."""

    def __init__(self, n_features, n_classes, hidden_layer_sizes, dropout):
        hidden, width = _hidden_layers(n_features, hidden_layer_sizes, [dropout] * len(hidden_layer_sizes))
        super().__init__(*hidden, nn.Linear(width, n_classes))


class CNNModule(nn.Sequential):
    """Blocks of convolutions, each ended by max-pooling, then dense layers."""

    def __init__(self, image_shape, n_classes, conv_blocks, hidden_layer_sizes, dropout):
        height, width, channels = image_shape
        layers = [ChannelsFirst()]
        for filters_of_block in conv_blocks:
            for filters in filters_of_block:
                layers += [nn.Conv2d(channels, filters, 3, padding="same"), nn.ReLU()]
                channels = filters
            layers.append(nn.MaxPool2d(2))
            height, width = height // 2, width // 2
        hidden, n_units = _hidden_layers(height * width * channels, hidden_layer_sizes, dropout)
        super().__init__(*layers, nn.Flatten(), *hidden, nn.Linear(n_units, n_classes))


class ChannelsFirst(nn.Module):
    """Images with channels last in PyTorch's order of axes; the memory stays, which is its channels_last format."""

    def forward(self, images):
        """Return a view."""
        return images.permute(0, 3, 1, 2)


def make(hidden_layer_sizes, *, dropout, learning_rate, batch_size, epochs, n_features, n_classes, random_state):
    return _classifier(
        DenseModule,
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
        CNNModule,
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
    return {"module__hidden_layer_sizes": sizes, "module__dropout": rates}


def _classifier(module, random_state, learning_rate, batch_size, epochs, **arguments):
    torch.manual_seed(random_state)
    return NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        lr=learning_rate,
        batch_size=batch_size,
        max_epochs=epochs,
        iterator_train__shuffle=True,
        iterator_valid__batch_size=1000,
        train_split=None,
        callbacks="disable",
        verbose=0,
        **{f"module__{name}": value for name, value in arguments.items()},
    )


def _hidden_layers(width, sizes, rates):
    layers = []
    for units, rate in zip(sizes, rates, strict=True):
        layers += [nn.Linear(width, units), nn.ReLU(), nn.Dropout(rate)]
        width = units
    return layers, width
