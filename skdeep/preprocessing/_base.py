"""What the transformers of arrays with any number of dimensions share."""

import functools
import itertools

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_array
from sklearn.utils.validation import _check_feature_names_in, validate_data

from skdeep.validation import as_numbers, restored_on_error


def as_task(fit):
    """Tell scikit-learn's callbacks when a `fit` or `fit_transform` begins and ends."""

    @functools.wraps(fit)
    def fit_as_task(self, X, y=None):
        task = self._init_callback_context()
        task.call_on_fit_task_begin(estimator=self, X=X, y=y)
        result = fit(self, X, y)
        task.call_on_fit_task_end(estimator=self, X=X, y=y, reconstruction_attributes={})
        return result

    return fit_as_task


class ArrayTransformer(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Base of the transformers that take arrays of shape (n_samples, ...) and remember the shape of one sample."""

    def _validate(self, X, *, reset, **checks):
        with restored_on_error(self):
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
            return _check_feature_names_in(self, input_features)
        places = itertools.product(*(range(size) for size in shape))
        return np.array(["x" + "_".join(map(str, place)) for place in places], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
