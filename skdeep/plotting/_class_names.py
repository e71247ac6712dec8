"""The names by which displays show classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def names_of_classes(class_names: Sequence[str] | Mapping[Any, str], classes: np.ndarray) -> Mapping[Any, str]:
    """Return names by label, which are given so or in the order of the classes."""
    if isinstance(class_names, Mapping):
        return class_names
    if len(class_names) != len(classes):
        raise ValueError(f"class_names must be one for each of {len(classes)} classes. Got {len(class_names)}.")
    return dict(zip(classes.tolist(), class_names, strict=True))


def name_of(label: Any, names: Mapping[Any, str]) -> str:
    """Return the name of a label, which must have one."""
    if label not in names:
        raise ValueError(f"class_names has no name for the label {label}. It names {list(names)!r}.")
    return names[label]
