"""Nodes in the container in which skl2onnx gathers the graph of a pipeline, one operation a call."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdeep._lazy import lazy_module

_ADVICE = "Pipelines as ONNX need skl2onnx, onnx and tf2onnx: pip install 'skdeep[onnx]'."
onnx = lazy_module("onnx", advice=_ADVICE)
skl2onnx = lazy_module("skl2onnx", advice=_ADVICE)
data_types = lazy_module("skl2onnx.common.data_types", advice=_ADVICE)
operators = lazy_module("skl2onnx._supported_operators", advice=_ADVICE)
registration = lazy_module("skl2onnx.common._registration", advice=_ADVICE)
type_helper = lazy_module("skl2onnx.algebra.type_helper", advice=_ADVICE)


class Graph:
    """The container of skl2onnx, to which nodes are added by the names of what they take and give.

    Parameters
    ----------
    scope : skl2onnx.common._topology.Scope
        Makes names that are not used yet.
    container : skl2onnx.common._container.ModelComponentContainer
        Gathers the nodes.
    """

    def __init__(self, scope: Any, container: Any) -> None:
        self._scope = scope
        self._container = container

    def add(self, kind: str, *inputs: str, domain: str = "", output: str | None = None, **attributes: Any) -> str:
        """Add a node of one output and return the name of that."""
        output = output or self.new_name(kind.lower())
        name = self._scope.get_unique_operator_name(kind)
        self._container.add_node(kind, list(inputs), [output], op_domain=domain, name=name, **attributes)
        return output

    def new_name(self, stem: str) -> str:
        """Return a name that is not used yet."""
        return self._scope.get_unique_variable_name(stem)

    def constant(self, values: Any, dtype: Any = None) -> str:
        """Add an array and return its name."""
        name = self.new_name("constant")
        self._container.initializers.append(onnx.numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def cast(self, name: str, dtype: Any, output: str | None = None) -> str:
        """Add a change of the dtype."""
        return self.add("Cast", name, output=output, to=onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def reshape(self, name: str, shape: tuple[int, ...], output: str | None = None) -> str:
        """Add a change of the shape of each sample."""
        return self.add("Reshape", name, self.constant((-1, *shape), np.int64), output=output)

    def joined(self, variables: list[Any], dtype: Any) -> str:
        """Add the columns of all variables side by side, of this dtype, and return the name of that."""
        names = [self.cast(each.onnx_name, dtype) for each in variables]
        return names[0] if len(names) == 1 else self.add("Concat", *names, axis=1)

    def embedded(self, model: Any, name: str) -> dict[str, str]:
        """Add all nodes of an ONNX model of one input, which is `name`, and return what its outputs are named here."""
        outputs = [each.name for each in model.graph.output]
        version = self._container.target_opset
        (own,) = (each.version for each in model.opset_import if not each.domain)
        if own != version:
            model = onnx.version_converter.convert_version(model, version)
        # Prefixed names are not used yet, also in graphs within graphs.
        model = onnx.compose.add_prefix(model, f"{self.new_name('network')}_")
        self.add("Identity", name, output=model.graph.input[0].name)
        self._container.initializers.extend(model.graph.initializer)
        self._container.nodes.extend(model.graph.node)
        self._container.node_domain_version_pair_sets.update((each.domain, each.version) for each in model.opset_import)
        return dict(zip(outputs, (each.name for each in model.graph.output), strict=True))


def float_type(variable: Any, shape: list[int | None]) -> Any:
    """Return the type of what is computed of a variable: double for double, else float, as skl2onnx does it."""
    return type(data_types.guess_tensor_type(variable.type))(shape)


def dtype_of(variable: Any) -> np.dtype:
    """Return the dtype of a variable of skl2onnx, object for strings."""
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(data_types.guess_proto_type(variable.type)))
