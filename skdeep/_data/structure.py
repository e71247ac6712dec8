"""How the arrays of a batch are given to a network: one, a list or a dict of them for X, and so for y."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

Keys = tuple[Any, ...] | None  # names of a dict, numbers of a list; None of a single array


class Shapes(tuple):
    """The shapes of a row of each of several arrays, with their keys."""

    keys: Keys

    def __new__(cls, shapes: Iterable[tuple[int, ...]], keys: Keys) -> Self:
        """Make a tuple of them."""
        made = super().__new__(cls, shapes)
        made.keys = keys
        return made


@dataclass(frozen=True)
class Structure:
    """How flat arrays, those of X, of y and the weights, are packed for Keras's steps.

    Parameters
    ----------
    x, y : tuple of str or tuple of int, default=None
        Names of the dict, or numbers of the list, that several arrays are; None for a single one.
    """

    x: Keys = None
    y: Keys = None

    def packed(self, arrays: Sequence[Any]) -> tuple[Any, ...]:
        """Return x, and y and the weights where there are any."""
        n_x = 1 if self.x is None else len(self.x)
        n_y = 1 if self.y is None else len(self.y)
        rest = arrays[n_x:]
        y = () if not rest else (packed(self.y, rest[:n_y]),)
        return packed(self.x, arrays[:n_x]), *y, *rest[n_y:]


def packed(keys: Keys, arrays: Sequence[Any]) -> Any:
    """Return a single array, or the list or dict of several."""
    if keys is None:
        (array,) = arrays
        return array
    return list(arrays) if isinstance(keys[0], int) else dict(zip(keys, arrays, strict=True))
