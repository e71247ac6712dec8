"""Losses, metrics and loss weights that are given by output: whether they are for the outputs that the model has.

Keras fails without a word of them, or takes what is given for one output for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skdeep._common.near_names import did_you_mean
from skdeep._data.structure import Keys


def check_by_output(
    settings: dict[str, Any], keys: Keys, layer_names: tuple[str, ...], *, needs_all: bool = True
) -> None:
    """Raise if a dict has other names than the outputs, or a list another length.

    Parameters
    ----------
    settings : dict
        The parameters `loss`, `metrics` and `loss_weights`, as far as they are given.
    keys : tuple of str or int, or None
        Names of the dict, or numbers of the list, that several outputs are; None of a single one.
    layer_names : tuple of str
        Names of the layers that make them; empty if the model does not tell.
    needs_all : bool, default=True
        Whether each output has a loss; otherwise those of a dict may be without, which Keras then does not train.
    """
    n_outputs = 1 if keys is None else len(keys)
    are_named = keys is not None and isinstance(keys[0], str)
    names = [str(key) for key in keys or ()] if are_named else list(layer_names)
    for setting, value in settings.items():
        if isinstance(value, Mapping):
            of_layers = ", by the name of its layer" if n_outputs == 1 else ", by those of their layers"
            _check_known(setting, list(value), names, n_outputs, "" if are_named else of_layers)
            if setting != "metrics" and (needs_all or not are_named):
                _check_all(setting, list(value), names, n_outputs)
        elif isinstance(value, (list, tuple)) and _is_by_output(setting, value, n_outputs):
            if are_named and setting == "metrics":
                raise ValueError(f"metrics must be a dict with {_listed(names)}, as the outputs of the model are.")
            if len(value) != n_outputs:
                raise ValueError(
                    f"{setting} is for {_counted(len(value))}, but the model has {_counted(n_outputs)}"
                    f"{': ' if names else ''}{_listed(names)}. Got {value!r}."
                )


def only(by_output: Any) -> Any:
    """Return what a list or dict for one output has for it, and anything else as it is."""
    if isinstance(by_output, (list, tuple, Mapping)) and len(by_output) == 1:
        (by_output,) = by_output.values() if isinstance(by_output, Mapping) else by_output
    return by_output


def weighted(loss: Any, weights: Any, keys: Keys) -> dict[str, Any]:
    """Return losses and their weights, by their names in compiling, in forms that Keras takes for what they mean.

    Parameters
    ----------
    loss : object
        One loss for all outputs, or a list or dict of them.
    weights : float, list or dict
        The same of their weights.
    keys : tuple or None
        As for `check_by_output`.
    """
    if keys is None:
        return {"loss": loss, "loss_weights": only(weights)}
    if not isinstance(loss, (list, tuple, dict)):
        if isinstance(weights, dict):
            loss = dict.fromkeys(weights, loss)
        elif isinstance(weights, list):
            loss = [loss] * len(weights)
    elif not isinstance(weights, (list, dict)):
        weights = dict.fromkeys(loss, weights) if isinstance(loss, dict) else [weights] * len(loss)
    return {"loss": loss, "loss_weights": weights}


def _is_by_output(setting, value, n_outputs):
    """Whether the entries of a list are for the outputs: metrics in a plain list are all for a single output."""
    return setting != "metrics" or n_outputs > 1 or (bool(value) and all(isinstance(e, (list, tuple)) for e in value))


def _check_known(setting, given, names, n_outputs, of_layers):
    if not names:
        form = "a list in their order" if n_outputs > 1 else "it without a dict"
        raise ValueError(f"{setting} names {_listed(given)}, but outputs of this model have no names: give {form}.")
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ValueError(
            f"{setting} names {_listed(unknown)}, but {_outputs(names, n_outputs)}{of_layers}."
            f"{did_you_mean(str(unknown[0]), names)}"
        )


def _check_all(setting, given, names, n_outputs):
    missing = [name for name in names if name not in given]
    if missing:
        raise ValueError(
            f"{setting} has nothing for {_listed(missing)}, but {_outputs(names, n_outputs)}. Give one for each."
        )


def _outputs(names, n_outputs):
    return f"the {'outputs of the model are' if n_outputs > 1 else 'output of the model is'} {_listed(names)}"


def _listed(names):
    return ", ".join(map(repr, names))


def _counted(n_outputs):
    return "1 output" if n_outputs == 1 else f"{n_outputs} outputs"
