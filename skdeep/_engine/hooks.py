"""How the callbacks of a fit are called, and those that each fit has of its own."""

import math
import time

import numpy as np

from skdeep._common import interrupts
from skdeep._lazy import keras

from keras.src.utils.io_utils import print_msg  # isort: skip (after our import of Keras)


def direction(model, monitor):
    """Return whether the best value of a metric of a model is the "min" or the "max"; None if nothing tells."""
    name = monitor.removeprefix("val_")
    for metric in (part for each in model.metrics for part in getattr(each, "metrics", [each])):
        if metric.name == name and hasattr(metric, "_direction"):
            return "max" if metric._direction == "up" else "min"
    return "min" if name.endswith(("loss", "error", "crossentropy")) else None


def monitored(monitor, logs):
    """Return the value of a metric in the logs of an epoch."""
    logs = logs or {}
    if monitor not in logs:
        raise ValueError(f"monitor={monitor!r} is not among the metrics of this fit, which are {list(logs)!r}.")
    return logs[monitor]


class EarlyStopping(keras.callbacks.Callback):
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

    def __init__(self, monitor, mode, patience, tol, start):
        super().__init__()
        self._monitor = monitor
        self._sign = 1 if mode == "min" else -1
        self._patience = patience
        self._tol = tol
        self._start = start

    def on_train_begin(self, logs=None):
        """Note the weights that training begins with."""
        self._best = self._last_best = self._sign * self._start
        self._weights = None if math.isnan(self._best) else self.model.get_weights()
        self._wait = 0
        self._is_seen = False

    def on_epoch_end(self, epoch, logs=None):
        """Note the weights if they are the best, and stop if there was no improvement for long."""
        if self._is_seen and self._monitor not in logs:  # a callback may add it in some epochs only
            return
        now, self._is_seen = self._sign * float(monitored(self._monitor, logs)), True
        if self._weights is None or now < self._best or math.isnan(self._best):
            self._best, self._weights = now, self.model.get_weights()
        is_better = now + self._tol < self._last_best or (math.isnan(self._last_best) and not math.isnan(now))
        self._last_best, self._wait = (now, 0) if is_better else (self._last_best, self._wait + 1)
        if self._wait >= self._patience:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        """Restore the best weights."""
        if self._weights is not None:
            with interrupts.deferred():  # all of them or none
                self.model.set_weights(self._weights)


class History(keras.callbacks.History):
    """Keras's, which no interrupt leaves with an epoch of some metrics only."""

    def on_epoch_end(self, epoch, logs=None):
        """Note the metrics of the epoch."""
        with interrupts.deferred():
            super().on_epoch_end(epoch, logs)


class EpochLines(keras.callbacks.Callback):
    """Print a line an epoch, with what Keras prints in two."""

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self._began = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        """Print the line."""
        seconds, steps = time.monotonic() - self._began, self.params["steps"]
        values = [f"{name}: {_shown(float(np.mean(value)))}" for name, value in (logs or {}).items()]
        times = [f"{steps}/{steps}", f"{seconds:.0f}s", f"{_shown_seconds(seconds / steps)}/step"]
        print_msg(" - ".join([f"Epoch {epoch + 1}/{self.params['epochs']}", *times, *values]))


class Hooks:
    """The callbacks of a fit, called as by Keras's `fit`; an interrupt is answered at once in code of the user's.

    Parameters
    ----------
    callbacks : list of keras.callbacks.Callback
        In the order in which they are called.
    model : keras.Model
        What is trained.
    **params : dict
        What Keras tells callbacks of the fit.
    """

    def __init__(self, callbacks, model, **params):
        self._list = keras.callbacks.CallbackList(callbacks, model=model, **params)
        is_plain = all(map(_is_of_library, self._list.callbacks))
        self._body = interrupts.deferred if is_plain else interrupts.at_once

    def call(self, name, *arguments):
        """Call a method of all callbacks, but for `on_train_end`."""
        with self._body():
            getattr(self._list, name)(*arguments)

    def end(self, logs, interrupt):
        """Call `on_train_end` of all callbacks, also of those after one that is interrupted.

        After an interrupt that of `BackupAndRestore` is left out: it would remove the backup, which the next fit is to
        go on from.

        Parameters
        ----------
        logs : dict of str to float or None
            Metrics of the last epoch.
        interrupt : KeyboardInterrupt or None
            What has ended training early.

        Returns
        -------
        interrupt : KeyboardInterrupt or None
            The first one of this fit.
        """
        for callback in self._list.callbacks:
            if interrupt is not None and isinstance(callback, keras.callbacks.BackupAndRestore):
                continue
            try:
                with interrupts.deferred() if _is_of_library(callback) else interrupts.at_once():
                    callback.on_train_end(logs or {})
            except KeyboardInterrupt as error:
                interrupt = interrupt or error
            except Exception as error:
                if interrupt is None:
                    raise
                raise interrupt from error  # else a search would go on
        return interrupt


def overrides(callbacks, kind):
    """Whether any callback has a hook of its own for the batches of training or testing."""
    names = [f"on_{kind}_batch_begin", f"on_{kind}_batch_end"]
    if kind == "train":
        names += ["on_batch_begin", "on_batch_end"]
    return any(
        getattr(getattr(callback, name), "__func__", None) is not getattr(keras.callbacks.Callback, name)
        for callback in callbacks
        for name in names
    )


def _is_of_library(callback):
    """Whether a callback is one of Keras's or skdeep's own classes that calls nothing of the user's."""
    is_of_library = type(callback).__module__.startswith(("keras.", "skdeep.callbacks", "skdeep._engine."))
    calls_users = isinstance(callback, (keras.callbacks.LambdaCallback, keras.callbacks.CallbackList))
    return is_of_library and not calls_users


def _shown(value):
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"


def _shown_seconds(seconds):
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
