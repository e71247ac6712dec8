"""Every loss, metric, optimizer, schedule, regularizer, constraint and initializer, of Keras and of the user's own.

Each is given to an estimator, with other arguments than the defaults, and what the training comes to is compared with
Keras's own `fit` of the same network with a new object of the same kind: as given, after `clone` and after pickling.
"""

import functools
import inspect
import pickle
from dataclasses import dataclass, replace
from typing import NamedTuple

import keras
import numpy as np
import pytest
from keras.optimizers import schedules
from sklearn.base import clone

from skdeep import DNNClassifier, DNNRegressor, KerasClassifier, KerasRegressor, programs
from skdeep._files.keras_files import describe_for_file, is_keras_object, make_from_file
from skdeep._keras.beside_configs import differences as differences_of

_rng = np.random.default_rng(0)
X = _rng.normal(size=(16, 4)).astype("float32")
_NUMBERS = _rng.normal(size=(16, 3)).astype("float32")
_CLASSES = np.tile([0, 1, 2, 1], 4)
_ONE_HOT = np.eye(3, dtype="float32")[_CLASSES]

# The targets and the activation of the output layer that a loss or a metric needs. There are three outputs.
TARGETS = {
    "numbers": (_NUMBERS, "linear"),
    "positive": (np.abs(_NUMBERS) + 0.1, "softplus"),
    "signs": (np.sign(_NUMBERS), "tanh"),
    "bits": ((_NUMBERS > 0).astype("float32"), "sigmoid"),
    "logits of bits": ((_NUMBERS > 0).astype("float32"), "linear"),
    "shares": (np.exp(_NUMBERS) / np.exp(_NUMBERS).sum(axis=1, keepdims=True), "softmax"),
    "one-hot": (_ONE_HOT, "softmax"),
    "logits of one-hot": (_ONE_HOT, "linear"),
    "classes": (_CLASSES, "softmax"),
    "logits of classes": (_CLASSES, "linear"),
}


@dataclass(frozen=True)
class Part:
    """A class of Keras with arguments, and how to try it."""

    name: str
    arguments: dict
    targets: str = "numbers"
    changes: tuple = ()

    def on(self, targets):
        """Return the part for these targets."""
        return replace(self, targets=targets)

    def changed_by(self, *changes):
        """Return the part whose objects these functions change once they are made."""
        return replace(self, changes=changes)

    def make(self, kind):
        """Return a new object, of a class in the table of this kind."""
        # A partial makes an argument that has state itself. Metrics are numbered by Keras if they have no name.
        name = {"name": "chosen"} if kind == "metrics" else {}
        arguments = {
            key: value() if isinstance(value, functools.partial) else value for key, value in self.arguments.items()
        }
        made = getattr(TABLES[kind].module, self.name)(**arguments, **name)
        for change in self.changes:
            change(made)
        return made


def of(name, /, **arguments):
    return Part(name, arguments)


LOSSES = [
    of("BinaryCrossentropy", from_logits=True, label_smoothing=0.2).on("logits of bits"),
    of("BinaryCrossentropy", label_smoothing=0.3, axis=0, reduction="sum").on("bits"),
    of("BinaryFocalCrossentropy", apply_class_balancing=True, alpha=0.6, gamma=1.0).on("bits"),
    of("BinaryFocalCrossentropy", from_logits=True, label_smoothing=0.2, axis=0, reduction="sum").on("logits of bits"),
    of("CategoricalCrossentropy", from_logits=True, label_smoothing=0.2).on("logits of one-hot"),
    of("CategoricalCrossentropy", label_smoothing=0.2, reduction="sum").on("one-hot"),
    of("CategoricalCrossentropy", axis=0).on("shares"),
    of("CategoricalFocalCrossentropy", alpha=0.6, gamma=1.0, label_smoothing=0.2).on("one-hot"),
    of("CategoricalFocalCrossentropy", from_logits=True, axis=0, reduction="sum").on("logits of one-hot"),
    of("CategoricalHinge", reduction="sum").on("one-hot"),
    of("CosineSimilarity", axis=0),
    of("CosineSimilarity", reduction="sum"),
    of("Dice", axis=0, reduction="sum").on("bits"),
    of("Hinge", reduction="sum").on("signs"),
    of("Huber", delta=0.01),
    of("Huber", delta=0.3, reduction="sum"),
    of("KLDivergence", reduction="sum").on("shares"),
    of("LogCosh", reduction="sum"),
    of("MeanAbsoluteError", reduction="sum"),
    of("MeanAbsoluteError", dtype="float16"),
    of("MeanAbsolutePercentageError", reduction="sum").on("positive"),
    of("MeanSquaredError", reduction="sum"),
    of("MeanSquaredError", reduction="mean_with_sample_weight"),
    of("MeanSquaredLogarithmicError", reduction="sum").on("positive"),
    of("Poisson", reduction="sum").on("positive"),
    of("SparseCategoricalCrossentropy", ignore_class=1, reduction="sum").on("classes"),
    of("SparseCategoricalCrossentropy", from_logits=True, axis=1).on("logits of classes"),
    of("SquaredHinge", reduction="sum").on("signs"),
    of("Tversky", alpha=0.2, beta=0.9).on("bits"),
    of("Tversky", axis=0, reduction="sum").on("bits"),
]
# They take class numbers, though their names do not say so: either they get them, or an error says so.
LOSSES_OF_CLASS_NUMBERS = [
    of("CategoricalGeneralizedCrossEntropy", q=0.9, reduction="sum").on("classes"),
    of("Circle", gamma=2.0, margin=0.1, remove_diagonal=False, reduction="sum").on("classes"),
]
# Losses that no network with one output of a row can learn: CTC compares sequences.
LOSSES_OF_SEQUENCES = ("CTC",)

