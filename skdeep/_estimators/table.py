"""Estimators that take tables as they are: what they learn of the columns, and networks side by side behind it."""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from skdeep._common.states import check_attributes
from skdeep._data.columns import check_not_sparse, columns_of, is_frame, with_kinds
from skdeep._data.validation import check_kind
from skdeep._estimators.built_in import BuiltInEstimator, check_is_table
from skdeep._networks.built_in import Architecture

_OF_NETWORK = (
    *("n_networks", "hidden_layer_sizes", "activation", "dropout"),
    *("n_frequencies", "frequency_init_scale", "embedding_size", "dtype_policy"),
)


class TableEstimator(BuiltInEstimator):
    """Base class of the estimators for tables with columns of any kind."""

    preprocessor_: Any

    @abstractmethod
    def _new_preprocessor(self):
        """Return the `skdeep.TableEncoder` that makes numbers of the columns, not fitted."""

    def _validate_X(self, X, *, reset, dtype):
        name = type(self).__name__
        check_not_sparse(X, name)
        check_is_table(X, name)
        goes_on = reset and self._goes_on()
        reset = reset and not goes_on
        check_kind(X)
        if is_frame(X):
            validate_data(self, X, reset=reset, skip_check_array=True)
        else:
            X = validate_data(self, with_kinds(X), reset=reset, dtype=None, ensure_all_finite=False)
        if goes_on:
            self._check_preprocessor()
        return X if reset else self._encoded(X)

    def _check_preprocessor(self):
        """Raise if ``warm_start=True`` shall go on with other columns than those that were learned."""
        old, new = self.preprocessor_.get_params(), self._new_preprocessor().get_params()
        for name in ("categorical_features", "max_categories"):
            if not np.array_equal(old[name], new[name]):
                raise ValueError(
                    "warm_start=True goes on with what the earlier fit learned of the columns, but "
                    f"{name} was {old[name]!r} then, and now is {new[name]!r}."
                )
        if old["dtype"] != new["dtype"]:
            self.preprocessor_ = copy.copy(self.preprocessor_).set_params(dtype=new["dtype"])

    def _encoded(self, X):
        """Return what the preprocessor makes of a table whose columns were checked; always an array."""
        return self.preprocessor_._encoded(columns_of(X))

    def _learn_X(self, X, index, weight):
        if self._goes_on():  # its X is transformed already
            return X
        self.preprocessor_ = self._new_preprocessor()
        if weight is not None:
            weight = np.bincount(index, weight, minlength=X.shape[0])
        self.preprocessor_.fit(X, sample_weight=weight)
        return self._encoded(X)

    def _goes_on(self):
        """Whether `fit` goes on with what an earlier one learned of the columns."""
        return self.warm_start and hasattr(self, "_network")

    def _row_shape(self, X, *, reset):
        return (X.shape[1],)

    def _initializers(self):
        return {"kernel": "glorot_uniform", "bias": "zeros"}

    def _first_weights(self):
        return None

    def _architecture(self, row_shape, head, l2):
        parameters = {name: getattr(self, name) for name in _OF_NETWORK}
        parameters["frequency_scale"] = parameters.pop("frequency_init_scale")
        n_numbers = int(np.sum(~self.preprocessor_.is_categorical_))
        # The penalty is of each network, and the loss is the mean of theirs.
        parameters |= {"n_numbers": n_numbers, "output_activation": head.activation, "l2": l2 / self.n_networks}
        return Architecture("build_table", row_shape, head.n_outputs, parameters)

    def _batch_size(self, n_rows):
        if self.batch_size != "auto":
            return int(self.batch_size)
        return 32 if n_rows < 1000 else 128

    def _n_epochs(self, n_rows):
        if self.epochs != "auto":
            return int(self.epochs)
        return 100

    def __setstate__(self, state):
        super().__setstate__(state)
        kind = type(self._new_preprocessor())
        check_attributes(self, vars(self), preprocessor_=lambda value: isinstance(value, kind))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        return tags
