"""The base of the classifiers: validation, `fit` as a list of named steps, prediction.

A classifier supplies its parameters, the shape that one row of X has for its network, and the builder of the network.
What `fit` learns is set on the estimator when training has ended, so a `fit` that fails leaves the earlier model as it
was.

One random stream: `fit` draws a seed from `random_state` and makes a generator from it, from which the validation
split, the seeds of the network and the shuffles follow. The generator is kept, so that `partial_fit` and `warm_start`
go on with the stream.
"""

import copy
import math
import warnings
from abc import ABC, abstractmethod

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_random_state, estimator_html_repr
from sklearn.utils.validation import _check_y, check_consistent_length, check_is_fitted, validate_data

from skdeep.network import Network
from skdeep.parameters import RoutedParameters, routed_parameters, value_dtype
from skdeep.sampling import split, total_weight, weighted_rows, with_mean_one
from skdeep.summary import summarize
from skdeep.targets import Targets, as_target_array, choose_head, snake_name
from skdeep.validation import as_numbers, memory_errors, restored_on_error, without_missing

# epochs="auto" is about this many steps of the optimizer, within these bounds.
_AUTO_STEPS = 5000
_MIN_AUTO_EPOCHS, _MAX_AUTO_EPOCHS = 10, 200


class BaseDeepClassifier(CallbackSupportMixin, ClassifierMixin, RoutedParameters, ABC):
    """Base class of the classifiers; see `skdeep.DNNClassifier` for parameters and attributes."""

    @abstractmethod
    def _row_shape(self, X, *, reset):
        """Return the shape that one row of the validated X has for the network; with `reset`, learn it."""

    @abstractmethod
    def _architecture(self, row_shape, head, l2):
        """Return what builds the network with this strength of L2 penalties, a `skdeep.network.Architecture`."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None):
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or images
            Training data, in one of the shapes that the class takes. Never changed.
        y : array-like of shape (n_samples,), (n_samples, 1) or (n_samples, n_classes)
            Labels of any type, one-hot rows, or a multilabel indicator matrix.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss and the metrics. A row of weight 2 counts as two rows, one of weight 0 is
            absent; only the proportions matter.
        X_val : {array-like, sparse matrix}, default=None
            Validation data in the form of X. `validation_fraction` is not used then.
        y_val : array-like, default=None
            Validation targets in the form of y.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or an array is not what it must be; the message names it. What an earlier `fit` learned is
            kept.
        """
        with restored_on_error(self), memory_errors():
            continued = self.warm_start and hasattr(self, "_network")
            metadata = None if sample_weight is None else {"sample_weight": sample_weight}
            task_data = {"estimator": self, "X": X, "y": y, "metadata": metadata}
            X, y, index, weight = self._validate_training_data(X, y, sample_weight, reset=True)
            targets = Targets.learn(y)
            if continued and not np.array_equal(targets.classes, self.classes_):
                raise ValueError(
                    f"warm_start=True goes on with the classes of the earlier fit, {self.classes_.tolist()!r}, "
                    f"but y has {targets.classes.tolist()!r}."
                )
            rng = copy.deepcopy(self._rng) if continued else self._new_rng()
            earlier = self._network if continued else None
            network, row_shape = self._new_network(X, targets, len(index), rng, earlier)
            train, validation = self._training_rows(X, y, index, weight, row_shape, network, targets, rng, X_val, y_val)
            n_epochs = self._n_epochs(len(train))
            task = self._init_callback_context(max_subtasks=n_epochs)
            task.call_on_fit_task_begin(**task_data)
            self._train(network, targets, train, validation, rng, continued, n_epochs, task, task_data)
            task.call_on_fit_task_end(**task_data, reconstruction_attributes={})
            return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one more epoch on X and y, from where the last `fit` or `partial_fit` ended.

        The network and what it was compiled with, such as loss, optimizer and learning rate, stay those of the first
        call; changes to these parameters count from the next `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or images
            Training data in the form of earlier calls.
        y : array-like of shape (n_samples,), (n_samples, 1) or (n_samples, n_classes)
            Targets in the form of earlier calls.
        classes : array-like of shape (n_classes,), default=None
            All labels that may ever occur. Needed in the first call if y are labels. For one-hot rows and multilabel
            targets the columns are the classes; rows of which each has a single 1 are taken as one-hot.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. Here they are not scaled, so that those of several calls can be compared.

        Returns
        -------
        self : estimator
            The trained estimator.

        Raises
        ------
        ValueError
            As `fit`; also for ``early_stopping=True`` and ``class_weight="balanced"``, which need all data at once.
        """
        self._validate_params()  # which scikit-learn does in the first call only
        if self.early_stopping or self.class_weight == "balanced":
            raise ValueError(
                "partial_fit sees a part of the data at a time, so it works with neither early_stopping=True nor "
                f"class_weight='balanced'. Got early_stopping={self.early_stopping!r} and "
                f"class_weight={self.class_weight!r}."
            )
        with restored_on_error(self), memory_errors():
            first = not hasattr(self, "_network")
            X, y, index, weight = self._validate_training_data(X, y, sample_weight, reset=first)
            if first:
                if classes is None and y.ndim == 1:
                    raise ValueError("classes must be passed on the first call to partial_fit.")
                targets = Targets.learn(y, classes)
                rng = self._new_rng()
                network, row_shape = self._new_network(X, targets, len(index), rng, earlier=None)
            else:
                targets, rng, network = self._targets, copy.deepcopy(self._rng), self._network
                if classes is not None and not _same_labels(classes, self.classes_):
                    raise ValueError(
                        f"classes={classes!r} is not the same as on the last call to partial_fit or fit, "
                        f"{self.classes_.tolist()!r}."
                    )
                row_shape = self._row_shape(X, reset=False)
            codes = targets.encode(y)
            train = self._rows(
                X, index, row_shape, network, codes, total_weight(weight, self.class_weight, codes, targets)
            )
            with network.restored_on_error():
                return self._train(network, targets, train, None, rng, not first, n_epochs=1)

    def predict(self, X):
        """Predict, in the form that y had in `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or images
            Data in the form of `fit`.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Labels, one-hot rows or a multilabel indicator matrix, of the dtype of y.
        """
        return self._outputs(X, lambda head, outputs: self._targets.decode(head.probabilities(outputs)))

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or images
            Data in the form of `fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), float64
            Columns in the order of `classes_`. Rows sum to 1, except for multilabel targets, whose labels are
            independent.
        """
        return self._outputs(X, lambda head, outputs: head.probabilities(outputs))

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or images
            Data in the form of `fit`.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes), float64
            Natural logarithms of `predict_proba`; -inf where that is 0.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def decision_function(self, X):
        """Give the confidence in each class, on a scale without bounds.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or images
            Data in the form of `fit`.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes), float64
            For two classes the log-odds of the second, ``log(p / (1 - p))``; for more the logarithms of the
            probabilities; for multilabel targets the log-odds of each label.
        """
        probabilities = self.predict_proba(X)
        if self._targets.kind == "multilabel":
            return _log(probabilities) - _log(1 - probabilities)
        scores = _log(probabilities)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def summary(self):
        """Describe the layers of the fitted network.

        Returns
        -------
        summary : skdeep.summary.NetworkSummary
            Prints as a table of the layers with the shapes of their outputs for one sample and the numbers of their
            parameters, also in notebooks; `layers` and `n_parameters` give the same as values.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        return summarize(self._network.program.model)

    def to_keras(self, path):
        """Write the network in Keras's own format, for `keras.saving.load_model`, without skdeep.

        The file has the layers, the weights, the loss, the metrics and the optimizer with its state. It does not have
        the labels: the outputs are in the order of `classes_`, for two classes usually one, the probability of the
        second, and for several sigmoid units they do not sum to 1. The loaded model trains on numbers of classes, or on
        one-hot rows where loss or metrics need them. Functions and classes of your own are in it by name; Keras loads
        them if they are given as ``custom_objects``.

        Parameters
        ----------
        path : str or path-like
            File to write, whose name ends in ".keras". It is replaced in one step.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the name of the file does not end in ".keras", or Keras cannot write a parameter, such as a
            `functools.partial`.
        OSError
            If the file cannot be written.

        See Also
        --------
        skdeep.save : Write the whole estimator.

        Examples
        --------
        >>> import os, tempfile
        >>> import keras
        >>> from sklearn.datasets import load_iris
        >>> from skdeep import DNNClassifier
        >>> clf = DNNClassifier((8,), epochs=1, random_state=0).fit(*load_iris(return_X_y=True))
        >>> path = os.path.join(tempfile.mkdtemp(), "iris.keras")
        >>> clf.to_keras(path)
        >>> keras.saving.load_model(path).output_shape
        (None, 3)
        """
        check_is_fitted(self)
        from skdeep.export import write_keras

        with memory_errors():
            write_keras(self._network, path)

    def to_onnx(self, path):
        """Write the network as ONNX, which runs without Python, TensorFlow and skdeep.

        Its input is named "input": float32, of shape (n_samples, n_features), for `CNNClassifier` (n_samples, height,
        width, channels). Its output is named "probabilities": float32, of shape (n_samples, n_classes), equal to
        `predict_proba` up to rounding. The labels are in the metadata as "classes", a list as JSON. The steps before
        the classifier in a pipeline are not in the file. The network is computed in float32, also if `dtype_policy`
        is another, from which it then differs by rounding.

        Parameters
        ----------
        path : str or path-like
            File to write. It is replaced in one step.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ImportError
            If onnx or tf2onnx is not installed.
        ValueError
            If ONNX does not have what the network computes, which an activation function of your own may cause.
        OSError
            If the file cannot be written.

        See Also
        --------
        skdeep.save : Write the whole estimator.

        Examples
        --------
        >>> import os, tempfile
        >>> import numpy as np
        >>> import onnxruntime
        >>> from sklearn.datasets import load_iris
        >>> from skdeep import DNNClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = DNNClassifier((8,), epochs=1, random_state=0).fit(X, y)
        >>> path = os.path.join(tempfile.mkdtemp(), "iris.onnx")
        >>> clf.to_onnx(path)
        >>> session = onnxruntime.InferenceSession(path)
        >>> (probabilities,) = session.run(["probabilities"], {"input": X.astype(np.float32)})
        >>> print(np.allclose(probabilities, clf.predict_proba(X), atol=1e-5))
        True
        """
        check_is_fitted(self)
        from skdeep.export import write_onnx

        with memory_errors():
            write_onnx(self._network, self.classes_, path)

    @property
    def model_(self):
        """The fitted `keras.Model`."""
        check_is_fitted(self)
        return self._network.model

    def _html_repr(self):
        """Return scikit-learn's picture of the estimator, and below it the layers, if it is fitted."""
        picture = estimator_html_repr(self)
        if not hasattr(self, "_network"):
            return picture
        return f"{picture}<details><summary>Layers</summary>{self.summary()._repr_html_()}</details>"

    def __copy__(self):
        other = type(self).__new__(type(self))
        vars(other).update(vars(self))
        if hasattr(self, "_network"):  # which training changes in place
            other._network = copy.deepcopy(self._network)
        return other

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_network")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_label = True
        return tags

    def _new_rng(self):
        return np.random.default_rng(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _check_X(self, X, *, reset, **checks):
        return validate_data(self, X, reset=reset, **checks)

    def _validate_X(self, X, *, reset, dtype):
        X = as_numbers(self._check_X(X, reset=reset, accept_sparse="csr", dtype="numeric", allow_nd=True))
        dtype = np.dtype(dtype)
        if X.dtype.kind == "f" and X.dtype.itemsize > dtype.itemsize:
            limit = np.finfo(dtype).max
            if X.max() > limit or X.min() < -limit:
                raise ValueError(
                    f"Input X contains a value too large for {dtype}, in which the network computes; scale X"
                    + (" or use dtype_policy='float64'." if dtype == np.float32 else ".")
                )
        return X

    def _validate_X_y(self, X, y, *, reset, dtype, y_name="y"):
        if y is None:
            name = type(self).__name__
            raise ValueError(f"This {name} estimator requires y to be passed, but the target y is None.")
        X = self._validate_X(X, reset=reset, dtype=dtype)
        y = _check_y(without_missing(y, y_name), multi_output=True, estimator=self)
        check_consistent_length(X, y)
        return X, as_target_array(y, y_name)

    def _validate_training_data(self, X, y, sample_weight, *, reset):
        """Return X and, for its rows whose weight is not zero, the targets, the row numbers and the weights."""
        X, y = self._validate_X_y(X, y, reset=reset, dtype=value_dtype(self.dtype_policy))
        index, weight = weighted_rows(sample_weight, X)
        return X, y[index], index, weight

    def _new_network(self, X, targets, n_rows, rng, earlier):
        """Return a compiled network for X and the targets, with the weights of an earlier one if there is one."""
        routed = {name: value for name, value in routed_parameters(self).items() if not name.startswith("callbacks__")}
        head = choose_head(targets, self.output_activation, self.loss, one_hot=self._needs_one_hot(routed))
        row_shape = self._row_shape(X, reset=True)
        names = ("optimizer", "learning_rate", "metrics", "dtype_policy")
        settings = {name: getattr(self, name) for name in names} | {"loss": head.loss} | routed
        initializers = {"kernel": self.kernel_initializer, "bias": self.bias_initializer}
        l2 = float(self.alpha) / (2 * min(self._batch_size(n_rows), n_rows))
        network = Network(self._architecture(row_shape, head, l2), initializers, settings, head, rng)
        if earlier is not None:
            network.take_over(earlier)
        return network, row_shape

    def _needs_one_hot(self, routed):
        """Whether something beside the loss needs one-hot targets: other metrics than accuracy, label smoothing."""
        metrics = self.metrics if isinstance(self.metrics, (list, tuple)) else [self.metrics]
        names = [snake_name(metric) for metric in metrics if metric is not None]
        return any(name.startswith("loss__") for name in routed) or not all(
            name in ("acc", "accuracy") or name.startswith("sparse_") for name in names
        )

    def _training_rows(self, X, y, index, weight, row_shape, network, targets, rng, X_val, y_val):
        """Return the rows to train on and those to validate on, or None for the latter."""
        codes = targets.encode(y)
        weight = with_mean_one(total_weight(weight, self.class_weight, codes, targets))
        if (X_val is None) != (y_val is None):
            given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
            raise ValueError(f"{given} was given without {missing}.")
        if X_val is not None:
            try:
                dtype = value_dtype(self.dtype_policy)
                X_val, y_val = self._validate_X_y(X_val, y_val, reset=False, dtype=dtype, y_name="y_val")
                val_shape = self._row_shape(X_val, reset=False)
            except (ValueError, TypeError) as error:
                kind = ValueError if isinstance(error, ValueError) else TypeError
                raise kind(f"X_val or y_val does not fit: {error}") from error
            val_codes = targets.encode(y_val, "y_val")
            validation = self._rows(X_val, np.arange(X_val.shape[0]), val_shape, network, val_codes, None)
            return self._rows(X, index, row_shape, network, codes, weight), validation

        fraction = self.validation_fraction
        if fraction is None and self.early_stopping and self.monitor.startswith("val_"):
            fraction = 0.1
        if fraction is None:
            return self._rows(X, index, row_shape, network, codes, weight), None
        return tuple(
            self._rows(X, index[part], row_shape, network, codes[part], None if weight is None else weight[part])
            for part in split(codes, targets, fraction, rng)
        )

    def _rows(self, X, index, row_shape, network, codes, weight):
        from skdeep.training import Rows

        dtype = value_dtype(network.settings["dtype_policy"])
        if weight is not None:
            if weight.max(initial=0) > np.finfo(dtype).max:
                raise ValueError(
                    f"sample_weight contains a value too large for {dtype}, in which the network computes."
                )
            weight = weight.astype(dtype)
        return Rows(X, row_shape, dtype, network.head.encode(codes), weight, index)

    def _batch_size(self, n_rows):
        if self.batch_size != "auto":
            return int(self.batch_size)
        return 32 if n_rows < 10_000 else 128

    def _n_epochs(self, n_rows):
        if self.epochs != "auto":
            return int(self.epochs)
        steps_per_epoch = math.ceil(n_rows / self._batch_size(n_rows))
        return min(_MAX_AUTO_EPOCHS, max(_MIN_AUTO_EPOCHS, math.ceil(_AUTO_STEPS / steps_per_epoch)))

    def _train(self, network, targets, train, validation, rng, continued, n_epochs, task=None, task_data=None):
        """Train the network and set what was learned on the estimator."""
        from skdeep import compilation
        from skdeep.callbacks import EpochTasks

        history, first_epoch = (self.history_, self.n_iter_) if continued else ({}, 0)
        callbacks = compilation.make_callbacks(self.callbacks, routed_parameters(self))
        if callbacks:
            network.keep()  # they may keep its model
        keeper = None
        if self.early_stopping:
            names = network.program.metric_names(train)
            if validation is not None:
                names += [f"val_{name}" for name in names]
            if self.monitor not in names:
                raise ValueError(f"monitor={self.monitor!r} is not among the metrics of this fit, which are {names!r}.")
            stopper, keeper = compilation.early_stopping(self.monitor, self.n_iter_no_change, self.tol)
            callbacks += [stopper, keeper]

        def learned(network, new_history):
            n_new = len(new_history.get("loss", ()))  # none if training was interrupted in the first epoch
            return {
                "_network": network,
                "_targets": targets,
                "_rng": copy.deepcopy(rng),
                "classes_": targets.classes,
                "history_": {
                    name: [*history.get(name, [np.nan] * first_epoch), *new_history.get(name, [np.nan] * n_new)]
                    for name in {**history, **new_history}
                },
                "n_iter_": first_epoch + n_new,
                "best_epoch_": first_epoch + n_new,
            }

        if task is not None and hasattr(self, "_skl_callbacks"):
            callbacks.append(EpochTasks(task, task_data, network, learned))
        new_history, last_epoch = network.program.fit(
            train,
            first_epoch=first_epoch,
            epochs=first_epoch + n_epochs,
            batch_size=self._batch_size(len(train)),
            shuffle=self.shuffle,
            rng=rng,
            callbacks=callbacks,
            validation=validation,
            verbose=self.verbose,
        )
        vars(self).update(learned(network, new_history))
        best = last_epoch if keeper is None or not new_history else keeper.best_epoch + 1
        self.best_epoch_ = min(best, last_epoch)  # training may diverge before there is a best epoch
        return self

    def _outputs(self, X, convert):
        from skdeep.training import Rows

        check_is_fitted(self)
        network = self._network
        dtype = value_dtype(network.settings["dtype_policy"])
        X = self._validate_X(X, reset=False, dtype=dtype)
        rows = Rows(X, self._row_shape(X, reset=False), dtype)
        with memory_errors():
            outputs = network.program.predict(rows)
        is_finite = np.isfinite(outputs).all(axis=1)
        if not is_finite.all():
            warnings.warn(
                f"The outputs of the network are not finite for {np.sum(~is_finite)} of {len(outputs)} rows of X, so "
                "their predictions mean nothing: the values are too large for its weights. Scale X.",
                RuntimeWarning,
                stacklevel=3,
            )
        return convert(network.head, outputs)


def _same_labels(classes, known):
    try:
        return np.ndim(classes) == 1 and np.array_equal(np.unique(classes), known)
    except TypeError:  # labels that cannot be compared
        return False


def _log(probabilities):
    """Return finite logarithms: outputs are computed in float32, where the smallest are rounded to zero."""
    return np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