METRICS = [
    of("AUC", num_thresholds=7, curve="PR", summation_method="minoring").on("bits"),
    of("AUC", thresholds=[0.3, 0.5, 0.6], from_logits=True).on("logits of bits"),
    of("AUC", multi_label=True, num_labels=3, label_weights=[0.1, 0.2, 0.7]).on("bits"),
    of("Accuracy").on("signs"),
    of("BinaryAccuracy", threshold=0.6).on("bits"),
    of("BinaryCrossentropy", label_smoothing=0.2).on("bits"),
    of("BinaryCrossentropy", from_logits=True).on("logits of bits"),
    of("BinaryIoU", target_class_ids=[1], threshold=0.6).on("bits"),
    of("CategoricalAccuracy").on("one-hot"),
    of("CategoricalCrossentropy", label_smoothing=0.2, axis=0).on("one-hot"),
    of("CategoricalCrossentropy", from_logits=True).on("logits of one-hot"),
    of("CategoricalHinge").on("one-hot"),
    of("ConcordanceCorrelation", axis=0),
    of("CosineSimilarity", axis=0),
    of("F1Score", average="micro", threshold=0.4).on("bits"),
    of("F1Score", average="weighted").on("one-hot"),
    of("FBetaScore", average="macro", beta=3.0, threshold=0.4).on("bits"),
    of("FalseNegatives", thresholds=0.6).on("bits"),
    of("FalsePositives", thresholds=0.4).on("bits"),
    of("Hinge").on("signs"),
    of("IoU", num_classes=3, target_class_ids=[0, 2], ignore_class=1, sparse_y_pred=False).on("classes"),
    of("IoU", num_classes=16, target_class_ids=[0, 1], sparse_y_true=False, sparse_y_pred=False, axis=0).on("one-hot"),
    of("KLDivergence").on("shares"),
    of("LogCoshError"),
    of("MeanAbsoluteError"),
    of("MeanAbsoluteError", dtype="float16"),
    of("MeanAbsolutePercentageError").on("positive"),
    of("MeanIoU", num_classes=3, ignore_class=0, sparse_y_pred=False).on("classes"),
    of("MeanIoU", num_classes=16, sparse_y_true=False, sparse_y_pred=False, axis=0).on("one-hot"),
    of("MeanMetricWrapper", fn=keras.losses.huber, delta=0.01),
    of("MeanSquaredError"),
    of("MeanSquaredLogarithmicError").on("positive"),
    of("OneHotIoU", num_classes=3, target_class_ids=[0, 2], ignore_class=1).on("one-hot"),
    of("OneHotIoU", num_classes=16, target_class_ids=[0, 1], axis=0).on("one-hot"),
    of("OneHotMeanIoU", num_classes=3, ignore_class=1).on("one-hot"),
    of("OneHotMeanIoU", num_classes=16, axis=0).on("one-hot"),
    of("PearsonCorrelation", axis=0),
    of("Poisson").on("positive"),
    of("Precision", thresholds=0.4, class_id=1).on("bits"),
    of("Precision", top_k=2).on("one-hot"),
    of("PrecisionAtRecall", recall=0.6, num_thresholds=3, class_id=2).on("bits"),
    of("R2Score", class_aggregation="variance_weighted_average"),
    of("Recall", thresholds=0.6, class_id=1).on("bits"),
    of("Recall", top_k=2).on("one-hot"),
    of("RecallAtPrecision", precision=0.6, num_thresholds=3, class_id=2).on("bits"),
    of("RootMeanSquaredError"),
    of("SensitivityAtSpecificity", specificity=0.6, num_thresholds=3, class_id=2).on("bits"),
    of("SparseCategoricalAccuracy").on("classes"),
    of("SparseCategoricalCrossentropy", ignore_class=1, axis=1).on("classes"),
    of("SparseCategoricalCrossentropy", from_logits=True).on("logits of classes"),
    of("SparseTopKCategoricalAccuracy", k=2).on("classes"),
    of("SparseTopKCategoricalAccuracy", k=2, from_sorted_ids=True).on("logits of classes"),
    of("SpecificityAtSensitivity", sensitivity=0.6, num_thresholds=3, class_id=2).on("bits"),
    of("SquaredHinge").on("signs"),
    of("TopKCategoricalAccuracy", k=2).on("one-hot"),
    of("TrueNegatives", thresholds=0.6).on("bits"),
    of("TruePositives", thresholds=0.4).on("bits"),
]
# Metrics of plain values instead of targets and outputs: Keras's `compile` takes them, but its steps call them with
# the outputs as weights.
METRICS_OF_VALUES = ("Mean", "Sum")

_SGD = functools.partial(keras.optimizers.SGD, 0.1, momentum=0.5)
# skdeep's step of Adam is an equal one that rounds otherwise; with a beta_2 near 1 that shows in the fifth digit.
_ADAM = functools.partial(keras.optimizers.Adam, 0.1, beta_1=0.5, beta_2=0.8)
OPTIMIZERS = [
    of("Adadelta", learning_rate=0.5, rho=0.7, epsilon=1e-3),
    of(
        "Adafactor",
        learning_rate=0.9,
        beta_2_decay=-0.5,
        epsilon_1=1e-3,
        epsilon_2=0.1,
        clip_threshold=0.5,
        relative_step=False,
    ),
    of("Adagrad", learning_rate=0.1, initial_accumulator_value=0.5, epsilon=1e-2),
    of("Adam", learning_rate=0.1, beta_1=0.5, beta_2=0.8, epsilon=1e-2),
    of("Adam", learning_rate=0.1, amsgrad=True, beta_2=0.5, weight_decay=0.3),
    of("Adam", learning_rate=0.1, beta_2=0.8, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=3),
    of("AdamW", learning_rate=0.1, weight_decay=0.5, beta_1=0.5, beta_2=0.8, epsilon=1e-2),
    of("AdamW", learning_rate=0.1, amsgrad=True, clipnorm=0.1),
    of("AdamW", learning_rate=0.1, weight_decay=0.5).changed_by(
        lambda made: made.exclude_from_weight_decay(var_names=["kernel"])
    ),
    of("Adamax", learning_rate=0.1, beta_1=0.5, beta_2=0.8, epsilon=1e-2, clipvalue=0.05),
    of("Ftrl", learning_rate=0.3, learning_rate_power=-0.7, initial_accumulator_value=0.5, beta=0.2),
    of(
        "Ftrl",
        learning_rate=0.3,
        l1_regularization_strength=0.05,
        l2_regularization_strength=0.1,
        l2_shrinkage_regularization_strength=0.2,
    ),
    of("Lamb", learning_rate=0.1, beta_1=0.5, beta_2=0.8, epsilon=1e-2, weight_decay=0.3),
    of("Lion", learning_rate=0.1, beta_1=0.2, beta_2=0.5, weight_decay=0.3),
    of("LossScaleOptimizer", inner_optimizer=_SGD, initial_scale=2.0**127, dynamic_growth_steps=2),
    of("LossScaleOptimizer", inner_optimizer=_ADAM, initial_scale=16.0),
    of(
        "MultiOptimizer",
        optimizer_map=functools.partial(lambda: keras.optimizers.OptimizerMap(_SGD(), {".*kernel": _ADAM()})),
        loss_scale_factor=4.0,
    ),
    of("Muon", learning_rate=0.1, exclude_layers=["output"], adam_beta_1=0.5, adam_beta_2=0.8, epsilon=1e-2),
    of("Muon", learning_rate=0.1, adam_weight_decay=0.5, weight_decay=0.3, adam_lr_ratio=0.5, momentum=0.5),
    of(
        "Muon",
        learning_rate=0.1,
        exclude_embeddings=False,
        muon_a=3.0,
        muon_b=-4.0,
        muon_c=1.5,
        ns_steps=3,
        nesterov=False,
        rms_rate=0.5,
    ),
    of("Nadam", learning_rate=0.1, beta_1=0.5, beta_2=0.8, epsilon=1e-2, weight_decay=0.3),
    of("RMSprop", learning_rate=0.1, rho=0.5, momentum=0.5, epsilon=1e-2, centered=True),
    of("ScheduleFreeAdamW", learning_rate=0.1, beta_1=0.5, beta_2=0.8, epsilon=1e-2, warmup_steps=3, weight_decay=0.3),
    of("SGD", learning_rate=0.1, momentum=0.5),
    of("SGD", learning_rate=0.1, momentum=0.5, nesterov=True, weight_decay=0.3),
    of("SGD", learning_rate=0.1, clipnorm=0.1),
    of("SGD", learning_rate=0.1, clipvalue=0.05),
    of("SGD", learning_rate=0.1, global_clipnorm=0.2),
    of("SGD", learning_rate=0.1, loss_scale_factor=8.0),
    of("SGD", learning_rate=0.1, momentum=0.5, gradient_accumulation_steps=3),
    of("SGD", learning_rate=0.1, use_ema=True, ema_momentum=0.5),
    of("SGD", learning_rate=0.1, weight_decay=0.5).changed_by(
        lambda made: made.exclude_from_weight_decay(var_names=["bias"])
    ),
    of("SGD", learning_rate=0.1, momentum=0.5).changed_by(
        lambda made: setattr(made, "momentum", 0.9), lambda made: setattr(made, "learning_rate", 0.3)
    ),
]

