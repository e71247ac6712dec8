"""The base of the estimators for Keras models of the user's own.

`KerasModelEstimator` takes the parameters of scikeras's estimators with the same meaning: a function that builds the
model, its own arguments as further parameters, routed parameters, and settings of training as in Keras's `fit`. All
else, from the checks to the loop, is that of the networks which skdeep brings along.

Parameters are what the estimator has as attributes, as in scikeras, so that a subclass may add some in ``__init__``.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skdeep._common import interrupts
from skdeep._common.near_names import did_you_mean_parameter
from skdeep._common.numbers import value_dtype
from skdeep._common.private_sklearn import Interval, Options, fit_context, validate_parameter_constraints
from skdeep._common.typing import Data
from skdeep._common.user_warnings import warn
from skdeep._data.named_arrays import Parts
from skdeep._data.sampling import total_weight
from skdeep._data.scales import trouble_with_table
from skdeep._data.sequence_targets import SequenceTargets
from skdeep._data.several_targets import SeveralTargets, mean_score
from skdeep._data.structure import Shapes, packed
from skdeep._data.validation import memory_errors, restored_on_error, with_validation_data
from skdeep._estimators import model_functions
from skdeep._estimators.base import BaseDeepEstimator
from skdeep._estimators.forms_of_data import FormsOfData
from skdeep._estimators.learning_rates import schedule_settings
from skdeep._estimators.model_building import network_of
from skdeep._estimators.model_functions import FIRST_STAGE, OF_NETWORK, PREFIXES, SHARED
from skdeep._estimators.parameters import CONSTRAINTS, routed_parameters, set_parameters
from skdeep._estimators.run import Run, TrainingSettings
from skdeep._estimators.stages import first_stage_of, train_first
from skdeep._keras.units import takes_numbers_as_they_are
from skdeep._lazy import keras
from skdeep._networks import routing

_FIT_SETTINGS = (
    "epochs",
    "batch_size",
    "verbose",
    "shuffle",
    "validation_split",
    "validation_data",
    "class_weight",
    "callbacks",
    "validation_batch_size",
)
# All parameters but those of the model; classifiers have some more.
_NAMES = (
    "model",
    "build_fn",
    "optimizer",
    "loss",
    "metrics",
    "run_eagerly",
    "validation_batch_size",
    "warm_start",
    "random_state",
    *(name for name in _FIT_SETTINGS if name not in ("validation_data", "validation_batch_size", "class_weight")),
    *SHARED,
)
# Which change nothing of how a network is made.
_OF_TRAINING = (
    *("warm_start", "random_state", "validation_batch_size", *_FIT_SETTINGS),
    *("validation_fraction", "validation_rows", "early_stopping", "monitor", "monitor_mode", "n_iter_no_change", "tol"),
)
_PREFIXES_OF_TRAINING = ("fit__", "callbacks__", "predict__", FIRST_STAGE)
_COMPILE_SETTINGS = ("optimizer", "loss", "metrics", "loss_weights", "weighted_metrics", "run_eagerly")
# For Keras's predict, which skdeep calls only for the sake of callbacks; predictions do not depend on them.
_PREDICT_SETTINGS = ("batch_size", "verbose", "steps", "callbacks")
WRAPPER_CONSTRAINTS = {
    "model": [callable, None],
    "build_fn": [callable, None],
    "epochs": [Interval(Integral, 1, None, closed="left")],
    "batch_size": [Interval(Integral, 1, None, closed="left"), Options(Integral, {-1}), None],
    "validation_batch_size": [Interval(Integral, 1, None, closed="left"), Options(Integral, {-1}), None],
    "validation_split": [Interval(Real, 0, 1, closed="left")],
    "shuffle": CONSTRAINTS["shuffle"],
    "run_eagerly": ["boolean"],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
    "dtype_policy": [*CONSTRAINTS["dtype_policy"], None],
    "loss_weights": [Real, "array-like", dict, None],
    **{name: CONSTRAINTS[name] for name in SHARED if name in CONSTRAINTS and name != "dtype_policy"},
    "early_stopping": ["boolean"],
}


class KerasModelEstimator(FormsOfData, BaseDeepEstimator):
    """Base class of `skdeep.KerasClassifier` and `skdeep.KerasRegressor`."""

    _names_of_kind: tuple[str, ...] = ()
    _predict_settings: tuple[str, ...] = _PREDICT_SETTINGS
    _keeps_model = False  # whether the very model is trained that was given
    # Subclasses with a constructor of their own, and estimators of older pickles, may not have them.
    learning_rate: Any = SHARED["learning_rate"]
    loss_weights: Any = SHARED["loss_weights"]
    validation_fraction: Any = SHARED["validation_fraction"]
    validation_rows: Any = SHARED["validation_rows"]
    early_stopping: Any = SHARED["early_stopping"]
    monitor: Any = SHARED["monitor"]
    monitor_mode: Any = SHARED["monitor_mode"]
    n_iter_no_change: Any = SHARED["n_iter_no_change"]
    tol: Any = SHARED["tol"]
    initial_model: Any = SHARED["initial_model"]
    frozen_layers: Any = SHARED["frozen_layers"]
    dtype_policy: Any = SHARED["dtype_policy"]

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Data,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Data = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        validation_data: tuple[Any, ...] | None = None,
        **fit_settings: Any,
    ) -> Self:
        """Build the model and train it.

        Parameters
        ----------
        X : {array-like, sparse matrix, dict, NamedArrays} of shape (n_samples, ...)
            Training data; rows of any shape that the model takes. A dict has an array for each of several inputs, by
            its name. Never changed.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), dict or NamedArrays
            Targets. For classifiers labels of any type, one-hot rows, a multilabel indicator matrix, or a table with
            labels of each of several outputs; for regressors numbers, in one column, several, or more axes. A dict has
            an array for each output, by its name.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss, as in Keras's fit: the loss of a batch is the sum of the weighted losses of
            its rows, divided by their number. A row of weight 0 is left out, as in scikeras. The metrics are not
            weighted.
        X_val : {array-like, sparse matrix}, default=None
            Validation data in the form of X. `validation_split` is not used then.
        y_val : array-like, default=None
            Validation targets in the form of y.
        sample_weight_val : array-like, default=None
            Weights of the validation rows, which count as in Keras's fit. A row of weight 0 is left out.
        validation_data : tuple, default=None
            The same as in Keras: ``(X_val, y_val)`` or ``(X_val, y_val, sample_weight_val)``, in place of these. It may
            also be set in the constructor, as ``fit__validation_data``.
        **fit_settings : dict
            Settings of this fit alone, in place of the parameters of the same names: `epochs`, `batch_size`,
            `verbose`, `shuffle`, `validation_split`, `class_weight`, `callbacks`. scikit-learn's way is to set them in
            the constructor, also as ``fit__epochs`` and the like.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            If a parameter, an array or the model is not what it must be; the message names it. What an earlier `fit`
            learned is kept.
        KeyboardInterrupt
            At Ctrl-C. The estimator is fitted by what was learned up to then; before the first step it is left as it
            was.
        """
        settings = self._training_settings(fit_settings)
        held_out = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
        is_given = any(value is not None for value in held_out.values())
        if validation_data is None and not is_given:
            validation_data = self._fit_setting("validation_data", {})
        held_out = with_validation_data(held_out, validation_data)
        first = first_stage_of(self)
        if first is not None:
            given = {name: value for name, value in fit_settings.items() if f"{FIRST_STAGE}{name}" not in vars(self)}
            train_first(first, self, (X, y, sample_weight, held_out, first._training_settings(given)))
            settings = replace(settings, first_stage=first)
        return self._fit(X, y, sample_weight, held_out, settings)

    def initialize(self, X: Data, y: ArrayLike) -> Self:
        """Build the model for X and y without any training, for a model that is trained already.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, ...)
            Data in the form that `predict` will get.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, from which classes and the form of predictions are learned.

        Returns
        -------
        self : estimator
            The estimator, which can predict.
        """
        self._validate_params()
        with interrupts.deferred(), restored_on_error(self), memory_errors():
            X, y, index, weight = self._validate_training_data(X, y, None, reset=True)
            targets, rng, settings = self._learn_targets(y, weight), self._new_rng(), self._training_settings()
            network, _ = self._new_network(X, targets, len(index), rng)
            self._publish(Run(network, targets, rng, settings), history={}, best_epoch=0)
            return self

    @property
    def initialized_(self) -> bool:
        """Whether there is a model, trained or not."""
        return hasattr(self, "_network")

    @property
    def current_epoch(self) -> int:
        """Number of epochs that the model was trained."""
        return getattr(self, "n_iter_", 0)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of this estimator, those of the model and the routed ones included.

        Parameters
        ----------
        deep : bool, default=True
            Accepted for scikit-learn's sake; no parameter is an estimator.

        Returns
        -------
        params : dict
            Parameter names mapped to their values.
        """
        return {name: vars(self)[name] for name in sorted(vars(self)) if not (name.startswith("_") or name[-1] == "_")}

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator, those of the model and routed ones included.

        Parameters
        ----------
        **params : dict
            Parameter names and values.

        Returns
        -------
        self : estimator
            The estimator itself.
        """
        known = list(dict.fromkeys([*self.get_params(), *model_functions.function_parameters(self)]))
        model_functions.check_not_of_keras({name: each for name, each in params.items() if name not in known})
        set_parameters(self, params, known, PREFIXES)
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _outputs(self, X, convert, whole, given=None):
        """Return predictions, by Keras's own `predict` if there are callbacks for it."""
        given = given or {}
        for name in given:
            if name not in _PREDICT_SETTINGS:
                raise TypeError(
                    f"predict got an unexpected keyword argument {name!r}. Settings of predictions are "
                    f"{', '.join(_PREDICT_SETTINGS)}."
                )
        settings = {name: given.get(name, vars(self).get(f"predict__{name}")) for name in _PREDICT_SETTINGS}
        callbacks = [each for each in routing.leaves(settings["callbacks"]) if each is not None]
        if not callbacks:
            return super()._outputs(X, convert, whole)

        def predict(rows, convert):
            return convert(self._network.head, self._outputs_by_keras(rows, callbacks, settings))

        return super()._outputs(X, convert, whole, predict)

    def _outputs_by_keras(self, rows, callbacks, settings):
        """Return the outputs, an array or a list of them, from Keras's `predict` with callbacks."""
        for each in callbacks:
            if not isinstance(each, keras.callbacks.Callback):
                raise TypeError(f"predict__callbacks must be Keras callbacks. Got {each!r}.")
        x = packed(rows.structure.x, rows.gather(np.arange(len(rows))))
        size = settings["batch_size"]
        size = len(rows) if size == -1 else size
        try:
            outputs = self.model_.predict(x, batch_size=size, verbose=settings["verbose"] or 0, callbacks=callbacks)
        finally:
            for each in callbacks:
                each._model = None  # a copy of a parameter is to have no copy of it
        outputs = [np.asarray(each, np.result_type(each, np.float32)) for each in keras.tree.flatten(outputs)]
        return outputs[0] if self._network.head.keys is None else outputs

    def _fit_setting(self, name, given):
        """Return a setting of training: that given to `fit`, or else the routed one, or else the parameter."""
        return given.get(name, vars(self).get(f"fit__{name}", vars(self).get(name)))

    def _warn_of_units(self, X, y, network):
        if isinstance(X, Parts):
            return
        with network.looked_at() as model:
            is_plain = X.ndim == 2 and takes_numbers_as_they_are(model)
        trouble = trouble_with_table(X, type(self).__name__) if is_plain else None
        if trouble is not None:
            warn(trouble)

    def _value_dtype(self):
        return value_dtype(model_functions.shared_parameter(self, "dtype_policy") or "float32")

    def _validate_params(self):
        # What is the function's alone may be anything.
        taken = [name for name in OF_NETWORK if model_functions.is_taken(self, name)]
        constraints = {name: each for name, each in self._parameter_constraints.items() if name not in taken}
        validate_parameter_constraints(constraints, self.get_params(deep=False), type(self).__name__)

    def _weights_in_fit(self, weight, by_class, codes, *, validates):
        return weight if validates else total_weight(weight, by_class, codes)  # as in Keras's fit

    def _training_settings(self, given=None):
        given = {} if given is None else given
        for name in given:
            if name not in _FIT_SETTINGS:
                raise TypeError(
                    f"{type(self).__name__}.fit() got an unexpected keyword argument {name!r}."
                    f"{did_you_mean_parameter(name, _FIT_SETTINGS, ())} Settings of a fit are "
                    f"{', '.join(_FIT_SETTINGS)}."
                )
        self._check_settings()
        values = {name: self._fit_setting(name, given) for name in _FIT_SETTINGS}
        validate_parameter_constraints(self._parameter_constraints, values, type(self).__name__)
        own, of_fit = self.callbacks, values["callbacks"]
        return TrainingSettings(
            epochs=int(values["epochs"]),
            batch_size=values["batch_size"],
            shuffle=values["shuffle"],
            verbose=int(values["verbose"]),
            validation_fraction=self._validation_fraction(values["validation_split"]),
            validation_rows=self.validation_rows,
            early_stopping=self.early_stopping,
            class_weight=values["class_weight"],
            callbacks=[own] if own is of_fit else [own, of_fit],
            routed_to_callbacks=routed_parameters(self, "callbacks__"),
            schedule=schedule_settings(self),
        )

    def _validation_fraction(self, split):
        """Return the fraction of the rows to set aside for validation, or None."""
        fraction = self.validation_fraction
        if split and fraction is not None and split != fraction:
            raise ValueError(
                f"validation_split={split!r} and validation_fraction={fraction!r} are the same setting; give only one "
                "of them."
            )
        return split or fraction

    def _training_options(self, settings, n_rows):
        return {
            "epochs": settings.epochs,
            "batch_size": _batch_rows(settings.batch_size, n_rows),
            "shuffle": settings.shuffle,
            "verbose": settings.verbose,
        }

    def _make_network(self, row_shape, targets, n_rows, rng):
        rows = row_shape if isinstance(row_shape, Shapes) else Shapes([row_shape], None)
        batch_rows = min(_batch_rows(self._fit_setting("batch_size", {}), n_rows), n_rows)
        network = network_of(self, (*_NAMES, *self._names_of_kind), rows, targets, batch_rows, rng)
        network.made_with = self._making(row_shape)
        return network

    def _goes_on_with(self, network, row_shape):
        made_with, now = network.made_with, self._making(row_shape)
        is_same = made_with is not None and made_with.keys() == now.keys()
        return is_same and not network.is_changed and all(_is_same(made_with[name], now[name]) for name in now)

    def _making(self, row_shape):
        """Return what a network is made from: the parameters but for those of training, and the shape of a row."""
        params = self.get_params(deep=False)
        names = [name for name in params if name not in _OF_TRAINING and not name.startswith(_PREFIXES_OF_TRAINING)]
        return {name: params[name] for name in names} | {"row shape": tuple(row_shape)}

    def _check_settings(self):
        """Raise for what would have no effect."""
        known_by_prefix = {"fit__": _FIT_SETTINGS, "compile__": _COMPILE_SETTINGS, "predict__": self._predict_settings}
        for prefix, known in known_by_prefix.items():
            for name in routed_parameters(self, prefix):
                if name.removeprefix(prefix) not in known:
                    raise ValueError(f"{name} is not a setting that skdeep knows, which are {', '.join(known)}.")

    def _score(self, X, y, sample_weight, score):
        """Return the score by the `scorer` of a subclass, or of several outputs, or by a function for others."""
        if hasattr(type(self), "scorer"):
            parameters = inspect.signature(self.scorer).parameters
            takes_weight = "sample_weight" in parameters or any(p.kind == p.VAR_KEYWORD for p in parameters.values())
            weight = {"sample_weight": sample_weight} if takes_weight or sample_weight is not None else {}
            return self.scorer(np.asarray(y), self.predict(X), **weight)
        check_is_fitted(self)
        if isinstance(self._targets, SequenceTargets):
            return self._targets.score(y, self.predict(X), sample_weight)
        if isinstance(self._targets, SeveralTargets):
            return mean_score(self._targets, y, self.predict(X), sample_weight)
        return score(X, y, sample_weight)


def _is_same(one, other):
    return one is other or (_is_plain(one) and type(one) is type(other) and one == other)


def _is_plain(value):
    return isinstance(value, (int, float, str)) or (isinstance(value, tuple) and all(map(_is_plain, value)))


def _batch_rows(batch_size, n_rows):
    return 32 if batch_size is None else n_rows if batch_size == -1 else int(batch_size)
