"""What somebody outside does to the model of a fitted network, which is live: compiled again, frozen, set otherwise."""

from __future__ import annotations

from skdeep._keras.comparing import compared, state_key
from skdeep._lazy import keras

_REGULARIZERS = ("kernel_regularizer", "bias_regularizer", "activity_regularizer")
_PLAIN = (bool, int, float, str)


class Watch:
    """Whether a model is still what it was.

    Parameters
    ----------
    model : keras.Model
        Compiled model.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._first = state_key(model)
        self._attributes = _attributes(model)
        self._is_same: bool | None = True  # None if that is not known
        self.n_changes = 0  # how often a look found attributes that were set

    def look(self) -> bool:
        """Tell whether attributes of the model, its layers or its optimizer were set since the last look."""
        attributes, before = _attributes(self._model), self._attributes
        if len(attributes) == len(before) and all(map(_is_same, attributes, before)):
            return False
        self._attributes = attributes
        self._is_same = None
        self.n_changes += 1
        return True

    def is_changed(self) -> bool:
        """Whether it is another model than at first, but for the values of its variables."""
        if self._is_same is None:
            self._is_same = state_key(self._model) == self._first
        return not self._is_same

    def of_copy(self, model: keras.Model) -> Watch:
        """Return a watch for a copy of the model."""
        other = Watch(model)
        other._first, other._is_same = self._first, None
        return other


def _attributes(model):
    layers, optimizer = model._flatten_layers(), model.optimizer
    regularizers = [getattr(layer, name, None) for layer in layers for name in _REGULARIZERS]
    parts = [model, *layers, optimizer, *(each for each in regularizers if each is not None)]
    rate = getattr(getattr(optimizer, "inner_optimizer", optimizer), "_learning_rate", None)
    schedule = None if isinstance(rate, keras.Variable) else rate
    return [*(value for part in parts for value in compared(part).values()), schedule]


def _is_same(one, other):
    return one is other or (type(one) is type(other) and isinstance(one, _PLAIN) and one == other)
