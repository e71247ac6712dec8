"""From y, in any form that scikit-learn knows, to what a network learns, and from its outputs back.

`Targets` remembers the form that the y of a classifier had in `fit` (labels, one-hot rows or a multilabel indicator
matrix), `NumericTargets` that of a regressor. Their `choose_head` decides what the last layer and the loss look like.
Nothing here knows networks or TensorFlow.
"""

import warnings

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import column_or_1d, gen_batches
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skdeep._common.states import check_attributes, is_bool, is_count
from skdeep._data.heads import Head, choose_output_encoding, one_hot
from skdeep._data.objectives import (
    NUMBERS,
    ROWS,
    TARGET_ENCODINGS,
    check_numbers,
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


class Targets:
    """The form that y had in `fit`, and the way from it to codes and back.

    Parameters
    ----------
    kind : {"labels", "one-hot", "multilabel"}
        Form of y.
    classes : ndarray of shape (n_classes,)
        Labels, in sorted order; column numbers for one-hot rows and indicator matrices.
    dtype : numpy.dtype
        dtype of y, which predictions get.
    """

    def __init__(self, kind, classes, dtype):
        self.kind = kind
        self.classes = classes
        self.dtype = dtype

    def __setstate__(self, state):
        check_attributes(
            self,
            state,
            kind=lambda value: value in ("labels", "one-hot", "multilabel"),
            classes=lambda value: isinstance(value, np.ndarray) and value.ndim == 1 and len(value) > 0,
            dtype=lambda value: isinstance(value, np.dtype),
        )
        vars(self).update(state)

    @property
    def n_outputs(self):
        """Outputs of a network that has one for each class."""
        return len(self.classes)

    @classmethod
    def learn(cls, y, classes=None, row_kind=None):
        """Learn the form of `y`.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels or rows of 0 and 1.
        classes : array-like of shape (n_classes,), default=None
            All labels that may ever occur.
        row_kind : {"one-hot", "multilabel"}, default=None
            What rows of 0 and 1 are; None takes those with a single 1 each as one-hot.
        """
        y = as_target_array(y)
        if y.ndim == 2:
            if classes is not None and not np.array_equal(_given_classes(classes), np.arange(y.shape[1])):
                raise ValueError(
                    f"classes must be the numbers of the columns, 0 to {y.shape[1] - 1}, where y has rows of 0 and 1. "
                    f"Got {classes!r}."
                )
            kind = row_kind or ("one-hot" if np.all(y.sum(axis=1) == 1) else "multilabel")
            return cls(kind, np.arange(y.shape[1]), y.dtype)
        parts = [_sorted_labels(y[part], "y") for part in gen_batches(len(y), _SORTED_ROWS)]
        labels = _sorted_labels(np.concatenate(parts), "y")  # first, since it tells of labels that cannot be compared
        check_classification_targets(y)
        if classes is not None:
            labels = _given_classes(classes)
        if len(labels) < 2:
            raise ValueError(
                f"A classifier needs at least two classes, but y has only one class: {labels.tolist()[0]!r}."
            )
        return cls("labels", labels, labels.dtype)

    def encode(self, y, name="y"):
        """Return class indices of shape (n,), or for multilabel a 0/1 matrix of shape (n, n_classes)."""
        y = as_target_array(y, name)
        if self.kind == "labels":
            if y.ndim != 1:
                raise ValueError(f"{name} has shape {y.shape}, but labels of shape (n_samples,) were given in fit.")
            return self._indices(y, name)
        if y.ndim != 2 or y.shape[1] != len(self.classes):
            raise ValueError(f"{name} has shape {y.shape}, but rows of {len(self.classes)} values were given in fit.")
        if self.kind == "multilabel":
            return y.astype(np.float32)
        wrong = np.flatnonzero(y.sum(axis=1) != 1)
        if len(wrong):
            raise ValueError(
                f"{name} is one-hot, by what fit got or by the parameters, but its row {wrong[0]} does not have "
                "exactly one 1. That rows are multilabel is said by output_activation='sigmoid', and for "
                "KerasClassifier by target_type='multilabel'."
            )
        return y.argmax(axis=1).astype(np.int32)

    def _indices(self, y, name):
        index_of = {label: index for index, label in enumerate(self.classes.tolist())}
        parts = [_sorted_labels(y[part], name, return_inverse=True) for part in gen_batches(len(y), _SORTED_ROWS)]
        unseen = dict.fromkeys(label for present, _ in parts for label in present.tolist() if label not in index_of)
        if unseen:
            more = f" and {len(unseen) - 10:,} more" if len(unseen) > 10 else ""
            raise ValueError(f"{name} contains labels that were not seen in fit: {list(unseen)[:10]!r}{more}.")
        codes = [np.array([index_of[label] for label in present.tolist()], np.int32)[each] for present, each in parts]
        return np.concatenate(codes)

    def decode(self, indices):
        """Return predictions in the form that y had in `fit`, from what `skdeep._data.heads.Head.decide` returns."""
        if self.kind == "multilabel":
            return indices.astype(self.dtype)
        if self.kind == "one-hot":
            return one_hot(indices, len(self.classes), self.dtype)
        return self.classes[indices]

    def continuing(self, earlier):
        """Return the targets with which ``warm_start=True`` goes on, if these are of the classes of the earlier fit."""
        if not np.array_equal(self.classes, earlier.classes):
            raise ValueError(
                f"warm_start=True goes on with the classes of the earlier fit, {earlier.classes.tolist()!r}, "
                f"but y has {self.classes.tolist()!r}."
            )
        return self

    def attributes(self):
        """Return what of this is set on a fitted estimator."""
        return {"classes_": self.classes}

    def choose_head(self, output_activation, loss, metrics, target_encoding, *, one_hot):
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
        n_classes = len(self.classes)
        is_auto = isinstance(loss, str) and loss in ("auto", "crossentropy", "ce")
        check_outputs(metrics)
        if self.kind == "multilabel":
            if output_activation == "softmax" or compares_distributions(loss):
                raise ValueError(
                    "y is multilabel (several 1s in a row), which needs output_activation='sigmoid' and a loss for "
                    f"independent labels. Got output_activation={output_activation!r} and loss={loss!r}."
                )
            self._check_independent(loss, metrics, target_encoding)
            return Head(n_classes, "sigmoid", "binary_crossentropy" if is_auto else loss, "indicator")
        is_by_class = (
            n_classes > 2 or target_encoding == "one-hot" or any(map(compares_distributions, [loss, *metrics]))
        )
        if output_activation == "auto":
            output_activation = "softmax" if is_by_class else "sigmoid"
        if output_activation == "sigmoid" and not is_by_class:
            self._check_independent(loss, metrics, target_encoding)
            return Head(1, "sigmoid", "binary_crossentropy" if is_auto else loss, "column")
        form = common_form(loss, metrics, target_encoding, of_own=ROWS)
        if is_auto:
            form = form or (ROWS if one_hot else NUMBERS)
            loss = "categorical_crossentropy" if form == ROWS else "sparse_categorical_crossentropy"
        of_numbers = "indices" if keras_name(loss) else "column of indices"
        return Head(n_classes, output_activation, loss, "one-hot" if form == ROWS else of_numbers)

    def penalty_factor(self, loss):
        """Return the factor of alpha over the rows of a batch: Keras averages over labels, scikit-learn sums."""
        return 0.5 / (len(self.classes) if self.kind == "multilabel" else 1)

    def expected_encoding(self, loss, target_encoding):
        """Return the encoding for a loss in a network of the user's own which has one output for each class."""
        if self.kind == "multilabel":
            return "indicator"
        form = loss_form(loss) or TARGET_ENCODINGS.get(target_encoding) or self._form_of_own
        return "one-hot" if form == ROWS else "column of indices"

    def head_of(self, n_outputs, loss, metrics, last, target_encoding, output_encoding):
        """Return the head of a network of the user's own with so many outputs, compiled with this loss and metrics.

        `last` is what `skdeep._engine.last_layer.activation_of` returns, `output_encoding` as given to the estimator.
        """
        if isinstance(loss, (list, dict)) and len(loss) == 1:
            (loss,) = loss.values() if isinstance(loss, dict) else loss
        n_classes = len(self.classes)
        outputs = choose_output_encoding(last, loss, output_encoding)
        check_outputs(metrics)
        if n_outputs == 1 and n_classes == 2 and self.kind != "multilabel":
            if target_encoding == "one-hot":
                raise ValueError(
                    "target_encoding='one-hot' needs one output for each class, but the model has 1 output."
                )
            self._check_independent(loss, metrics, target_encoding)
            return Head(1, last, loss, "column", outputs)
        if n_outputs != n_classes:
            raise ValueError(
                f"The model has {n_outputs} outputs, but y has {n_classes} classes. It must have one output for each "
                "class, or a single one for two classes."
            )
        if self.kind == "multilabel":
            if last == "softmax":
                raise ValueError(
                    "y is multilabel (several 1s in a row, or by target_type), but the last activation of the model is "
                    "a softmax, whose outputs exclude each other. Give it a sigmoid."
                )
            self._check_independent(loss, metrics, target_encoding)
            return Head(n_outputs, last, loss, "indicator", outputs)
        form = common_form(loss, metrics, target_encoding, of_own=self._form_of_own)
        # Keras's code for this loss computes with (n, 1) something else than with (n,).
        is_flat = keras_name(loss) == "categorical_generalized_cross_entropy"
        of_numbers = "indices" if is_flat else "column of indices"
        return Head(n_outputs, last, loss, "one-hot" if form == ROWS else of_numbers, outputs)

    @property
    def _form_of_own(self):
        """The form of targets for the user's own losses in networks of the user's own: that of y, as in scikeras."""
        return NUMBERS if self.kind == "labels" else ROWS

    def _check_independent(self, loss, metrics, target_encoding):
        """Raise for what does not go with outputs that are each a probability of their own."""
        if self.kind == "multilabel" and target_encoding == "ordinal":
            raise ValueError("target_encoding='ordinal' is for one class a row, but y is multilabel.")
        loss_form(loss)
        for metric in metrics:
            metric_form(metric)
        check_single_outputs(loss, metrics)


class NumericTargets:
    """The numbers that y had in `fit`: their shape, and the mean and spread that the network does not see.

    Parameters
    ----------
    n_outputs : int
        Columns of y.
    is_column : bool
        Whether y had one axis, or a second of length one; so have predictions then.
    mean, scale : ndarray of shape (n_outputs,)
        What is subtracted from y and by what it is divided before the network learns it.
    """

    kind = "numbers"

    def __init__(self, n_outputs, is_column, mean, scale):
        self.n_outputs = n_outputs
        self.is_column = is_column
        self.mean = mean
        self.scale = scale

    def __setstate__(self, state):
        def is_for_each(value):
            return isinstance(value, np.ndarray) and value.shape == (state["n_outputs"],) and value.dtype.kind == "f"

        check_attributes(self, state, n_outputs=is_count, is_column=is_bool, mean=is_for_each, scale=is_for_each)
        vars(self).update(state)

    @property
    def is_scaled(self):
        """Whether the network learns other numbers than those of y."""
        return bool(np.any(self.mean != 0) or np.any(self.scale != 1))

    @classmethod
    def learn(cls, y, weight, *, scaled):
        """Learn the form of `y`, and if it is to be `scaled` its mean and standard deviation with these weights."""
        numbers = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        n_outputs = numbers.shape[1]
        mean, scale = np.zeros(n_outputs), np.ones(n_outputs)
        if scaled:
            mean, scale = _mean_and_deviation(numbers, weight)
        return cls(n_outputs, np.ndim(y) == 1, mean, scale)

    def encode(self, y, name="y"):
        """Return the numbers of shape (n, n_outputs) that the network learns."""
        numbers = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        if numbers.shape[1] != self.n_outputs:
            raise ValueError(f"{name} has {numbers.shape[1]} columns, but in fit it had {self.n_outputs}.")
        with np.errstate(over="ignore"):  # what the network cannot hold is refused where its dtype is known
            return (numbers - self.mean) / self.scale

    def decode(self, outputs):
        """Return predictions in the form that y had in `fit`, from outputs of shape (n, n_outputs)."""
        numbers = np.asarray(outputs, dtype=np.float64) * self.scale + self.mean
        return numbers[:, 0] if self.is_column else numbers

    def continuing(self, earlier):
        """Return the targets with which ``warm_start=True`` goes on: the earlier ones, whose units it knows."""
        if self.n_outputs != earlier.n_outputs:
            raise ValueError(
                f"warm_start=True goes on with the {earlier.n_outputs} columns of y of the earlier fit, but y has "
                f"{self.n_outputs}."
            )
        return earlier

    def attributes(self):
        """Return what of this is set on a fitted estimator."""
        return {"n_outputs_": self.n_outputs}

    def choose_head(self, output_activation, loss, metrics, target_encoding, *, one_hot):
        """Choose the output layer, the loss and the encoding."""
        check_numbers(loss, metrics)
        return Head(self.n_outputs, output_activation, loss, "numbers")

    def penalty_factor(self, loss):
        """Return the factor of alpha over the rows of a batch: scikit-learn halves the squared error."""
        return 1.0 if keras_name(loss) == "mean_squared_error" else 0.5

    def expected_encoding(self, loss, target_encoding):
        """Return the encoding for a network of the user's own."""
        return "numbers"

    def head_of(self, n_outputs, loss, metrics, last, target_encoding, output_encoding):
        """Return the head of a network of the user's own with so many outputs, compiled with this loss and metrics."""
        if n_outputs != self.n_outputs:
            raise ValueError(f"The model has {n_outputs} outputs, but y has {self.n_outputs} columns.")
        check_numbers(loss, metrics)
        return Head(n_outputs, "linear", loss, "numbers")


def as_target_array(y, name="y"):
    """Return y as labels of shape (n,) or a 0/1 matrix of shape (n, n_columns > 1)."""
    y = y.toarray() if issparse(y) else np.asarray(y)
    if y.ndim == 1:
        return y
    if y.ndim == 2 and y.shape[1] == 1:
        return column_or_1d(y, warn=True)
    if y.ndim != 2 or not _is_indicator(y, name):
        raise ValueError(
            f"{name} of shape {y.shape} is not supported: labels of shape (n_samples,) or (n_samples, 1), or rows of "
            "0 and 1 (one-hot or multilabel) of shape (n_samples, n_classes) are."
        )
    return y


def as_number_array(y, name="y"):
    """Return y as finite numbers of shape (n,) or (n, n_columns > 1)."""
    y = y.toarray() if issparse(y) else np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    if y.ndim not in (1, 2) or y.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} must hold numbers, in shape (n_samples,) or (n_samples, n_outputs). Got the dtype {y.dtype} and "
            f"the shape {y.shape}."
        )
    return y


def _mean_and_deviation(numbers, weight):
    """Return the mean and the standard deviation of each column; of a constant one itself and its size, at most 1."""
    size = np.abs(numbers).max(axis=0)
    size[size == 0] = 1
    unit = numbers / size  # else the squares of large numbers overflow, and those of small ones vanish
    mean = np.average(unit, axis=0, weights=weight)
    deviation = np.sqrt(np.average((unit - mean) ** 2, axis=0, weights=weight))
    is_constant = deviation <= 10 * np.finfo(np.float64).eps * np.abs(mean)  # but for rounding
    mean[is_constant], deviation[is_constant] = unit[0, is_constant], 1 / np.maximum(size[is_constant], 1)
    return mean * size, np.maximum(deviation * size, np.finfo(np.float64).tiny)


def _is_indicator(y, name):
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
