"""The model of the user's, or the function that builds it: which of them it is, and what the function is given.

Parameters that the ready networks have too (`SHARED`) are the estimator's, and go to the function as well if they stand
in its signature: ``def network(learning_rate)`` is scikeras's commonest idiom. Those that say how the network is made
(`OF_NETWORK`) are the function's alone then.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Mapping
from typing import Any

from skdeep._common import interrupts
from skdeep._common.near_names import did_you_mean_parameter
from skdeep._common.private_sklearn import InvalidParameterError
from skdeep._common.user_warnings import warn
from skdeep._estimators.learning_rates import of_optimizer
from skdeep._estimators.parameters import RATE_PREFIX, routed_parameters
from skdeep._keras import copying
from skdeep._lazy import keras

FIRST_STAGE = "first_stage__"
PREFIXES = (
    *("model__", "fit__", "predict__", "compile__", "optimizer__", "loss__", "metrics__", "callbacks__"),
    *(RATE_PREFIX, FIRST_STAGE),
)
# With their defaults.
SHARED = {
    "learning_rate": None,
    "loss_weights": None,
    "validation_fraction": None,
    "validation_rows": "random",
    "early_stopping": False,
    "monitor": "val_loss",
    "monitor_mode": "auto",
    "n_iter_no_change": 10,
    "tol": 1e-4,
    "initial_model": None,
    "frozen_layers": (),
    "dtype_policy": None,
}
OF_NETWORK = ("initial_model", "frozen_layers", "dtype_policy")
# What Keras's own wrappers take as dicts, and the prefix of an entry here.
_DICTS_OF_KERAS = {"model_kwargs": "model__", "fit_kwargs": ""}


def source_of(estimator: Any) -> Any:
    """Return the model that was given, or the function that builds it."""
    model, method = estimator.model, getattr(estimator, "_keras_build_fn", None)
    if model is None and estimator.build_fn is not None:
        warn("build_fn is the old name of model.", FutureWarning)
        model = estimator.build_fn
    if model is None and method is None:
        raise ValueError(
            "model is None: give a keras.Model or a function that returns one, or define _keras_build_fn in a subclass."
        )
    if model is not None and method is not None:
        raise ValueError(f"{type(estimator).__name__} has _keras_build_fn, so model must be None. Got {model!r}.")
    return method if model is None else model


def function_parameters(estimator: Any) -> dict[str, inspect.Parameter]:
    """Return the parameters of the function that builds the model, by name; none if there is no function."""
    given = [estimator.model, estimator.build_fn, getattr(estimator, "_keras_build_fn", None)]
    functions = [each for each in given if callable(each) and not _is_model(each)]
    return {name: each for function in functions for name, each in _parameters(function).items()}


def is_taken(estimator: Any, name: str) -> bool:
    """Whether a parameter that both may have stands in the signature of the function."""
    return name in function_parameters(estimator)


def shared_parameter(estimator: Any, name: str) -> Any:
    """Return a shared parameter as the estimator is to use it: the default, if it is the function's alone."""
    return SHARED[name] if name in OF_NETWORK and is_taken(estimator, name) else getattr(estimator, name)


def compile_setting(estimator: Any, name: str) -> Any:
    """Return a setting of compiling: the routed one, such as ``compile__loss``, or else the parameter."""
    return vars(estimator).get(f"compile__{name}", getattr(estimator, name, None))


