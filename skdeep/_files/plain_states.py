"""What a file says of Keras objects: plain values, checked before anything is made of them.

A state is a dict with "own", the classes and functions of the user's by name, and "value". In the value stand plain
values as they are (None, bools, numbers, strings, arrays of numbers, and lists, tuples and dicts by strings of such),
classes and functions of the user's, and for all else dicts with a "kind", see `_KINDS`. Configs are as Keras writes
them, with the public names of Keras's classes.

Whoever can write a file can write anything in it, so the checks take nothing for granted: neither types nor sizes nor
depth. This module does not import Keras.
"""

from __future__ import annotations

import inspect
import math
import re
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from skdeep._common.states import AlteredFileError
from skdeep._files.keras_names import CLASS_NAMES, FUNCTION_NAMES, REFUSED, TRUSTED_BY_NAME

_NAME = 1000  # characters of a string
_DEPTH = 100
_ITEMS = 1_000_000  # in all
_LIST = 1000  # items of a list, but in these:
_LONG_LISTS = {
    "vocabulary": _ITEMS,
    "idf_weights": _ITEMS,
    "bin_boundaries": _ITEMS,
    "mean": _ITEMS,
    "variance": _ITEMS,
    "value": _ITEMS,  # of a tensor
    "attributes": _ITEMS,  # of a callback, such as a history
    "layers": 3000,
    "thresholds": 10_000,
    "values": 20_000,  # arrays
    "optimizer_values": 100_000,
    "built_for": 20_000,
    "found": 20_000,
}
_WHOLE = 2**31  # of the whole numbers in configs, but of these, and where Keras goes through as many steps:
_WHOLE_NUMBERS = {
    "seed": 2**64,
    "salt": 2**64,
    "num_thresholds": 10_000,
    "num_ops": 100,
    "num_chains": 100,
    "chain_depth": 100,
    "num_oov_indices": 2**16,
    "ngrams": 100,
    "ns_steps": 100,
    "power_iterations": 100,
    "fft_length": 2**16,
    "sequence_length": 2**16,
    "num_mel_bins": 2**12,
    "kernel_size": 2**16,
    "max_number": 2**16,
    "rank": 2**16,
    "lora_rank": 2**16,
}
_LAYERS = 3000
_BUILDS = 20_000  # of layers of Sequential, which builds those that it has anew with each that is added
_ROW = 2**26  # numbers
_BATCH = 2**16  # rows
_SHAPES = ("batch_shape", "build_input_shape", "input_shape")  # with that of the batch
# Regular expressions, and dicts by them, which Keras searches names for.
_PATTERNS = ("exclude_layers", "text")
_MAPS_OF_PATTERNS = ("optimizer_map", "policy_map")
_REPETITIONS = 2
# What the dicts of each kind have, beside the kind.
_NUMBERS, _TEXT, _DICT, _LIST_OF_PAIRS = object(), object(), object(), object()
_ANY, _CLASS, _ITEMS_OF, _ARRAYS = object(), object(), object(), object()
_KINDS = {
    "array of strings": {"items": _ITEMS_OF, "shape": _ITEMS_OF},
    "bytes": {"array": _NUMBERS},
    "callback": {"class": _CLASS, "attributes": _DICT},
    "class": {"name": _TEXT},
    "dict": {"items": _LIST_OF_PAIRS},
    "function": {"name": _TEXT},
    "network": {
        "config": _DICT,
        "compiled": _ANY,
        "built_for": _ANY,
        "found": _ITEMS_OF,
        "values": _ARRAYS,
        "optimizer_values": _ARRAYS,
    },
    "part": {"class": _CLASS, "config": _DICT, "rate": _ANY, "found": _ITEMS_OF},
    "partial": {"function": _ANY, "arguments": _ITEMS_OF, "keywords": _DICT},
    "pattern": {"text": _TEXT},
    "scalar": {"array": _NUMBERS},
    "set": {"items": _ITEMS_OF},
    "tensor": {"array": _NUMBERS},
    "ufunc": {"name": _TEXT},
}
_OF_CONFIG = {"module", "class_name", "config", "registered_name"}
_BESIDE = {"build_config", "compile_config", "name", "inbound_nodes", "shared_object_id"}
# What Keras writes for plain values, and the parts of it.
_SPECIAL = {
    "__bytes__": {"value"},
    "__ellipsis__": set(),
    "__keras_tensor__": {"shape", "dtype", "keras_history"},
    "__numpy__": {"value", "dtype"},
    "__slice__": {"start", "stop", "step"},
    "__tensor__": {"value", "dtype"},
}
_DTYPES = {"bool", "float16", "bfloat16", "float32", "float64"} | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}


