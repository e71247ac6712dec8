"""The forms in which X and y come to models of the user's own, and what the user's functions get to know of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import Bunch, check_array
from sklearn.utils.multiclass import type_of_target

from skdeep._common.private_sklearn import check_y
from skdeep._data.encoded_targets import EncodedTargets, parts_of
from skdeep._data.named_arrays import NamedArrays, Parts
from skdeep._data.row_source import RowSource, is_row_source
from skdeep._data.several_targets import SeveralTargets, checked_parts
from skdeep._data.structure import Shapes
from skdeep._data.validation import as_numbers, check_is_not_empty, check_range, without_missing


class FormsOfData:
    """Mixin for estimators whose X and y may be dicts of arrays, or go through transformers of a subclass."""

    n_outputs_: int
    n_outputs_expected_: int
    target_type_: str
    X_shape_: tuple[int, ...]
    X_dtype_: np.dtype
    y_dtype_: np.dtype
    y_ndim_: int

    def _validate_X(self, X, *, reset, dtype):
        if isinstance(X, (Mapping, NamedArrays)) and not (issparse(X) or isinstance(X, Bunch)):
            X = self._validated_parts(X, dtype)
        else:
            X = super()._validate_X(X, reset=reset, dtype=dtype)
        self._note_form(X, reset=reset)
        if not hasattr(type(self), "feature_encoder"):
            return X
        if reset:
            self.feature_encoder_ = self.feature_encoder.fit(X)
            vars(self).update(getattr(self.feature_encoder_, "get_metadata", dict)())
        return parts_of(self.feature_encoder_.transform(X), X.shape[0], "feature_encoder")

    def _validated_parts(self, X, dtype):
        """Return the arrays of a dict, checked as X alone is, in the order of their names, whichever it was."""
        parts = {}
        for name, part in sorted(NamedArrays(X).items()):
            if is_row_source(part):
                parts[name] = RowSource(part)
                check_is_not_empty(parts[name], self)
            else:
                if np.asarray(part).dtype.kind in "USmM":
                    raise ValueError(f"X[{name!r}] must hold numbers, but its dtype is {part.dtype}.")
                checks = {"accept_sparse": "csr", "dtype": "numeric", "allow_nd": True, "ensure_2d": False}
                parts[name] = check_array(part, input_name=f"X[{name!r}]", estimator=self, **checks)
            parts[name] = as_numbers(parts[name])
            check_range(parts[name], dtype, f"X[{name!r}]")
        return NamedArrays(parts)

    def _note_form(self, X, *, reset):
        """Set the shape and the dtype of X, or raise if they are not those of `fit`."""
        is_several = isinstance(X, NamedArrays)
        shapes = {name: part.shape for name, part in X.items()} if is_several else X.shape
        if reset:
            dtypes = {name: part.dtype for name, part in X.items()} if is_several else X.dtype
            self.X_shape_, self.X_dtype_ = shapes, dtypes
            if is_several:
                for name in ("n_features_in_", "feature_names_in_"):
                    vars(self).pop(name, None)
            return
        known = self.X_shape_
        if is_several != isinstance(known, dict):
            given, before = ("a dict of arrays", "one array") if is_several else ("one array", "a dict of arrays")
            raise ValueError(f"X is {given}, but in fit it was {before}.")
        if is_several and shapes.keys() != known.keys():
            raise ValueError(f"X has {', '.join(map(repr, shapes))}, but in fit it had {', '.join(map(repr, known))}.")
        for name in known if is_several else [None]:
            now, before = (shapes[name], known[name]) if is_several else (shapes, known)
            if now[1:] != before[1:]:
                what = f"X[{name!r}]" if is_several else "X"
                raise ValueError(f"{what} has rows of shape {now[1:]}, but in fit they had shape {before[1:]}.")

    def _row_shape(self, X, *, reset):
        return Shapes([part.shape[1:] for part in X.arrays], X.keys) if isinstance(X, Parts) else X.shape[1:]

    def _checked_y(self, y, name, check, check_part):
        """Return y as a function of a kind of estimator checks it, or part by part as another one does."""
        if hasattr(type(self), "target_encoder"):
            return np.asarray(check_y(without_missing(y, name), multi_output=True, estimator=self))
        if isinstance(y, (Mapping, NamedArrays)) and not issparse(y):
            return checked_parts(y, name, check_part)
        return check(y, name)

    def _encoded_targets(self, y):
        """Return the targets of a `target_encoder`."""
        self.target_encoder_ = self.target_encoder.fit(y)
        return EncodedTargets(self.target_encoder_)

    def _set_meta(self, y, targets):
        """Set what the user's function may ask for, by the names of scikeras; return the targets."""
        is_named = isinstance(y, NamedArrays)
        parts = dict(y.items()) if is_named else {None: y}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that there are many classes for so few rows
            kinds = {name: type_of_target(part) for name, part in parts.items()}
        meta = {
            "target_type_": kinds,
            "y_dtype_": {name: part.dtype for name, part in parts.items()},
            "y_ndim_": {name: part.ndim for name, part in parts.items()},
        }
        vars(self).update(meta if is_named else {name: each[None] for name, each in meta.items()})
        self.n_outputs_expected_ = 1
        if isinstance(targets, (SeveralTargets, EncodedTargets)):
            self.n_outputs_expected_ = targets.n_outputs  # None if a target_encoder does not tell
        vars(self).update(targets.attributes())
        return targets
