"""What each fit calls of its own at its epochs, beside the callbacks of the user's, and how both are ended.

These are no callbacks of Keras, so that a fit without any needs no Keras.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from skdeep._common import interrupts
from skdeep._common.typing import Logs
from skdeep._lazy import lazy_module

io_utils = lazy_module("keras.src.utils.io_utils")


class Callback:
    """Base class: does nothing.

    Attributes
    ----------
    program : object
        What is trained, see `skdeep._training.trainer.train`.
    params : dict
        What Keras tells callbacks of the fit.
    """

    program: Any
    params: dict[str, Any]
    calls_users = False  # whether code of the user's is called

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin, before the first epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Begin an epoch."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """End an epoch."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Begin to test on the validation rows."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """End that."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """End, after the last epoch."""


class NoHooks:
    """The callbacks of the user's, where there are none."""

    by_batch = {"train": False, "test": False}

    def call(self, name: str, *arguments: Any) -> None:
        """Call a method of all callbacks."""

    def end(self, logs: Logs | None, interrupt: KeyboardInterrupt | None) -> KeyboardInterrupt | None:
        """Call `on_train_end`, and return what has interrupted training."""
        return interrupt


def monitored(monitor: str, logs: Logs | None) -> float:
    """Return the value of a metric in the logs of an epoch."""
    logs = logs or {}
    if monitor not in logs:
        raise ValueError(f"monitor={monitor!r} is not among the metrics of this fit, which are {list(logs)!r}.")
    return logs[monitor]


class EarlyStopping(Callback):
    """Stop when a metric no longer improves, and restore the weights of its best epoch in the end.

    Unlike with Keras's, improvements of less than `tol` do not keep training going, but are the best all the same. And
    what training begins with counts, if `start` is its value.

    Parameters
    ----------
    monitor : str
        Name of the metric in the logs.
    mode : {"min", "max"}
        Which value is the best.
    patience : int
        Epochs without improvement after which training stops.
    tol : float
        Least change that counts as an improvement.
    start : float
        Value for the weights that training begins with; nan if they do not count.
    """

    def __init__(self, monitor: str, mode: str, patience: int, tol: float, start: float) -> None:
        self._monitor = monitor
        self._sign = 1 if mode == "min" else -1
        self._patience = patience
        self._tol = tol
        self._start = start

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Note the weights that training begins with."""
        self._best = self._last_best = self._sign * self._start
        self._weights = None if math.isnan(self._best) else self.program.model.get_weights()
        self._wait = 0
        self._is_seen = False

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the weights if they are the best, and stop if there was no improvement for long."""
        if self._is_seen and self._monitor not in (logs or {}):  # a callback may add it in some epochs only
            return
        now, self._is_seen = self._sign * float(monitored(self._monitor, logs)), True
        if self._weights is None or now < self._best or math.isnan(self._best):
            self._best, self._weights = now, self.program.model.get_weights()
        is_better = now + self._tol < self._last_best or (math.isnan(self._last_best) and not math.isnan(now))
        self._last_best, self._wait = (now, 0) if is_better else (self._last_best, self._wait + 1)
        if self._wait >= self._patience:
            self.program.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Restore the best weights."""
        if self._weights is not None:
            self.program.model.set_weights(self._weights)


class History(Callback):
    """The metrics of all epochs."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin anew."""
        self.n_epochs = 0
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the metrics of the epoch."""
        self.n_epochs += 1
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class EpochLines(Callback):
    """Print a line an epoch, with what Keras prints in two."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Print the line."""
        seconds, steps = time.monotonic() - self._began, self.params["steps"]
        values = [f"{name}: {_shown(float(np.mean(value)))}" for name, value in (logs or {}).items()]
        times = [f"{steps}/{steps}", f"{seconds:.0f}s", f"{_shown_seconds(seconds / steps)}/step"]
        line = " - ".join([f"Epoch {epoch + 1}/{self.params['epochs']}", *times, *values])
        if "keras" in sys.modules:
            io_utils.print_msg(line)  # to where its settings say
        else:
            print(line, flush=True)


def call_each(callbacks: Iterable[Callback], name: str, *arguments: Any) -> None:
    """Call a method of all callbacks of this module's kind; an interrupt is answered at once in code of the user's."""
    for callback in callbacks:
        with body_of(callback.calls_users):
            getattr(callback, name)(*arguments)


def body_of(calls_users: bool) -> AbstractContextManager[None]:
    """Return the context in which a callback is called."""
    return interrupts.at_once() if calls_users else interrupts.deferred()


def end_each(
    callbacks: Iterable[Any], calls_users: Callable[[Any], bool], logs: Logs | None, interrupt: KeyboardInterrupt | None
) -> KeyboardInterrupt | None:
    """Call `on_train_end` of all callbacks, also of those after one that is interrupted.

    Parameters
    ----------
    callbacks : list
        Those of this module's kind, or of Keras.
    calls_users : callable
        Tells whether code of the user's is called by one.
    logs : dict of str to float or None
        Metrics of the last epoch.
    interrupt : KeyboardInterrupt or None
        What has ended training early.

    Returns
    -------
    interrupt : KeyboardInterrupt or None
        The first one of this fit.
    """
    for callback in callbacks:
        try:
            with body_of(calls_users(callback)):
                callback.on_train_end(logs or {})
        except KeyboardInterrupt as error:
            interrupt = interrupt or error
        except Exception as error:
            if interrupt is None:
                raise
            raise interrupt from error  # else a search would go on
    return interrupt


def _shown(value):
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"


def _shown_seconds(seconds):
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
