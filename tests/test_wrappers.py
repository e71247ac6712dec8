"""Keras models of the user's own as estimators: scikit-learn's checks, what scikeras's estimators take, and errors."""

import functools
import inspect
import pickle
import random
import subprocess
import sys
import warnings
from unittest import SkipTest

import keras
import numpy as np
import pytest
import scikeras.wrappers
import sklearn
from joblib import parallel_config
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes, make_multilabel_classification, make_regression
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import skdeep
from skdeep import KerasClassifier, KerasRegressor, programs
from skdeep._estimators.model_functions import SHARED


def dense(meta, units=16, dropout=0.0):
    """Build what fits y: one sigmoid unit for two classes or for each label, softmax for more, numbers as they are."""
    kind = meta["target_type_"]
    if "n_classes_" not in meta:
        last = (meta["n_outputs_"], None)
    elif kind == "multilabel-indicator":
        last = (meta["n_classes_"], "sigmoid")
    else:
        last = (1, "sigmoid") if kind == "binary" else (meta["n_classes_"], "softmax")
    return keras.Sequential(
        [
            keras.Input(meta["X_shape_"][1:]),
            keras.layers.Flatten(),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(*last),
        ]
    )


def compiled(meta, reduction="sum_over_batch_size"):
    """Compile with the loss that fits y."""
    model = dense(meta)
    if "n_classes_" not in meta:
        loss = keras.losses.MeanSquaredError(reduction=reduction)
    elif meta["target_type_"] == "multiclass":
        loss = keras.losses.SparseCategoricalCrossentropy(reduction=reduction)
    else:
        loss = keras.losses.BinaryCrossentropy(reduction=reduction)
    model.compile(loss=loss, optimizer=keras.optimizers.Adam(0.05))
    return model


def quick(model=dense, **params):
    defaults = {"loss": "sparse_categorical_crossentropy", "optimizer": "adam", "optimizer__learning_rate": 0.02}
    return KerasClassifier(model, **defaults | {"epochs": 10, "verbose": 0, "random_state": 0} | params)


def quick_of(kind, model, **params):
    return kind(model, **{"optimizer": "adam", "epochs": 1, "verbose": 0, "random_state": 0} | params)


def quick_regressor(model=dense, **params):
    defaults = {"loss": "mse", "optimizer__learning_rate": 0.02, "epochs": 20, "verbose": 0, "random_state": 0}
    return KerasRegressor(model, **defaults | params)


def weights(estimator):
    return np.concatenate([weight.ravel() for weight in estimator.model_.get_weights()])


def set_floats(dtype):
    """Let Keras's default layers compute in this dtype; `set_floatx` alone does not, once a layer was made."""
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)


CHECKED = [KerasClassifier(compiled, epochs=30, verbose=0), KerasRegressor(compiled, epochs=60, verbose=0)]

# Not by parametrize_with_checks, whose names have the addresses of the functions.
CHECKS = [
    pytest.param(estimator, check, id=f"{type(estimator).__name__}-{check.func.__name__}-{number}")
    for each in CHECKED
    for number, (estimator, check) in enumerate(estimator_checks_generator(each))
]


# As in Keras's fit the weighted losses of a batch are divided by the number of its rows: a row of weight 2 is not two.
NOT_AS_REPEATED_ROWS = "sample_weight_equivalence"


