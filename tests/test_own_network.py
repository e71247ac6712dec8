"""Networks of the user's own: what is shared between fits and what is not, how they are copied, saved and loaded."""

import copy
import functools
import gc
import pickle
import subprocess
import sys
import weakref

import cloudpickle
import keras
import numpy as np
import pytest
from keras.src.backend.common import global_state
from keras.src.saving.serialization_lib import in_safe_mode
from sklearn.base import clone

import skdeep
from skdeep import KerasClassifier, KerasRegressor, programs
from skdeep._files.making_from_files import making


def build(units=8, activation="relu", name=None, metric_name="accuracy", penalty=None):
    hidden = keras.layers.Dense(units, activation, name=name, kernel_regularizer=penalty)
    model = keras.Sequential([keras.Input((4,)), hidden, keras.layers.Dense(3, "softmax")])
    metric = keras.metrics.SparseCategoricalAccuracy(metric_name)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[metric])
    return model


def build_from_layers(layers):
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def build_for_tensorflow(units=8, activation="relu", name=None, metric_name="accuracy"):
    """Return the same with a penalty, so that TensorFlow trains it, by a program."""
    return build(units, activation, name, metric_name, keras.regularizers.L2(1e-4))


def build_with_lambda():
    return build_from_layers([keras.layers.Lambda(lambda x: 2 * x)])


class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2 * x


def build_with_own_layer():
    return build_from_layers([Doubled()])


def own_activation(x):
    return keras.ops.relu(x) * 0.5


def build_with_own_activation():
    return build_from_layers([keras.layers.Dense(4, own_activation)])


def own_loss(y_true, y_pred):
    return keras.losses.sparse_categorical_crossentropy(keras.ops.argmax(y_true, axis=1), y_pred)


def own_metric(y_true, y_pred):
    return keras.ops.mean(y_pred[:, 0])


class OwnRegularizer(keras.regularizers.Regularizer):
    def __call__(self, x):
        return 0.1 * keras.ops.sum(keras.ops.abs(x))

    def get_config(self):
        return {}


def build_with_own_loss_metric_and_regularizer():
    dense = keras.layers.Dense(3, "softmax", kernel_regularizer=OwnRegularizer())
    nested = keras.Sequential([keras.Input((4,)), Doubled(), dense])
    model = keras.Sequential([keras.Input((4,)), nested])
    model.compile("adam", own_loss, metrics=[own_metric])
    return model


def quick(model=build, **params):
    return KerasClassifier(model, **{"epochs": 2, "verbose": 0, "random_state": 0} | params)


def traced(model=build_for_tensorflow, **params):
    return quick(model, **params)


def weights(estimator):
    with estimator._network.in_use() as program:  # model_ would stop the reuse
        return np.concatenate([weight.ravel() for weight in program.model.get_weights()])


def counts(function):
    """Return how many programs were traced and how many reused while the function ran."""
    gc.collect()
    before = programs.info()
    function()
    gc.collect()
    after = programs.info()
    return after["traced"] - before["traced"], after["reused"] - before["reused"]


@pytest.fixture(autouse=True)
def empty_pool():
    programs.clear()


def build_with_loss_object():
    model = build_from_layers([])
    model.compile("adam", keras.losses.CategoricalCrossentropy(axis=1, label_smoothing=0.1))
    return model


