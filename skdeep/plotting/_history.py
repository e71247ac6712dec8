from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skdeep._lazy import lazy_module

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from sklearn.base import BaseEstimator

plt = lazy_module("matplotlib.pyplot")
ticker = lazy_module("matplotlib.ticker")


class TrainingHistoryDisplay:
    """Curves of the loss, the accuracy or other metrics over the epochs of training.

    Made by `from_estimator` or `from_history`. Each metric has a panel of its own, each model its colour; training is
    solid, validation dotted.

    Parameters
    ----------
    histories : dict of str to dict
        Histories by the name of the model; each has lists of values, one an epoch, by the name of the metric. The name
        may be empty.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first panel.
    axes_ : ndarray of shape (n_metrics,) of matplotlib Axes
        All panels.
    figure_ : matplotlib Figure
        The figure that has them.
    lines_ : list of matplotlib Line2D
        The curves, panel by panel and model by model.

    See Also
    --------
    plot_loss : The loss alone.
    plot_accuracy : The accuracy alone.
    plot_history : One metric of several models.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import DNNClassifier
    >>> from skdeep.plotting import TrainingHistoryDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = DNNClassifier(epochs=3, validation_fraction=0.1, random_state=0).fit(
    ...     X, y
    ... )
    >>> display = TrainingHistoryDisplay.from_estimator(clf)
    >>> [axes.get_ylabel() for axes in display.axes_]
    ['loss', 'accuracy']
    >>> _ = display.plot(metrics="val_loss")
    """

    ax_: Axes
    axes_: np.ndarray
    lines_: list[Line2D]

    def __init__(self, histories: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
        self.histories = histories

    def plot(
        self, *, metrics: str | Sequence[str] | None = None, ax: Axes | Sequence[Axes] | np.ndarray | None = None
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        metrics : str or sequence of str, default=None
            Names in the histories, one for each panel. With the name of a training metric, that of the validation data
            is drawn, too, if there is one; "val_loss" is the validation loss alone. None is the loss and the accuracy,
            as far as all histories have them, or else their first metric.
        ax : matplotlib Axes or sequence of them, default=None
            Where to draw, one for each metric; None is a new figure.

        Returns
        -------
        display : TrainingHistoryDisplay
            The display itself.

        Raises
        ------
        ValueError
            If a history does not have a metric, or if `ax` has not one Axes for each metric.
        """
        metrics = self._metrics(metrics)
        if ax is None:
            _, ax = plt.subplots(1, len(metrics), figsize=(5.5 * len(metrics), 4), layout="constrained")
        axes = np.array(ax, dtype=object).ravel()
        if len(axes) != len(metrics):
            raise ValueError(f"ax must be one Axes for each of the metrics {metrics!r}. Got {len(axes)}.")

        self.lines_ = []
        for panel, metric in zip(axes, metrics, strict=True):
            in_legend, legend_title = [], None
            for name, history in self.histories.items():
                label = str(name) or ("validation" if metric.startswith("val_") else "training")
                line = _draw(panel, history[metric], label=label)
                self.lines_.append(line)
                in_legend.append(line)
                if f"val_{metric}" in history:
                    label = f"{name} validation".strip()
                    dotted = _draw(panel, history[f"val_{metric}"], label=label, linestyle=":", color=line.get_color())
                    self.lines_.append(dotted)
                    if name == "":
                        in_legend.append(dotted)
                    else:  # one entry for each model
                        legend_title = "dotted: validation"
            panel.set(xlabel="epoch", ylabel=metric.replace("val_", "validation "))
            panel.margins(x=0)
            panel.xaxis.set_major_locator(ticker.MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
            # Labels of their own: matplotlib would leave out those that begin with _.
            labels = [line.get_label() for line in in_legend]
            panel.legend(in_legend, labels, fontsize="small", title=legend_title, title_fontsize="small")
        self.axes_ = axes
        self.ax_ = axes[0]
        self.figure_ = self.ax_.figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator | Mapping[str, BaseEstimator],
        *,
        metrics: str | Sequence[str] | None = None,
        ax: Axes | Sequence[Axes] | np.ndarray | None = None,
    ) -> Self:
        """Draw the training of fitted classifiers.

        Parameters
        ----------
        estimator : estimator or mapping of str to estimator
            A fitted classifier of skdeep, a pipeline that ends in one, or a search whose `best_estimator_` is or ends
            in one; or several of these by the name for the legend.
        metrics : str or sequence of str, default=None
            Names in `history_`, one for each panel, as for `plot`.
        ax : matplotlib Axes or sequence of them, default=None
            Where to draw, one for each metric; None is a new figure.

        Returns
        -------
        display : TrainingHistoryDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If an estimator is not fitted.
        TypeError
            If an estimator has no `history_`.
        ValueError
            As `plot`.
        """
        return cls(_histories(estimator)).plot(metrics=metrics, ax=ax)

    @classmethod
    def from_history(
        cls,
        history: Mapping[str, Any],
        *,
        metrics: str | Sequence[str] | None = None,
        ax: Axes | Sequence[Axes] | np.ndarray | None = None,
    ) -> Self:
        """Draw histories, such as ``clf.history_`` or that of Keras's fit.

        Parameters
        ----------
        history : dict of str to list of float, or mapping of str to such dicts
            Values by the name of the metric, one an epoch; or several histories by the name for the legend.
        metrics : str or sequence of str, default=None
            Names in the history, one for each panel, as for `plot`.
        ax : matplotlib Axes or sequence of them, default=None
            Where to draw, one for each metric; None is a new figure.

        Returns
        -------
        display : TrainingHistoryDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            As `plot`.

        Examples
        --------
        >>> from skdeep.plotting import TrainingHistoryDisplay
        >>> history = {"loss": [1.5, 0.7, 0.4], "val_loss": [1.0, 0.8, 0.7]}
        >>> display = TrainingHistoryDisplay.from_history(history)
        >>> [line.get_label() for line in display.lines_]
        ['training', 'validation']
        """
        return cls(_histories(history)).plot(metrics=metrics, ax=ax)

    def _metrics(self, metrics):
        """Return the names of the metrics as a list, all of them in every history."""
        histories = list(self.histories.values())
        if not histories or not all(histories):
            raise ValueError(f"There is nothing to draw: no history, or one without metrics. Got {self.histories!r}.")
        if metrics is None:
            metrics = [name for name in ("loss", "accuracy") if all(name in history for history in histories)]
            metrics = metrics or next(iter(histories[0]))
        metrics = [metrics] if isinstance(metrics, str) else list(metrics)
        if not metrics:
            raise ValueError("metrics must name at least one metric. Got none.")
        for metric in metrics:
            for name, history in self.histories.items():
                if metric not in history:
                    of_model = "" if name == "" else f" of {name!r}"
                    raise ValueError(f"metrics has {metric!r}, but the history{of_model} has {list(history)!r}.")
        return metrics


def _draw(panel, values, **style):
    values = np.asarray(values, dtype=np.float64)
    marker = "o" if np.isfinite(values).sum() == 1 else None  # since one point makes no line
    (line,) = panel.plot(np.arange(1, len(values) + 1), values, marker=marker, **style)
    return line


def _histories(given):
    """Return histories by name, from one or a mapping of several estimators or histories."""
    if not isinstance(given, Mapping) or all(isinstance(value, (list, tuple, np.ndarray)) for value in given.values()):
        given = {"": given}
    return {name: _history(item) for name, item in given.items()}


def _history(item):
    item = getattr(item, "history", item)  # of what Keras's fit returns
    if isinstance(item, Mapping):
        return item
    if not hasattr(item, "fit"):
        raise TypeError(
            "A history as a dict of lists, one for each metric, or a fitted classifier is needed, or a dict of these "
            f"by name. Got {type(item).__name__}."
        )
    check_is_fitted(item)
    if hasattr(item, "best_estimator_"):
        return _history(item.best_estimator_)
    if isinstance(item, Pipeline):
        return _history(item[-1])
    if not hasattr(item, "history_"):
        raise TypeError(
            f"{type(item).__name__} has no history_: a fitted classifier of skdeep, a pipeline that ends in one, or a "
            "search with the best_estimator_ that refit=True gives is needed."
        )
    return item.history_
