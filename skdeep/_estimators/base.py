"""The base of the estimators: validation, `fit` as a list of named steps, the outputs of the network.

Two things are missing here. What y is and what `predict` gives is the business of a mixin, `DeepClassifierMixin` or
`DeepRegressorMixin`. What network is trained, and with what settings, is that of a subclass: `BuiltInEstimator` for the
networks that skdeep brings along. What `fit` learns is set on the estimator when training has ended, so a `fit` that
fails leaves the earlier model as it was.

One random stream: `fit` draws a seed from `random_state` and makes a generator from it, from which the validation
split, the seeds of the network and the shuffles follow. The generator is kept, so that `partial_fit` and `warm_start`
go on with the stream.
"""

from __future__ import annotations

import contextlib
import copy
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from skdeep._common import interrupts
from skdeep._common.private_sklearn import check_feature_names, check_n_features, fit_context
from skdeep._common.states import check_attributes
from skdeep._common.typing import Data, History
from skdeep._common.user_warnings import warn
from skdeep._data.row_source import RowSource, is_row_source
from skdeep._data.rows import Rows, Selection
from skdeep._data.sampling import (
    n_training_rows,
    split,
    total_weight,
    weight_by_class,
    weighted_rows,
    with_mean_one,
)
from skdeep._data.validation import (
    as_numbers,
    check_inputs,
    check_is_not_empty,
    check_range,
    explained,
    memory_errors,
    passes_as_it_is,
    restored_on_error,
    with_validation_data,
)
from skdeep._estimators import early_stopping, epoch_tasks, learning_rates
from skdeep._estimators.copies import cloned, deep_copied, picklable
from skdeep._estimators.inspection import NetworkInspection
from skdeep._estimators.parameters import refuses_other_arguments
from skdeep._estimators.run import Run
from skdeep._keras.user_callbacks import shown, with_copied_callbacks
from skdeep._lazy import keras
from skdeep._networks.callback_making import make_callbacks
from skdeep._training import trainer