# The second pass is slow: no line of skdeep depends on it.
ROUTING = [
    pytest.param(False, id="routing off"),
    pytest.param(True, id="routing on", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("routing", ROUTING)
@pytest.mark.parametrize("estimator, check", CHECKS)
def test_scikit_learn_checks(estimator, check, routing, request):
    if NOT_AS_REPEATED_ROWS in str(check):
        # It compares to 1e-7, so rows in another order, or drawn into other batches, must not round differently.
        estimator = clone(estimator).set_params(batch_size=1000)
        set_floats("float64")
        request.addfinalizer(lambda: set_floats("float32"))
    with sklearn.config_context(enable_metadata_routing=routing), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Column 0 of y has a mean")  # of a check of several columns
        if NOT_AS_REPEATED_ROWS in str(check):
            with pytest.raises(AssertionError, match="is not equivalent to fitting with removed or repeated"):
                check(clone(estimator))
            estimator.set_params(reduction="mean_with_sample_weight")  # divides by the sum of the weights
        try:
            check(estimator)
        except SkipTest as reason:
            pytest.fail(f"skipped: {reason}")


def test_scikit_learn_takes_them_for_what_they_are():
    assert is_classifier(KerasClassifier(dense))
    assert is_regressor(KerasRegressor(dense))


@pytest.mark.parametrize("wrapper, theirs", [(KerasClassifier, "KerasClassifier"), (KerasRegressor, "KerasRegressor")])
class TestLikeScikeras:
    """An import is all that existing code changes."""

    def test_the_same_parameters_with_the_same_defaults(self, wrapper, theirs):
        def named(cls):
            parameters = inspect.signature(cls.__init__).parameters.values()
            return {each.name: each.default for each in parameters if each.kind != each.VAR_KEYWORD}

        ours = named(wrapper)
        assert all(ours.pop(name, "auto") == "auto" for name in ("target_encoding", "output_encoding", "target_type"))
        assert ours.pop("scale_targets", False) is False
        assert {name: ours.pop(name) for name in SHARED} == SHARED  # of the ready networks
        assert ours == named(getattr(scikeras.wrappers, theirs))

    @pytest.mark.slow_after(1)
    def test_the_same_attributes_for_the_function(self, wrapper, theirs, iris):
        seen = []

        def build(meta, compile_kwargs, params):
            seen.append((meta, compile_kwargs, params))
            model = dense(meta)
            model.compile(**compile_kwargs)
            return model

        loss = "mse" if wrapper is KerasRegressor else "sparse_categorical_crossentropy"
        settings = {"loss": loss, "metrics": ["acc"], "verbose": 0, "optimizer__learning_rate": 0.5}
        X, y = iris[0].astype(np.float32), iris[1].astype(np.float32)
        for each in (getattr(scikeras.wrappers, theirs), wrapper):
            each(build, **settings).fit(X, y)
        (their_meta, their_kwargs, their_params), (meta, kwargs, params) = seen
        assert their_params.keys() == params.keys() - {
            "target_encoding",
            "output_encoding",
            "target_type",
            "scale_targets",
            *SHARED,
        }
        assert their_kwargs.keys() == kwargs.keys()
        configs = [each["optimizer"].get_config() | {"name": "any"} for each in (kwargs, their_kwargs)]
        assert configs[0] == configs[1]
        their_meta = {name: value for name, value in their_meta.items() if not name.endswith("_encoder_")}
        assert their_meta.keys() <= meta.keys()
        for name, value in their_meta.items():
            np.testing.assert_array_equal(meta[name], value, err_msg=name)

    @pytest.mark.slow_after(1)
    def test_the_same_mathematics(self, wrapper, theirs, iris):
        X, y = iris[0].astype(np.float32), iris[1].astype(np.float32)
        loss = "mse" if wrapper is KerasRegressor else "sparse_categorical_crossentropy"
        start = dense(
            {
                "X_shape_": X.shape,
                "target_type_": "multiclass",
                **({"n_outputs_": 1} if wrapper is KerasRegressor else {"n_classes_": 3}),
            }
        )

        def build():
            model = keras.models.clone_model(start)
            model.set_weights(start.get_weights())
            return model

        settings = {"loss": loss, "epochs": 3, "shuffle": False, "batch_size": 20, "verbose": 0, "optimizer": "adam"}
        ours = wrapper(build, **settings).fit(X, y)
        other = getattr(scikeras.wrappers, theirs)(build, **settings).fit(X, y)
        np.testing.assert_allclose(ours.history_["loss"], other.history_["loss"], rtol=1e-5)
        np.testing.assert_allclose(weights(ours), weights(other), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(ours.predict(X), other.predict(X), rtol=1e-4, atol=1e-5)


class Builder:
    """Its objects build models, and so do their methods."""

    def __init__(self, activation="relu"):
        self.activation = activation

    def __call__(self, meta, units=8):
        last = keras.layers.Dense(meta["n_classes_"], "softmax")
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, self.activation), last])

    def build(self, meta, units=8):
        return self(meta, units)


class OwnModel(keras.Model):
    def __init__(self, n_classes=3, units=8, **kwargs):
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(units, "relu")
        self.last = keras.layers.Dense(n_classes, "softmax")

    def call(self, x):
        return self.last(self.hidden(x))


class OfMeta(OwnModel):
    def __init__(self, meta, units=8):
        super().__init__(meta["n_classes_"], units)


class WithMethod(KerasClassifier):
    def _keras_build_fn(self, meta, units=8, *, activation="relu"):
        return Builder(activation)(meta, units)


def with_a_third(meta, units, activation):
    return Builder(activation)(meta, units)


BUILDERS = {
    "object": Builder("tanh"),
    "bound method": Builder("tanh").build,
    "partial": functools.partial(with_a_third, units=8, activation="relu"),
    "partial of a class": functools.partial(OwnModel, 3, units=8),
    "class": OwnModel,
    "class with meta": OfMeta,
    "method": None,
}


@pytest.mark.parametrize("name", BUILDERS)
class TestBuilders:
    """Whatever can be called may build the model. scikeras takes functions and partial ones."""

    def clf(self, name, **params):
        kind = WithMethod if name == "method" else KerasClassifier
        return quick_of(kind, BUILDERS[name], **params)

    def units(self, clf):
        return next(layer for layer in clf.model_.layers if isinstance(layer, keras.layers.Dense)).units

    def test_arguments(self, name, iris):
        clf = self.clf(name)
        assert self.units(clf.fit(*iris)) == 8
        assert "units" not in clf.get_params()  # the function's own default counts
        other = clone(clf).set_params(units=5)
        assert other.get_params()["units"] == clone(other).get_params()["units"] == 5
        assert self.units(other.fit(*iris)) == self.units(clone(clf).set_params(model__units=5).fit(*iris)) == 5
        assert self.units(self.clf(name, units=3).fit(*iris)) == 3
        with pytest.raises(ValueError, match=r"Invalid parameter 'unit'.* Did you mean 'units'\?"):
            clf.set_params(unit=3)

    def test_searches(self, name, iris):
        for argument in ("units", "model__units"):
            search = GridSearchCV(self.clf(name), {argument: [2, 12]}, cv=2, error_score="raise").fit(*iris)
            assert self.units(search.best_estimator_) == search.best_params_[argument]


