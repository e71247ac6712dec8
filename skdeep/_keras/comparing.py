"""Whether two Keras objects are equal part by part.

The question goes by attributes, as `skdeep._keras.copying` does. `structure_key` tells of a model all that a trace of
it depends on, so that models of the same key can be trained by the same trace.

Left out are the values of variables, which are set anyway, and what tells nothing of an object: names that Keras made
up, seeds that it drew, tables keyed by identity, and what building or training adds.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import operator
import re
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from skdeep._backend import array_types, description_types
from skdeep._data.objectives import snake_name
from skdeep._keras.copying import contents, is_part
from skdeep._lazy import keras

PLAIN = (type(None), bool, int, float, complex, str, bytes)
_OF_ALL = {"_path", "_tracker", "tracker", "_lock", "_distribution_strategy"}
# By class of Keras, the attributes that are left out beside those.
_LEFT_OUT = {
    "layers.Layer": {
        "build",
        "quantize",
        "_auto_config",
        "_parent_path",
        "_called",
        "_losses",
        "_loss_ids",
        "_losses_override",
        "_tracked",
        "_inbound_nodes",  # those of a functional model are in the model
        "_outbound_nodes",
        "_call_signature",
        "is_awq_calibrated",  # which `load_weights` sets
        "is_gptq_calibrated",
    },
    "Model": {
        "train_function",
        "test_function",
        "predict_function",
        "history",
        "stop_training",
        "stop_evaluating",
        "stop_predicting",
        "_initial_epoch",
        "_eval_epoch_iterator",
        "_distribute_strategy",
        "_compile_config",
        "_compiled_trainable_state",
        "_nodes",
        "_saved_model_inputs_spec",
        "_saved_model_arg_spec",
    },
    "Variable": {"_value", "_name", "_initializer"},
    "KerasTensor": {"name"},
    "random.SeedGenerator": {"name", "_initial_seed", "backend"},
    "optimizers.Optimizer": {
        "name",
        "built",
        "_variables",
        "_trainable_variables",
        "_trainable_variables_indices",
        "_learning_rate",  # see below
        "_exclude_from_weight_decay_cache",
        "_var_to_optimizer_idx",
    },
    "losses.Loss": {"name"},
}
# What `compile` makes of what it was given; of the latter the traces are made.
_COMPILED = {"CompileLoss", "CompileMetrics"}
_USERS = {"_user_loss", "_user_loss_weights", "_user_metrics", "_user_weighted_metrics", "output_names"}


def structure_key(model: keras.Model) -> str | None:
    """Return what the traces of a compiled model depend on, or None if there is code in it that is not Keras's.

    Parameters
    ----------
    model : keras.Model
        Compiled and built, and not trained.

    Returns
    -------
    key : str or None
        Equal for models that are equal part by part.
    """
    try:
        # Its own learning rate is set when the trace is taken over; others may be within it.
        tokens = _Tokens(model, without_rate=[getattr(model.optimizer, "inner_optimizer", model.optimizer)]).all
    except _NotOfKerasError:
        return None
    settings = [keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()]
    return hashlib.sha256(repr([tokens, settings]).encode()).hexdigest()


def settings_key(part: Any) -> str:
    """Return what a Keras object, of whatever class, is set to, its learning rate included."""
    return hashlib.sha256(repr(_Tokens(part, of_keras=False).all).encode()).hexdigest()


def key_without_rate(optimizer: keras.optimizers.Optimizer) -> str:
    """Return what an optimizer is set to, but for the value of its learning rate."""
    return hashlib.sha256(repr(_Tokens(optimizer, of_keras=False, without_rate=[optimizer]).all).encode()).hexdigest()


def state_key(model: keras.Model) -> str:
    """Return what a model is, of whatever classes, but for the values of its variables."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    return hashlib.sha256(repr(_Tokens(model, of_keras=False, without_rate=[optimizer]).all).encode()).hexdigest()


class _NotOfKerasError(Exception):
    """There is a class, a function or an object in it that a trace cannot be reused for."""


