"""Descriptions of Keras objects: what is made of one equals the original, part by part, and in what it computes."""

import pickle

import keras
import numpy as np
import pytest

from skdeep._keras.beside_configs import differences, put_back
from skdeep._keras.comparing import structure_key
from skdeep._keras.describing import Pickled, describe_model, make_model

X = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
Y = np.abs(X[:, :1])


class Scaled(keras.losses.Loss):
    """Of Keras's guide: no dtype, no config of its own."""

    def __init__(self, factor, name="scaled"):
        super().__init__(name=name)
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)


class AtLeast(keras.metrics.Metric):
    def __init__(self, threshold, name="at_least"):
        super().__init__(name=name)
        self.threshold = threshold
        self.share = self.add_weight(shape=(), initializer="zeros", name="share")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.share.assign(keras.ops.mean(keras.ops.cast(y_pred > self.threshold, "float32")))

    def result(self):
        return self.share


class Boosted(keras.optimizers.SGD):
    def __init__(self, *args, boost=1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.boost = boost

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(self.boost * gradient, variable, learning_rate)


class Falling(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, start):
        self.start = start

    def __call__(self, step):
        return self.start / (1.0 + keras.ops.cast(step, "float32"))


class Times(keras.layers.Layer):
    factor = 1.0

    def call(self, x):
        return self.factor * x


def excluding():
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def double(x):
    return 2 * x


def weighed(y_true, y_pred, k=1.0):
    return k * keras.ops.abs(y_true - y_pred)


def network(optimizer="sgd", loss="mse", *, layer=None, metrics=None, **arguments):
    parts = [keras.Input((4,)), *([] if layer is None else [layer]), keras.layers.Dense(1, bias_initializer="ones")]
    model = keras.Sequential(parts)
    model.compile(optimizer, loss, metrics=metrics, **arguments)
    return model


def with_factor(factor):
    layer = Times()
    layer.factor = factor
    return layer


def with_own_step():
    model = network()
    model.call_count = 3
    return model


MODELS = {
    "loss of Keras": lambda: network(loss=keras.losses.Huber(delta=0.01)),
    "axis of a loss": lambda: network(loss=keras.losses.CosineSimilarity(axis=0)),
    "own loss": lambda: network(loss=Scaled(1000.0)),
    "own metric": lambda: network(metrics=[AtLeast(0.5), "mae"]),
    "own metric of a function": lambda: network(metrics=[keras.metrics.MeanMetricWrapper(weighed, name="w", k=3.0)]),
    "own optimizer": lambda: network(Boosted(0.01, boost=7.0)),
    "own schedule": lambda: network(keras.optimizers.SGD(Falling(0.5))),
    "weights that are not decayed": lambda: network(excluding()),
    "attribute of a layer": lambda: network(layer=with_factor(-3.0)),
    "attribute of a model": with_own_step,
    "function as an activation": lambda: network(layer=keras.layers.Dense(3, double)),
    "lambda with a global": lambda: network(layer=keras.layers.Lambda(lambda x: double(x))),
    "dropout": lambda: network(layer=keras.layers.Dropout(0.3, seed=4)),
    "initializer": lambda: network(layer=keras.layers.Dense(4, kernel_initializer=keras.initializers.Identity(gain=3))),
    "weights of losses": lambda: network(loss=["mse"], loss_weights=[0.25]),
}


def trained(model):
    history = model.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0).history
    return [*history.values(), *(weight.tolist() for weight in model.get_weights())]


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", MODELS)
def test_a_model_made_of_a_description_trains_as_the_original(name):
    model = MODELS[name]()
    other = make_model(describe_model(model))
    assert differences(model, other) == []
    for variable, value in zip(other.variables, model.variables, strict=True):
        variable.assign(value)
    assert trained(other) == trained(model)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"lambda with a global"}))  # which pickle refuses
def test_a_pickled_model_has_its_weights_and_the_state_of_its_optimizer(name):
    model = MODELS[name]()
    trained(model)
    other = pickle.loads(pickle.dumps(Pickled(model, "model")))
    assert trained(other) == trained(model)


def test_what_is_put_back_from_a_file_is_plain():
    model = network(loss=keras.losses.Huber(delta=0.01))
    for found in ([((), "fit", "value", 1)], [((), "_trainable", "value", print)], [((), "no_attribute", "value", 1)]):
        with pytest.raises(ValueError, match=f"has an attribute '{found[0][1]}'"):
            put_back(model, found, only_plain=True)


@pytest.mark.parametrize("value", ["1", [0.1], {"delta": 0.1}])
def test_what_is_put_back_from_a_file_has_the_type_of_what_was_there(value):
    dropout = keras.layers.Dropout(0.5)
    with pytest.raises(ValueError, match=r"cannot have .* as its attribute 'rate'"):
        put_back(dropout, [((), "rate", "value", value)], only_plain=True)


@pytest.mark.parametrize("path", [("no_part",), (3,), (("key", 1),), ("rate", "real")])
def test_a_way_that_leads_nowhere(path):
    with pytest.raises(ValueError, match="has no part"):
        put_back(keras.layers.Dropout(0.5), [(path, "rate", "value", 1.0)], only_plain=True)


def test_variables_that_are_excluded_by_themselves_cannot_be_described():
    model = network(keras.optimizers.AdamW(0.1, weight_decay=0.5))
    model.optimizer.exclude_from_weight_decay(var_list=[model.layers[0].bias])
    with pytest.raises(ValueError, match="by var_list"):
        describe_model(model)


class TestStructure:
    def build(self, rate=0.1, delta=0.1, name=None, penalty=0.1, activation="relu", **attributes):
        layer = keras.layers.Dense(3, activation, name=name, kernel_regularizer=keras.regularizers.L2(penalty))
        vars(layer).update(attributes)
        return network(keras.optimizers.SGD(rate), keras.losses.Huber(delta=delta), layer=layer)

    def test_equal_models(self):
        assert structure_key(self.build()) == structure_key(self.build()) is not None

    def test_the_value_of_the_learning_rate_is_that_of_a_variable(self):
        assert structure_key(self.build(rate=0.5)) == structure_key(self.build())

    @pytest.mark.parametrize(
        "setting",
        [
            {"delta": 0.2},
            {"name": "first"},
            {"penalty": 0.2},
            {"activation": "tanh"},
            {"scale": 3.0},
            {"trainable": False},
        ],
    )
    def test_other_models(self, setting):
        assert structure_key(self.build(**setting)) != structure_key(self.build())

    def test_layers_that_are_not_trained(self):
        model = self.build()
        model.layers[0].trainable = False
        assert structure_key(model) != structure_key(self.build())

    @pytest.mark.parametrize("name", ["own loss", "own optimizer", "attribute of a layer", "function as an activation"])
    def test_code_of_the_users_has_no_key(self, name):
        assert structure_key(MODELS[name]()) is None

    def test_a_method_of_the_users(self):
        model = self.build()
        model.train_step = lambda data: {}
        assert structure_key(model) is None


def test_differences_of_equal_objects():
    assert differences(keras.optimizers.Adam(0.1), keras.optimizers.Adam(0.1)) == []
    ((path, name, _, value),) = differences(keras.losses.Huber(delta=0.01), keras.losses.Huber())
    assert (path, name, value["delta"]) == ((), "_fn_kwargs", 0.01)