class TestReuse:
    def fits(self, iris, *estimators):
        def run():
            for estimator in estimators:
                clone(estimator).fit(*iris)

        return counts(run)

    @pytest.mark.slow
    def test_the_same_function_gives_the_same_program(self, iris):
        assert self.fits(iris, traced(), traced(random_state=1), traced(epochs=1)) == (1, 2)

    @pytest.mark.slow
    def test_two_functions_that_build_the_same(self, iris):
        assert self.fits(iris, traced(), traced(lambda: build_for_tensorflow())) == (1, 1)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "one, two",
        [
            ({}, {"units": 9}),
            ({}, {"activation": "tanh"}),
            ({}, {"metric_name": "other"}),
            # What Keras calls "tanh" is the layer here and the function there.
            ({"name": "relu"}, {"name": "tanh", "activation": "tanh"}),
        ],
    )
    def test_other_models_get_other_programs(self, one, two, iris):
        assert self.fits(iris, traced(**one), traced(**two)) == (2, 0)

    @pytest.mark.slow
    def test_layers_keep_their_names(self, iris):
        first = quick(name="features").fit(*iris)
        for name in ("trunk", "features"):
            clf = quick(name=name, random_state=1).fit(*iris)
            assert clf.model_.get_layer(name).name == name
            assert name in str(clf.summary())
        assert first.model_.get_layer("features").name == "features"

    @pytest.mark.slow
    def test_dtype_policies_are_not_names_of_layers(self, iris):
        def of_dtype(dtype):
            return lambda: build_from_layers([keras.layers.LayerNormalization(dtype=dtype)])

        assert self.fits(iris, quick(of_dtype("float32")), quick(of_dtype("float64"))) == (2, 0)

    @pytest.mark.slow
    def test_learning_rates_share_a_program_and_schedules_do_not(self, iris):
        def with_rate(rate):
            def function():
                model = build_for_tensorflow()
                model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
                return model

            return function

        one, two = quick(with_rate(0.1)), quick(with_rate(0.2))
        assert self.fits(iris, one, two) == (1, 1)
        fresh = weights(clone(two).fit(*iris))
        programs.clear()
        np.testing.assert_array_equal(weights(clone(two).fit(*iris)), fresh)
        schedules = [keras.optimizers.schedules.ExponentialDecay(rate, 10, 0.5) for rate in (0.1, 0.2)]
        assert self.fits(iris, *(quick(with_rate(schedule)) for schedule in schedules)) == (2, 0)

    @pytest.mark.slow
    def test_wiring_counts(self, iris):
        def wired(order):
            def function():
                x = keras.Input((4,))
                one, two = keras.layers.Dense(4, "relu")(x), keras.layers.Dense(4, "tanh")(x)
                both = keras.layers.Concatenate()([one, two][::order])
                model = keras.Model(x, keras.layers.Dense(3, "softmax")(both))
                model.compile("adam", "sparse_categorical_crossentropy")
                return model

            return function

        assert self.fits(iris, quick(wired(1)), quick(wired(-1)), quick(wired(1))) == (2, 1)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("function", [build_with_lambda, build_with_own_layer, build_with_own_activation])
    def test_code_of_the_users_is_never_taken_for_the_same(self, function, iris):
        assert self.fits(iris, quick(function), quick(function)) == (2, 0)

    def test_a_program_starts_anew(self, iris):
        expected = weights(traced(epochs=3).fit(*iris))
        traced(random_state=5, epochs=7).fit(*iris)
        gc.collect()
        assert programs.info()["idle"] == 1
        np.testing.assert_array_equal(weights(traced(epochs=3).fit(*iris)), expected)

    @pytest.mark.slow
    def test_layers_that_have_seen_data(self, iris):
        def adapted(factor):
            def function():
                normalization = keras.layers.Normalization()
                normalization.adapt(iris[0] * factor + 100)
                return build_from_layers([normalization])

            return function

        X, y = iris
        one = quick(adapted(1), epochs=100, optimizer="adam").fit(X + 100, y)
        expected = one.predict_proba(X + 100)
        assert one.score(X + 100, y) > 0.5
        # What the layer computes with is a part of the trace: the same numbers share one, others do not.
        assert self.fits((X + 100, y), quick(adapted(1)), quick(adapted(50))) == (1, 1)
        np.testing.assert_array_equal(one.predict_proba(X + 100), expected)
        again = copy.deepcopy(one)
        np.testing.assert_array_equal(again.predict_proba(X + 100), expected)
        normalization = again.model_.layers[0]
        np.testing.assert_allclose(normalization.mean, normalization.adapt_mean[np.newaxis])


