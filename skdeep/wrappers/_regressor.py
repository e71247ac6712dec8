from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

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
from skdeep._estimators.keras_wrapper import WRAPPER_CONSTRAINTS
from skdeep._estimators.number_wrapper import NumberModelEstimator
from skdeep._estimators.parameters import REGRESSOR_CONSTRAINTS
from skdeep._lazy import keras


class KerasRegressor(RegressorMixin, NumberModelEstimator):
    """A regressor around a Keras model of your own.

    It takes what `scikeras.wrappers.KerasRegressor` takes, and trains it as skdeep trains its own networks. The model
    learns y as it is, in its own unit, unless `scale_targets` is set.

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
        Passes over the training data.
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
        ``fit__``, ``compile__`` or ``predict__``. Those that start with ``first_stage__``, as ``first_stage__epochs``
        and ``first_stage__frozen_layers``, let `fit` train twice on the same rows: first with these in place of the
        parameters of the same names, and from there on with the parameters themselves. `history_` has the epochs of
        both.

    Attributes
    ----------
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
        Number of columns of y.
    n_outputs_expected_ : int
        Number of outputs of the model that y has names for, otherwise 1.
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
    DNNRegressor : Dense layers, described by parameters.
    KerasClassifier : The same for classes as targets.

    Notes
    -----
    `meta` is a dict of the attributes above, as far as they are known before training, such as
    ``meta["n_features_in_"]`` and ``meta["n_outputs_"]``; `compile_kwargs` has `optimizer`, `loss` and `metrics` as
    Keras objects, for ``model.compile(**compile_kwargs)``; `params` is a dict of all parameters.

    Where a parameter from `learning_rate` on stands in the signature of the function, the function gets it, unless it
    is at its default here and has one there. It counts for training all the same, but for `initial_model`,
    `frozen_layers` and `dtype_policy`, which are then the function's alone, and for the `learning_rate` of a model that
    the function compiles.

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import make_regression
    >>> from skdeep import KerasRegressor
    >>> def build(units, meta):
    ...     return keras.Sequential(
    ...         [
    ...             keras.Input((meta["n_features_in_"],)),
    ...             keras.layers.Dense(units, activation="relu"),
    ...             keras.layers.Dense(meta["n_outputs_"]),
    ...         ]
    ...     )
    >>> X, y = make_regression(500, 5, random_state=0)
    >>> reg = KerasRegressor(
    ...     build,
    ...     units=32,
    ...     loss="mse",
    ...     scale_targets=True,
    ...     optimizer__learning_rate=0.01,
    ...     epochs=30,
    ...     verbose=0,
    ...     random_state=0,
    ... )
    >>> round(reg.fit(X, y).score(X, y), 2)
    1.0
    """

    _names_of_kind = ("scale_targets",)
    _parameter_constraints = WRAPPER_CONSTRAINTS | {"scale_targets": REGRESSOR_CONSTRAINTS["scale_targets"]}

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
        y : ndarray of shape (n_samples,), (n_samples, n_outputs) or with more axes, float64, or NamedArrays of such
            Numbers in the unit of y.
        """
        return self._outputs(X, "predictions", "whole", predict_settings)

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
            The coefficient of determination, for y with names the mean of those. A subclass may have a
            ``scorer(y_true, y_pred)``, which takes the place of it.
        """
        return self._score(X, y, sample_weight, self._r2_score)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
