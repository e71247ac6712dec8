"""Warnings that point at the line of the user's own from which the work was asked for."""

from __future__ import annotations

import sys
import warnings

# Whose code may stand between that line and here.
_BETWEEN = {"skdeep", "sklearn", "joblib", "contextlib", "threading", "concurrent", "multiprocessing", "runpy"}


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line that is neither skdeep's nor of what may have called it for the user."""
    frame, level = sys._getframe(1), 2
    outermost = level
    while frame is not None and (package := _package(frame)) in _BETWEEN:
        if package == "skdeep":
            outermost = level
        frame, level = frame.f_back, level + 1
    # In a worker there is no line of the user's; then it is where skdeep was called.
    warnings.warn(message, category, stacklevel=outermost if frame is None else level)


def _package(frame):
    spec = frame.f_globals.get("__spec__")  # has the name of a module that runs as __main__, such as joblib's workers
    return str(frame.f_globals.get("__name__") if spec is None else spec.name).partition(".")[0]
