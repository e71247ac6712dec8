"""save and load: what comes back, what is refused, and what happens to the file when things go wrong."""

import hashlib
import importlib
import io
import os
import pickle
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import cloudpickle
import joblib
import keras
import numpy as np
import pytest
import sklearn
import skops.io
from scipy.stats import loguniform, randint
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectFromModel, SelectKBest, SequentialFeatureSelector
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    PredefinedSplit,
    RandomizedSearchCV,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    TimeSeriesSplit,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

import skdeep
from skdeep import (
    CNNClassifier,
    DNNClassifier,
    Flatten,
    MLPClassifier,
    OneHot,
    ReadImages,
    Reshape,
    ScaleToUnit,
    ZScore,
)

GOLDEN = Path(__file__).parent / "golden"


def quick(**params):
    return DNNClassifier(**{"hidden_layer_sizes": (16,), "epochs": 2, "random_state": 0} | params)


def square(x):
    return x * x


@pytest.fixture(scope="module")
def saved(iris, tmp_path_factory):
    """A fitted pipeline and its file."""
    path = tmp_path_factory.mktemp("saved") / "iris.skdeep"
    pipeline = make_pipeline(StandardScaler(), quick()).fit(*iris)
    skdeep.save(pipeline, path)
    return pipeline, path


