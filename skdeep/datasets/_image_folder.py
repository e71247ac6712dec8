from __future__ import annotations

import csv
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from skdeep._common.typing import PathLike
from skdeep._common.user_warnings import warn

_EXTENSIONS = (".avif", ".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
_PATH, _LABEL = "path", "label"


def load_image_folder(
    path: PathLike, *, allowed_extensions: Collection[str] | None = None, return_X_y: bool = False
) -> Any:
    r"""Find image files and their labels: a folder for each class, or a CSV file with paths and labels.

    The files are not read: `ReadImages`, as the first step of a pipeline, takes their paths. The name of a folder is
    the label of the images in it, also of those in folders inside it. Left out are hidden files and folders, whose
    names begin with a dot, files with other extensions, files beside the folders, and folders without images.

    Parameters
    ----------
    path : str or path-like
        A folder that has the folders of the classes, such as ``pets`` with ``pets/cat`` and ``pets/dog``. Or a file
        whose name ends in ".csv", in UTF-8, with a first line that names the columns, "path" and "label" among them.
        Its paths are relative to its own folder, unless they are absolute.
    allowed_extensions : collection of str, default=None
        Extensions of image files, such as ``[".jpg", ".png"]``, in upper or lower case. None is those of AVIF, BMP,
        GIF, JPEG, JPEG 2000, PGM, PNG, PPM, TIFF and WebP. A CSV file may name files with any.
    return_X_y : bool, default=False
        Whether to return `filenames` and `target` in place of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        filenames : ndarray of shape (n_images,), str
            Paths. Those of folders are sorted by class, and within a class by their names; those of a CSV file stand
            in its order.
        target : ndarray of shape (n_images,), int64
            Labels: the places of the classes in `target_names`.
        target_names : list of str
            Names of the classes, sorted.
    (filenames, target) : tuple of ndarray
        If `return_X_y` is True.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or file, or if a file that a CSV file names is missing.
    ValueError
        If there are no images, or a CSV file cannot be read, lacks a column, or has a row without path or label. The
        message names the path.

    Warns
    -----
    UserWarning
        If folders of classes have no images.

    See Also
    --------
    skdeep.ReadImages : Reads the files.
    sklearn.datasets.load_files : The same for texts.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from skdeep import ReadImages
    >>> from skdeep.datasets import load_image_folder
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name, colour in [("cat", "white"), ("dog", "brown")]:
    ...     (folder / name).mkdir()
    ...     Image.new("RGB", (30, 20), colour).save(folder / name / "1.png")
    >>> pets = load_image_folder(folder)
    >>> pets.target_names, pets.target
    (['cat', 'dog'], array([0, 1]))
    >>> ReadImages(size=16).fit_transform(pets.filenames).shape
    (2, 16, 16, 3)

    Paths and labels in a file:

    >>> _ = (folder / "pets.csv").write_text(
    ...     "path,label\ndog/1.png,dog\ncat/1.png,cat\n"
    ... )
    >>> load_image_folder(folder / "pets.csv").target
    array([1, 0])
    """
    path = Path(path).expanduser()
    if path.is_dir():
        paths, labels = _in_folders(path, _lowered(allowed_extensions))
    elif not path.exists():
        raise FileNotFoundError(f"There is no folder or file {str(path)!r}.")
    elif path.suffix.lower() == ".csv":
        paths, labels = _in_csv(path)
    else:
        raise ValueError(f"path must be a folder, or a file whose name ends in '.csv'. Got {str(path)!r}.")
    names, target = np.unique(labels, return_inverse=True)
    filenames, target = np.array([str(each) for each in paths]), target.astype(np.int64)
    if return_X_y:
        return filenames, target
    return Bunch(filenames=filenames, target=target, target_names=names.tolist())


def _lowered(extensions):
    if extensions is None:
        return _EXTENSIONS
    if isinstance(extensions, str) or not all(isinstance(each, str) and each.startswith(".") for each in extensions):
        raise ValueError(f"allowed_extensions must be a list of extensions, such as ['.png']. Got {extensions!r}.")
    return tuple(each.lower() for each in extensions)


def _in_folders(path, extensions):
    """Return the paths of the images in the folders of the classes, and the names of these."""
    folders = sorted(each for each in path.iterdir() if each.is_dir() and not each.name.startswith("."))
    if not folders:
        raise ValueError(f"{str(path)!r} has no folders: one for each class is needed, with its images in it.")
    images = {folder.name: _images_in(folder, extensions) for folder in folders}
    empty = [name for name, paths in images.items() if not paths]
    if len(empty) == len(folders):
        raise ValueError(
            f"There are no images in the folders of {str(path)!r}, which are {empty!r}: no files whose names end in "
            f"{', '.join(extensions)}."
        )
    if empty:
        warn(f"Folders of {str(path)!r} without images are left out: {empty!r}.")
    paths = [each for paths in images.values() for each in paths]
    return paths, [name for name, paths in images.items() for _ in paths]


def _images_in(folder, extensions):
    """Return the paths of all images in a folder and in those inside it, sorted."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(parent, name) for name in files if name.lower().endswith(extensions) and not name.startswith(".")
        ]
    return sorted(found)


def _in_csv(path):
    """Return the paths and the labels in a CSV file, whose lines are counted from 1 in messages."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True, strict=True)
            columns = reader.fieldnames or []
            rows = [(reader.line_num, row.get(_PATH), row.get(_LABEL)) for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{str(path)!r} cannot be read as CSV in UTF-8: {error}") from error
    missing = [name for name in (_PATH, _LABEL) if name not in columns]
    if missing:
        raise ValueError(
            f"{str(path)!r} has no column {' and '.join(map(repr, missing))}. Its columns are {columns!r}."
        )
    if not rows:
        raise ValueError(f"{str(path)!r} has no rows.")
    paths = []
    for line, name, label in rows:
        if not name or not label:
            raise ValueError(f"Line {line} of {str(path)!r} has no {_LABEL if name else _PATH}.")
        paths.append(path.parent / name)
        if not paths[-1].is_file():
            raise FileNotFoundError(
                f"Line {line} of {str(path)!r} names {str(paths[-1])!r}, but there is no such file."
            )
    return paths, [label for _, _, label in rows]
