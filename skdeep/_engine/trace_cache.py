"""The reuse of traced programs: one cache, in which each program is leased to one network at a time.

Tracing a network's training costs more than training it on a small table, and a search trains the same few networks
again and again. So a program, the compiled model with its traced TensorFlow functions, is free for others once the
network that had it is gone. The next fit that needs a program of the same key leases that one instead of building a
model: either way the initial weights, the dropout seeds and the state of the optimizer are set anew. Results are the
same bits with and without reuse.

If none is free, the fit asks the trained networks of that key that are still alive, as in an ensemble, or in joblib,
which keeps what it fitted until a batch of fits has ended. One that is not in use gives up its program, keeps its
values as arrays, like one that was unpickled, and leases a program again if it is asked for anything: a free or a new
one. That takes a part of the time of a trace, and most such networks are not asked again. Between two trainings a
network loses its program once at most.

The key is all that the trace depends on; see `skdeep._networks.built_in` and `skdeep._networks.own_models`.

A program is never shared, and goes on to another network only if nobody outside can hold its model: a lease is pinned
if `model_` was read, or a callback that the user wrote saw it, or one of Keras's may hold it.

The cache keeps the most recently used free programs, 6 unless told otherwise; each process has its own.

Memory: a program that falls out of the cache is a reference cycle, with its weights and traces. Python's collector
would free it in the end, but it counts objects, not bytes, and may let a dozen wait. So it is asked to once a few have
been evicted.
"""

from __future__ import annotations

import contextlib
import gc
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from skdeep._common.forked import check_not_forked
from skdeep._common.typing import Values
from skdeep._data.validation import memory_errors
from skdeep._engine.replicas import current_strategy, outside_of_scopes

if TYPE_CHECKING:
    from skdeep._engine.program import Program

_MAX_EVICTED = 4  # before the next collection


class Lease:
    """What a network has: a program, or else values, and what gives it a program again if it is asked for anything.

    Parameters
    ----------
    source : object or None
        Makes programs, by three methods: `key` returns what their traces depend on, or None if that is not known;
        ``build(values)`` returns a new one, ``restore(program, values, is_reused)`` sets these values in a new one or
        in one that another network had before; and `is_for_one` tells whether it makes but one. None is that of the
        network which takes the program.
    values : dict, default=None
        What `skdeep._engine.program.Program.get_values` returned.
    program : skdeep._engine.program.Program, default=None
        One that no other network has.
    """

    def __init__(self, source: Any, values: Values | None = None, program: Program | None = None) -> None:
        self.source = source
        self.is_pinned = False
        self.is_reused = False
        self._values: Any = values  # if there is no program
        self._program = program
        self._key: str | None = None
        self._n_users = 0
        self._give_back: weakref.ref[Lease] | None = None
        self._lock = threading.RLock()  # never held for long: a handler of a signal may come in between
        self._building = threading.RLock()

    @contextlib.contextmanager
    def in_use(self) -> Iterator[Program]:
        """Give the program, built if need be; no other network gets it in the body of the ``with`` statement."""
        check_not_forked()
        with self._counted():
            yield self._built()

    @property
    def program(self) -> Program | None:
        """The program, or None if there is none now."""
        with self._lock:
            return self._program

    def get_values(self) -> Values:
        """Return the values of the variables, as `skdeep._engine.program.Program.get_values` does."""
        with self._counted():
            with self._lock:
                program, values = self._program, self._values
            if program is None:
                return values
            check_not_forked()
            return program.get_values()

    def set_values(self, values: Values) -> None:
        """Set the values of the variables."""
        with self._counted():
            with self._lock:
                program = self._program
                if program is None:
                    self._values = values
            if program is not None:
                program.set_values(values)

    def pin(self) -> None:
        """Keep the program for good, and look from now on whether somebody outside changes its model."""
        with self._lock:
            self.is_pinned = True
            CACHE.let_go(self._give_back)
            if self._program is not None:
                self._program.watch()

    @contextlib.contextmanager
    def shared(self) -> Iterator[Lease]:
        """Give a lease of the same program in the body of the ``with`` statement; later it has the values of now."""
        self.pin()
        with self.in_use() as program:
            is_copied = self.source is None or self.source.is_for_one
            other = Lease(_CopySource(program) if is_copied else self.source, program.get_values(), program)
            try:
                yield other
            finally:
                with other._lock:
                    other._program = None

    def hold(self, program: Program, key: str | None, *, is_reused: bool) -> None:
        """Have this program, which is free for others once this lease is gone if there is a key."""
        with self._lock:
            self._program, self._key, self.is_reused = program, key, is_reused
            self._values = None
            if self.is_pinned:
                program.watch()
            elif key is not None:
                self._give_back = CACHE.hold(self, key, program)

    @property
    def can_spare(self) -> bool:
        """Whether the program can be given to another network some time."""
        return CACHE.holds(self._give_back)

    def give_up(self, key: str, source: Any) -> Program | None:
        """Return the program and go on with its values; return None if it is in use, pinned or of another key.

        `source` is that of the network which gets it.
        """
        if not self._lock.acquire(blocking=False):
            return None
        try:
            if self._n_users or self._program is None or self._key != key or not self.can_spare:
                return None
            try:
                self._values = self._program.get_values()
            except MemoryError:
                return None
            CACHE.let_go(self._give_back)
            if self.source is None or self.source.is_for_one:
                self.source = source
            program, self._program = self._program, None
            return program
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def _counted(self):
        with self._lock:
            self._n_users += 1
        try:
            yield
        finally:
            with self._lock:
                self._n_users -= 1

    def _built(self):
        """Return the program, built if need be; it is in use, so that it stays."""
        program = self.program
        if program is None:
            with self._building:
                program = self.program  # another thread may have been quicker
                if program is None:
                    with memory_errors():
                        program = outside_of_scopes(self._restored)
        return program

    def _restored(self):
        key = self._key or self.source.key()
        program, is_reused = CACHE.free_or_new(key, self.source, self._values)
        self.source.restore(program, self._values, is_reused)
        self.hold(program, key, is_reused=is_reused)
        return program