SCHEDULES = [
    of("CosineDecay", initial_learning_rate=0.3, decay_steps=5, alpha=0.2),
    of("CosineDecay", initial_learning_rate=0.1, decay_steps=5, warmup_target=0.5, warmup_steps=3),
    of("CosineDecayRestarts", initial_learning_rate=0.3, first_decay_steps=2, t_mul=1.5, m_mul=0.5, alpha=0.1),
    of("ExponentialDecay", initial_learning_rate=0.3, decay_steps=2, decay_rate=0.5),
    of("ExponentialDecay", initial_learning_rate=0.3, decay_steps=3, decay_rate=0.5, staircase=True),
    of("InverseTimeDecay", initial_learning_rate=0.3, decay_steps=2, decay_rate=0.5),
    of("InverseTimeDecay", initial_learning_rate=0.3, decay_steps=3, decay_rate=0.5, staircase=True),
    of("PiecewiseConstantDecay", boundaries=[1, 4], values=[0.3, 0.1, 0.2]),
    of("PolynomialDecay", initial_learning_rate=0.3, decay_steps=3, end_learning_rate=0.1, power=2.0),
    of("PolynomialDecay", initial_learning_rate=0.3, decay_steps=3, power=0.5, cycle=True),
]

REGULARIZERS = [
    of("L1", l1=0.3),
    of("L1L2", l1=0.2, l2=0.4),
    of("L2", l2=0.3),
    of("OrthogonalRegularizer", factor=0.5, mode="columns"),
]

CONSTRAINTS = [
    of("MaxNorm", max_value=0.3, axis=1),
    of("MinMaxNorm", min_value=0.6, max_value=0.7, rate=0.5, axis=1),
    of("NonNeg"),
    of("UnitNorm", axis=1),
]

INITIALIZERS = [
    of("Constant", value=0.3),
    of("GlorotNormal", seed=1),
    of("GlorotNormal", seed=1, input_axes=[1], output_axes=[0, 1]),
    of("GlorotUniform", seed=2),
    of("GlorotUniform", seed=2, input_axes=[1], output_axes=[0, 1]),
    of("HeNormal", seed=3),
    of("HeNormal", seed=3, input_axes=[1], output_axes=[0]),
    of("HeUniform", seed=4),
    of("HeUniform", seed=4, input_axes=[1], output_axes=[0]),
    of("Identity", gain=2.0),
    of("LecunNormal", seed=5),
    of("LecunNormal", seed=5, input_axes=[1], output_axes=[0]),
    of("LecunUniform", seed=6),
    of("LecunUniform", seed=6, input_axes=[1], output_axes=[0]),
    of("Ones"),
    of("Orthogonal", gain=2.0, seed=7),
    of("RandomNormal", mean=0.5, stddev=0.3, seed=8),
    of("RandomUniform", minval=0.2, maxval=0.7, seed=9),
    of("STFT", side="imag", window="blackman", scaling="spectrum", periodic=True),
    of("TruncatedNormal", mean=0.5, stddev=0.3, seed=10),
    of("VarianceScaling", scale=2.0, mode="fan_avg", distribution="uniform", seed=11),
    of("VarianceScaling", scale=0.5, mode="fan_out", distribution="untruncated_normal", seed=12),
    of("VarianceScaling", input_axes=[1], output_axes=[0], seed=13),
    of("Zeros"),
]


class Table(NamedTuple):
    """All that is tried of one kind of parts."""

    module: object
    base: type
    parts: list