class TestRoundTrip:
    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "make",
        [
            lambda: quick(),
            lambda: quick(activation="tanh", dropout=(0.3,), optimizer="sgd", optimizer__momentum=0.9, metrics=[]),
            lambda: MLPClassifier((8,), epochs=1, dtype_policy="float64", kernel_initializer="he_normal"),
            lambda: CNNClassifier((4,), epochs=1, class_weight={0: 2.0}, alpha=0.1, batch_normalization=True),
            lambda: make_pipeline(StandardScaler(), ZScore(), quick()),
            lambda: GridSearchCV(quick(), {"dropout": [0.0, 0.4]}, cv=2),
            lambda: VotingClassifier([("dnn", quick()), ("lr", LogisticRegression())], voting="soft"),
        ],
    )
    def test_predicts_the_same_bits(self, make, iris, tmp_path):
        clf = make().fit(*iris)
        skdeep.save(clf, tmp_path / "file")
        loaded = skdeep.load(tmp_path / "file")
        np.testing.assert_array_equal(loaded.predict_proba(iris[0]), clf.predict_proba(iris[0]))
        assert repr(loaded) == repr(clf)

    def test_images(self, digits, tmp_path):
        pipeline = make_pipeline(Reshape((8, 8, 1)), ScaleToUnit(), Flatten(), quick()).fit(
            digits.images, digits.target
        )
        skdeep.save(pipeline, str(tmp_path / "file"))
        loaded = skdeep.load(str(tmp_path / "file"))
        np.testing.assert_array_equal(loaded.predict_proba(digits.images), pipeline.predict_proba(digits.images))

    @pytest.mark.parametrize("estimator", [OneHot(), ReadImages(size=3), DNNClassifier((5, 3), random_state=1)])
    def test_unfitted_and_transformers(self, estimator, tmp_path):
        skdeep.save(estimator, tmp_path / "file")
        assert repr(skdeep.load(tmp_path / "file")) == repr(estimator)

    def test_labels_of_strings_and_one_hot_rows(self, iris, tmp_path):
        for y in (np.array(["a", "b", "ö"])[iris[1]], np.eye(3, dtype=int)[iris[1]]):
            clf = quick().fit(iris[0], y)
            skdeep.save(clf, tmp_path / "file")
            loaded = skdeep.load(tmp_path / "file")
            np.testing.assert_array_equal(loaded.predict(iris[0]), clf.predict(iris[0]), strict=True)

    @pytest.mark.parametrize("optimizer", ["adam", "sgd"])
    def test_training_goes_on_with_the_same_bits(self, optimizer, iris, tmp_path):
        clf = quick(optimizer=optimizer).fit(*iris)
        skdeep.save(clf, tmp_path / "file")
        loaded = skdeep.load(tmp_path / "file")
        for estimator in (clf, loaded):
            estimator.partial_fit(*iris)
        assert loaded.history_ == clf.history_
        np.testing.assert_array_equal(loaded.predict_proba(iris[0]), clf.predict_proba(iris[0]))

    @pytest.mark.slow
    def test_training_goes_on_in_another_process_with_the_same_bits(self, digits, tmp_path):
        X, y = digits.data, digits.target
        clf = quick(dropout=0.3, learning_rate=0.01).fit(X, y)
        skdeep.save(clf, tmp_path / "file")
        code = (
            "import sys, skdeep; from sklearn.datasets import load_digits; "
            "clf = skdeep.load(sys.argv[1]).set_params(warm_start=True); "
            "X, y = load_digits(return_X_y=True); skdeep.save(clf.partial_fit(X, y).fit(X, y), sys.argv[1])"
        )
        subprocess.run([sys.executable, "-c", code, str(tmp_path / "file")], check=True)
        there = skdeep.load(tmp_path / "file")
        clf.set_params(warm_start=True).partial_fit(X, y).fit(X, y)
        assert there.history_ == clf.history_
        assert len(clf.history_["loss"]) == 5
        np.testing.assert_array_equal(there.predict_proba(X), clf.predict_proba(X))

    def test_without_the_optimizer(self, iris, tmp_path):
        clf = quick(learning_rate=0.05).fit(*iris)
        skdeep.save(clf, tmp_path / "file", optimizer=False)
        loaded = skdeep.load(tmp_path / "file")
        np.testing.assert_array_equal(loaded.predict_proba(iris[0]), clf.predict_proba(iris[0]))
        optimizer = loaded.model_.optimizer
        assert (int(optimizer.iterations), float(optimizer.learning_rate)) == (0, pytest.approx(0.05))
        loaded.partial_fit(*iris)
        assert loaded.n_iter_ == 3
        assert pickle.loads(pickle.dumps(clf)).partial_fit(*iris).history_ == clf.partial_fit(*iris).history_

    def test_the_file_is_about_the_size_of_the_values(self, tmp_path):
        X = np.random.default_rng(0).random((100, 784), dtype=np.float32)
        clf = DNNClassifier((100, 50), epochs=2).fit(X, np.arange(100) % 10)
        weights = 4 * clf.summary().n_parameters
        skdeep.save(clf, tmp_path / "all")
        skdeep.save(clf, tmp_path / "weights", optimizer=False)
        assert (tmp_path / "all").stat().st_size < 1.3 * 3 * weights
        assert (tmp_path / "weights").stat().st_size < 1.2 * weights

    @pytest.mark.slow
    def test_in_another_process_without_tensorflow_until_it_predicts(self, saved, iris, tmp_path):
        pipeline, path = saved
        np.save(tmp_path / "X.npy", iris[0])
        code = (
            f"import sys, numpy as np, skdeep; pipeline = skdeep.load({str(path)!r}); "
            "assert not {'tensorflow', 'keras', 'scikeras'} & set(sys.modules); "
            f"np.save({str(tmp_path / 'there.npy')!r}, pipeline.predict_proba(np.load({str(tmp_path / 'X.npy')!r})))"
        )
        subprocess.run([sys.executable, "-c", code], check=True)
        np.testing.assert_array_equal(np.load(tmp_path / "there.npy"), pipeline.predict_proba(iris[0]))


def dumped_by_joblib(estimator):
    stream = io.BytesIO()
    joblib.dump(estimator, stream)
    return stream.getvalue()


