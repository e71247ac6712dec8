"""Measure what the form of X costs: seconds of `fit` and `predict` as ratios to an array in C order.

    python benchmarks/forms.py                 # 100,000 x 300, float32 and float64: about two minutes
    python benchmarks/forms.py --rows 20000

The forms take turns in each round; the figures are ratios of medians. All forms give the same predictions, or it stops.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse
from measure import seconds

from skdeep import DNNClassifier

ROUNDS = 5


def forms(X, folder):
    """Return the same rows in several forms, by name."""
    apart = np.empty((len(X), 2 * X.shape[1]), X.dtype)
    apart[:, ::2] = X
    np.save(folder / "columns.npy", np.asfortranarray(X))
    return {
        "C order": X,
        "Fortran order": np.asfortranarray(X),
        "data frame": pd.DataFrame(np.asfortranarray(X)),
        "every other column": apart[:, ::2],
        "rows in reverse": np.ascontiguousarray(X[::-1])[::-1],
        "memory map in Fortran order": np.load(folder / "columns.npy", mmap_mode="r"),
        "CSR": scipy.sparse.csr_array(X),
        "CSC": scipy.sparse.csc_array(X),
    }


def measure(X, y, folder):
    """Return the seconds of fits and of predictions, by form."""
    given = forms(X, folder)
    fits, predictions = ({name: [] for name in given} for _ in range(2))
    expected = DNNClassifier((64,), epochs=2, random_state=0).fit(X, y).predict_proba(X)
    for number in range(ROUNDS + 1):
        for name, rows in given.items():
            clf = DNNClassifier((64,), epochs=2, random_state=0)
            fit, predict = seconds(clf.fit, rows, y), seconds(clf.predict_proba, rows)
            if number:
                fits[name].append(fit)
                predictions[name].append(predict)
            elif not np.array_equal(clf.predict_proba(rows), expected):  # while all is warmed up
                raise SystemExit(f"{name} gives other predictions than C order.")
    return fits, predictions


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=300)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    for dtype in ("float32", "float64"):
        X = rng.normal(size=(args.rows, args.columns)).astype(dtype)
        y = (X[:, 0] > 0).astype(int)
        with tempfile.TemporaryDirectory() as folder:
            fits, predictions = measure(X, y, Path(folder))
        medians = [
            {name: statistics.median(all_of_it) for name, all_of_it in each.items()} for each in (fits, predictions)
        ]
        print(f"\n| {dtype} | `fit` | ratio | `predict_proba` | ratio |\n|---|---|---|---|---|")
        for name in fits:
            cells = [f"{each[name]:.2f} s | {each[name] / each['C order']:.2f}" for each in medians]
            print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
