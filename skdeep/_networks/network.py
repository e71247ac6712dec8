"""A fitted network as an estimator holds it: live while it is used, plain data when it is copied or saved.

`Network` is a specification (what builds the model: `skdeep._networks.built_in` for the networks that skdeep brings
along, `skdeep._networks.own_models` for models of the user's own), the head (what its outputs mean and what targets it
learns), and a lease of a program, which is that or the values of its variables.

It pickles, and so copies, as the specification and the values of its variables as arrays, optimizer state and random
states included, so that training goes on from a copy with the same bits. The model is built again from them when it is
first needed; loading alone does not import TensorFlow.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from skdeep._common import interrupts
from skdeep._common.state_options import has_optimizers
from skdeep._common.states import check_attributes
from skdeep._common.version import __version__
from skdeep._data.encoded_targets import EncodedHead
from skdeep._data.heads import Head
from skdeep._data.named_arrays import Parts
from skdeep._data.sequence_targets import SequenceHead
from skdeep._data.several_heads import ColumnsOfOutputs, SeveralHeads
from skdeep._data.validation import memory_errors
from skdeep._engine import last_layer
from skdeep._engine.replicas import check_scope, current_strategy
from skdeep._engine.trace_cache import CACHE, Lease
from skdeep._files.pickling import loss_in_state
from skdeep._files.stand_ins import restored
from skdeep._inference.layer_stack import LayerStack, are_steps
from skdeep._keras.layer_stacks import steps_of
from skdeep._lazy import keras
from skdeep._networks.built_in import BuiltInSpecification
from skdeep._networks.own_models import GivenModel, OwnModelSpecification
from skdeep._networks.own_recipes import is_quicker, recipe_of_model
from skdeep._training.array_program import ArrayProgram

if TYPE_CHECKING:
    from skdeep._data.rows import Rows
    from skdeep._engine.program import Program
    from skdeep._training.dense_training import Recipe


AnyHead = Head | SeveralHeads | ColumnsOfOutputs | EncodedHead | SequenceHead

# The form of the state below; 1 is the first.
_FORMAT = 1


class Network:
    """A specification, a head and a lease.

    Parameters
    ----------
    specification : BuiltInSpecification or OwnModelSpecification
        What it takes to build the model again, beside its values.
    head : skdeep._data.heads.Head, or one of `skdeep._data.several_heads`
        Its output layer, loss and form of the targets.
    lease : skdeep._engine.trace_cache.Lease
        Of a program with the values to start from.
    steps : list, default=None
        What `skdeep._inference.layer_stack` needs to predict without the program; None if that cannot or is not known.
    recipe : skdeep._training.dense_training.Recipe, default=None
        How NumPy trains a model of the user's own as it was built; None if it cannot, or if that is not known.
    """

    def __init__(
        self,
        specification: BuiltInSpecification | OwnModelSpecification,
        head: AnyHead,
        lease: Lease,
        steps: list[list[Any]] | None = None,
        recipe: Recipe | None = None,
    ) -> None:
        self.specification = specification
        self.head = head
        self._lease = lease
        self._steps = steps
        self._own_recipe = recipe
        self._stack: LayerStack | None = None  # of the values as they are between two trainings
        self._arrays: ArrayProgram | None = None  # what trains now, if it is no program
        self._is_training = False
        self._n_trainings = 0
        self._batch_rows = 1  # of the last training
        self.made_with: dict[str, Any] | None = None  # what an estimator made it from, if it was made here

    @property
    def dtype(self) -> str:
        """The dtype of the data that the network takes."""
        if self.specification.dtype is not None:
            return self.specification.dtype
        if self._steps is not None:
            return "float32"
        with self.in_use() as program:
            return program.input_dtype

    def dtypes(self, X: Any) -> Any:
        """Return the dtype of the data that the network takes, or of `Parts` a tuple with that of each."""
        if not isinstance(X, Parts):
            return self.dtype
        with self.in_use() as program:
            return program.input_dtypes(X.keys)

    @property
    def value_dtype(self) -> str:
        """The dtype of targets and weights."""
        return "float64" if self.dtype == "float64" else "float32"

    @property
    def penalty_rows(self) -> int | None:
        """Rows of a batch for which the penalties of weights are meant, or None if they are Keras's."""
        return self.specification.penalty_rows

    def in_use(self) -> AbstractContextManager[Program]:
        """Give the live program, built if need be; no other network gets it in the body of the ``with`` statement."""
        return self._lease.in_use()

    @contextlib.contextmanager
    def looked_at(self) -> Iterator[keras.Model]:
        """Give the model as it was built or is now, for a look at its layers and settings, but not at its weights."""
        source = self._lease.source
        if self._lease.program is None and isinstance(source, GivenModel):
            yield source.model
            return
        with self.in_use() as program:
            yield program.model

    @property
    def model(self) -> keras.Model:
        """The Keras model, for anyone outside: what it belongs to is never that of another network."""
        with self.in_use() as program:
            self.keep()
            return program.model

    @property
    def is_kept(self) -> bool:
        """Whether the program is never given to another network."""
        return self._lease.is_pinned

    def keep(self) -> None:
        """Never give the program to another network."""
        self._lease.pin()

    @contextlib.contextmanager
    def in_training(self, is_watched: bool, batch_rows: int) -> Iterator[Program | ArrayProgram]:
        """Give what trains the network, for one training.

        Predictions in the body of the ``with`` statement are by the weights of a program at that moment, or of arrays
        as they were before.

        Parameters
        ----------
        is_watched : bool
            Whether callbacks of the user's see the Keras model.
        batch_rows : int
            Rows of a batch.
        """
        with self.trained(is_watched, batch_rows) as program:
            self._is_training, self._stack = True, None
            self._n_trainings += 1
            self._arrays = program if isinstance(program, ArrayProgram) else None
            try:
                yield program
            finally:
                if self._arrays is not None:
                    self._lease.set_values(self._arrays.get_values())
                self._is_training, self._arrays = False, None

    @contextlib.contextmanager
    def trained(self, is_watched: bool, batch_rows: int) -> Iterator[Program | ArrayProgram]:
        """Give what trains the network: arrays, if nobody has its Keras model, or else its program.

        This is the one place that decides by what a network is trained: NumPy, if there is a recipe for it and its
        model is as it was built, or else TensorFlow.
        """
        self._batch_rows = batch_rows
        recipe = self._recipe_as_built()
        if recipe is not None and self._lease.program is None and not (is_watched or self._lease.is_pinned):
            yield ArrayProgram(recipe, self._lease.get_values())
            return
        with self.in_use() as program:
            program.train_by(self._recipe(program))
            try:
                yield program
            finally:
                program.train_by(None)  # whose arrays take as much memory as the network

    def _recipe_as_built(self):
        """Return how NumPy trains the network as it was built, or None if TensorFlow is to train it, or it may be."""
        if current_strategy() is not None:
            return None
        return self.specification.recipe if self._own_recipe is None else self._if_quicker(self._own_recipe)

    def _recipe(self, program):
        """Return how NumPy trains the model of a program, or None."""
        if program.strategy is not None or current_strategy() is not None:
            return None
        if self._is_untold() or program.is_changed():
            self.follow_changes()
            return self._if_quicker(recipe_of_model(program.model, self.head))
        return self._recipe_as_built()

    def _is_untold(self):
        """Whether only the model tells how NumPy trains it."""
        return isinstance(self.specification, OwnModelSpecification) and self._own_recipe is None

    def _if_quicker(self, recipe):
        return recipe if recipe is not None and is_quicker(recipe, self._batch_rows) else None

    def trained_by(self) -> Literal["NumPy", "TensorFlow"]:
        """Return what trains the network, "NumPy" or "TensorFlow"."""
        if self._lease.program is None and not self._is_untold():
            return "TensorFlow" if self._recipe_as_built() is None else "NumPy"
        with self.in_use() as program:
            return "TensorFlow" if self._recipe(program) is None else "NumPy"

    def settle(self) -> None:
        """Make predictions ready, so that they need neither the program nor TensorFlow, if that is possible."""
        self._layer_stack()

    def predict(self, rows: Rows, convert: Callable[[Any, Any], Any]) -> Any:
        """Return what `convert` makes of the outputs, for all rows.

        This is the one place that decides by what a network predicts: NumPy, if it is a row of layers whose formulas
        are known, or else the program.

        Parameters
        ----------
        rows : skdeep._data.rows.Rows
            Data.
        convert : callable
            Takes the head, and outputs for some rows as an array of shape (n, n_outputs), or a list of such arrays for
            several outputs; returns an array of n entries, or a list of them. It may be called in several threads.
        """
        stack = self._layer_stack()
        if stack is not None:
            return stack.predict(rows, functools.partial(convert, self.head))
        with interrupts.deferred(), memory_errors(), self.in_use() as program:
            self.follow_changes()
            return program.predict(rows, functools.partial(convert, self.head))

    def apply_part(self, rows: Rows, start: str | None, end: str | None) -> np.ndarray:
        """Return the outputs of the part of the model behind one layer and up to another, for rows of its input.

        None is the model's own input or output. NumPy computes it, if it is a row of layers whose formulas are known.
        """
        with interrupts.deferred(), memory_errors(), self.in_use() as program:
            part = program.part(start, end)
            steps = steps_of(part) if program.strategy is None else None
            stack = None if steps is None else LayerStack(steps, [variable.numpy() for variable in part.variables])
            if stack is not None and stack.is_exact:
                return stack.predict(rows, lambda outputs: outputs)
            return program.apply_part(rows, start, end)

    def part_width(self, end: str | None) -> int:
        """Return the length of the last axis of the outputs of a layer, or of those of the model."""
        with self.in_use() as program:
            return int(program.part(None, end).outputs[0].shape[-1])

    def predicts_by_numpy(self) -> bool:
        """Whether predictions need no program."""
        return self._layer_stack() is not None

    def _layer_stack(self):
        """Return the layers as NumPy computes them with the weights of now, or None if it cannot."""
        if self._stack is not None and not self._lease.is_pinned:
            return self._stack
        n_trainings = None if self._is_training else self._n_trainings
        if self._lease.program is None:
            if self._steps is None:
                return None
            steps, arrays = self._steps, self._lease.get_values()["model"]
        else:
            with self.in_use() as program:
                self.follow_changes()
                self._steps = steps = program.steps if self.head.keys is None else None  # of a bare array
                if steps is None:
                    return None
                arrays = program.get_model_values()
        stack = LayerStack(steps, arrays)
        if not stack.is_exact:
            return None
        if n_trainings == self._n_trainings:  # else the weights are those of a moment of a training
            self._stack = stack
        return stack

    def spare(self) -> None:
        """Let other networks have the program from now on, when it is not in use; this one then keeps its values."""
        CACHE.spare(self._lease)

    def take_over(self, earlier: Network) -> None:
        """Take the weights of an earlier network of the same shapes, and of the same optimizer also its state."""
        if not any(each._lease.program or each._is_untold() for each in (self, earlier)):
            self._take_over_values(earlier)
            return
        with self.in_use() as program, earlier.in_use() as earlier_program:
            if earlier_program.is_changed():
                raise ValueError(
                    "warm_start=True goes on from the weights of the earlier fit with what the parameters say, but "
                    "model_ was changed since, other than in its weights and its learning rate. Use partial_fit to "
                    "train it as it is, or change the parameters."
                )
            model, earlier_model = program.model, earlier_program.model
            _check_shapes(model.get_weights(), earlier_model.get_weights())
            model.set_weights(earlier_model.get_weights())
            values, earlier_values = program.get_optimizer_values(), earlier_program.get_optimizer_values()
            is_same = self.specification.optimizer_settings == earlier.specification.optimizer_settings
            is_same &= _trained_places(model) == _trained_places(earlier_model)  # shapes alone may be those of others
            if is_same and _shapes(values) == _shapes(earlier_values):
                program.set_optimizer_values(earlier_values)

    def _take_over_values(self, earlier):
        """Do what `take_over` does where neither network has a program."""
        own, others = self._lease.get_values(), earlier._lease.get_values()
        places = [place for place, value in enumerate(own["model"]) if value.dtype.kind == "f"]
        given = [value for value in others["model"] if value.dtype.kind == "f"]
        _check_shapes([own["model"][place] for place in places], given)
        model = list(own["model"])
        for place, value in zip(places, given, strict=True):
            model[place] = value
        recipe, earlier_recipe = (each._own_recipe or each.specification.recipe for each in (self, earlier))
        optimizer, earlier_optimizer = own["optimizer"], others["optimizer"]
        is_same = self.specification.optimizer_settings == earlier.specification.optimizer_settings
        is_same &= (recipe and recipe.trained) == (earlier_recipe and earlier_recipe.trained)
        if is_same and earlier_optimizer is not None and _shapes(optimizer) == _shapes(earlier_optimizer):
            optimizer = earlier_optimizer
        self._lease.set_values({"model": model, "optimizer": optimizer})

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep the program, if there is one, from other networks in the body of the ``with`` statement."""
        with contextlib.nullcontext() if self._lease.program is None else self.in_use():
            yield

    @contextlib.contextmanager
    def shared(self) -> Iterator[Network]:
        """Give a copy that works with the live program in the body of the ``with`` statement, later by its own."""
        if self._arrays is not None:
            yield self._at_rest(self._arrays.get_values())
            return
        with self._lease.shared() as lease:
            yield Network(self.specification, self.head, lease, self._steps)

    def check_scope(self) -> None:
        """Raise if training cannot go on here since this is the scope of a strategy of `tf.distribute`."""
        program = self._lease.program
        check_scope(None if program is None else program.strategy)

    @contextlib.contextmanager
    def restored_on_error(self) -> Iterator[None]:
        """Restore all values if the body of the ``with`` statement raises."""
        with self.held():
            before = self._lease.get_values()
            try:
                yield
            except BaseException:
                self._lease.set_values(before)
                raise

    def follow_changes(self) -> None:
        """Follow what the loss of the model takes and its outputs mean now, if somebody outside changed the model."""
        if self._lease.program is None:  # nobody has it
            return
        with self.in_use() as program:
            if program.is_changed():
                model, is_single = program.model, self.head.keys is None
                last: Any = last_layer.activation_of(model) if is_single else last_layer.activations_of(model)
                self.head = self.head.changed(last, model.loss)

    @property
    def is_changed(self) -> bool:
        """Whether somebody outside made another model of it since it was built."""
        program = self._lease.program
        return program is not None and program.is_changed()

    def __deepcopy__(self, memo):
        """Return a network of its own, with this one's model as it is now; it is built when it is first needed."""
        if self._own_recipe is not None and self._lease.program is None:
            return self._at_rest(self._lease.get_values())
        if self._is_specified():
            lease = Lease(self.specification, self._lease.get_values())
        else:
            with self.in_use() as program:
                lease = Lease(None, program=program.copied())
        return Network(self.specification, self.head, lease, self._steps)

    def _at_rest(self, values):
        """Return a network like this one, which has no program, with other values."""
        if isinstance(self._lease.source, GivenModel):
            self._lease.source.is_shared = True
        lease = Lease(self._lease.source, values)
        return Network(self.specification, self.head, lease, self._steps, self._own_recipe)

    def __getstate__(self):
        specification = self.specification
        if not self._is_specified():
            with self.in_use() as program:
                self.follow_changes()
                specification = OwnModelSpecification.described(program.model)
        if self._lease.program is not None:
            with self.in_use() as program:
                self._steps = program.steps
        values = self._lease.get_values()
        if not has_optimizers():
            values = values | {"optimizer": None}
        head = self.head.of_losses(loss_in_state)
        return {
            "format": _FORMAT,
            "version": __version__,
            "specification": specification,
            "head": head,
            "steps": self._steps,
            "values": values,
        }

    def __setstate__(self, state):
        if state.get("format") != _FORMAT:
            raise ValueError(
                f"This estimator was saved by skdeep {state.get('version', '(unknown)')} in format "
                f"{state.get('format', 0)}, but skdeep {__version__} reads format {_FORMAT}."
            )
        check_attributes(
            self,
            state,
            values=_are_values,
            head=lambda value: isinstance(value, AnyHead),
            specification=lambda value: _is_specification(value, state["head"]),
            steps=lambda value: value is None or are_steps(value, state["values"]["model"]),
        )
        lease = Lease(state["specification"], state["values"])
        self.__init__(state["specification"], restored(state["head"]), lease, state.get("steps"))

    def _is_specified(self):
        """Whether the specification tells all that there is of the network as it is now, beside its values."""
        is_at_rest = self._lease.program is None and self._lease.source is self.specification
        return not self.is_changed and self.specification.is_complete(is_at_rest)


