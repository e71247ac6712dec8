"""What Keras's own wrappers take, each thing beside its equal here, with the same numbers where both train alike."""

import functools
from unittest import SkipTest

import keras
import numpy as np
import pytest
from keras.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from skdeep import KerasClassifier, KerasRegressor, KerasTransformer

WHOLE = {"epochs": 5, "batch_size": 1000, "shuffle": False, "verbose": 0}  # so that both see the same batches


def layers_of(n_features, layers, n_outputs, activation):
    """Return a model whose weights are always the same at first, however they are drawn."""

    def dense(units, activation, seed):
        return keras.layers.Dense(units, activation, kernel_initializer=keras.initializers.GlorotUniform(seed))

    hidden = [dense(units, "tanh", seed) for seed, units in enumerate(layers)]
    return keras.Sequential([keras.Input((n_features,)), *hidden, dense(n_outputs, activation, 100)])


def theirs(X, y, loss, layers=(10,), activation="softmax"):
    model = layers_of(X.shape[1], layers, y.shape[1] if y.ndim > 1 else 1, activation)
    model.compile(loss=loss, optimizer="rmsprop")
    return model


def ours(meta, loss, layers=(10,), activation="softmax"):
    n_outputs = meta["n_classes_"] if "n_classes_" in meta else meta["n_outputs_"]
    model = layers_of(meta["n_features_in_"], layers, n_outputs, activation)
    model.compile(loss=loss, optimizer="rmsprop")
    return model


linear = functools.partial(ours, activation=None)
linear_theirs = functools.partial(theirs, activation=None)


@pytest.fixture
def scaled(iris):
    return StandardScaler().fit_transform(iris[0]), iris[1]


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X), (y - y.mean()) / y.std()


class TestTheSameNumbers:
    def test_classifier(self, scaled):
        X, y = scaled
        names = np.array(["x", "y", "z"])[y]
        kwargs = {"loss": "categorical_crossentropy", "layers": [20, 20]}
        before = SKLearnClassifier(theirs, model_kwargs=kwargs, fit_kwargs=WHOLE).fit(X, names)
        after = KerasClassifier(ours, model__loss=kwargs["loss"], layers=kwargs["layers"], **WHOLE).fit(X, names)
        np.testing.assert_allclose(after.predict_proba(X), before.decision_function(X), atol=1e-5)
        np.testing.assert_array_equal(after.predict(X), before.predict(X))
        np.testing.assert_array_equal(after.classes_, before.classes_)
        np.testing.assert_allclose(after.history_["loss"], before.history_.history["loss"], rtol=1e-4)
        assert after.score(X, names) == before.score(X, names)

    def test_regressor(self, diabetes):
        before = SKLearnRegressor(linear_theirs, model_kwargs={"loss": "mse"}, fit_kwargs=WHOLE).fit(*diabetes)
        after = KerasRegressor(linear, model__loss="mse", **WHOLE).fit(*diabetes)
        np.testing.assert_allclose(after.predict(diabetes[0]), before.predict(diabetes[0]), atol=1e-5)
        assert after.score(*diabetes) == pytest.approx(before.score(*diabetes), abs=1e-5)

    def test_several_columns(self, diabetes):
        """They refuse such a y."""
        X, Y = diabetes[0], np.column_stack([diabetes[1]] * 2)
        with pytest.raises(ValueError, match="y should be a 1d array"):
            SKLearnRegressor(linear_theirs, model_kwargs={"loss": "mse"}, fit_kwargs=WHOLE).fit(X, Y)
        assert KerasRegressor(linear, model__loss="mse", **WHOLE).fit(X, Y).predict(X).shape == Y.shape

    def test_transformer(self, diabetes):
        """Theirs learns y; the outputs of the model are the features."""
        X, y = diabetes
        before = SKLearnTransformer(linear_theirs, model_kwargs={"loss": "mse"}, fit_kwargs=WHOLE).fit(X, y)
        after = KerasTransformer(linear, target="y", model__loss="mse", **WHOLE).fit(X, y)
        np.testing.assert_allclose(after.transform(X), before.transform(X), atol=1e-5)

    def test_what_theirs_lacks(self, digits):
        assert not hasattr(SKLearnClassifier, "predict_proba")
        with pytest.raises(ValueError, match="Found array with dim 3"):
            SKLearnClassifier(theirs).fit(digits.images, digits.target)

    def test_settings_in_the_call_of_fit(self, scaled):
        kwargs = {"loss": "categorical_crossentropy"}
        before = SKLearnClassifier(theirs, model_kwargs=kwargs, fit_kwargs=dict(WHOLE)).fit(*scaled, epochs=2)
        after = KerasClassifier(ours, model__loss=kwargs["loss"], **WHOLE).fit(*scaled, epochs=2)
        np.testing.assert_allclose(after.predict_proba(scaled[0]), before.decision_function(scaled[0]), atol=1e-5)
        assert len(before.history_.epoch) == after.n_iter_ == 2


