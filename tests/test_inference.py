"""Predictions by NumPy: those of Keras, the same bits whatever is predicted beside a row, and no framework needed."""

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading

import cloudpickle
import joblib
import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits

import skdeep
from skdeep import CNNClassifier, DNNClassifier, DNNRegressor, KerasClassifier, KerasRegressor, MLPClassifier
from skdeep._inference import layer_stack
from skdeep._inference.activations import ACTIVATIONS

SETTINGS = {"epochs": 1, "verbose": 0, "random_state": 0}


def close(found, expected):
    """Check that outputs are equal to 1e-5 of the largest."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def own(*layers, shape=(6,), n_outputs=3):
    """Return a regressor with these layers before the output, fitted, with its X."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, *shape)).astype(np.float32)

    def build():
        model = keras.Sequential([keras.Input(shape), *layers, keras.layers.Dense(n_outputs)])
        model.compile("adam", "mse")
        return model

    return KerasRegressor(build, **SETTINGS).fit(X, rng.normal(size=(300, n_outputs))), X


def by_keras(estimator, X):
    return np.asarray(copy.deepcopy(estimator).model_(X, training=False))


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_are_those_of_keras(name, iris):
    X = 20 * iris[0]
    reg, rows = own(keras.layers.Dense(32, name), keras.layers.Activation(name))
    assert reg.summary().predicted_by == "NumPy"
    rows *= 1 if name == "exponential" else 5
    close(reg.predict(rows), by_keras(reg, rows))
    X = iris[0] if name == "exponential" else X
    dense = DNNClassifier((16, 8), activation=name, epochs=1, random_state=0).fit(X, iris[1])
    assert dense.summary().predicted_by == "NumPy"
    close(dense.predict_proba(X), by_keras(dense, X.astype(np.float32)))


def normalization():
    layer = keras.layers.Normalization()
    layer.adapt(np.random.default_rng(1).normal(3, 5, size=(100, 6)).astype(np.float32))
    return layer


@pytest.mark.parametrize(
    "make, shape",
    [
        (lambda: [keras.layers.BatchNormalization(), keras.layers.Dense(5, "relu")], (6,)),
        (lambda: [keras.layers.Dense(5), keras.layers.BatchNormalization(scale=False, center=False)], (6,)),
        (lambda: [keras.layers.Dropout(0.5), keras.layers.Dense(70, use_bias=False)], (6,)),
        (lambda: [keras.layers.Rescaling(0.1, 3.0), keras.layers.Dense(1)], (6,)),
        (lambda: [keras.layers.Rescaling([0.1, 1, 2, 3, 4, 5], -1.0)], (6,)),
        (lambda: [normalization(), keras.layers.Dense(5, "selu")], (6,)),
        (lambda: [keras.layers.Normalization(mean=2.0, variance=3.0), keras.layers.Flatten()], (4, 3)),
        (lambda: [keras.layers.Flatten(), keras.layers.Dense(9, "gelu")], (4, 3, 2)),
        (lambda: [keras.layers.Reshape((2, -1)), keras.layers.Activation("softmax"), keras.layers.Flatten()], (6,)),
        (lambda: [keras.layers.Dense(300, "tanh"), keras.layers.Dense(2, keras.activations.softsign)], (6,)),
    ],
)
def test_layers_are_those_of_keras(make, shape):
    reg, X = own(*make(), shape=shape)
    assert reg.summary().predicted_by == "NumPy"
    close(reg.predict(X), by_keras(reg, X))
    for again in (pickle.loads(cloudpickle.dumps(reg)), reg):
        np.testing.assert_array_equal(again.predict(X[7:8]), reg.predict(X)[7:8])


class Mine(keras.layers.Dense):
    def call(self, inputs):
        return -super().call(inputs)


def set_otherwise():
    layer = keras.layers.Dense(4, use_bias=False)
    layer.call = lambda inputs, training=None: 2 * keras.ops.matmul(inputs, layer.kernel)
    return layer


@pytest.mark.parametrize(
    "make",
    [
        lambda: [Mine(4)],
        lambda: [set_otherwise()],
        lambda: [keras.layers.Dense(4, lambda x: x**2)],
        lambda: [keras.layers.Dense(4, dtype="float64")],
        lambda: [keras.layers.Reshape((3, 2)), keras.layers.Dense(4), keras.layers.Flatten()],
        lambda: [keras.layers.Reshape((6, 1)), keras.layers.Conv1D(2, 2), keras.layers.Flatten()],
        lambda: [keras.layers.LayerNormalization()],
        lambda: [keras.layers.UnitNormalization()],
    ],
)
def test_all_else_is_computed_by_keras(make):
    reg, X = own(*make())
    assert reg.summary().predicted_by == "TensorFlow"
    close(reg.predict(X), by_keras(reg, X))


