"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from skdeep._common.typing import PathLike


def writable_path(path: PathLike) -> Path:
    """Return the path of the file that `path` stands for, links followed; an OSError tells that it cannot be one."""
    target = Path(os.path.realpath(Path(path)))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(path))
    return target


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give the path of a new file beside `path`, which takes its place when the body of the ``with`` statement ends.

    If the body raises, the new file is removed and the old one stays as it was. The new name ends like the old one, for
    libraries that look at that.

    Parameters
    ----------
    path : Path
        From `writable_path`.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part{path.suffix}")
    try:
        yield part
        with open(part, "r+b") as file:
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, part)
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is not None:
            error.filename = os.fspath(path)
        raise
