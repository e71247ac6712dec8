"""Measure what the form of X costs: Fortran order, data frames, slices and reversed rows beside C order.

    python benchmarks/forms.py             # the table of docs/performance.md: about six minutes on two cores
    python benchmarks/forms.py --rounds 1

A table of 100,000 rows and 300 columns, one hidden layer of 64 units, batches of 256 rows, two epochs. Each
measurement is a process of its own, after a small fit that has traced the network; the forms take turns. Seconds are
medians over the rounds, ratios medians of those to C order in the same round. Memory is what the resident memory grows
by at most, X not counted.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROWS, COLUMNS = 100_000, 300
DTYPES = ("float32", "float64")


def as_frame(X):
    import pandas as pd

    return pd.DataFrame(np.asfortranarray(X))


FORMS = {
    "C order": lambda X: X,
    "Fortran order": np.asfortranarray,
    "data frame": as_frame,
    "slice of columns": lambda X: np.hstack([X, X[:, :20]])[:, :COLUMNS],
    "slice of rows in Fortran order": lambda X: np.asfortranarray(np.vstack([X, X[:5000]]))[:ROWS],
    "reversed rows": lambda X: X[::-1].copy()[::-1],
}


def measure(form, dtype):
    """Return the seconds of `fit` and `predict` and the megabytes that they take, in this process."""
    from skdeep import DNNClassifier

    rng = np.random.default_rng(0)
    X, y = rng.random((ROWS, COLUMNS), dtype), rng.integers(3, size=ROWS)
    X = FORMS[form](X)
    clf = DNNClassifier((64,), batch_size=256, epochs=2, random_state=0)
    clf.fit(X[:5000], y[:5000]).predict(X[:5000])
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # so that VmHWM, the largest VmRSS, counts from here
    fits, predicts = [seconds(clf.fit, X, y) for _ in range(3)], [seconds(clf.predict, X) for _ in range(9)]
    return {
        "fit": statistics.median(fits),
        "predict": statistics.median(predicts),
        "memory": memory("VmHWM") - before,
    }


def seconds(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def memory(name):
    """Return a line of what Linux tells of the memory of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024 / 1e6


def in_fresh_process(form, dtype):
    """Return what `measure` does in a process of its own."""
    code = f"import forms, json; print(json.dumps(forms.measure({form!r}, {dtype!r})))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=os.path.dirname(os.path.abspath(__file__)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def main():
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each form is measured (default: 3)")
    args = parser.parse_args()
    measured = {(form, dtype): [] for dtype in DTYPES for form in FORMS}
    for number in range(args.rounds):
        for form, dtype in measured:
            figures = in_fresh_process(form, dtype)
            measured[form, dtype].append(figures)
            shown = ", ".join(f"{name} {value:.3g}" for name, value in figures.items())
            print(f"round {number + 1}, {dtype}, {form}: {shown} (load {os.getloadavg()[0]:.1f})", file=sys.stderr)
    print("| X | dtype | `fit`, s | ratio | `predict`, s | ratio | memory, MB |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for (form, dtype), rounds in measured.items():
        cells = [form, dtype]
        for name in ("fit", "predict"):
            ratios = [own[name] / other[name] for own, other in zip(rounds, measured["C order", dtype], strict=True)]
            cells += [f"{statistics.median(own[name] for own in rounds):.2g}", f"{statistics.median(ratios):.2f}"]
        cells.append(f"{statistics.median(own['memory'] for own in rounds):.0f}")
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
