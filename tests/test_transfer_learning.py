"""Transfer learning: frozen backbones, their normalizations, and the two stages, beside Keras's own fit."""

import pickle
import warnings

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import skdeep
from skdeep import DNNClassifier, KerasClassifier, KerasRegressor, KerasTransformer

LOSS = "sparse_categorical_crossentropy"
TRUSTED = [f"{__name__}.network"]
NORMALIZATIONS = ("norm_1", "norm_2")


def small_backbone(name="backbone"):
    x = image = keras.Input((8, 8, 1))
    for number in (1, 2):
        x = keras.layers.Conv2D(4, 3, padding="same", use_bias=False, name=f"conv_{number}")(x)
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"norm_{number}")(x)
        x = keras.layers.ReLU(name=f"relu_{number}")(x)
    return keras.Model(image, keras.layers.GlobalAveragePooling2D(name="pool")(x), name=name)


def network(meta, backbone, units=8, is_inference=False):
    image = keras.Input((8, 8, 1))
    x = backbone(image, training=False) if is_inference else backbone(image)
    x = keras.layers.Dense(units, activation="relu", name="hidden")(x)
    last = (meta["n_classes_"], "softmax") if "n_classes_" in meta else (1, None)
    return keras.Model(image, keras.layers.Dense(last[0], activation=last[1], name="head")(x))


def quick(backbone, model=network, **params):
    fixed = {"optimizer": "adam", "learning_rate": 0.01, "epochs": 2, "verbose": 0, "random_state": 0}
    return KerasClassifier(model, backbone=backbone, **fixed | params)


def two_stages(backbone, **params):
    first = {"frozen_layers": "backbone", "epochs": 3, "learning_rate": 0.03}
    second = {"frozen_layers": ("conv_1", "*norm*"), "learning_rate": 0.001}
    return quick(backbone, **{f"first_stage__{name}": value for name, value in first.items()} | second | params)


def values(model):
    return [weight.copy() for weight in model.get_weights()]


def of_backbone(estimator):
    return dict(named(estimator.model_.get_layer("backbone")))


def named(model):
    for layer in model.layers:
        for variable in layer.variables:
            yield f"{layer.name}/{variable.name}", variable.numpy()


def changed(estimator, backbone):
    """Return the names of what the fit changed in its backbone."""
    before, after = dict(named(backbone)), of_backbone(estimator)
    return {name for name, value in before.items() if not np.array_equal(value, after[name])}


def assert_close(weights, expected, **tolerance):
    for one, other in zip(weights, expected, strict=True):
        np.testing.assert_allclose(one, other, **tolerance)


@pytest.fixture(scope="module")
def images(digits):
    return digits.images[..., None].astype("float32") / 16


@pytest.fixture(scope="module")
def halves(digits, images):
    is_first = digits.target < 5
    return images[is_first], digits.target[is_first], images[~is_first][:200], digits.target[~is_first][:200]


@pytest.fixture(scope="module")
def backbone(halves):
    """A backbone that was trained by Keras on the digits up to 4, so that its moving averages are of data."""
    keras.utils.set_random_seed(0)
    base = small_backbone()
    model = network({"n_classes_": 5}, base)
    model.compile(keras.optimizers.Adam(0.01), LOSS)
    model.fit(*halves[:2], epochs=3, verbose=0)
    return base


@pytest.fixture(scope="module")
def rows(halves):
    return halves[2:]


