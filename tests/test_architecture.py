"""The rooms of the package: what each may import, and that nothing is imported on the way."""

import ast
import pathlib

import pytest

import skdeep
import skdeep._engine

ROOT = pathlib.Path(skdeep.__file__).parent
# From the lowest; each may import what stands before it, and the public modules all.
ROOMS = [
    "_common",
    "_lazy",
    "_backend",
    "_data",
    "_inference",
    "_training",
    "_keras",
    "_engine",
    "_files",
    "_networks",
    "_estimators",
]
MODULES = sorted(ROOT.rglob("*.py"))


def imported(tree):
    """Yield what a module imports by full name, also through the lazy door, with the line and the node."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node) for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", None) == "lazy_module":
            yield node.args[0].value, node


def room_of(name):
    """Return the number of a room, by the full name of what is in it; public modules come last."""
    part = name.split(".")[1] if "." in name else ""
    return ROOMS.index(part) if part in ROOMS else len(ROOMS)


def name_of(path):
    return ".".join(["skdeep", *path.relative_to(ROOT).with_suffix("").parts])


@pytest.mark.parametrize("path", MODULES, ids=name_of)
class TestModule:
    def test_imports_go_down(self, path):
        own = room_of(name_of(path))
        tree = ast.parse(path.read_text())
        upwards = [name for name, _ in imported(tree) if name.startswith("skdeep.") and room_of(name) > own]
        assert set(upwards) <= {"skdeep.callbacks", "skdeep.losses"}

    def test_tensorflow_is_used_in_two_places(self, path):
        """Each other backend of Keras needs to stand beside no more than these."""
        names = [name for name, _ in imported(ast.parse(path.read_text()))]
        uses_it = any(name == "skdeep._lazy.tf" or name.split(".")[0] == "tensorflow" for name in names)
        assert not uses_it or name_of(path).split(".")[1] in ("_backend", "_engine")

    def test_only_the_interface_of_the_engine_is_used(self, path):
        names = [name for name, _ in imported(ast.parse(path.read_text())) if name.startswith("skdeep._engine.")]
        is_inside = name_of(path).startswith("skdeep._engine")
        missing = [name for name in names if name.rpartition(".")[2] not in skdeep._engine.__doc__]
        assert is_inside or missing == []

    def test_nothing_is_imported_in_a_function(self, path):
        tree = ast.parse(path.read_text())
        functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.Lambda))]
        inner = {id(node) for function in functions for node in ast.walk(function)}
        assert [name for name, node in imported(tree) if id(node) in inner] == []

    def test_private_parts_of_scikit_learn_come_from_one_module(self, path):
        tree = ast.parse(path.read_text())
        private = [name for name, _ in imported(tree) if name.startswith("sklearn.") and "._" in name]
        assert path.name == "private_sklearn.py" or private == []
