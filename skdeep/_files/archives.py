"""What is checked of a file before skops makes anything of it.

An archive of skops is a zip file with a tree of nodes, ``schema.json``, and arrays. skops looks at the names of the
types in it. Here the rest is held against what `skdeep.save` writes: how much is unpacked, which kind of node has which
name (a type that may be made again need not be one that may be called), which attributes an object may have, and the
states of random numbers, arrays and sparse matrices, which numpy and scipy take without looking.

What passes is packed anew without compression, so that skops reads just what was checked.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Collection
from math import prod

import numpy as np

from skdeep._common.states import AlteredFileError
from skdeep._files import trust
from skdeep._files.array_states import BIT_GENERATORS, check_array, check_random_state, check_seeds, checked_sparse
from skdeep._files.keras_files import untrusted_names
from skdeep._files.zip_limits import SCHEMA, unpacked

_MOST_DEPTH = 150
_PROTOCOLS = range(2, 100)  # of skops, which refuses those that it does not know; those before 2 have other nodes
_KEYS = ("__class__", "__module__", "__loader__", "__id__")


def checked(
    archive: bytes, trusted: Collection[str], max_bytes: int | None = None
) -> tuple[bytes, list[str], list[str]]:
    """Check an archive, without importing or making anything of it.

    Parameters
    ----------
    archive : bytes
        What skops wrote, or somebody else.
    trusted : collection of str
        Names that the caller trusts.
    max_bytes : int, default=None
        Most bytes that are unpacked; None is what `skdeep._files.zip_limits.unpacked` says.

    Returns
    -------
    archive : bytes
        The same, not compressed.
    names : list of str
        Names of the types and functions in it, for skops.
    unknown : list of str
        Those of them that neither skdeep nor the caller trusts, sorted.

    Raises
    ------
    AlteredFileError
        If it has what `save` does not write. Other errors of damaged archives come from what reads them.
    """
    members = unpacked(archive, max_bytes)
    check = _Check(members, trusted)
    schema = json.loads(members[SCHEMA])
    if not (isinstance(schema, dict) and type(schema.get("protocol")) is int and schema["protocol"] in _PROTOCOLS):
        raise AlteredFileError("its protocol is not one of skops")
    root = check.whole_tree(schema)
    schema = {name: schema[name] for name in ("protocol", "_skops_version") if name in schema}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as stored:
        stored.writestr(SCHEMA, json.dumps(root | schema))
        for name in check.files:
            stored.writestr(name, members[name])
    return packed.getvalue(), sorted(check.names), sorted(check.unknown)


class _Check:
    """A walk over the nodes of an archive.

    Parameters
    ----------
    members : dict of str to bytes
        What is in the archive.
    trusted : collection of str
        Names that the caller trusts.

    Notes
    -----
    An object that is in several places is written whole in each of them, under one ``__id__``, and skops makes it once.
    So do we: what an ``__id__`` says first holds everywhere. `_sizes` counts nodes as often as skops visits them, lest
    a small file says "the list above, twice" fifty times.
    """

    def __init__(self, members, trusted):
        self.names, self.unknown, self.files = set(), set(), set()
        self._members = members
        self._trusted = set(trusted)
        self._nodes, self._open = {}, set()
        self._sizes, self._kept = {}, []  # by the id of nodes, which must not be another's

    def whole_tree(self, schema):
        """Return the tree with what is known to be harmless in it; what is not known is in `unknown`."""
        self._n_written = _count(schema)
        root = self._node(schema, 0)
        self._check_size(root)
        _check_configs(root)
        return root

    def _node(self, node, depth):
        if not (isinstance(node, dict) and all(isinstance(node.get(key), str) for key in _KEYS[:3])):
            raise AlteredFileError("a node of its tree says no type")
        number = node.get("__id__")
        if (number is not None and type(number) is not int) or number in self._open or depth > _MOST_DEPTH:
            raise AlteredFileError("a node of its tree is within itself, or too deep")
        if number is not None and number in self._nodes:
            return self._nodes[number]
        kind = node["__loader__"]
        check = getattr(self, f"_check_{kind}", None) if kind in _NODES else None
        if check is None:
            raise AlteredFileError(f"it has nodes of the kind {kind!r}, which save does not write")
        if number is not None:
            self._open.add(number)
        made = {key: node[key] for key in _KEYS if key in node}
        children = []

        def child(value):
            children.append(self._node(value, depth + 1))
            return children[-1]

        made |= check(node, f"{node['__module__']}.{node['__class__']}", child)
        self._open.discard(number)
        self._sizes[id(made)] = 1 + sum(self._sizes[id(each)] for each in children)
        self._kept.append(made)
        if number is not None:
            self._nodes[number] = made
        return made

    def _know(self, name, allowed):
        """Note a name, and whether it is one that such a node may have."""
        self.names.add(name)
        if not allowed and name not in self._trusted:
            self.unknown.add(name)

    def _check_JsonNode(self, node, name, child):
        value = json.loads(node["content"])
        if not (value is None or isinstance(value, (bool, int, float, str))):
            raise AlteredFileError("a plain value of it is a container")
        return {"__class__": "str", "__module__": "builtins", "content": node["content"], "is_json": True}

    def _check_DictNode(self, node, name, child):
        self._know(name, name in ("builtins.dict", "collections.OrderedDict", "sklearn.utils._bunch.Bunch"))
        keys, key_types = _dict(node, "content"), _dict(node, "key_types")
        types = _list(key_types, "content")
        if len(types) != len(keys) or not all(
            isinstance(each, dict) and _full_name(each) in trust.KEYS and each.get("__loader__") == "TypeNode"
            for each in types
        ):
            raise AlteredFileError("the keys of a dictionary are not of plain types")
        return {"key_types": child(key_types), "content": {key: child(value) for key, value in keys.items()}}

    def _check_DefaultDictNode(self, node, name, child):
        self._know(name, name == "collections.defaultdict")
        content = _dict(node, "content")
        main, factory = _dict(content, "main"), _dict(content, "default_factory")
        is_plain = factory.get("__loader__") == "TypeNode" and _full_name(factory) in trust.CONTAINERS
        if main.get("__loader__") != "DictNode" or not (is_plain or factory.get("__loader__") == "JsonNode"):
            raise AlteredFileError("the default of a dictionary is not of a plain type")
        return {"content": {"main": child(main), "default_factory": child(factory)}}

    def _check_ListNode(self, node, name, child):
        self._know(name, name == "builtins.list")
        return {"content": [child(each) for each in _list(node, "content")]}

    def _check_TupleNode(self, node, name, child):
        self._know(name, name == "builtins.tuple")
        return {"content": [child(each) for each in _list(node, "content")]}

    def _check_SetNode(self, node, name, child):
        self._know(name, name in ("builtins.set", "builtins.frozenset"))
        return {"content": [child(each) for each in _list(node, "content")]}

    def _check_SliceNode(self, node, name, child):
        self._know(name, name == "builtins.slice")
        content = {key: _dict(node, "content").get(key) for key in ("start", "stop", "step")}
        if not all(each is None or type(each) is int for each in content.values()):
            raise AlteredFileError("a slice of it has other ends than whole numbers")
        return {"content": content}

    def _check_TypeNode(self, node, name, child):
        self._know(name, trust.is_type(name))
        return {}

    def _check_FunctionNode(self, node, name, child):
        self._know(name, trust.is_function(name))
        return {}

    def _check_BytesNode(self, node, name, child):
        self._know(name, name in ("builtins.bytes", "builtins.bytearray"))
        self._content_of(node)
        return {"file": node["file"]}

    def _check_BytearrayNode(self, node, name, child):
        return self._check_BytesNode(node, name, child)

    def _check_PartialNode(self, node, name, child):
        content = {key: child(_dict(node, "content").get(key)) for key in ("func", "args", "kwds", "namespace")}
        function = content["func"]
        is_function = function["__loader__"] == "FunctionNode" or _full_name(function) in self._trusted
        is_plain = (content["args"]["__loader__"], content["kwds"]["__loader__"]) == ("TupleNode", "DictNode")
        if name != "functools.partial" or not (is_function and is_plain):
            raise AlteredFileError("a partial of it is not one of a function")
        if content["namespace"]["__loader__"] not in ("DictNode", "JsonNode"):
            raise AlteredFileError("a partial of it has attributes of another kind")
        self.names.add(name)
        return {"content": content}

    # What these call, the caller has to know; skops trusts more names than those.
    def _check_ConstructorFromReduceNode(self, node, name, child):
        self._know(name, False)
        return {"content": child(node.get("content"))}

    def _check_MethodNode(self, node, name, child):
        content = _dict(node, "content")
        function = content.get("func")
        if not isinstance(function, str):
            raise AlteredFileError("a method of it has no name")
        self.names.add(name)
        self._know(f"{name}.{function}", False)
        return {"content": {"func": function, "obj": child(content.get("obj"))}}

    def _check_OperatorFuncNode(self, node, name, child):
        self._know(name, False)
        return {"attrs": child(node.get("attrs"))}

    def _check_TreeNode(self, node, name, child):
        self._know(name, False)
        if name != "sklearn.tree._tree.Tree":
            raise AlteredFileError("a tree of it is none of scikit-learn's")
        return self._reduced(node, child)

    def _check_LossNode(self, node, name, child):
        if not trust.is_compiled_loss(name):
            raise AlteredFileError(f"a loss of it is none of scikit-learn's: {name!r}")
        self.names.add(name)
        return self._reduced(node, child)

    def _reduced(self, node, child):
        return {"content": child(node.get("content")), "__reduce__": {"args": child(_dict(node, "__reduce__")["args"])}}

    def _check_ObjectNode(self, node, name, child):
        self._know(name, trust.is_object(name))
        if node.get("content") is None:
            return {}
        content = child(node["content"])
        if trust.is_object(name):
            self._check_attributes(name, content)
        return {"content": content}

    def _check_attributes(self, name, content):
        """Check the attributes of an object of skdeep or scikit-learn."""
        if content["__loader__"] == "JsonNode" and content["content"] == "null":
            return
        if content["__loader__"] != "DictNode":
            raise AlteredFileError(f"the attributes of {name} are no dictionary")
        for attribute, value in content["content"].items():
            if not attribute.isidentifier() or trust.is_set_by_class(name, attribute):
                raise AlteredFileError(f"{name} has an attribute {attribute!r}, which is part of its class")
            if attribute in trust.LOOKED_AT and not trust.is_harmless(attribute, self._plain(value)):
                self._know(f"{name}.{attribute}", False)
        if name in trust.OF_KERAS:
            for each in untrusted_names(self._plain(content)):
                self._know(each, False)

    def _check_NdArrayNode(self, node, name, child):
        is_array = name == "numpy.ndarray"
        self._know(name, is_array or name in trust.SCALARS)
        if node.get("type") == "json" and is_array:
            items, shape = [child(each) for each in _list(node, "content")], child(node.get("shape"))
            sizes = self._plain(shape)
            is_shape = isinstance(sizes, (tuple, list)) and all(type(each) is int and each >= 0 for each in sizes)
            if not is_shape or (sizes and sizes[0] != len(items)) or prod(sizes) > _most_items(items):
                raise AlteredFileError("an array of objects has another shape than its items")
            return {"type": "json", "content": items, "shape": shape}
        if node.get("type") != "numpy":
            raise AlteredFileError("an array is of no kind that skops writes")
        shape = check_array(self._content_of(node))
        if not is_array and shape:
            raise AlteredFileError(f"a number of it, {name}, is an array")
        return {"type": "numpy", "file": node["file"]}

    def _check_MaskedArrayNode(self, node, name, child):
        content = {key: child(_dict(node, "content").get(key)) for key in ("data", "mask")}
        self._know(name, name == "numpy.ma.MaskedArray" or name == "numpy.ma.core.MaskedArray")
        if not all(_full_name(each) in _ARRAYS for each in content.values()):
            raise AlteredFileError("a masked array of it is none of arrays")
        return {"content": content}

    def _check_DTypeNode(self, node, name, child):
        self._know(name, name == "numpy.dtype")
        content = child(node.get("content"))
        if content["__loader__"] != "NdArrayNode":
            raise AlteredFileError("a dtype of it is none")
        return {"content": content}

    def _check_RandomStateNode(self, node, name, child):
        self._know(name, name == "numpy.random.mtrand.RandomState")
        content = child(node.get("content"))
        state = self._plain(content)
        check_random_state(state, ("MT19937",))
        if not (state.get("has_gauss") in (0, 1) and isinstance(state.get("gauss"), float)):
            raise AlteredFileError("the state of its random numbers is none")
        return {"content": content}

    def _check_RandomGeneratorNode(self, node, name, child):
        self._know(name, name == "numpy.random._generator.Generator")
        content = {key: child(_dict(node, "content").get(key)) for key in ("bit_generator", "seed_seq")}
        check_random_state(self._plain(content["bit_generator"]), BIT_GENERATORS)
        check_seeds(self._plain(content["seed_seq"]))
        return {"content": content}

    def _check_SparseMatrixNode(self, node, name, child):
        self._know(name, re.fullmatch(r"scipy\.sparse\._\w+\.\w+_(matrix|array)", name) is not None)
        content = self._content_of(node)
        if node.get("type") != "scipy":
            raise AlteredFileError("a sparse matrix is of no kind that skops writes")
        self._members[node["file"]] = checked_sparse(content)
        return {"type": "scipy", "file": node["file"]}

    def _content_of(self, node):
        name = node.get("file")
        if not isinstance(name, str) or name not in self._members or name == SCHEMA:
            raise AlteredFileError(f"it has no member {name!r}")
        self.files.add(name)
        return self._members[name]

    def _plain(self, node):
        """Return the plain value that a node says; arrays are arrays, and what is none is a placeholder."""
        self._check_size(node)
        return _plain(node, lambda each: np.load(io.BytesIO(self._members[each["file"]]), allow_pickle=False))

    def _check_size(self, node):
        if self._sizes[id(node)] > 2 * self._n_written + 1000:
            raise AlteredFileError("it refers to the same objects more often than save writes them")


_NODES = {name.removeprefix("_check_") for name in vars(_Check) if name.startswith("_check_") and name[7].isupper()}
_ARRAYS = ("numpy.ndarray", *trust.SCALARS)


def _check_configs(root):
    """Check that there are configs of Keras only in those objects that check them before they make something of them.

    Keras takes a config for almost any argument that may be a name.
    """
    pending, seen = [root], set()
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value
        elif isinstance(value, dict) and id(value) not in seen:
            seen.add(id(value))
            if _full_name(value) not in trust.OF_KERAS:
                pending += value.values()
            if value.get("__loader__") == "DictNode" and {"class_name", "config"} <= value["content"].keys():
                raise AlteredFileError("it has the config of an object of Keras where there is none")


def _full_name(node):
    return f"{node.get('__module__')}.{node.get('__class__')}"


def _dict(node, key):
    return _of_type(node, key, dict)


def _list(node, key):
    return _of_type(node, key, list)


def _of_type(node, key, kind):
    value = node.get(key)
    if not isinstance(value, kind):
        raise AlteredFileError(f"a node of its tree has no {key!r}")
    return value


def _count(schema):
    """Return how many nodes are written."""
    n_nodes, pending = 0, [schema]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            n_nodes += "__loader__" in value
            pending += value.values()
        elif isinstance(value, list):
            pending += value
    return n_nodes


def _plain(node, array):
    kind = node["__loader__"]
    if kind == "JsonNode":
        return json.loads(node["content"])
    if kind in ("ListNode", "TupleNode", "SetNode"):
        return [_plain(each, array) for each in node["content"]]
    if kind == "DictNode":
        return {key: _plain(each, array) for key, each in node["content"].items()}
    return array(node) if kind == "NdArrayNode" and node["type"] == "numpy" else ...


def _most_items(items):
    """Return how many items an array of objects may have: those that are written, lists in it counted as theirs."""
    return sum(_most_items(each["content"]) if each["__loader__"] == "ListNode" else 1 for each in items)
