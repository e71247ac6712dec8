"""Keras networks as scikit-learn classifiers and regressors, and the transformers that images need in front of them.

Importing skdeep is quick and has no other effect: every public name is imported when it is first used, and TensorFlow
when a network is first fitted, used or inspected.
"""

import importlib

from skdeep._common import forked as _forked  # noqa: F401, which watches forks from now on
from skdeep._common import private_parts as _private_parts
from skdeep._common import workers as _workers

_HOME = {
    "CNNClassifier": "skdeep.classifiers",
    "DNNClassifier": "skdeep.classifiers",
    "MLPClassifier": "skdeep.classifiers",
    "CNNRegressor": "skdeep.regressors",
    "DNNRegressor": "skdeep.regressors",
    "MLPRegressor": "skdeep.regressors",
    "KerasClassifier": "skdeep.wrappers",
    "KerasRegressor": "skdeep.wrappers",
    "Flatten": "skdeep.preprocessing",
    "OneHot": "skdeep.preprocessing",
    "ReadImages": "skdeep.preprocessing",
    "Reshape": "skdeep.preprocessing",
    "ScaleToUnit": "skdeep.preprocessing",
    "ZScore": "skdeep.preprocessing",
    "load": "skdeep.persistence",
    "save": "skdeep.persistence",
    "trusted_types": "skdeep._files.trust",
    "without_optimizer": "skdeep.persistence",
}
# Importing these imports TensorFlow, so ``from skdeep import *`` leaves them out.
_WITH_TENSORFLOW = {"StopAtMetric": "skdeep.callbacks"}
_MODULES = ("classifiers", "datasets", "plotting", "preprocessing", "programs", "regressors", "wrappers")

__all__ = [*_HOME, *_MODULES, "__version__"]


_workers.prepare()


def __getattr__(name):
    home = _HOME.get(name) or _WITH_TENSORFLOW.get(name)
    if home is not None:
        _private_parts.check("sklearn")
        value = getattr(importlib.import_module(home), name)
    elif name in _MODULES:
        return importlib.import_module(f"skdeep.{name}")
    elif name == "__version__":
        value = importlib.import_module("skdeep._common.version").__version__
    else:
        raise AttributeError(f"module 'skdeep' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted([*__all__, *_WITH_TENSORFLOW])
