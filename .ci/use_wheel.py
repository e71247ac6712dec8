"""Use an installed skdeep. `.ci/test_wheel` runs this where there is no source tree, with the version that it built."""

import importlib
import pkgutil
import sys
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline

import skdeep
from skdeep import CNNClassifier, ScaleToUnit, load, save

assert Path(skdeep.__file__).is_relative_to(sys.prefix), f"{skdeep.__file__} is not what was installed"
assert skdeep.__version__ == sys.argv[1], f"version {skdeep.__version__}, where {sys.argv[1]} was built"
for module in pkgutil.walk_packages(skdeep.__path__, "skdeep."):
    importlib.import_module(module.name)

# TensorFlow trains this one; NumPy those of the README.
X, y = load_digits(return_X_y=True)
X = X.reshape(-1, 8, 8)
clf = make_pipeline(ScaleToUnit(), CNNClassifier((16,), epochs=5, random_state=0)).fit(X, y)
assert clf.score(X, y) > 0.9
save(clf, "digits.skdeep")
assert (load("digits.skdeep").predict(X) == clf.predict(X)).all()
