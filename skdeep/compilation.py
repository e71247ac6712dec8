"""The adapter to scikeras: from an estimator's parameters and a network to a compiled model and its callbacks.

A `scikeras.wrappers.KerasClassifier` turns strings, classes and routed parameters (``optimizer__momentum=0.1``,
``callbacks__patience=3``) into Keras objects and compiles the model with them. Nothing else of scikeras is used,
neither its seeding nor its pickling nor its fit loop, and no other module imports it.
"""

import copy
import inspect
import sys

import numpy as np

from skdeep._tensorflow import keras
from skdeep.parameters import value_dtype
from skdeep.targets import snake_name

from scikeras.wrappers import KerasClassifier  # isort: skip (after our import of TensorFlow)

# Keras's other names; its own look-up would make an object, which draws from the global `random` of Python.
_INITIALIZER_ALIASES = {"normal": "RandomNormal", "uniform": "RandomUniform", "one": "Ones", "zero": "Zeros"}


def compile_model(model, settings, *, encoding):
    """Compile `model` in place, with what `compile_arguments` returns; here the loss may not be None."""
    _loss(settings["loss"])
    arguments = compile_arguments(settings, encoding=encoding)
    # As weighted metrics, accuracy counts a row of weight 2 twice, as the loss does.
    model.compile(optimizer=arguments["optimizer"], loss=arguments["loss"], weighted_metrics=arguments["metrics"] or [])


def compile_arguments(settings, *, encoding):
    """Return a fresh optimizer, a loss and metrics, by these names in a dict.

    Parameters
    ----------
    settings : dict
        The parameters `optimizer`, `learning_rate`, `loss`, `metrics` and `dtype_policy` as given to the estimator, and
        the routed ones. No Keras object among them is used itself: each call makes fresh ones. A loss of None stays.
    encoding : str
        Form of the targets, see `skdeep.targets.Head`.
    """
    optimizer = _optimizer(settings["optimizer"], settings["learning_rate"])
    loss = None if settings["loss"] is None else _loss(settings["loss"])
    metrics = [_metric(metric, encoding) for metric in _as_list(settings["metrics"])]
    routed = {name: value for name, value in settings.items() if "__" in name}
    for prefix, items in (("optimizer", [optimizer]), ("loss", [loss]), ("metrics", metrics)):
        _check_routed(prefix, items, routed)
    if settings["learning_rate"] is not None and inspect.isclass(optimizer):
        if "optimizer__learning_rate" in routed:
            raise ValueError("learning_rate and optimizer__learning_rate are the same setting; give only one of them.")
        routed["optimizer__learning_rate"] = settings["learning_rate"]
    if inspect.isclass(loss):
        routed.setdefault("loss__dtype", value_dtype(settings["dtype_policy"]))  # else it is Keras's global floatx
    for number, metric in enumerate(metrics):
        if inspect.isclass(metric) and "metrics__name" not in routed:
            # Else Keras counts the objects of the process and appends the number.
            routed.setdefault(f"metrics__{number}__name", snake_name(metric))

    arguments = {}

    def build(compile_kwargs):
        arguments.update(compile_kwargs)

    _through_scikeras(build, optimizer=optimizer, loss=loss, metrics=metrics, **routed)
    return {name: arguments[name] for name in ("optimizer", "loss", "metrics")}


def initializer_factory(value, name):
    """Return a function from a generator of seeds to a fresh Keras initializer, as the parameter `name` asks for it."""
    if isinstance(value, str):
        value = _initializer_named(value, name)
    base = keras.initializers.Initializer
    if inspect.isclass(value) and issubclass(value, base) and value is not base:
        has_seed = "seed" in inspect.signature(value).parameters
        return lambda rng: value(seed=_seed(rng)) if has_seed else value()
    if isinstance(value, base):
        config = value.get_config()
        if "seed" in config and config["seed"] is None:
            return lambda rng: type(value).from_config(config | {"seed": _seed(rng)})
        return lambda rng: copy.deepcopy(value)
    raise TypeError(f"{name} must be the name, a class or an instance of a Keras initializer. Got {value!r}.")


