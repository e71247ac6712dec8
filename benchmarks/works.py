"""The works: what is measured, with which libraries, and what skdeep shall reach."""

from collections.abc import Callable
from dataclasses import dataclass, field

FIGURES = {
    "seconds": "seconds",
    "milliseconds": "milliseconds",
    "rows_per_second": "rows a second",
    "accuracy": "test accuracy",
    "best_score": "best accuracy in the search",
    "growth_90": "growth over 90 fits, MB",
    "growth_per_fit": "growth a fit, MB",
    "load_and_predict": "both, seconds",
    "load": "load, seconds",
    "import_skops": "import skops.io, seconds",
    "resident": "most resident memory, MB",
    "growth": "growth, MB",
    "pickles": "all pickles, MB",
    "first_predict": "first predict, seconds",
    "peak": "peak of memory, MB",
}
MORE_IS_BETTER = {"rows_per_second", "accuracy", "best_score"}


@dataclass(frozen=True)
class Target:
    """What skdeep shall reach, shown in the row of one library."""

    library: str
    text: str
    is_met: Callable  # medians[library][figure] -> bool


@dataclass(frozen=True)
class Work:
    """One work; the first of its figures is the one compared in the column of ratios."""

    title: str
    description: str
    libraries: tuple
    figures: tuple
    targets: tuple
    data: str | None = None  # data set that run.py prepares
    epochs: int | None = None  # where it may be chosen
    quick: dict = field(default_factory=dict)  # settings of a quick run
    settings: dict = field(default_factory=dict)  # by library
    prepared_by_library: bool = False
    if_not_met: str = ""  # what to know where a target is not met


def times_as_fast(peer, least, figure="seconds"):
    """Make the target that the peer takes at least so many times as long as skdeep."""
    return Target(
        peer,
        f"at least {least} times as fast",
        lambda medians: medians[peer][figure] >= least * medians["skdeep"][figure],
    )


def times_the_time(peer, most, figure="seconds"):
    """Make the target that skdeep takes at most so many times as long as the peer."""
    return Target(
        peer,
        f"at most {most} times its time",
        lambda medians: medians["skdeep"][figure] <= most * medians[peer][figure],
    )


def below(figure, limit, unit):
    """Make a target for skdeep alone."""
    return Target("skdeep", f"below {limit:,} {unit}", lambda medians: medians["skdeep"][figure] < limit)


def accuracy_near(library, other, points):
    """Make the target that two accuracies differ by at most so many points."""
    return Target(
        library,
        f"accuracies at most {points} points apart",
        lambda medians: abs(medians[library]["accuracy"] - medians[other]["accuracy"]) <= points / 100,
    )


