"""A y that a transformer of the user's makes targets of, as scikeras has it with ``target_encoder``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skdeep._common.states import check_attributes, is_bool
from skdeep._data.named_arrays import NamedArrays, Parts
from skdeep._data.structure import Keys, packed


@dataclass(frozen=True)
class EncodedHead:
    """The outputs of a network as they are; what they mean the transformer knows.

    Parameters
    ----------
    keys : tuple or None
        Names or numbers of several outputs; None of a single one.
    losses : tuple
        Their losses.
    """

    keys: Keys
    losses: tuple[Any, ...]

    is_converted = False

    def __setstate__(self, state):
        def are_keys(value):
            return isinstance(value, tuple) and all(isinstance(each, (str, int)) for each in value)

        checks = {"keys": lambda value: value is None or are_keys(value), "losses": lambda value: type(value) is tuple}
        check_attributes(self, state, **checks)
        vars(self).update(state)

    def encode(self, codes: Any) -> Any:
        """Return the targets of the network."""
        return list(codes.arrays) if isinstance(codes, Parts) else codes

    def packed(self, outputs: Any) -> Any:
        """Return outputs as the model gives them: an array, or a list or dict of several."""
        return outputs if self.keys is None else packed(self.keys, outputs)

    def of_losses(self, function: Callable[[Any], Any]) -> EncodedHead:
        """Return the same with what a function makes of the losses."""
        return EncodedHead(self.keys, tuple(map(function, self.losses)))

    def changed(self, last: Any, losses: Any) -> EncodedHead:
        """Return that of a network that somebody outside changed."""
        return self


class EncodedTargets:
    """What a fitted transformer makes of y, and back.

    Parameters
    ----------
    encoder : transformer
        Fitted; `inverse_transform` may take `return_proba`.
    are_used : bool, default=True
        Whether the network learns them; if not, any loss does.
    """

    has_one_class_a_row = False
    row_kind = None
    n_outputs = None

    def __init__(self, encoder: Any, *, are_used: bool = True) -> None:
        self.encoder = encoder
        self.are_used = are_used

    def __setstate__(self, state):
        check_attributes(self, state, encoder=lambda value: hasattr(value, "inverse_transform"), are_used=is_bool)
        vars(self).update(state)

    def encode(self, y: np.ndarray, name: str = "y") -> Any:
        """Return what the transformer makes of y."""
        return parts_of(self.encoder.transform(y), len(y), "target_encoder", dense=True)

    def has_classes(self, classes: Any) -> bool:
        """Whether these are the labels, which the transformer knows alone."""
        return True

    def fits(self, head: Any) -> bool:
        """Whether a network with this head, from a file, is one for these targets."""
        return isinstance(head, EncodedHead)

    def predictions(self, head: EncodedHead, outputs: Any) -> Any:
        """Return the outputs, which are brought back all at once."""
        return outputs

    probabilities = scores = predictions

    def whole(self, head: EncodedHead, outputs: Any) -> Any:
        """Return predictions: what the transformer makes of the outputs, in the form in which the model gives them."""
        return self.encoder.inverse_transform(head.packed(outputs))

    def by_output(self, head: EncodedHead, outputs: Any) -> Any:
        """Return probabilities: what the transformer makes of the outputs with ``return_proba=True``."""
        if "return_proba" not in inspect.signature(self.encoder.inverse_transform).parameters:
            raise AttributeError(
                f"predict_proba needs a target_encoder whose inverse_transform takes return_proba, but that of "
                f"{type(self.encoder).__name__} does not."
            )
        return self.encoder.inverse_transform(head.packed(outputs), return_proba=True)

    def continuing(self, earlier: Any) -> Any:
        """Return the targets with which ``warm_start=True`` goes on."""
        return earlier

    def attributes(self) -> dict[str, Any]:
        """Return what the transformer tells the estimator."""
        return getattr(self.encoder, "get_metadata", dict)()

    def expected_encoding(self, loss: Any, target_encoding: str) -> str:
        """Return the encoding for a network of the user's own: what the transformer gives."""
        return "encoded"


def parts_of(encoded: Any, n_rows: int, name: str, *, dense: bool = False) -> Any:
    """Return what a transformer gives: an array, or `Parts` of a list or dict of arrays.

    Parameters
    ----------
    encoded : array-like, sparse matrix, or list, tuple, dict or NamedArrays of them
        What it gives.
    n_rows : int
        Rows that it got.
    name : str
        Of the transformer, for messages.
    dense : bool, default=False
        Whether sparse matrices are made dense; otherwise they become CSR.
    """
    if isinstance(encoded, (Mapping, NamedArrays)):
        encoded = dict(sorted(encoded.items()))
    elif isinstance(encoded, (list, tuple)) and encoded and all(hasattr(each, "shape") for each in encoded):
        encoded = dict(enumerate(encoded))
    else:
        encoded = {None: encoded}
    arrays = {key: _as_array(each, dense) for key, each in encoded.items()}
    for array in arrays.values():
        if not array.shape or array.shape[0] != n_rows:
            raise ValueError(f"{name} got {n_rows} rows, but gives arrays of the shapes {_shapes(arrays)}.")
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{name} must give numbers. Got an array of {array.dtype}.")
    return arrays[None] if None in arrays else Parts(arrays)


def _as_array(value, dense):
    if not issparse(value):
        return np.asarray(value)
    return value.toarray() if dense else value.tocsr()


def _shapes(arrays):
    return ", ".join(str(tuple(array.shape)) for array in arrays.values())
