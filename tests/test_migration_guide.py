"""What the guides for those who come from scikeras or Keras say of these: examples run, or fail where it is said."""

import re
import subprocess
import sys
import types
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import scikeras.wrappers

import skdeep.wrappers

GUIDES = Path(__file__).parent.parent / "docs" / "guide"
FAILS = "# an error"


def examples(guide):
    """Yield the headings and the blocks of code that are not sessions, which are tested as doctests."""
    heading = "setup"
    for part in re.split(r"^(### .*)$", (GUIDES / guide).read_text(), flags=re.MULTILINE):
        if part.startswith("### "):
            heading = part.removeprefix("### ")
        for code in re.findall(r"^```python\n(.*?)^```", part, flags=re.DOTALL | re.MULTILINE):
            if not code.startswith(">>>"):
                yield heading, code


SETUP, *EXAMPLES = examples("coming_from_scikeras.md")


def test_there_are_ten():
    assert [re.match(r"\d+", heading)[0] for heading, _ in EXAMPLES] == [str(number) for number in range(1, 11)]
    assert sum(FAILS in code for _, code in EXAMPLES) == 1


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("heading, code", EXAMPLES, ids=[heading for heading, _ in EXAMPLES])
@pytest.mark.filterwarnings("ignore")  # of scikeras and of what it calls
def test_before(heading, code, monkeypatch):
    module = types.ModuleType("migration_guide_example")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # where pickles find the functions
    names = vars(module)
    exec(SETUP[1], names)
    if FAILS in code:
        with pytest.raises(ValueError, match="y should be a 1d array"):
            exec(code, names)
    else:
        exec(code, names)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("code", [code for _, code in examples("coming_from_keras.md")], ids=["script", "wrapper"])
@pytest.mark.filterwarnings("ignore")  # of Keras's wrapper
def test_before_of_keras(code, monkeypatch):
    module = types.ModuleType("migration_guide_example")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    keras.utils.set_random_seed(0)  # which Keras needs after a fit of scikeras's with a seed in this process
    exec(code, vars(module))


def build(meta, units=4):
    return keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],)),
            keras.layers.Dense(units),
            keras.layers.Dense(meta["n_classes_"], "softmax"),
        ]
    )


class Building:
    def __call__(self, meta):
        return build(meta)

    def build(self, meta):
        return build(meta)


class OwnModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3, "softmax")

    def call(self, x):
        return self.dense(x)


def works(action):
    try:
        action()
    except (TypeError, ValueError, RuntimeError):
        return False
    return True


