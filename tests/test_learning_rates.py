"""Learning rates by the name of a schedule: the rates of the steps, and what is learned by them."""

import math
import pickle
import warnings

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

import skdeep
from skdeep import (
    CNNClassifier,
    DNNClassifier,
    DNNRegressor,
    KerasClassifier,
    KerasRegressor,
    TableClassifier,
    programs,
)

X, y = load_digits(return_X_y=True)
X, y = (X[:300] / 16).astype(np.float32), y[:300]
IMAGES = X.reshape(-1, 8, 8)
N_STEPS, EPOCHS = 10, 4  # of an epoch with batches of 30
SETTINGS = {"epochs": EPOCHS, "batch_size": 30, "random_state": 0}


class Rates(keras.callbacks.Callback):
    """Records the learning rate of each step."""

    def __init__(self):
        super().__init__()
        self.rates = []

    def on_train_batch_end(self, batch, logs=None):
        self.rates.append(float(self.model.optimizer.learning_rate))


def rates_of(estimator, *data):
    """Return the learning rates of all steps of a fit."""
    rates = Rates()
    estimator.set_params(callbacks=rates).fit(*data)
    return np.array(rates.rates)


def of_keras(schedule, n_steps=N_STEPS * EPOCHS):
    return np.array([float(schedule(step)) for step in range(n_steps)])


def one_cycle(max_rate, n_steps, pct_start=0.3, div_factor=25, final_div_factor=1e4):
    """Return the rates of torch.optim.lr_scheduler.OneCycleLR, written out as PyTorch's documentation tells them."""
    initial = max_rate / div_factor
    minimum = initial / final_div_factor
    end_of_rise = float(pct_start * n_steps) - 1
    rates = []
    for step in range(n_steps):
        if step <= end_of_rise:
            start, end, share = initial, max_rate, step / end_of_rise
        else:
            start, end, share = max_rate, minimum, (step - end_of_rise) / (n_steps - 1 - end_of_rise)
        rates.append(end + (start - end) / 2 * (math.cos(math.pi * share) + 1))
    return np.array(rates)


SCHEDULES = [
    ({"learning_rate": "cosine"}, keras.optimizers.schedules.CosineDecay(0.001, 40)),
    (
        {"learning_rate": "cosine", "learning_rate__max": 0.01, "learning_rate__min_fraction": 0.1},
        keras.optimizers.schedules.CosineDecay(0.01, 40, alpha=0.1),
    ),
    (
        {"learning_rate": "cosine", "optimizer__learning_rate": 0.02, "learning_rate__warmup": 0.25},
        keras.optimizers.schedules.CosineDecay(0.02 / 11, 30, warmup_target=0.02, warmup_steps=10),
    ),
    ({"learning_rate": "exponential"}, keras.optimizers.schedules.ExponentialDecay(0.001, 40, 0.01)),
    (
        {"learning_rate": "exponential", "learning_rate__max": 0.1, "learning_rate__min_fraction": 0.5},
        keras.optimizers.schedules.ExponentialDecay(0.1, 40, 0.5),
    ),
]


