"""Files that somebody made with intent, with a good checksum: none executes, reads, writes, fills memory or crashes.

Each file is an honest one with a change that the format could express. It is loaded and used in a process of its own,
which reports what it did: what each step ended in, what it opened and started, and how much memory it took.
"""

import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdeep
from skdeep import CNNClassifier, DNNClassifier, DNNRegressor, Flatten, KerasClassifier, ReadImages, ZScore

pytestmark = pytest.mark.slow

# Forks once for each file: TensorFlow is imported, but not started before the fork.
SERVER = """
import json, os, resource, signal, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
import skops.io
from sklearn.pipeline import Pipeline
import skdeep, skdeep._files.archives, skdeep._files.stand_ins
from skdeep._lazy import keras, tf
import keras
import skdeep._engine.program, skdeep._networks.compilation, skdeep._networks.own_models, skdeep._keras.describing

LIBRARIES = [os.path.realpath(path) for path in {sys.prefix, sys.base_prefix, *sys.path} if path]
LIBRARIES += ["/proc", "/sys", "/dev/null", "/dev/urandom", "/etc/localtime", "/usr/share/zoneinfo", "/usr/lib", "/lib"]


def kind_of(error):
    return "ValueError" if isinstance(error, ValueError) else type(error).__name__


def last_of(estimator):
    return estimator[-1] if isinstance(estimator, Pipeline) else estimator


def front_of(estimator):
    return estimator[:-1].transform if isinstance(estimator, Pipeline) and len(estimator) > 1 else lambda X: X


def run(path, steps):
    events, allowed = [], os.path.realpath(path)

    def watch(event, arguments):
        if event == "open" and isinstance(arguments[0], (str, bytes)):
            name = os.path.realpath(os.fsdecode(arguments[0]))
            writes = isinstance(arguments[1], str) and arguments[1].strip("rbtU")
            if name != allowed and (writes or not any(name.startswith(each) for each in LIBRARIES)):
                events.append(f"open {name} {arguments[1]}")
        elif event in ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "os.fork",
                       "pickle.find_class", "urllib.Request", "shutil.rmtree", "os.remove", "os.mkdir"):
            events.append(f"{event} {arguments!r:.100}")

    X, y = np.load(steps["X"]), np.load(steps["y"])
    sys.addaudithook(watch)
    said = {}
    began = time.monotonic()
    try:
        estimator = skdeep.load(path, trusted=steps["trusted"])
        said["load"] = "done"
        for name, step in (
            ("repr", lambda: repr(estimator)),
            ("html", lambda: estimator._repr_html_()),
            ("predict", lambda: estimator.predict(X)),
            ("partial_fit", lambda: last_of(estimator).partial_fit(front_of(estimator)(X), y)),
        ):
            try:
                made = step()
                said[name] = "<script>alert" not in made if name == "html" else made is not None
            except Exception as error:
                said[name] = f"{kind_of(error)}: {error}"[:500]
    except Exception as error:
        said["load"] = f"{kind_of(error)}: {error}"[:500]
    return {"said": said, "events": events, "seconds": time.monotonic() - began}


for line in sys.stdin:
    steps = json.loads(line)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(2, 1)  # what a fit prints
        signal.alarm(60)
        taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + 3 * 2**30,) * 2)
        outcome = run(steps["path"], steps)
        os.write(writing, json.dumps(outcome).encode()[:60000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        content = stream.read()
    _, status, used = os.wait4(child, 0)
    print(json.dumps({"status": status, "megabytes": used.ru_maxrss / 1024, **json.loads(content or "{}")}), flush=True)
"""


