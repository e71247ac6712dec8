"""Keras objects in files: what is made of a description equals the original, and which names a file may have."""

import functools
import importlib
import inspect
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras.src.ops.operation import Operation

from skdeep import StopAtMetric
from skdeep._files.keras_files import describe_for_file, is_keras_object, make_from_file, untrusted_names
from skdeep._files.keras_names import (
    CLASS_NAMES,
    CLASSES,
    FUNCTION_NAMES,
    OPERATIONS,
    REFUSED,
    TRUSTED_BY_NAME,
    item_of,
)
from skdeep._keras.beside_configs import differences

X = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
Y = np.abs(X[:, :1])
# Bases that are made by nobody, and what takes part in nothing that a file has.
_BASES = {
    "keras.constraints.Constraint",
    "keras.initializers.Initializer",
    "keras.layers.InputSpec",
    "keras.layers.Layer",
    "keras.layers.Wrapper",
    "keras.losses.Loss",
    "keras.metrics.Metric",
    "keras.optimizers.Optimizer",
    "keras.optimizers.schedules.LearningRateSchedule",
    "keras.quantizers.QuantizationConfig",
    "keras.quantizers.Quantizer",
    "keras.regularizers.Regularizer",
}
_UNDECIDED_OPERATIONS = {
    "core": "AssociativeScan Cond ForiLoop Map Scan Switch VectorizedMap WhileLoop",  # of functions
    "linalg": "JVP",  # of functions
    "nn": "CTCDecode CTCLoss",
    # They make arrays of their own.
    "numpy": "Arange Array Bincount Full Geomspace Histogram Linspace Logspace Meshgrid Vander",
}


def of_module(name):
    return functools.reduce(getattr, name.split(".")[1:], keras)


class TestNames:
    @pytest.mark.parametrize(
        "module", sorted(CLASSES.keys() - {"keras.models", "keras.random", "skdeep", "skdeep.losses"})
    )
    def test_every_public_class_of_keras_is_decided(self, module):
        members = list(vars(of_module(module)).items())
        names = {f"{module}.{name}" for name, each in members if inspect.isclass(each) and each.__name__ == name}
        undecided = names - CLASS_NAMES - TRUSTED_BY_NAME - REFUSED.keys() - _BASES
        assert not undecided, f"skdeep._files.keras_names does not tell whether files may have {sorted(undecided)}"

    @pytest.mark.parametrize("module", OPERATIONS)
    def test_every_operation_of_keras_is_decided(self, module):
        members = vars(importlib.import_module(f"keras.src.ops.{module}"))
        names = {
            name
            for name, each in members.items()
            if inspect.isclass(each) and issubclass(each, Operation) and each.__module__.endswith(f".{module}")
        }
        undecided = names - set(OPERATIONS[module].split()) - set(_UNDECIDED_OPERATIONS.get(module, "").split())
        assert not undecided, f"skdeep._files.keras_names does not tell whether files may have {sorted(undecided)}"

    def test_names_are_those_of_keras(self):
        known = [name for name in sorted(CLASS_NAMES | FUNCTION_NAMES) if item_of(name) is not None]
        assert len(known) > 600  # an older Keras may lack some
        assert all(inspect.isclass(item_of(name)) for name in known if name in CLASS_NAMES)
        assert all(inspect.isfunction(item_of(name)) for name in known if name in FUNCTION_NAMES)

    def test_what_is_of_keras(self):
        of_keras = [keras.losses.Huber(), keras.optimizers.SGD, keras.activations.relu, Noting(), keras.layers.Dense(1)]
        assert all(map(is_keras_object, [*of_keras, StopAtMetric(), StopAtMetric, keras.DTypePolicy("float16")]))
        assert not any(map(is_keras_object, [Noting, double, "sgd", None, [keras.losses.Huber()], np.less, dict]))

    def test_keras_is_not_imported(self):
        code = (
            "import sys, skdeep._files.keras_files as k; assert not k.is_keras_object(dict); "
            "assert 'keras' not in sys.modules"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


def double(x):
    return 2 * x


def falling(epoch, rate):
    return rate * 0.9


@keras.saving.register_keras_serializable("skdeep-tests")
class Scaled(keras.layers.Layer):
    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self):
        return super().get_config() | {"factor": self.factor}


class Weighed(keras.losses.Loss):
    def __init__(self, factor=1.0, name="weighed"):
        super().__init__(name=name)
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)

    def get_config(self):
        return {"factor": self.factor, "name": self.name}


class Noting(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.noted = {}
        self.function = double

    def on_epoch_end(self, epoch, logs=None):
        self.noted[epoch] = np.float32(logs["loss"])


def network(*layers, optimizer="sgd", loss="mse", **arguments):
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1)])
    model.compile(optimizer, loss, **arguments)
    return model


def with_operations():
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3, "tanh")(inputs)
    part = keras.ops.mean((hidden + 1.0) * hidden[:, :1], axis=1, keepdims=True)
    joined = keras.layers.Concatenate()([part, keras.layers.BatchNormalization()(hidden)])
    model = keras.Model(inputs, keras.layers.Dense(1, double)(keras.layers.Dropout(0.3, seed=1)(joined)))
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)
    metrics = ["mae", keras.metrics.AUC(num_thresholds=7), keras.metrics.MeanMetricWrapper(keras.losses.huber)]
    model.compile(keras.optimizers.Adam(rate), keras.losses.Huber(delta=0.3), metrics=metrics)
    return model


