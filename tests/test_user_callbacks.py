"""Callbacks of the user's: the given objects are used, steer training as in Keras, and copies hold no model."""

import collections
import copy
import functools
import io
import itertools
import pickle
import subprocess
import sys
import threading

import joblib
import keras
import numpy as np
import optuna
import pytest
import skops.io
from optuna_integration import KerasPruningCallback
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdeep
from skdeep import DNNClassifier, DNNRegressor, KerasClassifier, KerasRegressor
from skdeep._keras.user_callbacks import copied_callbacks

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Recorder(keras.callbacks.Callback):
    def __init__(self, label="loss"):
        super().__init__()
        self.label = label
        self.values = []

    def on_epoch_end(self, epoch, logs=None):
        self.values.append(logs[self.label])


class Crash(keras.callbacks.Callback):
    """Fails at the end of an epoch, counted from 0."""

    def __init__(self, epoch=0, kind=OSError):
        super().__init__()
        self.epoch = epoch
        self.kind = kind

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            raise self.kind("power cut")


def recorders():
    return [Recorder(), Recorder("accuracy")]


def network(meta):
    n_outputs = meta.get("n_classes_", 1)
    activation = "softmax" if "n_classes_" in meta else None
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(n_outputs, activation)]
    )


def ready(**params):
    return DNNClassifier(**{"hidden_layer_sizes": (8,), "epochs": 3, "dropout": 0, "random_state": 0} | params)


def own(**params):
    settings = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], "optimizer": "adam", "epochs": 3}
    return KerasClassifier(network, **settings | {"verbose": 0, "random_state": 0} | params)


def own_regressor(**params):
    return KerasRegressor(network, **{"loss": "mse", "epochs": 3, "verbose": 0, "random_state": 0} | params)


KINDS = {
    "ready": ready,
    "ready regressor": lambda **params: DNNRegressor((8,), **{"epochs": 3, "random_state": 0} | params),
    "own": own,
    "own regressor": own_regressor,
}
FORMS = {
    "alone": lambda callback: callback,
    "list": lambda callback: [keras.callbacks.TerminateOnNaN(), callback],
    "tuple": lambda callback: (callback, keras.callbacks.TerminateOnNaN),
    "dict": lambda callback: {"nan": keras.callbacks.TerminateOnNaN, "mine": callback},
    "function": lambda callback: lambda: callback,
    "function in a list": lambda callback: [keras.callbacks.TerminateOnNaN, lambda: (callback,)],
}


class TestTheGivenObjectsAreUsed:
    @pytest.mark.slow_after(2)
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("kind", KINDS)
    def test_in_every_form(self, kind, form, iris):
        recorder = Recorder()
        clf = KINDS[kind](callbacks=FORMS[form](recorder)).fit(*iris)
        assert recorder.values == clf.history_["loss"]
        assert recorder in clf.callbacks_
        assert len(clf.callbacks_) == (1 if form in ("alone", "function") else 2)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("kind", ["own", "own regressor"])
    def test_given_to_fit(self, kind, iris):
        first, second, third = Recorder(), Recorder(), Recorder()
        clf = KINDS[kind](callbacks=first)
        clf.fit(*iris, callbacks={"second": second})
        assert clf.callbacks_ == [first, second]
        assert first.values == second.values == clf.history_["loss"]
        clf.set_params(fit__callbacks=lambda: third).fit(*iris)
        assert clf.callbacks_ == [first, third]
        assert third.values == clf.history_["loss"]
        assert len(first.values) == 6

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("kind", KINDS)
    def test_warm_start_and_partial_fit(self, kind, iris):
        recorder = Recorder()
        clf = KINDS[kind](callbacks=recorder, warm_start=True).fit(*iris).fit(*iris).partial_fit(*iris)
        assert recorder.values == clf.history_["loss"]
        assert len(recorder.values) == 7

    def test_what_is_made_of_classes_can_be_read(self, iris):
        clf = ready(callbacks=[keras.callbacks.History, Recorder], callbacks__1__label="accuracy").fit(*iris)
        history, recorder = clf.callbacks_
        assert history.history == clf.history_
        assert recorder.values == clf.history_["accuracy"]

    def test_those_of_skdeep_itself_are_not_among_them(self, iris):
        assert ready(early_stopping=True, verbose=0).fit(*iris).callbacks_ == []
        assert own().initialize(*iris).callbacks_ == []

    def test_stopped_epoch(self, iris):
        stop = keras.callbacks.EarlyStopping("loss", min_delta=10, patience=2)
        clf = ready(callbacks=stop, epochs=9).fit(*iris)
        assert stop.stopped_epoch == clf.n_iter_ - 1 == 2

    def test_a_failed_fit_leaves_those_of_the_one_before(self, iris):
        recorder = Recorder()
        clf = ready(callbacks=recorder).fit(*iris)
        before = clf.predict_proba(iris[0])
        with pytest.raises(OSError, match="power cut"):
            clf.set_params(callbacks=[Crash()]).fit(*iris)
        assert clf.callbacks_ == [recorder]
        np.testing.assert_array_equal(clf.predict_proba(iris[0]), before)


