"""Networks that start from the weights of another one, and layers that stay as they are.

Layers correspond by name: those of the same name whose weights have the same shapes start from them, the others, such
as the output layer for other classes, start anew. Where Keras has named a layer it counts those of the process, so here
such layers are counted in their model: "dense", "dense_1" and so on, as in a process that made no others.
"""

from __future__ import annotations

import fnmatch
import itertools
import os
from collections.abc import Sequence

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from skdeep._common.near_names import did_you_mean
from skdeep._common.typing import InitialModel
from skdeep._common.user_warnings import warn
from skdeep._keras.ports import plain_names
from skdeep._lazy import keras


def start_from(model: keras.Model, given: dict[str, list[np.ndarray]]) -> None:
    """Give the layers of a Keras model the weights of those of another one that they correspond to.

    Parameters
    ----------
    model : keras.Model
        Changed in place.
    given : dict of str to list of ndarray
        What `initial_weights` returned.
    """
    own = {name: layer for name, layer in zip(plain_names(model.layers), model.layers, strict=True) if layer.weights}
    fitting = [name for name in own if _shapes(given.get(name, [])) == _shapes(own[name].get_weights())]
    if not fitting:
        wanted = _described({name: layer.get_weights() for name, layer in own.items()})
        raise ValueError(
            "initial_model has no layer of the name and the shapes of one of the network's. Its layers are "
            f"{_described(given)}, those of the network {wanted}."
        )
    for name in fitting:
        own[name].set_weights(given[name])


def freeze(model: keras.Model, names: str | Sequence[str]) -> None:
    """Let layers of a model stay as they are in training.

    Parameters
    ----------
    model : keras.Model
        Changed in place.
    names : str or sequence of str
        Their names, with those of layers within layers, or paths as "backbone/conv"; that of a model in the model is
        for all its layers. A name that several layers have is for all of them, and so is one with wildcards.
    """
    layers, paths = model._flatten_layers(include_self=False), _paths(model)
    known: dict[str, list[keras.layers.Layer]] = {}
    for counted, layer in zip(plain_names(layers), layers, strict=True):
        for name in dict.fromkeys([counted, layer.name, *paths.get(id(layer), [])]):
            known.setdefault(name, []).append(layer)
    for name in [names] if isinstance(names, str) else names:
        chosen = known.get(name) or _matching(str(name), known)
        if not chosen:
            having = [each for each, layer in zip(plain_names(layers), layers, strict=True) if layer.weights]
            raise ValueError(
                f"frozen_layers has {name!r}, but the model has no such layer. Those with weights are "
                f"{', '.join(map(repr, having))}.{did_you_mean(str(name), having)}"
            )
        for layer in chosen:
            layer.trainable = False
    if names and model.weights and not model.trainable_weights:
        raise ValueError(f"frozen_layers={names!r} leaves no layer to train.")


def _matching(pattern, known):
    """Return the layers whose names, or paths, a pattern as of a shell matches."""
    return [layer for name in fnmatch.filter(known, pattern) for layer in known[name]]


def _paths(model, prefix=""):
    """Return the names that the layers within layers have with those around them, by their ids."""
    paths: dict[int, list[str]] = {}
    for layer in model._flatten_layers(include_self=False, recursive=False):
        path = f"{prefix}{layer.name}"
        paths.setdefault(id(layer), []).append(path)
        for inner, several in _paths(layer, f"{path}/").items():
            paths.setdefault(inner, []).extend(several)
    return paths


def warn_of_training_normalizations(model: keras.Model) -> None:
    """Warn of batch normalizations in models that are called with ``training=False``, which Keras overrides.

    In training its functional models call all their layers with ``training=True``, whatever these were called with
    when the model was made. So only a normalization that is not trainable keeps its moving averages.

    Parameters
    ----------
    model : keras.Model
        Built, with its layers frozen.
    """
    for each in model._flatten_layers():
        nodes = each._nodes_by_depth if isinstance(each, keras.src.ops.function.Function) else {}
        for node in itertools.chain.from_iterable(nodes.values()):
            layer = node.operation
            if node.arguments.kwargs.get("training") is not False or not isinstance(layer, keras.layers.Layer):
                continue
            inner = [norm for norm in layer._flatten_layers() if isinstance(norm, keras.layers.BatchNormalization)]
            moving = [norm.name for norm in inner if norm.trainable]
            if moving:
                warn(
                    f"The model calls {layer.name!r} with training=False, which Keras overrides in training: its "
                    f"batch normalizations {', '.join(moving)} take the averages of each batch, and move their own. "
                    "Name them in frozen_layers, which takes patterns as '*norm*', too.",
                    UserWarning,
                )


def initial_weights(initial_model: InitialModel) -> dict[str, list[np.ndarray]]:
    """Return the weights of the layers of `initial_model`, in the form that the estimators take it, by their names."""
    if isinstance(initial_model, keras.Model):
        return _weights(initial_model)
    if isinstance(initial_model, (str, os.PathLike)):
        return _weights(keras.saving.load_model(os.fspath(initial_model), compile=False))
    estimator = initial_model.estimator if isinstance(initial_model, FrozenEstimator) else initial_model
    if not hasattr(type(estimator), "model_"):
        raise TypeError(
            "initial_model must be a fitted estimator of skdeep, a keras.Model or the path of a .keras file. Got "
            f"{initial_model!r}."
        )
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise ValueError(
            f"initial_model={initial_model!r} is not fitted. scikit-learn's clone, which searches and cross-validation "
            "use, gives an unfitted copy of an estimator; put it in sklearn.frozen.FrozenEstimator, which it keeps."
        ) from error
    with estimator._network.in_use() as program:
        return _weights(program.model)


def _weights(model):
    return {name: layer.get_weights() for name, layer in zip(plain_names(model.layers), model.layers, strict=True)}


def _shapes(weights):
    return [weight.shape for weight in weights]


def _described(weights):
    return ", ".join(f"{name} {_shapes(each)}" for name, each in weights.items() if each)
