"""The reuse of traced programs.

Tracing a network's training costs more than training it on a small table, and a search trains the same few networks
again and again. So a program, the compiled model with its traced TensorFlow functions, goes to a pool when the
estimator that held it is gone. The next fit that needs a program of the same key takes it from there instead of
building a model: either way the initial weights, the dropout seeds and the state of the optimizer are set anew. Results
are the same bits with and without reuse.

If none waits there, the fit asks the trained networks of that key that are still alive, as in an ensemble, or in
joblib, which keeps what it fitted until a batch of fits has ended. One that is not in use surrenders its program, keeps
its values as arrays, like one that was unpickled, and builds a model again if it is asked for anything. That takes a
part of the time of a trace, and most such networks are not asked again. Between two trainings a network loses its
program once at most.

The key is all that the trace depends on: the builder with its arguments, and the settings that the model is compiled
with; not the learning rate, the dropout rates and the L2 penalty, which are variables (but for whether there are any).
Only plain values make a key; a model with Keras objects or functions of the user's among them is not reused. For models
of the user's own see `skdeep._networks.own_models`: there the key tells all attributes of all parts of the model, and
the values of the model that was just built go into the idle program.

A program is never shared: it belongs to one network at a time, and goes on to another one only if nobody outside can
hold its model: `model_` was not read, no callback that the user wrote saw it, and those of Keras let go of it.

The pool holds the most recently used programs, 6 unless told otherwise: `set_size`, `info` and `clear` are there to
change, see and empty it, ``set_size(0)`` turns reuse off. Each process has its own.

Memory: a program that falls out of the pool is a reference cycle, with its weights and traces.
Python's collector would free it in the end, but it counts objects, not bytes, and may let a dozen wait. So it is asked
to once a few have been dropped.
"""

import gc
import json
import threading
import weakref
from collections import OrderedDict, deque
from numbers import Real

import numpy as np

from skdeep._lazy import keras

_lock = threading.Lock()
_idle = OrderedDict()  # (key, number of the program): program, the least recently used first
_offered = weakref.WeakKeyDictionary()  # trained networks: the keys of their programs
_returned = deque()  # what is on its way there, see release
_size = 6
_counts = {"traced": 0, "reused": 0}
_dropped = 0  # since the last collection
_MAX_DROPPED = 4

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
    >>> programs.set_size(6)
    """
    global _size
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(f"size must be an int of at least 0. Got {size!r}.")
    with _lock:
        _size = size
        _collect()


def program_key(architecture, rates, l2, settings, encoding):
    """Return what the traces of a compiled model depend on, or None if that cannot be told from plain values."""
    parameters = architecture.parameters | {"dropout": [rate > 0 for rate in rates], "l2": l2 > 0}
    given = [name for name in _VARIABLE if isinstance(settings.get(name), Real)]
    if len(given) > 1:
        return None  # contradictory: compiling tells
    settings = {name: value for name, value in settings.items() if name not in given and value is not None}
    key = [architecture.builder, architecture.input_shape, architecture.n_outputs, parameters, settings, encoding]
    key += [keras.config.floatx(), keras.config.epsilon()]
    try:
        return json.dumps(key, sort_keys=True, default=_plain)
    except TypeError:  # an object among the settings
        return None


def obtain(key, make):
    """Return a program of this key, whose values are to be set: an idle one, that of a trained network, or a new one.

    Parameters
    ----------
    key : str or None
        What `program_key` returns; None is the key of no other program.
    make : callable
        Returns a new program.
    """
    return _pop_idle(key) or _surrendered(key, make) or _made(make)


def obtain_idle(key, make):
    """Return a program of this key, whose values are to be set: an idle or a new one."""
    return _pop_idle(key) or _made(make)


def offer(key, network):
    """Let `obtain` ask this network, which is trained, for its program."""
    with _lock:
        _offered[network] = key


def _pop_idle(key):
    with _lock:
        _collect()
        place = next((place for place in _idle if place[0] == key), None)
        if place is None:
            return None
        _counts["reused"] += 1
        return _idle.pop(place)


def _surrendered(key, make):
    """Return the program of the network that was offered first of those that can spare theirs, or None."""
    with _lock:
        networks = [network for network, own in _offered.items() if own == key] if _size else []
    for network in networks:
        program = network.surrender(make)
        if program is not None:
            with _lock:
                _counts["reused"] += 1
                _offered.pop(network, None)
            return program
    return None


def _made(make):
    global _dropped
    with _lock:
        _counts["traced"] += 1
        must_collect = _dropped >= _MAX_DROPPED
        if must_collect:
            _dropped = 0
    if must_collect:
        gc.collect()
    return make()


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
    global _dropped
    while _returned:
        key, program = _returned.popleft()
        _idle[key, id(program)] = program
    while len(_idle) > _size:
        _idle.popitem(last=False)
        _dropped += 1


def _plain(value):
    """Return what json takes for a number or an array of numpy."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError
