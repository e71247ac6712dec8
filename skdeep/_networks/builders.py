"""Pure functions from shapes and hyperparameters to an uncompiled `keras.Model`.

They know nothing of estimators or data. What is random in a network, its initial weights and dropout masks, is drawn
apart from its layers, by `draw_values`: so a network that exists already can start again as a fresh one would.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from skdeep._common.near_names import did_you_mean_value
from skdeep._common.numbers import plain_number
from skdeep._common.typing import Activation, Activations, Augment, Filters, Floats, Ints
from skdeep._lazy import keras
from skdeep._networks import initial_values

_SET_BY_NETWORK = ("name", "trainable", "dtype", "data_format", "seed")
_OF_RANDOM_LAYERS = ("RandAugment",)  # which draws from several of them


def build_dense(
    input_shape: tuple[int, ...],
    n_outputs: int,
    *,
    hidden_layer_sizes: Ints,
    activation: Activations,
    dropout: Floats,
    output_activation: str,
    dtype_policy: str,
    batch_normalization: bool = False,
    l2: float = 0.0,
    frozen_layers: Sequence[str] = (),
) -> keras.Model:
    """Build a stack of dense layers.

    Parameters
    ----------
    input_shape : tuple of one int
        ``(n_features,)``.
    n_outputs : int
        Units of the output layer.
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer: ``()`` is softmax (or logistic) regression, ``(100, 50)`` two hidden layers.
    activation : str, callable or sequence of them
        Keras activation of all hidden layers, or one for each.
    dropout : float or sequence of float
        Fraction of units dropped after each hidden layer, or one for each.
    output_activation : str
        Keras activation of the output layer.
    dtype_policy : str
        Keras dtype policy of every layer; under a mixed one the output layer computes in float32.
    batch_normalization : bool, default=False
        Whether a batch normalization stands before the activation of each hidden layer, in place of its biases.
    l2 : float, default=0.0
        The sum of the squares of all kernels, times that, is added to the loss.
    frozen_layers : sequence of str, default=()
        Names of layers whose weights are not trained.

    Returns
    -------
    model : keras.Model
        Maps arrays of shape ``(n, n_features)`` to ``(n, n_outputs)``; not compiled, and the same in each call.
    """
    layers = _Layers(dtype_policy, batch_normalization, l2)
    inputs = layers.input(input_shape)
    hidden = _hidden_layers(layers, inputs, hidden_layer_sizes, activation, dropout)
    model = keras.Model(inputs, layers.output(hidden, n_outputs, output_activation), name="dense")
    return _partly_frozen(model, frozen_layers)


def build_cnn(
    input_shape: tuple[int, ...],
    n_outputs: int,
    *,
    conv_filters: Filters,
    kernel_size: Ints,
    conv_activation: Activation,
    padding: str,
    pool_size: Ints,
    hidden_layer_sizes: Ints,
    activation: Activations,
    dropout: Floats,
    output_activation: str,
    dtype_policy: str,
    batch_normalization: bool = False,
    l2: float = 0.0,
    augment: Sequence[tuple[str, dict[str, Any]]] = (),
    frozen_layers: Sequence[str] = (),
    residual: bool = False,
    global_pooling: str | None = None,
) -> keras.Model:
    """Build blocks of convolutions, each block ended by max-pooling, then dense layers.

    Parameters
    ----------
    input_shape : tuple of three int
        ``(height, width, channels)``.
    n_outputs : int
        Units of the output layer.
    conv_filters : int, sequence of int, or sequence of sequences of int
        Filters of each convolution, block by block: ``((32,),)`` is one block of one convolution, ``((32, 64),)`` two
        convolutions before one pooling, ``(32, 64)`` is short for ``((32,), (64,))``, ``()`` has no block.
    kernel_size : int or tuple of two int
        Height and width of every kernel.
    conv_activation : str or callable
        Keras activation of every convolution.
    padding : {"same", "valid"}
        Whether the borders are padded, so that a convolution keeps the image's size.
    pool_size : int or tuple of two int
        Height and width of every pooling window, at most the image that arrives there: an axis of one pixel is not
        pooled, and no axis shrinks below one pixel.
    hidden_layer_sizes, activation, dropout, output_activation
        As in `build_dense`, for the layers after the last block.
    dtype_policy, batch_normalization, l2, frozen_layers
        As in `build_dense`, for all layers.
    augment : sequence of (str, dict), default=()
        Keras's random layers by name with their arguments, from `random_layers`, that the images pass in training.
    residual : bool, default=False
        Whether what enters a block is added to what its convolutions make of it, before their last activation.
    global_pooling : {"average", "max"} or None, default=None
        What of each filter of the last block goes into the dense layers: the mean or the maximum over the image, or if
        None all pixels.

    Returns
    -------
    model : keras.Model
        Maps arrays of shape ``(n, height, width, channels)`` to ``(n, n_outputs)``; not compiled, and the same in each
        call.
    """
    kernel_size = _pair(kernel_size, "kernel_size")
    pool_size = _pair(pool_size, "pool_size")
    conv_activation = known_activation(conv_activation, "conv_activation")
    layers = _Layers(dtype_policy, batch_normalization, l2)
    x = inputs = layers.input(input_shape)
    for number, (name, arguments) in enumerate(augment, start=1):
        x = layers.random(x, name, arguments, number)
    if residual and padding != "same":
        raise ValueError(f"residual=True needs padding='same', which keeps the size of the images. Got {padding!r}.")
    for number, filters_of_block in enumerate(_conv_blocks(conv_filters), start=1):
        block_input = x
        for position, filters in enumerate(filters_of_block, start=1):
            if padding == "valid" and (kernel_size[0] > x.shape[1] or kernel_size[1] > x.shape[2]):
                raise ValueError(
                    f"kernel_size={kernel_size} is larger than the {x.shape[1]} x {x.shape[2]} image that arrives at "
                    f"convolution {position} of block {number}; use a smaller kernel_size, fewer blocks in "
                    "conv_filters, or padding='same'."
                )
            is_added_to = residual and position == len(filters_of_block)
            activation_of_layer = None if is_added_to else conv_activation
            x = layers.conv(x, filters, kernel_size, activation_of_layer, padding, name=f"conv_{number}_{position}")
        if residual and filters_of_block:
            x = layers.sum(x, block_input, conv_activation, number)
        window = (min(pool_size[0], x.shape[1]), min(pool_size[1], x.shape[2]))
        x = layers.max_pool(x, window, name=f"pool_{number}")
    x = layers.flatten(x) if global_pooling is None else layers.global_pool(x, global_pooling)
    hidden = _hidden_layers(layers, x, hidden_layer_sizes, activation, dropout)
    model = keras.Model(inputs, layers.output(hidden, n_outputs, output_activation), name="cnn")
    return _partly_frozen(model, frozen_layers)


def dropout_rates(dropout: Floats, hidden_layer_sizes: Ints) -> tuple[float, ...]:
    """Return one dropout rate for each hidden layer."""
    rates = per_layer(plain_number(dropout), len(layer_sizes(hidden_layer_sizes)), "dropout")
    rates = [plain_number(rate) for rate in rates]
    for rate in rates:
        if not _is_share(rate):
            raise ValueError(f"dropout must be a share in [0, 1), or one for each hidden layer. Got {dropout!r}.")
    return tuple(float(rate) for rate in rates)


def random_layers(augment: Augment | None) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return the names and arguments of random layers as plain values.

    Parameters
    ----------
    augment : str, Layer, sequence of them, dict of str to dict, or None
        As `CNNClassifier` takes it.

    Returns
    -------
    layers : tuple of (str, dict)
        Without what each network sets by itself, such as the seed.
    """
    if isinstance(augment, Mapping):
        items = list(augment.items())
    else:
        items = [(each, {}) for each in (() if augment is None else _as_tuple(augment))]
    layers = []
    for name, arguments in items:
        if isinstance(name, keras.layers.Layer) and type(name) in _random_classes().values():
            config = name.get_config()
            name, arguments = type(name).__name__, {key: config[key] for key in config if key not in _SET_BY_NETWORK}
        if not (isinstance(name, str) and name in _random_classes() and isinstance(arguments, Mapping)):
            raise ValueError(
                "augment must be a random layer of Keras, by name or as an instance, a sequence of them, or a dict of "
                f"names and arguments, such as {{'RandomFlip': {{'mode': 'horizontal'}}}}. Got {augment!r}."
            )
        layers.append((name, {key: plain_number(argument) for key, argument in arguments.items()}))
    return tuple(layers)


