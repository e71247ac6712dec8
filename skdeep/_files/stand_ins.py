"""What files have in place of objects that would need code to be made again.

`save` puts them in, wherever an estimator of skdeep or scikit-learn has such an object, and `load` puts the objects
back. A stand-in has plain values only, which are checked before anything is made of them.
"""

from __future__ import annotations

import functools
import sys
from dataclasses import is_dataclass
from typing import Any, Self

import numpy as np
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import MetadataRequest

from skdeep._files.keras_files import describe_for_file, is_keras_object, make_from_file

_METHODS = (
    "fit",
    "partial_fit",
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score",
    "split",
    "transform",
    "inverse_transform",
)


class KerasObject:
    """An object, class or function of Keras's, or an object of a class of the user's that is derived from Keras's."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    @classmethod
    def of(cls, value: Any) -> Self:
        """Return the stand-in."""
        return cls(describe_for_file(value))

    def make(self) -> Any:
        """Return the object."""
        return make_from_file(self.state)


class MetadataRequests:
    """What an estimator asks of scikit-learn's metadata routing; the object itself refers to the estimator.

    Parameters
    ----------
    requests : dict of str to dict
        By method, of which metadata there is which request.
    """

    def __init__(self, requests: dict[str, dict[str, Any]]) -> None:
        self.requests = requests

    @classmethod
    def of(cls, request: MetadataRequest) -> Self:
        """Return the stand-in."""
        return cls({method: dict(getattr(request, method).requests) for method in _METHODS})

    def make(self) -> MetadataRequest:
        """Return the object, whose owner is not known; it is shown only."""
        made = MetadataRequest(owner=None)
        for method, requests in self.requests.items():
            if method not in _METHODS:
                raise ValueError(f"There are no metadata requests of a method {method!r}.")
            for name, alias in requests.items():
                getattr(made, method).add_request(param=name, alias=alias)
        return made


class Distribution:
    """A distribution of scipy with its arguments, as searches draw parameters from.

    Parameters
    ----------
    name : str
        Name in `scipy.stats`.
    arguments : list
        Numbers.
    keywords : dict of str to number
        Numbers by name.
    """

    def __init__(self, name: str, arguments: list[Any], keywords: dict[str, Any]) -> None:
        self.name = name
        self.arguments = arguments
        self.keywords = keywords

    @classmethod
    def of(cls, frozen: Any) -> Self:
        """Return the stand-in."""
        name = next((name for name, kind in _distributions().items() if type(kind) is type(frozen.dist)), None)
        if name is None:
            raise ValueError(f"the distribution {frozen.dist.name!r} is none of scipy.stats")
        return cls(name, list(frozen.args), dict(frozen.kwds))

    def make(self) -> Any:
        """Return the distribution."""
        if self.name not in _distributions():
            raise ValueError(f"There is no distribution {self.name!r} in scipy.stats.")
        numbers = [*self.arguments, *self.keywords.values()]
        if not all(isinstance(each, (int, float, np.number, np.ndarray)) for each in numbers):
            raise ValueError(f"The distribution {self.name!r} has other arguments than numbers.")
        return _distributions()[self.name](*self.arguments, **self.keywords)


@functools.cache
def _distributions():
    """Return scipy's distributions by their names."""
    kinds = (stats.rv_continuous, stats.rv_discrete)
    return {name: each for name, each in vars(stats).items() if isinstance(each, kinds)}


def stood_in(value: Any) -> Any:
    """Return a value with stand-ins for what a file cannot have, in containers and estimators, too."""
    return _mapped(value, _stand_in, {})


def restored(value: Any) -> Any:
    """Return a value with what the stand-ins in it stand for."""
    return _mapped(value, _original, {})


def _stand_in(value):
    """Return the stand-in of an object, or None if it needs none."""
    if isinstance(value, MetadataRequest):
        return MetadataRequests.of(value)
    if isinstance(value, stats.distributions.rv_frozen):
        return Distribution.of(value)
    return KerasObject.of(value) if "keras" in sys.modules and is_keras_object(value) else None


def _original(value):
    return value.make() if isinstance(value, (KerasObject, MetadataRequests, Distribution)) else None


def _mapped(value, function, memo):
    """Return a value in which what a function returns another for is that one, and all else is the same.

    What is in several places is so in the result; objects that refer to themselves only scikit-learn's requests are.
    """
    if id(value) in memo:
        return memo[id(value)][1]
    other = function(value)
    if other is None:
        other = _with_mapped(value, lambda each: _mapped(each, function, memo))
    memo[id(value)] = value, other
    return other


def _with_mapped(value, mapped):
    if type(value) is dict:
        return {key: mapped(each) for key, each in value.items()}
    if type(value) in (list, tuple, set):
        return type(value)(mapped(each) for each in value)
    if isinstance(value, functools.partial):
        return functools.partial(mapped(value.func), *mapped(value.args), **mapped(value.keywords))
    if isinstance(value, np.ndarray) and value.dtype == object:
        other = value.copy()
        for index in np.ndindex(value.shape):
            if not np.ma.is_masked(value[index]):
                other[index] = mapped(value[index])
        return other
    if isinstance(value, Bunch):
        return Bunch(**{key: mapped(each) for key, each in value.items()})
    is_of_scikit_learn = type(value).__module__.startswith("sklearn.") and hasattr(value, "__dict__")
    is_of_skdeep = is_dataclass(value) and type(value).__module__.startswith("skdeep.")
    if isinstance(value, BaseEstimator) or is_of_scikit_learn or is_of_skdeep:
        other = type(value).__new__(type(value))
        vars(other).update({name: mapped(each) for name, each in vars(value).items()})
        return other
    return value