class TestNeverShared:
    def test_a_model_that_the_function_keeps_is_not_trained(self, iris):
        kept = []

        def function():
            kept.append(build())
            return kept[-1]

        clf = quick(function).fit(*iris)
        again = quick(function).fit(*iris)
        np.testing.assert_array_equal(weights(clf), weights(again))
        start = np.concatenate([weight.ravel() for weight in kept[0].get_weights()])
        assert not np.array_equal(start, weights(clf))
        assert kept[0].optimizer.iterations.numpy() == 0

    @pytest.mark.slow
    def test_live_estimators_copies_and_a_kept_model(self, iris):
        first = quick().fit(*iris)
        kept, before = first.model_, weights(first)
        copies = [copy.copy(first), copy.deepcopy(first), pickle.loads(pickle.dumps(first))]
        del first
        gc.collect()
        quick(random_state=3, epochs=9).fit(*iris)
        copies[0].partial_fit(*iris)
        np.testing.assert_array_equal(np.concatenate([weight.ravel() for weight in kept.get_weights()]), before)
        np.testing.assert_array_equal(weights(copies[1]), before)
        np.testing.assert_array_equal(weights(copies[2]), before)

    @pytest.mark.slow
    def test_a_network_that_gives_up_its_program_twice(self, iris):
        programs.set_size(0)
        expected = weights(quick(build_for_tensorflow).fit(*iris).partial_fit(*iris).partial_fit(*iris))
        programs.set_size(6)
        first, _ = (quick(build_for_tensorflow).fit(*iris) for _ in range(2))  # the second one takes its program
        first.partial_fit(*iris)  # by a program of the second one's model
        others = [quick(build_for_tensorflow, random_state=seed).fit(*iris) for seed in (1, 2)]  # one takes that
        before = [weights(other) for other in others]
        np.testing.assert_array_equal(weights(first.partial_fit(*iris)), expected)
        np.testing.assert_array_equal([weights(other) for other in others], before)


class TestWhatFunctionsReturn:
    """A function's model is trained itself, unless a part of it is the same in each call."""

    def test_a_new_model_is_the_one_that_is_trained(self, iris):
        returned = []

        class Keeping:  # not by the function itself
            def __call__(self):
                model = build()
                returned.append(weakref.ref(model))
                return model

        clf = quick(Keeping().__call__).fit(*iris)
        assert clf.model_ is returned[0]()

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "way", ["closure", "default", "partial", "parameter", "method", "global", "class", "cache"]
    )
    def test_layers_from_elsewhere_are_not_trained_by_several_fits(self, way, iris):
        base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu")])
        start = base.get_weights()

        def head(base):
            model = keras.Sequential(
                [keras.Input((4,)), base, keras.layers.Dense(3, "softmax", kernel_initializer="ones")]
            )
            model.compile("adam", "sparse_categorical_crossentropy")
            return model

        class Builder:
            def __init__(self):
                self.base = base

            def build(self):
                return head(self.base)

        class Held:
            pass

        Held.base = base
        cached = functools.lru_cache(lambda: base)
        cached()
        globals()["_BASE"] = base
        clf = {
            "closure": lambda: quick(lambda: head(base)),
            "default": lambda: quick(lambda given=base: head(given)),
            "partial": lambda: quick(functools.partial(head, base)),
            "parameter": lambda: quick(head, base=base),
            "method": lambda: quick(Builder().build),
            "class": lambda: quick(lambda: head(Held.base)),
            "cache": lambda: quick(lambda: head(cached())),
            "global": lambda: quick(lambda: head(_BASE)),  # noqa: F821
        }[way]()
        first = weights(clf.fit(*iris))
        np.testing.assert_array_equal(weights(clf.fit(*iris)), first)
        for weight, expected in zip(base.get_weights(), start, strict=True):
            np.testing.assert_array_equal(weight, expected)

    def test_an_optimizer_from_elsewhere(self, iris):
        optimizer = keras.optimizers.Adam(0.1)

        def function():
            model = build()
            model.compile(optimizer, "sparse_categorical_crossentropy")
            return model

        first = weights(quick(function).fit(*iris))
        np.testing.assert_array_equal(weights(quick(function).fit(*iris)), first)
        assert not optimizer.built

    def test_layers_without_weights_from_elsewhere(self, iris):
        shared = [keras.layers.Dropout(0.5, seed=3), keras.layers.Activation("relu")]
        first, second = (
            weights(quick(lambda: build_from_layers([keras.layers.Dense(8), *shared])).fit(*iris)) for _ in range(2)
        )
        np.testing.assert_array_equal(first, second)

    def test_layers_from_elsewhere_that_have_no_variables_yet_are_an_error(self, iris):
        cached = functools.lru_cache(lambda: keras.layers.Dense(8))
        quick(lambda: build_from_layers([cached()])).fit(*iris)  # which builds it
        with pytest.raises(ValueError, match="build those layers beforehand"):
            quick(lambda: build_from_layers([cached()])).fit(*iris)

    def test_a_model_that_is_not_built_yet(self, iris):
        """Its parts may be from elsewhere, so that a copy is trained."""
        dense = keras.layers.Dense(3, "softmax", kernel_initializer="ones")

        def function():
            model = keras.Sequential([dense])
            model.compile("adam", "sparse_categorical_crossentropy")
            return model

        first = weights(quick(function).fit(*iris))
        np.testing.assert_array_equal(weights(quick(function).fit(*iris)), first)
        assert not dense.built

    def test_the_same_model_from_a_cache_is_an_error(self, iris):
        function = functools.lru_cache(build)
        quick(function).fit(*iris)  # which the first call built
        with pytest.raises(ValueError, match="must be a function that builds a new"):
            quick(function).fit(*iris)

    def test_a_given_model_is_left_as_it_is(self, iris):
        model = build()
        before = [variable.numpy() for variable in model.variables]
        first = weights(quick(model).fit(*iris))
        np.testing.assert_array_equal(weights(quick(model).fit(*iris)), first)
        for variable, value in zip(model.variables, before, strict=True):
            np.testing.assert_array_equal(variable, value)
        assert not model.optimizer.built