def draw_values(
    model: keras.Model,
    rates: Iterable[float],
    l2: float,
    initializers: dict[str, Callable[[np.random.Generator], Any]],
    names: dict[str, str | None],
    rng: np.random.Generator,
    *,
    keep_weights: bool = False,
) -> None:
    """Give a model that was built here the strengths, the initial weights and the seeds of a fresh one.

    Parameters
    ----------
    model : keras.Model
        Changed in place.
    rates : tuple of float
        From `dropout_rates`; above 0 where those that the model was built with are.
    l2 : float
        Strength of the L2 penalty; above 0 where the model was built with one.
    initializers : dict of str to callable
        For "kernel" and "bias" a function from `rng` to a fresh Keras initializer.
    names : dict of str to str
        Which of these are known to `skdeep._networks.initial_values`, by the names there: it draws in their place.
    rng : numpy.random.Generator
        Source of a seed for each layer, in the order of the layers.
    keep_weights : bool, default=False
        Whether the layers get their initializers, but no weights from them.
    """
    rates = iter([rate for rate in rates if rate > 0])
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = next(rates)
            layer.seed = int(rng.integers(2**31))
            layer.seed_generator.state.assign([layer.seed, 0])
        elif type(layer) in _random_classes().values():
            for generator in _seed_generators(layer):
                generator.state.assign([int(rng.integers(2**31)), 0])
        elif isinstance(layer, keras.layers.BatchNormalization):
            for variable, value in zip(layer.weights, (1, 0, 0, 1), strict=True):  # scale, shift, mean, variance
                variable.assign(keras.ops.full(variable.shape, value, variable.dtype))
        elif hasattr(layer, "kernel_regularizer"):
            if layer.kernel_regularizer is not None:
                layer.kernel_regularizer.l2 = l2
            for name, make_initializer in initializers.items():
                initializer = make_initializer(rng)
                variable = getattr(layer, name)
                if variable is None:  # the bias of a layer with batch normalization
                    continue
                try:
                    if not keep_weights:
                        variable.assign(_drawn(initializer, names.get(name), variable))
                except ValueError as error:
                    raise ValueError(
                        f"{name}_initializer does not fit the layer {layer.name!r}, whose {name} has the shape "
                        f"{tuple(variable.shape)}: {error}"
                    ) from error
                if not type(initializer).__module__.startswith("keras."):
                    initializer = keras.initializers.Zeros()  # else the model's config would need the user's class
                setattr(layer, f"{name}_initializer", initializer)


