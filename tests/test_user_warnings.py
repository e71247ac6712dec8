"""Warnings point at the line of the user's own, whichever public method leads to them, and in what."""

import inspect
import warnings

import keras
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdeep import CNNClassifier, DNNClassifier, DNNRegressor, KerasClassifier, KerasRegressor


def build(meta):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(meta["n_classes_"], activation="softmax")])


def own(**params):
    return KerasClassifier(build, loss="sparse_categorical_crossentropy", verbose=0, **params)


def warnings_of(call, category=UserWarning):
    """Return the messages of the warnings that a call gives, each of which must point at the line of the call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    caught = [each for each in caught if each.category is category]
    lines, first = inspect.getsourcelines(call)
    for each in caught:
        assert each.filename == __file__
        assert first <= each.lineno < first + len(lines)
    return [str(each.message) for each in caught]


@pytest.fixture
def tiny(iris):
    return iris[0] * 1e-5, iris[1]


def plain():
    return DNNClassifier((4,), epochs=1)


class TestOfTables:
    def test_fit(self, tiny):
        assert len(warnings_of(lambda: plain().fit(*tiny))) == 1
        assert len(warnings_of(lambda: own().fit(*tiny))) == 1
        assert len(warnings_of(lambda: DNNRegressor((4,), epochs=1).fit(*tiny))) == 1

    def test_each_fit_that_goes_on(self, tiny):
        clf = plain().set_params(warm_start=True)
        for _ in range(2):
            assert len(warnings_of(lambda: clf.fit(*tiny))) == 1

    @pytest.mark.parametrize("make", [plain, own])
    def test_only_the_first_partial_fit(self, make, tiny):
        clf = make()
        assert len(warnings_of(lambda: clf.partial_fit(*tiny, classes=[0, 1, 2]))) == 1
        assert len(warnings_of(lambda: clf.partial_fit(*tiny))) == 0

    def test_in_a_pipeline(self, tiny):
        pipeline = make_pipeline(FunctionTransformer(), plain())
        assert len(warnings_of(lambda: pipeline.fit(*tiny))) == 1

    def test_once_a_fit_of_a_search(self, tiny):
        search = GridSearchCV(plain(), {"dropout": [0, 0.1]}, cv=3, refit=False)
        assert len(warnings_of(lambda: search.fit(*tiny))) == 6
        assert len(warnings_of(lambda: cross_val_score(plain(), *tiny, cv=3))) == 3

    def test_an_error_that_it_is_made_leaves_what_was_learned(self, iris, tiny):
        clf = plain().fit(*iris)
        before = clf.predict_proba(iris[0])
        with pytest.raises(UserWarning, match="tiny"):  # of pytest, warnings are errors here
            clf.fit(*tiny)
        np.testing.assert_array_equal(clf.predict_proba(iris[0]), before)


def test_training_that_diverges(iris):
    def call():
        return DNNRegressor((4,), epochs=1, optimizer="sgd", learning_rate=1e30, random_state=0).fit(*iris)

    (said,) = warnings_of(call, ConvergenceWarning)
    assert "diverged" in said
    pipeline = make_pipeline(FunctionTransformer(), own(optimizer="sgd", optimizer__learning_rate=1e39))
    assert len(warnings_of(lambda: pipeline.fit(*iris), ConvergenceWarning)) == 1
    first = own(optimizer="sgd", optimizer__learning_rate=1e39)
    assert len(warnings_of(lambda: first.partial_fit(*iris), ConvergenceWarning)) == 1


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "decision_function", "score"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_outputs_that_are_not_finite(method, wrapped, iris):
    X, y = iris
    clf = DNNClassifier((4,), epochs=1, random_state=0).fit(X, y)
    clf.model_.set_weights([1000 * weights for weights in clf.model_.get_weights()])
    large = X * 1e38
    arguments = (large, y) if method == "score" else (large,)
    caller = make_pipeline(FunctionTransformer().fit(X), clf) if wrapped else clf
    assert len(warnings_of(lambda: getattr(caller, method)(*arguments), RuntimeWarning)) == 1


def test_validation_rows_without_regard_to_the_classes(iris):
    y = np.where(np.arange(150) == 3, "rare", "often")
    for make in (lambda: plain().set_params(validation_fraction=0.2), lambda: own(validation_split=0.2)):
        clf = make()
        said = warnings_of(lambda clf=clf: clf.fit(iris[0], y))
        assert ["drawn without regard" in each for each in said] == [True]


def test_the_old_name_of_model(iris):
    clf = KerasClassifier(build_fn=build, loss="sparse_categorical_crossentropy", verbose=0)
    assert warnings_of(lambda: clf.fit(*iris), FutureWarning) == ["build_fn is the old name of model."]
    assert len(warnings_of(lambda: cross_val_score(clf, *iris, cv=2), FutureWarning)) == 2


def test_targets_of_a_regressor(iris):
    def build(meta):
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])

    reg = KerasRegressor(build, loss="mse", verbose=0)
    X, y = iris
    assert len(warnings_of(lambda: reg.fit(X, 1000 * y))) == 1
    assert len(warnings_of(lambda: reg.partial_fit(X, 1000 * y))) == 0
    assert len(warnings_of(lambda: make_pipeline(FunctionTransformer(), reg).fit(X, 1000 * y))) == 1


def test_an_interrupt_gives_none(iris):
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    def call():
        with pytest.raises(KeyboardInterrupt):
            CNNClassifier((2,), epochs=3, callbacks=[Interrupt()]).fit(*iris)

    assert warnings_of(call) == []