class TestFunctions:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("kind", ["ready", "own"])
    def test_each_fit_calls_them(self, kind, iris):
        made = []

        def function(label):
            made.append(Recorder(label))
            return made[-1]

        class Maker:
            def make(self):
                return function("accuracy")

        clf = KINDS[kind](callbacks=[functools.partial(function, "loss"), Maker().make])
        fits = cross_validate(clf, *iris, cv=3, return_estimator=True, error_score="raise")["estimator"]
        assert len(made) == 6
        for number, fit in enumerate(fits):
            assert fit.callbacks_ == made[2 * number : 2 * number + 2]
            assert [each.values for each in fit.callbacks_] == [fit.history_["loss"], fit.history_["accuracy"]]

    def test_in_a_search_and_a_pipeline(self, iris):
        made = []

        def function():
            made.append(Recorder())
            return made[-1]

        clf = make_pipeline(StandardScaler(), ready())
        grid = {"dnnclassifier__callbacks": [None, function]}
        GridSearchCV(clf, grid, cv=2, refit=False, error_score="raise").fit(*iris)
        assert [len(each.values) for each in made] == [3, 3]

    @pytest.mark.parametrize("returned", [None, 3, "EarlyStopping", keras.callbacks.History, [None], {"a": 1}])
    def test_what_is_no_callback_is_named(self, returned, iris):
        with pytest.raises(TypeError, match=r"callbacks=.* must return a Keras callback, or a list of them. It ret"):
            ready(callbacks=lambda: returned).fit(*iris)

    def test_arguments_are_none(self, iris):
        with pytest.raises(TypeError, match=r"callbacks=.* must take no arguments: missing a required argument"):
            ready(callbacks=[lambda epoch: Recorder()]).fit(*iris)
        with pytest.raises(ValueError, match="callbacks__label needs callbacks to be"):
            ready(callbacks=recorders, callbacks__label="loss").fit(*iris)

    def test_an_empty_list(self, iris):
        assert ready(callbacks=lambda: []).fit(*iris).callbacks_ == []


