"""Clones, copies and pickles of estimators, which hold Keras objects of the user's as they are.

scikit-learn and Python copy by `copy.deepcopy` and pickle, which Keras answers by config, and a config does not tell
everything. Here Keras objects among the parameters are copied by their attributes (`skdeep.copying`) and pickled with
what their configs lack (`skdeep.describing`). Callbacks come without the models that they saw
(`skdeep.user_callbacks`).

This module does not import Keras: where Keras is not loaded there are no objects of it.
"""

import copy
import functools
import sys

from sklearn.base import _clone_parametrized

from skdeep.network import is_for_file
from skdeep.user_callbacks import WITH_CALLBACKS, state_for_pickle, with_copied_callbacks


def cloned(estimator):
    """Return what `sklearn.base.clone` shall return: an estimator that is not fitted, with the same parameters."""
    own = {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if name in WITH_CALLBACKS or _holds_part(value)
    }
    without = type(estimator).__new__(type(estimator))
    vars(without).update(vars(estimator) | dict.fromkeys(own))
    other = _clone_parametrized(without)
    vars(other).update(_copied(own, {}))
    return other


def deep_copied(estimator, memo):
    """Return what `copy.deepcopy` shall return."""
    other = memo[id(estimator)] = type(estimator).__new__(type(estimator))
    vars(other).update(_copied(vars(estimator), memo))
    return other


def picklable(attributes):
    """Return the attributes of an estimator as pickles hold them."""
    return {name: with_pickled(value, name) for name, value in state_for_pickle(attributes).items()}


def with_pickled(value, name):
    """Return a value with what pickles hold in place of the Keras objects in it."""
    if is_for_file():
        from skdeep.stand_ins import stood_in

        return stood_in(value)
    if not _holds_part(value):
        return value
    from skdeep.describing import pickled

    return pickled(value, name)


def loss_in_state(loss):
    """Return a loss as the state of a network holds it beside its description: files have the name of an object."""
    return type(loss).__name__ if is_for_file() and _holds_part(loss) else with_pickled(loss, "loss")


def _copied(attributes, memo):
    copies = {}
    for name, value in with_copied_callbacks(attributes, memo).items():
        if name in WITH_CALLBACKS:
            copies[name] = value
        elif _holds_part(value):
            copies[name] = _faithful_copy(value)
        else:
            copies[name] = copy.deepcopy(value, memo)
    return copies


def _faithful_copy(value):
    from skdeep.copying import faithful_copy

    return faithful_copy(value)


def _holds_part(value):
    """Whether a value is a Keras object that Keras would copy by config, or a container of such."""
    if "keras" not in sys.modules:
        return False
    if isinstance(value, (list, tuple, set)):
        return any(map(_holds_part, value))
    if isinstance(value, dict):
        return any(map(_holds_part, value.values()))
    if isinstance(value, functools.partial):
        return any(map(_holds_part, [*value.args, *value.keywords.values()]))
    from skdeep.copying import is_part

    return is_part(value)