class TestBackbonesAsParameters:
    """What is given is not changed, and no two fits share variables."""

    @pytest.mark.parametrize("frozen", [(), "backbone", "norm_1"])
    def test_a_fit_leaves_it_alone(self, frozen, backbone, rows):
        before, flags = values(backbone), [layer.trainable for layer in backbone._flatten_layers()]
        one, other = (quick(backbone, frozen_layers=frozen).fit(*rows) for _ in range(2))
        assert_close(values(backbone), before, rtol=0)
        assert [layer.trainable for layer in backbone._flatten_layers()] == flags
        assert_close(values(one.model_), values(other.model_), rtol=0)
        of_one, of_other = ({id(each) for each in clf.model_.variables} for clf in (one, other))
        assert not of_one & of_other
        assert not of_one & {id(each) for each in backbone.variables}

    def test_a_function_that_freezes_it_freezes_its_own(self, backbone, rows):
        def freezing(meta, backbone, n_trained):
            for layer in backbone.layers[: len(backbone.layers) - n_trained]:
                layer.trainable = False
            return network(meta, backbone)

        flags = [layer.trainable for layer in backbone._flatten_layers()]
        few = quick(backbone, freezing, n_trained=4).fit(*rows)
        none = quick(backbone, freezing, n_trained=0).fit(*rows)
        assert [layer.trainable for layer in backbone._flatten_layers()] == flags
        assert changed(none, backbone) == set()
        assert changed(few, backbone) == {
            "conv_2/kernel",
            "norm_2/gamma",
            "norm_2/beta",
            "norm_2/moving_mean",
            "norm_2/moving_variance",
        }

    def test_a_backbone_that_was_frozen_before_stays_so(self, rows):
        frozen = small_backbone()
        frozen.trainable = False
        assert changed(quick(frozen).fit(*rows), frozen) == set()

    def test_in_lists_and_twice(self, rows):
        def both(meta, backbone):
            one, other = backbone
            assert one is other
            return network(meta, one)

        base = small_backbone()
        clf = quick([base, base], both, frozen_layers="backbone").fit(*rows)
        assert changed(clf, base) == set()

    @pytest.mark.slow
    def test_clones_and_pickles(self, backbone, rows, tmp_path):
        clf = quick(backbone, frozen_layers="backbone").fit(*rows)
        again = clone(clf)
        assert again.backbone is not backbone
        assert_close(values(again.fit(*rows).model_), values(clf.model_), rtol=0)
        loaded = pickle.loads(pickle.dumps(clf))
        np.testing.assert_allclose(loaded.predict_proba(rows[0]), clf.predict_proba(rows[0]), rtol=1e-6)
        skdeep.save(clf, tmp_path / "file", trusted=TRUSTED)
        loaded = skdeep.load(tmp_path / "file", trusted=TRUSTED)
        np.testing.assert_allclose(loaded.predict_proba(rows[0]), clf.predict_proba(rows[0]), rtol=1e-6)
        for each in (clf, loaded):
            each.partial_fit(*rows)
        assert_close(values(loaded.model_), values(clf.model_), rtol=1e-4, atol=1e-6)
        assert changed(loaded, backbone) == set()

    @pytest.mark.slow
    def test_of_keras_applications(self, rng):
        base = keras.applications.MobileNetV2(input_shape=(32, 32, 3), alpha=0.35, include_top=False, weights=None)

        def classifier(meta, backbone):
            image = keras.Input((32, 32, 3))
            x = keras.layers.GlobalAveragePooling2D()(backbone(image))
            return keras.Model(image, keras.layers.Dense(meta["n_classes_"], activation="softmax")(x))

        X, y = rng.random((64, 32, 32, 3), dtype="float32"), np.arange(64) % 2
        before = values(base)
        clf = quick(
            base,
            classifier,
            first_stage__frozen_layers=base.name,
            frozen_layers=("*BN", "*bn*", "Conv1", "expanded*", "block_[0-9]_*", "block_1[0-5]_*"),
        ).fit(X, y)
        assert_close(values(base), before, rtol=0)
        trained = [variable.path.rpartition(base.name + "/")[2] for variable in clf.model_.trainable_variables]
        assert trained[:4] == [
            "block_16_expand/kernel",
            "block_16_depthwise/kernel",
            "block_16_project/kernel",
            "Conv_1/kernel",
        ]
        assert len(trained) == 6