class TestMonitorsThatAreNone:
    """Of a metric by another name than in `history_` Keras says only that it does not know the aim."""

    FIT = {"epochs": 2, "verbose": 0, "random_state": 0, "validation_split": 0.2}

    def clf(self, metric, **params):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
        return KerasClassifier(model, metrics=[metric], **self.FIT | params)

    @pytest.mark.parametrize("callback", [keras.callbacks.EarlyStopping, keras.callbacks.ReduceLROnPlateau])
    @pytest.mark.parametrize("monitor", ["acc", "val_acc"])
    def test_the_error_names_those_that_there_are(self, callback, monitor, iris):
        names = r"\['loss', 'accuracy', 'val_loss', 'val_accuracy'\]"
        said = f"{callback.__name__}: monitor='{monitor}' is not among the metrics of this fit, which are {names}"
        with pytest.raises(ValueError, match=said) as raised:
            self.clf("accuracy", callbacks=callback, callbacks__monitor=monitor).fit(*iris)
        assert "maximized or minimized" in str(raised.value.__cause__)
        with pytest.raises(ValueError, match=f"monitor='{monitor}' is not among the metrics of this fit.* {names}"):
            self.clf("accuracy", early_stopping=True, monitor=monitor).fit(*iris)

    @pytest.mark.parametrize("monitor", ["acc", "val_acc"])
    def test_the_name_by_which_it_was_given_is_as_in_keras(self, monitor, iris):
        params = {"callbacks": keras.callbacks.EarlyStopping, "callbacks__monitor": monitor}
        clf = self.clf("acc", **params).fit(*iris)
        assert list(clf.history_) == ["loss", "acc", "val_loss", "val_acc"]
        assert float(clf.callbacks_[0].best) == max(clf.history_[monitor])

    def test_of_a_metric_whose_aim_nobody_knows_keras_speaks(self, iris):
        def share(y, outputs):
            return keras.ops.mean(outputs[:, 0])

        with pytest.raises(ValueError, match=r"monitor=share, but Keras isn't able .* maximized or minimized"):
            self.clf(share, callbacks=keras.callbacks.EarlyStopping(monitor="share")).fit(*iris)


class Keeper(keras.callbacks.Callback):
    """Keeps all that there is of a model, in all kinds of places."""

    def __init__(self, trial):
        super().__init__()
        self.trial = trial
        self.models = []

    def set_model(self, model):
        """Unlike Keras's, it does not set the attribute that Keras has."""
        self.net = model
        self.models.append(model)
        self.by_layer = {model.layers[0]: 1, "optimizer": model.optimizer, "mine": [1]}
        self.parts = (model.layers[-1], model.variables, {model.layers[1]})
        self.first = keras.Model(model.inputs, model.layers[0].output)
        self.output = model.outputs[0]
        self.functions = [model.predict, lambda x: model(x), functools.partial(print, model), print]
        self.array = np.array([model, None, 3], dtype=object)
        self.counts = collections.defaultdict(list, a=[model.optimizer.learning_rate])
        self.queue = collections.deque([model, 1], maxlen=5)


