from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from skdeep.plotting._history import TrainingHistoryDisplay

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from sklearn.base import BaseEstimator


def plot_loss(
    estimator: BaseEstimator | Sequence[BaseEstimator] | Mapping[str, Any],
    ax: Axes | None = None,
    *,
    yscale: Literal["linear", "log"] = "linear",
) -> TrainingHistoryDisplay:
    """Draw the loss over the epochs, for training and validation.

    Parameters
    ----------
    estimator : estimator, list of estimators, or mapping of str to these
        As for `TrainingHistoryDisplay.from_estimator`.
    ax : matplotlib Axes, default=None
        Where to draw; None is a new figure.
    yscale : {"linear", "log"}, default="linear"
        Scale of the values.

    Returns
    -------
    display : TrainingHistoryDisplay
        The display, with the attributes `ax_`, `figure_` and `lines_`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import DNNClassifier
    >>> from skdeep.plotting import plot_loss
    >>> clf = DNNClassifier(epochs=2, random_state=0).fit(
    ...     *load_digits(return_X_y=True)
    ... )
    >>> plot_loss(clf).ax_.get_ylabel()
    'loss'
    """
    return TrainingHistoryDisplay.from_estimator(estimator, metrics="loss", yscale=yscale, ax=ax)


def plot_accuracy(
    estimator: BaseEstimator | Sequence[BaseEstimator] | Mapping[str, Any],
    ax: Axes | None = None,
    *,
    yscale: Literal["linear", "log"] = "linear",
) -> TrainingHistoryDisplay:
    """Draw the accuracy over the epochs, for training and validation.

    Parameters
    ----------
    estimator : estimator, list of estimators, or mapping of str to these
        As for `TrainingHistoryDisplay.from_estimator`.
    ax : matplotlib Axes, default=None
        Where to draw; None is a new figure.
    yscale : {"linear", "log"}, default="linear"
        Scale of the values.

    Returns
    -------
    display : TrainingHistoryDisplay
        The display, with the attributes `ax_`, `figure_` and `lines_`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import DNNClassifier
    >>> from skdeep.plotting import plot_accuracy
    >>> clf = DNNClassifier(epochs=2, random_state=0).fit(
    ...     *load_digits(return_X_y=True)
    ... )
    >>> plot_accuracy(clf).ax_.get_ylabel()
    'accuracy'
    """
    return TrainingHistoryDisplay.from_estimator(estimator, metrics="accuracy", yscale=yscale, ax=ax)


def plot_history(
    models: BaseEstimator | Sequence[Any] | Mapping[str, Any],
    metric: str = "val_loss",
    ax: Axes | None = None,
    *,
    yscale: Literal["linear", "log"] = "linear",
) -> TrainingHistoryDisplay:
    """Draw one metric of several models over the epochs, to compare them.

    Parameters
    ----------
    models : mapping of str to estimators or histories, or one of them
        Fitted estimators, histories, or both, by the name for the legend. In place of one there may be a list of those
        of the folds, or what `cross_validate` returned with ``return_estimator=True``.
    metric : str, default="val_loss"
        Name in the histories.
    ax : matplotlib Axes, default=None
        Where to draw; None is a new figure.
    yscale : {"linear", "log"}, default="linear"
        Scale of the values.

    Returns
    -------
    display : TrainingHistoryDisplay
        The display, with the attributes `ax_`, `figure_` and `lines_`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import DNNClassifier
    >>> from skdeep.plotting import plot_history
    >>> X, y = load_digits(return_X_y=True)
    >>> models = {
    ...     name: DNNClassifier(
    ...         optimizer=name, epochs=2, validation_fraction=0.1, random_state=0
    ...     ).fit(X, y)
    ...     for name in ("adam", "sgd")
    ... }
    >>> [line.get_label() for line in plot_history(models).lines_]
    ['adam', 'sgd']

    The folds of a cross-validation, and their mean:

    >>> from sklearn.model_selection import cross_validate
    >>> folds = cross_validate(models["adam"], X, y, cv=3, return_estimator=True)
    >>> len(plot_history(folds, "loss", yscale="log").lines_)
    8
    """
    return TrainingHistoryDisplay.from_history(models, metrics=metric, yscale=yscale, ax=ax)
