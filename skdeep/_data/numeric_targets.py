"""Numbers as targets: what of them a network learns, and from its outputs back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import column_or_1d

from skdeep._common.states import check_attributes, is_bool, is_count
from skdeep._common.typing import Loss
from skdeep._data.heads import Head
from skdeep._data.objectives import check_numbers, keras_name


class NumericTargets:
    """The numbers that y had in `fit`: their shape, and the mean and spread that the network does not see.

    Parameters
    ----------
    n_outputs : int
        Columns of y.
    is_column : bool
        Whether y had one axis, or a second of length one; so have predictions then.
    mean, scale : ndarray of shape (n_outputs,)
        What is subtracted from y and by what it is divided before the network learns it.
    row_shape : tuple of int, default=None
        Shape of a row where y has more than two axes, such as images.
    """

    has_one_class_a_row = False
    row_kind = None
    row_shape: tuple[int, ...] | None = None  # of files that are older than it

    def __init__(
        self,
        n_outputs: int,
        is_column: bool,
        mean: np.ndarray,
        scale: np.ndarray,
        row_shape: tuple[int, ...] | None = None,
    ) -> None:
        self.n_outputs = n_outputs
        self.is_column = is_column
        self.mean = mean
        self.scale = scale
        self.row_shape = row_shape

    def __setstate__(self, state):
        def is_for_each(value):
            return isinstance(value, np.ndarray) and value.shape == (state["n_outputs"],) and value.dtype.kind == "f"

        def is_shape(value):
            is_one = isinstance(value, tuple) and all(map(is_count, value))
            return value is None or (is_one and math.prod(value) == state["n_outputs"])

        checks = {"n_outputs": is_count, "is_column": is_bool, "mean": is_for_each, "scale": is_for_each}
        if "row_shape" in state:
            checks["row_shape"] = is_shape
        check_attributes(self, state, **checks)
        vars(self).update(state)

    @property
    def is_scaled(self) -> bool:
        """Whether the network learns other numbers than those of y."""
        return bool(np.any(self.mean != 0) or np.any(self.scale != 1))

    @classmethod
    def learn(cls, y: np.ndarray, weight: np.ndarray | None, *, scaled: bool) -> NumericTargets:
        """Learn the form of `y`, and if it is to be `scaled` its mean and standard deviation with these weights."""
        numbers = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        n_outputs = numbers.shape[1]
        mean, scale = np.zeros(n_outputs), np.ones(n_outputs)
        if scaled:
            mean, scale = _mean_and_deviation(numbers, weight)
        return cls(n_outputs, np.ndim(y) == 1, mean, scale, y.shape[1:] if np.ndim(y) > 2 else None)

    def encode(self, y: np.ndarray, name: str = "y") -> np.ndarray:
        """Return the numbers of shape (n, n_outputs), or of that of y, that the network learns."""
        shape = np.shape(y)[1:]
        if (self.row_shape or len(shape) > 1) and shape != self.row_shape:
            raise ValueError(f"{name} has rows of shape {shape}, but in fit they had shape {self.row_shape}.")
        numbers = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        if numbers.shape[1] != self.n_outputs:
            raise ValueError(f"{name} has {numbers.shape[1]} columns, but in fit it had {self.n_outputs}.")
        with np.errstate(over="ignore"):  # what the network cannot hold is refused where its dtype is known
            scaled = (numbers - self.mean) / self.scale
        return scaled if self.row_shape is None else scaled.reshape(-1, *self.row_shape)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Return predictions in the form that y had in `fit`, from outputs of shape (n, n_outputs)."""
        numbers = np.asarray(outputs, dtype=np.float64).reshape(len(outputs), -1) * self.scale + self.mean
        if self.row_shape is not None:
            return numbers.reshape(-1, *self.row_shape)
        return numbers[:, 0] if self.is_column else numbers

    def has_classes(self, classes: Any) -> bool:
        """Whether these are the labels: there are none."""
        return False

    def fits(self, head: Any) -> bool:
        """Whether a network with this head, from a file, is one for these targets."""
        return head.n_outputs == self.n_outputs

    def takes_shape(self, shape: tuple[int | None, ...]) -> bool:
        """Whether a network may give outputs of this shape for a row: columns, or that of y, which may end in a 1."""
        if self.row_shape is None or len(shape) == 1:
            return len(shape) == 1
        if len(shape) == len(self.row_shape) + 1 and shape[-1] == 1:
            shape = shape[:-1]
        pairs = zip(shape, self.row_shape, strict=False)
        return len(shape) == len(self.row_shape) and all(size in (None, own) for size, own in pairs)

    def predictions(self, head: Any, outputs: Any) -> np.ndarray:
        """Return what `predict` gives for outputs of a network with this head."""
        return self.decode(head.joined(outputs))

    def whole(self, head: Any, converted: np.ndarray) -> np.ndarray:
        """Return predictions as `predict` gives them; targets of several outputs have them in parts."""
        return converted

    def by_output(self, head: Any, converted: np.ndarray) -> np.ndarray:
        """Return what `predict_proba` and `decision_function` give, which targets of several outputs have in parts."""
        return converted

    def continuing(self, earlier: NumericTargets) -> NumericTargets:
        """Return the targets with which ``warm_start=True`` goes on: the earlier ones, whose units it knows."""
        if type(self) is not type(earlier):
            raise ValueError(
                "warm_start=True goes on with what the earlier fit learned to tell of y, but quantiles or loss now ask "
                "for something else."
            )
        if self.n_outputs != earlier.n_outputs:
            raise ValueError(
                f"warm_start=True goes on with the {earlier.n_outputs} columns of y of the earlier fit, but y has "
                f"{self.n_outputs}."
            )
        return earlier

    def attributes(self) -> dict[str, Any]:
        """Return what of this is set on a fitted estimator."""
        return {"n_outputs_": self.n_outputs}

    def choose_head(
        self, output_activation: str, loss: Loss, metrics: list[Any], target_encoding: str, *, one_hot: bool
    ) -> Head:
        """Choose the output layer, the loss and the encoding."""
        check_numbers(loss, metrics)
        return Head(self.n_outputs, output_activation, loss, "numbers")

    def penalty_factor(self, loss: Loss) -> float:
        """Return the factor of alpha over the rows of a batch: scikit-learn halves the squared error."""
        return 1.0 if keras_name(loss) == "mean_squared_error" else 0.5

    def expected_encoding(self, loss: Loss | None, target_encoding: str) -> str:
        """Return the encoding for a network of the user's own."""
        return "numbers"

    def fitting_loss(
        self, n_outputs: int, last: str, metrics: list[Any], target_encoding: str, *, one_hot: bool
    ) -> tuple[str, dict[str, Any]]:
        """Return the name of the loss that fits, and arguments of it."""
        return "mean_squared_error", {}

    def head_of(
        self,
        n_outputs: int,
        loss: Any,
        metrics: list[Any],
        find_last: Callable[[], str],
        target_encoding: str,
        output_encoding: str,
    ) -> Head:
        """Return the head of a network of the user's own with so many outputs, compiled with this loss and metrics."""
        if n_outputs != self.n_outputs:
            raise ValueError(f"The model has {n_outputs} outputs, but y has {self.n_outputs} columns.")
        check_numbers(loss, metrics)
        return Head(n_outputs, "linear", loss, "numbers")


def as_number_array(y: Any, name: str = "y") -> np.ndarray:
    """Return y as numbers of shape (n,), (n, n_columns > 1) or with more axes."""
    y = y.toarray() if issparse(y) else np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    if y.ndim == 0 or y.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} must hold numbers, in shape (n_samples,) or (n_samples, n_outputs). Got the dtype {y.dtype} and "
            f"the shape {y.shape}."
        )
    return y


def _mean_and_deviation(numbers, weight):
    """Return the mean and the standard deviation of each column; of a constant one itself and its size, at most 1."""
    size = np.abs(numbers).max(axis=0)
    size[size == 0] = 1
    unit = numbers / size  # else the squares of large numbers overflow, and those of small ones vanish
    mean = np.average(unit, axis=0, weights=weight)
    deviation = np.sqrt(np.average((unit - mean) ** 2, axis=0, weights=weight))
    is_constant = deviation <= 10 * np.finfo(np.float64).eps * np.abs(mean)  # but for rounding
    mean[is_constant], deviation[is_constant] = unit[0, is_constant], 1 / np.maximum(size[is_constant], 1)
    return mean * size, np.maximum(deviation * size, np.finfo(np.float64).tiny)
