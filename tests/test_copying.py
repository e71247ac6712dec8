"""Copies of Keras objects by their attributes: they compute and train as the originals, which stay as they are."""

import functools
import logging
import threading
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeep._keras.copying import faithful_copy

X = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
Y = (X[:, :1] > 0).astype(np.float32)


def stack(*parts, outputs=1):
    return keras.Sequential([keras.Input((4,)), *parts, layers.Dense(outputs)])


def compiled(model, optimizer="adam", loss="mse", **arguments):
    model.compile(optimizer, loss, **arguments)
    model(X[:1])
    return model


def values(model):
    return [variable.numpy() for variable in model.variables]


def trained(model):
    """Return what two epochs of Keras's own training give."""
    history = model.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0).history
    return [*history.values(), *(weight.tolist() for weight in model.get_weights())]


def assert_copies(model):
    """Assert that a copy has its own variables, the same outputs, and the same training from here on."""
    copied = faithful_copy(model)
    assert type(copied) is type(model)
    assert not {id(v) for v in model.variables} & {id(v) for v in copied.variables}
    before = values(model)
    for one, other in zip(before, values(copied), strict=True):
        np.testing.assert_array_equal(one, other)
    result = trained(copied)
    for one, other in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(one, other)
    assert result == trained(model)
    return copied


class Boosted(keras.optimizers.SGD):
    def __init__(self, *args, boost=1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.boost = boost

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(self.boost * gradient, variable, learning_rate)


OPTIMIZERS = {
    "own class": lambda: Boosted(0.01, boost=5.0),
    "Adam": lambda: keras.optimizers.Adam(0.01),
    "averages": lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=2),
    "accumulated": lambda: keras.optimizers.Adam(0.01, gradient_accumulation_steps=2),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01)),
    "several": lambda: keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.01), {".*kernel": keras.optimizers.Adam(0.01)})
    ),
    "schedule": lambda: keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)),
}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("is_trained", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name, is_trained):
    metrics = ["mae", keras.metrics.MeanSquaredError("squares")]
    model = compiled(
        stack(layers.Dense(8, "relu")), OPTIMIZERS[name](), keras.losses.Huber(delta=0.01), metrics=metrics
    )
    if is_trained:
        trained(model)
    assert_copies(model)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("by", ["var_names", "var_list"])
def test_weights_that_are_not_decayed(by):
    model = stack(layers.Dense(3, bias_initializer="ones"))
    optimizer = keras.optimizers.AdamW(0.05, weight_decay=1.0)
    optimizer.exclude_from_weight_decay(**{by: ["bias"] if by == "var_names" else [model.layers[0].bias]})
    copied = assert_copies(compiled(model, optimizer))
    assert np.abs(copied.layers[0].bias).min() > 0.5  # 16 steps of that decay leave less than half


def shared():
    inputs = keras.Input((4,))
    dense = layers.Dense(4, "tanh")
    both = keras.ops.relu(dense(dense(inputs))) + inputs
    return keras.Model(inputs, layers.Dense(1)(both))


def attention():
    inputs = keras.Input((4,))
    rows = layers.Reshape((4, 1))(inputs)
    return keras.Model(inputs, layers.Dense(1)(layers.Flatten()(layers.MultiHeadAttention(2, 2)(rows, rows))))


def adapted():
    normalization = layers.Normalization()
    normalization.adapt(3 * X + 1)
    return stack(normalization)


def adapted_to_low_rank():
    model = stack(layers.Dense(5))
    model.layers[0].enable_lora(2)
    return model


MODELS = {
    "dropout": lambda: stack(layers.Dropout(0.3), layers.GaussianNoise(0.1), layers.Dense(4)),
    "batch normalization": lambda: stack(layers.Dense(4), layers.BatchNormalization(momentum=0.5)),
    "recurrent": lambda: stack(layers.Reshape((4, 1)), layers.LSTM(3, dropout=0.2)),
    "both directions": lambda: stack(layers.Reshape((4, 1)), layers.Bidirectional(layers.GRU(2))),
    "penalties": lambda: stack(layers.Dense(3, kernel_regularizer="l2", kernel_constraint="max_norm")),
    "spectral norm": lambda: stack(layers.SpectralNormalization(layers.Dense(3))),
    "nested": lambda: stack(stack(layers.Dense(3)), layers.Dense(2)),
    "shared layers": shared,
    "attention": attention,
    "normalization": adapted,
    "low rank": adapted_to_low_rank,
}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", MODELS)
def test_models(name):
    assert_copies(compiled(MODELS[name]()))


def test_words_and_their_vocabulary():
    words = layers.TextVectorization(output_sequence_length=4)
    words.adapt(["a b c", "b c"])
    model = keras.Sequential([words, layers.Embedding(10, 3), layers.Flatten(), layers.Dense(1)])
    sentences = tf.constant(["a b", "c b a"])
    expected = model(sentences).numpy()
    np.testing.assert_array_equal(faithful_copy(model)(sentences), expected)


