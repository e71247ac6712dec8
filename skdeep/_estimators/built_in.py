"""The networks that skdeep brings along, for whatever y: their parameters, from which a network is built and trained.

`BuiltInEstimator` is the base of `DenseEstimator` and `ConvolutionalEstimator`, and these are the bases of the public
estimators, each beside the mixin for its kind of y.
"""

import math
from abc import abstractmethod
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_array

from skdeep._common.numbers import plain_number, value_dtype
from skdeep._common.user_warnings import warn
from skdeep._data.objectives import keras_name
from skdeep._data.row_source import is_row_source
from skdeep._data.scales import trouble_with_table
from skdeep._estimators.base import BaseDeepEstimator
from skdeep._estimators.learning_rates import of_optimizer, schedule_settings
from skdeep._estimators.parameters import COMPILE_PREFIXES, RoutedParameters, routed_parameters
from skdeep._estimators.run import TrainingSettings
from skdeep._networks import builders
from skdeep._networks.built_in import Architecture, BuiltInSpecification
from skdeep._networks.network import Network
from skdeep._networks.pretrained import initial_weights, start_from

# epochs="auto" is about this many steps of the optimizer, within these bounds.
_AUTO_STEPS = 5000
_MIN_AUTO_EPOCHS, _MAX_AUTO_EPOCHS = 10, 200


class BuiltInEstimator(RoutedParameters, BaseDeepEstimator):
    """Base class of the estimators whose parameters describe the network."""

    @abstractmethod
    def _architecture(self, row_shape, head, l2):
        """Return the `Architecture` that builds the network, with this strength of L2 penalties."""

    def _make_network(self, row_shape, targets, n_rows, rng):
        routed = routed_parameters(self, *COMPILE_PREFIXES)
        head = self._choose_head(targets, routed)
        names = ("optimizer", "metrics", "dtype_policy")
        settings = {name: getattr(self, name) for name in names} | of_optimizer(self)
        settings |= {"loss": head.loss} | routed | self._loss_settings(targets)
        settings = {name: plain_number(value) for name, value in settings.items()}
        initializers = self._initializers()
        batch_rows = min(self._batch_size(n_rows), n_rows)
        l2 = float(self.alpha) * targets.penalty_factor(head.loss) / batch_rows
        # Before, since the new network may get the program of the estimator whose weights these are.
        weights = self._first_weights()
        architecture = self._architecture(row_shape, head, l2)
        specification = BuiltInSpecification(architecture, initializers, settings, head.encoding, batch_rows)
        recipe = specification.recipe
        steps = None if recipe is None else recipe.steps()
        network = Network(specification, head, specification.leased(rng), steps)
        if weights is not None:
            with network.in_use() as program:
                start_from(program.model, weights)
        return network

    def _loss_settings(self, targets):
        """Return the arguments of the loss that follow from what is to be told of y, as routed parameters."""
        return {}

    def _initializers(self):
        """Return the initializers of kernels and biases."""
        return {"kernel": self.kernel_initializer, "bias": self.bias_initializer}

    def _first_weights(self):
        """Return the weights that layers start from by their names, or None."""
        return None if self.initial_model is None else initial_weights(self.initial_model)

    def _choose_head(self, targets, routed):
        metrics = list(self.metrics) if isinstance(self.metrics, (list, tuple)) else [self.metrics]
        metrics = [metric for metric in metrics if metric is not None]
        # Label smoothing needs one-hot targets, and what the user's own metrics take one-hot targets by default.
        one_hot = any(name.startswith("loss__") for name in routed) or not all(map(keras_name, metrics))
        encoding = getattr(self, "target_encoding", "auto")  # regressors have none
        return targets.choose_head(self.output_activation, self.loss, metrics, encoding, one_hot=one_hot)

    def _shared_parameters(self, head, l2):
        """Return the arguments that all builders take."""
        names = ("hidden_layer_sizes", "activation", "dropout", "batch_normalization", "dtype_policy")
        values = {name: getattr(self, name) for name in names}
        frozen = (self.frozen_layers,) if isinstance(self.frozen_layers, str) else tuple(self.frozen_layers)
        return values | {"output_activation": head.activation, "l2": l2, "frozen_layers": frozen}

    def _value_dtype(self):
        return value_dtype(self.dtype_policy)

    def _training_settings(self, given=None):
        return TrainingSettings(
            epochs=self.epochs,
            batch_size=self.batch_size,
            shuffle=self.shuffle,
            verbose=self.verbose,
            validation_fraction=self.validation_fraction,
            validation_rows=self.validation_rows,
            early_stopping=self.early_stopping,
            class_weight=getattr(self, "class_weight", None),  # which regressors do not have
            callbacks=[self.callbacks],
            routed_to_callbacks=routed_parameters(self, "callbacks__"),
            schedule=schedule_settings(self),
        )

    def _training_options(self, settings, n_rows):
        return {
            "epochs": self._n_epochs(n_rows),
            "batch_size": self._batch_size(n_rows),
            "shuffle": settings.shuffle,
            "verbose": settings.verbose,
        }

    def _batch_size(self, n_rows):
        if self.batch_size != "auto":
            return int(self.batch_size)
        return 32 if n_rows < 10_000 else 128

    def _n_epochs(self, n_rows):
        if self.epochs != "auto":
            return int(self.epochs)
        steps_per_epoch = math.ceil(n_rows / self._batch_size(n_rows))
        return min(_MAX_AUTO_EPOCHS, max(_MIN_AUTO_EPOCHS, math.ceil(_AUTO_STEPS / steps_per_epoch)))