class TestModels:
    """What may be given as model."""

    def test_an_object_that_builds_is_copied_with_what_it_has(self, iris):
        assert clone(quick(Builder("tanh"))).model.activation == "tanh"
        assert clone(quick(Builder("tanh").build)).model.__self__.activation == "tanh"
        assert quick(Builder("tanh")).fit(*iris).model_.layers[0].activation is keras.activations.tanh
        clf = WithMethod(verbose=0, activation="tanh").fit(*iris)
        assert clf.model_.layers[0].activation is keras.activations.tanh

    def test_arguments_of_the_function_by_name_and_by_prefix(self, iris):
        by_name = quick(units=5, dropout=0.3).fit(*iris)
        by_prefix = quick(model__units=5, model__dropout=0.3).fit(*iris)
        assert by_name.model_.layers[1].units == 5
        assert by_name.model_.layers[2].rate == 0.3
        np.testing.assert_array_equal(weights(by_name), weights(by_prefix))

    def test_a_partial_function(self, iris):
        clf = KerasClassifier(functools.partial(dense, units=7), loss="sparse_categorical_crossentropy", verbose=0)
        assert clf.fit(*iris).model_.layers[1].units == 7
        assert clf.set_params(dropout=0.1).fit(*iris).model_.layers[2].rate == 0.1

    def test_a_function_that_takes_anything(self, iris):
        def build(**arguments):
            assert {"meta", "compile_kwargs", "params", "units"} == set(arguments)
            return dense(arguments["meta"], arguments["units"])

        assert quick(model=build, units=9).fit(*iris).model_.layers[1].units == 9

    def test_a_model_is_copied_and_trained_on_from_its_weights(self, iris):
        X, y = iris
        model = quick(epochs=60).fit(X, y).model_
        before = [weight.copy() for weight in model.get_weights()]
        clf = KerasClassifier(model, verbose=0, optimizer="adam", random_state=0)
        assert clf.initialize(X, y).score(X, y) > 0.9
        assert clf.current_epoch == 0
        assert clf.fit(X, y).score(X, y) > 0.9
        assert clf.current_epoch == 1
        assert not np.array_equal(weights(clf), np.concatenate([weight.ravel() for weight in before]))
        for weight, earlier in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(weight, earlier)

    def test_a_model_that_is_not_compiled(self, iris):
        model = dense({"X_shape_": (1, 4), "target_type_": "multiclass", "n_classes_": 3})
        clf = clone(KerasClassifier(model, loss="sparse_categorical_crossentropy", epochs=2, verbose=0))
        assert list(clf.fit(*iris).history_) == ["loss"]
        assert not model.compiled

    def test_a_functional_model_and_images(self, digits):
        def build(meta):
            image = keras.Input((*meta["X_shape_"][1:],))
            x = keras.layers.Reshape((8, 8, 1))(image)
            x = keras.layers.Conv2D(8, 3, activation="relu")(x)
            one, two = keras.layers.GlobalMaxPooling2D()(x), keras.layers.Flatten()(x)
            x = keras.layers.Concatenate()([one, two])
            return keras.Model(image, keras.layers.Dense(meta["n_classes_"], "softmax")(x))

        clf = quick(model=build, epochs=2, metrics="accuracy")
        clf.fit(digits.images / 16, digits.target)
        assert clf.score(digits.images / 16, digits.target) > 0.9
        with pytest.raises(ValueError, match=r"X has rows of shape \(8, 7\), but in fit they had shape \(8, 8\)"):
            clf.predict(digits.images[:, :, :7])

    def test_a_sequential_model_without_an_input(self, iris):
        def build():
            return keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")])

        assert quick(model=build, epochs=30).fit(*iris).score(*iris) > 0.8

    @pytest.mark.slow
    def test_embeddings_of_numbers_of_words(self, rng):
        X = rng.integers(0, 30_000, (200, 6))
        y = (X < 15_000).sum(axis=1) > 3

        def build():
            return keras.Sequential(
                [
                    keras.Input((6,), dtype="int32"),
                    keras.layers.Embedding(30_000, 4),
                    keras.layers.LSTM(4),
                    keras.layers.Dense(1, "sigmoid"),
                ]
            )

        clf = quick(model=build, loss="binary_crossentropy", epochs=30, optimizer__learning_rate=0.05).fit(X, y)
        assert clf.score(X, y) > 0.9

    def test_a_subclass_of_model(self, iris):
        clf = quick(model=Subclassed, loss="sparse_categorical_crossentropy", epochs=30).fit(*iris)
        assert clf.score(*iris) > 0.8
        assert "Dense" in repr(clf.summary())
        with pytest.raises(ValueError, match="cannot be pickled or saved: Keras cannot describe it"):
            pickle.dumps(clf)

    @pytest.mark.parametrize("n_outputs", [1, 3])
    def test_logits(self, n_outputs, iris):
        X, y = iris if n_outputs == 3 else (iris[0], iris[1] == 0)

        def build():
            model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(n_outputs)])
            kind = keras.losses.BinaryCrossentropy if n_outputs == 1 else keras.losses.SparseCategoricalCrossentropy
            model.compile(loss=kind(from_logits=True), optimizer=keras.optimizers.Adam(0.1))
            return model

        clf = KerasClassifier(build, epochs=20, verbose=0, random_state=0).fit(X, y)
        np.testing.assert_allclose(clf.predict_proba(X).sum(axis=1), 1)
        assert clf.predict_proba(X).min() >= 0
        assert clf.score(X, y) > 0.9

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("loss", ["categorical_crossentropy", "mse", keras.losses.KLDivergence])
    def test_losses_of_one_hot_targets(self, loss, iris):
        names = np.array(["setosa", "versicolor", "virginica"])[iris[1]]
        assert quick(loss=loss, epochs=30).fit(iris[0], names).score(iris[0], names) > 0.8

    def test_one_hot_rows_and_labels(self, iris):
        X, y = iris

        def build():
            return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])

        rows = np.eye(3, dtype=int)[y]
        clf = quick(model=build, loss="categorical_crossentropy", metrics=["accuracy"]).fit(X, rows)
        assert clf.predict(X).shape == (150, 3)
        np.testing.assert_allclose(clf.history_["accuracy"][-1], clf.score(X, rows), atol=0.1)

    def test_multilabel(self):
        X, y = make_multilabel_classification(n_classes=4, random_state=0)
        clf = quick(loss="binary_crossentropy", metrics=["accuracy"], epochs=30).fit(X, y)
        assert clf.predict(X).shape == y.shape
        np.testing.assert_allclose(clf.history_["accuracy"][-1], np.mean(clf.predict(X) == y), atol=0.05)