def arguments_of(estimator: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the parameters that are meant for the function.

    Parameters
    ----------
    estimator : estimator
        Has all parameters as attributes.
    names : tuple of str
        Those that are its own.
    """
    parameters = function_parameters(estimator)
    own = {
        name: value
        for name, value in estimator.get_params().items()
        if name not in names and not name.startswith(PREFIXES)
    }
    if estimator.model is None and estimator.build_fn is None:  # a method finds them on the estimator
        own = {name: value for name, value in own.items() if name in parameters}
    else:  # what the constructor of a subclass names is its own, and may not be for the function
        of_subclass = inspect.signature(type(estimator).__init__).parameters
        own = {name: value for name, value in own.items() if name in parameters or name not in of_subclass}
    for name, default in SHARED.items():
        if name in parameters:
            value, is_needed = _for_function(estimator, name), parameters[name].default is inspect.Parameter.empty
            if is_needed or not _is_same(value, default):  # else its own default counts
                own[name] = value
    routed = routed_parameters(estimator, "model__")
    return own | {name.removeprefix("model__"): value for name, value in routed.items()}


def _for_function(estimator, name):
    """Return a shared parameter as the function gets it: of a schedule by name the largest rate."""
    return of_optimizer(estimator)[name] if name == "learning_rate" else getattr(estimator, name)


def check_no_arguments(estimator: Any, names: tuple[str, ...]) -> None:
    """Raise for parameters that are meant for a function, where there is a model."""
    for name, value in arguments_of(estimator, names).items():
        _check_not_of_keras(name, value)
        raise TypeError(
            f"{type(estimator).__name__} got the parameter {name!r}, which is not one of its own, and model is a "
            f"keras.Model, which takes none.{_did_you_mean(estimator, name, names)} Give a function that builds the "
            "model."
        )


def built_by(function: Any, estimator: Any, names: tuple[str, ...], offered: dict[str, Any]) -> tuple[Any, dict]:
    """Return what a function of the user's builds, and the arguments that it got.

    Parameters
    ----------
    function : callable
        From `source_of`.
    estimator, names
        As for `arguments_of`.
    offered : dict
        From names to functions without arguments: what it gets beside them, if it takes it.
    """
    parameters = _parameters(function)
    takes_any = any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters.values())
    arguments = arguments_of(estimator, names)
    unknown = [name for name in arguments if not takes_any and name not in parameters]
    if unknown:
        _check_not_of_keras(unknown[0], arguments[unknown[0]])
        raise TypeError(
            f"{type(estimator).__name__} got the parameter {unknown[0]!r}, which is neither one of its own nor of the "
            f"function that builds the model, which takes {', '.join(parameters) or 'none'}."
            + _did_you_mean(estimator, unknown[0], names, parameters)
        )
    # A class that takes anything hands it to the constructor of keras.Model, which takes none of these.
    gets_all = takes_any and not inspect.isclass(_without_partial(function))
    arguments |= {name: make() for name, make in offered.items() if gets_all or name in parameters}
    _check_complete(function, parameters, arguments, names)
    if not estimator._keeps_model:
        arguments |= _with_own_parts(arguments)
    with interrupts.at_once():
        return function(**arguments), arguments


def check_not_of_keras(params: dict[str, Any]) -> None:
    """Raise for parameters of Keras's own wrappers that hold others, and say how these are given here."""
    for name, value in params.items():
        _check_not_of_keras(name, value)


def _check_not_of_keras(name, value):
    if name not in _DICTS_OF_KERAS:
        return
    prefix = _DICTS_OF_KERAS[name]
    ours = [f"{prefix}{each}={_short(item)}" for each, item in value.items()] if isinstance(value, Mapping) else []
    how = f"give {', '.join(ours)}" if ours else "leave it out"
    raise InvalidParameterError(
        f"{name} is a parameter of keras.wrappers. Here its entries are parameters themselves: {how}."
    )


def _short(value):
    text = repr(value)
    return text if len(text) < 40 else "..."


def _check_complete(function, parameters, arguments, names):
    """Raise for arguments that the function needs and that nobody gave; Python's error does not tell how to."""
    missing = [
        name
        for name, each in parameters.items()
        if each.default is each.empty and each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
        if name not in arguments
    ]
    if not missing:
        return
    given = ", ".join(f"model__{name}" if name in names else name for name in missing)
    if missing[:2] == ["X", "y"]:  # as Keras calls it
        others = "".join(f", {each}" for name, each in parameters.items() if name not in ("X", "y"))
        called = getattr(function, "__name__", "")
        name = called if called.isidentifier() else "build"
        raise TypeError(
            "The function that builds the model takes X and y, as keras.wrappers give them. Here it takes meta, a dict "
            f"with what is known of them, so write it as def {name}(meta{others}), with meta['n_features_in_'] for "
            "X.shape[1], and meta['n_classes_'] or, of a regressor, meta['n_outputs_'] for y.shape[1]."
        )
    listed = ", ".join(map(repr, missing))
    raise TypeError(f"The function that builds the model needs {listed}, which was not given: set {given}.")


def _with_own_parts(arguments):
    """Return copies of the arguments that hold layers, which a function may freeze or train; the user's stay.

    They are copied together, so that what they share they share afterwards.
    """
    return copying.faithful_copy({name: value for name, value in arguments.items() if _holds_layer(value)})


def _holds_layer(value):
    if isinstance(value, (list, tuple, set)):
        return any(map(_holds_layer, value))
    if isinstance(value, dict):
        return any(map(_holds_layer, value.values()))
    return isinstance(value, keras.layers.Layer)


def _did_you_mean(estimator, name, names, parameters=()):
    own = [each for each in names if each in vars(estimator)]
    return did_you_mean_parameter(name, [*own, *parameters], PREFIXES)


def _without_partial(function):
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _is_model(value):
    return "keras" in sys.modules and isinstance(value, keras.Model)  # without Keras there are none


def _parameters(function):
    try:
        return inspect.signature(function).parameters
    except ValueError:  # of a builtin that does not tell
        return {}


def _is_same(value, default):
    return value is default or (type(value) is type(default) and bool(value == default))
