"""Checks of the states of arrays, random numbers and sparse matrices, which numpy and scipy take without looking."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection
from math import prod
from typing import Any

import numpy as np
from scipy import sparse

from skdeep._common.states import AlteredFileError
from skdeep._files.zip_limits import unpacked

# bool, numbers, text, bytes, times; and records of them, which trees of scikit-learn have.
_KINDS = "biufcSUmMV"
_MOST_EMPTY_ITEMS = 100_000
BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
_MOST_POOL = 1024


def check_array(content: bytes) -> tuple[int, ...]:
    """Check that a file of numpy has the array that it says it has, and return its shape."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise AlteredFileError(f"an array is of a version of numpy's format that is not known, {version}")
    shape, _, dtype = readers[version](stream)
    n_items = prod(shape)
    if dtype.hasobject or dtype.kind not in _KINDS:
        raise AlteredFileError(f"an array has the dtype {dtype}")
    is_whole = n_items * dtype.itemsize == len(content) - stream.tell()
    if not is_whole or any(size < 0 for size in shape) or (dtype.itemsize == 0 and n_items > _MOST_EMPTY_ITEMS):
        raise AlteredFileError(f"an array of shape {shape} and dtype {dtype} has {len(content)} bytes")
    return shape


def check_random_state(state: Any, kinds: Collection[str]) -> None:
    """Check the state of a bit generator of numpy, which numpy takes without looking whether a position is in it."""
    kind: Any = state.get("bit_generator") if isinstance(state, dict) else None
    inner = state.get("state") if kind in kinds else None
    if not isinstance(inner, dict):
        raise AlteredFileError(f"the state of its random numbers is none of {', '.join(kinds)}")
    arrays = {"MT19937": {"key": 624}, "Philox": {"counter": 4, "key": 2}, "SFC64": {"state": 4}}.get(kind, {})
    words = np.uint32 if kind == "MT19937" else np.uint64
    are_right = all(
        isinstance(inner.get(name), np.ndarray) and inner[name].shape == (size,) and inner[name].dtype == words
        for name, size in arrays.items()
    )
    if kind in ("PCG64", "PCG64DXSM"):
        are_right = all(_is_int(inner.get(name), 0, 2**128 - 1) for name in ("state", "inc"))
    if kind == "MT19937":
        are_right = are_right and _is_int(inner.get("pos"), 0, 624)
    else:
        are_right = (
            are_right and _is_int(state.get("has_uint32"), 0, 1) and _is_int(state.get("uinteger"), 0, 2**32 - 1)
        )
    if kind == "Philox":
        buffer = state.get("buffer")
        are_right = are_right and _is_int(state.get("buffer_pos"), 0, 4) and isinstance(buffer, np.ndarray)
        are_right = are_right and buffer.shape == (4,) and buffer.dtype == words
    if not are_right:
        raise AlteredFileError(f"the state of its random numbers is none of {kind}")


def check_seeds(state: Any) -> None:
    """Check what a seed sequence of numpy is made of."""
    is_right = (
        isinstance(state, dict)
        and state.keys() <= {"entropy", "spawn_key", "pool_size", "n_children_spawned"}
        and _is_int(state.get("pool_size", 4), 4, _MOST_POOL)
        and _is_int(state.get("n_children_spawned", 0), 0, 2**32 - 1)
        and all(_are_words(state.get(name)) for name in ("entropy", "spawn_key"))
    )
    if not is_right:
        raise AlteredFileError("the seeds of its random numbers are none")


def _are_words(value):
    if isinstance(value, list):
        return len(value) <= _MOST_POOL and all(map(_are_words, value))
    if isinstance(value, np.ndarray):
        return value.size <= _MOST_POOL and value.dtype.kind in "iu"
    return value is None or _is_int(value, 0, 2**1024)


def _is_int(value, smallest, largest):
    return isinstance(value, int) and not isinstance(value, bool) and smallest <= value <= largest


def checked_sparse(content: bytes) -> bytes:
    """Return a file of a sparse matrix without compression, whose indices are all within it."""
    members = unpacked(content, None)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as stored:
        for name, each in members.items():
            check_array(each)
            stored.writestr(name, each)
    packed.seek(0)
    matrix = sparse.load_npz(packed)
    if matrix.format in ("csr", "csc", "bsr"):
        matrix.check_format(full_check=True)
    elif matrix.format == "coo":
        sparse.coo_array(matrix)._check()
    return packed.getvalue()
