"""Callbacks of the attributes that files have of them, in place of configs, which callbacks have not."""

from __future__ import annotations

import numbers
import types
from typing import Any

import numpy as np

from skdeep._files.keras_names import TRUSTED_BY_NAME, public_name
from skdeep._files.plain_states import altered
from skdeep._lazy import keras

_FUNCTION = "function"  # or a learning-rate schedule of Keras
# The attributes of Keras's own callbacks by what they may be; None where the second is true.
_ATTRIBUTES = {
    "_called_in_fit": (bool, False),
    "_ema_weights_in_model": (bool, False),
    "_model": ((), True),
    "baseline": (numbers.Real, True),
    "best": (numbers.Real, True),
    "best_epoch": (numbers.Real, True),
    "best_weights": (list, True),
    "cooldown": (numbers.Real, False),
    "cooldown_counter": (numbers.Real, False),
    "epoch": (list, True),
    "epochs": (numbers.Real, True),
    "factor": (numbers.Real, False),
    "history": (dict, False),
    "min_delta": (numbers.Real, False),
    "min_lr": (numbers.Real, False),
    "mode": (str, False),
    "monitor": (str, False),
    "monitor_op": (_FUNCTION, True),
    "params": (dict, True),
    "patience": (numbers.Real, False),
    "progbar": ((), True),
    "raise_error": (bool, False),
    "restore_best_weights": (numbers.Real, False),
    "schedule": (_FUNCTION, False),
    "seen": (numbers.Real, False),
    "start_from_epoch": (numbers.Real, False),
    "stopped_epoch": (numbers.Real, False),
    "swap_on_epoch": (numbers.Real, False),
    "target": (numbers.Real, True),
    "value": (numbers.Real, False),
    "verbose": (numbers.Real, False),
    "wait": (numbers.Real, False),
}


def make_callback(kind: type, attributes: dict[str, Any]) -> keras.callbacks.Callback:
    """Return a callback of a class with these attributes.

    Parameters
    ----------
    kind : type
        Of Keras's own or the user's.
    attributes : dict
        From a file: they may be anything but code.
    """
    if not issubclass(kind, keras.callbacks.Callback):
        raise altered(f"{kind.__name__} is no class of callbacks")
    name = public_name(kind)
    callback: Any = object.__new__(kind)
    if name is not None and name not in TRUSTED_BY_NAME:
        callback = kind(_unchanged) if name == "keras.callbacks.LearningRateScheduler" else kind()
        unknown = attributes.keys() - vars(callback).keys() - {"epoch", "best_epoch"}
        if unknown:
            raise altered(f"{name} has no attribute {sorted(unknown)[0]!r}")
        for each, value in attributes.items():
            _check(name, each, value)
    for each, value in attributes.items():
        if name != "keras.callbacks.LambdaCallback":
            _check_name(kind, each)
        object.__setattr__(callback, each, value)
    return callback


def _check(kind, name, value):
    may_be, is_none_too = _ATTRIBUTES[name]
    if may_be is _FUNCTION:
        may_be = (types.FunctionType, np.ufunc, keras.optimizers.schedules.LearningRateSchedule)
    if not (isinstance(value, may_be) or (is_none_too and value is None)):
        raise altered(f"the attribute {name!r} of {kind} is {value!r}")


def _check_name(kind, name):
    if not name.isidentifier() or name.startswith("__") or callable(getattr(kind, name, None)):
        raise altered(f"{name!r} is no attribute that a {kind.__name__} can have")
    if isinstance(getattr(kind, name, None), property):
        raise altered(f"{name!r} is a property of {kind.__name__}")


def _unchanged(epoch, rate):
    return rate