GRID = {"dropout": [0.0, 0.1]}
# What of scikit-learn holds an estimator, and what that holds in turn.
HOLDERS = {
    "CalibratedClassifierCV": lambda clf: CalibratedClassifierCV(clf, cv=2),
    "CalibratedClassifierCV, isotonic": lambda clf: CalibratedClassifierCV(clf, cv=2, method="isotonic"),
    "CalibratedClassifierCV, temperature": lambda clf: CalibratedClassifierCV(clf, cv=2, method="temperature"),
    "OutputCodeClassifier": lambda clf: OutputCodeClassifier(clf, random_state=0),
    "OneVsRestClassifier": OneVsRestClassifier,
    "OneVsOneClassifier": OneVsOneClassifier,
    "BaggingClassifier": lambda clf: BaggingClassifier(clf, n_estimators=2, random_state=0),
    "AdaBoostClassifier": lambda clf: AdaBoostClassifier(clf.set_params(epochs=10), n_estimators=2, random_state=0),
    "StackingClassifier": lambda clf: StackingClassifier([("dnn", clf)], final_estimator=LogisticRegression(), cv=2),
    "VotingClassifier": lambda clf: VotingClassifier([("dnn", clf), ("lr", LogisticRegression())]),
    "FixedThresholdClassifier": lambda clf: OneVsRestClassifier(FixedThresholdClassifier(clf)),
    "TunedThresholdClassifierCV": lambda clf: OneVsRestClassifier(TunedThresholdClassifierCV(clf, cv=2, scoring="f1")),
    "SequentialFeatureSelector": lambda clf: make_pipeline(
        SequentialFeatureSelector(clf, n_features_to_select=1, cv=2), clf
    ),
    "SelectKBest": lambda clf: make_pipeline(SelectKBest(k=2), clf),
    "ColumnTransformer": lambda clf: make_pipeline(make_column_transformer((StandardScaler(), [0, 1])), clf),
    "FunctionTransformer": lambda clf: make_pipeline(FunctionTransformer(np.arctan), clf),
    "a search with a score": lambda clf: GridSearchCV(clf, GRID, scoring="balanced_accuracy", cv=2),
    "a search with scores": lambda clf: GridSearchCV(
        clf, GRID, scoring=["accuracy", "roc_auc_ovr"], refit="accuracy", cv=2
    ),
    "a search with a scorer": lambda clf: GridSearchCV(clf, GRID, scoring=make_scorer(f1_score, average="macro"), cv=2),
    "a search of distributions": lambda clf: RandomizedSearchCV(
        clf, {"learning_rate": loguniform(1e-3, 0.1), "batch_size": randint(10, 20)}, n_iter=2, cv=2, random_state=0
    ),
    "a successive search": lambda clf: HalvingGridSearchCV(clf, GRID, cv=2, random_state=0),
    "a search of objects of Keras": lambda clf: GridSearchCV(
        clf, {"optimizer": [keras.optimizers.SGD(0.1, momentum=0.5)]}, cv=2
    ),
    **{
        type(splitter).__name__: lambda clf, splitter=splitter: GridSearchCV(clf, {"dropout": [0.0]}, cv=splitter)
        for splitter in (
            KFold(2),
            StratifiedKFold(2, shuffle=True, random_state=0),
            ShuffleSplit(2, random_state=np.random.RandomState(0)),
            StratifiedShuffleSplit(2, random_state=0),
            RepeatedKFold(n_splits=2, n_repeats=1),
            RepeatedStratifiedKFold(n_splits=2, n_repeats=1),
            TimeSeriesSplit(2),
            PredefinedSplit(np.arange(60) % 2),
        )
    },
}


