"""Arrays with the same rows, by name: what networks with several inputs or outputs take and give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse

from skdeep._common.states import check_attributes


class Parts:
    """Arrays with the same rows, by name or by number; rows are taken of all at once.

    Parameters
    ----------
    arrays : dict
        From names, or the numbers from 0, to arrays or sparse matrices.
    """

    def __init__(self, arrays: dict[Any, Any]) -> None:
        self._arrays = arrays

    def __setstate__(self, state):
        check_attributes(self, state, _arrays=lambda value: isinstance(value, dict) and len(value) > 0)
        vars(self).update(state)

    @property
    def keys(self) -> tuple[Any, ...]:
        """The names or numbers."""
        return tuple(self._arrays)

    @property
    def arrays(self) -> tuple[Any, ...]:
        """The arrays, in their order."""
        return tuple(self._arrays.values())

    @property
    def shape(self) -> tuple[int]:
        """The number of rows."""
        return (int(self.arrays[0].shape[0]),)

    def __len__(self):
        return self.shape[0]

    def part(self, key: Any) -> Any:
        """Return one of the arrays.

        Parameters
        ----------
        key : str or int
            Its name or number.

        Returns
        -------
        array : ndarray or sparse matrix
            The array itself.
        """
        return self._arrays[key]

    def __getitem__(self, rows):
        if isinstance(rows, str):
            return self._arrays[rows]
        if isinstance(rows, tuple):  # scikit-learn's indexing writes [rows, ...]
            rows, *rest = rows
            if any(each is not Ellipsis for each in rest):
                raise IndexError(f"{type(self).__name__} has rows alone: take columns of the arrays in it.")
        if isinstance(rows, (int, np.integer)):
            return {key: array[rows] for key, array in self._arrays.items()}
        return self._like({key: array[rows] for key, array in self._arrays.items()})

    def _like(self, arrays):
        made = object.__new__(type(self))
        made._arrays = arrays
        return made


class NamedArrays(Parts):
    """Arrays with the same rows, by name: X of a network with several inputs, or y of one with several outputs.

    A dict does for `fit` and `predict`. This one also goes through what takes rows: `train_test_split`,
    `cross_val_score`, `GridSearchCV`, and the last step of a pipeline, behind a transformer that makes it.

    Parameters
    ----------
    arrays : mapping of str to array-like, default=None
        Arrays, lists, columns of frames or sparse matrices, each with rows along the first axis.
    **named : array-like
        More of them, by keyword.

    Attributes
    ----------
    names : list of str
        Their names.
    shape : tuple of int
        The number of rows alone: ``(n_samples,)``.

    See Also
    --------
    KerasClassifier : Takes them as X, and as y.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skdeep import NamedArrays
    >>> digits = load_digits()
    >>> X = NamedArrays(image=digits.images, ink=digits.data.sum(axis=1))
    >>> X
    NamedArrays(image=float64 (1797, 8, 8), ink=float64 (1797,))
    >>> X_train, X_test = train_test_split(X, test_size=0.5, random_state=0)
    >>> len(X_train), X_train["image"].shape
    (898, (898, 8, 8))
    """

    def __init__(self, arrays: Mapping[str, ArrayLike] | NamedArrays | None = None, /, **named: ArrayLike) -> None:
        given: dict[str, Any] = ({} if arrays is None else dict(arrays.items())) | named
        if not given:
            raise ValueError("NamedArrays needs at least one array.")
        for name, array in given.items():
            if not isinstance(name, str):
                raise TypeError(f"The names of NamedArrays must be strings. Got {name!r}.")
            given[name] = array if hasattr(array, "shape") and not hasattr(array, "iloc") else np.asarray(array)
            if not given[name].shape:
                raise ValueError(f"NamedArrays: {name!r} must be an array with rows. Got {array!r}.")
        lengths = {name: array.shape[0] for name, array in given.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"NamedArrays must have the same number of rows. Got {lengths}.")
        super().__init__(given)

    @property
    def names(self) -> list[str]:
        """Their names."""
        return list(self._arrays)

    def items(self) -> list[tuple[str, Any]]:
        """Return the names and their arrays.

        Returns
        -------
        items : list of tuple
            Pairs of a name and its array.
        """
        return list(self._arrays.items())

    def __array__(self, dtype=None, copy=None):
        """Give a table of the columns of all arrays, for what only looks at the kind of a y."""
        columns = [array.toarray() if issparse(array) else np.asarray(array) for array in self.arrays]
        table = np.concatenate([each.reshape(len(self), -1) for each in columns], axis=1)
        return table if dtype is None else table.astype(dtype)

    def __repr__(self):
        shown = (f"{name}={array.dtype} {tuple(array.shape)}" for name, array in self._arrays.items())
        return f"NamedArrays({', '.join(shown)})"


NamedArrays.__module__ = "skdeep"