def untrusted_names(state: Any) -> set[str]:
    """Return the names of Keras's classes in a state that need the caller's trust, such as those that write files.

    Parameters
    ----------
    state : object
        Any plain data.

    Returns
    -------
    names : set of str
        Such as {"keras.callbacks.ModelCheckpoint"}.
    """
    named = (value.get(key) for value, *_ in walked(state) if type(value) is dict for key in ("class", "name"))
    return {name for name in named if type(name) is str and name in TRUSTED_BY_NAME}


def check_state(state: Any) -> None:
    """Raise a ValueError if a state is not one that `skdeep._files.keras_files.describe_for_file` returned.

    What it does not see, since it does not know Keras, is seen when something is made of it.
    """
    if type(state) is not dict or set(state) != {"own", "value"}:
        raise altered(f"it has {_shown(state)} where a state of a Keras object should be")
    own = state["own"]
    if type(own) is not dict or not all(type(name) is str and _is_own(item, name) for name, item in own.items()):
        raise altered(f"it has {_shown(own)} where classes and functions by their names should be")
    n_layers = n_builds = 0
    for value, key, is_config in walked(state["value"]):
        _check(value, key, is_config, own)
        if type(value) is dict and type(value.get("config")) is dict and "layers" in value["config"]:
            n_here = len(value["config"]["layers"]) if type(value["config"]["layers"]) is list else 0
            n_layers += n_here
            n_builds += n_here**2 if value.get("class_name") == "Sequential" else 0
    if n_layers > _LAYERS or n_builds > _BUILDS:
        raise altered(f"it has {n_layers} layers, which are more than can be built")


def walked(value: Any) -> Iterator[tuple[Any, str | None, bool]]:
    """Yield all that is in plain data, each with the key of the dict that it is under and whether it is in a config."""
    pending, n_seen = [(value, None, False, 0)], 0
    while pending:
        value, key, is_config, depth = pending.pop()
        n_seen += 1
        if depth > _DEPTH or n_seen > _ITEMS:
            raise altered(f"it has more than {_DEPTH} containers in each other, or more than {_ITEMS} values")
        yield value, key, is_config
        if type(value) in (list, tuple):
            if len(value) > _ITEMS:
                raise altered(f"it has a list of {len(value)} items")
            pending += [(each, key, is_config, depth + 1) for each in value]
        elif type(value) is dict:
            if len(value) > _ITEMS:
                raise altered(f"it has a dict of {len(value)} items")
            for name, each in value.items():
                pending.append((each, name, is_config or name in ("config", "build_config"), depth + 1))


def altered(what: str) -> AlteredFileError:
    """Return the error for a file that says what skdeep does not write."""
    return AlteredFileError(
        f"The description of a Keras object is not one that skdeep writes: {what}. A file may have been altered.", what
    )


def _check_pattern(pattern):
    """Raise a ValueError if a regular expression could take any time, by repetitions of repetitions."""
    if len(re.findall(r"[*+?{]", pattern)) > _REPETITIONS:
        raise altered(f"the regular expression {_shown(pattern)} has more than {_REPETITIONS} repetitions")