class TestWhatHoldsAnEstimator:
    """Searches and meta-estimators of scikit-learn are saved without `trusted`."""

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("name", HOLDERS)
    def test_predicts_the_same(self, name, iris, tmp_path):
        X, y = iris[0][::5][:30], iris[1][::5][:30]
        X, y = np.tile(X, (2, 1)), np.tile(y, 2)
        estimator = HOLDERS[name](quick(hidden_layer_sizes=(4,), epochs=1))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of so little data
            estimator.fit(X, y)
        skdeep.save(estimator, tmp_path / "file")
        loaded = skdeep.load(tmp_path / "file")
        np.testing.assert_array_equal(loaded.predict(X), estimator.predict(X))
        assert re.sub("0x\\w+", "", repr(loaded)) == re.sub("0x\\w+", "", repr(estimator))

    def test_a_loaded_search_searches_as_before(self, iris, tmp_path):
        def search():
            parameters = {"learning_rate": loguniform(1e-3, 0.1), "batch_size": randint(10, 20)}
            return RandomizedSearchCV(quick(), parameters, n_iter=3, cv=2, random_state=0, scoring="f1_macro")

        skdeep.save(search(), tmp_path / "file")
        results = [each.fit(*iris).cv_results_ for each in (search(), skdeep.load(tmp_path / "file"))]
        for name in ("params", "mean_test_score"):
            np.testing.assert_array_equal(*(result[name] for result in results))

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "make, targets",
        [
            (MultiOutputClassifier, lambda X, y: np.c_[y, y > 0]),
            (ClassifierChain, lambda X, y: np.c_[y > 0, y > 1].astype(int)),
            (lambda clf: MultiOutputRegressor(skdeep.DNNRegressor((4,), epochs=1)), lambda X, y: X[:, :2]),
            (lambda clf: RegressorChain(skdeep.DNNRegressor((4,), epochs=1)), lambda X, y: X[:, :2]),
            (
                lambda clf: TransformedTargetRegressor(
                    skdeep.DNNRegressor((4,), epochs=1), func=np.arcsinh, inverse_func=np.sinh
                ),
                lambda X, y: X[:, 0],
            ),
            (
                lambda clf: TransformedTargetRegressor(
                    skdeep.DNNRegressor((4,), epochs=1), transformer=StandardScaler()
                ),
                lambda X, y: X[:, 0],
            ),
        ],
    )
    def test_of_other_targets(self, make, targets, iris, tmp_path):
        estimator = make(quick(epochs=1)).fit(iris[0], targets(*iris))
        skdeep.save(estimator, tmp_path / "file")
        np.testing.assert_array_equal(skdeep.load(tmp_path / "file").predict(iris[0]), estimator.predict(iris[0]))

    def test_metadata_requests(self, iris, tmp_path):
        X, y = iris
        with sklearn.config_context(enable_metadata_routing=True):
            clf = quick().set_fit_request(X_val=True, y_val=True, sample_weight="importance")
            pipeline = make_pipeline(
                StandardScaler(), clf.set_score_request(sample_weight=False), transform_input=["X_val"]
            )
            pipeline.fit(X, y, X_val=X[::3], y_val=y[::3], importance=np.ones(150))
            skdeep.save(pipeline, tmp_path / "file")
            loaded = skdeep.load(tmp_path / "file")
            np.testing.assert_array_equal(loaded.predict_proba(X), pipeline.predict_proba(X))
            assert str(loaded.get_metadata_routing()) == str(pipeline.get_metadata_routing())
            fitted = [each.fit(X, y, X_val=X[::3], y_val=y[::3], importance=1 + y) for each in (loaded, pipeline)]
            assert fitted[0][-1].history_ == fitted[1][-1].history_
            assert "val_loss" in fitted[0][-1].history_

    def test_an_object_in_two_places_is_one_after_loading(self, tmp_path):
        clf = quick()
        skdeep.save(VotingClassifier([("a", clf), ("b", clf)]), tmp_path / "file")
        loaded = skdeep.load(tmp_path / "file")
        assert loaded.estimators[0][1] is loaded.estimators[1][1]

    def test_trees_have_to_be_named_as_for_skops(self, iris, tmp_path):
        voting = VotingClassifier([("dnn", quick(epochs=1)), ("trees", RandomForestClassifier(2))]).fit(*iris)
        names = ["sklearn.ensemble._forest.RandomForestClassifier", "sklearn.tree._classes.DecisionTreeClassifier"]
        with pytest.raises(ValueError, match=r"not trusted: .*sklearn\.tree\._tree\.Tree"):
            skdeep.save(voting, tmp_path / "file")
        trusted = [*names, "sklearn.tree._tree.Tree"]
        skdeep.save(voting, tmp_path / "file", trusted=trusted)
        loaded = skdeep.load(tmp_path / "file", trusted=trusted)
        np.testing.assert_array_equal(loaded.predict(iris[0]), voting.predict(iris[0]))


class TestAttributesThatActLater:
    """They are saved and loaded if the caller names them, and then are as they were."""

    @pytest.mark.parametrize(
        "make, name",
        [
            (lambda folder: Pipeline([("dnn", quick())], memory=str(folder)), "sklearn.pipeline.Pipeline.memory"),
            (
                lambda folder: CountVectorizer(input="filename"),
                "sklearn.feature_extraction.text.CountVectorizer.input",
            ),
            (
                lambda folder: CountVectorizer(token_pattern="[a-z]+"),
                "sklearn.feature_extraction.text.CountVectorizer.token_pattern",
            ),
            (
                lambda folder: SelectFromModel(LogisticRegression(), importance_getter="a.b"),
                "sklearn.feature_selection._from_model.SelectFromModel.importance_getter",
            ),
            (
                lambda folder: quick(initial_model=str(folder / "model.keras")),
                "skdeep.classifiers._dnn.DNNClassifier.initial_model",
            ),
            (lambda folder: SVC(), "sklearn.svm._classes.SVC"),
            (lambda folder: KMeans(), "sklearn.cluster._kmeans.KMeans"),
        ],
    )
    def test_needs_trust(self, make, name, tmp_path):
        estimator = make(tmp_path)
        with pytest.raises(ValueError, match=f"not trusted: {re.escape(name)}\\. If you know them"):
            skdeep.save(estimator, tmp_path / "file")
        skdeep.save(estimator, tmp_path / "file", trusted=[name])
        with pytest.raises(ValueError, match=f"not trusted: {re.escape(name)}\\. If you know them"):
            skdeep.load(tmp_path / "file")
        assert repr(skdeep.load(tmp_path / "file", trusted=[name])) == repr(estimator)

    def test_the_defaults_do_not(self, tmp_path):
        estimators = [CountVectorizer(), SelectFromModel(LogisticRegression(), importance_getter="coef_")]
        for estimator in (
            *estimators,
            BaggingClassifier(quick(), n_jobs=-1),
            CNNClassifier(image_shape=np.array([8, 8, 1])),
        ):
            skdeep.save(estimator, tmp_path / "file")
            assert repr(skdeep.load(tmp_path / "file")) == repr(estimator)