class TestState:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "function",
        [
            build,
            build_with_lambda,
            build_with_own_layer,
            build_with_own_activation,
            build_with_own_loss_metric_and_regularizer,
        ],
    )
    def test_training_goes_on_with_the_same_bits(self, function, iris):
        clf = quick(function, target_encoding="one-hot" if "own_loss" in function.__name__ else "auto").fit(*iris)
        again = cloudpickle.loads(cloudpickle.dumps(clf))
        np.testing.assert_array_equal(again.predict_proba(iris[0]), clf.predict_proba(iris[0]))
        for each in (clf, again):
            each.partial_fit(*iris)
        np.testing.assert_array_equal(weights(again), weights(clf))

    def test_dropout_goes_on_too(self, iris):
        clf = quick(lambda: build_from_layers([keras.layers.Dense(20), keras.layers.Dropout(0.5)])).fit(*iris)
        again = copy.deepcopy(clf)
        for each in (clf, again):
            each.partial_fit(*iris)
        np.testing.assert_array_equal(weights(again), weights(clf))

    def test_a_given_model_goes_on_with_its_optimizer(self, iris):
        X, y = iris
        settings = {"epochs": 2, "shuffle": False, "verbose": 0}
        expected = quick(**settings | {"epochs": 4}).fit(X, y)
        half = quick(**settings).fit(X, y)
        rest = quick(half.model_, **settings).fit(X, y)
        np.testing.assert_allclose(weights(rest), weights(expected), rtol=1e-5, atol=1e-6)


