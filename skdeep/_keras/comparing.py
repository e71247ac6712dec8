"""Whether two Keras objects are equal part by part, and in what they differ.

Both questions go by attributes, as `skdeep._keras.copying` does. `structure_key` tells of a model all that a trace of
it depends on, so that models of the same key can be trained by the same trace. `differences` and `put_back` are there
for copies that go by config, as those in pickles and files must: what the original has and the copy lacks is sent
along.

Left out are the values of variables, which are set anyway, and what tells nothing of an object: names that Keras made
up, seeds that it drew, tables keyed by identity, and what building or training adds.
"""

import functools
import hashlib
import inspect
import operator
import re
import types
from collections.abc import Mapping

import numpy as np

from skdeep._data.objectives import snake_name
from skdeep._keras.copying import contents, is_part
from skdeep._lazy import keras, tf

_PLAIN = (type(None), bool, int, float, complex, str, bytes)
_OF_ALL = {"_path", "_tracker", "tracker", "_lock", "_distribution_strategy"}
# By class of Keras, the attributes that are left out beside those.
_LEFT_OUT = {
    "layers.Layer": {
        "build",
        "quantize",
        "_auto_config",
        "_parent_path",
        "_called",
        "_losses",
        "_loss_ids",
        "_losses_override",
        "_tracked",
        "_inbound_nodes",  # those of a functional model are in the model
        "_outbound_nodes",
        "_call_signature",
    },
    "Model": {
        "train_function",
        "test_function",
        "predict_function",
        "history",
        "stop_training",
        "stop_evaluating",
        "stop_predicting",
        "_initial_epoch",
        "_eval_epoch_iterator",
        "_distribute_strategy",
        "_compile_config",
        "_compiled_trainable_state",
        "_nodes",
        "_saved_model_inputs_spec",
        "_saved_model_arg_spec",
    },
    "Variable": {"_value", "_name", "_initializer"},
    "KerasTensor": {"name"},
    "random.SeedGenerator": {"name", "_initial_seed", "backend"},
    "optimizers.Optimizer": {
        "name",
        "built",
        "_variables",
        "_trainable_variables",
        "_trainable_variables_indices",
        "_learning_rate",  # see below
        "_exclude_from_weight_decay_cache",
        "_var_to_optimizer_idx",
    },
    "losses.Loss": {"name"},
}
# Attributes that Keras's own objects may have or not.
_SET_LATER = {"_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"}
_OF_ANY_TYPE = _SET_LATER | {"loss"}
_WHOLE = 1000  # of what a file puts back, if it was not larger
# What `compile` makes of what it was given; of the latter the traces are made.
_COMPILED = {"CompileLoss", "CompileMetrics"}
_USERS = {"_user_loss", "_user_loss_weights", "_user_metrics", "_user_weighted_metrics", "output_names"}


def structure_key(model):
    """Return what the traces of a compiled model depend on, or None if there is code in it that is not Keras's.

    Parameters
    ----------
    model : keras.Model
        Compiled and built, and not trained.

    Returns
    -------
    key : str or None
        Equal for models that are equal part by part.
    """
    try:
        # Its own learning rate is set when the trace is taken over; others may be within it.
        tokens = _Tokens(model, without_rate=[getattr(model.optimizer, "inner_optimizer", model.optimizer)]).all
    except _NotOfKerasError:
        return None
    settings = [keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()]
    return hashlib.sha256(repr([tokens, settings]).encode()).hexdigest()


def settings_key(part):
    """Return what a Keras object, of whatever class, is set to, its learning rate included."""
    return hashlib.sha256(repr(_Tokens(part, of_keras=False).all).encode()).hexdigest()


