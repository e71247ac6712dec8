"""The experiments: what each note did, as pipelines, and what it reported.

Figures are named as in `history_` for the last epoch ("loss", "val_accuracy", ...), or "test loss", "test accuracy",
"parameters" and "epochs" (how many were run).
"""

from collections.abc import Callable
from dataclasses import dataclass

from skdeep import (
    CNNClassifier,
    DNNClassifier,
    Flatten,
    MLPClassifier,
    Reshape,
    ScaleToUnit,
    ZScore,
)
from study_notes import data


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Attributes
    ----------
    id : str
        Its name.
    shows : str
        What the note wanted to show.
    data : str
        Data set, see `study_notes.data.load`.
    split : callable
        One of the functions of `study_notes.data`.
    steps : callable
        From the shape of one image to the steps of the pipeline, the last of them a classifier.
    epochs : int
        Epochs, or how many at most.
    reported : dict of str to number
        Figures of the note.
    bands : dict of str to tuple
        Where obtained figures must lie on the real data: the lowest and the highest value.
    seconds : float
        About how long it takes on the real data, for the estimate of the time left.
    more_epochs : int
        Epochs to train on after saving to a file and loading.
    compare_with : str
        Another experiment, whose validation losses are drawn beside these.
    remark : str
        What to know beside the figures.
    random_state : int
        Seed of the classifier.
    digits_factor : int
        How many times as many epochs the digits take, which have a fortieth of MNIST's rows.
    """

    id: str
    shows: str
    data: str
    split: Callable
    steps: Callable
    epochs: int
    reported: dict
    bands: dict
    seconds: float
    more_epochs: int = 0
    compare_with: str | None = None
    remark: str = ""
    random_state: int = 0
    digits_factor: int = 10


def _flat(classifier):
    return lambda shape: [Flatten(), ScaleToUnit(), classifier]


def _image_then_flat(classifier):
    return lambda shape: [Reshape((*shape, 1)), ScaleToUnit(), Flatten(), classifier]


def _grey(classifier):
    return lambda shape: [Reshape((*shape, 1)), ScaleToUnit(), classifier]


def _small_cnn(**params):
    return CNNClassifier(((32,),), hidden_layer_sizes=(128,), batch_size=128, **params)


def _until_99(shape):
    from skdeep import StopAtMetric  # which imports TensorFlow

    stop = StopAtMetric("accuracy", 0.99)
    return [Flatten(), ScaleToUnit(), DNNClassifier((784,), dropout=0, batch_size=32, callbacks=stop)]


def _random_start(shape):
    from keras.initializers import RandomNormal

    normal = RandomNormal(stddev=1.0)
    by_hand = {"optimizer": "sgd", "learning_rate": 0.15, "batch_size": 100, "shuffle": False}
    softmax = DNNClassifier((), kernel_initializer=normal, bias_initializer=normal, **by_hand)
    return [ScaleToUnit(), Flatten(), softmax]


EXPERIMENTS = [
    Experiment(
        id="ann-mnist",
        shows="Without dropout, training goes on to learn what validation no longer rewards.",
        data="mnist",
        split=data.last_fifth,
        steps=_flat(DNNClassifier((100, 100), dropout=0, batch_size=100)),
        epochs=15,
        reported={
            "test loss": 0.1029,
            "test accuracy": 0.9766,
            "loss": 0.0096,
            "accuracy": 0.9970,
            "val_loss": 0.1175,
            "val_accuracy": 0.9736,
        },
        bands={"test accuracy": (0.9666, 1), "accuracy": (0.987, 1), "val_accuracy": (0.9636, 1)},
        seconds=10,
    ),
    Experiment(
        id="dnn-mnist",
        shows="Dropout after the first hidden layer closes the gap between training and validation.",
        data="mnist",
        split=data.last_fifth,
        steps=_flat(DNNClassifier((100, 50), dropout=(0.2, 0), batch_size=100)),
        epochs=13,
        reported={"loss": 0.0495, "accuracy": 0.9834, "val_loss": 0.0837, "val_accuracy": 0.9757},
        bands={"accuracy": (0.9734, 0.9934), "val_accuracy": (0.9657, 1)},
        seconds=9,
    ),
    Experiment(
        id="dnn-cifar10",
        shows="A dense network that reads mere pixels gets no further than half of the colour images.",
        data="cifar10",
        split=data.last_fifth,
        steps=_flat(DNNClassifier((100, 50), dropout=0.05, batch_size=100)),
        epochs=100,
        reported={"test loss": 1.5006, "test accuracy": 0.4618, "val_accuracy": 0.4634},
        bands={"test accuracy": (0.4368, 1), "val_accuracy": (0.4384, 1)},
        seconds=200,
    ),
    Experiment(
        id="mlp-mnist",
        shows="One wide hidden layer and plain gradient descent learn slowly.",
        data="mnist",
        split=data.random_fifth,
        steps=_flat(MLPClassifier((512,), optimizer="sgd", batch_size=128)),
        epochs=10,
        reported={"parameters": 407_050, "test loss": 0.2772, "test accuracy": 0.9224, "val_accuracy": 0.9183},
        bands={"parameters": (407_050, 407_050), "test accuracy": (0.9124, 1), "val_accuracy": (0.9083, 1)},
        seconds=10,
    ),
    Experiment(
        id="cnn-mnist",
        shows="One convolution before the dense layers learns more in the same epochs.",
        data="mnist",
        split=data.random_fifth,
        steps=_grey(_small_cnn(dropout=0, optimizer="sgd")),
        epochs=10,
        reported={"parameters": 804_554, "val_loss": 0.1957, "val_accuracy": 0.9433},
        bands={"parameters": (804_554, 804_554), "val_accuracy": (0.9333, 1)},
        seconds=50,
        digits_factor=7,
    ),
    Experiment(
        id="cnn-fashion",
        shows="The same network with dropout and Adam sorts clothes, which is harder than digits.",
        data="fashion-mnist",
        split=data.random_fifth,
        steps=_grey(_small_cnn(dropout=0.3)),
        epochs=10,
        reported={"val_loss": 0.2329, "val_accuracy": 0.9191},
        bands={"val_accuracy": (0.9091, 1)},
        seconds=60,
        digits_factor=5,
    ),
    Experiment(
        id="cnn-cifar10",
        shows="Two convolutions see far more in colour images than dense layers do.",
        data="cifar10",
        split=data.random_fifth,
        steps=lambda shape: [
            ScaleToUnit(),
            CNNClassifier(((32, 64),), hidden_layer_sizes=(128, 64), dropout=(0.3, 0.2), batch_size=128),
        ],
        epochs=10,
        reported={"parameters": 2_125_578, "val_loss": 1.0215, "val_accuracy": 0.6707},
        bands={"parameters": (2_125_578, 2_125_578), "val_accuracy": (0.6457, 1)},
        seconds=400,
        digits_factor=2,
    ),
    Experiment(
        id="fnn-mse",
        shows="Mean squared error, sigmoid units and plain gradient descent hardly learn at all.",
        data="mnist",
        split=data.last_sixth,
        steps=_image_then_flat(
            DNNClassifier(
                (15,), activation="sigmoid", dropout=0, loss="mean_squared_error", optimizer="sgd", batch_size=32
            )
        ),
        epochs=5,
        reported={"parameters": 11_935, "test loss": 0.0909, "test accuracy": 0.1695},
        bands={"parameters": (11_935, 11_935), "test accuracy": (0, 0.35)},
        seconds=10,
    ),
    Experiment(
        id="base",
        shows="The same size of network with ReLU, cross-entropy and Adam is right in 97 of 100 cases.",
        data="mnist",
        split=data.last_sixth,
        steps=_image_then_flat(DNNClassifier((50,), dropout=0, batch_size=32)),
        epochs=10,
        reported={"test loss": 0.0911, "test accuracy": 0.9723},
        bands={"test accuracy": (0.9623, 1)},
        seconds=15,
    ),
    Experiment(
        id="sgd",
        shows="Plain gradient descent with Keras's default step falls behind Adam.",
        data="mnist",
        split=data.last_sixth,
        steps=_image_then_flat(DNNClassifier((50,), dropout=0, optimizer="sgd", batch_size=32)),
        epochs=10,
        reported={"test loss": 0.3795, "test accuracy": 0.8971},
        bands={"test accuracy": (0.8671, 1)},
        seconds=10,
    ),
    Experiment(
        id="sgd-momentum",
        shows="A larger step and a little momentum bring gradient descent level with Adam.",
        data="mnist",
        split=data.last_sixth,
        steps=_image_then_flat(
            DNNClassifier((50,), dropout=0, optimizer="sgd", learning_rate=0.1, optimizer__momentum=0.1, batch_size=32)
        ),
        epochs=10,
        reported={"test loss": 0.0970, "test accuracy": 0.9722},
        bands={"test accuracy": (0.9622, 1)},
        seconds=10,
        compare_with="sgd",
    ),
    Experiment(
        id="early-stopping",
        shows="Training stops by itself when the validation accuracy has not improved for three epochs.",
        data="mnist",
        split=data.last_sixth,
        steps=_image_then_flat(
            DNNClassifier(
                (50,),
                dropout=0,
                batch_size=256,
                early_stopping=True,
                monitor="val_accuracy",
                n_iter_no_change=3,
                tol=0,
            )
        ),
        epochs=50,
        reported={"epochs": 17, "test loss": 0.1093, "test accuracy": 0.9693},
        bands={"epochs": (8, 35), "test accuracy": (0.9593, 1)},
        seconds=8,
        remark="skdeep restores the weights of the best epoch; the note kept those of the last.",
    ),
    Experiment(
        id="capacity-dropout",
        shows="A narrow softmax layer and much dropout spoil training, while validation, without dropout, looks fine.",
        data="mnist",
        split=data.last_sixth,
        steps=_image_then_flat(
            DNNClassifier((50, 10), activation=("relu", "softmax"), dropout=(0, 0.5), batch_size=256)
        ),
        epochs=25,
        reported={"test loss": 0.4609, "test accuracy": 0.9620, "accuracy": 0.5151, "val_accuracy": 0.9631},
        bands={"test accuracy": (0.9520, 1), "accuracy": (0, 0.75), "val_accuracy": (0.9531, 1)},
        seconds=12,
        remark=(
            "How well it ends hangs on the initial weights: over the random states 0 to 7 the test accuracy was 0.89, "
            "0.93, 0.96, 0.96, 0.87, 0.96, 0.88 and 0.96. The one shown has the loss nearest to the note's."
        ),
        random_state=2,
    ),
    Experiment(
        id="stop-at-99",
        shows="A callback stops training as soon as 99 of 100 training images are right.",
        data="mnist",
        split=data.no_validation,
        steps=_until_99,
        epochs=10,
        reported={"epochs": 5, "accuracy": 0.9913},
        bands={"epochs": (4, 6), "accuracy": (0.99, 1)},
        seconds=40,
    ),
    Experiment(
        id="dnn-cifar10-zscore",
        shows="Standardised pixels and wider layers take dense networks past half of the colour images.",
        data="cifar10",
        split=data.test_set,
        steps=lambda shape: [
            Flatten(),
            ZScore(),
            DNNClassifier((512, 120, 512), dropout=0, output_activation="sigmoid", batch_size=1024),
        ],
        epochs=10,
        reported={"parameters": 1_702_018, "test loss": 1.4818, "test accuracy": 0.5295},
        bands={"parameters": (1_702_018, 1_702_018), "test accuracy": (0.5045, 1)},
        seconds=30,
        remark=(
            "The note standardises the test set by its own mean and deviation; here both sets are standardised by "
            "those of the training set, as they must be if one image is to be classified alone."
        ),
    ),
    Experiment(
        id="softmax-scratch",
        shows="Softmax regression written by hand: plain gradient descent from random weights, batches in order.",
        data="mnist",
        split=data.test_set,
        steps=_random_start,
        epochs=50,
        reported={"loss": 0.2991, "test accuracy": 0.9127},
        bands={"test accuracy": (0.905, 0.918)},
        seconds=20,
    ),
    Experiment(
        id="softmax-keras",
        shows="Without hidden layers the network is soon done; saved and loaded, it trains on where it was.",
        data="mnist",
        split=data.test_set,
        steps=lambda shape: [ScaleToUnit(), Flatten(), DNNClassifier((), batch_size=100)],
        epochs=15,
        more_epochs=15,
        reported={
            "parameters": 7_850,
            "test loss": 0.2647,
            "test accuracy": 0.9267,
            "test loss after reloading": 0.2655,
            "test accuracy after reloading": 0.9276,
        },
        bands={
            "parameters": (7_850, 7_850),
            "test accuracy": (0.9167, 1),
            "test accuracy after reloading": (0.9176, 1),
        },
        seconds=12,
    ),
    Experiment(
        id="xor",
        shows="A hundred small steps are too few for XOR.",
        data="xor",
        split=data.no_validation,
        steps=lambda shape: [DNNClassifier((8,), dropout=0, loss="mean_squared_error", batch_size=4)],
        epochs=100,
        reported={"parameters": 33, "test loss": 0.2354, "test accuracy": 0.5},
        bands={"parameters": (33, 33), "test accuracy": (0, 0.75)},
        seconds=1,
        remark=(
            "What the hundred steps reach hangs on the initial weights: over the random states 0 to 7 the accuracy was "
            "0.75, 0.5, 0.5, 0.75, 0.5, 0.75, 0.75 and 1.0. The one shown ends as the note did."
        ),
        random_state=1,
    ),
    Experiment(
        id="xor-learned",
        shows="The same network learns XOR with tanh and larger steps.",
        data="xor",
        split=data.no_validation,
        steps=lambda shape: [
            DNNClassifier(
                (8,), activation="tanh", dropout=0, loss="mean_squared_error", learning_rate=0.05, batch_size=4
            )
        ],
        epochs=200,
        reported={"parameters": 33},
        bands={"parameters": (33, 33), "test accuracy": (1, 1)},
        seconds=1,
        compare_with="xor",
        remark="Not in the notes. It reached 1.0 with all of the random states 0 to 7.",
    ),
]
