"""Rows of X: which of them, and how networks get them, a chunk at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import gen_batches

from skdeep._common.typing import Data
from skdeep._data.row_source import RowSource

# Rows that are read at a time of arrays that are not in C order.
_BLOCK_ROWS = 512


@dataclass(frozen=True)
class Rows:
    """Rows of X with their targets and weights, gathered a chunk at a time.

    Parameters
    ----------
    X : ndarray, sparse matrix or RowSource of shape (n_total, ...)
        Never copied whole.
    shape : tuple of int
        Shape of one row as the network takes it.
    dtype : str
        dtype in which the network computes.
    y : ndarray of shape (n_rows, ...), default=None
        Targets, or what `encode` makes those of.
    sample_weight : ndarray of shape (n_rows,), default=None
        Weights of the rows.
    index : ndarray of int, default=None
        Which rows of X; None is all of them. `y` and `sample_weight` have one entry for each.
    encode : callable, default=None
        Makes the targets of the network of a part of `y`.
    """

    X: Data
    shape: tuple[int, ...]
    dtype: str
    y: np.ndarray | None = None
    sample_weight: np.ndarray | None = None
    index: np.ndarray | None = None
    encode: Callable[[np.ndarray], np.ndarray] | None = None

    def __len__(self):
        return self.X.shape[0] if self.index is None else len(self.index)

    def gather(self, positions: np.ndarray | slice) -> tuple[np.ndarray, ...]:
        """Return the arrays x, y and weights, as far as there are any, of these positions, an array or a slice.

        x may be a view of X, in any order in memory: TensorFlow's copy of it is in C order.
        """
        rows: Any = positions if self.index is None else self.index[positions]
        if isinstance(rows, slice) and isinstance(self.X, RowSource):
            rows = np.arange(rows.start, rows.stop)
        if issparse(self.X):
            x = self.X[_slice_if_neighbours(rows)].toarray()
        else:
            x = self.X.take(rows) if isinstance(self.X, RowSource) else _taken(self.X, rows, self.dtype)
        x = np.asarray(x, dtype=self.dtype).reshape(-1, *self.shape)
        y = () if self.y is None else (self._targets(positions),)
        return x, *y, *(() if self.sample_weight is None else (self.sample_weight[positions],))

    @property
    def row_bytes(self) -> int:
        """Memory of one gathered row of X and its targets."""
        x_bytes = max(1, math.prod(self.shape)) * np.dtype(self.dtype).itemsize
        return x_bytes + (0 if self.y is None else self._targets(np.arange(1)).nbytes)

    def _targets(self, positions):
        y = self.y[positions]
        return y if self.encode is None else self.encode(y)


@dataclass(frozen=True)
class Selection:
    """Some rows of X, with what y and the weights say of them.

    Parameters
    ----------
    X : ndarray, sparse matrix or RowSource of shape (n_total, ...)
        Checked, never copied whole.
    row_shape : tuple of int
        Shape of one row as the network takes it.
    index : ndarray of int of shape (n_rows,)
        Which rows of X.
    codes : ndarray of shape (n_rows, ...)
        What `encode` of the targets makes of their y.
    weight : ndarray of shape (n_rows,) or None
        Their weights; None if all are equal.
    """

    X: Data
    row_shape: tuple[int, ...]
    index: np.ndarray
    codes: np.ndarray
    weight: np.ndarray | None

    def part(self, positions: np.ndarray) -> Selection:
        """Return those at some positions."""
        weight = None if self.weight is None else self.weight[positions]
        return Selection(self.X, self.row_shape, self.index[positions], self.codes[positions], weight)

    def weighted(self, weight: np.ndarray | None) -> Selection:
        """Return the same rows with other weights."""
        return replace(self, weight=weight)

    def rows(self, network: Any, suffix: str = "") -> Rows:
        """Return them as a network takes them.

        Parameters
        ----------
        network : skdeep._networks.network.Network
            Tells the dtypes and the form of the targets.
        suffix : str, default=""
            Of the names of y and the weights in messages.

        Raises
        ------
        ValueError
            If a number is too large for the dtype of the network.
        """
        dtype, codes, weight = network.value_dtype, self.codes, self.weight
        if weight is not None:
            if weight.max(initial=0) > np.finfo(dtype).max:
                raise ValueError(
                    f"sample_weight{suffix} contains a value too large for {dtype}, in which the network computes."
                )
            weight = weight.astype(dtype)
        if codes.dtype.kind == "f":
            if np.abs(codes).max(initial=0) > np.finfo(dtype).max:
                raise ValueError(f"y{suffix} contains a value too large for {dtype}, in which the network computes.")
            codes = codes.astype(dtype, copy=False)
        head = network.head

        def encode(codes):
            y = head.encode(codes)
            return y.astype(dtype, copy=False) if y.dtype.kind == "f" else y

        return Rows(self.X, self.row_shape, network.dtype, codes, weight, self.index, encode)


def _slice_if_neighbours(rows):
    """Return the slice of these row numbers if they follow each other, else the numbers."""
    if isinstance(rows, slice):
        return rows
    first, n_rows = int(rows[0]), len(rows)
    is_run = int(rows[-1]) - first == n_rows - 1 and bool((np.diff(rows) == 1).all())
    return slice(first, first + n_rows) if is_run else rows


def _taken(X, rows, dtype):
    """Return these rows of an array, in its dtype or this one, at the cost of these rows.

    `np.take` alone first copies all of an array that is not in C order. Where the values of a row are far apart, those
    of near rows are near to each other, so rows are read in their order in X, some at a time.
    """
    rows = _slice_if_neighbours(rows)
    if isinstance(rows, slice):
        return X[rows]
    if X.flags.c_contiguous and X.flags.aligned:
        return np.take(X, rows, axis=0)
    taken, order = np.empty((len(rows), *X.shape[1:]), dtype), np.argsort(rows)
    for part in gen_batches(len(rows), _BLOCK_ROWS):
        taken[order[part]] = X[rows[order[part]]]
    return taken
