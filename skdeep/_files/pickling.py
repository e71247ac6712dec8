"""Keras objects in the states of estimators and networks, as pickles and files hold them."""

from __future__ import annotations

import functools
import sys
from typing import Any

from skdeep._common.state_options import is_for_file
from skdeep._files.stand_ins import stood_in
from skdeep._keras import copying, describing


def with_pickled(value: Any, name: str) -> Any:
    """Return a value with what pickles hold in place of the Keras objects in it."""
    if is_for_file():
        return stood_in(value)
    if not holds_part(value):
        return value
    return describing.pickled(value, name)


def loss_in_state(loss: Any) -> Any:
    """Return a loss as the state of a network holds it beside its description: files have the name of an object."""
    return type(loss).__name__ if is_for_file() and holds_part(loss) else with_pickled(loss, "loss")


def holds_part(value: object) -> bool:
    """Whether a value is a Keras object that Keras would copy by config, or a container of such."""
    if "keras" not in sys.modules:
        return False
    if isinstance(value, (list, tuple, set)):
        return any(map(holds_part, value))
    if isinstance(value, dict):
        return any(map(holds_part, value.values()))
    if isinstance(value, functools.partial):
        return any(map(holds_part, [*value.args, *value.keywords.values()]))
    return copying.is_part(value)
