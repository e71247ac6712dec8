"""Copies of Keras objects by their attributes.

Keras copies by config, and a config does not tell everything: `copy.deepcopy` of ``Huber(delta=0.01)`` has a delta of
1. Here a copy gets the attributes that the original has, whatever its class: models, layers, metrics, losses and
optimizers come out with variables of their own, the same state and the same training from there on; the original is not
touched. Functions that close over a part of the original close over its copy in the copy.

What cannot be copied, such as an open file or a lock, is shared if no part of the original can be reached from it.
"""

from __future__ import annotations

import copy
import functools
import inspect
import re
import threading
import types
import weakref
from typing import Any

from skdeep._backend import shared_types, traced_type
from skdeep._lazy import keras

# Neither copied nor looked into, beside those of Keras and TensorFlow.
_ATOMS = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    type,
    types.ModuleType,
    types.BuiltinFunctionType,
    types.CodeType,
    inspect.Signature,
    threading.local,
    type(threading.Lock()),
    type(threading.RLock()),
)
_COMPILED = ("train_function", "test_function", "predict_function")
# Symbolic tensors of add_loss, which each call makes anew.
_OF_ONE_CALL = {"_losses": list, "_loss_ids": set}


def faithful_copy(original: Any) -> Any:
    """Return a copy of a Keras object by its attributes.

    Parameters
    ----------
    original : object
        A model, layer, loss, metric, optimizer or anything else of Keras's or of a subclass. Not changed.

    Returns
    -------
    copied : object
        Of the same class, with its own variables.

    Raises
    ------
    TypeError
        If something that cannot be copied holds a part of the original.
    """
    return _Copier(original).copied


