"""Measure how time and memory grow with rows, columns, classes, units and candidates.

    python benchmarks/scale.py                      # everything: about ten minutes, 8 GB of disk in TMPDIR
    python benchmarks/scale.py --axis rows classes  # some; the others keep their results

Every point is a process of its own. A small fit before it traces the network, so that what is timed is the training
itself. Tables and a plot are written to docs/cost.md and docs/cost.png, all figures to results/scale.json.
"""

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import PeakMemory, load_small_table, seconds
from run import ENVIRONMENT, machine, write

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
RESULTS = HERE.parent / "results" / "scale.json"
PIXELS = 784


@dataclass(frozen=True)
class Axis:
    """What grows, and what is told of it."""

    title: str
    text: str
    points: tuple
    grows: str = "rows"
    unit: str = "row"  # whose microseconds are told
    n_units: int | None = None  # how many there are, if that is not what grows


AXES = {
    "rows": Axis(
        "Rows",
        "A memory map of uint8 with 784 columns; hidden layers of 100 and 50 units, batches of 256, one epoch.",
        (10_000, 100_000, 1_000_000, 10_000_000),
    ),
    "blocks": Axis(
        'Rows, with shuffle="blocks"',
        "The same, with blocks of neighbouring rows in random order.",
        (10_000, 100_000, 1_000_000, 10_000_000),
    ),
    "sparse": Axis(
        "Rows of a sparse matrix",
        "20,000 columns, one value in a thousand not zero; hidden layers of 100 and 50 units, batches of 128.",
        (2_000, 20_000, 200_000),
    ),
    "columns": Axis(
        "Columns",
        "20,000 rows of float32; hidden layers of 100 and 50 units, batches of 128, one epoch.",
        (10, 100, 1_000, 10_000),
        "columns",
        n_units=20_000,
    ),
    "classes": Axis(
        "Classes",
        "50,000 rows of float32 with 100 columns; hidden layers of 100 and 50 units, batches of 128, one epoch.",
        (2, 10, 100, 1_000, 10_000),
        "classes",
        n_units=50_000,
    ),
    "units": Axis(
        "Units of each of two hidden layers",
        "20,000 rows of float32 with 100 columns, batches of 128, one epoch.",
        (32, 128, 512, 2_048),
        "units",
        n_units=20_000,
    ),
    "candidates": Axis(
        "Candidates of a search",
        "RandomizedSearchCV over the learning rate on the digits, cv=3, 5 epochs, n_jobs=1, no refit.",
        (1, 4, 16, 64),
        "candidates",
        unit="candidate",
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--axis", nargs="+", choices=AXES, default=list(AXES), metavar="NAME", help="only these")
    parser.add_argument("--largest", type=int, help="leave out points beyond that")
    parser.add_argument("--point", nargs=3, help=argparse.SUPPRESS)  # one measurement, in a process of its own
    args = parser.parse_args()
    if args.point:
        axis, size, folder = args.point
        print(json.dumps(measure(axis, int(size), Path(folder))))
        return
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for axis in args.axis:
        points = [size for size in AXES[axis].points if args.largest is None or size <= args.largest]
        with tempfile.TemporaryDirectory(prefix="skdeep-scale-") as folder:
            figures = {}
            for size in points:
                command = [sys.executable, __file__, "--point", axis, str(size), folder]
                process = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
                if process.returncode:
                    sys.exit(f"{axis}, {size:,} failed:\n{process.stderr}")
                figures[size] = json.loads(process.stdout.splitlines()[-1])
                print(f"{axis}, {size:,}: {figures[size]}", flush=True)
        results[axis] = {"date": datetime.date.today().isoformat(), "machine": machine(), "figures": figures}
        write(RESULTS, json.dumps(results, indent=1))
    write(DOCS / "cost.md", markdown(results))
    plot(results, DOCS / "cost.png")


def measure(axis, size, folder):
    """Return seconds and peak of anonymous memory in MB of one point."""
    from sklearn.base import clone

    estimator, X, y, small = work(axis, size, folder)
    clone(estimator).set_params(**small[2]).fit(small[0], small[1])
    with PeakMemory() as peak:
        return {"seconds": seconds(estimator.fit, X, y), "peak": peak.megabytes}


def work(axis, size, folder):
    """Return an estimator, X, y, and what traces the same network: X, y and other parameters."""
    import scipy.sparse
    from scipy.stats import loguniform
    from sklearn.model_selection import RandomizedSearchCV

    from skdeep import DNNClassifier

    rng = np.random.default_rng(0)
    if axis in ("rows", "blocks"):
        X = random_map(folder / "table.npy", size, rng)
        y = rng.integers(10, size=size)
        shuffle = "blocks" if axis == "blocks" else True
        clf = DNNClassifier(epochs=1, batch_size=256, shuffle=shuffle, random_state=0)
        return clf, X, y, (X[:2560], np.arange(2560) % 10, {})
    clf = DNNClassifier(epochs=1, batch_size=128, random_state=0)
    if axis == "sparse":
        X = scipy.sparse.random_array((size, 20_000), density=0.001, format="csr", dtype=np.float32, rng=rng)
        return clf, X, rng.integers(10, size=size), (X[:1280], np.arange(1280) % 10, {})
    if axis == "candidates":
        X, y = load_small_table()
        rates = {"learning_rate": loguniform(1e-4, 1e-1)}
        search = RandomizedSearchCV(clf.set_params(epochs=5), rates, n_iter=size, cv=3, refit=False, random_state=0)
        return search, X, y, (X, y, {"n_iter": 1})
    rows = AXES[axis].n_units
    n_classes = size if axis == "classes" else 10
    if axis == "units":
        clf.set_params(hidden_layer_sizes=(size, size))
    X = rng.random((rows, size if axis == "columns" else 100), dtype=np.float32)
    n_small = max(1280, n_classes)
    return clf, X, np.arange(rows) % n_classes, (X[:n_small], np.arange(n_small) % n_classes, {})


def random_map(path, rows, rng):
    """Return a memory map of random pixels; a smaller one of the same axis is replaced."""
    X = np.lib.format.open_memmap(path, "w+", np.uint8, (rows, PIXELS))
    for start in range(0, rows, 50_000):
        part = X[start : start + 50_000]
        part[:] = rng.integers(256, size=part.shape, dtype=np.uint8)
    X.flush()
    return np.load(path, mmap_mode="r")


def exponent(figures):
    """Return the slope of the logarithm of the seconds over that of the size."""
    if len(figures) < 2:
        return np.nan
    sizes, times = zip(*((int(size), point["seconds"]) for size, point in figures.items()), strict=True)
    return np.polyfit(np.log(sizes), np.log(times), 1)[0]


def markdown(results):
    """Return the tables as Markdown."""
    lines = [
        "# How cost grows",
        "",
        "Written by `python benchmarks/scale.py`: each point is a fit in a process of its own, after a small fit.",
        "Networks for which that is quicker are [trained by NumPy](performance.md#training-by-numpy), the others, of",
        "many weights, by TensorFlow. Memory is the peak of the process's anonymous memory (RssAnon), which leaves out",
        "the pages of mapped files; 130 MB of it are there before, 320 where TensorFlow trains, and other arrays than",
        "maps count. The exponent of the seconds is the slope on a logarithmic plot, fitted to all points and to the",
        "two largest: 1 is proportional growth. What follows from the figures is in [Scaling](scaling.md).",
        "",
        "![Seconds and memory over size](cost.png)",
        "",
    ]
    for name, axis in AXES.items():
        if name not in results:
            continue
        record = results[name]
        figures = record["figures"]
        lines += [
            f"## {axis.title}",
            "",
            f"{axis.text} {record['machine']}, {record['date']}. Exponent: {exponent(figures):.2f}, between the two "
            f"largest {exponent(dict(list(figures.items())[-2:])):.2f}.",
            "",
            f"| {axis.grows} | seconds | µs a {axis.unit} | peak memory, MB |",
            "|---:|---:|---:|---:|",
        ]
        for size, point in figures.items():
            each = 1e6 * point["seconds"] / (axis.n_units or int(size))
            lines.append(f"| {int(size):,} | {point['seconds']:.2f} | {each:,.1f} | {point['peak']:,.0f} |")
        lines.append("")
    return "\n".join(lines)


def plot(results, path):
    """Draw seconds and memory over the size of each axis."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    for axes, what, label in zip(panels, ("seconds", "peak"), ("seconds", "peak memory, MB"), strict=True):
        for axis, record in results.items():
            sizes = [int(size) for size in record["figures"]]
            axes.loglog(sizes, [point[what] for point in record["figures"].values()], "o-", label=AXES[axis].title)
        axes.set(xlabel="size", ylabel=label)
        axes.grid(alpha=0.3)
    panels[1].set_ylim(100, 10_000)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center", fontsize="small")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
