"""Measure how long it takes to import one library's estimator, make, clone, pickle and unpickle it.

    python benchmarks/measure_import.py LIBRARY

Nothing else is imported before time starts.
"""

import sys
import time


def skdeep():
    from skdeep import DNNClassifier

    return DNNClassifier()


def scikeras():
    from scikeras.wrappers import KerasClassifier

    return KerasClassifier(build)


def skorch():
    from skorch import NeuralNetClassifier
    from torch.nn import Linear

    return NeuralNetClassifier(Linear)


def scikit_learn():
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier()


def build():
    """Stand for the function that scikeras needs; without a fit it is not called."""


def main():
    start = time.perf_counter()
    estimator = globals()[sys.argv[1].replace("-", "_")]()
    import pickle

    from sklearn.base import clone

    pickle.loads(pickle.dumps(clone(estimator)))
    print(f'{{"seconds": {time.perf_counter() - start}}}')


if __name__ == "__main__":
    main()
