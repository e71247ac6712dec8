"""The one door to what takes long to import: Keras and TensorFlow first, then what few people use.

``import skdeep``, unpickling, `repr`, `clone` and `get_params` do without it all, and are quick. So no module of skdeep
imports these libraries; each takes what stands for them from here. They are imported when an attribute is first used.

Some modules of skdeep need Keras while they are read, since they derive classes from Keras's or list them. Those that
do without them until a network is used take such a module by `lazy_module`, so that it is plain at the top of each file
what it uses. The test of the architecture knows `lazy_module`, too.

For type checkers `keras` is the module itself, so that its classes can be named in annotations.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from skdeep._common import private_parts, startup_lines

__all__ = ["keras", "lazy_module", "tf"]


class _LazyModule:
    """A module that is imported when an attribute of it is first used."""

    def __init__(self, name, imported):
        self._name = name
        self._imported = imported
        self._module = None

    def __repr__(self):
        return f"<module {self._name!r}, imported when it is used>"

    def __getattr__(self, name):
        if name.startswith("__") and name not in ("__all__", "__version__"):  # what tools ask any object for
            raise AttributeError(name)
        if self._module is None:
            self._module = self._imported(self._name)
        return getattr(self._module, name)


def lazy_module(name: str, *, advice: str | None = None) -> Any:
    """Return what stands for a module of this full name, which is imported when an attribute of it is first used.

    If it is not installed, the ImportError says what `advice` does.
    """

    def imported(name):
        try:
            return importlib.import_module(name)
        except ImportError as error:
            raise (error if advice is None else ImportError(advice)) from error

    return _LazyModule(name, imported)


def _of_tensorflow(name):
    """Import TensorFlow and Keras, check that they are such as skdeep needs, and return the one that is asked for.

    Its start-up lines are withheld, see `skdeep._common.startup_lines`.
    """
    _check_backend(os.environ.get("KERAS_BACKEND") or "tensorflow")  # before an import that may fail for another reason
    try:
        with startup_lines.withheld():
            modules = {each: importlib.import_module(each) for each in ("keras", "tensorflow")}
    except ImportError as error:
        raise ImportError(
            f"skdeep needs TensorFlow and Keras for networks, which cannot be imported here: {error}"
        ) from error
    _check_backend(modules["keras"].backend.backend())
    private_parts.check("keras")
    private_parts.check("tensorflow")
    return modules[name]


def _check_backend(name):
    if name != "tensorflow":
        raise ImportError(
            f"skdeep trains with Keras's TensorFlow backend, but Keras is set to {name!r}. "
            "Set the environment variable KERAS_BACKEND=tensorflow before Keras is imported."
        )


if TYPE_CHECKING:
    import keras
else:
    keras = _LazyModule("keras", _of_tensorflow)
tf: Any = _LazyModule("tensorflow", _of_tensorflow)