def _drawn(initializer, name, variable):
    if name is None:
        return initializer(variable.shape, variable.dtype)
    return initial_values.drawn(name, tuple(variable.shape), variable.dtype, getattr(initializer, "seed", None))


class _Layers:
    """Keras layers with one dtype policy and names that say where they stand.

    Their weights are 0 until `draw_values`. The seed of a dropout layer is set, lest Keras draws one from the global
    `random` of Python; `draw_values` gives it another.
    """

    def __init__(self, dtype_policy, batch_normalization, l2):
        self.dtype_policy = dtype_policy
        self.batch_normalization = batch_normalization
        self.l2 = l2

    def input(self, shape):
        return keras.Input(shape, dtype=self._value_dtype(), name="input")

    def output(self, x, units, activation):
        """Return the last layer, which computes in full precision under a mixed policy, too."""
        return self._dense(
            x, units, known_activation(activation, "output_activation"), self._value_dtype(), name="output"
        )

    def dense(self, x, units, activation, name):
        def layer(activation):
            return self._dense(x, units, activation, self.dtype_policy, name, use_bias=not self.batch_normalization)

        return self._activated(layer, activation, name)

    def conv(self, x, filters, kernel_size, activation, padding, name):
        def layer(activation):
            return keras.layers.Conv2D(
                filters,
                kernel_size,
                padding=padding,
                activation=activation,
                use_bias=not self.batch_normalization,
                kernel_initializer="zeros",
                kernel_regularizer=self._penalty(),
                data_format="channels_last",
                dtype=self.dtype_policy,
                name=name,
            )(x)

        return self._activated(layer, activation, name)

    def random(self, x, name, arguments, number):
        if name not in _random_classes():  # random_layers lets none through, but a file may have been altered
            raise ValueError(f"There is no random layer {name!r} in Keras.")
        settings = {
            "data_format": "channels_last",
            "dtype": self._value_dtype(),
            "name": f"augment_{number}",
            "seed": 0,
        }
        try:
            changed = _random_classes()[name](**arguments, **settings)(x)
        except (TypeError, ValueError) as error:
            raise ValueError(f"augment has arguments that {name} cannot take, {arguments!r}: {error}") from error
        if changed.shape != x.shape:
            raise ValueError(
                f"augment must keep the shape of the images, since predictions take them as they are. Got {name} with "
                f"{arguments!r}, which makes images of shape {changed.shape[1:]} of those of shape {x.shape[1:]}."
            )
        return changed

    def max_pool(self, x, window, name):
        return keras.layers.MaxPooling2D(window, data_format="channels_last", dtype=self.dtype_policy, name=name)(x)

    def sum(self, x, block_input, activation, number):
        """Return the activation of a sum, where a 1 x 1 convolution makes as many channels of what entered the block.

        Source: He et al., "Deep residual learning for image recognition", CVPR 2016, figure 2 and option B.
        """
        if block_input.shape[-1] != x.shape[-1]:
            block_input = self.conv(block_input, x.shape[-1], 1, None, "same", name=f"shortcut_{number}")
        x = keras.layers.Add(dtype=self.dtype_policy, name=f"add_{number}")([x, block_input])
        return keras.layers.Activation(activation, dtype=self.dtype_policy, name=f"add_{number}_activation")(x)

    def global_pool(self, x, kind):
        kinds = {"average": keras.layers.GlobalAveragePooling2D, "max": keras.layers.GlobalMaxPooling2D}
        return kinds[kind](data_format="channels_last", dtype=self.dtype_policy, name="global_pool")(x)

    def flatten(self, x):
        return keras.layers.Flatten(data_format="channels_last", dtype=self.dtype_policy, name="flatten")(x)

    def dropout(self, x, rate, name):
        return keras.layers.Dropout(rate, seed=0, dtype=self.dtype_policy, name=name)(x)

    def _dense(self, x, units, activation, dtype, name, use_bias=True):
        return keras.layers.Dense(
            units,
            activation,
            use_bias=use_bias,
            kernel_initializer="zeros",
            kernel_regularizer=self._penalty(),
            dtype=dtype,
            name=name,
        )(x)

    def _activated(self, layer, activation, name):
        """Return a layer with its activation, with batch normalization between them if there is to be one."""
        if not self.batch_normalization:
            return layer(activation)
        # Keras's momentum of 0.99 averages over some hundred steps, ten epochs of a small table; see `tracing`.
        normalization = keras.layers.BatchNormalization(
            momentum=0.9, dtype=self.dtype_policy, name=f"{name}_normalization"
        )
        x = normalization(layer(None))
        return keras.layers.Activation(activation, dtype=self.dtype_policy, name=f"{name}_activation")(x)

    def _penalty(self):
        return keras.regularizers.L2(self.l2) if self.l2 > 0 else None

    def _value_dtype(self):
        return keras.dtype_policies.get(self.dtype_policy).variable_dtype


