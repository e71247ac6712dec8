"""The lines that TensorFlow writes when it starts, kept from standard error: no setting of TensorFlow's does that.

Some come when it is imported, one when its runtime starts. They are written to the file descriptor 2 by code in C++,
part of it before any setting is read.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator

# Parts of the lines that say no more than that a processor has features and that there is no GPU, which goes for most
# machines. Others, such as that of a GPU whose driver fails, are for the user.
_KNOWN = (
    b"All log messages before absl::InitializeLog() is called are written to STDERR",
    b"oneDNN custom operations are on.",
    b"This TensorFlow binary is optimized to use available CPU instructions in performance-critical operations.",
    b"in other operations, rebuild TensorFlow with the appropriate compiler flags.",
    b"Could not find cuda drivers on your machine, GPU will not be used.",
    b"failed call to cuInit: INTERNAL: CUDA error: Failed call to cuInit: UNKNOWN ERROR (303)",  # there is no driver
)
_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_QUIET_LEVEL = "3"
_lock = threading.RLock()


@contextlib.contextmanager
def withheld() -> Iterator[None]:
    """Keep TensorFlow's start-up lines from standard error in the body of the ``with`` statement.

    All else that is written there, and everything if the body raises, is written when the body ends. A user who has set
    TF_CPP_MIN_LOG_LEVEL to another level than 3, at which TensorFlow writes least, gets every line at once. If it is
    not set, it is set to 3.
    """
    if os.environ.setdefault(_LEVEL, _QUIET_LEVEL) != _QUIET_LEVEL:
        yield
        return
    with _lock:
        try:
            stderr = os.dup(2)
        except OSError:  # there is none
            stderr = None
        if stderr is None:
            yield
            return
        known, caught = _KNOWN, _nameless_file()
        _flush()
        os.dup2(caught, 2)
        try:
            yield
        except BaseException:
            known = ()
            raise
        finally:
            _flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            lines = _read(caught).splitlines(keepends=True)
            _write(b"".join(line for line in lines if not any(part in line for part in known)))
            os.close(caught)


def _nameless_file():
    """Return the descriptor of a file that nobody else sees: in memory where the system has such, else on disk."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("startup lines")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _read(descriptor):
    os.lseek(descriptor, 0, os.SEEK_SET)
    return b"".join(iter(lambda: os.read(descriptor, 65536), b""))


def _flush():
    if sys.stderr is not None:
        sys.stderr.flush()


def _write(text):
    while text:
        text = text[os.write(2, text) :]
