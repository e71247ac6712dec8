"""Whether a network that skdeep brings along can be trained by NumPy, and how: told from plain values, without Keras.

Whatever is not known here (another dtype policy, optimizer, loss, metric or activation, an argument, an object or
function of the user's, a network for which TensorFlow is quicker) is left to Keras and TensorFlow, which also say
what is wrong with it.
"""

from __future__ import annotations

import inspect
import math
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from skdeep._data.objectives import keras_name
from skdeep._data.spreads import checked_quantiles
from skdeep._keras.comparing import key_without_rate, settings_key
from skdeep._keras.copying import without_training
from skdeep._lazy import keras
from skdeep._networks import dense_networks, table_networks
from skdeep._training.activations import ACTIVATIONS
from skdeep._training.dense_training import Recipe
from skdeep._training.objectives import ERRORS, LOSSES

if TYPE_CHECKING:
    from skdeep._networks.built_in import Architecture


# Multiplications of a batch with the weights above which TensorFlow, which has all cores, is quicker.
_MOST_WORK = 2**25
# By the function that builds a network: what tells its recipe.
_FORMS: dict[str, Any] = {"build_dense": dense_networks, "build_table": table_networks}
_COMPILED = ("optimizer", "learning_rate", "metrics", "dtype_policy", "loss")


def _is_share(value):
    return _is_number(value) and 0 <= value < 1


def _is_positive(value):
    return _is_number(value) and 0 < value < math.inf


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool)


# By the names of optimizers: that of the formula, Keras's default of the learning rate, and what arguments may be.
OPTIMIZERS = {
    "adam": ("adam", 0.001, {"beta_1": _is_share, "beta_2": _is_share, "epsilon": _is_positive}),
    "adamw": (
        "adam",
        0.001,
        {"beta_1": _is_share, "beta_2": _is_share, "epsilon": _is_positive, "weight_decay": _is_positive},
    ),
    "sgd": ("sgd", 0.01, {"momentum": _is_share, "nesterov": lambda value: isinstance(value, bool)}),
    "rmsprop": ("rmsprop", 0.001, {"rho": _is_share, "epsilon": _is_positive}),
}
_known_optimizers: dict[str, tuple[str, float, dict[str, Any]] | None] = {}  # by what they are set to, but for the rate
_MOST_KNOWN = 100
_LARGEST = float(np.finfo(np.float32).max)
_DEFAULT_DECAY = 0.004  # of AdamW
_OF_LOSSES = ("reduction", "from_logits", "label_smoothing", "axis", "ignore_class")
# Names of the accuracy that Keras takes for each form of targets.
_ACCURACIES = {
    "indices": ("accuracy", "acc", "sparse_categorical_accuracy"),
    "one-hot": ("accuracy", "acc", "categorical_accuracy"),
    "column": ("accuracy", "acc", "binary_accuracy"),
    "indicator": ("accuracy", "acc", "binary_accuracy"),
}


