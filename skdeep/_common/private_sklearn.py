"""What skdeep uses of scikit-learn though it is private there, by names of its own: the only module that does.

`skdeep._common.private_parts` looks for all of it, and names the version of scikit-learn that lacks something.
"""

from __future__ import annotations

from collections.abc import Callable

from sklearn.base import _clone_parametrized as clone_parametrized
from sklearn.base import _fit_context
from sklearn.utils._missing import is_pandas_na, is_scalar_nan
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils._set_output import _wrap_data_with_container as wrap_data_with_container
from sklearn.utils.validation import _check_feature_names as check_feature_names
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in
from sklearn.utils.validation import _check_n_features as check_n_features
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _check_y as check_y

from skdeep._common.typing import Method

__all__ = [
    "Interval",
    "InvalidParameterError",
    "Options",
    "StrOptions",
    "check_feature_names",
    "check_feature_names_in",
    "check_n_features",
    "check_sample_weight",
    "check_y",
    "clone_parametrized",
    "fit_context",
    "is_pandas_na",
    "is_scalar_nan",
    "validate_parameter_constraints",
    "wrap_data_with_container",
]


def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[Method], Method]:
    """Return scikit-learn's decorator of methods that fit, which leaves their signatures as they are."""
    return _fit_context(prefer_skip_nested_validation=prefer_skip_nested_validation)