def without_training(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Return a copy of an optimizer as it was before it was built for any variables.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        Not changed.

    Returns
    -------
    copied : keras.optimizers.Optimizer
        Set to the same, with no steps done.
    """
    copied = faithful_copy(optimizer)
    for each in dict.fromkeys([copied, getattr(copied, "inner_optimizer", copied)]):
        _forget_training(each)
    return copied


# Lists that building makes empty where SGD has no momentum, and RMSprop neither that nor a mean of gradients.
_MADE_EMPTY = ("momentums", "_momentums", "_average_gradients")


def _forget_training(optimizer):
    if not optimizer.built:
        return
    kept = [each for each in (optimizer._iterations, optimizer._learning_rate) if isinstance(each, keras.Variable)]
    forgotten = [each for each in optimizer._variables if not any(each is one for one in kept)]
    for variable in forgotten:
        optimizer._untrack_variable(variable)
    ids = set(map(id, forgotten))
    for name, value in list(vars(optimizer).items()):
        is_of_variables = isinstance(value, list) and (len(value) > 0 or name in _MADE_EMPTY)
        if is_of_variables and all(id(each) in ids for each in value):
            delattr(optimizer, name)  # which building sets again
    optimizer._trainable_variables = []
    optimizer._trainable_variables_indices = {}
    optimizer.built = False
    optimizer._iterations.assign(0)


class _Copier:
    """One copy: what belongs to the original is found first, then every part gets the copies of its attributes."""

    def __init__(self, original):
        self._memo = {}  # as copy.deepcopy has it: from the id of a part to its copy
        self._alive = []  # ids stay those of the parts as long as these are
        self._parts = []
        self._functions = []
        self._cells = {}
        self._find(original)
        self._rebind()
        for part in self._parts:
            self._fill(part)
        for part in self._parts:
            _mend(part, self._memo[id(part)], self._memo, self._parts)
        self.copied = self._copy(original)

    def _find(self, original):
        """Make an empty copy of every part of the original."""
        pending, seen = [original], set()
        while pending:
            value = pending.pop()
            if isinstance(value, _atoms()) or id(value) in seen:
                continue
            seen.add(id(value))
            self._alive.append(value)
            if isinstance(value, types.FunctionType):
                self._functions.append(value)
            elif is_part(value):
                self._memo[id(value)] = _empty(value)
                self._parts.append(value)
            pending += reversed(contents(value))

    def _rebind(self):
        """Make a function for each that closes over a part; its cells are filled at last."""
        for function in self._functions:
            if self._reaches_part(contents(function)):
                self._memo[id(function)] = self._with_own_cells(function)
        for function in self._functions:
            other = self._memo.get(id(function))
            if other is not None:
                other.__defaults__ = self._copy(function.__defaults__)
                other.__kwdefaults__ = self._copy(function.__kwdefaults__)
                other.__dict__.update({name: self._copy(value) for name, value in vars(function).items()})
        for cell, other in self._cells.values():
            if not _is_empty(cell):
                other.cell_contents = self._copy(cell.cell_contents)

    def _with_own_cells(self, function):
        cells = [self._cells.setdefault(id(cell), (cell, types.CellType()))[1] for cell in function.__closure__ or ()]
        return types.FunctionType(
            function.__code__, function.__globals__, function.__name__, None, tuple(cells) or None
        )

    def _reaches_part(self, values):
        pending, seen = list(values), set()
        while pending:
            value = pending.pop()
            if isinstance(value, _atoms()) or id(value) in seen:
                continue
            if is_part(value):
                return True
            seen.add(id(value))
            pending += contents(value)
        return False

    def _fill(self, part):
        other = self._memo[id(part)]
        if isinstance(part, _tracked()):  # as the plain containers that they are: their tracker needs not be told
            self._fill_container(part, other)
        for name, value in attributes(part).items():
            vars(other)[name] = self._copy(value)  # not setattr: a layer that is built takes no new state

    def _fill_container(self, part, other):
        if isinstance(part, list):
            list.extend(other, [self._copy(item) for item in list.__iter__(part)])
        elif isinstance(part, dict):
            for key, item in dict.items(part):
                dict.__setitem__(other, self._copy(key), self._copy(item))
        else:
            set.update(other, {self._copy(item) for item in set.__iter__(part)})

    def _copy(self, value):
        """Return the copy of a value, or itself if it cannot be copied and holds no part."""
        if isinstance(value, _atoms()):
            return value
        if id(value) in self._memo:
            return self._memo[id(value)]
        kind = type(value)
        if kind is list:
            self._memo[id(value)] = other = []
            other.extend(self._copy(item) for item in value)
            return other
        if kind is dict:
            self._memo[id(value)] = other = {}
            other.update({self._copy(key): self._copy(item) for key, item in value.items()})
            return other
        if kind is tuple:
            return tuple(self._copy(item) for item in value)
        if kind is types.MethodType:
            return types.MethodType(self._copy(value.__func__), self._copy(value.__self__))
        if kind is functools.partial:
            return self._copied_partial(value)
        if kind is types.FunctionType:
            return value
        if isinstance(value, weakref.ref):
            return weakref.ref(self._memo.get(id(value()), value()))
        return self._copied_object(value)

    def _copied_partial(self, value):
        if not self._reaches_part([value]):
            return value
        arguments = [self._copy(each) for each in value.args]
        return functools.partial(self._copy(value.func), *arguments, **self._copy(value.keywords))

    def _copied_object(self, value):
        """Return the copy of an object that is neither Keras's nor plain data."""
        if isinstance(value, traced_type()) and self._reaches_part([value]):
            self._memo[id(value)] = other = value._clone(self._copy(value.python_function))
            return other
        if _is_copied_by_attributes(type(value)) and self._reaches_part([value]):
            self._memo[id(value)] = other = object.__new__(type(value))
            vars(other).update({name: self._copy(each) for name, each in vars(value).items()})
            return other
        n_known = len(self._memo)
        try:
            return copy.deepcopy(value, self._memo)
        except Exception as error:  # which kind depends on what it is
            for number in list(self._memo)[n_known:]:  # copies that were left half made
                del self._memo[number]
            if self._reaches_part([value]):
                raise TypeError(
                    f"An object of type {type(value).__name__} cannot be copied, but holds a part of what is copied: "
                    f"{error}"
                ) from error
            self._memo[id(value)] = value
            return value


def is_part(value: object) -> bool:
    """Whether a value is copied by its attributes: what Keras tracks or could save, and what tracks it."""
    return isinstance(value, _parts())


def attributes(part: Any) -> dict[str, Any]:
    """Return the attributes of a part by name, as they are in it."""
    own = dict(vars(part))
    if isinstance(part, keras.layers.Layer):
        own |= {name: make() for name, make in _OF_ONE_CALL.items() if name in own}
    if isinstance(part, keras.Model):
        own |= {name: None for name in _COMPILED if name in own}
    return own


def contents(value: Any) -> list[Any]:
    """Return what a value refers to, in a fixed order."""
    if isinstance(value, types.FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or () if not _is_empty(cell)]
        defaults = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
        return [*cells, *defaults, *vars(value).values()]
    if isinstance(value, traced_type()):
        return [value.python_function]
    if isinstance(value, types.MethodType):
        return [value.__func__, value.__self__]
    if isinstance(value, functools.partial):
        return [value.func, *value.args, *value.keywords.values()]
    found = []
    if isinstance(value, dict):
        found += [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        found += list(value)
    if hasattr(value, "__dict__") and not isinstance(value, _atoms()):
        found += (attributes(value) if is_part(value) else vars(value)).values()
    return found


@functools.cache
def _tracked():
    """Return the containers with which Keras tracks attributes, which are private there."""
    lists, sets = keras.src.utils.tracking.TrackedList, keras.src.utils.tracking.TrackedSet
    dicts = (keras.src.utils.tracking.TrackedDict, keras.src.utils.tracking.TrackedOrderedDict)
    return (lists, *dicts, sets)


@functools.cache
def _parts():
    saveable, tracker = keras.src.saving.keras_saveable.KerasSaveable, keras.src.utils.tracking.Tracker
    return (saveable, tracker, keras.Variable, keras.random.SeedGenerator, *_tracked())


@functools.cache
def _atoms():
    of_keras = (keras.src.utils.backend_utils.DynamicBackend, keras.DTypePolicy)
    return (*_ATOMS, *of_keras, *shared_types())


def _is_copied_by_attributes(kind):
    """Whether objects of a class are no more than their attributes."""
    is_default = kind.__reduce_ex__ is object.__reduce_ex__ and kind.__reduce__ is object.__reduce__
    has_slots = any(vars(each).get("__slots__") for each in kind.__mro__)
    is_builtin = issubclass(kind, (list, dict, set, tuple, str, bytes, int, float))
    return is_default and not has_slots and not is_builtin and not hasattr(kind, "__deepcopy__")


def _empty(part):
    kind = type(part)
    if isinstance(part, _tracked()):
        return kind.__new__(kind)
    return object.__new__(kind)


def _is_empty(cell):
    return cell == types.CellType()


def _mend(part, other, copies, parts):
    """Mend what hangs on the identity of objects, or was compiled for the original."""
    own = vars(other)
    if isinstance(other, keras.src.utils.tracking.Tracker):
        own["stored_ids"] = {name: {id(each) for each in store} for name, (_, store) in other.config.items()}
    elif isinstance(other, keras.Model):
        if "_nodes" in own:  # of a functional model: names made of ids
            own["_nodes"] = {_renamed(name, copies) for name in own["_nodes"]}
    elif isinstance(other, keras.optimizers.Optimizer):
        _mend_optimizer(part, other, copies, parts)


def _mend_optimizer(part, other, copies, parts):
    own = vars(other)
    if own.get("_trainable_variables_indices"):
        numbered = enumerate(other._trainable_variables)
        own["_trainable_variables_indices"] = {other._var_key(variable): number for number, variable in numbered}
    if own.get("_exclude_from_weight_decay") or own.get("_var_to_optimizer_idx"):
        variables = [each for each in parts if isinstance(each, keras.Variable)]
        keys = {part._var_key(variable): other._var_key(copies[id(variable)]) for variable in variables}
        excluded, numbers = own.get("_exclude_from_weight_decay", ()), own.get("_var_to_optimizer_idx", {})
        own["_exclude_from_weight_decay"] = {keys.get(key, key) for key in excluded}
        own["_exclude_from_weight_decay_cache"] = {}
        if numbers:  # of several optimizers in one
            own["_var_to_optimizer_idx"] = {keys.get(key, key): number for key, number in numbers.items()}


def _renamed(name, copies):
    number, rest = re.fullmatch(r"(\d+)(_ib-\d+)", name).groups()
    return f"{id(copies[int(number)])}{rest}"
