"""A fitted network as an estimator holds it: live while it is used, plain data when it is copied or saved.

`Network` pickles, and so copies, as the Keras config of the model, the settings it was compiled with and the values of
its variables as arrays, optimizer state and random states included, so that training goes on from a copy with the same
bits. The model is built again from them when it is first needed; loading alone does not import TensorFlow.
"""

import contextlib
import copy
import threading
import weakref


class Network:
    """A program, or what it takes to build one again.

    Parameters
    ----------
    architecture : functools.partial
        Function of `skdeep.builders` that builds the model, with all its arguments.
    initializers : dict
        The parameters `kernel_initializer` and `bias_initializer` of the estimator, as "kernel" and "bias".
    settings : dict
        What the model is compiled with, see `skdeep.compilation.compile_model`.
    head : skdeep.targets.Head
        Its output layer, loss and form of the targets.
    rng : numpy.random.Generator
        Source of the seeds of the network.
    """

    def __init__(self, architecture, initializers, settings, head, rng):
        from skdeep import builders, programs
        from skdeep.compilation import initializer_factory

        self.settings = settings
        self.head = head
        self._lock = threading.Lock()
        self._values = None
        rates = builders.dropout_rates(architecture.keywords["dropout"], architecture.keywords["hidden_layer_sizes"])
        initializers = {name: initializer_factory(value, f"{name}_initializer") for name, value in initializers.items()}
        key = programs.program_key(architecture, rates, settings, head.encoding)
        self._program = programs.obtain(key, lambda: self._compiled(architecture()))
        self._give_back = None
        builders.draw_values(self._program.model, rates, initializers, rng)
        if key is not None and not self._program.model.optimizer.use_ema:  # averages of weights start from the weights
            self._give_back = weakref.finalize(self, programs.release, key, self._program)
            self._give_back.atexit = False
            self._program.reset_optimizer(settings["learning_rate"] or settings.get("optimizer__learning_rate"))

    @property
    def program(self):
        """The live program, built on first use."""
        with self._lock:
            if self._program is None:
                self._program = self._rebuild()
                self._values = None
        return self._program

    @property
    def model(self):
        """The Keras model, for anyone outside: what it belongs to is not reused after this network."""
        program = self.program
        self.keep()
        return program.model

    def keep(self):
        """Never give the program to the pool."""
        if self._give_back is not None:
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

    def _compiled(self, model):
        from skdeep.compilation import compile_model
        from skdeep.training import Program

        compile_model(model, self.settings, encoding=self.head.encoding)
        return Program(model)

    def _rebuild(self):
        from skdeep._tensorflow import keras

        model = keras.Model.from_config(copy.deepcopy(self._config))  # Keras changes what it is given
        for name, activation in self._activations.items():
            model.get_layer(name).activation = activation
        program = self._compiled(model)
        program.set_values(self._values)
        return program

    def __getstate__(self):
        if self._program is not None:
            self._config, self._activations = _describe(self._program.model)
        return {
            "settings": self.settings,
            "head": self.head,
            "config": self._config,
            "activations": self._activations,
            "values": self._values if self._program is None else self._program.get_values(),
        }

    def __setstate__(self, state):
        self.settings = state["settings"]
        self.head = state["head"]
        self._config = state["config"]
        self._activations = state["activations"]
        self._values = state["values"]
        self._program = None
        self._give_back = None
        self._lock = threading.Lock()


def _describe(model):
    """Return the config of a model, and its activations that are functions of the user's, by layer.

    Keras would write down their names alone, which need not be unique, nor lead back to them.
    """
    from skdeep._tensorflow import keras

    own = {
        layer.name: layer.activation
        for layer in model.layers
        if hasattr(layer, "activation")
        and getattr(keras.activations, getattr(layer.activation, "__name__", ""), None) is not layer.activation
    }
    for name in own:
        model.get_layer(name).activation = keras.activations.linear
    config = model.get_config()
    for name, activation in own.items():
        model.get_layer(name).activation = activation
    return config, own


def _optimizer_settings(settings):
    return {name: value for name, value in settings.items() if name.startswith(("optimizer", "learning_rate"))}
