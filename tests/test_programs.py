"""The reuse of traced programs: the same bits with it and without, and never one program for two."""

import copy
import gc
import pickle
import threading

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from skdeep import CNNClassifier, DNNClassifier, KerasClassifier, StopAtMetric, load, programs, save
from skdeep._networks import recipes

# Those of Keras, and ours, with their arguments.
CALLBACKS_OF_KERAS = {
    "EarlyStopping": (keras.callbacks.EarlyStopping, {"patience": 2, "restore_best_weights": True}),
    "ReduceLROnPlateau": (keras.callbacks.ReduceLROnPlateau, {"patience": 1, "min_delta": 10.0}),
    "LearningRateScheduler": (
        keras.callbacks.LearningRateScheduler,
        {"schedule": lambda epoch: 0.1 / (epoch + 1)},
    ),
    "TerminateOnNaN": (keras.callbacks.TerminateOnNaN, {}),
    "History": (keras.callbacks.History, {}),
    "CSVLogger": (keras.callbacks.CSVLogger, {"filename": "log.csv"}),
    "ModelCheckpoint": (keras.callbacks.ModelCheckpoint, {"filepath": "{epoch}.keras", "save_best_only": True}),
    "BackupAndRestore": (keras.callbacks.BackupAndRestore, {"backup_dir": "backup"}),
    "StopAtMetric": (StopAtMetric, {"monitor": "loss", "value": 0.9}),
}


@pytest.fixture(autouse=True)
def by_tensorflow(monkeypatch):
    """Only what TensorFlow trains has a trace."""
    monkeypatch.setattr(recipes, "_MOST_WORK", 0)


def quick(**params):
    return DNNClassifier((16,), **{"epochs": 3, "dropout": 0.3, "random_state": 0} | params)


def own(**params):
    def build():
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")])

    settings = {"loss": "sparse_categorical_crossentropy", "epochs": 3, "verbose": 0, "random_state": 0}
    return KerasClassifier(build, **settings | params)


@pytest.fixture(autouse=True)
def empty_pool():
    gc.collect()
    programs.clear()
    programs.set_size(6)
    yield
    programs.set_size(6)


def reused_by(action):
    before = programs.info()["reused"]
    action()
    return programs.info()["reused"] - before