class TestModels:
    """A compiled model in place of a function."""

    def compiled(self):
        model = layers_of(4, (8,), 3, "softmax")
        model.compile(keras.optimizers.SGD(0.1, momentum=0.5), "categorical_crossentropy", metrics=["accuracy"])
        return model

    def test_what_it_was_compiled_with_counts(self, scaled):
        """Theirs are clones with weights of their own, drawn by the seeds of the layers anew: here the same."""
        before = SKLearnClassifier(self.compiled(), fit_kwargs=WHOLE).fit(*scaled)
        after = KerasClassifier(self.compiled(), **WHOLE).fit(*scaled)
        np.testing.assert_allclose(after.predict_proba(scaled[0]), before.decision_function(scaled[0]), atol=1e-5)
        assert after.history_.keys() == before.history_.history.keys()
        assert float(after.model_.optimizer.momentum) == float(before.model_.optimizer.momentum) == 0.5

    def test_its_weights_are_where_ours_starts(self, scaled):
        model = self.compiled()
        model.set_weights([weight + 1 for weight in model.get_weights()])
        model.optimizer.learning_rate = 0.0
        after = KerasClassifier(model, **WHOLE).fit(*scaled)
        np.testing.assert_array_equal(after.model_.get_weights()[0], model.get_weights()[0])
        assert after.model_ is not model
        before = SKLearnClassifier(model, fit_kwargs=WHOLE).fit(*scaled)
        assert np.abs(before.model_.get_weights()[0] - model.get_weights()[0]).min() > 0.5

    def test_not_compiled(self, scaled):
        """Theirs is an error; here the parameters say with what."""
        model = layers_of(4, (8,), 3, "softmax")
        with pytest.raises(RuntimeError, match="needs to be compiled"):
            SKLearnClassifier(model).fit(*scaled)
        assert KerasClassifier(model, optimizer="adam", **WHOLE).fit(*scaled).n_iter_ == 5


class TestWarmStart:
    def test_theirs_begins_anew_and_ours_goes_on(self, scaled):
        kwargs = {"loss": "categorical_crossentropy"}
        before = SKLearnClassifier(theirs, warm_start=True, model_kwargs=kwargs, fit_kwargs=WHOLE)
        first = before.fit(*scaled).decision_function(scaled[0])
        np.testing.assert_allclose(before.fit(*scaled).decision_function(scaled[0]), first, atol=1e-6)
        after = KerasClassifier(ours, warm_start=True, model__loss=kwargs["loss"], **WHOLE)
        after.fit(*scaled).fit(*scaled)
        assert after.n_iter_ == 10
        at_once = KerasClassifier(ours, model__loss=kwargs["loss"], **WHOLE | {"epochs": 10}).fit(*scaled)
        np.testing.assert_allclose(after.predict_proba(scaled[0]), at_once.predict_proba(scaled[0]), atol=1e-6)


