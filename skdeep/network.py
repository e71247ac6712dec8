"""A fitted network as an estimator holds it: live while it is used, plain data when it is copied or saved.

`Network` pickles, and so copies, as the Keras config of the model, the settings it was compiled with and the values of
its variables as arrays, optimizer state and random states included, so that training goes on from a copy with the same
bits. The model is built again from them when it is first needed; loading alone does not import TensorFlow.
"""

import contextlib
import threading


class Network:
    """A program, or what it takes to build one again.

    Parameters
    ----------
    program : skdeep.training.Program
        Compiled program.
    settings : dict
        What it was compiled with, see `skdeep.compilation.compile_model`.
    head : skdeep.targets.Head
        Its output layer, loss and form of the targets.
    activations : dict of str to callable
        Activation functions of the model that Keras may not know by name.
    """

    def __init__(self, program, settings, head, activations):
        self._program = program
        self._saved = None
        self._lock = threading.Lock()
        self.settings = settings
        self.head = head
        self.activations = activations

    @property
    def program(self):
        """The live program, built on first use."""
        with self._lock:
            if self._program is None:
                self._program = self._build()
                self._saved = None
        return self._program

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

    def _build(self):
        from skdeep import compilation, training
        from skdeep._tensorflow import keras

        model = keras.Model.from_config(self._saved["config"], custom_objects=self.activations)
        compilation.compile_model(model, self.settings, encoding=self.head.encoding)
        program = training.Program(model)
        program.set_values(self._saved["values"])
        return program

    def __getstate__(self):
        saved = self._saved
        if saved is None:
            saved = {"config": self._program.model.get_config(), "values": self._program.get_values()}
        return {"saved": saved, "settings": self.settings, "head": self.head, "activations": self.activations}

    def __setstate__(self, state):
        self.__init__(None, state["settings"], state["head"], state["activations"])
        self._saved = state["saved"]


def _optimizer_settings(settings):
    return {name: value for name, value in settings.items() if name.startswith(("optimizer", "learning_rate"))}
