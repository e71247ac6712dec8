from __future__ import annotations

from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import check_array
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from skdeep._common.private_sklearn import Interval, fit_context
from skdeep.preprocessing._base import as_task


class OneHot(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Labels to rows with a single 1, and back.

    A thin layer over scikit-learn's `OneHotEncoder`, which takes tables only and makes sparse float64. The classifiers
    of skdeep do not need it: they take labels as they are.

    Parameters
    ----------
    n_classes : int, default=None
        Number of classes; labels are then 0 to n_classes - 1. None learns the labels from the training data.

    Attributes
    ----------
    encoder_ : sklearn.preprocessing.OneHotEncoder
        The fitted encoder; ``encoder_.categories_`` has the labels.
    n_features_in_ : int
        Number of columns of labels; 1 for an array of shape (n_samples,).
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns seen in `fit`, if they are all strings.

    See Also
    --------
    sklearn.preprocessing.OneHotEncoder : For categorical features, with more options.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep import OneHot
    >>> one_hot = OneHot().fit(["dog", "cat", "dog"])
    >>> one_hot.transform(["cat", "dog"])
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    >>> one_hot.inverse_transform([[0.1, 0.9]]).tolist()
    ['dog']
    >>> OneHot(n_classes=4).fit_transform(np.array([3, 1]))
    array([[0., 0., 0., 1.],
           [0., 1., 0., 0.]], dtype=float32)
    """

    encoder_: OneHotEncoder
    n_features_in_: int
    feature_names_in_: np.ndarray
    _parameter_constraints = {"n_classes": [Interval(Integral, 1, None, closed="left"), None]}

    def __init__(self, n_classes: int | None = None) -> None:
        self.n_classes = n_classes

    @fit_context(prefer_skip_nested_validation=True)
    @as_task
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn the labels.

        Parameters
        ----------
        X : array-like of shape (n_samples,), (n_samples, 1) or (n_samples, n_columns)
            Labels; several columns are encoded side by side.
        y : None
            Ignored.

        Returns
        -------
        self : estimator
            The fitted transformer.

        Raises
        ------
        ValueError
            If X has labels other than 0 to n_classes - 1, or is a flat array of numbers that are not whole.
        """
        is_flat = np.asarray(X).ndim == 1
        if is_flat:
            kind = type_of_target(np.asarray(X), input_name="X", raise_unknown=True)
            if kind == "continuous":
                raise ValueError("Unknown label type: continuous. X holds numbers that are no labels.")
            X = _column(X)
        categories = "auto"
        if self.n_classes is not None:
            n_columns = check_array(X, dtype=None, ensure_all_finite=False, input_name="X").shape[1]
            categories = [np.arange(self.n_classes)] * n_columns
        encoder = OneHotEncoder(categories=categories, sparse_output=False, dtype=np.float32).fit(X)
        self.encoder_ = encoder
        self._is_flat = is_flat
        self.n_features_in_ = encoder.n_features_in_
        if hasattr(encoder, "feature_names_in_"):
            self.feature_names_in_ = encoder.feature_names_in_
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Encode labels.

        Parameters
        ----------
        X : array-like of shape (n_samples,), (n_samples, 1) or (n_samples, n_columns)
            Labels seen in `fit`.

        Returns
        -------
        X_out : ndarray of shape (n_samples, n_classes), float32
            Rows with a 1 for the label (for each column of labels) and 0 elsewhere.

        Raises
        ------
        ValueError
            If there is a label that `fit` has not seen; the message names it.
        """
        check_is_fitted(self)
        if self.n_features_in_ == 1 and np.asarray(X).ndim == 1:
            X = _column(X)
            if self.encoder_.categories_[0].dtype.kind in "OU":
                X = X.astype(object)  # so that a number is an unknown label, too
        return self.encoder_.transform(X)

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Decode rows to labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_classes)
            One-hot rows, or probabilities: the label of the largest value in a row is taken. A row of zeros is an
            error.

        Returns
        -------
        labels : ndarray of the shape that the labels had in `fit`
            The labels.
        """
        check_is_fitted(self)
        labels = self.encoder_.inverse_transform(check_array(X, input_name="X"))
        return labels.ravel() if self._is_flat else labels

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Get the names of the output columns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of labels.

        Returns
        -------
        feature_names_out : ndarray of str
            Column and label, such as "x0_dog".
        """
        check_is_fitted(self)
        return self.encoder_.get_feature_names_out(input_features)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _column(labels):
    return np.asarray(labels)[:, np.newaxis]
