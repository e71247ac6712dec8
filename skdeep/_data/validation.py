"""Checks of arrays beyond those of scikit-learn, and what is left and told when something fails."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Set
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import issparse

from skdeep._backend import lack_of_memory
from skdeep._common.private_sklearn import is_pandas_na, is_scalar_nan
from skdeep._common.typing import Data
from skdeep._data.row_source import RowSource, is_row_source

_CALLBACKS_TO_END = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")
# What yields batches, by the library it is of.
_OF_BATCHES = {
    "tensorflow": ("DatasetV2",),
    "keras": ("PyDataset",),
    "torch": ("DataLoader", "Dataset"),
}


@contextlib.contextmanager
def explained(X: Data) -> Iterator[None]:
    """Say of an X that is no array of numbers what to give, before and after the body of ``with`` checks it."""
    check_kind(X)
    try:
        yield
    except (TypeError, ValueError) as error:
        said = _what_is_no_number(X) if isinstance(error, TypeError) or _is_of_values(error) else None
        if said is None:
            raise
        detail = str(error).partition("\n")[0]  # without the array
        raise ValueError(f"{said} ({detail})") from error


def check_inputs(X: Data, y: Any) -> None:
    """Raise for a list with an array for each of several inputs, which the number of rows of y gives away."""
    if not isinstance(X, list) or not X or issparse(y) or not hasattr(y, "__len__"):
        return
    n_rows = len(y)
    if len(X) != n_rows and all(len(_shape(part)) > 1 and _shape(part)[0] == n_rows for part in X):
        raise ValueError(
            f"X is a list of {len(X)} arrays of {n_rows} rows each, but networks have one input here. Give one array, "
            "such as np.hstack(X)."
        )


def with_validation_data(given: dict[str, Any], data: Any) -> dict[str, Any]:
    """Return validation data by their names in `fit`, from those given by name and a `validation_data` as in Keras.

    Parameters
    ----------
    given : dict
        `X_val`, `y_val` and `sample_weight_val`, in this order; None if they were not given.
    data : tuple or list
        What takes their places, or None.
    """
    if data is None:
        return given
    names = [name for name, value in given.items() if value is not None]
    if names:
        raise ValueError(f"validation_data and {names[0]} say the same; give only one of them.")
    if not (isinstance(data, (tuple, list)) and len(data) in (2, 3)):
        raise ValueError(
            "validation_data must be (X_val, y_val) or (X_val, y_val, sample_weight_val). "
            f"Got {type(data).__name__}{f' of length {len(data)}' if isinstance(data, (tuple, list)) else ''}."
        )
    return given | dict(zip(given, data, strict=False))


def passes_as_it_is(X: Any, n_features: int | None) -> bool:
    """Whether scikit-learn's checks of a table of so many columns without names return just this object.

    It is quicker to tell than they are: of a prediction for one row they take more than half of the time.
    """
    if type(X) is not np.ndarray or X.dtype not in (np.float32, np.float64) or not X.dtype.isnative:
        return False
    if X.ndim != 2 or len(X) == 0 or X.shape[1] != n_features:
        return False
    with np.errstate(all="ignore"):
        return bool(np.isfinite(X.sum()))


def as_numbers(X: Data) -> Data:
    """Return X, validated by scikit-learn, if it holds numbers, as it is or converted from objects."""
    if 0 in X.shape[1:]:
        raise ValueError(f"X has shape {X.shape}, with an axis of length 0.")
    if X.dtype.kind == "O":  # as scikit-learn leaves the columns of a data frame that are categories
        try:
            X = X.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"X must hold numbers: {error}.") from error
    if X.dtype.kind not in "biuf":
        raise ValueError(f"X must hold numbers, but its dtype is {X.dtype}.")
    return X


def check_range(X: Data, dtype: DTypeLike, name: str = "X") -> None:
    """Raise for numbers that a network which computes in a dtype cannot take."""
    dtype = np.dtype(dtype)
    if X.dtype.kind != "f" or not (isinstance(X, RowSource) or X.dtype.itemsize > dtype.itemsize):
        return
    smallest, largest = limits(X)
    if not (np.isfinite(smallest) and np.isfinite(largest)):
        raise ValueError(f"Input {name} contains NaN or infinity.")
    limit = np.finfo(dtype).max
    if largest > limit or smallest < -limit:
        raise ValueError(
            f"Input {name} contains a value too large for {dtype}, in which the network computes; scale X"
            + (" or use dtype_policy='float64'." if dtype == np.float32 else ".")
        )


def limits(X: Data) -> tuple[Any, Any]:
    """Return the smallest and the largest number of an array, a sparse matrix or a `RowSource`."""
    if isinstance(X, RowSource):
        return X.limits()
    if not issparse(X):  # numpy takes several times as long where axes are reversed
        X = X[tuple(slice(None, None, -1 if stride < 0 else 1) for stride in X.strides)]
    return X.min(), X.max()


def check_is_not_empty(X: Data, estimator: object) -> None:
    """Raise as scikit-learn does for arrays with too few axes or rows."""
    if X.ndim < 2:
        raise ValueError(f"X must have at least two axes, rows and what is in them. Got the shape {X.shape}.")
    if len(X) == 0:
        raise ValueError(
            f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required by "
            f"{type(estimator).__name__}."
        )


def without_missing(y: Any, name: str = "y") -> Any:
    """Return y, as an array if it is a pandas object, if no label in it is missing."""
    if issparse(y):
        return y
    if hasattr(y, "iloc") and getattr(getattr(y, "dtype", None), "name", "") == "category":
        y = np.asarray(y)  # else scikit-learn makes numbers of bools
    try:
        values = np.asarray(y)
    except ValueError:  # rows of several lengths, of which scikit-learn tells
        return y
    if values.dtype.kind in "mM":
        is_missing = np.isnat(values).any()
    else:
        is_missing = values.dtype.kind == "O" and any(
            value is None or is_scalar_nan(value) or is_pandas_na(value) for value in values.ravel()
        )
    if is_missing:
        raise ValueError(f"{name} contains missing values.")
    return y


def check_kind(X: Any) -> None:
    """Raise for what is neither an array nor a table, and say what to give in its place."""
    if issparse(X):  # of which one kind is a dict, too
        return
    kind = type(X).__name__
    given = f"X is of type {kind}"
    if isinstance(X, Mapping) and not issparse(X):  # one kind of sparse matrix is a dict
        if "data" in X:  # as the Bunch of scikit-learn's data sets
            raise TypeError(f"{given}. Give the array in it, X['data'].")
        raise TypeError(
            f"{given}, but networks have one input here. Give one array, such as np.hstack(list(X.values())), or a "
            "data frame, such as pandas.DataFrame(X)."
        )
    if isinstance(X, (str, bytes, os.PathLike)):
        raise TypeError(f"{given}. Give the data themselves: of image files an array by ReadImages, of tables a frame.")
    if hasattr(X, "collect") and kind == "LazyFrame":
        raise TypeError(f"{given}, which holds no rows yet. Give X.collect().")
    of_batches = any(cls.__name__ in _OF_BATCHES.get(cls.__module__.partition(".")[0], ()) for cls in type(X).__mro__)
    if of_batches or isinstance(X, (Iterator, Set)):
        raise TypeError(
            f"{given}, from which no rows can be taken in any order. Give arrays X and y; for data that does not fit "
            "into memory an object with shape, dtype and rows by slices, such as a data set of h5py or a memory map."
        )
    if not isinstance(X, (list, tuple)):
        return
    shapes = [_shape(part) for part in X]
    if any(len(shape) > 1 for shape in shapes):
        if isinstance(X, tuple):
            raise TypeError(
                f"X is a tuple of {len(X)} arrays, of the shapes {_listed(shapes)}, but networks have one input here. "
                "Give one array, and y as the argument of its own."
            )
        if len(set(shapes)) > 1:
            raise ValueError(
                f"X is a list of arrays of several shapes, {_listed(dict.fromkeys(shapes))}. Rows must have one shape: "
                "for images of several sizes put ReadImages(size=...) in front; several inputs go into one array, such "
                "as np.hstack(X)."
            )
    if any(isinstance(part, Mapping) for part in X[:1]):
        raise TypeError(
            f"X is a {kind} of dicts. Give a data frame, pandas.DataFrame(X), or put DictVectorizer in front."
        )


def _shape(part):
    shape = getattr(part, "shape", ())
    return tuple(shape) if isinstance(shape, (tuple, list)) else ()


def _listed(shapes):
    shapes = list(map(str, shapes))
    return ", ".join([*shapes[:3], "..."] if len(shapes) > 3 else shapes)


def _is_of_values(error):
    """Whether a ValueError of numpy, pandas or scikit-learn may come of text, dates or rows of several lengths."""
    said = ("could not convert", "Cannot cast", "array", "compatible with", "must hold numbers", "container")
    return any(part in str(error) for part in said)


def _what_is_no_number(X):
    """Return what in X is no number and what to do about it; None if all are numbers."""
    if is_row_source(X):  # which holds numbers, and is not to be read whole
        return None
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        names = [name for name in X.columns if not _holds_numbers(np.asarray(X[name]))]
        if not names:
            return None
        return (
            f"X has columns that hold no numbers: {', '.join(map(repr, names))}. Put TableEncoder() in front, which "
            "encodes categories, use TableClassifier or TableRegressor, or leave them out."
        )
    try:
        values = np.asarray(X)
    except ValueError:
        return "X holds rows of several lengths. Rows must have one shape: fill them up or cut them, as with np.pad."
    if values.ndim == 0 or _holds_numbers(values):
        return None
    if values.ndim == 1:
        return "X holds text. Make numbers of it in front, with a vectorizer such as TfidfVectorizer()."
    columns = [number for number in range(values.shape[1]) if not _holds_numbers(values[:, number])]
    return (
        f"X must hold numbers, but holds text in columns {', '.join(map(str, columns[:10]))}. Put TableEncoder() in "
        "front, which encodes categories, or use TableClassifier or TableRegressor."
    )


def _holds_numbers(values):
    if values.dtype.kind in "biuf":
        return True
    try:
        values.astype(np.float64)
    except (TypeError, ValueError):
        # Missing values are no numbers either, but those scikit-learn names itself.
        return values.dtype.kind == "O" and not any(isinstance(each, (str, bytes)) for each in values.ravel())
    return values.dtype.kind not in "mM"


@contextlib.contextmanager
def restored_on_error(estimator: object) -> Iterator[None]:
    """Restore all attributes of an estimator if the body of the ``with`` statement raises."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        # By these scikit-learn knows which callbacks it has still to end.
        before |= {name: value for name, value in vars(estimator).items() if name in _CALLBACKS_TO_END}
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Raise MemoryError for TensorFlow's own kind of it in the body of the ``with`` statement."""
    try:
        yield
    except Exception as error:
        what = lack_of_memory(error)
        if what is None:
            raise
        raise MemoryError(
            f"There is not enough memory for the network or a batch of rows: {what}. Smaller layers or a smaller "
            "batch_size need less."
        ) from error