def own_model():
    layers = [
        keras.Input((4,)),
        keras.layers.Dense(7, "relu"),
        keras.layers.Dropout(0.1),
        keras.layers.Dense(3, "softmax"),
    ]
    model = keras.Sequential(layers, name="network")
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def honest(iris, tmp_path_factory):
    """Estimators and what is needed to use them, by name: file, X and y."""
    folder = tmp_path_factory.mktemp("honest")
    X, y = iris
    images = np.repeat(X[:, :, None], 4, axis=2).astype(np.float32)[..., None]
    kinds = {
        "dnn": (DNNClassifier((8,), epochs=1, random_state=0, dropout=0.1), X, y),
        "generator": (DNNClassifier((8,), epochs=1, random_state=np.random.RandomState(0)), X, y),
        "regressor": (DNNRegressor((4,), epochs=1, scale_targets=True), X, X[:, :2].copy()),
        "cnn": (CNNClassifier((2,), epochs=1, augment="RandomFlip"), images, y),
        "pipe": (make_pipeline(StandardScaler(), ZScore(), DNNClassifier((4,), epochs=1)), X, y),
        "select": (make_pipeline(SelectFromModel(LogisticRegression()), DNNClassifier((4,), epochs=1)), X, y),
        "flat": (make_pipeline(Flatten(), DNNClassifier((4,), epochs=1)), images, y),
        "text": (
            make_pipeline(CountVectorizer(), DNNClassifier((4,), epochs=1)),
            np.array(["a bird", "two cats"] * 75),
            y,
        ),
        "neighbours": (make_pipeline(KNeighborsClassifier(2)), sparse.csr_array(X), y),
        "images": (ReadImages(size=4), None, None),
        "own": (KerasClassifier(own_model(), epochs=1), X, y),
        "callback": (DNNClassifier((4,), epochs=1, callbacks=[keras.callbacks.EarlyStopping("loss")]), X, y),
    }
    files = {}
    for name, (estimator, data, targets) in kinds.items():
        if data is not None:
            estimator.fit(data, targets)
        skdeep.save(estimator, folder / name)
        data = data.toarray() if sparse.issparse(data) else data
        np.save(folder / f"{name}-X.npy", X if data is None else data)
        np.save(folder / f"{name}-y.npy", y if targets is None else targets)
        files[name] = folder / name
    return files


@pytest.fixture(scope="module")
def server():
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield process
    process.communicate()


@pytest.fixture
def outcome_of(server):
    """A function that uses a file in a process of its own and tells what came of it."""

    def outcome_of(path, kind, honest, trusted=()):
        X, y = (str(honest[kind]) + f"-{each}.npy" for each in "Xy")
        server.stdin.write(json.dumps({"path": str(path), "X": X, "y": y, "trusted": list(trusted)}) + "\n")
        server.stdin.flush()
        return json.loads(server.stdout.readline())

    return outcome_of


@pytest.fixture(scope="module")
def usual(honest, server):
    """What the honest files take."""
    outcomes = {}

    def usual(kind):
        if kind not in outcomes:
            X, y = (str(honest[kind]) + f"-{each}.npy" for each in "Xy")
            server.stdin.write(json.dumps({"path": str(honest[kind]), "X": X, "y": y, "trusted": []}) + "\n")
            server.stdin.flush()
            outcomes[kind] = json.loads(server.stdout.readline())
        return outcomes[kind]

    return usual


def written(path, archive):
    """Write an archive with a good checksum."""
    first_line = b"skdeep file, format 1, written by skdeep 0.1.0\n"
    path.write_bytes(first_line + hashlib.sha256(first_line + archive).hexdigest().encode() + b"\n" + archive)
    return path