TABLES = {
    "losses": Table(keras.losses, keras.losses.Loss, LOSSES + LOSSES_OF_CLASS_NUMBERS),
    "metrics": Table(keras.metrics, keras.metrics.Metric, METRICS),
    "optimizers": Table(keras.optimizers, keras.optimizers.Optimizer, OPTIMIZERS),
    "schedules": Table(schedules, schedules.LearningRateSchedule, SCHEDULES),
    "regularizers": Table(keras.regularizers, keras.regularizers.Regularizer, REGULARIZERS),
    "constraints": Table(keras.constraints, keras.constraints.Constraint, CONSTRAINTS),
    "initializers": Table(keras.initializers, keras.initializers.Initializer, INITIALIZERS),
}
# One-hot targets beside a single column of class numbers: no network with as many outputs as targets has columns.
UNTRIED_ARGUMENTS = {
    "OneHotIoU(sparse_y_pred=...)",
    "OneHotMeanIoU(sparse_y_pred=...)",
    "R2Score(num_regressors=...)",  # an error in Keras's own compiled fit
}
UNTRIED = {"losses": LOSSES_OF_SEQUENCES, "metrics": METRICS_OF_VALUES}
# Arguments that all optimizers have are tried with some of them.
OF_ALL_OPTIMIZERS = {
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
}
# Arguments that do not change what is computed. Each metric gets a name, as dtype some have.
OF_NO_EFFECT = {"name", "dtype"}


def public_classes(kind):
    """Return the public classes of Keras of this kind by name, but their base."""
    members = [value for name, value in list(vars(TABLES[kind].module).items()) if not name.startswith("_")]
    classes = [value for value in members if inspect.isclass(value) and issubclass(value, TABLES[kind].base)]
    return {each.__name__: each for each in classes if each is not TABLES[kind].base}


def changed_arguments(kind, name=None):
    """Return the arguments that a part, one of this name if it is given, has with another value than the default."""
    classes = public_classes(kind)
    found = set()
    for part in TABLES[kind].parts:
        if part.name in classes and name in (None, part.name):
            defaults = {key: each.default for key, each in inspect.signature(classes[part.name]).parameters.items()}
            found |= {key for key, value in part.arguments.items() if key not in defaults or value != defaults[key]}
    return found


def numbered(kind, parts=None, every=1):
    """Return parametrized cases, the numbers of parts in a table, without those that this Keras does not have."""
    table = TABLES[kind].parts
    numbers = [table.index(part) for part in (table if parts is None else parts)][::every]
    known = [number for number in numbers if table[number].name in public_classes(kind)]
    return pytest.mark.parametrize("number", [pytest.param(n, id=f"{table[n].name}-{n}") for n in known])


class TestTables:
    @pytest.mark.parametrize("kind", TABLES)
    def test_every_public_class_of_keras_is_there(self, kind):
        known = {part.name for part in TABLES[kind].parts} | set(UNTRIED.get(kind, ()))
        missing = sorted(set(public_classes(kind)) - known)
        assert not missing, f"keras.{kind} has {missing}, for which there is no case in this file"

    @pytest.mark.parametrize("kind", TABLES)
    def test_every_argument_is_given_another_value_than_its_default(self, kind):
        left = OF_NO_EFFECT | (OF_ALL_OPTIMIZERS & changed_arguments("optimizers") if kind == "optimizers" else set())
        missing = set()
        for name, each in public_classes(kind).items():
            if name not in UNTRIED.get(kind, ()):
                parameters = inspect.signature(each).parameters.values()
                takes = {parameter.name for parameter in parameters if parameter.kind != parameter.VAR_KEYWORD}
                missing |= {f"{name}({key}=...)" for key in takes - left - changed_arguments(kind, name)}
        missing -= UNTRIED_ARGUMENTS
        assert not missing, "no case in this file gives " + ", ".join(sorted(missing))


class Outcome(NamedTuple):
    """What a fit comes to: the last entries of the history, and the weights."""

    history: dict
    weights: list


def outcome_of(estimator):
    with estimator._network.in_use() as program:  # model_ would stop the reuse
        weights = program.model.get_weights()
    return Outcome({name: values[-1] for name, values in estimator.history_.items()}, weights)


def outcomes_with_keras(model, y, *, batch_size=16, fits=1):
    """Return what comes of each of several fits in a row, without tracing, which takes longer.

    Traced, Keras starts the averages of ScheduleFreeAdamW from 0 instead of the weights, unless it was built before.
    """
    model.run_eagerly = True
    outcomes = []
    for _ in range(fits):
        history = model.fit(X, y, batch_size=batch_size, shuffle=False, verbose=0).history
        outcomes.append(Outcome({name: values[-1] for name, values in history.items()}, model.get_weights()))
    return outcomes


def assert_same(outcome, expected):
    assert set(outcome.history) == set(expected.history)
    for name, value in expected.history.items():
        np.testing.assert_allclose(outcome.history[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
    for number, (weight, other) in enumerate(zip(outcome.weights, expected.weights, strict=True)):
        np.testing.assert_allclose(weight, other, rtol=1e-5, atol=5e-6, err_msg=f"weight {number}")


def unpickled(estimator):
    return pickle.loads(pickle.dumps(estimator))


def differences(estimator, y, expected, *later):
    """Return how fits differ from what is expected: of the estimator, its clone and what was pickled.

    With a `later` outcome, that is what must come of a `partial_fit` after the fit and another pickling.
    """
    wrong = []
    for how, copied in (("cloned", clone), ("unpickled", unpickled), ("as given", lambda estimator: estimator)):
        try:
            assert_same(outcome_of(copied(estimator).fit(X, y)), expected)
        except Exception as error:
            wrong.append(f"{how}: {type(error).__name__}: {error}")
    for outcome in later:
        try:
            assert_same(outcome_of(unpickled(estimator).partial_fit(X, y)), outcome)
        except Exception as error:
            wrong.append(f"trained on: {type(error).__name__}: {error}")
    return wrong


def assert_trains_as(estimator, y, expected, *later, refused=None):
    """Assert that there are no differences, but pickling may be refused in words that have one of these names."""
    wrong = differences(estimator, y, expected, *later)
    if refused is not None:
        wrong = [each for each in wrong if not (is_of_pickling(each) and any(name in each for name in refused))]
    assert not wrong, "\n".join(wrong)


def is_of_pickling(difference):
    return difference.startswith(("unpickled: ", "trained on: ")) and "AssertionError" not in difference


@functools.cache
def start(hidden):
    """Return the weights from which `random_state=0` starts."""
    reg = DNNRegressor(hidden, dropout=0.0, optimizer="sgd", learning_rate=1e-30, epochs=1, random_state=0)
    return outcome_of(reg.fit(X, _NUMBERS)).weights


def network(activation="linear", hidden=()):
    layers = [keras.layers.Dense(units, "tanh", name=f"hidden_{n}") for n, units in enumerate(hidden, start=1)]
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(3, activation, name="output")])
    model.set_weights(start(hidden))
    return model