@pytest.mark.filterwarnings("ignore")
class TestWhatBehavesDifferently:
    """Rows of the table, for both."""

    @pytest.fixture(params=[scikeras.wrappers, skdeep.wrappers], ids=["scikeras", "skdeep"])
    def library(self, request):
        return request.param

    @pytest.fixture
    def is_ours(self, library):
        return library is skdeep.wrappers

    @pytest.fixture
    def new(self, library):
        settings = {"loss": "sparse_categorical_crossentropy", "verbose": 0, "random_state": 0}
        return lambda **params: library.KerasClassifier(build, **settings | params)

    def test_columns_in_another_order(self, new, is_ours, iris):
        X = pd.DataFrame(iris[0], columns=list("abcd"))
        clf = new().fit(X, iris[1])
        assert works(lambda: clf.predict(X[list("dcba")])) is not is_ours

    def test_dtypes(self, new, is_ours, iris):
        clf = new().fit(iris[0].astype(np.float32), iris[1])
        assert works(lambda: clf.predict(iris[0])) is is_ours

    def test_arguments_of_the_function(self, new, is_ours):
        assert works(lambda: new().set_params(units=8)) is is_ours
        assert works(lambda: new().set_params(model__units=8))

    def test_an_optimizer_as_an_object(self, new, is_ours, iris):
        clf = new(optimizer=keras.optimizers.SGD()).fit(*iris)
        assert works(lambda: clf.fit(*iris)) is is_ours

    @pytest.mark.slow_after(1)
    def test_strings_in_validation_data(self, new, is_ours, iris):
        y = np.array(["a", "b", "c"])[iris[1]]
        clf = new(fit__validation_data=(iris[0], y))
        assert works(lambda: clf.fit(iris[0], y)) is is_ours

    @pytest.mark.slow_after(1)
    def test_warm_start(self, new, is_ours, iris):
        clf = new(warm_start=True).fit(*iris).fit(*iris)
        assert len(clf.history_["loss"]) == clf.current_epoch == (2 if is_ours else 1)

    def test_names_of_metrics(self, library, is_ours, iris):
        def build_one():
            return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])

        clf = library.KerasClassifier(build_one, loss="binary_crossentropy", metrics=["AUC"], verbose=0, random_state=0)
        # For scikeras it is "a_u_c", or "auc_1" and so on if there were others in the process.
        assert ("auc" in clf.fit(iris[0], iris[1] == 0).history_) is is_ours

    def test_other_arguments_of_fit(self, new, is_ours, iris):
        assert works(lambda: new().fit(*iris, initial_epoch=0)) is not is_ours

    def test_arguments_that_keras_does_not_know(self, new, iris):
        with pytest.raises(TypeError, match="unexpected keyword argument 'custom'"):
            new().fit(*iris, custom=1)

    @pytest.mark.parametrize("optimizer", [None, [keras.optimizers.Adam]])
    def test_no_optimizer(self, optimizer, new, is_ours, iris):
        said = "optimizer must be the name, a class or an instance" if is_ours else "optimizer"
        with pytest.raises((TypeError, ValueError), match=said):
            new(optimizer=optimizer).fit(*iris)

    @pytest.mark.parametrize("model", [Building(), Building().build, OwnModel], ids=["object", "method", "class"])
    def test_other_builders(self, model, library, is_ours, iris):
        clf = library.KerasClassifier(model, loss="sparse_categorical_crossentropy", verbose=0)
        assert works(lambda: clf.fit(*iris)) is is_ours

    def test_one_class(self, new, is_ours, iris):
        assert works(lambda: new().fit(iris[0], np.zeros(150, dtype=int))) is not is_ours

    def test_later_partial_fits(self, new, is_ours, iris):
        X, y = iris
        narrow = X.astype(np.float32)
        assert works(lambda: new().partial_fit(narrow, y).partial_fit(X, y)) is is_ours
        assert works(lambda: new().partial_fit(X, y).partial_fit(X, y.astype(float))) is is_ours
        assert works(lambda: new().partial_fit(X, y).partial_fit(X, y[:, None])) is is_ours
        assert not works(lambda: new().partial_fit(X, y).partial_fit(X[:, :3], y))
        assert not works(lambda: new().partial_fit(X[:100], y[:100]).partial_fit(X, y))
        assert works(lambda: new().partial_fit(X[:100], y[:100], classes=[0, 1, 2]).partial_fit(X, y))

    def test_order_of_history(self, new, is_ours, iris):
        names = list(new(metrics=["accuracy"]).fit(*iris).history_)
        assert names == (["loss", "accuracy"] if is_ours else ["accuracy", "loss"])

    def test_arguments_of_callbacks_by_position(self, new, iris):
        settings = {"callbacks": keras.callbacks.LearningRateScheduler, "callbacks__0": lambda epoch, rate: 0.125}
        assert float(new(**settings).fit(*iris).model_.optimizer.learning_rate) == 0.125

    def test_methods_for_subclasses(self, library, iris):
        class Scored(library.KerasClassifier):
            @staticmethod
            def scorer(y_true, y_pred, **settings):
                return 7

        clf = Scored(build, loss="sparse_categorical_crossentropy", verbose=0, random_state=0)
        assert clf.fit(*iris).score(*iris) == 7

    @pytest.mark.slow_after(1)
    def test_no_loss(self, new, is_ours, iris):
        assert works(lambda: new(loss=None).fit(*iris)) is is_ours

    @pytest.mark.slow_after(1)
    def test_dtype_of_rows_of_0_and_1(self, library, is_ours, iris):
        def build_two():
            return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "sigmoid")])

        y = np.array([[0, 0], [1, 0], [1, 1]], dtype=np.float32)[iris[1]]
        clf = library.KerasClassifier(build_two, loss="binary_crossentropy", verbose=0, random_state=0).fit(iris[0], y)
        assert clf.predict(iris[0]).dtype == (y.dtype if is_ours else np.int64)

    @pytest.mark.slow_after(1)
    def test_an_instance_of_random_state(self, new, is_ours, iris):
        clf = new(random_state=np.random.RandomState(0))
        first, second = (clf.fit(*iris).predict_proba(iris[0]) for _ in range(2))
        assert np.allclose(first, second) is not is_ours

    @pytest.mark.slow_after(1)
    def test_routed_parameters_that_nothing_takes(self, new, is_ours, iris):
        assert works(lambda: new(optimizer__a__b=1).fit(*iris)) is not is_ours

    @pytest.mark.slow_after(1)
    def test_encoders(self, new, is_ours, iris):
        clf = new().fit(*iris)
        assert hasattr(clf, "target_encoder_") is hasattr(clf, "feature_encoder_") is not is_ours

    @pytest.mark.slow_after(1)
    def test_fits_with_and_without_a_seed(self, library, is_ours):
        code = (
            "import sys; sys.path.insert(0, 'tests'); from test_migration_guide import *; import numpy as np; "
            f"from {library.__name__} import KerasClassifier; X, y = np.eye(4), np.arange(4); "
            "clf = KerasClassifier(build, loss='sparse_categorical_crossentropy', verbose=0); "
            "clf.set_params(random_state=0).fit(X, y); clf.set_params(random_state=None).fit(X, y)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is is_ours, done.stderr
