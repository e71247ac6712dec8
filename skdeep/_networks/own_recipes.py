"""Whether a model of the user's own can be trained by NumPy, and how: a row of Keras's dense layers, as it is now.

Whatever is not known here (another layer, dtype, optimizer, loss or metric, an argument, code of the user's) is left to
TensorFlow. In contrast to `skdeep._networks.recipes` the model is looked at itself.
"""

from __future__ import annotations

import math
from typing import Any

from skdeep._data.heads import Head
from skdeep._keras.layer_stacks import row_of_layers
from skdeep._lazy import keras
from skdeep._networks.recipes import is_for, is_work_for_numpy, loss_name, made_optimizer
from skdeep._training.activations import ACTIVATIONS
from skdeep._training.dense_training import Recipe
from skdeep._training.objectives import LOSSES

_STEPS = ("train_step", "test_step", "compute_loss", "compute_metrics", "call", "get_metrics_result")
# By the kind of metric: the classes of Keras that are it, for each form of the targets.
_ACCURACIES = {
    "indices": "SparseCategoricalAccuracy",
    "column of indices": "SparseCategoricalAccuracy",
    "one-hot": "CategoricalAccuracy",
    "column": "BinaryAccuracy",
    "indicator": "BinaryAccuracy",
}
# Forms of which Keras's "accuracy" is that of the classes; it takes rows of independent labels for one-hot ones.
_OF_CLASSES = ("indices", "column of indices", "one-hot", "column")
_ERRORS = {"MeanSquaredError": "mean_squared_error", "MeanAbsoluteError": "mean_absolute_error"}


def recipe_of_model(model: keras.Model, head: Any) -> Recipe | None:
    """Return the `skdeep._training.dense_training.Recipe` of a model, or None if TensorFlow is to train it.

    Parameters
    ----------
    model : keras.Model
        Compiled and built.
    head : skdeep._data.heads.Head
        What targets it learns.
    """
    if not isinstance(head, Head) or model.run_eagerly or vars(model).keys() & set(_STEPS):
        return None
    layers = row_of_layers(model)
    places = {id(variable): place for place, variable in enumerate(model.variables)}
    if layers is None or not _are_on_their_own(layers, model):
        return None
    steps = _steps(layers, places)
    if steps is None or steps[-1][0] != "dense":
        return None
    loss = loss_name(model.loss)
    is_sparse = head.encoding in ("indices", "column of indices")
    if loss not in LOSSES or not is_for(LOSSES[loss](), steps[-1][-1]):
        return None
    if (loss == "sparse_categorical_crossentropy") != is_sparse:
        return None
    metrics, optimizer = _metrics(model, head, LOSSES[loss]().activation), made_optimizer(model.optimizer)
    if metrics is None or optimizer is None:
        return None
    name, rate, arguments = optimizer
    trained = tuple(places[id(variable)] for variable in model.trainable_variables)
    shapes = [tuple(variable.shape) for variable in model.variables]
    recipe = Recipe(
        layers=steps,
        trained=trained,
        penalties={},
        loss=loss,
        encoding=head.encoding,
        metrics=metrics,
        optimizer=name,
        arguments=arguments,
        learning_rate=rate,
        shapes=shapes,
        weighs_metrics=False,
    )
    return recipe if trained and _fits_optimizer(recipe, model.optimizer) else None


def is_quicker(recipe: Recipe, batch_rows: int) -> bool:
    """Whether NumPy is quicker than TensorFlow with batches of so many rows."""
    kernels = [recipe.shapes[layer[1]] for layer in recipe.layers if layer[0] == "dense"]
    return is_work_for_numpy(sum(map(math.prod, kernels)), batch_rows)


def _are_on_their_own(layers, model):
    """Whether each layer stands in one place, has all there is to train, and no penalty or constraint."""
    held = [variable for layer in layers for variable in layer.variables]
    is_each_once = len({id(layer) for layer in layers}) == len(layers)
    are_all = {id(variable) for variable in held} == {id(variable) for variable in model.variables}
    is_free = not any(getattr(each, name, None) for each in held for name in ("regularizer", "constraint"))
    return is_each_once and are_all and is_free and not any(layer.activity_regularizer for layer in layers)


def _steps(layers, places):
    """Return the layers as a recipe has them, or None if one is not known."""
    steps: list[list[Any]] = []
    for layer in layers:
        kind, has_dense = type(layer), any(step[0] == "dense" for step in steps)
        if kind is keras.layers.Flatten and not steps and layer.data_format == "channels_last":
            steps.append(["flatten"])
        elif kind is keras.layers.Dense and len(layer.input.shape) == 2 and _activation(layer) is not None:
            bias = None if layer.bias is None else places[id(layer.bias)]
            steps.append(["dense", places[id(layer.kernel)], bias, _activation(layer)])
        elif kind is keras.layers.Activation and has_dense and _activation(layer) is not None:  # it overwrites inputs
            steps.append(["activation", _activation(layer)])
        elif kind is keras.layers.Dropout and layer.noise_shape is None:
            steps += [["dropout", places[id(layer.seed_generator.state)], float(layer.rate)]] if layer.rate else []
        else:
            return None
    return steps or None


def _activation(layer):
    name = getattr(layer.activation, "__name__", None)
    return name if name in ACTIVATIONS and getattr(keras.activations, name, None) is layer.activation else None


def _metrics(model, head, activation):
    """Return the metrics by their names in the history, or None if one is not known here."""
    if model._compile_loss is None or model._compile_loss._user_loss_weights is not None:
        return None
    compiled = model._compile_metrics
    if compiled is None:
        return {}
    if compiled._user_weighted_metrics or not isinstance(compiled._user_metrics, (list, tuple)):
        return {} if not (compiled._user_weighted_metrics or compiled._user_metrics) else None
    metrics: dict[str, str] = {}
    for metric in compiled._user_metrics:
        if isinstance(metric, str):
            is_known = metric in ("accuracy", "acc") and head.encoding in _OF_CLASSES
            name, kind = metric, "accuracy" if is_known else None
        else:
            name, kind = _known_metric(metric, head, activation)
        if kind is None or name in metrics:
            return None
        metrics[name] = kind
    return metrics


def _known_metric(metric, head, activation):
    """Return the name and the kind of a metric that is an object, or twice None if it is not known."""
    name = type(metric).__name__
    kind = "accuracy" if name == _ACCURACIES.get(head.encoding) else _ERRORS.get(name)
    # Errors are those of the outputs, of which a cross-entropy sees what goes into the last activation.
    is_seen = kind == "accuracy" or (head.encoding == "numbers" and activation is None)
    is_plain = getattr(keras.metrics, name, None) is type(metric) and getattr(metric, "_fn_kwargs", None) in (
        {},
        {"threshold": 0.5},
    )
    return (metric.name, kind) if kind is not None and is_seen and is_plain else (None, None)


def _fits_optimizer(recipe, optimizer):
    """Whether the state of an optimizer, if it has one yet, is that of the weights which are trained."""
    if not optimizer.built:
        return True
    expected = [state.shape for state in recipe.fresh_optimizer()]
    return expected == [tuple(variable.shape) for variable in optimizer.variables]
