"""Window boundaries in a token stream: windows of fixed or random length.

    none      every window has ``bptt`` steps
    merity    (1)  n = max(5, ⌊N(m, 5²)⌋),   m = bptt with probability 0.95, else bptt/2
    unbiased  (2)  P(n = i k) = c (1 − c)^{i-1},   i = 1, 2, …    k = ⌈bptt/4⌉,   c = k/bptt

(1) is from Merity, Keskar and Socher 2018, section 5: gradients are truncated at different positions in each epoch.
(2) has the same mean length but no maximum length: a window ends after every k steps with probability c. Where it
continues, gradients are scaled with 1/(1−c) to be unbiased; see `training.pieces`.

    (3)  M(x) = 1 + Σ_n P(n) M(x − n),   M(x ≤ 0) = 0                             expected number of windows in x steps

The last window of an epoch ends with the epoch. Random lengths depend on the seed, the epoch and the window index.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from .counter import uniform

Random = Literal["none", "merity", "unbiased"]
HALVED, SPREAD, LEAST = 0.05, 5.0, 5  # (1)
SEGMENTS = 4  # mean number of segments per window (2)

Ends = npt.NDArray[np.int64]


class Cuts:
    """The windows of epochs of ``steps`` steps; window n is a pure function of n.

    Raises:
        ArgumentError: ``bptt`` is 1 with ``random`` "unbiased".
    """

    def __init__(self, steps: int, bptt: int, random: Random = "none", seed: int = 0) -> None:
        if random == "unbiased" and bptt < 2:
            raise ArgumentError("bptt", "at least 2 with bptt_random unbiased", bptt)
        self.steps, self.bptt, self.random, self.seed = steps, bptt, random, seed
        self.segment = -(-bptt // SEGMENTS)  # k
        self.c = self.segment / bptt
        self._lengths, self._below = _merity(bptt)
        self._firsts = [0]  # index of the first window of each epoch, computed as needed
        self._drawn: tuple[int, Ends] = (-1, np.zeros(0, np.int64))

    @property
    def per_pass(self) -> float:
        """Expected number of windows per epoch."""
        if self.random == "none":
            return -(-self.steps // self.bptt)
        if self.random == "unbiased":
            return 1 + self.c * (-(-self.steps // self.segment) - 1)
        return self._expected

    @cached_property
    def _expected(self) -> float:
        """Equation (3), computed up to a length where M is nearly linear, then extrapolated."""
        share = np.diff(self._below, prepend=0.0)
        far, longest = min(self.steps, 100 * self.bptt), int(self._lengths[-1])
        M = np.zeros(longest + far + 1)  # M[longest + x] is M(x)
        for x in range(1, far + 1):
            M[longest + x] = 1 + share @ M[longest + x - self._lengths]
        return float(M[-1] + (self.steps - far) / (share @ self._lengths))

    def window(self, index: int) -> tuple[int, int]:
        """Return the first and the end step, within its epoch, of window ``index``, counted over all epochs."""
        if self.random == "none":
            begin = index % -(-self.steps // self.bptt) * self.bptt
            return begin, min(begin + self.bptt, self.steps)
        while self._firsts[-1] <= index:
            self._firsts.append(self._firsts[-1] + len(self._ends(len(self._firsts) - 1)))
        number = bisect_right(self._firsts, index) - 1
        ends, within = self._ends(number), index - self._firsts[number]
        return int(ends[within - 1]) if within else 0, int(ends[within])

    def ends(self, number: int) -> list[int]:
        """Return the end steps of the windows of epoch ``number``."""
        if self.random == "none":
            return [*range(self.bptt, self.steps, self.bptt), self.steps]
        return [int(end) for end in self._ends(number)]

    def _ends(self, number: int) -> Ends:
        """Return the end steps of the windows of an epoch with random lengths."""
        if self._drawn[0] != number:
            ends, count = np.zeros(0, np.int64), 0
            while not len(ends) or ends[-1] < self.steps:
                more = int(self.steps / self.bptt) + 16
                draws = uniform(self.seed, number, np.arange(count, count + more), 1)
                lengths = self._draw(draws)
                ends = np.concatenate([ends, (ends[-1] if len(ends) else 0) + lengths.cumsum()])
                count += more
            ends = ends[: int(np.searchsorted(ends, self.steps)) + 1]
            ends[-1] = self.steps
            self._drawn = number, ends
        return self._drawn[1]

    def _draw(self, draws: npt.NDArray[np.float64]) -> Ends:
        """Map uniform random numbers to window lengths."""
        if self.random == "merity":
            lengths: Ends = self._lengths[
                np.searchsorted(self._below, draws, side="right").clip(max=len(self._below) - 1)
            ]
            return lengths
        more = np.floor(np.log1p(-draws) / math.log1p(-self.c)).clip(max=self.steps)  # (2)
        return np.asarray(self.segment * (1 + more), np.int64)


def _merity(bptt: int) -> tuple[Ends, npt.NDArray[np.float64]]:
    """Return the lengths of (1) and their cumulative probabilities."""
    lengths = np.arange(min(LEAST, bptt), bptt + math.ceil(8 * SPREAD) + 1)
    below = np.array(
        [
            (1 - HALVED) * _normal((n + 1 - bptt) / SPREAD) + HALVED * _normal((n + 1 - bptt / 2) / SPREAD)
            for n in lengths
        ]
    )
    below[-1] = 1
    return lengths, below


def _normal(z: float) -> float:
    """P(N(0, 1) < z)."""
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))
