"""Keras networks as scikit-learn classifiers and regressors, and the transformers that images need in front of them.

Importing skdeep is quick and has no other effect: every public name is imported when it is first used, and TensorFlow
when a network is first fitted, used or inspected.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from skdeep._common import forked as _forked  # noqa: F401, which watches forks from now on
from skdeep._common import private_parts as _private_parts
from skdeep._common import workers as _workers

# The same as below, for type checkers.
if TYPE_CHECKING:
    from skdeep import classifiers as classifiers
    from skdeep import datasets as datasets
    from skdeep import export as export
    from skdeep import plotting as plotting
    from skdeep import preprocessing as preprocessing
    from skdeep import programs as programs
    from skdeep import regressors as regressors
    from skdeep import wrappers as wrappers
    from skdeep._common.version import __version__ as __version__
    from skdeep._files.trust import trusted_types as trusted_types
    from skdeep.callbacks import StopAtMetric as StopAtMetric
    from skdeep.classifiers import CNNClassifier as CNNClassifier
    from skdeep.classifiers import DNNClassifier as DNNClassifier
    from skdeep.classifiers import MLPClassifier as MLPClassifier
    from skdeep.classifiers import TableClassifier as TableClassifier
    from skdeep.persistence import load as load
    from skdeep.persistence import save as save
    from skdeep.persistence import without_optimizer as without_optimizer
    from skdeep.preprocessing import Flatten as Flatten
    from skdeep.preprocessing import OneHot as OneHot
    from skdeep.preprocessing import ReadImages as ReadImages
    from skdeep.preprocessing import Reshape as Reshape
    from skdeep.preprocessing import ScaleToUnit as ScaleToUnit
    from skdeep.preprocessing import TableEncoder as TableEncoder
    from skdeep.preprocessing import Window as Window
    from skdeep.preprocessing import ZScore as ZScore
    from skdeep.regressors import CNNRegressor as CNNRegressor
    from skdeep.regressors import DNNRegressor as DNNRegressor
    from skdeep.regressors import MLPRegressor as MLPRegressor
    from skdeep.regressors import TableRegressor as TableRegressor
    from skdeep.wrappers import KerasClassifier as KerasClassifier
    from skdeep.wrappers import KerasRegressor as KerasRegressor
    from skdeep.wrappers import KerasTransformer as KerasTransformer
    from skdeep.wrappers import NamedArrays as NamedArrays

_HOME = {
    "CNNClassifier": "skdeep.classifiers",
    "DNNClassifier": "skdeep.classifiers",
    "MLPClassifier": "skdeep.classifiers",
    "TableClassifier": "skdeep.classifiers",
    "CNNRegressor": "skdeep.regressors",
    "DNNRegressor": "skdeep.regressors",
    "MLPRegressor": "skdeep.regressors",
    "TableRegressor": "skdeep.regressors",
    "KerasClassifier": "skdeep.wrappers",
    "KerasRegressor": "skdeep.wrappers",
    "KerasTransformer": "skdeep.wrappers",
    "NamedArrays": "skdeep.wrappers",
    "Flatten": "skdeep.preprocessing",
    "OneHot": "skdeep.preprocessing",
    "ReadImages": "skdeep.preprocessing",
    "Reshape": "skdeep.preprocessing",
    "ScaleToUnit": "skdeep.preprocessing",
    "TableEncoder": "skdeep.preprocessing",
    "Window": "skdeep.preprocessing",
    "ZScore": "skdeep.preprocessing",
    "load": "skdeep.persistence",
    "save": "skdeep.persistence",
    "trusted_types": "skdeep._files.trust",
    "without_optimizer": "skdeep.persistence",
}
# Importing these imports TensorFlow, so ``from skdeep import *`` leaves them out.
_WITH_TENSORFLOW = {"StopAtMetric": "skdeep.callbacks"}
_MODULES = ("classifiers", "datasets", "export", "plotting", "preprocessing", "programs", "regressors", "wrappers")

__all__ = [*_HOME, *_MODULES, "__version__"]


_workers.prepare()


def __getattr__(name: str) -> Any:
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


def __dir__() -> list[str]:
    return sorted([*__all__, *_WITH_TENSORFLOW])
