"""What losses and metrics take as targets: class numbers, or rows with one value for each output of the network.

Keras's own are known by name, and only code that is Keras's goes by that name: a class or function of the user's may
bear any. What the user's code takes the parameter `target_encoding` says. Nothing here knows networks or TensorFlow.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterable
from typing import Any

# The forms.
NUMBERS, ROWS = "class numbers", "one-hot rows"
TARGET_ENCODINGS = {"ordinal": NUMBERS, "one-hot": ROWS}

ALIASES = {
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
    "quantile": "pinball",  # of `skdeep.losses`
}
_OF_NUMBERS = ("circle", "categorical_generalized_cross_entropy")
_OF_DISTRIBUTIONS = ("kl_divergence", "cosine_similarity")
_OF_PROBABILITIES = ("kl_divergence", "dice", "tversky", "categorical_generalized_cross_entropy")
_HINGES = ("hinge", "squared_hinge", "categorical_hinge")
_F_SCORES = ("f1_score", "f_beta_score")
_IOUS = ("io_u", "mean_io_u")  # which have flags for the forms of targets and outputs
_ONE_HOT_IOUS = ("one_hot_io_u", "one_hot_mean_io_u")
_NOT_OF_TARGETS = ("mean", "sum")
_WRAPPERS = ("mean_metric_wrapper", "loss_function_wrapper")
_CODE = ("call", "__call__", "update_state")


def snake_name(item: Any) -> str:
    """Return the snake_case name of a loss or metric given as a string, a class, a function or an object."""
    if not isinstance(item, str):
        item = getattr(item, "__name__", type(item).__name__)
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", item).lower()


def keras_name(item: Any) -> str:
    """Return the snake_case name of what Keras has under a name or as a class, function or object; "" for all else.

    A subclass of the user's counts as Keras's as long as what it computes is left to Keras's code.
    """
    while isinstance(item, functools.partial):
        item = item.func
    if isinstance(item, str):
        name = snake_name(item)
        return ALIASES.get(name, name)
    if inspect.isroutine(item):
        return snake_name(item) if _is_of_keras(item) else ""
    name = _name_of_class(item if inspect.isclass(item) else type(item))
    if name in _WRAPPERS and not inspect.isclass(item):
        return keras_name(getattr(item, "fn", getattr(item, "_fn", None)))
    return name


def shown(item: Any) -> str:
    """Return how messages show a loss, a metric or an optimizer: a string as it is, all else by its name."""
    return repr(item) if isinstance(item, str) else getattr(item, "__name__", type(item).__name__)


def loss_form(loss: Any) -> str | None:
    """Return the form of targets that a loss takes; None for "auto" and for the user's own."""
    name = keras_name(loss)
    if name in ("", "auto", "crossentropy", "ce"):
        return None
    if name == "ctc":
        raise ValueError(
            f"loss={shown(loss)} takes sequences of labels, and outputs of shape (n_samples, length, n_classes), "
            "but here each row has one label, and outputs have shape (n_samples, n_classes)."
        )
    return NUMBERS if _takes_numbers(name) else ROWS


def metric_form(metric: Any) -> str | None:
    """Return the form of targets that a metric takes; None for those that take both, and for the user's own."""
    name = keras_name(metric)
    if name in _NOT_OF_TARGETS:
        raise ValueError(f"metrics={shown(metric)} does not compare targets with outputs. Give one that does.")
    if name in ("", "acc") or (name == "accuracy" and isinstance(metric, str)):
        return None
    if name in _IOUS and not isinstance(metric, str) and not inspect.isclass(metric):
        return NUMBERS if metric.sparse_y_true else ROWS
    if name in _IOUS:
        return None  # the flags are set to what there is
    return NUMBERS if _takes_numbers(name) else ROWS


def output_form(loss: Any) -> str | None:
    """Return what a loss takes outputs for: "probabilities", "logits", "margins" or "numbers"; None for the user's own.

    "margins" are those of the hinge losses, "numbers" may be any, such as those of a squared error.
    """
    arguments = {}
    if isinstance(loss, functools.partial):
        arguments = loss.keywords
    if getattr(loss, "from_logits", False) or arguments.get("from_logits", False):
        return "logits"
    name = keras_name(loss)
    if name == "":
        return None
    if name in _HINGES:
        return "margins"
    return "probabilities" if "crossentropy" in name or name in ("auto", "ce", *_OF_PROBABILITIES) else "numbers"


def compares_distributions(item: Any) -> bool:
    """Whether a loss or metric makes sense only for one output a class."""
    name = keras_name(item)
    return _needs_classes(name) or name in _OF_DISTRIBUTIONS