class Locked(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


def size(estimator):
    return len(pickle.dumps(estimator))


COPIES = {
    "clone": clone,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda clf: pickle.loads(pickle.dumps(clf)),
    "clone of a pipeline": lambda clf: clone(make_pipeline(clf))[0],
    "deepcopy of a pipeline": lambda clf: copy.deepcopy(make_pipeline(clf))[0],
}


class TestCopies:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("name", COPIES)
    def test_no_model_after_a_fit_or_a_failed_one(self, name, iris):
        for callbacks in ([Keeper(None)], [Keeper(None), Crash()]):
            clf = ready(callbacks=callbacks)
            try:
                clf.fit(*iris)
            except OSError:
                assert len(callbacks) == 2
            keeper = COPIES[name](clf).callbacks[0]
            assert keeper is not callbacks[0]
            assert keeper.model is keeper.net is keeper.first is keeper.output is None
            assert keeper.models == [None]
            assert keeper.by_layer == {"optimizer": None, "mine": [1]}
            assert keeper.parts == (None, [None] * 4, set())
            assert keeper.functions == [None, None, None, print]
            assert keeper.array.tolist() == [None, None, 3]
            assert keeper.counts == {"a": [None]}
            assert keeper.counts["b"] == []
            assert (list(keeper.queue), keeper.queue.maxlen) == ([None, 1], 5)
            assert callbacks[0].net is not None

    def test_own_records_and_shared_trials(self, iris):
        trial = io.StringIO()  # a thing that cannot be copied
        recorder = Recorder()
        recorder.trial, recorder.nested, recorder.array = trial, {"a": [Recorder()]}, np.zeros(2)
        clf = own(callbacks={"mine": recorder}, fit__callbacks=[recorder]).fit(*iris)
        for other in (clone(clf), copy.deepcopy(clf)):
            twin = other.callbacks["mine"]
            assert other.fit__callbacks == [twin]  # one stays one
            assert twin.values == recorder.values
            assert twin.values is not recorder.values
            assert twin.trial is trial
            assert twin.nested["a"][0] is not recorder.nested["a"][0]
            twin.array += 1
        assert recorder.array.tolist() == [0, 0]

    def test_classes_and_functions_stay(self):
        function = functools.partial(recorders)
        for value in (Recorder, recorders, function, {"a": [Recorder, function]}, None, (recorders,)):
            assert clone(ready(callbacks=value)).callbacks == copy.deepcopy(ready(callbacks=value)).callbacks == value

    def test_what_copies_badly(self):
        class Bad(list):
            def __copy__(self):
                raise RuntimeError

            __reduce_ex__ = __copy__

        class Proxy:
            def __getattr__(self, name):
                raise RuntimeError

        class Strange(keras.callbacks.Callback):
            __slots__ = ("slot",)

            def __new__(cls, needed):
                return super().__new__(cls)

            def __init__(self, needed):
                super().__init__()
                self.slot, self.bad, self.proxy, self.me = [1], Bad(), [Proxy()], [self]
                self.set_model(Proxy())

            def __deepcopy__(self, memo):
                raise RuntimeError

            __getstate__ = __reduce__ = __copy__ = __deepcopy__

        strange = Strange(1)
        twin = copied_callbacks([strange], {})[0]
        assert twin.slot == [1]
        assert twin.slot is not strange.slot
        assert twin.bad is strange.bad
        assert twin.proxy == strange.proxy
        assert twin.model is None
        assert twin.me == [twin]

    def test_a_model_that_was_not_seen_stays(self, iris):
        teacher = ready().fit(*iris).model_
        recorder = Recorder()
        recorder.teacher = teacher
        clf = ready(callbacks=recorder).fit(*iris)
        assert clone(clf).callbacks.teacher is teacher

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("kind", ["ready", "own"])
    def test_pickles_hold_the_network_once(self, kind, iris):
        def stop():
            return keras.callbacks.EarlyStopping("loss", restore_best_weights=True)

        wide = {"hidden_layer_sizes": (500,)} if kind == "ready" else {}
        alone = size(KINDS[kind](**wide).fit(*iris))
        given = KINDS[kind](callbacks=[Recorder(), stop(), Keeper(None)], **wide)
        given.set_params(callbacks=given.callbacks[:2]).fit(*iris)
        assert size(given) < alone + 2000
        loaded = pickle.loads(pickle.dumps(given))
        assert loaded.callbacks_ == loaded.callbacks  # the very same
        assert loaded.callbacks_[0].values == given.history_["loss"]

    def test_callbacks_that_were_made_and_cannot_be_pickled_are_left_out(self, iris, tmp_path):
        clf = ready(callbacks=Locked).fit(*iris)
        joblib.dump(clf, tmp_path / "file")
        loaded = joblib.load(tmp_path / "file")
        np.testing.assert_array_equal(loaded.predict(iris[0]), clf.predict(iris[0]))
        assert not hasattr(loaded, "callbacks_")
        log = ready(callbacks=keras.callbacks.CSVLogger(tmp_path / "log.csv")).fit(*iris)
        pickle.loads(pickle.dumps(log)).fit(*iris)

    def test_files_of_skdeep_do_not_hold_them(self, iris, tmp_path):
        clf = ready(callbacks=Recorder).fit(*iris).set_params(callbacks=None)
        skdeep.save(clf, tmp_path / "file")
        loaded = skdeep.load(tmp_path / "file")
        np.testing.assert_array_equal(loaded.predict(iris[0]), clf.predict(iris[0]))
        assert not hasattr(loaded, "callbacks_")
        with pytest.raises(skops.io.exceptions.UntrustedTypesFoundException):
            skops.io.loads(skops.io.dumps(clf))

    @pytest.mark.slow
    def test_workers_send_back_those_of_a_script(self):
        code = (
            "import keras; from skdeep import DNNClassifier; from sklearn.datasets import load_iris; "
            "from sklearn.model_selection import cross_validate; "
            "Mine = type('Mine', (keras.callbacks.History,), {}); "
            "clf = DNNClassifier((8,), epochs=2, callbacks=[lambda: Mine(), Mine()]); "
            "fits = cross_validate(clf, *load_iris(return_X_y=True), cv=2, n_jobs=2, return_estimator=True); "
            "print([each.history == fit.history_ for fit in fits['estimator'] for each in fit.callbacks_])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[True, True, True, True]"

    def test_an_ensemble_has_one_for_each(self, iris):
        recorder = Recorder()
        bag = BaggingClassifier(ready(callbacks=recorder), n_estimators=2, random_state=0).fit(*iris)
        for each in bag.estimators_:
            assert each.callbacks_[0].values == each.history_["loss"]
        assert recorder.values == []


def as_by_keras(callback, iris):
    """Train with a callback here and by Keras, from the same weights; return both histories and weights."""

    class Start(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.weights = self.model.get_weights()

    X, y = iris[0].astype(np.float32), iris[1]
    start = Start()
    clf = ready(epochs=4, shuffle=False, callbacks=[start, callback()]).fit(X, y, X_val=X[:90], y_val=y[:90])
    model = keras.models.clone_model(clf.model_)
    model.set_weights(start.weights)
    model.compile("adam", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    record = model.fit(X, y, 32, 4, verbose=0, shuffle=False, callbacks=[callback()], validation_data=(X[:90], y[:90]))
    return clf, record.history, model.get_weights()


def stop_in(hook):
    class Stop(keras.callbacks.Callback):
        pass

    def stop(self, *args, **kwargs):
        self.model.stop_training = True

    setattr(Stop, hook, stop)
    return Stop


class StopInTest(stop_in("on_train_batch_end")):
    """Has a hook of validation batches, too, which goes on although training stops."""

    def on_test_batch_end(self, batch, logs=None):
        pass


class StopTest(keras.callbacks.Callback):
    def on_test_batch_end(self, batch, logs=None):
        self.model.stop_evaluating = True


class Rate(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        self.model.optimizer.learning_rate = 0.1 / (batch + 1)


class Halve(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.set_weights([weight / 2 for weight in self.model.get_weights()])


class HalveAtFirst(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.model.set_weights([weight / 2 for weight in self.model.get_weights()])


class Momentum(keras.callbacks.Callback):
    """Changes what is no variable but a constant of the trace."""

    def on_train_begin(self, logs=None):
        self.model.optimizer.beta_1 = 0.1


STEERING = [
    *(stop_in(hook) for hook in ("on_train_begin", "on_epoch_begin", "on_epoch_end", "on_test_end", "on_test_begin")),
    stop_in("on_train_batch_begin"),
    StopInTest,
    StopTest,
    Rate,
    Halve,
    HalveAtFirst,
    Momentum,
]


class TestSteering:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("callback", STEERING, ids=lambda callback: callback.__name__)
    def test_as_in_keras(self, callback, iris):
        ready().fit(*iris)  # whose traces would not know
        clf, history, weights = as_by_keras(callback, iris)
        assert set(clf.history_) == set(history)
        for name, values in history.items():
            np.testing.assert_allclose(clf.history_[name], values, rtol=1e-4, err_msg=name)
        for ours, theirs in zip(clf.model_.get_weights(), weights, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)
        assert clf.n_iter_ == clf.best_epoch_ == len(history["loss"])

    def test_divergence_goes_back_to_what_callbacks_left(self, iris):
        class BlowUp(Halve):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 2:
                    self.expected = self.model.get_weights()
                    self.model.set_weights([np.full_like(weight, 1e30) for weight in self.model.get_weights()])

        callback = BlowUp()
        with pytest.warns(match="The weights are those after 2 epochs"):
            clf = ready(callbacks=callback, optimizer="sgd").fit(*iris)
        for ours, expected in zip(clf.model_.get_weights()[:2], callback.expected[:2], strict=True):
            np.testing.assert_array_equal(ours * 2, expected)  # halved once more at the end of that epoch


def deep(**params):
    params = {"optimizer": "sgd", "optimizer__momentum": 0.9, "batch_normalization": True} | params
    return ready(validation_fraction=0.2, **params)


class TestBackupAndRestore:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("make", [ready, deep, own], ids=lambda make: make.__name__)
    def test_the_same_bits_as_if_it_had_not_been_broken_off(self, make, iris, tmp_path):
        whole = make(epochs=5).fit(*iris)
        with pytest.raises(OSError, match="power cut"):
            make(epochs=5, callbacks=[keras.callbacks.BackupAndRestore(tmp_path), Crash(2)]).fit(*iris)
        recorder = Recorder()
        clf = make(epochs=5, callbacks=[keras.callbacks.BackupAndRestore(tmp_path), recorder]).fit(*iris)
        for ours, expected in zip(clf.model_.get_weights(), whole.model_.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, expected)
        assert clf.history_ == {name: values[3:] for name, values in whole.history_.items()}
        assert clf.n_iter_ == clf.best_epoch_ == len(recorder.values) == 2
        assert clf.model_._initial_epoch is None

    def test_an_interrupt_leaves_the_backup(self, iris, tmp_path):
        whole = ready(epochs=5).fit(*iris)
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        clf = ready(epochs=5, callbacks=[backup, Crash(2, KeyboardInterrupt)])
        with pytest.raises(KeyboardInterrupt):
            clf.fit(*iris)
        assert clf.n_iter_ == 2
        clf.set_params(callbacks=[keras.callbacks.BackupAndRestore(tmp_path / "backup")]).fit(*iris)
        for ours, expected in zip(clf.model_.get_weights(), whole.model_.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, expected)
        assert not (tmp_path / "backup").exists()

    def test_in_a_warm_start(self, iris, tmp_path):
        clf = ready(epochs=2, warm_start=True).fit(*iris)
        whole = copy.deepcopy(clf).set_params(epochs=4).fit(*iris)
        clf.set_params(epochs=4, callbacks=[keras.callbacks.BackupAndRestore(tmp_path), Crash(3)])
        with pytest.raises(OSError, match="power cut"):
            clf.fit(*iris)
        assert clf.n_iter_ == 2
        clf.set_params(callbacks=keras.callbacks.BackupAndRestore(tmp_path)).fit(*iris)
        for ours, expected in zip(clf.model_.get_weights(), whole.model_.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, expected)
        losses = whole.history_["loss"]
        assert clf.history_["loss"] == [*losses[:2], *losses[4:]]
        assert clf.n_iter_ == clf.best_epoch_ == 4


class PutBack(keras.callbacks.Callback):
    """Puts the weights of an epoch back at the end of training, or of the last epoch."""

    def __init__(self, epoch, hook="on_train_end"):
        super().__init__()
        self.epoch = epoch
        if hook == "on_train_end":
            self.on_train_end = lambda logs: self.model.set_weights(self.weights)

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            self.weights = self.model.get_weights()
        if epoch == self.params["epochs"] - 1:
            self.model.set_weights(self.weights)


class TestBestEpoch:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("epochs", [6, 40])
    @pytest.mark.parametrize("kind", ["ready", "own"])
    def test_weights_restored_by_early_stopping(self, kind, epochs, iris):
        X, y = iris
        rate = {"learning_rate" if kind == "ready" else "optimizer__learning_rate": 0.5 if kind == "ready" else 0.3}
        share = {"validation_fraction" if kind == "ready" else "validation_split": 0.3}
        stop = keras.callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True)
        clf = KINDS[kind](epochs=epochs, callbacks=stop, **rate, **share).fit(X, y)
        best = 1 + int(np.argmin(clf.history_["val_loss"]))
        assert clf.best_epoch_ == best == stop.best_epoch + 1 < clf.n_iter_
        until_then = KINDS[kind](epochs=best, **rate, **share).fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), until_then.predict_proba(X))

    @pytest.mark.parametrize("hook", ["on_train_end", "on_epoch_end"])
    def test_weights_that_a_callback_of_ones_own_puts_back(self, hook, iris):
        clf = ready(callbacks=[PutBack(1, hook)], epochs=4).fit(*iris)
        assert (clf.best_epoch_, clf.n_iter_) == (2, 4)
        np.testing.assert_array_equal(clf.predict_proba(iris[0]), ready(epochs=2).fit(*iris).predict_proba(iris[0]))

    def test_counted_from_the_first_fit(self, iris):
        clf = ready(warm_start=True).fit(*iris).set_params(callbacks=PutBack(4)).fit(*iris)
        assert (clf.best_epoch_, clf.n_iter_) == (5, 6)

    def test_weights_of_no_epoch_count_as_those_of_the_last(self, iris):
        class Zero(keras.callbacks.Callback):
            def on_train_end(self, logs=None):
                self.model.set_weights([0 * weight for weight in self.model.get_weights()])

        assert ready(callbacks=Zero()).fit(*iris).best_epoch_ == 3

    def test_weights_that_do_not_change(self, iris):
        assert ready(optimizer="sgd", learning_rate=1e-30, callbacks=Recorder()).fit(*iris).best_epoch_ == 3


class TestOptuna:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("kind", ["ready", "own"])
    def test_pruning_alone(self, kind, iris):
        rate = "learning_rate" if kind == "ready" else "optimizer__learning_rate"
        share = "validation_fraction" if kind == "ready" else "validation_split"

        def objective(trial):
            callback = KerasPruningCallback(trial, "val_loss")
            clf = KINDS[kind](callbacks=callback, **{rate: trial.suggest_float("rate", 1e-6, 1, log=True), share: 0.2})
            losses.append(clf.fit(*iris).history_["val_loss"])
            return losses[-1][-1]

        losses = []
        study = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=1.0, n_warmup_steps=2))
        for value in (0.05, 1e-6):
            study.enqueue_trial({"rate": value})
        study.optimize(objective, n_trials=2)
        assert list(study.trials[0].intermediate_values.values()) == losses[0]
        assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED"]
        assert list(study.trials[1].intermediate_values) == [0, 1, 2]

    def test_each_fold_with_steps_of_its_own(self, iris):
        fits = []

        def objective(trial):
            folds = itertools.count()

            def pruning():
                first_step = 3 * next(folds)

                def report(epoch, logs):
                    trial.report(logs["loss"], first_step + epoch)
                    if trial.should_prune():
                        raise optuna.TrialPruned

                return keras.callbacks.LambdaCallback(on_epoch_end=report)

            clf = ready(callbacks=pruning, learning_rate=trial.suggest_float("rate", 1e-6, 1, log=True))
            results = cross_validate(clf, *iris, cv=2, return_estimator=True, error_score="raise")
            fits.extend(results["estimator"])
            return results["test_score"].mean()

        study = optuna.create_study(
            direction="maximize", pruner=optuna.pruners.ThresholdPruner(upper=1.0, n_warmup_steps=4)
        )
        for value in (0.05, 1e-6):
            study.enqueue_trial({"rate": value})
        study.optimize(objective, n_trials=2)
        losses = [loss for fit in fits for loss in fit.history_["loss"]]
        assert study.trials[0].intermediate_values == dict(enumerate(losses))
        assert len(losses) == 6
        assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED"]
        assert list(study.trials[1].intermediate_values) == [0, 1, 2, 3, 4]

    def test_an_estimator_in_which_a_trial_was_pruned_is_as_before(self, iris):
        class Told:
            events = []

            def setup(self, estimator, context):
                self.events.append("setup")

            def teardown(self, estimator, context):
                self.events.append("teardown")

            def on_fit_task_begin(self, estimator, context):
                pass

            def on_fit_task_end(self, estimator, context):
                pass

        class Prune(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                raise optuna.TrialPruned

        told = Told()
        clf = ready(callbacks=Prune()).set_callbacks(told)
        with pytest.raises(optuna.TrialPruned):
            cross_val_score(clf, *iris, cv=2, error_score="raise")
        with pytest.raises(optuna.TrialPruned):
            clf.fit(*iris)
        assert told.events == ["setup", "teardown"] * 2
        assert not [name for name in vars(clf) if name.endswith("_") or name.startswith("_callback")]
        assert clf.set_params(callbacks=None).fit(*iris).n_iter_ == 3
