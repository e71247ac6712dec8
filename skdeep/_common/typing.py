"""The types that signatures share, so that each is written once. They are read by type checkers, and checked nowhere.

Where a parameter may be "array-like" of shapes or numbers, that is a sequence or an array here. Keras is named in
strings, since nothing here may import it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:
    import keras
    from sklearn.base import BaseEstimator

# X: arrays, lists of rows, frames, sparse matrices, or sources of rows that are not in memory, which have no type in
# common.
Data: TypeAlias = Any
PathLike: TypeAlias = str | os.PathLike[str]
RandomState: TypeAlias = int | np.random.RandomState | None
Shape: TypeAlias = Sequence[int] | np.ndarray
Ints: TypeAlias = int | Shape
Floats: TypeAlias = float | Sequence[float] | np.ndarray

# Of networks. Classes, and losses as objects, can be called, too.
Activation: TypeAlias = str | Callable[..., Any]
Activations: TypeAlias = Activation | Sequence[Activation] | np.ndarray
Augment: TypeAlias = "str | keras.layers.Layer | Sequence[str | keras.layers.Layer] | dict[str, dict[str, Any]]"
Filters: TypeAlias = int | Sequence[int | Sequence[int]] | np.ndarray
Initializer: TypeAlias = "str | type[keras.initializers.Initializer] | keras.initializers.Initializer"
InitialModel: TypeAlias = "BaseEstimator | keras.Model | PathLike"
Loss: TypeAlias = str | Callable[..., Any]
Losses: TypeAlias = Loss | Sequence[Loss | None] | dict[str, Loss | None]  # of several outputs

# Of training.
Optimizer: TypeAlias = "str | type[keras.optimizers.Optimizer] | keras.optimizers.Optimizer"
RateSchedule: TypeAlias = "keras.optimizers.schedules.LearningRateSchedule"
LearningRate: TypeAlias = "float | str | type[RateSchedule] | RateSchedule"
Metric: TypeAlias = "str | Callable[..., Any] | keras.metrics.Metric"
Metrics: TypeAlias = "Metric | Sequence[Metric]"
MetricsOfOutputs: TypeAlias = "Metrics | Sequence[Metrics | None] | dict[str, Metrics]"
Callbacks: TypeAlias = (
    "keras.callbacks.Callback | Callable[..., Any] | str "
    "| Sequence[keras.callbacks.Callback | Callable[..., Any] | str] | dict[str, Any]"
)
ClassWeight: TypeAlias = dict[Any, Any] | Literal["balanced"]
Shuffle: TypeAlias = bool | Literal["blocks"]
DtypePolicy: TypeAlias = Literal["float32", "float64", "mixed_bfloat16"]

# The values of the variables of a network: "model", a list of arrays, and "optimizer", another one or None.
Values: TypeAlias = dict[str, Any]
# Metrics by name: of one epoch, and of each epoch of a training.
Logs: TypeAlias = dict[str, float]
History: TypeAlias = dict[str, list[float]]

# What a decorator takes and returns, if it leaves the signature as it is.
Method = TypeVar("Method", bound=Callable[..., Any])
