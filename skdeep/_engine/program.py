"""A network as TensorFlow runs it: the compiled loop over batches; `skdeep._engine.application` has predictions.

Keras's `fit` calls one TensorFlow function for each batch, fed by a data pipeline. Here one call takes a chunk of many
batches: rows are gathered on the host, and a loop inside the TensorFlow function runs Keras's own `train_step` on each
batch, so that losses, metrics, regularisers, optimizers, gradient clipping and batch normalisation are Keras's. The
same call returns the metrics.

A network of dense layers whose training a recipe tells is trained by NumPy (`skdeep._training`), also where somebody
sees its Keras model: then its values are put into the model after each chunk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from skdeep._common import interrupts
from skdeep._common.typing import Logs, Values
from skdeep._data.structure import Keys, Structure
from skdeep._engine.application import Application, layer_sizes
from skdeep._engine.hooks import Hooks, direction
from skdeep._engine.replicas import current_strategy, mean_of_replicas, n_replicas, run_on_shares
from skdeep._engine.row_weights import axes_of_loss, with_axes
from skdeep._engine.tracing import Strengths, replaced_parts, traced_of
from skdeep._engine.variables import Variables
from skdeep._keras.changes import Watch
from skdeep._keras.comparing import state_key
from skdeep._keras.copying import faithful_copy, without_training
from skdeep._keras.layer_stacks import steps_of
from skdeep._keras.ports import input_dtypes
from skdeep._lazy import keras, tf
from skdeep._training.array_program import in_c_order, run_batches
from skdeep._training.callbacks import NoHooks
from skdeep._training.dense_training import DenseTraining
from skdeep._training.epochs import Epochs

if TYPE_CHECKING:
    from skdeep._data.rows import Rows
    from skdeep._training.dense_training import Recipe


class Program:
    """A compiled model and the TensorFlow functions that train, test and apply it.

    Parameters
    ----------
    model : keras.Model
        Compiled model.
    layers : sequence of keras.layers.Layer, default=()
        Those whose dropout rate or strength of the L2 penalty shall be a variable of the traces.
    """

    def __init__(self, model: keras.Model, layers: Sequence[keras.layers.Layer] = ()) -> None:
        self.model = model
        self.strategy = current_strategy()
        self._layers = list(layers)
        self._strengths = Strengths(layers)
        self._watch: Watch | None = None
        self._of_model, self._of_optimizer, self._of_metrics = Variables(), Variables(), Variables()
        self._steps: dict[Any, Any] = {}
        self._application = Application(model)
        self._layer_steps: Any = ...  # not looked for yet
        # Training keeps the outputs of all layers for the gradients.
        self._train_bytes = 4 * sum(layer_sizes(model))
        self._epochs = Epochs()
        self._array_training: DenseTraining | None = None
        self._of_recipe: tuple[int, str] | None = None  # what the model was when the recipe was told, if it is watched
        self._penalty_scale = 1.0
        self._has_metrics = False
        self._loss_axes = 1  # see `skdeep._engine.row_weights`
        self._structure = Structure()  # of the rows that are trained or tested on
        self._build_optimizer()

    @property
    def input_dtype(self) -> str:
        """The dtype of the data that the model takes, but of text, which comes as numbers."""
        return input_dtypes(self.model)[0]

    def input_dtypes(self, keys: Keys) -> tuple[str, ...]:
        """Return the dtypes of several inputs, by their names or in their order."""
        return input_dtypes(self.model, keys)

    @property
    def steps(self) -> list[list[Any]] | None:
        """What `skdeep._inference.layer_stack` needs to predict without the model, or None."""
        if self._layer_steps is ...:
            self._layer_steps = None if self.strategy is not None else steps_of(self.model)
        return self._layer_steps

    def watch(self) -> None:
        """Look from now on whether somebody outside changes the model."""
        if self._watch is None:
            self._watch = Watch(self.model)

    def is_changed(self) -> bool:
        """Whether the model is another one than that which was built, but for the values of its variables."""
        self.follow_changes()
        return self._watch is not None and self._watch.is_changed()

    def copied(self) -> Program:
        """Return a program for a copy of the model as it is now."""
        self.follow_changes()
        model = faithful_copy(self.model)
        numbers = [number for number, layer in enumerate(self.model.layers) if layer in self._layers]
        other = Program(model, [model.layers[number] for number in numbers])
        if self._watch is not None:
            other._watch = self._watch.of_copy(model)
        return other

    def get_values(self) -> Values:
        """Return the values of all that training changes: weights, random states and the state of the optimizer."""
        self.follow_changes()
        return {"model": self.get_model_values(), "optimizer": self.get_optimizer_values()}

    def get_model_values(self) -> list[np.ndarray]:
        """Return the values of the variables of the model, in their order."""
        return self._of_model.read(self.model.variables)

    def set_values(self, values: Values) -> None:
        """Set what `get_values` returned, here or in a program of the same model; the optimizer's may be None."""
        self._of_model.assign(self.model.variables, values["model"])
        if values["optimizer"] is not None:
            self.set_optimizer_values(values["optimizer"])

    def reset_optimizer(self, learning_rate: Any) -> None:
        """Make the optimizer as it was before any training, with this learning rate if it is a number."""
        self.set_optimizer_values(self._fresh_optimizer)
        if isinstance(learning_rate, Real):
            self.model.optimizer.learning_rate = float(learning_rate)

    def get_optimizer_values(self) -> list[np.ndarray]:
        """Return the values of the optimizer's state."""
        return self._of_optimizer.read(self.model.optimizer.variables)

    def set_optimizer_values(self, values: list[np.ndarray]) -> None:
        """Set what `get_optimizer_values` returned."""
        self._of_optimizer.assign(self.model.optimizer.variables, values)

    def predict(self, rows: Rows, convert: Callable[[Any], Any]) -> Any:
        """Return what `convert` makes of the outputs, see `skdeep._engine.application.Application.predict`."""
        self.follow_changes()
        return self._application.predict(rows, convert)

    def part(self, start: str | None, end: str | None) -> keras.Model:
        """Return the part of the model behind one layer and up to another; None is its own input or output."""
        self.follow_changes()
        return self._application.part(start, end)

    def apply_part(self, rows: Rows, start: str | None, end: str | None) -> np.ndarray:
        """Return the outputs of a part of the model for rows of its input."""
        self.follow_changes()
        return self._application.apply_part(rows, start, end)

    def train_by(self, recipe: Recipe | None) -> None:
        """Train from now on by NumPy as this recipe tells, or if it is None by TensorFlow."""
        self.follow_changes()
        self._array_training = None if recipe is None else DenseTraining(recipe)
        self._of_recipe = None
        if recipe is not None and self._watch is not None:
            self._of_recipe = self._watch.n_changes, state_key(self.model)

    def _is_off_recipe(self):
        """Whether somebody, such as a callback, has made another model of it since the recipe was told."""
        self.follow_changes()
        if self._watch is None:
            return False
        if self._of_recipe is None:  # it was handed out since
            return self.is_changed()
        n_changes, key = self._of_recipe
        return self._watch.n_changes != n_changes and state_key(self.model) != key

    def metric_names(self, rows: Rows) -> list[str]:
        """Return the names that `fit` on such rows reports."""
        self.build_metrics(rows)
        return list(self.model.get_metrics_result())

    def direction(self, monitor: str) -> str | None:
        """Return whether the best value of a metric is the "min" or the "max"; None if nothing tells."""
        return direction(self.model, monitor)

    def evaluate(self, rows: Rows, batch_size: int) -> Logs:
        """Return the metrics on rows by name, as `fit` gets them on its validation rows."""
        _check_memory(batch_size, self._train_bytes)
        self.model.stop_evaluating = False
        self.build_metrics(rows)
        self._strengths.update()
        return self.run_epoch("test", rows, np.arange(len(rows)), batch_size)

    def begin_training(
        self, rows: Rows, batch_size: int, callbacks: list[keras.callbacks.Callback], params: dict[str, Any]
    ) -> tuple[Hooks | NoHooks, int | None]:
        """Make all that training on such rows needs, or raise for what lacks.

        Returns
        -------
        hooks : Hooks
            Calls the callbacks, which were told already that training begins.
        start : int or None
            The epoch to begin with, if a callback set one, as BackupAndRestore does.
        """
        self.follow_changes()
        self._check_optimizer()
        _check_memory(batch_size, self._train_bytes)
        if callbacks or self._array_training is None:
            self.build_metrics(rows)
        hooks = Hooks(callbacks, self.model, **params) if callbacks else NoHooks()
        self.start_optimizer()
        self.model._initial_epoch = None
        hooks.call("on_train_begin")
        start, self.model._initial_epoch = self.model._initial_epoch, None  # else Keras's own fit would begin there
        if self._array_training is not None and self._is_off_recipe():
            self.train_by(None)
        if callbacks or self._array_training is None:
            self.build_metrics(rows)
        return hooks, start

    def end_training(self) -> None:
        """Finish what the optimizer does to the weights."""
        self.model.optimizer.finalize_variable_values(self.model.trainable_weights)

    def set_penalty_scale(self, scale: float) -> None:
        """Multiply the L2 penalties by this in what follows, and take dropout rates and strengths as they are now."""
        self._penalty_scale = scale
        self._strengths.update(scale)

    def follow_changes(self) -> None:
        """Forget the traces if somebody outside changed what they were made of."""
        if self._watch is None:
            return
        if not self.model.optimizer.built:  # compiled again
            self._build_optimizer()
        if not self._watch.look():
            return
        self._steps, self._layer_steps, self._has_metrics = {}, ..., False
        self._application = Application(self.model)
        self._strengths = Strengths([layer for layer in self._layers if layer in self.model.layers])
        self._build_optimizer()

    def _build_optimizer(self):
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        self._fresh_optimizer = [_without_repetition(value) for value in self.get_optimizer_values()]

    def _check_optimizer(self):
        """Raise if something is to be trained that the optimizer was not built for."""
        optimizer = self.model.optimizer
        known = {id(each) for each in getattr(optimizer, "inner_optimizer", optimizer)._trainable_variables}
        unknown = [variable.path for variable in self.model.trainable_variables if id(variable) not in known]
        if unknown and known:
            raise ValueError(
                f"The optimizer of model_ does not know {', '.join(unknown)}, which became trainable after it was "
                "built. Compile model_ again."
            )

    def start_optimizer(self) -> None:
        """Let an optimizer whose state starts from the weights start from those of now, unless it has trained.

        It is built before the weights are there; of Keras's own classes only one minds.
        """
        optimizer = self.model.optimizer
        kind = type(getattr(optimizer, "inner_optimizer", optimizer))
        starts_from_weights = kind.__name__ == "ScheduleFreeAdamW" or not kind.__module__.startswith("keras.")
        if not starts_from_weights or int(optimizer.iterations.numpy()):
            return
        fresh = without_training(optimizer)
        fresh.build(self.model.trainable_variables)
        Variables().assign(optimizer.variables, Variables().read(fresh.variables))

    def go_back_to(self, weights: list[np.ndarray]) -> None:
        """Set these weights, and start the moments of the optimizer anew, but not its scalars, such as its steps."""
        self.model.set_weights(weights)
        state = zip(self.get_optimizer_values(), self._fresh_optimizer, strict=True)
        self.set_optimizer_values([now if now.ndim == 0 and np.isfinite(now) else fresh for now, fresh in state])

    @property
    def learning_rate(self) -> float | None:
        """The learning rate of now; None of an optimizer that has none, or several."""
        rate = getattr(self.model.optimizer, "learning_rate", None)
        return None if rate is None else float(np.asarray(rate))

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate; raise a ValueError if that of the optimizer is no number."""
        self._rate_variable().assign(rate)

    def _rate_variable(self):
        optimizer = self.model.optimizer
        rate = vars(getattr(optimizer, "inner_optimizer", optimizer)).get("_learning_rate")
        if not (isinstance(rate, keras.Variable) and hasattr(optimizer, "learning_rate")):  # which one of several lacks
            raise ValueError(
                f"The learning rate of {type(optimizer).__name__} is no number that a schedule by name could change. "
                f"Got {rate!r}."
            )
        return rate

    def run_epoch(
        self,
        kind: str,
        rows: Rows,
        order: np.ndarray,
        batch_size: int,
        hooks: Hooks | NoHooks | None = None,
        rates: np.ndarray | None = None,
    ) -> Logs:
        """Run one epoch of training or testing and return its metrics; with `hooks`, one batch at a time.

        `rates` are the learning rates of the batches; None leaves that of the optimizer.
        """
        if self._array_training is not None and self._is_off_recipe():
            self.train_by(None)
            self.build_metrics(rows)
        self._structure = rows.structure
        self.model.reset_metrics()
        if self._array_training is not None:
            self._array_training.reset_metrics()
        return self._epochs.run(self, kind, rows, order, batch_size, hooks, rates)

    def gathered(self, arrays: Iterable[np.ndarray]) -> list[Any]:
        """Return the arrays of a chunk as `run_chunk` takes them."""
        return in_c_order(arrays) if self._array_training is not None else [tf.constant(array) for array in arrays]

    def run_chunk(self, kind: str, arrays: list[Any], batch_size: int, rates: np.ndarray | None) -> tuple[Logs, float]:
        """Train or test on the batches of a chunk; return the metrics since the epoch began, and the seconds."""
        if self._array_training is not None:
            return self._run_arrays(kind, arrays, batch_size, rates)
        step = self._step(kind, arrays, has_rates=rates is not None)
        rates_of_chunk = [] if rates is None else [tf.constant(rates, tf.float32)]
        interrupts.answer()
        began = time.monotonic()
        result = step(*arrays, tf.constant(batch_size), *rates_of_chunk)
        # Reading a metric waits for the end of the computation.
        logs = {name: float(value) for name, value in result.items()}
        return logs, time.monotonic() - began

    def _run_arrays(self, kind, arrays, batch_size, rates):
        training = self._array_training
        training.load(self.get_model_values(), self.get_optimizer_values())
        try:
            result = run_batches(training, kind, arrays, batch_size, self._penalty_scale, rates)
            self._show_metrics(training.sums)
            return result
        finally:  # also if it was interrupted
            if kind == "train":
                variables, optimizer = training.values()
                self.set_values({"model": variables, "optimizer": optimizer})

    def _show_metrics(self, sums):
        """Put sums and weights of loss and metrics into those of the model, where callbacks may look."""
        parts = [part for each in self.model.metrics for part in getattr(each, "metrics", [each])]
        shown = [part for part in parts if part.name in sums and isinstance(part, keras.metrics.Mean)]
        values = [np.float32(value) for part in shown for value in sums[part.name]]
        self._of_metrics.assign([each for part in shown for each in (part.total, part.count)], values)

    def _step(self, kind, tensors, *, has_rates):
        """Return the function that runs `train_step` or `test_step` on all batches of tensors of this kind.

        It takes the tensors, the batch size, and where `has_rates` the learning rates of the batches.
        """
        signature = tuple(tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype) for tensor in tensors)
        key = (kind, signature, self._structure, has_rates)
        if key not in self._steps:
            run = self._run_own_steps if _is_overridden(self.model, f"{kind}_step") else self._run_steps

            def run_all(*arguments):
                tensors, (batch_size, *rates) = arguments[: len(signature)], arguments[len(signature) :]
                with replaced_parts(self.model, self._strengths, n_replicas=n_replicas(self.strategy)):
                    return run(kind, tensors, batch_size, *rates)

            others = [tf.TensorSpec([], tf.int32), *([tf.TensorSpec([None], tf.float32)] if has_rates else [])]
            self._steps[key] = traced_of(self.model, run_all, (*signature, *others))
            if self._watch is not None:
                self._watch.look()  # layers of the user's may count how often they are traced
        return self._steps[key]

    def _run_steps(self, kind, tensors, batch_size, rates=None):
        """Run Keras's step on all batches and return the metrics, as tensors."""
        n_rows = tf.shape(tensors[0])[0]

        def run_batch(start):
            stop = tf.minimum(start + batch_size, n_rows)
            self._run_step(kind, tensors, start, stop, batch_size, rates)
            return (stop,)

        tf.while_loop(lambda start: start < n_rows, run_batch, (tf.constant(0),))
        return self.model.get_metrics_result()

    def _run_own_steps(self, kind, tensors, batch_size, rates=None):
        """Run a step of the user's on all batches and return what it returned for the last, as Keras's `fit` does."""
        n_rows = tf.shape(tensors[0])[0]

        def run_batch(start, _):
            stop = tf.minimum(start + batch_size, n_rows)
            logs = _flat(self._run_step(kind, tensors, start, stop, batch_size, rates))
            logs = {name: tf.convert_to_tensor(mean_of_replicas(self.strategy, logs[name])) for name in logs}
            for name, value in logs.items():
                if value.shape.rank != 0:
                    raise ValueError(
                        f"{kind}_step must return single numbers, but {name!r} has the shape {tuple(value.shape)}."
                    )
            return stop, logs

        first = run_batch(tf.constant(0), None)  # outside of the loop: it tells what to pass through
        _, logs = tf.while_loop(lambda start, _: start < n_rows, run_batch, first)
        metrics = self.model.get_metrics_result()
        return metrics if logs.keys() == metrics.keys() else logs

    def _run_step(self, kind, tensors, start, stop, batch_size, rates):
        """Run a step on the rows from `start` up to `stop`; the penalty of weights is that of scikit-learn."""
        own_step = self.model.train_step if kind == "train" else self.model.test_step
        structure = self._structure

        def step(arrays):
            x, *targets = structure.packed(arrays)
            if len(targets) == 2:
                targets[1] = with_axes(targets[1], self._loss_axes)
            return own_step((x, *targets))

        if rates is not None:
            variable = self._rate_variable()
            variable.assign(tf.cast(rates[start // batch_size], variable.dtype))
        if kind == "train":
            self._strengths.batch_fraction = lambda: (stop - start) / batch_size
            self._strengths.n_steps = self.model.optimizer.iterations
        try:
            return run_on_shares(self.strategy, step, tensors, start, stop)
        finally:
            self._strengths.batch_fraction = self._strengths.n_steps = None

    def build_metrics(self, rows: Rows) -> None:
        """Make the variables of loss and metrics, which a traced loop may not make itself."""
        if self._has_metrics:
            return
        # A single row is not enough for some losses and metrics, which warn of it.
        arrays = [tf.convert_to_tensor(array) for array in rows.gather(np.arange(min(2, len(rows))))]
        x, y, *_ = rows.structure.packed(arrays)
        # A call may draw random numbers, even without training.
        before = Variables().read(self.model.non_trainable_variables)

        def compute():
            outputs = self.model(x, training=False)
            self.model.compute_loss(x, y, outputs)
            self.model.compute_metrics(x, y, outputs)
            self._loss_axes = axes_of_loss(self.model, y, outputs)

        with self._strengths.replaced():
            compute() if self.strategy is None else self.strategy.run(compute)
            results = self.model.get_metrics_result()
        for name, value in results.items():
            if np.ndim(value):
                raise ValueError(
                    f"metrics must be single numbers, but {name!r} gives {len(value)}, one for each class; it may "
                    "have a parameter for their mean, such as metrics__average='macro'."
                )
        self.model.reset_metrics()
        Variables().assign(self.model.non_trainable_variables, before)
        self._has_metrics = True


def _is_overridden(model, step):
    return getattr(getattr(model, step), "__func__", None) is not getattr(keras.Model, step)


def _flat(logs):
    """Return what a step returned as one dict, as Keras does for dicts in it."""
    flat = {}
    for name, value in (logs or {}).items():
        flat |= _flat(value) if isinstance(value, dict) else {name: value}
    return flat


def _check_memory(batch_size, row_bytes):
    """Ask for the memory of a batch and give it back, since operations of TensorFlow may crash where it lacks."""
    n_bytes = batch_size * row_bytes
    try:
        np.empty(n_bytes, dtype=np.uint8)
    except MemoryError as error:
        raise MemoryError(
            f"There is not enough memory for a batch of {batch_size} rows: the outputs of the layers alone take "
            f"{n_bytes / 2**20:,.0f} MB. A smaller batch_size or smaller layers need less."
        ) from error


def _without_repetition(array):
    """Return an equal array that takes no memory if all its values are the same, as in most optimizers at first."""
    first = array.ravel()[:1]
    return np.broadcast_to(first, array.shape) if array.ndim and (array == first).all() else array
