"""A network of layers in a row, of which each is a short formula, as plain steps with the arrays of its variables.

A step is a list: the kind, and its arguments, which are numbers, text, or the places of arrays among the variables.

- ``["dense", kernel, bias or None, activation]``
- ``["batch_normalization", gamma or None, beta or None, mean, variance, epsilon]``
- ``["activation", activation]``
- ``["rescaling", scale, offset]`` and ``["normalization", mean, deviation]``, of numbers or arrays
- ``["reshape", shape]``
- ``["stacked_dense", kernel, bias, activation]``, of several networks side by side, with one entry for each on the
  first axis of kernel and bias; what follows is of each network, up to ``["mean"]``, the mean of their outputs
- ``["number_embedding", frequencies, phases, kernel]``, see `skdeep._training.stacked_layers.NumberEmbedding`

What a row gives is the same bits alone and in any batch, in any thread and under any number of threads of BLAS.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from skdeep._data.row_source import RowSource
from skdeep._inference.activations import ACTIVATIONS
from skdeep._inference.blas import block_rows, one_thread, padded, product

if TYPE_CHECKING:
    from skdeep._data.rows import Rows

_CHUNK_NUMBERS = 2**19  # of the widest layer: what stays in the cache of a core
_THREADED_WORK = 2**24  # multiplications below which a second thread costs more than it brings
_CYCLE = np.float32(2 * np.pi)


class LayerStack:
    """A stack of layers, ready to predict.

    Parameters
    ----------
    steps : list of list
        See above.
    arrays : list of ndarray
        The variables of the network.
    """

    def __init__(self, steps: list[list[Any]], arrays: list[np.ndarray]) -> None:
        self._functions = [_FUNCTIONS[kind](arrays, *arguments) for kind, *arguments in steps]
        shapes = [padded(arrays[step[_KERNELS[step[0]]]]).shape for step in steps if step[0] in _KERNELS]
        self._block = block_rows([shape[-2:] for shape in shapes])
        self._widest = max(max(shape[-2:]) * prod(shape[:-2]) for shape in shapes)
        self._row_work = sum(map(prod, shapes))

    @property
    def is_exact(self) -> bool:
        """Whether rows give the same bits in any batch on this machine."""
        return self._block is not None

    def predict(self, rows: Rows, convert: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return what `convert` makes of the outputs, for all rows; see `skdeep._engine.program.Program.predict`."""
        n_rows = len(rows)
        size = max(1, _CHUNK_NUMBERS // (self._widest * self._block)) * self._block
        chunks = iter([slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)])
        with one_thread() as n_threads:
            chunk = next(chunks)
            first = convert(self._outputs(rows, chunk))
            if chunk.stop == n_rows:
                return first
            converted = np.empty((n_rows, *first.shape[1:]), first.dtype)
            converted[chunk] = first

            def work():
                try:
                    for chunk in chunks:  # each goes to one of the threads
                        converted[chunk] = convert(self._outputs(rows, chunk))
                except BaseException:  # such as Ctrl-C: the others stop, too
                    deque(chunks, maxlen=0)
                    raise

            is_small = n_rows * self._row_work < _THREADED_WORK
            # Sources of rows may not be for several threads.
            _run(work, 1 if is_small or isinstance(rows.X, RowSource) else n_threads)
        return converted

    def _outputs(self, rows, chunk):
        (x,) = rows.gather(chunk)
        n_rows = len(x)
        n_missing = -n_rows % self._block
        values = np.ascontiguousarray(
            np.concatenate([x, np.zeros((n_missing, *x.shape[1:]), x.dtype)]) if n_missing else x
        )
        with product(), np.errstate(all="ignore"):  # what is not finite is said of the outputs
            for function in self._functions:
                values = function(values, self._block)
        return values[:n_rows]


def are_steps(steps: object, arrays: list[np.ndarray]) -> bool:
    """Whether these are steps, from a file, over the variables of a network."""
    if not isinstance(steps, list) or not all(isinstance(step, list) and step for step in steps):
        return False
    kinds = [step[0] for step in steps]
    is_stacked = "stacked_dense" in kinds
    n_in_front = kinds[:1].count("number_embedding")
    if is_stacked and (kinds.pop() != "mean" or set(kinds[n_in_front:]) != {"stacked_dense"}):
        return False
    if not is_stacked and ("dense" not in kinds or {"mean", "number_embedding"} & set(kinds)):
        return False
    try:
        return all(_CHECKS[kind](arrays, *arguments) for kind, *arguments in steps)
    except (KeyError, TypeError):  # other kinds of steps, or other numbers of arguments
        return False


def _run(work, n_threads):
    """Run a function in so many threads, this one included."""
    with ThreadPoolExecutor(max(1, n_threads - 1)) as pool:  # which has no thread as long as nothing is submitted
        others = [pool.submit(work) for _ in range(n_threads - 1)]
        work()
        for other in others:
            other.result()


def _dense(arrays, kernel, bias, activation):
    n_units, kernel = arrays[kernel].shape[1], np.ascontiguousarray(padded(arrays[kernel]))
    bias, activate = None if bias is None else arrays[bias], ACTIVATIONS[activation]

    def apply(values, block):
        outputs = (values.reshape(-1, block, values.shape[1]) @ kernel).reshape(len(values), -1)
        if outputs.shape[1] != n_units:
            outputs = np.ascontiguousarray(outputs[:, :n_units])
        if bias is not None:
            outputs += bias
        return activate(outputs)

    return apply


