"""The specification of a network that the user's function or model made.

What is trained is the model itself that the function returned, or a copy by attributes of the model that was given. A
program whose model is equal to it part by part, if `skdeep._engine.trace_cache` has one that is free, takes its values
instead. Models with code of the user's are never taken for equal; they are traced anew in each fit.

A network that gives up its program to an equal one gets that one's model in return, as it is before any training, and
goes on with it when it is asked for anything. So does a network of dense layers, which NumPy trains from the values of
the model: it has no program before somebody asks for its model.

Random numbers: Keras draws the seeds of layers and initializers from the global `random` of Python when a model is
built. While the user's function runs, that and the global generator of numpy start from a seed of the fit (see
`skdeep._keras.describing.seeded`); afterwards they are as before. A lock keeps fits in other threads from running their
functions meanwhile.

Loading: an unpickled network may hold lambdas, since pickles execute what they say anyway. What a file says of a
network is plain values (see `skdeep._files.keras_files`), which are checked when it is loaded, and of which nothing is
executed when the network is built.
"""

from __future__ import annotations

import contextlib
import contextvars
import inspect
import types
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from skdeep._backend import variable_number
from skdeep._common.state_options import is_for_file
from skdeep._common.typing import Values
from skdeep._engine.program import Program
from skdeep._engine.trace_cache import CACHE, Lease
from skdeep._files.keras_files import describe_network, make_network
from skdeep._files.plain_states import altered, check_state
from skdeep._keras import copying, describing
from skdeep._keras.comparing import settings_key, structure_key
from skdeep._lazy import keras

_trained: weakref.WeakSet[keras.layers.Layer] = weakref.WeakSet()  # layers with weights of the models that fits trained
_is_from_file = contextvars.ContextVar("is_from_file", default=False)


@contextlib.contextmanager
def safe_mode() -> Iterator[None]:
    """Let networks in the body of the ``with`` statement take only states that files may have."""
    token = _is_from_file.set(True)
    try:
        yield
    finally:
        _is_from_file.reset(token)


def model_of(function: Callable[..., Any], arguments: dict[str, Any], model: keras.Model, newest: int) -> keras.Model:
    """Return the model that is trained where a function returned this one: itself, or a copy if parts may be older.

    A model, a layer or an optimizer from elsewhere may be in the model of each call, so each fit trains a copy of its
    own. So it does where the function can still get at the model, and where layers have no variables yet, of which it
    cannot be told.

    Parameters
    ----------
    function, arguments : callable, dict
        What returned the model, and its arguments.
    model : keras.Model
        The model.
    newest : int
        What `skdeep._backend.next_variable_number` returned before the call.
    """
    layers = model._flatten_layers()
    parts = [*layers, *([model.optimizer] if model.compiled else []), *model.metrics]
    if any(layer in _trained for layer in layers):
        raise ValueError(
            "model must be a function that builds a new keras.Model in each call, but it returned one with layers that "
            "an earlier fit trained. Give the model itself, of which each fit trains a copy, or build those layers "
            "beforehand, so that they have weights."
        )
    variables = [variable for part in parts for variable in part.variables]
    if (
        any(variable_number(variable.value) <= newest for variable in variables)
        or not all(layer.built for layer in layers)
        or _hold([function, arguments], parts)
    ):
        return copying.faithful_copy(model)
    return model


def _hold(holders, parts):
    """Whether a part can be reached from what a function refers to."""
    wanted = {id(part) for part in parts}
    pending, seen = [(holders, 5)], set()
    while pending:
        value, depth = pending.pop()
        if id(value) in wanted:
            return True
        if depth and id(value) not in seen:
            seen.add(id(value))
            pending += [(each, depth - 1) for each in _held(value)]
    return False


def _held(value):
    if inspect.ismodule(value) or inspect.isclass(value):
        return []
    if isinstance(value, types.FunctionType):
        names = [name for name in _names(value.__code__) if name in value.__globals__]
        return [*copying.contents(value), *(value.__globals__[name] for name in names)]
    return copying.contents(value)


def _names(code):
    yield from code.co_names
    for each in code.co_consts:
        if inspect.iscode(each):
            yield from _names(each)


