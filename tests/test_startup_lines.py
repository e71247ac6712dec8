"""What TensorFlow writes at its start is not seen, and all else is."""

import os
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from skdeep._common import startup_lines

WELL_KNOWN = (
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    b"I0000 00:00:1.1    1 cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will not be used.\n"
)
OF_A_BROKEN_DRIVER = b"E0000 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: no CUDA-capable device\n"


@pytest.fixture(autouse=True)
def default_level(monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)


class TestWithheld:
    def test_all_else_is_given_back_in_order(self, capfd):
        os.write(2, b"before\n")
        with startup_lines.withheld():
            os.write(2, WELL_KNOWN + OF_A_BROKEN_DRIVER + WELL_KNOWN + b"no end of line")
            assert capfd.readouterr().err == "before\n"
        os.write(2, b", after")
        assert capfd.readouterr().err == f"{OF_A_BROKEN_DRIVER.decode()}no end of line, after"

    def test_everything_is_if_the_body_raises(self, capfd):
        def fail():
            os.write(2, WELL_KNOWN)
            raise ImportError

        with pytest.raises(ImportError), startup_lines.withheld():
            fail()
        assert capfd.readouterr().err == WELL_KNOWN.decode()

    def test_one_within_another(self, capfd):
        with startup_lines.withheld():
            with startup_lines.withheld():
                os.write(2, WELL_KNOWN + b"inner\n")
            os.write(2, WELL_KNOWN + b"outer\n")
        assert capfd.readouterr().err == "inner\nouter\n"

    def test_where_no_file_can_be_in_memory(self, capfd, monkeypatch):
        monkeypatch.delattr(os, "memfd_create", raising=False)
        with startup_lines.withheld():
            os.write(2, WELL_KNOWN + b"of another\n")
        assert capfd.readouterr().err == "of another\n"

    @pytest.mark.parametrize("level, is_seen", [("0", True), ("2", True), ("3", False)])
    def test_a_level_of_the_users(self, level, is_seen, capfd, monkeypatch):
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
        with startup_lines.withheld():
            os.write(2, WELL_KNOWN)
            assert (capfd.readouterr().err != "") is is_seen
        assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == level

    @pytest.mark.parametrize("has_stream", [True, False])
    def test_without_a_standard_error(self, has_stream, monkeypatch):
        if not has_stream:
            monkeypatch.setattr(sys, "stderr", None)  # as in a program without a console
        stderr = os.dup(2)
        os.close(2)
        try:
            with startup_lines.withheld():
                pass
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(2)
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


IMPORTS = """
import sys
import numpy as np
from sklearn.model_selection import GridSearchCV
from skdeep import CNNClassifier, DNNClassifier, KerasClassifier

X, y = np.eye(8), np.arange(8) % 2
images = np.ones((8, 6, 6))
"""
OWN = """
import keras
print("here", file=sys.stderr)

def network(meta):
    return keras.Sequential([keras.layers.Dense(2, activation="softmax")])

own = KerasClassifier(network, loss="sparse_categorical_crossentropy", verbose=0)
"""
FITS = {
    "dense": "DNNClassifier((2,), epochs=1).fit(X, y).predict(X)",
    "dense by TensorFlow": "DNNClassifier((2,), epochs=1, optimizer='nadam').fit(X, y).predict(X)",
    "convolutions": "CNNClassifier((2,), epochs=1).fit(images, y).predict(images)",
    "keras first": f"{OWN}own.fit(X, y).predict(X)",
    "loky": "GridSearchCV(CNNClassifier((2,)), {'epochs': [1, 2]}, cv=2, n_jobs=2).fit(images, y)",
    "own in loky": f"{OWN}GridSearchCV(own, {{'epochs': [1, 2]}}, cv=2, n_jobs=2).fit(X, y)",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FITS)
def test_a_first_fit_writes_nothing(name):
    done = subprocess.run([sys.executable, "-c", IMPORTS + FITS[name]], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr.rpartition("here\n")[2]) == ("", "")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Kernel is running over TCP")
@pytest.mark.parametrize("name", ["convolutions", "loky"])
def test_a_first_fit_in_a_kernel_writes_nothing(name):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"{IMPORTS}{FITS[name]};")])
    NotebookClient(notebook, timeout=200, kernel_name="python3").execute()
    assert notebook.cells[0].outputs == []


@pytest.mark.slow
def test_a_level_of_the_users_shows_the_lines():
    done = subprocess.run(
        [sys.executable, "-c", f"{IMPORTS}{FITS['convolutions']}"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "0"},
    )
    assert "This TensorFlow binary is optimized" in done.stderr


@pytest.mark.slow
def test_an_import_that_fails_says_all(tmp_path):
    (tmp_path / "tensorflow.py").write_text(f"import os\nos.write(2, {WELL_KNOWN!r})\nraise ImportError('broken')\n")
    done = subprocess.run(
        [sys.executable, "-c", f"{IMPORTS}{FITS['convolutions']}"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert WELL_KNOWN.decode() in done.stderr
    assert "which cannot be imported here: broken" in done.stderr
