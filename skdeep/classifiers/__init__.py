"""The public classifiers: their parameters, and the network that each builds."""

from skdeep.classifiers._cnn import CNNClassifier
from skdeep.classifiers._dnn import DNNClassifier
from skdeep.classifiers._mlp import MLPClassifier
from skdeep.classifiers._table import TableClassifier

__all__ = ["CNNClassifier", "DNNClassifier", "MLPClassifier", "TableClassifier"]