class TestWithScikitLearn:
    LOSS = "categorical_crossentropy"

    def test_pipelines(self, iris):
        before = SKLearnClassifier(theirs, model_kwargs={"loss": self.LOSS}, fit_kwargs=WHOLE)
        after = KerasClassifier(ours, model__loss=self.LOSS, **WHOLE)
        one, other = (make_pipeline(StandardScaler(), each).fit(*iris) for each in (before, after))
        np.testing.assert_allclose(other.predict_proba(iris[0]), one.decision_function(iris[0]), atol=1e-5)

    def test_cross_validation(self, scaled):
        """Theirs lose `fit_kwargs` in clones, so a function must know the epochs; ours keep them."""
        before = SKLearnClassifier(theirs, model_kwargs={"loss": self.LOSS}, fit_kwargs=WHOLE)
        after = KerasClassifier(ours, model__loss=self.LOSS, **WHOLE)
        assert clone(before).fit_kwargs is None
        assert clone(after).get_params() == after.get_params()
        scores = [
            cross_val_score(before, *scaled, cv=3, params=WHOLE),
            cross_val_score(after, *scaled, cv=3),
        ]
        np.testing.assert_allclose(*scores)

    def test_grids(self, scaled):
        """Theirs search dicts, ours the arguments themselves."""
        sizes = [[2], [20, 20]]
        grid = {"model_kwargs": [{"loss": self.LOSS, "layers": size} for size in sizes]}
        before = GridSearchCV(SKLearnClassifier(theirs), grid, cv=3).fit(*scaled, **WHOLE)
        after = GridSearchCV(KerasClassifier(ours, model__loss=self.LOSS, **WHOLE), {"layers": sizes}, cv=3)
        after.fit(*scaled)
        scores = [search.cv_results_["mean_test_score"] for search in (before, after)]
        np.testing.assert_allclose(*scores)
        assert after.best_params_["layers"] == before.best_params_["model_kwargs"]["layers"]

    def test_a_frozen_transformer_in_front(self, diabetes):
        sklearn_frozen = pytest.importorskip("sklearn.frozen")
        X, y = diabetes
        encoder = KerasTransformer(linear, layers=[3], layer="dense", target="y", model__loss="mse", **WHOLE).fit(X, y)
        pipeline = make_pipeline(sklearn_frozen.FrozenEstimator(encoder), StandardScaler())
        assert pipeline.fit_transform(X, y).shape == (len(X), 3)


def dynamic(meta, layers=(20, 20, 20)):
    """Keras's own dynamic model, for labels of each as well, which theirs refuse, and quick to reach good scores."""
    is_multilabel = meta["target_type_"] == "multilabel-indicator"
    activation = "sigmoid" if is_multilabel else "softmax" if "n_classes_" in meta else None
    model = ours(meta, "mse", layers, activation)
    loss = {"sigmoid": "binary_crossentropy", "softmax": "categorical_crossentropy", None: "mse"}[activation]
    model.compile(keras.optimizers.Adam(0.02), loss)
    return model


CHECKED = [
    KerasClassifier(dynamic, epochs=30, verbose=0, random_state=0),
    KerasRegressor(dynamic, epochs=60, verbose=0, random_state=0),
    KerasTransformer(dynamic, target="y", epochs=5, verbose=0, random_state=0),
]
# As in Keras's fit a row of weight 2 is not two rows.
EXPECTED_TO_FAIL = ["check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", CHECKED, ids=lambda each: type(each).__name__)
def test_scikit_learn_checks(estimator):
    """Those that Keras runs with such a model, of which it leaves out up to seven, and asks for no good scores."""
    failed = failed_checks(estimator)
    assert {name: failed[name] for name in failed if name not in EXPECTED_TO_FAIL} == {}


def failed_checks(estimator):
    """Return the errors of scikit-learn's checks by their names."""
    failed = {}
    for each, check in estimator_checks_generator(estimator):
        try:
            check(each)
        except SkipTest:
            pass
        except Exception as error:
            failed[check.func.__name__] = repr(error)[:300]
    return failed


