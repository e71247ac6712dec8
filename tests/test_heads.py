"""What outputs mean: predictions, scores and probabilities of every kind of last layer, loss and coding of y."""

import functools
import pickle
from dataclasses import dataclass, field

import keras
import numpy as np
import onnxruntime
import pytest
from scipy.optimize import brentq
from scipy.special import expit, softmax
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

import skdeep
from skdeep import DNNClassifier, KerasClassifier

# Of Keras, which takes the logits before the activation then.
pytestmark = pytest.mark.filterwarnings("ignore:.*received `from_logits=True`:UserWarning")

BINARY, MULTI = "two classes", "three classes"


def tables():
    X, y = load_breast_cancer(return_X_y=True)
    yield BINARY, (StandardScaler().fit_transform(X)[:200].astype("float32"), y[:200])
    X, y = load_iris(return_X_y=True)
    yield MULTI, (StandardScaler().fit_transform(X).astype("float32"), y)


TABLES = dict(tables())
TAGS = (TABLES[MULTI][0][:, :3] > 0).astype(int)
CODINGS = {
    "0, 1": lambda y: y,
    "-1, 1": lambda y: np.array([-1, 1, 2])[y],
    "strings": lambda y: np.array(["no", "yes", "perhaps"])[y],
    "one-hot": lambda y: np.eye(y.max() + 1, dtype=int)[y],
}


@dataclass(frozen=True)
class Last:
    """A last layer with a loss and its arguments, and what the outputs mean."""

    units: int
    activation: str
    loss: object
    meaning: str
    arguments: dict = field(default_factory=dict)


LOGITS = {"loss__from_logits": True}


def own_loss(y_true, y_pred):
    return keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)


HEADS = {
    "sigmoid": Last(1, "sigmoid", "binary_crossentropy", "probabilities"),
    "sigmoid, from_logits": Last(1, "sigmoid", "BinaryCrossentropy", "probabilities", LOGITS),
    "sigmoid, mse": Last(1, "sigmoid", "mse", "probabilities"),
    "sigmoid, hinge": Last(1, "sigmoid", "hinge", "probabilities"),
    "logit": Last(1, "linear", "BinaryCrossentropy", "logits", LOGITS),
    "logit, focal": Last(1, "linear", "BinaryFocalCrossentropy", "logits", LOGITS),
    "tanh, hinge": Last(1, "tanh", "hinge", "margins"),
    "linear, hinge": Last(1, "linear", "hinge", "margins"),
    "linear, squared hinge": Last(1, "linear", "squared_hinge", "margins"),
    "linear, mse": Last(1, "linear", "mse", "numbers"),
    "tanh, mse": Last(1, "tanh", "mse", "numbers"),
    "relu, mae": Last(1, "relu", "mae", "numbers"),
    "linear, huber": Last(1, "linear", "Huber", "numbers", {"loss__delta": 0.5}),
    "linear, crossentropy": Last(1, "linear", "binary_crossentropy", "numbers"),
    "two sigmoids": Last(2, "sigmoid", "binary_crossentropy", "two votes"),
    "two softmax": Last(2, "softmax", "sparse_categorical_crossentropy", "probabilities"),
    "two logits": Last(2, "linear", "SparseCategoricalCrossentropy", "logits", LOGITS),
    "two linear, mse": Last(2, "linear", "mse", "numbers"),
    "two linear, categorical hinge": Last(2, "linear", "categorical_hinge", "margins"),
    "softmax": Last(3, "softmax", "sparse_categorical_crossentropy", "probabilities"),
    "softmax, one-hot": Last(3, "softmax", "categorical_crossentropy", "probabilities"),
    "softmax, from_logits": Last(3, "softmax", "SparseCategoricalCrossentropy", "probabilities", LOGITS),
    "softmax, categorical hinge": Last(3, "softmax", "categorical_hinge", "probabilities"),
    "logits": Last(3, "linear", "SparseCategoricalCrossentropy", "logits", LOGITS),
    "tanh logits": Last(3, "tanh", "CategoricalCrossentropy", "logits", LOGITS),
    "sigmoids": Last(3, "sigmoid", "binary_crossentropy", "shares"),
    "sigmoids, mse": Last(3, "sigmoid", "mse", "shares"),
    "linear, categorical hinge": Last(3, "linear", "categorical_hinge", "margins"),
    "three linear, hinge": Last(3, "linear", "hinge", "margins"),
    "three linear, mse": Last(3, "linear", "mse", "numbers"),
    "three relu, mse": Last(3, "relu", "mse", "numbers"),
    "three softplus, crossentropy": Last(3, "softplus", "categorical_crossentropy", "numbers"),
}
MULTILABEL = {
    "sigmoid": Last(3, "sigmoid", "binary_crossentropy", "probabilities"),
    "sigmoid, from_logits": Last(3, "sigmoid", "BinaryCrossentropy", "probabilities", LOGITS),
    "logits": Last(3, "linear", "BinaryCrossentropy", "logits", LOGITS),
    "tanh, hinge": Last(3, "tanh", "hinge", "margins"),
    "linear, mse": Last(3, "linear", "mse", "numbers"),
}


