"""A stack of dense layers that is trained batch by batch, by NumPy.

What is trained is told by a `Recipe` of plain values. Weights, gradients and each part of the optimizer's state are one
vector each, of which the arrays of the layers are parts, so that a step of the optimizer is one formula.

Results are the same bits whatever number of threads BLAS has, since it gets one here. A step is Keras's up to rounding,
but for the random numbers of dropout, which NumPy draws.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skdeep._common.typing import Logs
from skdeep._inference.activations import ACTIVATIONS
from skdeep._inference.blas import product
from skdeep._training import optimizers
from skdeep._training.layers import Activation, BatchNormalization, Dense, Dropout, Flatten
from skdeep._training.objectives import ACCURACIES, ERRORS, LOSSES, OF_PROBABILITIES, OfEachNetwork
from skdeep._training.stacked_layers import NumberEmbedding, StackedDense

_OPTIMIZERS: dict[str, type[optimizers.Optimizer]] = {
    "adam": optimizers.Adam,
    "sgd": optimizers.GradientDescent,
    "sgd with momentum": optimizers.Momentum,
    "rmsprop": optimizers.RMSprop,
}
_STEPS = ("dense", "activation", "batch_normalization", "stacked_dense", "number_embedding", "mean")


@dataclass(frozen=True)
class Recipe:
    """What is trained, and how.

    Parameters
    ----------
    layers : list of list
        The kind of each layer and its arguments, where weights are told by their places among the variables of the
        network: ``["dense", kernel, bias or None, activation]``, ``["activation", name]``,
        ``["dropout", state, rate]``, ``["batch_normalization", gamma, beta, mean, variance, epsilon, momentum]``, or
        first ``["flatten"]``. Several networks side by side have ``["stacked_dense", kernel, bias, activation]`` and
        ``["dropout", ...]``, at most behind one ``["number_embedding", frequencies, phases, kernel]``, and end with
        ``["mean"]``: the loss in training is the mean of theirs, all else is told of the mean of their outputs.
    trained : tuple of int
        Places of the weights that are trained, in the order of the optimizer's state.
    penalties : dict of int to float
        By the places of kernels that are trained, what the sum of their squares is multiplied by in the loss.
    loss : str
        A name of `skdeep._training.objectives.LOSSES`.
    encoding : str
        Form of the targets, see `skdeep._data.heads.Head`.
    metrics : dict of str to str
        By their names in the history: "accuracy", or the name of an error of `skdeep._training.objectives`.
    optimizer : str
        A name of the optimizers above.
    arguments : dict
        Those of the optimizer.
    learning_rate : float
        The first one.
    shapes : list of tuple of int
        Those of the variables of the network.
    weighs_metrics : bool, default=True
        Whether the weights of rows weigh the metrics, too.
    loss_arguments : dict, default={}
        Those of the loss.
    """

    layers: list[list[Any]]
    trained: tuple[int, ...]
    penalties: dict[int, float]
    loss: str
    encoding: str
    metrics: dict[str, str]
    optimizer: str
    arguments: dict[str, Any]
    learning_rate: float
    shapes: list[tuple[int, ...]]
    weighs_metrics: bool = True
    loss_arguments: dict[str, Any] = field(default_factory=dict)

    def steps(self) -> list[list[Any]]:
        """Return the layers as `skdeep._inference.layer_stack` takes them, for predictions."""
        # The momentum of a batch normalization is for training.
        return [each[:-1] if each[0] == "batch_normalization" else each for each in self.layers if each[0] in _STEPS]

    def fresh_optimizer(self) -> list[np.ndarray]:
        """Return the state of the optimizer before any training, as Keras's has it."""
        n_slots = _OPTIMIZERS[self.optimizer].n_slots
        state = [np.broadcast_to(np.float32(0), self.shapes[place]) for place in self.trained for _ in range(n_slots)]
        return [np.asarray(0, np.int64), np.asarray(self.learning_rate, np.float32), *state]


