"""The adapter to scikeras: from an estimator's parameters and a network to a compiled model and its callbacks.

A `scikeras.wrappers.KerasClassifier` turns strings, classes and routed parameters (``optimizer__momentum=0.1``,
``callbacks__patience=3``) into Keras objects. Nothing else of scikeras is used, neither its seeding nor its pickling
nor its fit loop, and no other module imports it. What its import changes in Keras is taken back.

What the user gives is what is used: losses and initializers are the given objects, and each fit has a copy of those
optimizers and metrics that are objects, since these have a state.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import sys
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from skdeep._common import private_parts
from skdeep._common.near_names import did_you_mean, did_you_mean_parameter, did_you_mean_value
from skdeep._common.numbers import plain_number, value_dtype
from skdeep._data.objectives import ALIASES, chosen_arguments, keras_name, snake_name
from skdeep._engine.replicas import make_here
from skdeep._keras.copying import faithful_copy, without_training
from skdeep._lazy import keras
from skdeep._networks.initial_values import KERAS_ALIASES

# What scikeras replaces in Keras, for the whole process.
_REPLACED = {
    keras.Model: ("__reduce__", "__deepcopy__"),
    keras.losses.Loss: ("__reduce__",),
    keras.metrics.Metric: ("__reduce__",),
    keras.optimizers.Optimizer: ("__reduce__",),
}
_is_scikeras_the_users = "scikeras" in sys.modules
_before = {(cls, name): vars(cls).get(name) for cls, names in _REPLACED.items() for name in names}

from scikeras.wrappers import KerasClassifier  # noqa: E402, isort: skip (after our import of TensorFlow)


def _restore_keras():
    """Take back what the import of scikeras changed in Keras's classes."""
    for (cls, name), method in _before.items():
        if method is not None:
            setattr(cls, name, method)
        elif name in vars(cls):  # else it is inherited
            delattr(cls, name)


if not _is_scikeras_the_users:
    _restore_keras()
private_parts.check("scikeras")


def compile_model(model: keras.Model, settings: dict[str, Any], *, encoding: str) -> None:
    """Compile `model` in place, with what `compile_arguments` returns; here the loss may not be None."""
    _loss(settings["loss"])
    arguments = compile_arguments(settings, encoding=encoding)
    # As weighted metrics, accuracy counts a row of weight 2 twice, as the loss does.
    model.compile(optimizer=arguments["optimizer"], loss=arguments["loss"], weighted_metrics=arguments["metrics"] or [])


def compile_arguments(settings: dict[str, Any], *, encoding: str) -> dict[str, Any]:
    """Return a fresh optimizer, a loss and metrics, by these names in a dict.

    Parameters
    ----------
    settings : dict
        The parameters `optimizer`, `learning_rate`, `loss`, `metrics` and `dtype_policy` as given to the estimator, and
        the routed ones. Of an optimizer or a metric among them each call makes a copy. A loss of None stays.
    encoding : str
        Form of the targets, see `skdeep._data.heads.Head`.
    """
    routed = {name: plain_number(value) for name, value in settings.items() if "__" in name}
    optimizer = _optimizer(settings["optimizer"])
    loss = None if settings["loss"] is None else _loss(settings["loss"])
    given_metrics = _as_list(settings["metrics"])
    metrics = [_metric(metric, encoding) for metric in given_metrics]
    for prefix, items in (("optimizer", [optimizer]), ("loss", [loss]), ("metrics", metrics)):
        _check_routed(prefix, items, routed)
    learning_rate = _learning_rate(settings["learning_rate"], routed)
    if inspect.isclass(optimizer):
        routed |= {} if learning_rate is None else {"optimizer__learning_rate": learning_rate}
    else:
        optimizer = _fresh_optimizer(optimizer, learning_rate)
    if inspect.isclass(loss):
        arguments = {name.removeprefix("loss__"): value for name, value in routed.items() if name.startswith("loss__")}
        loss = _made_loss(loss, arguments, value_dtype(settings["dtype_policy"]))
    for number, (metric, given) in enumerate(zip(metrics, given_metrics, strict=True)):
        if inspect.isclass(metric):
            for name, value in ({"name": _metric_name(given, metric)} | chosen_arguments(metric, encoding)).items():
                if f"metrics__{name}" not in routed and name in inspect.signature(metric).parameters:
                    routed.setdefault(f"metrics__{number}__{name}", value)
    routed = {name: value for name, value in routed.items() if not name.startswith("loss__")}
    _make_floats(routed, optimizer=[optimizer], metrics=metrics)

    arguments = {}

    def build(compile_kwargs):
        arguments.update(compile_kwargs)

    try:
        _through_scikeras(build, optimizer=optimizer, metrics=metrics, **routed)
    except TypeError as error:  # an argument is missing
        raise TypeError(
            f"optimizer={settings['optimizer']!r} or metrics={settings['metrics']!r} cannot be made: {error}"
        ) from error
    made = zip(metrics, arguments["metrics"], strict=True)
    metrics = [metric if isinstance(metric, str) else each for metric, each in made]  # Keras knows what "accuracy" is
    return {"optimizer": arguments["optimizer"], "loss": loss, "metrics": metrics}


