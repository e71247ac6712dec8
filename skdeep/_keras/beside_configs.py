"""What the configs of Keras objects do not tell: found, sent along in pickles and files, and put back.

Pickles and files have configs, of which copies are made. `differences` finds what the original has and the copy lacks,
by attributes, and `put_back` sets it. Left out is what `skdeep._keras.comparing` leaves out.
"""

from __future__ import annotations

import copy
import functools
import inspect
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from skdeep._backend import array_types, is_tensor, tensor_of
from skdeep._keras.comparing import PLAIN, array_token, compared, is_of_keras
from skdeep._keras.copying import contents
from skdeep._lazy import keras

# Attributes that Keras's own objects may have or not.
_SET_LATER = {"_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"}
_OF_ANY_TYPE = _SET_LATER | {"loss"}
# By kind, what makes the value of an attribute; others are as they are.
_MAKERS: dict[str, Callable[[Any], Any]] = {"tensor": tensor_of, "pattern": re.compile}
_WHOLE = 1000  # of what a file puts back, if it was not larger


def differences(original: object, rebuilt: object) -> list[tuple[Any, ...]]:
    """Return the attributes that a copy by config lacks, or has otherwise.

    Parameters
    ----------
    original, rebuilt : object
        A Keras object, and what was made of its config.

    Returns
    -------
    found : list of (path, name, kind, value)
        The way to the part that has the attribute, its name, "tensor", "pattern" (a regular expression) or "value", and
        its value in the original; for `put_back`.

    Raises
    ------
    ValueError
        If what differs cannot be put back, since it holds a part that the copy does not have. The message names it.
    """
    return _Differences(original, rebuilt).found


def put_back(rebuilt: object, found: Iterable[Sequence[Any]], *, only_plain: bool = False) -> None:
    """Set the attributes that `differences` found.

    With `only_plain` anything else than plain values of attributes that Keras's own classes have is a ValueError, since
    it comes from a file.
    """
    for path, name, kind, value in found:
        if only_plain:
            part = _part_at(rebuilt, path)
            _check_is_plain(part, name, kind, value)
        else:
            part = functools.reduce(_step, path, rebuilt)
        if isinstance(part, keras.DTypePolicy):
            part = _policy_of_its_own(rebuilt, path)
        vars(part)[name] = _MAKERS.get(kind, _unchanged)(value)  # not setattr: a layer that is built takes no new state


def _policy_of_its_own(rebuilt, path):
    """Put a copy in the place of a dtype policy, which others may have, Keras's global one among them; return it."""
    owner, step = functools.reduce(_step, path[:-1], rebuilt), path[-1]
    policy = copy.copy(_step(owner, step))
    if isinstance(step, str):
        vars(owner)[step] = policy
    else:
        owner[step[1] if isinstance(step, (tuple, list)) else step] = policy
    return policy


def _part_at(rebuilt, path):
    """Return the part at the end of a way that comes from a file."""
    try:
        return functools.reduce(_step, path, rebuilt)
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(
            f"{_described_part(rebuilt)} has no part {path!r}, of which a file tells; it may have been altered"
        ) from error


def _is_plain(value):
    """Whether a value is a number, a string, an array or a container of such."""
    if isinstance(value, (list, tuple, set)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, [*value.keys(), *value.values()]))
    return isinstance(value, PLAIN) or (isinstance(value, np.ndarray) and value.dtype.kind in "biufc")


class _Differences:
    def __init__(self, original, rebuilt):
        self.found = []
        self._seen = set()
        self._pending = [((), original, rebuilt)]
        for path, one, other in self._pending:  # which grows meanwhile
            if (id(one), id(other)) not in self._seen:
                self._seen.add((id(one), id(other)))
                self._compare(path, one, other)

    def _compare(self, path, one, other):
        own, others = _with_schedule(one), _with_schedule(other)
        for name, value in own.items():
            if self._are_same((*path, name), value, others.get(name)):
                continue
            value = untracked(value)
            if name == "_exclude_from_weight_decay" and value:
                raise ValueError(
                    f"its {_described_part(one)} excludes variables from weight decay by var_list, which is in no "
                    "config; give their names by var_names"
                )
            if _reaches_part(value):
                if is_of_keras(type(one)):
                    continue  # building or training adds it
                raise ValueError(
                    f"its {_described_part(one)} has an attribute {name!r} that holds parts which its config does not "
                    "make"
                )
            self.found.append((path, name, *_kind_and_value(value)))
        if isinstance(one, (list, tuple)):
            self._are_same(path, list(one), list(other))

    def _are_same(self, path, one, other):
        """Whether values are equal, as far as parts within them are, which are compared later."""
        if isinstance(one, PLAIN):
            return type(one) is type(other) and (one == other or one != one)
        if isinstance(one, array_types()):
            return isinstance(other, type(one)) and array_token(one) == array_token(other)
        if isinstance(one, Mapping):
            return self._have_same_items(path, one, other)
        if isinstance(one, (list, tuple)):
            is_like = isinstance(other, (list, tuple)) and len(one) == len(other)
            return is_like and all(
                self._are_same((*path, number), *pair) for number, pair in enumerate(zip(one, other, strict=True))
            )
        if isinstance(one, (set, frozenset)):
            return isinstance(other, (set, frozenset)) and sorted(map(repr, one)) == sorted(map(repr, other))
        if isinstance(one, types.FunctionType):
            return one is other or self._are_same_functions(path, one, other)
        if type(one) is type(other) and hasattr(one, "__dict__") and not inspect.isclass(one):
            self._pending.append((path, one, other))
            return True
        try:
            return one is other or bool(one == other)
        except Exception:  # which kind depends on what it is
            return False

    def _have_same_items(self, path, one, other):
        return (
            isinstance(other, Mapping)
            and list(one) == list(other)
            and all(self._are_same((*path, ("key", key)), value, other[key]) for key, value in one.items())
        )

    def _are_same_functions(self, path, one, other):
        return (
            isinstance(other, types.FunctionType)
            and one.__code__ == other.__code__
            and (one.__globals__ is other.__globals__ or not _names_globals(one.__code__))
            and self._are_same((*path, "closure"), contents(one), contents(other))
        )


