"""Measure how often the truth is within the intervals that regressors give: their coverage, beside 90 %.

    python benchmarks/coverage.py

Three made-up sets of 2,000 rows, whose spread depends on x in three ways, of which 1,000 are for training, and the
diabetes data of scikit-learn, of which three quarters are for training; means of 20 splits. Where intervals are
calibrated, a quarter of the training rows is set aside, by which they are widened. Markdown is printed, and
kept in results/coverage.md. Takes some minutes.
"""

import argparse
import itertools
import math
from pathlib import Path

import numpy as np
from run import write
from scipy.stats import norm
from sklearn.datasets import load_diabetes
from sklearn.model_selection import ShuffleSplit
from sklearn.preprocessing import StandardScaler

from skdeep import DNNRegressor, TableRegressor

NOMINAL = 0.9
LEVELS = ((1 - NOMINAL) / 2, (1 + NOMINAL) / 2)
N_SPLITS = 20
FIGURES = Path(__file__).parent.parent / "results" / "coverage.md"


def normal(rng, n_rows):
    """Return a wave with normal noise that grows along x."""
    X = rng.uniform(-1, 1, (n_rows, 3))
    return X, np.sin(4 * X[:, 0]) + X[:, 1] + rng.normal(0, 0.1 + 0.4 * (X[:, 0] + 1))


def skewed(rng, n_rows):
    """Return a plane with exponential noise, whose size is another function of X."""
    X = rng.uniform(-1, 1, (n_rows, 3))
    return X, X[:, 0] - X[:, 1] + rng.exponential(0.2 + np.abs(X[:, 2]))


def heavy_tailed(rng, n_rows):
    """Return a step with noise of Student's t distribution of three degrees of freedom."""
    X = rng.uniform(-1, 1, (n_rows, 3))
    return X, np.where(X[:, 0] > 0, 2.0, 0.0) + rng.standard_t(3, n_rows) * np.where(X[:, 1] > 0, 0.6, 0.2)


SETS = {"normal, growing": normal, "exponential": skewed, "Student's t": heavy_tailed, "diabetes": None}
ESTIMATORS = {
    "DNNRegressor, quantiles": lambda seed: DNNRegressor(quantiles=LEVELS, random_state=seed),
    'DNNRegressor, "gaussian_nll"': lambda seed: DNNRegressor(loss="gaussian_nll", random_state=seed),
    "TableRegressor, quantiles": lambda seed: TableRegressor(quantiles=LEVELS, random_state=seed),
    'TableRegressor, "gaussian_nll"': lambda seed: TableRegressor(loss="gaussian_nll", random_state=seed),
}


def splits(name):
    """Yield the training and test data of each split, and its number."""
    for seed in range(N_SPLITS):
        if SETS[name] is None:
            X, y = load_diabetes(return_X_y=True)
            train, test = next(ShuffleSplit(1, test_size=0.25, random_state=seed).split(X))
        else:
            X, y = SETS[name](np.random.default_rng(seed), 2000)
            train, test = np.arange(1000), np.arange(1000, 2000)
        yield X[train], y[train], X[test], y[test], seed


def interval(regressor, X):
    """Return the lower and upper bounds of a fitted regressor."""
    if regressor.get_params()["quantiles"] is not None:
        return regressor.predict(X, return_quantiles=True)[1].T
    mean, deviation = regressor.predict(X, return_std=True)
    return mean + deviation * norm.ppf(LEVELS)[:, np.newaxis]


def margin(regressor, X, y):
    """Return by how much to widen the intervals, from rows that the regressor has not seen.

    Source: Romano et al., "Conformalized quantile regression", NeurIPS 2019.
    """
    lower, upper = interval(regressor, X)
    rank = math.ceil((len(y) + 1) * NOMINAL) / len(y)
    return np.quantile(np.maximum(lower - y, y - upper), min(rank, 1), method="higher")


def measure(make, name, calibrates):
    """Return the mean coverage, and the mean width in standard deviations of y."""
    covered, widths = [], []
    for X_train, y_train, X_test, y_test, seed in splits(name):
        scaler = StandardScaler().fit(X_train)
        X_train, X_test = map(scaler.transform, (X_train, X_test))
        n_others = len(y_train) // 4 if calibrates else 0
        regressor = make(seed).fit(X_train[n_others:], y_train[n_others:])
        lower, upper = interval(regressor, X_test)
        if calibrates:
            by = margin(regressor, X_train[:n_others], y_train[:n_others])
            lower, upper = lower - by, upper + by
        covered.append(np.mean((lower <= y_test) & (y_test <= upper)))
        widths.append(np.mean(upper - lower) / y_train.std())
    return np.mean(covered), np.mean(widths)


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    lines = [f"| intervals of {NOMINAL:.0%} | " + " | ".join(SETS) + " |", "|---" * (len(SETS) + 1) + "|"]
    for (label, make), calibrates in itertools.product(ESTIMATORS.items(), (False, True)):
        cells = ["{:.1%}, {:.2f}".format(*measure(make, name, calibrates)) for name in SETS]
        label += ", calibrated" if calibrates else ""
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    write(FIGURES, "\n".join([*lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
