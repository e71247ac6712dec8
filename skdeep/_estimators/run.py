"""What `fit` and `partial_fit` train, and what an estimator has learned when they end."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from skdeep._common.typing import ClassWeight, History, Shuffle
from skdeep._lazy import keras

if TYPE_CHECKING:
    from skdeep._data.class_targets import ClassTargets
    from skdeep._data.numeric_targets import NumericTargets
    from skdeep._estimators.base import BaseDeepEstimator
    from skdeep._networks.network import Network


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained, before the number of rows is known: parameters of the estimator, or given to `fit`.

    Parameters
    ----------
    epochs : int or "auto"
        Epochs of a `fit`.
    batch_size : int, "auto" or None
        Rows of a batch.
    shuffle : bool or "blocks"
        Whether the rows are shuffled in each epoch.
    verbose : int
        Whether progress is printed.
    validation_fraction : float or None
        Fraction of the rows to set aside for validation.
    validation_rows : {"random", "last"}
        Which of them.
    early_stopping : bool or "auto"
        Whether training stops early; "auto" is for "auto" epochs, where there are enough rows.
    class_weight : dict, "balanced" or None
        Weights of the classes.
    callbacks : list
        Values of the parameter `callbacks`, as `skdeep._networks.compilation.make_callbacks` takes them.
    routed_to_callbacks : dict
        The parameters that are routed to them.
    schedule : dict, default=None
        The kind of the learning rate's schedule and its parameters, see `skdeep._estimators.learning_rates`.
    first_stage : estimator, default=None
        What was trained on the same data before, from which the network goes on.
    """

    epochs: int | Literal["auto"]
    batch_size: int | Literal["auto"] | None
    shuffle: Shuffle
    verbose: int
    validation_fraction: float | None
    validation_rows: Literal["random", "last"]
    early_stopping: bool | Literal["auto"]
    class_weight: ClassWeight | None
    callbacks: list[Any]
    routed_to_callbacks: dict[str, Any]
    schedule: dict[str, Any] | None = None
    first_stage: BaseDeepEstimator | None = None


@dataclass
class Run:
    """A network with all that training goes on from.

    Parameters
    ----------
    network : skdeep._networks.network.Network
        What is trained.
    targets : skdeep._data.class_targets.ClassTargets or skdeep._data.numeric_targets.NumericTargets
        The form of y.
    rng : numpy.random.Generator
        The random stream; training draws from it.
    settings : TrainingSettings
        How it is trained.
    is_resumed : bool, default=False
        Whether an earlier `fit` or `partial_fit` is gone on with.
    history : dict of str to list of float, default={}
        Metrics of the epochs before.
    n_epochs, best_epoch : int, default=0
        Epochs before, and that of the weights.
    callbacks : list of keras.callbacks.Callback, default=[]
        Those of the user's in this training.
    """

    network: Network
    targets: ClassTargets | NumericTargets
    rng: np.random.Generator
    settings: TrainingSettings
    is_resumed: bool = False
    history: History = field(default_factory=dict)
    n_epochs: int = 0
    best_epoch: int = 0
    callbacks: list[keras.callbacks.Callback] = field(default_factory=list)

    def learned(
        self, new_history: History, *, network: Network | None = None, best_epoch: int | None = None
    ) -> dict[str, Any]:
        """Return the attributes of an estimator that this run has trained.

        Parameters
        ----------
        new_history : dict of str to list of float
            Metrics of the epochs of this run; empty if it was interrupted in the first.
        network : skdeep._networks.network.Network, default=None
            In place of the network.
        best_epoch : int, default=None
            Epoch of the weights; None is the last one.
        """
        n_new = max(map(len, new_history.values()), default=0)
        n_epochs = self.n_epochs + n_new
        return {
            "_network": self.network if network is None else network,
            "_targets": self.targets,
            "_rng": copy.deepcopy(self.rng),
            **self.targets.attributes(),
            "history_": {
                name: [
                    *self.history.get(name, [np.nan] * self.n_epochs),
                    *new_history.get(name, [np.nan] * n_new),
                ]
                for name in {**self.history, **new_history}
            },
            "n_iter_": n_epochs,
            "best_epoch_": n_epochs if best_epoch is None else best_epoch,
            "callbacks_": self.callbacks,
        }
