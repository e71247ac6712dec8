"""The image data sets of the experiments, in the habit of scikit-learn's ``fetch_*`` functions.

Each is read from ``<data_home>/<name>.npz`` if that file is there, with the arrays x_train, y_train, x_test and y_test;
otherwise Keras's own loader fetches it over the network.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from skdeep._common.typing import PathLike
from skdeep._lazy import keras

_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def fetch_mnist(*, data_home: PathLike | None = None, return_X_y: bool = False) -> Any:
    """Load MNIST: handwritten digits, 10 classes, 28 x 28 pixels in grey.

    60,000 training and 10,000 test images, uint8 from 0 (background) to 255.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder that holds ``mnist.npz``. None is the environment variable SKDEEP_DATA, or else ``~/skdeep_data``.
    return_X_y : bool, default=False
        Whether to return two pairs of arrays in place of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        X_train : ndarray of shape (60000, 28, 28), uint8
            Training images.
        y_train : ndarray of shape (60000,), uint8
            Their labels, 0 to 9.
        X_test : ndarray of shape (10000, 28, 28), uint8
            Test images.
        y_test : ndarray of shape (10000,), uint8
            Their labels.
        target_names : list of str
            Names of the classes.
        DESCR : str
            Description, source and licence.
    (X_train, y_train), (X_test, y_test) : two tuples of ndarray
        If `return_X_y` is True.

    Raises
    ------
    OSError
        If there is no such file and the data cannot be fetched; the message says what to do.
    ValueError
        If the file is damaged or holds other arrays; the message names it.

    Examples
    --------
    >>> from skdeep.datasets import fetch_mnist
    >>> mnist = fetch_mnist()  # doctest: +SKIP
    >>> mnist.X_train.shape  # doctest: +SKIP
    (60000, 28, 28)

    The file that it reads, here with two blank images only:

    >>> import tempfile
    >>> import numpy as np
    >>> folder = tempfile.mkdtemp()
    >>> images, labels = np.zeros((2, 28, 28), np.uint8), np.array([3, 8], np.uint8)
    >>> np.savez(
    ...     f"{folder}/mnist.npz",
    ...     x_train=images,
    ...     y_train=labels,
    ...     x_test=images,
    ...     y_test=labels,
    ... )
    >>> fetch_mnist(data_home=folder).X_train.shape
    (2, 28, 28)
    """
    return _fetch("mnist", (28, 28), [str(digit) for digit in range(10)], _MNIST_DESCR, data_home, return_X_y)


def fetch_fashion_mnist(*, data_home: PathLike | None = None, return_X_y: bool = False) -> Any:
    """Load Fashion-MNIST: articles of clothing, 10 classes, 28 x 28 pixels in grey.

    60,000 training and 10,000 test images, uint8 from 0 (background) to 255.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder that holds ``fashion_mnist.npz``. None is the environment variable SKDEEP_DATA, or else
        ``~/skdeep_data``.
    return_X_y : bool, default=False
        Whether to return two pairs of arrays in place of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes of `fetch_mnist`.
    (X_train, y_train), (X_test, y_test) : two tuples of ndarray
        If `return_X_y` is True.

    Raises
    ------
    OSError
        If there is no such file and the data cannot be fetched; the message says what to do.
    ValueError
        If the file is damaged or holds other arrays; the message names it.

    Examples
    --------
    >>> from skdeep.datasets import fetch_fashion_mnist
    >>> fetch_fashion_mnist().target_names[9]  # doctest: +SKIP
    'Ankle boot'

    The file that it reads, here with two blank images only:

    >>> import tempfile
    >>> import numpy as np
    >>> folder = tempfile.mkdtemp()
    >>> images, labels = np.zeros((2, 28, 28), np.uint8), np.array([3, 8], np.uint8)
    >>> np.savez(
    ...     f"{folder}/fashion_mnist.npz",
    ...     x_train=images,
    ...     y_train=labels,
    ...     x_test=images,
    ...     y_test=labels,
    ... )
    >>> fetch_fashion_mnist(data_home=folder).target_names[9]
    'Ankle boot'
    """
    return _fetch("fashion_mnist", (28, 28), _FASHION_NAMES, _FASHION_DESCR, data_home, return_X_y)


def fetch_cifar10(*, data_home: PathLike | None = None, return_X_y: bool = False) -> Any:
    """Load CIFAR-10: photographs of 10 kinds of things, 32 x 32 pixels in colour.

    50,000 training and 10,000 test images, uint8 from 0 to 255, channels last (red, green, blue). Keras gives the
    labels as a column; here they are flat, as scikit-learn wants them.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder that holds ``cifar10.npz``. None is the environment variable SKDEEP_DATA, or else ``~/skdeep_data``.
    return_X_y : bool, default=False
        Whether to return two pairs of arrays in place of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes of `fetch_mnist`; the images have the shapes (50000, 32, 32, 3) and (10000, 32, 32, 3).
    (X_train, y_train), (X_test, y_test) : two tuples of ndarray
        If `return_X_y` is True.

    Raises
    ------
    OSError
        If there is no such file and the data cannot be fetched; the message says what to do.
    ValueError
        If the file is damaged or holds other arrays; the message names it.

    Examples
    --------
    >>> from skdeep.datasets import fetch_cifar10
    >>> fetch_cifar10().target_names[:3]  # doctest: +SKIP
    ['airplane', 'automobile', 'bird']

    The file that it reads, here with two blank images only:

    >>> import tempfile
    >>> import numpy as np
    >>> folder = tempfile.mkdtemp()
    >>> images, labels = (
    ...     np.zeros((2, 32, 32, 3), np.uint8),
    ...     np.array([3, 8], np.uint8),
    ... )
    >>> np.savez(
    ...     f"{folder}/cifar10.npz",
    ...     x_train=images,
    ...     y_train=labels,
    ...     x_test=images,
    ...     y_test=labels,
    ... )
    >>> fetch_cifar10(data_home=folder).target_names[:3]
    ['airplane', 'automobile', 'bird']
    """
    return _fetch("cifar10", (32, 32, 3), _CIFAR10_NAMES, _CIFAR10_DESCR, data_home, return_X_y)


def _fetch(name, image_shape, target_names, description, data_home, return_X_y):
    path = _data_home(data_home) / f"{name}.npz"
    arrays = _read(path, image_shape, len(target_names)) if path.exists() else _download(name, path)
    X_train, y_train, X_test, y_test = arrays
    y_train, y_test = y_train.ravel(), y_test.ravel()
    if return_X_y:
        return (X_train, y_train), (X_test, y_test)
    return Bunch(
        X_train=X_train,
        y_train=y_train,
        X_test=X_test,
        y_test=y_test,
        target_names=list(target_names),
        DESCR=description,
    )


def _data_home(data_home):
    if data_home is None:
        data_home = os.environ.get("SKDEEP_DATA") or "~/skdeep_data"
    return Path(data_home).expanduser()


def _read(path, image_shape, n_classes):
    """Return the four arrays of an .npz file, or raise a ValueError that names it."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in _ARRAYS}
    except Exception as error:  # numpy, zipfile and zlib have many for damaged files
        raise ValueError(
            f"{path} is truncated, damaged, or not an .npz file with the arrays {', '.join(_ARRAYS)}: {error}"
        ) from error
    for part in ("train", "test"):
        images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
        flat_or_column = (images.shape[:1], (*images.shape[:1], 1))
        if images.shape[1:] != image_shape or images.size == 0 or labels.shape not in flat_or_column:
            raise ValueError(
                f"{path} holds x_{part} of shape {images.shape} and y_{part} of shape {labels.shape}, but images of "
                f"shape {image_shape} with one label each were expected."
            )
        if images.dtype != np.uint8:
            raise ValueError(f"{path} holds x_{part} of dtype {images.dtype}, but uint8 was expected.")
        if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= n_classes:
            raise ValueError(f"{path} holds labels in y_{part} that are not whole numbers from 0 to {n_classes - 1}.")
    return tuple(arrays[name] for name in _ARRAYS)


