"""The parameter `learning_rate`: a number, a schedule of Keras's, or the name of one that is made for each fit.

What belongs to a schedule is routed to it: ``learning_rate="cosine", learning_rate__warmup=0.1``, and so of a class of
Keras's, ``learning_rate=CosineDecay, learning_rate__decay_steps=1000``.
"""

from __future__ import annotations

import inspect
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from skdeep._common.near_names import did_you_mean_parameter
from skdeep._common.numbers import plain_number
from skdeep._common.private_sklearn import Interval, validate_parameter_constraints
from skdeep._common.user_warnings import warn
from skdeep._estimators import early_stopping
from skdeep._estimators.parameters import RATE_PREFIX, routed_parameters
from skdeep._training.schedules import NAMES, SHAPES, Plateau, Schedule

if TYPE_CHECKING:
    from skdeep._data.rows import Rows
    from skdeep._estimators.run import Run

_FALLING = {"max": None, "warmup": 0.0, "min_fraction": 0.0}
# The parameters of each kind, with their defaults.
_KINDS: dict[str, dict[str, Any]] = {
    "cosine": _FALLING,
    "exponential": _FALLING | {"min_fraction": 0.01},
    "one_cycle": _FALLING | {"warmup": 0.3, "min_fraction": 4e-6},  # as of PyTorch's OneCycleLR
    "plateau": _FALLING | {"min_fraction": 0.001, "factor": 0.2, "patience": 5},
}
_CONSTRAINTS = {
    "max": [Interval(Real, 0, None, closed="neither"), None],
    "warmup": [Interval(Real, 0, 1, closed="left")],
    "min_fraction": [Interval(Real, 0, 1, closed="left")],
    "factor": [Interval(Real, 0, 1, closed="neither")],
    "patience": [Interval(Integral, 1, None, closed="left")],
}


def schedule_settings(estimator: Any) -> dict[str, Any] | None:
    """Return the kind and the parameters of the schedule that an estimator is given by name, or None.

    Raises
    ------
    ValueError
        If a parameter that starts with ``learning_rate__`` is not one of it, or not what it must be.
    """
    given = {name.removeprefix(RATE_PREFIX): value for name, value in routed_parameters(estimator, RATE_PREFIX).items()}
    kind = estimator.learning_rate
    if not isinstance(kind, str):
        if given and not inspect.isclass(kind):
            raise ValueError(
                f"{RATE_PREFIX}{next(iter(given))} needs learning_rate to be the name of a schedule, "
                f"{', '.join(map(repr, NAMES))}, or a class of Keras's schedules. Got {kind!r}."
            )
        return None
    known = _KINDS[kind]
    for name in given:
        if name not in known:
            hint = did_you_mean_parameter(name, known, ())
            raise ValueError(
                f"{RATE_PREFIX}{name} is not a parameter of learning_rate={kind!r}, which takes {', '.join(known)}."
                + hint
            )
    given = {name: plain_number(value) for name, value in given.items()}
    constraints = {f"{RATE_PREFIX}{name}": _CONSTRAINTS[name] for name in given}
    values = {f"{RATE_PREFIX}{name}": value for name, value in given.items()}
    validate_parameter_constraints(constraints, values, type(estimator).__name__)
    if given.get("max") is not None and "optimizer__learning_rate" in vars(estimator):
        raise ValueError("learning_rate__max and optimizer__learning_rate are the same setting; give only one of them.")
    return {"kind": kind} | known | given


def of_optimizer(estimator: Any) -> dict[str, Any]:
    """Return the learning rate that the optimizer is made with, None for its own, and what is routed to a class."""
    rate = estimator.learning_rate
    if isinstance(rate, str):
        return {"learning_rate": vars(estimator).get(f"{RATE_PREFIX}max")}
    routed = routed_parameters(estimator, RATE_PREFIX) if inspect.isclass(rate) else {}
    return {"learning_rate": rate} | {f"optimizer__{name}": value for name, value in routed.items()}


def schedule_of(
    estimator: Any, run: Run, train: Rows, validation: Rows | None, batch_size: int, epochs: int, *, is_partial: bool
) -> Schedule | None:
    """Return the schedule of a training, or None if the learning rate is not given by name.

    Parameters
    ----------
    estimator : estimator
        Has `monitor`, `monitor_mode` and `tol`.
    run : skdeep._estimators.run.Run
        What is trained.
    train, validation : skdeep._data.rows.Rows
        Its rows; None if there are none for validation.
    batch_size : int
        Rows of a batch.
    epochs : int
        How many a `fit` has.
    is_partial : bool
        Whether this is a call of `partial_fit`, which goes on where the epochs before ended; a `fit` begins anew.
    """
    if run.settings.schedule is None:
        return None
    settings = dict(run.settings.schedule)
    kind = settings.pop("kind")
    first_epoch = run.n_epochs if is_partial else 0
    shared = (epochs, first_epoch, settings["warmup"], settings["min_fraction"])
    if kind != "plateau":
        if first_epoch >= epochs:
            warn(
                f"learning_rate={kind!r} has come to its end, since epochs is {epochs} and {first_epoch} were trained: "
                "partial_fit goes on with the last learning rate. Set epochs to the number of calls."
            )
        return Schedule(SHAPES[kind], *shared)
    monitor = estimator.monitor
    if validation is None and monitor == "val_loss":  # the default
        monitor = "loss"
    mode = early_stopping.mode_of(estimator, monitor, run, train, validation, batch_size)
    parameters = {name: settings[name] for name in ("factor", "patience")}
    schedule = Plateau(*shared, monitor=monitor, mode=mode, tol=estimator.tol, **parameters)
    if is_partial:
        for value in run.history.get(monitor, []):
            schedule.end_epoch({monitor: value})
    return schedule