def _check(value, key, is_config, own):
    kind = type(value)
    if value is None or kind in (bool, float):
        return
    if kind is int:
        largest = _WHOLE_NUMBERS.get(key, _WHOLE) if is_config else 2**64
        if abs(value) > largest:
            raise altered(f"{key!r} is {_shown(value)}, but may be {largest} at most")
    elif kind is str:
        if len(value) > _NAME:
            raise altered(f"{_shown(key)} is a string of {len(value)} characters")
        if key in _PATTERNS:
            _check_pattern(value)
    elif kind in (list, tuple):
        _check_length(value, key)
        if key == "found" and len(value) == 4 and value[2] == "pattern" and type(value[3]) is str:
            _check_pattern(value[3])
        if is_config and type(key) is str and key.endswith("shape"):
            _check_shape(value, key)
    elif kind is dict:
        _check_dict(value, key, own)
    elif isinstance(value, np.ndarray):
        if value.dtype.kind not in "biufc" or type(value) is not np.ndarray:
            raise altered(f"{_shown(key)} is an array of {value.dtype}")
    elif not is_users(value):
        raise altered(f"{_shown(key)} is an object of type {kind.__name__}")


def _check_length(value, key):
    longest = _LONG_LISTS.get(key, _ITEMS if key == "items" else _LIST) if type(key) is str or key is None else _LIST
    if len(value) > longest:
        raise altered(f"{_shown(key)} is a list of {len(value)} items, but may have {longest} at most")


def _check_shape(value, key):
    """Check a shape, of which Keras may make arrays when it builds a layer."""
    sizes = [each for each in value if type(each) is int and each > 1]
    batch = sizes.pop(0) if key in _SHAPES and sizes and sizes[0] == value[0] else 1
    if batch > _BATCH or math.prod(sizes) > _ROW:
        raise altered(f"{key!r} is that of more than {_BATCH} rows, or of more than {_ROW} numbers in a row")


def _check_dict(value, key, own):
    for name in value:
        if type(name) is not str or len(name) > _NAME:
            raise altered(f"{_shown(key)} has the key {_shown(name)}")
        if key in _MAPS_OF_PATTERNS:
            _check_pattern(name)
    if "kind" in value:
        _check_kind(value)
    elif "class_name" in value:
        _check_config(value, own)


def _check_kind(value):
    kind = value["kind"]
    parts = _KINDS.get(kind) if type(kind) is str else None
    if parts is None or set(value) != {"kind", *parts}:
        raise altered(f"{_shown(kind)} is no kind of values, or it has {_shown(sorted(value))}")
    for name, form in parts.items():
        _check_form(kind, name, value[name], form)


def _check_form(kind, name, part, form):
    is_items = type(part) in (list, tuple)
    is_right = {
        _ANY: True,
        _TEXT: type(part) is str,
        _DICT: type(part) is dict,
        _ITEMS_OF: is_items,
        _LIST_OF_PAIRS: is_items and all(type(each) in (list, tuple) and len(each) == 2 for each in part),
        _NUMBERS: isinstance(part, np.ndarray),
        _ARRAYS: part is None or (is_items and all(isinstance(each, np.ndarray) for each in part)),
        _CLASS: type(part) is str or inspect.isclass(part),
    }[form]
    if not is_right:
        raise altered(f"the {name!r} of a {kind} is {_shown(part)}")
    if kind in ("class", "callback", "part") and type(part) is str and name in ("class", "name"):
        check_class_name(part)
    if kind == "function" and part not in FUNCTION_NAMES:
        raise altered(f"{_shown(part)} is no function of Keras that a file may have")


def check_class_name(name: Any) -> None:
    """Raise a ValueError if a name is not that of a class of Keras's that may be made of a file."""
    if name in REFUSED:
        raise ValueError(f"{name} cannot be in a file: {REFUSED[name]}.")
    if name not in CLASS_NAMES and name not in TRUSTED_BY_NAME:
        raise altered(f"{_shown(name)} is no class of Keras that a file may have")