class TestRates:
    @pytest.mark.parametrize(("parameters", "schedule"), SCHEDULES)
    def test_are_those_of_keras(self, parameters, schedule):
        rates = rates_of(DNNClassifier(**SETTINGS, **parameters), X, y)
        np.testing.assert_allclose(rates, of_keras(schedule), rtol=1e-5, atol=1e-9)

    @pytest.mark.parametrize("warmup", [0.3, 0.5])
    def test_of_one_cycle_are_those_of_torch(self, warmup):
        clf = DNNClassifier(**SETTINGS, learning_rate="one_cycle", learning_rate__max=0.02)
        rates = rates_of(clf.set_params(learning_rate__warmup=warmup), X, y)
        np.testing.assert_allclose(rates, one_cycle(0.02, 40, warmup), rtol=1e-4)

    def test_of_a_cycle_of_few_steps_are_finite(self):
        clf = DNNClassifier(epochs=1, batch_size=150, learning_rate="one_cycle", random_state=0)
        assert np.isfinite(rates_of(clf, X, y)).all()

    @pytest.mark.parametrize("warmup", [0.0, 0.2])
    def test_of_a_plateau_are_those_of_reduce_lr_on_plateau(self, warmup):
        common = {**SETTINGS, "epochs": 12, "optimizer": "sgd", "validation_fraction": 0.3}
        named = DNNClassifier(
            **common,
            learning_rate="plateau",
            learning_rate__max=0.5,
            learning_rate__patience=1,
            learning_rate__factor=0.3,
            learning_rate__min_fraction=0.02,
            learning_rate__warmup=warmup,
            tol=0.05,
        ).fit(X, y)
        by_callback = DNNClassifier(
            **common,
            learning_rate=0.5,
            callbacks=keras.callbacks.ReduceLROnPlateau(factor=0.3, patience=1, min_delta=0.05, min_lr=0.01),
        ).fit(X, y)
        rates = named.history_["learning_rate"]
        assert len(set(rates)) > 2
        if not warmup:
            np.testing.assert_allclose(rates, by_callback.history_["learning_rate"], rtol=1e-6)
            np.testing.assert_allclose(named.history_["val_loss"], by_callback.history_["val_loss"], rtol=1e-4)
        else:
            np.testing.assert_allclose(rates[0], 0.5 * 7 / (16 + 1), rtol=1e-4)  # of 7 steps an epoch, 84 in all

    def test_of_a_plateau_follow_the_loss_without_validation_rows(self):
        clf = DNNClassifier(**SETTINGS, learning_rate="plateau", learning_rate__patience=1, tol=10.0).fit(X, y)
        # The first value improves on nothing, the later ones by less than 10.
        np.testing.assert_allclose(clf.history_["learning_rate"], [0.001, 0.001, 2e-4, 4e-5], rtol=1e-6)

    def test_of_a_plateau_rise_with_a_score(self):
        clf = DNNClassifier(
            **SETTINGS | {"epochs": 6},
            learning_rate="plateau",
            learning_rate__patience=1,
            monitor="accuracy",
            tol=0.0,
        ).fit(X, y)
        assert np.all(np.diff(clf.history_["accuracy"]) > 0)
        assert set(clf.history_["learning_rate"]) == {clf.history_["learning_rate"][0]}

    def test_of_a_last_batch_that_is_smaller(self):
        clf = DNNClassifier(epochs=3, batch_size=128, learning_rate="cosine", random_state=0)
        expected = of_keras(keras.optimizers.schedules.CosineDecay(0.001, 9), 9)
        np.testing.assert_allclose(rates_of(clf, X, y), expected, rtol=1e-4)

    def test_are_in_the_history_at_the_ends_of_epochs(self):
        clf = DNNClassifier(**SETTINGS, learning_rate="cosine").fit(X, y)
        expected = of_keras(keras.optimizers.schedules.CosineDecay(0.001, 40))[9::10]
        np.testing.assert_allclose(clf.history_["learning_rate"], expected, rtol=1e-4)

    def test_leave_that_of_the_optimizer_in_the_end(self):
        clf = DNNClassifier(**SETTINGS, learning_rate="cosine", learning_rate__max=0.02).fit(X, y)
        assert float(clf.model_.optimizer.learning_rate) == pytest.approx(0.02)


