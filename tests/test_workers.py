"""Workers of joblib in which NumPy trains first and TensorFlow later."""

import subprocess
import sys

import pytest
from joblib.externals.loky import process_executor

from skdeep._common.workers import expect_growth

SEARCH = """
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from skdeep.classifiers import DNNClassifier

if __name__ == "__main__":
    X, y = load_digits(return_X_y=True)
    grid = {"optimizer": ["adam", "nadam"], "learning_rate": [1e-3, 1e-2]}
    GridSearchCV(DNNClassifier((50,), epochs=20, random_state=0), grid, n_jobs=2, cv=2).fit(X, y)
"""


@pytest.mark.slow
def test_joblib_does_not_take_tensorflow_for_a_leak(tmp_path):
    (tmp_path / "search.py").write_text(SEARCH)
    done = subprocess.run([sys.executable, tmp_path / "search.py"], capture_output=True, text=True, check=True)
    assert "A worker stopped" not in done.stderr


def test_only_in_workers(monkeypatch):
    monkeypatch.setattr(process_executor, "_MAX_MEMORY_LEAK_SIZE", 5)
    expect_growth(3)
    assert process_executor._MAX_MEMORY_LEAK_SIZE == 5
    monkeypatch.setattr(process_executor, "_CURRENT_DEPTH", 1)
    expect_growth(3)
    assert process_executor._MAX_MEMORY_LEAK_SIZE == 8