class DenseTraining:
    """Arrays that are trained.

    Parameters
    ----------
    recipe : Recipe
        What is trained, and how.

    Attributes
    ----------
    sums : dict of str to (float, float)
        Of the loss and each metric since they were reset: the weighted sum of values, and that of their weights.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._places = recipe.trained
        shapes = {place: recipe.shapes[place] for place in recipe.trained}
        self._weights, weights = _parts_of_vector(shapes)
        self._gradient, gradients = _parts_of_vector(shapes)
        states = {layer[1] for layer in recipe.layers if layer[0] == "dropout"}
        self._variables = [
            weights[place] if place in weights else np.zeros(shape, np.int64 if place in states else np.float32)
            for place, shape in enumerate(recipe.shapes)
        ]
        self._optimizer = _OPTIMIZERS[recipe.optimizer](len(self._weights), **recipe.arguments)
        self._slots = [_parts_of_vector(shapes, slot)[1] for slot in self._optimizer.slots]
        self._penalties = [
            (strength, weights[place], gradients[place]) for place, strength in recipe.penalties.items() if strength
        ]
        self._objective = LOSSES[recipe.loss](**recipe.loss_arguments)
        layers = [list(each) for each in recipe.layers]
        self._is_mean = layers[-1] == ["mean"]
        if self._is_mean:
            layers.pop()
            self._objective = OfEachNetwork(self._objective)
        self._is_after_activation = self._objective.activation is not None
        if self._is_after_activation:
            layers[-1][-1] = "linear"
        self._losses = self._objective.losses
        if self._is_mean and self._is_after_activation:  # of whose outputs the probabilities are known
            self._losses = OF_PROBABILITIES[recipe.loss]
        elif self._is_mean:
            self._losses = LOSSES[recipe.loss](**recipe.loss_arguments).losses
        self._layers = [_made(kind, arguments, self._variables, gradients) for kind, *arguments in layers]
        self._normalizations = [layer for layer in self._layers if isinstance(layer, BatchNormalization)]
        places_of_layers = [{each for each in layer if type(each) is int} for layer in layers]
        self._first_trained = next(n for n, places in enumerate(places_of_layers) if places & gradients.keys())
        # A sigmoid is above one half where what goes in is above 0.
        cut = 0 if self._is_after_activation and not self._is_mean else 0.5
        self._metrics = {
            name: ACCURACIES[recipe.encoding](cut) if metric == "accuracy" else ERRORS[metric]
            for name, metric in recipe.metrics.items()
        }
        self._weighs_metrics = recipe.weighs_metrics
        self._is_column = recipe.encoding == "column of indices"
        self.sums: dict[str, tuple[float, float]] = {}
        self.n_steps = 0
        self.learning_rate = np.float32(0)

    def load(self, variables: Iterable[np.ndarray], optimizer: Iterable[np.ndarray]) -> None:
        """Take the values of the variables of the network, and those of the optimizer: its steps, rate and state."""
        steps, rate, *state = optimizer
        own_state = [slot[place] for place in self._places for slot in self._slots]
        for own, given in zip([*self._variables, *own_state], [*variables, *state], strict=True):
            if np.shape(given) != own.shape:
                raise ValueError(f"A variable of the network has the shape {own.shape}. Got one of {np.shape(given)}.")
            own[...] = given
        self.n_steps, self.learning_rate = int(steps), np.float32(rate)

    def values(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return what `load` takes, as two lists of arrays that nobody else has."""
        state = [slot[place].copy() for place in self._places for slot in self._slots]
        steps, rate = np.asarray(self.n_steps, np.int64), np.asarray(self.learning_rate)
        return [each.copy() for each in self._variables], [steps, rate, *state]

    def weights(self) -> list[np.ndarray]:
        """Return copies of all variables but the states of random numbers."""
        return [each.copy() for each in self._variables if each.dtype == np.float32]

    def set_weights(self, weights: Iterable[np.ndarray]) -> None:
        """Set what `weights` returned."""
        own = [each for each in self._variables if each.dtype == np.float32]
        for array, given in zip(own, weights, strict=True):
            array[...] = given

    def forget_moments(self) -> None:
        """Begin anew with the state of the optimizer, but for its steps and its rate."""
        for slot in self._optimizer.slots:
            slot[:] = 0

    def reset_metrics(self) -> None:
        """Begin anew to add up loss and metrics."""
        self.sums = dict.fromkeys(("loss", *self._metrics), (0.0, 0.0))

    def metrics(self) -> Logs:
        """Return loss and metrics since they were reset, as Keras means them."""
        return {name: total / weight if weight else 0.0 for name, (total, weight) in self.sums.items()}

    def train(
        self,
        x: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray | None = None,
        *,
        batch_size: int,
        penalty_scale: float = 1.0,
    ) -> None:
        """Learn from one batch, whose penalties of weights are multiplied by this for a whole batch."""
        y = y[:, 0] if self._is_column else y
        batch_fraction = len(x) / batch_size
        for layer in self._normalizations:
            layer.set_step(self.n_steps, batch_fraction)
        with product(), np.errstate(all="ignore"):  # what is not finite is said of the loss
            outputs = self._outputs(x, training=True)
            losses = self._objective.losses(outputs, y)
            self._add_up(losses, self._mean(outputs), y, weight, penalty_scale / batch_fraction)
            gradient = self._objective.gradient(outputs, y)
            gradient *= np.float32(1 / len(x)) if weight is None else (weight / np.float32(len(x)))[:, np.newaxis]
            for number in range(len(self._layers) - 1, self._first_trained - 1, -1):
                gradient = self._layers[number].backward(gradient, number > self._first_trained)
            for strength, kernel, gradient_of_kernel in self._penalties:
                gradient_of_kernel += np.float32(2 * strength * penalty_scale / batch_fraction) * kernel
            self._optimizer.step(self._weights, self._gradient, self.learning_rate, self.n_steps)
        self.n_steps += 1

    def test(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> None:
        """Add loss and metrics of one batch to those before."""
        y = y[:, 0] if self._is_column else y
        with product(), np.errstate(all="ignore"):
            outputs = self._mean(self._outputs(x, training=False))
            self._add_up(self._losses(outputs, y), outputs, y, weight, 1.0)

    def _outputs(self, values, *, training):
        for layer in self._layers:
            values = layer.forward(values, training)
        return values

    def _mean(self, outputs):
        """Return the outputs, or of several networks the mean of theirs, after the last activation."""
        if not self._is_mean:
            return outputs
        if self._is_after_activation:
            outputs = ACTIVATIONS[self._objective.activation](outputs.copy())
        return outputs.mean(axis=0)

    def _add_up(self, losses, outputs, y, weight, penalty_factor):
        loss = float((losses if weight is None else losses * weight).mean())
        for strength, kernel, _ in self._penalties:
            loss += strength * penalty_factor * float(np.vdot(kernel, kernel))
        self._add("loss", loss * len(outputs), len(outputs))
        for name, metric in self._metrics.items():
            values = metric(outputs, y)
            if weight is None or not self._weighs_metrics:
                self._add(name, float(values.sum()), len(values))
            else:
                self._add(name, float((values * weight).sum()), float(weight.sum()))

    def _add(self, name, total, weight):
        before = self.sums[name]
        self.sums[name] = (before[0] + total, before[1] + weight)

    @property
    def is_finite(self) -> bool:
        """Whether the loss so far is finite."""
        return math.isfinite(self.sums["loss"][0])


def _made(kind, arguments, variables, gradients):
    """Return a layer by its kind and arguments in a recipe."""
    if kind == "dense":
        kernel, bias, activation = arguments
        arrays = (None if bias is None else variables[bias], gradients.get(kernel), gradients.get(bias))
        return Dense(variables[kernel], *arrays, activation)
    if kind == "stacked_dense":
        kernel, bias, activation = arguments
        return StackedDense(variables[kernel], variables[bias], gradients[kernel], gradients[bias], activation)
    if kind == "number_embedding":
        return NumberEmbedding(*(variables[each] for each in arguments), *(gradients[each] for each in arguments))
    if kind == "batch_normalization":
        *places, epsilon, momentum = arguments
        arrays = [variables[place] for place in places]
        return BatchNormalization(*arrays, *(gradients.get(place) for place in places[:2]), epsilon, momentum)
    if kind == "dropout":
        state, rate = arguments
        return Dropout(variables[state], rate)
    return Flatten() if kind == "flatten" else Activation(*arguments)


def _parts_of_vector(shapes, vector=None):
    """Return a vector and, by place, its parts of these shapes."""
    if vector is None:
        vector = np.zeros(sum(map(math.prod, shapes.values())), np.float32)
    parts, start = {}, 0
    for place, shape in shapes.items():
        parts[place] = vector[start : start + math.prod(shape)].reshape(shape)
        start += math.prod(shape)
    return vector, parts