class TestReuse:
    def test_the_next_fit_of_the_same_network_reuses_the_program(self, iris):
        quick().fit(*iris)
        assert programs.info()["idle"] == 1
        assert reused_by(lambda: quick().fit(*iris)) == 1

    def test_another_seed_rate_or_number_of_rows_reuses_it_too(self, iris):
        quick().fit(*iris)
        others = [{"random_state": 7}, {"learning_rate": 0.1}, {"dropout": 0.4}, {"batch_size": 50}, {"epochs": 1}]
        for params in others:
            assert reused_by(lambda params=params: quick(**params).fit(*iris)) == 1, params
        assert reused_by(lambda: quick().fit(iris[0][::2], iris[1][::2])) == 1

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "params",
        [
            {"hidden_layer_sizes": (17,)},
            {"activation": "tanh"},
            {"dropout": 0},
            {"alpha": 1.0},
            {"batch_normalization": True},
            {"optimizer": "sgd"},
            {"optimizer__beta_1": 0.5},
            {"loss": "categorical_crossentropy"},
            {"metrics": []},
            {"output_activation": "sigmoid"},
            {"dtype_policy": "float64"},
            {"dtype_policy": "mixed_bfloat16"},
        ],
    )
    def test_another_network_or_other_settings_do_not(self, params, iris):
        quick().fit(*iris)
        assert reused_by(lambda: quick().set_params(**params).fit(*iris)) == 0

    def test_another_epsilon_of_keras_does_not(self, iris):
        quick().fit(*iris)
        keras.config.set_epsilon(1e-5)
        try:
            assert reused_by(lambda: quick().fit(*iris)) == 0
        finally:
            keras.config.set_epsilon(1e-7)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "params",
        [
            {"optimizer": keras.optimizers.SGD()},
            {"loss": keras.losses.MeanSquaredError()},
            {"activation": lambda x: x**2},
            {"optimizer__use_ema": True},
            {"learning_rate": keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)},
        ],
    )
    def test_objects_of_the_user_are_never_reused(self, params, iris):
        quick(**params).fit(*iris)
        assert reused_by(lambda: quick(**params).fit(*iris)) == 0

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "params",
        [
            {},
            {"optimizer": "sgd", "optimizer__momentum": 0.9},
            {"optimizer": "adagrad"},
            {"optimizer": "nadam", "learning_rate": 0.01},
            {"early_stopping": True},
            {"class_weight": "balanced"},
            {"batch_normalization": True},
        ],
    )
    def test_same_bits_with_and_without(self, params, iris):
        X, y = iris
        programs.set_size(0)
        fresh = quick(**params).fit(X, y)
        programs.set_size(6)
        quick(**params).set_params(random_state=5, learning_rate=0.3, dropout=0.7, epochs=9).fit(
            X[20:], y[20:]
        ).predict(X)
        clf = quick(**params)
        assert reused_by(lambda: clf.fit(X, y)) == 1
        assert clf.history_ == fresh.history_
        np.testing.assert_array_equal(clf.predict_proba(X), fresh.predict_proba(X))
        assert clf.partial_fit(X, y).history_ == fresh.partial_fit(X, y).history_ if not params else True

    @pytest.mark.slow
    def test_batch_normalization_goes_on_with_the_same_bits_whatever_the_rows(self, iris, tmp_path):
        """Also while its momentum still grows, and where another number of rows was trained on before."""
        X, y = iris
        params = {"batch_normalization": True, "batch_size": 20}
        programs.set_size(0)
        fresh = quick(**params).fit(X[::2], y[::2]).partial_fit(X[1::3], y[1::3])
        programs.set_size(6)
        quick(**params, epochs=9).set_params(batch_size=7).fit(X, y)
        clf = quick(**params)
        assert reused_by(lambda: clf.fit(X[::2], y[::2])) == 1
        save(clf, tmp_path / "file")
        for each in (pickle.loads(pickle.dumps(clf)), copy.deepcopy(clf), load(tmp_path / "file"), clf):
            each.partial_fit(X[1::3], y[1::3])
            np.testing.assert_array_equal(each.predict_proba(X), fresh.predict_proba(X))

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("name", CALLBACKS_OF_KERAS)
    def test_callbacks_of_keras_reuse_it_with_the_same_bits(self, name, iris, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)  # where some write files
        kind, arguments = CALLBACKS_OF_KERAS[name]
        arguments = {
            key: f"{tmp_path}{value}" if str(value).startswith("/") else value for key, value in arguments.items()
        }
        routed = {f"callbacks__{key}": value for key, value in arguments.items()}

        def fit(**callbacks):
            return quick(validation_fraction=0.2, epochs=5, **callbacks).fit(*iris)

        programs.set_size(0)
        expected = fit(callbacks=kind(**arguments))
        programs.set_size(6)
        callback = kind(**arguments)
        fit(callbacks=callback)
        for callbacks in ({"callbacks": kind(**arguments)}, {"callbacks": kind} | routed, {"callbacks": [callback]}):
            found = []
            assert reused_by(lambda found=found, callbacks=callbacks: found.append(fit(**callbacks))) == 1
            assert found[0].history_ == expected.history_
            assert found[0].callbacks_[0].model is None
            np.testing.assert_array_equal(found[0].predict_proba(iris[0]), expected.predict_proba(iris[0]))
            del found

    @pytest.mark.slow
    def test_a_search_with_a_callback_of_keras_needs_few_traces(self, iris):
        stop = keras.callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True)
        for clf in (quick(callbacks=stop), own(callbacks=stop)):
            before = programs.info()["traced"]
            GridSearchCV(clf, {"random_state": [0, 1, 2]}, cv=3, error_score="raise").fit(*iris)
            assert programs.info()["traced"] - before == 1

    @pytest.mark.slow
    def test_what_users_wrote_is_traced_for_each_fit(self, iris):
        class Mine(keras.callbacks.EarlyStopping):
            pass

        quick().fit(*iris)
        clf = quick(callbacks=Mine("loss"))
        traced = programs.info()["traced"]
        GridSearchCV(clf, {"random_state": [0, 1]}, cv=2, refit=False).fit(*iris)
        assert programs.info()["traced"] - traced >= 3

    def test_after_a_fit_that_a_callback_of_keras_failed(self, iris):
        with pytest.raises(ValueError, match="monitor='nope'"):
            quick(callbacks=StopAtMetric("nope")).fit(*iris)
        gc.collect()
        assert reused_by(lambda: quick().fit(*iris)) == 1

    def test_another_penalty_reuses_it_with_the_same_bits(self, iris):
        fresh = quick(alpha=0.5).fit(*iris)
        programs.clear()
        quick(alpha=20.0).fit(*iris)
        clf = quick(alpha=0.5)
        assert reused_by(lambda: clf.fit(*iris)) == 1
        assert clf.history_ == fresh.history_ != quick(alpha=20.0).fit(*iris).history_
        assert reused_by(lambda: quick().fit(*iris)) == 0
        assert clf.model_.get_layer("output").kernel_regularizer.l2 == 0.5 / (2 * 32)

    def test_same_bits_for_convolutions(self, digits):
        cnn = CNNClassifier((4,), epochs=1, random_state=0)
        fresh = clone(cnn).fit(digits.images, digits.target)
        expected = fresh.predict_proba(digits.images)
        del fresh
        clone(cnn).set_params(random_state=3).fit(digits.images, digits.target)
        assert reused_by(lambda: cnn.fit(digits.images, digits.target)) == 1
        np.testing.assert_array_equal(cnn.predict_proba(digits.images), expected)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("params", [{"monitor": "nothing", "early_stopping": True}, {"class_weight": {0: -1}}])
    def test_after_a_fit_that_failed(self, params, iris):
        programs.set_size(0)
        expected = quick().fit(*iris).history_
        programs.set_size(6)
        with pytest.raises(ValueError, match=r"monitor|class_weight"):
            quick(**params).fit(*iris)
        gc.collect()  # the error holds the failed fit in a cycle
        assert reused_by(lambda: quick().fit(*iris)) == 1
        assert quick().fit(*iris).history_ == expected


