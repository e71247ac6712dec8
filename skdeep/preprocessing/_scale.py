from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, gen_batches
from sklearn.utils.validation import FLOAT_DTYPES, check_is_fitted

from skdeep._common.private_sklearn import Interval, fit_context
from skdeep._common.typing import Ints
from skdeep._data.validation import restored_on_error
from skdeep.preprocessing._base import ArrayTransformer, as_task

_CHUNK_VALUES = 2**21


class ScaleToUnit(ArrayTransformer):
    r"""Divide by the largest possible value, such as 255 for pixels.

    .. math:: x' = x / x_{\max}

    Values from 0 to :math:`x_{\max}` come to lie between 0 and 1, negative ones down to -1.

    Parameters
    ----------
    max_value : float, default=None
        The divisor :math:`x_{\max}`. None is 255 for uint8, 65535 for uint16, and otherwise the largest absolute value
        in the training data (1 if all are 0).

    Attributes
    ----------
    max_value_ : float
        The divisor.
    sample_shape_ : tuple of int
        Shape of one sample in `fit`.
    n_features_in_ : int
        Length of the second axis of X in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen in `fit`, if they are all strings.

    See Also
    --------
    ZScore : Mean 0 and standard deviation 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep import ScaleToUnit
    >>> ScaleToUnit().fit_transform(np.array([[0, 51], [102, 255]], dtype=np.uint8))
    array([[0. , 0.2],
           [0.4, 1. ]], dtype=float32)
    >>> ScaleToUnit().fit_transform([[-2.0, 1.0], [4.0, 0.0]])
    array([[-0.5 ,  0.25],
           [ 1.  ,  0.  ]], dtype=float32)
    """

    max_value_: float
    _parameter_constraints = {"max_value": [Interval(Real, 0, None, closed="neither"), None]}

    def __init__(self, max_value: float | None = None) -> None:
        self.max_value = max_value

    @fit_context(prefer_skip_nested_validation=True)
    @as_task
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn the divisor.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Training data.
        y : None
            Ignored.

        Returns
        -------
        self : estimator
            The fitted transformer.
        """
        X = self._validate(X, reset=True)
        if self.max_value is not None:
            self.max_value_ = float(self.max_value)
        elif X.dtype in (np.uint8, np.uint16):
            self.max_value_ = float(np.iinfo(X.dtype).max)
        else:
            self.max_value_ = max(float(X.max()), -float(X.min())) or 1.0
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Divide.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples of the shape seen in `fit`.

        Returns
        -------
        X_out : ndarray of the shape of X, float32
            The quotients.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        if X.dtype.itemsize > 4:
            # First divided, then rounded: the values need not lie in the range of float32.
            return np.divide(X, float(self.max_value_), dtype=np.float64).astype(np.float32)
        return np.divide(X, float(self.max_value_), dtype=np.float32, casting="unsafe")

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Multiply.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Output of `transform`.

        Returns
        -------
        X_original : ndarray of the shape of X, float32
            The products; not rounded, so whole numbers come back up to the precision of float32.
        """
        check_is_fitted(self)
        X = check_array(X, dtype=np.float32, allow_nd=True, input_name="X")
        self._check_samples(X, self.sample_shape_)
        return X * np.float32(self.max_value_)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Get the names of the output features.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features of a table.

        Returns
        -------
        feature_names_out : ndarray of str
            The names of the features; for images one for each value, such as "x3_5" for row 3, column 5.
        """
        check_is_fitted(self)
        return self._feature_names(input_features, self.sample_shape_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class ZScore(ArrayTransformer):
    r"""Subtract the mean and divide by the standard deviation of the training data.

    .. math:: x' = (x - \mu) / \sigma

    Parameters
    ----------
    axis : None, int or tuple of int, default=None
        Axes over which mean :math:`\mu` and standard deviation :math:`\sigma` are taken, as in `numpy.mean`. None is
        all axes: one mean and one deviation. For tables and images, 0 is one for each feature or pixel; for images with
        channels, ``(0, 1, 2)`` is one for each channel. Axis 0, the samples, must be among them.

    Attributes
    ----------
    mean_ : ndarray
        Mean of the training data; broadcasts against X.
    scale_ : ndarray
        Standard deviation of the training data, 1 where the data are constant; broadcasts against X.
    sample_shape_ : tuple of int
        Shape of one sample in `fit`.
    n_features_in_ : int
        Length of the second axis of X in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen in `fit`, if they are all strings.

    See Also
    --------
    sklearn.preprocessing.StandardScaler : The same for each feature of a table, also sparse.
    ScaleToUnit : Values between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep import ZScore
    >>> X = np.array([[1.0, 10.0], [3.0, 10.0]])
    >>> ZScore(axis=0).fit_transform(X)
    array([[-1.,  0.],
           [ 1.,  0.]])
    >>> zscore = ZScore().fit(X)
    >>> zscore.mean_, zscore.scale_.round(2)
    (array([[6.]]), array([[4.06]]))
    """

    mean_: np.ndarray
    scale_: np.ndarray
    _parameter_constraints = {"axis": [Integral, "array-like", None]}

    def __init__(self, axis: Ints | None = None) -> None:
        self.axis = axis

    @fit_context(prefer_skip_nested_validation=True)
    @as_task
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn mean and standard deviation.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Training data.
        y : None
            Ignored.

        Returns
        -------
        self : estimator
            The fitted transformer.

        Raises
        ------
        ValueError
            If `axis` does not exist in X, or leaves out the samples.
        """
        with restored_on_error(self):
            X = self._validate(X, reset=True)
            axis = self._resolve_axis(X.ndim)
        # In float64 and chunk by chunk, so that images of uint8 are not copied whole into eight times the memory.
        n_values = np.prod([X.shape[a] for a in axis])
        chunks = list(gen_batches(X.shape[0], max(1, _CHUNK_VALUES // max(1, X[0].size))))
        total = sum(X[chunk].sum(axis=axis, keepdims=True, dtype=np.float64) for chunk in chunks)
        mean = total / n_values
        squares = sum(np.square(X[chunk] - mean).sum(axis=axis, keepdims=True) for chunk in chunks)
        deviation = np.sqrt(squares / n_values)
        low, high = X.min(axis=axis, keepdims=True), X.max(axis=axis, keepdims=True)
        self.mean_ = np.where(low == high, low, mean)
        # Values that differ by less than the rounding of their mean count as constant.
        constant = (low == high) | (deviation <= 10 * np.finfo(np.float64).eps * np.abs(mean))
        self.scale_ = np.where(constant, 1.0, deviation)
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Subtract the mean and divide by the standard deviation.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples of the shape seen in `fit`.

        Returns
        -------
        X_out : ndarray of the shape of X
            The scores; float64 for float64, float32 for any other dtype.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        dtype = np.float64 if X.dtype == np.float64 else np.float32
        # Large whole numbers do not fit into float32 before the mean is taken off.
        work_dtype = np.float64 if X.dtype.kind in "iu" and X.dtype.itemsize > 2 else dtype
        # The shape is that of X, whatever a file says that the mean is.
        X = np.subtract(X, np.broadcast_to(self.mean_, X.shape), dtype=work_dtype, casting="unsafe")
        X /= self.scale_.astype(work_dtype)
        return X.astype(dtype, copy=False)

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Multiply by the standard deviation and add the mean.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Output of `transform`.

        Returns
        -------
        X_original : ndarray of the shape of X
            In the units of the training data.
        """
        check_is_fitted(self)
        X = check_array(X, dtype=FLOAT_DTYPES, allow_nd=True, input_name="X")
        self._check_samples(X, self.sample_shape_)
        X = X * self.scale_.astype(X.dtype)
        X += self.mean_.astype(X.dtype)
        return X

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Get the names of the output features.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features of a table.

        Returns
        -------
        feature_names_out : ndarray of str
            The names of the features; for images one for each value, such as "x3_5" for row 3, column 5.
        """
        check_is_fitted(self)
        return self._feature_names(input_features, self.sample_shape_)

    def _resolve_axis(self, ndim):
        if self.axis is None:
            return tuple(range(ndim))
        axis = (self.axis,) if isinstance(self.axis, Integral) else tuple(self.axis)
        if not all(isinstance(a, Integral) and -ndim <= a < ndim for a in axis) or 0 not in [a % ndim for a in axis]:
            raise ValueError(
                f"axis must be None, an axis of X or several, and hold axis 0, the samples. Got {self.axis!r} for X of "
                f"{ndim} dimensions."
            )
        return tuple(sorted({int(a) % ndim for a in axis}))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
