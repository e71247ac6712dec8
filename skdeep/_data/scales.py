"""Tables and targets in units in which a network hardly learns, and what is said of them.

The limits are measured. With values up to 0.01 or above 1,000 only, or columns further apart than a factor of 1,000,
dense networks learn digits, iris or wine little or not at all. Plain networks for numbers predict worse than the mean
where y has a deviation below 0.05 or a mean of 10. Columns that StandardScaler has scaled have largest values between 1
and the square root of the number of rows, so large tables may have those.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.sparse import issparse

from skdeep._common.typing import Data
from skdeep._data.numeric_targets import NumericTargets
from skdeep._data.row_source import RowSource

_TINY, _FACTOR = 0.01, 1000
# What is that small beside the largest column is what rounding leaves, as in the last columns of PCA.
_ROUNDING = {4: 1e-6, 8: 1e-12}
_MIN_DEVIATION, _MAX_DEVIATION, _MAX_MEAN = 0.05, 50, 5
_CHUNK_BYTES = 2**18  # what stays in the cache of a core


def trouble_with_table(X: Data, name: str) -> str | None:
    """Return a sentence on the values of a table that a dense network cannot learn from, or None.

    Parameters
    ----------
    X : ndarray, csr matrix or RowSource of shape (n_rows, n_columns)
        Table of finite numbers.
    name : str
        The class of the estimator.
    """
    n_rows, itemsize = X.shape[0], X.dtype.itemsize
    factor = max(_FACTOR, math.sqrt(n_rows))
    if X.dtype.kind == "b" or (X.dtype.kind in "iu" and itemsize == 1):  # 255 times 1 at most, as in images
        return None
    largest = _largest_by_column(X)
    rounding = 0 if X.dtype.kind in "iu" else _ROUNDING[max(4, min(itemsize, 8))]
    largest = largest[largest > rounding * largest.max()]
    if not len(largest):
        return None
    low, high = largest.min(), largest.max()
    if high > factor * low:
        what = (
            f"The largest absolute values of the columns of X lie between {_shown(low)} and {_shown(high)}, so that a "
            "network hardly learns from the small ones."
        )
    elif high < _TINY:
        what = f"All values of X are tiny, at most {_shown(high)}, so that a network hardly tells them from 0."
    elif high > factor:
        what = f"X has values up to {_shown(high)}, with which the training of a network may come to nothing."
    else:
        return None
    scaler = "MaxAbsScaler" if issparse(X) else "StandardScaler"
    return f"{what} Scale X: make_pipeline({scaler}(), {name}(...))."


def trouble_with_numbers(y: np.ndarray) -> str | None:
    """Return a sentence on targets that a network cannot learn in their own unit, or None."""
    units = NumericTargets.learn(y, None, scaled=True)
    is_far = (units.scale < _MIN_DEVIATION) | (units.scale > _MAX_DEVIATION)
    is_far |= np.abs(units.mean) > _MAX_MEAN * np.maximum(units.scale, 1)
    if not is_far.any():
        return None
    column = np.flatnonzero(is_far)[0]
    of_which = "y" if units.is_column else f"Column {column} of y"
    mean, deviation = _shown(units.mean[column]), _shown(units.scale[column])
    return (
        f"{of_which} has a mean of {mean} and a standard deviation of {deviation}, far from the outputs of about 0 to "
        "1 from which the network starts, so that its predictions may mean nothing. Set scale_targets=True; "
        "predictions are in the unit of y all the same."
    )


def _shown(number):
    return f"{number:,.0f}" if 1000 <= abs(number) < 1e6 else f"{number:.3g}"


def _largest_by_column(X):
    """Return the largest absolute value in each column, without a copy of X."""
    if isinstance(X, RowSource):
        smallest, largest = X.column_limits()
        return np.maximum(-smallest.astype(np.float64), largest)
    if issparse(X):
        largest = np.zeros(X.shape[1])
        step = _CHUNK_BYTES // 8
        for start in range(0, len(X.data), step):
            part = np.abs(X.data[start : start + step].astype(np.float64))
            np.maximum.at(largest, X.indices[start : start + step], part)
        return largest
    largest = np.zeros(X.shape[1])
    step = max(1, _CHUNK_BYTES // (X.shape[1] * X.itemsize))
    for start in range(0, len(X), step):
        part = X[start : start + step]
        # The absolute value of the smallest integer is itself.
        largest_of_part = np.abs(part) if X.dtype.kind == "f" else np.abs(part.astype(np.float64))
        np.maximum(largest, largest_of_part.max(axis=0), out=largest)
    return largest