def initializer_factory(value: Any, name: str) -> Callable[[np.random.Generator], Any]:
    """Return a function from a generator of seeds to a Keras initializer, as the parameter `name` asks for it."""
    if isinstance(value, str):
        value = _initializer_named(value, name)
    base = keras.initializers.Initializer
    if inspect.isclass(value) and issubclass(value, base) and value is not base:
        has_seed = "seed" in inspect.signature(value).parameters
        return lambda rng: value(seed=_seed(rng)) if has_seed else value()
    if isinstance(value, base):
        if _lacks_seed(value):
            return lambda rng: _with_seed(value, _seed(rng))
        if isinstance(getattr(value, "seed", None), keras.random.SeedGenerator):
            value = _with_seed(value, faithful_copy(value.seed))  # each draw changes it
        return lambda rng: value
    raise TypeError(f"{name} must be the name, a class or an instance of a Keras initializer. Got {value!r}.")


def make_callbacks(given: list[Any], routed: dict[str, Any]) -> list[keras.callbacks.Callback]:
    """Return the callbacks of one fit: the objects that were given, and those made by classes and functions.

    Parameters
    ----------
    given : list
        Values of the parameter `callbacks`: None, or one callback, class or function, or a list, tuple or dict of them.
    routed : dict
        The routed parameters of the classes among them. Those of a list go by number, those of a dict by name.
    """
    routed = {name: value for name, value in routed.items() if name.startswith("callbacks__")}
    given = [each for each in given if each is not None]
    is_single = len(given) == 1 and not isinstance(given[0], (list, tuple, dict))
    items, routed = (given, routed) if is_single else _listed(given, routed)
    if routed and not given:
        raise ValueError(f"{next(iter(routed))} was given, but callbacks is None.")
    for item in items:
        if not (_is_or_makes(item, keras.callbacks.Callback) or _is_function(item)):
            raise TypeError(
                "callbacks must be Keras callbacks or classes of them, or functions without arguments that return "
                f"callbacks. Got {given[0] if len(given) == 1 else given!r}."
            )
    _check_routed("callbacks", items, routed)
    made = [[item] if isinstance(item, keras.callbacks.Callback) else item for item in items]
    for number, callback in _instances(items, routed, is_single):
        made[number] = [callback]
    return [callback for each in made for callback in (each if isinstance(each, list) else _returned_by(each))]


def _initializer_named(value, name):
    # Keras's own look-up would make an object, which draws from the global `random` of Python.
    known = KERAS_ALIASES.get(value, value)
    base = keras.initializers.Initializer
    found = getattr(keras.initializers, known, None) or _class_named(keras.initializers, base, known)
    if not inspect.isclass(found) or found is base:
        raise ValueError(
            f"{name}={value!r} is not an initializer that Keras knows, such as 'he_normal'."
            + did_you_mean(known.lower(), _names_in(keras.initializers, base))
        )
    return found


def _seed(rng):
    return int(rng.integers(2**31))


def _lacks_seed(initializer):
    """Whether an initializer was given no seed; Keras's own draw one then, of which `_init_seed` does not tell."""
    if hasattr(initializer, "_init_seed"):
        return initializer._init_seed is None
    if hasattr(initializer, "seed"):
        return initializer.seed is None
    try:
        return initializer.get_config().get("seed", 0) is None
    except NotImplementedError:  # of the user's
        return False


def _with_seed(initializer, seed):
    seeded = copy.copy(initializer)
    seeded.seed = seed
    return seeded


def _optimizer(optimizer):
    """Return an optimizer as it was given, or the class of that name."""
    base = keras.optimizers.Optimizer
    if isinstance(optimizer, str):
        # Keras's names of optimizers are those of their classes in lower case.
        known = {name.lower(): value for name, value in vars(keras.optimizers).items() if _is_subclass(value, base)}
        found = known.get(optimizer.lower().replace("_", ""))
        if found is None:
            raise ValueError(
                f"optimizer={optimizer!r} is not an optimizer that Keras knows, such as 'adam' or 'sgd'."
                + did_you_mean_value("optimizer", optimizer, known)
            )
        return found
    if isinstance(optimizer, base) or _is_subclass(optimizer, base):
        return optimizer
    raise TypeError(f"optimizer must be the name, a class or an instance of a Keras optimizer. Got {optimizer!r}.")


