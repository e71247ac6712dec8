"""Objects of the classes that a user gives, with the parameters that are routed to them.

``loss=Huber, loss__delta=2.0`` is ``Huber(delta=2.0)``. In lists parameters go by number, ``callbacks__0__patience=3``,
in dicts by key, ``loss__digit__from_logits=True``, nested as the lists and dicts are; without either they go to all. A
number in the place of a name is a positional argument, and a value that is a class itself is made in the same way:
``optimizer__learning_rate=ExponentialDecay, optimizer__learning_rate__decay_rate=0.9``. So it is in scikeras.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from skdeep._common.near_names import did_you_mean_parameter

# Called for each class: the class, its place in the lists and dicts, and the parameters routed to it.
Make = Callable[[type, tuple[Any, ...], dict[str, Any]], Any]


def made(prefix: str, items: Any, routed: dict[str, Any], make: Make | None = None) -> Any:
    """Return what was given, with objects in the places of classes.

    Parameters
    ----------
    prefix : str
        Name of the parameter, such as "loss".
    items : object
        Its value: a class, an object, or a list, tuple or dict of them, nested or not.
    routed : dict
        Routed parameters by their full names; others than of this prefix are left alone.
    make : callable, default=None
        Makes an object of a class; by default ``cls(*positional, **named)``.

    Raises
    ------
    ValueError
        If a parameter is routed to what is no class, or to a class that does not take it.
    """
    start = f"{prefix}__"
    routed = {name.removeprefix(start): value for name, value in routed.items() if name.startswith(start)}
    return _made(items, (), {}, routed, prefix, make or _plainly)


def called(cls: type, arguments: dict[str, Any]) -> Any:
    """Return an object of a class; arguments whose names are numbers are positional."""
    positional = sorted((int(name), value) for name, value in arguments.items() if name.isdigit())
    return cls(*(value for _, value in positional), **{n: v for n, v in arguments.items() if not n.isdigit()})


def leaves(items: Any) -> Iterator[Any]:
    """Yield what lists, tuples and dicts hold, nested or not."""
    if isinstance(items, (list, tuple, dict)):
        for each in items.values() if isinstance(items, dict) else items:
            yield from leaves(each)
    else:
        yield items


def mapped(items: Any, function: Callable[[Any, tuple[Any, ...]], Any], place: tuple[Any, ...] = ()) -> Any:
    """Return the same lists and dicts with what a function makes of what they hold, and of its place in them."""
    if isinstance(items, dict):
        return {key: mapped(each, function, (*place, key)) for key, each in items.items()}
    if isinstance(items, (list, tuple)):
        return [mapped(each, function, (*place, number)) for number, each in enumerate(items)]
    return function(items, place)


def _made(items, place, for_all, routed, prefix, make):
    """Return objects, from the parameters for all in these lists and dicts, and those routed to places in them."""
    if isinstance(items, (list, tuple, dict)):
        return _made_of_each(items, place, for_all, routed, prefix, make)
    routed = for_all | routed
    if not inspect.isclass(items):
        if routed:
            raise ValueError(
                f"{prefix}__{next(iter(routed))} needs {prefix} to be a name or a class of Keras that takes "
                f"parameters. Got {items!r}."
            )
        return items
    _check_known(items, routed, prefix)
    arguments = {name: value for name, value in routed.items() if "__" not in name}
    for name, value in arguments.items():
        nested = {
            other.removeprefix(f"{name}__"): each for other, each in routed.items() if other.startswith(f"{name}__")
        }
        if nested or inspect.isclass(value):
            arguments[name] = _made(value, (), {}, nested, f"{prefix}__{name}", _plainly)
    return make(items, place, arguments)


def _made_of_each(items, place, for_all, routed, prefix, make):
    pairs = list(items.items() if isinstance(items, dict) else enumerate(items))
    of_key: dict[str, dict[str, Any]] = {str(key): {} for key, _ in pairs}
    for_all = dict(for_all)
    for name, value in routed.items():
        key, _, rest = name.partition("__")
        if rest and key.isdigit() and key not in of_key:
            raise ValueError(f"{prefix}__{name} needs {prefix} to be longer: there is no entry {key}. Got {items!r}.")
        target, name = (of_key[key], rest) if rest and key in of_key else (for_all, name)
        target[name] = value
    if for_all and not pairs:
        raise ValueError(f"{prefix}__{next(iter(for_all))} was given, but {prefix} is empty.")
    results = []
    for key, each in pairs:
        own = of_key[str(key)]
        results.append(_made(each, (*place, key), for_all, own, f"{prefix}__{key}" if own else prefix, make))
    return dict(zip(items, results, strict=True)) if isinstance(items, dict) else results


def _plainly(cls, place, arguments):
    return called(cls, arguments)


def _check_known(cls, routed, prefix):
    """Raise for a parameter that a class does not take."""
    parameters = inspect.signature(cls).parameters.values()
    known = [each.name for each in parameters if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
    # Keras optimizers have a catch-all, but take none of what it catches.
    is_open = any(each.kind == each.VAR_KEYWORD for each in parameters) and not prefix.startswith("optimizer")
    for name in routed:
        first, _, rest = name.partition("__")
        if rest and first in known and first not in routed:
            raise ValueError(f"{prefix}__{name} was given, but {prefix}__{first} is not.")
        is_positional = first.isdigit() and (not rest or first in routed)
        if first not in known and not is_positional and (rest or not is_open):
            takes = f"takes {', '.join(known)}" if known else "takes none"
            hint = did_you_mean_parameter(first, known, ())
            raise ValueError(f"{prefix}__{name} is not a parameter of {cls.__name__}, which {takes}.{hint}")
