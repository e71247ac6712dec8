from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.utils import check_array

from skdeep._common.private_sklearn import StrOptions, check_y
from skdeep._common.typing import (
    Callbacks,
    ClassWeight,
    Data,
    DtypePolicy,
    InitialModel,
    LearningRate,
    Losses,
    MetricsOfOutputs,
    Optimizer,
    RandomState,
    Shuffle,
)
from skdeep._data.class_targets import as_target_array, is_indicator, learn_targets
from skdeep._data.encoded_targets import EncodedTargets
from skdeep._data.heads import OUTPUT_ENCODINGS
from skdeep._data.numeric_targets import as_number_array
from skdeep._data.sequence_targets import SequenceTargets
from skdeep._data.several_targets import SeveralTargets, are_numbers, learn_several
from skdeep._data.validation import without_missing
from skdeep._estimators.classification import DeepClassifierMixin
from skdeep._estimators.keras_wrapper import WRAPPER_CONSTRAINTS, KerasModelEstimator
from skdeep._estimators.parameters import CONSTRAINTS
from skdeep._lazy import keras


class KerasClassifier(DeepClassifierMixin, KerasModelEstimator):
    """A classifier around a Keras model of your own.

    It takes what `scikeras.wrappers.KerasClassifier` takes, and trains it as skdeep trains its own networks.
    `MLPClassifier`, `DNNClassifier` and `CNNClassifier` need no function.

    Parameters
    ----------
    model : callable, keras.Model or None, default=None
        What is trained. A function returns a `keras.Model`, compiled or not; its own arguments are further parameters
        of the estimator (see `model_parameters`), and it may also take `meta`, `compile_kwargs` and `params`. Of a
        `keras.Model` each fit trains a copy, from the weights that it has. None is for subclasses with a method
        `_keras_build_fn`, which takes the place of the function.
    build_fn : callable, keras.Model or None, default=None
        Old name of `model`.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit, and from the optimizer's state unless the optimizer was
        changed. `history_` goes on, too.
    random_state : int, RandomState instance or None, default=None
        Source of the initial weights, the dropout, the shuffles and the validation split. While the function runs, the
        global generators of Python and numpy start from it, too. An int makes every fit the same, bit for bit, on the
        same kind of machine.
    optimizer : str, class or keras.optimizers.Optimizer, default="rmsprop"
        Keras optimizer, for models that the function does not compile itself, and in `compile_kwargs`. A name or class
        takes routed parameters: ``optimizer="sgd", optimizer__momentum=0.9``.
    loss : str, class, callable, keras.losses.Loss, list or dict of them or None, default=None
        Keras loss, for models that the function does not compile itself, and in `compile_kwargs`. It gets the targets
        in the form that it takes; for losses of your own see `target_encoding`. None, or "auto", is the cross-entropy
        that fits the targets and the last layer, also for a model that is compiled without a loss.
    metrics : str, class, keras.metrics.Metric, list or dict of them or None, default=None
        Keras metrics to follow in `history_`, beside the loss, for models that the function does not compile itself.
        For several outputs a dict by their names, or a list with a list for each.
    batch_size : int or None, default=None
        Rows for one step of the optimizer; None is 32, -1 is all rows.
    validation_batch_size : int or None, default=None
        Accepted for the sake of scikeras. What validation gives does not depend on it.
    verbose : int, default=1
        0 prints nothing, 1 one line an epoch.
    callbacks : keras.callbacks.Callback, class, str, function, list or dict of them, or None, default=None
        Called as by Keras's fit. Objects are used themselves; clones and copies have copies of them, without the model.
        A function without arguments is called for each fit and returns a callback or a list of them. A class, or the
        name of one, takes routed parameters: ``callbacks="ReduceLROnPlateau", callbacks__monitor="loss"``, in a list by
        number, in a dict by name: ``callbacks={"plateau": ReduceLROnPlateau}, callbacks__plateau__monitor="loss"``.
    validation_split : float, default=0.0
        Fraction of the training data set aside for validation, in [0, 1), the same of each class. Unlike
        Keras, which takes the last rows, skdeep draws them at random, unless
        ``validation_rows="last"``.
    shuffle : bool or "blocks", default=True
        Whether each epoch takes the rows in a new random order. "blocks" is for data that is not in memory: blocks of
        512 neighbouring rows come in random order, and the rows of each four blocks are mixed.
    run_eagerly : bool, default=False
        Whether training and predictions run the Python code of the model in each step, where it can print and stop at
        breakpoints. Otherwise TensorFlow traces it once, which is much faster.
    epochs : int, default=1
        Passes over the training data.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, by label; a label that is missing has weight 1. "balanced" weighs each class inversely
        to its number of rows. They multiply with `sample_weight`. As in Keras's fit they are not scaled, and weigh
        neither the metrics nor the validation rows.
    target_encoding : {"auto", "ordinal", "one-hot"}, default="auto"
        What the loss gets as targets, also in a model that is compiled already: "ordinal" is class numbers, in a
        column; "one-hot" is rows with a 1 in the column of the class. "auto" is what a loss of Keras takes. A loss of
        your own (a function, class or object) gets class numbers then, as in scikeras, or one-hot rows if y has
        these. A single output for two classes gets a column of 0 and 1.
    output_encoding : {"auto", "probabilities", "logits", "margins", "numbers"}, default="auto"
        What the outputs of the model mean. "probabilities" are those of a softmax or sigmoid; the cut between two
        classes is 0.5. "logits" are what these would be applied to; the cut is 0. "margins" are those of hinge losses:
        the cut is 0, and `predict_proba` takes twice a margin for log-odds. "numbers" estimate 0 and 1, as with a
        squared error: the cut is 0.5, and `predict_proba` clips a single one and takes of several the nearest
        probabilities that sum to 1. "auto" is "probabilities" if the last activation is a softmax or sigmoid,
        otherwise what the loss takes; for a loss of your own without such a last activation it is an error.
    target_type : {"auto", "one-hot", "multilabel", "multioutput", "sequence"}, default="auto"
        What rows of 0 and 1 in y are. "auto" takes them as one-hot if each has a single 1, otherwise as multilabel.
        "multioutput" says that each column has classes of its own, and is learned by an output of its own; for columns
        of other labels "auto" does. "sequence" says that there is a label at each place of a row, of the same classes
        everywhere: y of shape (n_samples, n_steps), or of images, and an output with one more axis, of the classes.
    learning_rate : float, str, class or keras.optimizers.schedules.LearningRateSchedule, default=None
        Step size of the optimizer, for models that the function does not compile itself, and in `compile_kwargs`. None
        is the default of Keras. "cosine", "exponential", "one_cycle" and "plateau" let it fall in the course of a fit,
        also that of a compiled model, by routed parameters: ``learning_rate="cosine", learning_rate__warmup=0.1``.
    loss_weights : float, sequence or mapping of float, default=None
        What the losses of the outputs are multiplied with, in their order or by their names, for models that the
        function does not compile itself, and in `compile_kwargs`.
    validation_fraction : float, default=None
        `validation_split` by the name that it has in the ready networks; None is no validation, or 0.1 with early
        stopping.
    validation_rows : {"random", "last"}, default="random"
        Which rows are set aside for validation. "random" draws them. "last" takes those at the end of X, whatever they
        hold, for rows in the order of time: all rows that train come before them.
    early_stopping : bool, default=False
        Whether to stop when `monitor` has not improved for `n_iter_no_change` epochs. The weights of the best epoch are
        restored in any case, also when the epochs run out; with `warm_start` those that the fit begins with count, too.
    monitor : str, default="val_loss"
        Metric in `history_` that early stopping follows.
    monitor_mode : {"auto", "min", "max"}, default="auto"
        Whether a lower ("min") or a higher ("max") value of `monitor` is better. "auto" knows that of losses and of
        Keras's metrics; a metric of your own, and what a callback adds to the logs, needs it to be said.
    n_iter_no_change : int, default=10
        Epochs without improvement after which early stopping stops.
    tol : float, default=0.0001
        Least change of `monitor` that counts as an improvement.
    initial_model : estimator, keras.Model, str, path-like or None, default=None
        What the weights start from: a fitted estimator of skdeep (in `sklearn.frozen.FrozenEstimator` where it is
        cloned, as in searches), a Keras model or a .keras file. A layer starts from that of the same name if the shapes
        are the same, otherwise as the function makes it. Layers that Keras named are counted in their model.
    frozen_layers : str or sequence of str, default=()
        Names of layers whose weights stay as they are in training; `summary` tells them. A layer within a layer is
        named by itself or as "backbone/conv", a layer with others in it is for all of them, and patterns as "*norm*"
        are for all that they match. A batch normalization among them uses its moving averages in training, too.
    dtype_policy : {"float32", "float64", "mixed_bfloat16"} or None, default=None
        Keras dtype policy of the layers that the function makes without saying which. None is Keras's global one. What
        the network takes as X has the dtype of its `keras.Input`.
    **model_parameters : dict
        Arguments of the function that builds the model, also as ``model__units``, and parameters of the objects above,
        by names that start with ``optimizer__``, ``learning_rate__``, ``loss__``, ``metrics__``, ``callbacks__``,
        ``fit__``, ``compile__`` or ``predict__``. Those that start with ``first_stage__``, as ``first_stage__epochs``
        and ``first_stage__frozen_layers``, let `fit` train twice on the same rows: first with these in place of the
        parameters of the same names, and from there on with the parameters themselves. `history_` has the epochs of
        both.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), list or dict of such
        Labels in sorted order; column numbers for one-hot rows and multilabel targets. For a table of labels a list
        with those of each column, for y with names a dict.
    n_classes_ : int, list or dict of int
        Number of classes.
    history_ : dict of str to list of float
        Metrics by name, one entry an epoch; those of the validation data are named ``val_...``.
    n_iter_ : int
        Number of epochs run.
    best_epoch_ : int
        Epoch whose weights the network has, counted from 1: the last, unless a callback put others back.
    callbacks_ : list of keras.callbacks.Callback
        What the last fit used, in order, those made from classes and by functions included.
    model_ : keras.Model
        The fitted network.
    n_outputs_ : int
        1, as in scikeras; columns of a table of labels, or arrays of a y with names.
    n_outputs_expected_ : int
        Number of outputs of the model.
    target_type_ : str
        Kind of y, as `sklearn.utils.multiclass.type_of_target` calls it.
    X_shape_ : tuple of int
        Shape of X in `fit`; of several inputs a dict.
    X_dtype_ : numpy.dtype
        dtype of X in `fit`; of several inputs a dict.
    y_dtype_ : numpy.dtype
        dtype of y in `fit`.
    y_ndim_ : int
        Number of axes of y in `fit`.
    n_features_in_ : int
        Length of the second axis of X in `fit`, if it is one array.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen in `fit`, if they are all strings.

    See Also
    --------
    DNNClassifier : Dense layers, described by parameters.
    KerasRegressor : The same for numbers as targets.

    Notes
    -----
    `meta` is a dict of the attributes above, as far as they are known before training, such as
    ``meta["n_features_in_"]`` and ``meta["n_classes_"]``; `compile_kwargs` has `optimizer`, `loss` and `metrics` as
    Keras objects, for ``model.compile(**compile_kwargs)``; `params` is a dict of all parameters.

    Where a parameter from `learning_rate` on stands in the signature of the function, the function gets it, unless it
    is at its default here and has one there. It counts for training all the same, but for `initial_model`,
    `frozen_layers` and `dtype_policy`, which are then the function's alone, and for the `learning_rate` of a model that
    the function compiles.

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skdeep import KerasClassifier
    >>> def build(units, meta):
    ...     return keras.Sequential(
    ...         [
    ...             keras.Input((meta["n_features_in_"],)),
    ...             keras.layers.Dense(units, activation="relu"),
    ...             keras.layers.Dense(meta["n_classes_"], activation="softmax"),
    ...         ]
    ...     )
    >>> clf = KerasClassifier(
    ...     build,
    ...     units=16,
    ...     loss="sparse_categorical_crossentropy",
    ...     optimizer="adam",
    ...     optimizer__learning_rate=0.01,
    ...     epochs=40,
    ...     verbose=0,
    ...     random_state=0,
    ... )
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(clf, {"units": [8, 16]}, cv=3).fit(X, y)
    >>> print(search.best_score_.round(2))
    0.97
    """

    n_classes_: int
    _names_of_kind = ("class_weight", "target_encoding", "output_encoding", "target_type")
    _parameter_constraints = WRAPPER_CONSTRAINTS | {
        "class_weight": CONSTRAINTS["class_weight"],
        "target_encoding": CONSTRAINTS["target_encoding"],
        "output_encoding": [StrOptions({*OUTPUT_ENCODINGS, "auto"})],
        "target_type": [StrOptions({"auto", "one-hot", "multilabel", "multioutput", "sequence"})],
    }

    def __init__(
        self,
        model: Callable[..., Any] | keras.Model | None = None,
        *,
        build_fn: Callable[..., Any] | keras.Model | None = None,
        warm_start: bool = False,
        random_state: RandomState = None,
        optimizer: Optimizer = "rmsprop",
        loss: Losses | None = None,
        metrics: MetricsOfOutputs | None = None,
        batch_size: int | None = None,
        validation_batch_size: int | None = None,
        verbose: int = 1,
        callbacks: Callbacks | None = None,
        validation_split: float = 0.0,
        shuffle: Shuffle = True,
        run_eagerly: bool = False,
        epochs: int = 1,
        class_weight: ClassWeight | None = None,
        target_encoding: Literal["auto", "ordinal", "one-hot"] = "auto",
        output_encoding: Literal["auto", "probabilities", "logits", "margins", "numbers"] = "auto",
        target_type: Literal["auto", "one-hot", "multilabel", "multioutput", "sequence"] = "auto",
        learning_rate: LearningRate | None = None,
        loss_weights: float | Sequence[float] | Mapping[str, float] | None = None,
        validation_fraction: float | None = None,
        validation_rows: Literal["random", "last"] = "random",
        early_stopping: bool = False,
        monitor: str = "val_loss",
        monitor_mode: Literal["auto", "min", "max"] = "auto",
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        initial_model: InitialModel | None = None,
        frozen_layers: str | Sequence[str] = (),
        dtype_policy: DtypePolicy | None = None,
        **model_parameters: Any,
    ) -> None:
        self.model = model
        self.build_fn = build_fn
        self.warm_start = warm_start
        self.random_state = random_state
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = metrics
        self.batch_size = batch_size
        self.validation_batch_size = validation_batch_size
        self.verbose = verbose
        self.callbacks = callbacks
        self.validation_split = validation_split
        self.shuffle = shuffle
        self.run_eagerly = run_eagerly
        self.epochs = epochs
        self.class_weight = class_weight
        self.target_encoding = target_encoding
        self.output_encoding = output_encoding
        self.target_type = target_type
        self.learning_rate = learning_rate
        self.loss_weights = loss_weights
        self.validation_fraction = validation_fraction
        self.validation_rows = validation_rows
        self.early_stopping = early_stopping
        self.monitor = monitor
        self.monitor_mode = monitor_mode
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.initial_model = initial_model
        self.frozen_layers = frozen_layers
        self.dtype_policy = dtype_policy
        self.__dict__.update(model_parameters)

    def predict(self, X: Data, **predict_settings: Any) -> np.ndarray:
        """Predict, in the form that y had in `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, dict, NamedArrays} of shape (n_samples, ...)
            Data in the form of `fit`.
        **predict_settings : dict
            `callbacks` for Keras's own `predict`, which predicts then, with this `batch_size` and `verbose`. Otherwise
            these and `steps` are accepted for the sake of scikeras; predictions do not depend on them.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_classes), or NamedArrays
            Labels, one-hot rows, a multilabel indicator matrix or a table of labels, of the dtype of y.
        """
        return self._outputs(X, "predictions", "whole", predict_settings)

    def predict_proba(self, X: Data, **predict_settings: Any) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix, dict, NamedArrays} of shape (n_samples, ...)
            Data in the form of `fit`.
        **predict_settings : dict
            `callbacks` for Keras's own `predict`, which predicts then, with this `batch_size` and `verbose`. Otherwise
            these and `steps` are accepted for the sake of scikeras; predictions do not depend on them.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), float64, list or NamedArrays of such
            Columns in the order of `classes_`. Rows sum to 1, except for multilabel targets, whose labels are
            independent. For a table of labels a list with an array for each column; for y with names those of the
            classes among it.
        """
        return self._outputs(X, "probabilities", "by_output", predict_settings)

    def score(self, X: Data, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return how good predictions are.

        Parameters
        ----------
        X : {array-like, sparse matrix, dict, NamedArrays} of shape (n_samples, ...)
            Data in the form of `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), dict or NamedArrays
            Targets in the form of `fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            The accuracy; for a table of several labels a row is right if all its labels are. For y with names it is the
            mean of the accuracies, and for numbers of the coefficients of determination. A subclass may have a
            ``scorer(y_true, y_pred)``, which takes the place of all this.
        """
        return self._score(X, y, sample_weight, super().score)

    def _check_y(self, y, name):
        return self._checked_y(y, name, self._checked_labels, self._checked_part)

    def _checked_labels(self, y, name):
        """Return y as labels, rows of 0 and 1, or a table with classes of its own in each column."""
        if self.target_type == "sequence":
            return self._checked_sequences(y, name)
        y = np.asarray(check_y(without_missing(y, name), multi_output=True, estimator=self))
        if y.ndim == 2 and y.shape[1] > 1 and (self.target_type == "multioutput" or not is_indicator(y, name)):
            return y
        return as_target_array(y, name)

    def _checked_sequences(self, y, name):
        """Return y as labels at each place of a row."""
        if issparse(y):
            y = y.toarray()
        checks = {"allow_nd": True, "ensure_2d": False, "dtype": None}
        y = check_array(without_missing(y, name), input_name=name, estimator=self, **checks)
        if y.ndim < 2:
            raise ValueError(
                f"target_type='sequence' is for {name} with a label at each place of a row, of shape (n_samples, "
                f"n_steps) or with more axes, but {name} has shape {y.shape}."
            )
        return y

    def _checked_part(self, y, name):
        """Return a part of y as labels, rows of 0 and 1, or numbers."""
        y = np.asarray(check_y(without_missing(y, name), multi_output=True, estimator=self))
        return as_number_array(y, name) if are_numbers(y) else as_target_array(y, name)

    def _learn_targets(self, y, weight):
        return self._set_meta(y, self._targets_of(y, weight) or super()._learn_targets(y, weight))

    def _first_targets(self, y, weight, classes):
        targets = self._targets_of(y, weight, classes)
        # Without classes y has all of them, as in scikeras.
        return self._set_meta(y, targets or learn_targets(y, classes, self._row_kind()))

    def _targets_of(self, y, weight, classes=None):
        """Return targets of a `target_encoder` or of several outputs, or None of others."""
        if hasattr(type(self), "target_encoder"):
            return self._encoded_targets(y)
        if self.target_type == "sequence" and isinstance(y, np.ndarray):
            return SequenceTargets.learn(y, classes)
        is_table = isinstance(y, np.ndarray) and y.ndim == 2
        if isinstance(y, np.ndarray) and not is_table:
            return None
        if is_table and self.target_type != "multioutput" and is_indicator(y, "y"):
            return None
        return learn_several(y, weight, classes, numbers=False, scaled=False)

    def _row_kind(self):
        return self.target_type if self.target_type in ("one-hot", "multilabel") else None

    def _set_meta(self, y, targets):
        super()._set_meta(y, targets)
        if isinstance(targets, EncodedTargets):
            return targets
        if isinstance(targets, SeveralTargets):
            classes, self.n_outputs_ = self.classes_, targets.n_outputs
            counts = {key: each if each is None else len(each) for key, each in _pairs(classes)}
            self.n_classes_ = counts if isinstance(classes, dict) else list(counts.values())
            return targets
        if targets.row_kind is None and self.target_type != "auto":
            raise ValueError(f"target_type={self.target_type!r} is for rows of 0 and 1, but y has shape {y.shape}.")
        self.n_classes_, self.n_outputs_ = len(targets.classes), 1
        if self.target_type_ == "binary" and self.n_classes_ > 2:  # a part of the classes
            self.target_type_ = "multiclass"
        return targets


def _pairs(classes):
    return classes.items() if isinstance(classes, dict) else enumerate(classes)
