"""Checks of arrays beyond those of scikit-learn, and what is left and told when something fails."""

import contextlib
import re
import sys

import numpy as np
from scipy.sparse import issparse
from sklearn.utils._missing import is_pandas_na, is_scalar_nan

_CALLBACKS_TO_END = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")


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


def check_is_not_empty(X, estimator):
    """Raise as scikit-learn does for arrays with too few axes or rows."""
    if X.ndim < 2:
        raise ValueError(f"X must have at least two axes, rows and what is in them. Got the shape {X.shape}.")
    if len(X) == 0:
        raise ValueError(
            f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required by "
            f"{type(estimator).__name__}."
        )


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
        # By these scikit-learn knows which callbacks it has still to end.
        before |= {name: value for name, value in vars(estimator).items() if name in _CALLBACKS_TO_END}
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


@contextlib.contextmanager
def memory_errors():
    """Raise MemoryError for TensorFlow's own kind of it in the body of the ``with`` statement."""
    try:
        yield
    except Exception as error:
        tf = sys.modules.get("tensorflow")  # only who has imported it can get its errors
        is_exhausted = tf is not None and isinstance(error, tf.errors.ResourceExhaustedError)
        # It is also TensorFlow's error for full disks and too many open files.
        what = re.search(r"OOM when allocating .*? type \w+", error.message) if is_exhausted else None
        if what is None:
            raise
        raise MemoryError(
            f"There is not enough memory for the network or a batch of rows: {what[0]}. Smaller layers or a smaller "
            "batch_size need less."
        ) from error
