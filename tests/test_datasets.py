"""The image data sets: from small files, from a stand-in for Keras's loader, and the real ones where they are."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.utils import Bunch

from skdeep.datasets import fetch_cifar10, fetch_fashion_mnist, fetch_mnist

FETCH = {"mnist": fetch_mnist, "fashion_mnist": fetch_fashion_mnist, "cifar10": fetch_cifar10}
IMAGE_SHAPE = {"mnist": (28, 28), "fashion_mnist": (28, 28), "cifar10": (32, 32, 3)}
N_TRAIN, N_TEST = 20, 10

each_data_set = pytest.mark.parametrize("name", FETCH)


def few_images(name):
    """Return arrays as in the file of a data set, but of few images; CIFAR-10's labels are a column there."""
    rng = np.random.default_rng(0)
    arrays = {}
    for part, n_images in (("train", N_TRAIN), ("test", N_TEST)):
        arrays[f"x_{part}"] = rng.integers(0, 256, (n_images, *IMAGE_SHAPE[name]), dtype=np.uint8)
        labels = rng.permutation(n_images).astype(np.uint8) % 10
        arrays[f"y_{part}"] = labels[:, np.newaxis] if name == "cifar10" else labels
    return arrays


def write(folder, name="mnist", *, without=(), **changes):
    """Write the file of a data set with some arrays changed or left out, and return its path and its arrays."""
    arrays = {key: array for key, array in (few_images(name) | changes).items() if key not in without}
    path = folder / f"{name}.npz"
    np.savez(path, **arrays)
    return path, arrays


def keras_loader_is(monkeypatch, name, load_data):
    monkeypatch.setattr(f"keras.datasets.{name}.load_data", load_data)


def assert_holds(data, arrays):
    for part in ("train", "test"):
        assert_array_equal(data[f"X_{part}"], arrays[f"x_{part}"], strict=True)
        assert_array_equal(data[f"y_{part}"], arrays[f"y_{part}"].ravel(), strict=True)


# Files


@each_data_set
@pytest.mark.parametrize("as_type", [str, Path])
def test_reads_the_file_in_data_home(name, as_type, tmp_path):
    _, arrays = write(tmp_path, name)
    data = FETCH[name](data_home=as_type(tmp_path))
    assert isinstance(data, Bunch)
    assert set(data) == {"X_train", "y_train", "X_test", "y_test", "target_names", "DESCR"}
    assert_holds(data, arrays)


@each_data_set
def test_return_x_y_gives_two_pairs(name, tmp_path):
    _, arrays = write(tmp_path, name)
    (X_train, y_train), (X_test, y_test) = FETCH[name](data_home=tmp_path, return_X_y=True)
    assert_holds({"X_train": X_train, "y_train": y_train, "X_test": X_test, "y_test": y_test}, arrays)


@each_data_set
def test_labels_come_out_flat(name, tmp_path):
    write(tmp_path, name)
    data = FETCH[name](data_home=tmp_path)
    assert data.y_train.shape == (N_TRAIN,)
    assert data.y_test.shape == (N_TEST,)


@each_data_set
def test_reads_the_file_in_the_folder_that_the_environment_names(name, tmp_path, monkeypatch):
    monkeypatch.setenv("SKDEEP_DATA", str(tmp_path))
    _, arrays = write(tmp_path, name)
    assert_holds(FETCH[name](), arrays)


def test_data_home_goes_before_the_environment(tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    write(tmp_path / "other", x_train=np.zeros((N_TRAIN, 28, 28), dtype=np.uint8))
    monkeypatch.setenv("SKDEEP_DATA", str(tmp_path / "other"))
    _, arrays = write(tmp_path)
    assert_holds(fetch_mnist(data_home=tmp_path), arrays)


@pytest.mark.parametrize("value", [None, ""], ids=["unset", "empty"])
def test_reads_the_file_in_the_home_folder_by_default(value, tmp_path, monkeypatch):
    if value is None:
        monkeypatch.delenv("SKDEEP_DATA", raising=False)
    else:
        monkeypatch.setenv("SKDEEP_DATA", value)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "skdeep_data").mkdir()
    _, arrays = write(tmp_path / "skdeep_data")
    assert_holds(fetch_mnist(), arrays)


