from __future__ import annotations

from typing import Any, Literal

from numpy.typing import ArrayLike

from skdeep._common.typing import (
    Activations,
    Callbacks,
    ClassWeight,
    DtypePolicy,
    Floats,
    Ints,
    LearningRate,
    Loss,
    Metrics,
    Optimizer,
    RandomState,
    Shuffle,
)
from skdeep._estimators.classification import DeepClassifierMixin
from skdeep._estimators.parameters import TABLE_CONSTRAINTS
from skdeep._estimators.table import TableEstimator
from skdeep.preprocessing import TableEncoder


class TableClassifier(DeepClassifierMixin, TableEstimator):
    """Deep networks side by side for tables as they are: numbers, strings, categories and missing values.

    Takes data frames and arrays. A `TableEncoder` makes numbers of the columns; those that were numbers pass through
    periodic functions as well, whose frequencies are learned. Behind these stand several networks, trained at once,
    each by its own loss, and the probability of a class is the mean of theirs.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100, 50)
        Units of each hidden layer of each network, one int for one layer. ``()`` has none: linear
        in the columns and what the embedding makes of them.
    n_networks : int, default=8
        How many networks there are.
    activation : str, callable or sequence of them, default="relu"
        Keras activation of all hidden layers, or one for each.
    dropout : float or sequence of float, default=0.1
        Fraction of units dropped in training after each hidden layer, in [0, 1), or one for each layer.
    embedding_size : int, default=4
        How many values each number gives beside itself: linear combinations of the cosines of its frequencies, the same
        for all networks. 0 is none.
    n_frequencies : int, default=16
        Frequencies of each number.
    frequency_init_scale : float, default=0.3
        Standard deviation of the frequencies before training, in cycles for one standard deviation of a number. Larger
        ones let `predict` change more within short distances.
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Which columns are categories: those of strings and of pandas's or polars's categories, or a mask, indices or
        names. None says that all hold numbers.
    max_categories : int or None, default=100
        Most input columns for the categories of one column: the rarest share one. None sets no limit.
    alpha : float, default=0.0
        Strength of the L2 penalty: to the loss of each network is added half of alpha times the sum of the squares of
        its kernels, divided by the rows of the batch. The embedding has none.
    output_activation : {"auto", "softmax", "sigmoid"}, default="auto"
        Activation of the output layer. "auto" is one sigmoid unit for two classes, softmax for more, and one sigmoid
        unit a label for multilabel targets. "sigmoid" says that rows of 0 and 1 in y are multilabel, "softmax" that
        they are one-hot; for "auto" they are one-hot if each has a single 1. "sigmoid" for labels of more than two
        classes is one sigmoid unit a class, whose outputs are scaled to sum to 1 as probabilities.
    loss : str, class, callable or keras.losses.Loss, default="auto"
        "auto" is the cross-entropy that fits the targets. Any Keras loss is taken by name, class or object, and gets
        the targets in the form that it takes. For losses of your own see `target_encoding`.
    target_encoding : {"auto", "ordinal", "one-hot"}, default="auto"
        What the loss gets as targets: "ordinal" is class numbers, in a column; "one-hot" is rows with a 1 in the column
        of the class. "auto" is what a loss of Keras takes, and for a loss of your own (a function, class or object)
        one-hot rows. One sigmoid unit for two classes gets a column of 0 and 1, unless "one-hot" gives two classes an
        output each.
    optimizer : str, class or keras.optimizers.Optimizer, default="adam"
        Keras optimizer. Each fit makes a fresh one. A name or class takes routed parameters:
        ``optimizer="sgd", optimizer__momentum=0.9``.
    learning_rate : float, str, class or keras.optimizers.schedules.LearningRateSchedule, default=None
        Step size of the optimizer. None is the default of Keras, 0.001 for Adam and 0.01 for SGD.
        "cosine", "exponential", "one_cycle" and "plateau" let it fall from there in the course of a fit, by routed
        parameters: ``learning_rate="cosine", learning_rate__max=0.01, learning_rate__warmup=0.1``.
    metrics : str, class, keras.metrics.Metric or list of them, default="accuracy"
        Keras metrics to follow in `history_`, beside the loss; ``[]`` for none.
    epochs : int or "auto", default="auto"
        Passes over the training data, at most if training stops early. "auto" is 100.
    batch_size : int or "auto", default="auto"
        Rows for one step of the optimizer; at most all rows. "auto" is 32 below 1,000 rows and 128 from there on.
    shuffle : bool or "blocks", default=True
        Whether each epoch takes the rows in a new random order. "blocks" is for data that is not in memory: blocks of
        512 neighbouring rows come in random order, and the rows of each four blocks are mixed.
    validation_fraction : float, default=None
        Fraction of the training data set aside for validation, in (0, 1), the same of each class. None is no
        validation, or 0.1 with early stopping.
    validation_rows : {"random", "last"}, default="random"
        Which rows are set aside for validation. "random" draws them. "last" takes those at the end of X, whatever they
        hold, for rows in the order of time: all rows that train come before them.
    early_stopping : bool or "auto", default="auto"
        Whether to stop when `monitor` has not improved for `n_iter_no_change` epochs. The weights of the best epoch are
        restored in any case, also when the epochs run out; with `warm_start` those that the fit begins with count, too.
        "auto" does so where ``epochs="auto"`` and there are 500 rows or `X_val`, but not in `partial_fit`.
    monitor : str, default="val_loss"
        Metric in `history_` that early stopping follows.
    monitor_mode : {"auto", "min", "max"}, default="auto"
        Whether a lower ("min") or a higher ("max") value of `monitor` is better. "auto" knows that of losses and of
        Keras's metrics; a metric of your own, and what a callback adds to the logs, needs it to be said.
    n_iter_no_change : int, default=10
        Epochs without improvement after which early stopping stops.
    tol : float, default=0.0001
        Least change of `monitor` that counts as an improvement.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, by label; a label that is missing has weight 1. "balanced" weighs each class inversely
        to its number of rows. They multiply with `sample_weight`. In `fit` the products are scaled to a mean of 1, so
        that only their proportions matter; they weigh the metrics, too.
    callbacks : keras.callbacks.Callback, class, str, function, list or dict of them, or None, default=None
        Called as by Keras's fit. Objects are used themselves; clones and copies have copies of them, without the model.
        A function without arguments is called for each fit and returns a callback or a list of them. A class, or the
        name of one, takes routed parameters: ``callbacks="ReduceLROnPlateau", callbacks__monitor="loss"``, in a list by
        number, in a dict by name.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit, and from the optimizer's state unless its parameters
        were changed. `history_` goes on, too. What was learned of the columns stays, here and in `partial_fit`: a
        category that the first call did not see has no input.
    dtype_policy : {"float32", "float64", "mixed_bfloat16"}, default="float32"
        Keras dtype policy of the layers: in what precision the network computes. With "mixed_bfloat16" the hidden
        layers compute in bfloat16, which is quicker for large networks on processors that have it (AVX512-BF16 or AMX)
        and slow on others; weights, output layer, losses and predictions are float32.
    random_state : int, RandomState instance or None, default=None
        Source of the initial weights, the dropout, the shuffles and the validation split. An int makes every fit the
        same, bit for bit, on the same kind of machine.
    verbose : int, default=0
        0 prints nothing, 1 one line an epoch.
    **routed : dict
        Parameters of the objects above, by names that start with ``optimizer__``, ``learning_rate__``,
        ``loss__``, ``metrics__`` or ``callbacks__``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels in sorted order; column numbers for one-hot rows and multilabel targets.
    history_ : dict of str to list of float
        Metrics by name, one entry an epoch; those of the validation data are named ``val_...``.
    n_iter_ : int
        Number of epochs run.
    best_epoch_ : int
        Epoch whose weights the network has, counted from 1: with early stopping, also by a callback, the best,
        otherwise the last.
    callbacks_ : list of keras.callbacks.Callback
        What the last fit used, in order, those made from classes and by functions included.
    preprocessor_ : TableEncoder
        What makes numbers of the columns; its `get_feature_names_out` names the inputs of the network.
    model_ : keras.Model
        The fitted networks as one model, which takes what `preprocessor_` makes.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns seen in `fit`, if they are all strings.

    See Also
    --------
    DNNClassifier : One network for arrays of numbers.
    TableEncoder : What makes numbers of the columns.

    References
    ----------
    Gorishniy et al., "On embeddings for numerical features in tabular deep learning", NeurIPS 2022; "TabM: advancing
    tabular deep learning with parameter-efficient ensembling", ICLR 2025.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skdeep import TableClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(
    ...     {
    ...         "age": rng.integers(18, 80, 600),
    ...         "city": rng.choice(["Bonn", "Ulm"], 600),
    ...     }
    ... )
    >>> y = np.where((X["age"] > 40) & (X["city"] == "Ulm"), "yes", "no")
    >>> X.loc[::50, "age"] = None
    >>> clf = TableClassifier(random_state=0).fit(X[:400], y[:400])
    >>> clf.score(X[400:], y[400:]) > 0.95
    True
    >>> clf.preprocessor_.get_feature_names_out().tolist()
    ['age', 'missing_age', 'city_Bonn', 'city_Ulm']
    """

    _parameter_constraints = TABLE_CONSTRAINTS

    def __init__(
        self,
        hidden_layer_sizes: Ints = (100, 50),
        *,
        n_networks: int = 8,
        activation: Activations = "relu",
        dropout: Floats = 0.1,
        embedding_size: int = 4,
        n_frequencies: int = 16,
        frequency_init_scale: float = 0.3,
        categorical_features: ArrayLike | str | None = "from_dtype",
        max_categories: int | None = 100,
        alpha: float = 0.0,
        output_activation: Literal["auto", "softmax", "sigmoid"] = "auto",
        loss: Loss = "auto",
        target_encoding: Literal["auto", "ordinal", "one-hot"] = "auto",
        optimizer: Optimizer = "adam",
        learning_rate: LearningRate | None = None,
        metrics: Metrics = "accuracy",
        epochs: int | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        shuffle: Shuffle = True,
        validation_fraction: float | None = None,
        validation_rows: Literal["random", "last"] = "random",
        early_stopping: bool | Literal["auto"] = "auto",
        monitor: str = "val_loss",
        monitor_mode: Literal["auto", "min", "max"] = "auto",
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        class_weight: ClassWeight | None = None,
        callbacks: Callbacks | None = None,
        warm_start: bool = False,
        dtype_policy: DtypePolicy = "float32",
        random_state: RandomState = None,
        verbose: int = 0,
        **routed: Any,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_networks = n_networks
        self.activation = activation
        self.dropout = dropout
        self.embedding_size = embedding_size
        self.n_frequencies = n_frequencies
        self.frequency_init_scale = frequency_init_scale
        self.categorical_features = categorical_features
        self.max_categories = max_categories
        self.alpha = alpha
        self.output_activation = output_activation
        self.loss = loss
        self.target_encoding = target_encoding
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.metrics = metrics
        self.epochs = epochs
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.validation_fraction = validation_fraction
        self.validation_rows = validation_rows
        self.early_stopping = early_stopping
        self.monitor = monitor
        self.monitor_mode = monitor_mode
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.class_weight = class_weight
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.dtype_policy = dtype_policy
        self.random_state = random_state
        self.verbose = verbose
        self._set_routed(routed)

    def _new_preprocessor(self):
        return TableEncoder(
            categorical_features=self.categorical_features,
            max_categories=self.max_categories,
            dtype=self._value_dtype(),
        )
