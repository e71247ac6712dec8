"""Keras objects of their descriptions in files: nothing that the file says is executed, see `keras_files`.

Classes are those of `skdeep._files.keras_names` and the user's that the description has, which the caller trusts. Keras
makes layers in its safe mode, whatever scope of Keras's the caller is in. What a description asks for is held against
what else is in it before memory is taken for it.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from skdeep._backend import start, tensor_of
from skdeep._files.callback_states import make_callback
from skdeep._files.keras_names import PRIVATE_MODULES, item_of
from skdeep._files.network_limits import check_sizes, limited_variables
from skdeep._files.plain_states import altered, check_state
from skdeep._keras import describing
from skdeep._keras.beside_configs import put_back
from skdeep._lazy import keras

_OF_PARTS = 2**22  # numbers in the variables of metrics and losses
_COMPILED = {
    "optimizer",
    "loss",
    "loss_weights",
    "metrics",
    "weighted_metrics",
    "run_eagerly",
    "jit_compile",
    "auto_scale_loss",
}


def make(state: Any, **values: Any) -> Any:
    """Return what was described; the values of a network may be given beside, then they are not set."""
    check_state(state)
    with making(state["own"]), _errors():
        if not values:
            return Making().made(state["value"])
        node = state["value"]
        if type(node) is not dict or node.get("kind") != "network":
            raise altered("it is not that of a network")
        return Making().network(node | values)


@contextlib.contextmanager
def making(own: dict[str, Any]) -> Iterator[None]:
    """Let Keras make objects safely, with these classes and functions of the user's, in the body of the ``with``."""
    start()
    # Private in Keras: its public way in, `safe_mode=True`, is overruled by a scope of the caller's.
    safe = keras.src.saving.serialization_lib.SafeModeScope(True)
    with safe, keras.saving.custom_object_scope(own), describing.seeded(0):  # what is drawn is replaced
        yield


@contextlib.contextmanager
def _errors():
    try:
        yield
    except (ValueError, MemoryError):
        raise
    except Exception as error:  # which kind depends on what Keras makes of it
        raise altered(f"{type(error).__name__}: {str(error)[:300]}") from error


