from __future__ import annotations

import io
import os
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from numbers import Integral
from typing import Any, Literal, Self

import joblib
import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageOps
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.validation import check_is_fitted

from skdeep._common.private_sklearn import Interval, StrOptions, fit_context
from skdeep._common.typing import Ints
from skdeep.preprocessing._base import as_task

# The same open file or Pillow image may be in X twice, or be read by two transformers at once.
_LOCK = threading.Lock()


class ReadImages(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Read image files of any sizes into one array.

    Pillow reads them, of several frames the first, and turns them upright as their EXIF data say. Threads read a few
    files at a time, so that memory holds little more than the output.

    Parameters
    ----------
    size : int or tuple of int, default=None
        (height, width) of the output, as numpy has it and not (width, height) as Pillow; an int is a square. Images are
        resized to it whatever their proportions, with Pillow's bilinear filter, which averages (antialiases) where it
        makes images smaller. None takes images of one size only, that of the first in `fit`.
    mode : {"L", "RGB"}, default=None
        "L" is greyscale, "RGB" colour. None is "L" if all images in `fit` are greyscale, otherwise "RGB"; images with a
        palette count as colour.

    Attributes
    ----------
    image_shape_ : tuple of int
        (height, width) of the output.
    mode_ : str
        "L" or "RGB".

    See Also
    --------
    Flatten : Images to rows, for dense networks.
    ScaleToUnit : Pixels to values between 0 and 1.

    Notes
    -----
    Modes are changed by Pillow's `Image.convert`, which drops transparency: a pixel keeps the colour stored for it.
    Greyscale of 16 bits (Pillow's modes I and I;16) is divided by 257, so that 65535 becomes 255. A file object is read
    from its position to its end, is put back there if it can be, and stays open.

    Examples
    --------
    >>> from sklearn.datasets import load_sample_images
    >>> from skdeep import ReadImages
    >>> paths = load_sample_images().filenames
    >>> images = ReadImages(size=(28, 32)).fit_transform(paths)
    >>> images.shape, images.dtype
    ((2, 28, 32, 3), dtype('uint8'))
    >>> ReadImages(size=28, mode="L").fit(paths).transform(paths[:1]).shape
    (1, 28, 28)
    """

    image_shape_: tuple[int, ...]
    mode_: str
    _parameter_constraints = {
        "size": [Interval(Integral, 1, None, closed="left"), "array-like", None],
        "mode": [StrOptions({"L", "RGB"}), None],
    }

    def __init__(self, size: Ints | None = None, mode: Literal["L", "RGB"] | None = None) -> None:
        self.size = size
        self.mode = mode

    @fit_context(prefer_skip_nested_validation=True)
    @as_task
    def fit(self, X: Sequence[Any] | ArrayLike, y: Any = None) -> Self:
        """Learn size and mode of the images, where they are not given.

        Parameters
        ----------
        X : list, tuple, array-like of shape (n_samples,) or (n_samples, 1), or ndarray (n_samples, height, width, ...)
            Paths, binary file objects, Pillow images, or arrays of uint8 and of shape (height, width) or (height,
            width, channels) with 1, 3 or 4 channels; also some of each. The first is read if `size` is None, and the
            headers of all until one is in colour if `mode` is None.
        y : None
            Ignored.

        Returns
        -------
        self : estimator
            The fitted transformer.
        """
        images, size = self._check_images(X), self._check_size()
        shape = size or _decode(images[0], 0, None, "L").shape
        mode = self.mode or ("L" if all(_is_grey(item, i) for i, item in enumerate(images)) else "RGB")
        self.image_shape_, self.mode_ = shape, mode
        return self

    def transform(self, X: Sequence[Any] | ArrayLike) -> np.ndarray:
        """Read images.

        Parameters
        ----------
        X : list, tuple, array-like of shape (n_samples,) or (n_samples, 1), or ndarray (n_samples, height, width, ...)
            Images, as in `fit`.

        Returns
        -------
        X_out : ndarray of shape (n_samples, height, width) or (n_samples, height, width, 3), uint8
            The images; three channels for mode "RGB".

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If an image cannot be read, or has another size than the first in `fit` and `size` is None. The message
            names the path, or the place in X of what has none.
        """
        check_is_fitted(self)
        return self._read(self._check_images(X), self.image_shape_, self.mode_)

    @fit_context(prefer_skip_nested_validation=True)
    @as_task
    def fit_transform(self, X: Sequence[Any] | ArrayLike, y: Any = None) -> np.ndarray:
        """Learn size and mode while reading each image once; otherwise the same as `fit` and `transform`.

        Parameters
        ----------
        X : list, tuple, array-like of shape (n_samples,) or (n_samples, 1), or ndarray (n_samples, height, width, ...)
            Images, as in `fit`.
        y : None
            Ignored.

        Returns
        -------
        X_out : ndarray of shape (n_samples, height, width) or (n_samples, height, width, 3), uint8
            The images; three channels for mode "RGB".
        """
        X_out = self._read(self._check_images(X), self._check_size(), self.mode)
        self.image_shape_, self.mode_ = X_out.shape[1:3], "L" if X_out.ndim == 3 else "RGB"
        return X_out

    def set_output(self, *, transform: Literal["default", "pandas", "polars"] | None = None) -> Self:
        """Do nothing: images are no table. It lets a pipeline with later steps that give tables be configured.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            Ignored.

        Returns
        -------
        self : estimator
            The transformer itself.
        """
        return self

    def _check_size(self):
        if self.size is None:
            return None
        sizes = (self.size, self.size) if isinstance(self.size, Integral) else tuple(self.size)
        if len(sizes) != 2 or not all(isinstance(size, Integral) and size > 0 for size in sizes):
            raise ValueError(f"size must be None, a positive int or two of them, (height, width). Got {self.size!r}.")
        return tuple(int(size) for size in sizes)

    def _check_images(self, X):
        """Return X as a list, tuple or array along whose first axis the images are."""
        is_array = hasattr(X, "__array__")
        if isinstance(X, (str, os.PathLike, Image.Image)) or (hasattr(X, "read") and not is_array):
            raise ValueError(f"X must hold any number of images. Got {X!r}: put a single one into a list.")
        if is_array:
            X = np.asarray(X)
            if X.ndim == 2 and X.shape[1] == 1:
                X = X[:, 0]
            is_column, is_stack = X.ndim == 1 and X.dtype.kind in "OUT", X.ndim in (3, 4) and X.dtype == np.uint8
            if X.size and not is_column and not is_stack:
                raise ValueError(
                    "X must be one column of images, or images as an array of uint8 and of shape (n_samples, height, "
                    f"width) or (n_samples, height, width, channels). Got dtype {X.dtype} and shape {X.shape}."
                )
            if X.dtype.kind in "UT":
                X = X.tolist()  # of str, whose repr in messages is the path alone
        elif not isinstance(X, (list, tuple)):
            raise ValueError(f"X must be a list, tuple, array or pandas Series of images. Got {type(X).__name__}.")
        if len(X) == 0:
            raise ValueError(f"Found array with 0 sample(s) while a minimum of 1 is required by {type(self).__name__}.")
        return X

    def _read(self, images, shape, mode):
        """Return all images in one array; without `shape` or `mode` they get those of the images."""
        X_out = None
        size = None if self.size is None else shape
        with closing(_decode_all(images, size, mode)) as decoded:
            for i, image in enumerate(decoded):
                shape = shape or image.shape[:2]
                if image.shape[:2] != shape:
                    raise ValueError(
                        f"{_name(images[i], i)} has (height, width) {image.shape[:2]}, but {type(self).__name__} is "
                        f"expecting {shape}, that of the first image in fit. Set size to have images resized."
                    )
                if X_out is None:
                    X_out = np.empty((len(images), *image.shape), np.uint8)
                elif image.ndim == X_out.ndim:  # the first in colour, after greyscale ones
                    grey, X_out = X_out, np.empty((len(images), *image.shape), np.uint8)
                    X_out[:i] = grey[:i, ..., np.newaxis]
                X_out[i] = image if image.ndim == X_out.ndim - 1 else image[..., np.newaxis]
        return X_out

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


def _decode_all(images, size, mode):
    """Yield the images in their order, decoded by threads that are only a few images ahead."""
    n_threads = min(8, joblib.cpu_count())
    pool = ThreadPoolExecutor(n_threads)
    pending = deque()
    try:
        for i, item in enumerate(images):
            pending.append(pool.submit(_decode, item, i, size, mode))
            if len(pending) > 2 * n_threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _decode(item, i, size, mode):
    """Return one image as an array of uint8; `mode` None is "L", of two axes, if it is greyscale."""
    with _errors_named(item, i):
        with _open(item) as image, _LOCK if image is item else nullcontext():
            image = ImageOps.exif_transpose(image)  # a copy, upright
        if 0 in image.size:
            raise ValueError("it has no pixels")
        image = _to_8_bits(image)
        image.info.pop("transparency", None)  # of which convert would warn
        image = image.convert(mode or ("L" if Image.getmodebase(image.mode) == "L" else "RGB"))
        if size is not None:
            image = image.resize(size[::-1], Image.Resampling.BILINEAR)
        return np.asarray(image)


def _to_8_bits(image):
    if not image.mode.startswith(("I", "F")):
        return image
    pixels = np.asarray(image)
    if image.mode == "F" or pixels.min() < 0 or pixels.max() > 65535:
        raise ValueError(f"its pixels (mode {image.mode}) must be ints of 8 or 16 bits")
    return Image.fromarray(((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8))


def _is_grey(item, i):
    with _errors_named(item, i), _open(item) as image:
        return Image.getmodebase(image.mode) == "L"


def _open(item):
    """Return a context manager that gives a Pillow image; the pixels of a file are not yet read."""
    # Otherwise Pillow loads its formats when first needed, and another thread that looks meanwhile may miss one.
    Image.init()
    if isinstance(item, Image.Image):
        return nullcontext(item)
    if isinstance(item, (str, os.PathLike)):
        return Image.open(item)
    if isinstance(item, np.ndarray):
        if item.dtype != np.uint8 or not (item.ndim == 2 or (item.ndim == 3 and item.shape[2] in (1, 3, 4))):
            raise ValueError(
                "arrays must be of uint8 and of shape (height, width), (height, width, 1), (height, width, 3) or "
                f"(height, width, 4), not {item.dtype} and {item.shape}"
            )
        return Image.fromarray(item[..., 0] if item.shape[2:] == (1,) else item)
    if hasattr(item, "read"):
        with _LOCK:
            position = item.tell() if item.seekable() else None
            content = item.read()
            if position is not None:
                item.seek(position)
        if not content:
            raise ValueError("there is nothing after the file's position")
        return Image.open(io.BytesIO(content))
    raise ValueError(f"images must be paths, binary files, Pillow images or numpy arrays, not {type(item).__name__}")


@contextmanager
def _errors_named(item, i):
    try:
        yield
    except Exception as error:  # Pillow's plugins raise many kinds for broken files
        kind = FileNotFoundError if isinstance(error, FileNotFoundError) else ValueError
        raise kind(f"Cannot read {_name(item, i)}: {error}") from error


def _name(item, i):
    return repr(os.fspath(item)) if isinstance(item, (str, os.PathLike)) else f"X[{i}]"
