"""A fitted network as an estimator holds it: live while it is used, plain data when it is copied or saved.

`Network` pickles, and so copies, as its architecture (the name of a builder and its arguments), the settings it was
compiled with and the values of its variables as arrays, optimizer state and random states included, so that training
goes on from a copy with the same bits. The model is built again from them when it is first needed; loading alone does
not import TensorFlow.
"""

import contextlib
import copy
import functools
import inspect
import math
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from skdeep._common.forked import check_not_forked
from skdeep._common.numbers import value_dtype
from skdeep._common.state_options import has_optimizers
from skdeep._common.states import check_attributes, is_count
from skdeep._common.version import __version__
from skdeep._data.validation import memory_errors
from skdeep._engine import last_layer, trace_cache
from skdeep._engine.program import Program
from skdeep._engine.replicas import check_scope, current_strategy
from skdeep._files.network_limits import limited_variables
from skdeep._files.pickling import loss_in_state, with_pickled
from skdeep._files.stand_ins import restored
from skdeep._lazy import lazy_module
from skdeep._networks import builders

compilation = lazy_module("skdeep._networks.compilation")
own_models = lazy_module("skdeep._networks.own_models")  # which derives from what is here

# The form of the state below; 1 is the first.
_FORMAT = 1
_BUILDERS = ("build_dense", "build_cnn")
# Most numbers that an optimizer has for each weight, and metrics in all, in what is built of a file; and the largest
# argument of a metric, some of which make lists of that length.
_VARIABLES_OF_TRAINING = 6
_VARIABLES_OF_METRICS = 2**22
_METRICS_ARGUMENT = 10_000


@dataclass(frozen=True)
class Architecture:
    """A function of `skdeep._networks.builders` by name, with all its arguments."""

    builder: str
    input_shape: tuple
    n_outputs: int
    parameters: dict

    def build(self):
        """Return the model, not compiled."""
        if self.builder not in _BUILDERS:
            raise ValueError(f"There is no builder {self.builder!r}; a file may have been altered.")
        return getattr(builders, self.builder)(self.input_shape, self.n_outputs, **self.parameters)


