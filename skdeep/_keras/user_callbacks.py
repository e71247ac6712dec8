"""Callbacks of the user's: what of them copies of an estimator hold, and who may have a model after they saw it.

A fit works with the very objects that were given. A clone, copy or pickle holds others: each has the attributes of the
original, its own lists, dicts, sets and arrays, and shares all else, such as a trial of Optuna or a logger. The models
that the original saw are left out.

Callbacks of Keras's own classes let go of the model after the fit, so that other networks can have its traces. What the
user wrote may hold on to it: then no other network gets them.

This module does not import Keras: where Keras is not loaded there are no callbacks.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import functools
import sys
import types
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
from joblib.externals.loky.backend.reduction import dumps

from skdeep._common.state_options import is_for_file
from skdeep._lazy import keras, lazy_module

callbacks = lazy_module("skdeep.callbacks")

# Parameters and attributes of estimators that hold callbacks.
WITH_CALLBACKS = ("callbacks", "fit__callbacks", "callbacks_")
# What callbacks of Keras have for the time of one fit: the weights once more, open files.
_OF_ONE_FIT = {
    "EarlyStopping": ("best_weights",),
    "CSVLogger": ("csv_file", "writer"),
    "TensorBoard": ("_writers", "_summary_module", "_batch_trace_context"),
}
# By the id of a callback, the models that fits showed to it, as weak references.
_seen: dict[int, weakref.WeakValueDictionary[int, keras.Model]] = {}


def state_for_pickle(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of an estimator as its pickles hold them."""
    attributes = with_copied_callbacks(attributes, {})
    if is_for_file() or not _can_be_pickled(attributes.get("callbacks_")):
        attributes.pop("callbacks_", None)
    return attributes


def with_copied_callbacks(attributes: dict[str, Any], memo: dict[int, Any]) -> dict[str, Any]:
    """Return attributes of an estimator, with copies of the callbacks among them."""
    values = [attributes.get(name) for name in WITH_CALLBACKS]
    copies = zip(WITH_CALLBACKS, copied_callbacks(values, memo), strict=True)
    return attributes | {name: value for name, value in copies if name in attributes}


def _can_be_pickled(callbacks):
    """Whether what classes and functions made can be pickled, as to workers; otherwise estimators are without it."""
    try:
        dumps(callbacks)
    except Exception:  # which kind depends on the user's classes
        return False
    return True


def copied_callbacks(value: Any, memo: dict[int, Any]) -> Any:
    """Return a copy of what a parameter `callbacks` may be, without the models that its callbacks saw.

    Parameters
    ----------
    value : object
        A callback, class or function, a list, tuple or dict of them, or None.
    memo : dict
        As of `copy.deepcopy`: what was copied with it already is not copied again.
    """
    parts: dict[int, Any] = {}
    for callback in filter(is_callback, _walk(value, _held)):
        for model in _models_seen_by(callback):
            parts |= _parts(model)
    return _copied(value, memo, parts)


@contextlib.contextmanager
def shown(network: Any, program: Any, callbacks: list[keras.callbacks.Callback]) -> Iterator[None]:
    """Let callbacks see the model in the body of the ``with`` statement; keep it, if they may hold it afterwards."""
    if not callbacks:
        yield
        return
    are_of_keras = all(map(_is_of_keras, callbacks))
    if not (are_of_keras or network.is_kept):
        network.keep()
    for callback in callbacks:
        _remember_model(callback, program.model)
    try:
        yield
    finally:
        if are_of_keras:
            for callback in callbacks:
                callback._model = None
            parts = _parts(program.model)
            if any(_is_part(value, parts) for value in _walk(callbacks, _led_to)):
                network.keep()


def is_callback(value: object) -> bool:
    """Whether this is a callback object of Keras."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(value, keras.callbacks.Callback)


def _is_of_keras(callback):
    """Whether no code of the user's but a schedule is in a callback."""
    kind = type(callback)
    if kind in (keras.callbacks.LambdaCallback, keras.callbacks.CallbackList):
        return False
    return kind is callbacks.StopAtMetric or getattr(keras.callbacks, kind.__name__, None) is kind


def _remember_model(callback, model):
    if id(callback) not in _seen:
        _seen[id(callback)] = weakref.WeakValueDictionary()
        weakref.finalize(callback, _seen.pop, id(callback), None).atexit = False
    _seen[id(callback)][id(model)] = model


def _models_seen_by(callback):
    """Return the model that was set, and those that fits showed: it may keep them, or set them in a way of its own."""
    model = vars(callback).get("_model")
    return [*([] if model is None else [model]), *_seen.get(id(callback), {}).values()]


def _parts(model):
    """Return a model, its layers, variables, metrics and optimizer, by id."""
    parts, owners = [model], [model]
    for name in ("optimizer", "inner_optimizer"):  # the latter is in one that scales the loss
        with contextlib.suppress(Exception):  # a class of the user's may do anything
            owners.append(getattr(owners[-1], name))
    for owner in owners:
        parts.append(owner)
        for name in ("variables", "metrics"):
            with contextlib.suppress(Exception):
                parts += getattr(owner, name)
    with contextlib.suppress(Exception):
        parts += model._flatten_layers()
    parts += [part.value for part in parts if isinstance(part, sys.modules["keras"].Variable)]
    return {id(part): part for part in parts}


