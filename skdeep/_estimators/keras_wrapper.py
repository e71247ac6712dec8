"""The base of the estimators for Keras models of the user's own.

`KerasModelEstimator` takes the parameters of scikeras's estimators with the same meaning: a function that builds the
model, its own arguments as further parameters, routed parameters, and settings of training as in Keras's `fit`. All
else, from the checks to the loop, is that of the networks which skdeep brings along.

Parameters are what the estimator has as attributes, as in scikeras, so that a subclass may add some in ``__init__``.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.multiclass import type_of_target

from skdeep._backend import next_variable_number, start
from skdeep._common import interrupts
from skdeep._common.forked import check_not_forked
from skdeep._common.near_names import did_you_mean_parameter
from skdeep._common.private_sklearn import Interval, Options, fit_context, validate_parameter_constraints
from skdeep._common.typing import Data
from skdeep._common.user_warnings import warn
from skdeep._data.sampling import total_weight
from skdeep._data.scales import trouble_with_table
from skdeep._data.validation import memory_errors, restored_on_error
from skdeep._engine import last_layer
from skdeep._estimators.base import BaseDeepEstimator
from skdeep._estimators.parameters import CONSTRAINTS, routed_parameters, set_parameters
from skdeep._estimators.run import Run, TrainingSettings
from skdeep._keras import copying, describing
from skdeep._keras.compiled import check_used, compiled_metrics
from skdeep._keras.units import takes_numbers_as_they_are
from skdeep._lazy import keras, lazy_module
from skdeep._networks.network import Network
from skdeep._networks.own_models import OwnModelSpecification, leased, model_of

compilation = lazy_module("skdeep._networks.compilation")

_PREFIXES = ("model__", "fit__", "predict__", "optimizer__", "loss__", "metrics__", "callbacks__")
_FIT_SETTINGS = (
    "epochs",
    "batch_size",
    "verbose",
    "shuffle",
    "validation_split",
    "validation_data",
    "class_weight",
    "callbacks",
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
    *(name for name in _FIT_SETTINGS if name not in ("validation_data", "class_weight")),
)
# scikeras hands them to Keras's predict, which skdeep does not call; predictions do not depend on them.
_PREDICT_SETTINGS = ("batch_size", "verbose", "steps", "callbacks")
# Of scikeras, for subclasses; nothing here would call them.
_HOOKS = {
    "feature_encoder": "Put a transformer in front of the estimator in a pipeline.",
    "target_encoder": "Change y beforehand, or for numbers with TransformedTargetRegressor.",
    "scorer": "Define the method score.",
}

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
}


class KerasModelEstimator(BaseDeepEstimator):
    """Base class of `skdeep.KerasClassifier` and `skdeep.KerasRegressor`."""

    _names_of_kind: tuple[str, ...] = ()
    n_outputs_: int
    n_outputs_expected_: int
    target_type_: str
    X_shape_: tuple[int, ...]
    X_dtype_: np.dtype
    y_dtype_: np.dtype
    y_ndim_: int

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
        **fit_settings: Any,
    ) -> Self:
        """Build the model and train it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, ...)
            Training data; rows of any shape that the model takes. Never changed.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets. For classifiers labels of any type, one-hot rows, or a multilabel indicator matrix; for regressors
            numbers, in one column or several.
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
        **fit_settings : dict
            Settings of this fit alone, in place of the parameters of the same names: `epochs`, `batch_size`,
            `verbose`, `shuffle`, `validation_split`, `validation_data`, `class_weight`, `callbacks`. `validation_data`
            is ``(X_val, y_val)`` or ``(X_val, y_val, sample_weight_val)``. scikit-learn's way is to set them in the
            constructor, also as ``fit__epochs`` and the like.

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
        return self._fit(X, y, sample_weight, self._with_validation_data(held_out, fit_settings), settings)

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
        known = list(dict.fromkeys([*self.get_params(), *self._model_parameters()]))
        set_parameters(self, params, known, _PREFIXES)
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _with_validation_data(self, given, fit_settings):
        """Return the validation data given to `fit` by their names, or else what is in `validation_data`."""
        data = self._fit_setting("validation_data", fit_settings)
        names = [name for name, value in given.items() if value is not None]
        if names and fit_settings.get("validation_data") is not None:
            raise ValueError(f"validation_data and {names[0]} say the same; give only one of them.")
        if names or data is None:
            return given
        if not (isinstance(data, (tuple, list)) and len(data) in (2, 3)):
            raise ValueError(
                "validation_data must be (X_val, y_val) or (X_val, y_val, sample_weight_val). "
                f"Got {type(data).__name__}{f' of length {len(data)}' if isinstance(data, (tuple, list)) else ''}."
            )
        return given | dict(zip(given, data, strict=False))

    def _check_predict_settings(self, settings):
        for name in settings:
            if name not in _PREDICT_SETTINGS:
                raise TypeError(
                    f"predict got an unexpected keyword argument {name!r}. Settings of predictions are "
                    f"{', '.join(_PREDICT_SETTINGS)}."
                )

    def _fit_setting(self, name, given):
        """Return a setting of training: that given to `fit`, or else the routed one, or else the parameter."""
        return given.get(name, vars(self).get(f"fit__{name}", vars(self).get(name)))

    def _routed(self, prefix):
        """Return the parameters that are routed to a prefix, without it."""
        return {name.removeprefix(prefix): value for name, value in routed_parameters(self, prefix).items()}

    def _row_shape(self, X, *, reset):
        if reset:
            self.X_shape_, self.X_dtype_ = X.shape, X.dtype
        elif X.shape[1:] != self.X_shape_[1:]:
            raise ValueError(f"X has rows of shape {X.shape[1:]}, but in fit they had shape {self.X_shape_[1:]}.")
        return X.shape[1:]

    def _warn_of_units(self, X, y, network):
        with network.in_use() as program:
            is_plain = X.ndim == 2 and takes_numbers_as_they_are(program.model)
        trouble = trouble_with_table(X, type(self).__name__) if is_plain else None
        if trouble is not None:
            warn(trouble)

    def _value_dtype(self):
        return "float32"

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
            validation_fraction=values["validation_split"] or None,
            class_weight=values["class_weight"],
            callbacks=[own] if own is of_fit else [own, of_fit],
            routed_to_callbacks=routed_parameters(self, "callbacks__"),
        )

    def _training_options(self, settings, n_rows):
        batch_size = settings.batch_size
        return {
            "epochs": settings.epochs,
            "batch_size": 32 if batch_size is None else n_rows if batch_size == -1 else int(batch_size),
            "shuffle": settings.shuffle,
            "verbose": settings.verbose,
        }

    def _make_network(self, row_shape, targets, n_rows, rng):
        check_not_forked()
        start()
        builder = self._builder()
        is_given = isinstance(builder, keras.Model)
        arguments, newest = {}, next_variable_number()
        with describing.seeded(int(rng.integers(2**31))):
            if is_given:
                self._check_no_arguments()
                model = copying.faithful_copy(builder)
            else:
                model = self._call(builder, targets, arguments)
            if not isinstance(model, keras.Model):
                raise TypeError(f"model must return a keras.Model. Got {model!r}.")
            if model.compiled:
                check_used(self._compile_settings(), model, arguments)
            if not is_given:
                model = model_of(builder, self.get_params(), model, newest)
            _check_stateless(model)
            n_outputs = _n_outputs(model, row_shape)
        if not model.compiled:
            if self.loss is None:
                raise ValueError(
                    "loss is None, and the model is not compiled: give a loss, such as "
                    "'sparse_categorical_crossentropy' or 'mean_squared_error', or compile the model."
                )
            model.compile(**self._compile_arguments(targets))
        if not (model.loss and model.optimizer):
            raise ValueError("The model is compiled without a loss or an optimizer.")
        encodings = [vars(self).get(name, "auto") for name in ("target_encoding", "output_encoding")]
        find_last = functools.partial(last_layer.activation_of, model, row_shape)
        head = targets.head_of(n_outputs, model.loss, compiled_metrics(model), find_last, *encodings)
        return Network(OwnModelSpecification.of(model), head, leased(model))

    def _check_settings(self):
        """Raise for what would have no effect, and for what a compiled loop cannot do."""
        for name, advice in _HOOKS.items():
            if hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} defines {name}, which skdeep does not use. {advice}")
        for prefix, known in (("fit__", _FIT_SETTINGS), ("predict__", _PREDICT_SETTINGS)):
            for name in self._routed(prefix):
                if name not in known:
                    raise ValueError(
                        f"{prefix}{name} is not a setting that skdeep knows, which are {', '.join(known)}."
                    )
        if self.run_eagerly:
            raise ValueError("run_eagerly=True is not possible: skdeep trains in a compiled loop.")

    def _builder(self):
        """Return the function that builds the model, or the model."""
        model = self.model
        if model is None and self.build_fn is not None:
            warn("build_fn is the old name of model.", FutureWarning)
            model = self.build_fn
        method = getattr(self, "_keras_build_fn", None)
        if model is None and method is None:
            raise ValueError(
                "model is None: give a keras.Model or a function that returns one, or define _keras_build_fn in a "
                "subclass."
            )
        if model is not None and method is not None:
            raise ValueError(f"{type(self).__name__} has _keras_build_fn, so model must be None. Got {model!r}.")
        return method if model is None else model

    def _model_parameters(self):
        """Return the names of the parameters of the function that builds the model, if there is one."""
        given = [self.model, self.build_fn, getattr(self, "_keras_build_fn", None)]
        functions = [each for each in given if inspect.isroutine(each) or isinstance(each, functools.partial)]
        return [name for each in functions for name in inspect.signature(each).parameters]

    def _own_arguments(self):
        """Return the parameters that are meant for the function that builds the model."""
        return {
            name: value
            for name, value in self.get_params().items()
            if name not in (*_NAMES, *self._names_of_kind) and not name.startswith(_PREFIXES)
        }

    def _did_you_mean(self, name, parameters):
        own = [each for each in (*_NAMES, *self._names_of_kind) if each in vars(self)]
        return did_you_mean_parameter(name, [*own, *parameters], _PREFIXES)

    def _check_no_arguments(self):
        """Raise for parameters that are meant for a function, where there is a model."""
        for name in self._own_arguments() | self._routed("model__"):
            raise TypeError(
                f"{type(self).__name__} got the parameter {name!r}, which is not one of its own, and model is a "
                f"keras.Model, which takes none.{self._did_you_mean(name, [])} Give a function that builds the model."
            )

    def _call(self, function, targets, arguments):
        """Return the model that the user's function builds; put what it gets into the dict `arguments`."""
        parameters = inspect.signature(function).parameters
        takes_any = any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters.values())

        def takes(name):
            return takes_any or name in parameters

        own = self._own_arguments()
        if self.model is None and self.build_fn is None:  # a method finds them on the estimator
            own = {name: value for name, value in own.items() if name in parameters}
        arguments |= own | self._routed("model__")
        unknown = [name for name in arguments if not takes(name)]
        if unknown:
            raise TypeError(
                f"{type(self).__name__} got the parameter {unknown[0]!r}, which is neither one of its own nor of the "
                f"function that builds the model, which takes {', '.join(parameters) or 'none'}."
                + self._did_you_mean(unknown[0], parameters)
            )
        if takes("meta"):
            arguments["meta"] = {name: vars(self)[name] for name in vars(self) if name[0] != "_" and name[-1] == "_"}
        if takes("compile_kwargs"):
            arguments["compile_kwargs"] = self._compile_arguments(targets) | {"run_eagerly": False}
        if takes("params"):
            arguments["params"] = self.get_params()
        with interrupts.at_once():
            return function(**arguments)

    def _compile_settings(self):
        settings = {name: getattr(self, name) for name in ("optimizer", "loss", "metrics")}
        for prefix in ("optimizer__", "loss__", "metrics__"):
            settings |= {f"{prefix}{name}": value for name, value in self._routed(prefix).items()}
        return settings

    def _compile_arguments(self, targets):
        settings = self._compile_settings() | {"learning_rate": None, "dtype_policy": self._value_dtype()}
        encoding = targets.expected_encoding(self.loss, vars(self).get("target_encoding", "auto"))
        return compilation.compile_arguments(settings, encoding=encoding)

    def _set_meta(self, y, targets):
        """Set what the user's function may ask for, by the names of scikeras; return the targets."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that there are many classes for so few rows
            self.target_type_ = type_of_target(y)
        self.y_dtype_, self.y_ndim_ = y.dtype, y.ndim
        self.n_outputs_expected_ = 1
        vars(self).update(targets.attributes())
        return targets


def _check_stateless(model):
    stateful = [layer.name for layer in model._flatten_layers() if getattr(layer, "stateful", False)]
    if stateful:
        raise ValueError(
            f"The model has stateful layers, {', '.join(dict.fromkeys(stateful))}, whose state goes from batch to "
            "batch. Rows are independent of each other here, and come in any order: build them with stateful=False."
        )


def _n_outputs(model, row_shape):
    """Return how many numbers the model gives for a row; build it, if it is not built yet."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        outputs = model(np.zeros((1, *row_shape), dtype="float32"))
        shapes = [tuple(outputs.shape)] if hasattr(outputs, "shape") else outputs
    else:
        if len(inputs) != 1:
            raise ValueError(f"The model has {len(inputs)} inputs, but must have one, for X.")
        expected = tuple(inputs[0].shape[1:])
        fits = len(expected) == len(row_shape) and all(
            size in (None, given) for size, given in zip(expected, row_shape, strict=True)
        )
        if not fits:
            raise ValueError(f"The model takes rows of shape {expected}, but X has rows of shape {tuple(row_shape)}.")
        shapes = [tuple(output.shape) for output in model.outputs]
    if len(shapes) != 1 or len(shapes[0]) != 2:
        raise ValueError(f"The model must have one output, of shape (n_samples, n_outputs). Its outputs are {shapes}.")
    return shapes[0][1]
