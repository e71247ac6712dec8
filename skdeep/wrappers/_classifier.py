from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from skdeep._common.private_sklearn import StrOptions
from skdeep._common.typing import Callbacks, ClassWeight, Data, Loss, Metrics, Optimizer, RandomState, Shuffle
from skdeep._data.class_targets import learn_targets
from skdeep._data.heads import OUTPUT_ENCODINGS
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
        What is trained. A function returns a `keras.Model` with one input and one output, compiled or not; its own
        arguments are further parameters of the estimator (see `model_parameters`), and it may also take `meta`,
        `compile_kwargs` and `params`. Of a `keras.Model` each fit trains a copy, from the weights that it has. None is
        for subclasses with a method `_keras_build_fn`, which takes the place of the function.
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
    loss : str, class, callable, keras.losses.Loss or None, default=None
        Keras loss, for models that the function does not compile itself, and in `compile_kwargs`. It gets the targets
        in the form that it takes; for losses of your own see `target_encoding`.
    metrics : str, class, keras.metrics.Metric, list of them or None, default=None
        Keras metrics to follow in `history_`, beside the loss, for models that the function does not compile itself.
    batch_size : int or None, default=None
        Rows for one step of the optimizer; None is 32, -1 is all rows.
    validation_batch_size : int or None, default=None
        Accepted for the sake of scikeras. What validation gives does not depend on it.
    verbose : int, default=1
        0 prints nothing, 1 one line an epoch.
    callbacks : keras.callbacks.Callback, class, function, list or dict of them, or None, default=None
        Called as by Keras's fit. Objects are used themselves; clones and copies have copies of them, without the model.
        A function without arguments is called for each fit and returns a callback or a list of them. A class takes
        routed parameters: ``callbacks=ReduceLROnPlateau, callbacks__monitor="loss"``, in a list by number, in a dict by
        name: ``callbacks={"plateau": ReduceLROnPlateau}, callbacks__plateau__monitor="loss"``.
    validation_split : float, default=0.0
        Fraction of the training data set aside for validation, in [0, 1), the same of each class. Unlike
        Keras, which takes the last rows, skdeep draws them at random.
    shuffle : bool or "blocks", default=True
        Whether each epoch takes the rows in a new random order. "blocks" is for data that is not in memory: blocks of
        512 neighbouring rows come in random order, and the rows of each four blocks are mixed.
    run_eagerly : bool, default=False
        Accepted for the sake of scikeras; True is an error, since training is a compiled loop.
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
    target_type : {"auto", "one-hot", "multilabel"}, default="auto"
        What rows of 0 and 1 in y are. "auto" takes them as one-hot if each has a single 1, otherwise as multilabel.
    **model_parameters : dict
        Arguments of the function that builds the model, also as ``model__units``, and parameters of the objects above,
        by names that start with ``optimizer__``, ``loss__``, ``metrics__``, ``callbacks__`` or ``fit__``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels in sorted order; column numbers for one-hot rows and multilabel targets.
    n_classes_ : int
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
        1, as in scikeras.
    n_outputs_expected_ : int
        Number of outputs of the model, 1.
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
    DNNClassifier : Dense layers, described by parameters.
    KerasRegressor : The same for numbers as targets.

    Notes
    -----
    `meta` is a dict of the attributes above, as far as they are known before training, such as
    ``meta["n_features_in_"]`` and ``meta["n_classes_"]``; `compile_kwargs` has `optimizer`, `loss` and `metrics` as
    Keras objects, for ``model.compile(**compile_kwargs)``; `params` is a dict of all parameters.

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
    >>> bool(search.best_score_ > 0.8)
    True
    """

    n_classes_: int
    _names_of_kind = ("class_weight", "target_encoding", "output_encoding", "target_type")
    _parameter_constraints = WRAPPER_CONSTRAINTS | {
        "class_weight": CONSTRAINTS["class_weight"],
        "target_encoding": CONSTRAINTS["target_encoding"],
        "output_encoding": [StrOptions({*OUTPUT_ENCODINGS, "auto"})],
        "target_type": [StrOptions({"auto", "one-hot", "multilabel"})],
    }

    def __init__(
        self,
        model: Callable[..., Any] | keras.Model | None = None,
        *,
        build_fn: Callable[..., Any] | keras.Model | None = None,
        warm_start: bool = False,
        random_state: RandomState = None,
        optimizer: Optimizer = "rmsprop",
        loss: Loss | None = None,
        metrics: Metrics | None = None,
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
        target_type: Literal["auto", "one-hot", "multilabel"] = "auto",
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
        self.__dict__.update(model_parameters)

    def predict(self, X: Data, **predict_settings: Any) -> np.ndarray:
        """Predict, in the form that y had in `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, ...)
            Data in the form of `fit`.
        **predict_settings : dict
            `batch_size`, `verbose`, `steps` and `callbacks`, accepted for the sake of scikeras. Predictions do not
            depend on them.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Labels, one-hot rows or a multilabel indicator matrix, of the dtype of y.
        """
        self._check_predict_settings(predict_settings)
        return super().predict(X)

    def predict_proba(self, X: Data, **predict_settings: Any) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, ...)
            Data in the form of `fit`.
        **predict_settings : dict
            `batch_size`, `verbose`, `steps` and `callbacks`, accepted for the sake of scikeras. Predictions do not
            depend on them.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), float64
            Columns in the order of `classes_`. Rows sum to 1, except for multilabel targets, whose labels are
            independent.
        """
        self._check_predict_settings(predict_settings)
        return super().predict_proba(X)

    def _learn_targets(self, y, weight):
        return self._set_meta(y, super()._learn_targets(y, weight))

    def _first_targets(self, y, weight, classes):
        targets = learn_targets(y, classes, self._row_kind())  # without classes y has all of them, as in scikeras
        return self._set_meta(y, targets)

    def _row_kind(self):
        return None if self.target_type == "auto" else self.target_type

    def _set_meta(self, y, targets):
        if targets.row_kind is None and self.target_type != "auto":
            raise ValueError(f"target_type={self.target_type!r} is for rows of 0 and 1, but y has shape {y.shape}.")
        super()._set_meta(y, targets)
        self.n_classes_, self.n_outputs_ = len(targets.classes), 1
        if self.target_type_ == "binary" and self.n_classes_ > 2:  # a part of the classes
            self.target_type_ = "multiclass"
        return targets
