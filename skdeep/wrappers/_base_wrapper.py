from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.preprocessing import FunctionTransformer

from skdeep._common.typing import Callbacks, Data, Losses, MetricsOfOutputs, Optimizer, RandomState, Shuffle
from skdeep._data.encoded_targets import EncodedTargets
from skdeep._data.validation import restored_on_error
from skdeep._estimators.keras_wrapper import WRAPPER_CONSTRAINTS
from skdeep._estimators.number_wrapper import NumberModelEstimator
from skdeep._lazy import keras


class BaseWrapper(NumberModelEstimator):
    """The base class of scikeras, for subclasses that were written for it.

    It gives what the model gives, and is neither classifier nor regressor. Unlike the other estimators it trains the
    very model that it was given, or that the function returned: so parts of it, such as the two halves of an
    autoencoder, may be estimators of their own. For new code take `KerasTransformer`, `KerasRegressor` or
    `KerasClassifier`.

    Parameters
    ----------
    model : callable, keras.Model or None, default=None
        What is trained, or a function that returns it. None is for subclasses with a method `_keras_build_fn`.
    build_fn : callable, keras.Model or None, default=None
        Old name of `model`.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit.
    random_state : int, RandomState instance or None, default=None
        Source of the initial weights, the dropout, the shuffles and the validation split.
    optimizer : str, class or keras.optimizers.Optimizer, default="rmsprop"
        Keras optimizer, for models that are not compiled yet.
    loss : str, class, callable, keras.losses.Loss or None, default=None
        Keras loss, for models that are not compiled yet.
    metrics : str, class, keras.metrics.Metric, list of them or None, default=None
        Keras metrics to follow in `history_`, for models that are not compiled yet.
    batch_size : int or None, default=None
        Rows for one step of the optimizer; None is 32, -1 is all rows.
    validation_batch_size : int or None, default=None
        Accepted for the sake of scikeras. What validation gives does not depend on it.
    verbose : int, default=1
        0 prints nothing, 1 one line an epoch.
    callbacks : keras.callbacks.Callback, class, str, function, list or dict of them, or None, default=None
        Called as by Keras's fit.
    validation_split : float, default=0.0
        Fraction of the training data set aside for validation, in [0, 1), drawn at random, unless
        ``validation_rows="last"``.
    shuffle : bool or "blocks", default=True
        Whether each epoch takes the rows in a new random order.
    run_eagerly : bool, default=False
        As in `KerasClassifier`.
    epochs : int, default=1
        Passes over the training data.
    **model_parameters : dict
        Arguments of the function that builds the model, and parameters of the objects above, as for `KerasRegressor`,
        whose other parameters are taken, too.

    Attributes
    ----------
    feature_encoder_, target_encoder_ : transformer
        What makes of X and y what the model takes: those that a subclass has as properties `feature_encoder` and
        `target_encoder`, fitted, or transformers that change nothing.
    history_ : dict of str to list of float
        Metrics by name, one entry an epoch.
    n_iter_ : int
        Number of epochs run.
    best_epoch_ : int
        Epoch whose weights the network has, counted from 1.
    callbacks_ : list of keras.callbacks.Callback
        What the last fit used, in order.
    model_ : keras.Model
        The fitted network.
    target_type_ : str
        Kind of y, as `sklearn.utils.multiclass.type_of_target` calls it.
    X_shape_ : tuple of int
        Shape of X in `fit`.
    X_dtype_ : numpy.dtype
        dtype of X in `fit`.
    y_dtype_ : numpy.dtype
        dtype of y in `fit`.
    y_ndim_ : int
        Number of axes of y in `fit`.
    n_features_in_ : int
        Length of the second axis of X in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen in `fit`, if they are all strings.

    See Also
    --------
    KerasTransformer : An autoencoder, or the features of a network.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeep.wrappers import BaseWrapper
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> X = np.eye(4)
    >>> outputs = BaseWrapper(model).initialize(X).predict(X)
    >>> print(np.allclose(outputs, model.get_weights()[0]))
    True
    """

    _parameter_constraints = WRAPPER_CONSTRAINTS
    _keeps_model = True
    _is_prepared = False
    _has_targets = True

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
        self.__dict__.update(model_parameters)

    @property
    def feature_encoder(self) -> Any:
        """Transformer that makes of X what the model takes; not fitted."""
        return FunctionTransformer()

    @property
    def target_encoder(self) -> Any:
        """Transformer that makes of y what the model takes, and back; not fitted."""
        return FunctionTransformer()

    def initialize(self, X: Data, y: ArrayLike | None = None) -> Self:
        """Build the model for X and y without any training.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, ...)
            Data in the form that `predict` will get.
        y : array-like of shape (n_samples, ...), default=None
            Targets; None for a model that is not trained.

        Returns
        -------
        self : estimator
            The estimator, which can predict.
        """
        self._initialize(X, y)
        return self

    def _initialize(self, X, y=None):
        """Build the model, and return X and y to train on; a subclass may do more, and return others."""
        self._has_targets = y is not None
        super().initialize(X, np.zeros(X.shape[0]) if y is None else y)
        return X, y

    def fit(self, X: Data, y: Any = None, sample_weight: ArrayLike | None = None, **kwargs: Any) -> Self:
        """Build the model and train it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, ...)
            Training data.
        y : array-like of shape (n_samples, ...)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss, as in Keras's fit.
        **kwargs : dict
            As for `KerasRegressor.fit`.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        with restored_on_error(self):
            if not (self.warm_start and self.initialized_):
                X, y = self._initialize(X, y)
            self._is_prepared = True
            super().fit(X, y, sample_weight, **kwargs)
            self._is_prepared = False
        return self

    def predict(self, X: Data, **predict_settings: Any) -> Any:
        """Give what the model gives, as `target_encoder_` brings it back.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, ...)
            Data in the form of `fit`.
        **predict_settings : dict
            `batch_size`, `verbose`, `steps` and `callbacks`, accepted for the sake of scikeras.

        Returns
        -------
        outputs : ndarray of shape (n_samples, ...), or list or dict of them
            The outputs of the model, float32.
        """
        return self._outputs(X, "predictions", "whole", predict_settings)

    def _encoded_targets(self, y):
        self.target_encoder_ = self.target_encoder.fit(y)
        return EncodedTargets(self.target_encoder_, are_used=self._has_targets)

    def _make_network(self, row_shape, targets, n_rows, rng):
        if self._is_prepared and not self.warm_start:
            return self._network
        return super()._make_network(row_shape, targets, n_rows, rng)
