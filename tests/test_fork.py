"""Children of a fork: networks work where TensorFlow was not started before, and say what to do where it was.

Each test is a script in a process of its own, which forks; a child that hangs is an error of that script.
"""

import os
import signal
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")]

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the threads of a process")

SCRIPT = """
import copy, io, os, pickle, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")

X, y = np.eye(8), [0, 1] * 4

def in_fork(*calls):
    '''Print what each call does in a child: "done", or the error.'''
    pid = os.fork()
    if pid == 0:
        for call in calls:
            try:
                call()
            except Exception as error:
                print("RuntimeError" if isinstance(error, RuntimeError) else repr(error), *str(error).splitlines())
            else:
                print("done")
        sys.stdout.flush()
        os._exit(0)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        time.sleep(0.02)
    os.kill(pid, 9)
    print("hangs")

def network(**params):
    '''Return an estimator whose network TensorFlow trains.'''
    from skdeep import DNNClassifier
    return DNNClassifier((4,), **{"epochs": 1, "random_state": 0, "optimizer": "nadam"} | params)

def own():
    from skdeep import KerasClassifier
    return KerasClassifier(model, epochs=1, verbose=0)

def model():
    import keras
    layers = keras.layers
    model = keras.Sequential([keras.Input((8,)), layers.Dense(4), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    return model
"""
STARTED = "clf = network().fit(X, y)\nclf.predict(X)\n"
REFUSED = "RuntimeError Networks cannot be used in this process: it was forked after TensorFlow had been started"


def lines_of(code, *arguments, **environment):
    """Return the lines that a script prints, after what all scripts have."""
    return printed([sys.executable, "-u", "-c", SCRIPT + code, *map(str, arguments)], **environment)


def printed(command, **environment):
    """Return the lines that a command prints; if it hangs, it is killed with its children."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"} | environment,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=200)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode == 0, errors
    return output.splitlines()


def is_refused(line):
    return line.startswith(REFUSED) and "'spawn'" in line and "'loky'" in line


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Pickles and a file of fitted estimators."""
    folder = tmp_path_factory.mktemp("saved")
    code = """
import skdeep
os.chdir(sys.argv[1])
for name, estimator in {"ready": network(), "own": own()}.items():
    with open(f"{name}.pickle", "wb") as file:
        pickle.dump(estimator.fit(X, y), file)
skdeep.save(network().fit(X, y), "ready.skdeep")
"""
    assert lines_of(code, folder) == []
    return folder


LOAD = "os.chdir(sys.argv[1])\nimport skdeep\nclf = pickle.load(open('ready.pickle', 'rb'))\n"


class TestBeforeTensorFlowStarts:
    def test_what_was_loaded_before_works_in_each_child(self, saved):
        code = f"""{LOAD}
own = pickle.load(open("own.pickle", "rb"))
filed = skdeep.load("ready.skdeep")
calls = [lambda each=each: each.predict(X) for each in (clf, own, filed)] + [lambda: network().fit(X, y)]
in_fork(*calls)
import keras
import tensorflow as tf
keras.utils.set_random_seed(0)
tf.config.list_physical_devices()
in_fork(*calls)
"""
        assert lines_of(code, saved) == ["done"] * 8

    def test_a_child_that_starts_it_works_and_its_own_child_is_refused(self, saved):
        code = f"""{LOAD}
import keras
import tensorflow as tf
starts = {{
    "variable": lambda: keras.Variable(0.0),
    "tensor": lambda: tf.constant(0.0),
    "model": model,
    "devices": lambda: tf.config.list_logical_devices(),
    "summary": lambda: clf.summary(),
}}
for start in starts.values():
    in_fork(lambda: (start(), in_fork(lambda: clf.model_), clf.model_))
clf.model_
print("parent too")
"""
        *lines, parent = lines_of(code, saved)
        assert len(lines) == 10
        assert all(map(is_refused, lines[::2]))
        assert lines[1::2] == ["done"] * 5
        assert parent == "parent too"


