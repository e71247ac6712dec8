"""Multilabel and one-hot y through every scorer and meta-estimator that takes indicator matrices.

Which those are is not listed here: whatever works with one of scikit-learn's own classifiers must work with ours.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.inspection import permutation_importance
from sklearn.metrics import average_precision_score, f1_score, get_scorer, get_scorer_names, make_scorer, roc_auc_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neural_network import MLPClassifier as ScikitLearnMLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DNNClassifier


def ours():
    return DNNClassifier((16,), epochs=10, learning_rate=0.02, random_state=0)


def theirs():
    return ScikitLearnMLPClassifier((16,), max_iter=10, learning_rate_init=0.02, random_state=0)


MULTILABEL = make_multilabel_classification(150, 6, n_classes=3, n_labels=2, random_state=0)
IRIS = load_iris(return_X_y=True)
ONE_HOT = StandardScaler().fit_transform(IRIS[0]), np.eye(3, dtype=int)[IRIS[1]]
TABLES = pytest.mark.parametrize("X, y", [MULTILABEL, ONE_HOT], ids=["multilabel", "one-hot"])


def outcome(function):
    """Return what a function returns, or the exception that it raises, without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function()
        except Exception as error:
            return error


def works(result):
    return not isinstance(result, Exception) and np.isfinite(np.asarray(result, dtype=float)).all()


@pytest.mark.slow_after(1)
@TABLES
@pytest.mark.parametrize("reference", [theirs(), RandomForestClassifier(10, random_state=0)], ids=["MLP", "forest"])
def test_every_scorer_that_works_with_scikit_learns_classifiers(reference, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that ten epochs are few
        reference.fit(X, y)
    fitted = ours().fit(X, y)
    names = [name for name in get_scorer_names() if works(outcome(lambda name=name: get_scorer(name)(reference, X, y)))]
    assert len(names) > 10
    failed = {}
    for name in names:
        score = outcome(lambda name=name: get_scorer(name)(fitted, X, y))
        if not works(score):
            failed[name] = score
    assert not failed


META_ESTIMATORS = {
    "MultiOutputClassifier": MultiOutputClassifier,
    "ClassifierChain": lambda clf: ClassifierChain(clf, cv=2, random_state=0),
    "OneVsRestClassifier": OneVsRestClassifier,
    "BaggingClassifier": lambda clf: BaggingClassifier(clf, n_estimators=2, random_state=0),
    "StackingClassifier": lambda clf: StackingClassifier([("a", clf)], RandomForestClassifier(random_state=0), cv=2),
    "VotingClassifier": lambda clf: VotingClassifier([("a", clf)], voting="soft"),
    "CalibratedClassifierCV": lambda clf: CalibratedClassifierCV(clf, cv=2),
    "GridSearchCV": lambda clf: GridSearchCV(clf, {"alpha": [0.0, 0.01]}, cv=2),
    "Pipeline": lambda clf: make_pipeline(StandardScaler(), clf),
}


@pytest.mark.slow_after(1)
@TABLES
@pytest.mark.parametrize("name", META_ESTIMATORS)
def test_every_meta_estimator_that_works_with_scikit_learns_mlp(name, X, y):
    build = META_ESTIMATORS[name]
    for method in ("predict", "predict_proba", "decision_function", "score"):

        def run(clf, method=method):
            fitted = build(clf).fit(X, y)
            result = fitted.score(X, y) if method == "score" else getattr(fitted, method)(X)
            if scipy.sparse.issparse(result):
                result = result.toarray()
            return np.asarray(result, dtype=float)

        expected = outcome(lambda run=run: run(theirs()))
        if works(expected):
            result = outcome(lambda run=run: run(ours()))
            assert works(result), (method, result)
            assert result.shape == expected.shape, method


TOOLS = {
    "cross_val_score": lambda clf, X, y: cross_val_score(clf, X, y, cv=2, error_score="raise"),
    "cross_val_predict": lambda clf, X, y: cross_val_predict(clf, X, y, cv=2),
    "probabilities": lambda clf, X, y: cross_val_predict(clf, X, y, cv=2, method="predict_proba"),
    "decisions": lambda clf, X, y: cross_val_predict(clf, X, y, cv=2, method="decision_function"),
    "permutation_importance": lambda clf, X, y: (
        permutation_importance(clf.fit(X, y), X, y, n_repeats=2, random_state=0).importances_mean
    ),
    "learning_curve": lambda clf, X, y: learning_curve(clf, X, y, cv=2, train_sizes=[0.5, 1.0])[2],
    "validation_curve": lambda clf, X, y: validation_curve(clf, X, y, param_name="alpha", param_range=[0.0, 0.1], cv=2)[
        1
    ],
    "permutation_test_score": lambda clf, X, y: permutation_test_score(clf, X, y, cv=2, n_permutations=2)[0],
    "SequentialFeatureSelector": lambda clf, X, y: (
        SequentialFeatureSelector(clf, n_features_to_select=1, cv=2).fit(X[:, :2], y).get_support()
    ),
}


@pytest.mark.slow_after(3)
@TABLES
@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_that_works_with_scikit_learns_mlp(name, X, y):
    expected = outcome(lambda: TOOLS[name](theirs(), X, y))
    assert works(expected) or name == "decisions"  # scikit-learn's MLP has no decision_function
    result = outcome(lambda: TOOLS[name](ours(), X, y))
    assert works(result), result
    if works(expected):
        assert np.shape(result) == np.shape(expected)


@pytest.mark.slow_after(4)
@TABLES
@pytest.mark.parametrize("form", [pd.DataFrame, scipy.sparse.csr_array, np.ndarray.tolist, lambda y: y.astype(bool)])
def test_every_form_of_the_matrix(form, X, y):
    expected = ours().fit(X, y)
    fitted = ours().fit(X, form(y))
    np.testing.assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X))
    np.testing.assert_array_equal(np.asarray(fitted.predict(X), dtype=int), expected.predict(X))


