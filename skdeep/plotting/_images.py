from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from skdeep._common.typing import Shape
from skdeep.plotting._grid import as_images, draw_grid, number_to_draw, value_range
from skdeep.plotting._pictures import are_files

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.image import AxesImage
    from matplotlib.text import Text


class ImageGridDisplay:
    """Images side by side, in a grid.

    uint8 is drawn from 0 (black) to 255 (white), values within 0 and 1 from 0 to 1, and any others from the smallest to
    the largest finite value of all images.

    Parameters
    ----------
    images : array-like of shape (n_images, height, width) or (n_images, height, width, n_channels), or files
        Images with 1 (grey), 3 (red, green, blue) or 4 channels (and alpha), of any numeric dtype. Or a list or column
        of paths, Pillow images or open files, which are read when they are drawn.
    titles : sequence of str, default=None
        A title for each image, such as its label. Long ones are broken into two lines, then shortened.
    image_shape : tuple of int, default=None
        Shape of one image, if `images` are flat rows: ``(height, width)`` or ``(height, width, n_channels)``. Files are
        resized to it; None keeps their proportions.

    Attributes
    ----------
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
    PredictionDisplay : Images with their true and predicted class.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeep.plotting import ImageGridDisplay
    >>> digits = load_digits()
    >>> display = ImageGridDisplay(digits.images, titles=digits.target).plot(
    ...     n_images=36
    ... )
    >>> len(display.images_)
    36
    >>> _ = ImageGridDisplay(digits.data, image_shape=(8, 8)).plot(
    ...     n_images=4, n_columns=2
    ... )

    Files:

    >>> from sklearn.datasets import load_sample_images
    >>> paths = load_sample_images().filenames
    >>> len(ImageGridDisplay(paths).plot().images_)
    2
    """

    ax_: Axes
    images_: list[AxesImage]
    texts_: list[Text]

    def __init__(
        self,
        images: ArrayLike | Sequence[Any],
        *,
        titles: Sequence[Any] | np.ndarray | None = None,
        image_shape: Shape | None = None,
    ) -> None:
        self.images = images
        self.titles = titles
        self.image_shape = image_shape

    def plot(
        self,
        *,
        n_images: int | None = None,
        n_columns: int = 6,
        cmap: str | Colormap = "gray",
        figsize: tuple[float, float] | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw the images.

        Parameters
        ----------
        n_images : int, default=None
            How many to draw, the first ones. None is all.
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
        display : ImageGridDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `images` are no images, `image_shape` does not fit them, or `titles` are not as many.
        """
        is_read_late = are_files(self.images)
        given: Any = self.images if is_read_late else as_images(self.images, self.image_shape)
        titles = None if self.titles is None else list(self.titles)
        if titles is not None and len(titles) != len(given):
            raise ValueError(f"titles must be one for each of the {len(given)} images. Got {len(titles)}.")
        n_images = number_to_draw(n_images, len(given))
        # Of files no more are read than are drawn.
        images = as_images(given[:n_images], self.image_shape) if is_read_late else given
        self.ax_, self.images_, self.texts_ = draw_grid(
            images[:n_images],
            titles and titles[:n_images],
            [None] * n_images,
            limits=value_range(images),
            n_columns=n_columns,
            cmap=cmap,
            figsize=figsize,
            ax=ax,
        )
        self.figure_ = self.ax_.figure
        return self
