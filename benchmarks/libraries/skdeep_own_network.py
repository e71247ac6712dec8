"""skdeep with the function that scikeras gets: an import is all that differs."""

import functools

import skdeep.compilation  # noqa: F401 (imports TensorFlow, Keras and scikeras, as skdeep does at the first fit)
from skdeep.wrappers import KerasClassifier

from libraries import scikeras

LEARNING_RATE = scikeras.LEARNING_RATE
make = functools.partial(scikeras.make, wrapper=KerasClassifier)
grid = scikeras.grid