def _learning_rate(learning_rate, routed):
    if learning_rate is None:
        return None
    if "optimizer__learning_rate" in routed:
        raise ValueError("learning_rate and optimizer__learning_rate are the same setting; give only one of them.")
    learning_rate = plain_number(learning_rate)
    return float(learning_rate) if isinstance(learning_rate, Real) else learning_rate


def _fresh_optimizer(optimizer, learning_rate):
    """Return a copy of an optimizer that has not trained, with this learning rate unless it is None."""
    optimizer = without_training(optimizer)
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    for each in dict.fromkeys([optimizer, inner]):
        make_here(each)
    if learning_rate is None:
        return optimizer
    if isinstance(inner._learning_rate, keras.Variable) or not isinstance(learning_rate, Real):
        inner.learning_rate = learning_rate
    else:  # Keras's setter does not take a number in place of a schedule
        inner._learning_rate = keras.Variable(
            learning_rate, trainable=False, aggregation="only_first_replica", name="learning_rate"
        )
    return optimizer


def _loss(loss):
    """Return a loss as it was given, or the class of that name."""
    if isinstance(loss, str):
        found = _class_named(keras.losses, keras.losses.Loss, loss)
        if found is None and loss not in ("crossentropy", "ce"):  # for which Keras chooses when it sees the outputs
            raise ValueError(
                f"loss={loss!r} is not a loss that Keras knows, such as 'mean_squared_error'."
                + did_you_mean_value("loss", loss, _names_in(keras.losses, keras.losses.Loss))
            )
        return found or loss
    base = keras.losses.Loss
    if isinstance(loss, base) or _is_subclass(loss, base) or _is_function_of_targets(loss):
        return loss
    raise TypeError(f"loss must be 'auto', or a Keras loss as a name, class, function or object. Got {loss!r}.")


def _made_loss(cls, arguments, dtype):
    """Return a loss of a class, which computes in this dtype if its constructor takes one."""
    parameters = inspect.signature(cls).parameters.values()
    is_open = any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters)
    for name in arguments:
        arguments[name] = _as_float_if_default(arguments[name], name, cls)
    if "dtype" not in arguments and (is_open or any(parameter.name == "dtype" for parameter in parameters)):
        # Else it is Keras's global floatx.
        with contextlib.suppress(TypeError):  # a catch-all may be for something else
            return cls(**arguments, dtype=dtype)
    try:
        return cls(**arguments)
    except TypeError as error:
        raise TypeError(f"loss={cls.__name__} cannot be made: {error}") from error


def _metric(metric, encoding):
    """Return a copy of a metric, or the class of that name; functions and classes as they are."""
    if isinstance(metric, str) and metric.lower() in ("accuracy", "acc"):
        # For one output Keras picks the accuracy that fits, but it takes an indicator matrix for one-hot rows.
        return keras.metrics.BinaryAccuracy(metric) if encoding == "indicator" else metric
    base = keras.metrics.Metric
    if isinstance(metric, str):
        found = _class_named(keras.metrics, base, metric)
        if found is None:
            raise ValueError(
                f"metrics={metric!r} is not a metric that Keras knows, such as 'accuracy'."
                + did_you_mean_value("metrics", metric, _names_in(keras.metrics, base))
            )
        return found
    if isinstance(metric, base):
        metric = faithful_copy(metric)
        make_here(metric)
        metric.reset_state()
        return metric
    if _is_subclass(metric, base) or _is_function_of_targets(metric):
        return metric
    raise TypeError(f"metrics must be one Keras metric or a list of them, by name, class or object. Got {metric!r}.")


def _metric_name(given, metric):
    """Return the name of a metric in `history_`: the one it was given by, as in Keras, or the default of its class."""
    if isinstance(given, str) and (given == given.lower() or given.lower() in ALIASES):  # not in CamelCase
        return given
    name = inspect.signature(metric).parameters.get("name")
    # Without a name Keras counts the objects of the process and appends the number.
    return name.default if name is not None and isinstance(name.default, str) else snake_name(metric)


def _make_floats(routed, **items):
    """Make ints among the routed parameters floats where their defaults are, since Keras may insist on that."""
    for full_name, value in routed.items():
        prefix, *rest = full_name.split("__")
        number, name = (int(rest[0]), rest[1]) if rest[0].isdigit() and len(rest) == 2 else (None, rest[0])
        receivers = items.get(prefix, []) if number is None else items.get(prefix, [])[number : number + 1]
        for receiver in receivers:
            if len(rest) == 1 + (number is not None) and inspect.isclass(receiver):
                value = _as_float_if_default(value, name, receiver)
        routed[full_name] = value