def _stacked_dense(arrays, kernel, bias, activation):
    n_units, kernel = arrays[kernel].shape[2], np.ascontiguousarray(padded(arrays[kernel]))
    bias, activate = arrays[bias][:, np.newaxis], ACTIVATIONS[activation]

    def apply(values, block):
        # From here on the axes are: block of rows, network, row in the block, unit.
        if values.ndim == 2:
            values = values.reshape(-1, 1, block, values.shape[1])
        outputs = values @ kernel
        if outputs.shape[3] != n_units:
            outputs = np.ascontiguousarray(outputs[..., :n_units])
        outputs += bias
        return activate(outputs)

    return apply


def _mean(arrays):
    def apply(values, block):
        mean = values.mean(axis=1)
        return mean.reshape(-1, mean.shape[2])

    return apply


def _number_embedding(arrays, frequencies, phases, kernel):
    n_values, kernel = arrays[kernel].shape[2], np.ascontiguousarray(padded(arrays[kernel]))
    # In front of the rows of a block.
    frequencies, phases = arrays[frequencies][:, np.newaxis], arrays[phases][:, np.newaxis]

    def apply(values, block):
        numbers = values[:, : len(kernel)].reshape(-1, block, len(kernel)).transpose(0, 2, 1)
        angles = numbers[..., np.newaxis] * frequencies
        angles += phases
        angles *= _CYCLE
        embedded = (np.cos(angles, out=angles) @ kernel)[..., :n_values].transpose(0, 2, 1, 3)
        return np.concatenate([values, embedded.reshape(len(values), -1)], axis=1)

    return apply


def _batch_normalization(arrays, gamma, beta, mean, variance, epsilon):
    factor = 1 / np.sqrt(arrays[variance] + np.float32(epsilon))
    if gamma is not None:
        factor = factor * arrays[gamma]
    shift = -arrays[mean] * factor
    if beta is not None:
        shift = shift + arrays[beta]
    return _scaled(factor, shift)


def _activation(arrays, name):
    return lambda values, block: ACTIVATIONS[name](values.copy())


def _rescaling(arrays, scale, offset):
    scale, offset = np.asarray(scale, np.float32), np.asarray(offset, np.float32)
    return _scaled(scale, offset)


def _normalization(arrays, mean, deviation):
    mean, deviation = np.asarray(mean, np.float32), np.asarray(deviation, np.float32)

    def apply(values, block):
        _check_fit(values, mean, deviation)
        return (values - mean) / deviation

    return apply


def _reshape(arrays, shape):
    return lambda values, block: values.reshape(len(values), *shape)


def _scaled(factor, shift):
    def apply(values, block):
        _check_fit(values, factor, shift)
        return values * factor + shift

    return apply


def _check_fit(values, *arrays):
    """Raise for arrays, from a file, with which the values would become more."""
    if np.broadcast_shapes(values.shape, *(array.shape for array in arrays)) != values.shape:
        raise ValueError(f"The layers of the network do not fit rows of shape {values.shape[1:]}.")


def _is_array(arrays, place, n_axes, *, optional=False):
    if place is None:
        return optional
    is_place = type(place) is int and 0 <= place < len(arrays)
    return is_place and arrays[place].ndim == n_axes and arrays[place].dtype == np.float32


def _are_numbers(*values):
    return all(
        isinstance(value, (int, float)) or (isinstance(value, np.ndarray) and value.dtype.kind in "iuf")
        for value in values
    )


def _is_vector(arrays, place):
    return _is_array(arrays, place, 1, optional=True)


# By kind, where in a step the place of the matrix is with which its values are multiplied.
_KERNELS = {"dense": 1, "stacked_dense": 1, "number_embedding": 3}
# By kind, whether these are its arguments.
_CHECKS: dict[str, Callable[..., bool]] = {
    "dense": lambda arrays, kernel, bias, name: (
        _is_array(arrays, kernel, 2) and _is_vector(arrays, bias) and name in ACTIVATIONS
    ),
    "batch_normalization": lambda arrays, gamma, beta, mean, variance, epsilon: (
        all(_is_vector(arrays, each) for each in (gamma, beta))
        and all(_is_array(arrays, each, 1) for each in (mean, variance))
        and isinstance(epsilon, float)
    ),
    "stacked_dense": lambda arrays, kernel, bias, name: (
        _is_array(arrays, kernel, 3)
        and _is_array(arrays, bias, 2)
        and arrays[bias].shape == (arrays[kernel].shape[0], arrays[kernel].shape[2])
        and name in ACTIVATIONS
    ),
    "mean": lambda arrays: True,
    "number_embedding": lambda arrays, frequencies, phases, kernel: (
        _is_array(arrays, frequencies, 2)
        and _is_array(arrays, phases, 2)
        and _is_array(arrays, kernel, 3)
        and arrays[frequencies].shape == arrays[phases].shape == arrays[kernel].shape[:2]
    ),
    "activation": lambda arrays, name: name in ACTIVATIONS,
    "rescaling": lambda arrays, *values: len(values) == 2 and _are_numbers(*values),
    "normalization": lambda arrays, *values: len(values) == 2 and _are_numbers(*values),
    "reshape": lambda arrays, shape: isinstance(shape, list) and all(type(size) is int for size in shape),
}
_FUNCTIONS: dict[str, Callable[..., Callable[[np.ndarray, int], np.ndarray]]] = {
    "dense": _dense,
    "stacked_dense": _stacked_dense,
    "mean": _mean,
    "number_embedding": _number_embedding,
    "batch_normalization": _batch_normalization,
    "activation": _activation,
    "rescaling": _rescaling,
    "normalization": _normalization,
    "reshape": _reshape,
}
