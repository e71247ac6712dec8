"""The specification of a network that skdeep brings along: plain data from which it is built, compiled and started.

Networks share traced programs (see `skdeep._engine.trace_cache`) if their specifications differ in nothing but what is
a variable of the traces, or its first value: the learning rate, the dropout rates and the L2 penalty (but for whether
there are any), the scale of frequencies.
"""

from __future__ import annotations

import functools
import inspect
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from skdeep._backend import start
from skdeep._common.numbers import value_dtype
from skdeep._common.states import check_attributes, is_count
from skdeep._common.typing import Initializer, Values
from skdeep._engine.program import Program
from skdeep._engine.replicas import current_strategy
from skdeep._engine.trace_cache import CACHE, Lease
from skdeep._files.network_limits import limited_variables
from skdeep._files.pickling import with_pickled
from skdeep._files.stand_ins import restored
from skdeep._lazy import keras
from skdeep._networks import builders, compilation, initial_values, table_networks
from skdeep._networks.recipes import first_values, recipe_of

if TYPE_CHECKING:
    from skdeep._training.dense_training import Recipe

_BUILDERS: dict[str, Callable[..., keras.Model]] = {
    "build_dense": builders.build_dense,
    "build_cnn": builders.build_cnn,
    "build_table": table_networks.build_table,
}
# Settings that are values of variables, so that a trace does not depend on them.
_VARIABLE = ("learning_rate", "optimizer__learning_rate")
# Most numbers that an optimizer has for each weight, and metrics in all, in what is built of a file; and the largest
# argument of a metric, some of which make lists of that length.
_VARIABLES_OF_TRAINING = 6
_VARIABLES_OF_METRICS = 2**22
_METRICS_ARGUMENT = 10_000


@dataclass(frozen=True)
class Architecture:
    """A function that builds a network, by name, with all its arguments."""

    builder: str
    input_shape: tuple[int, ...]
    n_outputs: int
    parameters: dict[str, Any]

    def build(self) -> keras.Model:
        """Return the model, not compiled."""
        if self.builder not in _BUILDERS:
            raise ValueError(f"There is no builder {self.builder!r}; a file may have been altered.")
        start()
        return _BUILDERS[self.builder](self.input_shape, self.n_outputs, **self.parameters)

    def __setstate__(self, state):
        check_attributes(self, state, parameters=lambda value: isinstance(value, dict))
        vars(self).update(state)
        # A file may be older than an argument.
        if self.builder in _BUILDERS:
            arguments = inspect.signature(_BUILDERS[self.builder]).parameters.values()
            defaults = {each.name: each.default for each in arguments if each.default is not each.empty}
            vars(self)["parameters"] = defaults | self.parameters