def module_model(units=5):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


class Logs(keras.callbacks.Callback):
    def __init__(self, stream):
        super().__init__()
        self.stream = stream


OBJECTS = {
    "schedule": lambda: {"learning_rate": keras.optimizers.schedules.CosineDecay(0.01, 100)},
    "optimizer": lambda: {"optimizer": keras.optimizers.Adam(0.01, clipnorm=0.5)},
    "optimizer with a schedule": lambda: {
        "optimizer": keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9), momentum=0.9)
    },
    "optimizer class": lambda: {"optimizer": keras.optimizers.RMSprop, "optimizer__rho": 0.8},
    "loss": lambda: {"loss": keras.losses.CategoricalFocalCrossentropy(gamma=1.0)},
    "loss function": lambda: {"loss": keras.losses.sparse_categorical_crossentropy},
    "metrics": lambda: {"metrics": [keras.metrics.SparseTopKCategoricalAccuracy(2, name="two"), "accuracy"]},
    "metric class": lambda: {"metrics": keras.metrics.SparseTopKCategoricalAccuracy, "metrics__k": 2},
    "initializer": lambda: {"kernel_initializer": keras.initializers.HeNormal(seed=3)},
    "activation": lambda: {"activation": keras.activations.gelu},
    "callback": lambda: {"callbacks": keras.callbacks.EarlyStopping("loss", patience=1, restore_best_weights=True)},
    "callback class": lambda: {"callbacks": keras.callbacks.ReduceLROnPlateau, "callbacks__monitor": "loss"},
    "callbacks": lambda: {"callbacks": [skdeep.StopAtMetric("accuracy", 0.99), keras.callbacks.TerminateOnNaN()]},
}