def weighed_as_rows(meta):
    """Return a model in which a row of weight 2 counts as two rows, if a batch has all of them."""
    is_multilabel = meta["target_type_"] == "multilabel-indicator"
    activation = "sigmoid" if is_multilabel else "softmax" if "n_classes_" in meta else None
    n_outputs = meta["n_outputs_"] if activation is None else meta["n_classes_"]
    inputs = keras.Input((meta["n_features_in_"],), dtype="float64")
    outputs = keras.layers.Dense(n_outputs, activation)(keras.layers.Dense(20, "relu")(inputs))
    model = keras.Model(inputs, outputs)
    loss = {
        "sigmoid": keras.losses.BinaryCrossentropy,
        "softmax": keras.losses.SparseCategoricalCrossentropy,
        None: keras.losses.MeanSquaredError,
    }[activation]
    model.compile(keras.optimizers.Adam(0.05), loss(reduction="mean_with_sample_weight", dtype="float64"))
    return model


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [KerasClassifier, KerasRegressor])
def test_all_of_scikit_learn_s_checks_with_full_batches_and_float64(kind):
    exact = {"batch_size": -1, "dtype_policy": "float64", "epochs": 50, "verbose": 0, "random_state": 0}
    assert failed_checks(kind(weighed_as_rows, **exact)) == {}


class TestWhatTheyCallOtherwise:
    @pytest.mark.parametrize("kind", [KerasClassifier, KerasRegressor, KerasTransformer])
    @pytest.mark.parametrize("model", [ours, layers_of(4, (8,), 3, "softmax")], ids=["function", "model"])
    @pytest.mark.parametrize(
        "name, value, said",
        [
            ("model_kwargs", {"layers": [3], "loss": "mse"}, r"give model__layers=\[3\], model__loss='mse'\."),
            ("fit_kwargs", {"epochs": 3, "verbose": 0}, r"give epochs=3, verbose=0\."),
            ("fit_kwargs", None, "leave it out"),
        ],
    )
    def test_dicts_of_arguments(self, kind, model, name, value, said, scaled):
        estimator = kind(model, verbose=0, **{name: value})
        with pytest.raises(TypeError, match=f"{name} is a parameter of keras.wrappers. Here its entries are .*{said}"):
            estimator.fit(*scaled)

    def test_dicts_in_searches(self, scaled):
        with pytest.raises(TypeError, match=r"model_kwargs is a parameter of keras.wrappers.* model__units=3"):
            KerasClassifier(ours).set_params(model_kwargs={"units": 3})

    def test_a_function_may_have_such_a_parameter(self, scaled):
        def build(meta, model_kwargs):
            return ours(meta, **model_kwargs)

        clf = KerasClassifier(build, model_kwargs={"loss": "categorical_crossentropy", "layers": [7]}, **WHOLE)
        assert clf.fit(*scaled).model_.layers[0].units == 7
        assert clone(clf).set_params(model_kwargs={"loss": "mse"}).fit(*scaled).model_.layers[0].units == 10

    @pytest.mark.parametrize(
        "function, written",
        [
            (theirs, r"theirs\(meta, loss, layers=\(10,\), activation='softmax'\)"),
            (lambda X, y: None, r"build\(meta\)"),
        ],
    )
    def test_functions_of_arrays(self, function, written, scaled):
        said = rf"takes X and y, as keras.wrappers give them. Here it takes meta, .* def {written}, with meta\['n_feat"
        with pytest.raises(TypeError, match=said):
            KerasClassifier(function, verbose=0).fit(*scaled)

    @pytest.mark.parametrize("given, how", [({}, "model__loss, units"), ({"units": 3}, "model__loss")])
    def test_arguments_that_are_missing(self, given, how, scaled):
        def build(meta, loss, *, units):
            raise AssertionError

        with pytest.raises(TypeError, match=rf"The function that builds the model needs 'loss'.*: set {how}\.$"):
            KerasClassifier(build, verbose=0, **given).fit(*scaled)
