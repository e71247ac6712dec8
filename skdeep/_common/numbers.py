"""Numbers of any kind as Python's, and the dtypes in which networks compute."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np


def plain_number(value: Any) -> Any:
    """Return a number of any kind, or an array that holds a single one without axes, as Python's; all else as it is."""
    if isinstance(value, Real) and not isinstance(value, (int, float, np.generic)):  # a fraction
        return float(value)
    is_scalar = isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0)
    return value.item() if is_scalar and value.dtype.kind in "iuf" else value


def value_dtype(dtype_policy: str) -> str:
    """Return the dtype of weights, data, losses and predictions under a dtype policy."""
    return "float64" if dtype_policy == "float64" else "float32"
