"""What regressors do beyond the base: numbers as targets, and as predictions.

The network learns numbers of mean 0 and standard deviation 1 (`NumericTargets` has the way there and back), so that the
learning rates and initial weights that suit a classifier suit whatever unit y is in.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

from skdeep._common.private_sklearn import check_y, fit_context
from skdeep._common.typing import Data
from skdeep._data.numeric_targets import NumericTargets, as_number_array
from skdeep._data.sampling import with_mean_one
from skdeep._data.validation import without_missing
from skdeep._estimators.parameters import refuses_other_arguments


class NumbersMixin:
    """Mixin of estimators with numbers as targets, left of a subclass of `BaseDeepEstimator`."""

    n_outputs_: int
    _validate_params: Any
    _partial_fit: Any

    @refuses_other_arguments
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Data, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train for one more epoch on X and y, from where the last `fit` or `partial_fit` ended.

        The network and what it was compiled with, such as loss, optimizer and learning rate, stay those of the first
        call, and so do the mean and standard deviation of y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or images
            Training data in the form of earlier calls.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets in the form of earlier calls.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. Here they are not scaled, so that those of several calls can be compared.

        Returns
        -------
        self : estimator
            The trained estimator.

        Raises
        ------
        ValueError
            As `fit`; also for ``early_stopping=True``, which needs all data at once.
        KeyboardInterrupt
            At Ctrl-C; as in `fit`.
        """
        self._validate_params()  # which scikit-learn does in the first call only
        return self._partial_fit(X, y, sample_weight)

    def _scales_targets(self):
        """Whether the network learns y in units of its standard deviation."""
        return self.scale_targets

    def _check_y(self, y, name):
        y = check_y(without_missing(y, name), multi_output=True, y_numeric=True, estimator=self)
        return as_number_array(y, name)

    def _learn_targets(self, y, weight):
        return NumericTargets.learn(y, with_mean_one(weight), scaled=self._scales_targets())

    def _first_targets(self, y, weight, classes):
        return self._learn_targets(y, weight)


class DeepRegressorMixin(NumbersMixin, RegressorMixin):
    """Mixin of the regressors, left of a subclass of `skdeep._estimators.base.BaseDeepEstimator`."""

    def predict(self, X: Data) -> np.ndarray:
        """Predict, in the form that y had in `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or images
            Data in the form of `fit`.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs), float64
            Numbers in the unit of y.
        """
        return self._outputs(X, "predictions", "whole")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