def state_key(model):
    """Return what a model is, of whatever classes, but for the values of its variables."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    return hashlib.sha256(repr(_Tokens(model, of_keras=False, without_rate=[optimizer]).all).encode()).hexdigest()


class _NotOfKerasError(Exception):
    """There is a class, a function or an object in it that a trace cannot be reused for."""


class _Tokens:
    """A graph of objects as nested tuples of plain values, in which parts are referred to by number."""

    def __init__(self, root, *, of_keras=True, without_rate=()):
        self._of_keras = of_keras
        self._without_rate = without_rate
        self._names = _numbered_names(root)
        self._numbers = {}
        self._pending = []
        root = self._part(root)
        self.all = [root]
        for part in self._pending:  # which grows meanwhile
            self.all.append(self._described(part))

    def _described(self, part):
        kind = type(part)
        if self._of_keras and not _is_of_keras(kind):
            raise _NotOfKerasError
        described = [f"{kind.__module__}.{kind.__qualname__}"]
        if isinstance(part, (list, tuple)):
            described += [self._token(item) for item in part]
        elif isinstance(part, Mapping):
            described += [(self._token(key), self._token(item)) for key, item in part.items()]
        described += [(name, self._token(value)) for name, value in sorted(compared(part).items())]
        if isinstance(part, keras.optimizers.Optimizer):
            described.append(self._rate(part))
        return tuple(described)

    def _rate(self, optimizer):
        rate = vars(optimizer).get("_learning_rate")
        if not isinstance(rate, keras.Variable):  # a schedule
            return self._token(rate)
        return "a number" if any(optimizer is each for each in self._without_rate) else float(rate.numpy())

    def _part(self, value):
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._pending)
            self._pending.append(value)
        return ("part", self._numbers[id(value)])

    def _token(self, value):
        if isinstance(value, str):
            return repr(self._names.get(value, value))
        if isinstance(value, _PLAIN):
            return (type(value).__name__, repr(value))
        if isinstance(value, keras.DTypePolicy):  # which parts may share
            return (type(value).__name__, value.name, repr(value.get_config()))
        if is_part(value):
            return self._part(value)
        if isinstance(value, (np.ndarray, np.generic, tf.Tensor)):
            return _array_token(value)
        if isinstance(value, (set, frozenset)):
            return ("set", tuple(sorted(repr(self._token(item)) for item in value)))
        if isinstance(value, Mapping):
            return ("dict", tuple((self._token(key), self._token(item)) for key, item in value.items()))
        if isinstance(value, (list, tuple)):
            return (type(value).__name__, tuple(self._token(item) for item in value))
        if isinstance(value, (types.FunctionType, types.MethodType, functools.partial)):
            return self._function_token(value)
        if isinstance(value, types.ModuleType):
            return ("module", value.__name__)
        if inspect.isclass(value) or isinstance(value, types.BuiltinFunctionType):
            if self._of_keras and inspect.isclass(value) and not _is_of_keras(value):
                raise _NotOfKerasError
            return (type(value).__name__, value.__module__, value.__qualname__)
        if isinstance(value, (tf.DType, tf.TensorShape, np.dtype, re.Pattern, slice, type(...))):
            return repr(value)
        if hasattr(value, "__dict__") and (not self._of_keras or _is_of_keras(type(value))):
            return self._part(value)
        if self._of_keras:
            raise _NotOfKerasError
        return ("object", type(value).__module__, type(value).__qualname__)

    def _function_token(self, value):
        if self._of_keras and not _is_of_keras(getattr(value, "__func__", value)):
            raise _NotOfKerasError
        name = (getattr(value, "__module__", None), getattr(value, "__qualname__", None))
        code = getattr(value, "__code__", None)
        return ("function", name, code and _code_token(code), tuple(self._token(each) for each in contents(value)))


@functools.cache
def _left_out():
    return {operator.attrgetter(name)(keras): names for name, names in _LEFT_OUT.items()}


def compared(part):
    """Return the attributes of a part that tell what it is, by name."""
    left_out = _OF_ALL.union(*(names for kind, names in _left_out().items() if isinstance(part, kind)))
    own = {
        name: value
        for name, value in getattr(part, "__dict__", {}).items()
        if name not in left_out and not name.startswith("_self_")
    }
    if type(part).__name__ in _COMPILED:
        return {name: value for name, value in own.items() if name in _USERS}
    if isinstance(part, keras.Operation) and _is_made_up(own.get("name"), type(part)):
        own.pop("name")
    if isinstance(part, keras.initializers.Initializer) and own.get("_init_seed", 0) is None:
        own.pop("seed", None)  # which Keras drew
    return own


def differences(original, rebuilt):
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


def put_back(rebuilt, found, *, only_plain=False):
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
        value = {"tensor": tf.convert_to_tensor, "pattern": re.compile}.get(kind, _unchanged)(value)
        vars(part)[name] = value  # not setattr: a layer that is built takes no new state


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
    return isinstance(value, _PLAIN) or (isinstance(value, np.ndarray) and value.dtype.kind in "biufc")


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
                if _is_of_keras(type(one)):
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
        if isinstance(one, _PLAIN):
            return type(one) is type(other) and (one == other or one != one)
        if isinstance(one, (np.ndarray, np.generic, tf.Tensor)):
            return isinstance(other, type(one)) and _array_token(one) == _array_token(other)
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
    known = compared(part) if _is_of_keras(type(part)) else {}
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
        return isinstance(known, tf.Tensor) and known.dtype.as_numpy_dtype == value.dtype
    if kind == "pattern":
        return isinstance(known, re.Pattern) and isinstance(value, str)
    for form in (bool, (int, float, np.number), str, (list, tuple, set), Mapping):
        if isinstance(known, form):
            return isinstance(value, form)
    return isinstance(known, np.ndarray) and isinstance(value, np.ndarray) and known.dtype.kind == value.dtype.kind


def _unchanged(value):
    return value


def _kind_and_value(value):
    if isinstance(value, tf.Tensor):
        return "tensor", np.asarray(value)
    if isinstance(value, re.Pattern):
        return "pattern", value.pattern
    return "value", value


def untracked(value):
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
        if id(each) not in seen and not isinstance(each, (*_PLAIN, type, types.ModuleType, np.ndarray)):
            seen.add(id(each))
            pending += contents(each)
    return False


def _described_part(part):
    name = getattr(part, "name", None)
    return type(part).__name__ + (f" {name!r}" if isinstance(name, str) else "")


def _is_of_keras(kind):
    return (getattr(kind, "__module__", None) or "").split(".")[0] in ("keras", "builtins", "collections")


def _code_token(code):
    """Return what the code of a function computes, whatever its names and places."""
    constants = [_code_token(each) if inspect.iscode(each) else repr(each) for each in code.co_consts]
    return (code.co_code, code.co_names, tuple(constants))


def _array_token(value):
    try:
        array = np.asarray(value)
    except Exception:  # symbolic tensors, resources
        return ("array", str(value))
    return ("array", array.dtype.str, array.shape, hashlib.sha256(array.tobytes()).hexdigest())


def _numbered_names(root):
    """Return names without numbers for the layers whose names Keras made up: it numbers all layers of a process."""
    layers = root._flatten_layers() if isinstance(root, keras.layers.Layer) else []
    made_up = [each.name for each in layers if _is_made_up(each.name, type(each))]
    return {name: f"layer {number}" for number, name in enumerate(dict.fromkeys(made_up))}


def _is_made_up(name, kind):
    """Whether Keras gave an object of this class its name, which it made of that of the class and a number."""
    return isinstance(name, str) and re.fullmatch(rf"{snake_name(kind.__name__)}(_\d+)?", name) is not None