def _shapes(arrays):
    return [tuple(array.shape) for array in arrays]


def _trained_places(model):
    return [place for place, variable in enumerate(model.variables) if variable.trainable]


def _check_shapes(weights, earlier):
    if _shapes(weights) != _shapes(earlier):
        raise ValueError(
            "warm_start=True goes on with the weights of the earlier fit, but the parameters now ask for another "
            f"network: its weights have the shapes {_shapes(weights)}, those of the earlier fit {_shapes(earlier)}."
        )


def _are_values(values):
    """Whether these are the values of the variables of a model and, if they were kept, of its optimizer."""
    if not (isinstance(values, dict) and values.keys() == {"model", "optimizer"}):
        return False
    of_model, of_optimizer = values["model"], [] if values["optimizer"] is None else values["optimizer"]
    if not (isinstance(of_model, list) and isinstance(of_optimizer, list)):
        return False
    arrays = of_model + of_optimizer
    return all(isinstance(each, (np.ndarray, np.generic)) and each.dtype.kind in "biufV" for each in arrays)


def _is_specification(value, head):
    if isinstance(value, BuiltInSpecification):
        return isinstance(head, Head) and (value.n_outputs, value.encoding) == (head.n_outputs, head.encoding)
    return isinstance(value, OwnModelSpecification)
