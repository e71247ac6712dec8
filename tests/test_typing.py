"""The types in signatures: that they are there, where type checkers and users see them. mypy checks what they say."""

import ast
import functools
import importlib
import inspect
import pathlib

import pytest

import skdeep

ROOT = pathlib.Path(skdeep.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))
# Public modules; skdeep itself has what is in persistence.
MODULES = ["skdeep", *(f"skdeep.{name}" for name in (*skdeep._MODULES, "callbacks", "summary"))]


def public_callables(module):
    """Yield the public functions of a module and the public methods of its classes, with the names to show."""
    for name in module.__all__:
        item = getattr(module, name)
        if inspect.isclass(item):
            yield from ((f"{name}.{method}", function) for method, function in public_methods(item))
        elif inspect.isroutine(item):
            yield name, item


def public_methods(cls):
    """Yield the methods and properties that a class has of skdeep's own, inherited ones included, by name."""
    for base in cls.__mro__:
        for name, member in vars(base).items():
            if isinstance(member, property):
                member = member.fget
            elif isinstance(member, functools.cached_property):
                member = member.func
            function = inspect.unwrap(getattr(member, "__func__", member))
            is_public = name == "__init__" or not name.startswith("_")
            if is_public and inspect.isfunction(function) and function.__module__.startswith("skdeep"):
                yield name, function


def without_type(signature, *, is_bound):
    """Return what of a signature has no type: names of parameters, or "return"."""
    given = list(signature.parameters.values())[is_bound:]
    names = [each.name for each in given if each.annotation is each.empty]
    return names + ["return"] * (signature.return_annotation is signature.empty)


def test_the_package_says_that_it_has_types():
    assert (ROOT / "py.typed").is_file()


@pytest.mark.parametrize("name", MODULES)
def test_every_public_parameter_and_result_has_a_type(name):
    functions = list(public_callables(importlib.import_module(name)))
    missing = {shown: without_type(inspect.signature(function), is_bound="." in shown) for shown, function in functions}
    assert functions
    assert {shown: names for shown, names in missing.items() if names} == {}


def test_what_has_no_type_is_found():
    class Estimator:
        def fit(self, X, y: int = 0):
            return self

        @property
        def model_(self):
            return None

    Estimator.fit.__module__ = Estimator.model_.fget.__module__ = "skdeep.estimators"
    missing = {name: without_type(inspect.signature(each), is_bound=True) for name, each in public_methods(Estimator)}
    assert missing == {"fit": ["X", "return"], "model_": ["return"]}


def untyped(body, prefix=""):
    """Yield the functions and methods without a leading underscore that have a parameter or a result without a type."""
    for node in body:
        is_public = getattr(node, "name", "_") == "__init__" or not getattr(node, "name", "_").startswith("_")
        if isinstance(node, ast.ClassDef) and is_public:
            yield from untyped(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef) and is_public:
            given = node.args
            more = [each for each in (given.vararg, given.kwarg) if each is not None]
            names = [each.arg for each in (*given.args, *given.kwonlyargs, *more) if each.annotation is None]
            if node.returns is None or set(names) - {"self", "cls"}:
                yield f"{prefix}{node.name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_modules_offer_each_other_has_types(path):
    assert list(untyped(ast.parse(path.read_text()).body)) == []


def test_type_checkers_find_the_public_names():
    """`skdeep.__getattr__` imports them when they are used, which type checkers do not see."""
    tree = ast.parse((ROOT / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    homes = {each.asname: node.module for node in block.body for each in node.names if each.name == each.asname}
    modules = dict.fromkeys(skdeep._MODULES, "skdeep")
    assert homes == skdeep._HOME | skdeep._WITH_TENSORFLOW | modules | {"__version__": "skdeep._common.version"}
