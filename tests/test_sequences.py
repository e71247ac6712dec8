"""Labels at each place of a row: of the steps of a sequence, of the pixels of an image."""

import pickle

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score

import skdeep
from skdeep import KerasClassifier

N_STEPS = 6


def tagger(meta, units=8, activation="softmax", width=None):
    return keras.Sequential(
        [
            keras.Input((N_STEPS,)),
            keras.layers.Embedding(20, 8),
            keras.layers.Conv1D(units, 3, padding="same", activation="relu"),
            keras.layers.Dense(width or meta["n_classes_"], activation),
        ]
    )


def mask(meta):
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, padding="same", activation="relu"),
            keras.layers.Conv2D(meta["n_classes_"], 1, activation="softmax"),
        ]
    )


@pytest.fixture(scope="module")
def sequences():
    """Numbers below 20, and for each whether it is larger than the one before and by how much."""
    X = np.random.default_rng(0).integers(0, 20, (300, N_STEPS))
    steps = np.diff(X, axis=1, prepend=0)
    return X, (steps > 0).astype(int) + (steps > 9)


def trained_by_keras(clf, X, y, loss, **fit_settings):
    """Return what Keras's own fit makes of the same initial weights, and its history."""
    model = keras.models.clone_model(clf.model_)
    model.set_weights(clf.model_.get_weights())
    model.compile("sgd", loss, metrics=["accuracy"])
    history = model.fit(X, y, batch_size=len(X), epochs=3, shuffle=False, verbose=0, **fit_settings)
    return model, history.history


SETTINGS = {
    "target_type": "sequence",
    "optimizer": "sgd",
    "metrics": ["accuracy"],
    "epochs": 3,
    "batch_size": -1,
    "shuffle": False,
    "verbose": 0,
    "random_state": 0,
}
LOSSES = {
    "none": None,
    "of numbers": "sparse_categorical_crossentropy",
    "of rows": "categorical_crossentropy",
    "object": keras.losses.SparseCategoricalCrossentropy(),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("labels", ["numbers", "strings"])
def test_trained_as_by_keras(loss, labels, sequences):
    X, codes = sequences
    y = codes if labels == "numbers" else np.array(["down", "up", "far up"], dtype=object)[codes]
    if labels == "strings":
        codes = np.searchsorted(["down", "far up", "up"], y.astype(str))
    clf = KerasClassifier(tagger, loss=loss, **SETTINGS)
    targets = np.eye(3)[codes] if loss == "categorical_crossentropy" else codes
    model, history = trained_by_keras(
        clone(clf).initialize(X, y), X, targets, "sparse_categorical_crossentropy" if loss is None else loss
    )
    clf.fit(X, y)
    expected = model.predict(X, verbose=0)
    assert clf.classes_.tolist() == (["down", "far up", "up"] if labels == "strings" else [0, 1, 2])
    assert (clf.n_classes_, clf.n_outputs_) == (3, 1)
    np.testing.assert_allclose(clf.history_["loss"], history["loss"], rtol=1e-5)
    np.testing.assert_allclose(clf.history_["accuracy"], history["accuracy"], rtol=1e-6)
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-5)
    np.testing.assert_allclose(clf.decision_function(X), np.log(clf.predict_proba(X)), atol=1e-4)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[expected.argmax(axis=-1)])
    assert clf.predict(X).dtype == y.dtype
    assert clf.score(X, y) == pytest.approx(np.mean(clf.predict(X) == y))


def test_weights_and_validation_rows_count_as_in_keras(sequences):
    X, y = sequences
    weight = np.random.default_rng(0).uniform(0.5, 2, len(X))
    column = weight[:, np.newaxis]  # as Keras takes weights of rows here: (n,) are taken for those of the steps
    clf = KerasClassifier(tagger, loss="sparse_categorical_crossentropy", **SETTINGS)
    held_out = X[:50], y[:50], column[:50]
    model, history = trained_by_keras(
        clone(clf).initialize(X, y), X, y, clf.loss, sample_weight=column, validation_data=held_out
    )
    clf.fit(X, y, sample_weight=weight, validation_data=(X[:50], y[:50], weight[:50]))
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(clf.history_[name], history[name], rtol=1e-5)
    np.testing.assert_allclose(clf.predict_proba(X), model.predict(X, verbose=0), atol=1e-5)
    right = np.mean(clf.predict(X) == y, axis=1)
    assert clf.score(X, y, weight) == pytest.approx(np.average(right, weights=weight))