def test_networks_that_branch_are_computed_by_keras(iris):
    def build():
        x = keras.Input((4,))
        hidden = keras.layers.Dense(5)(x)
        outputs = keras.layers.Dense(3, "softmax")(keras.layers.Add()([hidden, keras.layers.Dense(5)(x)]))
        model = keras.Model(x, outputs)
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    clf = KerasClassifier(build, **SETTINGS).fit(*iris)
    assert clf.summary().predicted_by == "TensorFlow"
    assert CNNClassifier((2,), epochs=1).fit(*iris).summary().predicted_by == "TensorFlow"
    for policy in ("float64", "mixed_bfloat16"):
        clf = DNNClassifier(epochs=1, dtype_policy=policy).fit(*iris)
        assert clf.summary().predicted_by == "TensorFlow"


SIZES = [(1, 1), (2, 5), (17, 33), (100, 50), (127, 1), (784, 100), (2048, 3)]


def table(n_features):
    return np.random.default_rng(n_features).normal(size=(10_000, n_features)).astype(np.float32)


@pytest.mark.parametrize("n_features, width", SIZES)
def test_a_row_gives_the_same_bits_in_any_batch(n_features, width):
    X = table(n_features)
    reg = DNNRegressor((width, 7), activation="tanh", epochs=1, random_state=0).fit(X[:200], X[:200, 0])
    whole = reg.predict(X)
    for n_rows in (1, 2, 3, 7, 8, 15, 16, 17, 100, 1000):
        for start in (0, 1, 5, 4000):
            np.testing.assert_array_equal(reg.predict(X[start : start + n_rows]), whole[start : start + n_rows])
    orders = [X[::-1], np.asfortranarray(X), X.astype(np.float64)]
    for same, back in zip(orders, (-1, 1, 1), strict=True):
        np.testing.assert_array_equal(reg.predict(same), whole[::back])


def test_threads_and_their_number_change_no_bits(iris):
    X = table(100)
    reg = DNNRegressor((300, 70), epochs=1, random_state=0).fit(X[:200], X[:200, 0])
    expected = reg.predict(X)
    for n_threads in (1, 2, 3):
        with threadpool_limits(n_threads, user_api="blas"):
            np.testing.assert_array_equal(reg.predict(X), expected)
    found = []
    threads = [threading.Thread(target=lambda: found.append(reg.predict(X))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert all(np.array_equal(each, expected) for each in found)
    loky = joblib.Parallel(2)(joblib.delayed(reg.predict)(X[start : start + 100]) for start in (0, 300))
    np.testing.assert_array_equal(loky[1], expected[300:400])


def test_the_threads_of_blas_are_as_before(iris):
    clf = MLPClassifier((5,), epochs=1).fit(*iris)
    for n_threads in (2, 1):
        with threadpool_limits(n_threads, user_api="blas"):
            before = [each["num_threads"] for each in threadpool_info()]
            clf.predict(iris[0])
            assert [each["num_threads"] for each in threadpool_info()] == before


@pytest.mark.slow
@pytest.mark.parametrize("n_threads", ["1", "2", None])
def test_processes_with_any_number_of_threads(n_threads, tmp_path):
    reg = DNNRegressor((100, 50), epochs=1, random_state=0).fit(table(784)[:200], table(784)[:200, 0])
    joblib.dump(reg, tmp_path / "reg")
    np.save(tmp_path / "X.npy", table(784)[:3000])
    code = f"import joblib, numpy as np; X = np.load({str(tmp_path / 'X.npy')!r}); "
    code += f"np.save({str(tmp_path / 'y.npy')!r}, joblib.load({str(tmp_path / 'reg')!r}).predict(X))"
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    environment |= {} if n_threads is None else {"OPENBLAS_NUM_THREADS": n_threads}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), reg.predict(table(784)[:3000]))


class TestTheSameBits:
    """Whatever became of the estimator, and whatever it goes through."""

    def test_of_copies_and_files(self, iris, tmp_path):
        X, y = iris
        clf = DNNClassifier((30, 20), epochs=2, batch_normalization=True, random_state=0).fit(X, y)
        expected = clf.predict_proba(X)
        skdeep.save(clf, tmp_path / "file")
        others = [pickle.loads(pickle.dumps(clf)), copy.copy(clf), copy.deepcopy(clf), skdeep.load(tmp_path / "file")]
        DNNClassifier((30, 20), epochs=1, batch_normalization=True).fit(X, y)  # which takes the program
        for other in (*others, clf):
            np.testing.assert_array_equal(other.predict_proba(X), expected)
            assert other.model_ is other.model_
            np.testing.assert_array_equal(other.predict_proba(X), expected)

    def test_of_training_on(self, iris):
        X, y = iris
        clf = DNNClassifier((30,), epochs=1, random_state=0).fit(X, y)
        loaded, held = pickle.loads(pickle.dumps(clf)), clone(clf).fit(X, y)
        assert held.model_ is held.model_
        for _ in range(2):
            for each in (clf, loaded, held):
                each.partial_fit(X, y)
            np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
            np.testing.assert_array_equal(held.predict_proba(X), clf.predict_proba(X))
            close(clf.predict_proba(X), by_keras(clf, X.astype(np.float32)))


