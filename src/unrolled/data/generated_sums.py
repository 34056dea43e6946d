"""The adding problem: Hochreiter and Schmidhuber 1997, section 5.4, as in Le, Jaitly and Hinton 2015, section 4.1.

    x_t = (v_t, m_t)      v_t uniform in [0, 1);  m_t = 1 at two steps, else 0
    target at step T      v_i + v_j,  i uniform in the first half of the steps, j in the second

Always predicting 1 has a mean squared error of 2/12 = 0.1667, the variance of the sum. (Le et al. print 0.1767, which
does not follow from their definition.)
"""

from __future__ import annotations

import numpy as np

from .counter import hash64, uniform
from .episodes import EpisodeArrays, Episodes, Integers

CONSTANT = 1 / 6  # mean squared error of the best constant prediction
CLOSE = 0.04  # maximum error of a correct prediction, as in Hochreiter and Schmidhuber


class Sums(Episodes):
    """The adding problem with ``length`` ≥ 2 numbers."""

    kind = "number"
    input_size, outputs, targets_per_episode = 2, 1, 1.0

    def __init__(self, length: int, seed: int) -> None:
        self.length, self.seed, self.mean_length = length, seed, float(length)

    def lengths(self, lanes: Integers, numbers: Integers) -> Integers:
        return np.full(len(lanes), self.length)

    def make(self, lanes: Integers, numbers: Integers) -> EpisodeArrays:
        T, N, half = self.length, len(lanes), self.length // 2
        keys = hash64(self.seed, lanes, numbers)
        inputs = np.zeros((T, N, 2), np.float32)
        inputs[:, :, 0] = uniform(keys, np.arange(T)[:, None])
        first = (uniform(keys, T) * half).astype(np.int64)
        second = half + (uniform(keys, T + 1) * (T - half)).astype(np.int64)
        columns = np.arange(N)
        inputs[first, columns, 1] = inputs[second, columns, 1] = 1
        targets, where = np.zeros((T, N, 1), np.float32), np.zeros((T, N), np.bool_)
        targets[-1, :, 0] = inputs[first, columns, 0] + inputs[second, columns, 0]
        where[-1] = True
        return EpisodeArrays(inputs, targets, where, np.full(N, T))
