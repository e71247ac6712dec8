"""Estimators for Keras models of your own, with the parameters of scikeras's."""

from skdeep.wrappers._classifier import KerasClassifier
from skdeep.wrappers._regressor import KerasRegressor

__all__ = ["KerasClassifier", "KerasRegressor"]