class TestObjectsOfKeras:
    """Among the parameters, as they are documented, without `trusted`."""

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("name", OBJECTS)
    def test_comes_back_and_trains_the_same(self, name, iris, tmp_path):
        clf = quick(**OBJECTS[name]()).fit(*iris)
        skdeep.save(clf, tmp_path / "file")
        loaded = skdeep.load(tmp_path / "file")
        np.testing.assert_array_equal(loaded.predict_proba(iris[0]), clf.predict_proba(iris[0]))
        trained = [clone(clf), loaded.partial_fit(*iris), clone(loaded)]
        clf.partial_fit(*iris)
        np.testing.assert_array_equal(loaded.predict_proba(iris[0]), clf.predict_proba(iris[0]))
        for each in (trained[0], trained[2]):
            each.fit(*iris)
        assert trained[0].history_ == trained[2].history_

    @pytest.mark.slow
    def test_before_a_fit(self, iris, tmp_path):
        for make in OBJECTS.values():
            skdeep.save(quick(**make()), tmp_path / "file")
            loaded = skdeep.load(tmp_path / "file").fit(*iris)
            assert loaded.history_ == quick(**make()).fit(*iris).history_

    def test_what_writes_files_has_to_be_named(self, iris, tmp_path):
        clf = quick(callbacks=keras.callbacks.CSVLogger(str(tmp_path / "log")), epochs=1).fit(*iris)
        (tmp_path / "log").unlink()
        name = "keras.callbacks.CSVLogger"
        with pytest.raises(ValueError, match=f"cannot be saved, for it has .* not trusted: {name}"):
            skdeep.save(clf, tmp_path / "file")
        skdeep.save(clf, tmp_path / "file", trusted=[name])
        with pytest.raises(ValueError, match=f"not loaded, for it has .* not trusted: {name}"):
            skdeep.load(tmp_path / "file")
        skdeep.load(tmp_path / "file", trusted=[name]).fit(*iris)
        assert (tmp_path / "log").read_text().startswith("epoch,")

    def test_an_attribute_of_a_callback_that_is_no_value_is_named(self, tmp_path):
        clf = quick(callbacks=Logs(io.StringIO()))
        with pytest.raises(ValueError, match=r"Logs has an attribute 'stream': .*StringIO.* cannot be in a file"):
            skdeep.save(clf, tmp_path / "file")

    def test_what_a_callback_has_counted_comes_back(self, iris, tmp_path):
        stop = keras.callbacks.EarlyStopping("loss", patience=5, restore_best_weights=True)
        clf = quick(callbacks=stop).fit(*iris)
        skdeep.save(clf, tmp_path / "file")
        loaded = skdeep.load(tmp_path / "file").callbacks
        assert (loaded.best, loaded.best_epoch, loaded.wait) == (stop.best, stop.best_epoch, stop.wait)
        assert stop.best_weights is not None
        assert loaded.best_weights is None
        assert loaded._model is None

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("model", [module_model(), module_model], ids=["model", "function"])
    def test_models(self, model, iris, tmp_path):
        clf = skdeep.KerasClassifier(model, loss="sparse_categorical_crossentropy", epochs=2, random_state=0).fit(*iris)
        trusted = [f"{__name__}.module_model"] if model is module_model else []
        skdeep.save(clf, tmp_path / "file", trusted=trusted)
        loaded = skdeep.load(tmp_path / "file", trusted=trusted)
        np.testing.assert_array_equal(loaded.predict_proba(iris[0]), clf.predict_proba(iris[0]))
        for each in (clf, loaded):
            each.partial_fit(*iris)
        assert loaded.history_ == clf.history_
        assert clone(loaded).fit(*iris).history_ == clone(clf).fit(*iris).history_


class TestOtherSavers:
    def test_skops_with_the_public_list(self, saved, iris, tmp_path):
        skops.io.dump(saved[0], tmp_path / "pipeline.skops")
        loaded = skops.io.load(tmp_path / "pipeline.skops", trusted=skdeep.trusted_types())
        np.testing.assert_array_equal(loaded.predict_proba(iris[0]), saved[0].predict_proba(iris[0]))

    @pytest.mark.slow
    def test_mlflow_by_its_default_format(self, saved, iris, tmp_path):
        """In a process of its own, since MLflow warns of much."""
        (tmp_path / "pipeline").write_bytes(pickle.dumps(saved[0]))
        np.save(tmp_path / "X.npy", iris[0])
        code = (
            "import os, pickle, sys, mlflow.sklearn, numpy as np, skdeep\n"
            "os.chdir(sys.argv[1])\n"
            "pipeline, X = pickle.load(open('pipeline', 'rb')), np.load('X.npy')\n"
            "mlflow.sklearn.save_model(pipeline, 'model', skops_trusted_types=skdeep.trusted_types())\n"
            "assert os.path.exists('model/model.skops')\n"
            "assert (mlflow.sklearn.load_model('model').predict_proba(X) == pipeline.predict_proba(X)).all()\n"
            "assert (mlflow.pyfunc.load_model('model').predict(X) == pipeline.predict(X)).all()\n"
        )
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)

    def test_the_list_names_what_is_there(self):
        for name in skdeep.trusted_types():
            module, _, short = name.rpartition(".")
            assert hasattr(importlib.import_module(module), short), name

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("dump", [pickle.dumps, cloudpickle.dumps, dumped_by_joblib])
    def test_a_pickle_for_prediction_only(self, dump, iris):
        for clf in (quick(), make_pipeline(StandardScaler(), quick()), skdeep.KerasClassifier(module_model, epochs=1)):
            clf.fit(*iris)
            small = skdeep.without_optimizer(clf)
            original = clf[-1] if isinstance(clf, Pipeline) else clf
            bytes_of_state = sum(variable.numpy().nbytes for variable in original.model_.optimizer.variables)
            assert len(dump(clf)) - len(dump(small)) > bytes_of_state
            loaded = pickle.loads(cloudpickle.dumps(small))
            np.testing.assert_array_equal(loaded.predict_proba(iris[0]), clf.predict_proba(iris[0]))
            last = loaded[-1] if isinstance(loaded, Pipeline) else loaded
            assert int(last.model_.optimizer.iterations) == 0
            assert int(original.model_.optimizer.iterations) > 0


