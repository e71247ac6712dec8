"""Settings that hold for every test, and small data sets."""

import os
import signal
from pathlib import Path

# scikit-learn runs its array API checks only if scipy was imported with this; it must be set before that.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

# What a shell runs in the background ignores Ctrl-C, and so would the processes that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

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


@pytest.fixture
def needs_real_data():
    """Return a function that skips the test where a data set is not among the real ones."""

    def skip_without(name):
        folder = os.environ.get("SKDEEP_DATA")
        if not folder:
            pytest.skip("the environment variable SKDEEP_DATA names no folder with the real data")
        if not (Path(folder) / f"{name}.npz").is_file():
            pytest.skip(f"there is no {name}.npz in the folder that SKDEEP_DATA names, {folder}")

    return skip_without