def build(units, activation, n_features):
    return keras.Sequential([keras.Input((n_features,)), keras.layers.Dense(units, activation)])


def network(head, X, **params):
    settings = {"optimizer": "adam", "optimizer__learning_rate": 0.05, "epochs": 3, "verbose": 0, "random_state": 0}
    model = {"units": head.units, "activation": head.activation, "n_features": X.shape[1]}
    return KerasClassifier(build, loss=head.loss, **head.arguments, **settings | model | params)


def nearest_probabilities(row):
    """The nearest point of the simplex: what is above a bound counts, by how much it is above; it sums to 1."""
    bound = brentq(lambda bound: np.maximum(row - bound, 0).sum() - 1, row.min() - 2, row.max())
    return np.maximum(row - bound, 0)


def expected_probabilities(raw, meaning, *, is_multilabel=False):
    raw = raw.astype("float64")
    if raw.shape[1] == 1 or is_multilabel:
        means = {"probabilities": lambda: raw, "logits": lambda: expit(raw), "margins": lambda: expit(2 * raw)}
        second = means.get(meaning, lambda: np.clip(raw, 0, 1))()
        return second if is_multilabel else np.hstack([1 - second, second])
    return {
        "probabilities": lambda: raw / raw.sum(axis=1, keepdims=True),
        "shares": lambda: raw / raw.sum(axis=1, keepdims=True),
        "two votes": lambda: np.column_stack([1 - raw[:, 1] + raw[:, 0], 1 - raw[:, 0] + raw[:, 1]]) / 2,
        "logits": lambda: softmax(raw, axis=1),
        "margins": lambda: softmax(2 * raw, axis=1),
        "numbers": lambda: np.array([nearest_probabilities(row) for row in raw]),
    }[meaning]()


def raw_outputs(clf, X):
    return np.asarray(clf.model_(X))


def check(clf, X, codes, meaning, atol=1e-6):
    """Hold predictions, scores and probabilities against the outputs of the Keras model."""
    raw, probabilities = raw_outputs(clf, X), clf.predict_proba(X)
    assert probabilities.min() >= 0
    assert probabilities.max() <= 1
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(probabilities, expected_probabilities(raw, meaning), atol=atol)
    predicted = clf.predict(X)
    indices = predicted.argmax(axis=1) if predicted.ndim == 2 else np.searchsorted(clf.classes_, predicted)
    cut = 0 if meaning in ("logits", "margins") else 0.5
    np.testing.assert_array_equal(indices, raw[:, 0] > cut if raw.shape[1] == 1 else raw.argmax(axis=1))
    scores = clf.decision_function(X)
    if predicted.ndim == 2:
        assert scores.shape == (len(X), len(clf.classes_))
        scores = scores[:, 1] - scores[:, 0] if len(clf.classes_) == 2 else scores
    if len(clf.classes_) == 2:
        outputs = raw[:, 0] if raw.shape[1] == 1 else raw[:, 1].astype("float64") - raw[:, 0]
        assert roc_auc_score(codes, scores) == pytest.approx(roc_auc_score(codes, outputs), abs=1e-9)
        rising = np.argsort(outputs, kind="stable")
        assert np.diff(probabilities[rising, 1]).min() >= -1e-6
        assert np.diff(scores[rising]).min() >= -1e-6
    else:
        for column in range(raw.shape[1]):
            expected = roc_auc_score(codes == column, raw[:, column])
            assert roc_auc_score(codes == column, scores[:, column]) == pytest.approx(expected, abs=1e-9)
    assert np.isfinite(log_loss(codes, probabilities))


