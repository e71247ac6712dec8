"""Classes as targets: from y, in any form that scikit-learn knows, to what a network learns, and from its outputs back.

There is a class for each form that y may have: labels, one-hot rows, or a multilabel indicator matrix. They remember
what it was in `fit`. Their `choose_head` decides what the last layer and the loss look like. Nothing here knows
networks or TensorFlow.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.utils import column_or_1d, gen_batches
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skdeep._common.states import check_attributes
from skdeep._common.typing import Loss
from skdeep._data.heads import Head, choose_output_encoding, one_hot
from skdeep._data.objectives import (
    NUMBERS,
    ROWS,
    TARGET_ENCODINGS,
    check_outputs,
    check_single_outputs,
    common_form,
    compares_distributions,
    keras_name,
    loss_form,
    metric_form,
)
from skdeep._data.validation import without_missing

# Labels are sorted so many at a time: sorting makes several copies, of strings large ones.
_SORTED_ROWS = 100_000


def learn_targets(y: ArrayLike, classes: ArrayLike | None = None, row_kind: str | None = None) -> ClassTargets:
    """Return the targets of the form of `y`.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels or rows of 0 and 1.
    classes : array-like of shape (n_classes,), default=None
        All labels that may ever occur.
    row_kind : {"one-hot", "multilabel"}, default=None
        What rows of 0 and 1 are; None takes those with a single 1 each as one-hot.

    Returns
    -------
    targets : LabelTargets, OneHotTargets or MultilabelTargets
    """
    y = as_target_array(y)
    if y.ndim == 2:
        if classes is not None and not np.array_equal(_given_classes(classes), np.arange(y.shape[1])):
            raise ValueError(
                f"classes must be the numbers of the columns, 0 to {y.shape[1] - 1}, where y has rows of 0 and 1. "
                f"Got {classes!r}."
            )
        are_one_hot = np.all(y.sum(axis=1) == 1) if row_kind is None else row_kind == "one-hot"
        return (OneHotTargets if are_one_hot else MultilabelTargets)(np.arange(y.shape[1]), y.dtype)
    parts = [_sorted_labels(y[part], "y") for part in gen_batches(len(y), _SORTED_ROWS)]
    labels = _sorted_labels(np.concatenate(parts), "y")  # first, since it tells of labels that cannot be compared
    check_classification_targets(y)
    if classes is not None:
        labels = _given_classes(classes)
    if len(labels) < 2:
        raise ValueError(f"A classifier needs at least two classes, but y has only one class: {labels.tolist()[0]!r}.")
    return LabelTargets(labels, labels.dtype)


class ClassTargets(ABC):
    """The form that y had in `fit`, and the way from it to codes and back.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        Labels, in sorted order; column numbers for one-hot rows and indicator matrices.
    dtype : numpy.dtype
        dtype of y, which predictions get.
    """

    row_kind: str | None = None  # what rows are: "one-hot" or "multilabel", of 0 and 1, or "sequence"; None of labels
    has_one_class_a_row = True

    def __init__(self, classes: np.ndarray, dtype: np.dtype) -> None:
        self.classes = classes
        self.dtype = dtype

    def __setstate__(self, state):
        check_attributes(
            self,
            state,
            classes=lambda value: isinstance(value, np.ndarray) and value.ndim == 1 and len(value) > 0,
            dtype=lambda value: isinstance(value, np.dtype),
        )
        vars(self).update(state)

    @property
    def n_outputs(self) -> int:
        """Outputs of a network that has one for each class."""
        return len(self.classes)

    @abstractmethod
    def encode(self, y: np.ndarray, name: str = "y") -> np.ndarray:
        """Return class indices of shape (n,), or for multilabel a 0/1 matrix of shape (n, n_classes)."""

    @abstractmethod
    def decode(self, indices: np.ndarray) -> np.ndarray:
        """Return predictions in the form that y had in `fit`, from what `skdeep._data.heads.Head.decide` returns."""

    def has_classes(self, classes: Any) -> bool:
        """Whether these are the labels, in any order."""
        try:
            return np.ndim(classes) == 1 and np.array_equal(np.unique(classes), self.classes)
        except (TypeError, ValueError):  # labels that cannot be compared, or several lists of them
            return False

    def fits(self, head: Any) -> bool:
        """Whether a network with this head, from a file, is one for these targets."""
        return head.n_outputs in (1, self.n_outputs)

    def takes_shape(self, shape: tuple[int | None, ...]) -> bool:
        """Whether a network of the user's own may give outputs of this shape for a row."""
        return len(shape) == 1

    def predictions(self, head: Any, outputs: Any) -> np.ndarray:
        """Return what `predict` gives for outputs of a network with this head."""
        return self.decode(head.decide(outputs))

    def probabilities(self, head: Any, outputs: Any) -> np.ndarray:
        """Return what `predict_proba` gives."""
        return head.probabilities(outputs)

    def scores(self, head: Any, outputs: Any) -> np.ndarray:
        """Return what `decision_function` gives."""
        return self.arranged(head.scores(outputs))

    def whole(self, head: Any, converted: np.ndarray) -> np.ndarray:
        """Return predictions as `predict` gives them; targets of several outputs have them in parts."""
        return converted

    def by_output(self, head: Any, converted: np.ndarray) -> np.ndarray:
        """Return what `predict_proba` and `decision_function` give, which targets of several outputs have in parts."""
        return converted

    def arranged(self, scores: np.ndarray) -> np.ndarray:
        """Return scores of shape (n, 1) or (n, n_classes) as `decision_function` gives them."""
        # One column a class, also for two: what scorers compare with y.
        return np.hstack([-scores, scores]) if scores.shape[1] == 1 else scores

    def continuing(self, earlier: ClassTargets) -> ClassTargets:
        """Return the targets with which ``warm_start=True`` goes on, if these are of the classes of the earlier fit."""
        if not np.array_equal(self.classes, earlier.classes):
            raise ValueError(
                f"warm_start=True goes on with the classes of the earlier fit, {earlier.classes.tolist()!r}, "
                f"but y has {self.classes.tolist()!r}."
            )
        return self

    def attributes(self) -> dict[str, Any]:
        """Return what of this is set on a fitted estimator."""
        return {"classes_": self.classes}

    @abstractmethod
    def choose_head(
        self, output_activation: str, loss: Loss, metrics: list[Any], target_encoding: str, *, one_hot: bool
    ) -> Head:
        """Choose the output layer, the loss and the encoding.

        Parameters
        ----------
        output_activation : {"auto", "softmax", "sigmoid"}
            As given to the estimator.
        loss : str, class, callable or loss object
            As given to the estimator; "auto" is the cross-entropy that fits.
        metrics : list
            As given to the estimator.
        target_encoding : {"auto", "ordinal", "one-hot"}
            As given to the estimator.
        one_hot : bool
            Whether the loss "auto" shall take one-hot targets if nothing else decides.

        Returns
        -------
        head : Head
        """

    def penalty_factor(self, loss: Loss) -> float:
        """Return the factor of alpha over the rows of a batch."""
        return 0.5

    @abstractmethod
    def expected_encoding(self, loss: Loss | None, target_encoding: str) -> str:
        """Return the encoding for a loss in a network of the user's own which has one output for each class."""

    @abstractmethod
    def fitting_loss(
        self, n_outputs: int, last: str, metrics: list[Any], target_encoding: str, *, one_hot: bool
    ) -> tuple[str, dict[str, Any]]:
        """Return Keras's name of the loss that fits a network of the user's own, and arguments of it.

        Parameters
        ----------
        n_outputs : int
            Its outputs.
        last : {"softmax", "sigmoid", "other", "unknown"}
            What its last layer makes, see `skdeep._engine.last_layer.activation_of`.
        metrics, target_encoding, one_hot
            As for `choose_head`.
        """

    def head_of(
        self,
        n_outputs: int,
        loss: Any,
        metrics: list[Any],
        find_last: Callable[[], str],
        target_encoding: str,
        output_encoding: str,
    ) -> Head:
        """Return the head of a network of the user's own with so many outputs, compiled with this loss and metrics.

        `find_last` returns what `skdeep._engine.last_layer.activation_of` does, `output_encoding` is as given to the
        estimator.
        """
        if isinstance(loss, (list, dict)) and len(loss) == 1:
            (loss,) = loss.values() if isinstance(loss, dict) else loss
        last = find_last()
        outputs = choose_output_encoding(last, loss, output_encoding)
        check_outputs(loss, metrics)
        encoding = self._encoding_of(n_outputs, loss, metrics, last, target_encoding)
        return Head(n_outputs, last, loss, encoding, outputs)

    @abstractmethod
    def _encoding_of(self, n_outputs, loss, metrics, last, target_encoding):
        """Return the encoding for a network of the user's own."""

    def _check_n_outputs(self, n_outputs):
        if n_outputs != self.n_outputs:
            raise ValueError(
                f"The model has {n_outputs} outputs, but y has {self.n_outputs} classes. It must have one output for "
                "each class, or a single one for two classes."
            )


