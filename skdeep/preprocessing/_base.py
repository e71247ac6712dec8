"""What the transformers of arrays with any number of dimensions share."""

from __future__ import annotations

import functools
import itertools
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skdeep._common.private_sklearn import check_feature_names_in, wrap_data_with_container
from skdeep._common.typing import Method
from skdeep._data.validation import as_numbers, explained, restored_on_error


def as_task(fit: Method) -> Method:
    """Tell scikit-learn's callbacks when a `fit` or `fit_transform` begins and ends."""

    @functools.wraps(fit)
    def fit_as_task(self, X, y=None, *args, **kwargs):
        task = self._init_callback_context()
        task.call_on_fit_task_begin(estimator=self, X=X, y=y)
        result = fit(self, X, y, *args, **kwargs)
        task.call_on_fit_task_end(estimator=self, X=X, y=y, reconstruction_attributes={})
        return result

    return cast("Method", fit_as_task)


def _with_tables_as_frames(transform):
    """Let tables come out in the container that `set_output` names; frames have no more axes."""

    @functools.wraps(transform)
    def transform_to_container(self, X):
        X_out = transform(self, X)
        return wrap_data_with_container("transform", X_out, X, self) if X_out.ndim == 2 else X_out

    return transform_to_container


class ArrayTransformer(CallbackSupportMixin, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Base of the transformers that take arrays of shape (n_samples, ...) and remember the shape of one sample."""

    sample_shape_: tuple[int, ...]
    n_features_in_: int
    feature_names_in_: np.ndarray

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "transform" in vars(cls):  # in which scikit-learn makes frames of whatever comes out
            cls.transform = _with_tables_as_frames(cls.transform.__wrapped__)

    def fit_transform(self, X: ArrayLike, y: Any = None) -> np.ndarray:
        """Fit to X, then transform it.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Training data.
        y : None
            Ignored.

        Returns
        -------
        X_out : ndarray of shape (n_samples, ...)
            What `transform` gives for X.
        """
        return self.fit(X, y).transform(X)

    def _validate(self, X, *, reset, **checks):
        with restored_on_error(self), explained(X):
            if not reset and len(self.sample_shape_) > 1:
                # For images scikit-learn would compare heights alone, and call them features.
                X = check_array(X, allow_nd=True, input_name="X", estimator=self, **checks)
            else:
                X = validate_data(self, X, reset=reset, allow_nd=True, **checks)
            X = as_numbers(X)
            if reset:
                self.sample_shape_ = X.shape[1:]
            self._check_samples(X, self.sample_shape_)
        return X

    def _check_samples(self, X, shape):
        if X.shape[1:] != shape:
            raise ValueError(
                f"X has samples of shape {X.shape[1:]}, but {type(self).__name__} is expecting them of shape {shape}."
            )

    def _feature_names(self, input_features, shape):
        """Return the names of the input for a table of the same width, else one for each value, such as "x3_5"."""
        if len(self.sample_shape_) == 1 and len(shape) == 1:
            return check_feature_names_in(self, input_features)
        places = itertools.product(*(range(size) for size in shape))
        return np.array(["x" + "_".join(map(str, place)) for place in places], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