class TestLearning:
    """What is learned is what Keras's own schedule, an object in the optimizer, teaches."""

    @pytest.mark.parametrize(("parameters", "schedule"), SCHEDULES)
    def test_of_a_network_that_numpy_trains(self, parameters, schedule):
        settings = SETTINGS | {"dropout": 0.0}
        named = DNNClassifier(**settings, **parameters).fit(X, y)
        assert named.summary().trained_by == "NumPy"
        by_object = DNNClassifier(**settings, learning_rate=schedule).fit(X, y)
        np.testing.assert_allclose(named.history_["loss"], by_object.history_["loss"], rtol=1e-4)
        np.testing.assert_allclose(named.predict_proba(X), by_object.predict_proba(X), atol=1e-4)

    @pytest.mark.parametrize("kind", [CNNClassifier, TableClassifier])
    def test_of_others(self, kind):
        settings = SETTINGS | {"dropout": 0.0, "epochs": 2}
        data = (IMAGES if kind is CNNClassifier else X, y)
        named = kind(**settings, learning_rate="cosine").fit(*data)
        schedule = keras.optimizers.schedules.CosineDecay(0.001, 20)
        by_object = kind(**settings, learning_rate=schedule).fit(*data)
        np.testing.assert_allclose(named.history_["loss"], by_object.history_["loss"], rtol=1e-4)

    def test_of_a_regressor(self):
        settings = SETTINGS | {"dropout": 0.0}
        named = DNNRegressor(**settings, learning_rate="exponential").fit(X, y)
        schedule = keras.optimizers.schedules.ExponentialDecay(0.001, 40, 0.01)
        by_object = DNNRegressor(**settings, learning_rate=schedule).fit(X, y)
        np.testing.assert_allclose(named.predict(X), by_object.predict(X), rtol=1e-3, atol=1e-3)

    def test_is_the_same_with_callbacks(self):
        without = DNNClassifier(**SETTINGS, learning_rate="cosine").fit(X, y)
        watched = DNNClassifier(**SETTINGS, learning_rate="cosine", callbacks=Rates()).fit(X, y)
        np.testing.assert_array_equal(without.predict_proba(X), watched.predict_proba(X))

    def test_of_an_unknown_rate_is_said_by_the_optimizer(self):
        optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, 40))
        with pytest.raises(ValueError, match="learning rate of Adam is no number that a schedule by name could change"):
            DNNClassifier(**SETTINGS, optimizer=optimizer, learning_rate="cosine").fit(X, y)
        clf = DNNClassifier(**SETTINGS, optimizer=optimizer, learning_rate="cosine", learning_rate__max=0.01).fit(X, y)
        assert clf.history_["learning_rate"][0] == pytest.approx(of_keras(optimizer._learning_rate)[9])


def own_network(meta, compile_kwargs):
    model = keras.Sequential(
        [keras.Input((meta["n_features_in_"],)), keras.layers.Dense(12, "relu"), keras.layers.Dense(10, "softmax")]
    )
    model.compile(**compile_kwargs)
    return model


def compiled_network(rate=0.05):
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(12, "relu"), keras.layers.Dense(10, "softmax")])
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
    return model


def network_of_rate(learning_rate=0.2):
    return compiled_network(learning_rate)


class OwnStep(keras.Sequential):
    """A network with a step of its own, whose loss is that of Keras's."""

    def train_step(self, data):
        return super().train_step(data)


class TestOwnNetworks:
    settings = {**SETTINGS, "verbose": 0}

    def test_have_the_rate_that_they_were_compiled_with(self):
        rates = rates_of(KerasClassifier(compiled_network, **self.settings, learning_rate="cosine"), X, y)
        np.testing.assert_allclose(rates, of_keras(keras.optimizers.schedules.CosineDecay(0.05, 40)), rtol=1e-4)

    def test_are_compiled_with_the_largest_rate(self):
        clf = KerasClassifier(
            own_network,
            **self.settings,
            optimizer="adam",
            loss="sparse_categorical_crossentropy",
            learning_rate="exponential",
            learning_rate__max=0.02,
        )
        expected = of_keras(keras.optimizers.schedules.ExponentialDecay(0.02, 40, 0.01))
        np.testing.assert_allclose(rates_of(clf, X, y), expected, rtol=1e-4)

    @pytest.mark.parametrize(("given", "largest"), [({}, 0.2), ({"learning_rate__max": 0.1}, 0.1)])
    def test_get_the_largest_rate(self, given, largest):
        clf = KerasClassifier(network_of_rate, **self.settings, learning_rate="cosine", **given)
        np.testing.assert_allclose(
            rates_of(clf, X, y), of_keras(keras.optimizers.schedules.CosineDecay(largest, 40)), rtol=1e-4
        )

    @pytest.mark.parametrize("eager", [False, True])
    def test_with_a_step_of_their_own(self, eager):
        def build():
            model = OwnStep([keras.Input((64,)), keras.layers.Dense(12, "relu"), keras.layers.Dense(10, "softmax")])
            model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=eager)
            return model

        settings = self.settings | {"epochs": 2}
        named = KerasClassifier(build, **settings, learning_rate="cosine").fit(X, y)
        schedule = keras.optimizers.schedules.CosineDecay(0.01, 20)

        def build_with_object():
            model = build()
            model.compile(keras.optimizers.SGD(schedule), "sparse_categorical_crossentropy", run_eagerly=eager)
            return model

        by_object = KerasClassifier(build_with_object, **settings).fit(X, y)
        np.testing.assert_allclose(named.history_["loss"], by_object.history_["loss"], rtol=1e-4)

    def test_of_two_stages(self):
        clf = KerasRegressor(
            lambda: keras.Sequential([keras.Input((64,)), keras.layers.Dense(1)]),
            **self.settings,
            loss="mse",
            optimizer="sgd",
            first_stage__learning_rate="cosine",
            first_stage__learning_rate__max=0.001,
            first_stage__epochs=2,
            learning_rate="exponential",
            learning_rate__max=0.0001,
        ).fit(X, y)
        first = of_keras(keras.optimizers.schedules.CosineDecay(0.001, 20), 20)[9::10]
        second = of_keras(keras.optimizers.schedules.ExponentialDecay(0.0001, 40, 0.01))[9::10]
        np.testing.assert_allclose(clf.history_["learning_rate"], [*first, *second], rtol=1e-4)