@keras.saving.register_keras_serializable("skdeep-tests")
class Doubled(keras.layers.Layer):
    """A layer of the user's own."""

    def call(self, x):
        return 2 * x


class Subclassed(keras.Model):
    """A model without a config."""

    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(8, "relu")
        self.last = keras.layers.Dense(3, "softmax")

    def call(self, x):
        return self.last(self.hidden(x))

    def get_config(self):
        raise NotImplementedError


class TestTraining:
    @pytest.mark.slow
    def test_settings_of_a_fit_by_prefix_and_in_the_call(self, iris):
        assert quick(fit__epochs=3).fit(*iris).n_iter_ == 3
        clf = quick(fit__epochs=3)
        assert clf.fit(*iris, epochs=2, validation_split=0.2).n_iter_ == 2
        assert list(clf.history_) == ["loss", "val_loss"]
        assert clf.fit(*iris).n_iter_ == 3
        assert "_settings_of_this_fit" not in vars(clf)

    def test_validation_data(self, iris):
        X, y = iris
        expected = quick().fit(X, y, X_val=X[:50], y_val=y[:50]).history_["val_loss"]
        assert quick(fit__validation_data=(X[:50], y[:50])).fit(X, y).history_["val_loss"] == expected
        assert quick().fit(X, y, validation_data=(X[:50], y[:50])).history_["val_loss"] == expected

    def test_the_validation_split_is_stratified(self, iris):
        clf = quick(validation_split=0.2, metrics=["accuracy"], epochs=30).fit(*iris)
        assert clf.history_["val_accuracy"][-1] > 0.8  # the last rows are all of one class

    def test_callbacks_of_two_parameters_and_their_arguments(self, iris):
        clf = quick(
            epochs=30,
            callbacks=skdeep.StopAtMetric,
            callbacks__monitor="loss",
            callbacks__value=0.5,
            fit__callbacks=[keras.callbacks.TerminateOnNaN],
        )
        with pytest.raises(ValueError, match="callbacks__monitor is not a parameter of TerminateOnNaN"):
            clf.fit(*iris)
        clf.set_params(fit__callbacks=None).fit(*iris)
        assert clf.n_iter_ < 30

    @pytest.mark.parametrize("name", ["callbacks", "fit__callbacks"])
    def test_callbacks_by_name(self, name, iris):
        callbacks = {"nan": keras.callbacks.TerminateOnNaN(), "stop": keras.callbacks.EarlyStopping}
        clf = quick(epochs=30, **{name: callbacks}, callbacks__stop__monitor="loss", callbacks__stop__min_delta=10.0)
        assert clf.fit(*iris).n_iter_ == 2
        with pytest.raises(ValueError, match="callbacks__stop__nope is not a parameter of EarlyStopping"):
            clf.set_params(callbacks__stop__nope=3).fit(*iris)

    def test_parameters_of_what_a_callback_is_made_with(self, iris):
        class Constant:
            def __init__(self, rate=1.0):
                self.rate = rate

            def __call__(self, epoch, rate):
                return self.rate

        scheduler = keras.callbacks.LearningRateScheduler
        clf = quick(callbacks=scheduler, callbacks__schedule=Constant, callbacks__schedule__rate=0.25)
        assert clf.fit(*iris).model_.optimizer.learning_rate.numpy() == 0.25

    def test_settings_of_predictions(self, iris):
        clf = quick(predict__batch_size=7).fit(*iris)
        reg = quick_regressor().fit(*iris)
        for method in (clf.predict, clf.predict_proba, reg.predict):
            np.testing.assert_array_equal(method(iris[0], batch_size=10, verbose=0), method(iris[0]))
            with pytest.raises(TypeError, match="predict got an unexpected keyword argument 'batches'"):
                method(iris[0], batches=3)

    def test_a_batch_of_all_rows(self, iris):
        expected = quick(batch_size=150).fit(*iris).history_
        assert quick(batch_size=-1).fit(*iris).history_ == expected

    def test_partial_fit_counts_epochs_and_needs_no_classes(self, iris):
        clf = quick()
        for _ in range(3):
            clf.partial_fit(*iris)
        assert clf.current_epoch == len(clf.history_["loss"]) == 3
        few = quick().partial_fit(iris[0][:100], iris[1][:100], classes=[0, 1, 2])
        assert few.predict_proba(iris[0]).shape == (150, 3)

    def test_warm_start(self, iris):
        clf = quick(warm_start=True, epochs=5).fit(*iris)
        assert clf.fit(*iris).n_iter_ == 10
        expected = quick(epochs=10, shuffle=False).fit(*iris)
        clf = quick(epochs=5, shuffle=False, warm_start=True).fit(*iris)
        np.testing.assert_array_equal(weights(clf.fit(*iris)), weights(expected))  # the state of the optimizer, too

    def test_class_weight(self, iris):
        X, y = iris
        plain, weighted = (quick(class_weight=weight, epochs=5).fit(X, y) for weight in (None, {1: 100.0}))
        assert np.mean(weighted.predict(X) == 1) > np.mean(plain.predict(X) == 1)
        assert quick(class_weight="balanced").fit(X, y).score(X, y) > 0.5
        assert quick().fit(X, y, class_weight={1: 100.0}, epochs=5).history_ == weighted.history_

    def test_regression_in_the_unit_of_y(self):
        X, y = make_regression(300, 5, noise=5, random_state=0)
        y /= 10  # a deviation above 50 is warned about
        reg = quick_regressor(epochs=50, metrics=[keras.metrics.R2Score, "mae"]).fit(X, y)
        assert list(reg.history_) == ["loss", "r2_score", "mae"]
        assert reg.score(X, y) > 0.9
        np.testing.assert_allclose(reg.history_["mae"][-1], np.abs(reg.predict(X) - y).mean(), rtol=0.3)
        two = quick_regressor(epochs=50).fit(X, np.column_stack([y, -y]))
        assert two.predict(X).shape == (300, 2)
        assert cross_val_score(quick_regressor(epochs=50), X, y, cv=3).min() > 0.8

    def test_a_frame_and_a_pipeline(self):
        X, y = load_diabetes(return_X_y=True, as_frame=True)
        reg = quick_regressor(epochs=50, scale_targets=True)
        reg = make_pipeline(StandardScaler().set_output(transform="pandas"), reg).fit(X, y)
        assert reg[-1].feature_names_in_.tolist() == X.columns.tolist()
        assert reg.score(X, y) > 0.3