def _hidden_layers(layers, x, hidden_layer_sizes, activation, dropout):
    sizes = layer_sizes(hidden_layer_sizes)
    activations = [known_activation(value, "activation") for value in per_layer(activation, len(sizes), "activation")]
    rates = dropout_rates(dropout, hidden_layer_sizes)
    for number, (size, activation_of_layer, rate) in enumerate(zip(sizes, activations, rates, strict=True), start=1):
        x = layers.dense(x, size, activation_of_layer, name=f"hidden_{number}")
        if rate > 0:
            x = layers.dropout(x, rate, name=f"dropout_{number}")
    return x


def _partly_frozen(model, frozen_layers):
    """Return the model, with the layers of these names not trained."""
    with_weights = {layer.name: layer for layer in model.layers if layer.weights}
    for name in frozen_layers:
        if name not in with_weights:
            raise ValueError(
                f"frozen_layers has {name!r}, which is not among the layers with weights, {', '.join(with_weights)}."
            )
        with_weights[name].trainable = False
    if not model.trainable_weights:
        raise ValueError(f"frozen_layers={frozen_layers!r} leaves no layer to train.")
    return model


def _random_classes():
    """Return Keras's layers that change images at random in training and leave them alone otherwise, by name."""
    names = [name for name in dir(keras.layers) if name.startswith("Random") or name in _OF_RANDOM_LAYERS]
    return {name: getattr(keras.layers, name) for name in names}


