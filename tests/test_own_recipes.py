"""Dense networks of the user's own that NumPy trains, beside Keras's own fit; and those it must leave alone."""

import pickle

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import make_multilabel_classification

import skdeep
from skdeep import KerasClassifier, KerasRegressor

SETTINGS = {"shuffle": False, "epochs": 3, "verbose": 0}


def stack(*hidden, n_outputs=3, activation="softmax", shape=(4,)):
    return keras.Sequential([keras.Input(shape), *hidden, layers.Dense(n_outputs, activation=activation)])


def compiled(model, loss="sparse_categorical_crossentropy", optimizer="adam", **kwargs):
    model.compile(optimizer, loss, **kwargs)
    return model


def assert_as_in_keras(model, X, y, by, *, cls=KerasClassifier, y_of_keras=None, weight=None, **params):
    """Fit a copy of a compiled model, and then the model itself by Keras."""
    ours = cls(model, **SETTINGS | params).fit(X, y, weight)
    assert ours.summary().trained_by == by
    theirs = model.fit(
        X, y if y_of_keras is None else y_of_keras, 32, 3, verbose=0, shuffle=False, sample_weight=weight
    )
    assert ours.history_.keys() == theirs.history.keys()
    for name, values in theirs.history.items():
        np.testing.assert_allclose(ours.history_[name], values, rtol=2e-4, atol=1e-6)
    for one, other in zip(ours.model_.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=1e-4)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.random((90, 3, 4)), rng.integers(3, size=90)


class TestByNumPy:
    @pytest.mark.parametrize(
        "name, settings",
        [
            ("Adam", {"learning_rate": 0.01, "beta_1": 0.8}),
            ("AdamW", {"learning_rate": 0.01}),
            ("SGD", {"learning_rate": 0.1}),
            ("SGD", {"learning_rate": 0.1, "momentum": 0.5, "nesterov": True}),
            ("RMSprop", {"learning_rate": 0.01, "rho": 0.8}),
        ],
    )
    def test_optimizers(self, name, settings, iris):
        optimizer = getattr(keras.optimizers, name)(**settings)
        model = compiled(stack(layers.Dense(8, "relu"), layers.Activation("tanh")), optimizer=optimizer)
        assert_as_in_keras(model, *iris, "NumPy")

    @pytest.mark.parametrize(
        "kind, loss, n_outputs, activation, metrics",
        [
            ("labels", "sparse_categorical_crossentropy", 3, "softmax", ["accuracy"]),
            (
                "labels",
                "sparse_categorical_crossentropy",
                3,
                "softmax",
                [lambda: keras.metrics.SparseCategoricalAccuracy("a")],
            ),
            ("rows", "categorical_crossentropy", 3, "softmax", ["acc"]),
            ("two", "binary_crossentropy", 1, "sigmoid", ["accuracy"]),
            ("tags", "binary_crossentropy", 3, "sigmoid", [lambda: keras.metrics.BinaryAccuracy("of_tags")]),
            ("numbers", "mse", 1, None, [lambda: keras.metrics.MeanAbsoluteError("mae")]),
            ("numbers", "mae", 1, None, []),
        ],
    )
    def test_targets_losses_and_metrics(self, kind, loss, n_outputs, activation, metrics, iris):
        X, y = iris
        cls, y_of_keras = KerasClassifier, None
        if kind == "rows":
            y = np.eye(3)[y]
        elif kind == "two":
            y = (y > 0).astype(int)
        elif kind == "tags":
            X, y = make_multilabel_classification(150, 4, n_classes=3, random_state=0)
        elif kind == "numbers":
            cls, y = KerasRegressor, X[:, 0] - X[:, 1] / 2
        model = stack(layers.Dense(8, "relu"), n_outputs=n_outputs, activation=activation)
        metrics = [each if isinstance(each, str) else each() for each in metrics]
        model = compiled(model, loss, metrics=metrics)
        assert_as_in_keras(model, X, y, "NumPy", cls=cls, y_of_keras=y_of_keras)

    def test_weights_of_rows_which_do_not_weigh_the_metrics(self, iris):
        model = compiled(stack(layers.Dense(8, "relu")), metrics=["accuracy"])
        assert_as_in_keras(model, *iris, "NumPy", weight=np.linspace(0.2, 3, 150))

    def test_images_first_made_flat(self, images):
        model = compiled(stack(layers.Flatten(), layers.Dense(8, "relu"), shape=(3, 4)))
        before = images[0].astype(np.float32)
        X = before.copy()
        assert_as_in_keras(model, X, images[1], "NumPy")
        np.testing.assert_array_equal(X, before)

    def test_frozen_layers(self, iris):
        model = stack(layers.Dense(8, "relu"), layers.Dense(8, "relu"))
        model.layers[0].trainable = False
        assert_as_in_keras(compiled(model), *iris, "NumPy")

    def test_the_same_bits_when_it_goes_on_elsewhere(self, iris, tmp_path):
        model = compiled(stack(layers.Dense(8, "relu"), layers.Dropout(0.3)))
        clf = KerasClassifier(model, epochs=2, verbose=0, random_state=0).fit(*iris)
        skdeep.save(clf, tmp_path / "clf.skops")
        others = [pickle.loads(pickle.dumps(clf)), skdeep.load(tmp_path / "clf.skops")]
        expected = clf.partial_fit(*iris).model_.get_weights()
        for other in others:
            for one, weight in zip(other.partial_fit(*iris).model_.get_weights(), expected, strict=True):
                np.testing.assert_array_equal(one, weight)

    def test_what_trained_before_does_not_decide(self, iris):
        """A rate for which there is no formula, and then one for which there is."""
        for rate in (0.0, 0.01):
            model = compiled(stack(layers.Dense(8, "relu")), optimizer=keras.optimizers.Adam(rate, epsilon=1e-5))
            clf = KerasClassifier(model, **SETTINGS).fit(*iris)
        assert clf.summary().trained_by == "NumPy"