def compiled_with(kind, part, activation="linear", loss="mean_squared_error", hidden=()):
    """Return a network, compiled with a part of this kind."""
    model = network(activation, hidden)
    settings = {"optimizer": keras.optimizers.SGD(0.1), "loss": loss}
    model.compile(**settings | as_settings(kind, part))
    return model


def compiled_from_table(kind, number, activation="linear", loss_of_network="mean_squared_error", hidden=()):
    """Return that with a new part."""
    return compiled_with(kind, TABLES[kind].parts[number].make(kind), activation, loss_of_network, hidden)


def as_settings(kind, part):
    """Return the part as arguments of `compile`, or parameters of an estimator."""
    if kind == "metrics":
        return {"metrics": [part]}
    if kind == "schedules":
        return {"optimizer": keras.optimizers.SGD(part, momentum=0.5)}
    return {"losses": {"loss": part}, "optimizers": {"optimizer": part}}[kind]


class Case:
    """A part of a table in all places where it can be given."""

    def __init__(self, kind, number, hidden=(), batch_size=16):
        part = TABLES[kind].parts[number]
        self.kind = kind
        self.number = number
        self.hidden = hidden
        self.make = lambda: part.make(kind)
        self.y, self.activation = TARGETS[part.targets]
        self.is_of_classes = self.y is _CLASSES
        self.needs_logits_of_classes = self.is_of_classes and self.activation == "linear"
        self.loss = "sparse_categorical_crossentropy" if self.is_of_classes else "mean_squared_error"
        self.options = {"epochs": 1, "batch_size": batch_size, "shuffle": False, "random_state": 0, "verbose": 0}
        self.of_network = {"activation": self.activation, "hidden": hidden}

    def expected(self, fits=1):
        """Return what Keras makes of it, an outcome for each fit."""
        model = compiled_from_table(self.kind, self.number, loss_of_network=self.loss, **self.of_network)
        return outcomes_with_keras(model, self.y, batch_size=self.options["batch_size"], fits=fits)

    def ready(self):
        """Return an estimator whose network skdeep makes."""
        params = {"loss": self.loss} | as_settings(self.kind, self.make()) | self.options
        params |= {"activation": "tanh", "dropout": 0.0, "output_activation": self.activation}
        if self.kind in ("losses", "metrics"):
            params |= {"optimizer": "sgd", "learning_rate": 0.1}
        if self.is_of_classes:
            return DNNClassifier(self.hidden, **{"metrics": None} | params)
        return DNNRegressor(self.hidden, scale_targets=False, **params)

    def of_own_network(self):
        """Return one of a network of the user's, that is compiled with the parameters of the estimator."""
        params = {"loss": self.loss} | as_settings(self.kind, self.make()) | self.options | self.of_network
        if self.kind in ("losses", "metrics"):
            params |= {"optimizer": "sgd", "optimizer__learning_rate": 0.1}
        return self._wrapper()(network, **params)

    def of_compiled_network(self):
        """Return one of a function that compiles, with a new object or with one that is a parameter of the function."""
        if self.kind == "losses":
            return self._wrapper()(compiled_with, kind=self.kind, part=self.make(), **self.options, **self.of_network)
        params = {"kind": self.kind, "number": self.number, "loss_of_network": self.loss} | self.of_network
        return self._wrapper()(compiled_from_table, **params, **self.options)

    def of_model(self):
        """Return one of a compiled model."""
        model = compiled_from_table(self.kind, self.number, loss_of_network=self.loss, **self.of_network)
        return self._wrapper()(model, **self.options)

    def _wrapper(self):
        return KerasClassifier if self.is_of_classes else KerasRegressor

    def of_users(self):
        """Return the estimator of a user's network, in one of the three ways in turn."""
        ways = (self.of_own_network, self.of_compiled_network, self.of_model)
        return ways[self.number % 3]()


@pytest.fixture(autouse=True)
def empty_pool():
    programs.clear()


def of_file(value):
    """Return what comes of a file for a parameter."""
    if isinstance(value, list):
        return [of_file(each) for each in value]
    return make_from_file(describe_for_file(value)) if is_keras_object(value) else value


class TestFiles:
    """What is made of a description in a file is the same, and trains the same."""

    @pytest.mark.parametrize("kind", TABLES)
    def test_attributes_and_config(self, kind):
        for part in TABLES[kind].parts:
            if part.name in public_classes(kind):
                made = part.make(kind)
                other = of_file(made)
                assert type(other) is type(made)
                assert differences_of(made, other) == [], part
                assert repr(other.get_config()) == repr(made.get_config()), part

    @pytest.mark.slow_after(2)
    @numbered("losses", LOSSES, every=4)
    def test_losses(self, number):
        self.assert_trains_as_expected(Case("losses", number))

    @pytest.mark.slow_after(1)
    @numbered("metrics", every=6)
    def test_metrics(self, number):
        self.assert_trains_as_expected(Case("metrics", number))

    @pytest.mark.slow_after(1)
    @numbered("optimizers", every=4)
    def test_optimizers(self, number):
        self.assert_trains_as_expected(Case("optimizers", number, hidden=(5,), batch_size=4))

    @pytest.mark.slow_after(1)
    @numbered("schedules", every=3)
    def test_schedules(self, number):
        self.assert_trains_as_expected(Case("schedules", number, batch_size=4))

    @pytest.mark.slow_after(1)
    @numbered("optimizers", every=5)
    def test_a_trained_model_is_trained_on(self, number):
        case = Case("optimizers", number, hidden=(5,), batch_size=4)
        model = compiled_from_table("optimizers", number, **case.of_network)
        outcomes_with_keras(model, case.y, batch_size=4)
        other = of_file(model)
        assert_same(
            *outcomes_with_keras(other, case.y, batch_size=4), *outcomes_with_keras(model, case.y, batch_size=4)
        )

    def assert_trains_as_expected(self, case):
        if case.needs_logits_of_classes:
            pytest.skip("ready classifiers have probabilities as outputs")
        estimator = case.ready()
        names = [name for name, value in estimator.get_params(deep=False).items() if not isinstance(value, tuple)]
        given = {name: of_file(getattr(estimator, name)) for name in names}
        assert_same(outcome_of(estimator.set_params(**given).fit(X, case.y)), *case.expected())