def _is_part(value, parts):
    """Whether this is one of the parts, or a layer, tensor or function that is made of them."""
    if not parts:
        return False
    keras = sys.modules["keras"]
    if isinstance(value, types.MethodType):
        return id(value.__self__) in parts
    if isinstance(value, types.FunctionType):
        return any(id(each) in parts for each in _enclosed(value))
    if isinstance(value, functools.partial):
        return any(_is_part(each, parts) for each in _bound(value))
    if isinstance(value, keras.layers.Layer):  # perhaps a model of layers that the other has, too
        return any(id(layer) in parts for layer in value._flatten_layers())
    if isinstance(value, keras.KerasTensor):
        return id(getattr(getattr(value, "_keras_history", None), "operation", None)) in parts
    return id(value) in parts


def _walk(value, inside):
    """Yield a value and all that is in it, by a function that tells what is in one."""
    pending, seen = [value], {}
    while pending:
        value = pending.pop()
        if id(value) not in seen:
            seen[id(value)] = value
            yield value
            pending += inside(value)


def _held(value):
    """Return the attributes of a callback, or what is in a container."""
    return attributes_of(value).values() if is_callback(value) else _items(value)


def _led_to(value):
    """Return all that code of this value might get at."""
    if isinstance(value, types.MethodType):
        return [value.__self__, value.__func__]
    if isinstance(value, types.FunctionType):
        names = _global_names(value.__code__)
        return [*_enclosed(value), *(value.__globals__[name] for name in names if name in value.__globals__)]
    if isinstance(value, functools.partial):
        return _bound(value)
    if isinstance(value, (type, types.ModuleType)):
        return []
    return [*_held(value), *getattr(value, "__dict__", {}).values()]


def _enclosed(function):
    """Return what a function closes over, and its defaults."""
    cells = [cell.cell_contents for cell in function.__closure__ or () if cell != types.CellType()]
    return [*cells, *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]


def _bound(partial):
    return [partial.func, *partial.args, *partial.keywords.values()]


def _global_names(code):
    inner = [name for each in code.co_consts if isinstance(each, types.CodeType) for name in _global_names(each)]
    return [*code.co_names, *inner]


def attributes_of(callback: object) -> dict[str, Any]:
    """Return the attributes of a callback, those in slots too, whatever its class says of its state."""
    state = object.__getstate__(callback)
    by_dict, by_slot = state if isinstance(state, tuple) else (state, None)
    return (by_dict or {}) | (by_slot or {})


def _items(value):
    """Return what is in a container; other values have nothing in them."""
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, np.ndarray):
        return value.ravel().tolist() if value.dtype == object else []
    return list(value) if isinstance(value, (list, tuple, set, frozenset, collections.deque)) else []


def _copied(value, memo, parts):
    if id(value) in memo:
        return memo[id(value)]
    if is_callback(value):
        return _copied_callback(value, memo, parts)
    try:
        return None if _is_part(value, parts) else _copied_container(value, memo, parts)
    except Exception:  # one of the user's that cannot be copied or filled
        return value


def _copied_callback(callback, memo, parts):
    kind = type(callback)
    try:
        other = object.__new__(kind)  # not its own, which may take arguments or return what is there
    except TypeError:  # it is a container, too
        other = kind.__new__(kind)
    _remember_copy(callback, other, memo)
    passing = {"_model", *(name for each in kind.__mro__ for name in _OF_ONE_FIT.get(each.__name__, ()))}
    for name, value in attributes_of(callback).items():
        object.__setattr__(other, name, None if name in passing else _copied(value, memo, parts))
    return other


def _copied_container(value, memo, parts):
    """Return a copy of a container with copies of what is in it, and any other value itself."""
    if isinstance(value, (tuple, frozenset)):
        items = [_copied(item, memo, parts) for item in value]
        return value._make(items) if hasattr(value, "_make") else type(value)(items)
    if not isinstance(value, (list, dict, set, collections.deque, np.ndarray)):
        return value
    other = _remember_copy(value, copy.copy(value), memo)
    if isinstance(value, np.ndarray):
        for index in np.ndindex(value.shape if value.dtype == object else 0):
            other[index] = _copied(value[index], memo, parts)
        return other
    other.clear()
    if isinstance(value, dict):
        other.update({key: _copied(item, memo, parts) for key, item in value.items() if not _is_part(key, parts)})
    elif isinstance(value, set):
        other.update(_copied(item, memo, parts) for item in value if not _is_part(item, parts))
    else:
        other.extend(_copied(item, memo, parts) for item in value)
    return other


def _remember_copy(value, other, memo):
    memo[id(value)] = other
    memo.setdefault(id(memo), []).append(value)  # alive, as deepcopy keeps it: else its id might be another's
    return other