def members_of(path):
    archive = path.read_bytes().split(b"\n", 2)[2]
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def packed(members, compression=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def nodes(node):
    """Yield all nodes of a tree."""
    if isinstance(node, dict):
        if "__loader__" in node:
            yield node
        for each in node.values():
            yield from nodes(each)
    elif isinstance(node, list):
        for each in node:
            yield from nodes(each)


def named(schema, name):
    """Return the nodes of a type."""
    return [node for node in nodes(schema) if node["__class__"] == name]


def plain(value):
    return {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": json.dumps(value)}


def node_of(kind, name, **content):
    module, _, short = name.rpartition(".")
    return {"__class__": short, "__module__": module, "__loader__": kind, **content}


def sequence(values, kind="tuple"):
    content = [value if isinstance(value, dict) else plain(value) for value in values]
    return node_of(f"{kind.title()}Node", f"builtins.{kind}", content=content)


def dictionary(**values):
    types = [node_of("TypeNode", "builtins.str") for _ in values]
    content = {key: value if isinstance(value, dict) else plain(value) for key, value in values.items()}
    return node_of("DictNode", "builtins.dict", content=content, key_types=sequence(types, "list"))


def with_attribute(name, value, of="DNNClassifier"):
    """Return a change of an attribute of the objects of a type."""

    def change(schema, members):
        value_node = value if isinstance(value, dict) else plain(value)
        for node in named(schema, of):
            attributes = node["content"]
            if name not in attributes["content"]:
                attributes["key_types"]["content"].append(node_of("TypeNode", "builtins.str"))
            attributes["content"][name] = value_node

    return change


def with_part(path, value, of="Network"):
    """Return a change of something in the attributes of the objects of a type."""

    def change(schema, members):
        (node, *_) = named(schema, of)
        at = node["content"]["content"]
        *way, last = path
        for step in way:
            at = at[step]["content"]
            at = at["content"] if isinstance(at, dict) and "__loader__" in at else at
        assert last in at if isinstance(at, dict) else True
        at[last] = value if isinstance(value, dict) else plain(value)

    return change


def attribute_node(node):
    return with_attribute("alpha", node)


def array_node(members, array):
    stream = io.BytesIO()
    np.save(stream, array)
    members["crafted.npy"] = stream.getvalue()
    return node_of("NdArrayNode", "numpy.ndarray", type="numpy", file="crafted.npy")


def with_array(path, array, of):
    return lambda schema, members: with_part(path, array_node(members, array), of)(schema, members)


def with_sparse(index):
    def change(schema, members):
        (name,) = [name for name in members if name.endswith(".npz")]
        matrix = sparse.load_npz(io.BytesIO(members[name]))
        matrix.indices[5] = index
        stream = io.BytesIO()
        sparse.save_npz(stream, matrix)
        members[name] = stream.getvalue()

    return change


def twice_a_level(schema, members):
    node = sequence([1.0], "list") | {"__id__": 1}
    for number in range(2, 60):
        node = sequence([node, {"__id__": number - 1, **node_of("ListNode", "builtins.list", content=[])}], "list")
        node["__id__"] = number
    attribute_node(node)(schema, members)


def within_itself(schema, members):
    node = sequence([{"__id__": 7, **node_of("ListNode", "builtins.list", content=[])}], "list") | {"__id__": 7}
    attribute_node(node)(schema, members)


def deep(schema, members):
    node = plain(1)
    for _ in range(300):
        node = sequence([node], "list")
    attribute_node(node)(schema, members)


def header_of_much(schema, members):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (10**11,)})
    members["crafted.npy"] = stream.getvalue() + b"\0" * 64
    attribute_node(node_of("NdArrayNode", "numpy.ndarray", type="numpy", file="crafted.npy"))(schema, members)


def seeds(**state):
    def change(schema, members):
        (node,) = named(schema, "Generator")
        node["content"]["seed_seq"]["content"].update({name: plain(value) for name, value in state.items()})

    return change


def generator_state(kind, **state):
    """Return a change of the generator of an estimator to one of another kind, with something in its state."""

    def change(schema, members):
        import skops.io as sio

        archive = io.BytesIO(sio.dumps(np.random.Generator(getattr(np.random, kind)(0))))
        with zipfile.ZipFile(archive) as other:
            made = json.loads(other.read("schema.json"))
            members.update({name: other.read(name) for name in other.namelist() if name != "schema.json"})
        at = made["content"]["bit_generator"]["content"]
        for name, value in state.items():
            (at if name in at else at["state"]["content"])[name] = plain(value)
        made.pop("protocol")
        (node,) = named(schema, "Generator")
        node.clear()
        node.update(made)

    return change


def random_state(**state):
    def change(schema, members):
        (node,) = named(schema, "RandomState")
        for name, value in state.items():
            at = node["content"]["content"]
            (at if name in at else at["state"]["content"])[name] = plain(value)

    return change


def with_values(old, new):
    """Return a change of every plain value that is `old`."""

    def change(schema, members):
        found = [node for node in nodes(schema) if node.get("content") == json.dumps(old)]
        assert found
        for node in found:
            node["content"] = json.dumps(new)

    return change


LAMBDA = dictionary(
    class_name="Lambda",
    module="keras.layers",
    config=dictionary(function=dictionary(class_name="__lambda__", config="4w")),
)
CALLS = (
    "builtins.list",
    "numpy.dtype",
    "skdeep._networks.network.Network",
    "skdeep.classifiers._dnn.DNNClassifier",
    "os.system",
)