def run_onnx(clf, path, X):
    clf.to_onnx(path)
    (probabilities,) = onnxruntime.InferenceSession(path).run(["probabilities"], {"input": X})
    return probabilities


def run_keras(clf, path, X):
    clf.to_keras(path)
    outputs = np.asarray(keras.saving.load_model(path)(X))
    return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("name", "coding"),
    [(name, coding) for name in HEADS for coding in CODINGS if HEADS[name].units > 1 or coding != "one-hot"],
)
def test_heads(name, coding):
    head = HEADS[name]
    X, codes = TABLES[BINARY if head.units < 3 else MULTI]
    y = CODINGS[coding](codes)
    clf = network(head, X).fit(X, y)
    check(clf, X, codes, head.meaning)
    if coding == "strings":
        check(pickle.loads(pickle.dumps(clf)), X, codes, head.meaning)
        check(clf.partial_fit(X, y), X, codes, head.meaning)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", HEADS)
def test_files_give_the_same_probabilities(name, tmp_path):
    head = HEADS[name]
    X, codes = TABLES[BINARY if head.units < 3 else MULTI]
    clf = network(head, X).fit(X, codes)
    probabilities = clf.predict_proba(X)
    np.testing.assert_allclose(run_onnx(clf, tmp_path / "file.onnx", X), probabilities, atol=1e-5)
    np.testing.assert_allclose(run_keras(clf, tmp_path / "file.keras", X), probabilities, atol=1e-5)
    trusted = [f"{__name__}.build"]
    skdeep.save(clf, tmp_path / "file.skdeep", trusted=trusted)
    loaded = skdeep.load(tmp_path / "file.skdeep", trusted=trusted)
    np.testing.assert_array_equal(loaded.predict_proba(X), probabilities)
    np.testing.assert_array_equal(loaded.predict(X), clf.predict(X))


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("name", MULTILABEL)
def test_multilabel(name, tmp_path):
    head, X = MULTILABEL[name], TABLES[MULTI][0]
    clf = network(head, X).fit(X, TAGS)
    raw, probabilities = raw_outputs(clf, X), clf.predict_proba(X)
    expected = expected_probabilities(raw, head.meaning, is_multilabel=True)
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    np.testing.assert_array_equal(clf.predict(X), raw > (0 if head.meaning in ("logits", "margins") else 0.5))
    for column, scores in enumerate(clf.decision_function(X).T):
        expected = roc_auc_score(TAGS[:, column], raw[:, column])
        assert roc_auc_score(TAGS[:, column], scores) == pytest.approx(expected, abs=1e-9)
    np.testing.assert_allclose(run_onnx(clf, tmp_path / "file.onnx", X), probabilities, atol=1e-5)
    clf.to_keras(tmp_path / "file.keras")
    outputs = np.asarray(keras.saving.load_model(tmp_path / "file.keras")(X))
    np.testing.assert_allclose(outputs, probabilities, atol=1e-5)


def test_multilabel_rows_do_not_go_with_a_softmax():
    head = Last(3, "softmax", "binary_crossentropy", None)
    with pytest.raises(ValueError, match=r"multilabel .* but the last activation of the model is a softmax"):
        network(head, TABLES[MULTI][0]).fit(TABLES[MULTI][0], TAGS)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", ["logit", "tanh, hinge", "linear, mse"])
def test_a_search_by_area_under_the_curve(name):
    head = HEADS[name]
    X, y = TABLES[BINARY]
    search = GridSearchCV(
        network(head, X), {"epochs": [1, 3]}, scoring="roc_auc", cv=[(np.arange(100), np.arange(100, 200))]
    )
    search.fit(X, y)
    for score, epochs in zip(search.cv_results_["mean_test_score"], (1, 3), strict=True):
        clf = network(head, X, epochs=epochs).fit(X[:100], y[:100])
        assert score == pytest.approx(roc_auc_score(y[100:], raw_outputs(clf, X[100:])[:, 0]), abs=1e-9)