@dataclass(eq=False)
class BuiltInSpecification:
    """What it takes to build a network, beside the values of its variables.

    It is a source of programs for leases, see `skdeep._engine.trace_cache.Lease`.

    Parameters
    ----------
    architecture : Architecture
        What builds the model.
    initializers : dict
        The parameters `kernel_initializer` and `bias_initializer` of the estimator, as "kernel" and "bias".
    settings : dict
        What the model is compiled with, see `skdeep._networks.compilation.compile_model`.
    encoding : str
        Form of the targets, see `skdeep._data.heads.Head`.
    penalty_rows : int or None
        Rows of a batch for which the L2 penalties of the architecture are meant; None is Keras's meaning.
    """

    architecture: Architecture
    initializers: dict[str, Initializer]
    settings: dict[str, Any]
    encoding: str
    penalty_rows: int | None

    is_for_one = False

    def __post_init__(self):
        # Lists among the parameters may be changed in place later.
        parameters = _with_own_containers(self.architecture.parameters)
        self.architecture = replace(self.architecture, parameters=parameters)
        self.initializers, self.settings = map(_with_own_containers, (self.initializers, self.settings))

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return self.architecture.n_outputs

    @property
    def dtype(self) -> str:
        """The dtype of the data that the network takes."""
        return value_dtype(self.settings["dtype_policy"])

    @property
    def optimizer_settings(self) -> dict[str, Any]:
        """What the state of an optimizer belongs to."""
        names = ("optimizer", "learning_rate")
        return {name: value for name, value in self.settings.items() if name.startswith(names)}

    @functools.cached_property  # an optimizer of the user's among the settings may be changed later
    def recipe(self) -> Recipe | None:
        """How the network is trained by NumPy, or None if it is to be trained by TensorFlow."""
        return recipe_of(self.architecture, self.settings, self.encoding, self.penalty_rows)

    def leased(self, rng: np.random.Generator) -> Lease:
        """Return a lease with initial values and seeds drawn from a `numpy.random.Generator`.

        It is one of a program, but where neither that nor Keras is needed to train the network.
        """
        recipe = self.recipe
        names = self._initializer_names()
        if recipe is not None and None not in names.values() and current_strategy() is None:
            values = first_values(self.architecture, names, rng)
            return Lease(self, {"model": values, "optimizer": recipe.fresh_optimizer()})
        lease = CACHE.lease(self)
        with lease.in_use() as program:
            if self.architecture.builder == "build_table":  # whose layers Keras would draw as if they were one
                self._draw_values(program, np.random.default_rng(0), keep_weights=True)
                values = first_values(self.architecture, cast("dict[str, str]", names), rng)
                program.set_values({"model": values, "optimizer": None})
            else:
                self._draw_values(program, rng, keep_weights=False)
            if lease.is_reused:
                program.reset_optimizer(self._learning_rate(program))
        return lease

    def key(self) -> str | None:
        """Return what the traces depend on, or None if that cannot be told from plain values."""
        rates, l2 = self._strengths()
        parameters = self.architecture.parameters | {"dropout": [rate > 0 for rate in rates], "l2": l2 > 0}
        parameters.pop("frequency_scale", None)  # of first values
        given = [name for name in _VARIABLE if isinstance(self.settings.get(name), Real)]
        if len(given) > 1:
            return None  # contradictory: compiling tells
        if self.settings.get("optimizer__use_ema"):
            return None  # averages of weights start from the weights
        settings = {name: value for name, value in self.settings.items() if name not in given and value is not None}
        shape = [self.architecture.builder, self.architecture.input_shape, self.n_outputs]
        key = [*shape, parameters, settings, self.encoding, keras.config.floatx(), keras.config.epsilon()]
        try:
            return json.dumps(key, sort_keys=True, default=_plain)
        except TypeError:  # an object among the settings
            return None

    def build(self, values: Values | None) -> Program:
        """Return a new program, for these values if there are any: it may not need more memory than they have."""
        n_numbers = math.inf if values is None else sum(value.size for value in values["model"])
        with limited_variables(n_numbers):
            model = self.architecture.build()
        with limited_variables(_VARIABLES_OF_TRAINING * n_numbers + _VARIABLES_OF_METRICS):
            compilation.compile_model(model, self.settings, encoding=self.encoding)
            return Program(model, model.layers)

    def restore(self, program: Program, values: Values, is_reused: bool) -> None:
        """Set values in a program of this key, which another network had before if it `is_reused`."""
        # Of what is drawn only the strengths and the names of the initializers remain.
        self._draw_values(program, np.random.default_rng(0), keep_weights=True)
        if is_reused:
            program.reset_optimizer(self._learning_rate(program))
        program.set_values(values)

    def is_complete(self, is_at_rest: bool) -> bool:
        """Return True: a network that is not changed is built again from this."""
        return True

    def in_float32(self, live: keras.Model) -> keras.Model:
        """Return a model like the live one that computes in float32."""
        parameters = self.architecture.parameters | {"dtype_policy": "float32"}
        model = replace(self.architecture, parameters=parameters).build()
        model.set_weights(live.get_weights())
        for layer, live_layer in zip(model.layers, live.layers, strict=True):
            if hasattr(layer, "activation"):
                layer.activation = live_layer.activation
        return model

    def _strengths(self):
        """Return the dropout rates and the strength of L2 penalties; networks that share a trace may differ in them."""
        parameters = self.architecture.parameters
        rates = builders.dropout_rates(parameters["dropout"], parameters["hidden_layer_sizes"])
        return rates, parameters["l2"]

    def _learning_rate(self, program):
        """Return the learning rate that was given, or the default of the optimizer's class."""
        given = self.settings["learning_rate"] or self.settings.get("optimizer__learning_rate")
        if given is not None:
            return given
        return inspect.signature(type(program.model.optimizer)).parameters["learning_rate"].default

    def _draw_values(self, program, rng, *, keep_weights):
        initializers = {
            name: compilation.initializer_factory(value, f"{name}_initializer")
            for name, value in self.initializers.items()
        }
        names = self._initializer_names()
        builders.draw_values(program.model, *self._strengths(), initializers, names, rng, keep_weights=keep_weights)

    def _initializer_names(self):
        """Return the names of the initializers that NumPy draws from, and None for others."""
        return {name: initial_values.known_name(value) for name, value in self.initializers.items()}

    def __getstate__(self):
        return {each.name: with_pickled(getattr(self, each.name), each.name) for each in fields(self)}

    def __setstate__(self, state):
        vars(self).update({each.name: restored(state[each.name]) for each in fields(self)})
        check_attributes(
            self,
            vars(self),
            architecture=lambda value: isinstance(value, Architecture),
            settings=_are_settings,
            penalty_rows=lambda value: value is None or is_count(value),
        )


def _are_settings(settings):
    return all(
        abs(value) <= _METRICS_ARGUMENT
        for name, value in settings.items()
        if name.startswith("metrics__") and isinstance(value, int)
    )


def _with_own_containers(value):
    """Return a value whose lists, tuples, dicts and arrays nobody else has."""
    if type(value) is dict:
        return {key: _with_own_containers(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_with_own_containers, value))
    return value.copy() if isinstance(value, np.ndarray) else value


def _plain(value):
    """Return what json takes for a number or an array of numpy."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError
