"""Searches over Keras objects: what scikit-learn's copies lose is said, and nothing else is."""

import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score, validation_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DNNRegressor, KerasRegressor


@keras.saving.register_keras_serializable("test_searched")  # else Keras cannot copy them
class Scaled(keras.losses.Loss):
    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)


@keras.saving.register_keras_serializable("test_searched")
class Told(Scaled):
    def get_config(self):
        return super().get_config() | {"factor": self.factor}


@keras.saving.register_keras_serializable("test_searched")
class Boosted(keras.optimizers.SGD):
    def __init__(self, learning_rate=0.01, boost=1.0, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.boost = boost


@keras.saving.register_keras_serializable("test_searched")
class Steady(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, rate=1e-3):
        self.rate = rate

    def __call__(self, step):
        return self.rate

    def get_config(self):
        return {}


@pytest.fixture
def data(iris):
    return iris[0][:60, :3], iris[0][:60, 3]


def regressor(**parameters):
    return DNNRegressor((), epochs=1, random_state=0, scale_targets=False, **parameters)


def said(function):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    return [str(each.message) for each in caught]


def network():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])


def compiled(loss):
    model = network()
    model.compile("sgd", loss)
    return model


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "grid, kind, argument",
    [
        ({"loss": [keras.losses.Huber(delta=0.01), keras.losses.Huber(delta=9.0)]}, "Huber", "delta"),
        ({"loss": [Scaled(3.0), Scaled(4.0)]}, "Scaled", "factor"),
        ({"optimizer": [Boosted(boost=3.0)]}, "Boosted", "boost"),
        ({"optimizer": [keras.optimizers.SGD(Steady(0.5))]}, "Steady", "rate"),
        ({"metrics": [[keras.metrics.CosineSimilarity(axis=0)]]}, "CosineSimilarity", "axis"),
    ],
)
def test_lost_arguments_are_said_with_what_to_search_over(grid, kind, argument, data):
    (name,) = grid
    message = f"{name} is a {kind} object of which a search loses {argument}"
    advice = f"Search over {name}=[{kind}] and {name}__{argument}=[...] instead"
    for messages in (
        said(lambda: GridSearchCV(regressor(), grid, cv=2).fit(*data)),
        said(lambda: RandomizedSearchCV(regressor(), grid, n_iter=1, cv=2).fit(*data)),
        said(lambda: validation_curve(regressor(), *data, param_name=name, param_range=grid[name], cv=2)),
    ):
        assert any(message in each and advice in each for each in messages)


def test_in_pipelines_and_in_models(data):
    pipe = make_pipeline(StandardScaler(), regressor())
    grid = {"dnnregressor__loss": [keras.losses.Huber(delta=0.01)]}
    assert any("loses delta" in each for each in said(lambda: GridSearchCV(pipe, grid, cv=2).fit(*data)))
    models = {"model": [compiled(keras.losses.Huber(delta=0.01))]}
    reg = KerasRegressor(epochs=1, verbose=0)
    assert any("loses delta" in each for each in said(lambda: GridSearchCV(reg, models, cv=2).fit(*data)))


@pytest.mark.slow
def test_what_the_warning_advises_works(data):
    grid = {"loss": [keras.losses.Huber], "loss__delta": [0.01, 100.0]}
    search = GridSearchCV(regressor(), grid, cv=2, scoring="neg_mean_squared_error")
    assert said(lambda: search.fit(*data)) == []
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] != scores[1]


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "grid",
    [
        {"loss": ["mse", "mae", keras.losses.MeanSquaredError()]},
        {"loss": [Told(2.0), Told(5.0)]},
        {"optimizer": [keras.optimizers.SGD(0.1, momentum=0.5)]},
        {"alpha": [0.0, 0.1]},
    ],
)
def test_nothing_is_said_where_nothing_is_lost(grid, data):
    assert said(lambda: GridSearchCV(regressor(), grid, cv=2).fit(*data)) == []


@pytest.mark.slow
def test_parameters_that_are_not_searched_are_kept_and_nothing_is_said(data):
    reg = regressor(loss=keras.losses.Huber(delta=0.01))
    scores = []
    assert said(lambda: scores.append(GridSearchCV(reg, {"alpha": [0.0]}, cv=2).fit(*data).best_score_)) == []
    assert said(lambda: scores.append(cross_val_score(reg, *data, cv=2).mean())) == []
    by_name = regressor(loss="huber", loss__delta=0.01)
    np.testing.assert_allclose(scores, cross_val_score(by_name, *data, cv=2).mean(), rtol=1e-6)


def test_nothing_is_said_of_objects_that_are_set_by_hand(data):
    assert said(lambda: regressor().set_params(loss=keras.losses.Huber()).fit(*data)) == []


@pytest.mark.slow
def test_workers_say_it_on_their_standard_error_and_the_parent_at_the_refit():
    code = """
import keras
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from skdeep import DNNRegressor
if __name__ == "__main__":
    X, y = load_iris(return_X_y=True)
    losses = [keras.losses.Huber(delta=0.01), keras.losses.Huber(delta=9.0)]
    for refit in (False, True):
        print(refit, file=__import__("sys").stderr, flush=True)
        reg = DNNRegressor((), epochs=1, random_state=0)
        GridSearchCV(reg, {"loss": losses}, cv=2, n_jobs=2, refit=refit, scoring="r2").fit(X, y)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    by_workers, _, with_refit = done.stderr.partition("\nTrue\n")
    assert "of which a search loses delta" in by_workers
    assert "of which a search loses delta" in with_refit
