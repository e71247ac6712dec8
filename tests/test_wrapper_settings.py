"""What KerasClassifier and KerasRegressor have of the ready networks' parameters, and whose a parameter is."""

import pickle

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_multilabel_classification
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import scale

import skdeep
from skdeep import CNNClassifier, DNNClassifier, DNNRegressor, KerasClassifier, KerasRegressor, MLPClassifier
from skdeep._estimators.model_functions import SHARED

RATE = keras.optimizers.schedules.ExponentialDecay(0.05, 20, 0.5)


def network(meta):
    classes = meta.get("n_classes_")
    last = (meta["n_outputs_"], None) if classes is None else (classes, "softmax")
    return keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(*last),
        ]
    )


def quick(model=network, **params):
    return KerasClassifier(model, **{"optimizer": "adam", "epochs": 3, "verbose": 0, "random_state": 0} | params)


def quick_regressor(model=network, **params):
    return KerasRegressor(model, **{"optimizer": "adam", "epochs": 3, "verbose": 0, "random_state": 0} | params)


def ending_with(n_units, activation):
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(n_units, activation=activation)]
    )


def all_weights(estimator):
    return estimator.model_.get_weights()


def assert_equal(weights, expected, **tolerance):
    for one, other in zip(weights, expected, strict=True):
        np.testing.assert_allclose(one, other, **tolerance)


@pytest.fixture(scope="module")
def numbers():
    X, y = load_diabetes(return_X_y=True)
    return scale(X), scale(y)


class TestEarlyStopping:
    @pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy", "accuracy"])
    def test_as_keras_stops(self, monitor, iris):
        X, y = iris
        start, rng = network({"n_features_in_": 4, "n_classes_": 3}), np.random.default_rng(0)
        start.set_weights([rng.normal(0, 0.5, weight.shape) for weight in start.get_weights()])
        clf = quick(
            start,
            loss="sparse_categorical_crossentropy",
            metrics="accuracy",
            learning_rate=0.05,
            epochs=60,
            shuffle=False,
            early_stopping=True,
            monitor=monitor,
            n_iter_no_change=3,
            tol=0,
        ).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
        start.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
        stop = keras.callbacks.EarlyStopping(monitor, patience=3, restore_best_weights=True)
        record = start.fit(
            X[::2], y[::2], 32, 60, verbose=0, shuffle=False, validation_data=(X[1::2], y[1::2]), callbacks=[stop]
        )
        for name, values in record.history.items():
            np.testing.assert_allclose(clf.history_[name], values, rtol=1e-3, atol=1e-5)
        assert clf.n_iter_ == len(record.epoch) < 60
        assert clf.best_epoch_ == stop.best_epoch + 1
        assert_equal(all_weights(clf), start.get_weights(), rtol=1e-3, atol=1e-5)

    def test_a_tenth_of_the_rows_is_set_aside(self, iris):
        chosen, explicit = (quick(early_stopping=True, validation_fraction=each).fit(*iris) for each in (None, 0.1))
        assert chosen.history_ == explicit.history_
        assert quick(early_stopping=True, monitor="loss").fit(*iris).history_.keys() == {"loss"}

    def test_regressors_with_warm_start(self, numbers):
        reg = quick_regressor(
            loss="mse", learning_rate=0.03, epochs=40, early_stopping=True, n_iter_no_change=2, warm_start=True
        ).fit(*numbers)
        before = reg.history_["val_loss"][reg.best_epoch_ - 1]
        assert before == min(reg.history_["val_loss"])
        reg.fit(*numbers)
        assert reg.history_["val_loss"][reg.best_epoch_ - 1] <= before

    def test_bad_settings(self, iris):
        with pytest.raises(
            ValueError, match=r"monitor='val_acc' is not among the metrics of this fit, which are \['lo"
        ):
            quick(early_stopping=True, monitor="val_acc").fit(*iris)
        with pytest.raises(ValueError, match="n_iter_no_change"):
            quick(early_stopping=True, n_iter_no_change=0).fit(*iris)
        with pytest.raises(ValueError, match=r"partial_fit .* does not work with early_stopping=True"):
            quick(early_stopping=True).partial_fit(*iris)


