"""Keras objects as plain values, for pickles and files.

Keras describes an object by its config. Beside it stand the attributes that the config does not tell, which are found
by comparing the object with what is made of its config, and which are set again when the object is made. Of Keras's own
classes a description has their public names, of the user's the classes themselves.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import random
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from skdeep._backend import start
from skdeep._common.forked import ForkedProcessError, check_not_forked
from skdeep._common.typing import Values
from skdeep._keras.beside_configs import differences, put_back, untracked
from skdeep._keras.copying import contents
from skdeep._lazy import keras

_KEYS = {"class", "config", "schedule", "found"}  # of the description of a part
# A user's function may fit an estimator itself.
_lock = threading.RLock()


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let the global generators of Python and numpy start from a seed in the body of the ``with`` statement."""
    with _lock:
        python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 (it is the legacy generator that users' functions draw from)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002


class Pickled:
    """What a pickle has in place of a Keras object.

    Parameters
    ----------
    part : object
        A loss, metric, optimizer, layer or model.
    name : str
        The parameter that it belongs to, for messages.
    """

    def __init__(self, part: Any, name: str) -> None:
        self._part = part
        self._name = name

    def __reduce__(self):
        part = self._part
        try:
            if isinstance(part, keras.Model):
                return _make_model_with, (describe_model(part), values_of(part))
            values = [variable.numpy() for variable in part.variables] if isinstance(part, keras.layers.Layer) else []
            return _make_part_with, (_describe_part(part), values)
        except ForkedProcessError:
            raise
        except Exception as error:  # which kind depends on the user's classes
            raise TypeError(f"{self._name} has {part!r}, which cannot be pickled: {error}") from error


def pickled(value: Any, name: str) -> Any:
    """Return a parameter of an estimator with `Pickled` in place of the Keras objects in it."""
    if _is_compiled_part(value) or isinstance(value, keras.layers.Layer):
        return Pickled(value, name)
    if type(value) in (list, tuple):
        return type(value)(pickled(each, name) for each in value)
    if type(value) is dict:
        return {key: pickled(each, name) for key, each in value.items()}
    if isinstance(value, functools.partial):
        arguments, keywords = pickled(value.args, name), pickled(value.keywords, name)
        return functools.partial(value.func, *arguments, **keywords)
    return value


def describe_model(model: keras.Model) -> dict[str, Any]:
    """Return what it takes to make a compiled model again, but for the values of its variables.

    Returns
    -------
    description : dict
        "config" of the layers, "own_objects", the classes and functions of the user's by the names that they have
        there, "compiled", what it is compiled with, or None, "built_for", the numbers of the variables that its
        optimizer was built for, or None, and "found", what `skdeep._keras.comparing.differences` found.

    Raises
    ------
    ValueError
        If it cannot be described; the message says what its config lacks.
    """
    check_not_forked()
    try:
        config = config_of_layers(model)
        description = {
            "config": config,
            "own_objects": own_objects(model, config),
            "compiled": _compiled(model) if model.compiled else None,
            "built_for": built_for(model),
            "found": [],
        }
        rebuilt = make_model(description)
    except Exception as error:  # which kind depends on the user's classes
        raise ValueError(
            "Keras cannot describe it; subclasses of keras.Model and keras.layers.Layer need get_config: "
            f"{error or type(error).__name__}"
        ) from error
    check_variables(model, rebuilt)
    return description | {"found": differences(model, rebuilt)}


def make_model(description: dict[str, Any]) -> keras.Model:
    """Return the model that was described, whose variables have any values."""
    start()
    with seeded(0):  # what is drawn is replaced
        model = keras.saving.deserialize_keras_object(
            copy.deepcopy(description["config"]),  # Keras changes what it reads
            description["own_objects"],
            safe_mode=False,
        )
        if description["compiled"] is not None:
            arguments = {name: _made(value) for name, value in description["compiled"].items()}
            keras.Model.compile(model, **arguments)  # a compile of the user's own takes other arguments
        if description["built_for"] is not None:
            model.optimizer.build([model.variables[number] for number in description["built_for"]])
    put_back(model, description["found"])
    return model


def check_variables(model: keras.Model, rebuilt: keras.Model) -> None:
    """Raise a ValueError if what was made of the config of a model has other variables than the model."""
    forms = [[(tuple(v.shape), v.trainable) for v in each.variables] for each in (model, rebuilt)]
    if forms[0] != forms[1]:
        raise ValueError("what Keras makes of the config of the network has other variables; see get_config")


def config_of_layers(model: keras.Model) -> dict[str, Any]:
    """Return the config of a model without what it is compiled with, which Keras may not be able to describe."""
    compiled = [each for each in model._flatten_layers() if vars(each).get("compiled")]
    for each in compiled:
        vars(each)["compiled"] = False
    try:
        return keras.saving.serialize_keras_object(model)
    finally:
        for each in compiled:
            vars(each)["compiled"] = True


def built_for(model: keras.Model) -> list[int] | None:
    """Return the numbers of the variables that the optimizer trains, or None if it is not built.

    They need not be those that can be trained now.
    """
    if not (model.compiled and model.optimizer.built):
        return None
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    numbers = {id(variable): number for number, variable in enumerate(model.variables)}
    known = optimizer._trainable_variables or model.trainable_variables  # one of several optimizers has none itself
    if not all(id(variable) in numbers for variable in known):
        raise ValueError("its optimizer was built for variables that the model no longer has; compile it again")
    return [numbers[id(variable)] for variable in known]


def _compiled(model):
    """Return the arguments of `compile`, described."""
    return {name: _described(value) for name, value in compiled_arguments(model).items()}


def compiled_arguments(model: keras.Model) -> dict[str, Any]:
    """Return the arguments of `compile` that a model was compiled with."""
    losses, metrics = model._compile_loss, model._compile_metrics
    arguments = {
        "optimizer": model.optimizer,
        "loss": losses and losses._user_loss,
        "loss_weights": losses and losses._user_loss_weights,
        "metrics": metrics and metrics._user_metrics,
        "weighted_metrics": metrics and metrics._user_weighted_metrics,
    }
    others = {"run_eagerly": model._run_eagerly, "jit_compile": model._jit_compile, "auto_scale_loss": False}
    return arguments | others


def _described(value):
    """Return what `compile` takes with descriptions in place of objects, and with names of Keras's own functions."""
    if _is_compiled_part(value):
        return _describe_part(value)
    if isinstance(value, (list, tuple)):
        return [_described(each) for each in value]
    if isinstance(value, dict):
        return {key: _described(each) for key, each in value.items()}
    return {"function": _public_name(value)} if inspect.isfunction(value) and _public_name(value) else value


def _made(value):
    if isinstance(value, list):
        return [_made(each) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"function"}:
        return _public_object(value["function"])
    if set(value) == _KEYS:
        return _make_part(value)
    return {key: _made(each) for key, each in value.items()}


def _describe_part(part):
    """Return the description of a loss, metric, optimizer or layer, without the state that training gives it."""
    config, schedule = config_and_schedule(part)
    kind = _public_name(type(part)) or type(part)
    description = {"class": kind, "config": config, "schedule": schedule, "found": []}
    return description | {"found": what_config_lacks(part, _make_part(description))}


def config_and_schedule(part: Any, *, only_config: bool = False) -> tuple[dict[str, Any], Any]:
    """Return the config of a part, and the learning rate of an optimizer if it is no number, which the config lacks.

    Arguments of a class of the user's that are not in its config but are attributes are added, or with `only_config` a
    ValueError.
    """
    schedule = None
    if isinstance(part, keras.optimizers.Optimizer):
        rate = vars(part).get("_learning_rate")
        schedule = None if isinstance(rate, keras.Variable) else rate
    if schedule is None:
        return _arguments(part, only_config), None
    part._learning_rate = 0.0  # else Keras writes the schedule, which it may not be able to
    try:
        return _arguments(part, only_config), schedule
    finally:
        part._learning_rate = schedule


def what_config_lacks(part: Any, made: Any) -> list[tuple[Any, ...]]:
    """Return the differences of a part and of what was made of its config."""
    if isinstance(part, keras.optimizers.Optimizer) and part.built:
        check_not_forked()
        made.build(getattr(part, "inner_optimizer", part)._trainable_variables)  # else it lacks what building adds
    return differences(part, made)


def arguments_beside_config(part: Any) -> list[str]:
    """Return the arguments of a constructor that its config does not tell, if nothing shows that they were given.

    Those of an object that was made of its config have their defaults.
    """
    config = part.get_config()
    parameters = inspect.signature(type(part)).parameters.values()
    missing = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name not in config]
    return [] if missing and differences(part, of_config(type(part), config)) else missing


