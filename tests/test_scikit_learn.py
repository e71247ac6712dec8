"""The classifiers inside scikit-learn's own tools."""

import numpy as np
import pytest
import sklearn
from joblib import parallel_config
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 (it makes the halving searches)
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    StratifiedKFold,
    check_cv,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    train_test_split,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import CNNClassifier, DNNClassifier, Flatten, MLPClassifier, ScaleToUnit, programs

NAMES = np.array(["setosa", "versicolor", "virginica"])


def quick(**params):
    return DNNClassifier((16,), **{"epochs": 10, "learning_rate": 0.02, "random_state": 0} | params)


@pytest.mark.parametrize("classifier", [MLPClassifier, DNNClassifier, CNNClassifier])
def test_scikit_learn_takes_them_for_classifiers(classifier):
    assert is_classifier(classifier())
    assert is_classifier(make_pipeline(Flatten(), classifier()))
    assert isinstance(check_cv(3, np.repeat([0, 1], 10), classifier=is_classifier(classifier())), StratifiedKFold)


def test_an_integer_cv_is_stratified(iris):
    """The rows are sorted by class: folds of neighbouring rows would each lack the class they are tested on."""
    assert min(cross_val_score(quick(), *iris, cv=3)) > 0.8


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("scoring", ["roc_auc", "average_precision", "neg_log_loss", "neg_brier_score", "f1"])
def test_scores_for_two_classes(scoring, iris):
    X, y = iris[0], iris[1] == 0
    scores = cross_val_score(quick(), X, y, scoring=scoring, cv=3)
    assert np.all(scores > (0.9 if not scoring.startswith("neg") else -0.2))


