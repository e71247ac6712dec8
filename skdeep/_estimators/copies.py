"""Clones, copies and pickles of estimators, which hold Keras objects of the user's as they are.

scikit-learn and Python copy by `copy.deepcopy` and pickle, which Keras answers by config, and a config does not tell
everything. Here Keras objects among the parameters are copied by their attributes (`skdeep._keras.copying`) and pickled
with what their configs lack (`skdeep._keras.describing`). Callbacks come without the models that they saw
(`skdeep._keras.user_callbacks`).

This module does not import Keras: where Keras is not loaded there are no objects of it.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from skdeep._common.private_sklearn import clone_parametrized
from skdeep._files.pickling import holds_part, with_pickled
from skdeep._keras import copying
from skdeep._keras.user_callbacks import WITH_CALLBACKS, state_for_pickle, with_copied_callbacks

if TYPE_CHECKING:
    from skdeep._estimators.base import BaseDeepEstimator


def cloned(estimator: BaseDeepEstimator) -> BaseDeepEstimator:
    """Return what `sklearn.base.clone` shall return: an estimator that is not fitted, with the same parameters."""
    own = {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if name in WITH_CALLBACKS or holds_part(value)
    }
    without: Any = type(estimator).__new__(type(estimator))
    vars(without).update(vars(estimator) | dict.fromkeys(own))
    other = clone_parametrized(without)
    vars(other).update(_copied(own, {}))
    return other


def deep_copied(estimator: BaseDeepEstimator, memo: dict[int, Any]) -> BaseDeepEstimator:
    """Return what `copy.deepcopy` shall return."""
    other: Any = type(estimator).__new__(type(estimator))
    memo[id(estimator)] = other
    vars(other).update(_copied(vars(estimator), memo))
    return other


def picklable(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of an estimator as pickles hold them."""
    return {name: with_pickled(value, name) for name, value in state_for_pickle(attributes).items()}


def _copied(attributes, memo):
    copies = {}
    for name, value in with_copied_callbacks(attributes, memo).items():
        if name in WITH_CALLBACKS:
            copies[name] = value
        elif holds_part(value):
            copies[name] = _faithful_copy(value)
        else:
            copies[name] = copy.deepcopy(value, memo)
    return copies


def _faithful_copy(value):
    return copying.faithful_copy(value)