class TestRandomState:
    """random_state decides all that Keras draws when a model is built and trained, and leaves nothing behind."""

    @pytest.mark.slow
    def test_the_same_bits_with_and_without_reuse_in_threads_and_processes(self, iris):
        def all_weights():
            clf = quick(dropout=0.2, epochs=2)
            return [weights(each) for each in cross_validate(clf, *iris, cv=3, return_estimator=True)["estimator"]]

        programs.clear()
        expected = all_weights()
        for backend, size in [("sequential", 6), ("sequential", 0), ("threading", 6), ("loky", 6)]:
            programs.set_size(size)
            try:
                with parallel_config(backend, n_jobs=2):
                    np.testing.assert_array_equal(all_weights(), expected)
            finally:
                programs.set_size(6)

    @pytest.mark.slow
    def test_another_process(self, iris):
        code = (
            "import sys; sys.path.insert(0, 'tests'); from test_wrappers import *; from conftest import *; "
            "X, y = load_iris(return_X_y=True); X = StandardScaler().fit_transform(X); "
            "print(weights(quick(dropout=0.2, epochs=2).fit(X, y)).tobytes().hex())"
        )
        printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert printed.split()[-1] == weights(quick(dropout=0.2, epochs=2).fit(*iris)).tobytes().hex()

    def test_functions_that_draw_from_the_global_generators(self, iris):
        def build(meta):
            return dense(meta, units=random.randint(1, 1000) + np.random.randint(1000))  # noqa: NPY002

        one, two, other = (quick(model=build, epochs=1, random_state=seed).fit(*iris) for seed in (0, 0, 1))
        np.testing.assert_array_equal(weights(one), weights(two))
        assert len(weights(other)) != len(weights(one))

    def test_global_generators_are_left_as_they_were(self, iris):
        states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
        quick(epochs=1).fit(*iris)
        assert (random.getstate(), np.random.get_state()[1].tolist()) == states  # noqa: NPY002