class TestLosses:
    @pytest.mark.slow_after(1)
    @numbered("losses", LOSSES)
    def test_ready_network(self, number):
        case = Case("losses", number)
        if case.needs_logits_of_classes:
            pytest.skip("ready classifiers have probabilities as outputs")
        assert_trains_as(case.ready(), case.y, *case.expected())

    @pytest.mark.slow_after(1)
    @numbered("losses", LOSSES, every=2)
    def test_own_network(self, number):
        case = Case("losses", number)
        assert_trains_as(case.of_users(), case.y, *case.expected())


class TestMetrics:
    @pytest.mark.slow_after(1)
    @numbered("metrics")
    def test_ready_network(self, number):
        case = Case("metrics", number)
        if case.needs_logits_of_classes:
            pytest.skip("ready classifiers have probabilities as outputs")
        assert_trains_as(case.ready(), case.y, *case.expected())

    @pytest.mark.slow_after(1)
    @numbered("metrics", every=4)
    def test_own_network(self, number):
        case = Case("metrics", number)
        assert_trains_as(case.of_users(), case.y, *case.expected())


class TestOptimizers:
    @pytest.mark.slow_after(1)
    @numbered("optimizers")
    def test_ready_network(self, number):
        case = Case("optimizers", number, hidden=(5,), batch_size=4)
        assert_trains_as(case.ready(), case.y, *case.expected(fits=2))

    @pytest.mark.slow_after(1)
    @numbered("optimizers", every=2)
    def test_own_network(self, number):
        case = Case("optimizers", number, hidden=(5,), batch_size=4)
        assert_trains_as(case.of_users(), case.y, *case.expected(fits=2))


class TestSchedules:
    @pytest.mark.slow_after(1)
    @numbered("schedules")
    def test_ready_network(self, number):
        case = Case("schedules", number, batch_size=4)
        assert_trains_as(case.ready(), case.y, *case.expected(fits=2))

    @pytest.mark.slow_after(1)
    @numbered("schedules", every=2)
    def test_own_network(self, number):
        case = Case("schedules", number, batch_size=4)
        assert_trains_as(case.of_users(), case.y, *case.expected(fits=2))


def layered(of_layer, part):
    """Return a network that has a part in its last layer, as these arguments of it."""
    arguments = dict.fromkeys(of_layer, part)
    if isinstance(part, keras.initializers.STFT):  # which is for convolutions
        layers = [keras.layers.Reshape((4, 1)), keras.layers.Conv1D(3, 4, **arguments), keras.layers.Flatten()]
    else:
        layers = [keras.layers.Dense(3, **arguments)]
    model = keras.Sequential([keras.Input((4,)), *layers])
    if "kernel_initializer" not in of_layer:
        model.set_weights(start(()))
    return model


_COMPILED = {"loss": "mean_squared_error", "optimizer": "sgd"}
_FULL_BATCH = {"epochs": 1, "batch_size": 16, "shuffle": False, "random_state": 0, "verbose": 0}
OF_LAYER = {
    "regularizers": ("kernel_regularizer", "activity_regularizer"),
    "constraints": ("kernel_constraint",),
    "initializers": ("kernel_initializer",),
}


def assert_layers_train_alike(of_layer, make, refused=None):
    """Assert that a part in a layer does what it does in Keras: as an argument of a function, and in a model."""
    model = layered(of_layer, make())
    model.compile(**_COMPILED)
    (expected,) = outcomes_with_keras(model, _NUMBERS)
    settings = _COMPILED | _FULL_BATCH
    by_function = KerasRegressor(layered, of_layer=of_layer, part=make(), **settings)
    assert_trains_as(by_function, _NUMBERS, expected)
    by_model = KerasRegressor(layered(of_layer, make()), **settings)
    assert_trains_as(by_model, _NUMBERS, expected, refused=refused)


class TestPartsOfLayers:
    @pytest.mark.slow_after(1)
    @numbered("regularizers")
    def test_regularizer(self, number):
        assert_layers_train_alike(OF_LAYER["regularizers"], lambda: REGULARIZERS[number].make("regularizers"))

    @pytest.mark.slow_after(1)
    @numbered("constraints")
    def test_constraint(self, number):
        assert_layers_train_alike(OF_LAYER["constraints"], lambda: CONSTRAINTS[number].make("constraints"))

    @pytest.mark.slow_after(1)
    @numbered("initializers", every=3)
    def test_initializer(self, number):
        assert_layers_train_alike(OF_LAYER["initializers"], lambda: INITIALIZERS[number].make("initializers"))

    @pytest.mark.slow_after(1)
    @numbered("initializers")
    def test_initializer_of_a_ready_network(self, number):
        part = INITIALIZERS[number].make("initializers")
        reg = DNNRegressor((), kernel_initializer=part, scale_targets=False, optimizer="sgd", **_FULL_BATCH)
        if INITIALIZERS[number].name == "STFT":
            with pytest.raises(ValueError, match="kernel_initializer"):
                reg.fit(X, _NUMBERS)
            return
        model = network()
        fresh = INITIALIZERS[number].make("initializers")
        model.set_weights([fresh((4, 3)), np.zeros(3)])
        model.compile(**_COMPILED)
        assert_trains_as(reg, _NUMBERS, *outcomes_with_keras(model, _NUMBERS))


class TestPartsOfOtherForm:
    """Parts that do not take an output for each target."""

    @pytest.mark.slow_after(1)
    @numbered("losses", LOSSES_OF_CLASS_NUMBERS)
    @pytest.mark.parametrize("way", ["ready", "of_own_network", "of_model"])
    def test_losses_of_class_numbers_get_them_or_say_that_they_need_them(self, number, way):
        case = Case("losses", number)
        wrong = differences(getattr(case, way)(), case.y, *case.expected())
        refusals = [each for each in wrong if "ValueError: loss" in each and "that Keras knows" not in each]
        assert wrong == refusals, "\n".join(wrong)

    @pytest.mark.parametrize("name", LOSSES_OF_SEQUENCES)
    def test_losses_of_sequences_are_refused(self, name):
        loss = getattr(keras.losses, name)()
        with pytest.raises((ValueError, TypeError), match="loss"):
            DNNClassifier((), loss=loss, **_FULL_BATCH).fit(X, _CLASSES)
        with pytest.raises((ValueError, TypeError), match="loss"):
            KerasClassifier(network, loss=loss, activation="softmax", **_FULL_BATCH).fit(X, _CLASSES)

    @pytest.mark.parametrize("name", METRICS_OF_VALUES)
    def test_metrics_of_values_are_refused(self, name):
        metric = getattr(keras.metrics, name)()
        with pytest.raises((ValueError, TypeError), match="metrics"):
            DNNRegressor((), metrics=[metric], **_FULL_BATCH).fit(X, _NUMBERS)
        with pytest.raises((ValueError, TypeError), match="metrics"):
            KerasRegressor(network, loss="mse", metrics=[metric], **_FULL_BATCH).fit(X, _NUMBERS)


