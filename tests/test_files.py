"""Files are replaced in one step, by whatever writes them. See test_persistence for kill -9 and full disks."""

import os
import re

import pytest

import skdeep
from skdeep import DNNClassifier

WRITERS = {
    "model.skdeep": skdeep.save,
    "model.keras": lambda clf, path: clf.to_keras(path),
    "model.onnx": lambda clf, path: clf.to_onnx(path),
}


@pytest.fixture(scope="module")
def clf(iris):
    return DNNClassifier((8,), epochs=1).fit(*iris)


@pytest.fixture(params=WRITERS)
def writer(request, tmp_path):
    """A function that writes, and an old file for it."""
    path = tmp_path / request.param
    path.write_text("old")
    return WRITERS[request.param], path


def test_an_old_file_is_replaced(clf, writer):
    write, path = writer
    before = path.stat().st_ino
    write(clf, path)
    assert path.stat().st_size > 100
    assert path.stat().st_ino != before
    assert os.listdir(path.parent) == [path.name]


def test_an_error_leaves_the_old_file_and_nothing_else(clf, writer, monkeypatch):
    write, path = writer

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(clf, path)
    assert path.read_text() == "old"
    assert os.listdir(path.parent) == [path.name]


def test_a_path_relative_to_the_folder(clf, writer, monkeypatch):
    write, path = writer
    monkeypatch.chdir(path.parent)
    write(clf, path.name)
    assert path.stat().st_size > 100


def test_a_link_is_followed_and_the_mode_kept(clf, writer, tmp_path):
    write, path = writer
    path.chmod(0o640)
    link = tmp_path / f"link{path.suffix}"
    link.symlink_to(path)
    write(clf, link)
    assert link.is_symlink()
    assert path.stat().st_size > 100
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_name_as_long_as_can_be(clf, writer):
    write, path = writer
    path = path.with_name("é" * 120 + path.suffix)
    write(clf, path)
    assert path.stat().st_size > 100


@pytest.mark.parametrize("make", [lambda path: path.parent / "missing" / path.name, lambda path: path.parent])
def test_a_path_that_cannot_be_a_file_is_named_at_once(make, clf, writer):
    write, path = writer
    path = make(path)
    with pytest.raises((FileNotFoundError, IsADirectoryError), match=re.escape(repr(str(path)))):
        write(clf, path)


@pytest.mark.parametrize("path", [None, 3, b"model.keras"])
def test_something_else_than_a_path(path, clf, writer):
    with pytest.raises(TypeError, match="str"):
        writer[0](clf, path)