def test_a_model_that_was_handed_out_is_read_as_it_is(iris):
    X, y = iris
    clf = DNNClassifier((8,), epochs=1, random_state=0).fit(X, y)
    model = clf.model_
    before = clf.predict_proba(X)
    model.set_weights([weights + 0.1 for weights in model.get_weights()])
    assert not np.array_equal(clf.predict_proba(X), before)
    close(clf.predict_proba(X), np.asarray(model(X.astype(np.float32))))
    model.get_layer("hidden_1").activation = keras.activations.tanh
    close(clf.predict_proba(X), np.asarray(model(X.astype(np.float32))))
    model.get_layer("hidden_1").activation = lambda x: x**2
    close(clf.predict_proba(X), np.asarray(model(X.astype(np.float32))))
    assert clf.summary().predicted_by == "TensorFlow"


def test_predictions_in_a_callback_are_by_the_weights_of_the_moment(iris):
    X, y = iris
    found, expected = [], []

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            found.append(clf.predict_proba(X))
            expected.append(np.asarray(self.model(X.astype(np.float32))))

    clf = DNNClassifier((8,), epochs=1, random_state=0).fit(X, y)
    clf.set_params(callbacks=Look()).partial_fit(X, y).partial_fit(X, y)
    assert len(found) == 2
    for ours, theirs in zip(found, expected, strict=True):
        close(ours, theirs)


def test_a_process_that_only_predicts_imports_no_framework(iris, tmp_path):
    X, y = iris
    pipe = make_pipeline(StandardScaler(), DNNClassifier((8,), epochs=1, random_state=0)).fit(X, y)
    reg, rows = own(keras.layers.Dense(4, "relu"))
    skdeep.save(pipe, tmp_path / "pipe.skdeep")
    joblib.dump([pipe, reg.set_params(model=None)], tmp_path / "both.joblib")
    np.savez(tmp_path / "data.npz", X=X, rows=rows)
    code = (
        "import pathlib, sys, joblib, numpy as np, skdeep; "
        f"here = pathlib.Path({str(tmp_path)!r}); data = np.load(here / 'data.npz'); "
        "pipe, reg = joblib.load(here / 'both.joblib'); "
        "out = [pipe.predict_proba(data['X']), pipe.decision_function(data['X']), reg.predict(data['rows'])]; "
        "assert (skdeep.load(here / 'pipe.skdeep').predict_proba(data['X']) == out[0]).all(); "
        "print({'tensorflow', 'keras', 'scikeras'} & set(sys.modules)); np.savez(here / 'out.npz', *out)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "set()", "")
    out = np.load(tmp_path / "out.npz")
    expected = [pipe.predict_proba(X), pipe.decision_function(X), reg.predict(rows)]
    for each, ours in zip(out.values(), expected, strict=True):
        np.testing.assert_array_equal(each, ours)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_dense_network_predicts_and_trains_in_a_process_forked_after_tensorflow_was_used(iris):
    X, y = iris
    clf = DNNClassifier((8,), epochs=1, random_state=0).fit(X, y)
    DNNClassifier((8,), optimizer="nadam", epochs=1).fit(X, y)  # which uses it
    loaded = pickle.loads(pickle.dumps(clf))
    context = multiprocessing.get_context("fork")
    reading, writing = context.Pipe(duplex=False)

    def child():
        before = clf.predict_proba(X), loaded.predict_proba(X)
        trained = clf.partial_fit(X, y).predict_proba(X)
        try:
            clf.set_params(optimizer="nadam").fit(X, y)
        except RuntimeError as error:
            writing.send([*before, trained, str(error)])

    process = context.Process(target=child)
    process.start()
    assert reading.poll(60)
    ours, theirs, trained, message = reading.recv()
    process.join()
    np.testing.assert_array_equal(ours, clf.predict_proba(X))
    np.testing.assert_array_equal(theirs, ours)
    np.testing.assert_array_equal(trained, clf.partial_fit(X, y).predict_proba(X))
    assert "forked after TensorFlow had been started" in message


def test_threads_that_predict_while_one_trains_leave_nothing_behind(iris):
    X, y = iris
    clf = DNNClassifier((8,), epochs=1, random_state=0).fit(X, y)
    done = threading.Event()

    def predict():
        while not done.is_set():
            clf.predict_proba(X)

    threads = [threading.Thread(target=predict) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        clf.partial_fit(X, y)
    done.set()
    for thread in threads:
        thread.join()
    close(clf.predict_proba(X), by_keras(clf, X.astype(np.float32)))
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


def test_an_error_in_one_thread_stops_the_others(monkeypatch):
    X = table(784)
    reg = DNNRegressor((100,), epochs=1, random_state=0).fit(X[:200], X[:200, 0])
    outputs, n_calls = layer_stack.LayerStack._outputs, []

    def failing(stack, rows, chunk):
        n_calls.append(chunk)
        if len(n_calls) == 3:
            raise KeyboardInterrupt
        return outputs(stack, rows, chunk)

    monkeypatch.setattr(layer_stack, "_CHUNK_NUMBERS", 2**13)
    monkeypatch.setattr(layer_stack.LayerStack, "_outputs", failing)
    with pytest.raises(KeyboardInterrupt):
        reg.predict(X)
    assert len(n_calls) < 10 < len(X) // 16
