"""The application of a Keras model to rows, chunk by chunk: predictions, and the outputs of a part of it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import gen_batches

from skdeep._common import interrupts
from skdeep._data.structure import packed
from skdeep._engine.tracing import traced_of
from skdeep._keras.ports import part_of
from skdeep._keras.summary import layer_shapes
from skdeep._lazy import keras, tf

if TYPE_CHECKING:
    from skdeep._data.rows import Rows

_CHUNK_BYTES = 8 * 2**20


class Application:
    """The traced functions that apply a model as it is now.

    Parameters
    ----------
    model : keras.Model
        Compiled model.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._infer: Any = None
        self._is_single = True  # whether the model has one output, which is told when it is traced
        self._parts: dict[Any, Any] = {}  # and what applies them, from one layer to another

    @functools.cached_property
    def _chunk_rows(self):
        # The memory that a row takes is about that of the largest layer.
        return max(2, _CHUNK_BYTES // (4 * max(layer_sizes(self._model))))

    def predict(self, rows: Rows, convert: Callable[[Any], Any]) -> Any:
        """Return what `convert` makes of the outputs of the network, for all rows.

        Parameters
        ----------
        rows : Rows
            Data.
        convert : callable
            Takes the outputs for some of the rows, as an array of shape (n, n_outputs) or a list of them for several
            outputs, and returns an array of n entries, or a list of them. So no more of the outputs is kept than is
            needed.

        Returns
        -------
        converted : ndarray of shape (n_rows, ...), or list of them

        Notes
        -----
        TensorFlow multiplies a single row by other code than a batch, which rounds differently. A row on its own goes
        in twice, so that it gets the same bits as in any batch on processors with AVX-512; on others convolutions round
        by the size of the batch.
        """
        if self._infer is None:
            self._infer = self._traced_prediction(rows)
        converted: Any = None
        for chunk in gen_batches(len(rows), self._chunk_rows):
            interrupts.answer()
            gathered = rows.gather(np.arange(chunk.start, chunk.stop))
            n_rows = len(gathered[0])
            outputs = [output.numpy()[:n_rows] for output in self._infer(*map(_batch, gathered))]
            parts = convert(outputs[0] if self._is_single else outputs)
            are_several = isinstance(parts, list)
            parts = parts if are_several else [parts]
            if converted is None:
                converted = [np.empty((len(rows), *part.shape[1:]), part.dtype) for part in parts]
            for whole, part in zip(converted, parts, strict=True):
                whole[chunk] = part
        return converted if are_several else converted[0]

    def _traced_prediction(self, rows):
        """Return the traced function of the model, with its outputs in a list."""
        keys = rows.structure.x

        def call(*arrays):
            outputs = self._model(packed(keys, arrays), training=False)
            self._is_single = not isinstance(outputs, (list, tuple, dict))
            return [_in_float32(output) for output in keras.tree.flatten(outputs)]

        arrays = rows.gather(np.arange(1))
        return traced_of(self._model, call, [tf.TensorSpec([None, *each.shape[1:]], each.dtype) for each in arrays])

    def part(self, start: str | None, end: str | None) -> keras.Model:
        """Return the part of the model behind one layer and up to another; None is its own input or output."""
        if (start, end) not in self._parts:
            self._parts[start, end] = [part_of(self._model, start, end), None]
        return self._parts[start, end][0]

    def apply_part(self, rows: Rows, start: str | None, end: str | None) -> np.ndarray:
        """Return the outputs of a part of the model for rows of its input."""
        part = self.part(start, end)
        if self._parts[start, end][1] is None:
            signature = [tf.TensorSpec([None, *rows.shape], rows.dtype)]
            apply = traced_of(self._model, lambda x: _in_float32(part(x, training=False)), signature)
            self._parts[start, end][1] = apply
        outputs: Any = None
        for chunk in gen_batches(len(rows), self._chunk_rows):
            interrupts.answer()
            (x,) = rows.gather(np.arange(chunk.start, chunk.stop))
            some = self._parts[start, end][1](_batch(x)).numpy()[: len(x)]
            if outputs is None:
                outputs = np.empty((len(rows), *some.shape[1:]), some.dtype)
            outputs[chunk] = some
        return outputs


def layer_sizes(model: keras.Model) -> list[int]:
    """Return how many numbers the layers of a model give for a row."""
    return [math.prod(size or 1 for size in shape) for shape in layer_shapes(model).values()] or [1]


def _batch(x):
    """Return rows as a tensor, a single one twice."""
    return tf.constant(np.repeat(x, 2, axis=0) if len(x) == 1 else x)


def _in_float32(outputs):
    """Return outputs of 16 bits in float32, with which numpy computes."""
    return tf.cast(outputs, tf.float32) if outputs.dtype in (tf.bfloat16, tf.float16) else outputs
