"""Files that are written whole or not at all."""

import contextlib
import os
import secrets
from pathlib import Path


@contextlib.contextmanager
def replaced(path):
    """Give the path of a new file beside `path`, which takes its place when the body of the ``with`` statement ends.

    If the body raises, the new file is removed and the old one stays as it was. The new name ends like the old one, for
    libraries that look at that.
    """
    path = Path(path)
    part = path.with_name(f".{path.stem}.{secrets.token_hex(8)}.part{path.suffix}")
    try:
        yield part
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
