"""An epoch, chunk by chunk: while one is worked on, a thread gathers the rows of the next.

X is never copied whole, in any order in memory: beyond it there are two chunks. A chunk is sized by the time that the
last one took, so that Ctrl-C, which is answered between chunks (see `skdeep._common.interrupts`), is answered soon;
where chunks end does not change what is learned.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from skdeep._common import interrupts
from skdeep._common.typing import Logs

if TYPE_CHECKING:
    from skdeep._data.rows import Rows

_CHUNK_BYTES = 8 * 2**20
_CHUNK_SECONDS = 0.25
_FIRST_CHUNK_BATCHES = 16


class Epochs:
    """Runs epochs of training and testing, and knows how long batches take."""

    def __init__(self) -> None:
        self._batch_seconds: dict[str, float] = {}

    def run(
        self,
        program: Any,
        kind: str,
        rows: Rows,
        order: np.ndarray,
        batch_size: int,
        hooks: Any = None,
        rates: np.ndarray | None = None,
    ) -> Logs:
        """Run one epoch of "train" or "test" and return its metrics; with `hooks`, one batch at a time.

        The `program` is what runs a chunk: ``gathered(arrays)`` makes of the arrays of a chunk what ``run_chunk(kind,
        arrays, batch_size, rates)`` takes, in another thread; the latter returns the metrics since the epoch began and
        the seconds that it took. ``model`` has `stop_training` and `stop_evaluating`, which callbacks set. `rates` are
        the learning rates of the batches, or None.
        """

        def gather(start):
            n_batches = 1 if hooks else self._chunk_batches(kind, batch_size * rows.row_bytes)
            part = order[start : start + n_batches * batch_size]
            return start + len(part), program.gathered(rows.gather(part))

        start, (stop, arrays) = 0, gather(0)
        with ThreadPoolExecutor(1) as pool:  # which has no thread as long as nothing is submitted
            while True:
                ahead = pool.submit(gather, stop) if stop < len(order) else None
                if hooks:
                    hooks.call(f"on_{kind}_batch_begin", start // batch_size)
                interrupts.answer()
                part = None if rates is None else rates[start // batch_size : math.ceil(stop / batch_size)]
                logs, seconds = program.run_chunk(kind, arrays, batch_size, part)
                self._batch_seconds[kind] = seconds / math.ceil((stop - start) / batch_size)
                if hooks:
                    hooks.call(f"on_{kind}_batch_end", start // batch_size, dict(logs))
                must_stop = program.model.stop_training if kind == "train" else program.model.stop_evaluating
                is_over = (hooks and must_stop) or (kind == "train" and not is_loss_finite(logs))
                if ahead is None or is_over:
                    return logs
                start, (stop, arrays) = stop, ahead.result()

    def _chunk_batches(self, kind, batch_bytes):
        """Return how many batches the next chunk takes, by what it may need in memory and time."""
        n_batches = _FIRST_CHUNK_BATCHES
        if kind in self._batch_seconds:
            n_batches = int(_CHUNK_SECONDS / self._batch_seconds[kind])
        return max(1, min(n_batches, _CHUNK_BYTES // batch_bytes))


def is_loss_finite(logs: Logs) -> bool:
    """Whether the loss is finite, if there is one: the steps of a user's model may report something else."""
    return math.isfinite(logs.get("loss", 0.0))
