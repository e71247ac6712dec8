"""Environments of their own for libraries that need PyTorch, made when they are first asked for."""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = ("skorch", "pytabkit")  # as in NAME-requirements.txt


def python_of(name):
    """Return the Python of an environment, or this one for a library that has none of its own."""
    return _folder(name) / "bin" / "python" if name in NAMES else Path(sys.executable)


def prepare(name):
    """Make an environment if there is none; return whether there is one now."""
    folder = _folder(name)
    if (folder / "bin" / "python").exists():
        return True
    print(f"making the environment {folder}", flush=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        requirements = HERE / f"{name}-requirements.txt"
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", "--requirement", requirements], check=True)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if not isinstance(error, subprocess.CalledProcessError):
            raise
        print(f"{name} is left out: its environment could not be made", file=sys.stderr, flush=True)
        return False
    return True


def _folder(name):
    return HERE / f".{name}"
