"""Image files with their labels: a folder for each class, or a CSV file."""

import os
import re
import shutil

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from sklearn.datasets import load_files
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils import Bunch

from skdeep import Flatten, ReadImages, ScaleToUnit
from skdeep.datasets import load_image_folder


@pytest.fixture
def pets(tmp_path):
    """Two images of dogs and three of cats."""
    files = {"dog/b.png": 10, "dog/a.JPG": 20, "cat/2.png": 200, "cat/10.png": 210, "cat/1.gif": 220}
    for name, value in files.items():
        path = tmp_path / "pets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 3), value).save(path)
    return tmp_path / "pets"


def names_of(data, folder):
    return [os.path.relpath(path, folder) for path in data.filenames]


def csv_of(pets, content, encoding="utf-8"):
    (pets / "labels.csv").write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return pets / "labels.csv"


class TestFolders:
    @pytest.mark.parametrize("as_type", [str, lambda path: path])
    def test_names_are_labels_and_all_is_sorted(self, as_type, pets):
        data = load_image_folder(as_type(pets))
        assert isinstance(data, Bunch)
        assert set(data) == {"filenames", "target", "target_names"}
        assert names_of(data, pets) == ["cat/1.gif", "cat/10.png", "cat/2.png", "dog/a.JPG", "dog/b.png"]
        assert_array_equal(data.target, np.array([0, 0, 0, 1, 1]), strict=True)
        assert data.target_names == ["cat", "dog"]
        filenames, target = load_image_folder(pets, return_X_y=True)
        assert_array_equal(filenames, data.filenames, strict=True)
        assert_array_equal(target, data.target, strict=True)

    def test_the_same_as_load_files(self, pets):
        expected = load_files(pets, load_content=False, shuffle=False)
        data = load_image_folder(pets)
        assert sorted(zip(data.filenames, data.target, strict=True)) == sorted(
            zip(expected.filenames, expected.target, strict=True)
        )
        assert data.target_names == expected.target_names
        assert data.target.dtype == expected.target.dtype

    def test_a_pipeline_learns_them(self, pets):
        X, y = load_image_folder(pets, return_X_y=True)
        reader = ReadImages(mode="L")
        assert_array_equal(reader.fit_transform(X)[[0, 1, 2, 4], 0, 0], [220, 210, 200, 10])
        pipe = make_pipeline(reader, Flatten(), ScaleToUnit(), LogisticRegression(C=100))
        assert pipe.fit(X, y).score(X, y) == 1

    def test_nested_folders_belong_to_the_class(self, pets):
        shutil.copytree(pets / "cat", pets / "dog" / "old" / "older")
        data = load_image_folder(pets)
        assert names_of(data, pets)[5:] == [f"dog/old/older/{name}" for name in ("1.gif", "10.png", "2.png")]
        assert data.target.tolist() == [0] * 3 + [1] * 5

    def test_what_is_left_out(self, pets):
        expected = names_of(load_image_folder(pets), pets)
        for name in (".hidden.png", "Thumbs.db", "notes.txt", "png"):
            (pets / "cat" / name).write_bytes(b"")
        (pets / "cat" / ".cache").mkdir()
        shutil.copy(pets / "cat" / "2.png", pets / "cat" / ".cache" / "2.png")
        shutil.copytree(pets / "cat", pets / ".ipynb_checkpoints")
        shutil.copy(pets / "cat" / "2.png", pets / "beside.png")
        data = load_image_folder(pets)
        assert names_of(data, pets) == expected
        assert data.target_names == ["cat", "dog"]

    def test_extensions(self, pets):
        assert names_of(load_image_folder(pets, allowed_extensions=[".PNG"]), pets) == [
            "cat/10.png",
            "cat/2.png",
            "dog/b.png",
        ]
        for extensions in (".png", ["png"], [3]):
            with pytest.raises(ValueError, match="allowed_extensions must be a list of extensions"):
                load_image_folder(pets, allowed_extensions=extensions)

    def test_folders_without_images_are_told(self, pets):
        (pets / "bird").mkdir()
        (pets / "fish" / "inner").mkdir(parents=True)
        with pytest.warns(
            UserWarning, match=rf"{re.escape(str(pets))}' without images are left out: \['bird', 'fish'\]"
        ):
            data = load_image_folder(pets)
        assert data.target_names == ["cat", "dog"]

    def test_one_class(self, pets):
        shutil.rmtree(pets / "dog")
        assert load_image_folder(pets).target.tolist() == [0, 0, 0]

    def test_images_that_are_damaged_are_named_by_what_reads_them(self, pets):
        (pets / "cat" / "3.png").write_bytes(b"no image")
        with pytest.raises(ValueError, match=r"Cannot read '.*3\.png'"):
            ReadImages(size=4).fit_transform(load_image_folder(pets).filenames)

    def test_a_folder_without_folders_is_named(self, pets):
        with pytest.raises(ValueError, match=rf"'{re.escape(str(pets / 'cat'))}' has no folders"):
            load_image_folder(pets / "cat")

    def test_folders_without_any_image_are_named(self, tmp_path):
        (tmp_path / "pets" / "cat").mkdir(parents=True)
        with pytest.raises(ValueError, match=r"no images in the folders of '.*pets', which are \['cat'\]"):
            load_image_folder(tmp_path / "pets")

    def test_what_is_missing_or_no_folder_is_named(self, pets):
        with pytest.raises(FileNotFoundError, match=r"There is no folder or file '.*nowhere'"):
            load_image_folder(pets / "nowhere")
        with pytest.raises(ValueError, match=r"must be a folder, or a file whose name ends in '.csv'. Got '.*b.png'"):
            load_image_folder(pets / "dog" / "b.png")


