"""Parameters: the named and the routed ones, and what is said when a name or a value is wrong."""

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import CNNClassifier, DNNClassifier


def test_routed_parameters_are_parameters():
    clf = DNNClassifier(optimizer="sgd", optimizer__momentum=0.5)
    assert clf.get_params()["optimizer__momentum"] == 0.5
    assert clone(clf).get_params()["optimizer__momentum"] == 0.5
    clf.set_params(optimizer__momentum=0.9, loss__label_smoothing=0.1)
    assert clf.get_params()["optimizer__momentum"] == 0.9
    assert "loss__label_smoothing" in clf.get_params()


def test_routed_parameters_in_a_grid(iris):
    clf = DNNClassifier((8,), epochs=3, optimizer="sgd", random_state=0)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), clf), {"dnnclassifier__optimizer__momentum": [0.0, 0.9]}, cv=3
    ).fit(*iris)
    low, high = search.cv_results_["mean_test_score"]
    assert high > low
    assert search.best_estimator_[-1].model_.optimizer.momentum == 0.9


def test_an_unknown_name_is_a_type_error_at_once():
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'dropuot'. Did you mean 'dropout'\?"):
        DNNClassifier(dropuot=0.1)
    with pytest.raises(TypeError, match="unexpected keyword argument 'model__units'"):
        DNNClassifier(model__units=3)


def test_an_unknown_name_in_set_params_changes_nothing():
    clf = DNNClassifier()
    # scikit-learn's own type for it is both, as set_params raises ValueError and calls raise TypeError.
    for error in (TypeError, ValueError):
        with pytest.raises(error, match=r"Invalid parameter 'epoch' .* Did you mean 'epochs'\?"):
            clf.set_params(dropout=0.5, epoch=3)
    assert clf.dropout == 0.2


def test_the_signature_has_no_catch_all():
    import inspect

    assert "routed" not in inspect.signature(CNNClassifier).parameters
    assert "hidden_layer_sizes" in inspect.signature(CNNClassifier).parameters


BAD = {
    "hidden_layer_sizes": ["100", None, (0,), (10, -1), (10.5,), (True,), -3],
    "activation": ["rellu", ["relu"] * 3, None, [3, 3]],
    "dropout": [-0.1, 1, 1.5, (0.1,), (0.1, 0.2, 0.3), "0.1", None, (0.1, "a")],
    "output_activation": ["relu", None, 3],
    "loss": ["cross", None, 3],
    "optimizer": ["adamm", None, 3, dict],
    "learning_rate": [0, -1, "fast"],
    "metrics": ["accurate", 3],
    "epochs": [0, -1, 1.5, "many", None],
    "batch_size": [0, -1, 1.5, "all", None],
    "shuffle": [None, "yes"],
    "validation_fraction": [0, 1, -0.1, 1.5, "0.1"],
    "validation_rows": ["first", None, 3],
    "early_stopping": [None, "yes"],
    "monitor": [None, 3],
    "n_iter_no_change": [0, -1, 1.5, None],
    "tol": [-1, None, "small"],
    "class_weight": ["even", [1, 2], {"a": 1}, {0: -1}, {0: np.nan}, {0: 0, 1: 0, 2: 0}],
    "callbacks": ["EarlyStoping", 3, dict],
    "warm_start": [None, "yes"],
    "dtype_policy": ["float16", np.float32, None],
    "random_state": ["0", -1, 1.5],
    "verbose": [-1, "yes"],
}
BAD_FOR_CNN = {
    "conv_filters": [(0,), ((),), "32", None, (32, (0,)), (1.5,)],
    "kernel_size": [0, (3,) * 3, 1.5, "3", (3, 0)],
    "conv_activation": ["rellu", None, ("relu", "relu")],
    "padding": ["full", None],
    "pool_size": [0, (2,) * 3, 1.5, None],
    "image_shape": [(4,), (2, 2.0), "2x2", (2, 3), 4],
}


def cases(table):
    return [pytest.param(name, value, id=f"{name}={value!r}") for name, values in table.items() for value in values]


@pytest.mark.parametrize("name, value", cases(BAD))
def test_bad_values_are_named(name, value, iris):
    clf = DNNClassifier(**{name: value})
    if name in ("monitor",):
        clf.set_params(early_stopping=True)
    with pytest.raises((ValueError, TypeError), match=name):
        clf.fit(*iris)


@pytest.mark.parametrize("name, value", cases(BAD_FOR_CNN))
def test_bad_values_for_the_cnn_are_named(name, value, iris):
    with pytest.raises((ValueError, TypeError), match=name):
        CNNClassifier(**{name: value}).fit(*iris)


@pytest.mark.parametrize(
    "params, message",
    [
        ({"optimizer__momentum": 0.9}, "optimizer__momentum is not a parameter of Adam, which takes learning_rate"),
        ({"loss__smoothing": 0.1}, "loss__smoothing is not a parameter of CategoricalCrossentropy"),
        ({"callbacks__patience": 3}, "callbacks__patience was given, but callbacks is None"),
        (
            {"learning_rate": 0.1, "optimizer__learning_rate": 0.1},
            "learning_rate and optimizer__learning_rate are the same setting",
        ),
        (
            {"loss": lambda y, p: p, "loss__label_smoothing": 0.1},
            "loss__label_smoothing needs loss to be a name or a class",
        ),
        (
            {"optimizer": keras.optimizers.SGD(0.1), "optimizer__momentum": 0.5},
            "optimizer__momentum needs optimizer to be a name or a class",
        ),
        ({"metrics": "accuracy", "metrics__threshold": 0.1}, "metrics__threshold needs metrics to be"),
        (
            {"callbacks": keras.callbacks.TerminateOnNaN, "callbacks__patience": 3},
            "callbacks__patience is not .* TerminateOnNaN",
        ),
        ({"callbacks": [keras.callbacks.EarlyStopping], "callbacks__1__patience": 3}, "callbacks__1__patience needs"),
    ],
)
def test_bad_routed_parameters_are_named(params, message, iris):
    with pytest.raises((ValueError, TypeError), match=message):
        DNNClassifier(**params).fit(*iris)