def test_data_home_is_a_keyword():
    with pytest.raises(TypeError, match="positional argument"):
        fetch_mnist("folder")


@pytest.mark.parametrize(
    "name, first, last",
    [("mnist", "0", "9"), ("fashion_mnist", "T-shirt/top", "Ankle boot"), ("cifar10", "airplane", "truck")],
)
def test_target_names_are_those_of_the_ten_classes(name, first, last, tmp_path):
    write(tmp_path, name)
    target_names = FETCH[name](data_home=tmp_path).target_names
    assert isinstance(target_names, list)
    assert len(set(target_names)) == 10
    assert (target_names[0], target_names[-1]) == (first, last)


def test_target_names_are_the_callers_own(tmp_path):
    write(tmp_path, "cifar10")
    fetch_cifar10(data_home=tmp_path).target_names.clear()
    assert len(fetch_cifar10(data_home=tmp_path).target_names) == 10


@pytest.mark.parametrize(
    "name, source, licence",
    [
        ("mnist", "http://yann.lecun.com/exdb/mnist", "Creative Commons Attribution-Share Alike 3.0"),
        ("fashion_mnist", "https://github.com/zalandoresearch/fashion-mnist", "MIT"),
        ("cifar10", "https://www.cs.toronto.edu/~kriz/cifar.html", "names none"),
    ],
)
def test_description_has_source_and_licence(name, source, licence, tmp_path):
    write(tmp_path, name)
    description = " ".join(FETCH[name](data_home=tmp_path).DESCR.split())
    assert re.search(f"Source: .*{re.escape(source)}", description)
    assert re.search(f"Licence: .*{re.escape(licence)}", description)


def test_reading_a_file_never_loads_tensorflow(tmp_path):
    write(tmp_path)
    code = (
        "import sys\n"
        "from skdeep.datasets import fetch_mnist\n"
        "print(fetch_mnist(data_home=sys.argv[1]).X_train.shape, 'tensorflow' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"({N_TRAIN}, 28, 28) False\n"


# Damaged files


def assert_named(path, message=""):
    with pytest.raises(ValueError, match=rf"(?s){re.escape(str(path))}.*{message}"):
        FETCH[path.stem](data_home=path.parent)


@each_data_set
@pytest.mark.parametrize("share", [0, 0.3, 0.99])
def test_names_a_truncated_file(name, share, tmp_path):
    path, _ = write(tmp_path, name)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert_named(path, "is truncated, damaged")


@pytest.mark.parametrize("content", [b"<html>404 Not Found</html>", b"PK\x03\x04 and no more", bytes(1000)])
def test_names_a_file_that_is_no_zip_file(content, tmp_path):
    path = tmp_path / "mnist.npz"
    path.write_bytes(content)
    assert_named(path, "is truncated, damaged, or not an .npz file")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed], ids=["plain", "compressed"])
def test_names_a_file_that_is_damaged_inside(save, tmp_path):
    path = tmp_path / "mnist.npz"
    save(path, **few_images("mnist"))
    content = bytearray(path.read_bytes())
    content[500:1500] = b"\xff" * 1000
    path.write_bytes(content)
    assert_named(path, "is truncated, damaged")


def test_names_a_file_with_a_damaged_header(tmp_path):
    path, _ = write(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"}", b" ", 1))
    assert_named(path, "is truncated, damaged")


def test_names_a_file_that_holds_one_bare_array(tmp_path):
    path = tmp_path / "mnist.npz"
    with path.open("wb") as file:
        np.save(file, few_images("mnist")["x_train"])
    assert_named(path, "not an .npz file")


@pytest.mark.parametrize("missing", ["x_train", "y_train", "x_test", "y_test"])
def test_names_the_file_and_a_missing_array(missing, tmp_path):
    path, _ = write(tmp_path, without=missing)
    assert_named(path, f"arrays x_train, y_train, x_test, y_test: .*{missing}")


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("shape", [(10, 27, 28), (10, 784), (10, 28, 28, 1), (0, 28, 28), ()], ids=str)
def test_names_the_file_and_images_of_another_shape(part, shape, tmp_path):
    labels = np.zeros(shape[:1], dtype=np.uint8)
    path, _ = write(tmp_path, **{f"x_{part}": np.zeros(shape, dtype=np.uint8), f"y_{part}": labels})
    assert_named(path, rf"x_{part} of shape {re.escape(str(shape))}.*images of shape \(28, 28\)")