@pytest.mark.parametrize("scoring", ["roc_auc_ovr", "roc_auc_ovo", "neg_log_loss", "top_k_accuracy", "f1_macro"])
def test_scores_for_three_classes(scoring, iris):
    scores = cross_val_score(quick(), iris[0], NAMES[iris[1]], scoring=scoring, cv=3)
    assert np.all(scores > (0.8 if not scoring.startswith("neg") else -0.5))


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "build",
    [
        lambda clf: VotingClassifier([("a", clf), ("b", LogisticRegression())], voting="soft"),
        lambda clf: StackingClassifier([("a", clf)], LogisticRegression(), cv=3),
        lambda clf: CalibratedClassifierCV(clf, cv=3),
        lambda clf: CalibratedClassifierCV(clf, cv=3, method="isotonic"),
        lambda clf: BaggingClassifier(clf, n_estimators=3, random_state=0),
        lambda clf: AdaBoostClassifier(clf, n_estimators=3, random_state=0),
        lambda clf: OneVsRestClassifier(clf),
    ],
    ids=["voting", "stacking", "sigmoid calibration", "isotonic calibration", "bagging", "AdaBoost", "one-vs-rest"],
)
def test_meta_estimators(build, iris):
    X, y = iris[0], NAMES[iris[1]]
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
    meta = build(quick(epochs=25)).fit(X_train, y_train)
    assert meta.score(X_test, y_test) > 0.8
    probabilities = meta.predict_proba(X_test)
    assert probabilities.shape == (38, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert get_scorer("roc_auc_ovr")(meta, X_test, y_test) > 0.9


def test_permutation_importance(iris):
    X = np.column_stack([iris[0], np.zeros(150)])
    result = permutation_importance(quick().fit(X, iris[1]), X, iris[1], n_repeats=3, random_state=0)
    assert result.importances_mean[4] == 0 < result.importances_mean[:4].max()


def test_cross_val_predict_of_probabilities(iris):
    X, y = iris
    probabilities = cross_val_predict(quick(), X, y, cv=3, method="predict_proba")
    assert probabilities.shape == (150, 3)
    assert np.mean(probabilities.argmax(axis=1) == y) > 0.8


def test_cross_validate_returns_histories(iris):
    result = cross_validate(quick(validation_fraction=0.2), *iris, cv=3, return_estimator=True)
    assert [len(estimator.history_["val_loss"]) for estimator in result["estimator"]] == [10, 10, 10]


@pytest.mark.slow
def test_a_search_gives_the_same_results_each_time_with_one_worker_and_with_two(digits):
    X, _, y, _ = train_test_split(digits.images, digits.target, train_size=300, random_state=0)
    grid = {
        "dnnclassifier__hidden_layer_sizes": [(20,), (20, 10)],
        "dnnclassifier__dropout": [0.0, 0.2],
    }
    pipe = make_pipeline(Flatten(), ScaleToUnit(), DNNClassifier(epochs=3, random_state=0))

    def results(n_jobs):
        search = GridSearchCV(pipe, grid, cv=2, n_jobs=n_jobs, scoring=["accuracy", "neg_log_loss"], refit=False)
        found = search.set_params(return_train_score=True).fit(X, y).cv_results_
        return {name: values for name, values in found.items() if not name.endswith("_time")}

    expected = results(1)
    assert len(set(expected["mean_test_neg_log_loss"])) == 4
    for n_jobs in (1, 2):
        again = results(n_jobs)
        assert again.keys() == expected.keys()
        for name in expected:
            np.testing.assert_array_equal(again[name], expected[name])


def test_a_search_refits_the_best_and_predicts_strings(iris):
    X, y = iris[0], NAMES[iris[1]]
    search = GridSearchCV(
        make_pipeline(StandardScaler(), quick()),
        {"dnnclassifier__learning_rate": [1e-9, 0.02], "dnnclassifier__activation": ["relu", "tanh"]},
        cv=3,
    ).fit(X, y)
    assert search.best_params_["dnnclassifier__learning_rate"] == 0.02
    assert np.mean(search.predict(X) == y) > 0.9
    assert search.predict_proba(X).shape == (150, 3)


@pytest.mark.parametrize("search", [HalvingGridSearchCV, HalvingRandomSearchCV])
def test_halving_searches_with_epochs_as_resource(search, iris):
    found = search(
        quick(),
        {"learning_rate": [1e-9, 1e-8, 1e-7, 0.02]},
        resource="epochs",
        min_resources=2,
        max_resources=8,
        factor=2,
        cv=2,
        random_state=0,
    ).fit(*iris)
    assert found.n_resources_ == [2, 4, 8]
    assert found.best_params_ == {"learning_rate": 0.02, "epochs": 8}
    assert found.best_estimator_.n_iter_ == 8
    assert np.all(found.cv_results_["mean_fit_time"] > 0)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "backend, size", [("sequential", 6), ("sequential", 0), ("threading", 6), ("threading", 0), ("loky", 6)]
)
@pytest.mark.parametrize("name", ["dense", "convolutions"])
def test_same_weights_whatever_runs_the_fits(backend, size, name, digits):
    X, y = digits.images[:300], digits.target[:300]
    estimator = {
        "dense": make_pipeline(Flatten(), DNNClassifier((20, 10), epochs=3, random_state=0)),
        "convolutions": CNNClassifier((4,), epochs=2, random_state=0),
    }[name]

    def all_weights():
        fitted = cross_validate(estimator, X, y, cv=3, return_estimator=True)["estimator"]
        networks = [each[-1] if name == "dense" else each for each in fitted]
        return [network.model_.get_weights() for network in networks]

    expected = all_weights()
    programs.set_size(size)
    try:
        with parallel_config(backend, n_jobs=2):
            weights = all_weights()
    finally:
        programs.set_size(6)
    for ours, theirs in zip(weights, expected, strict=True):
        for our_weight, their_weight in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(our_weight, their_weight)


@pytest.mark.slow
def test_threads_do_not_disturb_each_other(iris):
    grid = {"hidden_layer_sizes": [(4,), (8,)], "dropout": [0.0, 0.3]}
    one = GridSearchCV(quick(), grid, cv=3, refit=False).fit(*iris).cv_results_["mean_test_score"]
    with parallel_config("threading", n_jobs=2):
        two = GridSearchCV(quick(), grid, cv=3, refit=False).fit(*iris).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(one, two)


