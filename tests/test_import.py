"""What importing skdeep does, and what it leaves alone."""

import os
import pickle
import subprocess
import sys

import pytest
from sklearn.pipeline import make_pipeline

import skdeep


def run(code, **environment):
    env = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"} | environment
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)


def test_every_public_name_is_there():
    assert {*skdeep.__all__, "StopAtMetric"} == set(dir(skdeep))
    assert all(getattr(skdeep, name) is not None for name in dir(skdeep))


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="module 'skdeep' has no attribute 'RNNClassifier'"):
        skdeep.RNNClassifier  # noqa: B018


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "code", ["import skdeep", "from skdeep import *", "import skdeep.datasets; skdeep.__version__"]
)
def test_importing_loads_no_tensorflow_and_sets_nothing(code):
    done = run(
        f"import os, sys; before = dict(os.environ); {code}; "
        "assert not {'tensorflow', 'keras', 'scikeras', 'matplotlib'} & set(sys.modules); "
        "assert dict(os.environ) == before"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


FIT = (
    "import numpy as np; from skdeep import DNNClassifier; "
    "DNNClassifier((2,), epochs=1, optimizer='nadam').fit(np.eye(4), [0, 1, 0, 1]).predict(np.eye(4)); "
)


@pytest.mark.slow
def test_a_search_prints_nothing():
    """TensorFlow warns when it sees one function traced again and again, and every new network is traced."""
    done = run(
        "from sklearn.datasets import load_iris; from sklearn.model_selection import GridSearchCV; "
        "from skdeep import DNNClassifier; "
        "GridSearchCV(DNNClassifier((4,), epochs=1), {'dropout': [0, .1, .2, .3, .4]}, cv=3, refit=False)"
        ".set_params(estimator__optimizer='nadam').fit(*load_iris(return_X_y=True))"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_a_log_level_of_the_user_stays():
    done = run(FIT + "import os; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])", TF_CPP_MIN_LOG_LEVEL="1")
    assert done.stdout.strip() == "1"


def test_what_is_asked_of_any_estimator_does_without_tensorflow(iris, tmp_path):
    X, y = iris
    clf = skdeep.DNNClassifier((4,), epochs=1, random_state=0).fit(X, y)
    (tmp_path / "pickle").write_bytes(pickle.dumps([make_pipeline(skdeep.Flatten(), clf), skdeep.KerasRegressor()]))
    skdeep.save(clf, tmp_path / "file")
    done = run(
        "import copy, pathlib, pickle, sys, skdeep; from sklearn.base import clone; "
        f"here = pathlib.Path({str(tmp_path)!r}); "
        "fitted, own = pickle.loads((here / 'pickle').read_bytes()); "
        "each = [fitted, own, skdeep.load(here / 'file'), skdeep.CNNClassifier(), skdeep.KerasClassifier(model=len)]; "
        "[(repr(e), e._repr_html_(), e.set_params(**e.get_params()), repr(clone(e))) for e in each]; "
        "[(copy.deepcopy(e), pickle.dumps(e)) for e in each]; "
        "print({'tensorflow', 'keras', 'scikeras'} & set(sys.modules), 'n_iter_' in fitted._repr_html_())"
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "set() True", "")


def test_another_backend_is_named():
    done = run("import skdeep._lazy; skdeep._lazy.keras.Model", KERAS_BACKEND="numpy")
    assert done.returncode == 1
    assert "Keras is set to 'numpy'" in done.stderr
