from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

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

_History = Mapping[str, Sequence[float]]


class TrainingHistoryDisplay:
    """Curves of the loss, the accuracy or other metrics over the epochs of training.

    Made by `from_estimator` or `from_history`. Each metric has a panel of its own, each model its colour; training is
    solid, validation dotted. A dot marks the best epoch of a model, if it is not the last one. Of several folds each
    is a thin line; a thick one is their mean, as far as all of them have come.

    Parameters
    ----------
    histories : dict of str to dict or list of dict
        Histories by the name of the model, or lists of those of its folds; each has lists of values, one an epoch, by
        the name of the metric. The name may be empty.
    best_epochs : dict of str to int, default=None
        The best epochs, counted from 1, by the name of the model, as far as they are known. For others it is the epoch
        with the lowest "val_loss", if there is that.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first panel.
    axes_ : ndarray of shape (n_metrics,) of matplotlib Axes
        All panels.
    figure_ : matplotlib Figure
        The figure that has them.
    lines_ : list of matplotlib Line2D
        The curves, panel by panel and model by model; those of folds stand before their mean.
    marks_ : list of matplotlib Line2D
        The dots at the best epochs.

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
    marks_: list[Line2D]

    def __init__(
        self, histories: Mapping[str, _History | Sequence[_History]], *, best_epochs: Mapping[str, int] | None = None
    ) -> None:
        self.histories = histories
        self.best_epochs = best_epochs

    def plot(
        self,
        *,
        metrics: str | Sequence[str] | None = None,
        yscale: Literal["linear", "log"] = "linear",
        mark_best: bool = True,
        ax: Axes | Sequence[Axes] | np.ndarray | None = None,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        metrics : str or sequence of str, default=None
            Names in the histories, one for each panel. With the name of a training metric, that of the validation data
            is drawn, too, if there is one; "val_loss" is the validation loss alone. None is the loss and the accuracy,
            as far as all histories have them, or else their first metric.
        yscale : {"linear", "log"}, default="linear"
            Scale of the values. On that of logarithms those of zero or less cannot be seen.
        mark_best : bool, default=True
            Whether to mark the best epoch, if it is not the last one: on the validation curve, or else on that of
            training. Folds have no marks.
        ax : matplotlib Axes or sequence of them, default=None
            Where to draw, one for each metric; None is a new figure.

        Returns
        -------
        display : TrainingHistoryDisplay
            The display itself.

        Raises
        ------
        ValueError
            If a history does not have a metric, `ax` has not one Axes for each metric, or for ``yscale="log"`` no value
            is positive.
        """
        if yscale not in ("linear", "log"):
            raise ValueError(f"yscale must be 'linear' or 'log'. Got {yscale!r}.")
        metrics = self._metrics(metrics)
        for metric in metrics if yscale == "log" else ():
            self._check_positive(metric)
        if ax is None:
            _, ax = plt.subplots(1, len(metrics), figsize=(5.5 * len(metrics), 4), layout="constrained")
        axes = np.array(ax, dtype=object).ravel()
        if len(axes) != len(metrics):
            raise ValueError(f"ax must be one Axes for each of the metrics {metrics!r}. Got {len(axes)}.")

        self.lines_, self.marks_ = [], []
        for panel, metric in zip(axes, metrics, strict=True):
            self._plot_metric(panel, metric, mark_best=mark_best)
            panel.set(xlabel="epoch", ylabel=metric.replace("val_", "validation "), yscale=yscale)
            panel.margins(x=0)
            panel.xaxis.set_major_locator(ticker.MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
        self.axes_ = axes
        self.ax_ = axes[0]
        self.figure_ = self.ax_.figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator | Sequence[BaseEstimator] | Mapping[str, Any],
        *,
        metrics: str | Sequence[str] | None = None,
        yscale: Literal["linear", "log"] = "linear",
        mark_best: bool = True,
        ax: Axes | Sequence[Axes] | np.ndarray | None = None,
    ) -> Self:
        """Draw the training of fitted classifiers.

        Parameters
        ----------
        estimator : estimator, list of estimators, or mapping of str to these
            A fitted network of skdeep, a pipeline that ends in one, or a search whose `best_estimator_` is or ends in
            one; a list of those of the folds, or what `cross_validate` returned with ``return_estimator=True``; or
            several of these by the name for the legend.
        metrics : str or sequence of str, default=None
            Names in `history_`, one for each panel, as for `plot`.
        yscale : {"linear", "log"}, default="linear"
            As for `plot`.
        mark_best : bool, default=True
            As for `plot`.
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
        return cls._of(estimator).plot(metrics=metrics, yscale=yscale, mark_best=mark_best, ax=ax)

    @classmethod
    def from_history(
        cls,
        history: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        metrics: str | Sequence[str] | None = None,
        yscale: Literal["linear", "log"] = "linear",
        mark_best: bool = True,
        ax: Axes | Sequence[Axes] | np.ndarray | None = None,
    ) -> Self:
        """Draw histories, such as ``clf.history_`` or that of Keras's fit.

        Parameters
        ----------
        history : dict of str to list of float, list of such dicts, or mapping of str to these
            Values by the name of the metric, one an epoch; a list of those of the folds; or several of these by the
            name for the legend.
        metrics : str or sequence of str, default=None
            Names in the history, one for each panel, as for `plot`.
        yscale : {"linear", "log"}, default="linear"
            As for `plot`.
        mark_best : bool, default=True
            As for `plot`.
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
        return cls._of(history).plot(metrics=metrics, yscale=yscale, mark_best=mark_best, ax=ax)

    @classmethod
    def _of(cls, given):
        items = _by_name(given)
        histories = {name: _history(item) for name, item in items.items()}
        best_epochs = {name: _best_epoch(item) for name, item in items.items()}
        return cls(histories, best_epochs={name: best for name, best in best_epochs.items() if best is not None})

    def _plot_metric(self, panel, metric, *, mark_best):
        """Draw a metric of all models, with a legend."""
        in_legend, notes = [], []
        for name, history in self.histories.items():
            label = str(name) or ("validation" if metric.startswith("val_") else "training")
            line = self._draw(panel, history, metric, label=label)
            in_legend.append(line)
            if all(f"val_{metric}" in each for each in _folds(history)):
                label = f"{name} validation".strip()
                line = self._draw(panel, history, f"val_{metric}", label=label, linestyle=":", color=line.get_color())
                if name == "":
                    in_legend.append(line)
                else:  # one entry for each model
                    notes.append("dotted: validation")
            if mark_best and isinstance(history, Mapping) and self._mark_best(panel, name, line):
                notes.append("dot: best epoch")
            if not isinstance(history, Mapping):
                notes.append("thin: folds")
        # Labels of their own: matplotlib would leave out those that begin with _.
        labels = [line.get_label() for line in in_legend]
        title = ", ".join(dict.fromkeys(notes)) or None
        panel.legend(in_legend, labels, fontsize="small", title=title, title_fontsize="small")

    def _draw(self, panel, history, metric, **style):
        """Draw a curve, or those of folds and their mean, and return the last of them."""
        if isinstance(history, Mapping):
            self.lines_.append(_draw(panel, history[metric], **style))
            return self.lines_[-1]
        n_epochs = min(len(fold[metric]) for fold in history)
        mean = _draw(panel, np.mean([fold[metric][:n_epochs] for fold in history], axis=0), **style)
        thin = style | {"color": mean.get_color(), "alpha": 0.4, "linewidth": 0.8, "label": ""}
        self.lines_ += [*(_draw(panel, fold[metric], **thin) for fold in history), mean]
        return mean

    def _mark_best(self, panel, name, line):
        """Mark the best epoch of a model on one of its curves, and tell whether there is one to be marked."""
        best = (self.best_epochs or {}).get(name)
        if best is None:
            losses = np.asarray(self.histories[name].get("val_loss", ()), dtype=np.float64)
            best = 1 + int(np.nanargmin(losses)) if np.isfinite(losses).any() else None
        values = line.get_ydata()
        if best is None or not 1 <= best < len(values):
            return False
        self.marks_ += panel.plot(best, values[best - 1], "o", color=line.get_color(), label="")
        return True

    def _check_positive(self, metric):
        histories = [fold for history in self.histories.values() for fold in _folds(history)]
        values = [fold[name] for fold in histories for name in (metric, f"val_{metric}") if name in fold]
        if not any((np.asarray(each, dtype=np.float64) > 0).any() for each in values):
            raise ValueError(f"yscale='log' needs positive values, but {metric!r} has none.")

    def _metrics(self, metrics):
        """Return the names of the metrics as a list, all of them in every history."""
        histories = [fold for history in self.histories.values() for fold in _folds(history)]
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
                lacking = next((fold for fold in _folds(history) if metric not in fold), None)
                if lacking is not None:
                    of_model = "" if name == "" else f" of {name!r}"
                    raise ValueError(f"metrics has {metric!r}, but the history{of_model} has {list(lacking)!r}.")
        return metrics