class TestMetadata:
    """Weights and validation data reach `fit` through whatever stands around it."""

    @pytest.fixture(params=[False, True], ids=["routing off", "routing on"])
    def routing(self, request):
        with sklearn.config_context(enable_metadata_routing=request.param):
            yield request.param

    @pytest.fixture
    def weight(self, iris):
        return np.where(iris[1] == 0, 0.1, 1.0) * np.random.default_rng(0).random(150)

    def test_weights_through_a_pipeline(self, routing, weight, iris):
        X, y = iris
        clf = quick().set_fit_request(sample_weight=True) if routing else quick()
        params = {"sample_weight" if routing else "dnnclassifier__sample_weight": weight}
        pipeline = make_pipeline(ScaleToUnit(), clf).fit(X, y, **params)
        expected = quick().fit(ScaleToUnit().fit_transform(X), y, weight)
        assert pipeline[-1].history_ == expected.history_ != quick().fit(ScaleToUnit().fit_transform(X), y).history_

    def test_weights_through_a_search(self, routing, weight, iris):
        X, y = iris
        clf = quick().set_fit_request(sample_weight=True).set_score_request(sample_weight=True) if routing else quick()
        search = GridSearchCV(clf, {"dropout": [0.0]}, cv=2).fit(X, y, sample_weight=weight)
        assert search.best_estimator_.history_ == quick(dropout=0.0).fit(X, y, weight).history_

    def test_weights_through_a_cross_validation(self, routing, weight, iris):
        X, y = iris
        clf = quick().set_fit_request(sample_weight=True).set_score_request(sample_weight=False) if routing else quick()
        fitted = cross_validate(
            clf, X, y, cv=StratifiedKFold(2), params={"sample_weight": weight}, return_estimator=True
        )["estimator"]
        for (train, _), each in zip(StratifiedKFold(2).split(X, y), fitted, strict=True):
            assert each.history_ == quick().fit(X[train], y[train], weight[train]).history_

    @pytest.mark.parametrize(
        "build",
        [
            lambda clf: StackingClassifier([("dnn", clf)], LogisticRegression().set_fit_request(sample_weight=True)),
            lambda clf: VotingClassifier([("dnn", clf)], voting="soft"),
        ],
        ids=["stacking", "voting"],
    )
    def test_weights_through_ensembles(self, build, routing, weight, iris):
        X, y = iris
        with sklearn.config_context(enable_metadata_routing=True):  # without which no request can be set
            ensemble = build(quick().set_fit_request(sample_weight=True))
        ensemble.fit(X, y, sample_weight=weight)
        assert ensemble.estimators_[0].history_ == quick().fit(X, y, weight).history_

    def test_validation_data_through_a_search_over_a_pipeline(self, iris):
        X, y = iris
        with sklearn.config_context(enable_metadata_routing=True):
            clf = quick().set_fit_request(X_val=True, y_val=True)
            pipeline = make_pipeline(StandardScaler(), clf, transform_input=["X_val"])
            search = GridSearchCV(pipeline, {"dnnclassifier__dropout": [0.0, 0.2]}, cv=2)
            search.fit(X * 5 + 3, y, X_val=X[:60] * 5 + 3, y_val=y[:60])
            fitted = cross_validate(
                pipeline,
                X * 5 + 3,
                y,
                cv=2,
                params={"X_val": X[:60] * 5 + 3, "y_val": y[:60]},
                return_estimator=True,
            )["estimator"]
        best = search.best_estimator_
        assert best[-1].history_["val_accuracy"][-1] == pytest.approx(best.score(X[:60] * 5 + 3, y[:60]))
        for each in fitted:
            assert each[-1].history_["val_accuracy"][-1] == pytest.approx(each.score(X[:60] * 5 + 3, y[:60]))

    def test_metadata_that_nobody_asked_for_is_an_error(self, weight, iris):
        with (
            sklearn.config_context(enable_metadata_routing=True),
            pytest.raises(UnsetMetadataPassedError, match="sample_weight"),
        ):
            make_pipeline(StandardScaler(), quick()).fit(*iris, sample_weight=weight)
