"""The reuse of traced programs.

Tracing a network's training costs more than training it on a small table, and a search trains the same few networks
again and again. So a program, the compiled model with its traced TensorFlow functions, goes to a pool when the
estimator that held it is gone. The next fit builds its fresh model as always; if an idle program has the same key, the
fresh values (initial weights, dropout seeds, learning rate) are loaded into that program and the fresh model is
dropped. Results are the same bits with and without reuse.

The key is all that the trace depends on: the config of the model without its seeds, and the settings it was compiled
with, without the learning rate, which is a variable. Only settings that are plain values make a key; a model with Keras
objects or functions of the user's among them is not reused.

A program is never shared: it is taken out of the pool for one network, and comes back only when that network is gone
and nobody outside can hold its model (`model_` was not read, no callback of the user's saw it).

The pool holds the most recently used programs, 16 unless told otherwise: `set_size`, `info` and `clear` are there to
change, see and empty it, ``set_size(0)`` turns reuse off. Each process has its own.
"""

import json
import threading
from collections import OrderedDict, deque
from numbers import Real

__all__ = ["clear", "info", "set_size"]

_lock = threading.Lock()
_idle = OrderedDict()  # (key, number of the program): program, the least recently used first
_returned = deque()  # what is on its way there, see release
_size = 16
_counts = {"traced": 0, "reused": 0}

# Settings that are values of variables, so that a trace does not depend on them.
_VARIABLE = ("learning_rate", "optimizer__learning_rate")


def info():
    """Tell what the pool holds and did.

    Returns
    -------
    info : dict
        "size" (the largest number of idle programs kept), "idle" (how many there are now), and how many networks were
        "traced" anew and how many "reused" a program since the process began.

    Examples
    --------
    >>> from skdeep import programs
    >>> sorted(programs.info())
    ['idle', 'reused', 'size', 'traced']
    """
    with _lock:
        _collect()
        return {"size": _size, "idle": len(_idle), **_counts}


def clear():
    """Drop all idle programs, and the memory they hold.

    Examples
    --------
    >>> from skdeep import programs
    >>> programs.clear()
    >>> programs.info()["idle"]
    0
    """
    with _lock:
        _collect()
        _idle.clear()


def set_size(size):
    """Set how many idle programs are kept at most.

    Parameters
    ----------
    size : int
        At least 0; 0 turns reuse off.

    Raises
    ------
    ValueError
        If `size` is not a whole number of at least 0.

    Examples
    --------
    >>> from skdeep import programs
    >>> programs.set_size(16)
    """
    global _size
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(f"size must be an int of at least 0. Got {size!r}.")
    with _lock:
        _size = size
        _collect()


def program_key(config, settings, encoding):
    """Return what the traces of a compiled model depend on, or None if that cannot be told from plain values."""
    plain = {
        name: value
        for name, value in settings.items()
        if not (name in _VARIABLE and (value is None or isinstance(value, Real)))
    }
    try:
        return json.dumps([_without_seeds(config), plain, encoding], sort_keys=True)
    except TypeError:  # an object among the settings
        return None


def obtain(model, key):
    """Return a program for a compiled fresh model: an idle one of this key with the model's values, or a new one."""
    with _lock:
        _collect()
        place = next((place for place in _idle if place[0] == key), None)
        program = None if place is None else _idle.pop(place)
        _counts["traced" if program is None else "reused"] += 1
    if program is None:
        from skdeep.training import Program

        return Program(model)
    program.load_fresh(model)
    return program


def release(key, program):
    """Put a program that nobody holds any more into the pool.

    Python may call this at any moment, even while this very thread holds the lock: then the program waits for the next
    one who takes it.
    """
    _returned.append((key, program))
    if _lock.acquire(blocking=False):
        try:
            _collect()
        finally:
            _lock.release()


def _collect():
    """Take in what was released, and drop what is too much."""
    while _returned:
        key, program = _returned.popleft()
        _idle[key, id(program)] = program
    while len(_idle) > _size:
        _idle.popitem(last=False)


def _without_seeds(config):
    if isinstance(config, dict):
        return {name: _without_seeds(value) for name, value in config.items() if name != "seed"}
    if isinstance(config, (list, tuple)):
        return [_without_seeds(value) for value in config]
    return config
