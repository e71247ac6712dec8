from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from skdeep._common.typing import (
    Activation,
    Activations,
    Augment,
    Callbacks,
    ClassWeight,
    DtypePolicy,
    Filters,
    Floats,
    Initializer,
    InitialModel,
    Ints,
    LearningRate,
    Loss,
    Metrics,
    Optimizer,
    RandomState,
    Shape,
    Shuffle,
)
from skdeep._estimators.built_in import ConvolutionalEstimator
from skdeep._estimators.classification import DeepClassifierMixin
from skdeep._estimators.parameters import CNN_CONSTRAINTS


class CNNClassifier(DeepClassifierMixin, ConvolutionalEstimator):
    """A convolutional network: blocks of convolutions, each ended by max-pooling, then dense layers.

    Takes images of shape (n_samples, height, width) or (n_samples, height, width, channels), or flat rows with
    `image_shape`.

    Parameters
    ----------
    conv_filters : int, sequence of int, or sequence of sequences of int, default=(32, 64)
        Filters of each convolution, block by block; max-pooling ends each block. ``((32,),)`` is one block of one
        convolution, ``((32, 64),)`` two convolutions before one pooling, ``(32, 64)`` is short for ``((32,), (64,))``.
    kernel_size : int or tuple of two int, default=3
        Height and width of every convolution's kernel, in pixels.
    conv_activation : str or callable, default="relu"
        Keras activation of every convolution.
    padding : {"same", "valid"}, default="same"
        "same" pads the borders, so that a convolution keeps the image's size; "valid" does not. With "valid", a kernel
        larger than the image that arrives is an error.
    pool_size : int or tuple of two int, default=2
        Height and width of every pooling window, in pixels. A window is at most the image that arrives, so pooling
        never shrinks an axis below one pixel, and an axis of one pixel is not pooled.
    residual : bool, default=False
        Whether what enters a block is added to what its convolutions make of it, before their last activation, with
        which networks of many layers are easier to train. Needs ``padding="same"``. Where a block changes the number of
        channels, a convolution of one pixel does it for what is added, too.
    global_pooling : {"average", "max"} or None, default=None
        What of each filter of the last block goes into the dense layers: its mean or its maximum over the image, so
        that these are few numbers whatever the size of the images. None is all its pixels.
    image_shape : tuple of (height, width) or (height, width, channels), default=None
        Shape of the images when X holds them as flat rows. None takes a flat row as an image of one row of pixels, 1 x
        n_features, with one channel.
    augment : str, keras.layers.Layer, sequence of them, dict of str to dict, or None, default=None
        Keras's random layers, such as "RandomFlip" and "RandAugment", which the images pass in training only: by name,
        as instances, or as a dict from names to arguments, ``{"RandomFlip": {"mode": "horizontal"}, "RandomRotation":
        {"factor": 0.05}}``. What they draw follows from `random_state`.
    hidden_layer_sizes : int or sequence of int, default=(128,)
        Units of each hidden layer after the convolutions, one int for one layer. ``()`` has none.
    activation : str, callable or sequence of them, default="relu"
        Keras activation of all hidden layers, or one for each.
    dropout : float or sequence of float, default=0.5
        Fraction of units dropped in training after each hidden layer, in [0, 1), or one for each layer.
    alpha : float, default=0.0
        Strength of the L2 penalty, on the scale of scikit-learn's `MLPClassifier`: to the loss is added half of alpha
        times the sum of the squares of all kernels, those of the convolutions included, divided by the rows of the
        batch; for multilabel targets also by the number of labels, over which Keras averages the loss.
    batch_normalization : bool, default=False
        Whether a batch normalization stands before the activation of each convolution and hidden layer, in place of
        its biases. Predictions and validation use its moving averages, which are those of the data from the
        first step on.
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
    kernel_initializer : str, class or keras.initializers.Initializer, default="glorot_uniform"
        Keras initializer of the weights of all layers; arguments are given with an instance. Where it has no seed of
        its own, each layer gets one that follows from `random_state`.
    bias_initializer : str, class or keras.initializers.Initializer, default="zeros"
        Keras initializer of the biases of all layers.
    initial_model : estimator, keras.Model, str, path-like or None, default=None
        What the weights start from: a fitted estimator of skdeep (in `sklearn.frozen.FrozenEstimator` where it is
        cloned, as in searches), a Keras model or a .keras file. A layer starts from that of the same name if the shapes
        are the same, otherwise as without `initial_model`, which is how a network learns other classes.
    frozen_layers : sequence of str, default=()
        Names of layers whose weights stay as they are in training, such as ``("hidden_1",)``; `summary` tells them.
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
        Passes over the training data. "auto" is as many as make 5,000 steps of the optimizer, at least 10 and at most
        200.
    batch_size : int or "auto", default="auto"
        Rows for one step of the optimizer; at most all rows. "auto" is 32 below 10,000 rows and 128 from there on.
    shuffle : bool or "blocks", default=True
        Whether each epoch takes the rows in a new random order. "blocks" is for data that is not in memory: blocks of
        512 neighbouring rows come in random order, and the rows of each four blocks are mixed.
    validation_fraction : float, default=None
        Fraction of the training data set aside for validation, in (0, 1), the same of each class. None is no
        validation, or 0.1 with early stopping.
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
        were changed. `history_` goes on, too.
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
    model_ : keras.Model
        The fitted network.
    image_shape_ : tuple of three int
        Height, width and channels of the images seen in `fit`.
    n_features_in_ : int
        Length of the second axis of X in `fit`: features of flat rows, height of images.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen in `fit`, if they are all strings.

    See Also
    --------
    DNNClassifier : Dense layers only.
    Reshape : Flat rows to images.
    ScaleToUnit : Pixels to the range from 0 to 1.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from skdeep import CNNClassifier, ScaleToUnit
    >>> digits = load_digits()
    >>> X_train, X_test, y_train, y_test = train_test_split(
    ...     digits.images, digits.target, random_state=0
    ... )
    >>> clf = make_pipeline(
    ...     ScaleToUnit(),
    ...     CNNClassifier(conv_filters=(16,), epochs=10, random_state=0),
    ... )
    >>> round(clf.fit(X_train, y_train).score(X_test, y_test), 2)
    0.96
    >>> clf[-1].image_shape_
    (8, 8, 1)
    """

    _parameter_constraints = CNN_CONSTRAINTS

    def __init__(
        self,
        conv_filters: Filters = (32, 64),
        *,
        kernel_size: Ints = 3,
        conv_activation: Activation = "relu",
        padding: Literal["same", "valid"] = "same",
        pool_size: Ints = 2,
        residual: bool = False,
        global_pooling: Literal["average", "max"] | None = None,
        image_shape: Shape | None = None,
        augment: Augment | None = None,
        hidden_layer_sizes: Ints = (128,),
        activation: Activations = "relu",
        dropout: Floats = 0.5,
        alpha: float = 0.0,
        batch_normalization: bool = False,
        output_activation: Literal["auto", "softmax", "sigmoid"] = "auto",
        loss: Loss = "auto",
        target_encoding: Literal["auto", "ordinal", "one-hot"] = "auto",
        kernel_initializer: Initializer = "glorot_uniform",
        bias_initializer: Initializer = "zeros",
        initial_model: InitialModel | None = None,
        frozen_layers: Sequence[str] = (),
        optimizer: Optimizer = "adam",
        learning_rate: LearningRate | None = None,
        metrics: Metrics = "accuracy",
        epochs: int | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        shuffle: Shuffle = True,
        validation_fraction: float | None = None,
        validation_rows: Literal["random", "last"] = "random",
        early_stopping: bool = False,
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
        self.conv_filters = conv_filters
        self.kernel_size = kernel_size
        self.conv_activation = conv_activation
        self.padding = padding
        self.pool_size = pool_size
        self.residual = residual
        self.global_pooling = global_pooling
        self.image_shape = image_shape
        self.augment = augment
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.alpha = alpha
        self.batch_normalization = batch_normalization
        self.output_activation = output_activation
        self.loss = loss
        self.target_encoding = target_encoding
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer
        self.initial_model = initial_model
        self.frozen_layers = frozen_layers
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
