"""Which rows train the network, in what order and with what weights, and which validate it."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.class_weight import compute_class_weight

from skdeep._common.private_sklearn import check_sample_weight
from skdeep._common.typing import ClassWeight, Data, Shuffle
from skdeep._common.user_warnings import warn
from skdeep._lazy import lazy_module

model_selection = lazy_module("sklearn.model_selection")

# Targets are of any class here: those that have one class a row have `classes`, which their types do not tell.

# Of shuffle="blocks": neighbouring rows that stay together, and how many such blocks are mixed with each other.
_BLOCK_ROWS = 512
_MIXED_BLOCKS = 4


def epoch_order(n_rows: int, shuffle: Shuffle, rng: np.random.Generator) -> np.ndarray:
    """Return the order in which an epoch takes the rows.

    With ``"blocks"`` blocks of neighbouring rows come in random order, and the rows of each few blocks are mixed: so
    rows that are not in memory are read from a few places at a time.
    """
    if not shuffle:
        return np.arange(n_rows)
    if shuffle != "blocks":
        return rng.permutation(n_rows)
    starts = rng.permutation(np.arange(0, n_rows, _BLOCK_ROWS))
    blocks = [np.arange(start, min(start + _BLOCK_ROWS, n_rows)) for start in starts]
    mixed = [np.concatenate(blocks[i : i + _MIXED_BLOCKS]) for i in range(0, len(blocks), _MIXED_BLOCKS)]
    return np.concatenate([rng.permutation(rows) for rows in mixed])


def weighted_rows(
    sample_weight: ArrayLike | None, X: Data, name: str = "sample_weight"
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the numbers of the rows whose weight is not zero, and their weights, or None for equal weights."""
    if sample_weight is None:
        return np.arange(X.shape[0]), None
    try:
        weight = check_sample_weight(sample_weight, X, ensure_non_negative=True)
    except (ValueError, TypeError) as error:
        if "sample" not in str(error).lower():
            raise ValueError(f"{name} must hold one number for each row: {error}") from error
        if name == "sample_weight":
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(str(error).replace("sample_weight", name).replace("Sample weights", name)) from error
    if not np.isfinite(weight).all():
        raise ValueError(f"Input {name} contains NaN or infinity.")
    index = np.flatnonzero(weight)
    return index, weight[index]


def total_weight(sample_weight: np.ndarray | None, by_class: np.ndarray | None, codes: np.ndarray) -> np.ndarray | None:
    """Return the products of the weights of classes and of rows, or None if there are neither."""
    if by_class is None:
        return sample_weight
    return by_class[codes] if sample_weight is None else by_class[codes] * sample_weight


def with_mean_one(weight: np.ndarray | None) -> np.ndarray | None:
    """Scale weights to a mean of 1, if there are any.

    Keras divides the weighted sum over a batch of n rows by n; with a mean weight of 1 that is a weighted mean.
    """
    if weight is None:
        return None
    with np.errstate(over="ignore"):
        mean = weight.mean()
    return weight / mean if np.isfinite(mean) else with_mean_one(weight / weight.max())


def weight_by_class(
    class_weight: ClassWeight | None,
    codes: np.ndarray,
    targets: Any,
    sample_weight: np.ndarray | None,
) -> np.ndarray | None:
    """Return the weight of each class for rows of these codes and weights, or None if there is no `class_weight`."""
    if class_weight is None:
        return None
    if not targets.has_one_class_a_row:
        kind = {"multilabel": "multilabel", "sequence": "a label at each place"}.get(
            targets.row_kind, "of several outputs"
        )
        raise ValueError(f"class_weight is for targets with one class a row, but y is {kind}; use sample_weight.")
    if class_weight == "balanced":
        present = np.unique(codes)
        by_class = np.ones(len(targets.classes))
        by_class[present] = compute_class_weight("balanced", classes=present, y=codes, sample_weight=sample_weight)
        return by_class
    labels = targets.classes.tolist()
    unknown = [label for label in class_weight if label not in labels]
    # Rows of a fold may lack a class that has a weight; a misspelt label leaves a class without one.
    if unknown and not all(label in class_weight for label in labels):
        raise ValueError(f"class_weight has weights for {unknown!r}, but the classes in y are {labels!r}.")
    if not all(isinstance(weight, Real) and not isinstance(weight, bool) for weight in class_weight.values()):
        raise ValueError(f"class_weight must hold finite weights of at least 0, not all 0. Got {class_weight!r}.")
    by_class = np.array([class_weight.get(label, 1.0) for label in labels], dtype=np.float64)
    if not (np.isfinite(by_class).all() and (by_class >= 0).all() and by_class.any()):
        raise ValueError(f"class_weight must hold finite weights of at least 0, not all 0. Got {class_weight!r}.")
    return by_class


def n_training_rows(n_rows: int, fraction: float | None) -> int:
    """Return how many rows train a network, after a fraction of them, or None, is set aside for validation."""
    return n_rows if fraction is None else max(1, n_rows - _n_validation_rows(n_rows, fraction))


def _n_validation_rows(n_rows, fraction):
    return math.ceil(fraction * n_rows)


def keeps_classes(codes: np.ndarray, targets: Any, fraction: float) -> bool:
    """Whether this fraction of the rows can have the same share of each class as the others, if there are classes."""
    if not targets.has_one_class_a_row:
        return True
    n_validation = _n_validation_rows(len(codes), fraction)
    present, counts = np.unique(codes, return_counts=True)
    return bool(counts.min() > 1 and min(n_validation, len(codes) - n_validation) >= len(present))


def split(
    codes: np.ndarray,
    targets: Any,
    fraction: float,
    rng: np.random.Generator,
    which: Literal["random", "last"] = "random",
) -> list[np.ndarray]:
    """Return the positions of training and validation rows; at random with equal fractions of classes if possible."""
    n_rows = len(codes)
    n_validation = _n_validation_rows(n_rows, fraction)
    if n_validation >= n_rows:
        raise ValueError(f"validation_fraction={fraction} of {n_rows} rows leaves no row to train on.")
    if which == "last":  # nothing is drawn, so that a fit is as that with these rows as X_val
        return np.split(np.arange(n_rows), [n_rows - n_validation])
    seed = int(rng.integers(2**31))
    stratify = None
    if targets.has_one_class_a_row:
        if keeps_classes(codes, targets, fraction):
            stratify = codes
        else:
            present, counts = np.unique(codes, return_counts=True)
            rarest = targets.classes[present[counts.argmin()]].item()
            warn(
                f"The {n_validation} validation rows are drawn without regard to the classes: there are too few rows "
                f"for {len(present)} classes (the fewest, {counts.min()}, of class {rarest!r}).",
            )
    parts = model_selection.train_test_split(
        np.arange(n_rows), test_size=n_validation, stratify=stratify, random_state=seed
    )
    return [np.sort(part) for part in parts]  # so that shuffle=False keeps the order of the rows