class BaseDeepEstimator(NetworkInspection, CallbackSupportMixin, BaseEstimator, ABC):
    """Base class of all estimators; see `skdeep.DNNClassifier` for parameters and attributes."""

    n_features_in_: int
    feature_names_in_: np.ndarray
    history_: History
    n_iter_: int
    best_epoch_: int
    callbacks_: list[keras.callbacks.Callback]

    @abstractmethod
    def _row_shape(self, X, *, reset):
        """Return the shape that one row of the validated X has for the network; with `reset`, learn it."""

    @abstractmethod
    def _make_network(self, row_shape, targets, n_rows, rng):
        """Return a new compiled `skdeep._networks.network.Network` for rows of this shape and the targets."""

    @abstractmethod
    def _training_settings(self, given=None):
        """Return the `TrainingSettings`, with what was `given` to `fit` itself."""

    @abstractmethod
    def _training_options(self, settings, n_rows):
        """Return the `epochs`, `batch_size`, `shuffle` and `verbose` of training on so many rows."""

    @abstractmethod
    def _value_dtype(self):
        """Return the dtype in which the network computes."""

    @abstractmethod
    def _check_y(self, y, name):
        """Return y as an array with one entry for each row, if it can be the targets of this kind of estimator."""

    @abstractmethod
    def _learn_targets(self, y, weight):
        """Return the form of y and what of it predictions need, such as `skdeep._data.class_targets.LabelTargets`."""

    @abstractmethod
    def _first_targets(self, y, weight, classes):
        """Return that for the first call to `partial_fit`."""

    def _weights_in_fit(self, weight, by_class, codes, *, validates):
        """Return the weights in `fit` of rows that train or validate, from those that were given, or None."""
        weight = total_weight(weight, by_class, codes)
        if weight is not None and not weight.any():
            raise ValueError(f"class_weight gives all rows that {'validate' if validates else 'train'} the weight 0.")
        return with_mean_one(weight)

    @refuses_other_arguments
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
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or images
            Training data, in one of the shapes that the class takes. Never changed.
        y : array-like of shape (n_samples,), (n_samples, 1) or (n_samples, n_outputs)
            Targets. For classifiers labels of any type, one-hot rows, or a multilabel indicator matrix; for regressors
            numbers, in one column or several.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss and the metrics. A row of weight 2 counts as two rows, one of weight 0 is
            absent. They are scaled to a mean of 1 (with `class_weight`, their products are), so only the proportions
            matter.
        X_val : {array-like, sparse matrix}, default=None
            Validation data in the form of X. `validation_fraction` is not used then.
        y_val : array-like, default=None
            Validation targets in the form of y.
        sample_weight_val : array-like, default=None
            Weights of the validation rows. They are scaled to a mean of 1, and multiplied with `class_weight`, as those
            of the training rows are; a row of weight 0 is absent.
        validation_data : tuple, default=None
            The same as in Keras: ``(X_val, y_val)`` or ``(X_val, y_val, sample_weight_val)``, in place of these.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or an array is not what it must be; the message names it. What an earlier `fit` learned is
            kept.
        KeyboardInterrupt
            At Ctrl-C. The estimator is fitted by what was learned up to then; before the first step it is left as it
            was.
        """
        held_out = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
        held_out = with_validation_data(held_out, validation_data)
        return self._fit(X, y, sample_weight, held_out, self._training_settings())

    def _fit(self, X, y, sample_weight, held_out, settings):
        with interrupts.deferred(), restored_on_error(self), memory_errors():
            metadata = None if sample_weight is None else {"sample_weight": sample_weight}
            task_data = {"estimator": self, "X": X, "y": y, "metadata": metadata}
            is_split = held_out["X_val"] is None
            run, given = self._start_or_resume(X, y, sample_weight, settings, is_split=is_split)
            held_out = self._check_validation_data(held_out, run.targets)
            train, validation = self._training_rows(given, held_out, run)
            options = self._training_options(settings, len(train))
            task = self._init_callback_context(max_subtasks=options["epochs"])
            task.call_on_fit_task_begin(**task_data)
            is_kept = run.network is getattr(self, "_network", None)
            with run.network.restored_on_error() if is_kept else contextlib.nullcontext():
                interrupt = self._train(run, train, validation, options, task=task, task_data=task_data)
            if interrupt is None:
                task.call_on_fit_task_end(**task_data, reconstruction_attributes={})
        if interrupt is not None:
            raise interrupt
        return self

    def _partial_fit(self, X, y, sample_weight, classes=None):
        early_stopping.check_partial(self)
        with interrupts.deferred(), restored_on_error(self), memory_errors():
            run, given = self._start_or_go_on(X, y, sample_weight, classes)
            by_class = weight_by_class(run.settings.class_weight, given.codes, run.targets, given.weight)
            given = given.weighted(total_weight(given.weight, by_class, given.codes))
            train = given.rows(run.network)
            options = self._training_options(run.settings, len(train))
            with run.network.restored_on_error():
                interrupt = self._train(run, train, None, options, is_partial=True)
        if interrupt is not None:
            raise interrupt
        return self

    def __sklearn_clone__(self):
        return cloned(self)

    def __deepcopy__(self, memo):
        return deep_copied(self, memo)

    def __getstate__(self):
        return picklable(super().__getstate__())

    def __setstate__(self, state):
        super().__setstate__(state)
        longest = max(map(len, vars(self).get("history_", {}).values()), default=0)
        check_attributes(
            self,
            vars(self),
            n_iter_=lambda value: isinstance(value, int) and 0 <= value <= longest,
            _network=lambda network: self._targets.fits(network.head),
        )

    def __copy__(self):
        other = type(self).__new__(type(self))
        vars(other).update(with_copied_callbacks(vars(self), {}))
        if hasattr(self, "_network"):  # which training changes in place
            other._network = copy.deepcopy(self._network)
        return other

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_network")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _new_rng(self):
        return np.random.default_rng(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _check_X(self, X, *, reset, **checks):
        if not is_row_source(X):
            return validate_data(self, X, reset=reset, **checks)
        X = RowSource(X)
        check_is_not_empty(X, self)
        check_feature_names(self, X, reset=reset)
        check_n_features(self, X, reset=reset)
        return X

    def _validate_X(self, X, *, reset, dtype):
        has_names = hasattr(self, "feature_names_in_")
        if not (reset or has_names) and passes_as_it_is(X, getattr(self, "n_features_in_", None)):
            check_range(X, dtype)
            return X
        with explained(X):
            X = as_numbers(self._check_X(X, reset=reset, accept_sparse="csr", dtype="numeric", allow_nd=True))
        check_range(X, dtype)
        return X

    def _learn_X(self, X, index, weight):
        """Return the validated X as the network gets it; learn the way there from the rows of this index and weight."""
        return X

    def _validate_X_y(self, X, y, *, reset, dtype, y_name="y"):
        if y is None:
            name = type(self).__name__
            raise ValueError(f"This {name} estimator requires y to be passed, but the target y is None.")
        check_inputs(X, y)
        X = self._validate_X(X, reset=reset, dtype=dtype)
        y = self._check_y(y, y_name)
        check_consistent_length(X, y)
        return X, y

    def _validate_training_data(self, X, y, sample_weight, *, reset):
        """Return X and, for its rows whose weight is not zero, the targets, the row numbers and the weights."""
        X, y = self._validate_X_y(X, y, reset=reset, dtype=self._value_dtype())
        index, weight = weighted_rows(sample_weight, X)
        if reset:
            X = self._learn_X(X, index, weight)
        return X, y if weight is None else y[index], index, weight

    def _start_or_resume(self, X, y, sample_weight, settings, *, is_split):
        """Return the run of a `fit`, and its data as a `Selection`."""
        X, y, index, weight = self._validate_training_data(X, y, sample_weight, reset=True)
        targets = self._learn_targets(y, weight)
        codes = targets.encode(y)
        settings = early_stopping.settled(settings, self.monitor, codes, targets, is_split=is_split)
        n_rows = n_training_rows(len(index), settings.validation_fraction if is_split else None)
        first = settings.first_stage
        if first is not None or (self.warm_start and hasattr(self, "_network")):
            earlier = self if first is None else first
            targets = targets.continuing(earlier._targets)
            codes = targets.encode(y)
            # From the same seed the second stage validates on the rows of the first.
            rng = copy.deepcopy(self._rng) if first is None else first._new_rng()
            network, row_shape = self._new_network(X, targets, n_rows, rng, earlier=earlier._network)
            run = earlier._resumed(network, targets, rng, settings)
        else:
            rng = self._new_rng()
            network, row_shape = self._new_network(X, targets, n_rows, rng)
            run = Run(network, targets, rng, settings)
        self._warn_of_units(X, y, network)
        return run, Selection(X, row_shape, index, codes, weight)

    def _start_or_go_on(self, X, y, sample_weight, classes):
        """Return the run of a `partial_fit`, and its data as a `Selection`."""
        is_first, settings = not hasattr(self, "_network"), replace(self._training_settings(), early_stopping=False)
        X, y, index, weight = self._validate_training_data(X, y, sample_weight, reset=is_first)
        if is_first:
            targets, rng = self._first_targets(y, weight, classes), self._new_rng()
            network, row_shape = self._new_network(X, targets, len(index), rng)
            self._warn_of_units(X, y, network)
            run = Run(network, targets, rng, settings)
        else:
            self._check_classes(classes)
            network = self._network
            network.check_scope()
            network.follow_changes()
            row_shape = self._row_shape(X, reset=False)
            run = self._resumed(network, self._targets, copy.deepcopy(self._rng), settings)
        return run, Selection(X, row_shape, index, run.targets.encode(y), weight)

    def _resumed(self, network, targets, rng, settings):
        """Return a run that goes on from what this estimator has learned."""
        so_far = {"history": self.history_, "n_epochs": self.n_iter_, "best_epoch": self.best_epoch_}
        return Run(network, targets, rng, settings, is_resumed=True, **so_far)

    def _new_network(self, X, targets, n_rows, rng, earlier=None):
        """Return a compiled network for X and the targets, with the weights of an earlier one if there is one."""
        row_shape = self._row_shape(X, reset=True)
        if earlier is None:
            return self._make_network(row_shape, targets, n_rows, rng), row_shape
        if self._goes_on_with(earlier, row_shape):
            return earlier, row_shape
        with earlier.held():  # else the new network might get its program
            network = self._make_network(row_shape, targets, n_rows, rng)
            network.take_over(earlier)
        return network, row_shape

    def _goes_on_with(self, network, row_shape):
        """Whether ``warm_start=True`` trains the very network of the earlier fit, since a new one would be the same."""
        return False

    def _warn_of_units(self, X, y, network):
        """Warn of data in units in which the network hardly learns."""

    def _check_classes(self, classes):
        """Raise if `partial_fit` gets other classes than before."""

    def _check_validation_data(self, given, targets):
        """Return the data that were given for validation, by the names in `fit`, as a `Selection`, or None."""
        X_val, y_val, sample_weight_val = (given[name] for name in ("X_val", "y_val", "sample_weight_val"))
        if X_val is None or y_val is None:
            missing = [name for name in ("X_val", "y_val") if given[name] is None]
            for name, value in given.items():
                if value is not None:
                    raise ValueError(f"{name} was given without {' and '.join(missing)}.")
            return None
        try:
            X_val, y_val = self._validate_X_y(X_val, y_val, reset=False, dtype=self._value_dtype(), y_name="y_val")
            row_shape = self._row_shape(X_val, reset=False)
        except (ValueError, TypeError) as error:
            kind = ValueError if isinstance(error, ValueError) else TypeError
            raise kind(f"X_val or y_val does not fit: {error}") from error
        index, weight = weighted_rows(sample_weight_val, X_val, "sample_weight_val")
        codes = targets.encode(y_val[index], "y_val")
        return Selection(X_val, row_shape, index, codes, weight)

    def _training_rows(self, given, held_out, run):
        """Return the rows to train on and those to validate on, or None for the latter."""
        fraction, which = run.settings.validation_fraction, run.settings.validation_rows
        if held_out is None and fraction is not None:
            given, held_out = map(given.part, split(given.codes, run.targets, fraction, run.rng, which))
        by_class = weight_by_class(run.settings.class_weight, given.codes, run.targets, given.weight)

        def rows(selection, *, validates):
            weight = self._weights_in_fit(selection.weight, by_class, selection.codes, validates=validates)
            return selection.weighted(weight).rows(run.network, "_val" if validates else "")

        train = rows(given, validates=False)
        return train, None if held_out is None else rows(held_out, validates=True)

    def _train(self, run, train, validation, options, *, is_partial=False, task=None, task_data=None):
        """Train the network and publish what was learned; return what interrupted it, or None.

        With `is_partial` it is one epoch of those that the options tell.
        """
        network = run.network
        given, routed = run.settings.callbacks, run.settings.routed_to_callbacks
        if routed or any(each is not None for each in given):
            run.callbacks = make_callbacks(given, routed)
        size = min(options["batch_size"], len(train))
        epochs = options["epochs"]
        schedule = learning_rates.schedule_of(self, run, train, validation, size, epochs, is_partial=is_partial)
        own = []
        if run.settings.early_stopping:
            own.append(early_stopping.stopping_of(self, run, train, validation, size))
        if task is not None and hasattr(self, "_skl_callbacks"):
            own.append(epoch_tasks.EpochTasks(task, task_data, run))
        plan = trainer.Plan(
            run.n_epochs,
            best_epoch=run.best_epoch,
            penalty_rows=network.penalty_rows,
            schedule=schedule,
            **options | {"epochs": run.n_epochs + (1 if is_partial else epochs)},
        )
        with network.in_training(bool(run.callbacks), size) as program, shown(network, program, run.callbacks):
            history, best_epoch, interrupt = trainer.train(
                program, train, plan, run.rng, callbacks=run.callbacks, own=own, validation=validation
            )
        network.spare()
        self._publish(run, history, best_epoch)
        return interrupt

    def _publish(self, run, history, best_epoch):
        """Set what was learned; fitted attributes are set nowhere else, but for those of the shape of X."""
        run.network.settle()
        vars(self).update(run.learned(history, best_epoch=best_epoch))

    def _outputs(self, X, convert, whole, predict=None):
        """Return what two methods of the targets make of the outputs: of those of some rows, and of what these give.

        `predict` takes the place of that of the network.
        """
        if not hasattr(self, "_network"):  # to ask is quicker than to check
            check_is_fitted(self)
        network = self._network
        convert, whole = getattr(self._targets, convert), getattr(self._targets, whole)
        X = self._validate_X(X, reset=False, dtype=network.value_dtype)
        rows = Rows(X, self._row_shape(X, reset=False), network.dtypes(X))
        is_finite = []

        def converted(head, outputs):
            arrays = outputs if isinstance(outputs, list) else [outputs]
            finite = [np.isfinite(each).reshape(len(each), -1).all(axis=1) for each in arrays]
            is_finite.append(np.logical_and.reduce(finite))
            return convert(head, outputs)

        predictions = (predict or network.predict)(rows, converted)
        n_wrong = len(rows) - np.sum(np.concatenate(is_finite))
        if n_wrong:
            warn(
                f"The outputs of the network are not finite for {n_wrong} of {len(rows)} rows of X, so their "
                "predictions mean nothing: the values are too large for its weights. Scale X.",
                RuntimeWarning,
            )
        return whole(network.head, predictions)
