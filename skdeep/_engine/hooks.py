"""How the callbacks of the user's are called, which are Keras's or of classes derived from those."""

from __future__ import annotations

from typing import Any

from skdeep._common.typing import Logs
from skdeep._lazy import keras
from skdeep._training.callbacks import body_of, end_each


def direction(model: keras.Model, monitor: str) -> str | None:
    """Return whether the best value of a metric of a model is the "min" or the "max"; None if nothing tells."""
    name = monitor.removeprefix("val_")
    for metric in (part for each in model.metrics for part in getattr(each, "metrics", [each])):
        if metric.name == name and hasattr(metric, "_direction"):
            return "max" if metric._direction == "up" else "min"
    return "min" if name.endswith(("loss", "error", "crossentropy")) else None


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

    Attributes
    ----------
    by_batch : dict of str to bool
        Whether any callback has a hook of its own for the batches of "train" or "test".
    """

    def __init__(self, callbacks: list[keras.callbacks.Callback], model: keras.Model, **params: Any) -> None:
        self.by_batch = {kind: _overrides(callbacks, kind) for kind in ("train", "test")}
        self._list = keras.callbacks.CallbackList(callbacks, model=model, **params)
        self._calls_users = any(map(_calls_users, self._list.callbacks))

    def call(self, name: str, *arguments: Any) -> None:
        """Call a method of all callbacks, but for `on_train_end`; what they add to the logs of an epoch stays there."""
        with body_of(self._calls_users):
            if name == "on_epoch_end":  # for which the list makes logs of its own
                for callback in self._list.callbacks:
                    _end_epoch(callback, *arguments)
            else:
                getattr(self._list, name)(*arguments)

    def end(self, logs: Logs | None, interrupt: KeyboardInterrupt | None) -> KeyboardInterrupt | None:
        """Call `on_train_end` of all callbacks; see `skdeep._training.callbacks.end_each`.

        After an interrupt that of `BackupAndRestore` is left out: it would remove the backup, which the next fit is to
        go on from.
        """
        for callback in self._list.callbacks:
            if interrupt is None or not isinstance(callback, keras.callbacks.BackupAndRestore):
                interrupt = end_each([callback], _calls_users, logs, interrupt)
        return interrupt


def _end_epoch(callback, epoch, logs):
    try:
        callback.on_epoch_end(epoch, logs)
    except ValueError as error:
        # Of a name that it does not find Keras says only that it does not know the aim.
        monitor = getattr(callback, "monitor", None)
        if type(callback).__module__.startswith("keras.") and isinstance(monitor, str) and monitor not in logs:
            raise ValueError(
                f"{type(callback).__name__}: monitor={monitor!r} is not among the metrics of this fit, which are "
                f"{list(logs)!r}."
            ) from error
        raise


def _overrides(callbacks, kind):
    """Whether any callback has a hook of its own for the batches of training or testing."""
    names = [f"on_{kind}_batch_begin", f"on_{kind}_batch_end"]
    if kind == "train":
        names += ["on_batch_begin", "on_batch_end"]
    return any(
        getattr(getattr(callback, name), "__func__", None) is not getattr(keras.callbacks.Callback, name)
        for callback in callbacks
        for name in names
    )


def _calls_users(callback):
    """Whether a callback is not one of Keras's or skdeep's own classes, or calls something of the user's."""
    is_of_library = type(callback).__module__.startswith(("keras.", "skdeep.callbacks"))
    return not is_of_library or isinstance(callback, (keras.callbacks.LambdaCallback, keras.callbacks.CallbackList))