class TestParameters:
    def test_clone_and_set_params(self):
        clf = clone(quick(units=5, model__dropout=0.1, optimizer__momentum=0.9))
        assert (clf.units, clf.model__dropout, clf.optimizer__momentum) == (5, 0.1, 0.9)
        assert clf.set_params(dropout=0.5, units=6, optimizer__momentum=0.8).get_params()["dropout"] == 0.5
        with pytest.raises(
            ValueError, match=r"Invalid parameter 'unit' for .*KerasClassifier\. Did you mean 'units'\?"
        ):
            clf.set_params(unit=3)

    def test_a_search_over_parameters_of_the_function_that_were_not_given(self, iris):
        search = GridSearchCV(quick(), {"units": [2, 20], "optimizer__learning_rate": [1e-9, 0.02]}, cv=3).fit(*iris)
        assert search.best_params_["optimizer__learning_rate"] == 0.02

    def test_programs_are_reused_in_a_search(self, iris):
        programs.clear()
        before = programs.info()
        clf = quick(epochs=1, optimizer="nadam")  # which is TensorFlow's to train
        GridSearchCV(clf, {"optimizer__learning_rate": [0.01, 0.02, 0.03]}, cv=3, refit=False).fit(*iris)
        after = programs.info()
        assert after["traced"] - before["traced"] == 1
        assert after["reused"] - before["reused"] == 8

    @pytest.mark.parametrize(
        "wrapper, params, kind, message",
        [
            (KerasClassifier, {"model": None}, ValueError, "model is None"),
            (KerasClassifier, {"model": 3}, ValueError, "The 'model' parameter"),
            (KerasClassifier, {"model": lambda: 3}, TypeError, "model must return a keras.Model. Got 3"),
            (KerasClassifier, {"loss": "nope"}, ValueError, "loss='nope'"),
            (KerasClassifier, {"optimizer": "nope"}, ValueError, "optimizer='nope'"),
            (KerasClassifier, {"metrics": ["nope"]}, ValueError, "metrics='nope'"),
            (KerasClassifier, {"optimizer__nope": 1}, ValueError, "optimizer__nope is not a parameter of RMSprop"),
            (KerasClassifier, {"nope": 1}, TypeError, "'nope', which is neither one of its own nor of the function"),
            (KerasClassifier, {"model__nope": 1}, TypeError, "'nope', which is neither"),
            (KerasClassifier, {"fit__nope": 1}, ValueError, "fit__nope is not a setting"),
            (KerasClassifier, {"predict__nope": 1}, ValueError, "predict__nope is not a setting"),
            (KerasClassifier, {"compile__nope": 1}, ValueError, "compile__nope is not a setting"),
            (KerasClassifier, {"run_eagerly": 3}, ValueError, "The 'run_eagerly' parameter"),
            (KerasClassifier, {"epochs": 0}, ValueError, "The 'epochs' parameter"),
            (KerasClassifier, {"batch_size": -2}, ValueError, "The 'batch_size' parameter"),
            (KerasClassifier, {"validation_split": 1.5}, ValueError, "The 'validation_split' parameter"),
            (KerasClassifier, {"class_weight": "nope"}, ValueError, "The 'class_weight' parameter"),
            (KerasRegressor, {"verbose": "nope"}, ValueError, "The 'verbose' parameter"),
        ],
    )
    def test_errors(self, wrapper, params, kind, message, iris):
        defaults = {"model": dense, "loss": "sparse_categorical_crossentropy", "verbose": 0}
        with pytest.raises(kind, match=message):
            wrapper(**defaults | params).fit(*iris)

    @pytest.mark.parametrize(
        "layers, message",
        [
            ([keras.Input((5,)), keras.layers.Dense(3)], r"takes rows of shape \(5,\), but X has rows of shape \(4,\)"),
            ([keras.Input((4,)), keras.layers.Dense(7)], "has 7 outputs, but y has 3 classes"),
            ([keras.Input((4,)), keras.layers.Dense(1)], "has 1 outputs, but y has 3 classes"),
            (
                [keras.Input((4,)), keras.layers.Reshape((2, 2))],
                "more axes, but its output is",
            ),
        ],
    )
    def test_models_that_do_not_fit(self, layers, message, iris):
        clf = quick().fit(*iris)
        before = clf.predict(iris[0])
        with pytest.raises(ValueError, match=message):
            clf.set_params(model=lambda: keras.Sequential(layers)).fit(*iris)
        np.testing.assert_array_equal(clf.predict(iris[0]), before)

    def test_several_inputs(self, iris):
        def build():
            one, two = keras.Input((2,)), keras.Input((2,))
            return keras.Model([one, two], keras.layers.Dense(3)(keras.layers.Concatenate()([one, two])))

        with pytest.raises(ValueError, match=r"has 2 inputs, without names, of shapes \(2,\) and \(2,\), but X"):
            quick(model=build).fit(*iris)
        with pytest.raises(ValueError, match=r"X has 'a', but .* without names.*keras\.Input\(\.\.\., name='a'\)"):
            quick(model=build).fit({"a": iris[0][:, :2], "b": iris[0][:, 2:]}, iris[1])

    def test_a_regressors_columns(self, iris):
        def build():
            return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])

        with pytest.raises(ValueError, match="The model has 2 outputs, but y has 1 columns"):
            quick_regressor(model=build).fit(*iris)

    def test_a_setting_of_fit_that_nobody_knows(self, iris):
        with pytest.raises(TypeError, match=r"fit\(\) got an unexpected keyword argument 'epoch'"):
            quick().fit(*iris, epoch=3)

    def test_the_old_name_of_model(self, iris):
        clf = KerasClassifier(build_fn=dense, loss="sparse_categorical_crossentropy", verbose=0)
        with pytest.warns(FutureWarning, match="build_fn is the old name of model"):
            clf.fit(*iris)

    def test_every_parameter_and_attribute_is_documented(self, iris):
        for fitted in (quick(epochs=1).fit(*iris), quick_regressor(epochs=1).fit(*iris)):
            doc = inspect.getdoc(type(fitted))
            learned = [name for name in vars(fitted) if name.endswith("_") and not name.startswith("_")]
            for name in [*inspect.signature(type(fitted)).parameters, *learned, "model_"]:
                assert f"{name} : " in doc, name


def linear(**compiled):
    """Return a function that builds a linear network from zeros, compiled if there is anything to compile with."""

    def network():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, kernel_initializer="zeros")])
        if compiled:
            model.compile(**compiled)
        return model

    return network