def test_decisions_are_thresholded_as_scikit_learn_does():
    X, y = MULTILABEL
    clf = ours().fit(X, y)
    np.testing.assert_array_equal(clf.decision_function(X) > 0, clf.predict(X))
    X, y = ONE_HOT[0], ONE_HOT[1][:, 0]
    for meta in (
        TunedThresholdClassifierCV(ours(), scoring="f1", cv=2),
        FixedThresholdClassifier(ours(), threshold=0.3),
        FixedThresholdClassifier(ours(), threshold=-0.5, response_method="decision_function"),
    ):
        assert meta.fit(X, y).score(X, y) > 0.9


@pytest.mark.parametrize("one_hot", [True, False], ids=["one-hot", "multilabel"])
def test_two_columns_score_as_they_are(one_hot):
    """scikit-learn takes the classes [0, 1] for one binary label, and one column of predict_proba for all of it."""
    X, y = make_multilabel_classification(150, 6, n_classes=2, random_state=0)
    y = np.eye(2, dtype=int)[y[:, 0]] if one_hot else y
    clf = ours().fit(X, y)
    assert clf.decision_function(X).shape == clf.predict_proba(X).shape == (150, 2)
    for name, metric in (("roc_auc", roc_auc_score), ("average_precision", average_precision_score)):
        assert get_scorer(name)(clf, X, y) == pytest.approx(metric(y, clf.predict_proba(X)))
    assert cross_val_predict(clf, X, y, cv=2, method="decision_function").shape == (150, 2)


def test_one_hot_rows_score_as_labels_do():
    X, y = ONE_HOT
    by_row, by_label = ours().fit(X, y), ours().fit(X, y.argmax(axis=1))
    for name in ("accuracy", "neg_log_loss", "roc_auc_ovr", "f1_macro", "neg_brier_score"):
        assert get_scorer(name)(by_row, X, y) == pytest.approx(get_scorer(name)(by_label, X, y.argmax(axis=1))), name


def test_better_than_guessing():
    X, y = MULTILABEL
    clf = ours().set_params(epochs=60)
    scoring = make_scorer(f1_score, average="samples", zero_division=0)
    guess = cross_val_score(DummyClassifier(strategy="most_frequent"), X, y, scoring=scoring, cv=3).mean()
    assert cross_val_score(clf, X, y, scoring=scoring, cv=3).mean() > guess + 0.05
