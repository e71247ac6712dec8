"""The ends of networks with several outputs: what each of them learns and means.

Either each output has targets of its own (`SeveralHeads`), or several outputs share the columns of one y
(`ColumnsOfOutputs`). Both are used as `skdeep._data.heads.Head` is, but for outputs in a list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdeep._common.states import check_attributes, is_count
from skdeep._data.heads import Head
from skdeep._data.named_arrays import Parts


@dataclass(frozen=True)
class SeveralHeads:
    """One head for each output.

    Parameters
    ----------
    keys : tuple of str or int
        Names of the dict, or numbers of the list, that the outputs of the model are, in the order of the outputs.
    names : tuple
        For each output, the key of its targets.
    heads : tuple of Head
        Their heads.
    """

    keys: Any
    names: tuple[Any, ...]
    heads: tuple[Head, ...]

    def __setstate__(self, state):
        n_heads = len(state["heads"]) if isinstance(state.get("heads"), tuple) else 0
        check_attributes(
            self,
            state,
            keys=lambda value: _are_keys(value, n_heads),
            names=lambda value: _are_keys(value, n_heads),
            heads=lambda value: n_heads > 0 and all(isinstance(each, Head) for each in value),
        )
        vars(self).update(state)

    @property
    def n_outputs(self) -> tuple[int, ...]:
        """Units of each output."""
        return tuple(head.n_outputs for head in self.heads)

    @property
    def is_converted(self) -> bool:
        """Whether class probabilities are other numbers than the outputs."""
        return any(head.is_converted for head in self.heads)

    def encode(self, codes: Parts) -> list[np.ndarray]:
        """Return the targets of each output."""
        return [head.encode(codes.part(name)) for name, head in zip(self.names, self.heads, strict=True)]

    def of_losses(self, function: Callable[[Any], Any]) -> SeveralHeads:
        """Return the same with what a function makes of the losses."""
        return replace(self, heads=tuple(head.of_losses(function) for head in self.heads))

    def changed(self, last: Sequence[str], losses: Any) -> SeveralHeads:
        """Return the heads of a network that somebody outside changed; see `Head.changed`."""
        losses = losses_of_outputs(losses, self.keys)
        triples = zip(self.heads, last, losses, strict=True)
        return replace(self, heads=tuple(head.changed(each, loss) for head, each, loss in triples))


@dataclass(frozen=True)
class ColumnsOfOutputs:
    """The head of all columns of y, of which each output has some.

    Parameters
    ----------
    keys : tuple of str or int
        As for `SeveralHeads`.
    widths : tuple of int
        How many columns each output has, from the first column on.
    head : Head
        Of all columns; its loss is a tuple of those of the outputs.
    """

    keys: Any
    widths: tuple[int, ...]
    head: Head

    def __setstate__(self, state):
        n_outputs = len(state["widths"]) if isinstance(state.get("widths"), tuple) else 0
        check_attributes(
            self,
            state,
            keys=lambda value: _are_keys(value, n_outputs),
            widths=lambda value: n_outputs > 0 and all(map(is_count, value)),
            head=lambda value: isinstance(value, Head),
        )
        vars(self).update(state)

    @property
    def n_outputs(self) -> int:
        """Columns of y."""
        return self.head.n_outputs

    @property
    def is_converted(self) -> bool:
        """Whether class probabilities are other numbers than the outputs."""
        return self.head.is_converted

    def encode(self, codes: np.ndarray) -> list[np.ndarray]:
        """Return the targets of each output."""
        return np.split(self.head.encode(codes), np.cumsum(self.widths)[:-1], axis=1)

    def joined(self, outputs: list[np.ndarray]) -> np.ndarray:
        """Return the outputs as columns."""
        return np.concatenate(outputs, axis=1)

    def decide(self, outputs: list[np.ndarray]) -> np.ndarray:
        """Return what `Head.decide` does for the columns."""
        return self.head.decide(self.joined(outputs))

    def scores(self, outputs: list[np.ndarray]) -> np.ndarray:
        """Return what `Head.scores` does for the columns."""
        return self.head.scores(self.joined(outputs))

    def probabilities(self, outputs: Any, xp: Any = np) -> Any:
        """Return what `Head.probabilities` does for the columns."""
        return self.head.probabilities(xp.concatenate(outputs, axis=1), xp)

    def of_losses(self, function: Callable[[Any], Any]) -> ColumnsOfOutputs:
        """Return the same with what a function makes of the losses."""
        losses: Any = self.head.loss
        return replace(self, head=replace(self.head, loss=tuple(map(function, losses))))

    def changed(self, last: Sequence[str], losses: Any) -> ColumnsOfOutputs:
        """Return that of a network that somebody outside changed: y is what it was."""
        return self


def losses_of_outputs(losses: Any, keys: tuple[Any, ...] | None) -> list[Any]:
    """Return the loss of each output, from what a model was compiled with: one for all, a list or a dict of them."""
    n_outputs = 1 if keys is None else len(keys)
    if isinstance(losses, dict):
        if keys is not None and all(key in losses for key in keys):
            return [losses[key] for key in keys]
        return list(losses.values())
    return list(losses) if isinstance(losses, (list, tuple)) else [losses] * n_outputs


def _are_keys(value, n_keys):
    return isinstance(value, tuple) and len(value) == n_keys and all(isinstance(each, (str, int)) for each in value)
