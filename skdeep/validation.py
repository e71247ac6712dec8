"""Checks of arrays beyond those of scikit-learn, and what a failed `fit` leaves."""

import contextlib

import numpy as np
from scipy.sparse import issparse
from sklearn.utils._missing import is_pandas_na, is_scalar_nan


def as_numbers(X):
    """Return X, validated by scikit-learn, if it holds numbers, as it is or converted from objects."""
    if 0 in X.shape[1:]:
        raise ValueError(f"X has shape {X.shape}, with an axis of length 0.")
    if X.dtype.kind == "O":  # as scikit-learn leaves the columns of a data frame that are categories
        try:
            X = X.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"X must hold numbers: {error}.") from error
    if X.dtype.kind not in "biuf":
        raise ValueError(f"X must hold numbers, but its dtype is {X.dtype}.")
    return X


def without_missing(y, name="y"):
    """Return y, as an array if it is a pandas object, if no label in it is missing."""
    if issparse(y):
        return y
    if hasattr(y, "iloc") and getattr(getattr(y, "dtype", None), "name", "") == "category":
        y = np.asarray(y)  # else scikit-learn makes numbers of bools
    try:
        values = np.asarray(y)
    except ValueError:  # rows of several lengths, of which scikit-learn tells
        return y
    if values.dtype.kind in "mM":
        is_missing = np.isnat(values).any()
    else:
        is_missing = values.dtype.kind == "O" and any(
            value is None or is_scalar_nan(value) or is_pandas_na(value) for value in values.ravel()
        )
    if is_missing:
        raise ValueError(f"{name} contains missing values.")
    return y


@contextlib.contextmanager
def restored_on_error(estimator):
    """Restore all attributes of an estimator if the body of the ``with`` statement raises."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
