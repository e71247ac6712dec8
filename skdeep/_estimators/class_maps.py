"""Where the convolutional network of an estimator looks, for the classes that it predicts or for another one."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from skdeep._common import interrupts
from skdeep._common.typing import Data
from skdeep._data.rows import Rows
from skdeep._data.validation import memory_errors
from skdeep._engine import class_maps
from skdeep._keras.copying import faithful_copy
from skdeep._keras.ports import named_layer


def maps_of(estimator: Any, X: Data, *, target: Any, layer: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Return heat maps of the scores of classes or outputs, and what they are of.

    Parameters
    ----------
    estimator : BaseDeepEstimator
        Fitted, with a network of images.
    X : array-like of shape (n_samples, ...)
        Images, as `predict` takes them.
    target : object
        A label of a classifier, or the number of an output of a regressor; None is the predicted label, or the only
        output.
    layer : str or None
        Name of the layer; None is the last convolution.

    Returns
    -------
    maps : ndarray of shape (n_samples, height, width), float32
        The maps.
    targets : ndarray of shape (n_samples,)
        Label or number of the output of each.
    """
    check_is_fitted(estimator)
    network = estimator._network
    if network.head.keys is not None or network.head.encoding == "indicator":
        raise ValueError("Maps are drawn of networks with one input, and one label or number for each image.")
    X = estimator._validate_X(X, reset=False, dtype=network.value_dtype)
    rows = Rows(X, estimator._row_shape(X, reset=False), network.dtypes(X))
    targets, columns, signs = _scores_shown(estimator, X, target, network.head)
    with interrupts.deferred(), memory_errors(), network.in_use() as program:
        network.follow_changes()
        model = faithful_copy(program.model)
    found = _layer_of(model, layer)
    (x,) = rows.gather(np.arange(len(rows)))
    if x.ndim != 4 or len(model.outputs[0].shape) != 2:
        raise ValueError(
            "Maps are drawn of networks that take images of shape (height, width, channels) and give one row of "
            f"outputs for each. That of {type(estimator).__name__} takes rows of shape {x.shape[1:]}."
        )
    return class_maps.class_maps(model, found, x, columns, signs), targets


def _scores_shown(estimator, X, target, head):
    """Return for each row what is shown, in which column of the outputs, and the sign of its score there."""
    n_rows = len(X)
    if not is_classifier(estimator):
        target = 0 if target is None and head.n_outputs == 1 else target
        if not isinstance(target, (int, np.integer)) or not 0 <= target < head.n_outputs:
            raise ValueError(f"target must be the number of an output, from 0 to {head.n_outputs - 1}. Got {target!r}.")
        return np.full(n_rows, target), np.full(n_rows, target), np.ones(n_rows)
    classes = np.asarray(estimator.classes_)
    if target is None:
        labels = np.asarray(estimator.predict(X))
        labels = classes[labels.argmax(axis=1)] if labels.ndim == 2 and labels.shape[1] > 1 else labels.ravel()
    elif target in classes.tolist():
        labels = np.full(n_rows, target, dtype=classes.dtype)
    else:
        raise ValueError(f"target must be one of the classes {classes.tolist()!r}. Got {target!r}.")
    numbers = np.searchsorted(classes, labels)
    if head.encoding == "column":
        return labels, np.zeros(n_rows, int), np.where(numbers == 1, 1.0, -1.0)
    return labels, numbers, np.ones(n_rows)


def _layer_of(model, name):
    if not (getattr(model, "inputs", None) and getattr(model, "outputs", None)):
        raise ValueError(
            "Maps need a model whose layers are connected, a keras.Sequential or a functional one, but "
            f"{type(model).__name__} is a subclass with code of its own."
        )
    last = class_maps.last_convolution(model)
    if name is None and last is None:
        raise ValueError("There is no convolution in the network: layer must name one whose outputs are feature maps.")
    layer = named_layer(model, last if name is None else name)
    if len(layer.output.shape) != 4:
        raise ValueError(f"layer={name!r} has outputs of shape {layer.output.shape[1:]}, which are no feature maps.")
    return layer