def _as_float_if_default(value, name, cls):
    parameter = inspect.signature(cls).parameters.get(name)
    is_int = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_int and parameter is not None and isinstance(parameter.default, float) else value


def _is_subclass(item, base):
    return inspect.isclass(item) and issubclass(item, base) and item is not base


def _is_or_makes(item, base):
    return issubclass(item, base) if inspect.isclass(item) else isinstance(item, base)


def _is_function_of_targets(function):
    """Whether this is a function, not a class or metric, that takes targets and outputs."""
    if not callable(function) or inspect.isclass(function) or isinstance(function, keras.metrics.Metric):
        return False
    try:
        inspect.signature(function).bind(None, None)
    except (TypeError, ValueError):
        return False
    return True


def _is_function(item):
    return callable(item) and not inspect.isclass(item) and not isinstance(item, keras.layers.Layer)


def _returned_by(function):
    """Return the callbacks that a function of the user's returns, in a list."""
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        raise TypeError(f"callbacks={function!r} must take no arguments: {error}.") from error
    except ValueError:  # a function that does not tell
        pass
    returned = function()
    callbacks = _as_list(list(returned.values()) if isinstance(returned, dict) else returned)
    if returned is None or not all(isinstance(callback, keras.callbacks.Callback) for callback in callbacks):
        raise TypeError(
            f"callbacks={function!r} must return a Keras callback, or a list of them. It returned {returned!r}."
        )
    return callbacks


def _instances(items, routed, is_single):
    """Return pairs of a number among the items and what the class there makes with its routed parameters."""
    numbers = [number for number, item in enumerate(items) if inspect.isclass(item)]
    if not numbers:
        return []
    classes = [item if inspect.isclass(item) else keras.callbacks.Callback() for item in items]
    try:
        # In a list, scikeras finds nested parameters by number only.
        made = _through_scikeras(lambda: None, callbacks=classes[0] if is_single else classes, **routed)._fit_callbacks
    except TypeError as error:  # an argument is missing
        raise TypeError(f"callbacks={items!r} cannot be made: {error}") from error
    return [(number, made[number]) for number in numbers]


def _listed(given, routed):
    """Return all callbacks in one list, and the routed parameters of those in dicts by number instead of by name."""
    flat, numbers = [], {}
    for some in given:
        if isinstance(some, dict):
            numbers |= {name: len(flat) + number for number, name in enumerate(some)}
            some = list(some.values())
        flat += some if isinstance(some, (list, tuple)) else [some]
    parts = {name: name.split("__") for name in routed}
    return flat, {
        "__".join([prefix, str(numbers.get(first, first)), *rest]): routed[name]
        for name, (prefix, first, *rest) in parts.items()
    }


def _through_scikeras(build, **parameters):
    """Return a scikeras wrapper that has called `build` and made Keras objects of the parameters."""
    wrapper = KerasClassifier(model=build, **parameters)
    # Shapes are bound into the model already; scikeras only wants to see some data.
    return wrapper.initialize(np.zeros((2, 1)), np.array([0, 1]))


def _class_named(module, base, name):
    """Return Keras's class of this name, in CamelCase or snake_case or another of Keras's; None if there is none."""
    known = keras_name(name)
    return next(
        (each for each in vars(module).values() if _is_subclass(each, base) and keras_name(each) == known), None
    )


def _names_in(module, base):
    return [snake_name(each) for each in vars(module).values() if _is_subclass(each, base)]


def _check_routed(prefix, items, routed):
    """Raise if a routed parameter goes to no class among the items, or to one that does not know it."""
    for full_name in routed:
        name, *rest = full_name.removeprefix(f"{prefix}__").split("__")
        if not full_name.startswith(f"{prefix}__"):
            continue
        receivers = items
        if name.isdigit() and prefix in ("metrics", "callbacks"):
            receivers = items[int(name) : int(name) + 1]
            name = rest[0] if rest else ""
        if not receivers or not all(inspect.isclass(item) for item in receivers):
            raise ValueError(
                f"{full_name} needs {prefix} to be a name or a class of Keras that takes parameters. Got {receivers!r}."
            )
        for item in receivers:
            parameters = inspect.signature(item).parameters.values()
            known = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
            # Keras optimizers have a catch-all, but take none of what it catches.
            is_open = any(p.kind == p.VAR_KEYWORD for p in parameters) and prefix != "optimizer"
            if name not in known and not is_open:
                takes = f"takes {', '.join(known)}" if known else "takes none"
                hint = did_you_mean_parameter(name, known, ())
                raise ValueError(f"{full_name} is not a parameter of {item.__name__}, which {takes}.{hint}")


def _as_list(value):
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
