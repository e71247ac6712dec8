"""Do one work with one library and print the figures as JSON; `run.py` starts this in a fresh process each time.

    python benchmarks/measure.py WORK LIBRARY FOLDER [--seed N] [--settings JSON] [--prepare]

FOLDER holds the data that `run.py` prepared. Time starts after imports and loading. The settings of a work are the
keyword arguments of its function, the defaults are those of the benchmark.
"""

import argparse
import gc
import importlib
import json
import os
import pickle
import shutil
import statistics
import threading
import time
from pathlib import Path

import joblib
import numpy as np
from scipy.stats import loguniform
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

LEARNING_RATE = 0.001
N_CLASSES = 10


def fit_mnist(library, folder, seed, *, rows=48_000, epochs=3):
    X, y = load_table(folder, "train", rows)
    X_test, y_test = load_table(folder, "test")
    estimator = make(library, (100, 50), X, seed, batch_size=100, epochs=epochs)
    return {"seconds": seconds(estimator.fit, X, y), "accuracy": np.mean(estimator.predict(X_test) == y_test)}


def fit_frame(library, folder, seed, *, rows=60_000, epochs=3):
    """Fit a frame whose columns have several dtypes, as those of tables do."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    y = rng.integers(N_CLASSES, size=rows)
    numbers = rng.normal(size=(rows, 300)).astype(np.float32) + 0.1 * y[:, np.newaxis]
    X = pd.DataFrame(numbers).astype(dict.fromkeys(range(0, 300, 3), np.float64))
    estimator = make(library, (100, 50), X, seed, batch_size=200, epochs=epochs)
    return {"seconds": seconds(estimator.fit, X, y)}


def grid_digits(library, folder, seed, *, epochs=10):
    X, y = load_small_table()
    grid = library.grid([(50,), (100,), (100, 50)], [0.0, 0.2, 0.4])
    estimator = make(library, (50,), X, seed, batch_size=32, epochs=epochs)
    return search(GridSearchCV(estimator, grid, cv=3, refit=False, error_score="raise"), X, y)


def search_learning_rate(library, folder, seed, *, candidates=8, epochs=10):
    X, y = load_small_table()
    estimator = make(library, (100, 50), X, seed, batch_size=32, epochs=epochs)
    rates = {library.LEARNING_RATE: loguniform(1e-4, 1e-1)}
    return search(
        RandomizedSearchCV(
            estimator, rates, n_iter=candidates, cv=3, refit=False, error_score="raise", random_state=seed
        ),
        X,
        y,
    )


def predict_one(library, folder, seed, *, rows=10_000, calls=50):
    estimator, X = fitted_on_mnist(library, folder, seed, rows)
    row = X[:1]
    for _ in range(3):
        estimator.predict(row)
    return {"milliseconds": 1000 * statistics.median(seconds(estimator.predict, row) for _ in range(calls))}


def predict_many(library, folder, seed, *, rows=10_000, calls=5):
    estimator, X = fitted_on_mnist(library, folder, seed, rows)
    estimator.predict(X)
    return {"rows_per_second": rows / statistics.median(seconds(estimator.predict, X) for _ in range(calls))}


def cnn_mnist(library, folder, seed, *, rows=12_800, epochs=2):
    return fit_cnn(library, folder, "mnist", rows, epochs, seed, (((32,),), (128,), (0.0,)))


def cnn_cifar10(library, folder, seed, *, rows=12_800, epochs=2):
    return fit_cnn(library, folder, "cifar10", rows, epochs, seed, (((32, 64),), (128, 64), (0.3, 0.2)))


def sequential_fits(library, folder, seed, *, fits=100, warm_up=10):
    X, y = load_small_table()
    times = []
    for number in range(1, fits + 1):
        start = time.perf_counter()
        estimator = make(library, (100, 50), X, seed, batch_size=32, epochs=1)
        estimator.fit(X, y)
        times.append(time.perf_counter() - start)
        if number == warm_up:
            before = memory_held()
    growth = (memory_held() - before) / (fits - warm_up)
    return {"seconds": statistics.median(times[warm_up - 1 :]), "growth_90": 90 * growth, "growth_per_fit": growth}


def many_architectures(library, folder, seed, *, fits=30, warm_up=5):
    X, y = load_small_table()
    for number in range(fits):
        if number == warm_up:
            before = memory_held()
        estimator = make(library, (20 + number, 10 + number), X, seed, batch_size=32, epochs=1)
        estimator.fit(X, y)
    return {"growth_per_fit": (memory_held() - before) / (fits - warm_up)}


def widths(library, folder, seed, *, fits=50):
    """Fits of one architecture each, as the selection of features has them."""
    X, y = load_small_table()
    times = []
    for n_columns in range(X.shape[1] - fits + 1, X.shape[1] + 1):
        part = np.ascontiguousarray(X[:, :n_columns])
        estimator = make(library, (50,), part, seed, batch_size=32, epochs=1)
        times.append(seconds(estimator.fit, part, y))
    return {"seconds": statistics.median(times)}


def prepare_fresh_process(library, folder, seed):
    X, y = load_table(folder, "train", 10_000)
    estimator = make(library, (100, 50), X, seed, batch_size=100, epochs=1)
    joblib.dump(make_pipeline(StandardScaler(), estimator).fit(X, y), folder / f"{short_name(library)}-pipeline.joblib")
    np.save(folder / "row.npy", X[:1])


def prepare_alive(library, folder, seed):
    estimator, _ = fitted_on_mnist(library, folder, seed)
    (folder / f"{short_name(library)}.pickle").write_bytes(pickle.dumps(estimator))


def alive(library, folder, seed, *, models=100):
    X, _ = load_table(folder, "train", 1)
    data = (folder / f"{short_name(library)}.pickle").read_bytes()
    pickle.loads(data).predict(X)  # what is made once in a process
    before, start = memory_held(), time.perf_counter()
    loaded = [pickle.loads(data) for _ in range(models)]
    for estimator in loaded:
        estimator.predict(X)
    taken = time.perf_counter() - start
    return {"seconds": taken, "growth": memory_held() - before, "pickles": models * len(data) / 1e6}


def prepare_load(library, folder, seed):
    estimator, _ = fitted_on_mnist(library, folder, seed)
    joblib.dump(estimator, folder / f"{library.__name__}.joblib")


def load(library, folder, seed):
    X, _ = load_table(folder, "train", 1)
    start = time.perf_counter()
    estimator = joblib.load(folder / f"{library.__name__}.joblib")
    loaded = time.perf_counter() - start
    predicted = seconds(estimator.predict, X)
    return {"load_and_predict": loaded + predicted, "load": loaded, "first_predict": predicted}


def prepare_load_file(library, folder, seed):
    import skdeep

    estimator, _ = fitted_on_mnist(library, folder, seed)
    skdeep.save(estimator, folder / "model.skdeep")


def load_file(library, folder, seed):
    import skdeep

    X, _ = load_table(folder, "train", 1)
    imported = seconds(importlib.import_module, "skops.io")
    start = time.perf_counter()
    estimator = skdeep.load(folder / "model.skdeep")
    loaded = time.perf_counter() - start
    return {"import_skops": imported, "load": loaded, "first_predict": seconds(estimator.predict, X)}


def prepare_memory_map(library, folder, seed, *, rows=5_350_000, columns=800):
    n_bytes = rows * columns
    free = shutil.disk_usage(folder).free
    if free < 1.1 * n_bytes:
        raise OSError(f"{folder} has {free / 1e9:.1f} GB free, but {n_bytes / 1e9:.1f} GB are needed; see TMPDIR.")
    X = np.lib.format.open_memmap(folder / "table.npy", "w+", np.uint8, (rows, columns))
    rng = np.random.default_rng(seed)
    for start in range(0, rows, 50_000):
        part = X[start : start + 50_000]
        part[:] = rng.integers(256, size=part.shape, dtype=np.uint8)
    X.flush()


def memory_map(library, folder, seed, *, rows=5_350_000, epochs=1):
    X = np.load(folder / "table.npy", mmap_mode="r")
    y = np.random.default_rng(seed).integers(N_CLASSES, size=rows)
    estimator = make(library, (100, 50), X, seed, batch_size=256, epochs=epochs)
    with PeakMemory() as peak:
        return {"seconds": seconds(estimator.fit, X, y), "peak": peak.megabytes}


WORKS = {
    "fit-mnist": fit_mnist,
    "fit-mnist-10": fit_mnist,
    "fit-frame": fit_frame,
    "grid-digits": grid_digits,
    "search-learning-rate": search_learning_rate,
    "predict-one": predict_one,
    "predict-many": predict_many,
    "cnn-mnist": cnn_mnist,
    "cnn-cifar10": cnn_cifar10,
    "sequential-fits": sequential_fits,
    "many-architectures": many_architectures,
    "widths": widths,
    "load": load,
    "load-file": load_file,
    "alive": alive,
    "memory-map": memory_map,
}
PREPARATIONS = {
    "fresh-process": prepare_fresh_process,
    "alive": prepare_alive,
    "load": prepare_load,
    "load-file": prepare_load_file,
    "memory-map": prepare_memory_map,
}


def short_name(library):
    return library.__name__.rpartition(".")[2]


def make(library, hidden_layer_sizes, X, seed, *, batch_size, epochs):
    return library.make(
        hidden_layer_sizes,
        dropout=0.2,
        learning_rate=LEARNING_RATE,
        batch_size=batch_size,
        epochs=epochs,
        n_features=X.shape[1],
        n_classes=N_CLASSES,
        random_state=seed,
    )


def fitted_on_mnist(library, folder, seed, rows=10_000):
    X, y = load_table(folder, "train", rows)
    return make(library, (100, 50), X, seed, batch_size=100, epochs=1).fit(X, y), X


def fit_cnn(library, folder, data, rows, epochs, seed, architecture):
    conv_blocks, hidden_layer_sizes, dropout = architecture
    X, y = load_images(folder, data, "train", rows)
    X_test, y_test = load_images(folder, data, "test")
    estimator = library.make_cnn(
        conv_blocks,
        hidden_layer_sizes,
        dropout=dropout,
        learning_rate=LEARNING_RATE,
        batch_size=128,
        epochs=epochs,
        image_shape=X.shape[1:],
        n_classes=N_CLASSES,
        random_state=seed,
    )
    return {"seconds": seconds(estimator.fit, X, y), "accuracy": np.mean(estimator.predict(X_test) == y_test)}


def search(search, X, y):
    return {"seconds": seconds(search.fit, X, y), "best_score": np.max(search.cv_results_["mean_test_score"])}


def load_images(folder, data, part, rows=None):
    """Return float32 images from 0 to 1, with channels, and their labels."""
    X = np.load(folder / f"{data}-X-{part}.npy", mmap_mode="r")[:rows].astype(np.float32) / 255
    y = np.load(folder / f"{data}-y-{part}.npy")[:rows].astype(np.int64)
    return X.reshape(*X.shape[:3], -1), y


def load_table(folder, part, rows=None):
    X, y = load_images(folder, "mnist", part, rows)
    return X.reshape(len(X), -1), y


def load_small_table():
    X, y = load_digits(return_X_y=True)
    return (X / 16).astype(np.float32), y


def seconds(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def memory_held():
    """Return the resident memory of this process in MB, without what only awaits Python's garbage collector."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class PeakMemory:
    """Watches the anonymous memory of this process, which leaves out the pages of mapped files."""

    def __enter__(self):
        self.megabytes = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()

    def _watch(self):
        while not self._done.wait(0.02):
            lines = Path("/proc/self/status").read_text().splitlines()
            kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
            self.megabytes = max(self.megabytes, kilobytes * 1024 / 1e6)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=[*WORKS, *PREPARATIONS])
    parser.add_argument("library")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--settings", type=json.loads, default={})
    parser.add_argument("--prepare", action="store_true", help="make what the work needs in FOLDER")
    args = parser.parse_args()
    library = importlib.import_module("libraries." + args.library.replace("-", "_").replace(".", "_"))
    works = PREPARATIONS if args.prepare else WORKS
    figures = works[args.work](library, args.folder, args.seed, **args.settings)
    print(json.dumps(figures, default=float))


if __name__ == "__main__":
    main()
