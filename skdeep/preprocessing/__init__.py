"""Transformers that images, labels, tables and series need in front of a network; none of them loads TensorFlow."""

from skdeep.preprocessing._one_hot import OneHot
from skdeep.preprocessing._read_images import ReadImages
from skdeep.preprocessing._scale import ScaleToUnit, ZScore
from skdeep.preprocessing._shape import Flatten, Reshape
from skdeep.preprocessing._table import TableEncoder
from skdeep.preprocessing._window import Window

__all__ = ["Flatten", "OneHot", "ReadImages", "Reshape", "ScaleToUnit", "TableEncoder", "Window", "ZScore"]
