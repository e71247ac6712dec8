"""Whether this process was forked after TensorFlow had been started: then no network can be used in it.

A fork copies the memory of a process, but of its threads only the one that calls it. Importing TensorFlow and Keras
starts none, but the first tensor, variable or traced function does; what TensorFlow shares out between those threads
waits for ever in a child that was forked later. So `check_not_forked` raises there before a network is used.

Reading variables or building a small model would still work in such a child, building a larger one would not: what is
shared out depends on sizes. So all that needs TensorFlow is refused.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

_is_cut_off = False


class ForkedProcessError(RuntimeError):
    """A network was to be used in a process that was forked too late; no fault of what was pickled, say."""


def is_cut_off() -> bool:
    """Whether the threads of TensorFlow are those of a process that this one was forked from."""
    return _is_cut_off


def check_not_forked() -> None:
    """Raise if TensorFlow would wait for ever for threads that this process lacks."""
    if _is_cut_off:
        raise ForkedProcessError(
            "Networks cannot be used in this process: it was forked after TensorFlow had been started, whose threads a "
            "fork does not copy. Fork before the first use of TensorFlow (importing it, and loading an estimator that "
            "was saved, are no use of it), or start processes by 'spawn' or 'forkserver', as "
            "multiprocessing.get_context('spawn') does, or by joblib's default backend, 'loky'."
        )


def _has_started():
    """Whether TensorFlow was started, here or in the process that this one was forked from."""
    module = sys.modules.get("tensorflow.python.eager.context")
    return getattr(getattr(module, "_context", None), "_initialized", False)


def _lacks_threads():
    """Whether no thread of this process is one of TensorFlow's, as far as Linux tells; other systems do not.

    TensorFlow 2.20 does not name its threads. There those count that Python does not know, which may be of another
    library: better no error than one for no reason.
    """
    try:
        names = [(task / "comm").read_text() for task in Path("/proc/self/task").iterdir()]
    except OSError:
        return False
    version = getattr(sys.modules["tensorflow"], "__version__", "2.21")
    if version.startswith("2.20."):
        return len(names) <= threading.active_count()
    return not any(name.startswith("tf_") for name in names)


def _after_fork():
    global _is_cut_off
    _is_cut_off = _has_started()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)
    # skdeep may be imported for the first time in the child.
    _is_cut_off = _has_started() and _lacks_threads()
