"""A network that the user's function or model made, as an estimator holds it.

`OwnNetwork` is a `Network` that is described by Keras's own config instead of a builder's name. What is trained is not
the model that the user's function returned or the user gave, but one that is made from its config and has its values:
so nobody outside holds it, and a program of the same config that waits in the pool of `skdeep.programs` can take these
values instead. Only configs without code of the user's (classes, functions, lambdas) are taken for the same; models
with such code are traced anew in each fit. A config may not tell everything, such as attributes that were set later:
so both models must compute the same for a few rows. Else, or if Keras cannot describe a model at all, it is trained
itself.

Random numbers: Keras draws the seeds of layers and initializers from the global `random` of Python when a model is
built. While the user's function runs, that and the global generator of numpy start from a seed of the fit; afterwards
they are as before. A lock keeps fits in other threads from running their functions meanwhile.

Loading: an unpickled network may hold lambdas, since pickles execute what they say anyway. In a file that `skdeep.load`
reads Keras refuses them, unless the caller has switched its safe mode off.
"""

import contextlib
import contextvars
import copy
import inspect
import json
import random
import re
import threading

import numpy as np

from skdeep.network import Network
from skdeep.objectives import snake_name

# Entries of configs that name layers, and classes that are layers themselves.
_REFERENCES = ("keras_history", "input_layers", "output_layers")
_MODELS = ("Sequential", "Functional")
_lock = threading.RLock()  # a user's function may fit an estimator itself
_is_safe = contextvars.ContextVar("is_safe", default=False)


@contextlib.contextmanager
def safe_mode():
    """Let networks that are unpickled in the body of the ``with`` statement have no lambdas."""
    token = _is_safe.set(True)
    try:
        yield
    finally:
        _is_safe.reset(token)


@contextlib.contextmanager
def seeded(seed):
    """Let the global generators of Python and numpy start from a seed in the body of the ``with`` statement."""
    with _lock:
        python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 (it is the legacy generator that users' functions draw from)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002


class OwnNetwork(Network):
    """A program for a model of the user's, or what it takes to build one again.

    Parameters
    ----------
    model : keras.Model
        Compiled and built model, with the values to start from. It is not changed, unless its config is not enough.
    head : skdeep.targets.Head
        Its output layer, loss and form of the targets.
    row_shape : tuple of int
        Shape of one row of X.
    """

    _description = ("config", "own_objects", "settings", "head", "is_safe")

    def __init__(self, model, head, row_shape):
        from skdeep import programs
        from skdeep.replicas import current_strategy
        from skdeep.training import Program

        self.head = head
        self.is_safe = _is_safe.get()
        self._begin()
        self.config = _config(model)
        self.own_objects = _own_objects(model, self.config)
        # With what `take_over` compares.
        self.settings = {"optimizer": None if self.config is None else _optimizer_of(self.config)}
        is_trained = model.optimizer.built and int(model.optimizer.iterations) > 0
        values = {"model": [variable.numpy() for variable in model.variables], "optimizer": None}
        if is_trained:
            values["optimizer"] = [variable.numpy() for variable in model.optimizer.variables]
        is_special = is_trained or model.optimizer.use_ema or current_strategy() is not None
        key = None if is_special else program_key(self.config)
        program = None if self.config is None else programs.obtain(key, lambda: self._same_as(model))
        if program is None or not _computes_the_same(program, model, values, row_shape):
            self.config = None  # it does not tell everything
            self._hold(Program(model), None)
            self._program.set_values(values)
            return
        self._hold(program, key)
        if key is not None:
            program.reset_optimizer(_learning_rate(self.config))

    @property
    def dtype(self):
        """The dtype of the data that the network takes."""
        with self.in_use() as program:
            return _input_dtype(program.model)

    @property
    def value_dtype(self):
        """The dtype of targets and weights."""
        return "float64" if self.dtype == "float64" else "float32"

    def _compiled(self):
        from skdeep._tensorflow import keras
        from skdeep.training import Program

        config = copy.deepcopy(self.config)  # Keras changes what it reads
        with seeded(0):  # the values it draws are replaced
            model = keras.saving.deserialize_keras_object(
                config, self.own_objects, safe_mode=None if self.is_safe else False
            )
        return Program(model)

    def _same_as(self, model):
        """Return a program for the config, or None if it does not give the variables of the model."""
        try:
            program = self._compiled()
        except Exception:  # which kind depends on the user's classes
            return None
        forms = [[(tuple(v.shape), v.trainable) for v in each.variables] for each in (model, program.model)]
        return program if forms[0] == forms[1] else None

    def _rebuilt(self, values):
        program = self._compiled()
        _set_values(program, values)
        return program, None

    def __getstate__(self):
        if self.config is None:
            raise ValueError(
                "The network cannot be copied or saved: Keras cannot describe it, or not all of it. Subclasses of "
                "keras.Model and keras.layers.Layer need get_config; attributes that were set later, and lambdas as "
                "loss or metric, are in no description."
            )
        return super().__getstate__()

    def __setstate__(self, state):
        super().__setstate__(state)
        self.is_safe = state["is_safe"] or _is_safe.get()


def _set_values(program, values):
    from skdeep._tensorflow import keras

    program.set_values(values)
    for layer in program.model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):  # which computes with copies of its variables
            layer.finalize_state()