@pytest.mark.slow_after(3)
@pytest.mark.parametrize("size", [1e2, 1e4, 1e6])
@pytest.mark.parametrize("name", ["logit", "logits", "two logits", "linear, hinge"])
def test_large_outputs_keep_their_order(name, size):
    head = HEADS[name]
    X, codes = TABLES[BINARY if head.units < 3 else MULTI]
    clf = network(head, X).fit(X, codes)
    clf.model_.layers[-1].set_weights([size * weight for weight in clf.model_.layers[-1].get_weights()])
    raw, scores = raw_outputs(clf, X).astype("float64"), clf.decision_function(X)
    # Near the cut what is left of large numbers hangs on the order of their sum, which is not Keras's.
    highest = np.sort(np.hstack([raw, 0 * raw])[:, : max(2, raw.shape[1])], axis=1)
    is_clear = np.diff(highest)[:, -1] > 1e-4 * np.abs(raw).max()
    assert is_clear.mean() > 0.9
    check(clf, X[is_clear], codes[is_clear], head.meaning, atol=1e-5)
    expected = {1: raw[:, 0], 2: raw[:, -1] - raw[:, 0]}.get(raw.shape[1], raw)
    np.testing.assert_allclose(scores, expected, atol=1e-5 * np.abs(raw).max())  # Keras rounds in another order


SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


class Squashed(keras.layers.Layer):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


class Subclassed(keras.Model):
    def __init__(self, activation):
        super().__init__()
        self.dense = keras.layers.Dense(3, activation)

    def call(self, x):
        return self.dense(x)


def nested(x):
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    return inner(x)


# What the last layers make, however they are written.
LAST_LAYERS = {
    "layer Softmax": ("softmax", lambda x: keras.layers.Softmax()(keras.layers.Dense(3)(x))),
    "layer Activation": ("softmax", lambda x: keras.layers.Activation("softmax")(keras.layers.Dense(3)(x))),
    "layer as activation": ("softmax", lambda x: keras.layers.Dense(3, keras.layers.Softmax())(x)),
    "function": ("softmax", lambda x: keras.ops.softmax(keras.layers.Dense(3)(x))),
    "nested model": ("softmax", nested),
    "cast": ("softmax", lambda x: keras.layers.Activation("linear")(keras.layers.Dense(3, "softmax")(x))),
    "dropout behind": ("softmax", lambda x: keras.layers.Dropout(0.1)(keras.layers.Dense(3, "softmax")(x))),
    "mean of two": ("softmax", lambda x: keras.layers.Average()([keras.layers.Dense(3, "softmax")(x) for _ in "ab"])),
    "reshaped": ("softmax", lambda x: keras.layers.Reshape((3,))(keras.layers.Dense(3, "softmax")(x))),
    "own layer": ("softmax", lambda x: Squashed(keras.activations.softmax)(keras.layers.Dense(3)(x))),
    "own function": ("softmax", lambda x: keras.layers.Dense(3, lambda z: keras.activations.softmax(z))(x)),
    "side by side": (
        "sigmoid",
        lambda x: keras.layers.Concatenate()([keras.layers.Dense(1, "sigmoid")(x) for _ in "abc"]),
    ),
    "linear": ("other", lambda x: keras.layers.Dense(3)(x)),
    "leaky": ("other", lambda x: keras.layers.LeakyReLU()(keras.layers.Dense(3)(x))),
    "normalized": ("other", lambda x: keras.layers.BatchNormalization()(keras.layers.Dense(3, "softmax")(x))),
    "sum": ("other", lambda x: keras.layers.Add()([keras.layers.Dense(3, "softmax")(x) for _ in "ab"])),
    "own linear layer": ("other", lambda x: Squashed(lambda z: keras.ops.relu(z))(keras.layers.Dense(3)(x))),
}


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("name", LAST_LAYERS)
def test_softmax_and_sigmoid_are_seen_however_they_are_written(name):
    """A loss with from_logits=True is believed only where the last layer makes no probabilities."""
    made, last = LAST_LAYERS[name]
    X, y = TABLES[MULTI]

    def function():
        inputs = keras.Input((4,))
        return keras.Model(inputs, last(inputs))

    clf = KerasClassifier(function, loss=SPARSE, optimizer="adam", verbose=0, random_state=0)
    clf.fit(X, y)
    check(clf, X, y, {"softmax": "probabilities", "sigmoid": "shares", "other": "logits"}[made])


