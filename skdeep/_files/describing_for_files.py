"""Descriptions of Keras objects for files: of the objects, see `skdeep._files.keras_files`.

What is described is made again at once, as it will be of the file, so that what cannot be loaded is not saved.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
import types
import warnings
from typing import Any

import numpy as np

from skdeep._backend import is_tensor_of_numbers
from skdeep._common.states import AlteredFileError
from skdeep._files.keras_names import (
    CLASS_NAMES,
    FUNCTION_NAMES,
    REFUSED,
    TRUSTED_BY_NAME,
    is_keras_object,
    item_of,
    public_name,
)
from skdeep._files.making_from_files import Making, making
from skdeep._files.plain_states import check_state, is_users
from skdeep._keras import describing
from skdeep._keras.beside_configs import put_back, untracked
from skdeep._keras.user_callbacks import attributes_of, copied_callbacks
from skdeep._lazy import keras

_PLAIN = (type(None), bool, int, float, str)
# What callbacks of Keras have for the time of one fit, beside what no copy of a callback has.
_OF_ONE_FIT = ("_model", "progbar")
# What models within others are compiled with is left out: it takes no part in their training.
_OF_COMPILE = ("compiled", "loss", "optimizer", "_compile_loss", "_compile_metrics", "_run_eagerly", "_jit_compile")


def describe(value: Any, *, with_optimizer: bool = True) -> dict[str, Any]:
    """Return the description of a Keras object, with the state of the optimizer of a model or without."""
    describing_one = _Describing(with_optimizer)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The object being serialized includes a `lambda`")  # an error follows
            state = {"own": describing_one.own, "value": describing_one.node(value)}
        check_state(state)
    except AlteredFileError as error:
        raise ValueError(f"{type(value).__name__} is not within the limits of files: {error.what}") from error
    except ValueError:
        raise
    except Exception as error:  # which kind depends on the user's classes
        raise ValueError(
            f"{type(value).__name__} cannot be described; subclasses of Keras's classes need get_config: "
            f"{str(error)[:300] or type(error).__name__}"
        ) from error
    return state


class _Describing:
    """One description: the classes and functions of the user's are gathered meanwhile."""

    def __init__(self, with_optimizer):
        self._with_optimizer = with_optimizer
        self.own = {}

    def node(self, value):
        """Return what stands for a value in the description."""
        if type(value) in _PLAIN:
            return value
        if inspect.isclass(value) or isinstance(value, types.FunctionType):
            return self._item(value)
        if is_keras_object(value):
            return self._object(value)
        if isinstance(value, (list, tuple)):
            items = [self.node(each) for each in value]
            return tuple(items) if type(value) is tuple else items
        if isinstance(value, dict):
            return self._dict(value)
        if isinstance(value, (set, frozenset)):
            return {"kind": "set", "items": [self.node(each) for each in sorted(value, key=repr)]}
        return self._other(value)

    def _dict(self, value):
        if "class_name" in value and "config" in value:
            return self._config_of_keras(value)
        if value.keys() == {"value"} and type(value["value"]) is tuple and len(value["value"]) == 3:
            raise ValueError("a lambda cannot be in a file; use a function of a module instead")  # its code, by Keras
        if all(type(key) is str for key in value) and not {"kind", "class_name"} & value.keys():
            return {key: self.node(each) for key, each in value.items()}
        return {"kind": "dict", "items": [[self.node(key), self.node(each)] for key, each in value.items()]}

    def _other(self, value):
        if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufc":
            array = np.asarray(value)
            return array if isinstance(value, np.ndarray) else {"kind": "scalar", "array": array}
        if isinstance(value, str):
            return str(value)
        if isinstance(value, np.ndarray) and all(isinstance(each, str) for each in value.flat):
            return {"kind": "array of strings", "items": [*map(str, value.flat)], "shape": list(value.shape)}
        if isinstance(value, bytes):
            return {"kind": "bytes", "array": np.frombuffer(value, np.uint8)}
        if isinstance(value, re.Pattern):
            return {"kind": "pattern", "text": value.pattern}
        if isinstance(value, np.ufunc):
            return {"kind": "ufunc", "name": value.__name__}
        if isinstance(value, functools.partial):
            arguments, keywords = self.node(list(value.args)), self._dict(value.keywords)
            return {"kind": "partial", "function": self.node(value.func), "arguments": arguments, "keywords": keywords}
        if is_tensor_of_numbers(value):
            return {"kind": "tensor", "array": value.numpy()}
        raise ValueError(
            f"{value!r} cannot be in a file, which has plain values, classes and functions of modules, and objects of "
            "Keras"
        )

    def _item(self, item):
        name = public_name(item)
        if name in REFUSED:
            raise ValueError(f"{name} cannot be in a file: {REFUSED[name]}")
        if name is not None:
            return {"kind": "class" if inspect.isclass(item) else "function", "name": name}
        return _importable(item)

    def _class(self, value):
        name = public_name(type(value))
        return self._item(type(value)) if name is None or name in REFUSED else name

    def _object(self, value):
        if isinstance(value, keras.layers.Layer):
            return self._network(value)
        return self._callback(value) if isinstance(value, keras.callbacks.Callback) else self._part(value)

    def _part(self, part):
        kind = self._class(part)
        config, schedule = describing.config_and_schedule(part, only_config=True)
        self._gather_own(part, config)
        node = {"kind": "part", "class": kind, "config": self.node(config), "rate": self.node(schedule), "found": []}
        with making(self.own):
            made = Making().made(node)
        return node | {"found": self._found(describing.what_config_lacks(part, made), made)}

    def _network(self, model):
        config = describing.config_of_layers(model)
        self._gather_own(model, config)
        compiled, values = None, {"model": [variable.numpy() for variable in model.variables], "optimizer": None}
        if isinstance(model, keras.Model):
            values = describing.values_of(model)
            compiled = self.node(untracked(describing.compiled_arguments(model))) if model.compiled else None
        node = {
            "kind": "network",
            "config": self.node(config),
            "compiled": compiled,
            "built_for": describing.built_for(model) if compiled else None,
            "found": [],
            "values": _arrays(values["model"]),
            "optimizer_values": _arrays(values["optimizer"]) if self._with_optimizer else None,
        }
        with making(self.own):
            rebuilt = Making().network(node)
        describing.check_variables(model, rebuilt)
        return node | {"found": self._found(describing.differences(model, rebuilt), rebuilt)}

    def _callback(self, callback):
        kind, attributes = self._class(callback), {}
        for name, value in attributes_of(copied_callbacks(callback, {})).items():
            value = None if name in _OF_ONE_FIT and (name == "_model" or isinstance(kind, str)) else value
            try:
                attributes[name] = self.node(value)
            except ValueError as error:
                raise ValueError(f"{type(callback).__name__} has an attribute {name!r}: {error}") from error
        return {"kind": "callback", "class": kind, "attributes": attributes}

    def _found(self, found, rebuilt):
        found = [each for each in found if not (each[0] and each[1] in _OF_COMPILE)]
        put_back(rebuilt, found, only_plain=True)
        return [self.node(each) for each in found]

    def _gather_own(self, part, config):
        for name, item in describing.own_objects(part, config).items():
            if self.own.setdefault(name, _importable(item)) is not item:
                raise ValueError(f"it has two classes or functions {name!r}; rename one of them")

    def _config_of_keras(self, value):
        """Return what Keras wrote of an object, with the public names of its own classes and functions."""
        name = value["class_name"]
        if value.get("module") == "keras.layers" and f"keras.layers.{name}" in REFUSED:
            raise ValueError(f"keras.layers.{name} cannot be in a file: {REFUSED[f'keras.layers.{name}']}")
        node = {key: self.node(each) for key, each in value.items()}
        if name == "__lambda__":
            raise ValueError("a lambda cannot be in a file; use a function of a module instead")
        if name.startswith("__"):
            return node
        if name == "function":
            module, name = value["module"], value["config"]
            if name in self.own and not module.startswith("keras."):
                return node | {"module": "own", "registered_name": name}
            module = _public_module(module, name, FUNCTION_NAMES)
            return node | {"module": module, "registered_name": name}
        if value["module"] is None or value["module"].split(".")[0] != "keras":
            if name not in self.own:
                raise ValueError(f"its config has a class {name!r} that cannot be found in it")
            return node | {"module": "own", "registered_name": name}
        return node | {"module": _public_module(value["module"], name, CLASS_NAMES), "registered_name": None}


def _public_module(module, name, names):
    """Return the public module of a class or function of Keras's that a config has from any module."""
    if f"{module}.{name}" in names | TRUSTED_BY_NAME | REFUSED.keys():
        return module
    if module == "builtins":  # as Keras writes of functions of its own that have been given by name
        known = [each for each in ("activations", "losses", "metrics") if f"keras.{each}.{name}" in names]
        public = f"keras.{known[0]}.{name}" if known else None
    else:
        item = item_of(f"{module}.{name}") if not module.startswith("keras.src") else None
        item = item or getattr(sys.modules.get(module), name, None)
        public = None if item is None else public_name(item)
    if public is None:
        raise ValueError(f"{module}.{name} cannot be in a file, since it is not among what skdeep makes of files")
    return public.rpartition(".")[0]


def _arrays(values):
    return None if values is None else [np.asarray(value) for value in values]


def _importable(item):
    name = item.__qualname__
    if "<lambda>" in name:
        raise ValueError("a lambda cannot be in a file; use a function of a module instead")
    if "<locals>" in name or not is_users(item):
        raise ValueError(f"{item!r} cannot be in a file, since no module has it by its name")
    return item
