"""What is said where another package lacks what skdeep uses of it, or is too old; and that all of it is looked for."""

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import keras
import pytest
import sklearn

import skdeep
from skdeep import _lazy
from skdeep._common.private_parts import PARTS, TESTED, check, names_in_code

SOURCES = sorted(Path(skdeep.__file__).parent.rglob("*.py"))
EACH_PART = [
    (package, place, part) for package, places in PARTS.items() for place, parts in places.items() for part in parts
]


def take_away(monkeypatch, place, part):
    """Take a part away from a module, class or function, and from the code of the latter two."""
    owner = pkgutil.resolve_name(place)
    if inspect.isfunction(owner):
        module, _, name = place.partition(":")
        monkeypatch.setattr(importlib.import_module(module), name, lambda: None)
        return
    for each in owner.__mro__ if inspect.isclass(owner) else [owner]:
        of_class = inspect.isclass(owner)
        for name, value in list(vars(each).items()):
            if name == part or (of_class and part in names_in_code(value)):
                monkeypatch.delattr(each, name)


@pytest.mark.parametrize("package", PARTS)
def test_all_is_there(package):
    check(package)


@pytest.mark.parametrize("package, place, part", EACH_PART, ids=[f"{place}-{part}" for _, place, part in EACH_PART])
def test_a_part_that_is_not_there_is_named_with_the_version(package, place, part, monkeypatch):
    version = importlib.import_module(package).__version__
    with monkeypatch.context() as patch:
        take_away(patch, place, part)
        with pytest.raises(ImportError) as caught:
            check(package)
    said = str(caught.value)
    assert re.match(rf"skdeep relies on parts of (.*) that \1 {re.escape(version)} does not have: ", said)
    assert f"{place.replace(':', '.')}.{part}" in said
    assert said.endswith(f"=={TESTED[package][1]}.*'")


def test_a_module_that_is_not_there(monkeypatch):
    monkeypatch.setitem(PARTS["keras"], "keras.src.gone:Layer", ["_flatten_layers"])
    with pytest.raises(ImportError, match=r"does not have: keras\.src\.gone\.Layer\._flatten_layers\."):
        check("keras")


def test_a_version_that_is_too_old(monkeypatch):
    monkeypatch.setattr(keras, "__version__", "3.9.2")
    with pytest.raises(ImportError, match=rf"skdeep needs Keras {TESTED['keras'][0]} or newer, but Keras 3.9.2 is"):
        _lazy._of_tensorflow("keras")


def test_scikit_learn_is_looked_at_when_an_estimator_is_imported(monkeypatch):
    monkeypatch.delitem(vars(skdeep), "ZScore", raising=False)
    monkeypatch.setattr(sklearn, "__version__", "1.8.0")
    with pytest.raises(ImportError, match=r"skdeep needs scikit-learn 1\.9 or newer, but scikit-learn 1\.8\.0 is"):
        skdeep.ZScore  # noqa: B018


def private_names(tree):
    """Return the private names that a module imports from other packages, and the private attributes it uses."""
    imported, used = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.module.startswith("skdeep"):
            is_private = ".src." in node.module or "._" in node.module
            imported |= {each.name for each in node.names if is_private or each.name.startswith("_")}
        elif isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr):
            used.add(node.attr)
        elif isinstance(node, ast.Attribute) and ast.unparse(node).startswith("keras.src."):
            imported.add(ast.unparse(node))
    return imported, used


def own_names(tree):
    """Return the names that a module defines, or sets on objects of its classes."""
    own = {"_current_frames", "_make", "_getframe"}  # which Python documents
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            own.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            is_of_class = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            own |= {node.attr} if is_of_class else set()
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
        elif isinstance(node, ast.Dict):  # of what a fit learns
            own |= {key.value for key in node.keys if isinstance(key, ast.Constant)}
    return own


def test_every_private_name_in_the_code_is_looked_for():
    trees = [ast.parse(path.read_text()) for path in SOURCES]
    known = {part for _, _, part in EACH_PART}
    known |= {f"{place}.{part}" for _, place, part in EACH_PART}
    known |= {
        ".".join(place.split(".")[:n]) for _, place, _ in EACH_PART for n in range(2, 9)
    }  # the modules on the way
    own = set().union(*map(own_names, trees))
    imported, used = (set().union(*names) for names in zip(*map(private_names, trees), strict=True))
    assert imported - known == set()
    assert used - own - known == set()
