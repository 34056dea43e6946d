"""Copy problems: reproduce a sequence from memory.

    copy          x_1 … x_L, end         then x_1 … x_L               Graves, Wayne and Danihelka 2014, section 4.1
    repeat-copy   x_1 … x_L, end and R   then R times x_1 … x_L, end  the same, section 4.2
    recall        K symbols, D − 1 blanks, a marker, K blanks         Arjovsky, Shah and Bengio 2016, section 5.1

In the first two problems x_t are BITS random bits, in the third one of SYMBOLS classes. Inputs are zero (recall:
blanks) while the network outputs the sequence. Only these outputs have targets; Arjovsky et al. also count blanks as
targets before them, which makes their losses smaller.
"""

from __future__ import annotations

import numpy as np

from .counter import hash64, uniform
from .episodes import EpisodeArrays, Episodes, Integers

BITS = 8
SCALE = 10  # the input of repeat-copy is R / SCALE
SYMBOLS = 8
_LENGTH, _COUNT = 1 << 40, 1 << 41  # counters of the lengths and repeats


class Copies(Episodes):
    """copy and repeat-copy: ``shortest`` to ``length`` vectors, and 1 to ``repeats`` repeats, uniformly distributed.

    Inputs: BITS bits and an end marker; with ``repeats`` also R / SCALE at the end marker.
    Outputs: BITS bits; with ``repeats`` also an end marker.
    """

    kind = "bits"

    def __init__(self, length: int, seed: int, shortest: int, repeats: int = 0) -> None:
        self.longest, self.shortest, self.repeats, self.seed = length, shortest, repeats, seed
        self.input_size, self.outputs = BITS + 1 + (repeats > 0), BITS + (repeats > 0)
        symbols, times = (shortest + length) / 2, (1 + repeats) / 2 if repeats else 1.0
        self.targets_per_episode = symbols * times + (repeats > 0)
        self.mean_length = symbols + 1 + self.targets_per_episode

    def _drawn(self, lanes: Integers, numbers: Integers) -> tuple[Integers, Integers]:
        """Return sequence lengths and repeats, ``(N,)`` each."""
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

    def make(self, lanes: Integers, numbers: Integers) -> EpisodeArrays:
        symbols, times = self._drawn(lanes, numbers)
        lengths, N = self.lengths(lanes, numbers), len(lanes)
        T, most = int(lengths.max()), int(symbols.max())
        keys = hash64(self.seed, lanes, numbers)
        drawn = hash64(keys, np.arange(most)[:, None])  # (most, N)
        bits = (drawn[..., None] >> (np.arange(BITS) + 13).astype(np.uint64)) & np.uint64(1)  # (most, N, BITS)
        steps, columns = np.arange(T)[:, None], np.arange(N)
        inputs, targets = np.zeros((T, N, self.input_size), np.float32), np.zeros((T, N, self.outputs), np.float32)
        inputs[:most, :, :BITS] = bits * (np.arange(most)[:, None] < symbols)[..., None]
        inputs[symbols, columns, BITS] = 1
        where = (steps > symbols) & (steps < lengths)
        copied = where & (steps <= symbols + symbols * times)
        at, lane = np.nonzero(copied)
        targets[at, lane, :BITS] = bits[(at - symbols[lane] - 1) % symbols[lane], lane]
        if self.repeats:
            inputs[symbols, columns, BITS + 1] = times / SCALE
            targets[lengths - 1, columns, BITS] = 1
        return EpisodeArrays(inputs, targets, where, lengths)


class Recall(Episodes):
    """recall: reproduce ``count`` symbols after ``length`` steps. Inputs: one-hot SYMBOLS, blank and marker."""

    kind = "class"
    input_size, outputs = SYMBOLS + 2, SYMBOLS

    def __init__(self, length: int, seed: int, count: int = 10) -> None:
        self.length, self.seed, self.count = length, seed, count
        self.targets_per_episode, self.mean_length = float(count), float(length + 2 * count)

    def lengths(self, lanes: Integers, numbers: Integers) -> Integers:
        return np.full(len(lanes), self.length + 2 * self.count)

    def make(self, lanes: Integers, numbers: Integers) -> EpisodeArrays:
        K, T, N = self.count, self.length + 2 * self.count, len(lanes)
        keys = hash64(self.seed, lanes, numbers)
        symbols = (uniform(keys, np.arange(K)[:, None]) * SYMBOLS).astype(np.int64)  # (K, N)
        read = np.full((T, N), SYMBOLS)  # blanks
        read[:K] = symbols
        read[T - K - 1] = SYMBOLS + 1
        targets, where = np.zeros((T, N), np.int64), np.zeros((T, N), np.bool_)
        targets[T - K :], where[T - K :] = symbols, True
        return EpisodeArrays(np.eye(self.input_size, dtype=np.float32)[read], targets, where, np.full(N, T))
