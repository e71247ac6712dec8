"""Ctrl-C is answered once, between steps or at once, by the handler of before, and is never lost."""

import contextlib
import random
import select
import signal
import subprocess
import sys
import threading
import time

import joblib
import keras
import numpy as np
import pytest
from sklearn.datasets import load_iris
from threadpoolctl import threadpool_info

from skdeep import CNNClassifier, DNNClassifier, KerasRegressor
from skdeep._common import interrupts
from skdeep._common.interrupts import answer, at_once, deferred

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def python_handler():
    """Let SIGINT be handled as in a plain Python process, and check that it is so again afterwards."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    after = signal.signal(signal.SIGINT, before)
    assert after is signal.default_int_handler


def press():
    signal.raise_signal(signal.SIGINT)


@contextlib.contextmanager
def interrupted(kind=KeyboardInterrupt):
    """Assert that something in the body raises that."""
    with pytest.raises(kind) as caught:
        yield caught


class TestDeferred:
    def test_it_is_answered_where_it_is_asked_for(self):
        with deferred():
            press()
            with interrupted():
                answer()
            answer()

    def test_it_is_answered_at_the_end(self):
        reached = []
        with interrupted(), deferred():
            press()
            reached.append(True)
        assert reached

    def test_it_is_answered_once(self):
        with interrupted(), deferred():
            press()
            with deferred():
                answer()
        with deferred():
            answer()

    def test_an_error_does_not_take_its_place(self):
        with interrupted() as caught, deferred():
            press()
            raise ValueError("an error of the fit, with which a search would go on")
        assert isinstance(caught.value.__context__, ValueError)

    def test_a_destructor_does_not_lose_it(self):
        class Pressed:
            def __del__(self):
                press()

        with interrupted(), deferred():
            Pressed()

    def test_a_second_one_is_answered_at_once_after_a_while(self, monkeypatch):
        monkeypatch.setattr(interrupts, "_PATIENCE_SECONDS", 0.05)
        with deferred(), deferred():
            press()
            press()
            time.sleep(0.1)
            with interrupted():
                press()
            with interrupted():  # the last one was dropped, as far as anybody can tell
                answer()


class TestAtOnce:
    def test_it_comes_out(self):
        reached = []
        with deferred():
            with interrupted(), at_once():
                press()
                reached.append(True)
            answer()
        assert not reached

    def test_what_was_noted_before_is_answered_before(self):
        reached = []
        with deferred():
            press()
            with interrupted(), at_once():
                reached.append(True)
        assert not reached

    def test_one_that_is_dropped_comes_at_the_end(self):
        def drop():
            with interrupted():
                press()

        with deferred():
            with interrupted(), at_once():
                drop()
            answer()

    def test_within_it_can_be_deferred(self):
        reached = []
        with deferred(), at_once():
            with interrupted(), deferred():
                press()
                reached.append(True)
            with interrupted():
                press()
            with interrupted():  # as above
                answer()
        assert reached


class TestHandlerOfTheUser:
    def test_it_is_called_between_the_steps_and_work_goes_on(self):
        calls = []
        signal.signal(signal.SIGINT, handler := lambda *arguments: calls.append(arguments))
        try:
            with deferred():
                press()
                assert not calls
                answer()
                ((number, frame),) = calls
                assert number == signal.SIGINT
                assert frame.f_code is sys._getframe().f_code
                answer()
                with at_once():
                    press()
                    assert len(calls) == 2
            assert len(calls) == 2
            assert signal.getsignal(signal.SIGINT) is handler
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def test_what_it_raises_goes_on_up(self):
        class Stop(BaseException):
            pass

        n_calls = 0

        def handler(number, frame):
            nonlocal n_calls
            n_calls += 1
            raise Stop

        signal.signal(signal.SIGINT, handler)
        try:
            with interrupted(Stop), deferred(), deferred():
                press()
                answer()
            with interrupted(Stop), deferred(), at_once():
                press()
            assert n_calls == 2
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def test_one_that_is_set_within_stays(self):
        calls = []
        with deferred():
            of_ours = signal.signal(signal.SIGINT, handler := lambda *arguments: calls.append(arguments))
            press()
            assert len(calls) == 1
            with deferred():
                press()
                assert len(calls) == 1
            assert len(calls) == 2
        assert signal.getsignal(signal.SIGINT) is handler
        signal.signal(signal.SIGINT, of_ours)  # too late: it does what the one before did
        with interrupted():
            press()
        with interrupted(), deferred():
            press()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    @pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL, None])
    def test_what_is_not_of_python_is_left_alone(self, handler, monkeypatch):
        if handler is None:  # as Python says of one that C installed
            monkeypatch.setattr(signal, "getsignal", lambda number: None)
        else:
            signal.signal(signal.SIGINT, handler)
        with deferred(), at_once():
            monkeypatch.undo()
            assert signal.getsignal(signal.SIGINT) is (signal.default_int_handler if handler is None else handler)
            answer()
        signal.signal(signal.SIGINT, signal.default_int_handler)


class TestThreads:
    def test_other_threads_are_left_alone(self):
        seen = []

        def work():
            with deferred(), at_once():
                answer()
                seen.append(signal.getsignal(signal.SIGINT))

        with interrupted(), deferred():
            press()
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            (ours,) = seen
            assert ours is signal.getsignal(signal.SIGINT)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert seen[1] is signal.default_int_handler

    def test_those_of_joblib_end_with_the_call_that_they_work_for(self):
        begun, ended = threading.Semaphore(0), []

        def work():
            with deferred():
                begun.release()
                for _ in range(1000):
                    with deferred():
                        time.sleep(0.01)
                    try:
                        answer()
                    except KeyboardInterrupt:
                        ended.append(True)
                        raise

        def press_when_both_work():
            begun.acquire()
            begun.acquire()
            press()

        threading.Thread(target=press_when_both_work).start()
        with interrupted():
            joblib.Parallel(n_jobs=2, backend="threading")(joblib.delayed(work)() for _ in range(4))
        deadline = time.monotonic() + 60
        while len(ended) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(ended) == 2


class Press(keras.callbacks.Callback):
    """Presses Ctrl-C in one hook in one epoch, and does what `then` says."""

    def __init__(self, hook, epoch=0, then=None):
        super().__init__()
        self.epoch = epoch
        self.then = then
        self.is_after = False
        setattr(self, hook, self._press)

    def _press(self, epoch=None, logs=None):
        if epoch == self.epoch or not isinstance(epoch, int):
            press()
            self.is_after = True
            if self.then is not None:
                self.then()


class TestFit:
    def test_callbacks_are_interrupted_at_once(self, iris):
        callback = Press("on_epoch_begin", 2)
        clf = DNNClassifier((4,), epochs=5, callbacks=callback)
        with pytest.raises(KeyboardInterrupt):
            clf.fit(*iris)
        assert not callback.is_after
        assert clf.n_iter_ == 2

    def test_one_that_a_callback_catches_ends_the_fit_all_the_same(self, iris):
        class Catch(keras.callbacks.Callback):
            caught = 0

            def on_epoch_end(self, epoch, logs=None):
                try:
                    press()
                except KeyboardInterrupt:
                    self.caught += 1

        callback = Catch()
        with pytest.raises(KeyboardInterrupt):
            DNNClassifier((4,), epochs=5, callbacks=callback).fit(*iris)
        assert callback.caught == 1

    def test_a_fit_in_a_callback(self, iris):
        class Fit(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                self.inner = DNNClassifier((3,), epochs=5, callbacks=Press("on_epoch_begin", 1))
                if epoch == 0:
                    with pytest.raises(KeyboardInterrupt):
                        self.inner.fit(*iris)
                else:
                    self.inner.fit(*iris)

        outer = DNNClassifier((4,), epochs=5, callbacks=Fit())
        with pytest.raises(KeyboardInterrupt):
            outer.fit(*iris)
        assert outer.callbacks_[0].inner.n_iter_ == 1
        assert outer.n_iter_ == 1

    def test_a_handler_of_the_users_that_returns_lets_training_go_on(self, iris):
        calls = []
        signal.signal(signal.SIGINT, handler := lambda *arguments: calls.append(arguments))
        try:
            clf = DNNClassifier((4,), epochs=3, callbacks=Press("on_epoch_begin", 1)).fit(*iris)
            assert signal.getsignal(signal.SIGINT) is handler
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        assert clf.n_iter_ == 3
        assert len(calls) == 1

    def test_what_a_handler_of_the_users_raises_leaves_the_estimator_as_it_was(self, iris):
        def handler(number, frame):
            raise SystemExit("of the user's")

        clf = DNNClassifier((4,), epochs=2).fit(*iris)
        before = clf.predict_proba(iris[0])
        signal.signal(signal.SIGINT, handler)
        try:
            with pytest.raises(SystemExit, match="of the user's"):
                clf.set_params(epochs=5, callbacks=Press("on_epoch_begin", 1)).fit(*iris)
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        np.testing.assert_array_equal(clf.predict_proba(iris[0]), before)

    def test_one_while_all_is_put_on_the_estimator(self, iris, monkeypatch):
        monkeypatch.setattr("skdeep._networks.network.Network.spare", lambda self: press())
        clf = DNNClassifier((4,), epochs=2)
        with pytest.raises(KeyboardInterrupt):
            clf.fit(*iris)
        assert clf.n_iter_ == 2
        assert clf.predict(iris[0]).shape == (150,)

    def test_in_a_prediction(self, iris, monkeypatch):
        clf = CNNClassifier((2,), epochs=1).fit(*iris)
        monkeypatch.setattr("skdeep._networks.network.Network.follow_changes", lambda self: press())
        with pytest.raises(KeyboardInterrupt):
            clf.predict(iris[0])

    def test_in_a_prediction_by_numpy(self, iris, monkeypatch):
        clf = DNNClassifier((4,), epochs=2).fit(*iris)
        expected, threads = clf.predict(iris[0]), [each["num_threads"] for each in threadpool_info()]
        with monkeypatch.context() as patch:
            patch.setattr("skdeep._inference.layer_stack.LayerStack._outputs", lambda *_: press())
            with pytest.raises(KeyboardInterrupt):
                clf.predict(iris[0])
        np.testing.assert_array_equal(clf.predict(iris[0]), expected)
        assert [each["num_threads"] for each in threadpool_info()] == threads

    def test_a_function_that_builds_a_model_is_interrupted_at_once(self, iris):
        reached = []

        def build(presses=False):
            if presses:
                press()
                reached.append(True)
            return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])

        X = iris[0]
        reg = KerasRegressor(build, loss="mse", presses=False, verbose=0).fit(X, X[:, 0])
        before = reg.predict(X)
        with pytest.raises(KeyboardInterrupt):
            reg.set_params(presses=True).fit(X, X[:, 0])
        assert not reached
        np.testing.assert_array_equal(reg.predict(X), before)

    def test_while_data_that_is_not_in_memory_are_looked_at(self):
        class Pressing:
            def __init__(self, X):
                self._X, self.shape, self.dtype, self.n_reads = X, (len(X), 3 * 2**20), X.dtype, 0

            def __len__(self):
                return len(self._X)

            def __getitem__(self, rows):
                self.n_reads += 1
                press()
                return np.zeros((rows.stop - rows.start, *self.shape[1:]), self.dtype)

        X = Pressing(np.zeros(10, np.float32))
        with pytest.raises(KeyboardInterrupt):
            DNNClassifier((4,), epochs=2).fit(X, np.arange(10) % 2)
        assert X.n_reads == 1


CHILD = """
import itertools, os, sys, traceback, warnings
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from skdeep import DNNClassifier, KerasClassifier
warnings.simplefilter("ignore")
X, y = load_iris(return_X_y=True)

