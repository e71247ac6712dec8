"""What is written twice: bounds and pins, and versions in error messages, CITATION.cff and .pre-commit-config.yaml."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from skdeep._common.private_parts import TESTED

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = ("skops", "onnx", "progress", "dask", "test")
LINES = [*PROJECT["dependencies"], *(line for extra in EXTRAS for line in PROJECT["optional-dependencies"][extra])]
BOUNDS = {each.name: each for each in map(Requirement, LINES) if each.name != "skdeep"}


def pins(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return {name: Version(version) for name, version in re.findall(r"^([\w-]+)==(.*)$", text, re.MULTILINE)}


@pytest.mark.parametrize("name", ["oldest", "newest"])
def test_every_direct_dependency_is_pinned(name):
    assert list(pins(name)) == list(BOUNDS)


@pytest.mark.parametrize("name", BOUNDS)
def test_the_bound_is_the_oldest_pin_and_allows_the_newest(name):
    specifier = BOUNDS[name].specifier
    (bound,) = (each.version for each in specifier if each.operator in (">=", "=="))
    assert Version(bound.removesuffix(".*")) == pins("oldest")[name]
    assert specifier.contains(pins("newest")[name])


@pytest.mark.parametrize("package", TESTED)
def test_errors_name_these_versions(package):
    name = {"sklearn": "scikit-learn"}.get(package, package)
    ends = [pins(which)[name] for which in ("oldest", "newest")]
    assert TESTED[package] == tuple(f"{each.major}.{each.minor}" for each in ends)


def test_pre_commit_has_the_ruff_of_the_extra():
    (extra,) = (each for each in map(Requirement, PROJECT["optional-dependencies"]["dev"]) if each.name == "ruff")
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    (rev,) = re.findall(r"ruff-pre-commit\n +rev: v(\S+)", text)
    assert extra.specifier.contains(rev)


def test_the_citation_is_of_this_version():
    text = (ROOT / "CITATION.cff").read_text()
    assert re.findall(r"^(version|license): (.*)$", text, re.MULTILINE) == [
        (name, PROJECT[name]) for name in ("version", "license")
    ]