def recipe_of(
    architecture: Architecture, settings: dict[str, Any], encoding: str, batch_rows: int | None
) -> Recipe | None:
    """Return the `skdeep._training.dense_training.Recipe` of a network, or None if it is to be trained by TensorFlow.

    Parameters
    ----------
    architecture : skdeep._networks.built_in.Architecture
        What builds the model.
    settings : dict
        What it is compiled with.
    encoding : str
        Form of the targets.
    batch_rows : int or None
        Rows of a batch; None, of the first files of skdeep, which do not have them, is left to TensorFlow.
    """
    parameters = architecture.parameters
    form = _FORMS.get(architecture.builder)
    if form is None or parameters["dtype_policy"] != "float32" or batch_rows is None:
        return None
    loss = loss_name(settings["loss"])
    loss_arguments = _loss_arguments(loss, settings)
    settings = {each: value for each, value in settings.items() if not each.startswith("loss__")}
    optimizer = _optimizer(settings)
    metrics = _metrics(settings["metrics"], encoding)
    last = parameters["output_activation"] or "linear"
    if None in (optimizer, metrics, loss_arguments) or loss not in LOSSES or not is_for(LOSSES[loss](), last):
        return None
    if encoding == "numbers" and metrics and LOSSES[loss]().activation is not None:
        return None  # the errors are those of the outputs, of which such a loss sees what goes into the activation
    layers = form.layers_of(architecture)
    if layers is None or (loss == "sparse_categorical_crossentropy") != (encoding == "indices"):
        return None
    shapes = form.variable_shapes(architecture)
    trained = form.trained_places(architecture, layers)
    kernels = [layer[1] for layer in layers if layer[0] in ("dense", "stacked_dense")]
    n_weights = sum(math.prod(shapes[place]) for place in kernels)
    if not trained or not is_work_for_numpy(n_weights, batch_rows):
        return None
    name, learning_rate, arguments = optimizer
    are_trained = set(trained)
    l2 = parameters["l2"]
    return Recipe(
        layers=layers,
        trained=trained,
        penalties={place: l2 for place in kernels if l2 > 0 and place in are_trained},
        loss=loss,
        encoding=encoding,
        metrics=metrics,
        optimizer=name,
        arguments=arguments,
        learning_rate=learning_rate,
        shapes=shapes,
        loss_arguments=loss_arguments,
    )


def is_work_for_numpy(n_weights: int, batch_rows: int) -> bool:
    """Whether a batch of so many rows is so little work for kernels of so many weights that NumPy is quicker."""
    return n_weights * batch_rows <= _MOST_WORK


def is_for(objective: Any, activation: str) -> bool:
    """Whether a loss of `skdeep._training` is for what this activation makes."""
    return activation == objective.activation or (objective.activation is None and activation in ACTIVATIONS)


def loss_name(loss: Any) -> str | None:
    """Return Keras's name of a loss in any form, or None if it is not Keras's, or was given arguments."""
    if isinstance(loss, str):
        return keras_name(loss)
    if inspect.isclass(loss) or inspect.isroutine(loss):
        is_of_keras = getattr(keras.losses, getattr(loss, "__name__", ""), None) is loss
        return keras_name(loss) if is_of_keras else None
    if getattr(keras.losses, type(loss).__name__, None) is not type(loss):
        return None
    return keras_name(loss) if _has_defaults(loss, _OF_LOSSES) and loss.dtype == "float32" else None


def _loss_arguments(loss, settings):
    """Return the arguments that are routed to a loss, or None if one is not known here."""
    routed = {each.removeprefix("loss__"): value for each, value in settings.items() if each.startswith("loss__")}
    if loss == "pinball" and routed.keys() == {"quantile"}:
        try:
            return {"quantile": checked_quantiles(routed["quantile"], "loss__quantile")}
        except ValueError:  # compiling tells
            return None
    return None if routed else {}


def _optimizer(settings):
    """Return the name of the formula, the learning rate and the arguments, or None if one is not known here."""
    name, arguments = _named_optimizer(settings["optimizer"], settings["learning_rate"])
    if name not in OPTIMIZERS:
        return None
    formula, default, checks = OPTIMIZERS[name]
    rate = settings["learning_rate"]
    routed = {each: value for each, value in settings.items() if each not in _COMPILED}
    is_object = not isinstance(settings["optimizer"], str) and not inspect.isclass(settings["optimizer"])
    is_twice = rate is not None and "optimizer__learning_rate" in routed
    if is_twice or (routed and is_object) or not all(each.startswith("optimizer__") for each in routed):
        return None
    arguments |= {each.removeprefix("optimizer__"): value for each, value in routed.items()}
    rate_of_optimizer = arguments.pop("learning_rate", default)
    rate = rate_of_optimizer if rate is None else rate
    is_known = all(each in checks and checks[each](value) for each, value in arguments.items())
    if not (is_known and _is_positive(rate) and rate <= _LARGEST):
        return None
    if name == "adamw":
        arguments.setdefault("weight_decay", _DEFAULT_DECAY)
    if name == "sgd":
        if not arguments.get("momentum"):
            return formula, float(rate), {}
        formula = "sgd with momentum"
    return formula, float(rate), arguments