@pytest.mark.parametrize(
    ("activation", "loss"),
    [("sigmoid", None), (None, keras.losses.BinaryCrossentropy(from_logits=True)), (None, None), ("sigmoid", "mse")],
)
def test_two_classes_by_one_output(activation, loss, sequences):
    X, y = sequences[0], sequences[1] > 0
    clf = KerasClassifier(tagger, loss=loss, activation=activation, width=1, **SETTINGS)
    expected = loss or keras.losses.BinaryCrossentropy(from_logits=activation is None)
    model, history = trained_by_keras(clone(clf).initialize(X, y), X, y[..., np.newaxis].astype(float), expected)
    clf.fit(X, y)
    np.testing.assert_allclose(clf.history_["loss"], history["loss"], rtol=1e-5)
    outputs = model.predict(X, verbose=0)[..., 0]
    probabilities = outputs if activation else 1 / (1 + np.exp(-outputs))
    assert clf.predict_proba(X).shape == (*y.shape, 2)
    np.testing.assert_allclose(clf.predict_proba(X)[..., 1], probabilities, atol=1e-5)
    assert clf.decision_function(X).shape == y.shape
    assert clf.predict(X).dtype == bool
    np.testing.assert_array_equal(clf.predict(X), clf.predict_proba(X)[..., 1] > 0.5)


def test_two_classes_by_two_outputs(sequences):
    X, y = sequences[0], sequences[1] > 0
    clf = KerasClassifier(tagger, **SETTINGS).fit(X, y)
    probabilities = clf.predict_proba(X)
    np.testing.assert_allclose(
        clf.decision_function(X), np.log(probabilities[..., 1] / probabilities[..., 0]), atol=1e-4
    )


def test_images_of_labels(digits):
    X, y = digits.images[:200, ..., np.newaxis] / 16, digits.images[:200] > 7
    clf = KerasClassifier(mask, **SETTINGS | {"optimizer": "adam", "epochs": 60, "batch_size": 20}).fit(X, y)
    assert clf.predict(X).shape == y.shape
    assert clf.score(X, y) == accuracy_score(y.ravel(), clf.predict(X).ravel()) > 0.95
    assert clf.history_["loss"][-1] < log_loss(y.ravel(), np.full(y.size, y.mean()))