def _names_globals(code):
    return bool(code.co_names) or any(_names_globals(each) for each in code.co_consts if inspect.iscode(each))


def _with_schedule(part):
    """Return the attributes that are compared, with the learning rate of an optimizer if it is no number."""
    own = compared(part)
    rate = vars(part).get("_learning_rate") if isinstance(part, keras.optimizers.Optimizer) else None
    if rate is not None and not isinstance(rate, keras.Variable):
        own["_learning_rate"] = rate
    return own


def _step(part, step):
    if isinstance(step, str):
        return vars(part)[step]
    return part[step[1]] if isinstance(step, (tuple, list)) else part[step]


def _check_is_plain(part, name, kind, value):
    known = compared(part) if is_of_keras(type(part)) else {}
    is_known = isinstance(name, str) and (name in known or name in _SET_LATER)
    if not (is_known and kind in ("value", "tensor", "pattern") and _is_plain(value)):
        raise ValueError(
            f"{_described_part(part)} has an attribute {name!r} that is in no config, so that a file cannot have it: "
            f"{value!r}. Files have what get_config tells, and numbers, strings and arrays of Keras's own classes"
        )
    is_alike = name in _OF_ANY_TYPE or _is_alike(known.get(name), kind, value)
    if not is_alike or _largest(value) > max(_WHOLE, _largest(known.get(name))):
        raise ValueError(
            f"{_described_part(part)} cannot have {value!r} as its attribute {name!r}; a file may have been altered"
        )


def _largest(value):
    """Return the largest whole number in a value, by which Keras may count."""
    if isinstance(value, Mapping):
        return max(map(_largest, value.values()), default=0)
    if isinstance(value, (list, tuple, set)):
        return max(map(_largest, value), default=0)
    return abs(value) if isinstance(value, int) else 0


def _is_alike(known, kind, value):
    """Whether a value may stand in the place of another, which Keras made: a string for a string and so on."""
    if known is None or value is None:
        return not isinstance(value, str)
    if kind == "tensor":
        return is_tensor(known) and known.dtype.as_numpy_dtype == value.dtype
    if kind == "pattern":
        return isinstance(known, re.Pattern) and isinstance(value, str)
    for form in (bool, (int, float, np.number), str, (list, tuple, set), Mapping):
        if isinstance(known, form):
            return isinstance(value, form)
    return isinstance(known, np.ndarray) and isinstance(value, np.ndarray) and known.dtype.kind == value.dtype.kind


def _unchanged(value):
    return value


def _kind_and_value(value):
    if is_tensor(value):
        return "tensor", np.asarray(value)
    if isinstance(value, re.Pattern):
        return "pattern", value.pattern
    return "value", value


def untracked(value: Any) -> Any:
    """Return a value with plain containers for those by which Keras tracks it."""
    if isinstance(value, Mapping):
        return {key: untracked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [untracked(item) for item in value]
    if type(value) is tuple:
        return tuple(untracked(item) for item in value)
    return set(value) if isinstance(value, set) else value


def _reaches_part(value):
    pending, seen = [value], set()
    while pending:
        each = pending.pop()
        if isinstance(each, (keras.Operation, keras.Variable, keras.metrics.Metric, keras.optimizers.Optimizer)):
            return True
        if id(each) not in seen and not isinstance(each, (*PLAIN, type, types.ModuleType, np.ndarray)):
            seen.add(id(each))
            pending += contents(each)
    return False


def _described_part(part):
    name = getattr(part, "name", None)
    return type(part).__name__ + (f" {name!r}" if isinstance(name, str) else "")