class TestNeverShared:
    def test_live_estimators(self, iris):
        X, y = iris
        first = quick().fit(X, y)
        expected = first.predict_proba(X)
        second = quick(random_state=3).fit(X, y)
        np.testing.assert_array_equal(first.predict_proba(X), expected)
        assert not np.array_equal(second.predict_proba(X), expected)

    def test_a_kept_model(self, iris):
        clf = quick().fit(*iris)
        model = clf.model_
        before = model.get_weights()
        assert reused_by(lambda: quick(random_state=1).fit(*iris)) == 0  # the estimator is alive
        programs.clear()
        del clf
        assert reused_by(lambda: quick(random_state=1).fit(*iris)) == 0
        for ours, old in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(ours, old)

    def test_a_callback_that_keeps_its_model(self, iris):
        kept = []

        class Keep(keras.callbacks.Callback):
            def on_train_begin(self, logs=None):
                kept.append(self.model)

        quick(callbacks=Keep).fit(*iris)
        before = kept[0].get_weights()
        assert reused_by(lambda: quick(random_state=1).fit(*iris)) == 0
        for ours, old in zip(kept[0].get_weights(), before, strict=True):
            np.testing.assert_array_equal(ours, old)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("way", ["attribute", "a function's list", "nested", "a list of layers"])
    def test_a_callback_of_keras_that_can_hold_the_model(self, way, iris):
        held = []
        callback = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate)

        def schedule(epoch, rate):
            if way == "attribute":
                callback.model_seen = callback.model
            elif way == "nested":
                callback.other = {"a": [keras.callbacks.History()]}
                callback.other["a"][0].output = callback.model.outputs[0]
            else:
                held.extend([callback.model] if way == "a function's list" else callback.model.layers)
            return rate

        callback.schedule = schedule
        quick(callbacks=callback).fit(*iris)
        assert reused_by(lambda: quick(random_state=1).fit(*iris)) == 0

    @pytest.mark.slow
    def test_a_callback_of_keras_within_one_of_the_users(self, iris):
        class Group(keras.callbacks.CallbackList):
            pass

        for group in (Group, keras.callbacks.CallbackList):
            quick(callbacks=group([keras.callbacks.History()])).fit(*iris)
            assert reused_by(lambda: quick(random_state=1).fit(*iris)) == 0
            programs.clear()

    def test_copies_and_clones(self, iris):
        X, y = iris
        clf = quick().fit(X, y)
        expected = clf.predict_proba(X)
        other = copy.deepcopy(clf).partial_fit(X, y)
        clone(clf).set_params(random_state=9).fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), expected)
        assert not np.array_equal(other.predict_proba(X), expected)

    @pytest.mark.slow
    def test_threads_that_fit_at_once(self, iris):
        X, y = iris
        expected = [quick(random_state=seed).fit(X, y).predict_proba(X) for seed in range(4)]
        results = [None] * 4

        def fit(seed):
            for _ in range(3):
                results[seed] = quick(random_state=seed).fit(X, y).predict_proba(X)

        threads = [threading.Thread(target=fit, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for ours, theirs in zip(results, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


class TestSurrender:
    """A fit takes the program of a trained network that is alive but not in use."""

    @pytest.mark.slow
    def test_an_ensemble_needs_one_trace(self, iris):
        X, y = iris
        bagging = BaggingClassifier(quick(), n_estimators=4, random_state=0)
        programs.set_size(0)
        expected = clone(bagging).fit(X, y).predict_proba(X)
        programs.set_size(6)
        traced = programs.info()["traced"]
        assert reused_by(lambda: bagging.fit(X, y)) == 3
        assert programs.info()["traced"] == traced + 1
        np.testing.assert_array_equal(bagging.predict_proba(X), expected)
        np.testing.assert_array_equal(bagging.predict_proba(X), expected)

    def test_training_goes_on_with_the_same_bits(self, iris):
        X, y = iris
        programs.set_size(0)
        expected = quick().fit(X, y).partial_fit(X, y).predict_proba(X)
        programs.set_size(6)
        clf = quick().fit(X, y)
        assert reused_by(lambda: quick(random_state=1, learning_rate=0.1, dropout=0.6).fit(X, y)) == 1
        np.testing.assert_array_equal(clf.partial_fit(X, y).predict_proba(X), expected)

    def test_a_fit_again_and_a_warm_start(self, iris):
        X, y = iris
        clf = quick().fit(X, y)
        expected = clf.history_
        assert reused_by(lambda: clf.fit(X, y)) == 1
        assert clf.history_ == expected
        clf.set_params(warm_start=True).fit(X, y)
        assert clf.n_iter_ == 6
        assert clf.history_["loss"][3] < expected["loss"][0]

    def test_a_fit_that_fails_leaves_the_earlier_model(self, iris):
        X, y = iris
        clf = quick().fit(X, y)
        expected = clf.predict_proba(X)
        with pytest.raises(ValueError, match="monitor"):
            clf.set_params(monitor="nothing", early_stopping=True).fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), expected)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "use",
        [
            lambda clf, X: clf.predict_proba(X),
            lambda clf, X: pickle.loads(pickle.dumps(clf)).predict_proba(X),
            lambda clf, X: copy.copy(clf).predict_proba(X),
            lambda clf, X: clf.model_.get_weights(),
            lambda clf, X: str(clf.summary()),
        ],
    )
    def test_every_use_afterwards_is_as_before(self, use, iris):
        X, y = iris
        programs.set_size(0)
        expected = use(quick().fit(X, y), X)
        programs.set_size(6)
        clf = quick().fit(X, y)
        other = quick(random_state=1)
        assert reused_by(lambda: other.fit(X, y)) == 1
        for _ in range(2):
            for ours, alone in zip(use(clf, X), expected, strict=True):
                np.testing.assert_array_equal(ours, alone)

    def test_an_initial_model_of_the_same_network(self, iris):
        X, y = iris
        programs.set_size(0)
        first = quick().fit(X, y)
        expected = quick(random_state=1, initial_model=FrozenEstimator(first)).fit(X, y).history_
        programs.set_size(6)
        first = quick().fit(X, y)
        second = quick(random_state=1, initial_model=FrozenEstimator(first))
        assert reused_by(lambda: second.fit(X, y)) == 1
        assert second.history_ == expected

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "name, given, change",
        [
            ("hidden_layer_sizes", [16], lambda sizes: sizes.append(4)),
            ("activation", ["relu"], lambda names: names.__setitem__(0, "tanh")),
            ("metrics", ["accuracy"], lambda metrics: metrics.append("mse")),
        ],
    )
    def test_a_parameter_changed_in_place_changes_nothing(self, name, given, change, iris):
        X, y = iris
        clf = quick().set_params(**{name: given}).fit(X, y)
        expected = [clf.predict_proba(X), copy.deepcopy(clf).partial_fit(X, y).history_]
        gc.collect()
        programs.clear()
        assert reused_by(lambda: quick(random_state=1).set_params(**{name: copy.copy(given)}).fit(X, y)) == 1
        change(given)
        np.testing.assert_array_equal(clf.predict_proba(X), expected[0])
        assert clf.partial_fit(X, y).history_ == expected[1]

    def test_initializers_draw_once(self, iris):
        X, y = iris
        draws = []

        class Constant(keras.initializers.Initializer):
            def __call__(self, shape, dtype=None):
                draws.append(shape)
                return keras.ops.full(shape, 0.1, dtype)

        clf = quick(kernel_initializer=Constant()).fit(X, y)
        expected = clf.predict_proba(X)
        assert reused_by(lambda: quick(random_state=1).fit(X, y)) == 1
        assert len(draws) == 2
        np.testing.assert_array_equal(clf.predict_proba(X), expected)
        assert len(draws) == 2

    @pytest.mark.slow
    def test_a_network_in_use_keeps_its_program(self, iris):
        clf = quick().fit(*iris)
        with clf._network.in_use() as program:
            assert reused_by(lambda: quick(random_state=1).fit(*iris)) == 0
            gc.collect()
            programs.clear()
        with clf._network.in_use() as later:
            assert later is program
        assert reused_by(lambda: quick(random_state=1).fit(*iris)) == 1

    def test_networks_of_the_users_own(self, iris):
        X, y = iris

        def build(meta):
            layers = [keras.layers.Dense(8, activation="relu"), keras.layers.Dense(3, activation="softmax")]
            return keras.Sequential([keras.Input((meta["n_features_in_"],)), *layers])

        wrappers = [
            KerasClassifier(build, loss="sparse_categorical_crossentropy", random_state=seed) for seed in (0, 1)
        ]
        first = wrappers[0].fit(X, y)
        expected = first.predict_proba(X)
        assert reused_by(lambda: wrappers[1].fit(X, y)) == 1
        np.testing.assert_array_equal(first.predict_proba(X), expected)
        assert not np.array_equal(wrappers[1].predict_proba(X), expected)

    @pytest.mark.slow
    def test_threads_that_predict_while_others_fit(self, iris):
        X, y = iris
        fitted = [quick(random_state=seed).fit(X, y) for seed in range(3)]
        expected = [clf.predict_proba(X) for clf in fitted]
        stop = threading.Event()
        wrong = []

        def predict(clf, probabilities):
            while not stop.is_set():
                if not np.array_equal(clf.predict_proba(X), probabilities):
                    wrong.append(clf)

        threads = [threading.Thread(target=predict, args=pair) for pair in zip(fitted, expected, strict=True)]
        for thread in threads:
            thread.start()
        kept = [quick(random_state=seed).fit(X, y) for seed in range(8)]
        stop.set()
        for thread in threads:
            thread.join()
        assert wrong == []
        for clf, probabilities in zip(kept, expected, strict=False):
            np.testing.assert_array_equal(clf.predict_proba(X), probabilities)