def test_dense_layers_at_each_place(sequences):
    X, y = np.stack([sequences[0] / 20, sequences[1]], axis=-1), sequences[1]

    def build():
        layers = [keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")]
        return keras.Sequential([keras.Input((N_STEPS, 2)), *layers])

    clf = KerasClassifier(build, **SETTINGS)
    model, history = trained_by_keras(clone(clf).initialize(X, y), X, y, "sparse_categorical_crossentropy")
    clf.fit(X, y)
    np.testing.assert_allclose(clf.history_["loss"], history["loss"], rtol=1e-5)
    np.testing.assert_allclose(clf.predict_proba(X), model.predict(X, verbose=0), atol=1e-5)


def test_learns_partly_from_some_of_the_classes(sequences):
    X, y = sequences
    clf = KerasClassifier(tagger, **SETTINGS)
    few = (y < 2).all(axis=1)
    clf.partial_fit(X[few], y[few], classes=[0, 1, 2]).partial_fit(X, y)
    assert clf.n_classes_ == 3
    assert len(clf.history_["loss"]) == 2
    with pytest.raises(ValueError, match=r"labels that were not seen in fit: \[7\]"):
        clf.partial_fit(X, np.where(y == 2, 7, y))


def test_goes_on_with_a_warm_start(sequences):
    X, y = sequences
    longer = KerasClassifier(tagger, **SETTINGS | {"epochs": 6}).fit(X, y)
    clf = KerasClassifier(tagger, warm_start=True, **SETTINGS).fit(X, y).fit(X, y)
    np.testing.assert_allclose(clf.history_["loss"], longer.history_["loss"], rtol=1e-6)


@pytest.mark.parametrize("way", ["pickle", "file"])
def test_saved(way, sequences, tmp_path):
    X, y = sequences
    clf = KerasClassifier(tagger, **SETTINGS).fit(X, y)
    if way == "pickle":
        again = pickle.loads(pickle.dumps(clf))
    else:
        own = [f"{__name__}.tagger"]
        skdeep.save(clf, tmp_path / "clf.skdeep", trusted=own)
        again = skdeep.load(tmp_path / "clf.skdeep", trusted=own)
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    for each in (again, clf):
        each.partial_fit(X, y)
    assert again.history_ == clf.history_


@pytest.mark.parametrize(("activation", "width"), [("softmax", 3), (None, 3), (None, 1), ("sigmoid", 1)])
def test_files_for_other_libraries_give_the_probabilities(activation, width, sequences, tmp_path):
    X, y = sequences
    y = y if width == 3 else y > 0
    clf = KerasClassifier(tagger, activation=activation, width=width, **SETTINGS).fit(X, y)
    expected = clf.predict_proba(X)
    clf.to_keras(tmp_path / "clf.keras")
    of_keras = keras.saving.load_model(tmp_path / "clf.keras").predict(X, verbose=0)
    if activation == "sigmoid":
        np.testing.assert_allclose(of_keras[..., -1], expected[..., 1], atol=1e-6)
    else:
        np.testing.assert_allclose(of_keras, expected, atol=1e-6)
    onnxruntime = pytest.importorskip("onnxruntime")
    clf.to_onnx(tmp_path / "clf.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "clf.onnx")
    (feed,) = session.get_inputs()
    (outputs,) = session.run(None, {feed.name: X.astype(np.float32)})
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


def test_searched_and_cross_validated(sequences):
    X, y = sequences
    clf = KerasClassifier(tagger, **SETTINGS)
    search = GridSearchCV(clf, {"units": [4, 8]}, cv=2, error_score="raise").fit(X, y)
    scores = cross_val_score(search.best_estimator_, X, y, cv=2)
    np.testing.assert_allclose(search.best_score_, scores.mean())


def test_a_model_that_was_compiled_again(sequences):
    X, y = sequences
    clf = KerasClassifier(tagger, **SETTINGS).fit(X, y)
    clf.model_.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    model, _ = trained_by_keras(clf, X, np.eye(3)[y], "categorical_crossentropy")
    for _ in range(3):
        clf.partial_fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), model.predict(X, verbose=0), atol=1e-5)


def flat(meta):
    return keras.Sequential([keras.Input((N_STEPS,)), keras.layers.Dense(meta["n_classes_"], "softmax")])


class TestErrors:
    def test_tells_how_labels_of_steps_are_learned(self, sequences):
        clf = KerasClassifier(tagger, width=3, **SETTINGS | {"target_type": "auto"})
        with pytest.raises(ValueError, match=r"one output, but y has 6: .* set target_type='sequence'"):
            clf.fit(*sequences)

    def test_wants_an_output_for_each_place(self, sequences):
        with pytest.raises(ValueError, match=r"the shape \(n_samples, 6, n_classes\), but its output is \(None, 3\)"):
            KerasClassifier(flat, **SETTINGS).fit(*sequences)

    def test_wants_as_many_outputs_as_classes(self, sequences):
        with pytest.raises(ValueError, match="The model has 5 outputs, but y has 3 classes"):
            KerasClassifier(tagger, width=5, **SETTINGS).fit(*sequences)

    def test_wants_more_than_one_axis(self, sequences):
        X, y = sequences
        with pytest.raises(ValueError, match=r"of shape \(n_samples, n_steps\) .* but y has shape \(300,\)"):
            KerasClassifier(tagger, **SETTINGS).fit(X, y[:, 0])

    def test_refuses_other_lengths_and_gaps(self, sequences):
        X, y = sequences
        clf = KerasClassifier(tagger, **SETTINGS).fit(X, y)
        with pytest.raises(ValueError, match=r"y has rows of shape \(5,\), but in fit they had shape \(6,\)"):
            clf.partial_fit(X, y[:, :5])
        with pytest.raises(ValueError, match="y has shape"):
            clf.score(X, y[:, :5])
        with pytest.raises(ValueError, match="NaN"):
            clf.fit(X, np.where(y == 2, np.nan, y))
        with pytest.raises(ValueError, match="y has only one class"):
            clf.fit(X, np.zeros_like(y))

    def test_has_no_weights_of_classes(self, sequences):
        with pytest.raises(ValueError, match=r"class_weight is for .* but y is a label at each place"):
            KerasClassifier(tagger, class_weight="balanced", **SETTINGS).fit(*sequences)