def _arguments(part, only_config):
    config = untracked(part.get_config())
    function = vars(part).get("_fn", vars(part).get("fn"))
    if "fn" in config and inspect.isfunction(function) and not _public_name(function):
        config["fn"] = function  # of the user's, which Keras finds only if it is registered
    if type(part).__module__.split(".")[0] == "keras":
        return config
    names = [name for name in inspect.signature(type(part)).parameters if name in vars(part) and name not in config]
    if names and only_config:
        raise ValueError(
            f"{type(part).__name__} has an attribute {names[0]!r} that is in no config, so that a file cannot have it; "
            "add it to get_config"
        )
    return config | {name: vars(part)[name] for name in names}


def _make_part(description):
    """Return the loss, metric, optimizer or layer that was described."""
    kind, schedule = description["class"], description["schedule"]
    kind = _public_object(kind) if isinstance(kind, str) else kind
    part = of_config(kind, description["config"], {} if schedule is None else {"learning_rate": schedule})
    put_back(part, description["found"])
    return part


def of_config(kind: Any, config: dict[str, Any], objects: Any = ()) -> Any:
    """Return an object of a class, by its config and some objects as far as its constructor takes them."""
    config = copy.deepcopy(config) | dict(objects)  # Keras changes what it reads
    try:
        return kind.from_config(config)
    except Exception:  # which kind depends on the user's class
        taken = {name: value for name, value in config.items() if name in inspect.signature(kind).parameters}
        try:
            return kind(**taken)
        except TypeError:  # an argument without a default is in no config
            return _by_constructor_of_keras(kind, config)