@pytest.mark.parametrize(("activation", "meaning"), [("softmax", "probabilities"), (None, "logits")])
def test_models_of_own_classes(activation, meaning):
    X, y = TABLES[MULTI]
    clf = KerasClassifier(lambda: Subclassed(activation), loss=SPARSE, verbose=0, random_state=0)
    check(clf.fit(X, y), X, y, meaning)


@pytest.mark.parametrize(
    ("loss", "meaning"),
    [("sparse_categorical_crossentropy", "probabilities"), ("mse", "numbers"), (SPARSE, "logits")],
    ids=["cross-entropy", "mse", "logits"],
)
def test_where_the_last_layer_does_not_tell_the_loss_does(loss, meaning):
    X, y = TABLES[MULTI]

    def function():
        shares = keras.layers.Lambda(lambda x: x / keras.ops.sum(x, axis=1, keepdims=True))
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softplus"), shares])

    clf = KerasClassifier(function, loss=loss, optimizer="adam", verbose=0, random_state=0)
    check(clf.fit(X, y), X, y, meaning)


class TestOwnLosses:
    """They tell nothing of the outputs."""

    def clf(self, activation, **params):
        head = Last(3, activation, own_loss, None)
        return network(head, TABLES[MULTI][0], **params)

    def test_a_softmax_tells(self):
        X, y = TABLES[MULTI]
        check(self.clf("softmax").fit(X, y), X, y, "probabilities")

    def test_otherwise_it_is_an_error_that_names_the_parameter(self):
        with pytest.raises(ValueError, match=r"loss=own_loss is of your own\. Set output_encoding to one of"):
            self.clf("linear").fit(*TABLES[MULTI])

    @pytest.mark.parametrize("meaning", ["logits", "margins", "numbers"])
    def test_the_parameter_decides(self, meaning):
        X, y = TABLES[MULTI]
        check(self.clf("linear", output_encoding=meaning).fit(X, y), X, y, meaning)

    def test_the_parameter_decides_over_what_is_seen(self):
        X, y = TABLES[MULTI]
        check(self.clf("softmax", output_encoding="logits").fit(X, y), X, y, "logits")

    def test_an_argument_from_logits_tells(self):
        X, y = TABLES[MULTI]
        loss = functools.partial(keras.losses.sparse_categorical_crossentropy, from_logits=True)
        clf = network(Last(3, "linear", loss, None), X).fit(X, y)
        check(clf, X, y, "logits")

    def test_other_values_are_an_error(self):
        with pytest.raises(ValueError, match="'output_encoding' parameter"):
            self.clf("linear", output_encoding="odds").fit(*TABLES[MULTI])


class TestReady:
    """Their last layer makes probabilities, whatever the loss says."""

    @pytest.mark.slow_after(2)
    @pytest.mark.parametrize("loss", ["auto", keras.losses.BinaryCrossentropy(from_logits=True), "hinge", "mse"])
    def test_two_classes(self, loss):
        X, y = TABLES[BINARY]
        clf = DNNClassifier((4,), loss=loss, epochs=3, random_state=0).fit(X, y)
        check(clf, X, y, "probabilities")

    @pytest.mark.slow_after(2)
    @pytest.mark.parametrize("loss", ["auto", SPARSE, "categorical_hinge", "mse"])
    @pytest.mark.parametrize(("activation", "meaning"), [("softmax", "probabilities"), ("sigmoid", "shares")])
    def test_three_classes(self, activation, meaning, loss):
        X, y = TABLES[MULTI]
        clf = DNNClassifier((4,), output_activation=activation, loss=loss, epochs=3, random_state=0).fit(X, y)
        check(clf, X, y, meaning)

    def test_another_last_layer_and_loss_afterwards(self, tmp_path):
        X, y = TABLES[MULTI]
        clf = DNNClassifier((4,), epochs=3, random_state=0).fit(X, y)
        clf.model_.layers[-1].activation = keras.activations.linear
        clf.model_.compile("adam", SPARSE)
        check(clf, X, y, "logits")
        np.testing.assert_allclose(run_onnx(clf, tmp_path / "file.onnx", X), clf.predict_proba(X), atol=1e-5)
        check(pickle.loads(pickle.dumps(clf)), X, y, "logits")
        check(clf.partial_fit(X, y), X, y, "logits")