def _computes_the_same(program, model, values, row_shape):
    """Give the program these values, and tell whether it then computes what the model does, which has them already.

    A config does not tell of attributes that were set later, or of functions that have the name of another.
    """
    x = np.random.default_rng(0).random((2, *row_shape)).astype(_input_dtype(model))
    try:
        _set_values(program, values)
        same = np.array_equal(*(np.asarray(each(x, training=False)) for each in (model, program.model)), equal_nan=True)
        _set_values(program, values)  # random states may have moved
    except Exception:  # which kind depends on the user's classes
        return False
    return same


def _input_dtype(model):
    inputs = getattr(model, "inputs", None)
    return inputs[0].dtype if inputs and inputs[0].dtype != "string" else "float32"


def program_key(config):
    """Return what the traces of a model of this config depend on, or None if that cannot be told from plain values."""
    from skdeep._tensorflow import keras

    if config is None or not _is_all_of_keras(config):
        return None
    optimizer = _optimizer_of(config)
    if _learning_rate(config) is not None:  # its value is that of a variable
        optimizer["config"]["learning_rate"] = None
    numbered = dict.fromkeys(_numbered_names(config))
    config = _without_names(config, {name: f"layer {number}" for number, name in enumerate(numbered)})
    config["compile_config"]["optimizer"] = optimizer
    try:
        own_settings = [keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()]
        return json.dumps([config, own_settings], sort_keys=True)
    except TypeError:  # an object in it
        return None


def _config(model):
    """Return the config of a compiled model, or None if Keras cannot write one."""
    from skdeep._tensorflow import keras

    try:
        config = keras.saving.serialize_keras_object(model)
    except Exception:  # which kind depends on the user's classes
        return None
    if "compile_config" not in config or "__lambda__" in str(config["compile_config"]):  # whose globals are lost
        return None
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    # What no config tells of.
    return None if getattr(optimizer, "_exclude_from_weight_decay_pattern", None) else config


def _own_objects(model, config):
    """Return the classes and functions of the user's that the config of a model refers to, by the names it has there.

    Keras itself finds only those that are registered with it.
    """
    names = set(_names(config))
    layers = [model]
    for layer in layers:
        layers += getattr(layer, "layers", [])
    compiled = [model.loss, *model.metrics, model.optimizer]
    held = [part for each in [*layers, *compiled] for part in (each, *getattr(each, "__dict__", {}).values())]
    parts = [part for each in held for part in (each if isinstance(each, (list, tuple)) else [each])]
    objects = [part if inspect.isfunction(part) or inspect.isclass(part) else type(part) for part in parts]
    own = [each for each in objects if each.__module__.split(".")[0] not in ("keras", "builtins")]
    return {each.__name__: each for each in own if each.__name__ in names}


def _names(config):
    """Yield the names of the classes and functions in a config that are not, or may not be, Keras's."""
    if isinstance(config, (list, tuple)):
        for each in config:
            yield from _names(each)
    elif isinstance(config, dict):
        if isinstance(config.get("class_name"), str) and config.get("module") != "keras.layers":
            yield config["config"] if config["class_name"] == "function" else config["class_name"]
        for value in config.values():
            yield from _names(value)


def _optimizer_of(config):
    """Return the config of the optimizer in that of a model, without its name, which Keras numbers."""
    optimizer = config["compile_config"]["optimizer"]
    return optimizer | {"config": optimizer["config"] | {"name": None}}


def _learning_rate(config):
    """Return the learning rate in the config of a model, if it is a number."""
    rate = config["compile_config"]["optimizer"]["config"].get("learning_rate")
    return rate if isinstance(rate, float) else None


def _is_all_of_keras(config):
    """Whether a config has no class or function but Keras's, and none that keeps what it learned outside of it."""
    if isinstance(config, dict):
        module = config.get("module", "keras")  # None is that of a script or notebook
        if module is None or module.split(".")[0] != "keras":
            return False
        if config.get("class_name") in ("function", "__lambda__", "Lambda", "Normalization"):
            return False
        return all(map(_is_all_of_keras, config.values()))
    return all(map(_is_all_of_keras, config)) if isinstance(config, (list, tuple)) else True


def _numbered_names(config):
    """Yield the names of layers that Keras made up: in a process it numbers all that have none of their own."""
    if isinstance(config, dict):
        if _is_layer(config):
            name = str(config["config"].get("name"))
            if re.fullmatch(rf"{snake_name(config['class_name'])}(_\d+)?", name):
                yield name
        config = list(config.values())
    if isinstance(config, (list, tuple)):
        for each in config:
            yield from _numbered_names(each)


def _is_layer(config):
    return config.get("module") == "keras.layers" or config.get("class_name") in _MODELS


def _without_names(config, names):
    """Return a config with other names for its layers, so that it does not depend on how many there were before."""

    def plain(name):
        return names.get(name, name) if isinstance(name, str) else name

    def references(value):
        return [references(each) for each in value] if isinstance(value, (list, tuple)) else plain(value)

    if isinstance(config, (list, tuple)):
        return [_without_names(each, names) for each in config]
    if not isinstance(config, dict):
        return config
    result = {
        key: references(value) if key in _REFERENCES else _without_names(value, names) for key, value in config.items()
    }
    if _is_layer(config):
        result["config"]["name"] = plain(config["config"].get("name"))
        result["name"] = plain(config.get("name"))
    return result