def made_optimizer(optimizer: keras.optimizers.Optimizer) -> tuple[str, float, dict[str, Any]] | None:
    """Return what `_optimizer` does for an optimizer of a compiled model."""
    kind = type(optimizer)
    if kind.__name__.lower() not in OPTIMIZERS or getattr(keras.optimizers, kind.__name__, None) is not kind:
        return None
    if not isinstance(optimizer._learning_rate, keras.Variable):  # a schedule
        return None
    key, rate = key_without_rate(optimizer), float(optimizer._learning_rate.numpy())
    if key not in _known_optimizers:  # which takes tens of milliseconds to find out
        _known_optimizers[key] = _optimizer({"optimizer": optimizer, "learning_rate": 0.001})  # or any other rate
        while len(_known_optimizers) > _MOST_KNOWN:
            del _known_optimizers[next(iter(_known_optimizers))]
    found = _known_optimizers[key]
    return (found[0], rate, found[2]) if found and _is_positive(rate) and rate <= _LARGEST else None


def _named_optimizer(optimizer, rate):
    """Return the name of an optimizer of Keras in any form, and what is not the default of the arguments of an object.

    The name is None if it is not Keras's own, or is one that is not known here. `rate`, if it is a number, takes the
    place of its learning rate.
    """
    if isinstance(optimizer, str):
        return optimizer.lower().replace("_", ""), {}  # as Keras's names are told from those of its classes
    kind = optimizer if inspect.isclass(optimizer) else type(optimizer)
    if kind.__name__.lower() not in OPTIMIZERS or getattr(keras.optimizers, kind.__name__, None) is not kind:
        return None, {}
    arguments = {}
    if kind is not optimizer:
        parameters = inspect.signature(kind).parameters
        optimizer = without_training(optimizer)
        if not isinstance(optimizer._learning_rate, keras.Variable):  # a schedule
            if not _is_positive(rate):
                return None, {}
            optimizer._learning_rate = keras.Variable(rate, trainable=False)
        config = optimizer.get_config()
        if settings_key(optimizer) != settings_key(kind.from_config(config)):  # more than the config tells
            return None, {}
        arguments = {
            each: value
            for each, value in config.items()
            if each != "name" and (each not in parameters or value != parameters[each].default)
        }
        arguments["learning_rate"] = config["learning_rate"]
    return kind.__name__.lower(), arguments


def _metrics(given, encoding):
    """Return the metrics by their names in the history, or None if one is not known here."""
    given = given if isinstance(given, (list, tuple)) else [] if given is None else [given]
    metrics = {}
    for metric in given:
        name = metric if isinstance(metric, str) else None
        if name is None or name != name.lower() or name in metrics:
            return None
        metrics[name] = "accuracy" if name in _ACCURACIES.get(encoding, ()) else keras_name(name)
        if metrics[name] not in (ERRORS if encoding == "numbers" else ("accuracy",)):
            return None
    return metrics


def _has_defaults(part, names):
    """Whether an object of Keras's has the defaults of its class for these arguments, as far as it has them."""
    config, parameters = part.get_config(), inspect.signature(type(part)).parameters
    return all(config[name] == parameters[name].default for name in names if name in config and name in parameters)


def first_values(
    architecture: Architecture, initializers: dict[str, str], rng: np.random.Generator
) -> list[np.ndarray]:
    """Return the values of the variables of a network before training.

    Parameters
    ----------
    architecture : skdeep._networks.built_in.Architecture
        What builds the model.
    initializers : dict of str to str
        For "kernel" and "bias" a name from `skdeep._networks.initial_values.known_name`.
    rng : numpy.random.Generator
        Source of a seed for each layer.
    """
    return _FORMS[architecture.builder].first_values(architecture, initializers, rng)