class TestValidation:
    def test_one_setting_by_two_names(self, iris):
        ours, theirs = quick(validation_fraction=0.2).fit(*iris), quick(validation_split=0.2).fit(*iris)
        assert ours.history_ == theirs.history_
        assert ours.history_.keys() == {"loss", "val_loss"}
        assert quick(validation_split=0.2, validation_fraction=0.2).fit(*iris).history_ == ours.history_
        with pytest.raises(
            ValueError, match=r"validation_split=0\.1 and validation_fraction=0\.2 are the same setting"
        ):
            quick(validation_split=0.1, validation_fraction=0.2).fit(*iris)

    @pytest.mark.parametrize("cls", [DNNClassifier, MLPClassifier, CNNClassifier, DNNRegressor])
    def test_validation_data_of_ready_networks(self, cls, iris):
        X, y = iris
        est = cls(epochs=2, random_state=0)
        by_name = est.fit(X, y, X_val=X[:60], y_val=y[:60], sample_weight_val=np.arange(60)).history_
        assert est.fit(X, y, validation_data=(X[:60], y[:60], np.arange(60))).history_ == by_name
        assert est.fit(X, y, validation_data=[X[:60], y[:60]]).history_["val_loss"] != by_name["val_loss"]
        with pytest.raises(ValueError, match="validation_data and X_val say the same"):
            est.fit(X, y, X_val=X, y_val=y, validation_data=(X, y))
        with pytest.raises(ValueError, match=r"validation_data must be \(X_val, y_val\) or .* Got tuple of length 1"):
            est.fit(X, y, validation_data=(X,))


class TestLearningRate:
    @pytest.mark.parametrize("rate", [0.05, RATE], ids=["number", "schedule"])
    @pytest.mark.parametrize("optimizer", ["adam", keras.optimizers.SGD(0.7, momentum=0.5)], ids=["name", "object"])
    def test_as_in_keras(self, optimizer, rate, iris):
        X, y = iris
        start = network({"n_features_in_": 4, "n_classes_": 3})
        loss = "sparse_categorical_crossentropy"
        clf = quick(start, loss=loss, optimizer=optimizer, learning_rate=rate, shuffle=False).fit(X, y)
        fresh = keras.optimizers.Adam(rate) if optimizer == "adam" else keras.optimizers.SGD(rate, momentum=0.5)
        start.compile(fresh, loss)
        theirs = start.fit(X, y, 32, 3, verbose=0, shuffle=False).history["loss"]
        np.testing.assert_allclose(clf.history_["loss"], theirs, rtol=1e-4)

    def test_in_compile_kwargs(self, iris):
        def build(meta, compile_kwargs):
            model = network(meta)
            model.compile(**compile_kwargs)
            return model

        clf = quick(build, learning_rate=0.25).fit(*iris)
        assert float(clf.model_.optimizer.learning_rate) == 0.25
        assert clf.history_ == quick(learning_rate=0.25).fit(*iris).history_

    def test_beside_a_compiled_model(self, iris):
        def build(meta):
            model = network(meta)
            model.compile(keras.optimizers.Adam(0.25), "sparse_categorical_crossentropy")
            return model

        quick(build, learning_rate=0.25).fit(*iris)
        with pytest.raises(ValueError, match=r"learning_rate=0\.1 was given, but the model is compiled already"):
            quick(build, learning_rate=0.1).fit(*iris)

    def test_weights_of_losses(self, iris):
        X, y = iris
        start = network({"n_features_in_": 4, "n_classes_": 3})
        loss = "sparse_categorical_crossentropy"
        clf = quick(start, loss=loss, loss_weights=3.0, shuffle=False).fit(X, y)
        start.compile("adam", loss, loss_weights=3.0)
        np.testing.assert_allclose(
            clf.history_["loss"], start.fit(X, y, 32, 3, verbose=0, shuffle=False).history["loss"], rtol=1e-4
        )
        with pytest.raises(ValueError, match=r"loss_weights=2\.0 was given, but the model is compiled already, with 3"):
            quick(start, loss_weights=2.0).fit(X, y)

    def test_twice(self, iris):
        with pytest.raises(ValueError, match="learning_rate and optimizer__learning_rate are the same setting"):
            quick(learning_rate=0.1, optimizer__learning_rate=0.1).fit(*iris)


