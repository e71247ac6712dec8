"""Files of fitted estimators that execute nothing when they are loaded.

A file is two lines of text and the zip archive that skops makes of an estimator. The first line names the format and
the version of skdeep that wrote it, the second holds the SHA-256 of the first and of the archive, so that a file that
was cut or altered by accident is never taken for a good one. It is no protection against intent: whoever can write the
file can write its checksum. So what is in the archive is checked before skops makes anything of it
(`skdeep._files.archives`), and objects that would need code to be made again are held as plain values
(`skdeep._files.stand_ins`).
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joblib.externals.loky.backend.reduction import dumps

from skdeep._common.atomic_files import replaced, writable_path
from skdeep._common.forked import ForkedProcessError
from skdeep._common.state_options import states_for_files, states_without_optimizer
from skdeep._common.states import AlteredFileError
from skdeep._common.typing import PathLike
from skdeep._common.version import __version__
from skdeep._files.archives import checked
from skdeep._files.stand_ins import restored, stood_in
from skdeep._files.zip_limits import compressed
from skdeep._lazy import lazy_module
from skdeep._networks.own_models import safe_mode

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

skops_io = lazy_module("skops.io", advice="skdeep.save and skdeep.load need skops: pip install 'skdeep[skops]'.")

_FORMAT = 1
_FIRST_LINE = re.compile(rb"skdeep file, format (\d{1,9}), written by skdeep ([^\n]{0,100})\n")


def save(estimator: BaseEstimator, path: PathLike, *, optimizer: bool = True, trusted: Sequence[str] = ()) -> None:
    """Save an estimator to a file that executes nothing when it is loaded.

    Parameters
    ----------
    estimator : estimator
        A classifier, regressor or transformer of skdeep, fitted or not, or a pipeline, search or ensemble of
        scikit-learn with such in it.
    path : str or path-like
        File to write. It is replaced in one step: whatever happens meanwhile, it is either the old or the new file.
    optimizer : bool, default=True
        Whether the state of optimizers is saved. Without it the file is smaller (a third for Adam), and training that
        goes on after loading starts with a fresh optimizer.
    trusted : sequence of str, default=()
        Full names of other types and functions that may be in the file, such as ``"mymodule.my_activation"``. `load`
        has to be given them, too.

    Raises
    ------
    ImportError
        If skops is not installed.
    ValueError
        If something in the estimator cannot be loaded again without executing what the file says. The message names it.
    OSError
        If the file cannot be written.

    See Also
    --------
    load : Read such a file.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_iris
    >>> import skdeep
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = skdeep.DNNClassifier((8,), epochs=2, random_state=0).fit(X, y)
    >>> path = os.path.join(tempfile.mkdtemp(), "iris.skdeep")
    >>> skdeep.save(clf, path)
    >>> print((skdeep.load(path).predict_proba(X) == clf.predict_proba(X)).all())
    True
    """
    dumps = skops_io.dumps  # first, since skops may be missing
    _check_names(trusted)
    path = writable_path(path)
    try:
        with states_for_files(optimizer=optimizer):
            archive = compressed(dumps, stood_in(estimator))
        *_, unknown = checked(archive, trusted, len(archive) * 2000)
    except (MemoryError, ForkedProcessError):
        raise
    except Exception as error:  # skops, and what it calls, raise many kinds
        raise ValueError(
            f"{type(estimator).__name__} cannot be saved: {error}. Files have plain values, objects of Keras's and "
            "scikit-learn's own classes, and functions and classes of your modules; joblib and pickle take others."
        ) from error
    _check_types(unknown, f"{type(estimator).__name__} cannot be saved, for it has")
    first_line = f"skdeep file, format {_FORMAT}, written by skdeep {__version__}\n".encode()
    with replaced(path) as part:
        part.write_bytes(first_line + _digest(first_line, archive) + archive)


def load(path: PathLike, *, trusted: Sequence[str] = (), max_bytes: int | None = None) -> Any:
    """Load an estimator from a file that `save` wrote.

    Nothing in the file is executed. Loading does not import TensorFlow, unless parameters are objects of Keras; a
    network is built when it is first used, and one of dense layers predicts without being built.

    Parameters
    ----------
    path : str or path-like
        File to read.
    trusted : sequence of str, default=()
        Full names of types and functions beside those of skdeep, scikit-learn and numpy that may be in the file. Only
        name what you know: classes and functions among them are called, with arguments from the file.
    max_bytes : int, default=None
        Most bytes that the content of the file may have when it is unpacked. None is 4 GiB, and at most 64 MiB and 50
        times the size of the file.

    Returns
    -------
    estimator : estimator
        The estimator as it was saved.

    Raises
    ------
    ImportError
        If skops is not installed.
    ValueError
        If the file is not one that `save` wrote, was damaged, has a format that this version of skdeep does not know,
        or holds types that are not trusted.
    OSError
        If the file cannot be read.

    See Also
    --------
    save : Write such a file.

    Examples
    --------
    >>> import os, tempfile
    >>> import skdeep
    >>> path = os.path.join(tempfile.mkdtemp(), "scale.skdeep")
    >>> skdeep.save(skdeep.ScaleToUnit(), path)
    >>> skdeep.load(path)
    ScaleToUnit()
    """
    loads = skops_io.loads  # first, since skops may be missing
    _check_names(trusted)
    content = Path(path).read_bytes()
    match = _FIRST_LINE.match(content)
    if match is None:
        raise ValueError(f"{os.fspath(path)!r} is not a file that skdeep.save wrote, or it is damaged.")
    first_line, version = match[0], match[2].decode(errors="replace")
    n_digest = len(_digest(b"", b""))
    digest, archive = content[len(first_line) :][:n_digest], content[len(first_line) + n_digest :]
    if digest != _digest(first_line, archive):
        raise ValueError(f"{os.fspath(path)!r} is damaged: its checksum does not match its content.")
    if int(match[1]) != _FORMAT:
        raise ValueError(
            f"{os.fspath(path)!r} was written by skdeep {version} in format {int(match[1])}, but skdeep {__version__} "
            f"reads format {_FORMAT}."
        )
    try:
        archive, names, unknown = checked(archive, trusted, max_bytes)
    except AlteredFileError as error:
        raise ValueError(f"{os.fspath(path)!r} is not loaded: {error}. It may have been altered.") from error
    except MemoryError:
        raise
    except Exception as error:  # whatever zipfile, json and numpy make of damage
        raise ValueError(f"{os.fspath(path)!r} is damaged or was altered: {error or type(error).__name__}") from error
    _check_types(unknown, f"{os.fspath(path)!r} is not loaded, for it has")
    try:
        with safe_mode():
            return restored(loads(archive, trusted=names))
    except (MemoryError, ForkedProcessError):
        raise
    except Exception as error:  # whatever a class that has changed since makes of its old state
        raise ValueError(
            f"{os.fspath(path)!r}, written by skdeep {version}, cannot be read by skdeep {__version__}: {error}"
        ) from error


def without_optimizer(estimator: BaseEstimator) -> Any:
    """Return a copy of an estimator for prediction only, to be pickled or handed to other savers.

    Parameters
    ----------
    estimator : estimator
        A classifier, regressor or transformer of skdeep, or a pipeline, search or ensemble of scikit-learn with such in
        it.

    Returns
    -------
    copy : estimator
        It predicts the same. The state of the optimizers is missing, for Adam two thirds of a pickle; training that
        goes on starts with fresh ones.

    See Also
    --------
    save : Its ``optimizer=False`` does the same for files.

    Examples
    --------
    >>> import pickle
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import DNNClassifier, without_optimizer
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = DNNClassifier(epochs=2, random_state=0).fit(X, y)
    >>> len(pickle.dumps(clf)) > 2.5 * len(pickle.dumps(without_optimizer(clf)))
    True
    """
    with states_without_optimizer():
        return pickle.loads(dumps(estimator))


def _check_names(trusted):
    if isinstance(trusted, str):
        raise TypeError(f"trusted must be a sequence of names. Got the string {trusted!r}.")


def _check_types(unknown, what):
    if unknown:
        raise ValueError(
            f"{what} types or functions that are not trusted: {', '.join(unknown)}. If you know them, name them in "
            "`trusted`."
        )


def _digest(first_line, archive):
    return hashlib.sha256(first_line + archive).hexdigest().encode() + b"\n"