class TestSave:
    """Files execute nothing: what is not plain in them are the classes and functions that the caller trusts."""

    def test_only_what_is_the_users_must_be_trusted(self, iris, tmp_path):
        clf = quick().fit(*iris)
        with pytest.raises(ValueError, match=r"not trusted: [\w.]*test_own_network.build\. If"):
            skdeep.save(clf, tmp_path / "file")
        trusted = [f"{__name__}.build"]
        skdeep.save(clf, tmp_path / "file", trusted=trusted)
        again = skdeep.load(tmp_path / "file", trusted=trusted)
        np.testing.assert_array_equal(again.predict_proba(iris[0]), clf.predict_proba(iris[0]))
        for each in (clf, again):
            each.partial_fit(*iris)
        np.testing.assert_array_equal(weights(again), weights(clf))

    def test_layers_losses_metrics_and_regularizers_of_the_users(self, iris, tmp_path):
        function = build_with_own_loss_metric_and_regularizer
        clf = quick(function, target_encoding="one-hot").fit(*iris)
        names = [function.__name__, "Doubled", "OwnRegularizer", "own_loss", "own_metric"]
        trusted = [f"{__name__}.{name}" for name in names]
        for name in trusted[1:]:
            with pytest.raises(ValueError, match=f"not trusted: {name}"):
                skdeep.save(clf, tmp_path / "file", trusted=[each for each in trusted if each != name])
        skdeep.save(clf, tmp_path / "file", trusted=trusted)
        again = skdeep.load(tmp_path / "file", trusted=trusted)
        for each in (clf, again):
            each.partial_fit(*iris)
        np.testing.assert_array_equal(weights(again), weights(clf))

    def test_lambdas_are_refused(self, iris, tmp_path):
        clf = quick(build_with_lambda).fit(*iris)
        with pytest.raises(ValueError, match=r"keras\.layers\.Lambda cannot be in a file"):
            skdeep.save(clf, tmp_path / "file", trusted=[f"{__name__}.build_with_lambda"])

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
    def test_what_was_loaded_can_be_copied_and_saved_again(self, copied, iris, tmp_path):
        clf, trusted = quick().fit(*iris), [f"{__name__}.build"]
        skdeep.save(clf, tmp_path / "file", trusted=trusted)
        other = copied(skdeep.load(tmp_path / "file", trusted=trusted))
        skdeep.save(other, tmp_path / "again", trusted=trusted)
        again = skdeep.load(tmp_path / "again", trusted=trusted)
        for each in (clf, other, again):
            each.partial_fit(*iris)
        np.testing.assert_array_equal(weights(other), weights(clf))
        np.testing.assert_array_equal(weights(again), weights(clf))

    def test_what_was_unpickled_can_be_saved(self, iris, tmp_path):
        clf, trusted = quick().fit(*iris), [f"{__name__}.build"]
        skdeep.save(pickle.loads(pickle.dumps(clf)), tmp_path / "file", trusted=trusted)
        again = skdeep.load(tmp_path / "file", trusted=trusted)
        np.testing.assert_array_equal(again.predict_proba(iris[0]), clf.predict_proba(iris[0]))

    def test_without_the_state_of_the_optimizer(self, iris, tmp_path):
        clf, trusted = quick().fit(*iris), [f"{__name__}.build"]
        skdeep.save(clf, tmp_path / "file", trusted=trusted, optimizer=False)
        again = skdeep.load(tmp_path / "file", trusted=trusted)
        np.testing.assert_array_equal(again.predict_proba(iris[0]), clf.predict_proba(iris[0]))
        assert int(again.model_.optimizer.iterations) == 0

    def test_scopes_of_the_caller_do_not_make_it_unsafe(self, iris, tmp_path):
        clf, trusted = quick().fit(*iris), [f"{__name__}.build"]
        skdeep.save(clf, tmp_path / "file", trusted=trusted)
        again = skdeep.load(tmp_path / "file", trusted=trusted)
        keras.config.enable_unsafe_deserialization()
        try:
            with making({}):
                assert in_safe_mode() is True
            assert again.predict(iris[0]).shape == (150,)
            assert in_safe_mode() is False
        finally:
            global_state.set_global_attribute("safe_mode_saving", None)

    def test_what_the_config_of_a_loss_lacks_is_in_the_file(self, iris, tmp_path):
        clf = quick(build_with_loss_object).fit(*iris)
        trusted = [f"{__name__}.build_with_loss_object"]
        skdeep.save(clf, tmp_path / "file", trusted=trusted)
        again = skdeep.load(tmp_path / "file", trusted=trusted)
        for each in (clf, again):
            each.partial_fit(*iris)
        assert again.history_ == clf.history_
        np.testing.assert_array_equal(weights(again), weights(clf))
        assert again.model_.loss._fn_kwargs["axis"] == 1  # which its config does not tell

    def test_an_unfitted_estimator_needs_only_its_function(self, tmp_path):
        trusted = [f"{__name__}.build"]
        skdeep.save(quick(units=3), tmp_path / "file", trusted=trusted)
        assert skdeep.load(tmp_path / "file", trusted=trusted).get_params() == quick(units=3).get_params()


