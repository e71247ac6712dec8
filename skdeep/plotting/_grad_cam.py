from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skdeep._common.typing import Data, Shape
from skdeep._estimators.class_maps import maps_of
from skdeep.plotting._class_names import name_of, names_of_classes
from skdeep.plotting._grid import as_images, draw_grid, number_to_draw, value_range
from skdeep.plotting._pictures import fitted_inside, pictures_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.image import AxesImage
    from matplotlib.text import Text
    from sklearn.base import BaseEstimator


class GradCAMDisplay:
    r"""Images with heat maps of where a convolutional network looks, by Grad-CAM [1]_.

    Made by `from_estimator`. The map of an image is the sum of the feature maps of a layer, each times the mean
    gradient of the score of a class by it, where that sum is positive:

    .. math::

        L = \max\Bigl(0, \sum_k \alpha_k A^k\Bigr), \qquad
        \alpha_k = \frac{1}{h w} \sum_{i,j} \frac{\partial y}{\partial A^k_{ij}}

    with the score y before the softmax or sigmoid, and :math:`A^k` the feature map k of height h and width w. What is
    bright speaks for the class.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width) or (n_images, height, width, 3 or 4)
        Images.
    maps : ndarray of shape (n_images, map_height, map_width)
        The maps, of zero or more. They are drawn over the whole images, each from zero to its largest value.
    targets : sequence, default=None
        What each map is of, as its title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The Axes with all images.
    figure_ : matplotlib Figure
        The figure that has it.
    images_ : list of matplotlib AxesImage
        The images drawn.
    maps_ : list of matplotlib AxesImage
        The maps drawn over them.
    texts_ : list of matplotlib Text
        The titles drawn.

    See Also
    --------
    PredictionDisplay : Images with their true and predicted class.

    References
    ----------
    .. [1] R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
       ICCV 2017, arXiv:1610.02391.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import CNNClassifier
    >>> from skdeep.plotting import GradCAMDisplay
    >>> digits = load_digits()
    >>> X, y = digits.images / 16, digits.target
    >>> clf = CNNClassifier((8, 16), epochs=3, random_state=0).fit(X, y)
    >>> display = GradCAMDisplay.from_estimator(clf, X[:12])
    >>> display.maps.shape
    (12, 8, 8)
    >>> display = GradCAMDisplay.from_estimator(
    ...     clf, X[:12], target=3, layer="conv_1_1"
    ... )
    """

    ax_: Axes
    images_: list[AxesImage]
    maps_: list[AxesImage]
    texts_: list[Text]

    def __init__(
        self, images: np.ndarray, maps: np.ndarray, *, targets: Sequence[Any] | np.ndarray | None = None
    ) -> None:
        self.images = images
        self.maps = maps
        self.targets = targets

    def plot(
        self,
        *,
        n_images: int | None = None,
        n_columns: int = 6,
        cmap: str | Colormap = "inferno",
        alpha: float = 0.6,
        figsize: tuple[float, float] | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw the images and the maps over them.

        Parameters
        ----------
        n_images : int, default=None
            How many to draw, the first ones. None is all.
        n_columns : int, default=6
            Images in a row.
        cmap : str or matplotlib Colormap, default="inferno"
            Colours of the maps. Images with one channel are grey.
        alpha : float, default=0.6
            How much the maps hide of the images, from 0, nothing, to 1, all.
        figsize : tuple of two floats, default=None
            Width and height of the figure in inches. None is what the grid needs, about 10 in width, and at most
            15 if there are many columns.
        ax : matplotlib Axes, default=None
            Where to draw; None is a new figure.

        Returns
        -------
        display : GradCAMDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `images` are no images, or there are not as many maps.
        """
        images = as_images(self.images)
        check_consistent_length(images, self.maps, self.targets)
        n_images = number_to_draw(n_images, len(images))
        self.ax_, self.images_, self.texts_ = draw_grid(
            images[:n_images],
            None if self.targets is None else list(self.targets[:n_images]),
            [None] * n_images,
            limits=value_range(images),
            n_columns=n_columns,
            cmap="gray",
            figsize=figsize,
            ax=ax,
        )
        self.maps_ = [
            self.ax_.imshow(
                values,
                cmap=cmap,
                alpha=alpha,
                vmin=0,
                vmax=values.max() or 1,
                extent=image.get_extent(),
                interpolation="bilinear",
            )
            for values, image in zip(self.maps, self.images_, strict=False)  # of which fewer may be drawn
        ]
        self.figure_ = self.ax_.figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Data,
        *,
        target: Any = None,
        layer: str | None = None,
        images: ArrayLike | Sequence[Any] | None = None,
        image_shape: Shape | None = None,
        class_names: Sequence[str] | Mapping[Any, str] | None = None,
        **plot_parameters: Any,
    ) -> Self:
        """Compute the maps of images, and draw them.

        Parameters
        ----------
        estimator : estimator
            Fitted `CNNClassifier`, `CNNRegressor`, or `KerasClassifier` or `KerasRegressor` whose model has
            convolutions and a graph; or a pipeline or search that ends in one.
        X : array-like of shape (n_images, ...)
            What the estimator takes.
        target : label or int, default=None
            The class whose score is explained. None is the predicted one of each image. Of a regressor with several
            outputs the number of one.
        layer : str, default=None
            Name of the layer that has the feature maps, as in `summary`. None is the last convolution, or a model
            inside the network that has it.
        images : array-like of shape (n_images, height, width) or (n_images, height, width, n_channels), default=None
            The images to draw, as for `PredictionDisplay.from_estimator`.
        image_shape : tuple of int, default=None
            Shape of one image, if X or `images` are flat rows.
        class_names : sequence of str or mapping of label to str, default=None
            Names of the classes, in the order of `classes_` if it is a sequence. None shows the labels.
        **plot_parameters : dict
            Parameters of `plot`, such as ``alpha=0.4``.

        Returns
        -------
        display : GradCAMDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If there is no network of skdeep at the end of the estimator.
        ValueError
            If there are no images, the network has no such layer or `target`, or as `plot`.
        """
        check_is_fitted(estimator)
        pictures = as_images(pictures_of(estimator, X) if images is None else images, image_shape)
        network = fitted_inside(estimator)
        while isinstance(network, Pipeline):
            X = network[:-1].transform(X) if len(network) > 1 else X
            network = fitted_inside(network[-1])
        if not hasattr(network, "_network"):
            raise TypeError(f"A network of skdeep, or a pipeline that ends in one, is needed. Got {network!r}.")
        maps, targets = maps_of(network, X, target=target, layer=layer)
        if class_names is not None:
            names = names_of_classes(class_names, network.classes_)
            targets = np.array([name_of(label, names) for label in targets.tolist()])
        return cls(pictures, maps, targets=targets).plot(**plot_parameters)