class TestCsv:
    def test_paths_and_labels_in_its_order(self, pets):
        path = csv_of(pets, "id,label,path\n1,old dog,dog/b.png\n2,cat,cat/1.gif\n3,old dog,dog/a.JPG\n")
        data = load_image_folder(path)
        assert names_of(data, pets) == ["dog/b.png", "cat/1.gif", "dog/a.JPG"]
        assert_array_equal(data.target, np.array([1, 0, 1]), strict=True)
        assert data.target_names == ["cat", "old dog"]

    def test_absolute_paths_quotes_and_marks_of_windows(self, pets):
        name = pets / "a, b.png"
        shutil.copy(pets / "cat" / "2.png", name)
        path = csv_of(pets, f'path, label\r\n"{name}", "Kätzchen"\r\n', "utf-8-sig")
        data = load_image_folder(path)
        assert data.filenames.tolist() == [str(name)]
        assert data.target_names == ["Kätzchen"]

    @pytest.mark.parametrize(
        "content, message",
        [
            ("", r"has no column 'path' and 'label'. Its columns are \[\]"),
            ("path;label\ndog/b.png;dog\n", r"has no column 'path' and 'label'. Its columns are \['path;label'\]"),
            ("path,class\ndog/b.png,dog\n", r"has no column 'label'. Its columns are \['path', 'class'\]"),
            ("path,label\n", "has no rows"),
            ("path,label\ndog/b.png,dog\ndog/b.png\n", "Line 3 of .* has no label"),
            ("path,label\n,dog\n", "Line 2 of .* has no path"),
            (b"path,label\n\xff\xfe,dog\n", "cannot be read as CSV in UTF-8"),
            ('path,label\n"dog/b.png,dog\n', "cannot be read as CSV in UTF-8"),
        ],
    )
    def test_what_is_wrong_is_named_with_the_path(self, content, message, pets):
        with pytest.raises(ValueError, match=message) as info:
            load_image_folder(csv_of(pets, content))
        assert str(pets / "labels.csv") in str(info.value)

    def test_files_that_are_missing_are_named(self, pets):
        path = csv_of(pets, "path,label\ndog/b.png,dog\ndog/c.png,dog\n")
        with pytest.raises(FileNotFoundError, match=r"Line 3 of '.*labels.csv' names '.*c.png', but there is no such"):
            load_image_folder(path)