class TestGoingOn:
    def test_partial_fit_goes_through_the_epochs_of_the_schedule(self):
        clf = DNNClassifier(**SETTINGS, learning_rate="cosine")
        for _ in range(EPOCHS):
            clf.partial_fit(X, y, classes=range(10))
        whole = DNNClassifier(**SETTINGS, learning_rate="cosine").fit(X, y)
        np.testing.assert_allclose(clf.history_["learning_rate"], whole.history_["learning_rate"], rtol=1e-6)
        with pytest.warns(UserWarning, match="'cosine' has come to its end, since epochs is 4 and 4 were trained"):
            clf.partial_fit(X, y, classes=range(10))
        assert clf.history_["learning_rate"][4] == pytest.approx(clf.history_["learning_rate"][3])

    def test_partial_fit_remembers_a_plateau(self):
        parameters = {"learning_rate": "plateau", "learning_rate__patience": 1, "tol": 10.0}
        clf = DNNClassifier(**SETTINGS, **parameters)
        for _ in range(EPOCHS):
            clf = pickle.loads(pickle.dumps(clf)) if hasattr(clf, "history_") else clf
            clf.partial_fit(X, y, classes=range(10))
        whole = DNNClassifier(**SETTINGS, **parameters).fit(X, y)
        np.testing.assert_allclose(clf.history_["learning_rate"], whole.history_["learning_rate"], rtol=1e-6)

    def test_a_warm_start_begins_the_schedule_anew(self):
        clf = DNNClassifier(**SETTINGS, learning_rate="cosine", warm_start=True).fit(X, y).fit(X, y)
        rates = clf.history_["learning_rate"]
        assert clf.n_iter_ == len(rates) == 2 * EPOCHS
        np.testing.assert_array_equal(rates[:EPOCHS], rates[EPOCHS:])

    def test_a_fit_that_goes_on_from_a_backup_goes_on_with_its_rates(self, tmp_path):
        def backup():
            return keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)

        class Stops(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 2:
                    raise RuntimeError("power is off")

        settings = SETTINGS | {"learning_rate": "cosine", "dropout": 0.0}
        with pytest.raises(RuntimeError, match="power is off"):
            DNNClassifier(**settings, callbacks=[backup(), Stops()]).fit(X, y)
        rates = Rates()
        clf = DNNClassifier(**settings, callbacks=[backup(), rates]).fit(X, y)
        expected = of_keras(keras.optimizers.schedules.CosineDecay(0.001, 40))[20:]
        np.testing.assert_allclose(rates.rates, expected, rtol=1e-4)
        assert float(clf.model_.optimizer.learning_rate) == pytest.approx(0.001)

    def test_a_fit_that_diverges_leaves_the_rate_of_the_optimizer(self):
        clf = DNNRegressor(
            **SETTINGS, optimizer="sgd", learning_rate="cosine", learning_rate__max=1e30, scale_targets=False
        )
        with pytest.warns(ConvergenceWarning, match="diverged"):
            clf.fit(X, y)
        assert float(clf.model_.optimizer.learning_rate) == pytest.approx(1e30, rel=1e-6)


class TestParameters:
    def test_are_searched(self):
        clf = DNNClassifier(**SETTINGS, learning_rate="cosine", learning_rate__warmup=0.1)
        grid = {"learning_rate": ["cosine", "one_cycle"], "learning_rate__warmup": [0.2, 0.4]}
        search = GridSearchCV(clf, grid, cv=2).fit(X, y)
        assert len(search.cv_results_["params"]) == 4
        assert np.ptp(search.cv_results_["mean_test_score"]) > 0
        best = search.best_estimator_
        assert best.get_params()["learning_rate__warmup"] == search.best_params_["learning_rate__warmup"]

    def test_are_cloned_and_saved(self, tmp_path):
        clf = DNNClassifier(**SETTINGS, learning_rate="cosine", learning_rate__warmup=0.1, callbacks="TerminateOnNaN")
        assert clone(clf).get_params() == clf.get_params()
        skdeep.save(clf.fit(X, y), tmp_path / "clf")
        loaded = skdeep.load(tmp_path / "clf")
        assert loaded.get_params() == clf.get_params()
        np.testing.assert_array_equal(loaded.fit(X, y).predict_proba(X), clf.predict_proba(X))

    def test_of_a_class_of_keras(self):
        clf = DNNClassifier(
            **SETTINGS,
            learning_rate=keras.optimizers.schedules.CosineDecay,
            learning_rate__initial_learning_rate=0.01,
            learning_rate__decay_steps=40,
        ).fit(X, y)
        by_object = DNNClassifier(**SETTINGS, learning_rate=keras.optimizers.schedules.CosineDecay(0.01, 40)).fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), by_object.predict_proba(X))
        own = KerasClassifier(
            own_network,
            **SETTINGS,
            verbose=0,
            loss="sparse_categorical_crossentropy",
            learning_rate=keras.optimizers.schedules.CosineDecay,
            learning_rate__initial_learning_rate=0.01,
            learning_rate__decay_steps=40,
        ).fit(X, y)
        assert own.model_.optimizer._learning_rate.decay_steps == 40

    def test_make_no_new_traces(self):
        common = {**SETTINGS, "epochs": 1}
        CNNClassifier(**common, learning_rate="cosine").fit(IMAGES, y)
        before = programs.info()["traced"]
        for rate, kind, warmup in [(0.01, "cosine", 0.1), (0.02, "one_cycle", 0.3), (0.03, "plateau", 0.0)]:
            clf = CNNClassifier(**common, learning_rate=kind, learning_rate__max=rate, learning_rate__warmup=warmup)
            clf.fit(IMAGES, y)
        assert programs.info()["traced"] == before

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"learning_rate": "cosin"}, "'learning_rate' parameter of DNNClassifier must be .*'cosine'"),
            (
                {"learning_rate": "cosine", "learning_rate__warm_up": 0.1},
                r"learning_rate__warm_up is not a parameter of learning_rate='cosine', which takes max, warmup, "
                r"min_fraction\. Did you mean 'warmup'\?",
            ),
            (
                {"learning_rate": "cosine", "learning_rate__patience": 3},
                "learning_rate__patience is not a parameter of learning_rate='cosine'",
            ),
            (
                {"learning_rate": "cosine", "learning_rate__warmup": 1.0},
                r"The 'learning_rate__warmup' parameter of DNNClassifier must be a float in the range \[0.0, 1.0\)",
            ),
            (
                {"learning_rate": "cosine", "learning_rate__max": -1},
                r"The 'learning_rate__max' parameter of DNNClassifier must be a float in the range \(0.0, inf\)",
            ),
            (
                {"learning_rate": 0.01, "learning_rate__warmup": 0.1},
                "learning_rate__warmup needs learning_rate to be the name of a schedule, 'cosine'.* Got 0.01",
            ),
            ({"learning_rate__warmup": 0.1}, "learning_rate__warmup needs learning_rate to be the name of a schedule"),
            (
                {"learning_rate": "cosine", "learning_rate__max": 0.1, "optimizer__learning_rate": 0.1},
                "learning_rate__max and optimizer__learning_rate are the same setting",
            ),
            (
                {"learning_rate": "plateau", "monitor": "val_acuracy"},
                "monitor='val_acuracy' is not among the metrics of this fit",
            ),
        ],
    )
    def test_that_are_wrong_are_named(self, parameters, message):
        clf = DNNClassifier(**SETTINGS, **parameters)
        with pytest.raises(ValueError, match=message):
            clf.fit(X, y)
        with pytest.raises(ValueError, match=message):
            clf.partial_fit(X, y, classes=range(10))
        if "monitor" not in parameters:
            with pytest.raises(ValueError, match=message.replace("DNNClassifier", "KerasClassifier")):
                KerasClassifier(compiled_network, **SETTINGS, **parameters).fit(X, y)