def test_a_copy_can_be_saved(tmp_path):
    model = faithful_copy(shared())
    expected = model.predict(X, verbose=0)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras").predict(X, verbose=0), expected)
    assert model.get_config() == faithful_copy(model).get_config()


class Held:
    def __init__(self, layer):
        self.layer = layer
        self.lock = threading.Lock()


class Slotted:
    __slots__ = ("layer",)


class Odd(keras.Model):
    """Holds its layers in ways of which no config tells."""

    def __init__(self, way):
        super().__init__()
        self.way = way
        self.dense = dense = layers.Dense(1)
        self.parts = [layers.Dense(3), {"one": layers.Dense(4)}]
        self.traced = tf.function(lambda x: 2 * dense(x))
        self.closed = lambda x: dense(x) + self.dense(x)
        self.partial = functools.partial(lambda layer, x: layer(x), dense)
        self.method = dense.__call__
        self.reference = weakref.ref(dense)
        self.held = Held(dense)
        self.slotted = Slotted()
        self.slotted.layer = dense
        # What cannot be copied, and holds nothing of the model, is shared.
        self.rows = tf.data.Dataset.range(3)
        self.numbers = (number for number in range(3))
        self.event = threading.Event()
        self.logger = logging.getLogger("skdeep.test")

        def even(x, depth):
            return dense(x) if depth == 0 else odd(x, depth - 1)

        def odd(x, depth):
            return even(x, depth - 1)

        self.recursive = functools.partial(even, depth=2)

    def build(self, shape):
        self.parts[1]["one"].build(shape)
        self.parts[0].build(shape)
        self.dense.build((None, 3))

    def call(self, x):
        x = self.parts[0](self.parts[1]["one"](x))
        if self.way == "attribute":
            return getattr(self, "factor", 1.0) * self.dense(x)
        if self.way in ("held", "slotted"):
            return getattr(self, self.way).layer(x)
        return self.reference()(x) if self.way == "reference" else getattr(self, self.way)(x)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "way", ["attribute", "traced", "closed", "partial", "method", "reference", "held", "slotted", "recursive"]
)
def test_what_holds_a_layer_holds_the_copy_of_it(way):
    model = compiled(Odd(way))
    model.factor = -3.0
    assert_copies(model)


def test_what_cannot_be_copied_is_shared():
    model = compiled(Odd("attribute"))
    copied = faithful_copy(model)
    assert copied.event is model.event
    assert copied.numbers is model.numbers
    assert copied.rows is model.rows


class Closed(list):
    """Cannot be copied, whatever it holds."""

    def __deepcopy__(self, memo):
        raise RuntimeError("closed")


def test_what_cannot_be_copied_but_holds_a_part_is_an_error():
    model = compiled(stack())
    object.__setattr__(model, "closed", Closed([model.layers[0]]))
    with pytest.raises(TypeError, match=r"An object of type Closed cannot be copied.*closed"):
        faithful_copy(model)


def test_an_own_training_step_and_plain_variables_of_tensorflow():
    class Decayed(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)
            self.factor = tf.Variable(3.0, trainable=False)

        def call(self, x):
            return self.factor * self.dense(x)

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compute_loss(x, y, self(x, training=True))
            self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
            self.factor.assign(0.9 * self.factor)
            return {"loss": loss}

    model = compiled(Decayed())
    copied = assert_copies(model)
    assert float(copied.factor) == float(model.factor) != 3.0


def test_losses_of_a_call_stay_with_it():
    class Penalized(layers.Layer):
        def call(self, x):
            self.add_loss(0.01 * keras.ops.sum(x**2))
            return x

    assert_copies(compiled(stack(Penalized(), layers.Dense(3))))


@pytest.mark.parametrize(
    "part, names",
    [
        (keras.losses.Huber(delta=0.01), ["delta"]),
        (keras.losses.CosineSimilarity(axis=0), ["axis"]),
        (keras.losses.SparseCategoricalCrossentropy(ignore_class=2, axis=0), ["ignore_class", "axis"]),
    ],
)
def test_arguments_of_losses(part, names):
    copied = faithful_copy(part)
    assert copied is not part
    for name in names:
        assert copied._fn_kwargs[name] == part._fn_kwargs[name]


def test_metrics_have_their_own_state():
    metric = keras.metrics.BinaryAccuracy(threshold=0.9)
    metric.update_state([[1.0], [1.0]], [[0.8], [0.95]])
    copied = faithful_copy(metric)
    assert float(copied.result()) == 0.5
    copied.update_state([[1.0], [1.0]], [[0.95], [0.95]])
    assert (float(copied.result()), float(metric.result())) == (0.75, 0.5)


def test_deep_networks_need_no_deep_recursion():
    model = stack(*(layers.Dense(4) for _ in range(200)))
    np.testing.assert_array_equal(faithful_copy(model)(X), model(X))
