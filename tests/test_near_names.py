"""What people type from elsewhere, and misspellings, lead to the right names."""

import keras
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import CNNClassifier, DNNClassifier, DNNRegressor, KerasClassifier, KerasRegressor, TableClassifier

READY = {
    "lr": "learning_rate",
    "learning_rate_init": "learning_rate",
    "max_iter": "epochs",
    "n_epochs": "epochs",
    "max_epochs": "epochs",
    "solver": "optimizer",
    "patience": "n_iter_no_change",
    "seed": "random_state",
    "momentum": "optimizer__momentum",
    "weight_decay": "optimizer__weight_decay",
    "clipnorm": "optimizer__clipnorm",
    "label_smoothing": "loss__label_smoothing",
    "hidden_layers": "hidden_layer_sizes",
    "units": "hidden_layer_sizes",
    "l2": "alpha",
    "validation_split": "validation_fraction",
    "early_stop": "early_stopping",
    "batch_norm": "batch_normalization",
    "dropout_rate": "dropout",
    "criterion": "loss",
    "metric": "metrics",
    "min_delta": "tol",
    "dropuot": "dropout",
}
WRAPPERS = {
    "lr": "learning_rate",
    "max_iter": "epochs",
    "n_epochs": "epochs",
    "solver": "optimizer",
    "patience": "n_iter_no_change",
    "seed": "random_state",
    "momentum": "optimizer__momentum",
    "weight_decay": "optimizer__weight_decay",
    "val_split": "validation_fraction",
    "early_stop": "early_stopping",
    "criterion": "loss",
    "module": "model",
    "unit": "units",
}


def build(meta, units=4):
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dense(meta["n_classes_"], "softmax")]
    )


@pytest.mark.parametrize("cls", [DNNClassifier, DNNRegressor, CNNClassifier])
@pytest.mark.parametrize("typed, ours", READY.items())
def test_parameters_of_ready_networks(cls, typed, ours):
    said = rf"Did you mean '{ours}'\?"
    with pytest.raises(TypeError, match=said):
        cls(**{typed: 1})
    with pytest.raises(ValueError, match=said):
        cls().set_params(**{typed: 1})
    assert ours in cls().get_params() or cls(**{ours: 1}).get_params()[ours] == 1


def test_parameters_in_a_search(iris):
    search = GridSearchCV(make_pipeline(StandardScaler(), DNNClassifier()), {"dnnclassifier__lr": [0.1]}, cv=2)
    with pytest.raises(ValueError, match=r"Did you mean 'learning_rate'\?"):
        search.fit(*iris)


@pytest.mark.parametrize("typed, ours", WRAPPERS.items())
def test_parameters_of_wrappers(typed, ours, iris):
    said = rf"Did you mean '{ours}'\?"
    clf = KerasClassifier(build, loss="sparse_categorical_crossentropy", verbose=0)
    with pytest.raises(ValueError, match=said):
        clf.set_params(**{typed: 1})
    with pytest.raises(TypeError, match=said):  # the function might have taken it
        KerasClassifier(build, loss="sparse_categorical_crossentropy", **{typed: 1}).fit(*iris)
    if ours != "units":
        with pytest.raises(TypeError, match=said):
            KerasRegressor(keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]), **{typed: 1}).fit(*iris)


def test_parameters_of_the_function_that_are_called_as_elsewhere(iris):
    def build(meta, lr, momentum):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
        model.compile(keras.optimizers.SGD(lr, momentum), "sparse_categorical_crossentropy")
        return model

    clf = KerasClassifier(build, lr=0.5, momentum=0.25, verbose=0).fit(*iris)
    assert (float(clf.model_.optimizer.learning_rate), clf.model_.optimizer.momentum) == (0.5, 0.25)


@pytest.mark.parametrize(
    "name, typed, ours",
    [
        ("optimizer", "addam", "adam"),
        ("optimizer", "Adamm", "adam"),
        ("optimizer", "momentum", "sgd"),
        ("loss", "cross_entropy", "crossentropy"),
        ("loss", "cross-entropy", "crossentropy"),
        ("loss", "logloss", "crossentropy"),
        ("loss", "log_loss", "crossentropy"),
        ("loss", "binary_cross_entropy", "binary_crossentropy"),
        ("loss", "categorical_cross_entropy", "categorical_crossentropy"),
        ("loss", "sparse_categorical_cross_entropy", "sparse_categorical_crossentropy"),
        ("loss", "squared_error", "mean_squared_error"),
        ("metrics", "rmse", "root_mean_squared_error"),
        ("metrics", "r2", "r2_score"),
        ("metrics", "f1", "f1_score"),
        ("metrics", "roc_auc", "auc"),
        ("metrics", "acuracy", "accuracy"),
        ("activation", "rellu", "relu"),
        ("activation", "logistic", "sigmoid"),
        ("activation", "identity", "linear"),
        ("kernel_initializer", "he_norml", "he_normal"),
    ],
)
def test_values(name, typed, ours, iris):
    said = rf"{name}='{typed}'.*Did you mean '{ours}'\?"
    with pytest.raises(ValueError, match=said):
        DNNClassifier(**{name: typed}).fit(*iris)
    if name in ("optimizer", "loss", "metrics"):
        with pytest.raises(ValueError, match=said):
            KerasClassifier(build, **{"loss": "sparse_categorical_crossentropy", name: typed}).fit(*iris)


def test_what_is_suggested_exists(iris):
    """Keras itself, or an estimator, takes each name that a message may give."""
    from skdeep._common.near_names import _PARAMETERS, _ROUTED, _VALUES

    for optimizer in _VALUES["optimizer"]:
        assert keras.optimizers.get(optimizer)
    for activation in _VALUES["activation"]:
        assert keras.activations.get(activation)
    for metric in _VALUES["metrics"]:
        assert metric == "accuracy" or keras.metrics.get(metric)
    for loss in _VALUES["loss"]:
        assert loss == "crossentropy" or keras.losses.get(loss)
    estimators = [CNNClassifier(), DNNRegressor(), TableClassifier(), KerasClassifier(), KerasRegressor()]
    known = {name for estimator in estimators for name in estimator.get_params()}
    assert set(_PARAMETERS) <= known
    assert all(name.split("__")[0] in known for name in _ROUTED)


def test_arguments_of_routed_objects(iris):
    with pytest.raises(ValueError, match=r"optimizer__lr is not a parameter of Adam.*Did you mean 'learning_rate'\?"):
        DNNClassifier(optimizer__lr=0.1).fit(*iris)


class TestArgumentsOfFit:
    @pytest.mark.parametrize("method", ["fit", "partial_fit"])
    @pytest.mark.parametrize("cls", [DNNClassifier, DNNRegressor, CNNClassifier])
    @pytest.mark.parametrize("name", ["epochs", "batch_size", "verbose", "callbacks", "shuffle"])
    def test_settings_of_keras(self, cls, name, method, iris):
        said = rf"{cls.__name__}.{method}\(\) got an unexpected keyword argument '{name}'. .*{cls.__name__}\({name}="
        with pytest.raises(TypeError, match=said):
            getattr(cls(), method)(*iris, **{name: 3})

    @pytest.mark.parametrize(
        "name, ours",
        [
            ("lr", "learning_rate"),
            ("n_epochs", "epochs"),
            ("validation_split", "validation_fraction"),
            ("x_val", "X_val"),
        ],
    )
    def test_near_names(self, name, ours, iris):
        with pytest.raises(TypeError, match=rf"Did you mean '{ours}'\?.*parameters of the estimator"):
            DNNClassifier().fit(*iris, **{name: 1})

    def test_of_wrappers(self, iris):
        clf = KerasClassifier(build, loss="sparse_categorical_crossentropy", verbose=0)
        with pytest.raises(TypeError, match=r"Did you mean 'epochs'\? Settings of a fit are"):
            clf.fit(*iris, n_epochs=3)
        with pytest.raises(TypeError, match=r"KerasClassifier.partial_fit.*KerasClassifier\(epochs="):
            clf.partial_fit(*iris, classes=[0, 1, 2], epochs=3)

    def test_nothing_fitted_is_lost(self, iris):
        clf = DNNClassifier((4,), epochs=1, random_state=0).fit(*iris)
        before = clf.predict_proba(iris[0]).tolist()
        with pytest.raises(TypeError):
            clf.fit(*iris, epochs=3)
        assert clf.predict_proba(iris[0]).tolist() == before


@pytest.mark.parametrize(
    "typed, meant",
    {
        "n_estimators": "n_networks",
        "cat_features": "categorical_features",
        "d_embedding": "embedding_size",
        "max_epochs": "epochs",
        "frequency_scale": "frequency_init_scale",
    }.items(),
)
def test_of_tables(typed, meant):
    with pytest.raises(TypeError, match=f"Did you mean {meant!r}"):
        TableClassifier(**{typed: 1})
