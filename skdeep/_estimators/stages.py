"""Two stages of training: first with the parameters that start with ``first_stage__``, from there on with all others.

The first is trained by an estimator of its own, whose network the second one goes on from.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skdeep._common.near_names import did_you_mean
from skdeep._estimators import model_functions
from skdeep._estimators.model_functions import FIRST_STAGE, PREFIXES
from skdeep._estimators.parameters import routed_parameters

_OF_BOTH = ("model", "build_fn", "warm_start", "random_state")  # what no stage has for itself
_LEARNED = ("_network", "_targets", "_rng")
# What an estimator has that is no parameter: what it learned, and the callbacks of scikit-learn that watch a fit.
_OF_A_FIT = (*_LEARNED, "_skl_callbacks", "_skl_callbacks_to_teardown", "_callback_fit_ctx")


def first_stage_of(estimator: Any) -> Any:
    """Return an estimator for the first stage, or None if there is none, or if it was trained in an earlier fit."""
    own = {name.removeprefix(FIRST_STAGE): value for name, value in routed_parameters(estimator, FIRST_STAGE).items()}
    if not own or (estimator.warm_start and hasattr(estimator, "_network")):
        return None
    _check_known(estimator, own)
    first: Any = object.__new__(type(estimator))
    # No clone: what was given is not changed, and a fitted initial_model stays fitted.
    left_out = {*_OF_A_FIT, *(f"{prefix}{name}" for name in own for prefix in ("fit__", "compile__"))}
    vars(first).update(
        {
            name: value
            for name, value in vars(estimator).items()
            if name not in left_out and not name.startswith(FIRST_STAGE)
        }
    )
    seed = estimator.random_state
    if not isinstance(seed, Integral):  # else the second stage would draw other validation rows
        seed = int(check_random_state(seed).randint(np.iinfo(np.int32).max))
    vars(first).update(own | {"warm_start": False, "random_state": seed})
    first._validate_params()
    return first


def train_first(first: Any, estimator: Any, data: tuple[Any, ...]) -> None:
    """Train the first stage; one that is interrupted is what the estimator of both has learned."""
    try:
        first._fit(*data)
    except KeyboardInterrupt:
        if hasattr(first, "_network"):
            learned = {name: value for name, value in vars(first).items() if name[-1] == "_" or name in _LEARNED}
            vars(estimator).update(learned)
        raise
    first._network.made_with = None  # so that the second stage makes a network of its own


def _check_known(estimator, own):
    known = [*estimator.get_params(), *model_functions.function_parameters(estimator)]
    known = [name for name in dict.fromkeys(known) if name not in _OF_BOTH and not name.startswith(FIRST_STAGE)]
    prefixes = tuple(prefix for prefix in PREFIXES if prefix != FIRST_STAGE)
    for name in own:
        if name not in known and not name.startswith(prefixes):
            raise ValueError(
                f"{FIRST_STAGE}{name} is no parameter of a first stage.{did_you_mean(name, known)} Those are "
                f"{', '.join(known)}, and routed ones."
            )