class _TargetsOfOneClass(ClassTargets):
    """Those of which each row has one class."""

    @property
    @abstractmethod
    def _form_of_own(self):
        """The form of targets for the user's own losses in networks of the user's own: that of y, as in scikeras."""

    def choose_head(
        self, output_activation: str, loss: Loss, metrics: list[Any], target_encoding: str, *, one_hot: bool
    ) -> Head:
        """Choose the output layer, the loss and the encoding."""
        n_classes, is_auto = self.n_outputs, _is_auto(loss)
        check_outputs(loss, metrics)
        is_by_class = (
            n_classes > 2 or target_encoding == "one-hot" or any(map(compares_distributions, [loss, *metrics]))
        )
        if output_activation == "auto":
            output_activation = "softmax" if is_by_class else "sigmoid"
        if output_activation == "sigmoid" and not is_by_class:
            _check_independent(loss, metrics)
            return Head(1, "sigmoid", "binary_crossentropy" if is_auto else loss, "column")
        form = common_form(loss, metrics, target_encoding, of_own=ROWS)
        if is_auto:
            form = form or (ROWS if one_hot else NUMBERS)
            loss = "categorical_crossentropy" if form == ROWS else "sparse_categorical_crossentropy"
        of_numbers = "indices" if keras_name(loss) else "column of indices"
        return Head(n_classes, output_activation, loss, "one-hot" if form == ROWS else of_numbers)

    def expected_encoding(self, loss: Loss | None, target_encoding: str) -> str:
        """Return the encoding for a loss in a network of the user's own which has one output for each class."""
        form = loss_form(loss) or TARGET_ENCODINGS.get(target_encoding) or self._form_of_own
        return "one-hot" if form == ROWS else "column of indices"

    def fitting_loss(
        self, n_outputs: int, last: str, metrics: list[Any], target_encoding: str, *, one_hot: bool
    ) -> tuple[str, dict[str, Any]]:
        """Return the name of the loss that fits, and arguments of it."""
        if n_outputs == 1:
            return "binary_crossentropy", _logits_of(last)
        form = common_form("auto", metrics, target_encoding, of_own=ROWS) or (ROWS if one_hot else NUMBERS)
        loss = "categorical_crossentropy" if form == ROWS else "sparse_categorical_crossentropy"
        return loss, _logits_of(last)

    def _encoding_of(self, n_outputs, loss, metrics, last, target_encoding):
        if n_outputs == 1 and self.n_outputs == 2:
            if target_encoding == "one-hot":
                raise ValueError(
                    "target_encoding='one-hot' needs one output for each class, but the model has 1 output."
                )
            _check_independent(loss, metrics)
            return "column"
        self._check_n_outputs(n_outputs)
        form = common_form(loss, metrics, target_encoding, of_own=self._form_of_own)
        # Keras's code for this loss computes with (n, 1) something else than with (n,).
        is_flat = keras_name(loss) == "categorical_generalized_cross_entropy"
        of_numbers = "indices" if is_flat else "column of indices"
        return "one-hot" if form == ROWS else of_numbers


