"""The classifiers against scikit-learn's own checks, and what is particular to each."""

import inspect
import re
from unittest import SkipTest

import keras
import numpy as np
import pytest
import sklearn
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier as ScikitLearnMLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from skdeep import CNNClassifier, DNNClassifier, Flatten, MLPClassifier, ScaleToUnit

ALL = [MLPClassifier, DNNClassifier, CNNClassifier]

# Fewer epochs and filters than by default, for the sake of time alone.
CHECKED = [MLPClassifier(epochs=30), DNNClassifier(epochs=30), CNNClassifier((8,), epochs=30)]


# The second pass is slow: no line of skdeep depends on it.
ROUTING = [
    pytest.param(False, id="routing off"),
    pytest.param(True, id="routing on", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("routing", ROUTING)
@parametrize_with_checks(CHECKED)
def test_scikit_learn_checks(estimator, check, routing):
    if "sample_weight_equivalence" in str(check):
        # It compares to 1e-7, so rows in another order, or drawn into other batches, must not round differently.
        estimator.set_params(batch_size=1000, dropout=0, dtype_policy="float64")
    with sklearn.config_context(enable_metadata_routing=routing):
        try:
            check(estimator)
        except SkipTest as reason:
            pytest.fail(f"skipped: {reason}")


@pytest.mark.parametrize("classifier", ALL)
def test_no_fewer_checks_than_for_scikit_learns_mlp(classifier):
    def count(estimator):
        return len(list(estimator_checks_generator(estimator)))

    assert count(classifier()) >= count(ScikitLearnMLPClassifier())


@pytest.mark.parametrize("classifier", ALL)
def test_every_parameter_and_attribute_is_documented(classifier, iris):
    doc = inspect.getdoc(classifier)
    fitted = classifier(epochs=1).fit(*iris)
    learned = [name for name in vars(fitted) if name.endswith("_") and not name.startswith("_")]
    for name in [*inspect.signature(classifier).parameters, *learned, "model_"]:
        assert f"\n{name} : " in doc, name


@pytest.mark.slow
def test_defaults_learn_digits_without_scaling(digits):
    X_train, X_test, y_train, y_test = train_test_split(digits.images, digits.target, random_state=0)
    clf = make_pipeline(Flatten(), DNNClassifier(random_state=0)).fit(X_train, y_train)
    assert clf.score(X_test, y_test) >= 0.95


def test_mlp_has_one_hidden_layer_of_512(iris):
    model = MLPClassifier(epochs=1).fit(*iris).model_
    assert [layer.units for layer in model.layers if hasattr(layer, "units")] == [512, 3]
    assert not any("dropout" in layer.name for layer in model.layers)


def test_dnn_has_two_hidden_layers_with_dropout(iris):
    model = DNNClassifier(epochs=1).fit(*iris).model_
    names = ["input", "hidden_1", "dropout_1", "hidden_2", "dropout_2", "output"]
    assert [layer.name for layer in model.layers] == names
    assert [layer.units for layer in model.layers if hasattr(layer, "units")] == [100, 50, 3]
    assert [layer.rate for layer in model.layers if hasattr(layer, "rate")] == [0.2, 0.2]


def with_batch_statistics(model, X):
    """Return the outputs with each batch normalization over the batch that it gets, and without dropout."""
    copied = keras.models.clone_model(model)
    copied.set_weights(model.get_weights())
    x = np.asarray(X, dtype=np.float32).reshape(-1, *model.input_shape[1:])
    for layer in copied.layers[1:]:
        x = layer(x, training=isinstance(layer, keras.layers.BatchNormalization))
    return np.asarray(x)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "n_rows, seed",
    [
        pytest.param(n_rows, seed, marks=() if seed == 0 and n_rows == 300 else pytest.mark.slow)
        for n_rows in (300, 900)
        for seed in range(5)
    ],
)
@pytest.mark.parametrize("classifier", [CNNClassifier, DNNClassifier])
def test_batch_normalization_on_few_rows(classifier, n_rows, seed, digits):
    X, X_test, y, y_test = train_test_split(
        (digits.images if classifier is CNNClassifier else digits.data) / 16,
        digits.target,
        train_size=n_rows,
        random_state=seed,
        stratify=digits.target,
    )
    params = {"epochs": 12, "random_state": seed}
    without = classifier(**params).fit(X, y)
    clf = classifier(batch_normalization=True, **params).fit(X, y, X_val=X_test, y_val=y_test)
    assert clf.score(X_test, y_test) >= without.score(X_test, y_test) - 0.03
    in_training = np.mean(with_batch_statistics(clf.model_, X).argmax(axis=1) == y)
    assert clf.score(X, y) == pytest.approx(in_training, abs=0.02)
    assert clf.history_["val_accuracy"][-1] == pytest.approx(clf.score(X_test, y_test), abs=1e-6)
    assert clf.history_["val_loss"][-1] == pytest.approx(log_loss(y_test, clf.predict_proba(X_test)), rel=1e-3)


def test_early_stopping_with_batch_normalization_on_few_rows(digits):
    X, X_test, y, y_test = train_test_split(
        digits.images / 16, digits.target, train_size=300, random_state=0, stratify=digits.target
    )
    clf = CNNClassifier(batch_normalization=True, early_stopping=True, n_iter_no_change=3, epochs=20, random_state=0)
    clf.fit(X, y)
    assert clf.best_epoch_ == 1 + int(np.argmin(clf.history_["val_loss"]))
    assert clf.history_["val_accuracy"][2] > 0.8  # after 27 steps
    assert clf.score(X_test, y_test) > 0.9


def test_dense_networks_ask_for_flatten_before_images(digits):
    message = r"DNNClassifier takes tables .* shape \(1797, 8, 8\).*make_pipeline\(Flatten\(\), DNNClassifier\(\)\)"
    with pytest.raises(ValueError, match=message):
        DNNClassifier().fit(digits.images, digits.target)


def test_cnn_learns_images_in_every_layout(digits):
    images, y = digits.images, digits.target
    cnn = CNNClassifier((8,), hidden_layer_sizes=(32,), epochs=3, random_state=0)
    expected = cnn.fit(images, y).predict_proba(images)
    assert cnn.image_shape_ == (8, 8, 1)
    with_channel = cnn.fit(images[..., np.newaxis], y).predict_proba(images[..., np.newaxis])
    rows = cnn.set_params(image_shape=(8, 8)).fit(digits.data, y).predict_proba(digits.data)
    np.testing.assert_array_equal(with_channel, expected)
    np.testing.assert_array_equal(rows, expected)


def test_cnn_takes_colour_images(rng):
    X = rng.integers(0, 256, size=(20, 6, 5, 3), dtype=np.uint8)
    cnn = CNNClassifier((4,), epochs=1).fit(X, np.arange(20) % 2)
    assert cnn.image_shape_ == (6, 5, 3)
    assert cnn.predict_proba(X).shape == (20, 2)


def test_cnn_takes_flat_rows_as_images_of_one_row(iris):
    assert CNNClassifier((4,), epochs=1).fit(*iris).image_shape_ == (1, 4, 1)


@pytest.mark.parametrize(
    "X_shape, image_shape, message",
    [
        ((10, 64), (8, 9), r"image_shape=\(8, 9\) does not fit X, whose rows have shape \(64,\)"),
        ((10, 8, 8), (4, 16), r"image_shape=\(4, 16\) does not fit X, whose rows have shape \(8, 8\)"),
        ((10, 64), (64,), r"image_shape must be \(height, width\)"),
        ((10, 64), (8, 8.0), r"image_shape must be \(height, width\)"),
        ((10, 2, 2, 2, 2), None, r"X has shape \(10, 2, 2, 2, 2\)"),
    ],
)
def test_cnn_names_shapes_that_do_not_fit(X_shape, image_shape, message):
    with pytest.raises(ValueError, match=message):
        CNNClassifier(image_shape=image_shape).fit(np.zeros(X_shape), np.arange(10) % 2)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("shape", [(8, 9), (9, 8), (8, 8, 3)])
def test_cnn_refuses_images_of_another_size(shape, digits):
    cnn = CNNClassifier((4,), epochs=1).fit(digits.images, digits.target)
    message = re.escape(f"X has images of shape {shape}, but in fit they had shape (8, 8, 1)")
    with pytest.raises(ValueError, match=message):
        cnn.predict(np.zeros((2, *shape)))
    with pytest.raises(ValueError, match=r"X has rows of 65 values, but in fit images had shape .* 64 values"):
        cnn.predict(np.zeros((2, 65)))


def test_cnn_takes_rows_and_images_of_the_same_size(digits):
    cnn = CNNClassifier((4,), epochs=1).fit(digits.images, digits.target)
    np.testing.assert_array_equal(cnn.predict_proba(digits.data), cnn.predict_proba(digits.images))
    cnn = CNNClassifier((4,), image_shape=(8, 8), epochs=1).fit(digits.data, digits.target)
    np.testing.assert_array_equal(cnn.predict_proba(digits.data), cnn.predict_proba(digits.images.tolist()))


def test_global_settings_of_keras_change_nothing(digits):
    cnn = CNNClassifier((4,), epochs=1, random_state=0)
    images = np.stack([digits.images] * 3, axis=-1)
    expected = cnn.fit(images, digits.target).predict_proba(images)
    keras.config.set_image_data_format("channels_first")
    keras.config.set_floatx("float64")
    try:
        np.testing.assert_array_equal(cnn.fit(images, digits.target).predict_proba(images), expected)
    finally:
        keras.config.set_image_data_format("channels_last")
        keras.config.set_floatx("float32")


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("classifier", [Flatten, ScaleToUnit])
def test_cross_validation_of_images(classifier, digits):
    clf = make_pipeline(classifier(), DNNClassifier(epochs=5, random_state=0) if classifier is Flatten else _cnn())
    assert cross_val_score(clf, digits.images, digits.target, cv=3).mean() > 0.7


def _cnn():
    return CNNClassifier((8,), hidden_layer_sizes=(32,), epochs=5, random_state=0)
