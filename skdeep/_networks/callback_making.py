"""The callbacks of one fit, from what the parameter `callbacks` may hold."""

from __future__ import annotations

import inspect
from typing import Any

from skdeep._common.near_names import did_you_mean
from skdeep._lazy import keras, lazy_module
from skdeep._networks import routing

own_callbacks = lazy_module("skdeep.callbacks")
_NO_CALLBACKS = ("Callback", "CallbackList")  # what they derive from, and what calls them


def make_callbacks(given: list[Any], routed: dict[str, Any]) -> list[keras.callbacks.Callback]:
    """Return the callbacks of one fit: the objects that were given, and those made by classes and functions.

    Parameters
    ----------
    given : list
        Values of the parameter `callbacks`: None, or one callback, class, name of a class of Keras or function, or a
        list, tuple or dict of them, whose values may be lists.
    routed : dict
        The routed parameters of the classes among them. Those of a list go by number, those of a dict by name; without
        either they go to all.
    """
    given = [each for each in given if each is not None]
    routed = {name: value for name, value in routed.items() if name.startswith("callbacks__")}
    if routed and not given:
        raise ValueError(f"{next(iter(routed))} was given, but callbacks is None.")
    is_single = len(given) == 1 and not isinstance(given[0], (list, tuple, dict))
    items = routing.mapped(given[0] if is_single else _by_keys(given), lambda item, place: _named(item))
    for item in routing.leaves(items):
        if not _can_be_called_back(item):
            raise TypeError(
                "callbacks must be Keras callbacks, their classes or names, or functions without arguments that return "
                f"callbacks. Got {given[0] if len(given) == 1 else given!r}."
            )
    try:
        made = routing.made("callbacks", items, routed)
    except TypeError as error:  # an argument is missing
        raise TypeError(f"callbacks={given[0] if len(given) == 1 else given!r} cannot be made: {error}") from error
    callbacks: list[keras.callbacks.Callback] = []
    for each in routing.leaves(made):
        callbacks += [each] if isinstance(each, keras.callbacks.Callback) else _returned_by(each)
    return callbacks


def _by_keys(given):
    """Return one dict of several values of `callbacks`: of lists by number, of dicts by name."""
    items = {}
    for some in given:
        if isinstance(some, dict):
            items |= {_free(items, name): each for name, each in some.items()}
        else:
            items |= {
                len(items) + n: each for n, each in enumerate(some if isinstance(some, (list, tuple)) else [some])
            }
    return items


def _free(items, name):
    """Return a name that is not among those of the items: two dicts may have the same."""
    return name if name not in items else (name, len(items))


def _named(item):
    """Return the class of this name, of Keras or of `skdeep.callbacks`; what is no name as it is."""
    if not isinstance(item, str):
        return item
    known = {name: getattr(own_callbacks, name) for name in own_callbacks.__all__}
    for name, each in vars(keras.callbacks).items():
        if inspect.isclass(each) and issubclass(each, keras.callbacks.Callback) and name not in _NO_CALLBACKS:
            known[name] = each
    if item not in known:
        raise ValueError(
            f"callbacks={item!r} is not a callback of Keras or skdeep, such as 'EarlyStopping'."
            + did_you_mean(item, list(known))
        )
    return known[item]


def _can_be_called_back(item):
    if inspect.isclass(item):
        return issubclass(item, keras.callbacks.Callback)
    return isinstance(item, keras.callbacks.Callback) or (callable(item) and not isinstance(item, keras.layers.Layer))


def _returned_by(function):
    """Return the callbacks that a function of the user's returns, in a list."""
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        raise TypeError(f"callbacks={function!r} must take no arguments: {error}.") from error
    except ValueError:  # a function that does not tell
        pass
    returned = function()
    callbacks = [returned] if isinstance(returned, keras.callbacks.Callback) else [*routing.leaves(returned)]
    if returned is None or not all(isinstance(callback, keras.callbacks.Callback) for callback in callbacks):
        raise TypeError(
            f"callbacks={function!r} must return a Keras callback, or a list of them. It returned {returned!r}."
        )
    return callbacks
