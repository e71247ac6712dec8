"""Image data sets: those of the experiments, and folders of image files, in the habit of scikit-learn's functions."""

from skdeep.datasets._fetch import fetch_cifar10, fetch_fashion_mnist, fetch_mnist
from skdeep.datasets._image_folder import load_image_folder

__all__ = ["fetch_cifar10", "fetch_fashion_mnist", "fetch_mnist", "load_image_folder"]