def test_names_the_file_of_another_data_set(tmp_path):
    path, _ = write(tmp_path, "mnist")
    path = path.rename(tmp_path / "cifar10.npz")
    assert_named(path, r"x_train of shape \(20, 28, 28\).*images of shape \(32, 32, 3\)")


@pytest.mark.parametrize("dtype", [np.float32, np.str_], ids=["floats", "strings"])
def test_names_the_file_and_images_that_are_not_uint8(dtype, tmp_path):
    path, _ = write(tmp_path, x_train=few_images("mnist")["x_train"].astype(dtype))
    assert_named(path, "x_train.*uint8")


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("n_labels", [5, 30])
def test_names_the_file_and_labels_of_another_number(part, n_labels, tmp_path):
    path, _ = write(tmp_path, **{f"y_{part}": np.zeros(n_labels, dtype=np.uint8)})
    assert_named(path, rf"y_{part} of shape \({n_labels},\).*one label each")


@pytest.mark.parametrize("part, n_labels", [("train", N_TRAIN), ("test", N_TEST)])
@pytest.mark.parametrize("label, dtype", [(10, np.uint8), (-1, np.int64), (1.0, np.float64), ("dog", np.str_)])
def test_names_the_file_and_labels_that_are_no_classes(label, dtype, part, n_labels, tmp_path):
    path, _ = write(tmp_path, **{f"y_{part}": np.full(n_labels, label, dtype=dtype)})
    assert_named(path, f"labels in y_{part} that are not whole numbers from 0 to 9")


def test_names_the_file_and_does_not_run_pickled_objects_in_it(tmp_path):
    path, _ = write(tmp_path, y_train=np.array([None] * N_TRAIN))
    assert_named(path, "allow_pickle=False")


# Without a file


@each_data_set
def test_uses_the_loader_of_keras_if_there_is_no_file(name, tmp_path, monkeypatch):
    arrays = few_images(name)
    pairs = (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
    keras_loader_is(monkeypatch, name, lambda: pairs)
    data = FETCH[name](data_home=tmp_path)
    assert_holds(data, arrays)
    assert len(data.target_names) == 10


@each_data_set
def test_says_what_to_do_if_there_is_no_file_and_no_network(name, tmp_path, monkeypatch):
    def fail():
        raise Exception("URL fetch failure: no route to host")

    keras_loader_is(monkeypatch, name, fail)
    path = tmp_path / f"{name}.npz"
    message = (
        rf"^There is no file {re.escape(str(path))}, and {name} could not be fetched .*no route to host.*"
        "x_train, y_train, x_test, y_test.*data_home.*SKDEEP_DATA"
    )
    with pytest.raises(OSError, match=message):
        FETCH[name](data_home=tmp_path)


def test_a_folder_that_does_not_exist_is_no_other_error(tmp_path, monkeypatch):
    def fail():
        raise Exception("no network")

    keras_loader_is(monkeypatch, "mnist", fail)
    monkeypatch.setenv("SKDEEP_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(OSError, match=re.escape(str(tmp_path / "nowhere" / "mnist.npz"))):
        fetch_mnist()


# The real data

N_REAL = {"mnist": (60_000, 10_000), "fashion_mnist": (60_000, 10_000), "cifar10": (50_000, 10_000)}
LABEL_COUNTS = {
    "mnist": (
        [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
    ),
    "fashion_mnist": ([6000] * 10, [1000] * 10),
    "cifar10": ([5000] * 10, [1000] * 10),
}


@pytest.mark.real_data
@each_data_set
def test_real_data_is_what_its_description_says(name, needs_real_data):
    needs_real_data(name)
    data = FETCH[name]()
    for part, n_images, counts in zip(("train", "test"), N_REAL[name], LABEL_COUNTS[name], strict=True):
        images, labels = data[f"X_{part}"], data[f"y_{part}"]
        assert images.shape == (n_images, *IMAGE_SHAPE[name])
        assert images.dtype == labels.dtype == np.uint8
        assert (images.min(), images.max()) == (0, 255)
        assert labels.shape == (n_images,)
        assert np.bincount(labels).tolist() == counts
    assert len(data.target_names) == 10
