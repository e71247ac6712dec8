"""What happens when a search is interrupted, a worker dies, memory runs out, or TensorFlow is missing.

Each test does it, in processes of its own. Files are in test_persistence and test_files; what an interrupt leaves is in
test_training, and how it is not lost in test_interrupts.
"""

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow

SEARCH = """
import os, signal, sys, warnings
import keras
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from skdeep import DNNClassifier

class Kill(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        os.kill(os.getpid(), signal.SIGKILL)

def search(n_jobs, grid, **params):
    clf = DNNClassifier((8,), **{"epochs": 2, "random_state": 0} | params)
    return GridSearchCV(clf, grid, cv=2, n_jobs=n_jobs).fit(*load_iris(return_X_y=True))
"""


def start(code, *arguments, **options):
    """Start Python in a process group of its own, with both outputs in one."""
    command = [sys.executable, "-u", "-c", code, *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, **options
    )


def finish(process, seconds=120):
    """Return what the process printed; one that hangs is killed, and an error."""
    try:
        return process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise


def wait_for(process, text):
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"The process ended before it printed {text!r}.")


def is_alive(process):
    """Whether any process of the group is."""
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestInterrupt:
    """One Ctrl-C, which a terminal sends to all processes of a group, ends whatever runs."""

    @pytest.mark.parametrize(
        "statement",
        [
            "clf.fit(X, y)",
            "while True: clf.partial_fit(np.tile(X, (100, 1)), np.tile(y, 100), classes=[0, 1, 2])",
            "GridSearchCV(clf, {'alpha': [0, 1]}, cv=2).fit(X, y)",
            "GridSearchCV(clf, {'alpha': [0, 1]}, cv=2, n_jobs=2).fit(X, y)",
            "cross_val_score(clf, X, y)",
        ],
        ids=["fit", "partial_fit", "search", "search with workers", "cross-validation"],
    )
    def test_it_ends(self, statement):
        code = f"""{SEARCH}
import numpy as np
from sklearn.model_selection import cross_val_score

class Tell(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:  # an interrupt may come before this returns: then two epochs are whole
            print("training", flush=True)

X, y = load_iris(return_X_y=True)
clf = DNNClassifier((8,), epochs=1_000_000, random_state=0, callbacks=Tell())
try:
    {statement}
except KeyboardInterrupt:
    print("parent: interrupted", getattr(clf, "n_iter_", 2) >= 2)
"""
        process = start(code)
        wait_for(process, "training")
        os.killpg(process.pid, signal.SIGINT)
        assert "parent: interrupted True" in finish(process, 30)
        for _ in range(200):
            if not is_alive(process):
                return
            time.sleep(0.1)
        pytest.fail("Workers are left.")


class TestSearch:
    def test_a_killed_worker_is_reported_and_the_next_search_works(self):
        code = f"""{SEARCH}
try:
    search(2, {{"callbacks": [None, Kill]}})
except Exception as error:
    print("parent:", type(error).__name__, "SIGKILL" in str(error))
print("next:", search(2, {{"dropout": [0.0, 0.1]}}).cv_results_["mean_test_score"].shape)
"""
        process = start(code)
        output = finish(process)
        assert "parent: TerminatedWorkerError True" in output
        assert "next: (2,)" in output
        assert process.returncode == 0

    def test_workers_without_tensorflow_are_named_as_the_reason(self, tmp_path):
        (tmp_path / "tensorflow.py").write_text("raise ImportError('no TensorFlow in this process')")
        code = f"""{SEARCH}
sys.path.insert(0, sys.argv[1])  # which workers take over
try:
    search(2, {{"optimizer": ["nadam"], "dropout": [0.0, 0.1]}})
except ValueError as error:
    print(error)
"""
        # The parent has it, or the workers would not get so far.
        output = finish(start(code.replace("import keras\n", "import keras, tensorflow\n"), str(tmp_path)))
        assert "All the 4 fits failed." in output
        assert "skdeep needs TensorFlow and Keras for networks, which cannot be imported here: no TensorFlow" in output


MEMORY = """
import resource, sys
import numpy as np
import skdeep
from sklearn.datasets import load_iris

X, y = load_iris(return_X_y=True)
clf = skdeep.DNNClassifier((2000,), optimizer="nadam", epochs=1, random_state=0).fit(X, y)  # TensorFlow trains
before = clf.predict_proba(X)
with open("/proc/self/status") as file:
    now = next(int(line.split()[1]) for line in file if line.startswith("VmSize")) * 1024
resource.setrlimit(resource.RLIMIT_AS, (now + 500 * 2**20,) * 2)
try:
    {statement}
except MemoryError as error:
    print("MemoryError:", error)
print("as before:", (clf.predict_proba(X) == before).all())
print("goes on:", clf.partial_fit(X, y).n_iter_)
"""


class TestMemory:
    @pytest.mark.parametrize(
        "statement, message",
        [
            (
                "clf.set_params(hidden_layer_sizes=(20_000, 20_000)).fit(X, y)",
                "There is not enough memory for the network or",
            ),
            (
                "clf.set_params(batch_size=10**6).partial_fit(np.tile(X, (1000, 1)), np.tile(y, 1000))",
                "There is not enough memory for a batch of 150000 rows: the outputs of the layers alone take 2,293 MB",
            ),
            ("clf.predict(np.broadcast_to(X[:1], (10**8, 4)))", "Unable to allocate"),
        ],
        ids=["network", "batch", "prediction"],
    )
    def test_running_out_is_a_memory_error(self, statement, message):
        """In the bounds of what can be known before; see docs/reliability.md."""
        process = start(MEMORY.replace("{statement}", statement))
        output = finish(process)
        assert f"MemoryError: {message}" in output
        assert "as before: True" in output
        assert "goes on: 2" in output
        assert process.returncode == 0
