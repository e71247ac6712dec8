"""One experiment: train, test, and keep what came out as plain data."""

import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import joblib
import keras
import numpy as np
import sklearn
from sklearn.metrics import accuracy_score, log_loss
from sklearn.pipeline import make_pipeline


@dataclass(frozen=True)
class Result:
    """What came out of an experiment.

    Attributes
    ----------
    settings : str
        What was run, to tell whether it would be the same again.
    obtained : dict of str to number
        Figures by name, see `study_notes.registry`, and "seconds".
    history : dict of str to list of float
        The `history_` of the classifier.
    summary : str
        The table of layers.
    """

    settings: str
    obtained: dict
    history: dict
    summary: str

    as_dict = asdict


class _Progress(keras.callbacks.Callback):
    """Tells how many epochs are done, and when the last one will be."""

    def __init__(self, epochs, say):
        super().__init__()
        self.epochs = epochs
        self.say = say

    def on_train_begin(self, logs=None):
        self.began = time.perf_counter()
        self.done = 0

    def on_epoch_end(self, epoch, logs=None):
        self.done += 1
        left = (time.perf_counter() - self.began) / self.done * (self.epochs - self.done)
        self.say(f"epoch {self.done} of {self.epochs}, at most {left:.0f} s left")


def make(experiment, shape, epochs):
    """Return the pipeline of an experiment for images of this shape."""
    *steps, classifier = experiment.steps(shape)
    classifier = sklearn.base.clone(classifier)  # the registry keeps its own
    classifier.set_params(epochs=epochs, random_state=experiment.random_state)
    classifier.set_fit_request(X_val=True, y_val=True)
    # transform_input sends the validation images through the steps, with what those learned from the training images.
    return make_pipeline(*steps, classifier, transform_input=["X_val"])


@sklearn.config_context(enable_metadata_routing=True)
def settings(experiment, shape, epochs):
    """Return a text that says what would be run."""
    steps = [
        f"{type(step).__name__}({', '.join(f'{name}={_by_value(value)}' for name, value in step.get_params().items())})"
        for _, step in make(experiment, shape, epochs).steps
    ]
    return f"{experiment.data} {shape}, {experiment.split.__name__}, {experiment.more_epochs}: {' '.join(steps)}"


def _by_value(value):
    """Describe a parameter; what Keras prints of its objects tells where they are, not what they are."""
    return f"{type(value).__name__}({value.get_config()})" if hasattr(value, "get_config") else repr(value)


@sklearn.config_context(enable_metadata_routing=True)
def run(experiment, arrays, epochs, say=lambda text: None):
    """Run one experiment.

    Parameters
    ----------
    experiment : study_notes.registry.Experiment
        What to run.
    arrays : tuple
        X, y, X_test and y_test.
    epochs : int
        Epochs, at most.
    say : callable
        Is given a line of text after each epoch.
    """
    start = time.perf_counter()
    data = experiment.split(*arrays)
    shape = data.X.shape[1:]
    pipeline = make(experiment, shape, epochs)
    callbacks = [_Progress(epochs, say)]
    if pipeline[-1].callbacks is not None:
        callbacks.insert(0, pipeline[-1].callbacks)
    pipeline[-1].set_params(callbacks=callbacks)
    validation = {} if data.X_val is None else {"X_val": data.X_val, "y_val": data.y_val}
    pipeline.fit(data.X, data.y, **validation)
    classifier = pipeline[-1]
    obtained = {"parameters": classifier.summary().n_parameters, "epochs": classifier.n_iter_}
    obtained |= _test(pipeline, data) | {name: values[-1] for name, values in classifier.history_.items()}
    if experiment.more_epochs:
        with tempfile.TemporaryDirectory() as folder:
            joblib.dump(pipeline, Path(folder, "pipeline.joblib"))
            pipeline = joblib.load(Path(folder, "pipeline.joblib"))
        pipeline[-1].set_params(warm_start=True, epochs=experiment.more_epochs * epochs // experiment.epochs)
        pipeline.fit(data.X, data.y, **validation)
        obtained |= {f"{name} after reloading": value for name, value in _test(pipeline, data).items()}
    obtained["seconds"] = time.perf_counter() - start
    obtained = {name: float(value) for name, value in obtained.items()}
    return Result(settings(experiment, shape, epochs), obtained, pipeline[-1].history_, str(pipeline[-1].summary()))


def _test(pipeline, data):
    """Return loss and accuracy on the test set."""
    probabilities = pipeline.predict_proba(data.X_test)
    if pipeline[-1].loss == "mean_squared_error":
        one_hot = data.y_test[:, np.newaxis] == pipeline.classes_
        loss = np.mean((probabilities - one_hot) ** 2)
    else:
        loss = log_loss(data.y_test, probabilities)
    return {"test loss": loss, "test accuracy": accuracy_score(data.y_test, pipeline.predict(data.X_test))}