def test_losses_scaled_for_half_precision(iris):
    def function():
        policy = "mixed_float16"
        layers = [keras.Input((4,)), keras.layers.Dense(8, "relu", dtype=policy), keras.layers.Dense(3, "softmax")]
        model = keras.Sequential(layers)
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.05))
        model.compile(optimizer, "sparse_categorical_crossentropy")
        return model

    clf = quick(function, epochs=20).fit(*iris)
    assert clf.score(*iris) > 0.8
    np.testing.assert_array_equal(weights(quick(function, epochs=20).fit(*iris)), weights(clf))


class TestWhatNoConfigTells:
    """Then the model that the function returned is trained itself."""

    def trained(self, function, iris):
        """Return the loss after an epoch in one batch by skdeep, and by Keras from the same weights."""
        built = []

        def keeping():
            built.append(function())
            start.extend(weight.copy() for weight in built[-1].get_weights())
            return built[-1]

        start = []
        clf = quick(keeping, epochs=1, shuffle=False, batch_size=-1).fit(*iris)
        other = function()
        other.set_weights(start)
        history = other.fit(iris[0], iris[1][:, np.newaxis], epochs=1, shuffle=False, batch_size=150, verbose=0)
        return clf.history_["loss"][0], history.history["loss"][0]

    def test_attributes_that_were_set_later(self, iris):
        def function():
            layer = Scaled()
            layer.factor = -7.0
            return build_from_layers([layer])

        ours, theirs = self.trained(function, iris)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)

    def test_functions_with_names_of_keras(self, iris):
        def relu(x):
            return -x

        ours, theirs = self.trained(lambda: build_from_layers([keras.layers.Dense(4, relu)]), iris)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)

    def test_a_normalization_within_a_nested_model(self, iris):
        def function():
            normalization = keras.layers.Normalization()
            normalization.adapt(iris[0] * 3 + 2)
            return build_from_layers([keras.Sequential([keras.Input((4,)), normalization])])

        ours, theirs = self.trained(function, iris)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("output_mode", ["one_hot", "int"])
    def test_adapted_bins(self, output_mode, iris):
        def function():
            bins = keras.layers.Discretization(num_bins=5, output_mode=output_mode)
            bins.adapt(iris[0])
            return build_from_layers([bins, keras.layers.Flatten()])

        ours, theirs = self.trained(function, iris)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)

    def test_weights_that_are_not_decayed(self, iris):
        def function():
            model = build_from_layers([keras.layers.Dense(4)])
            optimizer = keras.optimizers.AdamW(0.05, weight_decay=1.0)
            optimizer.exclude_from_weight_decay(var_names=["bias"])
            model.compile(optimizer, "sparse_categorical_crossentropy")
            return model

        clf = quick(function, epochs=3, shuffle=False, batch_size=-1).fit(*iris)
        biases = [layer.bias for layer in clf.model_.layers]
        assert all(np.abs(bias).max() > 0.1 for bias in biases)  # a decay of 1 would leave a twentieth of that

    def test_variables_that_are_not_trained(self, iris):
        def function():
            model = build_from_layers([keras.layers.Dense(4, kernel_initializer="ones")])
            model.layers[0].kernel.trainable = False
            return model

        np.testing.assert_array_equal(quick(function).fit(*iris).model_.layers[0].get_weights()[0], 1)


class Scaled(keras.layers.Layer):
    factor = 1.0

    def call(self, x):
        return self.factor * x


