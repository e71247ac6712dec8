from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from skdeep._common.private_sklearn import Interval, StrOptions, check_feature_names_in, fit_context
from skdeep._data.columns import check_not_sparse, columns_of, is_frame, with_kinds
from skdeep._data.sampling import weighted_rows, with_mean_one
from skdeep._data.validation import restored_on_error
from skdeep.preprocessing._base import as_task


class TableEncoder(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    r"""Numbers and categories of a table to numbers of a size that suits networks.

    Numbers are standardized and then bent smoothly so that outliers stay within bounds,

    .. math:: z = \frac{x - \mu}{\sigma}, \qquad x' = \frac{z}{\sqrt{1 + (z / c)^2}}

    which changes little near the mean and never exceeds :math:`c` in absolute value. Missing numbers become the mean,
    and of a column that has some in the training data another column says where; one that has nothing else there stays
    missing, whatever comes later. Each category gets a column that is 1
    for it and 0 otherwise; one that was not seen in `fit` gets zeros only, or the column of the rare ones, if there is
    one.

    Columns of strings, and of pandas's or polars's categories, are categories; all others must hold numbers. Dates are
    refused by name.

    Parameters
    ----------
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Which columns are categories, as in scikit-learn's `HistGradientBoostingClassifier`: by dtype, or a mask,
        indices or names. None says that all hold numbers.
    clip : float, default=3.0
        The bound :math:`c`, in standard deviations; None leaves numbers standardized.
    max_categories : int, default=100
        Most columns for the categories of one column of X: the rarest share one. None sets no limit.
    dtype : {"float32", "float64"}, default="float32"
        Of what `transform` returns.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_numeric,)
        Mean and standard deviation of the columns of numbers, without missing values; 0 and 1 where there are none, and
        a standard deviation of 0 is 1.
    encoder_ : sklearn.preprocessing.OneHotEncoder or None
        What encodes the categories, if there are some.
    is_categorical_ : ndarray of bool of shape (`n_features_in_`,)
        Which columns are categories.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns seen in `fit`, if they are all strings.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdeep import TableEncoder
    >>> X = pd.DataFrame(
    ...     {"age": [22, 35, None, 51], "city": ["Bonn", "Ulm", "Bonn", None]}
    ... )
    >>> encoder = TableEncoder().fit(X)
    >>> encoder.get_feature_names_out().tolist()
    ['age', 'missing_age', 'city_Bonn', 'city_Ulm', 'city_None']
    >>> encoder.transform(X).round(2)
    array([[-1.1 ,  0.  ,  1.  ,  0.  ,  0.  ],
           [-0.08,  0.  ,  0.  ,  1.  ,  0.  ],
           [ 0.  ,  1.  ,  1.  ,  0.  ,  0.  ],
           [ 1.17,  0.  ,  0.  ,  0.  ,  1.  ]], dtype=float32)
    """

    mean_: np.ndarray
    scale_: np.ndarray
    encoder_: OneHotEncoder | None
    is_categorical_: np.ndarray
    n_features_in_: int
    feature_names_in_: np.ndarray
    _parameter_constraints = {
        "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
        "clip": [Interval(Real, 0, None, closed="neither"), None],
        "max_categories": [Interval(Integral, 2, None, closed="left"), None],
        "dtype": [StrOptions({"float32", "float64"})],
    }

    def __init__(
        self,
        *,
        categorical_features: ArrayLike | str | None = "from_dtype",
        clip: float | None = 3.0,
        max_categories: int | None = 100,
        dtype: str = "float32",
    ) -> None:
        self.categorical_features = categorical_features
        self.clip = clip
        self.max_categories = max_categories
        self.dtype = dtype

    @fit_context(prefer_skip_nested_validation=True)
    @as_task
    def fit(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Learn means, standard deviations and categories.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            Training data: numbers, strings and categories. None, NaN and NA are missing values.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in means and standard deviations. Nothing is learned of a row of weight 0.

        Returns
        -------
        self : estimator
            The fitted transformer.

        Raises
        ------
        ValueError
            If a column holds dates, both numbers and strings, or infinite numbers; the message names it.
        TypeError
            If X is a sparse matrix.
        """
        with restored_on_error(self):
            columns = self._columns(X, reset=True)
            index, weight = weighted_rows(sample_weight, columns[0].values)
            if weight is not None:
                columns = [column.rows(index) for column in columns]
                weight = with_mean_one(weight)
            is_categorical = self._categorical(columns)
            numbers = _numbers(columns, ~is_categorical)
            is_missing = np.isnan(numbers)
            self.mean_, self.scale_ = np.zeros(numbers.shape[1]), np.ones(numbers.shape[1])
            is_known = ~is_missing.all(axis=0)
            if is_known.any():
                with np.errstate(all="ignore"):  # what is too large is told below
                    # Which leaves missing values out.
                    scaler = StandardScaler().fit(numbers[:, is_known], sample_weight=weight)
                self.mean_[is_known], self.scale_[is_known] = scaler.mean_, scaler.scale_
            for place in np.flatnonzero(~(np.isfinite(self.mean_) & np.isfinite(self.scale_))):
                name = _chosen(columns, ~is_categorical)[place].name
                raise ValueError(f"{name} holds numbers too large to have a standard deviation in float64.")
            self._has_missing = is_missing.any(axis=0)
            self.is_categorical_ = is_categorical
            self._kinds = [column.kind for column in columns]
            self.encoder_ = None
            if is_categorical.any():
                encoder = OneHotEncoder(
                    handle_unknown="infrequent_if_exist",
                    max_categories=self.max_categories,
                    sparse_output=False,
                    dtype=self.dtype,
                )
                self.encoder_ = encoder.set_output(transform="default").fit(self._categories(columns))
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Encode a table.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            Columns as in `fit`.

        Returns
        -------
        X_out : ndarray of shape (n_samples, n_features_out)
            The columns of numbers, those that say where these were missing, and those of the categories.

        Raises
        ------
        ValueError
            If a column does not hold what it held in `fit`; the message names it.
        """
        check_is_fitted(self)
        return self._encoded(self._columns(X, reset=False))

    def _encoded(self, columns):
        """Return columns of the kinds of `fit` as one array."""
        for column, kind in zip(columns, self._kinds, strict=True):
            column.check_kind(kind)
        # Of a column without values nothing was learned by which there could be sense in those that come later.
        pairs = zip(columns, self._kinds, strict=True)
        columns = [column.without_values() if kind is None else column for column, kind in pairs]
        numbers = _numbers(columns, ~self.is_categorical_)
        is_missing = np.isnan(numbers)
        numbers = np.where(is_missing, 0, (numbers - self.mean_) / self.scale_)
        if self.clip is not None:
            numbers /= np.hypot(1, numbers / self.clip)  # which does not overflow
        parts = [numbers, is_missing[:, self._has_missing]]
        if self.encoder_ is not None:
            parts.append(self.encoder_.transform(self._categories(columns)))
        return np.concatenate([part.astype(self.dtype, copy=False) for part in parts], axis=1)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Get the names of the output columns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X.

        Returns
        -------
        feature_names_out : ndarray of str
            Those of numbers as they are, ``missing_...`` of those with missing values, and column and category such as
            "city_Bonn".
        """
        check_is_fitted(self)
        names = check_feature_names_in(self, input_features)
        numeric = names[~self.is_categorical_]
        parts = [numeric, [f"missing_{name}" for name in numeric[self._has_missing]]]
        if self.encoder_ is not None:
            parts.append(self.encoder_.get_feature_names_out(names[self.is_categorical_]))
        return np.concatenate([np.asarray(part, dtype=object) for part in parts])

    def _columns(self, X, *, reset):
        """Return the columns of X."""
        check_not_sparse(X, type(self).__name__)
        if is_frame(X):
            validate_data(self, X, reset=reset, skip_check_array=True)
        else:
            X = validate_data(self, with_kinds(X), reset=reset, dtype=None, ensure_all_finite=False)
        return columns_of(X)

    def _categorical(self, columns):
        """Return a mask of the columns that are categories."""
        given = self.categorical_features
        if isinstance(given, str):
            return np.array([column.is_category for column in columns])
        mask = np.zeros(len(columns), dtype=bool)
        if given is None:
            return mask
        given = np.asarray(given)
        if not given.size:
            return mask
        if given.dtype.kind in "UO":
            names = getattr(self, "feature_names_in_", np.array([]))
            unknown = [str(name) for name in given if name not in names]
            if unknown:
                raise ValueError(
                    f"categorical_features has {unknown[0]!r}, which is no column of X. Its columns are "
                    + (", ".join(map(repr, names)) if len(names) else "without names")
                    + "."
                )
            given = [list(names).index(name) for name in given]
        elif given.dtype.kind == "b" and given.shape != mask.shape:
            raise ValueError(f"categorical_features is a mask of {len(given)} columns, but X has {len(columns)}.")
        elif given.dtype.kind not in "biu" or not -1 < given.min() <= given.max() < len(columns):
            raise ValueError(
                f"categorical_features must have names, a mask, or indices from 0 to {len(columns) - 1}. "
                f"Got {self.categorical_features!r}."
            )
        mask[given] = True
        return mask

    def _categories(self, columns):
        return np.stack([column.as_categories() for column in _chosen(columns, self.is_categorical_)], axis=1)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = [self.dtype]
        return tags


def _chosen(columns, mask):
    return [column for column, is_chosen in zip(columns, mask, strict=True) if is_chosen]


def _numbers(columns, mask):
    numbers = [column.as_numbers() for column in _chosen(columns, mask)]
    return np.stack(numbers, axis=1) if numbers else np.empty((len(columns[0].values), 0))
