"""A fitted network as an estimator holds it: live while it is used, plain data when it is copied or saved.

`Network` pickles, and so copies, as the Keras config of the model, the settings it was compiled with and the values of
its variables as arrays, optimizer state and random states included, so that training goes on from a copy with the same
bits. The model is built again from them when it is first needed; loading alone does not import TensorFlow.
"""

import contextlib
import threading
import weakref


class Network:
    """A program, or what it takes to build one again.

    Parameters
    ----------
    settings : dict
        What the model is compiled with, see `skdeep.compilation.compile_model`.
    head : skdeep.targets.Head
        Its output layer, loss and form of the targets.
    activations : dict of str to callable
        Activation functions of the model that are given as functions.
    model : keras.Model, default=None
        Fresh uncompiled model.
    saved : dict, default=None
        In its place the config and the values of an earlier one.
    """

    def __init__(self, settings, head, activations, *, model=None, saved=None):
        self.settings = settings
        self.head = head
        self.activations = activations
        self._lock = threading.Lock()
        self._saved = saved
        self._program = None if model is None else self._obtain(model)

    @property
    def program(self):
        """The live program, built on first use."""
        with self._lock:
            if self._program is None:
                self._program = self._rebuild()
                self._saved = None
        return self._program

    @property
    def model(self):
        """The Keras model, for anyone outside: what it belongs to is not reused after this network."""
        program = self.program
        self.keep()
        return program.model

    def keep(self):
        """Never give the program to the pool."""
        self._give_back.detach()

    def take_over(self, earlier):
        """Take the weights of an earlier network of the same shapes, and of the same optimizer also its state."""
        model, earlier_model = self.program.model, earlier.program.model
        shapes = [[tuple(weight.shape) for weight in each.weights] for each in (model, earlier_model)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                "warm_start=True goes on with the weights of the earlier fit, but the parameters now ask for another "
                f"network: its weights have the shapes {shapes[0]}, those of the earlier fit {shapes[1]}."
            )
        model.set_weights(earlier_model.get_weights())
        if _optimizer_settings(self.settings) == _optimizer_settings(earlier.settings):
            self.program.set_optimizer_values(earlier.program.get_optimizer_values())

    @contextlib.contextmanager
    def restored_on_error(self):
        """Restore all values of the program if the body of the ``with`` statement raises."""
        before = self.program.get_values()
        try:
            yield
        except BaseException:
            self.program.set_values(before)
            raise

    def _obtain(self, model):
        """Compile a fresh model and return a program for it, which goes to the pool when this network is gone."""
        from skdeep import compilation, programs

        compilation.compile_model(model, self.settings, encoding=self.head.encoding)
        key = None if self.activations else programs.program_key(model, self.settings, self.head.encoding)
        program = programs.obtain(model, key)
        self._give_back = weakref.finalize(self, programs.release, key, program)
        self._give_back.atexit = False
        if key is None:
            self.keep()
        return program

    def _rebuild(self):
        from skdeep._tensorflow import keras

        program = self._obtain(keras.Model.from_config(self._saved["config"], custom_objects=self.activations))
        program.set_values(self._saved["values"])
        return program

    def __getstate__(self):
        saved = self._saved
        if saved is None:
            saved = {"config": self._program.model.get_config(), "values": self._program.get_values()}
        return {"settings": self.settings, "head": self.head, "activations": self.activations, "saved": saved}

    def __setstate__(self, state):
        self.__init__(**state)


def _optimizer_settings(settings):
    return {name: value for name, value in settings.items() if name.startswith(("optimizer", "learning_rate"))}
