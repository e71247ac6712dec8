"""Search the parameters of a network on a Dask cluster, through joblib.

    python examples/cluster_search.py                  # a scheduler and two workers, processes on this machine
    python examples/cluster_search.py --kill --check   # kill a worker in the middle, and compare with n_jobs=1
    python examples/cluster_search.py --address tcp://192.0.2.1:8786  # a cluster that is there already

Needs Dask's scheduler: pip install 'skdeep[dask]'. The workers of an existing cluster need skdeep in the same versions
as here; docs/scaling.md says how to start them. Of the digits that scikit-learn ships, 27 fits take some fifteen
seconds. The data go to each worker once, progress is shown, and a worker that dies is replaced: the results are the
same bits.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path

import numpy as np
from distributed import Client
from joblib import parallel_config
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline

from skdeep import DNNClassifier, ScaleToUnit

GRID = {
    "dnnclassifier__hidden_layer_sizes": [(50,), (100,), (100, 50)],
    "dnnclassifier__dropout": [0.0, 0.2, 0.4],
}


class Folds:
    """A splitter that has drawn its splits, so that their arrays can be scattered.

    scikit-learn sends the search, and with it its splitter, along with each fit. So copies come without the arrays.
    """

    def __init__(self, cv, X, y):
        self.splits = list(cv.split(X, y))

    def split(self, X=None, y=None, groups=None):
        """Return the pairs of training and test rows."""
        return iter(self.splits)

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return how many there are."""
        return len(self.splits)

    def __getstate__(self):
        return {"splits": None}


def make_search(epochs, folds):
    """Return the search, as it would be without a cluster but for `pre_dispatch`.

    With "all" the scheduler knows of all fits from the beginning, so that machines which join later get their share.
    """
    pipe = make_pipeline(ScaleToUnit(), DNNClassifier(epochs=epochs, batch_size=32, random_state=0))
    return GridSearchCV(pipe, GRID, cv=folds, refit=False, pre_dispatch="all")


def search_on(client, search, X, y):
    """Run a search whose `cv` is `Folds` on the workers of a client."""
    # What is scattered goes to each worker once. Whatever is left out goes to some worker when the first fit needs it,
    # and if that worker dies the search cannot go on: so the rows of the folds are among it, too.
    data = [X, y, *chain.from_iterable(search.cv.splits)]
    with copies_kept(client), parallel_config(backend="dask", client=client, scatter=data):
        return search.fit(X, y)


def check_versions(client):
    """Exit unless all workers have what is here: joblib would wait for ever for a fit that a worker cannot read."""

    def versions():
        from importlib.metadata import PackageNotFoundError, version

        found = {}
        for name in ("skdeep", "scikit-learn", "tensorflow", "keras", "numpy", "joblib"):
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                found[name] = "missing"
        return found

    here = versions()
    for worker, there in client.run(versions).items():
        different = [f"{name} {there[name]} (here {here[name]})" for name in here if there[name] != here[name]]
        if different:
            sys.exit(f"The worker {worker} has other versions: {', '.join(different)}")


@contextmanager
def copies_kept(client):
    """Keep the scheduler from dropping copies of the data that no fit needs at the moment.

    It does so to save memory, until a single worker has the data. If that one died, they would be lost.
    """
    was_running = client.amm.running()
    client.amm.stop()
    try:
        yield
    finally:
        if was_running and client.status == "running":
            client.amm.start()


@contextmanager
def local_cluster(n_workers):
    """Start a scheduler and workers, each a process of its own, and yield the scheduler's address.

    All listen on 127.0.0.1 only. They are ended in every case; should this process be killed, the scheduler ends after
    five minutes without work, and with it the workers.
    """
    with tempfile.TemporaryDirectory(prefix="skdeep-cluster-") as folder, ExitStack() as ended_last_first:
        folder = Path(folder)

        def start(*arguments, name):
            command = [sys.executable, "-m", "dask", *arguments, "--host", "127.0.0.1"]
            command += ["--dashboard-address", "127.0.0.1:0", "--no-dashboard"]
            with open(folder / f"{name}.log", "wb") as log:
                # In a session of its own, so that Ctrl-C reaches this process alone, which then ends the others.
                process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            ended_last_first.callback(end, process)
            return process

        file = folder / "scheduler.json"
        arguments = ["--port", "0", "--scheduler-file", str(file), "--idle-timeout", "300s"]
        scheduler = start("scheduler", *arguments, name="scheduler")
        address = wait_for_address(file, scheduler, folder / "scheduler.log")
        for number in range(n_workers):
            # One thread: one fit at a time. The nanny, a parent that restarts it, is there unless --no-nanny is given.
            arguments = [address, "--nthreads", "1", "--local-directory", str(folder), "--death-timeout", "60s"]
            start("worker", *arguments, name=f"worker-{number}")
        yield address