class TestNamesOfFrozenLayers:
    def test_paths_and_patterns(self, rows):
        def two(meta, backbone):
            image = keras.Input((8, 8, 1))
            features = [small_backbone("left")(image), small_backbone("right")(image)]
            x = keras.layers.Concatenate()(features)
            return keras.Model(image, keras.layers.Dense(meta["n_classes_"], activation="softmax")(x))

        def frozen(names):
            model = quick(None, two, frozen_layers=names).initialize(*rows).model_
            return {
                f"{part}/{layer.name}"
                for part in ("left", "right")
                for layer in model.get_layer(part).layers
                if not layer.trainable and layer.weights
            }

        assert frozen("left/conv_1") == {"left/conv_1"}
        assert frozen("conv_1") == {"left/conv_1", "right/conv_1"}
        assert frozen(["right/conv_?", "left/norm_2"]) == {"right/conv_1", "right/conv_2", "left/norm_2"}
        assert frozen("*norm*") == {f"{part}/{name}" for part in ("left", "right") for name in NORMALIZATIONS}
        assert frozen("left") == {f"left/{name}" for name in ("conv_1", "conv_2", *NORMALIZATIONS)}

    @pytest.mark.parametrize(
        "names, message",
        [
            ("backbone/conv_3", "frozen_layers has 'backbone/conv_3', but the model has no such layer"),
            ("*nrm*", r"frozen_layers has '\*nrm\*'"),
            (["backbone", "hidden", "head"], "leaves no layer to train"),
        ],
    )
    def test_errors(self, names, message, backbone, rows):
        with pytest.raises(ValueError, match=message):
            quick(backbone, frozen_layers=names).fit(*rows)


class TestBatchNormalization:
    """Frozen it takes its moving averages in training and leaves them alone, as in Keras's own fit."""

    @pytest.mark.parametrize("frozen", ["backbone", "*norm*", ("conv_1", "norm_1"), ()])
    def test_as_in_keras(self, frozen, backbone, rows):
        X, y = rows
        params = {"optimizer": "sgd", "batch_size": -1, "shuffle": False, "epochs": 3}
        clf = quick(backbone, frozen_layers=frozen, **params).fit(X, y)
        given = quick(backbone).initialize(X, y).model_
        chosen = {"*norm*": NORMALIZATIONS, "backbone": ("conv_1", "conv_2", *NORMALIZATIONS)}.get(frozen, frozen)
        for name in chosen:
            given.get_layer("backbone").get_layer(name).trainable = False
        given.compile(keras.optimizers.SGD(0.01), LOSS)
        theirs = given.fit(X, y - 5, len(X), 3, verbose=0, shuffle=False).history["loss"]
        np.testing.assert_allclose(clf.history_["loss"], theirs, rtol=1e-5)
        assert_close(values(clf.model_), values(given), rtol=1e-4, atol=1e-6)
        moved = {name for name in changed(clf, backbone) if "moving" in name}
        assert {name.split("/")[0] for name in moved} == set(NORMALIZATIONS) - set(chosen)

    def test_the_loss_is_that_of_the_moving_averages(self, backbone, rows):
        X, y = rows
        clf = quick(backbone, frozen_layers="*norm*", epochs=1, batch_size=-1)
        start = clone(clf).initialize(X, y)
        expected = -np.log(start.predict_proba(X)[np.arange(len(X)), y - 5]).mean()
        np.testing.assert_allclose(clf.fit(X, y).history_["loss"][0], expected, rtol=1e-5)

    def test_keras_overrides_a_call_for_inference(self, backbone, rows):
        model = network({"n_classes_": 10}, small_backbone(), is_inference=True)
        model.compile("sgd", LOSS)
        before = dict(named(model.get_layer("backbone")))
        model.fit(*rows, verbose=0)
        after = dict(named(model.get_layer("backbone")))
        assert not np.array_equal(before["norm_1/moving_mean"], after["norm_1/moving_mean"])

    @pytest.mark.slow
    def test_which_is_a_warning(self, backbone, rows):
        with pytest.warns(UserWarning, match=r"calls 'backbone' with training=False.*norm_1, norm_2.*frozen_layers"):
            quick(backbone, is_inference=True, epochs=1).fit(*rows)
        for frozen in ("backbone", "*norm*"):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                quick(backbone, is_inference=True, epochs=1, frozen_layers=frozen).fit(*rows)