class Making:
    """What is made of the nodes of a description."""

    def made(self, node: Any) -> Any:
        """Return the value that a node stands for."""
        if type(node) in (list, tuple):
            return type(node)(self.made(each) for each in node)
        if type(node) is not dict:
            return node
        if "kind" not in node:
            return {key: self.made(each) for key, each in node.items()}
        return getattr(self, "_" + node["kind"].replace(" ", "_"))(node)

    def network(self, node: dict[str, Any]) -> keras.layers.Layer:
        """Return the layer or model of a node, with the variables that its values are for, which are not set."""
        values, optimizer_values = node["values"] or [], node["optimizer_values"]
        n_numbers = sum(value.size for value in values)
        with limited_variables(n_numbers + 2**10):
            model = keras.saving.deserialize_keras_object(_with_private_names(self.made(node["config"])))
        if not isinstance(model, keras.layers.Layer):
            raise altered(f"it has a {type(model).__name__} where a layer should be")
        _check_values("network", model.variables, values)
        check_sizes(model)
        n_of_optimizer = 8 * n_numbers if optimizer_values is None else sum(value.size for value in optimizer_values)
        with limited_variables(_OF_PARTS + n_of_optimizer):
            self._compile(model, node["compiled"], node["built_for"])
        if optimizer_values is not None:
            if not getattr(model, "compiled", False):
                raise altered("it has the state of an optimizer, but is not compiled")
            _check_values("optimizer", model.optimizer.variables, optimizer_values)
        self._put_back(model, node["found"])
        return model

    def _compile(self, model, compiled, built_for):
        if compiled is not None:
            if not isinstance(model, keras.Model) or type(compiled) is not dict or set(compiled) != _COMPILED:
                raise altered("what the network is compiled with is not what compile takes")
            flags = [compiled["run_eagerly"], compiled["auto_scale_loss"], compiled["jit_compile"]]
            if not all(type(each) is bool or each == "auto" for each in flags):
                raise altered(f"a network is compiled with run_eagerly, auto_scale_loss and jit_compile {flags}")
            _check_compiled(list(compiled.values()))
            keras.Model.compile(model, **self.made(compiled))  # a compile of the user's own takes other arguments
        if built_for is not None:
            variables = model.variables
            is_list = (
                type(built_for) is list and compiled is not None and len(set(map(str, built_for))) == len(built_for)
            )
            if not is_list or not all(type(each) is int and 0 <= each < len(variables) for each in built_for):
                raise altered("its optimizer is built for variables that it does not have")
            model.optimizer.build([variables[number] for number in built_for])

    def _network(self, node):
        model = self.network(node)
        describing.assign(model.variables, node["values"] or [])
        if node["optimizer_values"] is not None:
            describing.assign(model.optimizer.variables, node["optimizer_values"])
        return model

    def _part(self, node):
        kind, rate = node["class"], self.made(node["rate"])
        kind = _class(kind) if isinstance(kind, str) else kind
        if not hasattr(kind, "from_config") or issubclass(kind, keras.layers.Layer):
            raise altered(f"{kind.__name__} is no class of a part of Keras")
        with limited_variables(_OF_PARTS):
            part = describing.of_config(
                kind, self.made(node["config"]), {} if rate is None else {"learning_rate": rate}
            )
        self._put_back(part, node["found"])
        return part

    def _put_back(self, part, found):
        found = self.made(list(found))
        if not all(type(each) is tuple and len(each) == 4 and type(each[0]) is tuple for each in found):
            raise altered("what its config lacks has another form")
        put_back(part, found, only_plain=True)

    def _callback(self, node):
        kind = node["class"]
        kind = _class(kind) if isinstance(kind, str) else kind
        return make_callback(kind, self.made(node["attributes"]))

    def _class(self, node):
        return _class(node["name"])

    def _function(self, node):
        return _class(node["name"])

    def _dict(self, node):
        pairs = [self.made(each) for each in node["items"]]
        try:
            return dict(pairs)
        except TypeError:
            raise altered("a key of a dict is a container") from None

    def _set(self, node):
        try:
            return set(self.made(node["items"]))
        except TypeError:
            raise altered("an item of a set is a container") from None

    def _scalar(self, node):
        if node["array"].size != 1:
            raise altered(f"a number is an array of shape {node['array'].shape}")
        return node["array"].reshape(())[()]

    def _array_of_strings(self, node):
        if not all(type(each) is str for each in node["items"]):
            raise altered("an array of strings has other items")
        if len(node["items"]) * max(map(len, node["items"]), default=0) > _OF_PARTS:
            raise altered("an array of strings takes too much memory")
        return np.array(node["items"]).reshape(node["shape"])

    def _bytes(self, node):
        return node["array"].tobytes()

    def _tensor(self, node):
        return tensor_of(node["array"])

    def _pattern(self, node):
        return re.compile(node["text"])

    def _ufunc(self, node):
        item = getattr(np, node["name"], None)
        if not isinstance(item, np.ufunc):
            raise altered("it has a function of numpy that there is not")
        return item

    def _partial(self, node):
        function = self.made(node["function"])
        if not (inspect.isclass(function) or isinstance(function, (types.FunctionType, np.ufunc))):
            raise altered("a partial has no function")
        return functools.partial(function, *self.made(node["arguments"]), **self.made(node["keywords"]))


def _class(name):
    """Return a class or function of Keras's, whose name has been checked."""
    item = item_of(name)
    if item is None:
        raise ValueError(f"This version of Keras has no {name}.")
    return item


def _with_private_names(config):
    """Return a config as Keras reads it, with the private names of classes that have no public ones."""
    if isinstance(config, (list, tuple)):
        return type(config)(_with_private_names(each) for each in config)
    if not isinstance(config, dict):
        return config
    config = {key: _with_private_names(each) for key, each in config.items()}
    if isinstance(config.get("module"), str) and isinstance(config.get("class_name"), str):
        name = f"{config['module']}.{config['class_name']}"
        config["module"] = PRIVATE_MODULES.get(name, config["module"])
    return config


def _check_compiled(node):
    """Raise a ValueError if a network is compiled with other things than losses, metrics, optimizers and functions."""
    if type(node) in (list, tuple):
        for each in node:
            _check_compiled(each)
    elif type(node) is dict and "kind" not in node and "class_name" not in node:
        _check_compiled(list(node.values()))
    elif type(node) is dict and node.get("kind") not in ("part", "function", "class", "partial", "scalar", "tensor"):
        raise altered("a loss, metric or optimizer of a network is none")


def _check_values(what, variables, values):
    forms = [(tuple(each.shape), np.dtype(each.dtype)) for each in variables]
    stored = [(value.shape, value.dtype) for value in values]
    if forms != stored:
        raise altered(f"the variables of the {what} have other shapes or dtypes than their values")