class TestLoaded:
    @pytest.mark.slow
    def test_an_estimator_that_was_unpickled_uses_an_idle_program(self, iris):
        X, y = iris
        clf = quick().fit(X, y)
        data = pickle.dumps(clf)
        expected = [clf.predict_proba(X), clf.partial_fit(X, y).history_]
        del clf
        gc.collect()
        quick(random_state=5, learning_rate=0.3, dropout=0.6).fit(X, y)
        loaded = pickle.loads(data)
        assert reused_by(loaded.summary) == 1
        np.testing.assert_array_equal(loaded.predict_proba(X), expected[0])
        assert loaded.partial_fit(X, y).history_ == expected[1]

    def test_one_without_its_optimizer_begins_with_a_new_one(self, iris, tmp_path):
        X, y = iris
        clf = quick().fit(X, y)
        save(clf, tmp_path / "iris.skdeep", optimizer=False)
        programs.set_size(0)
        expected = load(tmp_path / "iris.skdeep").partial_fit(X, y).history_
        programs.set_size(6)
        del clf
        quick(random_state=5, learning_rate=0.3).fit(X, y)
        loaded = load(tmp_path / "iris.skdeep")
        assert reused_by(lambda: loaded.partial_fit(X, y)) == 1
        assert loaded.history_ == expected


class TestPool:
    def test_it_keeps_the_most_recently_used(self, iris):
        programs.set_size(2)
        for n in (4, 5, 6):
            quick().set_params(hidden_layer_sizes=n).fit(*iris)
        assert programs.info()["idle"] == 2
        assert reused_by(lambda: quick().set_params(hidden_layer_sizes=4).fit(*iris)) == 0
        assert reused_by(lambda: quick().set_params(hidden_layer_sizes=6).fit(*iris)) == 1

    @pytest.mark.slow
    def test_off(self, iris):
        programs.set_size(0)
        quick().fit(*iris)
        assert reused_by(lambda: quick().fit(*iris)) == 0
        assert programs.info()["idle"] == 0

    def test_clear(self, iris):
        quick().fit(*iris)
        programs.clear()
        assert programs.info()["idle"] == 0
        assert reused_by(lambda: quick().fit(*iris)) == 0

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("size", [-1, 1.5, None, True])
    def test_a_bad_size_is_named(self, size):
        with pytest.raises(ValueError, match=f"size must be an int of at least 0. Got {size!r}"):
            programs.set_size(size)
