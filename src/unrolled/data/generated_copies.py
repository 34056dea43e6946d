"""Problems of saying again what was read.

    copy          x_1 … x_L, end         then x_1 … x_L               Graves, Wayne and Danihelka 2014, section 4.1
    repeat-copy   x_1 … x_L, end and R   then R times x_1 … x_L, end  the same, section 4.2
    recall        K symbols, D − 1 blanks, a sign, K times nothing    Arjovsky, Shah and Bengio 2016, section 5.1

In the first two a symbol is BITS random bits, in the third one of SYMBOLS. While it is to answer the network reads
nothing (recall: blanks). Only answers count; Arjovsky et al. also count that nothing is said before, which makes their
losses smaller.
"""

from __future__ import annotations

import numpy as np

from .counter import hash64, uniform
from .episodes import Episodes, Integers, Made

BITS = 8
SCALE = 10  # of R in repeat-copy's input
SYMBOLS = 8
_LENGTH, _COUNT = 1 << 40, 1 << 41  # draws that are not symbols


class Copies(Episodes):
    """``shortest`` to ``length`` symbols, each number as probable as the others; repeat-copy: one to ``repeats`` times.

    Inputs: BITS bits, then a channel that is 1 at the end of the symbols; with ``repeats`` one that is R / 10 there.
    Outputs: BITS bits, with ``repeats`` one more that is 1 at the very end.
    """

    kind = "bits"

    def __init__(self, length: int, seed: int, shortest: int, repeats: int = 0) -> None:
        self.longest, self.shortest, self.repeats, self.seed = length, shortest, repeats, seed
        self.input_size, self.outputs = BITS + 1 + (repeats > 0), BITS + (repeats > 0)
        symbols, times = (shortest + length) / 2, (1 + repeats) / 2 if repeats else 1.0
        self.targets_per_episode = symbols * times + (repeats > 0)
        self.mean_length = symbols + 1 + self.targets_per_episode

    def _drawn(self, lanes: Integers, numbers: Integers) -> tuple[Integers, Integers]:
        """Symbols and how many times they are asked for, ``(N,)`` each."""
        keys = hash64(self.seed, lanes, numbers)
        spread = self.longest - self.shortest + 1
        symbols = self.shortest + (uniform(keys, _LENGTH) * spread).astype(np.int64)
        times = 1 + np.zeros_like(symbols)
        if self.repeats:
            times += (uniform(keys, _COUNT) * self.repeats).astype(np.int64)
        return symbols, times

    def lengths(self, lanes: Integers, numbers: Integers) -> Integers:
        symbols, times = self._drawn(lanes, numbers)
        return symbols + 1 + symbols * times + (self.repeats > 0)

    def make(self, lanes: Integers, numbers: Integers) -> Made:
        symbols, times = self._drawn(lanes, numbers)
        lengths, N = self.lengths(lanes, numbers), len(lanes)
        T, most = int(lengths.max()), int(symbols.max())
        keys = hash64(self.seed, lanes, numbers)
        drawn = hash64(keys, np.arange(most)[:, None])  # (most, N)
        bits = (drawn[..., None] >> (np.arange(BITS) + 13).astype(np.uint64)) & np.uint64(1)  # (most, N, BITS)
        steps, every = np.arange(T)[:, None], np.arange(N)
        inputs, targets = np.zeros((T, N, self.input_size), np.float32), np.zeros((T, N, self.outputs), np.float32)
        inputs[:most, :, :BITS] = bits * (np.arange(most)[:, None] < symbols)[..., None]
        inputs[symbols, every, BITS] = 1
        where = (steps > symbols) & (steps < lengths)
        saying = where & (steps <= symbols + symbols * times)
        at, lane = np.nonzero(saying)
        targets[at, lane, :BITS] = bits[(at - symbols[lane] - 1) % symbols[lane], lane]
        if self.repeats:
            inputs[symbols, every, BITS + 1] = times / SCALE
            targets[lengths - 1, every, BITS] = 1
        return Made(inputs, targets, where, lengths)


class Recall(Episodes):
    """``count`` symbols are to be said after ``length`` steps. Inputs: one-hot, SYMBOLS symbols, blank and sign."""

    kind = "class"
    input_size, outputs = SYMBOLS + 2, SYMBOLS

    def __init__(self, length: int, seed: int, count: int = 10) -> None:
        self.length, self.seed, self.count = length, seed, count
        self.targets_per_episode, self.mean_length = float(count), float(length + 2 * count)

    def lengths(self, lanes: Integers, numbers: Integers) -> Integers:
        return np.full(len(lanes), self.length + 2 * self.count)

    def make(self, lanes: Integers, numbers: Integers) -> Made:
        K, T, N = self.count, self.length + 2 * self.count, len(lanes)
        keys = hash64(self.seed, lanes, numbers)
        said = (uniform(keys, np.arange(K)[:, None]) * SYMBOLS).astype(np.int64)  # (K, N)
        read = np.full((T, N), SYMBOLS)  # blanks
        read[:K] = said
        read[T - K - 1] = SYMBOLS + 1
        targets, where = np.zeros((T, N), np.int64), np.zeros((T, N), np.bool_)
        targets[T - K :], where[T - K :] = said, True
        return Made(np.eye(self.input_size, dtype=np.float32)[read], targets, where, np.full(N, T))