class LabelTargets(_TargetsOfOneClass):
    """Labels: any values that can be compared, of shape (n,)."""

    _form_of_own = NUMBERS

    def encode(self, y: np.ndarray, name: str = "y") -> np.ndarray:
        """Return class indices of shape (n,)."""
        y = as_target_array(y, name)
        if y.ndim != 1:
            raise ValueError(f"{name} has shape {y.shape}, but labels of shape (n_samples,) were given in fit.")
        index_of = {label: index for index, label in enumerate(self.classes.tolist())}
        parts = [_sorted_labels(y[part], name, return_inverse=True) for part in gen_batches(len(y), _SORTED_ROWS)]
        unseen = dict.fromkeys(label for present, _ in parts for label in present.tolist() if label not in index_of)
        if unseen:
            more = f" and {len(unseen) - 10:,} more" if len(unseen) > 10 else ""
            raise ValueError(f"{name} contains labels that were not seen in fit: {list(unseen)[:10]!r}{more}.")
        codes = [np.array([index_of[label] for label in present.tolist()], np.int32)[each] for present, each in parts]
        return np.concatenate(codes)

    def decode(self, indices: np.ndarray) -> np.ndarray:
        """Return labels of these indices."""
        return self.classes[indices]

    def arranged(self, scores: np.ndarray) -> np.ndarray:
        """Return scores of shape (n,) for two classes, and (n, n_classes) for more."""
        if self.n_outputs > 2:
            return scores
        return scores[..., 0] if scores.shape[-1] == 1 else scores[..., 1] - scores[..., 0]