def say_what_is_dropped(unraisable, before=sys.unraisablehook):
    places = [frame.filename for frame in traceback.extract_tb(unraisable.exc_traceback)]
    if unraisable.exc_type is KeyboardInterrupt and not any("skdeep" in place for place in places):
        print("dropped elsewhere", flush=True)
    before(unraisable)

sys.unraisablehook = say_what_is_dropped
large = np.tile(X, (200, 1)), np.tile(y, 200)
units = itertools.count(4)  # another network each time, so that it is traced

def build(n, meta):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(n, "relu"), keras.layers.Dense(3, "softmax")])

def fits():
    while True:
        DNNClassifier((next(units), 8), epochs=2, early_stopping=True).fit(X, y).predict(X)

def searches():
    grid = {"alpha": [0, 1, 2], "batch_normalization": [True, False]}
    while True:
        GridSearchCV(DNNClassifier((next(units),), epochs=3), grid, cv=3).fit(X, y)

def cross_validations():
    while True:
        clf = KerasClassifier(build, n=next(units), loss="sparse_categorical_crossentropy", epochs=2, verbose=0)
        cross_val_score(clf, X, y, cv=3)

def long_fit():
    DNNClassifier((8,), epochs=10**6, validation_fraction=0.1).fit(*large)

def partial_fits():
    clf = DNNClassifier((8,))
    while True:
        clf.partial_fit(X, y, classes=[0, 1, 2]).predict(large[0])