def build_recurrent(kind=keras.layers.LSTM, **arguments):
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Reshape((4, 1)), kind(3, **arguments), keras.layers.Dense(3, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("arguments", [{"dropout": 0.5}, {"recurrent_dropout": 0.5}, {"activation": "softmax"}])
@pytest.mark.parametrize("kind", [keras.layers.LSTM, keras.layers.GRU])
def test_recurrent_layers_give_the_same_bits_with_and_without_reuse(kind, arguments, iris):
    clf = quick(lambda: build_recurrent(kind, **arguments))
    expected = weights(clone(clf).fit(*iris))
    assert counts(lambda: clone(clf).fit(*iris)) == (0, 1)
    np.testing.assert_array_equal(weights(clone(clf).fit(*iris)), expected)


def test_numbers_as_targets_of_whole_numbers_as_inputs(rng):
    X = rng.integers(0, 10, (200, 3))
    y = X.sum(axis=1) / 30 - 0.5

    def function():
        model = keras.Sequential(
            [keras.Input((3,), dtype="int32"), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)]
        )
        model.compile(keras.optimizers.Adam(0.05), "mse")
        return model

    reg = KerasRegressor(function, epochs=100, verbose=0, random_state=0).fit(X, y, np.linspace(0.1, 1, 200))
    assert reg.score(X, y) > 0.8
    assert reg.predict(X.astype(float)).shape == (200,)


