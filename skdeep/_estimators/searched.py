"""What a search loses of Keras objects among its values.

scikit-learn copies the values of a grid by `copy.deepcopy`, which Keras answers by config. What the config of a class
does not tell is lost before an estimator sees it, so all that can be done is to say so.
"""

from __future__ import annotations

import sys
from typing import Any

from skdeep._common.user_warnings import warn
from skdeep._keras import describing
from skdeep._lazy import keras

# Of no use to a search, and in no config of a loss.
_NOT_SEARCHED = ("name", "dtype", "args", "kwargs")


def warn_of_lost_arguments(params: dict[str, Any]) -> None:
    """Warn if the values that a search just set are objects that lost arguments on the way.

    Parameters
    ----------
    params : dict
        Parameters of an estimator by name, as given to `set_params`.
    """
    if "keras" not in sys.modules or not _is_called_by_search():
        return
    for name, value in params.items():
        for part in _copied_by_config(value):
            lost = _lost_arguments(part)
            if lost:
                kind = type(part).__name__
                warn(
                    f"{name} is a {kind} object of which a search loses {' and '.join(lost)}: scikit-learn copies the "
                    "values of a search by get_config, which does not tell of it, so that each has the default, "
                    f"whatever was given. Search over {name}=[{kind}] and {name}__{lost[0]}=[...] instead.",
                )


def _is_called_by_search():
    frame = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("sklearn.model_selection"):
            return True
        frame = frame.f_back
    return False


def _copied_by_config(value):
    """Yield the objects in a parameter that Keras copies by their config."""
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _copied_by_config(each)
    elif isinstance(value, keras.Model):
        losses, metrics = value._compile_loss, value._compile_metrics
        yield from _copied_by_config([losses and losses._user_loss, metrics and metrics._user_metrics])
        yield from _copied_by_config(getattr(value, "optimizer", None))
        yield from (each for each in value._flatten_layers() if not type(each).__module__.startswith("keras."))
    elif isinstance(value, keras.optimizers.Optimizer) and callable(vars(value).get("_learning_rate")):
        yield from (value, vars(value)["_learning_rate"])
    elif isinstance(value, (keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer)):
        yield value


def _lost_arguments(part):
    """Return the names of arguments of which a copy by config has the defaults, as the part itself has."""
    return [name for name in describing.arguments_beside_config(part) if name not in _NOT_SEARCHED]
