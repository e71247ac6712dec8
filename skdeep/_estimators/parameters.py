"""Parameters of the estimators: the routed names beside those of ``__init__``, and the checks of values.

`RoutedParameters` lets an estimator take, beside the parameters in the signature of its ``__init__``, names that start
with ``optimizer__``, ``loss__``, ``metrics__``, ``callbacks__`` or ``learning_rate__``: in the constructor,
`get_params`, `set_params`, `clone` and grids alike. They are kept as plain attributes, as scikit-learn keeps every
parameter.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Collection
from numbers import Integral, Real
from typing import Any, Self, cast

from sklearn.base import BaseEstimator

from skdeep._common.near_names import did_you_mean_parameter
from skdeep._common.numbers import plain_number
from skdeep._common.private_sklearn import Interval, InvalidParameterError, StrOptions
from skdeep._common.typing import Method
from skdeep._data.objectives import TARGET_ENCODINGS
from skdeep._estimators.searched import warn_of_lost_arguments
from skdeep._training.schedules import NAMES

COMPILE_PREFIXES = ("optimizer__", "loss__", "metrics__")
RATE_PREFIX = "learning_rate__"
_PREFIXES = (*COMPILE_PREFIXES, "callbacks__", RATE_PREFIX)


class _Number(Interval):
    """An interval in which numbers may be of any kind, but no bools."""

    def is_satisfied_by(self, val):
        val = plain_number(val)
        return not isinstance(val, bool) and super().is_satisfied_by(val)


_POSITIVE_INT = Interval(Integral, 1, None, closed="left")
_FRACTION = Interval(Real, 0, 1, closed="neither")

# What has a form of its own, such as hidden_layer_sizes or optimizer, is checked where it is used.
CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": [Integral, "array-like"],
    "activation": [str, callable, "array-like"],
    "dropout": [Real, "array-like"],
    "alpha": [_Number(Real, 0, None, closed="left")],
    "batch_normalization": ["boolean"],
    "output_activation": [StrOptions({"auto", "softmax", "sigmoid"})],
    "frozen_layers": [str, "array-like"],
    "target_encoding": [StrOptions(set(TARGET_ENCODINGS) | {"auto"})],
    "learning_rate": [_Number(Real, 0, None, closed="neither"), callable, StrOptions(set(NAMES)), None],
    "epochs": [_POSITIVE_INT, StrOptions({"auto"})],
    "batch_size": [_POSITIVE_INT, StrOptions({"auto"})],
    "shuffle": ["boolean", StrOptions({"blocks"})],
    "validation_fraction": [_FRACTION, None],
    "validation_rows": [StrOptions({"random", "last"})],
    "early_stopping": ["boolean", StrOptions({"auto"})],  # of dense networks
    "monitor": [str],
    "monitor_mode": [StrOptions({"auto", "min", "max"})],
    "n_iter_no_change": [_POSITIVE_INT],
    "tol": [_Number(Real, 0, None, closed="left")],
    "class_weight": [dict, StrOptions({"balanced"}), None],
    "warm_start": ["boolean"],
    "dtype_policy": [StrOptions({"float32", "float64", "mixed_bfloat16"})],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}
REGRESSOR_CONSTRAINTS = {
    **{name: allowed for name, allowed in CONSTRAINTS.items() if name not in ("class_weight", "target_encoding")},
    "output_activation": [str],
    "scale_targets": ["boolean"],
    "quantiles": ["array-like", None],
}
_CNN_CONSTRAINTS = {
    "conv_filters": [Integral, "array-like"],
    "kernel_size": [_POSITIVE_INT, "array-like"],
    "conv_activation": [str, callable],
    "padding": [StrOptions({"same", "valid"})],
    "pool_size": [_POSITIVE_INT, "array-like"],
    "residual": ["boolean"],
    "global_pooling": [StrOptions({"average", "max"}), None],
    "image_shape": ["array-like", None],
    "augment": [str, dict, "array-like", callable, None],
    "early_stopping": ["boolean"],
}
_TABLE_CONSTRAINTS = {
    "n_networks": [_Number(Integral, 1, None, closed="left")],
    "embedding_size": [_Number(Integral, 0, None, closed="left")],
    "n_frequencies": [_Number(Integral, 1, None, closed="left")],
    "frequency_init_scale": [_Number(Real, 0, None, closed="neither")],
    "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
    "max_categories": [Interval(Integral, 2, None, closed="left"), None],
}
_NOT_OF_TABLES = ("batch_normalization", "frozen_layers")
CNN_CONSTRAINTS = CONSTRAINTS | _CNN_CONSTRAINTS
CNN_REGRESSOR_CONSTRAINTS = REGRESSOR_CONSTRAINTS | _CNN_CONSTRAINTS
TABLE_CONSTRAINTS, TABLE_REGRESSOR_CONSTRAINTS = (
    {name: allowed for name, allowed in constraints.items() if name not in _NOT_OF_TABLES} | _TABLE_CONSTRAINTS
    for constraints in (CONSTRAINTS, REGRESSOR_CONSTRAINTS)
)


class RoutedParameters(BaseEstimator):
    """A `BaseEstimator` that also takes routed parameters."""

    def __init_subclass__(cls, **kwargs):
        # The signature that users and scikit-learn see has the parameters with defaults and no catch-all: any name but
        # theirs and the routed ones is an error.
        super().__init_subclass__(**kwargs)
        signature = inspect.signature(cls.__init__)
        named = [p for p in signature.parameters.values() if p.name != "self" and p.kind != p.VAR_KEYWORD]
        cls.__signature__ = signature.replace(parameters=named)

    def __setstate__(self, state):
        super().__setstate__(state)
        # A file may be older than a parameter.
        for name, parameter in type(self).__signature__.parameters.items():
            vars(self).setdefault(name, parameter.default)

    def _set_routed(self, routed):
        """Store the routed parameters that ``__init__`` was given; any other name is a TypeError."""
        for name, value in routed.items():
            if not name.startswith(_PREFIXES):
                raise TypeError(
                    f"{type(self).__name__}.__init__() got an unexpected keyword argument {name!r}."
                    + did_you_mean_parameter(name, self._get_param_names(), _PREFIXES)
                )
            setattr(self, name, value)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of this estimator, the routed ones included.

        Parameters
        ----------
        deep : bool, default=True
            Accepted for scikit-learn's sake; no parameter is an estimator.

        Returns
        -------
        params : dict
            Parameter names mapped to their values.
        """
        return {name: getattr(self, name) for name in self._get_param_names()} | routed_parameters(self, *_PREFIXES)

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator, routed ones included.

        Parameters
        ----------
        **params : dict
            Parameter names and values.

        Returns
        -------
        self : estimator
            The estimator itself.
        """
        set_parameters(self, params, self._get_param_names(), _PREFIXES)
        return self


def set_parameters(
    estimator: object, params: dict[str, Any], known: Collection[str], prefixes: tuple[str, ...]
) -> None:
    """Set parameters as attributes of an estimator, if each has a known name or starts with one of the prefixes."""
    for name in params:
        if name not in known and not name.startswith(prefixes):
            raise InvalidParameterError(
                f"Invalid parameter {name!r} for estimator {type(estimator).__name__}."
                f"{did_you_mean_parameter(name, known, prefixes)} "
                f"Valid parameters are {known}, and routed ones that start with {', '.join(prefixes)}."
            )
    for name, value in params.items():
        setattr(estimator, name, value)
    warn_of_lost_arguments(params)


def routed_parameters(estimator: object, *prefixes: str) -> dict[str, Any]:
    """Return the parameters of these prefixes that an estimator was given, by name."""
    return {name: value for name, value in vars(estimator).items() if name.startswith(prefixes)}


def refuses_other_arguments(method: Method) -> Method:
    """Let a method say of an argument that it does not take where that belongs."""
    known = list(inspect.signature(method).parameters)[1:]

    @functools.wraps(method)
    def checked(self, *args, **kwargs):
        for name in kwargs:
            if name not in known:
                raise TypeError(
                    f"{type(self).__name__}.{method.__name__}() got an unexpected keyword argument {name!r}."
                    + _where_it_belongs(self, name, known)
                )
        return method(self, *args, **kwargs)

    return cast("Method", checked)


def _where_it_belongs(estimator, name, known):
    if name == "eval_set" and "X_val" in known:
        return " Give validation data as X_val and y_val."
    parameters = estimator.get_params()
    if name in parameters:
        return f" It is a parameter of the estimator: {type(estimator).__name__}({name}=...)."
    return (
        did_you_mean_parameter(name, [*known, *parameters], _PREFIXES)
        + f" It takes {', '.join(known)}; all other settings are parameters of the estimator."
    )
