"""A network of dense layers in training as arrays: what `skdeep._engine.program.Program` is for a Keras model."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from skdeep._common import interrupts
from skdeep._common.typing import Logs, Values
from skdeep._inference.blas import one_thread
from skdeep._training.callbacks import NoHooks
from skdeep._training.dense_training import DenseTraining
from skdeep._training.epochs import Epochs

if TYPE_CHECKING:
    from skdeep._data.rows import Rows
    from skdeep._training.dense_training import Recipe

_RISING = ("accuracy",)


class ArrayProgram:
    """A network whose training a recipe tells.

    Parameters
    ----------
    recipe : skdeep._training.dense_training.Recipe
        What is trained, and how.
    values : dict
        As of `skdeep._engine.program.Program.get_values`; the state of the optimizer may be None.

    Attributes
    ----------
    model : object
        What callbacks take for the model: it has `get_weights`, `set_weights` and `stop_training`.
    """

    def __init__(self, recipe: Recipe, values: Values) -> None:
        if len(values["model"]) != len(recipe.shapes):  # as in a file that was altered
            raise ValueError(f"The network has {len(recipe.shapes)} variables. Got {len(values['model'])}.")
        self._recipe = recipe
        self._training = DenseTraining(recipe)
        optimizer = values["optimizer"]
        self._training.load(values["model"], recipe.fresh_optimizer() if optimizer is None else optimizer)
        self._epochs = Epochs()
        self._penalty_scale = 1.0
        self.model = _Model(self._training)  # not of this, whose arrays would wait for the garbage collector

    def get_values(self) -> Values:
        """Return the values of all that training changes, in arrays that nobody else has."""
        variables, optimizer = self._training.values()
        return {"model": variables, "optimizer": optimizer}

    def metric_names(self, rows: Rows) -> list[str]:
        """Return the names that `fit` on such rows reports."""
        return ["loss", *self._recipe.metrics]

    def direction(self, monitor: str) -> str | None:
        """Return whether the best value of a metric is the "min" or the "max"; None if nothing tells."""
        kinds = self._recipe.metrics | {"loss": "loss"}
        kind = kinds.get(monitor.removeprefix("val_"))
        return None if kind is None else "max" if kind in _RISING else "min"

    def evaluate(self, rows: Rows, batch_size: int) -> Logs:
        """Return the metrics on rows by name, as `fit` gets them on its validation rows."""
        self.model.stop_evaluating = False
        return self.run_epoch("test", rows, np.arange(len(rows)), batch_size)

    def begin_training(
        self, rows: Rows, batch_size: int, callbacks: list[Any], params: dict[str, Any]
    ) -> tuple[NoHooks, None]:
        """Return what calls the callbacks of the user's, and the epoch that one begins with: there are none."""
        return NoHooks(), None

    def set_penalty_scale(self, scale: float) -> None:
        """Multiply the L2 penalties by this in what follows."""
        self._penalty_scale = scale

    @property
    def learning_rate(self) -> float:
        """The learning rate."""
        return float(self._training.learning_rate)

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate."""
        self._training.learning_rate = np.float32(rate)

    def run_epoch(
        self,
        kind: str,
        rows: Rows,
        order: np.ndarray,
        batch_size: int,
        hooks: NoHooks | None = None,
        rates: np.ndarray | None = None,
    ) -> Logs:
        """Run one epoch of training or testing and return its metrics; `rates` are those of the batches, if given."""
        self._training.reset_metrics()
        return self._epochs.run(self, kind, rows, order, batch_size, rates=rates)

    def gathered(self, arrays: Iterable[np.ndarray]) -> list[np.ndarray]:
        """Return the arrays of a chunk as batches are taken from them."""
        return in_c_order(arrays)

    def run_chunk(
        self, kind: str, arrays: list[np.ndarray], batch_size: int, rates: np.ndarray | None
    ) -> tuple[Logs, float]:
        """Train or test on the batches of a chunk; return the metrics since the epoch began, and the seconds."""
        return run_batches(self._training, kind, arrays, batch_size, self._penalty_scale, rates)

    def go_back_to(self, weights: list[np.ndarray]) -> None:
        """Set these weights, and start the moments of the optimizer anew, but not its scalars, such as its steps."""
        self.model.set_weights(weights)
        self._training.forget_moments()

    def end_training(self) -> None:
        """Finish what the optimizer does to the weights."""


class _Model:
    """The weights, and what stops training."""

    def __init__(self, training):
        self._training = training
        self.stop_training = self.stop_evaluating = False

    def get_weights(self):
        """Return copies of the weights, which are all variables but the states of random numbers."""
        return self._training.weights()

    def set_weights(self, weights):
        """Set what `get_weights` returned."""
        self._training.set_weights(weights)


def in_c_order(arrays: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Return arrays with rows that follow each other in memory: products of others may be rounded otherwise."""
    return [np.ascontiguousarray(array) for array in arrays]


def run_batches(
    training: DenseTraining,
    kind: str,
    arrays: list[np.ndarray],
    batch_size: int,
    penalty_scale: float,
    rates: np.ndarray | None,
) -> tuple[Logs, float]:
    """Train or test on all batches of a chunk, by one thread of BLAS; return the metrics and the seconds it took."""
    began = time.monotonic()
    arguments = {"batch_size": batch_size, "penalty_scale": penalty_scale} if kind == "train" else {}
    run = getattr(training, kind)
    with one_thread():
        for start in range(0, len(arrays[0]), batch_size):
            interrupts.answer()
            if rates is not None:
                training.learning_rate = np.float32(rates[start // batch_size])
            run(*(array[start : start + batch_size] for array in arrays), **arguments)
            if kind == "train" and not training.is_finite:
                break
    return training.metrics(), time.monotonic() - began
