"""Keras callbacks that Keras itself does not have, and how all are called. Importing this module imports TensorFlow.

`EpochTasks` brings scikit-learn's callbacks into Keras's: to them a fit is a task and each epoch a task in it.
"""

import contextlib
import math
import time
from numbers import Real

import numpy as np

from skdeep import interrupts
from skdeep._tensorflow import keras

from keras.src.utils.io_utils import print_msg  # isort: skip (after our import of TensorFlow)


def direction(model, monitor):
    """Return whether the best value of a metric of a model is the "min" or the "max"; None if nothing tells."""
    name = monitor.removeprefix("val_")
    for metric in (part for each in model.metrics for part in getattr(each, "metrics", [each])):
        if metric.name == name and hasattr(metric, "_direction"):
            return "max" if metric._direction == "up" else "min"
    return "min" if name.endswith(("loss", "error", "crossentropy")) else None


class StopAtMetric(keras.callbacks.Callback):
    """Stop training as soon as a metric reaches a value.

    Parameters
    ----------
    monitor : str, default="accuracy"
        Name of the metric in `history_`, such as "accuracy", "loss" or "val_accuracy".
    value : float, default=0.99
        Training stops after the first epoch in which the metric has reached that.
    mode : {"auto", "min", "max"}, default="auto"
        Whether the metric has reached the value when it is at most ("min") or at least ("max") that. "auto" knows that
        of Keras's metrics, and takes "min" for names that end in "loss", "error" or "crossentropy"; for others it must
        be said.
    verbose : int, default=0
        If positive, a line is printed when training stops.

    Raises
    ------
    ValueError
        If `value` is not a number or `mode` not one of these.

    See Also
    --------
    keras.callbacks.EarlyStopping : Stops when a metric no longer improves.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DNNClassifier, StopAtMetric
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = DNNClassifier(epochs=200, callbacks=StopAtMetric("accuracy", 0.95), random_state=0).fit(X, y)
    >>> clf.n_iter_ < 200
    True
    >>> bool(clf.history_["accuracy"][-1] >= 0.95)
    True
    """

    def __init__(self, monitor="accuracy", value=0.99, *, mode="auto", verbose=0):
        super().__init__()
        if not isinstance(value, Real):
            raise ValueError(f"value must be a number. Got {value!r}.")
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max'. Got {mode!r}.")
        self.monitor = monitor
        self.value = value
        self.mode = mode
        self.verbose = verbose

    def __repr__(self):
        return f"StopAtMetric({self.monitor!r}, {self.value!r}, mode={self.mode!r}, verbose={self.verbose!r})"

    def on_epoch_end(self, epoch, logs=None):
        """Stop if the metric has reached the value.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        logs : dict of str to float, default=None
            Metrics of the epoch.

        Raises
        ------
        ValueError
            If the metric is not among those of the epoch, or nothing tells its `mode`.
        """
        now = _monitored(self.monitor, logs)
        mode = direction(self.model, self.monitor) if self.mode == "auto" else self.mode
        if mode is None:
            raise ValueError(f"monitor={self.monitor!r}: whether low or high is good must be said by mode.")
        if (now <= self.value) if mode == "min" else (now >= self.value):
            self.model.stop_training = True
            if self.verbose:
                print(f"Epoch {epoch + 1}: {self.monitor} is {now:.4f}, training stops.")


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
        now, self._is_seen = self._sign * float(_monitored(self._monitor, logs)), True
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


class EpochTasks(keras.callbacks.Callback):
    """Tell scikit-learn's callbacks of each epoch, and stop training if one of them asks for it.

    Parameters
    ----------
    task : sklearn.callback.CallbackContext
        The task that is the whole fit.
    task_data : dict
        What is told of each epoch: the estimator and its arguments.
    network : skdeep.network.Network
        What is trained.
    learned : callable
        From a network and a history to the attributes of an estimator fitted so far.
    """

    def __init__(self, task, task_data, network, learned):
        super().__init__()
        self._task = task
        self._task_data = task_data
        self._network = network
        self._learned = learned
        self._history = {}

    def on_epoch_begin(self, epoch, logs=None):
        """Begin a task."""
        self._epoch_task = self._task.subcontext(task_name="epoch")
        self._epoch_task.call_on_fit_task_begin(**self._task_data)

    def on_epoch_end(self, epoch, logs=None):
        """End it, and lend the network to those who ask for an estimator fitted so far."""
        for name, value in (logs or {}).items():
            self._history.setdefault(name, []).append(value)
        with contextlib.ExitStack() as loans:

            def attributes():
                return self._learned(loans.enter_context(self._network.lent()), self._history)

            if self._epoch_task.call_on_fit_task_end(**self._task_data, reconstruction_attributes=attributes):
                self.model.stop_training = True


def _is_of_library(callback):
    """Whether a callback is one of Keras's or skdeep's own classes that calls nothing of the user's."""
    of_the_users = (keras.callbacks.LambdaCallback, keras.callbacks.CallbackList, EpochTasks)
    return type(callback).__module__.startswith(("keras.", "skdeep.")) and not isinstance(callback, of_the_users)


def _monitored(monitor, logs):
    """Return the value of a metric in the logs of an epoch."""
    logs = logs or {}
    if monitor not in logs:
        raise ValueError(f"monitor={monitor!r} is not among the metrics of this fit, which are {list(logs)!r}.")
    return logs[monitor]


def _shown(value):
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"


def _shown_seconds(seconds):
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