# By name: which file, what is changed, and what is said at loading (None: it may be loaded).
CHANGES = {
    # Names are not only trusted or not: it is the kind of node that decides what is done with them.
    **{
        f"called, {name}": (
            "dnn",
            attribute_node(node_of("ConstructorFromReduceNode", name, content=sequence(["true"]))),
            name,
        )
        for name in CALLS
    },
    **{
        f"as a list, {name}": ("dnn", attribute_node(node_of("ListNode", name, content=[])), name) for name in CALLS[1:]
    },
    **{
        f"as a tuple, {name}": ("dnn", attribute_node(node_of("TupleNode", name, content=[])), name)
        for name in CALLS[1:]
    },
    **{f"as a set, {name}": ("dnn", attribute_node(node_of("SetNode", name, content=[])), name) for name in CALLS[1:]},
    **{
        f"a function, {name}": ("dnn", attribute_node(node_of("FunctionNode", name)), name)
        for name in (*CALLS[1:], "builtins.eval", "skdeep.persistence.load", "numpy.load", "numpy.fromfile")
    },
    **{
        f"a type, {name}": ("dnn", attribute_node(node_of("TypeNode", name)), name)
        for name in ("subprocess.Popen", *CALLS[2:])
    },
    **{
        f"a number, {name}": (
            "dnn",
            lambda schema, members, name=name: attribute_node(
                array_node(members, np.array(3))
                | dict(zip(("__module__", "__class__"), name.rsplit(".", 1), strict=True))
            )(schema, members),
            name,
        )
        for name in ("numpy.load", "numpy.zeros", "builtins.eval")
    },
    **{
        f"a loss, {name}": (
            "dnn",
            attribute_node(node_of("LossNode", name, content=dictionary(), __reduce__={"args": sequence(["true"])})),
            "a loss of it is none",
        )
        for name in CALLS
    },
    "a partial of a type": (
        "dnn",
        attribute_node(
            node_of(
                "PartialNode",
                "functools.partial",
                content={
                    "func": node_of("TypeNode", "builtins.list"),
                    "args": sequence([]),
                    "kwds": dictionary(),
                    "namespace": plain(None),
                },
            )
        ),
        "a partial of it",
    ),
    "a method": (
        "dnn",
        lambda schema, members: attribute_node(
            node_of("MethodNode", "builtins.list", content={"func": "clear", "obj": sequence([], "list")})
        )(schema, members),
        "builtins.list.clear",
    ),
    "an operator": (
        "dnn",
        attribute_node(node_of("OperatorFuncNode", "operator.methodcaller", attrs=sequence(["predict"]))),
        "operator.methodcaller",
    ),
    "keys of a called type": (
        "dnn",
        attribute_node(
            node_of(
                "DictNode",
                "builtins.dict",
                content={"true": plain(1)},
                key_types=sequence([node_of("TypeNode", "os.system")], "list"),
            )
        ),
        "the keys of a dictionary",
    ),
    "a dictionary of a called default": (
        "dnn",
        attribute_node(
            node_of(
                "DefaultDictNode",
                "collections.defaultdict",
                content={
                    "main": dictionary(),
                    "default_factory": node_of("TypeNode", "skdeep._networks.network.Network"),
                },
            )
        ),
        "the default of a dictionary",
    ),
    "a node that skops has, but save does not write": (
        "dnn",
        attribute_node(node_of("CachedNode", "builtins.list", __id__=1)),
        "'CachedNode'",
    ),
    "a node of no kind": ("dnn", attribute_node(node_of("WhateverNode", "builtins.list")), "'WhateverNode'"),
    **{
        f"protocol {protocol}": (
            "dnn",
            lambda schema, members, protocol=protocol: schema.update(protocol=protocol),
            "its protocol",
        )
        for protocol in (0, 1, True, "2", None, 10**6)
    },
    # Attributes that do something later.
    **{
        f"{name}={value}": (kind, with_attribute(name, value, of), f"{of}.{name}")
        for kind, of, name, value in (
            ("select", "SelectFromModel", "importance_getter", "__class__.__init__.__globals__"),
            ("select", "SelectFromModel", "importance_getter", "estimator_.model_"),
            ("select", "Pipeline", "memory", "somewhere"),
            ("text", "CountVectorizer", "input", "filename"),
            ("text", "CountVectorizer", "token_pattern", "(a+)+$"),
            ("dnn", "DNNClassifier", "initial_model", "hf://somebody/something"),
            ("dnn", "DNNClassifier", "initial_model", "/etc/passwd"),
            ("select", "LogisticRegression", "n_jobs", 10**6),
            ("images", "ReadImages", "size", 10**9),
        )
    },
    **{
        f"{name} in place of the class's": ("dnn", with_attribute(name, value), f"an attribute '{name}'")
        for name, value in (
            ("predict", 1),
            ("__class__", 1),
            ("_repr_html_", "x"),
            ("_doc_link_template", "<script>alert(1)</script>"),
            ("_parameter_constraints", dictionary()),
            ("__sklearn_tags__", 1),
            ("optimizer__<script>alert(1)</script>", 1),
        )
    },
    **{
        f"a config of Keras as {name}": ("dnn", with_attribute(name, LAMBDA), "the config of an object of Keras")
        for name in (
            "optimizer",
            "activation",
            "loss",
            "kernel_initializer",
            "callbacks",
            "initial_model",
            "learning_rate",
        )
    },
    **{
        f"a config of Keras in the {name} of the network": (
            "dnn",
            with_part(path, LAMBDA, "BuiltInSpecification"),
            "the config of an object of Keras",
        )
        for name, path in {
            "activation": ("architecture", "parameters", "activation"),
            "optimizer": ("settings", "optimizer"),
            "initializer": ("initializers", "kernel"),
        }.items()
    },
    # States that numpy and scipy take without looking.
    **{
        f"{kind} with {state}": ("dnn", generator_state(kind, **state), "the state of its random numbers is none of")
        for kind, state in (
            ("MT19937", {"pos": 10**9}),
            ("MT19937", {"pos": -5}),
            ("MT19937", {"key": 1}),
            ("Philox", {"buffer_pos": 10**9}),
            ("Philox", {"counter": None}),
            ("PCG64", {"has_uint32": 5}),
            ("PCG64", {"inc": "x"}),
            ("SFC64", {"state": 3}),
        )
    },
    "a generator by another name": ("dnn", generator_state("PCG64", bit_generator="seed"), "none of PCG64"),
    "a pool of seeds": ("dnn", seeds(pool_size=10**9), "the seeds"),
    "seeds of much": ("dnn", seeds(entropy=2**3000), "the seeds"),
    "a random state out of its key": ("generator", random_state(pos=10**8), "the state of its random numbers"),
    "a random state without": ("generator", random_state(has_gauss="x"), "the state of its random numbers"),
    "an index out of a sparse matrix": ("neighbours", with_sparse(10**8), "damaged or was altered"),
    "a negative index": ("neighbours", with_sparse(-(10**8)), "damaged or was altered"),
    # Much of little.
    "a list twice a level": ("dnn", twice_a_level, "more often than save"),
    "a list within itself": ("dnn", within_itself, "within itself"),
    "lists in lists": ("dnn", deep, "too deep"),
    "an array that says it is larger": ("dnn", header_of_much, "has .* bytes"),
    "a file that is not there": (
        "dnn",
        attribute_node(node_of("NdArrayNode", "numpy.ndarray", type="numpy", file="../x")),
        "no member",
    ),
    "an array of objects of another shape": (
        "dnn",
        attribute_node(node_of("NdArrayNode", "numpy.ndarray", type="json", content=[], shape=sequence([10**12]))),
        "another shape",
    ),
    # What a network is made of.
    "hidden layers of 70,000": (
        "dnn",
        with_part(
            ("architecture", "parameters", "hidden_layer_sizes"), sequence([70_000, 70_000]), "BuiltInSpecification"
        ),
        None,
    ),
    "a hidden layer of 10**9": (
        "dnn",
        with_part(("architecture", "parameters", "hidden_layer_sizes"), plain(10**9), "BuiltInSpecification"),
        None,
    ),
    "many hidden layers": (
        "dnn",
        with_part(("architecture", "parameters", "hidden_layer_sizes"), sequence([1] * 20_000), "BuiltInSpecification"),
        None,
    ),
    "rows of 10**9 numbers": (
        "dnn",
        with_part(("architecture", "input_shape"), sequence([10**9]), "BuiltInSpecification"),
        None,
    ),
    "many outputs": ("dnn", with_part(("n_outputs",), 10**9, "Head"), "specification="),
    "another encoding of the targets": (
        "dnn",
        with_part(("encoding",), "one-hot", "BuiltInSpecification"),
        "specification=",
    ),
    "steps that are none": ("dnn", with_part(("steps",), 5), "steps=5"),
    "a step of another kind": ("dnn", with_part(("steps", 0, 0), "eval"), "steps="),
    "a step of an array that is not there": ("dnn", with_part(("steps", 0, 1), 10**6), "steps="),
    "a step of an array of another shape": ("dnn", with_part(("steps", 0, 1), 1), "steps="),
    "a step of another activation": ("dnn", with_part(("steps", 0, 3), "print"), "steps="),
    "a step with more arguments": (
        "dnn",
        with_part(("steps", 0), sequence(["activation", "relu", 1], "list")),
        "steps=",
    ),
    "a step that makes rows long": (
        "dnn",
        with_part(("steps", 0), sequence(["reshape", sequence([10**9], "list")], "list")),
        None,
    ),
    "a step that makes rows many": (
        "dnn",
        lambda schema, members: with_part(
            ("steps", 0),
            sequence(["rescaling", array_node(members, np.ones((10**6, 1), np.float32)), 0.0], "list"),
        )(schema, members),
        None,
    ),
    "no specification": ("dnn", with_part(("specification",), 3), "specification=3"),
    "filters": (
        "cnn",
        with_part(("architecture", "parameters", "conv_filters"), plain(10**6), "BuiltInSpecification"),
        None,
    ),
    "a kernel": (
        "cnn",
        with_part(("architecture", "parameters", "kernel_size"), plain(10**5), "BuiltInSpecification"),
        None,
    ),
    "images of 10**6 pixels a side": (
        "cnn",
        with_part(("architecture", "input_shape"), sequence([10**6, 10**6, 1]), "BuiltInSpecification"),
        None,
    ),
    "many random layers": (
        "cnn",
        with_part(
            ("architecture", "parameters", "augment"),
            sequence([sequence(["RandomFlip", dictionary()])] * 20_000),
            "BuiltInSpecification",
        ),
        None,
    ),
    "another builder": ("dnn", with_part(("builder",), "draw_values", "Architecture"), None),
    "no rows for the penalty": ("dnn", with_part(("penalty_rows",), 0, "BuiltInSpecification"), "penalty_rows=0"),
    "more epochs than there were": ("dnn", with_attribute("n_iter_", 10**12), "n_iter_=1000000000000"),
    "values of another shape": (
        "dnn",
        lambda schema, members: with_part(("values", "model", 0), array_node(members, np.zeros((4, 9), np.float32)))(
            schema, members
        ),
        None,
    ),
    "values that are text": (
        "dnn",
        lambda schema, members: with_part(("values", "model", 0), plain("x"))(schema, members),
        "values=",
    ),
    "no values": ("dnn", with_part(("values", "model"), sequence([], "list")), None),
    "labels without axes": ("dnn", with_array(("classes",), np.array(3), "LabelTargets"), "classes="),
    "a mean of a million": ("pipe", with_array(("mean_",), np.zeros((10**6, 1, 1)), "ZScore"), None),
    # Networks of the user's own and other objects of Keras.
    **{
        f"an own network with {str(new)[:20]} for {old}": ("own", with_values(old, new), refusal)
        for old, new, refusal in (
            ("Dense", "Lambda", "Lambda cannot be in a file"),
            ("Dense", "TFSMLayer", "TFSMLayer cannot be in a file"),
            ("Dense", "__lambda__", "lambda cannot be in a file"),
            ("Dense", "system", "no class of Keras"),
            ("keras.layers", "os", "no class of Keras"),
            ("keras.layers", "keras.src.layers.core.dense", "no class of Keras"),
            (7, 10**9, None),
            (7, 70_000, None),
            (7, -1, None),
            (7, "7", None),
            ("relu", "os.system", None),
            ("relu", {"class_name": "function", "config": "system"}, "a plain value of it is a container"),
            (0.1, "x", None),
            ("network", "x" * 10**7, None),
        )
    },
    "an own network with many layers": (
        "own",
        lambda schema, members: [
            node["content"].extend(node["content"][1:2] * 20_000)
            for node in nodes(schema)
            if node["__loader__"] == "ListNode" and len(node["content"]) == 4 and "batch_shape" in json.dumps(node)
        ],
        "ValueError",
    ),
    "an own network of other outputs": ("own", with_part(("n_outputs",), 10**9, "Head"), "_network="),
    **{
        f"a callback of the class {name}": ("callback", with_values("keras.callbacks.EarlyStopping", name), refusal)
        for name, refusal in (
            ("keras.callbacks.ModelCheckpoint", "not trusted: keras.callbacks.ModelCheckpoint"),
            ("keras.callbacks.TensorBoard", "not trusted: keras.callbacks.TensorBoard"),
            ("keras.src.callbacks.early_stopping.EarlyStopping", "no class of Keras"),
            ("keras.utils.get_file", "no class of Keras"),
            ("os.system", "no class of Keras"),
        )
    },
    "targets of a million": ("regressor", with_array(("scale",), np.zeros((10**6, 1, 1)), "NumericTargets"), "scale="),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_crafted_file_does_no_harm(name, honest, usual, outcome_of, tmp_path):
    kind, change, refusal = CHANGES[name]
    members = members_of(honest[kind])
    schema = json.loads(members["schema.json"])
    change(schema, members)
    path = written(tmp_path / "crafted", packed(members | {"schema.json": json.dumps(schema)}))
    check_harmless(outcome_of(path, kind, honest), usual(kind), refusal)


def check_harmless(outcome, honest_one, refusal):
    assert outcome["status"] == 0
    assert set(outcome["events"]) <= set(honest_one["events"]), outcome["events"]
    assert outcome["seconds"] < 5 + honest_one["seconds"]
    assert outcome["megabytes"] < 300 + honest_one["megabytes"]
    html = outcome["said"].get("html", True)
    assert html is True or html.startswith("ValueError: ")  # whose network cannot be built
    said = outcome["said"]["load"]
    if refusal is None:
        assert said == "done" or said.startswith("ValueError: ")
    else:
        assert said.startswith("ValueError: ")
        assert "crafted" in said
        assert re.search(refusal if "*" in refusal else re.escape(refusal), said), said


def test_there_are_as_many_as_the_documentation_says():
    assert len(CHANGES) + len(ARCHIVES) > 150


def test_the_honest_files_are_used(honest, usual):
    for kind in honest:
        said, events = usual(kind)["said"], usual(kind)["events"]
        assert all("lscpu" in each for each in events), events  # joblib counts the cores
        assert said["load"] == "done", kind
        assert said["repr"] is said["html"] is True, kind
        if kind != "images":
            assert said["predict"] is True, (kind, said)
        if kind not in ("images", "neighbours"):
            assert said["partial_fit"] is True, (kind, said)


def bomb(path, **changes):
    """Return an archive with a member of zeros."""
    members = members_of(path)
    return packed(members | {"zeros.npy": b"\0" * 200_000_000})


def claims_less(path):
    """Return an archive whose member unpacks to more than it says."""
    archive = bytearray(bomb(path))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = archive.rindex(b"zeros.npy", 0, None if signature == b"PK\x01\x02" else archive.rindex(b"zeros.npy"))
        start = archive.rindex(signature, 0, at)
        archive[start + offset : start + offset + 4] = (1000).to_bytes(4, "little")
    return bytes(archive)


def long_schema(path):
    members = members_of(path)
    schema = json.loads(members["schema.json"])
    schema["more"] = [[]] * 10_000_000
    return packed(members | {"schema.json": json.dumps(schema)})


def many_members(path):
    return packed(members_of(path) | {str(number): b"" for number in range(120_000)})


def of_one_name(path):
    members = members_of(path)
    stream = io.BytesIO(packed(members))
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("schema.json", members["schema.json"])
    return stream.getvalue()


ARCHIVES = {
    "zeros": (bomb, "unpacks to"),
    "zeros that say they are less": (claims_less, ""),
    "a long tree": (long_schema, "packed as save packs none"),
    "many members": (many_members, "members, too many"),
    "members of one name": (of_one_name, "several of one name"),
    "another compression": (lambda path: packed(members_of(path), zipfile.ZIP_LZMA), "packed as save packs none"),
    "no archive": (lambda path: b"PK\x05\x06 and no more", "damaged or was altered"),
    "nothing": (lambda path: b"", "damaged or was altered"),
    "no tree": (lambda path: packed({"a": b""}), "damaged or was altered"),
    "a tree that is no JSON": (lambda path: packed({"schema.json": b"{"}), "damaged or was altered"),
    "a tree that is a list": (lambda path: packed({"schema.json": b"[]"}), "its protocol"),
    "a deep tree": (lambda path: packed({"schema.json": b"[" * 100_000}), "damaged or was altered"),
    "text that is none": (lambda path: packed({"schema.json": b"\xff\xfe"}), "damaged or was altered"),
    "an empty tree": (lambda path: packed({"schema.json": b'{"protocol": 2}'}), "says no type"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_crafted_archive_is_an_error_that_names_the_file(name, honest, usual, outcome_of, tmp_path):
    make, refusal = ARCHIVES[name]
    path = written(tmp_path / "crafted", make(honest["dnn"]))
    check_harmless(outcome_of(path, "dnn", honest), usual("dnn"), refusal)


def test_a_large_file_is_loaded_if_the_caller_says_so(tmp_path):
    encoder = skdeep.OneHot().fit(np.arange(20_000_000, 20_000_010))
    encoder.encoder_.extra_ = np.zeros(10_000_000)
    skdeep.save(encoder, tmp_path / "zeros")  # which is not compressed, since load would refuse it
    assert (tmp_path / "zeros").stat().st_size > 80_000_000
    assert skdeep.load(tmp_path / "zeros").encoder_.extra_.shape == (10_000_000,)
    members = members_of(tmp_path / "zeros")
    path = written(tmp_path / "small", packed(members))
    n_bytes = sum(map(len, members.values()))
    with pytest.raises(ValueError, match=f"small' is not loaded: it unpacks to .*give load max_bytes={n_bytes}"):
        skdeep.load(path)
    assert skdeep.load(path, max_bytes=n_bytes).encoder_.extra_.shape == (10_000_000,)


def test_loading_imports_neither_tensorflow_nor_keras(honest, iris, tmp_path):
    """Also where the file says so: of plain values nothing of them is made, nor of a network until it is used."""
    (tmp_path / "builder.py").write_text(
        "def build():\n"
        "    import keras\n"
        "    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, 'softmax')])\n"
        "    model.compile('sgd', 'sparse_categorical_crossentropy')\n"
        "    return model\n"
    )
    np.savez(tmp_path / "iris.npz", X=iris[0], y=iris[1])
    fit = (
        "import builder, numpy as np, skdeep; data = np.load('iris.npz')\n"
        "clf = skdeep.KerasClassifier(builder.build, epochs=1, verbose=0).fit(data['X'], data['y'])\n"
        "skdeep.save(clf, 'own', trusted=['builder.build'])"
    )
    load = (
        "import sys, skdeep\n"
        "for path in sys.argv[1:]:\n    repr(skdeep.load(path, trusted=['builder.build']))\n"
        "assert not {'tensorflow', 'keras', 'scikeras'} & set(sys.modules)"
    )
    plain = [
        str(path) for kind, path in honest.items() if kind not in ("own", "callback")
    ]  # which have objects of Keras
    for command in ([fit], [load, "own", *plain]):
        subprocess.run([sys.executable, "-c", *command], check=True, cwd=tmp_path)


def corrupted(content, rng, number):
    damaged = bytearray(content)
    if number % 4 == 0:
        return bytes(damaged[: rng.integers(len(content))])
    for _ in range(1 + number % 3):
        damaged[rng.integers(len(content))] ^= 1 << rng.integers(8)
    return bytes(damaged)


def test_corruptions_with_a_mended_checksum(iris, honest, tmp_path):
    """150 files: an error that names the file, or the right predictions."""
    rng = np.random.default_rng(1)
    archive = honest["dnn"].read_bytes().split(b"\n", 2)[2]
    expected = skdeep.load(honest["dnn"]).predict_proba(iris[0])
    n_errors = 0
    for number in range(150):
        path = written(tmp_path / "damaged", corrupted(archive, rng, number))
        try:
            loaded = skdeep.load(path)
        except ValueError as error:
            assert "damaged'" in str(error)  # noqa: PT017
            n_errors += 1
        else:
            np.testing.assert_array_equal(loaded.predict_proba(iris[0]), expected)
    assert n_errors > 100


def test_corruptions_of_the_tree(honest, tmp_path):
    """150 trees with another character: an error that names the file, or an object that is shown."""
    rng = np.random.default_rng(2)
    members = members_of(honest["pipe"])
    for number in range(150):
        path = written(
            tmp_path / "damaged",
            packed(
                members | {"schema.json": corrupted(members["schema.json"], rng, 1 + 4 * number)}, zipfile.ZIP_STORED
            ),
        )
        try:
            loaded = skdeep.load(path)
        except ValueError as error:
            assert "damaged'" in str(error)  # noqa: PT017
        else:
            assert isinstance(repr(loaded), str)
