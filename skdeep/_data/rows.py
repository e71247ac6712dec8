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
from skdeep._data.named_arrays import Parts
from skdeep._data.row_source import RowSource
from skdeep._data.structure import Structure

# Rows that are read at a time of arrays that are not in C order.
_BLOCK_ROWS = 512


@dataclass(frozen=True)
class Rows:
    """Rows of X with their targets and weights, gathered a chunk at a time.

    Parameters
    ----------
    X : ndarray, sparse matrix, RowSource or Parts of shape (n_total, ...)
        Never copied whole.
    shape : tuple of int
        Shape of one row as the network takes it; of `Parts` a tuple of such shapes.
    dtype : str
        dtype in which the network computes; of `Parts` a tuple of dtypes.
    y : ndarray or Parts of shape (n_rows, ...), default=None
        Targets, or what `encode` makes those of.
    sample_weight : ndarray of shape (n_rows,), default=None
        Weights of the rows.
    index : ndarray of int, default=None
        Which rows of X; None is all of them. `y` and `sample_weight` have one entry for each.
    encode : callable, default=None
        Makes the targets of the network of a part of `y`: an array, or a list of arrays for several outputs.
    y_keys : tuple, default=None
        Names or numbers of several outputs, see `Structure`.
    """

    X: Data
    shape: tuple[Any, ...]
    dtype: str | tuple[str, ...]
    y: np.ndarray | Parts | None = None
    sample_weight: np.ndarray | None = None
    index: np.ndarray | None = None
    encode: Callable[[Any], Any] | None = None
    y_keys: tuple[Any, ...] | None = None

    def __len__(self):
        return self.X.shape[0] if self.index is None else len(self.index)

    @property
    def structure(self) -> Structure:
        """How the arrays are packed for the network."""
        return Structure(self.X.keys if isinstance(self.X, Parts) else None, self.y_keys)

    def gather(self, positions: np.ndarray | slice) -> tuple[np.ndarray, ...]:
        """Return the arrays of x, of y and the weights, as far as there are any, of these positions.

        These are an array or a slice.

        x may be a view of X, in any order in memory: TensorFlow's copy of it is in C order.
        """
        rows: Any = positions if self.index is None else self.index[positions]
        x = [_gathered(X, rows, shape, dtype) for X, shape, dtype in self._inputs()]
        y = [] if self.y is None else self._targets(positions)
        return *x, *y, *(() if self.sample_weight is None else (self.sample_weight[positions],))

    @property
    def row_bytes(self) -> int:
        """Memory of one gathered row of X and its targets."""
        x_bytes = sum(max(1, math.prod(shape)) * np.dtype(dtype).itemsize for _, shape, dtype in self._inputs())
        return x_bytes + (0 if self.y is None else sum(each.nbytes for each in self._targets(np.arange(1))))

    def _inputs(self):
        """Return the arrays of X, each with the shape and the dtype that the network takes."""
        if isinstance(self.X, Parts):
            return list(zip(self.X.arrays, self.shape, self.dtype, strict=True))
        return [(self.X, self.shape, self.dtype)]

    def _targets(self, positions):
        y = self.y[positions]
        y = y if self.encode is None else self.encode(y)
        return y if isinstance(y, list) else [y]


@dataclass(frozen=True)
class Selection:
    """Some rows of X, with what y and the weights say of them.

    Parameters
    ----------
    X : ndarray, sparse matrix, RowSource or Parts of shape (n_total, ...)
        Checked, never copied whole.
    row_shape : tuple of int
        Shape of one row as the network takes it; of `Parts` a tuple of such shapes.
    index : ndarray of int of shape (n_rows,)
        Which rows of X.
    codes : ndarray or Parts of shape (n_rows, ...)
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
        codes = _in_dtype(codes, dtype, suffix)
        head = network.head

        def encode(codes):
            y = head.encode(codes)
            return [_cast(each, dtype) for each in y] if isinstance(y, list) else _cast(y, dtype)

        return Rows(self.X, self.row_shape, network.dtypes(self.X), codes, weight, self.index, encode, head.keys)


def _in_dtype(codes, dtype, suffix):
    """Return codes in the dtype of the network, if they are floats that fit."""
    if isinstance(codes, Parts):
        return Parts({key: _in_dtype(part, dtype, suffix) for key, part in zip(codes.keys, codes.arrays, strict=True)})
    if codes.dtype.kind != "f":
        return codes
    if np.abs(codes).max(initial=0) > np.finfo(dtype).max:
        raise ValueError(f"y{suffix} contains a value too large for {dtype}, in which the network computes.")
    return codes.astype(dtype, copy=False)


def _cast(y, dtype):
    return y.astype(dtype, copy=False) if y.dtype.kind == "f" else y


def _gathered(X, rows, shape, dtype):
    """Return these rows of an array, a sparse matrix or a `RowSource` as the network takes them."""
    if isinstance(rows, slice) and isinstance(X, RowSource):
        rows = np.arange(rows.start, rows.stop)
    if issparse(X):
        x = X[_slice_if_neighbours(rows)].toarray()
    else:
        x = X.take(rows) if isinstance(X, RowSource) else _taken(X, rows, dtype)
    return np.asarray(x, dtype=dtype).reshape(-1, *shape)


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
