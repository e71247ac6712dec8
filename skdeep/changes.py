"""What somebody outside does to the model of a fitted network, which is live: compiled again, frozen, set otherwise.

What a network is can be compared only as a whole, which takes milliseconds. So first the very objects that its
attributes are get compared with those of the last time.
"""

from operator import is_

from skdeep.comparing import compared, state_key


class Watch:
    """Whether a model is still what it was.

    Parameters
    ----------
    model : keras.Model
        Compiled model.
    """

    def __init__(self, model):
        self._model = model
        self._first = self._last = state_key(model)
        self._attributes = _attributes(model)

    @property
    def is_changed(self):
        """Whether it was another model at the last look than at first, but for the values of its variables."""
        return self._first != self._last

    def look(self):
        """Tell whether the model became another one since the last look."""
        attributes, before = _attributes(self._model), self._attributes
        if len(attributes) == len(before) and all(map(is_, attributes, before)):
            return False
        self._attributes = attributes
        last, self._last = self._last, state_key(self._model)
        return last != self._last

    def of_copy(self, model):
        """Return a watch for a copy of the model."""
        other = Watch(model)
        other._first = self._first
        return other


def _attributes(model):
    """Return the values of all attributes of a model, its layers and its optimizer."""
    parts = [model, *model._flatten_layers(), getattr(model, "optimizer", None)]
    return [value for part in parts for value in compared(part).values()]