class DenseEstimator(BuiltInEstimator):
    """Base class of the estimators with dense layers only, which take tables."""

    def _check_X(self, X, *, reset, **checks):
        self._check_is_table(X)
        return super()._check_X(X, reset=reset, **checks)

    def _row_shape(self, X, *, reset):
        self._check_is_table(X)
        return (X.shape[1],)

    def _warn_of_units(self, X, y, network):
        trouble = trouble_with_table(X, type(self).__name__)
        if trouble is not None:
            warn(trouble)

    def _check_is_table(self, X):
        check_is_table(X, type(self).__name__)

    def _architecture(self, row_shape, head, l2):
        return Architecture("build_dense", row_shape, head.n_outputs, self._shared_parameters(head, l2))


class ConvolutionalEstimator(BuiltInEstimator):
    """Base class of the estimators with convolutions, which take images."""

    image_shape_: tuple[int, int, int]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _check_X(self, X, *, reset, **checks):
        ndim = len(X.shape) if hasattr(X, "shape") else np.asarray(X).ndim
        if reset or (self._ndim == 2 and ndim < 3) or is_row_source(X):
            return super()._check_X(X, reset=reset, **checks)
        # For images scikit-learn would compare heights alone, and call them features; _row_shape compares all.
        return check_array(X, input_name="X", estimator=self, **checks)

    def _row_shape(self, X, *, reset):
        if X.ndim > 4:
            raise ValueError(
                f"{type(self).__name__} takes images of shape (n, height, width) or (n, height, width, channels), or "
                f"flat rows with image_shape, but X has shape {X.shape}."
            )
        if reset:
            self.image_shape_ = _image_shape(X, self.image_shape)
            self._ndim = X.ndim
        elif X.ndim > 2 and _image_shape(X, None) != self.image_shape_:
            raise ValueError(f"X has images of shape {X.shape[1:]}, but in fit they had shape {self.image_shape_}.")
        elif X.shape[1] != math.prod(self.image_shape_) and X.ndim == 2:
            raise ValueError(
                f"X has rows of {X.shape[1]} values, but in fit images had shape {self.image_shape_}, "
                f"{math.prod(self.image_shape_)} values."
            )
        return self.image_shape_

    def _architecture(self, row_shape, head, l2):
        names = ("conv_filters", "kernel_size", "conv_activation", "padding", "pool_size")
        names += ("residual", "global_pooling")
        parameters = {name: getattr(self, name) for name in names} | self._shared_parameters(head, l2)
        parameters["augment"] = builders.random_layers(self.augment)
        return Architecture("build_cnn", row_shape, head.n_outputs, parameters)


def check_is_table(X: Any, name: str) -> None:
    """Raise for images; scikit-learn would compare their heights with the number of features."""
    if len(getattr(X, "shape", ())) > 2:
        raise ValueError(
            f"{name} takes tables of shape (n_samples, n_features), but X has shape {X.shape}. "
            f"For images, put Flatten in front: make_pipeline(Flatten(), {name}())."
        )


def _image_shape(X, image_shape):
    """Return (height, width, channels) of the images in X."""
    if image_shape is None:
        shape = (1, X.shape[1]) if X.ndim == 2 else X.shape[1:]
    else:
        shape = tuple(image_shape)
        if len(shape) not in (2, 3) or not all(isinstance(size, Integral) and size > 0 for size in shape):
            raise ValueError(
                f"image_shape must be (height, width) or (height, width, channels), positive ints. Got {image_shape!r}."
            )
    shape = (*(int(size) for size in shape), 1)[:3]
    if math.prod(shape) != math.prod(X.shape[1:]) or (X.ndim > 2 and shape[:2] != X.shape[1:3]):
        raise ValueError(f"image_shape={image_shape!r} does not fit X, whose rows have shape {X.shape[1:]}.")
    return shape