class TestStages:
    @pytest.mark.slow
    def test_as_in_keras(self, backbone, rows):
        X, y = rows
        in_order = {"optimizer": "adam", "batch_size": -1, "shuffle": False}
        clf = two_stages(backbone, **in_order).fit(X, y)
        model = quick(backbone).initialize(X, y).model_
        theirs = []
        for frozen, rate, epochs in [
            (("conv_1", "conv_2", *NORMALIZATIONS), 0.03, 3),
            (("conv_1", *NORMALIZATIONS), 0.001, 2),
        ]:
            for layer in model.get_layer("backbone").layers:
                layer.trainable = layer.name not in frozen
            model.compile(keras.optimizers.Adam(rate), LOSS)
            theirs += model.fit(X, y - 5, len(X), epochs, verbose=0, shuffle=False).history["loss"]
        np.testing.assert_allclose(clf.history_["loss"], theirs, rtol=1e-4)
        assert_close(values(clf.model_), values(model), rtol=1e-3, atol=1e-5)
        assert clf.n_iter_ == clf.best_epoch_ == 5
        assert changed(clf, backbone) == {"conv_2/kernel"}

    def test_as_two_fits(self, backbone, rows):
        both = two_stages(backbone, batch_size=-1, shuffle=False).fit(*rows)
        first = quick(backbone, frozen_layers="backbone", epochs=3, learning_rate=0.03, batch_size=-1, shuffle=False)
        first.fit(*rows)
        second = {"frozen_layers": ("conv_1", "*norm*"), "learning_rate": 0.001, "epochs": 2}
        apart = clone(first).set_params(initial_model=FrozenEstimator(first), **second).fit(*rows)
        resumed = first.set_params(warm_start=True, **second).fit(*rows)
        for other in (apart, resumed):
            assert_close(values(both.model_), values(other.model_), rtol=1e-5, atol=1e-7)

    def test_settings_of_fit_are_for_both(self, backbone, rows):
        clf = two_stages(backbone).fit(*rows, epochs=4, validation_data=rows)
        assert clf.n_iter_ == 3 + 4
        assert len(clf.history_["val_loss"]) == 7
        clf = two_stages(backbone, fit__epochs=1).fit(*rows)
        assert clf.n_iter_ == 3 + 1

    @pytest.mark.parametrize("random_state", [0, None, "generator"])
    def test_both_validate_on_the_same_rows(self, random_state, backbone, rows):
        seen = []

        class Spy(KerasClassifier):
            def _train(self, run, train, validation, options, **others):
                seen.append(np.sort(validation.index))
                return super()._train(run, train, validation, options, **others)

        random_state = np.random.RandomState(0) if random_state == "generator" else random_state
        params = two_stages(backbone, validation_split=0.2, random_state=random_state, epochs=1).get_params()
        Spy(**params | {"first_stage__epochs": 1}).fit(*rows)
        np.testing.assert_array_equal(*seen)

    def test_early_stopping_counts_what_the_first_reached(self, backbone, rows):
        clf = two_stages(backbone, learning_rate=10.0, early_stopping=True, first_stage__early_stopping=False)
        clf.fit(*rows)
        assert clf.best_epoch_ == 3
        assert changed(clf, backbone) == set()

    def test_a_second_fit_starts_anew_but_for_a_warm_start(self, backbone, rows):
        clf = two_stages(backbone).fit(*rows)
        before = values(clf.model_)
        assert_close(values(clf.fit(*rows).model_), before, rtol=0)
        assert clf.set_params(warm_start=True).fit(*rows).n_iter_ == 5 + 2

    def test_partial_fit_has_the_second_alone(self, backbone, rows):
        clf = two_stages(backbone).partial_fit(*rows)
        assert clf.n_iter_ == 1
        assert changed(clf, backbone) == {"conv_2/kernel"}

    @pytest.mark.slow
    def test_in_a_pipeline_and_a_search(self, backbone, halves, digits):
        images = FunctionTransformer(lambda X: X.reshape(-1, 8, 8, 1) / 16)
        X, y = digits.data[digits.target > 4][:150], digits.target[digits.target > 4][:150]
        pipe = make_pipeline(images, two_stages(backbone, first_stage__epochs=1, epochs=1))
        before = values(backbone)
        name = "kerasclassifier__"
        grid = {f"{name}frozen_layers": [("conv_1", "*norm*"), "*norm*"], f"{name}first_stage__epochs": [1, 2]}
        search = GridSearchCV(pipe, grid, cv=2, error_score="raise").fit(X, y)
        assert len(search.cv_results_["params"]) == 4
        best = search.best_params_[f"{name}first_stage__epochs"]
        assert search.best_estimator_[-1].n_iter_ == best + 1
        assert_close(values(backbone), before, rtol=0)

    @pytest.mark.slow
    def test_from_a_fitted_estimator(self, backbone, halves, rows):
        """A network that was trained by skdeep goes on to other classes, in two stages, in a cross-validation."""
        start = quick(backbone).fit(*halves[:2])
        clf = two_stages(backbone, initial_model=FrozenEstimator(start), epochs=1, first_stage__epochs=1)
        assert changed(clf.fit(*rows), start.model_.get_layer("backbone")) == {"conv_2/kernel"}
        assert np.isfinite(cross_val_score(clf, *rows, cv=2, error_score="raise")).all()
        clf.set_params(initial_model=start).fit(*rows)

    @pytest.mark.slow
    def test_files_and_pickles(self, backbone, rows, tmp_path):
        clf = two_stages(backbone).fit(*rows)
        skdeep.save(clf, tmp_path / "file", trusted=TRUSTED)
        for again in (pickle.loads(pickle.dumps(clf)), skdeep.load(tmp_path / "file", trusted=TRUSTED)):
            np.testing.assert_allclose(again.predict_proba(rows[0]), clf.predict_proba(rows[0]), rtol=1e-6)
            assert again.first_stage__epochs == 3
            assert_close(values(clone(again).fit(*rows).model_), values(clf.model_), rtol=1e-4, atol=1e-6)

    def test_of_regressors_and_transformers(self, backbone, rows):
        X, y = rows
        params = {"epochs": 1, "verbose": 0, "random_state": 0, "first_stage__frozen_layers": "backbone"}
        params |= {"frozen_layers": "*norm*", "backbone": backbone}
        reg = KerasRegressor(network, **params).fit(X, y.astype(float))
        assert reg.n_iter_ == 2
        assert reg.predict(X).shape == (200,)
        features = KerasTransformer(network, layer="hidden", target="y", **params).fit(X, y.astype(float))
        assert features.n_iter_ == 2

    def test_what_interrupts_the_first_leaves_what_it_learned(self, backbone, rows):
        class Interrupt(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 2:
                    raise KeyboardInterrupt

        clf = two_stages(backbone, first_stage__callbacks=Interrupt())
        with pytest.raises(KeyboardInterrupt):
            clf.fit(*rows)
        assert clf.n_iter_ == 2
        assert clf.first_stage__epochs == 3
        assert clf.learning_rate == 0.001
        assert clf.predict(rows[0]).shape == (200,)

    def test_a_first_stage_that_fails_changes_nothing(self, backbone, rows):
        clf = two_stages(backbone).fit(*rows)
        before = vars(clf).copy()
        with pytest.raises(ValueError, match="nope"):
            clf.set_params(first_stage__frozen_layers="nope").fit(*rows)
        assert vars(clf) == before | {"first_stage__frozen_layers": "nope"}

    @pytest.mark.parametrize(
        "params, message",
        [
            ({"first_stage__epoch": 3}, r"first_stage__epoch is no parameter of a first stage\. Did you mean 'epochs'"),
            ({"first_stage__random_state": 3}, "first_stage__random_state is no parameter of a first stage"),
            ({"first_stage__epochs": 0}, "The 'epochs' parameter"),
            ({"first_stage__units": 3}, "shape"),
        ],
    )
    def test_errors(self, params, message, backbone, rows):
        with pytest.raises(ValueError, match=message):
            two_stages(backbone, **params).fit(*rows)


class TestStateOfOptimizers:
    """That of weights which train no longer is not taken for that of others of the same shapes."""

    @pytest.mark.parametrize("own", [True, False])
    def test_after_a_warm_start(self, own, iris):
        def dense(meta):
            layers = [keras.layers.Dense(4, activation="relu", name=f"hidden_{number}") for number in (1, 2)]
            return keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(3, "softmax", name="output")])

        params = {"epochs": 3, "random_state": 0, "warm_start": True, "shuffle": False, "optimizer": "adam"}
        clf = KerasClassifier(dense, verbose=0, **params) if own else DNNClassifier((4, 4), dropout=0, **params)
        clf.set_params(frozen_layers=("hidden_1", "output"), learning_rate=0.01).fit(*iris)
        fresh = clone(clf).set_params(initial_model=FrozenEstimator(clf), warm_start=False)
        fresh.set_params(frozen_layers=("hidden_2", "output"), epochs=1).fit(*iris)
        clf.set_params(frozen_layers=("hidden_2", "output"), epochs=1).fit(*iris)
        assert_close(values(clf.model_), values(fresh.model_), rtol=1e-5, atol=1e-7)
