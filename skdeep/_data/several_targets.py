"""A y of several outputs: tables whose columns have classes of their own, and arrays by name, of classes or numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, r2_score

from skdeep._common.states import check_attributes
from skdeep._data.class_targets import ClassTargets, MultilabelTargets, learn_targets
from skdeep._data.heads import Head, choose_output_encoding
from skdeep._data.named_arrays import NamedArrays, Parts
from skdeep._data.numeric_targets import NumericTargets
from skdeep._data.sampling import with_mean_one
from skdeep._data.several_heads import ColumnsOfOutputs, SeveralHeads, losses_of_outputs
from skdeep._data.structure import packed

Targets = ClassTargets | NumericTargets


@dataclass(frozen=True)
class Outputs:
    """The outputs of a model.

    Parameters
    ----------
    keys : tuple of str or tuple of int
        Names of the dict, or numbers of the list, that they are; None of a single one.
    names : tuple of str
        Names of the layers that make them, as far as the model tells.
    widths : tuple of int
        How many numbers each gives for a row.
    last : tuple of str
        What their last layers make, see `skdeep._engine.last_layer.activation_of`.
    """

    keys: tuple[Any, ...] | None
    names: tuple[str, ...]
    widths: tuple[int, ...]
    last: tuple[str, ...]

    def __str__(self):
        shown = self.names or self.keys or ("its output",)
        return ", ".join(f"{name} ({width})" for name, width in zip(shown, self.widths, strict=True))


class SeveralTargets:
    """The targets of several outputs.

    Parameters
    ----------
    parts : dict of str or int to targets
        By name, or by the number of the column of a table.
    dtype : numpy.dtype, default=None
        Of a table; None where y has names.
    """

    has_one_class_a_row = False
    row_kind = None

    def __init__(self, parts: dict[Any, Targets], dtype: np.dtype | None = None) -> None:
        self.parts = parts
        self.dtype = dtype

    def __setstate__(self, state):
        check_attributes(
            self,
            state,
            parts=lambda value: isinstance(value, dict) and all(isinstance(each, Targets) for each in value.values()),
            dtype=lambda value: value is None or isinstance(value, np.dtype),
        )
        vars(self).update(state)

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return len(self.parts)

    def encode(self, y: Any, name: str = "y") -> Parts:
        """Return the codes of each part."""
        arrays = self._arrays(y, name)
        return Parts({key: part.encode(arrays[key], _shown(name, key)) for key, part in self.parts.items()})

    def _arrays(self, y, name):
        """Return the array of each part, by its key."""
        if self.dtype is None:
            if not isinstance(y, NamedArrays):
                raise ValueError(f"{name} must have the names {list(self.parts)!r}, as in fit. Got an array.")
            if set(y.names) != set(self.parts):
                raise ValueError(f"{name} has the names {y.names!r}, but in fit they were {list(self.parts)!r}.")
            return dict(y.items())
        if isinstance(y, NamedArrays) or y.ndim != 2 or y.shape[1] != len(self.parts):
            raise ValueError(
                f"{name} has shape {y.shape}, but rows of {len(self.parts)} labels were given in fit."
                if not isinstance(y, NamedArrays)
                else f"{name} has names, but rows of {len(self.parts)} labels were given in fit."
            )
        return dict(enumerate(y.T))

    def has_classes(self, classes: Any) -> bool:
        """Whether these are the labels of each output, in a list or a dict."""
        try:
            given = classes if isinstance(classes, Mapping) else dict(zip(self.parts, classes, strict=True))
        except (TypeError, ValueError):
            return False
        return given.keys() == {key for key, _ in self._of_classes()} and all(
            self.parts[key].has_classes(each) for key, each in given.items()
        )

    def fits(self, head: Any) -> bool:
        """Whether a network with these heads, from a file, is one for these targets."""
        return (
            isinstance(head, SeveralHeads)
            and set(head.names) == set(self.parts)
            and all(self.parts[name].fits(each) for name, each in zip(head.names, head.heads, strict=True))
        )

    def takes_shape(self, shape: tuple[int | None, ...]) -> bool:
        """Whether the only output of a network may give this for a row."""
        return len(shape) == 1

    def predictions(self, head: SeveralHeads, outputs: list[np.ndarray]) -> list[np.ndarray]:
        """Return what `predict` gives for the outputs of a network, part by part."""
        return [part.predictions(*self._of(key, head, outputs)) for key, part in self.parts.items()]

    def probabilities(self, head: SeveralHeads, outputs: list[np.ndarray]) -> list[np.ndarray]:
        """Return what `predict_proba` gives, for each part of classes."""
        return [part.probabilities(*self._of(key, head, outputs)) for key, part in self._of_classes()]

    def scores(self, head: SeveralHeads, outputs: list[np.ndarray]) -> list[np.ndarray]:
        """Return what `decision_function` gives, for each part of classes."""
        return [part.scores(*self._of(key, head, outputs)) for key, part in self._of_classes()]

    def whole(self, head: Any, parts: list[np.ndarray]) -> Any:
        """Return predictions in the form that y had in `fit`."""
        if self.dtype is None:
            return NamedArrays(dict(zip(self.parts, parts, strict=True)))
        return np.column_stack(parts).astype(self.dtype, copy=False)

    def by_output(self, head: Any, parts: list[np.ndarray]) -> Any:
        """Return a list of what there is for the columns of a table, or `NamedArrays`."""
        if self.dtype is not None:
            return parts
        return NamedArrays(dict(zip((key for key, _ in self._of_classes()), parts, strict=True)))

    def _of_classes(self):
        return [(key, part) for key, part in self.parts.items() if isinstance(part, ClassTargets)]

    def _of(self, key, head, outputs):
        """Return the head and the outputs of a part."""
        number = head.names.index(key)
        return head.heads[number], outputs[number]

    def continuing(self, earlier: SeveralTargets) -> SeveralTargets:
        """Return the targets with which ``warm_start=True`` goes on."""
        if not isinstance(earlier, SeveralTargets) or earlier.parts.keys() != self.parts.keys():
            raise ValueError("warm_start=True goes on with the outputs of the earlier fit, but y has others.")
        pairs: dict[Any, Any] = {key: (part, earlier.parts[key]) for key, part in self.parts.items()}
        parts: dict[Any, Any] = {key: part.continuing(other) for key, (part, other) in pairs.items()}
        return SeveralTargets(parts, self.dtype)

    def attributes(self) -> dict[str, Any]:
        """Return what of this is set on a fitted estimator."""
        classes = {key: getattr(part, "classes", None) for key, part in self.parts.items()}
        if all(each is None for each in classes.values()):
            return {}
        return {"classes_": classes if self.dtype is None else list(classes.values())}

    def expected_encoding(self, loss: Any, target_encoding: str) -> dict[Any, str]:
        """Return the encodings of the parts, by their keys and by their numbers."""
        losses = losses_of_outputs(loss, tuple(self.parts)) if loss is not None else [None] * len(self.parts)
        if len(losses) != len(self.parts):
            losses = [None] * len(self.parts)
        pairs = zip(self.parts.values(), losses, strict=True)
        encodings = [part.expected_encoding(each, target_encoding) for part, each in pairs]
        return dict(enumerate(encodings)) | dict(zip(self.parts, encodings, strict=True))


def learn_several(
    y: Any, weight: np.ndarray | None, classes: Any = None, *, numbers: bool, scaled: bool
) -> SeveralTargets:
    """Return the targets of a table of labels, or of arrays by name.

    Parameters
    ----------
    y : ndarray of shape (n_samples, n_outputs) or NamedArrays
        Checked, by `checked_parts` if it has names.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    classes : sequence or mapping, default=None
        All labels that may ever occur, for each output; None are those in y.
    numbers : bool
        Whether all are numbers, as for regressors; otherwise those are that hold numbers which are not whole.
    scaled : bool
        Whether numbers are learned in units of their deviation.
    """
    table = not isinstance(y, NamedArrays)
    arrays = dict(enumerate(y.T)) if table else dict(y.items())
    if classes is not None and not isinstance(classes, Mapping):
        classes = dict(zip(arrays, classes, strict=False)) if np.ndim(classes[0]) else {}
    if classes is not None and classes.keys() != arrays.keys():
        raise ValueError(f"classes must have the labels of each of the {len(arrays)} outputs. Got {classes!r}.")
    parts: dict[Any, Targets] = {}
    for key, array in arrays.items():
        try:
            if numbers or (not table and are_numbers(array)):
                parts[key] = NumericTargets.learn(array, with_mean_one(weight), scaled=scaled)
            else:
                parts[key] = learn_targets(array, None if classes is None else classes[key])
        except (TypeError, ValueError) as error:
            raise type(error)(f"{_shown('y', key)}: {error}") from error
    return SeveralTargets(parts, y.dtype if table else None)


def checked_parts(y: Any, name: str, check: Callable[[Any, str], np.ndarray]) -> NamedArrays:
    """Return the arrays of a dict, each as a function checks it under its name."""
    parts = NamedArrays(y)
    return NamedArrays({key: check(part, _shown(name, key)) for key, part in parts.items()})


def are_numbers(y: np.ndarray) -> bool:
    """Whether these are numbers of a regression: floats that are not all whole."""
    return y.dtype.kind == "f" and bool((y != np.floor(y)).any())


def mean_score(targets: SeveralTargets, y: Any, predicted: Any, weight: np.ndarray | None) -> float:
    """Return how good predictions are.

    Of a table it is the share of the rows in which all labels are right, of arrays by name the mean of the accuracies
    and the coefficients of determination.
    """
    if targets.dtype is not None:
        return float(np.average(np.all(np.asarray(y) == predicted, axis=1), weights=weight))
    scores = []
    for key, part in targets.parts.items():
        score = r2_score if isinstance(part, NumericTargets) else accuracy_score
        scores.append(score(NamedArrays(y)[key], predicted[key], sample_weight=weight))
    return float(np.mean(scores))


def fitting_losses(
    targets: Targets | SeveralTargets, outputs: Outputs, target_encoding: str, *, one_hot: bool
) -> tuple[Any, dict[str, Any]]:
    """Return the losses that fit the outputs of a model, in a list or a dict, and arguments by routed name."""
    keys, losses = outputs.keys or (), []
    arguments: dict[str, Any] = {}
    for key, part, width, last in zip(keys, _parts_of(targets, outputs), outputs.widths, outputs.last, strict=True):
        loss, given = part.fitting_loss(width, last, [], target_encoding, one_hot=one_hot)
        losses.append(loss)
        arguments |= {f"{key}__{name}": value for name, value in given.items()}
    return packed(keys, losses), arguments


def heads_of(
    targets: Targets | SeveralTargets, outputs: Outputs, loss: Any, target_encoding: str, output_encoding: str
) -> SeveralHeads | ColumnsOfOutputs:
    """Return the heads of a network of the user's own with several outputs, compiled with this loss."""
    losses = losses_of_outputs(loss, outputs.keys)
    if len(losses) != len(outputs.widths):
        raise ValueError(f"The model has {len(outputs.widths)} outputs, {outputs}, but {len(losses)} losses.")
    parts = _parts_of(targets, outputs)
    if isinstance(targets, SeveralTargets):
        names = _names_of(targets, outputs)
        heads = tuple(
            part.head_of(width, each, [], lambda last=last: last, target_encoding, output_encoding)
            for part, width, each, last in zip(parts, outputs.widths, losses, outputs.last, strict=True)
        )
        return SeveralHeads(outputs.keys, names, heads)
    if isinstance(targets, NumericTargets):
        head = Head(targets.n_outputs, "linear", tuple(losses), "numbers")
        return ColumnsOfOutputs(outputs.keys, outputs.widths, head)
    pairs = zip(outputs.last, losses, strict=True)
    meanings = {choose_output_encoding(last, each, output_encoding) for last, each in pairs}
    if len(meanings) > 1:
        raise ValueError(
            f"The outputs of the model, {outputs}, share the columns of y, but mean different things: "
            f"{', '.join(sorted(meanings))}. Set output_encoding, or give them the same last activation."
        )
    head = Head(targets.n_outputs, outputs.last[0], tuple(losses), "indicator", meanings.pop())
    return ColumnsOfOutputs(outputs.keys, outputs.widths, head)