def with_bins():
    bins = keras.layers.Discretization(num_bins=4)
    bins.adapt(X)
    return network(bins, keras.layers.Embedding(5, 3), keras.layers.Flatten(), optimizer="adam")


def with_several_optimizers():
    optimizers = {".*kernel": keras.optimizers.Adam(0.01)}
    optimizer_map = keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.1), optimizers)
    return network(optimizer=keras.optimizers.MultiOptimizer(optimizer_map))


def nested():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, "relu")])
    inner.compile("sgd", "mse")  # which takes no part in the training of the outer model
    return network(inner, optimizer="adamw", loss_weights=0.3)


MODELS = {
    "operations": with_operations,
    "bins": with_bins,
    "several optimizers": with_several_optimizers,
    "nested": nested,
    "own classes": lambda: network(Scaled(0.5), keras.layers.Dense(3, double), loss=Weighed(0.1)),
    "recurrent": lambda: network(keras.layers.Reshape((4, 1)), keras.layers.Bidirectional(keras.layers.GRU(3))),
    "mixed": lambda: network(
        keras.layers.Dense(4, "relu", dtype="mixed_float16"),
        optimizer=keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1, momentum=0.5)),
    ),
    "spectral": lambda: network(keras.layers.SpectralNormalization(keras.layers.Dense(3))),
}


def trained(model):
    history = model.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0).history
    return [*history.values(), *(weight.tolist() for weight in model.get_weights())]


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", MODELS)
def test_models_are_trained_on_as_the_original(name):
    model = MODELS[name]()
    trained(model)
    other = make_from_file(describe_for_file(model))
    assert [each for each in differences(model, other) if not each[0]] == []
    assert trained(other) == trained(model)


def test_a_description_is_plain_but_for_what_is_the_users():
    state = describe_for_file(MODELS["own classes"]())
    own = {"Scaled": Scaled, "double": double}
    assert state["own"] == own
    text = json.dumps(state, default=lambda each: each.tolist() if isinstance(each, np.ndarray) else each.__name__)
    assert "keras.src" not in text
    assert state["value"]["compiled"]["loss"]["class"] is Weighed


class TestCallbacks:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "callback",
        [
            keras.callbacks.EarlyStopping("loss", patience=3, restore_best_weights=True),
            keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=0),
            keras.callbacks.LearningRateScheduler(falling),
            keras.callbacks.TerminateOnNaN(),
            keras.callbacks.History(),
            keras.callbacks.ProgbarLogger(),
            keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
            keras.callbacks.Callback(),
            StopAtMetric("loss", 0.1),
            Noting(),
        ],
        ids=lambda each: type(each).__name__,
    )
    def test_attributes_without_the_model(self, callback):
        model = network(optimizer=keras.optimizers.SGD(0.1, use_ema=True))
        model.fit(X, Y, epochs=2, verbose=0, callbacks=[callback])
        state = describe_for_file(callback)
        other = make_from_file(state)
        assert type(other) is type(callback)
        assert untrusted_names(state) == set()
        left_out = {"_model", "best_weights", "progbar"}
        assert vars(other).keys() == vars(callback).keys()
        for name in vars(callback).keys() - left_out:
            assert vars(other)[name] == vars(callback)[name], name
        assert not any(vars(other).get(name) for name in left_out)
        model.fit(X, Y, verbose=0, callbacks=[other])

    @pytest.mark.parametrize(
        "name, arguments",
        [
            ("BackupAndRestore", ["folder"]),
            ("CSVLogger", ["file.csv"]),
            ("LambdaCallback", [falling]),
            ("ModelCheckpoint", ["file.keras"]),
            ("RemoteMonitor", []),
            ("TensorBoard", ["folder"]),
        ],
    )
    def test_those_that_write_need_trust(self, name, arguments):
        for callback in (getattr(keras.callbacks, name)(*arguments), getattr(keras.callbacks, name)):
            state = describe_for_file(callback)
            assert untrusted_names(state) == {f"keras.callbacks.{name}"}
            other = make_from_file(state)
            assert (
                other is callback or vars(other) == vars(callback) | {"_writers": None} or vars(other) == vars(callback)
            )

    def test_what_is_not_plain_is_named(self):
        callback = Noting()
        callback.function = lambda x: x
        with pytest.raises(
            ValueError, match=r"Noting has an attribute 'function': .*use a function of a module instead"
        ):
            describe_for_file(callback)


@pytest.mark.parametrize(
    "item",
    [keras.callbacks.ReduceLROnPlateau, keras.optimizers.SGD, keras.activations.relu, keras.losses.mean_squared_error],
)
def test_classes_and_functions_are_there_by_name(item):
    assert make_from_file(describe_for_file(item)) is item


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: network(keras.layers.Lambda(lambda x: 2 * x)), r"keras\.layers\.Lambda cannot be in a file"),
        (lambda: network(keras.layers.Dense(3, lambda x: 2 * x)), "lambda cannot be in a file"),
        (lambda: keras.layers.Lambda, r"keras\.layers\.Lambda cannot be in a file"),
        (lambda: network(loss=lambda y, p: p), "use a function of a module instead"),
        (lambda: keras.metrics.MeanMetricWrapper(lambda y, p: p), "lambda cannot be in a file"),
    ],
)
def test_what_cannot_be_in_a_file(make, message):
    with pytest.raises(ValueError, match=message):
        describe_for_file(make())
