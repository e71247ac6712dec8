"""Labels at each place of a row: of the steps of a sequence, or of the pixels of an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from skdeep._common.states import check_attributes, is_count
from skdeep._common.typing import Loss
from skdeep._data.class_targets import LabelTargets, learn_targets
from skdeep._data.heads import Head


class SequenceTargets(LabelTargets):
    """Labels of shape (n, *row_shape), such as (n, n_steps), whose classes are the same at each place.

    Parameters
    ----------
    classes, dtype
        As for `LabelTargets`.
    row_shape : tuple of int
        Shape of the labels of a row.
    """

    row_kind = "sequence"
    has_one_class_a_row = False

    def __init__(self, classes: np.ndarray, dtype: np.dtype, row_shape: tuple[int, ...]) -> None:
        super().__init__(classes, dtype)
        self.row_shape = row_shape

    def __setstate__(self, state):
        def is_shape(value):
            return isinstance(value, tuple) and len(value) > 0 and all(map(is_count, value))

        own = {name: state[name] for name in ("row_shape",) if name in state}
        super().__setstate__({name: value for name, value in state.items() if name not in own})
        check_attributes(self, own, row_shape=is_shape)
        vars(self).update(own)

    @classmethod
    def learn(cls, y: np.ndarray, classes: ArrayLike | None = None) -> SequenceTargets:
        """Learn the labels in `y` of shape (n, ...), or take `classes` for all that may ever occur."""
        labels = learn_targets(y.ravel(), classes)
        return cls(labels.classes, labels.dtype, y.shape[1:])

    def encode(self, y: np.ndarray, name: str = "y") -> np.ndarray:
        """Return class indices of the shape of y."""
        if np.shape(y)[1:] != self.row_shape:
            raise ValueError(f"{name} has rows of shape {np.shape(y)[1:]}, but in fit they had shape {self.row_shape}.")
        return super().encode(np.ravel(y), name).reshape(np.shape(y))

    def takes_shape(self, shape: tuple[int | None, ...]) -> bool:
        """Whether a network may give this for a row: as many numbers at each place as there are classes, or one."""
        places = zip(shape[:-1], self.row_shape, strict=False)
        return len(shape) == len(self.row_shape) + 1 and all(size in (None, own) for size, own in places)

    def head_of(
        self,
        n_outputs: int,
        loss: Any,
        metrics: list[Any],
        find_last: Callable[[], str],
        target_encoding: str,
        output_encoding: str,
    ) -> Any:
        """Return the head of a network of the user's own with so many outputs at each place."""
        arguments = (loss, metrics, find_last, target_encoding, output_encoding)
        return SequenceHead(super().head_of(n_outputs, *arguments), self.row_shape)

    def fits(self, head: Any) -> bool:
        """Whether a network with this head, from a file, is one for these targets."""
        return isinstance(head, SequenceHead) and head.row_shape == self.row_shape and super().fits(head)

    def continuing(self, earlier: Any) -> Any:
        """Return the targets with which ``warm_start=True`` goes on."""
        if getattr(earlier, "row_shape", None) != self.row_shape:
            raise ValueError(
                f"warm_start=True goes on with the y of the earlier fit, but its rows now have shape {self.row_shape}."
            )
        return super().continuing(earlier)

    def score(self, y: ArrayLike, predicted: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the share of the places whose label is right, of rows with these weights."""
        y = np.asarray(y)
        if y.shape != predicted.shape:
            raise ValueError(f"y has shape {y.shape}, but the predictions have shape {predicted.shape}.")
        return float(np.average((y == predicted).reshape(len(y), -1).mean(axis=1), weights=weight))


@dataclass(frozen=True)
class SequenceHead:
    """The head of a network that gives one at each place of a row.

    Parameters
    ----------
    head : Head
        That of each place.
    row_shape : tuple of int
        Shape of the places.
    """

    head: Head
    row_shape: tuple[int, ...]

    keys: ClassVar[None] = None

    def __setstate__(self, state):
        check_attributes(
            self,
            state,
            head=lambda value: isinstance(value, Head),
            row_shape=lambda value: isinstance(value, tuple) and all(map(is_count, value)),
        )
        vars(self).update(state)

    @property
    def n_outputs(self) -> int:
        """Outputs at each place."""
        return self.head.n_outputs

    @property
    def is_converted(self) -> bool:
        """Whether class probabilities are other numbers than the outputs."""
        return self.head.is_converted

    def encode(self, codes: np.ndarray) -> np.ndarray:
        """Return the network's targets: class numbers of the shape of the codes, or rows of them on a last axis."""
        if self.head.encoding in ("indices", "column of indices"):
            return codes
        return self.head.encode(codes.ravel()).reshape(*codes.shape, -1)

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        """Return class numbers of shape (n, *row_shape)."""
        return self.head.decide(_flat(outputs, np)).reshape(-1, *self.row_shape)

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """Return what `Head.scores` does, of shape (n, *row_shape, n_outputs)."""
        scores = self.head.scores(_flat(outputs, np))
        return scores.reshape(-1, *self.row_shape, scores.shape[-1])

    def probabilities(self, outputs: Any, xp: Any = np) -> Any:
        """Return what `Head.probabilities` does, of shape (n, *row_shape, n_classes)."""
        probabilities = self.head.probabilities(_flat(outputs, xp), xp)
        return xp.reshape(probabilities, (-1, *self.row_shape, probabilities.shape[-1]))

    def of_losses(self, function: Callable[[Any], Any]) -> SequenceHead:
        """Return the same with what a function makes of the loss."""
        return replace(self, head=self.head.of_losses(function))

    def changed(self, last: str, loss: Loss) -> SequenceHead:
        """Return the head of a network that somebody outside changed; see `Head.changed`."""
        return replace(self, head=self.head.changed(last, loss))


def _flat(outputs, xp):
    """Return outputs of all places of all rows, one below the other."""
    return xp.reshape(outputs, (-1, outputs.shape[-1]))
