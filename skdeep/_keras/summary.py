"""The table of the layers of a network, as text and for notebooks."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any, Literal

from skdeep._lazy import keras


@dataclass(frozen=True)
class Layer:
    """One layer of a network.

    Parameters
    ----------
    name : str
        Name of the layer in the Keras model.
    kind : str
        Keras class of the layer.
    output_shape : tuple of int
        Shape of its output for one sample; empty if it has none of its own, as in a subclassed model.
    n_parameters : int
        Number of its weights.

    Examples
    --------
    >>> from skdeep.summary import Layer
    >>> Layer("hidden_1", "Dense", (8,), 40).n_parameters
    40
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    n_parameters: int


@dataclass(frozen=True, repr=False)
class NetworkSummary:
    """The layers of a network; prints as a table, also in notebooks.

    Parameters
    ----------
    layers : tuple of Layer
        From the input to the output.
    predicted_by : {"NumPy", "TensorFlow"}, default="TensorFlow"
        What computes predictions: NumPy for networks of dense layers, see :doc:`/performance`.
    trained_by : {"NumPy", "TensorFlow"}, default="TensorFlow"
        What computes training.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DNNClassifier
    >>> clf = DNNClassifier((8,), epochs=1, random_state=0).fit(
    ...     *load_iris(return_X_y=True)
    ... )
    >>> clf.summary()
    layer      kind        output shape  parameters
    -----------------------------------------------
    input      InputLayer  4                      0
    hidden_1   Dense       8                     40
    dropout_1  Dropout     8                      0
    output     Dense       3                     27
    -----------------------------------------------
    total                                        67
    >>> clf.summary().layers[1].output_shape
    (8,)
    >>> clf.summary().predicted_by, clf.summary().trained_by
    ('NumPy', 'NumPy')
    """

    layers: tuple[Layer, ...]
    predicted_by: Literal["NumPy", "TensorFlow"] = "TensorFlow"
    trained_by: Literal["NumPy", "TensorFlow"] = "TensorFlow"

    @property
    def n_parameters(self) -> int:
        """Number of all weights."""
        return sum(layer.n_parameters for layer in self.layers)

    def __repr__(self):
        rows = self._rows()
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            "  ".join([*(row[column].ljust(widths[column]) for column in range(3)), row[3].rjust(widths[3])])
            for row in rows
        ]
        rule = "-" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    def _repr_html_(self):
        head, *rows = self._rows()
        cells = ["<tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in head) + "</tr>"]
        for row in rows:
            *texts, number = (html.escape(cell) for cell in row)
            cells.append(
                "<tr>"
                + "".join(f"<td style='text-align: left'>{text}</td>" for text in texts)
                + f"<td style='text-align: right'>{number}</td></tr>"
            )
        return "<table>" + "".join(cells) + "</table>"

    def _rows(self):
        rows = [("layer", "kind", "output shape", "parameters")]
        rows += [
            (layer.name, layer.kind, " x ".join(map(str, layer.output_shape)), f"{layer.n_parameters:,}")
            for layer in self.layers
        ]
        return [*rows, ("total", "", "", f"{self.n_parameters:,}")]


def layer_shapes(model: keras.Model) -> dict[Any, tuple[int, ...]]:
    """Return the shapes of the outputs of the layers of a Keras model for one sample, by layer, as far as known."""
    shapes = {}
    for layer in model.layers:
        try:
            shapes[layer] = tuple(layer.output.shape[1:])
        except (AttributeError, ValueError):  # of a subclass, which has no graph; with several outputs or inputs
            continue
    return shapes


def summarize(
    model: keras.Model, *, predicted_by: Literal["NumPy", "TensorFlow"], trained_by: Literal["NumPy", "TensorFlow"]
) -> NetworkSummary:
    """Return the `NetworkSummary` of a Keras model; the others tell what computes its predictions and its training."""
    shapes = layer_shapes(model)
    return NetworkSummary(
        tuple(
            Layer(layer.name, type(layer).__name__, shapes.get(layer, ()), layer.count_params())
            for layer in model.layers
        ),
        predicted_by,
        trained_by,
    )


for _public in (Layer, NetworkSummary):
    _public.__module__ = "skdeep.summary"
