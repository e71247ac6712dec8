"""What skdeep uses of other packages though it is private there, so that any version of them may change it.

`check` looks for all of it once, where a package is first used, and an error names the version that lacks something.
Otherwise it would be an AttributeError in the middle of a fit.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from typing import Any

_NAMES = {"keras": "Keras", "tensorflow": "TensorFlow", "sklearn": "scikit-learn"}
# The oldest and the newest versions with which the tests were run: see pyproject.toml and requirements/.
TESTED = {
    "keras": ("3.15", "3.15"),
    "tensorflow": ("2.20", "2.21"),
    "sklearn": ("1.9", "1.9"),
}
# By package: modules, classes and functions, and what of them is used. What only objects of a class have must be in the
# code of the class.
PARTS = {
    "keras": {
        "keras:Model": ["_compile_loss", "_compile_metrics", "_initial_epoch", "_jit_compile", "_run_eagerly"],
        "keras:Operation": ["_inbound_nodes"],
        "keras:Variable": ["_initialize"],
        "keras.activations:softmax": ["_keras_logits"],
        "keras.callbacks:Callback": ["_model"],
        "keras.initializers:GlorotUniform": ["_init_seed"],
        "keras.layers:Layer": ["_flatten_layers", "_loss_ids", "_losses"],
        "keras.metrics:MeanAbsoluteError": ["_direction"],
        "keras.optimizers:Adam": ["_momentums", "_velocities"],
        "keras.optimizers:Optimizer": [
            "_all_reduce_sum_gradients",
            "_distribution_strategy",
            "_get_variable_index",
            "_iterations",
            "_learning_rate",
            "_trainable_variables",
            "_trainable_variables_indices",
            "_untrack_variable",
            "_var_key",
            "_variables",
        ],
        "keras.src.utils.naming": ["to_snake_case"],
        "keras.src.models.functional": ["Functional"],
        "keras.src.ops.function": ["Function"],
        "keras.src.ops.function:Function": ["_nodes_by_depth"],
        "keras.src.ops.node:Node": ["_keras_history"],
        "keras.src.saving.keras_saveable": ["KerasSaveable"],
        "keras.src.saving.serialization_lib": ["SafeModeScope"],
        "keras.src.trainers.compile_utils:CompileLoss": ["_flat_losses", "_user_loss", "_user_loss_weights"],
        "keras.src.trainers.compile_utils:CompileMetrics": ["_user_metrics", "_user_weighted_metrics"],
        "keras.src.utils.backend_utils": ["DynamicBackend"],
        "keras.src.utils.io_utils": ["print_msg"],
        "keras.src.utils.tracking": ["TrackedDict", "TrackedList", "TrackedOrderedDict", "TrackedSet", "Tracker"],
        "keras.src.utils.tracking:Tracker": ["config", "stored_ids"],
    },
    "tensorflow": {
        "tensorflow.python.eager.polymorphic_function.polymorphic_function:Function": ["_clone"],
        "tensorflow.python.ops.resource_variable_ops:ResourceVariable": ["_unique_id"],
    },
    "sklearn": {
        "sklearn.base": ["_clone_parametrized", "_fit_context"],
        "sklearn.base:BaseEstimator": ["_get_fitted_attr_html", "_get_param_names", "_html_repr", "_validate_params"],
        "sklearn.callback:CallbackSupportMixin": [
            "_callback_fit_ctx",
            "_init_callback_context",
            "_skl_callbacks",
            "_skl_callbacks_to_teardown",
        ],
        "sklearn.utils._missing": ["is_pandas_na", "is_scalar_nan"],
        "sklearn.utils._param_validation": [
            "Interval",
            "InvalidParameterError",
            "Options",
            "StrOptions",
            "validate_parameter_constraints",
        ],
        "sklearn.utils._set_output": ["_wrap_data_with_container"],
        "sklearn.utils.validation": [
            "_check_feature_names",
            "_check_feature_names_in",
            "_check_n_features",
            "_check_sample_weight",
            "_check_y",
        ],
    },
}


def check(package: str) -> None:
    """Raise if the installed version of a package is too old, or lacks something that skdeep uses.

    Parameters
    ----------
    package : {"keras", "tensorflow", "sklearn"}
        Imported, if it is not yet.

    Raises
    ------
    ImportError
        The message names the version, what it lacks, and one that skdeep was tested with.
    """
    name, version = _NAMES[package], importlib.import_module(package).__version__
    oldest, newest = TESTED[package]
    if _numbers(version) < _numbers(oldest):
        raise ImportError(f"skdeep needs {name} {oldest} or newer, but {name} {version} is installed.")
    missing = [
        f"{place.replace(':', '.')}.{part}"
        for place, parts in PARTS[package].items()
        for part in _missing(place, parts)
    ]
    if missing:
        raise ImportError(
            f"skdeep relies on parts of {name} that {name} {version} does not have: {', '.join(missing)}. "
            f"Install a version that skdeep was tested with: pip install '{name.lower()}=={newest}.*'"
        )


def _numbers(version):
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


def _missing(place, parts):
    """Return those of the parts that a module, class or function does not have, nor the code of the latter two."""
    try:
        owner = pkgutil.resolve_name(place)
    except (ImportError, AttributeError):
        return parts
    missing = [part for part in parts if not hasattr(owner, part)]
    if missing:
        members = [vars(each).values() for each in owner.__mro__] if inspect.isclass(owner) else [[owner]]
        found = {name for each in members for member in each for name in names_in_code(member)}
        missing = [part for part in missing if part not in found]
    return missing


def names_in_code(value: Any) -> tuple[str, ...]:
    """Return the names that are in the code of a function, method or property."""
    function = inspect.unwrap(getattr(value, "fget", getattr(value, "__func__", value)))
    return function.__code__.co_names if inspect.isfunction(function) else ()
