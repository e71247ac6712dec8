"""What the end of a network looks like, and what its outputs mean: decisions, scores and probabilities.

Outputs are read in one of four ways. Which one is decided once, when the network is made:

- "probabilities": of a sigmoid or softmax;
- "logits": of a loss with ``from_logits=True``;
- "margins": of the hinge losses, whose targets are -1 and 1 or whose classes are one apart;
- "numbers": all else, which estimate the 0 and 1 of the targets, as a squared error lets them.

`predict` is the sign of the distance from the cut between two classes (0 for logits and margins, 0.5 otherwise) or the
largest output, `decision_function` the outputs themselves, and only `predict_proba` is brought to [0, 1].

Nothing here knows networks or TensorFlow: what makes probabilities of outputs takes arrays of any library that has
numpy's functions, so that files for other libraries end with the same formulas.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from skdeep._common.states import check_attributes, is_count
from skdeep._common.typing import Loss
from skdeep._data.objectives import ROWS, loss_form, output_form, shown

OUTPUT_ENCODINGS = ("probabilities", "logits", "margins", "numbers")
_ENCODINGS = ("indices", "column of indices", "one-hot", "column", "indicator", "numbers")
_ACTIVATIONS = ("softmax", "sigmoid")  # that make probabilities
# A row that a hinge loss no longer minds has these log-odds; 2 gave the best log loss and Brier score of 1, 2 and a
# straight line, for linear and tanh units on two data sets.
_LOG_ODDS_OF_MARGIN = 2


def choose_output_encoding(last: str, loss: Loss, output_encoding: str) -> str:
    """Return what the outputs of a network of the user's own mean.

    Parameters
    ----------
    last : {"softmax", "sigmoid", "other", "unknown"}
        What its last layer makes, see `skdeep._engine.last_layer.activation_of`.
    loss : str, callable or loss object
        What it is compiled with.
    output_encoding : str
        As given to the estimator.
    """
    if output_encoding != "auto":
        return output_encoding
    if last in _ACTIVATIONS:
        return "probabilities"
    of_loss = output_form(loss)
    if of_loss is None:
        raise ValueError(
            f"It cannot be told what the outputs mean, since the last layer makes no probabilities by softmax or "
            f"sigmoid, as far as can be seen, and loss={shown(loss)} is of your own. Set output_encoding to one of "
            f"{', '.join(map(repr, OUTPUT_ENCODINGS))}."
        )
    # Those that may be outside of [0, 1] are read as they are.
    return "numbers" if of_loss == "probabilities" and last == "other" else of_loss


@dataclass(frozen=True)
class Head:
    """The output layer, the loss, the form of the targets it learns, and what the outputs mean.

    `activation` is that of Keras which makes the outputs, for a network of the user's own what
    `skdeep._engine.last_layer.activation_of` returns. `encoding` is "indices" (n,), "column of indices" (n, 1),
    "one-hot" (n, n_classes), "column" (n, 1) for one unit of two classes, "indicator", or "numbers" (n, n_outputs).
    `outputs` is one of the above; for regressors it has no meaning.
    """

    n_outputs: int
    activation: str
    loss: Loss | tuple[Any, ...]  # a tuple where several outputs share one head
    encoding: str
    outputs: str = "probabilities"

    keys: ClassVar[None] = None  # which heads of several outputs have

    def __setstate__(self, state):
        check_attributes(
            self,
            state,
            n_outputs=is_count,
            activation=lambda value: value is None or isinstance(value, str),
            encoding=lambda value: value in _ENCODINGS,
            outputs=lambda value: value in OUTPUT_ENCODINGS,
        )
        vars(self).update(state)

    def changed(self, last: str, loss: Loss) -> Head:
        """Return the head of a network that somebody outside changed, whose targets get the form that its loss takes.

        A loss of the user's gets what the one before got, and tells nothing of the outputs.
        """
        of_class = self.encoding in ("indices", "column of indices", "one-hot")
        encoding, outputs = self.encoding, self.outputs
        if of_class and loss_form(loss) is not None:
            encoding = "one-hot" if loss_form(loss) == ROWS else "column of indices"
        if encoding != "numbers" and (last in _ACTIVATIONS or output_form(loss) is not None):
            outputs = choose_output_encoding(last, loss, "auto")
        return replace(self, activation=last, loss=loss, encoding=encoding, outputs=outputs)

    def of_losses(self, function: Callable[[Any], Any]) -> Head:
        """Return the same with what a function makes of the loss."""
        return replace(self, loss=function(self.loss))

    def joined(self, outputs: np.ndarray) -> np.ndarray:
        """Return the outputs as columns, which they are."""
        return outputs

    def encode(self, codes: np.ndarray) -> np.ndarray:
        """Return the network's targets for the codes from `encode` of the targets."""
        if self.encoding == "one-hot":
            return one_hot(codes, self.n_outputs, np.float32)
        if self.encoding == "column":
            return codes.astype(np.float32)[:, np.newaxis]
        return codes[:, np.newaxis] if self.encoding == "column of indices" else codes

    @property
    def cut(self) -> float:
        """The output between two classes, where a single one decides."""
        return 0.0 if self.outputs in ("logits", "margins") else 0.5

    @property
    def is_converted(self) -> bool:
        """Whether `probabilities` changes more than the number of columns of what the network gives."""
        of_softmax = self._is_of_each or self.activation == "softmax"
        return self.outputs != "probabilities" or not of_softmax

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        """Return class numbers of shape (n,), or for multilabel targets whether a row has each label."""
        if self.encoding == "indicator":
            return outputs > self.cut
        return (outputs[:, 0] > self.cut).astype(int) if self.encoding == "column" else outputs.argmax(axis=1)

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """Return float64 scores that order the rows as the outputs do, of the shape of the outputs."""
        outputs = np.asarray(outputs)
        smallest = np.finfo(outputs.dtype).smallest_subnormal  # which has a finite logarithm
        values = outputs.astype(np.float64)
        if self.outputs != "probabilities" or self._is_pair_of_votes:
            return values - self.cut if self._is_of_each else values
        logarithms = np.log(np.maximum(values, smallest))
        if self._is_of_each:
            return logarithms - np.log(np.maximum(1 - values, smallest))
        return logarithms

    def probabilities(self, outputs: Any, xp: Any = np) -> Any:
        """Return probabilities of shape (n, n_classes), as arrays of the library `xp`; those of numpy are float64."""
        if xp is np:
            outputs = np.asarray(outputs, dtype=np.float64)
        if self._is_of_each:
            probabilities = self._of_each(outputs, xp)
            if self.encoding == "indicator":
                return probabilities
            return xp.concatenate([1 - probabilities, probabilities], axis=1)
        if self.outputs == "logits":
            return _softmax(outputs, xp)
        if self.outputs == "margins":
            return _softmax(_LOG_ODDS_OF_MARGIN * outputs, xp)
        if self.outputs == "numbers" or self._is_pair_of_votes:
            return _nearest_probabilities(outputs, self.n_outputs, xp)
        outputs = xp.maximum(outputs, 0)
        total = xp.sum(outputs, axis=1, keepdims=True)
        # Sigmoid outputs may all have underflowed to zero: then the network prefers no class.
        return xp.where(total == 0, 1 / self.n_outputs, outputs / xp.where(total == 0, 1, total))

    @property
    def _is_of_each(self):
        """Whether each output is a question of its own."""
        return self.encoding in ("column", "indicator")

    @property
    def _is_pair_of_votes(self):
        """Whether there are two sigmoid units for two classes, of which the mean of p(1) and 1 - p(0) is taken."""
        is_pair = self.n_outputs == 2 and self.encoding != "indicator"
        return is_pair and self.outputs == "probabilities" and self.activation == "sigmoid"

    def _of_each(self, outputs, xp):
        """Return the probabilities of outputs that are each a question of their own."""
        if self.outputs == "logits":
            return _expit(outputs, xp)
        if self.outputs == "margins":
            return _expit(_LOG_ODDS_OF_MARGIN * outputs, xp)
        return xp.clip(outputs, 0, 1)


def one_hot(codes: np.ndarray, n_columns: int, dtype: DTypeLike) -> np.ndarray:
    """Return rows with a 1 in the columns of these numbers."""
    rows = np.zeros((len(codes), n_columns), dtype)
    rows[np.arange(len(codes)), codes] = 1
    return rows


def _expit(x, xp):
    small = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1, small) / (1 + small)


def _softmax(x, xp):
    powers = xp.exp(x - xp.max(x, axis=1, keepdims=True))
    return powers / xp.sum(powers, axis=1, keepdims=True)


def _nearest_probabilities(x, n_columns, xp):
    """Return the rows that are nearest to those of x among all that are not negative and sum to 1.

    All values above some bound count, by how much they are above it; those below are 0. Source: Duchi et al.,
    "Efficient projections onto the l1-ball for learning in high dimensions", ICML 2008, figure 1.
    """
    x = x - xp.max(x, axis=1, keepdims=True)
    ranks = np.arange(1, n_columns + 1, dtype="float32")
    bounds = (xp.cumsum(-xp.sort(-x, axis=1), axis=1) - 1) / ranks
    return xp.maximum(x - xp.max(bounds, axis=1, keepdims=True), 0)
