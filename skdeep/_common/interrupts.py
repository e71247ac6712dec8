"""Ctrl-C while skdeep works: it is noted, and answered between the steps.

Python raises `KeyboardInterrupt` in whatever line of Python the main thread runs next. While a network is traced or
trained that may be a line that TensorFlow called from C++, a ``__del__`` or the callback of a weak reference: there the
exception is dropped, and training goes on as if nobody had pressed a key. Raised between two assignments, it may leave
half of what belongs together. So while skdeep works in the main thread, a handler of its own notes the signal, and the
handler that was there before is called where the loop asks by `answer`. Python's own raises `KeyboardInterrupt`; one of
the user's does what it does. Where there is no such handler (SIGINT is ignored, or left to the system or to C), nothing
is changed, nor is it in other threads, which get no signals.

Code of the user's, such as callbacks, may run for long. So in `at_once` the handler of before is called when the signal
comes. The note is kept until what that raised comes out of `at_once` or `deferred`: if it was dropped on its way,
`KeyboardInterrupt` is raised again.

Threads of joblib have nobody who would interrupt them: an interrupt ends the call of `joblib.Parallel` in the main
thread, and joblib lets its threads go on. They ask whether it was ended.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import AbstractContextManager

import joblib

# A further Ctrl-C is answered wherever it comes if an earlier one waits for longer than this.
_PATIENCE_SECONDS = 1.0
_handlers: list[_Handler] = []  # those that are installed, the innermost last
_of_thread = threading.local()


def deferred() -> AbstractContextManager[None]:
    """Note interrupts in the body of the ``with`` statement; they are answered by `answer`, or at its end.

    Returns
    -------
    body : context manager
        If an interrupt is still to be answered at the end of the body, that is done there, also if the body raises.
    """
    return _Body(is_at_once=False)


def at_once() -> AbstractContextManager[None]:
    """Answer interrupts in the body of the ``with`` statement when they come, for code of the user's.

    Returns
    -------
    body : context manager
        As of `deferred`: an interrupt whose exception does not come out of the body is answered at its end.
    """
    return _Body(is_at_once=True)


def answer() -> None:
    """Answer an interrupt that was noted, if there is one: raise KeyboardInterrupt, or call the user's handler."""
    if _handlers and _handlers[-1].thread == threading.get_ident():
        _handlers[-1].settle(None)
    elif _is_given_up():
        raise KeyboardInterrupt("The call of joblib.Parallel that this thread works for was ended.")


class _Handler:
    """A handler of SIGINT that notes the signal, in the place of the one `before`."""

    def __init__(self, before):
        self.before = before
        self.thread = threading.get_ident()
        self.is_in_use = True
        self.is_at_once = False
        self._noted_at = None
        self._raised = None

    def __call__(self, signum, frame):
        if not self.is_in_use:  # a callback put it back after its time
            return self.before(signum, frame)
        now = time.monotonic()
        if self._noted_at is None:
            self._noted_at = now
        is_overdue = now - self._noted_at > _PATIENCE_SECONDS
        is_in_here = frame is None or frame.f_globals is globals()  # where handlers are changed: `settle` follows
        if (self.is_at_once or is_overdue) and not is_in_here:
            try:
                self.before(signum, frame)
            except BaseException as error:
                self._raised = error
                raise
            self._noted_at = None
        return None

    def settle(self, error):
        """Answer what is noted, unless the exception `error`, which may be None, is the answer to it."""
        is_noted = self._noted_at is not None
        is_answered = error is not None and (isinstance(error, KeyboardInterrupt) or error is self._raised)
        self._noted_at = self._raised = None
        if is_noted and not is_answered:
            self.before(signal.SIGINT, sys._getframe(2))

    def remove(self):
        """Put the handler of before back, unless a callback has put another one in this one's place."""
        if signal.getsignal(signal.SIGINT) is self:
            signal.signal(signal.SIGINT, self.before)
        self.is_in_use = False  # not earlier: until then it must note
        _handlers.remove(self)


class _Body:
    """The body of a ``with`` statement in which interrupts are noted, or answered at once.

    It is a class, and not a generator, so that all lines in which a handler is changed are in this module.
    """

    def __init__(self, *, is_at_once):
        self._is_at_once = is_at_once

    def __enter__(self):
        self._handler = _current()
        self._installs = self._handler is None
        if self._installs:
            self._handler = _installed()
        self._begins_work = self._handler is None and not hasattr(_of_thread, "parallel")
        if self._begins_work:
            _of_thread.parallel = _parallel_of_main_thread()
        if self._handler is not None:
            if self._is_at_once and not self._installs:
                self._handler.settle(None)
            self._was_at_once = self._handler.is_at_once
            self._handler.is_at_once = self._is_at_once

    def __exit__(self, kind, error, traceback):
        if self._begins_work:
            del _of_thread.parallel
        handler = self._handler
        if handler is None:
            return
        handler.is_at_once = self._was_at_once
        if self._installs:
            handler.remove()
        handler.settle(error)


def _current():
    """Return the handler of this module if this thread has one that no callback has replaced, else None."""
    handler = _handlers[-1] if _handlers else None
    is_here = handler is not None and handler.thread == threading.get_ident()
    return handler if is_here and signal.getsignal(signal.SIGINT) is handler else None


def _installed():
    """Return a new handler that was put in the place of the one before, or None if that is not to be."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before):  # ignored, of the system, or installed from C
        return None
    handler = _Handler(before)
    try:
        signal.signal(signal.SIGINT, handler)
    except ValueError:  # only the main thread may
        return None
    _handlers.append(handler)
    return handler


def _parallel_of_main_thread():
    """Return the `joblib.Parallel` in which the main thread waits, if this thread is one of joblib's, else None."""
    if not any(_is_of_joblib(frame) for frame in _frames(sys._getframe())):
        return None
    main = sys._current_frames().get(threading.main_thread().ident)
    callers = [frame.f_locals.get("self") for frame in _frames(main) if _is_of_joblib(frame)]
    return next((caller for caller in reversed(callers) if isinstance(caller, joblib.Parallel)), None)


def _is_given_up():
    """Whether the main thread no longer waits for what this thread of joblib's works on."""
    return getattr(getattr(_of_thread, "parallel", None), "_aborting", False)  # joblib tells it nowhere else


def _frames(frame):
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_of_joblib(frame):
    return frame.f_globals.get("__name__") == "joblib.parallel"
