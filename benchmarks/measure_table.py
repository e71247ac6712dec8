"""Cross-validate one estimator on one table of `tables.py`, and print the figures of each fit as JSON.

    python benchmarks/measure_table.py TABLE ESTIMATOR

Three folds for each of three seeds, which are also the random states of the estimators. Every parameter of the
estimators is at its default, but where the name says otherwise.
"""

import argparse
import importlib
import json
import time
import warnings

import numpy as np
import tables
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, log_loss, root_mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# By name: for classes and for numbers, the module and the class; parameters; and what is put in front.
ESTIMATORS = {
    "linear": (("sklearn.linear_model", "LogisticRegression"), ("sklearn.linear_model", "Ridge"), {}, "encoded"),
    "boosting": (
        ("sklearn.ensemble", "HistGradientBoostingClassifier"),
        ("sklearn.ensemble", "HistGradientBoostingRegressor"),
        {},
        "categories",
    ),
    "scikit-learn MLP": (
        ("sklearn.neural_network", "MLPClassifier"),
        ("sklearn.neural_network", "MLPRegressor"),
        {},
        "encoded",
    ),
    "scikit-learn MLP, early stopping": (
        ("sklearn.neural_network", "MLPClassifier"),
        ("sklearn.neural_network", "MLPRegressor"),
        {"early_stopping": True},
        "encoded",
    ),
    "RealMLP_TD_S": (
        ("pytabkit", "RealMLP_TD_S_Classifier"),
        ("pytabkit", "RealMLP_TD_S_Regressor"),
        {"device": "cpu"},
        "categories and no gaps",
    ),
    "RealMLP_TD": (
        ("pytabkit", "RealMLP_TD_Classifier"),
        ("pytabkit", "RealMLP_TD_Regressor"),
        {"device": "cpu"},
        "categories and no gaps",
    ),
    "skdeep DNN": (("skdeep", "DNNClassifier"), ("skdeep", "DNNRegressor"), {}, "encoded"),
    "skdeep Table": (("skdeep", "TableClassifier"), ("skdeep", "TableRegressor"), {}, "as it is"),
}
N_SEEDS, N_FOLDS = 3, 3


def made(name, table, seed):
    """Return an estimator for frames."""
    *kinds, parameters, in_front = ESTIMATORS[name]
    module, kind = kinds[tables.TABLES[table].is_regression]
    kind = getattr(importlib.import_module(module), kind)
    estimator = kind(**parameters, random_state=seed)
    encoders = {"encoded": encoder, "categories and no gaps": filler}
    return make_pipeline(encoders[in_front](), estimator) if in_front in encoders else estimator


def encoder():
    """Return what is put in front of networks and linear models."""
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    return _by_kind(numbers, OneHotEncoder(handle_unknown="ignore"))


def filler():
    """Return what is put in front of RealMLP, which takes categories but no missing numbers."""
    return _by_kind(SimpleImputer(strategy="median", add_indicator=True), "passthrough").set_output(transform="pandas")


def _by_kind(numbers, strings):
    return ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include="number")),
            ("strings", strings, make_column_selector(dtype_exclude="number")),
        ],
        sparse_threshold=0,
    )


def with_categories(X):
    """Return the frame with strings as pandas's categories, as boosting and RealMLP take them."""
    strings = X.select_dtypes(exclude="number").columns
    return X.astype(dict.fromkeys(strings, "category"))


def measure(table, name, n_seeds):
    """Return the figures of each fit."""
    X, y = tables.load(table)
    if ESTIMATORS[name][-1].startswith("categories"):
        X = with_categories(X)
    is_regression = tables.TABLES[table].is_regression
    # What is started once in a process, such as TensorFlow, is no part of a fit.
    some = slice(None, None, max(1, len(y) // 300))  # some tables are sorted by class
    made(name, table, 0).fit(X[some], y[some])
    figures = []
    for seed in range(n_seeds):
        folds = (KFold if is_regression else StratifiedKFold)(N_FOLDS, shuffle=True, random_state=seed)
        for train, test in folds.split(X, y):
            began = time.perf_counter()
            estimator = made(name, table, seed).fit(X.iloc[train], y[train])
            figures.append({"seconds": time.perf_counter() - began} | scores(estimator, X.iloc[test], y[test]))
    return figures


def scores(estimator, X, y):
    """Return what is told of a fitted estimator."""
    if not hasattr(estimator, "predict_proba"):
        return {"rmse": root_mean_squared_error(y, np.ravel(estimator.predict(X)))}
    probabilities = estimator.predict_proba(X)
    predicted = estimator.classes_[probabilities.argmax(axis=1)]
    return {
        "accuracy": accuracy_score(y, predicted),
        "log_loss": log_loss(y, probabilities, labels=estimator.classes_),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=tables.TABLES)
    parser.add_argument("estimator", choices=ESTIMATORS)
    parser.add_argument("--seeds", type=int, default=N_SEEDS, help="how many")
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(json.dumps(measure(args.table, args.estimator, args.seeds)))


if __name__ == "__main__":
    main()
