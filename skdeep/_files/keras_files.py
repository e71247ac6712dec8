"""Keras objects in files: descriptions of plain values, of which they are made again without executing anything.

What stands in a description is in `skdeep._files.plain_states`. Keras's own classes and functions are in it by their
public names, as far as `skdeep._files.keras_names` has them; the user's are in it as they are. Configs tell what an
object is, and beside them stand the plain attributes that they lack. A callback, which has no config, is its
attributes, without the models that it saw and what it has for the time of one fit.

This module does not import Keras before there is an object of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skdeep._common.forked import check_not_forked
from skdeep._common.state_options import has_optimizers
from skdeep._files import describing_for_files, making_from_files
from skdeep._files.keras_names import is_keras_object
from skdeep._files.plain_states import untrusted_names
from skdeep._lazy import keras

__all__ = [
    "describe_for_file",
    "describe_network",
    "is_keras_object",
    "make_from_file",
    "make_network",
    "untrusted_names",
]


def describe_for_file(value: Any) -> dict[str, Any]:
    """Return a description of a Keras object of plain values.

    Parameters
    ----------
    value : object
        One for which `is_keras_object` is true.

    Returns
    -------
    state : dict
        Of dicts by strings, lists, tuples, strings, numbers, bools, None and arrays of numbers, and of the classes and
        functions of the user's that it needs.

    Raises
    ------
    ValueError
        If something in it cannot be in a file. The message says what, and what to do instead.
    """
    check_not_forked()
    return describing_for_files.describe(value, with_optimizer=has_optimizers())


def describe_network(model: keras.Model) -> dict[str, Any]:
    """Return the description of a model without the values of its variables, see `describe_for_file`."""
    state = describing_for_files.describe(model)
    return state | {"value": state["value"] | {"values": None, "optimizer_values": None}}


def make_from_file(state: Any) -> Any:
    """Return the object that was described.

    Parameters
    ----------
    state : object
        What `describe_for_file` returned, or anything that somebody wrote into a file.

    Returns
    -------
    value : object
        A new object.

    Raises
    ------
    ValueError
        If it is no description, or one of something that a file may not have.
    """
    check_not_forked()
    return making_from_files.make(state)


def make_network(state: Any, values: list[np.ndarray], optimizer_values: list[np.ndarray] | None) -> keras.Model:
    """Return the model that `describe_network` described, with variables of the shapes of these values.

    Parameters
    ----------
    state : object
        A description, or anything that somebody wrote into a file.
    values, optimizer_values : list of ndarray
        The values of its variables, and those of its optimizer or None. They are checked, and not set.

    Raises
    ------
    ValueError
        As `make_from_file` does.
    """
    return making_from_files.make(state, values=values, optimizer_values=optimizer_values)
