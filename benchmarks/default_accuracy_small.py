"""Compare the estimators with all their defaults to scikit-learn's `MLPClassifier` and `MLPRegressor` with theirs.

    python benchmarks/default_accuracy_small.py

Means of 5-fold cross-validation, `StandardScaler` in front, over the random states 0, 1 and 2, on tables that
scikit-learn ships or makes: accuracies, and coefficients of determination. Prints Markdown tables.
"""

import functools
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier as ScikitLearnMLPClassifier
from sklearn.neural_network import MLPRegressor as ScikitLearnMLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import CNNClassifier, CNNRegressor, DNNClassifier, DNNRegressor, MLPClassifier, MLPRegressor

CLASSIFICATION = {
    loader.__name__.removeprefix("load_"): functools.partial(loader, return_X_y=True)
    for loader in (load_iris, load_wine, load_breast_cancer, load_digits)
}
CLASSIFIERS = {
    "scikit-learn MLPClassifier": ScikitLearnMLPClassifier,
    "skdeep MLPClassifier": MLPClassifier,
    "skdeep DNNClassifier": DNNClassifier,
    "skdeep CNNClassifier": CNNClassifier,
}


def diabetes_in_units_of(factor):
    X, y = load_diabetes(return_X_y=True)
    return X, y * factor


REGRESSION = {
    "diabetes": functools.partial(diabetes_in_units_of, 1),
    "diabetes, y a thousand times as large": functools.partial(diabetes_in_units_of, 1000),
    "diabetes, y a thousandth": functools.partial(diabetes_in_units_of, 0.001),
    "make_regression(), 100 x 100": functools.partial(make_regression, random_state=0),
    "make_regression, 1,000 x 20, noise 10": functools.partial(make_regression, 1000, 20, noise=10, random_state=0),
}
REGRESSORS = {
    "scikit-learn MLPRegressor": ScikitLearnMLPRegressor,
    "skdeep MLPRegressor": MLPRegressor,
    "skdeep DNNRegressor": DNNRegressor,
    "skdeep CNNRegressor": CNNRegressor,
    "DNNRegressor(scale_targets=False)": functools.partial(DNNRegressor, scale_targets=False),
}


def mean_score(estimator, X, y, folds):
    scores = [
        cross_val_score(
            make_pipeline(StandardScaler(), estimator(random_state=seed)),
            X,
            y,
            cv=folds(5, shuffle=True, random_state=seed),
        )
        for seed in range(3)
    ]
    return np.mean(scores)


def table(data, estimators, folds):
    print("| data | " + " | ".join(estimators) + " |")
    print("|---|" + "---|" * len(estimators))
    for name, load in data.items():
        X, y = load()
        scores = [mean_score(estimator, X, y, folds) for estimator in estimators.values()]
        print(f"| {name} | " + " | ".join(f"{score:.4f}" for score in scores) + " |", flush=True)
    print()


def main():
    warnings.simplefilter("ignore", ConvergenceWarning)
    table(CLASSIFICATION, CLASSIFIERS, StratifiedKFold)
    table(REGRESSION, REGRESSORS, KFold)


if __name__ == "__main__":
    main()
