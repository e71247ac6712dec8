"""Layers in training: their outputs, and the gradients of the loss by their weights and inputs.

Each layer computes the outputs of a batch by `forward`, and from the gradient by these, by `backward`, that of its
inputs; it writes the gradients of its weights where it was told to. What `forward` keeps for `backward` is good until
the next batch. Inputs may be overwritten, but for those of the first layer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skdeep._training.activations import ACTIVATIONS

_N_LEVELS = 2**16  # of the numbers that dropout draws


class Dense:
    """A dense layer with its activation.

    Parameters
    ----------
    kernel, bias : ndarray
        The weights; the bias may be None.
    kernel_gradient, bias_gradient : ndarray or None
        Where the gradients go; None for weights that are not trained.
    activation : str
        A name of `skdeep._training.activations`.
    """

    def __init__(
        self,
        kernel: np.ndarray,
        bias: np.ndarray | None,
        kernel_gradient: np.ndarray | None,
        bias_gradient: np.ndarray | None,
        activation: str,
    ) -> None:
        self._kernel, self._bias = kernel, bias
        self._kernel_gradient, self._bias_gradient = kernel_gradient, bias_gradient
        self._forward, self._backward = ACTIVATIONS[activation]

    def forward(self, inputs: np.ndarray, training: bool) -> np.ndarray:
        """Return the outputs."""
        outputs = inputs @ self._kernel
        if self._bias is not None:
            outputs += self._bias
        self._inputs = inputs
        outputs, self._kept = self._forward(outputs)
        return outputs

    def backward(self, gradient: np.ndarray, needs_inputs: bool) -> np.ndarray | None:
        """Return the gradient by the inputs, if it is needed."""
        self._backward(self._kept, gradient)
        if self._kernel_gradient is not None:
            np.matmul(self._inputs.T, gradient, out=self._kernel_gradient)
        if self._bias_gradient is not None:
            np.add.reduce(gradient, axis=0, out=self._bias_gradient)
        return gradient @ self._kernel.T if needs_inputs else None


class Dropout:
    """Dropout, whose masks follow from a seed and the number of the step.

    Parameters
    ----------
    state : ndarray of shape (2,)
        The seed, and how many masks were drawn; as Keras's `SeedGenerator` has it, which counts on in the same way.
    rate : float
        Fraction of the inputs that are dropped.
    """

    def __init__(self, state: np.ndarray, rate: float) -> None:
        self._state = state
        n_dropped = min(round(rate * _N_LEVELS), _N_LEVELS - 1)
        self._threshold = np.uint16(n_dropped)
        self._scale = np.float32(1 / (1 - n_dropped / _N_LEVELS))
        self._bits = np.random.Philox(0)
        self._bits_state = self._bits.state

    def forward(self, inputs: np.ndarray, training: bool) -> np.ndarray:
        """Return the outputs."""
        if not training:
            return inputs
        kept = (self._drawn(inputs.size) >= self._threshold).reshape(inputs.shape)
        self._mask = np.multiply(kept, self._scale, dtype=np.float32)
        return inputs * self._mask

    def backward(self, gradient: np.ndarray, needs_inputs: bool) -> np.ndarray:
        """Return the gradient by the inputs."""
        gradient *= self._mask
        return gradient

    def _drawn(self, size):
        """Return so many random numbers of 16 bits, those of this step."""
        state = self._bits_state
        state["state"]["key"][:] = self._state[0], 0
        state["state"]["counter"][:] = 0, self._state[1], 0, 0
        self._bits.state = state
        self._state[1] += 1
        return self._bits.random_raw((size + 3) // 4).view(np.uint16)[:size]


class BatchNormalization:
    """Batch normalization, whose averages take as much of the first steps as of the later ones.

    Parameters
    ----------
    gamma, beta, mean, variance : ndarray
        Its variables.
    gamma_gradient, beta_gradient : ndarray or None
        Where the gradients go; None if it is not trained, and then computes as in predictions.
    epsilon, momentum : float
        As of Keras's layer.
    """

    def __init__(
        self,
        gamma: np.ndarray,
        beta: np.ndarray,
        mean: np.ndarray,
        variance: np.ndarray,
        gamma_gradient: np.ndarray | None,
        beta_gradient: np.ndarray | None,
        epsilon: float,
        momentum: float,
    ) -> None:
        self._gamma, self._beta, self._mean, self._variance = gamma, beta, mean, variance
        self._gamma_gradient: Any = gamma_gradient
        self._beta_gradient: Any = beta_gradient
        self._epsilon, self._momentum = np.float32(epsilon), momentum

    def set_step(self, n_steps: int, batch_fraction: float) -> None:
        """Set how many steps were made before this one, and what part of a whole batch its rows are.

        The momentum grows from 0 to the layer's own, so that the averages are those of the data from the first step on.
        """
        growing = min(self._momentum, n_steps / (n_steps + 4))
        self._share = np.float32((1 - growing) * batch_fraction)

    def forward(self, inputs: np.ndarray, training: bool) -> np.ndarray:
        """Return the outputs, and let the averages follow those of the batch."""
        self._is_by_batch = training and self._gamma_gradient is not None
        if not self._is_by_batch:
            self._factor = self._gamma / np.sqrt(self._variance + self._epsilon)
            return inputs * self._factor + (self._beta - self._mean * self._factor)
        mean = inputs.mean(axis=0)
        centred = inputs - mean
        variance = np.square(centred).mean(axis=0)
        self._inverse = 1 / np.sqrt(variance + self._epsilon)
        centred *= self._inverse
        self._normalized = centred
        self._mean += (mean - self._mean) * self._share
        self._variance += (variance - self._variance) * self._share
        return centred * self._gamma + self._beta

    def backward(self, gradient: np.ndarray, needs_inputs: bool) -> np.ndarray | None:
        """Return the gradient by the inputs, if it is needed."""
        if not self._is_by_batch:
            gradient *= self._factor
            return gradient
        np.add.reduce(gradient, axis=0, out=self._beta_gradient)
        np.add.reduce(gradient * self._normalized, axis=0, out=self._gamma_gradient)
        if not needs_inputs:
            return None
        n_rows = np.float32(len(gradient))
        gradient -= self._beta_gradient / n_rows
        gradient -= self._normalized * (self._gamma_gradient / n_rows)
        gradient *= self._gamma * self._inverse
        return gradient


class Activation:
    """An activation on its own."""

    def __init__(self, name: str) -> None:
        self._forward, self._backward = ACTIVATIONS[name]

    def forward(self, inputs: np.ndarray, training: bool) -> np.ndarray:
        """Return the outputs."""
        outputs, self._kept = self._forward(inputs)
        return outputs

    def backward(self, gradient: np.ndarray, needs_inputs: bool) -> np.ndarray:
        """Return the gradient by the inputs."""
        self._backward(self._kept, gradient)
        return gradient


class Flatten:
    """Rows of any shape as vectors; it is the first layer."""

    def forward(self, inputs: np.ndarray, training: bool) -> np.ndarray:
        """Return the outputs."""
        return inputs.reshape(len(inputs), -1)

    def backward(self, gradient: np.ndarray, needs_inputs: bool) -> np.ndarray:
        """Return a gradient that nobody asks for."""
        return gradient