class TestSettingsBesideACompiledModel:
    """Each is what the model was compiled with, or an error that names it."""

    @pytest.mark.parametrize(
        "settings",
        [
            {"optimizer": "adam"},
            {"optimizer": keras.optimizers.SGD(0.5)},
            {"optimizer__learning_rate": 0.5},
            {"optimizer__momentum": 0.9},
            {"loss": "mae"},
            {"loss": keras.losses.Huber(delta=3.0)},
            {"loss__delta": 3.0},
            {"metrics": ["mae"]},
            {"metrics": "mse", "metrics__name": "other"},
        ],
    )
    @pytest.mark.parametrize("given", ["function", "model"])
    def test_what_is_not_used_is_an_error(self, settings, given, iris):
        function = linear(optimizer=keras.optimizers.SGD(0.001), loss=keras.losses.Huber(delta=2.0), metrics=["mse"])
        reg = KerasRegressor(function if given == "function" else function(), verbose=0, **settings)
        with pytest.raises(ValueError, match=f"^{list(settings)[-1]}=.* was given, but the model is compiled already"):
            reg.fit(*iris)

    @pytest.mark.parametrize(
        "settings",
        [
            {"optimizer": "sgd", "optimizer__learning_rate": 0.001},
            {"optimizer": keras.optimizers.SGD(0.001)},
            {"optimizer": keras.optimizers.SGD},
            {"loss": "huber", "loss__delta": np.float32(2)},
            {"loss": keras.losses.Huber(delta=2.0)},
            {"metrics": "mse"},
            {"metrics": ["mean_squared_error"]},
            {"metrics": [keras.metrics.MeanSquaredError]},
        ],
    )
    def test_what_it_was_compiled_with_is_none(self, settings, iris):
        function = linear(optimizer=keras.optimizers.SGD(0.001), loss=keras.losses.Huber(delta=2.0), metrics=["mse"])
        assert list(KerasRegressor(function, verbose=0, **settings).fit(*iris).history_) == ["loss", "mse"]

    def test_functions_that_take_compile_kwargs_or_params(self, iris):
        def with_kwargs(compile_kwargs):
            model = linear()()
            model.compile(**compile_kwargs)
            return model

        def with_params(params):
            rate = params["optimizer__learning_rate"]
            return linear(optimizer=keras.optimizers.SGD(rate), loss=params["loss"], metrics=params["metrics"])()

        def with_a_part(compile_kwargs):
            model = linear()()
            model.compile(optimizer=compile_kwargs["optimizer"], loss="mse")
            return model

        settings = {"loss": "mae", "optimizer__learning_rate": 0.25, "metrics": ["mse"], "verbose": 0}
        for function in (with_kwargs, with_params):
            reg = KerasRegressor(function, **settings).fit(*iris)
            assert float(reg.model_.optimizer.learning_rate) == 0.25
            assert list(reg.history_) == ["loss", "mse"]
        with pytest.raises(ValueError, match=r"^loss='mae' was given, .* with the loss 'mse'"):
            KerasRegressor(with_a_part, **settings).fit(*iris)

    @pytest.mark.parametrize("name", ["units", "model__units"])
    def test_a_model_takes_no_arguments(self, name, iris):
        reg = KerasRegressor(linear(optimizer="sgd", loss="mse")(), verbose=0, **{name: 3})
        with pytest.raises(TypeError, match=f"got the parameter '{name.removeprefix('model__')}', .* takes none"):
            reg.fit(*iris)


class TestWeightsAsInKeras:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("class_weight", [None, {0: 1.0, 1: 5.0, 2: 0.5}])
    @pytest.mark.parametrize("sample_weight", [None, np.linspace(1.0, 9.0, 150)], ids=["no weights", "weights"])
    def test_the_same_loss_metrics_and_weights(self, class_weight, sample_weight, iris):
        X, y = iris[0].astype(np.float32), iris[1]
        start = dense({"X_shape_": X.shape, "target_type_": "multiclass", "n_classes_": 3})
        start.compile(keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
        fit = {"batch_size": 32, "epochs": 2, "shuffle": False, "verbose": 0}
        clf = KerasClassifier(start, class_weight=class_weight, **fit)
        clf.fit(X, y, sample_weight, X_val=X[:50], y_val=y[:50])
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        if class_weight:  # Keras takes one of both
            weight = {"sample_weight": np.array([1.0, 5.0, 0.5])[y] * weight.get("sample_weight", 1.0)}
        theirs = start.fit(X, y, validation_data=(X[:50], y[:50]), **weight, **fit).history
        assert clf.history_.keys() == theirs.keys()
        for name in theirs:
            np.testing.assert_allclose(clf.history_[name], theirs[name], rtol=1e-4)
        np.testing.assert_allclose(
            weights(clf), np.concatenate([each.ravel() for each in start.get_weights()]), rtol=1e-3, atol=1e-6
        )

    def test_class_weight_weighs_neither_metrics_nor_validation_rows(self, iris):
        X, y = iris
        settings = {"optimizer": "sgd", "optimizer__learning_rate": 1e-30, "epochs": 1, "metrics": ["acc"]}
        settings |= {"validation_split": 0.3, "batch_size": -1}
        plain, weighted = (quick(class_weight=each, **settings).fit(X, y) for each in (None, {0: 7.0, 1: 7.0, 2: 7.0}))
        assert weighted.history_["loss"][0] == pytest.approx(7 * plain.history_["loss"][0], rel=1e-5)
        for name in ("acc", "val_loss", "val_acc"):
            assert weighted.history_[name] == pytest.approx(plain.history_[name], rel=1e-5)
        partly = quick(class_weight={0: 7.0, 1: 7.0, 2: 7.0}, **settings).partial_fit(X, y)
        assert partly.history_["loss"][0] == pytest.approx(7 * quick(**settings).partial_fit(X, y).history_["loss"][0])

    def test_sample_weight_weighs_the_validation_rows(self, iris):
        X, y = iris
        settings = {"optimizer": "sgd", "optimizer__learning_rate": 1e-30, "epochs": 1, "validation_split": 0.3}
        plain = quick(**settings).fit(X, y).history_
        weighted = quick(**settings).fit(X, y, np.full(150, 3.0)).history_
        for name in plain:
            assert weighted[name][0] == pytest.approx(3 * plain[name][0], rel=1e-5)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("by", ["sample_weight_val", "validation_data", "fit__validation_data"])
    @pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight"])
    def test_weights_of_validation_rows(self, by, reduction, iris):
        X, y = iris[0].astype(np.float32), iris[1]
        start = dense({"X_shape_": X.shape, "target_type_": "multiclass", "n_classes_": 3})
        loss = keras.losses.SparseCategoricalCrossentropy(reduction=reduction)
        start.compile(
            keras.optimizers.SGD(0.05),
            loss,
            metrics=["accuracy"],
            weighted_metrics=[keras.metrics.SparseCategoricalCrossentropy()],
        )
        fit = {"batch_size": 32, "epochs": 2, "shuffle": False, "verbose": 0}
        held = X[:90], y[:90], np.linspace(0.5, 9.0, 90)
        clf = KerasClassifier(start, class_weight={0: 1.0, 1: 5.0, 2: 0.5}, **fit)
        if by == "sample_weight_val":
            clf.fit(X, y, X_val=held[0], y_val=held[1], sample_weight_val=held[2])
        elif by == "validation_data":
            clf.fit(X, y, validation_data=held)
        else:
            clf.set_params(fit__validation_data=held).fit(X, y)
        theirs = start.fit(X, y, validation_data=held, class_weight={0: 1.0, 1: 5.0, 2: 0.5}, **fit).history
        for name in theirs:
            np.testing.assert_allclose(clf.history_[name], theirs[name], rtol=1e-4)
        last = start.evaluate(*held[:2], 32, sample_weight=held[2], verbose=0, return_dict=True)
        assert {name: clf.history_[f"val_{name}"][-1] for name in last} == pytest.approx(last, rel=1e-4)

    def test_validation_rows_of_weight_zero_are_left_out(self, iris):
        X, y = iris
        fit = {"optimizer": "sgd", "optimizer__learning_rate": 1e-30, "epochs": 1}
        some = quick(**fit).fit(X, y, validation_data=(X, y, (y == 1) * 2.0)).history_["val_loss"]
        these = quick(**fit).fit(X, y, validation_data=(X[50:100], y[50:100], np.full(50, 2.0))).history_["val_loss"]
        assert some == pytest.approx(these, rel=1e-5)

    @pytest.mark.parametrize(
        "data, message",
        [
            (lambda X, y: (X,), r"^validation_data must be \(X_val, y_val\) or .* Got tuple of length 1"),
            (lambda X, y: X, "^validation_data must be .* Got ndarray"),
            (lambda X, y: (X, y, y, y), "^validation_data must be .* Got tuple of length 4"),
            (lambda X, y: (X, y, np.ones(3)), "sample_weight_val.shape"),
        ],
    )
    def test_validation_data_of_another_form(self, data, message, iris):
        with pytest.raises(ValueError, match=message):
            quick().fit(*iris, validation_data=data(*iris))

    def test_validation_data_twice(self, iris):
        X, y = iris
        with pytest.raises(ValueError, match="validation_data and X_val say the same"):
            quick().fit(X, y, X_val=X, y_val=y, validation_data=(X, y))

    @pytest.mark.parametrize("name", ["class_weight", "fit__class_weight"])
    def test_balanced_needs_all_rows(self, name, iris):
        clf = quick(**{name: "balanced"})
        with pytest.raises(ValueError, match=r"a part of the data at a time, .* class_weight='balanced'"):
            clf.partial_fit(*iris)
        assert not clf.initialized_


def one_layer(meta, last):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(meta["n_classes_"], last)])