def _draw(panel, values, **style):
    values = np.asarray(values, dtype=np.float64)
    marker = "o" if np.isfinite(values).sum() == 1 else None  # since one point makes no line
    (line,) = panel.plot(np.arange(1, len(values) + 1), values, marker=marker, **style)
    return line


def _folds(history):
    return [history] if isinstance(history, Mapping) else list(history)


def _by_name(given):
    """Return estimators, histories, or lists of those of folds, by name; the name of a single one is empty."""
    if not isinstance(given, Mapping) or _is_of_cross_validate(given):
        return {"": _of_folds(given)}
    if all(map(_is_column, given.values())):
        return {"": given}
    return {name: _of_folds(item) for name, item in given.items()}


def _is_column(values):
    """Whether this is a sequence of numbers, and none of estimators or histories."""
    is_sequence = isinstance(values, (list, tuple, np.ndarray))
    return is_sequence and not any(hasattr(value, "fit") or isinstance(value, Mapping) for value in values)


def _is_of_cross_validate(given):
    return isinstance(given, Mapping) and {"fit_time", "score_time"} <= given.keys()


def _of_folds(item):
    """Return what `cross_validate` gave as the list of its estimators, and all else as it is."""
    if not _is_of_cross_validate(item):
        return item
    if "estimator" not in item:
        raise ValueError("What cross_validate returned has no estimators: call it with return_estimator=True.")
    return list(item["estimator"])


def _history(item):
    if isinstance(item, (list, tuple)):
        if not item:
            raise ValueError("A list of estimators or histories must have at least one. Got none.")
        return [_history(each) for each in item]
    item = getattr(item, "history", item)  # of what Keras's fit returns
    if isinstance(item, Mapping):
        return item
    return _fitted_network(item).history_


def _best_epoch(item):
    """Return the epoch whose weights a fitted estimator has; None for a history, and for folds."""
    return getattr(_fitted_network(item), "best_epoch_", None) if hasattr(item, "fit") else None


def _fitted_network(item):
    if not hasattr(item, "fit"):
        raise TypeError(
            "A history as a dict of lists, one for each metric, or a fitted classifier is needed, a list of those of "
            f"folds, or a dict of these by name. Got {type(item).__name__}."
        )
    check_is_fitted(item)
    if hasattr(item, "best_estimator_"):
        return _fitted_network(item.best_estimator_)
    if isinstance(item, Pipeline):
        return _fitted_network(item[-1])
    if not hasattr(item, "history_"):
        raise TypeError(
            f"{type(item).__name__} has no history_: a fitted classifier of skdeep, a pipeline that ends in one, or a "
            "search with the best_estimator_ that refit=True gives is needed."
        )
    return item