class TestCallbacks:
    def test_that_set_the_rate_beside_a_schedule_are_warned_of(self):
        callback = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.5)
        clf = DNNClassifier(**SETTINGS, learning_rate="cosine", callbacks=callback)
        with pytest.warns(UserWarning, match="the rate that a callback has set is not used"):
            clf.fit(X, y)
        alone = DNNClassifier(**SETTINGS, learning_rate="cosine").fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), alone.predict_proba(X))

    def test_that_set_no_rate_are_not_warned_of(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            DNNClassifier(**SETTINGS, learning_rate="cosine", callbacks=Rates()).fit(X, y)

    def test_by_name_are_the_classes(self):
        by_name = DNNClassifier(
            **SETTINGS | {"epochs": 30},
            callbacks="EarlyStopping",
            callbacks__monitor="loss",
            callbacks__min_delta=0.2,
            callbacks__patience=2,
        ).fit(X, y)
        by_object = DNNClassifier(
            **SETTINGS | {"epochs": 30},
            callbacks=keras.callbacks.EarlyStopping(monitor="loss", min_delta=0.2, patience=2),
        ).fit(X, y)
        assert by_name.n_iter_ == by_object.n_iter_ < 30
        assert by_name.history_ == by_object.history_

    def test_by_name_in_lists_and_dicts(self, tmp_path):
        file = tmp_path / "log.csv"
        clf = KerasClassifier(
            compiled_network,
            **SETTINGS,
            verbose=0,
            callbacks=["StopAtMetric", "CSVLogger"],
            callbacks__0__monitor="loss",
            callbacks__0__value=100.0,
            callbacks__1__filename=str(file),
        ).fit(X, y)
        assert clf.n_iter_ == 1
        assert file.read_text().startswith("epoch,loss,val_loss\n0,")
        named = DNNClassifier(
            **SETTINGS,
            callbacks={"stop": "StopAtMetric"},
            callbacks__stop__monitor="loss",
            callbacks__stop__value=100.0,
        )
        assert named.fit(X, y).n_iter_ == 1

    @pytest.mark.parametrize("name", ["EarlyStoping", "early_stopping", "Callback", ""])
    def test_of_unknown_names_are_refused(self, name):
        with pytest.raises(ValueError, match=f"callbacks='{name}' is not a callback of Keras or skdeep, such as"):
            DNNClassifier(**SETTINGS, callbacks=[name]).fit(X, y)

    def test_that_lack_an_argument_say_which(self):
        with pytest.raises(TypeError, match=r"callbacks='CSVLogger' cannot be made: .*filename"):
            DNNClassifier(**SETTINGS, callbacks="CSVLogger").fit(X, y)


class TestHistory:
    def test_has_the_rate_where_a_callback_changes_it(self):
        def fall(epoch, logs):
            clf_model = callback.model
            clf_model.optimizer.learning_rate = 0.001 / (epoch + 2)

        callback = keras.callbacks.LambdaCallback(on_epoch_end=fall)
        clf = DNNClassifier(**SETTINGS, callbacks=callback).fit(X, y)
        np.testing.assert_allclose(clf.history_["learning_rate"], 0.001 / np.arange(1, 5), rtol=1e-4)

    def test_has_the_rate_of_a_schedule_of_keras(self):
        schedule = keras.optimizers.schedules.CosineDecay(0.01, 40)
        clf = DNNClassifier(**SETTINGS, learning_rate=schedule).fit(X, y)
        expected = [float(schedule(step)) for step in (10, 20, 30, 40)]
        np.testing.assert_allclose(clf.history_["learning_rate"], expected, rtol=1e-5, atol=1e-9)

    def test_has_no_rate_that_stays(self):
        clf = DNNClassifier(**SETTINGS, learning_rate=0.01).fit(X, y)
        assert list(clf.history_) == ["loss", "accuracy"]
