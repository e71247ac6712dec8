from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_array

from skdeep._common.private_sklearn import Interval, validate_parameter_constraints


class Window(BaseEstimator):
    """A time series to rows of past values, and the values to be predicted from them.

    Row i of `X` has the values of the times i to i + n_steps - 1, the oldest first. Its `y` is the value `horizon`
    steps after the last of them, so that no row has a value of the time of its `y` or of a later one.

    It learns nothing, and has no `fit`: a `Pipeline` refuses it, since there the number of rows of y could not change
    with that of X. The rows are made before, and go to a pipeline or a search as `X` and `y`.

    Parameters
    ----------
    n_steps : int
        Number of past values in a row.
    horizon : int or sequence of int, default=1
        How many steps after the last value of a row its y is, at least 1. Of several, such as ``range(1, 13)``, y has a
        column for each.

    See Also
    --------
    sklearn.model_selection.TimeSeriesSplit : Folds in the order of time. A gap of the largest horizon minus 1 keeps
        from training what is not known yet at the first row of a test fold.
    keras.utils.timeseries_dataset_from_array : Such rows as batches of TensorFlow.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep import Window
    >>> window = Window(n_steps=3)
    >>> X, y = window.make_X_y(np.arange(6))
    >>> X
    array([[0, 1, 2],
           [1, 2, 3],
           [2, 3, 4]])
    >>> y
    array([3, 4, 5])

    The last row is the one from which the next value is to be predicted:

    >>> window.transform(np.arange(6))[-1:]
    array([[3, 4, 5]])
    >>> window.inverse_transform(window.transform(np.arange(6)))
    array([0, 1, 2, 3, 4, 5])

    Several steps ahead:

    >>> X, y = Window(n_steps=3, horizon=[1, 2]).make_X_y(np.arange(6))
    >>> y
    array([[3, 4],
           [4, 5]])
    """

    _parameter_constraints = {
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "horizon": [Interval(Integral, 1, None, closed="left"), "array-like"],
    }

    def __init__(self, n_steps: int, horizon: int | Sequence[int] | np.ndarray = 1) -> None:
        self.n_steps = n_steps
        self.horizon = horizon

    def make_X_y(self, series: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows whose y is known, and y.

        Parameters
        ----------
        series : array-like of shape (n_times,) or (n_times, n_series)
            Numbers at equal steps of time, the oldest first; of several series a column each.

        Returns
        -------
        X : ndarray of shape (n_rows, n_steps) or (n_rows, n_steps, n_series)
            Past values, with ``n_rows = n_times - n_steps - max(horizon) + 1``; dtype as the series. A view of the
            series that cannot be written to.
        y : ndarray of shape (n_rows,) or (n_rows, n_series)
            The values `horizon` steps after the last of a row: ``y[i]`` is ``series[i + n_steps + horizon - 1]``. With
            several horizons there is an axis for them after the first one.

        Raises
        ------
        ValueError
            If a parameter is not what it must be, or the series is none of numbers or too short.
        """
        series, steps = self._checked(series), self._steps()
        n_needed = self.n_steps + max(steps)
        if len(series) < n_needed:
            raise ValueError(
                f"n_steps={self.n_steps} and horizon={self.horizon!r} need a series of at least {n_needed} times. Got "
                f"{len(series)}."
            )
        y = _windows(series[self.n_steps :], max(steps))
        # Neighbours are taken by a slice, which copies nothing.
        are_neighbours = steps == list(range(steps[0], steps[-1] + 1))
        y = y[:, steps[0] - 1 : steps[-1]] if are_neighbours else y[:, np.subtract(steps, 1)]
        return _windows(series, self.n_steps)[: len(y)], y[:, 0] if isinstance(self.horizon, Integral) else y

    def transform(self, series: ArrayLike) -> np.ndarray:
        """Return all rows, also those at the end whose y is not known yet.

        Parameters
        ----------
        series : array-like of shape (n_times,) or (n_times, n_series)
            As for `make_X_y`.

        Returns
        -------
        X : ndarray of shape (n_times - n_steps + 1, n_steps) or (n_times - n_steps + 1, n_steps, n_series)
            Past values; dtype as the series. A view of the series that cannot be written to.
        """
        series = self._checked(series)
        if len(series) < self.n_steps:
            raise ValueError(f"n_steps={self.n_steps} needs a series of at least as many times. Got {len(series)}.")
        return _windows(series, self.n_steps)

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Return the series that rows were made of.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_steps) or (n_rows, n_steps, n_series)
            Rows of `transform` or `make_X_y`, in their order.

        Returns
        -------
        series : ndarray of shape (n_rows + n_steps - 1,) or (n_rows + n_steps - 1, n_series)
            Their values, each once.
        """
        self._check_parameters()
        X = check_array(X, dtype="numeric", allow_nd=True, ensure_all_finite=False, input_name="X")
        if X.ndim > 3 or X.shape[1] != self.n_steps:
            raise ValueError(
                f"X must have rows of n_steps={self.n_steps} values, in 2 axes or, of several series, 3. Got the shape "
                f"{X.shape}."
            )
        return np.concatenate([X[:, 0], X[-1, 1:]])

    def _check_parameters(self):
        validate_parameter_constraints(self._parameter_constraints, self.get_params(), type(self).__name__)

    def _checked(self, series):
        """Return the series as an array of one or two axes, after a look at the parameters."""
        self._check_parameters()
        series = check_array(
            series, dtype="numeric", ensure_2d=False, allow_nd=True, ensure_all_finite=False, input_name="series"
        )
        if series.ndim > 2 or 0 in series.shape or series.dtype.kind not in "biuf":
            raise ValueError(
                "series must hold numbers, in one axis or, of several series, a column each. Got the shape "
                f"{series.shape} and dtype {series.dtype}."
            )
        return series

    def _steps(self):
        """Return the horizons as a list."""
        given = [self.horizon] if isinstance(self.horizon, Integral) else list(self.horizon)
        if not given or not all(isinstance(each, Integral) and each >= 1 for each in given):
            raise ValueError(f"horizon must be an int of at least 1, or several of them. Got {self.horizon!r}.")
        return list(map(int, given))


def _windows(series, n_steps):
    """Return a view of all parts of so many neighbouring values, of shape (n_windows, n_steps, ...)."""
    return np.moveaxis(sliding_window_view(series, int(n_steps), axis=0), -1, 1)
