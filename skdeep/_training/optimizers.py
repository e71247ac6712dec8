"""Steps of optimizers on all trained weights at once, as one vector, by the formulas of Keras and TensorFlow."""

from __future__ import annotations

import numpy as np

_BLOCK = 2**15  # numbers, with which all vectors of a step fit into the cache of a core


class Optimizer:
    """An optimizer.

    Parameters
    ----------
    n_weights : int
        Length of the vectors.
    """

    n_slots = 0  # vectors of state

    def __init__(self, n_weights: int) -> None:
        self.slots = [np.zeros(n_weights, np.float32) for _ in range(self.n_slots)]
        self._scratch = np.empty(min(n_weights, _BLOCK), np.float32)
        self._blocks = [slice(start, min(start + _BLOCK, n_weights)) for start in range(0, n_weights, _BLOCK)]

    def step(self, weights: np.ndarray, gradient: np.ndarray, learning_rate: np.float32, n_steps: int) -> None:
        """Change the weights; `n_steps` were made before. The gradient may be overwritten."""
        self._begin(learning_rate, n_steps)
        for block in self._blocks:
            scratch = self._scratch[: block.stop - block.start]
            self._step(weights[block], gradient[block], scratch, *(slot[block] for slot in self.slots))

    def _begin(self, learning_rate, n_steps):
        """Make ready for a step on all blocks."""

    def _step(self, weights, gradient, scratch, *slots):
        """Change the weights of a block."""


class Adam(Optimizer):
    """Adam, and with `weight_decay` AdamW."""

    n_slots = 2

    def __init__(
        self,
        n_weights: int,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
    ) -> None:
        super().__init__(n_weights)
        self._betas = np.float32(beta_1), np.float32(beta_2)
        self._rests = np.float32(1) - self._betas[0], np.float32(1) - self._betas[1]
        self._epsilon = np.float32(epsilon)
        self._decay = None if weight_decay is None else np.float32(weight_decay)

    def _begin(self, learning_rate, n_steps):
        powers = [beta ** np.float32(n_steps + 1) for beta in self._betas]
        self._rate = learning_rate * np.sqrt(1 - powers[1]) / (1 - powers[0])
        self._shrinking = None if self._decay is None else self._decay * learning_rate

    def _step(self, weights, gradient, scratch, momentum, velocity):
        if self._shrinking is not None:
            np.multiply(weights, self._shrinking, out=scratch)
            weights -= scratch
        np.subtract(gradient, momentum, out=scratch)
        scratch *= self._rests[0]
        momentum += scratch
        np.multiply(gradient, gradient, out=scratch)
        scratch -= velocity
        scratch *= self._rests[1]
        velocity += scratch
        np.sqrt(velocity, out=scratch)
        scratch += self._epsilon
        np.divide(momentum, scratch, out=scratch)
        scratch *= self._rate
        weights -= scratch


class GradientDescent(Optimizer):
    """Stochastic gradient descent without momentum."""

    def _begin(self, learning_rate, n_steps):
        self._rate = learning_rate

    def _step(self, weights, gradient, scratch):
        np.multiply(gradient, self._rate, out=scratch)
        weights -= scratch


class Momentum(GradientDescent):
    """Stochastic gradient descent with momentum."""

    n_slots = 1

    def __init__(self, n_weights: int, *, momentum: float, nesterov: bool = False) -> None:
        super().__init__(n_weights)
        self._momentum = np.float32(momentum)
        self._is_nesterovs = nesterov

    def _step(self, weights, gradient, scratch, momentum):
        gradient *= self._rate
        momentum *= self._momentum
        momentum -= gradient
        if self._is_nesterovs:
            np.multiply(momentum, self._momentum, out=scratch)
            scratch -= gradient
            weights += scratch
        else:
            weights += momentum


class RMSprop(Optimizer):
    """RMSprop without momentum, not centred."""

    n_slots = 1

    def __init__(self, n_weights: int, *, rho: float = 0.9, epsilon: float = 1e-7) -> None:
        super().__init__(n_weights)
        self._rho, self._rest = np.float32(rho), np.float32(1 - rho)
        self._epsilon = np.float32(epsilon)

    def _begin(self, learning_rate, n_steps):
        self._rate = learning_rate

    def _step(self, weights, gradient, scratch, velocity):
        velocity *= self._rho
        np.multiply(gradient, gradient, out=scratch)
        scratch *= self._rest
        velocity += scratch
        np.add(velocity, self._epsilon, out=scratch)
        np.sqrt(scratch, out=scratch)
        np.divide(gradient, scratch, out=scratch)
        scratch *= self._rate
        weights -= scratch
