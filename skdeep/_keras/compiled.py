"""What a model of the user's was compiled with, and whether the settings beside it are among that."""

from __future__ import annotations

import inspect
import operator
from typing import Any

import numpy as np

from skdeep._common.numbers import plain_number
from skdeep._data.objectives import keras_name, shown
from skdeep._lazy import keras

_ADVICE = "Set it where the model is compiled, let the function take compile_kwargs, or return a model not compiled."


def compiled_metrics(model: keras.Model) -> list[Any]:
    """Return the metrics that a model was compiled with, in whatever form they were given."""
    compiled = getattr(model, "_compile_metrics", None)
    if compiled is None:
        return []
    given = (compiled._user_metrics, compiled._user_weighted_metrics)
    return [metric for metrics in given for metric in keras.tree.flatten(metrics or []) if metric is not None]


def compile_with_loss(model: keras.Model, loss: Any) -> None:
    """Compile a model that is compiled without a loss with one, and with all else as it is."""
    metrics = getattr(model, "_compile_metrics", None)
    model.compile(
        optimizer=model.optimizer,
        loss=loss,
        loss_weights=None if model._compile_loss is None else model._compile_loss._user_loss_weights,
        metrics=None if metrics is None else metrics._user_metrics,
        weighted_metrics=None if metrics is None else metrics._user_weighted_metrics,
    )


def check_used(settings: dict[str, Any], model: keras.Model, arguments: dict[str, Any]) -> None:
    """Raise if a setting of compiling that was given beside a compiled model is not what it was compiled with.

    Parameters
    ----------
    settings : dict
        The parameters `optimizer`, `loss` and `metrics`, the routed ones, and `learning_rate` and
        `loss_weights` if they are given.
    model : keras.Model
        Compiled.
    arguments : dict
        What the function that built the model was given; it may have used ``compile_kwargs``.
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    loss, metrics = _flat(model.loss), compiled_metrics(model)
    held = arguments.get("compile_kwargs", {})
    held_losses = _flat(held.get("loss"))
    is_used = {
        "optimizer": any(each is held.get("optimizer", 0) for each in (model.optimizer, optimizer)),
        "loss": bool(held_losses) and len(loss) == len(held_losses) and all(map(operator.is_, loss, held_losses)),
        "metrics": bool(held.get("metrics")) and all(any(each is m for m in metrics) for each in held["metrics"]),
    }
    compiled_with = {"optimizer": [model.optimizer, optimizer], "loss": loss, "metrics": metrics}
    weights = settings.pop("loss_weights", None)
    held_weights = getattr(getattr(model, "_compile_loss", None), "_user_loss_weights", None)
    if weights is not None and held_weights != weights:
        raise ValueError(
            f"loss_weights={weights!r} was given, but the model is compiled already, with {held_weights!r}. {_ADVICE}"
        )
    for name, value in settings.items():
        prefix, _, routed = ("optimizer__learning_rate" if name == "learning_rate" else name).partition("__")
        if is_used[prefix] or (name == "optimizer" and value == "rmsprop") or (not routed and value is None):
            continue
        items = compiled_with[prefix]
        if routed:
            fits = any(_has(item, routed.split("__"), plain_number(value)) for item in items)
        else:
            given = [value] if name == "optimizer" else _flat(value)
            fits = all(any(_is_same(one, item) for item in items) for one in given)
        if not fits:
            raise ValueError(
                f"{name}={value!r} was given, but the model is compiled already, with the {prefix} {_shown(items)}. "
                + _ADVICE
            )


def _flat(items):
    """Return the losses or metrics in lists and dicts by output."""
    return [item for item in keras.tree.flatten(items) if item is not None]


def _shown(items):
    return ", ".join(dict.fromkeys(map(shown, items))) or "none"


def _is_same(given, item):
    """Whether what was given to the estimator is what the model was compiled with."""
    if given is item:
        return True
    if isinstance(given, str) or inspect.isclass(given) or inspect.isroutine(given):
        if isinstance(item, keras.optimizers.Optimizer):
            return _class_name(given) == type(item).__name__.lower()
        if isinstance(given, str) and given == getattr(item, "name", None):
            return True
        name = keras_name(given)
        return name == keras_name(item) if name else given is type(item)
    return type(given) is type(item) and _attributes(given) == _attributes(item)


def _class_name(optimizer):
    """Return the name by which Keras knows an optimizer that is given as a string or a class."""
    name = optimizer if isinstance(optimizer, str) else optimizer.__name__
    return name.lower().replace("_", "")


def _has(item, names, value):
    """Whether a Keras object has such a value under the last of the names."""
    name = names[-1]
    missing = object()
    held = [getattr(item, attribute, missing) for attribute in (name, f"_{name}")]
    held += [source.get(name, missing) for source in (_config(item), getattr(item, "_fn_kwargs", {}))]
    return any(each is not missing and _is_equal(each, value) for each in held)


def _is_equal(one, other):
    if one is other:
        return True
    try:
        return bool(np.allclose(one, other, rtol=1e-6, atol=0))
    except TypeError:  # no numbers
        return type(one) is type(other) and one == other


def _config(item):
    try:
        return item.get_config()
    except Exception:  # which kind depends on the user's class
        return {}


def _attributes(item):
    """Return the settings of a Keras object as text: its config, without the name, and its plain attributes."""
    plain = (bool, int, float, str, tuple, type(None))
    held = {name: value for name, value in vars(item).items() if isinstance(value, plain) and name[0] != "_"}
    held |= _config(item) | getattr(item, "_fn_kwargs", {})  # where Keras's losses and metrics have their arguments
    return {name: repr(value) for name, value in held.items() if name not in ("name", "built")}
