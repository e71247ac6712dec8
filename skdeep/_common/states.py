"""Checks of the states from which pickles and files make objects: a file may have been written by anybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class AlteredFileError(ValueError):
    """A file has what `skdeep.save` does not write.

    Parameters
    ----------
    message : str
        Of the error.
    what : str, default=None
        What is wrong, without saying that a file may have been altered: it may be what somebody is about to save.
    """

    def __init__(self, message: str, what: str | None = None) -> None:
        super().__init__(message)
        self.what = what or message


def check_attributes(made: object, state: dict[str, Any], **checks: Callable[[Any], bool]) -> None:
    """Raise if a value that an object is made of is none that it has ever had.

    Parameters
    ----------
    made : object
        What is made.
    state : dict
        Its attributes. Those that are missing were added later, and have a default.
    **checks : callable
        By attribute, whether a value is possible.
    """
    for name, is_possible in checks.items():
        if name in state and not is_possible(state[name]):
            raise ValueError(f"{type(made).__name__} has {name}={state[name]!r}; the file may have been altered.")


def is_count(value: object) -> bool:
    """Whether a value is a positive int."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def is_bool(value: object) -> bool:
    """Whether a value is True or False."""
    return isinstance(value, bool)