WORKS = {
    "fit-mnist": Work(
        "Fit MNIST, 3 epochs",
        "Fit 48,000 rows of MNIST (784 columns): hidden layers of 100 and 50 units, batches of 100, {epochs} epochs.",
        libraries=("skdeep", "keras", "scikeras", "skorch", "scikit-learn"),
        figures=("seconds", "accuracy"),
        targets=(
            times_as_fast("scikeras", 2.4),
            accuracy_near("scikeras", "skdeep", 0.5),
            times_as_fast("scikit-learn", 1),
        ),
        data="mnist",
        epochs=3,
        quick={"rows": 1000, "epochs": 1},
    ),
    "fit-mnist-10": Work(
        "Fit MNIST, 10 epochs",
        "The same for {epochs} epochs.",
        libraries=("skdeep", "keras", "scikeras", "skorch", "scikit-learn"),
        figures=("seconds", "accuracy"),
        targets=(times_as_fast("scikit-learn", 1),),
        data="mnist",
        epochs=10,
        quick={"rows": 1000, "epochs": 1},
    ),
    "fit-frame": Work(
        "Fit a data frame",
        "Fit a data frame of 60,000 rows and 300 columns, 200 of float32 and 100 of float64: hidden layers of 100 and "
        "50 units, batches of 200, {epochs} epochs.",
        libraries=("skdeep", "scikeras", "scikit-learn"),
        figures=("seconds",),
        targets=(times_as_fast("scikit-learn", 1),),
        epochs=3,
        quick={"rows": 1000, "epochs": 1},
    ),
    "grid-digits": Work(
        "Grid search of 27 fits",
        "GridSearchCV on the digits (1,797 rows, 64 columns): hidden layers (50), (100) and (100, 50), dropout 0, 0.2 "
        "and 0.4, for scikit-learn three values of alpha; cv=3, 27 fits of 10 epochs in batches of 32, n_jobs=1, no "
        "refit. skdeep-own-network is skdeep.KerasClassifier with the function that scikeras gets.",
        libraries=("skdeep", "skdeep-own-network", "scikeras", "keras.wrappers", "skorch", "scikit-learn"),
        figures=("seconds", "best_score"),
        targets=(times_as_fast("scikeras", 6), times_as_fast("skorch", 1.5), times_the_time("scikit-learn", 1.4)),
        quick={"epochs": 1},
    ),
    "search-learning-rate": Work(
        "Random search of 24 fits",
        "RandomizedSearchCV on the digits: 8 learning rates from 0.0001 to 0.1 for hidden layers of 100 and 50 units; "
        "cv=3, 24 fits of 10 epochs in batches of 32, n_jobs=1, no refit. skdeep-own-network as above.",
        libraries=("skdeep", "skdeep-own-network", "scikeras", "skorch", "scikit-learn"),
        figures=("seconds", "best_score"),
        targets=(times_as_fast("scikeras", 8),),
        quick={"candidates": 2, "epochs": 1},
    ),
    "predict-one": Work(
        "Predict one row",
        "Predict one row of MNIST: median of 50 calls after 3 others.",
        libraries=("skdeep", "scikeras", "skorch", "scikit-learn"),
        figures=("milliseconds",),
        targets=(
            times_as_fast("skorch", 1, "milliseconds"),
            times_the_time("scikit-learn", 1.3, "milliseconds"),
        ),
        data="mnist",
        quick={"rows": 1000},
    ),
    "predict-many": Work(
        "Predict 10,000 rows",
        "Predict 10,000 rows of MNIST: median of 5 calls after one other.",
        libraries=("skdeep", "keras", "scikeras", "skorch", "scikit-learn"),
        figures=("rows_per_second",),
        targets=(
            Target(
                "scikit-learn",
                "at least as many",
                lambda medians: medians["skdeep"]["rows_per_second"] >= medians["scikit-learn"]["rows_per_second"],
            ),
        ),
        if_not_met="scikit-learn multiplies all rows at once. skdeep takes blocks of 8 rows, so that a row gets the "
        "same bits alone and in any batch, and BLAS arranges the weights anew for each block; larger blocks gave a row "
        "other bits by its place in most shapes that were tried. With AVX-512 the two were level.",
        data="mnist",
        quick={"rows": 1000},
    ),
    "cnn-mnist": Work(
        "Fit a CNN on MNIST",
        "Fit 12,800 images of MNIST: 32 convolutions of 3 x 3, max-pooling, a hidden layer of 128 units; batches of "
        "128, {epochs} epochs.",
        libraries=("skdeep", "keras", "scikeras", "skorch"),
        figures=("seconds", "accuracy"),
        targets=(times_as_fast("keras", 1.1), times_as_fast("scikeras", 1.1)),
        if_not_met="With AVX2 the convolutions take nearly all of the time: in a quiet process an epoch of 6,400 "
        "images took 1.4 s with skdeep and 1.3 s with Keras, from the second one on. On a machine with AVX-512 skdeep "
        "took 2.2 s for this work and Keras 3.1 s.",
        data="mnist",
        epochs=2,
        quick={"rows": 640, "epochs": 1},
    ),
    "cnn-cifar10": Work(
        "Fit a CNN on CIFAR-10",
        "Fit 12,800 images of CIFAR-10: 32 and 64 convolutions of 3 x 3, max-pooling, hidden layers of 128 and 64 "
        "units, dropout 0.3 and 0.2; batches of 128, {epochs} epochs. skdeep-bfloat16 is skdeep with "
        'dtype_policy="mixed_bfloat16"; how quick that is hangs on the instructions of the CPU.',
        libraries=("skdeep", "skdeep-bfloat16", "keras"),
        figures=("seconds", "accuracy"),
        targets=(
            Target(
                "skdeep-bfloat16",
                "at least 2 times as fast as float32",
                lambda medians: medians["skdeep"]["seconds"] >= 2 * medians["skdeep-bfloat16"]["seconds"],
            ),
            accuracy_near("skdeep-bfloat16", "skdeep", 1),
        ),
        data="cifar10",
        epochs=2,
        quick={"rows": 640, "epochs": 1},
    ),
    "sequential-fits": Work(
        "100 fits in one process",
        "Fit 100 estimators one after the other in one process, each dropped before the next is fitted: digits, hidden "
        "layers of 100 and 50 units, one epoch in batches of 32. Seconds are the median of a fit from the 10th on; "
        "growth is that of resident memory from the 10th fit to the last, after garbage collection. Keras and "
        "scikeras, which are slow here, do 20 fits, and their growth is scaled to 90.",
        libraries=("skdeep", "skdeep-own-network", "keras", "scikeras", "skorch", "scikit-learn"),
        figures=("seconds", "growth_90", "growth_per_fit"),
        targets=(below("seconds", 0.1, "s"), below("growth_90", 40, "MB")),
        settings={"keras": {"fits": 20}, "scikeras": {"fits": 20}},
        quick={"fits": 12},
    ),
    "many-architectures": Work(
        "30 architectures in one process",
        "Fit 30 estimators, each of another architecture, in one process: digits, one epoch in batches of 32. Growth "
        "is that of resident memory from the 5th fit to the last, after garbage collection. Keras and scikeras do 15 "
        "fits.",
        libraries=("skdeep", "keras", "scikeras", "skorch", "scikit-learn"),
        figures=("growth_per_fit",),
        targets=(
            Target(
                "scikeras",
                "less than half of it",
                lambda medians: medians["skdeep"]["growth_per_fit"] < medians["scikeras"]["growth_per_fit"] / 2,
            ),
        ),
        settings={"keras": {"fits": 15}, "scikeras": {"fits": 15}},
        quick={"fits": 7},
    ),
    "widths": Work(
        "50 networks of different widths",
        "Fit the digits with 15 to 64 of their columns, each an architecture of its own: a hidden layer of 50 units, "
        "one epoch in batches of 32. Seconds are the median of a fit. Keras and scikeras do 15 fits.",
        libraries=("skdeep", "keras", "scikeras", "skorch", "scikit-learn"),
        figures=("seconds",),
        targets=(below("seconds", 0.1, "s"),),
        settings={"keras": {"fits": 15}, "scikeras": {"fits": 15}},
        quick={"fits": 3},
    ),
    "fresh-process": Work(
        "Start, load and predict",
        "A fresh process loads a pipeline of StandardScaler and a network fitted on MNIST, written by joblib, and "
        "predicts one row; imports are included.",
        libraries=("skdeep", "scikeras", "skorch", "scikit-learn"),
        figures=("seconds", "resident"),
        targets=(times_the_time("scikit-learn", 1.3),),
        data="mnist",
        prepared_by_library=True,
    ),
    "alive": Work(
        "100 loaded models",
        "Unpickle a network fitted on MNIST 100 times, keep all, and predict one row with each, in a process that has "
        "imported the framework. The pickles hold the state of the optimizer, too.",
        libraries=("skdeep", "scikeras", "skorch", "scikit-learn"),
        figures=("seconds", "growth", "pickles"),
        targets=(below("seconds", 0.5, "s"),),
        data="mnist",
        prepared_by_library=True,
    ),
    "load": Work(
        "Load and predict",
        "Load a network fitted on MNIST, saved with joblib, in a process that has imported the framework, and predict "
        "one row.",
        libraries=("skdeep", "scikeras", "skorch", "scikit-learn"),
        figures=("load_and_predict", "load", "first_predict"),
        targets=(below("load_and_predict", 0.01, "s"),),
        data="mnist",
        prepared_by_library=True,
        if_not_met="The limit was set on a quicker machine: scikit-learn's own network is the measure.",
    ),
    "load-file": Work(
        "Load a file of skdeep.save",
        "Load the same network from a file of `skdeep.save`, in a process that has imported TensorFlow, and predict "
        "one row. The import of skops is told apart: it is slow where many modules have been imported.",
        libraries=("skdeep",),
        figures=("load", "import_skops", "first_predict"),
        targets=(below("load", 0.3, "s"),),
        data="mnist",
        prepared_by_library=True,
    ),
    "import": Work(
        "Import",
        "Import the estimator in a fresh process, make it, clone it, pickle and unpickle it.",
        libraries=("skdeep", "scikeras", "skorch", "scikit-learn"),
        figures=("seconds",),
        targets=(times_the_time("scikit-learn", 1.2),),
        if_not_met="Of this, what both import from scikit-learn takes 1.6 s, and skdeep's own modules 0.3 s.",
    ),
    "memory-map": Work(
        "Fit from a memory map",
        "Fit one epoch of a memory-mapped file of 4.3 GB (5,350,000 rows of 800 bytes): hidden layers of 100 and 50 "
        "units, batches of 256. The memory is the process's anonymous one, TensorFlow included.",
        libraries=("skdeep",),
        figures=("peak", "seconds"),
        targets=(below("peak", 1500, "MB"),),
        prepared_by_library=True,
        quick={"rows": 20_000},
    ),
}