class _Tokens:
    """A graph of objects as nested tuples of plain values, in which parts are referred to by number."""

    def __init__(self, root, *, of_keras=True, without_rate=()):
        self._of_keras = of_keras
        self._without_rate = without_rate
        self._names = _numbered_names(root)
        self._numbers = {}
        self._pending = []
        root = self._part(root)
        self.all = [root]
        for part in self._pending:  # which grows meanwhile
            self.all.append(self._described(part))

    def _described(self, part):
        kind = type(part)
        if self._of_keras and not is_of_keras(kind):
            raise _NotOfKerasError
        described = [f"{kind.__module__}.{kind.__qualname__}"]
        if isinstance(part, (list, tuple)):
            described += [self._token(item) for item in part]
        elif isinstance(part, Mapping):
            described += [(self._token(key), self._token(item)) for key, item in part.items()]
        described += [(name, self._token(value)) for name, value in sorted(compared(part).items())]
        if isinstance(part, keras.optimizers.Optimizer):
            described.append(self._rate(part))
        return tuple(described)

    def _rate(self, optimizer):
        rate = vars(optimizer).get("_learning_rate")
        if not isinstance(rate, keras.Variable):  # a schedule
            return self._token(rate)
        return "a number" if any(optimizer is each for each in self._without_rate) else float(rate.numpy())

    def _part(self, value):
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._pending)
            self._pending.append(value)
        return ("part", self._numbers[id(value)])

    def _token(self, value):
        if isinstance(value, str):
            return repr(self._names.get(value, value))
        if isinstance(value, PLAIN):
            return (type(value).__name__, repr(value))
        if isinstance(value, keras.DTypePolicy):  # which parts may share
            return (type(value).__name__, value.name, repr(value.get_config()))
        if is_part(value):
            return self._part(value)
        if isinstance(value, array_types()):
            return array_token(value)
        if isinstance(value, (set, frozenset)):
            return ("set", tuple(sorted(repr(self._token(item)) for item in value)))
        if isinstance(value, Mapping):
            return ("dict", tuple((self._token(key), self._token(item)) for key, item in value.items()))
        if isinstance(value, (list, tuple)):
            return (type(value).__name__, tuple(self._token(item) for item in value))
        if isinstance(value, (types.FunctionType, types.MethodType, functools.partial)):
            return self._function_token(value)
        if isinstance(value, types.ModuleType):
            return ("module", value.__name__)
        if inspect.isclass(value) or isinstance(value, types.BuiltinFunctionType):
            if self._of_keras and inspect.isclass(value) and not is_of_keras(value):
                raise _NotOfKerasError
            return (type(value).__name__, value.__module__, value.__qualname__)
        if isinstance(value, (*description_types(), np.dtype, re.Pattern, slice, type(...))):
            return repr(value)
        if hasattr(value, "__dict__") and (not self._of_keras or is_of_keras(type(value))):
            return self._part(value)
        if self._of_keras:
            raise _NotOfKerasError
        return ("object", type(value).__module__, type(value).__qualname__)

    def _function_token(self, value):
        if self._of_keras and not is_of_keras(getattr(value, "__func__", value)):
            raise _NotOfKerasError
        name = (getattr(value, "__module__", None), getattr(value, "__qualname__", None))
        code = getattr(value, "__code__", None)
        return ("function", name, code and _code_token(code), tuple(self._token(each) for each in contents(value)))


@functools.cache
def _left_out():
    return {operator.attrgetter(name)(keras): names for name, names in _LEFT_OUT.items()}


def _left_out_of(kind):
    """Return the names of the attributes of objects of a class that are not compared."""
    return _OF_ALL.union(*(names for each, names in _left_out().items() if issubclass(kind, each)))


_left_out_of_keras = functools.lru_cache(_left_out_of)  # not of the user's, which it would keep alive


def compared(part: Any) -> dict[str, Any]:
    """Return the attributes of a part that tell what it is, by name."""
    kind: Any = type(part)
    left_out = _left_out_of_keras(kind) if is_of_keras(kind) else _left_out_of(kind)
    own = {
        name: value
        for name, value in getattr(part, "__dict__", {}).items()
        if name not in left_out and not name.startswith("_self_")
    }
    if type(part).__name__ in _COMPILED:
        return {name: value for name, value in own.items() if name in _USERS}
    if isinstance(part, keras.Operation) and _is_made_up(own.get("name"), type(part)):
        own.pop("name")
    if isinstance(part, keras.initializers.Initializer) and own.get("_init_seed", 0) is None:
        own.pop("seed", None)  # which Keras drew
    return own


def is_of_keras(kind: Any) -> bool:
    """Whether a class is one of Keras's or of Python's own containers."""
    return (getattr(kind, "__module__", None) or "").split(".")[0] in ("keras", "builtins", "collections")


def _code_token(code):
    """Return what the code of a function computes, whatever its names and places."""
    constants = [_code_token(each) if inspect.iscode(each) else repr(each) for each in code.co_consts]
    return (code.co_code, code.co_names, tuple(constants))


def array_token(value: Any) -> tuple[Any, ...]:
    """Return what tells arrays apart."""
    try:
        array = np.asarray(value)
    except Exception:  # symbolic tensors, resources
        return ("array", str(value))
    return ("array", array.dtype.str, array.shape, hashlib.sha256(array.tobytes()).hexdigest())


def _numbered_names(root):
    """Return names without numbers for the layers whose names Keras made up: it numbers all layers of a process."""
    layers = root._flatten_layers() if isinstance(root, keras.layers.Layer) else []
    made_up = [each.name for each in layers if _is_made_up(each.name, type(each))]
    return {name: f"layer {number}" for number, name in enumerate(dict.fromkeys(made_up))}


def _is_made_up(name, kind):
    """Whether Keras gave an object of this class its name, which it made of that of the class and a number."""
    return isinstance(name, str) and _made_up_name(kind.__name__).fullmatch(name) is not None


@functools.lru_cache
def _made_up_name(class_name):
    return re.compile(rf"{snake_name(class_name)}(_\d+)?")