class OneHotTargets(_TargetsOfOneClass):
    """Rows of 0 and 1 of which each has a single 1."""

    row_kind = "one-hot"
    _form_of_own = ROWS

    def encode(self, y: np.ndarray, name: str = "y") -> np.ndarray:
        """Return class indices of shape (n,)."""
        y = _rows(y, name, self.n_outputs)
        wrong = np.flatnonzero(y.sum(axis=1) != 1)
        if len(wrong):
            raise ValueError(
                f"{name} is one-hot, by what fit got or by the parameters, but its row {wrong[0]} does not have "
                "exactly one 1. That rows are multilabel is said by output_activation='sigmoid', and for "
                "KerasClassifier by target_type='multilabel'."
            )
        return y.argmax(axis=1).astype(np.int32)

    def decode(self, indices: np.ndarray) -> np.ndarray:
        """Return rows with a 1 in these columns."""
        return one_hot(indices, self.n_outputs, self.dtype)


class MultilabelTargets(ClassTargets):
    """Rows of 0 and 1, in which each column is a question of its own."""

    row_kind = "multilabel"
    has_one_class_a_row = False

    def encode(self, y: np.ndarray, name: str = "y") -> np.ndarray:
        """Return a 0/1 matrix of shape (n, n_classes)."""
        return _rows(y, name, self.n_outputs).astype(np.float32)

    def decode(self, indices: np.ndarray) -> np.ndarray:
        """Return rows of 0 and 1 of these truth values."""
        return indices.astype(self.dtype)

    def choose_head(
        self, output_activation: str, loss: Loss, metrics: list[Any], target_encoding: str, *, one_hot: bool
    ) -> Head:
        """Choose the output layer, the loss and the encoding."""
        check_outputs(loss, metrics)
        if output_activation == "softmax" or compares_distributions(loss):
            raise ValueError(
                "y is multilabel (several 1s in a row), which needs output_activation='sigmoid' and a loss for "
                f"independent labels. Got output_activation={output_activation!r} and loss={loss!r}."
            )
        self._check(loss, metrics, target_encoding)
        return Head(self.n_outputs, "sigmoid", "binary_crossentropy" if _is_auto(loss) else loss, "indicator")

    def penalty_factor(self, loss: Loss) -> float:
        """Return the factor of alpha over the rows of a batch: Keras averages over labels, scikit-learn sums."""
        return 0.5 / self.n_outputs

    def expected_encoding(self, loss: Loss | None, target_encoding: str) -> str:
        """Return the encoding for a network of the user's own."""
        return "indicator"

    def fitting_loss(
        self, n_outputs: int, last: str, metrics: list[Any], target_encoding: str, *, one_hot: bool
    ) -> tuple[str, dict[str, Any]]:
        """Return the name of the loss that fits, and arguments of it."""
        return "binary_crossentropy", _logits_of(last)

    def _encoding_of(self, n_outputs, loss, metrics, last, target_encoding):
        self._check_n_outputs(n_outputs)
        if last == "softmax":
            raise ValueError(
                "y is multilabel (several 1s in a row, or by target_type), but the last activation of the model is "
                "a softmax, whose outputs exclude each other. Give it a sigmoid."
            )
        self._check(loss, metrics, target_encoding)
        return "indicator"

    def _check(self, loss, metrics, target_encoding):
        if target_encoding == "ordinal":
            raise ValueError("target_encoding='ordinal' is for one class a row, but y is multilabel.")
        _check_independent(loss, metrics)