class _CopySource:
    """Makes copies of a program that another network has."""

    is_for_one = False

    def __init__(self, program):
        self._program = program

    def key(self):
        """Return None: nothing is known of it."""

    def build(self, values):
        """Return a copy."""
        return self._program.copied()

    def restore(self, program, values, is_reused):
        """Set the values."""
        program.set_values(values)


class TraceCache:
    """Programs by their keys: the free ones, and who can spare one.

    Parameters
    ----------
    size : int
        The largest number of free programs.
    """

    def __init__(self, size: int) -> None:
        self._lock = threading.Lock()
        self._size = size
        self._free: list[Any] = []  # (key, program), the least recently used first
        # Leases in the order of their trainings.
        self._sparing: weakref.WeakKeyDictionary[Lease, bool] = weakref.WeakKeyDictionary()
        # By the number of a weak reference to a lease: the reference, the key and the program.
        self._held: dict[int, tuple[weakref.ref[Lease], str, Program]] = {}
        self._returned: deque[weakref.ref[Lease]] = deque()  # to leases that are gone
        self._n_traced = self._n_reused = 0
        self._n_evicted = 0  # since the last collection

    def lease(self, source: Any) -> Lease:
        """Return a lease of a program whose values are to be set: a free one, or one that is spared, or a new one.

        Parameters
        ----------
        source : object
            See `Lease`. In the scope of a strategy of `tf.distribute` programs are always new, and go to no other
            network.
        """
        check_not_forked()
        lease = Lease(source)
        key = None if current_strategy() is not None else source.key()
        program: Any = None
        if key is not None:
            program = self._pop_free(key) or self._spared(key, source)
        is_reused = program is not None
        lease.hold(program if is_reused else self._built(source, None), key, is_reused=is_reused)
        return lease

    def free_or_new(self, key: str | None, source: Any, values: Values | None) -> tuple[Program, bool]:
        """Return a program whose values are to be set, and whether another network had it before."""
        program = None if key is None else self._pop_free(key)
        return (self._built(source, values), False) if program is None else (program, True)

    def spare(self, lease: Lease) -> None:
        """Let other networks have the program of this lease from now on, when it is not in use."""
        if lease.can_spare:
            with self._lock:
                self._sparing.pop(lease, None)
                self._sparing[lease] = True

    def hold(self, lease: Lease, key: str, program: Program) -> weakref.ref[Lease]:
        """Let a program be free once its lease is gone; return what `holds` and `let_go` take.

        Python may tell of that at any moment, also where an exception of Ctrl-C would be dropped, as in a finalizer. So
        no code of Python's runs then: the next one who looks for a program finds what was returned. (A method __del__
        would come too late: weak references in the program would have been cleared.)
        """
        reference = weakref.ref(lease, self._returned.append)
        self._held[id(reference)] = (reference, key, program)
        return reference

    def holds(self, reference: weakref.ref[Lease] | None) -> bool:
        """Whether a program will be free once the lease of this reference is gone."""
        return id(reference) in self._held

    def let_go(self, reference: weakref.ref[Lease] | None) -> None:
        """Forget a program, which stays with its lease or goes to another one."""
        self._held.pop(id(reference), None)

    def info(self) -> dict[str, int]:
        """Return the size, the number of free programs, and how many networks were traced or reused a program."""
        with self._lock:
            self._collect()
            counts = {"traced": self._n_traced, "reused": self._n_reused}
            return {"size": self._size, "idle": len(self._free), **counts}

    def clear(self) -> None:
        """Drop all free programs."""
        with self._lock:
            self._collect()
            self._free.clear()

    def set_size(self, size: int) -> None:
        """Set the largest number of free programs; 0 turns reuse off."""
        with self._lock:
            self._collect()
            self._size = size
            self._collect()

    def _pop_free(self, key):
        with self._lock:
            self._collect()
            place = next((place for place, (own, _) in enumerate(self._free) if own == key), None)
            if place is None:
                return None
            self._n_reused += 1
            return self._free.pop(place)[1]

    def _spared(self, key, source):
        """Return the program of the network that was trained first of those that can spare theirs, or None."""
        with self._lock:
            leases = list(self._sparing) if self._size else []
        for lease in leases:
            program = lease.give_up(key, source)
            if program is not None:
                with self._lock:
                    self._n_reused += 1
                    self._sparing.pop(lease, None)
                return program
        return None

    def _built(self, source, values):
        with self._lock:
            self._n_traced += 1
            must_collect = self._n_evicted >= _MAX_EVICTED
            if must_collect:
                self._n_evicted = 0
        if must_collect:
            gc.collect()
        return source.build(values)

    def _collect(self):
        """Take in what was returned, and evict what is too much."""
        while self._returned:
            _, *returned = self._held.pop(id(self._returned.popleft()), [None])
            if returned:
                self._free.append(returned)
        n_evicted = max(0, len(self._free) - self._size)
        del self._free[:n_evicted]
        self._n_evicted += n_evicted


CACHE = TraceCache(size=6)