class TestWhatIsNotTrusted:
    def test_a_function_has_to_be_named(self, iris, tmp_path):
        clf = quick(activation=square).fit(*iris)
        name = f"{__name__}.square"
        with pytest.raises(ValueError, match=f"DNNClassifier cannot be saved, for it has .*not trusted: {name}. If"):
            skdeep.save(clf, tmp_path / "file")
        assert not (tmp_path / "file").exists()
        skdeep.save(clf, tmp_path / "file", trusted=[name])
        with pytest.raises(ValueError, match=f"file' is not loaded, for it has .*not trusted: {name}"):
            skdeep.load(tmp_path / "file")
        loaded = skdeep.load(tmp_path / "file", trusted=[name])
        np.testing.assert_array_equal(loaded.predict_proba(iris[0]), clf.predict_proba(iris[0]))

    def test_a_lambda_is_refused(self, iris, tmp_path):
        clf = quick(activation=lambda x: x * x).fit(*iris)
        with pytest.raises(ValueError, match=r"DNNClassifier cannot be saved.*<lambda>"):
            skdeep.save(clf, tmp_path / "file")

    def test_one_string_is_no_sequence_of_names(self, saved):
        with pytest.raises(TypeError, match=r"trusted must be a sequence of names\. Got the string 'a.b'"):
            skdeep.load(saved[1], trusted="a.b")

    @pytest.mark.parametrize(
        "change",
        [
            lambda network: network.specification.architecture.__dict__.update(builder="draw_values"),
            lambda network: network.specification.architecture.parameters.update(activation={"function": "<lambda>"}),
        ],
    )
    def test_an_altered_network_is_not_built(self, change, iris, tmp_path):
        """As somebody could write it who knows how: with a good checksum."""
        clf = pickle.loads(pickle.dumps(quick().fit(*iris)))
        change(clf._network)
        skdeep.save(clf, tmp_path / "file")
        loaded = skdeep.load(tmp_path / "file")
        with pytest.raises((ValueError, TypeError), match=r"no builder 'draw_values'|is not an activation"):
            loaded.model_.get_weights()

    def test_an_altered_augmentation_is_not_built(self, iris, tmp_path):
        clf = pickle.loads(pickle.dumps(CNNClassifier((2,), epochs=1, augment="RandomFlip").fit(*iris)))
        clf._network.specification.architecture.parameters["augment"] = (("Lambda", {"function": "print"}),)
        skdeep.save(clf, tmp_path / "file")
        with pytest.raises(ValueError, match="no random layer 'Lambda'"):
            skdeep.load(tmp_path / "file").predict(iris[0])


class TestDamagedFiles:
    @pytest.mark.parametrize("content", [b"", b"skdeep", b"PK\x03\x04", b"\x80\x04K\x01.", b"skdeep file, format x,\n"])
    def test_another_file_is_named(self, content, tmp_path):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(ValueError, match=r"other' is not a file that skdeep.save wrote, or it is damaged"):
            skdeep.load(tmp_path / "other")

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="missing"):
            skdeep.load(tmp_path / "missing")

    def test_a_format_of_the_future_tells_who_wrote_it(self, saved, tmp_path):
        _, _, archive = saved[1].read_bytes().split(b"\n", 2)
        first_line = b"skdeep file, format 7, written by skdeep 9.1.0\n"
        digest = hashlib.sha256(first_line + archive).hexdigest().encode()
        (tmp_path / "new").write_bytes(first_line + digest + b"\n" + archive)
        with pytest.raises(
            ValueError, match=r"new' was written by skdeep 9.1.0 in format 7, but skdeep .* reads format 1"
        ):
            skdeep.load(tmp_path / "new")

    def test_a_pickle_of_another_format_tells_who_wrote_it(self, iris):
        clf = quick().fit(*iris)
        state = clf._network.__getstate__() | {"format": 7, "version": "9.1.0"}
        with pytest.raises(ValueError, match=r"saved by skdeep 9.1.0 in format 7, but skdeep .* reads format 1"):
            type(clf._network).__new__(type(clf._network)).__setstate__(state)

    def test_three_hundred_corruptions(self, saved, iris, tmp_path):
        """Bits flipped, and files cut: each is an error that names the file."""
        content = saved[1].read_bytes()
        rng = np.random.default_rng(0)
        path = tmp_path / "damaged"
        for number in range(300):
            damaged = bytearray(content)
            if number % 4 == 0:
                damaged = damaged[: rng.integers(len(content))]
            else:
                for _ in range(1 + number % 3):
                    damaged[rng.integers(len(content))] ^= 1 << rng.integers(8)
            if bytes(damaged) == content:  # a bit flipped twice
                continue
            path.write_bytes(damaged)
            with pytest.raises(ValueError, match=r"damaged' is (not a file that|damaged: its checksum)"):
                skdeep.load(path)