def as_target_array(y: Any, name: str = "y") -> np.ndarray:
    """Return y as labels of shape (n,) or a 0/1 matrix of shape (n, n_columns > 1)."""
    y = y.toarray() if issparse(y) else np.asarray(y)
    if y.ndim == 1:
        return y
    if y.ndim == 2 and y.shape[1] == 1:
        return column_or_1d(y, warn=True)
    if y.ndim != 2 or not is_indicator(y, name):
        raise ValueError(
            f"{name} of shape {y.shape} is not supported: labels of shape (n_samples,) or (n_samples, 1), or rows of "
            "0 and 1 (one-hot or multilabel) of shape (n_samples, n_classes) are."
        )
    return y


def _logits_of(last):
    """Return the arguments of a cross-entropy for what the last layer of a network of the user's own makes."""
    if last == "unknown":
        raise ValueError(
            "loss is None, and which one fits cannot be told, since it cannot be seen whether the outputs of the model "
            "are probabilities. Give a loss, such as 'sparse_categorical_crossentropy'."
        )
    return {"from_logits": True} if last == "other" else {}


def _is_auto(loss):
    return isinstance(loss, str) and loss in ("auto", "crossentropy", "ce")


def _check_independent(loss, metrics):
    """Raise for what does not go with outputs that are each a probability of their own."""
    loss_form(loss)
    for metric in metrics:
        metric_form(metric)
    check_single_outputs(loss, metrics)


def _rows(y, name, n_columns):
    y = as_target_array(y, name)
    if y.ndim != 2 or y.shape[1] != n_columns:
        raise ValueError(f"{name} has shape {y.shape}, but rows of {n_columns} values were given in fit.")
    return y


def is_indicator(y: np.ndarray, name: str) -> bool:
    """Whether these are rows of 0 and 1."""
    try:
        return type_of_target(y, input_name=name) == "multilabel-indicator" and ((y == 0) | (y == 1)).all()
    except TypeError:  # objects that cannot be compared
        return False


def _sorted_labels(y, name, **kwargs):
    try:
        return np.unique(y, **kwargs)
    except TypeError as error:  # such as numbers among strings
        raise ValueError(f"{name} must hold labels of one type: {error}.") from error


def _given_classes(classes):
    """Return the labels that the caller lists, sorted."""
    if issparse(classes) or np.ndim(classes) != 1 or len(classes) == 0:
        raise ValueError(f"classes must be a sequence of all labels. Got {classes!r}.")
    classes = np.asarray(without_missing(classes, "classes"))
    if classes.dtype.kind == "f" and np.isnan(classes).any():
        raise ValueError("classes contains missing values.")
    labels = _sorted_labels(classes, "classes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that there are many classes for so few rows
        kind = type_of_target(labels, input_name="classes")
    if kind not in ("binary", "multiclass"):
        raise ValueError(f"classes must hold labels: ints, strings or bools. Got {classes.tolist()!r}.")
    return labels
