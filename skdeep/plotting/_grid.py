"""The grid of images with titles that the displays share.

All images are drawn into one Axes, which is quicker than an Axes for each.
"""

from __future__ import annotations

import math
import textwrap
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_scalar

from skdeep._common.typing import Shape
from skdeep._lazy import lazy_module
from skdeep.plotting._pictures import are_files, read_files

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.image import AxesImage
    from matplotlib.text import Text

plt = lazy_module("matplotlib.pyplot")

# In inches: the widths of a figure with few columns, which a notebook does not shrink, and of one with many; and the
# largest side of an image.
_WIDTH, _MAX_WIDTH, _MAX_SIDE = 10.0, 14.0, 3.0
_USUAL_COLUMNS = 6
_GAP = 0.08  # between images, as a share of their larger side
_CHARACTER = 0.55  # usual width of a character as a share of the font size
_MAX_LINES = 2  # that one line of a title may be broken into


def as_images(images: Any, image_shape: Shape | None = None) -> np.ndarray:
    """Return images, which may be files, as an array of shape (n, height, width) or (n, height, width, 3 or 4)."""
    if are_files(images):
        images, image_shape = read_files(images, image_shape and image_shape[:2]), None
    images = check_array(images, allow_nd=True, ensure_2d=False, ensure_all_finite=False, input_name="images")
    if image_shape is not None:
        try:
            images = images.reshape(len(images), *image_shape)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"image_shape={image_shape!r} does not fit images of shape {images.shape}: (height, width) or "
                "(height, width, channels) with as many values is needed."
            ) from error
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    is_grey, is_colour = images.ndim == 3, images.ndim == 4 and images.shape[-1] in (3, 4)
    if images.size == 0 or not (is_grey or is_colour):
        raise ValueError(
            f"images has shape {images.shape}, but (n_images, height, width) or, with 1, 3 or 4 channels, (n_images, "
            "height, width, channels) is needed. For flat rows give image_shape, such as image_shape=(28, 28)."
        )
    return images


def number_to_draw(n_images: int | None, n_available: int) -> int:
    """Return how many images to draw, all for None."""
    if n_images is None:
        return n_available
    return min(n_available, check_scalar(n_images, "n_images", Integral, min_val=1))


def value_range(images: np.ndarray) -> tuple[float, float]:
    """Return the values that are drawn as black and white, for all images the same."""
    if images.dtype == np.uint8:
        return 0.0, 255.0
    if images.dtype.kind == "f":
        finite = np.isfinite(images)
        low, high = images.min(where=finite, initial=np.inf), images.max(where=finite, initial=-np.inf)
    else:
        low, high = images.min(), images.max()
    return (0.0, 1.0) if low >= 0 and high <= 1 else (float(low), float(high))


def new_axes(figsize: tuple[float, float]) -> Axes:
    """Return an Axes that fills a new figure."""
    return plt.subplots(figsize=figsize, gridspec_kw={"left": 0, "right": 1, "bottom": 0, "top": 1})[1]


def draw_grid(
    images: np.ndarray,
    titles: list[Any] | None,
    colors: list[str | None],
    *,
    limits: tuple[float, float],
    n_columns: int,
    cmap: str | Colormap,
    figsize: tuple[float, float] | None,
    ax: Axes | None,
) -> tuple[Axes, list[AxesImage], list[Text]]:
    """Draw images side by side, each with its title above.

    Parameters
    ----------
    images : ndarray of shape (n, height, width) or (n, height, width, 3 or 4)
        Images, at least one.
    titles : list or None
        One for each image, or no titles.
    colors : list of str or None
        Of the titles; None is matplotlib's usual colour.
    limits : tuple of two floats
        Values drawn as black and white.
    n_columns, cmap, figsize, ax
        As for `ImageGridDisplay.plot`.

    Returns
    -------
    ax, drawn, texts : matplotlib Axes, list of AxesImage, list of Text
        What was drawn.
    """
    n_columns = min(len(images), check_scalar(n_columns, "n_columns", Integral, min_val=1))
    n_rows = math.ceil(len(images) / n_columns)
    if ax is None and figsize is not None:
        ax = new_axes(figsize)

    # The unit of the Axes is an inch, unless the rows need more height than there is.
    if ax is None:
        width = min(_MAX_WIDTH, _WIDTH * max(1, n_columns / _USUAL_COLUMNS))
    else:
        width = ax.get_window_extent().width / ax.figure.dpi
    side = min(_MAX_SIDE, width / n_columns)
    gap = _GAP * side
    height, width = (size * side / max(images.shape[1:3]) for size in images.shape[1:3])
    font_size = min(10, max(6, 7 * side))
    n_characters = max(1, int(72 * side / (_CHARACTER * font_size)))
    titles = [_wrapped(str(title), n_characters) for title in titles or []]
    n_lines = max((title.count("\n") + 1 for title in titles), default=0)
    row_height = height + gap + n_lines * 1.25 * font_size / 72
    total = n_columns * (side + gap) + gap, n_rows * row_height + gap

    if ax is None:
        ax = new_axes(total)
    drawn, centers = [], []
    for index, image in enumerate(images):
        row, column = divmod(index, n_columns)
        bottom = (row + 1) * row_height
        center = gap + column * (side + gap) + side / 2
        values = np.nan_to_num(np.interp(image, limits, (0, 1)))
        extent = (center - width / 2, center + width / 2, bottom, bottom - height)
        drawn.append(ax.imshow(values, cmap=cmap, vmin=0, vmax=1, extent=extent))
        centers.append((center, bottom - height))
    ax.set(xlim=(0, total[0]), ylim=(total[1], 0))
    ax.set_axis_off()

    box = ax.get_window_extent()
    dots = min(box.width / total[0], box.height / total[1])
    font_size *= min(1, dots / ax.figure.dpi)
    texts = [
        ax.text(x, y - 0.02, title, color=color, size=font_size, ha="center", va="bottom", parse_math=False)
        for (x, y), title, color in zip(centers, titles, colors, strict=False)  # there may be no titles
    ]
    for text in texts:  # those with wide characters
        excess = text.get_window_extent().width / (dots * (side + gap / 2))
        text.set_fontsize(text.get_fontsize() / max(1, excess))
    return ax, drawn, texts


def _wrapped(title, width):
    """Break the lines of a title that are longer than `width`, and shorten what needs too many lines."""
    lines = [textwrap.wrap(line, width, max_lines=_MAX_LINES, placeholder="…") for line in title.splitlines()]
    return "\n".join("\n".join(parts) for parts in lines)
