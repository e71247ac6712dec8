"""save and load: what comes back, what is refused, and what happens to the file when things go wrong."""

import hashlib
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

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

    def test_a_keras_object_is_refused(self, tmp_path):
        with pytest.raises(
            ValueError, match=r"DNNClassifier cannot be saved: .*Give Keras objects among the parameters by name"
        ):
            skdeep.save(DNNClassifier(optimizer=keras.optimizers.SGD()), tmp_path / "file")

    def test_one_string_is_no_sequence_of_names(self, saved):
        with pytest.raises(TypeError, match=r"trusted must be a sequence of names\. Got the string 'a.b'"):
            skdeep.load(saved[1], trusted="a.b")

    @pytest.mark.parametrize(
        "change",
        [
            lambda network: network.architecture.__dict__.update(builder="draw_values"),
            lambda network: network.architecture.parameters.update(
                activation={"class_name": "function", "config": "<lambda>", "module": "builtins"}
            ),
        ],
    )
    def test_an_altered_network_is_not_built(self, change, iris, tmp_path):
        """As somebody could write it who knows how: with a good checksum."""
        clf = pickle.loads(pickle.dumps(quick().fit(*iris)))
        change(clf._network)
        skdeep.save(clf, tmp_path / "file")
        loaded = skdeep.load(tmp_path / "file")
        with pytest.raises((ValueError, TypeError), match=r"no builder 'draw_values'|activation must be"):
            loaded.predict(iris[0])

    def test_an_altered_augmentation_is_not_built(self, iris, tmp_path):
        clf = pickle.loads(pickle.dumps(CNNClassifier((2,), epochs=1, augment="RandomFlip").fit(*iris)))
        clf._network.architecture.parameters["augment"] = (("Lambda", {"function": "print"}),)
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

    def test_two_hundred_corruptions(self, saved, iris, tmp_path):
        """Bits flipped, and files cut: each is an error that names the file."""
        content = saved[1].read_bytes()
        rng = np.random.default_rng(0)
        path = tmp_path / "damaged"
        for number in range(200):
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
    with pytest.raises(ImportError, match=r"need skops: pip install 'skdeep\[skops\]'"):
        skdeep.save(ScaleToUnit(), tmp_path / "file")


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


@pytest.mark.parametrize(
    "name, make",
    [
        ("loss", lambda: keras.losses.Huber(delta=0.01)),
        ("optimizer", lambda: keras.optimizers.SGD(0.1)),
        ("metrics", lambda: [keras.metrics.MeanSquaredError()]),
    ],
)
def test_keras_objects_among_the_parameters_are_refused_by_name(name, make, iris, tmp_path):
    reg = skdeep.DNNRegressor((4,), epochs=1, **{name: make()})
    for each in (reg, clone(reg).fit(iris[0][:, :3], iris[0][:, 3])):
        with pytest.raises(ValueError, match=f"{name} has an object of Keras.*by name"):
            skdeep.save(each, tmp_path / "file", trusted=["skdeep.describing.Pickled"])
    assert not (tmp_path / "file").exists()
