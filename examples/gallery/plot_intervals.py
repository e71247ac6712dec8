"""
How sure is a prediction?
=========================

A regressor tells one number. Where the noise is not the same everywhere, what one wants to know is an interval: here by
quantiles of each row, and by a mean and a standard deviation.
"""

# %%
# A wave with noise that grows from left to right. Both networks see 2,000 points.

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm

from skdeep import DNNRegressor

rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, size=(4000, 1))
y = np.sin(4 * X[:, 0]) + rng.normal(0, 0.1 + 0.4 * (X[:, 0] + 1))
X_train, X_test, y_train, y_test = X[:2000], X[2000:], y[:2000], y[2000:]

by_quantiles = DNNRegressor(quantiles=(0.05, 0.95), random_state=0).fit(X_train, y_train)
by_deviation = DNNRegressor(loss="gaussian_nll", random_state=0).fit(X_train, y_train)


def intervals(X):
    median, quantiles = by_quantiles.predict(X, return_quantiles=True)
    mean, deviation = by_deviation.predict(X, return_std=True)
    factor = norm.ppf(0.95)
    return {
        "quantiles": (median, *quantiles.T),
        "mean and standard deviation": (mean, mean - factor * deviation, mean + factor * deviation),
    }


# %%
# The bands hold about 90 % of the points that neither network has seen. Dotted is what they would be if the noise were
# known.

grid = np.linspace(-1, 1, 200)[:, np.newaxis]
truth = norm(np.sin(4 * grid[:, 0]), 0.1 + 0.4 * (grid[:, 0] + 1))
figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), sharey=True, layout="constrained")
for ax, (name, (_, low, high)) in zip(axes, intervals(X_test).items(), strict=True):
    middle, lower, upper = intervals(grid)[name]
    ax.scatter(X_test, y_test, s=3, color="0.7")
    ax.fill_between(grid[:, 0], lower, upper, alpha=0.3)
    ax.plot(grid, middle)
    ax.plot(grid, truth.ppf(0.05), ":k", grid, truth.ppf(0.95), ":k")
    ax.set(title=f"{name}: {np.mean((low <= y_test) & (y_test <= high)):.0%} within", xlabel="x")
axes[0].set(ylabel="y")
plt.show()
