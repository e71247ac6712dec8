"""Settings that hold for every test, and small data sets."""

import os

# scikit-learn runs its array API checks only if scipy was imported with this; it must be set before that.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.preprocessing import StandardScaler


@pytest.fixture(scope="session")
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture(scope="session")
def digits():
    return load_digits()


@pytest.fixture
def rng():
    return np.random.default_rng(0)
