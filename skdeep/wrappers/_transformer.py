from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_array
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdeep._common.private_sklearn import Interval, StrOptions, fit_context
from skdeep._common.typing import (
    Callbacks,
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
from skdeep._data.encoded_targets import EncodedTargets
from skdeep._data.rows import Rows
from skdeep._data.validation import with_validation_data
from skdeep._estimators.keras_wrapper import WRAPPER_CONSTRAINTS
from skdeep._estimators.number_wrapper import NumberModelEstimator
from skdeep._estimators.parameters import REGRESSOR_CONSTRAINTS
from skdeep._lazy import keras


class KerasTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, NumberModelEstimator):
    """A transformer around a Keras model of your own: an autoencoder, or the features of a network.

    `transform` gives the outputs of one of its layers. The model learns to give X again, or y if `target` says so.

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
        Keras loss, for models that the function does not compile itself, and in `compile_kwargs`. Targets are given to
        it in shape (n_samples, n_outputs). None, or "auto", is the squared error, also for a model that is compiled
        without a loss.
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
        Fraction of the training data set aside for validation, in [0, 1). Unlike Keras, which
        takes the last rows, skdeep draws them at random, unless ``validation_rows="last"``.
    shuffle : bool or "blocks", default=True
        Whether each epoch takes the rows in a new random order. "blocks" is for data that is not in memory: blocks of
        512 neighbouring rows come in random order, and the rows of each four blocks are mixed.
    run_eagerly : bool, default=False
        Whether training and predictions run the Python code of the model in each step, where it can print and stop at
        breakpoints. Otherwise TensorFlow traces it once, which is much faster.
    epochs : int, default=1
        Passes over the training data; 0 takes the model as it is, for one that is trained already.
    layer : str, default=None
        Name of the layer whose outputs `transform` gives; None is the last one. `summary` tells the names; layers that
        Keras named are counted in their model: "dense", "dense_1" and so on.
    target : {"X", "y"}, default="X"
        What the model learns to give. "X" makes it an autoencoder, and a y, which a pipeline hands on, is not used. "y"
        are numbers of any shape, such as clean images for noisy ones.
    scale_targets : bool, default=False
        Whether the model learns y minus its mean, divided by its standard deviation, column by column; `predict` goes
        the way back. The loss and the metrics in `history_` are then those of the scaled y.
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
        ``fit__`` or ``compile__``. Those that start with ``first_stage__``, as ``first_stage__epochs`` and
        ``first_stage__frozen_layers``, let `fit` train twice on the same rows: first with these in place of the
        parameters of the same names, and from there on with the parameters themselves. `history_` has the epochs of
        both.

    Attributes
    ----------
    history_ : dict of str to list of float
        Metrics by name, one entry an epoch; those of the validation data are named ``val_...``.
    n_iter_ : int
        Number of epochs run.
    best_epoch_ : int
        Epoch whose weights the network has, counted from 1: with early stopping, also by a callback, the best,
        otherwise the last.
    callbacks_ : list of keras.callbacks.Callback
        What the last fit used, in order, those made from classes and by functions included.
    model_ : keras.Model
        The fitted network.
    n_outputs_ : int
        Number of columns of y, or of X.
    n_outputs_expected_ : int
        Number of outputs of the model, 1.
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
    KerasRegressor : Predicts numbers.
    KerasClassifier : Predicts classes.

    Notes
    -----
    `meta`, `compile_kwargs` and `params` are as in `KerasRegressor`, and so is what a function gets whose signature has
    a name of the parameters from `learning_rate` on.

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import KerasTransformer
    >>> def autoencoder(meta, n_components):
    ...     n_features = meta["n_features_in_"]
    ...     layers = [
    ...         keras.Input((n_features,)),
    ...         keras.layers.Dense(32, activation="relu"),
    ...         keras.layers.Dense(n_components, name="code"),
    ...         keras.layers.Dense(32, activation="relu"),
    ...         keras.layers.Dense(n_features, activation="sigmoid"),
    ...     ]
    ...     return keras.Sequential(layers)
    >>> X = load_digits().data / 16
    >>> encoder = KerasTransformer(
    ...     autoencoder,
    ...     n_components=8,
    ...     layer="code",
    ...     optimizer="adam",
    ...     epochs=30,
    ...     verbose=0,
    ...     random_state=0,
    ... )
    >>> codes = encoder.fit_transform(X)
    >>> codes.shape
    (1797, 8)
    >>> encoder.inverse_transform(codes).shape
    (1797, 64)
    """

    _names_of_kind = ("scale_targets", "layer", "target")
    _predict_settings = ("batch_size", "verbose", "steps")
    _parameter_constraints = WRAPPER_CONSTRAINTS | {
        "scale_targets": REGRESSOR_CONSTRAINTS["scale_targets"],
        "epochs": [Interval(Integral, 0, None, closed="left")],
        "layer": [str, None],
        "target": [StrOptions({"X", "y"})],
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
        layer: str | None = None,
        target: Literal["X", "y"] = "X",
        scale_targets: bool = False,
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
        self.layer = layer
        self.target = target
        self.scale_targets = scale_targets
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

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Data,
        y: ArrayLike | None = None,
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
            Training data; rows of any shape that the model takes. Never changed.
        y : array-like of shape (n_samples, ...), default=None
            What the model is to give where ``target="y"``; otherwise not used.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss, as in Keras's fit. A row of weight 0 is left out.
        X_val : {array-like, sparse matrix}, default=None
            Validation data in the form of X. `validation_split` is not used then.
        y_val : array-like, default=None
            Validation targets in the form of y where ``target="y"``; otherwise not used.
        sample_weight_val : array-like, default=None
            Weights of the validation rows.
        validation_data : tuple, default=None
            The same as in Keras: ``(X_val, y_val)`` or ``(X_val, y_val, sample_weight_val)``, in place of these.
        **fit_settings : dict
            Settings of this fit alone, as for `KerasRegressor.fit`.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            If a parameter, an array or the model is not what it must be; the message names it. What an earlier `fit`
            learned is kept.
        """
        if validation_data is None and X_val is None:
            validation_data = self._fit_setting("validation_data", {})
        if validation_data is not None:
            held_out = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
            X_val, y_val, sample_weight_val = with_validation_data(held_out, validation_data).values()
        held_out = {"y_val": y_val if X_val is None else self._target_of(X_val, y_val, "y_val")}
        y = self._target_of(X, y, "y")
        if self._fit_setting("epochs", fit_settings) == 0:
            return self.initialize(X, y)
        held_out |= {"X_val": X_val, "sample_weight_val": sample_weight_val}
        return super().fit(X, y, sample_weight, **held_out, **fit_settings)

    def partial_fit(self, X: Data, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> Self:
        """Train for one more epoch on X, from where the last `fit` or `partial_fit` ended.

        Parameters
        ----------
        X : {array-like, sparse matrix, dict, NamedArrays} of shape (n_samples, ...)
            Training data in the form of earlier calls.
        y : array-like of shape (n_samples, ...), default=None
            What the model is to give where ``target="y"``; otherwise not used.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : estimator
            The trained estimator.
        """
        return super().partial_fit(X, self._target_of(X, y, "y"), sample_weight)

    def _target_of(self, X, y, name):
        """Return what the model learns to give."""
        if self.target == "X":
            return X.toarray() if issparse(X) else X
        if y is None:
            raise ValueError(f"target='y' needs {name}, but it is None.")
        return y

    def _learn_targets(self, y, weight):
        if self._fit_setting("epochs", {}) == 0:  # nothing is learned, so the outputs may be any
            return self._set_meta(y, EncodedTargets(FunctionTransformer(), are_used=False))
        return super()._learn_targets(y, weight)

    def _warn_of_units(self, X, y, network):
        if self.target == "y":
            super()._warn_of_units(X, y, network)

    def transform(self, X: Data) -> np.ndarray:
        """Give the outputs of `layer`.

        Parameters
        ----------
        X : {array-like, sparse matrix, dict, NamedArrays} of shape (n_samples, ...)
            Data in the form of `fit`.

        Returns
        -------
        outputs : ndarray of shape (n_samples, n_units), or with more axes, float32
            In float64 if the network computes so.
        """
        check_is_fitted(self)
        network = self._network
        X = self._validate_X(X, reset=False, dtype=network.value_dtype)
        rows = Rows(X, self._row_shape(X, reset=False), network.dtypes(X))
        return network.apply_part(rows, None, self.layer)

    @available_if(lambda self: self.layer is not None)
    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Give what the model makes of outputs of `layer`, if that is given.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_units), or with more axes
            Outputs of the layer, as `transform` gives them.

        Returns
        -------
        predictions : ndarray in the form of y in `fit`, float64
            For an autoencoder what is closest to the original rows.
        """
        check_is_fitted(self)
        X = check_array(X, dtype=self._network.dtype, allow_nd=True, input_name="X", estimator=self)
        outputs = self._network.apply_part(Rows(X, X.shape[1:], self._network.dtype), self.layer, None)
        head = self._network.head
        return self._targets.whole(head, self._targets.predictions(head, outputs))

    def score(self, X: Data, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> float:
        """Return how near the model comes to X, or to y.

        Parameters
        ----------
        X : {array-like, sparse matrix, dict, NamedArrays} of shape (n_samples, ...)
            Data in the form of `fit`.
        y : array-like, default=None
            What the model is to give where ``target="y"``; otherwise not used.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            The coefficient of determination of all columns together, each weighed by its variance: for an autoencoder
            the share of the variance of X that it keeps.
        """
        score = functools.partial(self._r2_score, multioutput="variance_weighted")
        return self._score(X, self._target_of(X, y, "y"), sample_weight, score)

    @property
    def _n_features_out(self):
        return self._network.part_width(self.layer)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.transformer_tags.preserves_dtype = []  # the network computes in its own
        return tags