def wait_for_address(file, scheduler, log, seconds=60):
    """Return the address that a scheduler writes into a file."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and scheduler.poll() is None:
        try:
            return json.loads(file.read_text())["address"]
        except (FileNotFoundError, json.JSONDecodeError):  # not yet there, or not whole
            time.sleep(0.05)
    raise RuntimeError(f"The scheduler did not start:\n{log.read_text()}")


def end(process):
    """End a process and those it has started."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):  # a worker in the middle of a fit, which nobody waits for any more
        process.wait(timeout=3)
    with suppress(ProcessLookupError):  # as it should be
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Progress:
    """Shows how many fits are done, from what the scheduler knows.

    Parameters
    ----------
    client : distributed.Client
    n_fits : int
    kill_at : int, optional
        After so many fits a worker that is busy is killed. It must be on this machine.
    """

    def __init__(self, client, n_fits, kill_at=None):
        self._client = client
        self._n_fits = n_fits
        self._kill_at = kill_at
        self._process_ids = client.run(os.getpid)
        self._earlier = {task["key"] for task in client.get_task_stream()}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._shown = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._is_over.set()
        self._thread.join(timeout=10)
        if exception == (None, None, None):
            self._look()

    def fits(self):
        """Return how many fits each worker has done."""
        done = {}  # by task, since one whose result was lost with its worker is done twice
        for task in self._client.get_task_stream():
            # joblib makes tasks of one or more fits, whose names tell how many.
            match = re.match(r"batch_of__fit_and_score_(\d+)_calls", task["key"])
            if match and task["key"] not in self._earlier and task["status"] == "OK":
                done[task["key"]] = task["worker"], int(match[1])
        counts = Counter()
        for worker, number in done.values():
            counts[worker] += number
        return counts

    def _watch(self):
        while not self._is_over.wait(0.3):
            try:
                self._look()
            except Exception as error:  # of whatever kind: the search itself tells when the cluster is gone
                print(f"  no progress to be shown: {error}", flush=True)
                return

    def _look(self):
        done = self.fits().total()
        if done > self._shown:
            print(f"  {done} of {self._n_fits} fits", flush=True)
            self._shown = done
        if self._kill_at is not None and self._kill_at <= done < self._n_fits:
            self._kill()

    def _kill(self):
        for worker, tasks in self._client.processing().items():
            if tasks and worker in self._process_ids:
                os.kill(self._process_ids[worker], signal.SIGKILL)
                print(f"  killed the worker {worker}, which had {len(tasks)} tasks", flush=True)
                self._kill_at = None
                return


def differences(one, other):
    """Return the names of the columns of two `cv_results_` that are not the same bits; times are left out."""
    names = [name for name in one if not name.endswith("_time")]
    return [name for name in names if not same(one[name], other[name])]


def same(one, other):
    """Tell whether two columns are the same bits."""
    if isinstance(one, np.ndarray) and one.dtype != object:
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    return list(one) == list(other)


def print_table(results):
    """Print the candidates, the best first."""
    print(f"\n{'hidden layers':15} {'dropout':>7} {'accuracy':>9} {'+-':>7}")
    for place in np.argsort(results["rank_test_score"], kind="stable"):
        sizes, dropout = (results["params"][place][name] for name in GRID)
        mean, deviation = results["mean_test_score"][place], results["std_test_score"][place]
        print(f"{', '.join(map(str, sizes)):15} {dropout:7} {mean:9.4f} {deviation:7.4f}")


def run(address, n_workers, epochs, kill, check):
    """Search on the cluster at an address."""
    X, y = load_digits(return_X_y=True)
    folds = Folds(StratifiedKFold(3), X, y)
    search = make_search(epochs, folds)
    n_fits = folds.get_n_splits() * int(np.prod([len(values) for values in GRID.values()]))
    with Client(address, timeout=60) as client:
        client.wait_for_workers(n_workers, timeout=60)
        check_versions(client)
        print(f"scheduler at {address}, workers: {len(client.nthreads())}", flush=True)
        began = time.perf_counter()
        with Progress(client, n_fits, kill_at=n_fits // 3 if kill else None) as progress:
            search_on(client, search, X, y)
        print(f"{time.perf_counter() - began:.1f} s, of which each worker that starts takes four for TensorFlow")
        for worker, count in progress.fits().items():
            print(f"  {count} fits by {worker}")
    print_table(search.cv_results_)
    if check:
        alone = make_search(epochs, folds).fit(X, y)
        different = differences(alone.cv_results_, search.cv_results_)
        if different:
            sys.exit(f"\nNot the same as with n_jobs=1: {', '.join(different)}")
        print("\nThe same bits as with n_jobs=1.")


def main():
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", help="scheduler of an existing cluster (default: start one on this machine)")
    parser.add_argument("--workers", type=int, default=2, help="how many workers to start (default: 2)")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of each fit (default: 10)")
    parser.add_argument("--kill", action="store_true", help="kill a worker in the middle")
    parser.add_argument("--check", action="store_true", help="compare the results with those of n_jobs=1")
    args = parser.parse_args()
    if args.workers < 1:
        parser.error("--workers must be at least 1")
    if args.address and args.kill:
        parser.error("--kill is for the workers that this script starts")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended then, too
    try:
        if args.address:
            run(args.address, 1, args.epochs, False, args.check)
        else:
            with local_cluster(args.workers) as address:
                run(address, args.workers, args.epochs, args.kill, args.check)
    except KeyboardInterrupt:
        print("\nInterrupted.")
        sys.exit(130)


if __name__ == "__main__":
    main()