class TestAfterTensorFlowStarted:
    def test_all_that_needs_a_network_is_refused_and_the_parent_goes_on(self, tmp_path):
        code = f"""{STARTED}
import skdeep
fitted = own().fit(X, y)
changed = network().fit(X, y)
changed.model_.layers[-1].trainable = False
clf.summary()  # so that it has a live network, if another fit took its own
images = np.ones((8, 9, 9))
cnn = skdeep.CNNClassifier((2,), epochs=1).fit(images, y)
stored = pickle.dumps(cnn)
path = os.path.join(sys.argv[1], "network")
each = (clf, fitted)
in_fork(
    lambda: cnn.predict(images),
    lambda: changed.predict(X),
    lambda: clf.partial_fit(X, y),
    *(lambda e=e: e.summary() for e in each),
    *(lambda e=e: e.model_ for e in each),
    *(lambda e=e: e.to_keras(path + ".keras") for e in each),
    *(lambda e=e: e.to_onnx(path + ".onnx") for e in each),
    *(lambda e=e: pickle.dumps(e) for e in (*each, changed)),
    *(lambda e=e: copy.deepcopy(e) for e in (clf, changed)),
    *(lambda e=e: skdeep.save(e, path) for e in each),
    lambda: pickle.loads(stored).predict(images),
    lambda: network().fit(X, y),
    lambda: network(warm_start=True).fit(X, y),
    lambda: own().fit(X, y),
    lambda: own().initialize(X, y),
    lambda: skdeep.MLPRegressor(optimizer="nadam").fit(X, y),
    lambda: skdeep.CNNClassifier().fit(images, y),
)
clf.partial_fit(X, y).predict(X)
print("parent goes on", os.listdir(sys.argv[1]))
"""
        *refused, parent = lines_of(code, tmp_path)
        assert len(refused) == 25
        assert [line for line in refused if not is_refused(line)] == []
        assert parent == "parent goes on []"

    def test_networks_that_numpy_trains_work(self):
        code = f"""{STARTED}
import skdeep
from sklearn.model_selection import cross_val_score
fitted = network(optimizer="adam").fit(X, y)
waiting = pickle.loads(pickle.dumps(fitted))
of_users = own().fit(X, y)
in_fork(
    lambda: copy.deepcopy(of_users).partial_fit(X, y).predict(X),
    lambda: fitted.partial_fit(X, y).predict(X),
    lambda: waiting.partial_fit(X, y).predict(X),
    lambda: np.testing.assert_array_equal(fitted.predict_proba(X), waiting.predict_proba(X)),
    lambda: fitted.set_params(warm_start=True).fit(X, y),
    lambda: (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)),
    lambda: cross_val_score(skdeep.MLPRegressor(epochs=2), X, y, cv=2),
)
"""
        assert lines_of(code) == ["done"] * 7

    def test_what_needs_no_network_works(self):
        code = f"""{STARTED}
import skdeep
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
waiting = pickle.loads(pickle.dumps(clf))
fitted = own().fit(X, y)
expected = clf.predict_proba(X), fitted.predict_proba(X)
given = skdeep.KerasClassifier(model())
in_fork(
    lambda: skdeep.ScaleToUnit().fit_transform(X),
    lambda: make_pipeline(skdeep.Reshape((2, 4)), skdeep.Flatten()).fit_transform(X),
    lambda: (clf.history_, clf.classes_, clf.n_iter_, clf.get_params()),
    lambda: (repr(clf), clf._repr_html_(), make_pipeline(skdeep.ScaleToUnit(), clf)._repr_html_()),
    lambda: (clone(clf), clone(given), copy.deepcopy(network()), pickle.dumps(network())),
    lambda: pickle.loads(pickle.dumps(waiting)),
    lambda: np.testing.assert_array_equal([clf.predict_proba(X), fitted.predict_proba(X)], expected),
    lambda: np.testing.assert_array_equal(waiting.predict_proba(X), expected[0]),
    lambda: (skdeep.programs.info(), skdeep.programs.clear()),
    lambda: globals().pop("clf"),
)
"""
        assert lines_of(code) == ["done"] * 10

    def test_a_pickle_of_an_estimator_that_holds_a_model(self, tmp_path):
        path = tmp_path / "holds.pickle"
        code = "from skdeep import KerasClassifier\npickle.dump(KerasClassifier(model()), open(sys.argv[1], 'wb'))\n"
        lines_of(code, path)
        code = "clf = pickle.load(open(sys.argv[1], 'rb'))\nin_fork(lambda: clf.fit(X, y), lambda: pickle.dumps(clf))\n"
        assert all(map(is_refused, lines_of(code, path)))

    def test_a_grandchild_and_a_daemon(self):
        code = f"""{STARTED}
def daemon():
    if os.fork():
        os._exit(0)
    os.setsid()
    try:
        clf.model_
    except RuntimeError as error:
        os.write(writing, str(error).encode())
    os._exit(0)
reading, writing = os.pipe()
in_fork(lambda: in_fork(lambda: clf.model_))
in_fork(lambda: in_fork(sys.exit))  # which does all that Python does at its end
in_fork(daemon)
os.close(writing)
print("RuntimeError", os.read(reading, 1000).decode())
"""
        grandchild, *done, daemon = lines_of(code)
        assert is_refused(grandchild)
        assert done == ["done"] * 2
        assert is_refused(daemon)

    def test_while_another_thread_of_the_parent_trains(self):
        code = f"""{STARTED}
import threading
ends = threading.Event()
def work():
    while not ends.is_set():
        network(epochs=3).fit(X, y)
thread = threading.Thread(target=work)
thread.start()
for _ in range(10):
    in_fork(lambda: clf.predict(X), lambda: clf.model_, lambda: network().fit(X, y))
ends.set()
thread.join()
"""
        lines = lines_of(code)
        assert lines[::3] == ["done"] * 10
        assert len(lines) == 30
        assert all(map(is_refused, lines[1::3] + lines[2::3]))

    def test_while_another_thread_of_the_parent_predicts(self):
        code = f"""{STARTED}
import threading
ends = threading.Event()
many = np.random.default_rng(0).normal(size=(20_000, 8))
def work():
    while not ends.is_set():
        clf.predict(many)
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
expected = clf.predict_proba(many[:9])
for _ in range(20):
    in_fork(lambda: np.testing.assert_array_equal(clf.predict_proba(many[:9]), expected))
ends.set()
for thread in threads:
    thread.join()
"""
        assert lines_of(code) == ["done"] * 20


ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}


@ON_LINUX
@pytest.mark.parametrize("environment", [{}, pytest.param(ONE_THREAD, marks=pytest.mark.slow)])
def test_skdeep_is_first_imported_in_the_child(saved, environment):
    code = """
import keras
calls = [lambda: pickle.load(open(f"{sys.argv[1]}/ready.pickle", "rb")).model_, lambda: network().fit(X, y)]
in_fork(*calls)
in_fork(lambda: (model(), *(call() for call in calls)))  # started before skdeep is imported, by the same process
model()
assert "skdeep" not in sys.modules
in_fork(*calls)
for call in calls:
    call()
print("parent too")
"""
    *done, first, second, parent = lines_of(code, saved, **environment)
    assert done == ["done"] * 3
    assert is_refused(first)
    assert is_refused(second)
    assert parent == "parent too"


WORKERS = """
import multiprocessing, pickle, sys
from concurrent.futures import ProcessPoolExecutor

def counted(clf):
    return clf.model_.count_params()

def put(clf, queue):
    queue.put(said(counted, clf))

def said(function, *args):
    try:
        return str(function(*args))
    except RuntimeError as error:
        return f"RuntimeError {error}"

if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        clf = pickle.load(file)
    context = multiprocessing.get_context(sys.argv[2])
    if sys.argv[3] == "used":
        clf.model_
    queue = context.Queue()
    process = context.Process(target=put, args=(clf, queue))
    process.start()
    print(queue.get(timeout=100))
    process.join(20)
    with context.Pool(1) as pool:
        print(said(pool.apply_async(counted, (clf,)).get, 100))
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        print(said(pool.submit(counted, clf).result, 100))
    print(process.exitcode)
"""


@pytest.mark.parametrize(
    "method, when",
    [
        ("fork", "loaded"),
        ("fork", "used"),
        pytest.param("spawn", "used", marks=pytest.mark.slow),
        pytest.param("forkserver", "used", marks=pytest.mark.slow),
    ],
)
def test_processes_of_the_standard_library(saved, tmp_path, method, when):
    path = tmp_path / "workers.py"
    path.write_text(WORKERS)
    command = [sys.executable, str(path), str(saved / "ready.pickle"), method, when]
    *said, exitcode = printed(command)
    assert exitcode == "0"
    assert len(said) == 3
    assert all(map(is_refused, said)) if (method, when) == ("fork", "used") else said == ["41"] * 3


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="joblib starts these processes by 'forkserver' there")
@pytest.mark.parametrize("started", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_search_in_joblib_s_backend_multiprocessing(started):
    code = f"""
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV
{STARTED if started else ""}
with parallel_config(backend="multiprocessing"):
    for estimator in (network(), own()):
        search = GridSearchCV(estimator, {{"epochs": [1, 2]}}, cv=2, n_jobs=2, refit=False)
        try:
            print(np.isfinite(search.fit(X, y).cv_results_["mean_test_score"]).all())
        except ValueError as error:
            print(*str(error).splitlines())
"""
    ready, of_own = lines_of(code)
    if started:
        for line in (ready, of_own):
            assert "All the 4 fits failed" in line
            assert REFUSED.removeprefix("RuntimeError ") in line
    else:
        assert (ready, of_own) == ("True", "True")