class TestByTensorFlow:
    def test_a_layer_in_two_places(self, iris):
        inputs, shared = keras.Input((4,)), layers.Dense(4, "tanh")
        outputs = layers.Dense(3, "softmax")(shared(shared(inputs)))
        assert_as_in_keras(compiled(keras.Model(inputs, outputs)), *iris, "TensorFlow")

    @pytest.mark.parametrize(
        "argument",
        [
            {"kernel_regularizer": "l2"},
            {"bias_regularizer": "l1"},
            {"activity_regularizer": "l2"},
            {"kernel_constraint": "non_neg"},
        ],
        ids=str,
    )
    def test_penalties_and_constraints(self, argument, iris):
        assert_as_in_keras(compiled(stack(layers.Dense(8, "relu", **argument))), *iris, "TensorFlow")

    def test_a_penalty_on_the_variable_alone(self, iris):
        model = stack(layers.Dense(8, "relu"))
        model.layers[0].kernel.regularizer = keras.regularizers.L2(0.5)
        assert_as_in_keras(compiled(model), *iris, "TensorFlow")

    def test_keras_s_accuracy_of_independent_labels(self):
        """Which is that of the largest output; given to an estimator, "accuracy" is the share of the labels."""
        X, y = make_multilabel_classification(150, 4, n_classes=3, random_state=0)
        model = stack(layers.Dense(8, "relu"), activation="sigmoid")
        model = compiled(model, "binary_crossentropy", metrics=["accuracy"])
        assert_as_in_keras(model, X, y, "TensorFlow")

    def test_accuracy_of_numbers(self, iris):
        X, _ = iris
        model = compiled(stack(n_outputs=1, activation=None), "mse", metrics=["accuracy"])
        assert_as_in_keras(model, X, X[:, 0].round(), "TensorFlow", cls=KerasRegressor)

    @pytest.mark.parametrize(
        "make",
        [
            lambda: compiled(stack(layers.Dense(8, lambda x: x * 0.5))),
            lambda: compiled(stack(layers.Dense(8), layers.LayerNormalization())),
            lambda: compiled(stack(layers.Dense(8)), keras.losses.SparseCategoricalCrossentropy(ignore_class=1)),
            lambda: compiled(stack(layers.Dense(8)), optimizer=keras.optimizers.Adam(clipnorm=0.1)),
            lambda: compiled(stack(layers.Dense(8)), loss_weights=0.5),
            lambda: compiled(stack(layers.Dense(8)), weighted_metrics=["accuracy"]),
        ],
        ids=["activation", "layer", "loss", "optimizer", "weight of the loss", "weighted metrics"],
    )
    def test_what_has_no_formula(self, make, iris):
        assert_as_in_keras(make(), *iris, "TensorFlow")
