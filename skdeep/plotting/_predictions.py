from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted

from skdeep._common.typing import Data, RandomState, Shape
from skdeep.plotting._class_names import name_of, names_of_classes
from skdeep.plotting._grid import as_images, draw_grid, new_axes, number_to_draw, value_range
from skdeep.plotting._pictures import pictures_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.image import AxesImage
    from matplotlib.text import Text
    from sklearn.base import BaseEstimator

_MISTAKE = "tab:red"


class PredictionDisplay:
    """Images with their true class, the predicted class and its probability.

    Made by `from_estimator` or `from_predictions`. Titles of mistakes are red.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width) or (n_images, height, width, 3 or 4)
        Images.
    y_pred : ndarray of shape (n_images,)
        Predicted labels.
    y_true : ndarray of shape (n_images,), default=None
        True labels, if they are known.
    probabilities : ndarray of shape (n_images,), default=None
        Probabilities of the predicted labels.
    class_names : mapping of label to str, default=None
        Names of the classes; None shows the labels.

    Attributes
    ----------
    indices_ : ndarray of shape (n_drawn,)
        Which images were drawn.
    ax_ : matplotlib Axes
        The Axes with all images.
    figure_ : matplotlib Figure
        The figure that has it.
    images_ : list of matplotlib AxesImage
        The images drawn.
    texts_ : list of matplotlib Text
        The titles drawn.

    See Also
    --------
    ImageGridDisplay : Images with any titles.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from skdeep import DNNClassifier, Flatten, ScaleToUnit
    >>> from skdeep.plotting import PredictionDisplay
    >>> digits = load_digits()
    >>> clf = make_pipeline(
    ...     Flatten(), ScaleToUnit(), DNNClassifier(epochs=10, random_state=0)
    ... )
    >>> clf = clf.fit(digits.images[:1000], digits.target[:1000])
    >>> X_test, y_test = digits.images[1000:], digits.target[1000:]
    >>> display = PredictionDisplay.from_estimator(clf, X_test, y_test, n_images=24)
    >>> mistakes = display.plot(errors_only=True).indices_
    >>> bool((clf.predict(X_test)[mistakes] != y_test[mistakes]).all())
    True
    """

    indices_: np.ndarray
    ax_: Axes
    images_: list[AxesImage]
    texts_: list[Text]

    def __init__(
        self,
        images: np.ndarray,
        y_pred: np.ndarray,
        *,
        y_true: np.ndarray | None = None,
        probabilities: np.ndarray | None = None,
        class_names: Mapping[Any, str] | None = None,
    ) -> None:
        self.images = images
        self.y_pred = y_pred
        self.y_true = y_true
        self.probabilities = probabilities
        self.class_names = class_names

    def plot(
        self,
        *,
        errors_only: bool = False,
        n_images: int | None = None,
        random_state: RandomState = None,
        n_columns: int = 6,
        cmap: str | Colormap = "gray",
        figsize: tuple[float, float] | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw the images.

        Parameters
        ----------
        errors_only : bool, default=False
            Whether to draw the mistakes only. If there are none, the figure says so.
        n_images : int, default=None
            How many to draw. None is all.
        random_state : int, RandomState instance or None, default=None
            Which ones, if there are more than `n_images`: None takes the first, anything else draws at random.
        n_columns : int, default=6
            Images in a row.
        cmap : str or matplotlib Colormap, default="gray"
            Colours of images with one channel.
        figsize : tuple of two floats, default=None
            Width and height of the figure in inches. None is what the grid needs, about 10 in width, and at most
            15 if there are many columns.
        ax : matplotlib Axes, default=None
            Where to draw; None is a new figure.

        Returns
        -------
        display : PredictionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `errors_only` is True and the true labels are not known, or a label has no name in `class_names`.
        """
        if errors_only and self.y_true is None:
            raise ValueError("errors_only=True needs the true labels, but y was not given.")
        is_mistake = np.zeros(len(self.images), dtype=bool) if self.y_true is None else self.y_pred != self.y_true
        indices = np.flatnonzero(is_mistake) if errors_only else np.arange(len(self.images))
        n_images = number_to_draw(n_images, len(indices))
        if random_state is not None:
            indices = np.sort(check_random_state(random_state).choice(indices, n_images, replace=False))
        self.indices_ = indices[:n_images]
        if len(self.indices_):
            self.ax_, self.images_, self.texts_ = draw_grid(
                self.images[self.indices_],
                [self._title(index) for index in self.indices_],
                [_MISTAKE if is_mistake[index] else None for index in self.indices_],
                limits=value_range(self.images),
                n_columns=n_columns,
                cmap=cmap,
                figsize=figsize,
                ax=ax,
            )
        else:
            self._plot_nothing(figsize, ax)
        self.figure_ = self.ax_.figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Data,
        y: ArrayLike | None = None,
        *,
        images: ArrayLike | Sequence[Any] | None = None,
        image_shape: Shape | None = None,
        class_names: Sequence[str] | Mapping[Any, str] | None = None,
        **plot_parameters: Any,
    ) -> Self:
        """Predict, and draw the images with what was predicted.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier, or a pipeline or search that ends in one.
        X : array-like of shape (n_images, ...)
            What the estimator takes.
        y : array-like of shape (n_images,), (n_images, 1) or (n_images, n_classes), default=None
            True labels or one-hot rows.
        images : array-like of shape (n_images, height, width) or (n_images, height, width, n_channels), default=None
            The images to draw, with 1, 3 or 4 channels, or files as for `ImageGridDisplay`. None draws what
            `ReadImages` in the pipeline makes of X, or else X.
        image_shape : tuple of int, default=None
            Shape of one image, if X or `images` are flat rows.
        class_names : sequence of str or mapping of label to str, default=None
            Names of the classes, in the order of `classes_` if it is a sequence. None shows the labels.
        **plot_parameters : dict
            Parameters of `plot`, such as ``errors_only=True``.

        Returns
        -------
        display : PredictionDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If there are no images, y has another length or form, or as `plot`.
        """
        check_is_fitted(estimator)
        images = as_images(pictures_of(estimator, X) if images is None else images, image_shape)
        classes = estimator.classes_
        if class_names is not None:
            class_names = names_of_classes(class_names, classes)
        y_pred = _labels(estimator.predict(X), "The prediction of the estimator", classes)
        probabilities = None
        if hasattr(estimator, "predict_proba"):
            columns = np.searchsorted(classes, y_pred)
            probabilities = estimator.predict_proba(X)[np.arange(len(y_pred)), columns]
        return cls.from_predictions(
            images,
            None if y is None else _labels(y, "y", classes),
            y_pred,
            probabilities,
            class_names=class_names,
            **plot_parameters,
        )

    @classmethod
    def from_predictions(
        cls,
        images: ArrayLike | Sequence[Any],
        y_true: ArrayLike | None,
        y_pred: ArrayLike,
        probabilities: ArrayLike | None = None,
        *,
        image_shape: Shape | None = None,
        class_names: Sequence[str] | Mapping[Any, str] | None = None,
        **plot_parameters: Any,
    ) -> Self:
        """Draw images with predictions that were made before.

        Parameters
        ----------
        images : array-like of shape (n_images, height, width) or (n_images, height, width, n_channels), or files
            Images with 1, 3 or 4 channels, or files as for `ImageGridDisplay`.
        y_true : array-like of shape (n_images,), (n_images, 1) or (n_images, n_classes), or None
            True labels or one-hot rows; None if they are not known.
        y_pred : array-like of shape (n_images,), (n_images, 1) or (n_images, n_classes)
            Predicted labels or one-hot rows.
        probabilities : array-like of shape (n_images,) or (n_images, n_classes), default=None
            Probabilities of the predicted labels, or of all classes, of which the largest in each row is shown.
        image_shape : tuple of int, default=None
            Shape of one image, if `images` are flat rows.
        class_names : sequence of str or mapping of label to str, default=None
            Names of the classes; a sequence names the labels 0, 1 and so on. None shows the labels.
        **plot_parameters : dict
            Parameters of `plot`, such as ``errors_only=True``.

        Returns
        -------
        display : PredictionDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If `images` are no images, the arrays have different lengths or other forms, or as `plot`.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from skdeep.plotting import PredictionDisplay
        >>> images = load_digits().images[:3]
        >>> display = PredictionDisplay.from_predictions(
        ...     images, [0, 1, 2], [0, 1, 7], [0.9, 0.8, 0.7]
        ... )
        >>> print(display.texts_[2].get_text())
        true 2
        predicted 7
        probability 0.70
        """
        images = as_images(images, image_shape)
        y_true = None if y_true is None else _labels(y_true, "y_true")
        y_pred = _labels(y_pred, "y_pred")
        if probabilities is not None:
            probabilities = np.asarray(probabilities, dtype=np.float64)
            if probabilities.ndim not in (1, 2):
                raise ValueError(
                    "probabilities must be of shape (n_images,) or (n_images, n_classes). "
                    f"Got shape {probabilities.shape}."
                )
            probabilities = probabilities.max(axis=1) if probabilities.ndim == 2 else probabilities
        check_consistent_length(images, y_true, y_pred, probabilities)
        if class_names is not None and not isinstance(class_names, Mapping):
            class_names = dict(enumerate(class_names))
        display = cls(images, y_pred, y_true=y_true, probabilities=probabilities, class_names=class_names)
        return display.plot(**plot_parameters)

    def _title(self, index):
        lines = [] if self.y_true is None else [f"true {self._name(self.y_true[index])}"]
        lines.append(f"predicted {self._name(self.y_pred[index])}")
        if self.probabilities is not None:
            lines.append(f"probability {self.probabilities[index]:.2f}")
        return "\n".join(lines)

    def _name(self, label):
        return label if self.class_names is None else name_of(label, self.class_names)

    def _plot_nothing(self, figsize, ax):
        self.ax_ = new_axes(figsize or (4, 1)) if ax is None else ax
        self.ax_.set_axis_off()
        text = f"no mistakes in {len(self.images)} images"
        self.texts_ = [self.ax_.text(0.5, 0.5, text, ha="center", va="center", transform=self.ax_.transAxes)]
        self.images_ = []


def _labels(y, name, classes=None):
    """Return labels of shape (n,) for labels, a column of them, or one-hot rows."""
    y = np.asarray(y)
    if y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1):
        return y.ravel()
    one_hot = y.ndim == 2 and y.dtype.kind in "biuf" and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()
    if not one_hot or (classes is not None and y.shape[1] != len(classes)):
        raise ValueError(
            f"{name} of shape {y.shape} is not supported: labels of shape (n_images,) or (n_images, 1), or one-hot "
            "rows with a column for each class are."
        )
    return y.argmax(axis=1) if classes is None else classes[y.argmax(axis=1)]
