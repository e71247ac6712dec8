"""Keras callbacks that Keras itself does not have. Importing this module imports TensorFlow."""

from skdeep._tensorflow import keras


class StopAtMetric(keras.callbacks.Callback):
    """Stop training as soon as a metric reaches a value.

    Parameters
    ----------
    metric : str, default="accuracy"
        Name in `history_`, such as "accuracy", "loss" or "val_accuracy".
    value : float, default=0.99
        Training stops after the first epoch in which the metric is at least that, or for losses and errors (names that
        end in "loss", "error" or "crossentropy") at most that.
    verbose : int, default=0
        If positive, a line is printed when training stops.

    See Also
    --------
    keras.callbacks.EarlyStopping : Stops when a metric no longer improves.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DNNClassifier, StopAtMetric
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = DNNClassifier(epochs=200, callbacks=StopAtMetric("accuracy", 0.95), random_state=0).fit(X, y)
    >>> clf.n_iter_ < 200
    True
    >>> bool(clf.history_["accuracy"][-1] >= 0.95)
    True
    """

    def __init__(self, metric="accuracy", value=0.99, verbose=0):
        super().__init__()
        self.metric = metric
        self.value = value
        self.verbose = verbose

    def __repr__(self):
        return f"StopAtMetric(metric={self.metric!r}, value={self.value!r}, verbose={self.verbose!r})"

    def on_epoch_end(self, epoch, logs=None):
        """Stop if the metric has reached the value.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        logs : dict of str to float, default=None
            Metrics of the epoch.

        Raises
        ------
        ValueError
            If the metric is not among those of the epoch.
        """
        logs = logs or {}
        if self.metric not in logs:
            raise ValueError(f"metric={self.metric!r} is not among the metrics of this fit, which are {list(logs)!r}.")
        reached = logs[self.metric]
        falls = self.metric.endswith(("loss", "error", "crossentropy"))
        if (reached <= self.value) if falls else (reached >= self.value):
            self.model.stop_training = True
            if self.verbose:
                print(f"Epoch {epoch + 1}: {self.metric} is {reached:.4f}, training stops.")
