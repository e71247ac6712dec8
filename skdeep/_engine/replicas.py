"""Training on several devices at once, by a strategy of `tf.distribute`.

A network that was made in the scope of a strategy, such as `tf.distribute.MirroredStrategy` on several GPUs, has a copy
of its variables on each device. Each step gives every replica its share of the batch, and Keras's optimizer adds up
their gradients. Such a network is not reused by others: its variables are those of the strategy.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from skdeep._lazy import tf


def current_strategy() -> Any:
    """Return the strategy in whose scope this is called, or None."""
    if "tensorflow" not in sys.modules:
        return None
    return tf.distribute.get_strategy() if tf.distribute.has_strategy() else None


def outside_of_scopes(function: Callable[[], Any]) -> Any:
    """Call a function without a strategy: a network that is built again trains on one device."""
    if current_strategy() is None:
        return function()
    with ThreadPoolExecutor(1) as pool:  # TensorFlow's scopes are those of a thread
        return pool.submit(function).result()


def check_scope(strategy: Any) -> None:
    """Raise if a network made with this strategy, or None, is trained in the scope of another one."""
    current = current_strategy()
    if current not in (None, strategy):
        raise ValueError(
            f"partial_fit cannot go on in the scope of this {type(current).__name__}, since the network was made "
            "outside of it, or was copied or loaded. With warm_start=True fit goes on there."
        )


def n_replicas(strategy: Any) -> int:
    """Return on how many devices a strategy, or None, trains at once."""
    return 1 if strategy is None else strategy.num_replicas_in_sync


def make_here(part: Any) -> None:
    """Make an optimizer or a metric one of the devices on which the network is trained, wherever it was made."""
    for variable in part.variables:
        variable._initialize(variable.numpy())
    if hasattr(part, "_distribution_strategy"):
        part._distribution_strategy = tf.distribute.get_strategy()


def run_on_shares(
    strategy: Any, step: Callable[[tuple[Any, ...]], Any], tensors: Sequence[Any], start: Any, stop: Any
) -> Any:
    """Run a step on the rows from `start` up to `stop` of some tensors, with a strategy each replica on its share.

    Returns what the step returns; with a strategy for each replica.

    Shares are as equal as can be. As in Keras's own training a replica's loss is the mean of its share, so in a batch
    that cannot be divided evenly the rows of the smaller shares weigh more. If there are fewer rows than replicas, rows
    go to several of them, since no share may be empty.
    """
    if strategy is None:
        return step(tuple(tensor[start:stop] for tensor in tensors))

    def run_share():
        context = tf.distribute.get_replica_context()
        number, n_shares = context.replica_id_in_sync_group, context.num_replicas_in_sync
        first = tf.minimum(start + (stop - start) * number // n_shares, stop - 1)
        last = tf.maximum(start + (stop - start) * (number + 1) // n_shares, first + 1)
        return step(tuple(tensor[first:last] for tensor in tensors))

    return strategy.run(run_share)


def mean_of_replicas(strategy: Any, value: Any) -> Any:
    """Return the mean of a number that each replica has, as Keras's `fit` does."""
    return value if strategy is None else strategy.reduce("MEAN", value, axis=None)