def _parts_of(targets, outputs):
    """Return the targets of each output, or raise if y and the model do not go together."""
    if isinstance(targets, SeveralTargets):
        return [targets.parts[name] for name in _names_of(targets, outputs)]
    if isinstance(targets, (NumericTargets, MultilabelTargets)) and sum(outputs.widths) == targets.n_outputs:
        return [targets] * len(outputs.widths)
    kind = "columns" if isinstance(targets, (NumericTargets, MultilabelTargets)) else "classes"
    raise ValueError(
        f"The model has {len(outputs.widths)} outputs, {outputs}, but y is one target of {targets.n_outputs} {kind}. "
        "Give y as a dict with an array for each output, by its name, or as a table with a column for each."
    )


def _names_of(targets, outputs):
    """Return the key of the targets of each output."""
    if len(outputs.widths) != targets.n_outputs:
        raise ValueError(
            f"The model has {len(outputs.widths)} outputs, {outputs}, but y has {targets.n_outputs}: "
            f"{', '.join(map(str, targets.parts))}."
        )
    if targets.dtype is not None:
        return tuple(range(len(outputs.widths)))
    for names in (outputs.keys, outputs.names):
        if set(names) == set(targets.parts):
            return tuple(names)
    raise ValueError(
        f"The outputs of the model are {', '.join(map(repr, outputs.names or outputs.keys))}, but y has "
        f"{', '.join(map(repr, targets.parts))}. Name the layers that make the outputs as in y."
    )


def _shown(name, key):
    return f"{name}[:, {key}]" if isinstance(key, int) else f"{name}[{key!r}]"
