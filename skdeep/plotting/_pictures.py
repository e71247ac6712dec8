"""From what displays are given to the pictures that they draw: files are read, by the pipeline if it reads them.

Files alone keep their proportions, and are made no larger than they are.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from PIL import Image
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from skdeep._common.typing import Shape
from skdeep.preprocessing import ReadImages

_MAX_PIXELS = 256  # of the longer side of a picture
_WHITE = 255


def are_files(images: Any) -> bool:
    """Whether these are one column of paths, Pillow images or open files, and no numbers."""
    if not isinstance(images, (list, tuple)):
        images = np.asarray(images)
        images = images.ravel() if images.ndim == 1 or images.shape[1:] == (1,) else ()
    first = images[0] if len(images) else None
    return isinstance(first, (str, os.PathLike, Image.Image)) or hasattr(first, "read")


def read_files(files: Any, size: Shape | None = None) -> np.ndarray:
    """Read files as images of one shape.

    Parameters
    ----------
    files : list, tuple or array-like of shape (n,) or (n, 1)
        As `ReadImages` takes them.
    size : two ints, default=None
        (height, width) of all of them. None keeps their proportions, with white beside those that are smaller.

    Returns
    -------
    images : ndarray of shape (n, height, width) or (n, height, width, 3), uint8
        Images, grey if all files are.
    """
    if size is not None:
        return ReadImages(size=tuple(size)).fit_transform(files)
    files = files if isinstance(files, (list, tuple)) else np.asarray(files).ravel().tolist()
    mode: Any = ReadImages(size=1).fit(files).mode_
    images = [_at_most(_MAX_PIXELS, ReadImages(mode=mode).fit_transform([file])[0], mode) for file in files]
    height, width = (max(image.shape[axis] for image in images) for axis in (0, 1))
    return np.stack([_amid_white(image, height, width) for image in images])


def pictures_of(estimator: BaseEstimator, X: Any) -> Any:
    """Return the images that the pipeline in an estimator reads of X, or X itself if it reads none."""
    estimator = fitted_inside(estimator)
    if not _reads(estimator):
        return X
    if isinstance(estimator, ReadImages):
        return estimator.transform(X)
    for _, step in estimator.steps:
        if _reads(step):
            return pictures_of(step, X)
        X = X if step is None or step == "passthrough" else step.transform(X)
    raise AssertionError("a step reads")


def fitted_inside(estimator: Any) -> Any:
    """Return the estimator that a search, or what tunes a threshold, has fitted; any other is returned itself."""
    for name in ("best_estimator_", "estimator_"):  # of searches, and of what tunes thresholds
        estimator = getattr(estimator, name, estimator)
    return estimator


def _reads(estimator):
    """Whether an estimator is a `ReadImages`, or a pipeline that has one."""
    estimator = fitted_inside(estimator)
    return isinstance(estimator, ReadImages) or (
        isinstance(estimator, Pipeline) and any(_reads(step) for _, step in estimator.steps)
    )


def _at_most(n_pixels, image, mode):
    height, width = image.shape[:2]
    shrink = max(height, width) / n_pixels
    if shrink <= 1:
        return image
    size = (max(1, round(height / shrink)), max(1, round(width / shrink)))
    return ReadImages(size=size, mode=mode).fit_transform([image])[0]


def _amid_white(image, height, width):
    whole = np.full((height, width, *image.shape[2:]), _WHITE, np.uint8)
    top, left = (height - image.shape[0]) // 2, (width - image.shape[1]) // 2
    whole[top : top + image.shape[0], left : left + image.shape[1]] = image
    return whole