@dataclass(eq=False)
class OwnModelSpecification:
    """What a network with a model of the user's is built from again, beside its values, once it was pickled or saved.

    Parameters
    ----------
    optimizer : str
        What the optimizer is set to, see `skdeep._keras.comparing.settings_key`.
    description : dict, default=None
        From `skdeep._keras.describing.describe_model` or `skdeep._files.keras_files.describe_network`; None of a model
        that is live.
    """

    optimizer: str
    description: dict[str, Any] | None = None

    n_outputs = None
    dtype = None  # that of the model
    recipe = None  # which is told of the model
    is_for_one = False
    penalty_rows = None

    @classmethod
    def of(cls, model: keras.Model) -> Self:
        """Return the specification of a network with this live model."""
        return cls(settings_key(model.optimizer))

    @classmethod
    def described(cls, model: keras.Model) -> Self:
        """Return one from which a network with such a model is built, as pickles hold it, or files where they ask."""
        try:
            description = describe_network(model) if is_for_file() else describing.describe_model(model)
        except ValueError as error:
            raise ValueError(f"The network cannot be pickled or saved: {error}.") from error
        return cls(settings_key(model.optimizer), description)

    @property
    def optimizer_settings(self) -> dict[str, Any]:
        """What the state of an optimizer belongs to."""
        return {"optimizer": self.optimizer}

    def key(self) -> None:
        """Return None: what the traces depend on is not known before the model is made."""

    def build(self, values: Values) -> Program:
        """Return a new program for these values."""
        description: Any = self.description
        if _is_of_file(description):
            return Program(make_network(description, values["model"], values["optimizer"]))
        return Program(describing.make_model(description))

    def restore(self, program: Program, values: Values, is_reused: bool) -> None:
        """Set values in a new program."""
        program.set_values(values)

    def is_complete(self, is_at_rest: bool) -> bool:
        """Whether a network is built again from this, if it was built from this and is not live."""
        return is_at_rest and (not is_for_file() or _is_of_file(self.description))

    def in_float32(self, live: keras.Model) -> keras.Model:
        """Return the live model, whose precision is the user's."""
        return live

    def __setstate__(self, state):
        if _is_from_file.get():
            _check_state(state)
        vars(self).update(state)


class GivenModel:
    """A source of the program of a model which was just made, and which nobody else trains.

    Parameters
    ----------
    model : keras.Model
        Compiled and built model, which is that of the program.

    Attributes
    ----------
    is_shared : bool
        Whether copies of a network have this source, too, so that each gets a program of a copy of the model.
    """

    is_for_one = True

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.is_shared = False

    def key(self) -> str | None:
        """Return what the traces depend on, or None if it has code of the user's, or more than its weights at first."""
        optimizer = self.model.optimizer
        is_trained = optimizer.built and int(optimizer.iterations) > 0
        return None if is_trained or optimizer.use_ema else structure_key(self.model)

    def build(self, values: Values | None) -> Program:
        """Return the program."""
        return Program(copying.faithful_copy(self.model) if self.is_shared else self.model)

    def restore(self, program: Program, values: Values, is_reused: bool) -> None:
        """Set values in it."""
        program.set_values(values)


def leased(model: keras.Model, optimizer: list[np.ndarray] | None = None) -> Lease:
    """Return a lease with the values of a model.

    Parameters
    ----------
    model : keras.Model
        Compiled and built model, with the values to start from; it is trained itself, unless a program of an equal
        model takes its values.
    optimizer : list of ndarray, default=None
        The state of its optimizer, for a network that can be trained without a program: there is none then, before it
        is asked for.
    """
    values = [variable.numpy() for variable in model.variables]
    _trained.update(layer for layer in model._flatten_layers() if layer.variables)
    if optimizer is not None:
        return Lease(GivenModel(model), {"model": values, "optimizer": optimizer})
    lease = CACHE.lease(GivenModel(model))
    lease.source = None  # the model is that of the program, or not needed
    with lease.in_use() as program:
        if lease.is_reused:
            program.set_values({"model": values, "optimizer": None})
            program.reset_optimizer(_learning_rate(model.optimizer))
    return lease


def _is_of_file(description):
    return "value" in description


def _check_state(state):
    """Raise a ValueError if a state is none that a file may have; what it says of the model is checked by itself."""
    if type(state) is not dict or state.keys() != {"optimizer", "description"}:
        raise altered("a network has another state")
    if type(state["optimizer"]) is not str:
        raise altered("the settings of a network are no strings")
    check_state(state["description"])


def _learning_rate(optimizer):
    """Return the learning rate, if it is a number that can be set."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    rate = vars(optimizer).get("_learning_rate")
    is_set = isinstance(rate, keras.Variable) and hasattr(optimizer, "learning_rate")  # which one of several has not
    return float(rate.numpy()) if is_set else None