# Parts of the user's own: none is registered with Keras, and no config tells of their arguments. Those with the name of
# a class of Keras do something else.


class Scaled(keras.losses.Loss):
    def __init__(self, factor=1.0, name="scaled"):
        super().__init__(name=name)
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)


class Needy(Scaled):
    def __init__(self, factor):
        super().__init__(factor)


class Huber(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return 1000 * keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)


def thrice_squared_error(y_true, y_pred):
    return 3 * keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)


class Above(keras.metrics.Metric):
    def __init__(self, threshold=0.0, name="above"):
        super().__init__(name=name)
        self.threshold = threshold
        self.share = self.add_weight(shape=(), initializer="zeros", name="share")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.share.assign(keras.ops.mean(keras.ops.cast(y_pred > self.threshold, "float32")))

    def result(self):
        return self.share


class MeanAbsoluteError(Above):
    def update_state(self, y_true, y_pred, sample_weight=None):
        self.share.assign(1000 * keras.ops.mean(y_pred))


def largest_output(y_true, y_pred):
    return keras.ops.max(y_pred, axis=-1)


class Lengthened(keras.optimizers.SGD):
    def __init__(self, learning_rate=0.1, factor=1.0, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.factor = factor

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(self.factor * gradient, variable, learning_rate)


class Signs(keras.optimizers.Optimizer):
    def __init__(self, learning_rate=0.1, name="signs", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)

    def update_step(self, gradient, variable, learning_rate):
        self.assign_sub(variable, keras.ops.sign(gradient) * keras.ops.cast(learning_rate, variable.dtype))


class Adam(keras.optimizers.Adam):
    def update_step(self, gradient, variable, learning_rate):
        super().update_step(-gradient, variable, learning_rate)


class Halving(schedules.LearningRateSchedule):
    def __init__(self, factor=0.5):
        self.factor = factor

    def __call__(self, step):
        return self.factor ** keras.ops.cast(step + 1, "float32")


class ExponentialDecay(Halving):
    def __call__(self, step):
        return 0.3 / keras.ops.cast(step + 1, "float32")


def a_third():
    return 1 / 3


class Power(keras.regularizers.Regularizer):
    def __init__(self, power=2):
        self.power = power

    def __call__(self, x):
        return keras.ops.sum(keras.ops.abs(x) ** self.power)


class L2(Power):
    def __call__(self, x):
        return 1000 * keras.ops.sum(keras.ops.abs(x))


def total(x):
    return 0.3 * keras.ops.sum(x)


class AtMost(keras.constraints.Constraint):
    def __init__(self, limit=1.0):
        self.limit = limit

    def __call__(self, weight):
        return keras.ops.minimum(weight, self.limit)


class NonNeg(AtMost):
    def __call__(self, weight):
        return -keras.ops.abs(weight)


def halved(weight):
    return weight / 2


class Ramp(keras.initializers.Initializer):
    def __init__(self, factor=0.1):
        self.factor = factor

    def __call__(self, shape, dtype=None):
        size = int(np.prod(shape))
        return keras.ops.reshape(self.factor * keras.ops.arange(size, dtype=dtype), shape)


class Ones(Ramp):
    def __call__(self, shape, dtype=None):
        return 7 * super().__call__(shape, dtype)


def ramp(shape, dtype=None):
    return Ramp(0.2)(shape, dtype)


# What an estimator is given, beside what Keras is given.
OWN_COMPILED = {
    "loss object": (lambda: {"loss": Scaled(3.0)}, lambda: {"loss": Scaled(3.0)}),
    "loss class": (lambda: {"loss": Scaled}, lambda: {"loss": Scaled()}),
    "loss class, argument": (lambda: {"loss": Scaled, "loss__factor": 3.0}, lambda: {"loss": Scaled(3.0)}),
    "loss function": (lambda: {"loss": thrice_squared_error}, lambda: {"loss": thrice_squared_error}),
    "loss of Keras's name, object": (lambda: {"loss": Huber()}, lambda: {"loss": Huber()}),
    "loss of Keras's name, class": (lambda: {"loss": Huber}, lambda: {"loss": Huber()}),
    "metric object": (lambda: {"metrics": [Above(0.4)]}, lambda: {"metrics": [Above(0.4)]}),
    "metric class": (lambda: {"metrics": [Above]}, lambda: {"metrics": [Above()]}),
    "metric class, argument": (
        lambda: {"metrics": Above, "metrics__threshold": 0.4},
        lambda: {"metrics": [Above(0.4)]},
    ),
    "metric function": (lambda: {"metrics": [largest_output]}, lambda: {"metrics": [largest_output]}),
    "metric of Keras's name": (lambda: {"metrics": [MeanAbsoluteError()]}, lambda: {"metrics": [MeanAbsoluteError()]}),
    "optimizer object": (
        lambda: {"optimizer": Lengthened(0.1, 3.0, momentum=0.5)},
        lambda: {"optimizer": Lengthened(0.1, 3.0, momentum=0.5)},
    ),
    "optimizer class": (lambda: {"optimizer": Signs}, lambda: {"optimizer": Signs()}),
    "optimizer class, argument": (
        lambda: {"optimizer": Lengthened, "optimizer__factor": 3.0},
        lambda: {"optimizer": Lengthened(factor=3.0)},
    ),
    "optimizer of Keras's name, object": (lambda: {"optimizer": Adam(0.1)}, lambda: {"optimizer": Adam(0.1)}),
    "optimizer of Keras's name, class": (
        lambda: {"optimizer": Adam, "optimizer__learning_rate": 0.1},
        lambda: {"optimizer": Adam(0.1)},
    ),
    "schedule object": (
        lambda: {"optimizer": keras.optimizers.SGD(Halving(0.3))},
        lambda: {"optimizer": keras.optimizers.SGD(Halving(0.3))},
    ),
    "schedule as routed parameter": (
        lambda: {"optimizer": "sgd", "optimizer__learning_rate": Halving(0.3)},
        lambda: {"optimizer": keras.optimizers.SGD(Halving(0.3))},
    ),
    "schedule of Keras's name": (
        lambda: {"optimizer": keras.optimizers.SGD(ExponentialDecay())},
        lambda: {"optimizer": keras.optimizers.SGD(ExponentialDecay())},
    ),
    "schedule function": (
        lambda: {"optimizer": keras.optimizers.SGD(a_third)},
        lambda: {"optimizer": keras.optimizers.SGD(a_third)},
    ),
}
OWN_OF_LAYER = {
    "initializer object": ("kernel_initializer", lambda: Ramp(0.2)),
    "initializer function": ("kernel_initializer", lambda: ramp),
    "initializer of Keras's name": ("kernel_initializer", lambda: Ones()),
    "regularizer object": ("kernel_regularizer", lambda: Power(3)),
    "regularizer function": ("kernel_regularizer", lambda: total),
    "regularizer of Keras's name": ("kernel_regularizer", lambda: L2()),
    "constraint object": ("kernel_constraint", lambda: AtMost(0.2)),
    "constraint function": ("kernel_constraint", lambda: halved),
    "constraint of Keras's name": ("kernel_constraint", lambda: NonNeg()),
}
_IN_STEPS = _FULL_BATCH | {"batch_size": 4}


def compiled_own(own):
    model = network()
    model.compile(**{"optimizer": keras.optimizers.SGD(0.1), "loss": "mse"} | OWN_COMPILED[own][1]())
    return model


def names_of_own(own):
    """Return what a refusal to pickle may name: the classes and functions of the user's."""
    parts = list(OWN_COMPILED[own][1]().values())
    parts = [part[0] if isinstance(part, list) else part for part in parts]
    parts += [part._learning_rate for part in parts if isinstance(part, keras.optimizers.Optimizer)]
    return [getattr(part, "__name__", type(part).__name__) for part in parts]


class TestOwnParts:
    def given(self, own, learning_rate):
        given = OWN_COMPILED[own][0]()
        return {"loss": "mse"} | ({} if "optimizer" in given else {"optimizer": "sgd"} | learning_rate) | given

    def expected(self, own):
        return outcomes_with_keras(compiled_own(own), _NUMBERS, batch_size=4, fits=2)

    # A schedule of the user's has a config only if the class defines one, so pickling may be refused.

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("own", OWN_COMPILED)
    def test_ready_network(self, own):
        reg = DNNRegressor((), scale_targets=False, **self.given(own, {"learning_rate": 0.1}), **_IN_STEPS)
        refused = names_of_own(own) if own.startswith("schedule") else None
        assert_trains_as(reg, _NUMBERS, *self.expected(own), refused=refused)

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("own", list(OWN_COMPILED)[::2])
    def test_own_network(self, own):
        reg = KerasRegressor(network, **self.given(own, {"optimizer__learning_rate": 0.1}), **_IN_STEPS)
        refused = names_of_own(own) if own.startswith("schedule") else None
        assert_trains_as(reg, _NUMBERS, *self.expected(own), refused=refused)

    # Pickling a fitted network of the user's, or a model, goes by Keras's configs and may be refused.

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("own", [own for own in OWN_COMPILED if "class" not in own])
    def test_compiled_network(self, own):
        reg = KerasRegressor(compiled_own, own=own, **_IN_STEPS)
        assert_trains_as(reg, _NUMBERS, *self.expected(own), refused=names_of_own(own))

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("own", [own for own in OWN_COMPILED if "class" not in own])
    def test_model(self, own):
        reg = KerasRegressor(compiled_own(own), **_IN_STEPS)
        assert_trains_as(reg, _NUMBERS, *self.expected(own), refused=names_of_own(own))

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("own", OWN_OF_LAYER)
    def test_layer(self, own):
        of_layer, make = OWN_OF_LAYER[own]
        assert_layers_train_alike((of_layer,), make, refused=[getattr(make(), "__name__", type(make()).__name__)])

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize("given", [Ramp(0.2), Ramp, Ones(), Ones])
    def test_initializer_of_a_ready_network(self, given):
        reg = DNNRegressor((), kernel_initializer=given, scale_targets=False, optimizer="sgd", **_FULL_BATCH)
        model = layered(("kernel_initializer",), given() if inspect.isclass(given) else given)
        model.compile(**_COMPILED)
        assert_trains_as(reg, _NUMBERS, *outcomes_with_keras(model, _NUMBERS))

    def test_schedule_as_learning_rate_of_a_ready_network(self):
        reg = DNNRegressor((), learning_rate=Halving(0.3), optimizer="sgd", scale_targets=False, **_IN_STEPS)
        expected = outcomes_with_keras(compiled_own("schedule object"), _NUMBERS, batch_size=4, fits=2)
        assert_trains_as(reg, _NUMBERS, *expected)

    def test_a_class_that_needs_an_argument_of_which_its_config_does_not_tell(self):
        reg = DNNRegressor((), loss=Needy(3.0), scale_targets=False, optimizer="sgd", learning_rate=0.1, **_FULL_BATCH)
        expected = outcomes_with_keras(compiled_own("loss object"), _NUMBERS)
        assert_trains_as(reg, _NUMBERS, *expected, refused=["Needy"])


class TestPartsThatAreAlike:
    """One after the other, so that the second might get the trace of the first."""

    @pytest.mark.slow_after(1)
    @pytest.mark.parametrize(
        "one, two",
        [
            ({"loss": keras.losses.Huber(delta=0.01)}, {"loss": keras.losses.Huber(delta=0.5)}),
            ({"loss": keras.losses.CosineSimilarity(axis=0)}, {"loss": keras.losses.CosineSimilarity(axis=-1)}),
            ({"loss": Scaled(3.0)}, {"loss": Scaled(5.0)}),
            ({"loss": keras.losses.Huber()}, {"loss": Huber()}),
        ],
    )
    @pytest.mark.parametrize("kind", [DNNRegressor, KerasRegressor])
    def test_each_trains_as_in_keras(self, one, two, kind):
        own = {"scale_targets": False} if kind is DNNRegressor else {}
        model = () if kind is DNNRegressor else network
        for given in (one, two, one):
            expected = network()
            expected.compile(**_COMPILED | given)
            reg = kind(model, optimizer="sgd", **own, **given, **_FULL_BATCH)
            assert_same(outcome_of(reg.fit(X, _NUMBERS)), *outcomes_with_keras(expected, _NUMBERS))
