"""Searches, cross-validation and ensembles on a Dask cluster: a scheduler and two workers, each a process of its own.

The cluster is that of examples/cluster_search.py. Everything is compared with what comes out without it, bit for bit.
"""

import importlib.util
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import cloudpickle
import numpy as np
import psutil
import pytest
from distributed import Client
from joblib import parallel_config
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score

from skdeep import CNNClassifier, DNNClassifier

SCRIPT = Path(__file__).parents[1] / "examples" / "cluster_search.py"
spec = importlib.util.spec_from_file_location("cluster_search", SCRIPT)
example = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]  # whatever hangs: the processes are ended then, too


@pytest.fixture(scope="module")
def client():
    with example.local_cluster(2) as address, Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        yield client


@pytest.fixture(autouse=True)
def two_workers(request):
    """Wait for the worker that takes the place of a killed one."""
    if "client" in request.fixturenames:
        request.getfixturevalue("client").wait_for_workers(2, timeout=60)


def make_search(X, y, epochs):
    clf = DNNClassifier(epochs=epochs, batch_size=32, random_state=0)
    grid = {"hidden_layer_sizes": [(20,), (20, 10)], "dropout": [0.0, 0.2]}
    scoring = ["accuracy", "neg_log_loss"]
    folds = example.Folds(StratifiedKFold(3), X, y)
    return GridSearchCV(clf, grid, cv=folds, scoring=scoring, refit=False, pre_dispatch="all", return_train_score=True)


def assert_same_results(search, alone):
    assert search.cv_results_.keys() == alone.cv_results_.keys()
    assert len(set(alone.cv_results_["mean_test_neg_log_loss"])) == 4
    assert example.differences(search.cv_results_, alone.cv_results_) == []


def sent(client, kind):
    """Return the sizes of the arrays that went from worker to worker, by what their logs of transfers hold."""
    logs = client.run(lambda dask_worker: [each["keys"] for each in getattr(dask_worker, f"transfer_{kind}_log")])
    return [size for log in logs.values() for keys in log for size in keys.values()]


def test_the_same_search_and_the_data_are_sent_to_each_worker_once(client, digits):
    X, y = digits.data[:1101] / 16, digits.target[:1101]
    with example.Progress(client, 12) as progress:
        search = example.search_on(client, make_search(X, y, epochs=3), X, y)
    assert len(progress.fits()) == 2  # both have worked
    assert progress.fits().total() == 12
    # The search goes along with each fit, so it must be small without the rows of its folds.
    assert len(cloudpickle.dumps(search)) < 10_000
    # One worker had X from the scheduler, and gave it to the other before the search. No fit had to ask for it.
    assert sent(client, "outgoing").count(X.nbytes) == 1
    assert sent(client, "incoming").count(X.nbytes) == 0
    assert_same_results(search, make_search(X, y, epochs=3).fit(X, y))


def kill_a_busy_worker(client, progress):
    """Kill a worker in the middle of a fit; return its address and the task that it had not finished."""
    process_ids = client.run(os.getpid)
    while progress.fits().total() < 3:
        time.sleep(0.05)
    while True:
        for worker, stacks in client.call_stack().items():  # of the tasks that are running
            task = next(iter(stacks))
            os.kill(process_ids[worker], signal.SIGSTOP)
            time.sleep(0.5)  # whatever it has sent has arrived
            if task in client.processing()[worker]:
                os.kill(process_ids[worker], signal.SIGKILL)
                return worker, task
            os.kill(process_ids[worker], signal.SIGCONT)


def test_a_worker_killed_in_the_middle_of_a_search_changes_nothing(client, digits):
    X, y = digits.data[:1102] / 16, digits.target[:1102]
    with (
        example.Progress(client, 12) as progress,
        ThreadPoolExecutor() as executor,
    ):
        killing = executor.submit(kill_a_busy_worker, client, progress)
        search = example.search_on(client, make_search(X, y, epochs=20), X, y)
        dead, task = killing.result(timeout=10)
    done = {each["key"]: each["worker"] for each in client.get_task_stream()}
    assert done[task] != dead
    assert progress.fits()[dead] < progress.fits().total() == 12
    assert_same_results(search, make_search(X, y, epochs=20).fit(X, y))


@pytest.mark.parametrize(
    "clf",
    [DNNClassifier((20,), epochs=3, random_state=0), CNNClassifier((4,), epochs=2, random_state=0)],
    ids=["dense", "convolutions"],
)
def test_cross_validation(clf, client, digits):
    X, y = digits.images[:603], digits.target[:603]
    if isinstance(clf, DNNClassifier):
        X = X.reshape(len(X), -1)
    with parallel_config(backend="dask", client=client):
        scores = cross_val_score(clf, X, y, scoring="neg_log_loss")
    np.testing.assert_array_equal(scores, cross_val_score(clf, X, y, scoring="neg_log_loss"))


def test_bagging(client, digits):
    """Fitted networks come back, and go out again to predict."""
    X, y = digits.data[:604], digits.target[:604].astype(str)
    bagging = BaggingClassifier(DNNClassifier((20,), epochs=3, random_state=0), n_estimators=4, random_state=0)
    alone = bagging.fit(X, y).predict_proba(X)
    with parallel_config(backend="dask", client=client):
        there = bagging.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(bagging.predict_proba(X), alone)
    # With two workers scikit-learn adds two sums of two networks, instead of one network after the other.
    np.testing.assert_allclose(there, alone, rtol=1e-14)


@contextmanager
def started(*arguments, seconds=100):
    """Start the example; one that hangs is told to end."""
    process = subprocess.Popen(
        [sys.executable, "-u", SCRIPT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    watchdog = threading.Timer(seconds, process.terminate)
    watchdog.start()
    try:
        with process:
            yield process
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.terminate()
            process.wait()


def test_the_example_with_an_existing_cluster(client):
    with started("--address", client.scheduler.address, "--epochs", "2", "--check") as process:
        output = process.stdout.read()
    assert process.returncode == 0, output
    assert "workers: 2" in output
    assert "27 of 27 fits" in output
    assert "The same bits as with n_jobs=1." in output


def test_the_example_kills_a_worker_goes_on_and_ends_all_processes_at_ctrl_c():
    with started("--kill", "--epochs", "60") as process:
        lines = iter(process.stdout.readline, "")
        assert any("killed the worker tcp://127.0.0.1" in line for line in lines)
        assert any(re.match(r"  1\d of 27 fits", line) for line in lines)
        begun = psutil.Process(process.pid).children(recursive=True)
        assert len(begun) >= 4  # the scheduler, two nannies, and workers
        process.send_signal(signal.SIGINT)
        assert "Interrupted." in process.stdout.read()
    assert process.returncode == 130
    _, alive = psutil.wait_procs(begun, timeout=10)
    assert [each for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []
