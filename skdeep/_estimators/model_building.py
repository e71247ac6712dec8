"""From the model of the user's, or the function that builds it, to a network: built, compiled, and with a head."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from skdeep._backend import next_variable_number, start
from skdeep._common.forked import check_not_forked
from skdeep._data.encoded_targets import EncodedHead, EncodedTargets
from skdeep._data.sequence_targets import SequenceTargets
from skdeep._data.several_heads import losses_of_outputs
from skdeep._data.several_targets import Outputs, SeveralTargets, fitting_losses, heads_of
from skdeep._data.structure import Shapes
from skdeep._engine import last_layer
from skdeep._engine.program import Program
from skdeep._engine.replicas import current_strategy
from skdeep._engine.trace_cache import Lease
from skdeep._estimators import model_functions
from skdeep._estimators.learning_rates import of_optimizer
from skdeep._estimators.outputs_of_settings import check_by_output, only, weighted
from skdeep._estimators.parameters import routed_parameters
from skdeep._keras import copying, describing
from skdeep._keras.compiled import check_used, compile_with_loss, compiled_metrics
from skdeep._keras.layer_stacks import steps_of
from skdeep._keras.policies import check_policy, layers_of
from skdeep._keras.ports import input_shapes, output_shapes
from skdeep._lazy import keras
from skdeep._networks import compilation
from skdeep._networks.network import Network
from skdeep._networks.own_models import OwnModelSpecification, leased, model_of
from skdeep._networks.own_recipes import is_quicker, recipe_of_model
from skdeep._networks.pretrained import freeze, initial_weights, start_from, warn_of_training_normalizations

_COMPILED = ("optimizer", "loss", "metrics")
_BY_OUTPUT = ("loss", "metrics", "loss_weights")


def network_of(
    estimator: Any, names: tuple[str, ...], rows: Shapes, targets: Any, batch_rows: int, rng: np.random.Generator
) -> Network:
    """Return the network of an estimator for models of the user's own.

    Parameters
    ----------
    estimator : estimator
        Has the parameters.
    names : tuple of str
        Names of those that are its own.
    rows : Shapes
        Shapes of a row of each array of X; its keys are None if X is one.
    targets : targets
        What y is.
    batch_rows : int
        Rows of a batch.
    rng : numpy.random.Generator
        Source of the seed.
    """
    check_not_forked()
    start()
    # Before, since the new network may get the program of the estimator whose weights these are.
    initial_model = model_functions.shared_parameter(estimator, "initial_model")
    weights = None if initial_model is None else initial_weights(initial_model)
    building = _Building(estimator, names, rows, targets)
    model = building.model(int(rng.integers(2**31)))
    if weights is not None:
        start_from(model, weights)
    freeze(model, model_functions.shared_parameter(estimator, "frozen_layers"))
    warn_of_training_normalizations(model)
    specification, head = OwnModelSpecification.of(model), building.head(model)
    if not estimator._keeps_model:
        # The state of an optimizer that the function built is in its variables alone.
        is_fresh = current_strategy() is None and not model.optimizer.built
        recipe = recipe_of_model(model, head) if is_fresh else None
        steps = state = None
        if recipe is not None:
            steps = steps_of(model)
            state = recipe.fresh_optimizer() if steps and is_quicker(recipe, batch_rows) else None
        return Network(specification, head, leased(model, state), steps, recipe)
    network = Network(specification, head, Lease(None, program=Program(model)))
    network.keep()  # others may train parts of it
    return network


class _Building:
    """A model that is built and compiled."""

    def __init__(self, estimator, names, rows, targets):
        self._estimator, self._names, self._rows, self._targets = estimator, names, rows, targets
        # Of the outputs, which are not known before there is a model.
        self._keys, self._layer_names, self._widths = None, (), ()
        self._target_encoding, self._output_encoding = (
            vars(estimator).get(name, "auto") for name in ("target_encoding", "output_encoding")
        )

    def model(self, seed):
        """Return the model, built and compiled."""
        estimator = self._estimator
        source, newest, arguments = model_functions.source_of(estimator), next_variable_number(), {}
        is_given = isinstance(source, keras.Model)
        policy = model_functions.shared_parameter(estimator, "dtype_policy")
        with describing.seeded(seed):
            if is_given:
                model_functions.check_no_arguments(estimator, self._names)
                check_policy(source, policy)
                model = source if estimator._keeps_model else copying.faithful_copy(source)
            else:
                with layers_of(policy):
                    model, arguments = model_functions.built_by(source, estimator, self._names, self._offered())
            if not isinstance(model, keras.Model):
                raise TypeError(f"model must return a keras.Model. Got {model!r}.")
            if model.compiled:
                check_used(self._settings_beside(), model, arguments)
            if not (is_given or estimator._keeps_model):
                model = model_of(source, estimator.get_params(), model, newest)
            _check_stateless(model)
            self._keys, self._layer_names, self._widths = self._ports(model)
        self._check_by_output(model)
        if not model.compiled:
            model.compile(**self._compile_arguments(self._chosen_loss(model)))
        elif not model.loss and self._is_loss_auto():
            compile_with_loss(model, self._compile_arguments(self._chosen_loss(model))["loss"])
        elif self._keys is None and isinstance(model.loss, dict):  # which Keras does not take for a Sequential
            compile_with_loss(model, only(model.loss))
        if not (model.loss and model.optimizer):
            raise ValueError("The model is compiled without a loss or an optimizer.")
        if self._setting("run_eagerly"):
            model.run_eagerly = True
        return model

    def head(self, model):
        """Return the head of the network with this model."""
        encodings = self._target_encoding, self._output_encoding
        if isinstance(self._targets, EncodedTargets):
            return EncodedHead(self._keys, tuple(losses_of_outputs(model.loss, self._keys)))
        if self._keys is not None:
            return heads_of(self._targets, self._outputs(model), model.loss, *encodings)
        find_last = functools.partial(self._last, model)
        return self._targets.head_of(self._widths[0], model.loss, compiled_metrics(model), find_last, *encodings)

    def _last(self, model):
        """Return what the last layer of a model with one output makes."""
        (last,) = last_layer.activations_of(model, self._rows, self._rows.keys)
        return last

    def _outputs(self, model):
        lasts = last_layer.activations_of(model, self._rows, self._rows.keys)
        return Outputs(self._keys, self._layer_names, self._widths, lasts)

    def _ports(self, model):
        """Return the keys, names and widths of the outputs, if the inputs are those of X."""
        _check_inputs(model, self._rows)
        keys, names, shapes = output_shapes(model, self._rows, self._rows.keys)
        if keys is None and isinstance(self._targets, SeveralTargets):
            raise ValueError(
                f"The model has one output, but y has {self._targets.n_outputs}: "
                f"{', '.join(map(str, self._targets.parts))}.{_of_sequences(shapes)}"
            )
        expected = getattr(self._estimator, "n_outputs_expected_", None)
        if isinstance(self._targets, EncodedTargets) and expected not in (None, len(shapes)):
            raise ValueError(
                f"target_encoder tells of {expected} outputs (n_outputs_expected_), but the model has {len(shapes)}."
            )
        self._check_output_shapes(shapes)
        return keys, names, tuple(self._width(shape[1:]) for shape in shapes)

    def _check_output_shapes(self, shapes):
        """Raise if the targets do not go with outputs of these shapes; of several outputs each gives columns."""
        rows = [shape[1:] for shape in shapes]
        if isinstance(self._targets, EncodedTargets) or (len(rows) > 1 and all(len(row) == 1 for row in rows)):
            return
        if len(rows) == 1 and self._targets.takes_shape(rows[0]):
            return
        wanted = "(n_samples, n_outputs), or that of a y with more axes"
        if isinstance(self._targets, SequenceTargets):
            wanted = f"{('n_samples', *self._targets.row_shape, 'n_classes')}".replace("'", "")
        each = "its outputs are" if len(shapes) > 1 else "its output is"
        raise ValueError(
            f"The outputs of the model must have the shape {wanted}, but {each} {', '.join(map(str, shapes))}."
        )

    def _width(self, row):
        """Return how many numbers an output of this shape gives for a row, or for each place of one."""
        if isinstance(self._targets, SequenceTargets):
            row = row[-1:]
        return self._targets.n_outputs if None in row else math.prod(row)

    def _offered(self):
        """Return what the function gets beside its parameters, if it takes it."""
        of_estimator = vars(self._estimator)
        return {
            "meta": lambda: {name: value for name, value in of_estimator.items() if name[0] != "_" and name[-1] == "_"},
            "compile_kwargs": lambda: self._compile_arguments({}),
            "params": self._estimator.get_params,
        }

    def _check_by_output(self, model):
        settings = {name: each for name, each in self._settings_beside().items() if name in _BY_OUTPUT}
        if model.compiled and model.loss:
            settings["loss"] = model.loss
        needs_all = not isinstance(self._targets, EncodedTargets)
        check_by_output(settings, self._keys, self._layer_names, needs_all=needs_all)

    def _settings(self):
        given = {name: self._setting(name) for name in _COMPILED}
        given |= {"loss": None} if self._is_loss_auto() else {}
        return given | routed_parameters(self._estimator, *(f"{name}__" for name in _COMPILED))

    def _setting(self, name):
        return model_functions.compile_setting(self._estimator, name)

    def _settings_beside(self):
        """Return the settings of compiling that a compiled model must have, if they are given."""
        settings = self._settings()
        beside = of_optimizer(self._estimator) | {"loss_weights": self._setting("loss_weights")}
        for name, value in beside.items():
            if value is not None and not model_functions.is_taken(self._estimator, name):
                settings[name] = value
        return settings

    def _is_loss_auto(self):
        loss = self._setting("loss")
        return loss is None or (isinstance(loss, str) and loss == "auto")

    def _chosen_loss(self, model):
        """Return the settings of the loss that fits the outputs of the model and the targets, if none is given."""
        if not self._is_loss_auto():
            return {}
        if isinstance(self._targets, EncodedTargets):
            if self._targets.are_used:
                raise ValueError("loss is None: give the loss that goes with target_encoder.")
            return {"loss": "mean_squared_error"}
        given, encoding = routed_parameters(self._estimator, "loss__"), self._target_encoding
        if self._keys is not None:
            loss, arguments = fitting_losses(self._targets, self._outputs(model), encoding, one_hot=bool(given))
        else:
            metrics = self._setting("metrics")
            metrics = [metric for metric in _as_list(metrics) if metric is not None]
            loss, arguments = self._targets.fitting_loss(
                self._widths[0], self._last(model), metrics, encoding, one_hot=bool(given)
            )
        return {"loss": loss} | {f"loss__{name}": value for name, value in arguments.items()} | given

    def _compile_arguments(self, chosen):
        """Return the arguments of compiling, with the settings of a loss that was chosen."""
        estimator = self._estimator
        settings = self._settings() | {
            **of_optimizer(estimator),
            "dtype_policy": model_functions.shared_parameter(estimator, "dtype_policy") or "float32",
            "weighted_metrics": self._setting("weighted_metrics"),
        }
        settings |= chosen
        loss = settings["loss"] if isinstance(self._targets, SeveralTargets) else only(settings["loss"])
        encoding = self._targets.expected_encoding(loss, self._target_encoding)
        arguments = compilation.compile_arguments(settings, encoding=encoding)
        arguments["run_eagerly"] = bool(self._setting("run_eagerly"))
        if self._widths and self._keys is None:
            arguments["loss"] = only(arguments["loss"])
        weights = self._setting("loss_weights")
        if weights is not None:
            weights = dict(weights) if isinstance(weights, Mapping) else _as_numbers(weights)
            arguments["loss_weights"] = weights
            if self._widths:
                arguments |= weighted(arguments["loss"], weights, self._keys)
        for name in ("loss", "loss_weights"):
            if isinstance(arguments.get(name), dict):
                arguments[name] = self._in_order(arguments[name])
        return arguments

    def _in_order(self, by_name):
        """Return what outputs in a list have by their names in their order: Keras takes that of the alphabet."""
        are_listed = self._keys is not None and isinstance(self._keys[0], int)
        if not are_listed or set(by_name) != set(self._layer_names):
            return by_name
        return [by_name[name] for name in self._layer_names]


def _as_numbers(weights):
    return [float(each) for each in weights] if np.ndim(weights) else float(weights)


def _as_list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _check_stateless(model):
    stateful = [layer.name for layer in model._flatten_layers() if getattr(layer, "stateful", False)]
    if stateful:
        raise ValueError(
            f"The model has stateful layers, {', '.join(dict.fromkeys(stateful))}, whose state goes from batch to "
            "batch. Rows are independent of each other here, and come in any order: build them with stateful=False."
        )


def _check_inputs(model, rows):
    """Raise if X is not what the model takes, as far as it tells."""
    expected = input_shapes(model)
    if not expected:
        return
    n_inputs = len(expected)
    if rows.keys is None and n_inputs > 1:
        raise ValueError(
            f"The model has {n_inputs} inputs, {_listed(expected)}, but X is one array. Give a dict with an array for "
            "each, by the name that it has in keras.Input(..., name=...)."
        )
    if rows.keys is not None and len(rows.keys) != n_inputs:
        raise ValueError(
            f"The model has {_counted(n_inputs)}, {_listed(expected)}, but X has {len(rows.keys)}: "
            f"{', '.join(map(repr, rows.keys))}."
        )
    keys = [None] if rows.keys is None else rows.keys
    for number, (key, row_shape) in enumerate(zip(keys, rows, strict=True)):
        if isinstance(key, str) and key not in expected:
            raise ValueError(
                f"X has {key!r}, but the model has the inputs {_listed(expected)}. Name them in the model: "
                f"keras.Input(..., name={key!r})."
            )
        shape = expected[key] if isinstance(key, str) else list(expected.values())[number]
        if not _fits(row_shape, shape, may_adjust=key is not None):
            what = "X" if key is None else f"X[{key!r}]"
            raise ValueError(f"The model takes rows of shape {shape}, but {what} has rows of shape {tuple(row_shape)}.")


def _fits(given, expected, *, may_adjust):
    """Whether rows of one shape go into an input of another; of several inputs Keras adds or drops a last axis of 1."""
    if may_adjust and len(given) + 1 == len(expected) and expected[-1] == 1:
        given = (*given, 1)
    elif may_adjust and len(given) == len(expected) + 1 and given[-1] == 1:
        given = given[:-1]
    return len(given) == len(expected) and all(size in (None, own) for size, own in zip(expected, given, strict=True))


def _of_sequences(shapes):
    """Return what a message says to who may have labels at each place of a row."""
    if len(shapes[0]) == 2:
        return ""
    return " For a label at each place of a sequence or an image set target_type='sequence'."


def _listed(shapes):
    if any(re.fullmatch(r"keras_tensor(_\d+)?", name) for name in shapes):  # as Keras calls them
        return f"without names, of shapes {' and '.join(map(str, shapes.values()))}"
    return ", ".join(f"{name!r} of shape {shape}" for name, shape in shapes.items())


def _counted(n_inputs):
    return "1 input" if n_inputs == 1 else f"{n_inputs} inputs"
