"""Estimators for Keras models of your own, with the parameters of scikeras's, and a container of several arrays."""

from skdeep._data.named_arrays import NamedArrays
from skdeep.wrappers._base_wrapper import BaseWrapper
from skdeep.wrappers._classifier import KerasClassifier
from skdeep.wrappers._regressor import KerasRegressor
from skdeep.wrappers._transformer import KerasTransformer

__all__ = ["BaseWrapper", "KerasClassifier", "KerasRegressor", "KerasTransformer", "NamedArrays"]