def make_callbacks(given, routed):
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


def early_stopping(monitor, patience, min_delta):
    """Return two Keras callbacks: one stops, the other restores the weights of the best epoch in the end.

    They are two since Keras would pass over improvements of less than `min_delta` when it picks the best.
    """
    stop = keras.callbacks.EarlyStopping(monitor, min_delta, patience)
    return [stop, keras.callbacks.EarlyStopping(monitor, patience=sys.maxsize, restore_best_weights=True)]


def _initializer_named(value, name):
    known = _INITIALIZER_ALIASES.get(value, value)
    base = keras.initializers.Initializer
    found = getattr(keras.initializers, known, None) or _class_named(keras.initializers, base, known, default=None)
    if not inspect.isclass(found) or found is base:
        raise ValueError(f"{name}={value!r} is not an initializer that Keras knows, such as 'he_normal'.")
    return found


def _seed(rng):
    return int(rng.integers(2**31))


def _optimizer(optimizer, learning_rate):
    if isinstance(optimizer, str):
        try:
            return type(keras.optimizers.get(optimizer))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"optimizer={optimizer!r} is not an optimizer that Keras knows, such as 'adam' or 'sgd'."
            ) from error
    if isinstance(optimizer, keras.optimizers.Optimizer):
        config = optimizer.get_config()
        if learning_rate is not None:
            config["learning_rate"] = learning_rate
        return type(optimizer).from_config(config)
    base = keras.optimizers.Optimizer
    if inspect.isclass(optimizer) and issubclass(optimizer, base) and optimizer is not base:
        return optimizer
    raise TypeError(f"optimizer must be the name, a class or an instance of a Keras optimizer. Got {optimizer!r}.")


def _loss(loss):
    if isinstance(loss, str):
        try:
            function = keras.losses.get(loss)
        except ValueError as error:
            raise ValueError(f"loss={loss!r} is not a loss that Keras knows, such as 'mean_squared_error'.") from error
        return _class_named(keras.losses, keras.losses.Loss, snake_name(function), default=function)
    if inspect.isclass(loss) and issubclass(loss, keras.losses.Loss):
        return loss
    if isinstance(loss, keras.losses.Loss) or _is_function_of_targets(loss):
        return copy.deepcopy(loss)
    raise TypeError(f"loss must be 'auto', or a Keras loss as a name, class, function or object. Got {loss!r}.")


def _metric(metric, encoding):
    if isinstance(metric, str) and metric in ("accuracy", "acc"):
        # For one output Keras picks the accuracy that fits, but it takes an indicator matrix for one-hot rows.
        return keras.metrics.BinaryAccuracy("accuracy") if encoding == "indicator" else "accuracy"
    if isinstance(metric, str):
        try:
            function = keras.metrics.get(metric)
        except ValueError as error:
            raise ValueError(f"metrics={metric!r} is not a metric that Keras knows, such as 'accuracy'.") from error
        return _class_named(keras.metrics, keras.metrics.Metric, snake_name(function), default=function)
    if isinstance(metric, keras.metrics.Metric):
        return type(metric).from_config(metric.get_config())
    if (inspect.isclass(metric) and issubclass(metric, keras.metrics.Metric)) or _is_function_of_targets(metric):
        return metric
    raise TypeError(f"metrics must be one Keras metric or a list of them, by name, class or object. Got {metric!r}.")


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
    callbacks = _as_list(returned)
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


def _class_named(module, base, name, default):
    """Return the class in `module` whose snake_case name is `name`: unlike a function, it takes routed parameters."""
    for value in vars(module).values():
        if inspect.isclass(value) and issubclass(value, base) and snake_name(value) == name:
            return value
    return default


def _check_routed(prefix, items, routed):
    """Raise if a routed parameter goes to no class among the items, or to one that does not know it."""
    for full_name in routed:
        name, *rest = full_name.removeprefix(f"{prefix}__").split("__")
        if not full_name.startswith(f"{prefix}__"):
            continue
        receivers = items
        if name.isdigit():
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
                raise ValueError(f"{full_name} is not a parameter of {item.__name__}, which {takes}.")


def _as_list(value):
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
