from __future__ import annotations

import math
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skdeep._common.private_sklearn import fit_context
from skdeep._common.typing import Ints
from skdeep._data.validation import restored_on_error
from skdeep.preprocessing._base import ArrayTransformer, as_task


class Reshape(ArrayTransformer):
    """Give every sample another shape.

    Parameters
    ----------
    shape : int or tuple of int, default=(-1,)
        Shape of one sample in the output, such as ``(28, 28, 1)``. One entry may be -1 and is then whatever is left.

    Attributes
    ----------
    shape_ : tuple of int
        Shape of one sample in the output.
    sample_shape_ : tuple of int
        Shape of one sample in `fit`.
    n_features_in_ : int
        Length of the second axis of X in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen in `fit`, if they are all strings.

    See Also
    --------
    Flatten : Every sample to one flat row.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep import Reshape
    >>> rows = np.arange(12).reshape(2, 6)
    >>> reshape = Reshape((2, -1, 1)).fit(rows)
    >>> images = reshape.transform(rows)
    >>> images.shape
    (2, 2, 3, 1)
    >>> reshape.inverse_transform(images).tolist()
    [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    """

    shape_: tuple[int, ...]
    _parameter_constraints = {"shape": [Integral, "array-like"]}

    def __init__(self, shape: Ints = (-1,)) -> None:
        self.shape = shape

    @fit_context(prefer_skip_nested_validation=True)
    @as_task
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn the shape of a sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples; only their shape is used.
        y : None
            Ignored.

        Returns
        -------
        self : estimator
            The fitted transformer.

        Raises
        ------
        ValueError
            If `shape` is no shape, or does not fit the samples.
        """
        with restored_on_error(self):
            X = self._validate(X, reset=True, ensure_all_finite=False)
            self.shape_ = _resolve(self.shape, X.shape[1:])
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Reshape every sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples of the shape seen in `fit`.

        Returns
        -------
        X_out : ndarray of shape (n_samples, ...)
            Samples of the new shape; dtype as X. It shares memory with X where numpy can do that.
        """
        check_is_fitted(self)
        return self._validate(X, reset=False, ensure_all_finite=False).reshape(-1, *self.shape_)

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Reshape every sample back.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples of the shape that `transform` gives.

        Returns
        -------
        X_original : ndarray of shape (n_samples, ...)
            Samples of the shape seen in `fit`.
        """
        check_is_fitted(self)
        X = check_array(X, dtype="numeric", allow_nd=True, ensure_all_finite=False, input_name="X")
        self._check_samples(X, self.shape_)
        return X.reshape(-1, *self.sample_shape_)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Get the names of the output features.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features of a table, which keep them if the output is a table, too.

        Returns
        -------
        feature_names_out : ndarray of str
            One name for each value of a sample, such as "x3_5" for row 3, column 5 of an image.
        """
        check_is_fitted(self)
        kept = self.sample_shape_ if len(self.shape_) == 1 else self.shape_
        return self._feature_names(input_features, kept)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32", "uint8"]
        return tags


class Flatten(Reshape):
    """Make every sample one flat row, as tables and dense networks have them.

    Attributes
    ----------
    shape_ : tuple of one int
        Length of a row.
    sample_shape_ : tuple of int
        Shape of one sample in `fit`.
    n_features_in_ : int
        Length of the second axis of X in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen in `fit`, if they are all strings.

    See Also
    --------
    Reshape : Any other shape.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import Flatten
    >>> images = load_digits().images
    >>> images.shape
    (1797, 8, 8)
    >>> flatten = Flatten().fit(images)
    >>> flatten.transform(images).shape
    (1797, 64)
    >>> flatten.get_feature_names_out()[:10].tolist()
    ['x0_0', 'x0_1', 'x0_2', 'x0_3', 'x0_4', 'x0_5', 'x0_6', 'x0_7', 'x1_0', 'x1_1']
    """

    _parameter_constraints = {}
    shape = (-1,)

    def __init__(self) -> None:
        pass


def _resolve(shape, sample_shape):
    """Return `shape` without its -1, for samples of `sample_shape`."""
    sizes = (shape,) if isinstance(shape, Integral) else tuple(shape)
    if not all(isinstance(size, Integral) and (size > 0 or size == -1) for size in sizes) or sizes.count(-1) > 1:
        raise ValueError(f"shape must be positive ints, of which one may be -1 instead. Got {shape!r}.")
    n_values = math.prod(sample_shape)
    known = math.prod(size for size in sizes if size != -1)
    if n_values % known or (-1 not in sizes and known != n_values):
        raise ValueError(f"shape={shape!r} does not fit samples of shape {sample_shape}, which have {n_values} values.")
    return tuple(int(n_values // known if size == -1 else size) for size in sizes)
