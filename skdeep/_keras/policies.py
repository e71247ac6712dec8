"""Dtype policies of models of the user's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from skdeep._lazy import keras


@contextlib.contextmanager
def layers_of(policy: str | None) -> Iterator[None]:
    """Let layers that are made in the body of the ``with`` statement have this policy, unless it is None.

    Keras keeps the policy for each thread.
    """
    if policy is None:
        yield
        return
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def check_policy(model: keras.Model, policy: str | None) -> None:
    """Raise if a model that was given computes otherwise than by this policy, unless it is None."""
    others = sorted({layer.dtype_policy.name for layer in model._flatten_layers() if layer.weights} - {policy})
    if policy is not None and others:
        raise ValueError(
            f"dtype_policy={policy!r} was given, but model is a keras.Model with layers of {', '.join(others)}, which "
            "stay as they are. Give a function that builds the model."
        )