class TestTheFunctionComesFirst:
    VALUES = {
        "learning_rate": 0.25,
        "loss_weights": 2.0,
        "validation_fraction": 0.3,
        "validation_rows": "last",
        "early_stopping": True,
        "monitor": "loss",
        "monitor_mode": "max",
        "n_iter_no_change": 2,
        "tol": 0.5,
        "initial_model": "a name of the user's own",
        "frozen_layers": "all but the last",
        "dtype_policy": keras.dtype_policies.DTypePolicy("float32"),
    }

    def test_all_names_are_tried(self):
        assert self.VALUES.keys() == SHARED.keys()
        defaults = KerasClassifier().get_params()
        assert {name: defaults[name] for name in SHARED} == SHARED
        assert {name: KerasRegressor().get_params()[name] for name in SHARED} == SHARED

    @pytest.mark.parametrize("name", SHARED)
    def test_it_gets_what_stands_in_its_signature(self, name, iris):
        got = []
        space = {"network": network, "got": got}
        exec(f"def build(meta, {name}): got.append({name}); return network(meta)", space)
        exec(f"def with_default(meta, {name}='its own'): got.append({name}); return network(meta)", space)
        value = self.VALUES[name]
        needed = {"early_stopping": {"monitor": "loss"}}.get(name, {})
        quick(space["build"], **{name: value}, **needed).fit(*iris)
        quick(space["build"], **needed).set_params(**{name: value}).fit(*iris)
        quick(space["build"]).fit(*iris)
        quick(space["with_default"]).fit(*iris)
        quick(space["with_default"], **{name: value}, **needed).fit(*iris)
        quick(space["with_default"], **{f"model__{name}": value}).fit(*iris)
        assert got == [value, value, SHARED[name], "its own", value, value]

    @pytest.mark.parametrize("name", SHARED)
    def test_a_catch_all_does_not_get_it(self, name, iris):
        got = []

        def build(meta, **kwargs):
            got.append(kwargs)
            return network(meta)

        value = {"initial_model": None, "frozen_layers": "dense", "dtype_policy": "float32"}.get(
            name, self.VALUES[name]
        )
        quick(build, **{name: value}, **({"monitor": "loss"} if name == "early_stopping" else {})).fit(*iris)
        assert name not in got[0]

    def test_what_it_does_with_them_itself(self, iris):
        def build(meta, learning_rate=0.5):
            model = network(meta)
            model.compile(keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy")
            return model

        for params, rate in (({}, 0.5), ({"learning_rate": 0.125}, 0.125)):
            assert float(quick(build, **params).fit(*iris).model_.optimizer.learning_rate) == rate

    def test_both_get_it(self, iris):
        def build(meta, learning_rate, n_iter_no_change):
            return network(meta)

        clf = quick(build, learning_rate=0.25, n_iter_no_change=1, early_stopping=True, tol=10.0, epochs=9).fit(*iris)
        assert float(clf.model_.optimizer.learning_rate) == 0.25
        assert clf.n_iter_ == 2  # the first counts as an improvement

    def test_methods_and_objects_that_can_be_called(self, iris):
        class Builder:
            def __call__(self, meta, frozen_layers="none"):
                self.got = frozen_layers
                return network(meta)

        class OfItsOwn(KerasClassifier):
            def _keras_build_fn(self, meta, frozen_layers="none"):
                type(self).got = frozen_layers
                return network(meta)

        builder = Builder()
        quick(builder, frozen_layers="some").fit(*iris)
        OfItsOwn(frozen_layers="others", verbose=0).fit(*iris)
        assert (builder.got, OfItsOwn.got) == ("some", "others")


class TestStarts:
    def test_layers_that_keras_named(self, iris):
        first = quick(epochs=20).fit(*iris)
        quick().fit(*iris)  # makes others in between
        second = quick(initial_model=first, random_state=7).initialize(*iris)
        assert_equal(all_weights(second), all_weights(first), rtol=0)
        np.testing.assert_array_equal(second.predict_proba(iris[0]), first.predict_proba(iris[0]))

    def test_from_models_and_files(self, iris, tmp_path):
        first = quick(epochs=20).fit(*iris)
        first.to_keras(tmp_path / "first.keras")
        for start in (first.model_, tmp_path / "first.keras", FrozenEstimator(first)):
            second = quick(initial_model=start, random_state=7).initialize(*iris)
            assert_equal(all_weights(second), all_weights(first), rtol=0)

    def test_other_classes(self, iris):
        X, y = iris
        first = quick(epochs=20).fit(X, y)
        second = quick(initial_model=first).initialize(X[y > 0], y[y > 0])
        assert_equal(all_weights(second)[:4], all_weights(first)[:4], rtol=0)
        assert all_weights(second)[4].shape == (8, 2)

    def test_of_a_regressor_in_a_search(self, numbers):
        first = quick_regressor(epochs=30).fit(*numbers)
        grid = {"initial_model": [None, FrozenEstimator(first)]}
        search = GridSearchCV(quick_regressor(epochs=1), grid, cv=2).fit(*numbers)
        assert search.best_params_["initial_model"] is grid["initial_model"][1]

    def test_a_model_that_is_given_starts_from_another_one(self, iris):
        first = quick(epochs=20).fit(*iris)
        given = network({"n_features_in_": 4, "n_classes_": 3})
        before = [weight.copy() for weight in given.get_weights()]
        second = quick(given, initial_model=first).initialize(*iris)
        assert_equal(all_weights(second), all_weights(first), rtol=0)
        assert_equal(given.get_weights(), before, rtol=0)


class TestFrozenLayers:
    @pytest.mark.parametrize("names", ["dense", ("dense", "dense_1")])
    def test_they_stay_as_they_are(self, names, iris):
        before, after = quick(frozen_layers=names).initialize(*iris), quick(frozen_layers=names).fit(*iris)
        n_frozen = 2 if names == "dense" else 4
        assert_equal(all_weights(after)[:n_frozen], all_weights(before)[:n_frozen], rtol=0)
        for one, other in zip(all_weights(after)[n_frozen:], all_weights(before)[n_frozen:], strict=True):
            assert (one != other).any()

    def test_models_in_models_and_their_normalizations(self, iris):
        X, y = iris

        def base():
            return keras.Sequential(
                [keras.Input((4,)), keras.layers.Dense(8, name="inner"), keras.layers.BatchNormalization(name="norm")],
                name="base",
            )

        def build():
            return keras.Sequential([keras.Input((4,)), base(), keras.layers.Dense(3, "softmax")])

        start = build()
        loss = "sparse_categorical_crossentropy"
        clf = quick(start, loss=loss, frozen_layers="base", shuffle=False).fit(X, y)
        inner = quick(start, loss=loss, frozen_layers=["norm", "inner"], shuffle=False).fit(X, y)
        assert_equal(all_weights(clf), all_weights(inner), rtol=0)
        start.get_layer("base").trainable = False
        start.compile("adam", loss)
        theirs = start.fit(X, y, 32, 3, verbose=0, shuffle=False).history["loss"]
        np.testing.assert_allclose(clf.history_["loss"], theirs, rtol=1e-4)
        assert_equal(all_weights(clf), start.get_weights(), rtol=1e-3, atol=1e-5)

    def test_of_a_model_that_has_trained(self, iris):
        X, y = iris
        given = network({"n_features_in_": 4, "n_classes_": 3})
        given.compile("adam", "sparse_categorical_crossentropy")
        given.fit(X, y, verbose=0)
        clf = KerasClassifier(given, frozen_layers="dense", epochs=2, verbose=0).fit(X, y)
        trained = {layer.name: layer.get_weights() for layer in clf.model_.layers}
        names = [layer.name for layer in given.layers]
        assert_equal(trained[names[0]], given.layers[0].get_weights(), rtol=0)
        assert (trained[names[1]][0] != given.layers[1].get_weights()[0]).any()
        assert given.layers[0].trainable

    def test_unknown_names(self, iris):
        with pytest.raises(
            ValueError, match=r"frozen_layers has 'dens'.*'dense', 'dense_1', 'dense_2'.*mean 'dense'\?"
        ):
            quick(frozen_layers="dens").fit(*iris)


class TestDtypePolicy:
    @pytest.mark.parametrize("policy", ["float64", "mixed_bfloat16"])
    def test_layers_have_it(self, policy, iris):
        clf = quick(dtype_policy=policy, epochs=30, learning_rate=0.03).fit(*iris)
        assert {layer.dtype_policy.name for layer in clf.model_.layers} == {policy}
        assert keras.config.dtype_policy().name == "float32"
        assert clf.score(*iris) > 0.9
        proba = clf.predict_proba(iris[0])
        assert proba.dtype == np.float64
        theirs = np.asarray(clf.model_.predict(iris[0], verbose=0), dtype="float32")  # bfloat16 has three digits
        np.testing.assert_allclose(proba, theirs, atol=1e-6 if policy == "float64" else 1e-2)

    def test_regressors(self, numbers):
        reg = quick_regressor(dtype_policy="float64", epochs=20).fit(*numbers)
        assert reg.model_.get_weights()[0].dtype == np.float64
        assert reg.score(*numbers) > 0.3

    def test_of_a_model_that_is_given(self, iris):
        given = network({"n_features_in_": 4, "n_classes_": 3})
        quick(given, dtype_policy="float32").fit(*iris)
        with pytest.raises(ValueError, match=r"dtype_policy='float64' was given, but model is .* layers of float32"):
            quick(given, dtype_policy="float64").fit(*iris)
        with pytest.raises(ValueError, match="dtype_policy"):
            quick(dtype_policy="float16").fit(*iris)


class TestLoss:
    """None and "auto" are what one would write."""

    CASES = {
        "softmax": (3, "softmax", "labels", keras.losses.SparseCategoricalCrossentropy()),
        "logits": (3, None, "labels", keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        "sigmoids": (3, "sigmoid", "labels", keras.losses.SparseCategoricalCrossentropy()),
        "two": (2, "softmax", "binary", keras.losses.SparseCategoricalCrossentropy()),
        "sigmoid": (1, "sigmoid", "binary", keras.losses.BinaryCrossentropy()),
        "logit": (1, None, "binary", keras.losses.BinaryCrossentropy(from_logits=True)),
        "one-hot": (3, "softmax", "rows", keras.losses.CategoricalCrossentropy()),
        "labels of each": (3, "sigmoid", "multilabel", keras.losses.BinaryCrossentropy()),
        "logits of each": (3, None, "multilabel", keras.losses.BinaryCrossentropy(from_logits=True)),
    }

    @pytest.mark.parametrize("loss", [None, "auto"])
    @pytest.mark.parametrize("case", CASES)
    def test_it_fits_outputs_and_targets(self, case, loss, iris):
        n_units, activation, kind, expected = self.CASES[case]
        X, y = iris
        if kind == "binary":
            y = y > 0
        elif kind == "rows":
            y = np.eye(3, dtype=int)[y]
        elif kind == "multilabel":
            X, y = make_multilabel_classification(150, 4, n_classes=3, random_state=0)
        given = ending_with(n_units, activation)
        chosen, explicit = (quick(given, loss=each, shuffle=False).fit(X, y) for each in (loss, expected))
        np.testing.assert_allclose(chosen.history_["loss"], explicit.history_["loss"], rtol=1e-6)
        np.testing.assert_allclose(chosen.predict_proba(X), explicit.predict_proba(X), atol=1e-6)

    def test_of_numbers(self, numbers):
        chosen, explicit = (quick_regressor(loss=each).fit(*numbers) for each in (None, "mse"))
        assert chosen.history_ == explicit.history_

    def test_metrics_and_encodings_are_followed(self, iris):
        by_metric = quick(metrics="categorical_accuracy").fit(*iris)
        by_encoding = quick(target_encoding="one-hot").fit(*iris)
        by_argument = quick(loss__label_smoothing=0.0).fit(*iris)
        for clf in (by_metric, by_encoding, by_argument):
            assert type(clf.model_.loss) is keras.losses.CategoricalCrossentropy
            np.testing.assert_allclose(clf.history_["loss"], quick().fit(*iris).history_["loss"], rtol=1e-5)
        smooth = quick(loss__label_smoothing=0.5).fit(*iris)
        assert smooth.history_["loss"] != by_argument.history_["loss"]

    def test_of_a_model_that_is_compiled_without(self, iris):
        def build(meta):
            model = network(meta)
            model.compile("adam", metrics=["accuracy"])
            return model

        clf = quick(build).fit(*iris)
        expected = quick(metrics=["accuracy"]).fit(*iris)
        assert clf.history_ == expected.history_
        assert clf.history_.keys() == {"loss", "accuracy"}

    def test_where_it_cannot_be_told(self, iris):
        class Unknown(keras.layers.Layer):
            def call(self, x):
                return keras.ops.exp(x)

        def build(meta):
            return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), Unknown()])

        with pytest.raises(ValueError, match="loss is None, and which one fits cannot be told"):
            quick(build).fit(*iris)


