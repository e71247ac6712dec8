"""The service of examples/serving under clients in parallel, and workers that are forked and spawned."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdeep
from skdeep import CNNClassifier, DNNClassifier, Reshape

pytestmark = pytest.mark.slow

APP = Path(__file__).parent.parent / "examples" / "serving"
X, Y = load_iris(return_X_y=True)
WORDS = np.array(["setosa", "versicolor", "virginica"])[Y]


def fitted(convolutional=False):
    """Return a pipeline whose network NumPy computes, or if it is convolutional TensorFlow."""
    network = CNNClassifier(((4,), (8,)), epochs=1, random_state=0) if convolutional else DNNClassifier(epochs=3)
    steps = [StandardScaler(), Reshape((2, 2))] if convolutional else [StandardScaler()]
    clf = make_pipeline(*steps, network).fit(X, WORDS)
    assert clf[-1].summary().predicted_by == ("TensorFlow" if convolutional else "NumPy")
    return clf


def post(address, rows):
    body = json.dumps({"rows": rows}).encode()
    request = urllib.request.Request(f"{address}/predict", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


@pytest.fixture(params=["NumPy", "TensorFlow"])
def service(request, tmp_path):
    """Give the pipeline and the address of a process that serves it."""
    clf = fitted(convolutional=True) if request.param == "TensorFlow" else fitted()
    skdeep.save(clf, tmp_path / "pipeline.skdeep")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(APP), "--port", str(port), "app:app"]
    environment = os.environ | {"SKDEEP_MODEL": str(tmp_path / "pipeline.skdeep")}
    with (
        open(tmp_path / "log", "w") as log,
        subprocess.Popen(command, env=environment, stderr=log, stdout=log) as process,
    ):
        try:
            until = time.monotonic() + 120
            while process.poll() is None and time.monotonic() < until:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.2)
            yield clf, f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def test_eight_clients_at_once(service):
    clf, address = service
    parts = [X[start : start + 5] for start in range(0, 150, 5)] * 4
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda part: post(address, part.tolist()), parts))
    for part, answer in zip(parts, answers, strict=True):
        assert answer["labels"] == clf.predict(part).tolist()
        np.testing.assert_allclose(answer["probabilities"], clf.predict_proba(part), rtol=0, atol=1e-6)
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(address, [[1.0, 2.0]])
    assert caught.value.code == 422
    assert "2 features" in json.load(caught.value)["detail"]


WORKERS = """
import multiprocessing, sys
import numpy as np, skdeep

def start(path):
    global pipeline
    pipeline = skdeep.load(path)

def answer(rows):
    return pipeline.predict_proba(rows)

if __name__ == "__main__":
    folder, method = sys.argv[1:]
    X = np.load(folder + "/X.npy")
    context = multiprocessing.get_context(method)
    with context.Pool(2, start, (folder + "/pipeline.skdeep",)) as pool:
        answers = pool.map(answer, np.array_split(X, 6))
    np.save(folder + "/answers.npy", np.concatenate(answers))
"""


@pytest.mark.parametrize("params", [{}, {"convolutional": True}], ids=["NumPy", "TensorFlow"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes(method, params, tmp_path):
    if method == "fork" and sys.platform == "win32":
        pytest.skip("Windows has no fork")
    clf = fitted(**params)
    skdeep.save(clf, tmp_path / "pipeline.skdeep")
    np.save(tmp_path / "X.npy", X)
    (tmp_path / "workers.py").write_text(WORKERS)
    subprocess.run([sys.executable, "workers.py", ".", method], cwd=tmp_path, check=True, timeout=200)
    np.testing.assert_allclose(np.load(tmp_path / "answers.npy"), clf.predict_proba(X), rtol=0, atol=1e-6)