class Network:
    """A program, or what it takes to build one again.

    Parameters
    ----------
    architecture : Architecture
        What builds the model.
    initializers : dict
        The parameters `kernel_initializer` and `bias_initializer` of the estimator, as "kernel" and "bias".
    settings : dict
        What the model is compiled with, see `skdeep._networks.compilation.compile_model`.
    head : skdeep._data.heads.Head
        Its output layer, loss and form of the targets.
    rng : numpy.random.Generator
        Source of the seeds of the network.
    penalty_rows : int
        Rows of a batch for which the L2 penalties of the architecture are meant.
    """

    # What it takes to build it again, beside its values.
    _parts = ("architecture", "initializers", "settings", "head", "penalty_rows")
    penalty_rows = None  # of networks of the user's own

    def __init__(self, architecture, initializers, settings, head, rng, penalty_rows):
        self.architecture = architecture
        self.initializers = initializers
        self.settings = settings
        self.head = head
        self.penalty_rows = penalty_rows
        self._begin()
        self._hold(*self._obtain(trace_cache.obtain, rng))
        if self._key is not None:  # else there may be objects of the user's among them
            self.architecture, self.settings = copy.deepcopy((architecture, settings))

    @property
    def dtype(self):
        """The dtype of the data that the network takes."""
        return self.value_dtype

    @property
    def value_dtype(self):
        """The dtype of targets and weights."""
        return value_dtype(self.settings["dtype_policy"])

    @contextlib.contextmanager
    def in_use(self):
        """Give the live program, built if need be; no other network gets it in the body of the ``with`` statement."""
        check_not_forked()
        self._count_use(1)
        try:
            yield self._live_program()
        finally:
            self._count_use(-1)

    @property
    def model(self):
        """The Keras model, for anyone outside: what it belongs to is never that of another network."""
        with self.in_use() as program:
            self.keep()
            return program.model

    @property
    def is_kept(self):
        """Whether the program is never given to the pool or to another network."""
        return self._is_kept

    def keep(self):
        """Never give the program to the pool or to another network."""
        with self._lock:
            self._is_kept = True
            if self._give_back is not None:
                self._give_back.detach()
            if self._program is not None:
                self._program.watch()

    def offer(self):
        """Let other networks have the program from now on, when it is not in use; this one then keeps its values."""
        if self._give_back is not None and self._give_back.alive:
            trace_cache.offer(self._key, self)

    def surrender(self, make):
        """Return the program and go on without it; return None if it is in use or must be kept.

        `make` makes what the program is wanted for, if there is none; see `skdeep._networks.own_models`.
        """
        if not self._lock.acquire(blocking=False):
            return None
        try:
            if self._n_uses or self._is_kept or self._program is None:
                return None
            try:
                self._values = self._program.get_values()
            except MemoryError:
                return None
            self._give_back.detach()
            program, self._program = self._program, None
            return program
        finally:
            self._lock.release()

    def take_over(self, earlier):
        """Take the weights of an earlier network of the same shapes, and of the same optimizer also its state."""
        with self.in_use() as program, earlier.in_use() as earlier_program:
            if earlier_program.is_changed():
                raise ValueError(
                    "warm_start=True goes on from the weights of the earlier fit with what the parameters say, but "
                    "model_ was changed since, other than in its weights and its learning rate. Use partial_fit to "
                    "train it as it is, or change the parameters."
                )
            model, earlier_model = program.model, earlier_program.model
            shapes = [[tuple(weight.shape) for weight in each.weights] for each in (model, earlier_model)]
            if shapes[0] != shapes[1]:
                raise ValueError(
                    "warm_start=True goes on with the weights of the earlier fit, but the parameters now ask for "
                    f"another network: its weights have the shapes {shapes[0]}, those of the earlier fit {shapes[1]}."
                )
            model.set_weights(earlier_model.get_weights())
            values, earlier_values = program.get_optimizer_values(), earlier_program.get_optimizer_values()
            is_same = _optimizer_settings(self.settings) == _optimizer_settings(earlier.settings)
            if is_same and [value.shape for value in values] == [value.shape for value in earlier_values]:
                program.set_optimizer_values(earlier_values)

    @contextlib.contextmanager
    def lent(self):
        """Give a copy that works with the live program in the body of the ``with`` statement, later by its own."""
        self.keep()
        with self.in_use() as program:
            other = self._twin(program.get_values())
            other._program = program
            try:
                yield other
            finally:
                with other._lock:
                    other._program = None

    def check_scope(self):
        """Raise if training cannot go on here since this is the scope of a strategy of `tf.distribute`."""
        program = self._program
        check_scope(None if program is None else program.strategy)

    @contextlib.contextmanager
    def restored_on_error(self):
        """Restore all values of the program if the body of the ``with`` statement raises."""
        with self.in_use() as program:
            before = program.get_values()
            try:
                yield
            except BaseException:
                program.set_values(before)
                raise

    def _begin(self, values=None):
        """Set the attributes that are no part of the state."""
        self._lock = threading.RLock()  # never held for long: a handler of a signal may come in between
        self._n_uses = 0
        self._is_kept = False
        self._program = None
        self._values = values
        self._key = None
        self._give_back = None

    def _count_use(self, change):
        with self._lock:
            self._n_uses += change

    def _live_program(self):
        """Return the program, built if need be; it is in use, so that it stays."""
        with self._lock:
            program, values = self._program, self._values
        if program is not None:
            return program
        with memory_errors():
            built = _outside_of_scopes(lambda: self._rebuilt(values))
        with self._lock:
            if self._program is None:  # else another thread was quicker
                self._hold(*built)
                self._values = None
            return self._program

    def _get_values(self):
        self._count_use(1)
        try:
            with self._lock:
                program, values = self._program, self._values
            if program is None:
                return values
            check_not_forked()
            return program.get_values()
        finally:
            self._count_use(-1)

    def _hold(self, program, key):
        """Have this program, and let it go to the pool once this network is gone, unless it has no key there."""
        self._program = program
        self._key = key
        if key is not None and not self._is_kept:
            self._give_back = weakref.finalize(self, trace_cache.release, key, program)
            self._give_back.atexit = False

    def _obtain(self, obtain, rng, values=None):
        """Return a program, from the cache or new, with values drawn from the generator, and its key in the cache.

        If it is to get these `values`, nothing but the seeds is drawn.
        """
        key = None
        if current_strategy() is None:
            key = trace_cache.program_key(self.architecture, *self._strengths(), self.settings, self.head.encoding)
        program = obtain(key, functools.partial(self._compiled, values))
        if program.model.optimizer.use_ema:  # averages of weights start from the weights
            key = None
        self._draw_values(program, rng, keep_weights=values is not None)
        if key is not None:
            program.reset_optimizer(self._learning_rate(program))
        return program, key

    def _strengths(self):
        """Return the dropout rates and the strength of L2 penalties; networks that share a trace may differ in them."""
        parameters = self.architecture.parameters
        return builders.dropout_rates(parameters["dropout"], parameters["hidden_layer_sizes"]), parameters.get(
            "l2", 0.0
        )

    def _learning_rate(self, program):
        """Return the learning rate that was given, or the default of the optimizer's class."""
        given = self.settings["learning_rate"] or self.settings.get("optimizer__learning_rate")
        if given is not None:
            return given
        return inspect.signature(type(program.model.optimizer)).parameters["learning_rate"].default

    def _compiled(self, values):
        # What is built for values may not need more memory than these, whatever a file says.
        n_numbers = math.inf if values is None else sum(value.size for value in values["model"])
        with limited_variables(n_numbers):
            model = self.architecture.build()
        with limited_variables(_VARIABLES_OF_TRAINING * n_numbers + _VARIABLES_OF_METRICS):
            compilation.compile_model(model, self.settings, encoding=self.head.encoding)
            return Program(model, model.layers)

    def _draw_values(self, program, rng, *, keep_weights):
        initializers = {
            name: compilation.initializer_factory(value, f"{name}_initializer")
            for name, value in self.initializers.items()
        }
        builders.draw_values(program.model, *self._strengths(), initializers, rng, keep_weights=keep_weights)

    def _rebuilt(self, values):
        """Return a program with these values, and its key."""
        # Of what is drawn only the strengths and the names of the initializers remain.
        program, key = self._obtain(trace_cache.obtain_idle, np.random.default_rng(0), values)
        program.set_values(values)
        return program, key

    def follow_changes(self):
        """Follow what the loss of the model takes and its outputs mean now, if somebody outside changed the model."""
        with self.in_use() as program:
            if program.is_changed():
                self.head = self.head.changed(last_layer.activation_of(program.model), program.model.loss)

    def __getstate__(self):
        if self.is_changed:
            raise ValueError(
                "model_ was changed after fit, other than in its weights and its learning rate (compiled again, or the "
                "trainable or other attributes of layers), so that the parameters no longer tell what it is. Save "
                "it by to_keras or model_.save, or the estimator by joblib or pickle."
            )
        return self._state(self._description())

    def __setstate__(self, state):
        if state.get("format") != _FORMAT:
            raise ValueError(
                f"This estimator was saved by skdeep {state.get('version', '(unknown)')} in format "
                f"{state.get('format', 0)}, but skdeep {__version__} reads format {_FORMAT}."
            )
        self._begin(state["values"])
        state = {"penalty_rows": None} | state  # which older files lack
        vars(self).update({name: restored(state[name]) for name in self._parts})
        check_attributes(
            self,
            state,
            values=_are_values,
            penalty_rows=lambda value: value is None or is_count(value),
            architecture=lambda value: isinstance(value, Architecture) and value.n_outputs == self.head.n_outputs,
            settings=_are_settings,
        )

    def __reduce_ex__(self, protocol):
        if not self.is_changed:
            return super().__reduce_ex__(protocol)
        return own_models.own_network_from, (own_models.state_as_own(self),)

    def __deepcopy__(self, memo):
        """Return a network of its own, with this one's model as it is now; it is built when it is first needed."""
        if not self._is_described():
            with self.in_use() as program:
                other = self._twin(None)
                other._hold(program.copied(), None)
                return other
        return self._twin(self._get_values())

    def _state(self, description):
        """Return the state that pickles and files hold, from what it takes to build it again."""
        values = self._get_values()
        if not has_optimizers():
            values = values | {"optimizer": None}
        head = description["head"]
        head = replace(head, loss=loss_in_state(head.loss))
        return {"format": _FORMAT, "version": __version__, **description, "head": head, "values": values}

    def _description(self):
        """Return what it takes to build it again, beside its values, as pickles hold it."""
        return {name: with_pickled(getattr(self, name), name) for name in self._parts}

    def _is_described(self):
        """Whether its parts tell what it is."""
        return not self.is_changed

    @property
    def is_changed(self):
        """Whether somebody outside made another model of it since it was built."""
        with self._lock:
            program = self._program
        return program is not None and program.is_changed()

    def _twin(self, values):
        """Return a network of the same parts, which are never changed, with these values."""
        other = type(self).__new__(type(self))
        other._begin(values)
        vars(other).update({name: getattr(self, name) for name in self._parts})
        return other


def _are_values(values):
    """Whether these are the values of the variables of a model and, if they were kept, of its optimizer."""
    if not (isinstance(values, dict) and values.keys() == {"model", "optimizer"}):
        return False
    arrays = [*values["model"], *(values["optimizer"] or [])]
    return all(isinstance(each, (np.ndarray, np.generic)) and each.dtype.kind in "biufV" for each in arrays)


def _are_settings(settings):
    return all(
        abs(value) <= _METRICS_ARGUMENT
        for name, value in settings.items()
        if name.startswith("metrics__") and isinstance(value, int)
    )


def _outside_of_scopes(function):
    """Call a function without a strategy of `tf.distribute`: a network that is built again trains on one device."""
    if current_strategy() is None:
        return function()
    with ThreadPoolExecutor(1) as pool:  # TensorFlow's scopes are those of a thread
        return pool.submit(function).result()


def _optimizer_settings(settings):
    return {name: value for name, value in settings.items() if name.startswith(("optimizer", "learning_rate"))}
