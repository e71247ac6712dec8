"""Early stopping by the parameters that all estimators have: what is followed, and from where."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from skdeep._data.sampling import keeps_classes
from skdeep._data.spreads import SpreadTargets
from skdeep._training.callbacks import EarlyStopping

if TYPE_CHECKING:
    from skdeep._data.rows import Rows
    from skdeep._estimators.run import Run, TrainingSettings

_LEAST_ROWS = 500  # with which "auto" stops early; a tenth of fewer tells little
# Of targets whose spread is learned: of 331 rows of the diabetes data intervals of 90 % covered 43 to 71 % of others
# after all epochs, and 86 to 88 % where training stopped early.
_LEAST_ROWS_FOR_SPREAD = 100
_FRACTION = 0.1  # for validation, where none is given


def stopping_of(estimator: Any, run: Run, train: Rows, validation: Rows | None, batch_size: int) -> EarlyStopping:
    """Return what ends a training early.

    Parameters
    ----------
    estimator : estimator
        Has `monitor`, `monitor_mode`, `n_iter_no_change` and `tol`.
    run : skdeep._estimators.run.Run
        What is trained.
    train, validation : skdeep._data.rows.Rows
        Its rows; None if there are none for validation.
    batch_size : int
        Rows of a batch.
    """
    monitor = estimator.monitor
    with run.network.trained(bool(run.callbacks), batch_size) as program:
        names = _metric_names(program, train, validation)
        mode = _mode(estimator, monitor, program, names, has_callbacks=bool(run.callbacks))
        start = math.nan
        if run.is_resumed and validation is not None and monitor in names and monitor.startswith("val_"):
            # Measured now, since the earlier fit may have had other rows.
            start = program.evaluate(validation, batch_size)[monitor.removeprefix("val_")]
        elif run.is_resumed:
            start = next(iter(run.history.get(monitor, [])[run.best_epoch - 1 : run.best_epoch]), math.nan)
    return EarlyStopping(monitor, mode, estimator.n_iter_no_change, estimator.tol, start)


def mode_of(
    estimator: Any, monitor: str, run: Run, train: Rows, validation: Rows | None, batch_size: int
) -> Literal["min", "max"]:
    """Return whether the least or the largest value of a metric is the best, or raise if that is not known."""
    with run.network.trained(bool(run.callbacks), batch_size) as program:
        names = _metric_names(program, train, validation)
        return _mode(estimator, monitor, program, names, has_callbacks=bool(run.callbacks))


def settled(
    settings: TrainingSettings, monitor: str, codes: np.ndarray, targets: Any, *, is_split: bool
) -> TrainingSettings:
    """Return the settings of a fit on some rows, with a validation part of them if it is to stop early by one.

    "auto" leaves it where there would be an error or a warning that the user has not asked for.

    Parameters
    ----------
    settings : skdeep._estimators.run.TrainingSettings
        Of the estimator.
    monitor : str
        What is followed.
    codes : ndarray
        What `encode` of the targets makes of y.
    targets : skdeep._data.class_targets.ClassTargets or skdeep._data.numeric_targets.NumericTargets
        The form of y.
    is_split : bool
        Whether validation rows are taken from them; otherwise others were given.
    """
    stops = settings.early_stopping
    if stops == "auto":
        stops = settings.epochs == "auto" and (not is_split or _can_be_split(settings, codes, targets))
    fraction = settings.validation_fraction
    if fraction is None and stops and monitor.startswith("val_"):
        fraction = _FRACTION
    return replace(settings, early_stopping=bool(stops), validation_fraction=fraction)


def _can_be_split(settings, codes, targets):
    fraction = settings.validation_fraction or _FRACTION
    # A weight of 0 may leave no row of those that validate.
    has_zeros = isinstance(settings.class_weight, dict) and 0 in settings.class_weight.values()
    can_be_taken = settings.validation_rows == "last" or keeps_classes(codes, targets, fraction)
    least = _LEAST_ROWS_FOR_SPREAD if isinstance(targets, SpreadTargets) else _LEAST_ROWS
    return len(codes) >= least and not has_zeros and can_be_taken


def check_partial(estimator: Any) -> None:
    """Raise where a call of `partial_fit` shall stop early."""
    if estimator.early_stopping not in (False, "auto"):
        raise ValueError("partial_fit sees a part of the data at a time, so it does not work with early_stopping=True.")


def _metric_names(program, train, validation):
    of_training = program.metric_names(train)
    return of_training + ([] if validation is None else [f"val_{name}" for name in of_training])


def _mode(estimator, monitor, program, names, *, has_callbacks):
    """Return whether the least or the largest value of a metric is the best, "min" or "max"."""
    unknown = "" if monitor in names else f"not among the metrics of this fit, which are {names!r}"
    if unknown and not has_callbacks:
        raise ValueError(f"monitor={monitor!r} is {unknown}.")
    mode = program.direction(monitor) if estimator.monitor_mode == "auto" else estimator.monitor_mode
    if mode is None:
        what = f"{unknown}. If a callback adds it" if unknown else "a metric of which Keras does not know the aim"
        raise ValueError(f"monitor={monitor!r} is {what}: set monitor_mode to 'min' or 'max'.")
    return mode