def one_layer_network(last, loss):
    return KerasClassifier(one_layer, last=last, loss=loss, epochs=1, verbose=0, random_state=0)


@pytest.mark.parametrize("name", ["class_weight", "target_encoding", "target_type"])
def test_parameters_of_classifiers_are_none_of_regressors(name, iris):
    def build(units=1):
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])

    with pytest.raises(TypeError, match=f"KerasRegressor got the parameter '{name}', which is neither one of its own"):
        KerasRegressor(build, loss="mse", verbose=0, **{name: "auto"}).fit(*iris)


class TestTargetType:
    """What rows of 0 and 1 are, if they are not to be guessed from those that come."""

    @pytest.mark.slow
    def test_batches_with_one_tag_each_are_multilabel(self, iris):
        X, y = iris
        tags = np.column_stack([y == 0, y > 0, y == 2]).astype(int)
        clf = one_layer_network("sigmoid", "binary_crossentropy").set_params(target_type="multilabel")
        clf.partial_fit(X[:100], tags[:100]).partial_fit(X[100:], tags[100:])  # the first hundred have one 1 each
        raw = clf.model_.predict(X, verbose=0)
        np.testing.assert_allclose(clf.predict_proba(X), raw, rtol=1e-5)
        np.testing.assert_array_equal(clf.predict(X), raw > 0.5)
        loaded = pickle.loads(pickle.dumps(clf)).partial_fit(X[:9], 0 * tags[:9])
        assert loaded.predict(X).shape == (150, 3)
        with pytest.raises(ValueError, match=r"y is one-hot, .* row 0 .* target_type='multilabel'"):
            one_layer_network("sigmoid", "binary_crossentropy").partial_fit(X[:100], tags[:100]).partial_fit(
                X[100:], tags[100:]
            )

    def test_one_hot_rows_must_have_one_1(self, iris):
        X, y = iris
        clf = one_layer_network("softmax", "categorical_crossentropy").set_params(target_type="one-hot")
        with pytest.raises(ValueError, match=r"y is one-hot, .* row 0 "):
            clf.fit(X, 1 - np.eye(3)[y])
        np.testing.assert_allclose(clf.fit(X, np.eye(3)[y]).predict_proba(X).sum(axis=1), 1)

    def test_in_a_search(self, iris):
        X, y = iris
        clf = one_layer_network("sigmoid", "binary_crossentropy").set_params(target_type="multilabel")
        search = GridSearchCV(clf, {"epochs": [1, 2]}, cv=3).fit(X, np.eye(3, dtype=int)[y])
        raw = search.best_estimator_.model_.predict(X, verbose=0)
        np.testing.assert_allclose(search.predict_proba(X), raw, rtol=1e-5)

    def test_labels_are_no_rows(self, iris):
        with pytest.raises(
            ValueError, match=r"target_type='multilabel' is for rows of 0 and 1, but y has shape \(150,\)"
        ):
            quick(target_type="multilabel").fit(*iris)
        with pytest.raises(ValueError, match="'target_type' parameter"):
            quick(target_type="labels").fit(*iris)
