"""States of Keras objects and of networks that somebody crafted: each is an error, soon and without much memory."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skdeep import KerasClassifier
from skdeep._data.heads import Head
from skdeep._files.keras_files import make_from_file, untrusted_names
from skdeep._networks.network import Network
from skdeep._networks.own_models import OwnModelSpecification, safe_mode

pytestmark = pytest.mark.slow

MANY = 10**9


def zeros(*shape, dtype="float32"):
    return np.zeros(shape, dtype)


def layer(name, /, **config):
    return {"module": "keras.layers", "class_name": name, "config": config, "registered_name": None}


def sequential(*layers, shape=(None, 4)):
    first = layer("InputLayer", batch_shape=list(shape), dtype="float32", name="input")
    config = {"name": "network", "layers": [first, *layers]}
    return {"module": "keras.models", "class_name": "Sequential", "config": config, "registered_name": None}


def functional(operation, arguments, **config):
    first = layer("InputLayer", batch_shape=[None, 4], dtype="float32", name="input")
    second = {"module": "keras.ops", "class_name": operation, "config": {"name": "last", **config}}
    layers = [
        first | {"name": "input", "inbound_nodes": []},
        second | {"registered_name": None, "name": "last", "inbound_nodes": [{"args": arguments, "kwargs": {}}]},
    ]
    ends = {"input_layers": [["input", 0, 0]], "output_layers": [["last", 0, 0]]}
    config = {"name": "network", "trainable": True, "layers": layers, **ends}
    return {"module": "keras.models", "class_name": "Functional", "config": config, "registered_name": None}


def state(value, **own):
    return {"own": own, "value": value}


def network(config, values=(), **others):
    node = {"kind": "network", "config": config, "compiled": None, "built_for": None, "found": [], "values": [*values]}
    return state(node | {"optimizer_values": None} | others)


def dense(**others):
    return network(sequential(layer("Dense", units=3, name="dense")), **{"values": [zeros(4, 3), zeros(3)]} | others)


def part(name, /, **config):
    return state({"kind": "part", "class": name, "config": config, "rate": None, "found": []})


def callback(name, /, **attributes):
    return state({"kind": "callback", "class": f"keras.callbacks.{name}", "attributes": attributes})


def function(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def compiled(**others):
    arguments = {"optimizer": "sgd", "loss": "mse", "loss_weights": None, "metrics": None, "weighted_metrics": None}
    return arguments | {"run_eagerly": False, "jit_compile": False, "auto_scale_loss": False} | others


INPUT = {
    "class_name": "__keras_tensor__",
    "config": {"shape": [None, 4], "dtype": "float32", "keras_history": ["input", 0, 0]},
}
cycle = []
cycle.append(cycle)
laughs = [1]
for _ in range(40):
    laughs = [laughs, laughs]

# What would take much memory or time.
TOO_LARGE = {
    "units": (network(sequential(layer("Dense", units=MANY))), "variables have more"),
    "more units than are stored": (network(sequential(layer("Dense", units=10**5)), [zeros(4, 3)]), "variables have"),
    "embedding": (network(sequential(layer("Embedding", input_dim=MANY, output_dim=64))), "variables have more"),
    "repeat": (network(sequential(layer("RepeatVector", n=MANY))), "numbers for each row"),
    "upsampling": (
        network(sequential(layer("UpSampling2D", size=[10**6, 10**6]), shape=(None, 4, 4, 1))),
        "numbers for each row",
    ),
    "padding": (network(sequential(layer("ZeroPadding1D", padding=MANY), shape=(None, 4, 1))), "numbers for each row"),
    "within a layer": (
        network(sequential(layer("TimeDistributed", layer=layer("RepeatVector", n=10**8)), shape=(None, 4, 4))),
        "numbers for each row",
    ),
    "one-hot": (network(sequential(layer("CategoryEncoding", num_tokens=MANY))), "numbers for each row"),
    "words that are not known": (
        network(sequential(layer("IntegerLookup", num_oov_indices=MANY, vocabulary=[1]))),
        "'num_oov_indices' is",
    ),
    "batch": (network(sequential(layer("GRU", units=3, stateful=True), shape=(MANY, 4, 1))), "'batch_shape' is"),
    "input": (network(sequential(layer("Flatten"), shape=(None, 2**31))), "'batch_shape' is"),
    "repeating operation": (network(functional("Repeat", [INPUT], repeats=MANY, axis=1)), "numbers for each row"),
    "padding operation": (network(functional("Pad", [INPUT], pad_width=[[0, 0], [0, MANY]])), "numbers for each row"),
    "operation of no input": (network(functional("Add", [1.0, 2.0])), "called without inputs"),
    "operation that makes arrays": (network(functional("Full", [INPUT], shape=[10**5] * 2)), "no class of Keras"),
    "many layers": (network(sequential(*[layer("Flatten")] * 200)), "201 layers"),
    "a long list": (network(sequential(layer("Reshape", target_shape=[1] * 10**6))), "a list of 1000000 items"),
    "a long name": (network(sequential(layer("Dense", units=3, name="d" * 10**7))), "a string of 10000000"),
    "a long number": (part("keras.optimizers.SGD", name=10**100_000), "a number of 332193 bits"),
    "thresholds": (part("keras.metrics.AUC", num_thresholds=MANY), "'num_thresholds' is"),
    "labels": (part("keras.metrics.AUC", multi_label=True, num_labels=MANY), "variables have more"),
    "classes": (part("keras.metrics.MeanIoU", num_classes=10**5), "variables have more"),
    "steps": (part("keras.optimizers.Muon", ns_steps=MANY), "'ns_steps' is"),
    "strings": (
        state({"kind": "array of strings", "items": ["a" * 1000] + ["a"] * 10**5, "shape": [10**5 + 1]}),
        "too much memory",
    ),
    "cycle": (part("keras.losses.Huber", delta=cycle), "containers in each other"),
    "shared lists": (part("keras.losses.Huber", delta=laughs), "containers in each other"),
    "number that is put back": (
        network(sequential(layer("RepeatVector", n=2)), found=[(("_layers", 1), "n", "value", MANY)]),
        "cannot have 1000000000",
    ),
}
# What would call, import or read something.
CODE = {
    "lambda": (
        network(sequential(layer("Lambda", function={"class_name": "__lambda__", "config": {"value": "4wA"}}))),
        "Lambda cannot be in a file",
    ),
    "lambda as activation": (
        network(sequential(layer("Activation", activation={"class_name": "__lambda__", "config": {"value": "4wA"}}))),
        "A lambda cannot be in a file",
    ),
    "type": (
        network(sequential(layer("Activation", activation={"class_name": "__typespec__", "config": []}))),
        "'__typespec__' has",
    ),
    "private class": (
        network(sequential() | {"module": "keras.src.models.sequential"}),
        "no class of Keras that a file may have",
    ),
    "function of Keras that fetches": (
        network(sequential(layer("Activation", activation=function("keras.utils", "get_file")))),
        "no function that a file may have",
    ),
    "function of Python": (
        network(sequential(layer("Activation", activation=function("os", "system")))),
        "no function that a file may have",
    ),
    "class of Python": (network(sequential() | {"module": "subprocess", "class_name": "Popen"}), "no class of Keras"),
    "no module": (network({"class_name": "Lambda", "config": {}}), "the config of 'Lambda' has"),
    "registered class": (network(sequential() | {"registered_name": "package>Class"}), "is registered as"),
    "class that is not among the user's": (network(sequential() | {"module": "own"}), "is registered|not among"),
    "compiled within": (network(sequential() | {"compile_config": {"optimizer": "sgd"}}), "has a 'compile_config'"),
    "path of a vocabulary": (
        network(sequential(layer("StringLookup", vocabulary="/etc/passwd"))),
        "with the path of its vocabulary",
    ),
    "method": (dense(found=[(("_layers", 1), "call", "value", 1)]), "has an attribute 'call'"),
    "class of an object": (dense(found=[((), "__class__", "value", 1)]), "has an attribute '__class__'"),
    "method of a callback": (callback("History", on_epoch_end=1), "has no attribute 'on_epoch_end'"),
    "function of numpy that is none": (
        callback("LearningRateScheduler", schedule={"kind": "ufunc", "name": "save"}),
        "that there is not",
    ),
    "builtin function": (state(1, print=print), "classes and functions by their names"),
    "builtin class": (state({"kind": "part", "class": dict, "config": {}, "rate": None, "found": []}), "'class' is"),
} | {
    name: (part(f"keras.layers.{name}"), f"{name} cannot be in a file")
    for name in ("FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper")
}
# What has another form than it should.
FORMS = {
    "number": (3, "it has 3 where"),
    "empty": ({}, "where a state"),
    "list of the user's": ({"own": [], "value": 1}, "classes and functions by their names"),
    "no kind": (state({"kind": [1]}), "no kind of values"),
    "unknown kind": (state({"kind": "object"}), "no kind of values"),
    "parts are lacking": (state({"kind": "network"}), "no kind of values"),
    "config": (network([]), "the 'config' of a network is"),
    "layer that is none": (network(layer("Dense", units=3) | {"module": "keras.losses"}), "no class of Keras"),
    "loss as network": (network(layer("Huber") | {"module": "keras.losses"}), "where a layer should be"),
    "units": (network(sequential(layer("Dense", units="many"))), "altered|units"),
    "seed": (network(sequential(layer("Dropout", rate=0.5, seed="x"))), "altered|seed"),
    "no values": (dense(values=[]), "other shapes or dtypes"),
    "shapes": (dense(values=[zeros(4, 2), zeros(3)]), "other shapes or dtypes"),
    "dtypes": (dense(values=[zeros(4, 3, dtype="float64"), zeros(3)]), "other shapes or dtypes"),
    "objects": (dense(values=[zeros(4, 3, dtype=object), zeros(3)]), "an array of object"),
    "state of a generator": (
        network(sequential(layer("Dropout", rate=0.5, seed=1)), [zeros(3, dtype="uint32")]),
        "other shapes or dtypes",
    ),
    "compiled": (dense(compiled={"optimizer": "sgd"}), "not what compile takes"),
    "optimizer": (dense(compiled=compiled(optimizer=3)), "optimizer"),
    "layer as loss": (dense(compiled=compiled(loss=layer("Dense", units=3))), "loss, metric or optimizer"),
    "flags": (dense(compiled=compiled(jit_compile=[1])), "run_eagerly, auto_scale_loss and jit_compile"),
    "variables of the optimizer": (dense(compiled=compiled(), built_for=[0, 7]), "variables that it does not have"),
    "variables that are no list": (dense(built_for=7), "variables that it does not have"),
    "state without an optimizer": (dense(optimizer_values=[zeros(3)]), "is not compiled"),
    "state of an optimizer": (
        dense(compiled=compiled(), built_for=[0, 1], optimizer_values=[zeros(3)]),
        "of the optimizer have other shapes",
    ),
    "what is put back": (dense(found=[3, "abcd"]), "what its config lacks"),
    "string for a number": (dense(found=[(("_layers", 1), "units", "value", "/etc/passwd")]), "cannot have"),
    "a way that leads nowhere": (dense(found=[(("_layers", 9), "units", "value", 1)]), "has no part"),
    "key that is a list": (state({"kind": "dict", "items": [[[1], 2]]}), "a key of a dict"),
    "item that is a list": (state({"kind": "set", "items": [[1], 2]}), "an item of a set"),
    "partial": (state({"kind": "partial", "function": 3, "arguments": [], "keywords": {}}), "a partial has no"),
    "pattern": (state({"kind": "pattern", "text": "("}), "altered"),
    "monitor": (callback("EarlyStopping", monitor=3), "'monitor' of"),
    "weights": (callback("EarlyStopping", best_weights="weights"), "'best_weights' of"),
}
CASES = TOO_LARGE | CODE | FORMS


@pytest.mark.parametrize("name", CODE | FORMS)
def test_it_is_an_error_that_says_what_is_wrong(name):
    made, message = CASES[name]
    before = copy.deepcopy(made) if name in FORMS else None
    with pytest.raises(ValueError, match=message):
        make_from_file(made)
    if before is not None:
        assert repr(made) == repr(before)


_IN_A_CHILD = """
import re, resource, sys, time
import keras, tensorflow
from test_hostile_networks import CASES
from skdeep._files.keras_files import make_from_file, make_network, describe_network

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
model.compile("adam", "mse", metrics=["mae"])
make_network(describe_network(model), [value.numpy() for value in model.variables], None)  # what is imported late
watched = []

