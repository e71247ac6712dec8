"""Keras losses that Keras itself does not have. Importing this module imports TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from skdeep._data.spreads import LEAST_DEVIATION, checked_quantiles
from skdeep._lazy import keras

__all__ = ["GaussianNLL", "Pinball"]


class Pinball(keras.losses.Loss):
    """Pinball loss, whose least value is at a quantile of the targets.

    A prediction below the target costs the difference times the quantile, one above it the difference times 1 minus the
    quantile; see `sklearn.metrics.mean_pinball_loss`.

    Parameters
    ----------
    quantile : float or sequence of float, default=0.5
        In (0, 1). For several ones the outputs of the network have a column for each, in their order, for the first
        column of y, then for the second, and so on; the loss is the mean.
    reduction : str, default="sum_over_batch_size"
        As of Keras's losses.
    name : str, default="pinball"
        As of Keras's losses.
    dtype : str, default=None
        As of Keras's losses.

    Raises
    ------
    ValueError
        If `quantile` is not in (0, 1), or several ones do not rise.

    See Also
    --------
    GaussianNLL : Mean and standard deviation in place of quantiles.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import mean_pinball_loss
    >>> from skdeep.losses import Pinball
    >>> y, predicted = np.array([[1.0], [2.0]]), np.array([[0.0], [4.0]])
    >>> round(float(Pinball(0.9)(y, predicted)), 4)
    0.55
    >>> round(mean_pinball_loss(y, predicted, alpha=0.9), 4)
    0.55
    """

    def __init__(
        self,
        quantile: float | Sequence[float] = 0.5,
        reduction: str = "sum_over_batch_size",
        name: str = "pinball",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.quantile = checked_quantiles(quantile, "quantile")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row.

        Parameters
        ----------
        y_true : tensor of shape (n_samples, n_columns)
            Targets.
        y_pred : tensor of shape (n_samples, n_outputs)
            Outputs of the network.

        Returns
        -------
        losses : tensor of shape (n_samples,)
            The losses.
        """
        ops = keras.ops
        levels = ops.convert_to_tensor(self.quantile, y_pred.dtype)
        columns = ops.reshape(y_pred, (ops.shape(y_pred)[0], -1, len(self.quantile)))
        errors = ops.reshape(y_true, (ops.shape(y_true)[0], -1, 1)) - columns
        return ops.mean(ops.maximum(levels * errors, (levels - 1) * errors), axis=(1, 2))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments.

        Returns
        -------
        config : dict
            By their names.
        """
        return super().get_config() | {"quantile": list(self.quantile)}


class GaussianNLL(keras.losses.Loss):
    """Negative log-likelihood of normal distributions, whose mean and standard deviation the network gives.

    The outputs have two columns for each column of y: the mean, and a number x of which log(1 + exp(x)) + 0.001 is the
    standard deviation.

    Parameters
    ----------
    reduction : str, default="sum_over_batch_size"
        As of Keras's losses.
    name : str, default="gaussian_nll"
        As of Keras's losses.
    dtype : str, default=None
        As of Keras's losses.

    See Also
    --------
    Pinball : Quantiles in place of mean and standard deviation.

    References
    ----------
    Nix and Weigend, "Estimating the mean and variance of the target probability distribution", ICNN 1994.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.stats import norm
    >>> from skdeep.losses import GaussianNLL
    >>> deviation = np.log(1 + np.exp(0.5)) + 0.001
    >>> loss = GaussianNLL()(np.array([[2.0]]), np.array([[1.0, 0.5]]))
    >>> bool(np.isclose(loss, -norm(1.0, deviation).logpdf(2.0)))
    True
    """

    def __init__(self, reduction: str = "sum_over_batch_size", name: str = "gaussian_nll", dtype: Any = None) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row.

        Parameters
        ----------
        y_true : tensor of shape (n_samples, n_columns)
            Targets.
        y_pred : tensor of shape (n_samples, n_outputs)
            Outputs of the network.

        Returns
        -------
        losses : tensor of shape (n_samples,)
            The losses.
        """
        ops = keras.ops
        pairs = ops.reshape(y_pred, (ops.shape(y_pred)[0], -1, 2))
        deviations = ops.softplus(pairs[..., 1]) + LEAST_DEVIATION
        errors = (ops.reshape(y_true, (ops.shape(y_true)[0], -1)) - pairs[..., 0]) / deviations
        return ops.mean(ops.log(deviations) + ops.square(errors) / 2, axis=1) + math.log(2 * math.pi) / 2
