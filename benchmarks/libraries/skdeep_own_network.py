"""skdeep with the function that scikeras gets: an import is all that differs."""

import functools

import skdeep._networks.compilation  # noqa: F401 (imports TensorFlow, Keras and scikeras, as skdeep does at the first fit)
from libraries import scikeras
from skdeep.wrappers import KerasClassifier

LEARNING_RATE = scikeras.LEARNING_RATE
make = functools.partial(scikeras.make, wrapper=KerasClassifier)
grid = scikeras.grid