kinds = [fits, searches, cross_validations, long_fit, partial_fits]
for number in range(int(sys.argv[1]), int(sys.argv[2])):
    try:
        print("begins", flush=True)
        kinds[number % len(kinds)]()
    except KeyboardInterrupt:
        pass
    print("ended", flush=True)
    sys.stdin.readline()
"""


def n_lost(first, stop, seed):
    """Return how many interrupts at random times, one in each round, a child process does not answer.

    Those that Python drops while skdeep does not work, in a ``__del__`` of TensorFlow's that scikit-learn's loop or the
    collection of garbage comes to between two fits, are told by the child and sent again.
    """
    rng, lost = random.Random(seed), 0
    command = [sys.executable, "-c", CHILD, str(first), str(stop)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        try:
            for _ in range(first, stop):
                assert process.stdout.readline() == b"begins\n"
                time.sleep(rng.uniform(0, 2.5))
                process.send_signal(signal.SIGINT)
                said = None
                while said != b"ended\n":
                    if not select.select([process.stdout], [], [], 30)[0]:
                        return lost + 1  # and nothing more is to be got of this one
                    said = process.stdout.readline()
                    if said == b"dropped elsewhere\n":
                        process.send_signal(signal.SIGINT)
                process.stdin.write(b"\n")
        finally:
            process.kill()
    return lost


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_none_of_many_is_lost():
    with joblib.parallel_config("threading", n_jobs=2):
        lost = joblib.Parallel()(joblib.delayed(n_lost)(first, first + 8, first) for first in range(0, 64, 8))
    assert lost == [0] * 8


def test_a_fit_in_a_thread_of_a_search_ends(iris):
    """As those of joblib above; the fit keeps what it learned."""
    fits, begun = [], threading.Semaphore(0)

    class Begun(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                begun.release()

    def work():
        clf = DNNClassifier((4,), epochs=10**6, callbacks=Begun())
        try:
            clf.fit(*load_iris(return_X_y=True))
        finally:
            fits.append(clf.n_iter_)

    def press_when_both_train():
        begun.acquire()
        begun.acquire()
        press()

    threading.Thread(target=press_when_both_train).start()
    with pytest.raises(KeyboardInterrupt):
        joblib.Parallel(n_jobs=2, backend="threading")(joblib.delayed(work)() for _ in range(4))
    deadline = time.monotonic() + 60
    while len(fits) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(fits) == 2
    assert min(fits) >= 2
