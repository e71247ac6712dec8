"""The loop of epochs: what happens between the first step of a fit and the last.

The weights before each epoch are kept, so that training which diverges, or is interrupted at weights that are not
finite, can go back to them. Which epoch the weights in the end are of is told by comparing them, since callbacks may
put earlier ones back.

Random numbers: the only draws here are the shuffles, from the generator that the caller passes; dropout and initial
weights draw from seeds inside the model. No global state is touched.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdeep._common.typing import Shuffle
from skdeep._common.user_warnings import warn
from skdeep._data.sampling import epoch_order
from skdeep._training.callbacks import EpochLines, History, call_each, end_each
from skdeep._training.epochs import is_loss_finite

if TYPE_CHECKING:
    from skdeep._data.rows import Rows
    from skdeep._training.callbacks import Callback
    from skdeep._training.schedules import Schedule


_RATE = "learning_rate"  # in the history


@dataclass(frozen=True)
class Plan:
    """How a network is trained.

    Parameters
    ----------
    first_epoch, epochs : int
        First epoch to run, counted from 0, and the number of epochs at which to stop. As in Keras, a callback may begin
        later, such as BackupAndRestore; the shuffles of the epochs before are drawn then, too.
    batch_size : int
        Rows for one step; the last batch of an epoch may be smaller.
    shuffle : bool or "blocks"
        Whether each epoch takes the rows in an order of its own.
    verbose : int, default=0
        If positive, one line an epoch is printed.
    best_epoch : int, default=0
        Epoch whose weights training begins with: an earlier one than `first_epoch`, if a callback put those back.
    penalty_rows : int, default=None
        Rows of a batch for which the L2 penalties of the model are meant; None is `batch_size`.
    schedule : skdeep._training.schedules.Schedule, default=None
        What the learning rate is multiplied by in each step. When training has ended it is as it was.
    """

    first_epoch: int
    epochs: int
    batch_size: int
    shuffle: Shuffle
    verbose: int = 0
    best_epoch: int = 0
    penalty_rows: int | None = None
    schedule: Schedule | None = None


def train(
    program: Any,
    rows: Rows,
    plan: Plan,
    rng: np.random.Generator,
    *,
    callbacks: Sequence[Any] = (),
    own: Sequence[Callback] = (),
    validation: Rows | None = None,
) -> tuple[dict[str, list[float]], int, KeyboardInterrupt | None]:
    """Train a network for the epochs of the plan, or until a callback stops.

    Parameters
    ----------
    program : skdeep._engine.program.Program or skdeep._training.array_program.ArrayProgram
        The network.
    rows : skdeep._data.rows.Rows
        Training data, with targets.
    plan : Plan
        How it is trained.
    rng : numpy.random.Generator
        Source of the orders.
    callbacks : list of keras.callbacks.Callback, default=()
        Those of the user's, called as by Keras's `fit`.
    own : list of skdeep._training.callbacks.Callback, default=()
        Called after those.
    validation : skdeep._data.rows.Rows, default=None
        Data to test on after each epoch.

    Returns
    -------
    history : dict of str to list of float
        Metrics, one entry an epoch; those of the validation data are named ``val_...``. "learning_rate" is that of the
        last step, where there is a schedule or the rate has changed.
    best_epoch : int
        Epoch whose weights the model has, counted from 1 and those before `first_epoch` included: the last one, unless
        training diverged or a callback put the weights of another one back.
    interrupt : KeyboardInterrupt or None
        What ended training early, to be raised when all else is kept.

    Raises
    ------
    MemoryError
        If a batch is larger than what the process can get.
    KeyboardInterrupt
        If training was interrupted before anything was learned.

    Warns
    -----
    ConvergenceWarning
        If the loss or a weight is no longer finite: training ends, and the weights are those before that epoch.
    """
    training = _Training(program, rows, validation, plan, rng, callbacks, own)
    training.begin()
    try:
        for epoch in range(training.start, plan.epochs):
            training.run_epoch(epoch)
            if training.is_over:
                break
    except KeyboardInterrupt as error:
        training.note(error)
    return training.end()


class _Training:
    """One training: what the epochs of it hand on to each other."""

    def __init__(self, program, rows, validation, plan, rng, callbacks, own):
        self._program, self._model = program, program.model
        self._rows, self._validation, self._plan, self._rng = rows, validation, plan, rng
        self._batch_size = min(plan.batch_size, len(rows))
        self._given = callbacks
        self._record = History()  # last, since callbacks may add to the logs
        self._own = [*own, self._record, *([EpochLines()] if plan.verbose else [])]
        self._is_watched = bool(callbacks or own)
        self._logs = self._interrupt = None
        self._is_untrained = self._diverged = False
        self._rates = []  # of the ends of epochs

    @property
    def is_over(self):
        """Whether there are no more epochs."""
        return self._diverged or self._model.stop_training

    def begin(self):
        """Make all ready for the first epoch, whose number `start` is."""
        plan, program, model = self._plan, self._program, self._model
        params = {
            "verbose": 2 if plan.verbose else 0,
            "epochs": plan.epochs,
            "steps": math.ceil(len(self._rows) / self._batch_size),
        }
        model.stop_training = False
        self._rate = program.learning_rate  # before a callback puts back that of a backup
        if plan.schedule is not None:
            program.set_learning_rate(self._rate)  # or says why that is not possible
        self._hooks, start = program.begin_training(self._rows, self._batch_size, self._given, params)
        self._last_rate = self._rate if start is None else program.learning_rate
        for callback in self._own:
            callback.program, callback.params = program, params
        call_each(self._own, "on_train_begin")
        self.start = start or plan.first_epoch
        for _ in range(plan.first_epoch, self.start):
            self._next_order()
        program.set_penalty_scale(1.0 if plan.penalty_rows is None else plan.penalty_rows / self._batch_size)
        self._finite = model.get_weights()
        self._last_epoch = plan.best_epoch if self.start == plan.first_epoch else self.start
        self._epochs_of_weights = _EpochsOfWeights(self._finite, self._last_epoch) if self._is_watched else None

    def run_epoch(self, epoch):
        """Train for an epoch, test, and call the callbacks."""
        self._epoch = epoch
        self._call("on_epoch_begin", epoch)
        order = self._next_order()
        if self._model.stop_training:  # already: Keras looks at it after each batch
            order = order[: self._batch_size]
        self._logs = self._run("train", self._rows, order, self._rates_of_epoch(epoch))
        self._rates.append(self._program.learning_rate)
        weights = self._model.get_weights()
        self._diverged = not (is_loss_finite(self._logs) and _all_finite(weights))
        if self._diverged:
            # Before the callbacks see the model: early stopping, say, may keep its weights.
            self._program.go_back_to(self._finite)
            self._logs |= {f"val_{name}": math.nan for name in self._logs if self._validation is not None}
        else:
            self._finite, self._last_epoch = weights, epoch + 1
            self._test()
        if self._plan.schedule is not None:
            self._plan.schedule.end_epoch(self._logs)
            self._logs |= {_RATE: self._rates[-1]}
        self._call("on_epoch_end", epoch, dict(self._logs))  # to which callbacks may add
        if self._is_watched and not self._diverged:
            self._finite = self._epochs_of_weights.add(weights, self._model.get_weights(), self._last_epoch)

    def note(self, interrupt):
        """Note what interrupts training, and see to it that the weights are finite."""
        self._interrupt, weights = interrupt, self._model.get_weights()
        # While the first epoch trains there are no logs.
        self._is_untrained = self._logs is None and all(map(np.array_equal, weights, self._finite))
        if not _all_finite(weights):
            self._program.go_back_to(self._finite)

    def end(self):
        """End what goes on, say how it ended, and return what `train` does."""
        if self._diverged:
            self._warn()
        else:
            self._program.end_training()
        if self._plan.schedule is not None:
            self._program.set_learning_rate(self._rate)
        interrupt = self._hooks.end(self._logs, self._interrupt)
        interrupt = end_each(self._own, lambda callback: callback.calls_users, self._logs, interrupt)
        if self._is_untrained:
            interrupt.add_note("Nothing was learned yet; the estimator is as it was before.")
            raise interrupt
        if interrupt is not None:
            n_epochs = self._record.n_epochs
            interrupt.add_note(f"Training ended after {n_epochs} whole epochs; the estimator keeps what it learned.")
        best_epoch = self._last_epoch
        if self._is_watched:
            best_epoch = self._epochs_of_weights.find(self._model.get_weights())
        best_epoch -= self.start - self._plan.first_epoch  # which were trained in a fit that was broken off
        # Keras sorts the names; the order of the metrics, training before validation, reads better.
        history = self._record.history
        rates = self._rates[: self._record.n_epochs]
        if _RATE not in history and any(rate != rates[0] for rate in rates):
            history[_RATE] = rates
        names = dict.fromkeys([*(self._logs or ()), *history])
        return {name: history[name] for name in names if name in history}, best_epoch, interrupt

    def _next_order(self):
        return epoch_order(len(self._rows), self._plan.shuffle, self._rng)

    def _test(self):
        """Add the metrics on the validation rows to the logs, if there are any."""
        if self._validation is None:
            return
        self._model.stop_evaluating = False
        self._call("on_test_begin")
        logs = self._run("test", self._validation, np.arange(len(self._validation)))
        self._call("on_test_end", logs)
        self._logs |= {f"val_{name}": value for name, value in logs.items()}

    def _call(self, name, *arguments):
        self._hooks.call(name, *arguments)
        call_each(self._own, name, *arguments)

    def _run(self, kind, rows, order, rates=None):
        hooks = self._hooks if self._hooks.by_batch[kind] else None
        return self._program.run_epoch(kind, rows, order, self._batch_size, hooks, rates)

    def _rates_of_epoch(self, epoch):
        """Return the learning rates of the steps of an epoch, or None if nothing is to set them."""
        if self._plan.schedule is None:
            return None
        if self._program.learning_rate != self._last_rate:
            warn("learning_rate is the name of a schedule, so the rate that a callback has set is not used.")
        n_steps = math.ceil(len(self._rows) / self._batch_size)
        fractions = self._plan.schedule.fractions(epoch - self._plan.first_epoch, n_steps)
        rates = (self._rate * fractions).astype(np.float32)
        self._last_rate = float(rates[-1])
        return rates

    def _warn(self):
        warn(
            f"Training diverged in epoch {self._epoch + 1}: the loss was {self._logs.get('loss')}, or a weight no "
            f"longer finite. The weights are those after {self._last_epoch} epochs. Scale X, for example with "
            "StandardScaler or ScaleToUnit, or lower learning_rate.",
            ConvergenceWarning,
        )


class _EpochsOfWeights:
    """Tells of which epoch weights are, for callbacks may change them, or put earlier ones back.

    Parameters
    ----------
    weights : list of ndarray
        Those before training.
    epoch : int
        The epoch that these count as.
    """

    def __init__(self, weights, epoch):
        self._epochs = {}
        self.add(weights, weights, epoch)

    def add(self, trained, changed, epoch):
        """Note the weights after training and after the callbacks; return the latter, or the former if not finite."""
        self._last, self._last_epoch = _digest(trained), epoch
        self._epochs.setdefault(self._last, epoch)
        self._epochs.setdefault(_digest(changed), epoch)
        return changed if _all_finite(changed) else trained

    def find(self, weights):
        """Return the epoch of these weights, the last one if they are of none."""
        digest = _digest(weights)
        return self._last_epoch if digest == self._last else self._epochs.get(digest, self._last_epoch)


def _digest(arrays):
    digest = hashlib.blake2b()
    for array in arrays:
        digest.update(array.tobytes())
    return digest.digest()


def _all_finite(arrays):
    return all(np.isfinite(array).all() for array in arrays)