def _download(name, path):
    """Return the four arrays from Keras's loader, or raise an OSError that says what to do."""
    try:
        (X_train, y_train), (X_test, y_test) = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises a bare Exception for a failed download
        raise OSError(
            f"There is no file {path}, and {name} could not be fetched over the network ({error}). Put a file of that "
            f"name with the arrays {', '.join(_ARRAYS)} there, or set data_home or the environment variable "
            "SKDEEP_DATA to the folder that has it."
        ) from error
    return X_train, y_train, X_test, y_test


_FASHION_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_CIFAR10_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

_MNIST_DESCR = """\
MNIST database of handwritten digits
------------------------------------
60,000 training and 10,000 test images of 28 x 28 pixels, uint8 from 0 (background) to 255; labels 0 to 9.

Source: Y. LeCun, C. Cortes and C. J. C. Burges, http://yann.lecun.com/exdb/mnist/; made from NIST's Special Databases 1
and 3. Licence: Creative Commons Attribution-Share Alike 3.0 (Y. LeCun and C. Cortes).

Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-Based Learning Applied to Document Recognition", Proceedings of
the IEEE 86(11):2278-2324, 1998.
"""
_FASHION_DESCR = """\
Fashion-MNIST
-------------
60,000 training and 10,000 test images of articles of clothing, 28 x 28 pixels, uint8 from 0 (background) to 255; 10
classes.

Source: Zalando Research, https://github.com/zalandoresearch/fashion-mnist. Licence: MIT (Zalando SE).

H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms",
arXiv:1708.07747, 2017.
"""
_CIFAR10_DESCR = """\
CIFAR-10
--------
50,000 training and 10,000 test photographs of 10 kinds of things, 32 x 32 pixels, uint8 from 0 to 255 for red, green
and blue.

Source: A. Krizhevsky, V. Nair and G. Hinton, https://www.cs.toronto.edu/~kriz/cifar.html. Licence: its page names none
and asks that the report below be cited.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", technical report, University of Toronto, 2009.
"""