def _check_config(value, own):
    """Check a dict of which Keras makes an object."""
    name, config = value["class_name"], value.get("config")
    if type(name) is not str:
        raise altered(f"a 'class_name' is {_shown(name)}")
    if name.startswith("__"):
        _check_special(name, value, config)
        return
    module, registered = value.get("module"), value.get("registered_name")
    if not value.keys() >= _OF_CONFIG or value.keys() - _OF_CONFIG - _BESIDE or type(module) is not str:
        raise altered(f"the config of {_shown(name)} has {_shown(sorted(value))}")
    if value.get("compile_config"):
        raise altered(f"{_shown(name)} has a 'compile_config'")
    if name == "function":
        if type(config) is not str or registered != config:
            raise altered(f"a function has the config {_shown(config)}")
        if not (module == "own" and inspect.isfunction(own.get(config))) and f"{module}.{config}" not in FUNCTION_NAMES:
            raise altered(f"{_shown(f'{module}.{config}')} is no function that a file may have")
        return
    if type(config) is not dict:
        raise altered(f"the config of {_shown(name)} is {_shown(config)}")
    if module == "own":
        if not inspect.isclass(own.get(name)) or registered != name:
            raise altered(f"{_shown(name)} is not among the classes of the user's")
        return
    if registered is not None:
        raise altered(f"{_shown(name)} is registered as {_shown(registered)}")
    check_class_name(f"{module}.{name}")
    if f"{module}.{name}" in TRUSTED_BY_NAME:
        raise altered(f"{module}.{name} has a config")
    _check_files(f"{module}.{name}", config)
    for node in value.get("inbound_nodes") or ():
        # An operation of no symbolic tensor is computed at once.
        if not any(type(each) is dict and each.get("class_name") == "__keras_tensor__" for each, *_ in walked(node)):
            raise altered(f"{_shown(name)} is called without inputs")


def _check_files(name, config):
    if type(config.get("vocabulary")) is str:
        raise ValueError(
            f"{name} cannot be in a file with the path of its vocabulary, {_shown(config['vocabulary'])}: files of "
            "skdeep make nobody read other files. Give it the words, as in vocabulary=layer.get_vocabulary()."
        )


def _check_special(name, value, config):
    if name == "__lambda__":
        raise ValueError(
            "A lambda cannot be in a file, since Keras writes it as code; use a function of a module instead."
        )
    parts = _SPECIAL.get(name)
    if parts is None or value.keys() != {"class_name", "config"} or type(config) is not dict or set(config) != parts:
        raise altered(f"{_shown(name)} has {_shown(sorted(value))}")
    if "dtype" in config and (type(config["dtype"]) is not str or config["dtype"] not in _DTYPES | {"string"}):
        raise altered(f"the dtype of a {name} is {_shown(config['dtype'])}")
    if name == "__bytes__" and type(config["value"]) is not str:
        raise altered(f"the value of {name} is {_shown(config['value'])}")
    if name == "__keras_tensor__" and not _is_shape(config["shape"]):
        raise altered(f"the shape of a {name} is {_shown(config['shape'])}")


def _is_shape(shape):
    return (
        type(shape) in (list, tuple) and len(shape) < 100 and all(each is None or type(each) is int for each in shape)
    )


def is_users(value: object) -> bool:
    """Whether this is a class, or a function of a module, that files have by name."""
    if inspect.isclass(value):
        return value.__module__.split(".")[0] not in ("builtins", "keras", "tensorflow", "sklearn", "numpy")
    return isinstance(value, types.FunctionType) and value.__module__.split(".")[0] != "keras"


def _is_own(item, name):
    return is_users(item) and item.__name__ == name


def _shown(value):
    """Return a short text of a value, whatever it is."""
    if type(value) is int and abs(value) > 2**64:
        return f"a number of {value.bit_length()} bits"
    if type(value) is str:
        return repr(value if len(value) <= 80 else value[:80] + "...")
    if value is None or type(value) in (bool, int, float):
        return repr(value)
    if type(value) in (list, tuple) and len(value) <= 20 and all(type(each) is str for each in value):
        return f"[{', '.join(map(_shown, value))}]"
    return f"an object of type {type(value).__name__}"
