"""What the states of networks are asked for: pickles, which may execute something, or files, which may not."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

_without_optimizer = contextvars.ContextVar("without_optimizer", default=False)
_is_for_file = contextvars.ContextVar("is_for_file", default=False)


@contextlib.contextmanager
def states_for_files(*, optimizer: bool) -> Iterator[None]:
    """Let states in the body of the ``with`` statement be such that nothing is executed to make something of them.

    If `optimizer` is False, the state of optimizers is left out.
    """
    tokens = _is_for_file.set(True), _without_optimizer.set(not optimizer)
    try:
        yield
    finally:
        _is_for_file.reset(tokens[0])
        _without_optimizer.reset(tokens[1])


@contextlib.contextmanager
def states_without_optimizer() -> Iterator[None]:
    """Let states in the body of the ``with`` statement have no state of optimizers."""
    token = _without_optimizer.set(True)
    try:
        yield
    finally:
        _without_optimizer.reset(token)


def has_optimizers() -> bool:
    """Whether states have the state of optimizers."""
    return not _without_optimizer.get()


def is_for_file() -> bool:
    """Whether this is called in the body of `states_for_files`."""
    return _is_for_file.get()
