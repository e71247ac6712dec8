"""Files of fitted estimators that execute nothing when they are loaded.

A file is two lines of text and the zip archive that skops makes of an estimator. The first line names the format and
the version of skdeep that wrote it, the second holds the SHA-256 of the first and of the archive, so that a file that
was cut or altered by accident is never taken for a good one. (It is no protection against intent: whoever can write the
file can write its checksum.) skops rebuilds only types that are known to be harmless or that the caller trusts, and
networks are rebuilt by skdeep's own builders from plain arguments; one of the user's own, which must be trusted by
name, by Keras in its safe mode.
"""

import hashlib
import os
import re
import zipfile
from pathlib import Path

from skdeep.files import replaced, writable_path
from skdeep.forked import ForkedProcessError
from skdeep.network import states_for_files
from skdeep.own_network import safe_mode

_FORMAT = 1
_FIRST_LINE = re.compile(rb"skdeep file, format (\d+), written by skdeep ([^\n]*)\n")
_TRUSTED = (
    "numpy.dtype",
    "skdeep.classifiers._cnn.CNNClassifier",
    "skdeep.classifiers._dnn.DNNClassifier",
    "skdeep.classifiers._mlp.MLPClassifier",
    "skdeep.network.Architecture",
    "skdeep.network.Network",
    "skdeep.preprocessing._one_hot.OneHot",
    "skdeep.preprocessing._read_images.ReadImages",
    "skdeep.preprocessing._scale.ScaleToUnit",
    "skdeep.preprocessing._scale.ZScore",
    "skdeep.preprocessing._shape.Flatten",
    "skdeep.preprocessing._shape.Reshape",
    "skdeep.regressors._cnn.CNNRegressor",
    "skdeep.regressors._dnn.DNNRegressor",
    "skdeep.regressors._mlp.MLPRegressor",
    "skdeep.heads.Head",
    "skdeep.targets.Head",  # where it was
    "skdeep.targets.NumericTargets",
    "skdeep.targets.Targets",
    "skdeep.wrappers._classifier.KerasClassifier",
    "skdeep.wrappers._regressor.KerasRegressor",
    # Plain data in searches and ensembles that skops does not list as harmless by itself.
    "sklearn.callback._progressbar.ProgressBar",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.utils._bunch.Bunch",
)


def save(estimator, path, *, optimizer=True, trusted=()):
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
    from skdeep import __version__

    sio = _skops()
    path = writable_path(path)
    try:
        with states_for_files(optimizer=optimizer):
            archive = sio.dumps(estimator, compression=zipfile.ZIP_DEFLATED)
    except ForkedProcessError:
        raise
    except Exception as error:  # skops, and what it calls, raise many kinds
        raise ValueError(
            f"{type(estimator).__name__} cannot be saved: {error}. Give Keras objects among the parameters by name, as "
            "in optimizer='sgd' with optimizer__momentum=0.9, and functions of a module instead of lambdas."
        ) from error
    _check_types(sio, archive, trusted, f"{type(estimator).__name__} cannot be saved, for it has")
    first_line = f"skdeep file, format {_FORMAT}, written by skdeep {__version__}\n".encode()
    with replaced(path) as part:
        part.write_bytes(first_line + _digest(first_line, archive) + archive)


def load(path, *, trusted=()):
    """Load an estimator from a file that `save` wrote.

    Nothing in the file is executed. Loading does not import TensorFlow; a network is built when it is first used.

    Parameters
    ----------
    path : str or path-like
        File to read.
    trusted : sequence of str, default=()
        Full names of types and functions beside those of skdeep, scikit-learn and numpy that may be in the file. Only
        name what you know: functions among them are called when the network is used.

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
    from skdeep import __version__

    sio = _skops()
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
    _check_types(sio, archive, trusted, f"{os.fspath(path)!r} is not loaded, for it has")
    try:
        with safe_mode():
            return sio.loads(archive, trusted=[*_TRUSTED, *trusted])
    except Exception as error:  # whatever a class that has changed since makes of its old state
        raise ValueError(
            f"{os.fspath(path)!r}, written by skdeep {version}, cannot be read by skdeep {__version__}: {error}"
        ) from error


def _skops():
    try:
        import skops.io
    except ImportError as error:
        raise ImportError("skdeep.save and skdeep.load need skops: pip install 'skdeep[skops]'.") from error
    return skops.io


def _check_types(sio, archive, trusted, what):
    if isinstance(trusted, str):
        raise TypeError(f"trusted must be a sequence of names. Got the string {trusted!r}.")
    unknown = sorted(set(sio.get_untrusted_types(data=archive)) - {*_TRUSTED, *trusted})
    if unknown:
        raise ValueError(
            f"{what} types or functions that are not trusted: {', '.join(unknown)}. If you know them, name them in "
            "`trusted`."
        )


def _digest(first_line, archive):
    return hashlib.sha256(first_line + archive).hexdigest().encode() + b"\n"