def _by_constructor_of_keras(kind, config):
    base = next(each for each in kind.__mro__ if each.__module__.split(".")[0] == "keras")
    part = kind.__new__(kind)
    parameters = inspect.signature(base).parameters
    base.__init__(part, **{name: value for name, value in config.items() if name in parameters})
    return part


def _make_part_with(description, values):
    part = _make_part(description)
    if values:
        assign(part.variables, values)
    return part


def _make_model_with(description, values):
    model = make_model(description)
    assign(model.variables, values["model"])
    if values["optimizer"] is not None:
        assign(model.optimizer.variables, values["optimizer"])
    return model


def values_of(model: keras.Model) -> Values:
    """Return the values of the variables of a model, and of its optimizer if it is built."""
    optimizer: Any = getattr(model, "optimizer", None)
    is_built = optimizer is not None and optimizer.built
    return {
        "model": [variable.numpy() for variable in model.variables],
        "optimizer": [variable.numpy() for variable in optimizer.variables] if is_built else None,
    }


def assign(variables: Iterable[Any], values: Iterable[Any]) -> None:
    """Set the values of variables."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _public_modules():
    """Return the modules of Keras in which a description may name classes and functions."""
    own = {name: getattr(keras, name) for name in ("losses", "metrics", "optimizers", "layers")}
    return own | {"schedules": keras.optimizers.schedules}


def _is_compiled_part(value):
    return isinstance(value, (keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer))


def _public_name(item):
    """Return where a class or function of Keras's is public, such as "losses.Huber", or None."""
    name = getattr(item, "__name__", "")
    modules = [key for key, module in _public_modules().items() if getattr(module, name, None) is item]
    return f"{modules[0]}.{name}" if modules else None


def _public_object(name):
    module, _, name = name.rpartition(".")
    item = getattr(_public_modules().get(module), name, None)
    if item is None or name.startswith("_"):
        raise ValueError(f"there is no {name!r} among Keras's {module}")
    return item


def own_objects(model: keras.Model, config: dict[str, Any]) -> dict[str, Any]:
    """Return the classes and functions of the user's that the config of a model refers to, by the names it has there.

    Keras itself finds only those that are registered with it.
    """
    names, own = set(_names(config)), {}
    pending, seen = [model], set()
    while pending:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        item = value if inspect.isfunction(value) or inspect.isclass(value) else type(value)
        if item.__name__ in names and item.__module__.split(".")[0] not in ("keras", "builtins"):
            own[item.__name__] = item
        if not inspect.isclass(value) and not inspect.ismodule(value):
            pending += contents(value)
    return own


def _names(config):
    """Yield the names of the classes and functions in a config that are not, or may not be, Keras's."""
    if isinstance(config, (list, tuple)):
        for each in config:
            yield from _names(each)
    elif isinstance(config, dict):
        if isinstance(config.get("class_name"), str) and config.get("module") != "keras.layers":
            yield config["config"] if config["class_name"] == "function" else config["class_name"]
        for value in config.values():
            yield from _names(value)
