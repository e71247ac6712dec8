"""Layers of several networks that learn side by side from the same rows, and what they share.

Their weights have an axis in front, one entry for each network, and so have inputs and outputs, (n_networks, n_rows,
n_units), but for the inputs of the first layer, which all have in common.
"""

from __future__ import annotations

import numpy as np

from skdeep._training.activations import ACTIVATIONS

_CYCLE = np.float32(2 * np.pi)


class StackedDense:
    """A dense layer of each network, with its activation.

    Parameters
    ----------
    kernel : ndarray of shape (n_networks, n_inputs, n_units)
        The weights.
    bias : ndarray of shape (n_networks, n_units)
        The biases.
    kernel_gradient, bias_gradient : ndarray
        Where the gradients go.
    activation : str
        A name of `skdeep._training.activations`.
    """

    def __init__(
        self,
        kernel: np.ndarray,
        bias: np.ndarray,
        kernel_gradient: np.ndarray,
        bias_gradient: np.ndarray,
        activation: str,
    ) -> None:
        self._kernel, self._bias = kernel, bias
        self._kernel_gradient, self._bias_gradient = kernel_gradient, bias_gradient
        self._forward, self._backward = ACTIVATIONS[activation]

    def forward(self, inputs: np.ndarray, training: bool) -> np.ndarray:
        """Return the outputs."""
        outputs = np.matmul(inputs, self._kernel)
        outputs += self._bias[:, np.newaxis]
        self._inputs = inputs
        outputs, self._kept = self._forward(outputs)
        return outputs

    def backward(self, gradient: np.ndarray, needs_inputs: bool) -> np.ndarray | None:
        """Return the gradient by the inputs, if it is needed."""
        self._backward(self._kept, gradient)
        np.matmul(self._inputs.swapaxes(-1, -2), gradient, out=self._kernel_gradient)
        np.add.reduce(gradient, axis=1, out=self._bias_gradient)
        if not needs_inputs:
            return None
        by_network = np.matmul(gradient, self._kernel.swapaxes(-1, -2))
        return by_network if self._inputs.ndim == 3 else by_network.sum(axis=0)


class NumberEmbedding:
    """Periodic functions of the first inputs, which are numbers, put behind all inputs.

    A number gives as many cosines as there are frequencies, and these linear combinations.

    Parameters
    ----------
    frequencies, phases : ndarray of shape (n_numbers, n_frequencies)
        In cycles.
    kernel : ndarray of shape (n_numbers, n_frequencies, n_values)
        Of the combinations.
    frequencies_gradient, phases_gradient, kernel_gradient : ndarray
        Where the gradients go.
    """

    def __init__(
        self,
        frequencies: np.ndarray,
        phases: np.ndarray,
        kernel: np.ndarray,
        frequencies_gradient: np.ndarray,
        phases_gradient: np.ndarray,
        kernel_gradient: np.ndarray,
    ) -> None:
        self._frequencies, self._phases, self._kernel = frequencies, phases, kernel
        self._gradients = frequencies_gradient, phases_gradient, kernel_gradient

    def forward(self, inputs: np.ndarray, training: bool) -> np.ndarray:
        """Return the outputs."""
        n_numbers = len(self._frequencies)
        self._numbers = inputs.T[:n_numbers, :, np.newaxis]
        self._angles = self._numbers * self._frequencies[:, np.newaxis]
        self._angles += self._phases[:, np.newaxis]
        self._angles *= _CYCLE
        self._cosines = np.cos(self._angles)
        embedded = np.matmul(self._cosines, self._kernel)  # number by number, then row by row
        return np.concatenate([inputs, embedded.transpose(1, 0, 2).reshape(len(inputs), -1)], axis=1)

    def backward(self, gradient: np.ndarray, needs_inputs: bool) -> None:
        """Take the gradient; it is the first layer, of which nobody asks for that by the inputs."""
        n_numbers, _, n_values = self._kernel.shape
        of_embedded = gradient[:, -n_numbers * n_values :].reshape(-1, n_numbers, n_values).transpose(1, 0, 2)
        by_frequency, by_phase, by_kernel = self._gradients
        np.matmul(self._cosines.swapaxes(1, 2), of_embedded, out=by_kernel)
        of_angles = np.matmul(of_embedded, self._kernel.swapaxes(1, 2))
        of_angles *= np.sin(self._angles)
        of_angles *= -_CYCLE
        np.add.reduce(of_angles, axis=1, out=by_phase)
        of_angles *= self._numbers
        np.add.reduce(of_angles, axis=1, out=by_frequency)