def hook(event, arguments):
    if event in ("exec", "os.system", "subprocess.Popen", "socket.connect") or event == "import":
        watched.append((event, str(arguments[0])[:200]))
    if event == "open" and not str(arguments[0]).startswith((sys.prefix, sys.base_prefix)):
        watched.append((event, str(arguments[0])))

sys.addaudithook(hook)
for name in sys.argv[1:]:
    memory, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    watched.clear()
    try:
        make_from_file(CASES[name][0])
        outcome = "made"
    except ValueError as error:
        outcome = "error" if re.search(CASES[name][1], str(error)) else str(error)
    harmless = ("keras", "tensorflow", "numpy")
    found = [each for each in watched if each[0] != "import" or not each[1].startswith(harmless)]
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    print(name, outcome, taken // 1024, time.monotonic() - start, found, sep="|")
"""


def test_none_takes_long_or_much_memory_or_opens_anything():
    command = [sys.executable, "-c", _IN_A_CHILD, *CASES]
    # Not as tests...., which some packages install, too.
    folder = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])}
    child = subprocess.run(command, capture_output=True, text=True, timeout=250, env=os.environ | folder)
    assert child.returncode == 0, child.stderr[-2000:]
    lines = [line.split("|") for line in child.stdout.splitlines() if line.count("|") >= 4]
    assert [line[0] for line in lines] == list(CASES)
    wrong = [
        line for line in lines if line[1] != "error" or int(line[2]) > 300 or float(line[3]) > 20 or line[4] != "[]"
    ]
    assert wrong == []


class TestOwnNetwork:
    """A network of the user's own in a file: what is not plain is seen when it is loaded, the rest when it is used."""

    def loaded(self, description, /, **changes):
        parts = {
            "format": 1,
            "version": "0",
            "optimizer": "x",
            "head": Head(3, "softmax", "sparse_categorical_crossentropy", "column of indices"),
            "description": description,
            "values": {"model": description["value"]["values"], "optimizer": None},
        } | changes
        specification = {name: parts.pop(name) for name in ("optimizer", "description", "more") if name in parts}
        clf = KerasClassifier(KerasClassifier, verbose=0)
        clf._network = Network.__new__(Network)
        with safe_mode():
            parts["specification"] = OwnModelSpecification.__new__(OwnModelSpecification)
            parts["specification"].__setstate__(specification)
            clf._network.__setstate__(parts)
        return clf

    @pytest.mark.parametrize("name", ["lambda", "private class", "a long name", "cycle", "units of a string"])
    def test_what_is_not_plain_is_an_error_at_once(self, name):
        description = CASES[name][0] if name in CASES else network(sequential(layer("Dense", units=np.array(["a"]))))
        description["value"].setdefault("values", [])
        with pytest.raises(ValueError, match="file"):
            self.loaded(description)

    @pytest.mark.parametrize("name", ["units", "repeat", "dtypes", "shapes", "string for a number", "layer as loss"])
    def test_the_rest_when_it_is_used(self, name):
        clf = self.loaded(CASES[name][0])
        assert repr(clf).startswith("KerasClassifier(")
        with pytest.raises(ValueError, match=CASES[name][1]), clf._network.in_use():
            pass

    @pytest.mark.parametrize(
        "changes",
        [
            {"head": None},
            {"head": {"n_outputs": 3}},
            {"optimizer": 3},
            {"more": 1},
            {"values": None},
            {"values": {"model": [1], "optimizer": None}},
            {"values": {"model": None, "optimizer": None}},
            {"description": {"config": {}, "own_objects": {}, "compiled": None, "built_for": None, "found": []}},
        ],
    )
    def test_other_parts_of_the_state(self, changes):
        with pytest.raises(ValueError, match="altered"):
            self.loaded(dense(), **changes)


class TestUntrustedNames:
    def test_at_any_depth(self):
        inner = callback("CSVLogger")["value"]
        names = {"keras.callbacks.CSVLogger", "keras.callbacks.TensorBoard"}
        assert untrusted_names([{"a": (inner, {"kind": "class", "name": "keras.callbacks.TensorBoard"})}]) == names
        assert untrusted_names(callback("EarlyStopping")) == set()

    @pytest.mark.parametrize(
        "value", [None, 3, "keras.callbacks.CSVLogger", {"class": [1], "name": {}}, object(), {1: 2}]
    )
    def test_anything(self, value):
        assert untrusted_names(value) == set()

    @pytest.mark.parametrize("value", [cycle, laughs])
    def test_without_end(self, value):
        with pytest.raises(ValueError, match="containers in each other"):
            untrusted_names(value)


@pytest.mark.parametrize(
    "crafted",
    [
        state({"kind": "pattern", "text": "((a*)*b)*c*"}),
        part("keras.optimizers.Muon", exclude_layers=["dense", "(a+)+b+$"]),
        part("keras.optimizers.MultiOptimizer", optimizer_map={"(a+)+b+$": None}),
        part("keras.optimizers.SGD")
        | {"value": {**part("keras.optimizers.SGD")["value"], "found": [[[], "x", "pattern", "(a+)+b+$"]]}},
    ],
)
def test_regular_expressions_that_could_take_any_time(crafted):
    with pytest.raises(ValueError, match="has more than 2 repetitions"):
        make_from_file(crafted)


def test_there_are_as_many_as_the_documentation_says():
    assert len(CASES) > 80
