"""Tables and images that are not in memory: anything with `shape`, `dtype` and rows by slices.

The protocol is narrow on purpose, so that data sets of h5py, arrays of zarr and a class of the user's own fit it alike:

- ``shape``, a tuple whose first entry is the number of rows, and ``len()``;
- ``dtype``, a `numpy.dtype` of numbers;
- ``source[start:stop]``, an array of these rows.

What scikit-learn can take without a copy (numpy's arrays and memory maps) or has its own way for (frames, sparse
matrices, the arrays of other libraries) is no such source. Rows are read in spans: neighbours that are close to each
other are read with what lies between them, since each read has its price.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse

from skdeep._common import interrupts

# Rows further apart than this are read one by one.
_MAX_GAP = 8
_CHUNK_BYTES = 8 * 2**20
_NEEDED = ("shape", "dtype", "__getitem__", "__len__")
_OTHERS = ("__array_interface__", "__array_namespace__", "__array_function__", "__dataframe__", "iloc")


def is_row_source(X: Any) -> bool:
    """Whether X is a source of rows that are not in memory."""
    return (
        not isinstance(X, (np.ndarray, np.generic, list, tuple))
        and not issparse(X)
        and all(hasattr(X, name) for name in _NEEDED)
        and not any(hasattr(X, name) for name in _OTHERS)
        and isinstance(X.dtype, np.dtype)
        and X.dtype.kind in "biuf"
    )


class RowSource:
    """Rows that are read where they are needed.

    Parameters
    ----------
    rows : object
        What `is_row_source` accepts.
    """

    def __init__(self, rows: Any) -> None:
        self._rows = rows
        self.shape = tuple(rows.shape)
        self.dtype = rows.dtype
        self.ndim = len(self.shape)
        self._column_limits: Any = None  # two arrays, from the first look on

    def __len__(self):
        return self.shape[0]

    def take(self, positions: ArrayLike) -> np.ndarray:
        """Return the rows at these positions, in their order."""
        positions = np.asarray(positions)
        order = np.argsort(positions, kind="stable")
        wanted = positions[order]
        taken = np.empty((len(positions), *self.shape[1:]), self.dtype)
        for span in np.split(np.arange(len(wanted)), np.flatnonzero(np.diff(wanted) > _MAX_GAP) + 1):
            first, last = wanted[span[0]], wanted[span[-1]]
            taken[order[span]] = self._read(first, last + 1)[wanted[span] - first]
        return taken

    def limits(self) -> tuple[Any, Any]:
        """Return the smallest and the largest number, which are NaN if any number is."""
        smallest, largest = self.column_limits()
        return smallest.min(), largest.max()

    def column_limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the smallest and the largest number of each column, from one look at all rows."""
        if self._column_limits is None:
            size = max(1, _CHUNK_BYTES // max(1, int(np.prod(self.shape[1:])) * self.dtype.itemsize))
            limits = None
            for start in range(0, len(self), size):
                interrupts.answer()
                chunk = self._read(start, min(start + size, len(self)))
                smallest, largest = chunk.min(axis=0), chunk.max(axis=0)
                if limits is not None:
                    smallest, largest = np.minimum(limits[0], smallest), np.maximum(limits[1], largest)
                limits = smallest, largest
            self._column_limits = limits
        return self._column_limits

    def _read(self, start, stop):
        rows = np.asarray(self._rows[int(start) : int(stop)])
        expected = (int(stop) - int(start), *self.shape[1:])
        if rows.shape != expected:
            raise ValueError(f"X[{start}:{stop}] has the shape {rows.shape}, but X.shape promises {expected}.")
        return rows
