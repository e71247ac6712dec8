"""Keras's activations for training, on float32 arrays: their values, and gradients through them.

Each is a pair of functions. The first takes the inputs, which it may overwrite, and returns the outputs and what the
second needs; the second takes that and the gradient by the outputs, which it overwrites with that by the inputs.
"""

import numpy as np
from scipy.special import erf

from skdeep._inference.activations import ACTIVATIONS as VALUES

_SQRT_HALF = np.float32(np.sqrt(0.5))
_DENSITY = np.float32(1 / np.sqrt(2 * np.pi))
_SELU_SCALE, _SELU_SCALED_ALPHA = np.float32(1.0507009873554805), np.float32(1.0507009873554805 * 1.6732632423543772)
_LEAK = np.float32(0.2)


def _by_outputs(name, differentiate):
    """Return the pair for an activation whose derivative is a function of its outputs."""
    compute = VALUES[name]

    def forward(inputs):
        outputs = compute(inputs)
        return outputs, outputs

    def backward(outputs, gradient):
        gradient *= differentiate(outputs)

    return forward, backward


def _by_inputs(name, differentiate):
    """Return the pair for an activation whose derivative is a function of its inputs."""
    compute = VALUES[name]

    def forward(inputs):
        return compute(inputs.copy()), inputs

    def backward(inputs, gradient):
        gradient *= differentiate(inputs)

    return forward, backward


def _softmax_backward(outputs, gradient):
    gradient -= (gradient * outputs).sum(axis=-1, keepdims=True)
    gradient *= outputs


def _silu(x):
    sigmoid = VALUES["sigmoid"](x)
    return sigmoid * (1 + x * (1 - sigmoid))


def _gelu(x):
    return (1 + erf(x * _SQRT_HALF)) / 2 + x * np.exp(-x * x / 2) * _DENSITY


def _mish(x):
    tanh = np.tanh(VALUES["softplus"](x))
    return tanh + x * VALUES["sigmoid"](x) * (1 - tanh * tanh)


def _hard_silu(x):
    return VALUES["hard_sigmoid"](x) + x * ((x > -3) & (x < 3)) / np.float32(6)


# By the names of functions of `keras.activations`.
ACTIVATIONS = {
    "linear": (lambda inputs: (inputs, None), lambda nothing, gradient: None),
    "softmax": (_by_outputs("softmax", None)[0], _softmax_backward),
    "relu": _by_outputs("relu", lambda y: y > 0),
    "tanh": _by_outputs("tanh", lambda y: 1 - y * y),
    "sigmoid": _by_outputs("sigmoid", lambda y: y * (1 - y)),
    "exponential": _by_outputs("exponential", lambda y: y),
    "elu": _by_outputs("elu", lambda y: np.where(y < 0, y + 1, np.float32(1))),
    "selu": _by_outputs("selu", lambda y: np.where(y < 0, y + _SELU_SCALED_ALPHA, _SELU_SCALE)),
    "relu6": _by_outputs("relu6", lambda y: (y > 0) & (y < 6)),
    "leaky_relu": _by_outputs("leaky_relu", lambda y: np.where(y > 0, np.float32(1), _LEAK)),
    "softplus": _by_inputs("softplus", VALUES["sigmoid"]),
    "softsign": _by_inputs("softsign", lambda x: 1 / np.square(1 + np.abs(x))),
    "silu": _by_inputs("silu", _silu),
    "gelu": _by_inputs("gelu", _gelu),
    "mish": _by_inputs("mish", _mish),
    "hard_sigmoid": _by_inputs("hard_sigmoid", lambda x: ((x > -3) & (x < 3)) / np.float32(6)),
    "hard_silu": _by_inputs("hard_silu", _hard_silu),
}