def _seed_generators(layer):
    """Yield the sources of random numbers of a layer and of those within it."""
    for part in vars(layer).values():
        if isinstance(part, keras.random.SeedGenerator):
            yield part
        elif isinstance(part, keras.layers.Layer):
            yield from _seed_generators(part)


def known_activation(value: Any, name: str) -> Any:
    """Return a Keras activation by name or a function as it is; `name` is that of the parameter."""
    # Keras would also take a dict that describes a function, and run the code in it.
    if not (value is None or isinstance(value, str) or _takes_one(value)):
        raise TypeError(f"{name} must be a Keras activation by name, or a function, for each layer. Got {value!r}.")
    try:
        return keras.activations.get(value)
    except (ValueError, TypeError) as error:
        known = [each for each, function in vars(keras.activations).items() if inspect.isroutine(function)]
        hint = did_you_mean_value("activation", value, known) if isinstance(value, str) else ""
        raise ValueError(f"{name}={value!r} is not an activation that Keras knows, such as 'relu'.{hint}") from error


def _takes_one(function):
    """Whether this is a function, not a class, that can be called with one argument."""
    if not callable(function) or inspect.isclass(function):
        return False
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    return True


def layer_sizes(hidden_layer_sizes: Ints) -> tuple[int, ...]:
    """Return `hidden_layer_sizes` as a tuple of ints; one int means one layer."""
    sizes = _as_tuple(hidden_layer_sizes)
    if not all(_is_positive_int(size) for size in sizes):
        raise ValueError(
            "hidden_layer_sizes must be a positive int or a sequence of them, one for each hidden layer. "
            f"Got {hidden_layer_sizes!r}."
        )
    return tuple(int(size) for size in sizes)


def _conv_blocks(conv_filters):
    """Return `conv_filters` as a tuple of blocks, each a tuple of ints; an int for a block is one convolution."""
    blocks = tuple(_as_tuple(block) for block in _as_tuple(conv_filters))
    if not all(block and all(_is_positive_int(filters) for filters in block) for block in blocks):
        raise ValueError(
            "conv_filters must be a sequence of blocks, each a positive int or a non-empty sequence of positive ints, "
            f"such as (32, 64) or ((32, 64), (128,)). Got {conv_filters!r}."
        )
    return tuple(tuple(int(filters) for filters in block) for block in blocks)


def per_layer(value: Any, n_layers: int, name: str) -> tuple[Any, ...]:
    """Return one value for each hidden layer, from one value for all or a sequence of them."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return (value,) * n_layers
    values = tuple(value)
    if len(values) != n_layers:
        raise ValueError(
            f"{name} must be one value or a sequence of {n_layers}, one for each hidden layer. Got {value!r}."
        )
    return values


def _pair(value, name):
    values = _as_tuple(value)
    if len(values) == 1:
        values *= 2
    if len(values) != 2 or not all(_is_positive_int(v) for v in values):
        raise ValueError(f"{name} must be a positive int, or two of them (height, width). Got {value!r}.")
    return tuple(int(v) for v in values)


def _as_tuple(value):
    is_sequence = isinstance(value, Iterable) and not isinstance(value, str)
    if isinstance(value, np.ndarray) and value.ndim == 0:  # which says that it can be iterated
        is_sequence = False
    return tuple(value) if is_sequence else (value,)


def _is_share(value):
    return isinstance(value, Real) and not isinstance(value, bool) and 0 <= value < 1


def _is_positive_int(value):
    return isinstance(value, Integral) and not isinstance(value, bool) and value > 0
