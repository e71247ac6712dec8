"""Learning rates that follow from how far training has come, by name.

A schedule gives fractions of the optimizer's own learning rate. The loop of epochs asks for those of the steps of an
epoch, and what trains sets the rate before each step: so no step hangs on the schedule, and what was traced for one
serves all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from skdeep._common.typing import Logs
from skdeep._training.callbacks import monitored

_START_OF_CYCLE = 1 / 25


class Schedule:
    """A learning rate that is known for all steps in advance.

    Parameters
    ----------
    shape : callable
        From an array of steps, counted from 0, the number of all steps, `warmup` and `min_fraction` to the fractions.
    epochs : int
        Epochs of all steps. What comes later has the fraction of the last step.
    first_epoch : int
        Epoch with which training begins, counted from 0.
    warmup : float
        Share of the steps in which the rate rises, in [0, 1).
    min_fraction : float
        What the fractions fall to, in [0, 1].
    """

    def __init__(
        self,
        shape: Callable[[np.ndarray, int, float, float], np.ndarray],
        epochs: int,
        first_epoch: int,
        warmup: float,
        min_fraction: float,
    ) -> None:
        self._shape = shape
        self._epochs, self._first_epoch = epochs, first_epoch
        self._warmup, self._min_fraction = warmup, min_fraction

    def fractions(self, epoch: int, n_steps: int) -> np.ndarray:
        """Return the fractions in the steps of an epoch of this training, which is counted from 0."""
        n_all = self._epochs * n_steps
        steps = np.minimum((self._first_epoch + epoch) * n_steps + np.arange(n_steps), n_all - 1)
        return self._shape(steps, n_all, self._warmup, self._min_fraction)

    def end_epoch(self, logs: Logs) -> None:
        """Take note of the metrics of an epoch."""


class Plateau(Schedule):
    """A learning rate that falls whenever a metric has not improved for some epochs, as by `ReduceLROnPlateau`.

    Parameters
    ----------
    epochs, first_epoch, warmup, min_fraction
        As of `Schedule`.
    monitor : str
        Name of the metric.
    mode : {"min", "max"}
        Which value of it is the best.
    factor : float
        What the rate is multiplied by.
    patience : int
        Epochs without improvement.
    tol : float
        Least change that counts as an improvement.
    """

    def __init__(
        self,
        epochs: int,
        first_epoch: int,
        warmup: float,
        min_fraction: float,
        *,
        monitor: str,
        mode: str,
        factor: float,
        patience: int,
        tol: float,
    ) -> None:
        super().__init__(_constant, epochs, first_epoch, warmup, min_fraction)
        self._monitor, self._sign = monitor, 1 if mode == "min" else -1
        self._factor, self._patience, self._tol = factor, patience, tol
        self._fraction, self._best, self._wait = 1.0, math.inf, 0

    def fractions(self, epoch: int, n_steps: int) -> np.ndarray:
        """Return the fractions in the steps of an epoch."""
        return self._fraction * super().fractions(epoch, n_steps)

    def end_epoch(self, logs: Logs) -> None:
        """Take note of the metrics of an epoch."""
        now = self._sign * float(monitored(self._monitor, logs))
        if now < self._best - self._tol:
            self._best, self._wait = now, 0
            return
        self._wait += 1
        if self._wait >= self._patience:
            self._fraction, self._wait = max(self._fraction * self._factor, self._min_fraction), 0


def _cosine(steps, n_all, warmup, min_fraction):
    return _warmed_up(steps, n_all, warmup, lambda part: min_fraction + (1 - min_fraction) * _half_wave(part))


def _exponential(steps, n_all, warmup, min_fraction):
    return _warmed_up(steps, n_all, warmup, lambda part: min_fraction**part)


def _constant(steps, n_all, warmup, min_fraction):
    return _warmed_up(steps, n_all, warmup, np.ones_like)


def _one_cycle(steps, n_all, warmup, min_fraction):
    """Return the fractions of PyTorch's `OneCycleLR`, whose rise ends and whose fall begins with the same step."""
    top = warmup * n_all - 1
    rising = 1 - (1 - _START_OF_CYCLE) * _half_wave(steps / top) if top > 0 else 1.0
    falling = min_fraction + (1 - min_fraction) * _half_wave((steps - top) / (n_all - 1 - top))
    return np.where(steps <= top, rising, falling)


def _warmed_up(steps, n_all, warmup, falling):
    """Return fractions that rise step by step, and then are a function of the part of the rest that is done."""
    n_rising = int(warmup * n_all)
    return np.where(steps < n_rising, (steps + 1) / (n_rising + 1), falling((steps - n_rising) / (n_all - n_rising)))


def _half_wave(part):
    """Return 1 for 0 and 0 for 1, and between them half a wave of the cosine."""
    return (1 + np.cos(np.pi * part)) / 2


# By the names of those that are known in advance.
SHAPES: dict[str, Callable[[np.ndarray, int, float, float], np.ndarray]] = {
    "cosine": _cosine,
    "exponential": _exponential,
    "one_cycle": _one_cycle,
}
NAMES = (*SHAPES, "plateau")
