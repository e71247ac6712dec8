"""The base of the estimators for Keras models of the user's own whose targets are numbers."""

from __future__ import annotations

import numpy as np
from scipy.sparse import issparse
from sklearn.metrics import r2_score
from sklearn.utils import check_array

from skdeep._common.user_warnings import warn
from skdeep._data.named_arrays import NamedArrays
from skdeep._data.numeric_targets import as_number_array
from skdeep._data.scales import trouble_with_numbers
from skdeep._data.several_targets import SeveralTargets, learn_several
from skdeep._data.validation import without_missing
from skdeep._estimators.keras_wrapper import KerasModelEstimator
from skdeep._estimators.regression import NumbersMixin
from skdeep._keras.units import gives_numbers_as_they_are


class NumberModelEstimator(NumbersMixin, KerasModelEstimator):
    """Base class of `skdeep.KerasRegressor` and `skdeep.KerasTransformer`."""

    def _scales_targets(self):
        return vars(self).get("scale_targets", False)  # subclasses and older files may have none

    def _warn_of_units(self, X, y, network):
        super()._warn_of_units(X, y, network)
        with network.looked_at() as model:
            is_plain = not self._scales_targets() and gives_numbers_as_they_are(model)
        is_table = isinstance(y, np.ndarray) and y.ndim <= 2 and y.dtype.kind in "biuf"
        trouble = trouble_with_numbers(y) if is_plain and is_table else None
        if trouble is not None:
            warn(trouble)

    def _check_y(self, y, name):
        return self._checked_y(y, name, self._checked_numbers, self._checked_numbers)

    def _checked_numbers(self, y, name):
        if issparse(y) or np.asarray(y).ndim <= 2:
            return super()._check_y(y, name)
        checks = {"allow_nd": True, "ensure_2d": False, "dtype": "numeric"}
        return as_number_array(check_array(without_missing(y, name), input_name=name, estimator=self, **checks), name)

    def _learn_targets(self, y, weight):
        if hasattr(type(self), "target_encoder"):
            targets = self._encoded_targets(y)
        elif isinstance(y, NamedArrays):
            targets = learn_several(y, weight, numbers=True, scaled=self._scales_targets())
        else:
            targets = super()._learn_targets(y, weight)
        return self._set_meta(y, targets)

    def _set_meta(self, y, targets):
        super()._set_meta(y, targets)
        if isinstance(targets, SeveralTargets):
            self.n_outputs_ = targets.n_outputs
        return targets

    def _r2_score(self, X, y, sample_weight=None, multioutput="uniform_average"):
        """Return the coefficient of determination, of numbers of any shape."""
        predicted = self._outputs(X, "predictions", "whole")
        y = y.toarray() if issparse(y) else np.asarray(y)
        if y.ndim > 2:
            y, predicted = y.reshape(len(y), -1), predicted.reshape(len(y), -1)
        return r2_score(y, predicted, sample_weight=sample_weight, multioutput=multioutput)
