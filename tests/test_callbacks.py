"""The callbacks beside those of Keras."""

import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skdeep import DNNClassifier, StopAtMetric


def fitted(callback, iris, **params):
    return DNNClassifier((16,), epochs=60, callbacks=callback, random_state=0, **params).fit(*iris)


@pytest.mark.parametrize("metric, value", [("accuracy", 0.9), ("val_accuracy", 0.8), ("loss", 0.4), ("val_loss", 0.4)])
def test_stops_in_the_first_epoch_that_reaches_the_value(metric, value, iris):
    clf = fitted(StopAtMetric(metric, value), iris, validation_fraction=0.2)
    values = clf.history_[metric]
    assert 1 < clf.n_iter_ == len(values) < 60
    falls = metric.endswith("loss")
    assert [(v <= value) if falls else (v >= value) for v in values] == [False] * (len(values) - 1) + [True]


def test_says_so_if_asked(iris, capsys):
    clf = fitted(StopAtMetric("accuracy", 0.9, verbose=1), iris)
    accuracy = clf.history_["accuracy"][-1]
    assert capsys.readouterr().out == f"Epoch {clf.n_iter_}: accuracy is {accuracy:.4f}, training stops.\n"


def test_a_value_that_is_not_reached_stops_nothing(iris):
    assert fitted(StopAtMetric("loss", -1.0), iris).n_iter_ == 60


def test_an_unknown_metric_is_named(iris):
    with pytest.raises(ValueError, match=r"monitor='acc' is not among the metrics of this fit, .*'accuracy', 'loss'"):
        fitted(StopAtMetric("acc"), iris)


def test_mode_says_which_way_a_metric_goes(iris):
    clf = fitted(StopAtMetric("kl_divergence", 0.4, mode="min"), iris, metrics="kl_divergence")
    assert 1 < clf.n_iter_ < 60
    assert clf.history_["kl_divergence"][-1] <= 0.4 < min(clf.history_["kl_divergence"][:-1])
    assert fitted(StopAtMetric("loss", 0.0, mode="max"), iris).n_iter_ == 1


@pytest.mark.parametrize(
    "params, message",
    [({"value": "0.9"}, "value must be a number. Got '0.9'"), ({"mode": "up"}, "mode must be 'auto'")],
)
def test_bad_arguments_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        StopAtMetric(**params)


def test_repr_tells_its_arguments():
    assert repr(StopAtMetric("loss", 0.1)) == "StopAtMetric('loss', 0.1, mode='auto', verbose=0)"


def test_as_a_parameter(iris):
    clf = fitted(StopAtMetric, iris, callbacks__value=0.9)
    assert clone(clf).fit(*iris).n_iter_ == clf.n_iter_ < 60
    search = GridSearchCV(clf, {"callbacks__value": [0.5, 0.8]}, cv=2).fit(*iris)
    assert search.best_estimator_.history_["accuracy"][-1] >= search.best_params_["callbacks__value"]
