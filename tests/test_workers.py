"""Workers of joblib in which NumPy trains first and TensorFlow later."""

import subprocess
import sys

import pytest

SEARCHES = """
import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from skdeep import DNNClassifier, KerasClassifier


def network(meta):
    layers = [keras.layers.Dense(50, activation="relu"), keras.layers.Dense(10, activation="softmax")]
    return keras.Sequential(layers)


if __name__ == "__main__":
    X, y = load_digits(return_X_y=True)
    for search in (
        GridSearchCV(DNNClassifier((50,), epochs=20, random_state=0), {"optimizer": OPTIMIZERS}, n_jobs=2, cv=4),
        GridSearchCV(KerasClassifier(network, loss="sparse_categorical_crossentropy", verbose=0), GRID, n_jobs=2),
    ):
        search.fit(X, y)
"""


@pytest.mark.slow
@pytest.mark.parametrize("optimizers", [["adam", "nadam"], ["adam", "sgd"]])
def test_joblib_does_not_take_tensorflow_for_a_leak(optimizers, tmp_path):
    """It is imported by skdeep, or where the model of the second search is unpickled."""
    code = f"OPTIMIZERS, GRID = {optimizers}, {{'epochs': [5, 10]}}\n{SEARCHES}"
    (tmp_path / "search.py").write_text(code)
    done = subprocess.run([sys.executable, tmp_path / "search.py"], capture_output=True, text=True, check=True)
    assert "A worker stopped" not in done.stderr
