"""Numbers as targets of which a network tells more than one number: quantiles, or mean and standard deviation.

For each column of y the network has several outputs, one behind the other.
"""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from skdeep._common.numbers import plain_number
from skdeep._common.states import check_attributes
from skdeep._common.typing import Loss
from skdeep._data.heads import Head
from skdeep._data.numeric_targets import NumericTargets

# Of a distribution in units of the scaled y, so that none becomes infinitely sure.
LEAST_DEVIATION = 1e-3
_MEDIAN = 0.5


class SpreadTargets(NumericTargets):
    """Base class of numbers of which the network gives several for each column."""

    loss: str

    @property
    @abstractmethod
    def n_values(self) -> int:
        """How many outputs there are for each column."""

    @classmethod
    def of(cls, targets: NumericTargets, **attributes: Any) -> Self:
        """Return targets like these with further attributes."""
        new = cls.__new__(cls)
        vars(new).update(vars(targets) | attributes)
        return new

    def fits(self, head: Any) -> bool:
        """Whether a network with this head, from a file, is one for these targets."""
        return head.n_outputs == self.n_outputs * self.n_values

    def choose_head(
        self, output_activation: str, loss: Loss, metrics: list[Any], target_encoding: str, *, one_hot: bool
    ) -> Head:
        """Choose the output layer, the loss and the encoding."""
        if metrics:
            raise ValueError(f"metrics must be None with {self.loss!r}, of whose outputs they know nothing.")
        return Head(self.n_outputs * self.n_values, output_activation, self.loss, "numbers")

    def _by_column(self, outputs):
        """Return outputs of shape (n, n_columns, n_values) in float64."""
        return np.asarray(outputs, dtype=np.float64).reshape(len(outputs), self.n_outputs, self.n_values)

    def _in_shape(self, values):
        """Return values of shape (n, n_columns, ...) without the axis of the columns, if y had none."""
        return values[:, 0] if self.is_column else values


class QuantileTargets(SpreadTargets):
    """Numbers of which the network gives quantiles.

    Beside the attributes of `NumericTargets` it has `quantiles`, those asked for. The network learns the median, too,
    which is what `predict` gives.
    """

    loss = "pinball"
    quantiles: tuple[float, ...]

    def __setstate__(self, state):
        super().__setstate__({name: value for name, value in state.items() if name != "quantiles"})
        check_attributes(self, state, quantiles=_are_quantiles)
        self.quantiles = state["quantiles"]

    @property
    def learned(self) -> tuple[float, ...]:
        """The quantiles that the network gives."""
        return tuple(sorted({*self.quantiles, _MEDIAN}))

    @property
    def n_values(self) -> int:
        """How many outputs there are for each column."""
        return len(self.learned)

    def values(self, head: Any, outputs: Any) -> np.ndarray:
        """Return the quantiles of each column in the unit of y, in rising order, of shape (n, n_columns, n_values).

        What the network gives need not rise. Sorted it has no larger pinball loss: Chernozhukov et al., "Quantile and
        probability curves without crossing", Econometrica 2010.
        """
        values = self._by_column(outputs) * self.scale[:, np.newaxis] + self.mean[:, np.newaxis]
        return np.sort(values, axis=2)

    def predictions(self, head: Any, outputs: Any) -> np.ndarray:
        """Return what `predict` gives for outputs of a network with this head: the medians."""
        return self._in_shape(self.values(head, outputs)[..., self.learned.index(_MEDIAN)])

    def with_quantiles(self, head: Any, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return medians, and the quantiles that were asked for."""
        asked = [self.learned.index(each) for each in self.quantiles]
        median = values[..., self.learned.index(_MEDIAN)]
        return self._in_shape(median), self._in_shape(values[..., asked])

    def continuing(self, earlier: Any) -> Any:
        """Return the targets with which ``warm_start=True`` goes on."""
        continued: Any = super().continuing(earlier)  # of this class, too
        if continued.quantiles != self.quantiles:
            raise ValueError(
                f"warm_start=True goes on with the quantiles {continued.quantiles} of the earlier fit. Got "
                f"{self.quantiles}."
            )
        return continued


class NormalTargets(SpreadTargets):
    """Numbers of which the network gives the mean and, by way of a softplus, the standard deviation."""

    loss = "gaussian_nll"

    @property
    def n_values(self) -> int:
        """How many outputs there are for each column."""
        return 2

    def values(self, head: Any, outputs: Any) -> np.ndarray:
        """Return mean and standard deviation of each column in the unit of y, of shape (n, n_columns, 2)."""
        pairs = self._by_column(outputs)
        means = pairs[..., 0] * self.scale + self.mean
        deviations = (np.logaddexp(0, pairs[..., 1]) + LEAST_DEVIATION) * self.scale
        return np.stack([means, deviations], axis=2)

    def predictions(self, head: Any, outputs: Any) -> np.ndarray:
        """Return what `predict` gives for outputs of a network with this head: the means."""
        return self._in_shape(self.values(head, outputs)[..., 0])

    def with_deviations(self, head: Any, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return means and standard deviations."""
        return self._in_shape(values[..., 0]), self._in_shape(values[..., 1])


def checked_quantiles(given: Any, name: str) -> tuple[float, ...]:
    """Return one or several quantiles as a tuple, or raise if they are not in (0, 1) and rise."""
    given = plain_number(given)
    listed = given if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    quantiles = tuple(map(plain_number, listed))
    if not _are_quantiles(quantiles):
        raise ValueError(f"{name} must be in (0, 1), and several ones must rise, as (0.05, 0.5, 0.95). Got {given!r}.")
    return tuple(map(float, quantiles))


def _are_quantiles(value):
    is_tuple = isinstance(value, tuple) and len(value) > 0
    if not is_tuple or not all(isinstance(each, float) and 0 < each < 1 for each in value):
        return False
    return all(one < other for one, other in itertools.pairwise(value))