class TestAsParameters:
    VALUES = {
        "learning_rate": 0.01,
        "early_stopping": True,
        "n_iter_no_change": 2,
        "validation_fraction": 0.2,
        "frozen_layers": ("dense",),
        "dtype_policy": "float64",
    }

    def test_clones_searches_and_files(self, iris, tmp_path):
        clf = quick(**self.VALUES)
        assert clone(clf).get_params() == clf.get_params()
        search = GridSearchCV(clf, {"n_iter_no_change": [1, 2], "learning_rate": [0.1]}, cv=2).fit(*iris)
        assert search.best_estimator_.learning_rate == 0.1
        skdeep.save(clf.fit(*iris), tmp_path / "clf.skops", trusted=[f"{__name__}.network"])
        loaded = skdeep.load(tmp_path / "clf.skops", trusted=[f"{__name__}.network"])
        again = pickle.loads(pickle.dumps(clf))
        assert clf.model_.dtype_policy.name == loaded.model_.dtype_policy.name == again.model_.dtype_policy.name
        assert keras.config.dtype_policy().name == "float32"  # which the models, as they are made anew, first have
        assert {name: loaded.get_params()[name] for name in self.VALUES} == self.VALUES
        np.testing.assert_array_equal(loaded.predict_proba(iris[0]), clf.predict_proba(iris[0]))

    @pytest.mark.parametrize("is_given", [False, True], ids=["function", "model"])
    def test_parameters_of_a_subclass_that_are_not_for_the_function(self, is_given, iris):
        class Splitting(KerasClassifier):
            def __init__(self, model=None, verbose=0, split=True, **kwargs):
                super().__init__(model=model, verbose=verbose, **kwargs)
                self.split = split

        given = network({"n_features_in_": 4, "n_classes_": 3}) if is_given else network
        clf = clone(Splitting(given, split=False)).fit(*iris)
        assert clf.get_params()["split"] is False
        assert clf.set_params(split=True).fit(*iris).split
        with pytest.raises(TypeError, match="'splits', which is"):
            Splitting(given, splits=3).fit(*iris)

    def test_a_subclass_with_a_constructor_of_its_own_has_the_defaults(self, iris):
        class Own(KerasClassifier):
            def __init__(self, units=8, epochs=2, verbose=0, **kwargs):
                super().__init__(epochs=epochs, verbose=verbose, **kwargs)
                self.units = units

            def _keras_build_fn(self, units, meta):
                return ending_with(3, "softmax")

        class Bare(KerasClassifier):
            def __init__(self, units=8, **kwargs):
                self.units = units
                for name, value in {"model": None, "build_fn": None, "optimizer": "adam", "loss": None}.items():
                    setattr(self, name, value)
                for name in ("metrics", "callbacks", "batch_size", "random_state"):
                    setattr(self, name, None)
                self.epochs, self.verbose, self.shuffle, self.validation_split = 2, 0, True, 0.0
                self.warm_start = self.run_eagerly = False
                self.target_type = self.target_encoding = self.output_encoding = "auto"
                vars(self).update(kwargs)

            def _keras_build_fn(self, units):
                return ending_with(3, "softmax")

        for cls in (Own, Bare):
            assert cls().fit(*iris).n_iter_ == 2
            assert len(cross_val_score(cls(), *iris, cv=2)) == 2
        assert "early_stopping" not in Bare().get_params()

    def test_the_other_dialect(self, iris):
        with pytest.raises(TypeError, match=r"'max_iter'.*Did you mean 'epochs'\?"):
            quick(max_iter=3).fit(*iris)
        with pytest.raises(TypeError, match=r"'patience'.*Did you mean 'n_iter_no_change'\?"):
            quick(patience=3).fit(*iris)
        with pytest.raises(TypeError, match=r"'validation_split'.*Did you mean 'validation_fraction'\?"):
            DNNClassifier(validation_split=0.1)
