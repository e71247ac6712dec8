"""Initial weights by the names of Keras's initializers, drawn by NumPy.

The distributions are Keras's with the defaults of its classes. So a network starts the same whatever trains it, and
starts without Keras where that is not needed. Initializers with a seed or other arguments, and those of the user's own,
are asked themselves.
"""

from __future__ import annotations

import inspect
import math

import numpy as np

from skdeep._common.typing import Initializer
from skdeep._data.objectives import snake_name
from skdeep._lazy import keras

_TRUNCATED = 2  # standard deviations
_STD_OF_TRUNCATED = 0.87962566103423978  # of a normal distribution of 1 that is truncated there
_SPREAD = 0.05  # Keras's default of those that do not look at shapes

# Keras's other names.
KERAS_ALIASES = {"normal": "random_normal", "uniform": "random_uniform", "one": "ones", "zero": "zeros"}

_SCALES = {
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he": lambda fan_in, fan_out: 2 / fan_in,
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
}


def known_name(initializer: Initializer) -> str | None:
    """Return the name by which an initializer is known here, or None.

    Parameters
    ----------
    initializer : str, class or keras.initializers.Initializer
        Of Keras's, in any of the forms that the estimators take.
    """
    if isinstance(initializer, str):
        name = snake_name(initializer)
        name = KERAS_ALIASES.get(name, name)
        return name if name in _KNOWN else None
    kind = initializer if inspect.isclass(initializer) else type(initializer)
    name = snake_name(kind)
    if name not in _KNOWN or getattr(keras.initializers, kind.__name__, None) is not kind:
        return None
    return name if kind is initializer or _has_defaults(initializer) else None


def _has_defaults(initializer):
    """Whether an initializer of Keras was given no arguments."""
    config = initializer.get_config()
    parameters = inspect.signature(type(initializer)).parameters.values()
    is_seeded = getattr(initializer, "_init_seed", None) is not None
    return not is_seeded and all(
        config.get(each.name) == each.default for each in parameters if each.name in config and each.name != "seed"
    )


def is_random(name: str) -> bool:
    """Whether one of the known initializers needs a seed."""
    return name not in _CONSTANTS


def drawn(name: str, shape: tuple[int, ...], dtype: str, seed: int | None = None) -> np.ndarray:
    """Return an array of this dtype.

    Parameters
    ----------
    name : str
        From `known_name`.
    shape : tuple of int
        Of the weights of one layer; the last axis is that of its units.
    dtype : str
        Of the array.
    seed : int, default=None
        Of the random numbers.
    """
    if name in _CONSTANTS:
        return np.full(shape, _CONSTANTS[name], dtype)
    return _KNOWN[name](np.random.default_rng(seed), shape).astype(dtype)


def _uniform(rng, shape, limit):
    return rng.uniform(-limit, limit, shape)


def _truncated_normal(rng, shape, std):
    values = rng.standard_normal(shape)
    while True:
        outside = np.abs(values) > _TRUNCATED
        if not outside.any():
            return std * values
        values[outside] = rng.standard_normal(int(outside.sum()))


def _fans(shape):
    """Return how many inputs and outputs a unit has; of a vector its length for both, as Keras does."""
    if len(shape) < 2:
        return (max(1, math.prod(shape)),) * 2
    field = math.prod(shape[:-2])
    return max(1, field * shape[-2]), max(1, field * shape[-1])


def _by_fans(kind, is_uniform):
    def draw(rng, shape):
        variance = _SCALES[kind](*_fans(shape))
        if is_uniform:
            return _uniform(rng, shape, math.sqrt(3 * variance))
        return _truncated_normal(rng, shape, math.sqrt(variance) / _STD_OF_TRUNCATED)

    return draw


_CONSTANTS = {"zeros": 0, "ones": 1}
_KNOWN = (
    _CONSTANTS
    | {f"{kind}_uniform": _by_fans(kind, True) for kind in _SCALES}
    | {f"{kind}_normal": _by_fans(kind, False) for kind in _SCALES}
    | {
        "random_uniform": lambda rng, shape: _uniform(rng, shape, _SPREAD),
        "random_normal": lambda rng, shape: _SPREAD * rng.standard_normal(shape),
        "truncated_normal": lambda rng, shape: _truncated_normal(rng, shape, _SPREAD),
    }
)
