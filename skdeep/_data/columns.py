"""The columns of tables: of arrays and of data frames of any library, each as numbers or as categories."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy.sparse import issparse

from skdeep._common.private_sklearn import is_pandas_na
from skdeep._common.typing import Data

NUMBERS, STRINGS = "numbers", "strings"
_DATES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    name : str
        Its name for messages, such as ``"Column 'age'"``.
    kind : str or None
        Whether it holds `NUMBERS` or `STRINGS`; None if all its values are missing.
    is_category : bool
        Whether its dtype says that its values are categories: strings, or pandas's and polars's categories.
    values : ndarray of shape (n_samples,)
        Numbers in float64 with NaN for missing ones, or objects with None for missing ones.
    """

    name: str
    kind: str | None
    is_category: bool
    values: np.ndarray

    def check_kind(self, kind: str | None) -> None:
        """Raise if the column held something else in `fit`."""
        if None not in (kind, self.kind) and kind != self.kind:
            raise ValueError(f"{self.name} holds {self.kind}, but in fit it held {kind}.")

    def rows(self, index: np.ndarray) -> Column:
        """Return the column with the rows of these numbers only."""
        values = self.values[index]
        is_empty = not any(value is not None for value in values) if values.dtype == object else np.isnan(values).all()
        column = replace(self, values=values)
        return column.without_values() if is_empty else column

    def without_values(self) -> Column:
        """Return the column with missing values only."""
        return Column(self.name, None, False, np.full(len(self.values), np.nan))

    def as_numbers(self) -> np.ndarray:
        """Return the values in float64, with NaN for those that are missing."""
        if self.kind == STRINGS:
            example = next(value for value in self.values if value is not None)
            raise ValueError(f"{self.name} must hold numbers. Got strings, such as {example!r}.")
        return self.values

    def as_categories(self) -> np.ndarray:
        """Return the values as objects, with None for those that are missing."""
        if self.values.dtype == object:
            return self.values
        values = self.values.astype(object)
        values[np.isnan(self.values)] = None
        return values


def is_frame(X: Any) -> bool:
    """Whether this is a data frame of a library that narwhals knows, in memory."""
    return nw.dependencies.is_into_dataframe(X)


def with_kinds(X: Any) -> Any:
    """Return lists of rows as an array of objects, in which numbers beside strings stay numbers; all else as it is."""
    return np.array(X, dtype=object) if isinstance(X, (list, tuple)) else X


def columns_of(X: Data) -> list[Column]:
    """Return the columns of a data frame, or of an array of shape (n_samples, n_features) that scikit-learn checked.

    Raises
    ------
    ValueError
        If a column holds neither numbers nor strings, or an infinite number; the message names it. If there are no rows
        or columns.
    """
    if is_frame(X):
        twice = [name for name, number in Counter(map(str, X.columns)).items() if number > 1]
        if twice:
            raise ValueError(f"X has more than one column with the name {twice[0]!r}. Expected unique column names.")
        frame = nw.from_native(X, eager_only=True)
        if 0 in frame.shape:
            raise ValueError(f"X has shape {frame.shape}: there must be a row and a column at least.")
        # By place, since names may be numbers.
        return [_of_series(f"Column {series.name!r}", series) for series in frame.iter_columns()]
    return [_of_array(f"Column {number}", X[:, number]) for number in range(X.shape[1])]


def _of_series(name, series):
    dtype = series.dtype
    if isinstance(dtype, (nw.Datetime, nw.Date, nw.Time, nw.Duration)):
        raise _is_of_dates(name, dtype)
    if dtype.is_numeric() or dtype == nw.Boolean:
        return _finite(name, series.cast(nw.Float64).to_numpy().astype(np.float64))
    if not isinstance(dtype, (nw.String, nw.Categorical, nw.Enum, nw.Object, nw.Unknown)):
        raise ValueError(f"{name} must hold numbers or strings. Its dtype is {dtype}.")
    values = series.to_list()
    is_category = isinstance(dtype, (nw.Categorical, nw.Enum))
    if is_category:  # such as intervals
        values = [value if isinstance(value, (str, Real)) or _is_missing(value) else str(value) for value in values]
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    column = _of_objects(name, objects)
    is_category |= column.is_category
    return Column(name, column.kind, is_category, column.values)


def _is_of_dates(name, kind):
    return ValueError(
        f"{name} holds dates or times ({kind}). Make numbers of them first, such as the year, the day of the week, or "
        "the days since a date."
    )


def _of_array(name, values):
    if values.dtype.kind in "biuf":
        return _finite(name, values.astype(np.float64))
    return _of_objects(name, values.astype(object))


def _finite(name, values):
    if np.isinf(values).any():
        raise ValueError(f"{name} contains infinity.")
    is_missing = np.isnan(values).all()
    return Column(name, None if is_missing else NUMBERS, False, values)


def _of_objects(name, values):
    is_missing = np.array([_is_missing(value) for value in values], dtype=bool)
    present = values[~is_missing]
    if not len(present):
        return Column(name, None, False, np.full(len(values), np.nan))
    if all(isinstance(value, str) for value in present):
        values = values.copy()
        values[is_missing] = None
        return Column(name, STRINGS, True, values)
    try:
        if any(isinstance(value, str) for value in present):
            raise TypeError("strings among numbers")
        numbers = np.full(len(values), np.nan)
        numbers[~is_missing] = present.astype(np.float64)
    except (TypeError, ValueError) as error:
        dates = [value for value in present if isinstance(value, _DATES)]
        if dates:
            raise _is_of_dates(name, type(dates[0]).__name__) from error
        kinds = sorted({type(value).__name__ for value in present})
        raise ValueError(f"{name} must hold numbers or strings. Got {', '.join(kinds)}.") from error
    return _finite(name, numbers)


def _is_missing(value):
    """Whether this is None, NaN, or pandas's NA or NaT."""
    if isinstance(value, str):
        return False
    return value is None or is_pandas_na(value) or (np.ndim(value) == 0 and bool(value != value))


def check_not_sparse(X: Any, name: str) -> None:
    """Raise for a sparse matrix, of which the columns would fill the memory."""
    if issparse(X):
        raise TypeError(
            f"{name} does not take sparse matrices, whose numbers it would centre. Use DNNClassifier or DNNRegressor, "
            "or X.toarray()."
        )