def test_embeddings_under_adam_are_trained_as_keras_does(rng):
    X, y = rng.integers(0, 5, (60, 6)), np.arange(60) % 2

    def function():
        layers = [keras.Input((6,), dtype="int32"), keras.layers.Embedding(5, 3), keras.layers.Flatten()]
        model = keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")])
        model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy")
        return model

    other = function()
    given = keras.models.clone_model(other)
    given.set_weights(other.get_weights())
    given.compile(keras.optimizers.Adam(0.1), "binary_crossentropy")
    clf = quick(given, epochs=3, shuffle=False).fit(X, y)
    other.fit(X, y[:, np.newaxis], epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(
        weights(clf), np.concatenate([weight.ravel() for weight in other.get_weights()]), rtol=1e-4, atol=1e-5
    )


def test_a_fit_within_the_function(iris):
    def function():
        quick(epochs=1).fit(*iris)
        return build()

    assert quick(function).fit(*iris).n_iter_ == 2


def test_outputs_that_are_no_probabilities(iris):
    def function():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        model.compile(keras.optimizers.Adam(0.05), "categorical_hinge")
        return model

    clf = quick(function, epochs=30).fit(*iris)
    outputs = clf.model_.predict(iris[0], verbose=0)
    np.testing.assert_array_equal(clf.predict(iris[0]), outputs.argmax(axis=1))
    np.testing.assert_allclose(clf.predict_proba(iris[0]).sum(axis=1), 1)


@pytest.mark.slow
def test_classes_of_a_script_are_not_taken_for_the_same():
    code = """
import keras, numpy as np
from sklearn.datasets import load_iris
from skdeep import KerasClassifier, programs

def fit(factor):
    class Scaled(keras.layers.Layer):
        def call(self, x):
            return factor * x

    def build():
        keras.utils.clear_session()
        model = keras.Sequential([keras.Input((4,)), Scaled(), keras.layers.Dense(3, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    clf = KerasClassifier(build, verbose=0, random_state=0).fit(*load_iris(return_X_y=True))
    return clf.history_["loss"][0]

assert fit(1.0) != fit(-5.0)
assert programs.info()["reused"] == 0, programs.info()
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)


@pytest.mark.parametrize(
    "setting, message",
    [
        ({"batch_size": 0}, "'batch_size' parameter"),
        ({"epochs": 0}, "'epochs' parameter"),
        ({"shuffle": "no"}, "'shuffle' parameter"),
        ({"class_weight": "x"}, "'class_weight' parameter"),
    ],
)
def test_settings_of_a_fit_are_checked(setting, message, iris):
    with pytest.raises(ValueError, match=message):
        quick().fit(*iris, **setting)
    with pytest.raises(ValueError, match=message):
        quick(**{f"fit__{name}": value for name, value in setting.items()}).fit(*iris)


@pytest.mark.slow
def test_float16_with_a_scaled_loss(iris):
    X, y = iris

    def build():
        hidden = keras.layers.Dense(16, activation="relu", dtype="mixed_float16")
        return keras.Sequential([keras.Input((4,)), hidden, keras.layers.Dense(3, activation="softmax")])

    clf = KerasClassifier(
        build,
        optimizer=keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01)),
        loss="sparse_categorical_crossentropy",
        epochs=30,
        verbose=0,
        random_state=0,
    )
    losses = [clone(clf).fit(X, y).history_["loss"] for _ in range(2)]
    assert losses[0] == losses[1]
    clf.fit(X, y)
    expected = clf.predict_proba(X)
    optimizer = clf.model_.optimizer
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    assert float(optimizer.dynamic_scale.numpy()) > 1
    assert clf.score(X, y) > 0.8
    loaded = cloudpickle.loads(cloudpickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)
    np.testing.assert_array_equal(loaded.partial_fit(X, y).predict_proba(X), clf.partial_fit(X, y).predict_proba(X))


@pytest.mark.parametrize("is_given", [False, True])
def test_layers_that_keep_a_state_are_refused_by_name(is_given, iris):
    def build():
        inner = keras.layers.GRU(3, stateful=True, name="memory")
        return keras.Sequential(
            [keras.Input((4, 1), batch_size=30), keras.layers.Bidirectional(inner), keras.layers.Dense(3, "softmax")]
        )

    X, y = iris[0][..., np.newaxis], iris[1]
    clf = KerasClassifier(
        build() if is_given else build, loss="sparse_categorical_crossentropy", batch_size=30, verbose=0
    )
    for method in (clf.fit, functools.partial(clf.partial_fit, classes=[0, 1, 2]), clf.initialize):
        with pytest.raises(ValueError, match=r"stateful layers, bidirectional.*forward_memory.*stateful=False"):
            method(X, y)


@pytest.mark.slow_after(2)
@pytest.mark.parametrize(
    "loss",
    [
        "sparse_categorical_crossentropy",
        keras.losses.SparseCategoricalCrossentropy,
        keras.losses.SparseCategoricalCrossentropy(),
        keras.losses.sparse_categorical_crossentropy,
        "categorical_crossentropy",
    ],
)
def test_one_sigmoid_unit_with_a_loss_for_several_is_refused(loss, iris):
    def build(is_compiled, shape):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid", name="out")])
        if is_compiled:
            given = loss() if isinstance(loss, type) else loss
            model.compile("adam", {"single": given, "list": [given], "dict": {"out": given}}[shape])
        return model

    X, y = iris[0], iris[1] > 0
    for is_compiled, shape in ((False, "single"), (True, "single"), (True, "list"), (True, "dict")):
        clf = KerasClassifier(build, is_compiled=is_compiled, shape=shape, verbose=0)
        clf.set_params(loss=None if is_compiled else loss)
        with pytest.raises(ValueError, match="takes one output for each of several classes"):
            clf.fit(X, y)
        with pytest.raises(ValueError, match="takes one output for each of several classes"):
            clf.partial_fit(X, y, classes=[False, True])


@pytest.mark.slow
@pytest.mark.slow
def test_limits_of_files(tmp_path):
    """They are told as what they are, not as a file that was altered."""

    def model(n_layers, *, is_sequential):
        inputs = x = keras.Input((4,))
        layers = [keras.layers.Dense(3) for _ in range(n_layers)]
        if is_sequential:
            made = keras.Sequential([inputs, *layers])
        else:
            for layer in layers:
                x = layer(x)
            made = keras.Model(inputs, x)
        made.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return made

    long = KerasClassifier(model(145, is_sequential=True))
    with pytest.raises(ValueError, match="Sequential is not within the limits of files: it has 146 layers"):
        skdeep.save(long, tmp_path / "file")
    for made in (model(139, is_sequential=True), model(145, is_sequential=False)):
        skdeep.save(KerasClassifier(made), tmp_path / "file")
        assert skdeep.load(tmp_path / "file").model.count_params() == made.count_params()
