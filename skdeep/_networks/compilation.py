"""From an estimator's parameters and a network to a compiled model: its optimizer, loss and metrics.

What the user gives is what is used: losses and initializers are the given objects, and each fit has a copy of those
optimizers and metrics that are objects, since these have a state. Names and classes take routed parameters, see
`skdeep._networks.routing`.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import numpy as np

from skdeep._common.near_names import did_you_mean, did_you_mean_value
from skdeep._common.numbers import plain_number, value_dtype
from skdeep._data.objectives import ALIASES, chosen_arguments, keras_name, shown, snake_name
from skdeep._engine.replicas import make_here
from skdeep._keras.copying import faithful_copy, without_training
from skdeep._lazy import keras, lazy_module
from skdeep._networks import routing
from skdeep._networks.initial_values import KERAS_ALIASES

losses = lazy_module("skdeep.losses")


def compile_model(model: keras.Model, settings: dict[str, Any], *, encoding: str) -> None:
    """Compile `model` in place, with what `compile_arguments` returns; here the loss may not be None."""
    _loss(settings["loss"])
    for metric in _as_list(settings["metrics"]):  # which by output only networks of the user's own take
        _metric(metric, encoding)
    arguments = compile_arguments(settings, encoding=encoding)
    # As weighted metrics, accuracy counts a row of weight 2 twice, as the loss does.
    model.compile(optimizer=arguments["optimizer"], loss=arguments["loss"], weighted_metrics=arguments["metrics"] or [])


def compile_arguments(settings: dict[str, Any], *, encoding: str | Mapping[Any, str]) -> dict[str, Any]:
    """Return a fresh optimizer, a loss and metrics, by these names in a dict.

    Parameters
    ----------
    settings : dict
        The parameters `optimizer`, `learning_rate`, `loss`, `metrics` and `dtype_policy` as given to the estimator, and
        the routed ones, and `weighted_metrics` if there are any. Of an optimizer or a metric among them each call makes
        a copy. A loss of None stays. For several outputs `loss` and `metrics` may be lists, or dicts by their names.
    encoding : str or mapping
        Form of the targets, see `skdeep._data.heads.Head`; for several outputs by their numbers and their names.
    """
    routed = {name: plain_number(value) for name, value in settings.items() if "__" in name}
    arguments = {
        "optimizer": _made_optimizer(settings, routed),
        "loss": _made_losses(settings, routed),
        "metrics": _made_metrics(settings, routed, encoding),
    }
    if settings.get("weighted_metrics") is not None:
        arguments["weighted_metrics"] = _made_metrics({"metrics": settings["weighted_metrics"]}, {}, encoding)
    return arguments


def _made_optimizer(settings, routed):
    optimizer = _optimizer(settings["optimizer"])
    learning_rate = _learning_rate(settings["learning_rate"], routed)
    if not inspect.isclass(optimizer):
        routing.made("optimizer", optimizer, routed)  # which takes no parameters
        return _fresh_optimizer(optimizer, learning_rate)
    routed = routed | ({} if learning_rate is None else {"optimizer__learning_rate": learning_rate})
    return _made("optimizer", settings["optimizer"], optimizer, routed, _with_floats)


def _made_losses(settings, routed):
    dtype = value_dtype(settings["dtype_policy"])

    def make(cls, place, arguments):
        return _made_loss(cls, arguments, dtype)

    losses = routing.mapped(settings["loss"], lambda loss, place: None if loss is None else _loss(loss))
    return routing.made("loss", losses, routed, make)


def _made_metrics(settings, routed, encoding):
    given = settings["metrics"] if isinstance(settings["metrics"], dict) else _as_list(settings["metrics"])

    def make(cls, place, arguments):
        named = given
        for key in place:
            named = named[key]
        chosen = {"name": _metric_name(named, cls)} | chosen_arguments(cls, _encoding_at(place, encoding))
        known = inspect.signature(cls).parameters
        return _with_floats(cls, place, {name: chosen[name] for name in chosen if name in known} | arguments)

    def found(metric, place):
        return None if metric is None else _metric(metric, _encoding_at(place, encoding))

    metrics = routing.mapped(given, found)
    return _made("metrics", settings["metrics"], metrics, routed, make)


def _encoding_at(place, encoding):
    """Return the form of the targets at a place in lists and dicts by output; "" if it is not told."""
    if isinstance(encoding, str):
        return encoding
    return encoding.get(place[0], "") if place else ""


def _made(name, given, items, routed, make):
    """Return what `skdeep._networks.routing.made` does, and say what was given where that is not enough."""
    try:
        return routing.made(name, items, routed, make)
    except TypeError as error:  # an argument is missing
        given = repr(given) if isinstance(given, (list, tuple, dict)) else shown(given)
        raise TypeError(f"{name}={given} cannot be made: {error}") from error


def _with_floats(cls, place, arguments):
    """Return an object of a class of Keras, which may insist on floats where an int was given."""
    return routing.called(cls, {name: _as_float_if_default(value, name, cls) for name, value in arguments.items()})


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
        found = _class_named(keras.losses, keras.losses.Loss, loss) or _own_loss(loss)
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


def _own_loss(name):
    """Return the class of `skdeep.losses` that has this name in snake_case, or None."""
    known = {"pinball": losses.Pinball, "gaussian_nll": losses.GaussianNLL}
    return known.get(keras_name(name))


def _made_loss(cls, arguments, dtype):
    """Return a loss of a class, which computes in this dtype if its constructor takes one."""
    parameters = inspect.signature(cls).parameters.values()
    is_open = any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters)
    arguments = {name: _as_float_if_default(value, name, cls) for name, value in arguments.items()}
    if "dtype" not in arguments and (is_open or any(parameter.name == "dtype" for parameter in parameters)):
        # Else it is Keras's global floatx.
        with contextlib.suppress(TypeError):  # a catch-all may be for something else
            return routing.called(cls, arguments | {"dtype": dtype})
    try:
        return routing.called(cls, arguments)
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


def _as_float_if_default(value, name, cls):
    parameter = inspect.signature(cls).parameters.get(name)
    is_int = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_int and parameter is not None and isinstance(parameter.default, float) else value


def _is_subclass(item, base):
    return inspect.isclass(item) and issubclass(item, base) and item is not base


def _is_function_of_targets(function):
    """Whether this is a function, not a class or metric, that takes targets and outputs."""
    if not callable(function) or inspect.isclass(function) or isinstance(function, keras.metrics.Metric):
        return False
    try:
        inspect.signature(function).bind(None, None)
    except (TypeError, ValueError):
        return False
    return True


def _class_named(module, base, name):
    """Return Keras's class of this name, in CamelCase or snake_case or another of Keras's; None if there is none."""
    known = keras_name(name)
    return next(
        (each for each in vars(module).values() if _is_subclass(each, base) and keras_name(each) == known), None
    )


def _names_in(module, base):
    return [snake_name(each) for each in vars(module).values() if _is_subclass(each, base)]


def _as_list(value):
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
