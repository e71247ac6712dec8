"""The regressors: ready-made networks for numbers as targets."""

from skdeep.regressors._cnn import CNNRegressor
from skdeep.regressors._dnn import DNNRegressor
from skdeep.regressors._mlp import MLPRegressor

__all__ = ["CNNRegressor", "DNNRegressor", "MLPRegressor"]
