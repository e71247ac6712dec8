"""Products of matrices whose rows do not depend on each other, to the last bit.

BLAS sums in an order that depends on the shapes, on the number of its threads, and for some shapes on where in a matrix
a row stands. So a row would be rounded differently alone and in a batch. Here a product is made of blocks of a fixed
number of rows, by one thread. How many rows a block may have so that their places do not matter is tried for each
shape, since it hangs on the processor: of OpenBLAS's kernels those for AVX-512 take 16, those for AVX2 no more than 8.

One thread is a limit for the whole process, so it is counted: the first product sets it, the last one takes it back. A
fork waits for the products of other threads: a lock of BLAS that is held at that moment would be held in the child for
ever.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Iterator, Sequence

import numpy as np
from threadpoolctl import ThreadpoolController

_BLOCKS = (8, 16, 4)  # the quickest first
_MIN_COLUMNS = 4  # with one column BLAS has other functions, in which places matter
_N_TRIED = 3  # rows
_N_DRAWN = 2**18 - 1  # numbers of a matrix, which are repeated in a larger one

_WAIT_TO_FORK = 10  # seconds at most

_lock = threading.Lock()
_changed = threading.Condition(_lock)
_n_limited = 0
_n_products = 0
_is_forking = False
_before = ()


@contextlib.contextmanager
def one_thread() -> Iterator[int]:
    """Let BLAS use one thread in the body of the ``with`` statement; give the number that it had."""
    _limit()
    try:
        yield max(_before, default=1)
    finally:
        _lift()


@contextlib.contextmanager
def product() -> Iterator[None]:
    """Keep this process from being forked in the body of the ``with`` statement."""
    global _n_products
    with _changed:
        _changed.wait_for(lambda: not _is_forking)
        _n_products += 1
    try:
        yield
    finally:
        with _changed:
            _n_products -= 1
            _changed.notify_all()


def block_rows(shapes: Sequence[tuple[int, ...]]) -> int | None:
    """Return how many rows a block may have in products with matrices of these shapes, or None if no number will do.

    Parameters
    ----------
    shapes : sequence of (int, int)
        Of the right-hand sides, as `padded` made them.
    """
    with one_thread():
        return next((n_rows for n_rows in _BLOCKS if all(_is_placeless(n_rows, *shape) for shape in shapes)), None)


def padded(matrix: np.ndarray) -> np.ndarray:
    """Return a matrix with columns of zeros behind its own, if it has so few that products are made in another way.

    There may be axes in front, of a stack of matrices.
    """
    n_missing = _MIN_COLUMNS - matrix.shape[-1]
    return np.pad(matrix, [(0, 0)] * (matrix.ndim - 1) + [(0, n_missing)]) if n_missing > 0 else matrix


@functools.lru_cache(maxsize=1000)
def _is_placeless(n_rows, n_inputs, n_outputs):
    """Whether rows of the same numbers give the same bits wherever they stand in a block."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((_N_TRIED, 1, n_inputs), dtype=np.float32)
    numbers = rng.standard_normal(min(n_inputs * n_outputs, _N_DRAWN), dtype=np.float32)
    with product():
        found = np.repeat(rows, n_rows, axis=1) @ np.resize(numbers, (n_inputs, n_outputs))
    return bool((found == found[:, :1]).all())


def _limit():
    global _n_limited, _before
    with _lock:
        _n_limited += 1
        if _n_limited == 1:
            _before = tuple(each.get_num_threads() for each in _LIBRARIES)
            for each in _LIBRARIES:
                each.set_num_threads(1)


def _lift():
    global _n_limited
    with _lock:
        _n_limited -= 1
        if _n_limited == 0:
            for each, n_threads in zip(_LIBRARIES, _before, strict=True):
                each.set_num_threads(n_threads)


def _libraries():
    """Return NumPy's BLAS, or all that are loaded if it cannot be told from them."""
    found = [each for each in ThreadpoolController().lib_controllers if each.user_api == "blas"]
    return [each for each in found if "numpy.libs" in each.filepath] or found


# Now, since looking through the libraries of a process takes ten times as long once TensorFlow is among them.
_LIBRARIES = _libraries()


def _before_fork():
    global _is_forking
    _lock.acquire()
    _is_forking = True
    _changed.wait_for(lambda: _n_products == 0, _WAIT_TO_FORK)


def _after_in_parent():
    global _is_forking
    _is_forking = False
    _changed.notify_all()
    _lock.release()


def _after_in_child():
    """Begin anew: the other threads, which may have set the limit, are not there."""
    global _lock, _changed, _n_limited, _n_products, _is_forking
    _lock = threading.Lock()
    _changed = threading.Condition(_lock)
    _n_products, _is_forking = 0, False
    if _n_limited:
        _n_limited = 1
        _lift()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
