"""The data sets of the experiments, and how the notes split them into training, validation and test part."""

from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdeep.datasets import fetch_cifar10, fetch_fashion_mnist, fetch_mnist

FETCH = {"mnist": fetch_mnist, "fashion-mnist": fetch_fashion_mnist, "cifar10": fetch_cifar10}


@dataclass(frozen=True)
class Data:
    """Training, validation and test part of one data set; without a validation part, X_val is None."""

    X: np.ndarray
    y: np.ndarray
    X_val: np.ndarray | None
    y_val: np.ndarray | None
    X_test: np.ndarray
    y_test: np.ndarray


def load(name, source):
    """Return X, y, X_test and y_test of a data set, as uint8 images.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist", "cifar10", "xor"}
        Data set.
    source : {"digits", "real"}
        "digits" puts scikit-learn's 8 x 8 digits in the place of the images, in three equal channels for CIFAR-10.
    """
    if name == "xor":  # all four rows are training and test set
        X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
        return X, y, X, y
    if source == "real":
        (X, y), (X_test, y_test) = FETCH[name](return_X_y=True)
        return X, y, X_test, y_test
    digits = load_digits()
    images = (digits.images * (255 / 16)).astype(np.uint8)
    if name == "cifar10":
        images = np.repeat(images[..., np.newaxis], 3, axis=-1)
    X, X_test, y, y_test = train_test_split(images, digits.target, test_size=1 / 7, random_state=0)
    return X, y, X_test, y_test


def last_fifth(X, y, X_test, y_test):
    """Validate on the last 20 % of the training set, as Keras's validation_split=0.2 does."""
    return _cut(0.8, X, y, X_test, y_test)


def last_sixth(X, y, X_test, y_test):
    """Validate on the last sixth of the training set: 10,000 of MNIST's 60,000 rows."""
    return _cut(5 / 6, X, y, X_test, y_test)


def random_fifth(X, y, X_test, y_test):
    """Validate on 20 % of the training set, drawn by train_test_split."""
    X, X_val, y, y_val = train_test_split(X, y, test_size=0.2, random_state=9)
    return Data(X, y, X_val, y_val, X_test, y_test)


def test_set(X, y, X_test, y_test):
    """Validate on the test set."""
    return Data(X, y, X_test, y_test, X_test, y_test)


def no_validation(X, y, X_test, y_test):
    """Train on the whole training set."""
    return Data(X, y, None, None, X_test, y_test)


def _cut(share, X, y, X_test, y_test):
    n = int(len(X) * share)
    return Data(X[:n], y[:n], X[n:], y[n:], X_test, y_test)
