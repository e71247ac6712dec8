"""What regressors do beyond the base: numbers as targets, and as predictions.

The network learns numbers of mean 0 and standard deviation 1 (`NumericTargets` has the way there and back), so that the
learning rates and initial weights that suit a classifier suit whatever unit y is in.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from skdeep._common.private_sklearn import check_y, fit_context
from skdeep._common.typing import Data
from skdeep._data.numeric_targets import NumericTargets, as_number_array
from skdeep._data.objectives import keras_name
from skdeep._data.sampling import with_mean_one
from skdeep._data.spreads import NormalTargets, QuantileTargets, checked_quantiles
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

    _targets: Any

    def predict(
        self, X: Data, return_std: bool = False, return_quantiles: bool = False
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Predict, in the form that y had in `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or images
            Data in the form of `fit`.
        return_std : bool, default=False
            Whether to return the standard deviations, too, of an estimator with ``loss="gaussian_nll"``.
        return_quantiles : bool, default=False
            Whether to return the quantiles, too, of an estimator with `quantiles`.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs), float64
            Numbers in the unit of y; with `quantiles` the medians.
        y_std : ndarray of the shape of y, float64
            Standard deviations, if `return_std` is true.
        y_quantiles : ndarray of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles), float64
            The quantiles in their order, if `return_quantiles` is true.

        Raises
        ------
        ValueError
            If what is to be returned is not what the network learned.
        """
        if not (return_std or return_quantiles):
            return self._outputs(X, "predictions", "whole")
        check_is_fitted(self)
        if return_std and not isinstance(self._targets, NormalTargets):
            raise ValueError("return_std=True needs a regressor that was fitted with loss='gaussian_nll'.")
        if return_quantiles and not isinstance(self._targets, QuantileTargets):
            raise ValueError("return_quantiles=True needs a regressor that was fitted with quantiles.")
        return self._outputs(X, "values", "with_deviations" if return_std else "with_quantiles")

    def _learn_targets(self, y, weight):
        targets = super()._learn_targets(y, weight)
        quantiles, loss = getattr(self, "quantiles", None), keras_name(self.loss)
        if quantiles is not None:
            if self.loss != "mean_squared_error" and loss != "pinball":  # the default
                raise ValueError(
                    f"quantiles are learned by the pinball loss, so loss must be its default. Got {self.loss!r}."
                )
            if "loss__quantile" in vars(self):
                raise ValueError("loss__quantile and quantiles are the same setting; give only one of them.")
            return QuantileTargets.of(targets, quantiles=checked_quantiles(quantiles, "quantiles"))
        if isinstance(self.loss, str) and loss == NormalTargets.loss:
            if self.output_activation not in ("linear", None):
                raise ValueError(
                    f"output_activation must be 'linear' with loss='gaussian_nll', whose outputs are means and numbers "
                    f"that tell the standard deviations. Got {self.output_activation!r}."
                )
            return NormalTargets.of(targets)
        return targets

    def _loss_settings(self, targets):
        return {"loss__quantile": targets.learned} if isinstance(targets, QuantileTargets) else {}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
