"""What is done in processes that work for another one, such as joblib's, when they import TensorFlow."""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys

from skdeep._common import startup_lines

_BYTES_OF_TENSORFLOW = 600_000_000  # imported, started and with the first traces


def prepare() -> None:
    """If this is a worker process, prepare it for TensorFlow, whoever imports it.

    Often that is the unpickling of what belongs to a user. The start-up lines of many workers would be in the way of
    what the main process prints. And joblib takes the memory for a leak where a worker trained with NumPy before: then
    it warns, ends the worker and starts another one.
    """
    process = sys.modules.get("multiprocessing.process")  # which is there in each process that Python started
    if process is not None and process.current_process().name != "MainProcess" and "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """Finds TensorFlow, once."""

    def find_spec(self, name, path, target=None):
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    """Runs a module as its own loader does, after what TensorFlow needs in a worker."""

    def __init__(self, loader):
        self._loader = loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__loader__ = module.__spec__.loader = self._loader
        _expect_growth()
        with startup_lines.withheld():
            self._loader.exec_module(module)


def _expect_growth():
    # joblib has no public setting for how much a worker may grow after its first call.
    module = sys.modules.get("joblib.externals.loky.process_executor")
    if hasattr(module, "_MAX_MEMORY_LEAK_SIZE"):
        module._MAX_MEMORY_LEAK_SIZE += _BYTES_OF_TENSORFLOW