def common_form(loss: Any, metrics: Iterable[Any], target_encoding: str, *, of_own: str) -> str | None:
    """Return the form of the targets of labels, with one output for each class.

    Parameters
    ----------
    loss : str, class, callable or loss object
        As given to the estimator or to Keras.
    metrics : list
        As given to the estimator or to Keras.
    target_encoding : {"auto", "ordinal", "one-hot"}
        As given to the estimator.
    of_own : str
        Form for a loss of the user's if `target_encoding` is "auto".

    Returns
    -------
    form : str or None
        None if all of them take both: for the loss "auto".
    """
    asked = TARGET_ENCODINGS.get(target_encoding)
    form = loss_form(loss)
    if form is not None and asked not in (None, form):
        raise ValueError(f"target_encoding={target_encoding!r}, but loss={shown(loss)} takes {form}.")
    form = form or asked
    reason = f"loss={shown(loss)}" if asked is None else f"target_encoding={target_encoding!r}"
    if form is None and keras_name(loss) == "":
        form = of_own
        reason = f"loss={shown(loss)} (by target_encoding='auto')"
    for metric in metrics:
        of_metric = metric_form(metric)
        if of_metric is None:
            continue
        if form not in (None, of_metric):
            raise ValueError(
                f"metrics={shown(metric)} takes {of_metric}, but {reason} gives {form}. Both must take the same: "
                "choose others (Keras has categorical and sparse_categorical ones), or set target_encoding for a loss "
                "of your own."
            )
        form, reason = of_metric, f"metrics={shown(metric)}" if form is None else reason
    return form


def check_outputs(loss: Any, metrics: Iterable[Any]) -> None:
    """Raise for a loss and for metrics, as objects, that cannot work with probabilities as outputs."""
    if keras_name(loss) == "gaussian_nll":
        raise ValueError(f"loss={shown(loss)} is for numbers, but y holds classes.")
    for metric in metrics:
        name = keras_name(metric)
        is_object = not isinstance(metric, str) and not inspect.isclass(metric)
        if name in (*_IOUS, *_ONE_HOT_IOUS) and is_object and metric.sparse_y_pred:
            raise ValueError(
                f"metrics={shown(metric)} takes class numbers as outputs, but the outputs are one probability for each "
                "class. Give it sparse_y_pred=False."
            )
        if name == "accuracy" and not isinstance(metric, str):
            raise ValueError(
                f"metrics={shown(metric)} takes class numbers as outputs, but the outputs are probabilities. "
                "Give 'accuracy', which chooses the one that fits."
            )


def check_single_outputs(loss: Any, metrics: Iterable[Any]) -> None:
    """Raise for what cannot work with outputs that are each a probability of their own, such as a single one."""
    for name, item in (("loss", loss), *(("metrics", metric) for metric in metrics)):
        kind = keras_name(item)
        if _needs_classes(kind):
            raise ValueError(
                f"{name}={shown(item)} takes one output for each of several classes that exclude each other, but here "
                "each output is a probability of its own (one sigmoid unit, or multilabel)."
            )
        if kind in _F_SCORES and getattr(item, "threshold", 0.5) is None:
            raise ValueError(
                f"{name}={shown(item)} takes the largest output, but here each is a probability of its own (one "
                "sigmoid unit, or multilabel). Give it threshold=0.5."
            )


def check_numbers(loss: Any, metrics: Iterable[Any]) -> None:
    """Raise for what takes classes, where the targets are numbers."""
    if loss_form(loss) == NUMBERS:
        raise ValueError(f"loss={shown(loss)} takes {NUMBERS}, but y are numbers of a regression.")
    for metric in metrics:
        if metric_form(metric) == NUMBERS and keras_name(metric) not in _IOUS:
            raise ValueError(f"metrics={shown(metric)} takes {NUMBERS}, but y are numbers of a regression.")


def chosen_arguments(metric: Any, encoding: str) -> dict[str, Any]:
    """Return arguments of a Keras metric, given by name or class, that follow from the form of the targets."""
    name = keras_name(metric)
    if name in _IOUS and encoding != "numbers":
        return {"sparse_y_true": encoding in ("indices", "column of indices"), "sparse_y_pred": False}
    if name in _F_SCORES and encoding in ("column", "indicator"):
        return {"threshold": 0.5}
    return {}


def _needs_classes(name):
    """Whether what Keras has under this name picks the largest of several outputs, or compares all of them."""
    return "categorical" in name or name in ("circle", *_IOUS, *_ONE_HOT_IOUS)


def _takes_numbers(name):
    return name.startswith("sparse_") or name in _OF_NUMBERS


def _is_of_keras(item):
    return str(getattr(item, "__module__", None)).split(".")[0] == "keras"


def _name_of_class(cls):
    for each in cls.__mro__:
        if _is_of_keras(each):
            name = snake_name(each)
            return "" if name in ("loss", "metric") else name
        if any(name in vars(each) for name in _CODE):
            return ""
    return ""
