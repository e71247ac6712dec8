"""The compiled training loop and batched prediction.

Keras's `fit` calls one TensorFlow function for each batch, fed by a data pipeline. Here one call takes a chunk of many
batches: rows are gathered on the host, and a loop inside the TensorFlow function runs Keras's own `train_step` on each
batch, so that losses, metrics, regularisers, optimizers, gradient clipping and batch normalisation are Keras's. Metrics
are reset at the start of an epoch and read at its end. X is never copied whole: memory beyond it is one chunk.

Random numbers: the only draws here are the shuffles, from the generator `rng` that the caller passes; dropout and
initial weights draw from seeds inside the model. No global state is touched.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import gen_batches

from skdeep._tensorflow import keras, tf

_CHUNK_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Rows:
    """Rows of X with their targets and weights, gathered a chunk at a time.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_total, ...)
        Never copied whole.
    shape : tuple of int
        Shape of one row as the network takes it.
    dtype : str
        dtype in which the network computes.
    y : ndarray of shape (n_rows, ...), default=None
        Network targets.
    sample_weight : ndarray of shape (n_rows,), default=None
        Weights of the rows.
    index : ndarray of int, default=None
        Which rows of X; None is all of them. `y` and `sample_weight` have one entry for each.
    """

    X: object
    shape: tuple
    dtype: str
    y: np.ndarray | None = None
    sample_weight: np.ndarray | None = None
    index: np.ndarray | None = None

    def __len__(self):
        return self.X.shape[0] if self.index is None else len(self.index)

    def gather(self, positions):
        """Return the arrays x, y and weights, as far as there are any, of these positions."""
        rows = positions if self.index is None else self.index[positions]
        x = self.X[rows]
        if issparse(x):
            x = x.toarray()
        x = np.asarray(x, dtype=self.dtype).reshape(-1, *self.shape)
        return (x, *(part[positions] for part in (self.y, self.sample_weight) if part is not None))

    def chunks(self, order, batch_size):
        """Yield the arrays of consecutive chunks of whole batches of the positions in `order`."""
        batch_bytes = batch_size * max(1, np.prod(self.shape, dtype=int) * np.dtype(self.dtype).itemsize)
        chunk_size = batch_size * max(1, _CHUNK_BYTES // int(batch_bytes))
        for chunk in gen_batches(len(order), chunk_size):
            yield self.gather(order[chunk])


class Program:
    """A compiled model and the TensorFlow functions that train, test and apply it.

    Parameters
    ----------
    model : keras.Model
        Compiled model.
    """

    def __init__(self, model):
        self.model = model
        self._steps = {}

    def get_values(self):
        """Return the values of all that training changes: weights, random states and the state of the optimizer."""
        return {
            "model": [variable.numpy() for variable in self.model.variables],
            "optimizer": self.get_optimizer_values(),
        }

    def set_values(self, values):
        """Set what `get_values` returned, here or in a program of the same model."""
        _assign(self.model.variables, values["model"])
        self.set_optimizer_values(values["optimizer"])

    def get_optimizer_values(self):
        """Return the values of the optimizer's state."""
        self._build_optimizer()
        return [variable.numpy() for variable in self.model.optimizer.variables]

    def set_optimizer_values(self, values):
        """Set what `get_optimizer_values` returned."""
        self._build_optimizer()
        _assign(self.model.optimizer.variables, values)

    def fit(self, rows, *, first_epoch, epochs, batch_size, shuffle, rng, callbacks=(), validation=None, verbose=0):
        """Train for the epochs from `first_epoch` up to `epochs`, or until a callback stops.

        Parameters
        ----------
        rows : Rows
            Training data, with targets.
        first_epoch, epochs : int
            First epoch to run, counted from 0, and the number of epochs at which to stop.
        batch_size : int
            Rows for one step; the last batch of an epoch may be smaller.
        shuffle : bool
            Whether each epoch takes the rows in an order of its own.
        rng : numpy.random.Generator
            Source of the orders.
        callbacks : list of keras.callbacks.Callback, default=()
            Called as by Keras's `fit`.
        validation : Rows, default=None
            Data to test on after each epoch.
        verbose : int, default=0
            If positive, one line an epoch is printed, in Keras's form.

        Returns
        -------
        history : dict of str to list of float
            Metrics, one entry an epoch; those of the validation data are named ``val_...``.
        """
        batch_size = min(batch_size, len(rows))
        model = self.model
        self._build_metrics(rows)
        callbacks = list(callbacks)
        by_batch = _overrides(callbacks, "train")
        test_by_batch = _overrides(callbacks, "test")
        if verbose:
            # Keras's 2 is one line an epoch. Added after the look at the hooks: it needs no call for each batch.
            progress = keras.callbacks.ProgbarLogger()
            callbacks.append(progress)
        hooks = keras.callbacks.CallbackList(
            callbacks, model=model, verbose=2 if verbose else 0, epochs=epochs, steps=-(-len(rows) // batch_size)
        )
        history = {}
        logs = None
        model.stop_training = False
        hooks.on_train_begin()
        for epoch in range(first_epoch, epochs):
            hooks.on_epoch_begin(epoch)
            order = rng.permutation(len(rows)) if shuffle else np.arange(len(rows))
            logs = self._run("train", rows, order, batch_size, hooks if by_batch else None)
            if validation is not None:
                hooks.on_test_begin()
                test_logs = self._run(
                    "test", validation, np.arange(len(validation)), batch_size, hooks if test_by_batch else None
                )
                hooks.on_test_end(test_logs)
                logs |= {f"val_{name}": value for name, value in test_logs.items()}
            for name, value in logs.items():
                history.setdefault(name, []).append(value)
            hooks.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
        model.optimizer.finalize_variable_values(model.trainable_weights)
        hooks.on_train_end(logs)
        return history

    def predict(self, rows):
        """Return the outputs of the network for all rows, as an array of shape (n_rows, n_outputs).

        TensorFlow multiplies a single row by other code than a batch, which rounds differently. A row on its own goes
        in twice, so that it gets the same bits as in any batch.
        """
        outputs = []
        for (x,) in rows.chunks(np.arange(len(rows)), batch_size=1):
            batch = np.repeat(x, 2, axis=0) if len(x) == 1 else x
            outputs.append(self.model(batch, training=False).numpy()[: len(x)])
        return np.concatenate(outputs)

    def metric_names(self, rows):
        """Return the names that `fit` on such rows reports."""
        self._build_metrics(rows)
        return list(self.model.get_metrics_result())

    def _run(self, kind, rows, order, batch_size, hooks):
        """Run one epoch of training or testing and return its metrics; with `hooks`, one batch at a time."""
        self.model.reset_metrics()
        if hooks is None:
            for arrays in rows.chunks(order, batch_size):
                self._step(kind, arrays)(*arrays, batch_size)
            return self._logs()
        for number, batch in enumerate(gen_batches(len(order), batch_size)):
            getattr(hooks, f"on_{kind}_batch_begin")(number)
            arrays = rows.gather(order[batch])
            self._step(kind, arrays)(*arrays, batch_size)
            getattr(hooks, f"on_{kind}_batch_end")(number, self._logs())
            if self.model.stop_training:
                break
        return self._logs()

    def _logs(self):
        return {name: float(value) for name, value in self.model.get_metrics_result().items()}

    def _step(self, kind, arrays):
        """Return the function that runs `train_step` or `test_step` on all batches of arrays of this kind."""
        signature = tuple(tf.TensorSpec([None, *array.shape[1:]], array.dtype) for array in arrays)
        key = (kind, signature)
        if key not in self._steps:
            step = self.model.train_step if kind == "train" else self.model.test_step

            def run(*arrays_and_batch_size):
                *tensors, batch_size = arrays_and_batch_size
                n_rows = tf.shape(tensors[0])[0]

                def run_batch(start):
                    stop = tf.minimum(start + batch_size, n_rows)
                    step(tuple(tensor[start:stop] for tensor in tensors))
                    return (stop,)

                tf.while_loop(lambda start: start < n_rows, run_batch, (tf.constant(0),))

            self._steps[key] = tf.function(
                run, input_signature=(*signature, tf.TensorSpec([], tf.int32)), autograph=False
            )
        return self._steps[key]

    def _build_metrics(self, rows):
        """Make the variables of loss, metrics and optimizer, which a traced loop may not make itself."""
        x, *rest = rows.gather(np.arange(1))
        y = tf.convert_to_tensor(rest[0])
        outputs = self.model(x, training=False)
        self.model.compute_loss(x, y, outputs)
        self.model.compute_metrics(x, y, outputs)
        self.model.reset_metrics()
        self._build_optimizer()

    def _build_optimizer(self):
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _overrides(callbacks, kind):
    """Whether any callback has a hook of its own for the batches of training or testing."""
    names = [f"on_{kind}_batch_begin", f"on_{kind}_batch_end"]
    if kind == "train":
        names += ["on_batch_begin", "on_batch_end"]
    return any(
        getattr(getattr(callback, name), "__func__", None) is not getattr(keras.callbacks.Callback, name)
        for callback in callbacks
        for name in names
    )