class TestWriting:
    """Whatever happens, the old file stays as it was, and nothing else is left."""

    SAVE = (
        "import sys, resource, pickle, skdeep; from pathlib import Path\n"
        "clf = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
    )

    @pytest.fixture
    def old(self, saved, tmp_path):
        """A pickle of an estimator, and a folder with a file to be replaced."""
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "file").write_bytes(saved[1].read_bytes())
        (tmp_path / "pickle").write_bytes(pickle.dumps(saved[0]))
        return tmp_path / "pickle", folder / "file"

    def test_a_full_disk(self, old, saved):
        code = f"{self.SAVE}resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\nskdeep.save(clf, sys.argv[2])"
        done = subprocess.run([sys.executable, "-c", code, *map(str, old)], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "OSError: [Errno 27] File too large" in done.stderr
        assert old[1].read_bytes() == saved[1].read_bytes()
        assert os.listdir(old[1].parent) == ["file"]

    def test_a_folder_that_may_not_be_written(self, old, saved):
        folder = old[1].parent
        folder.chmod(0o500)
        if os.geteuid() == 0:  # whom permissions do not stop
            folder = Path("/sys")
        with pytest.raises(PermissionError):
            skdeep.save(ScaleToUnit(), folder / "file")
        old[1].parent.chmod(0o700)
        assert old[1].read_bytes() == saved[1].read_bytes()

    @pytest.mark.slow
    def test_killed_at_any_moment(self, old, saved):
        """kill -9 while one process saves again and again."""
        code = f"{self.SAVE}print('go', flush=True)\nwhile True: skdeep.save(clf, sys.argv[2])"
        for delay in (0.0, 0.01, 0.02, 0.03, 0.05):
            process = subprocess.Popen([sys.executable, "-c", code, *map(str, old)], stdout=subprocess.PIPE)
            assert process.stdout.readline() == b"go\n"
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            assert repr(skdeep.load(old[1])) == repr(saved[0])


def test_without_skops_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skops.io", None)
    monkeypatch.setattr("skdeep.persistence.skops_io._module", None)  # as it is before the first use
    with pytest.raises(ImportError, match=r"need skops: pip install 'skdeep\[skops\]'"):
        skdeep.save(ScaleToUnit(), tmp_path / "file")


@pytest.mark.slow_after(1)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.skdeep")), ids=lambda path: path.stem)
def test_files_of_earlier_versions_predict_as_they_did(path):
    """Each file lies beside the probabilities that it predicted when it was written, for the same X."""
    expected = np.load(path.with_suffix(".npz"))
    loaded = skdeep.load(path)
    np.testing.assert_allclose(loaded.predict_proba(expected["X"]), expected["probabilities"], rtol=1e-5)
    assert clone(loaded).get_params().keys() == loaded.get_params().keys()
    is_pipeline = isinstance(loaded, Pipeline)
    X = loaded[:-1].transform(expected["X"]) if is_pipeline else expected["X"]
    classifier = loaded[-1] if is_pipeline else loaded
    n_iter = classifier.n_iter_
    assert classifier.partial_fit(X, classifier.predict(X)).n_iter_ == n_iter + 1


def test_there_are_files_of_earlier_versions():
    assert {path.stem for path in GOLDEN.glob("*.skdeep")} >= {"cnn-format-1", "dnn-format-1"}
