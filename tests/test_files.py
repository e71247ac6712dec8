"""Files are replaced in one step, by whatever writes them. See test_persistence for kill -9 and full disks."""

import os

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


def test_a_folder_that_is_not_there(clf, writer):
    write, path = writer
    with pytest.raises(OSError, match="missing"):
        write(clf, path.parent / "missing" / path.name)
