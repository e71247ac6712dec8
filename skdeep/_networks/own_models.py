"""A network that the user's function or model made, as an estimator holds it.

What is trained is the model itself that the function returned, or a copy by attributes of the model that was given. A
program whose model is equal to it part by part, and that waits in the pool of `skdeep._engine.trace_cache`, takes its
values instead. Models with code of the user's are never taken for equal; they are traced anew in each fit.

A network that surrenders its program to an equal one gets that one's model in return, as it is before any training, and
goes on with it when it is asked for anything.

Random numbers: Keras draws the seeds of layers and initializers from the global `random` of Python when a model is
built. While the user's function runs, that and the global generator of numpy start from a seed of the fit (see
`skdeep._keras.describing.seeded`); afterwards they are as before. A lock keeps fits in other threads from running their
functions meanwhile.

Loading: an unpickled network may hold lambdas, since pickles execute what they say anyway. What a file says of a
network is plain values (see `skdeep._files.keras_files`), which are checked when it is loaded, and of which nothing is
executed when the network is built.
"""

import contextlib
import contextvars
import functools
import inspect
import types
import weakref

import numpy as np

from skdeep._common.state_options import is_for_file
from skdeep._data.heads import Head
from skdeep._engine import trace_cache
from skdeep._engine.program import Program
from skdeep._engine.replicas import current_strategy
from skdeep._files.keras_files import describe_network, make_network
from skdeep._files.plain_states import altered, check_state
from skdeep._keras import copying, describing
from skdeep._keras.comparing import settings_key, structure_key
from skdeep._lazy import keras, tf
from skdeep._networks.network import Network

_trained = weakref.WeakSet()  # layers with weights of the models that fits trained
_is_from_file = contextvars.ContextVar("is_from_file", default=False)
_HEAD = {"n_outputs": int, "activation": str, "encoding": str, "outputs": str}  # beside its loss


@contextlib.contextmanager
def safe_mode():
    """Let networks in the body of the ``with`` statement take only states that files may have."""
    token = _is_from_file.set(True)
    try:
        yield
    finally:
        _is_from_file.reset(token)


def newest_variable():
    """Return the number of a variable made now: TensorFlow numbers all that are made."""
    return _number(tf.Variable(0, trainable=False))


def model_of(function, arguments, model, newest):
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
        What `newest_variable` returned before the call.
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
        any(_number(variable.value) <= newest for variable in variables)
        or not all(layer.built for layer in layers)
        or _hold([function, arguments], parts)
    ):
        return copying.faithful_copy(model)
    return model


def _number(variable):
    """Return the number that TensorFlow gave a variable, the first of those of several devices."""
    first = getattr(variable, "values", [variable])[0]
    return int(first._unique_id.rpartition("_")[2])


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


class OwnNetwork(Network):
    """A program for a model of the user's, or what it takes to build one again.

    Parameters
    ----------
    model : keras.Model
        Compiled and built model, with the values to start from; it is trained itself, unless a program of an equal
        model takes its values.
    head : skdeep._data.heads.Head
        Its output layer, loss and form of the targets.
    """

    _parts = ("settings", "head", "description")

    def __init__(self, model, head):
        self.head = head
        self._begin()
        self.settings = {"optimizer": settings_key(model.optimizer)}
        is_trained = model.optimizer.built and int(model.optimizer.iterations) > 0
        is_special = is_trained or model.optimizer.use_ema or current_strategy() is not None
        key = None if is_special else structure_key(model)
        program = trace_cache.obtain(key, functools.partial(Program, model))
        if program.model is not model:
            program.set_values({"model": [variable.numpy() for variable in model.variables], "optimizer": None})
            program.reset_optimizer(_learning_rate(model.optimizer))
        self._hold(program, key)
        _trained.update(layer for layer in model._flatten_layers() if layer.variables)

    @property
    def dtype(self):
        """The dtype of the data that the network takes."""
        with self.in_use() as program:
            inputs = getattr(program.model, "inputs", None)
        return inputs[0].dtype if inputs and inputs[0].dtype != "string" else "float32"

    @property
    def value_dtype(self):
        """The dtype of targets and weights."""
        return "float64" if self.dtype == "float64" else "float32"

    def surrender(self, make):
        """Return the program and go on with what `make` returns; return None if it is in use or must be kept."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            program = super().surrender(make)
            if program is not None:
                self._make = make
            return program
        finally:
            self._lock.release()

    def _begin(self, values=None):
        super()._begin(values)
        self.description = None  # of the model, if it is one that was unpickled or loaded
        self._make = None  # else, of a network without a program, what returns one

    def _twin(self, values):
        other = super()._twin(values)
        if self._program is not None:  # see lent
            other._make = self._program.copied
        return other

    def _rebuilt(self, values):
        program = self._make() if self._make is not None else Program(_made(self.description, values))
        program.set_values(values)
        return program, None

    def _is_described(self):
        return self._program is None and self._make is None

    @property
    def is_changed(self):
        """Whether it no longer is what is described; what it is now is described."""
        return False

    def _description(self):
        if not self._is_described():
            self.follow_changes()
        own = {name: getattr(self, name) for name in self._parts}
        is_described = self._is_described() and (not is_for_file() or _is_of_file(self.description))
        return own if is_described else own | _described(self)

    def __setstate__(self, state):
        if _is_from_file.get():
            _check_state(state)
        super().__setstate__(state)


def state_as_own(network):
    """Return the state of a network whose model was changed as that of one of the user's own."""
    network.follow_changes()
    return network._state({"head": network.head} | _described(network))


def own_network_from(state):
    """Return the network of the user's own that has this state."""
    network = OwnNetwork.__new__(OwnNetwork)
    network.__setstate__(state)
    return network


def _described(network):
    with network.in_use() as program:
        try:
            describe = describe_network if is_for_file() else describing.describe_model
            description = describe(program.model)
        except ValueError as error:
            raise ValueError(f"The network cannot be pickled or saved: {error}.") from error
        return {"settings": {"optimizer": settings_key(program.model.optimizer)}, "description": description}


def _made(description, values):
    """Return the model that was described, from a pickle or a file."""
    if _is_of_file(description):
        return make_network(description, values["model"], values["optimizer"])
    return describing.make_model(description)


def _is_of_file(description):
    return "value" in description


def _check_state(state):
    """Raise a ValueError if a state is none that a file may have; what it says of the model is checked by itself."""
    if type(state) is not dict or not {"settings", "head", "description", "values"} <= state.keys():
        raise altered("a network has another state")
    head, settings, values = state["head"], state["settings"], state["values"]
    if type(head) is not Head or {name: type(value) for name, value in vars(head).items() if name != "loss"} != _HEAD:
        raise altered("the head of a network has other attributes")
    if type(settings) is not dict or not all(type(each) is str for each in [*settings, *settings.values()]):
        raise altered("the settings of a network are no strings")
    if type(values) is not dict or set(values) != {"model", "optimizer"}:
        raise altered("the values of a network are not those of a model and an optimizer")
    for name, each in values.items():
        is_none = each is None and name == "optimizer"
        if not is_none and not (
            type(each) is list and all(isinstance(value, (np.ndarray, np.number)) for value in each)
        ):
            raise altered(f"the values of the {name} of a network are no arrays")
    check_state(state["description"])


def _learning_rate(optimizer):
    """Return the learning rate, if it is a number that can be set."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    rate = vars(optimizer).get("_learning_rate")
    is_set = isinstance(rate, keras.Variable) and hasattr(optimizer, "learning_rate")  # which one of several has not
    return float(rate.numpy()) if is_set else None
