"""The regressors: ready-made networks for numbers as targets."""

from skdeep.regressors._cnn import CNNRegressor
from skdeep.regressors._dnn import DNNRegressor
from skdeep.regressors._mlp import MLPRegressor
from skdeep.regressors._table import TableRegressor

__all__ = ["CNNRegressor", "DNNRegressor", "MLPRegressor", "TableRegressor"]
