"""Counter-based random numbers: pure functions of a seed and counters, without generator state.

The generator is SplitMix64 (Steele, Lea, Flood 2014), used as a hash. All arithmetic is on unsigned 64-bit
integers, modulo 2^64:

    mix(z):  z = (z XOR (z >> 30)) * 0xBF58476D1CE4E5B9
             z = (z XOR (z >> 27)) * 0x94D049BB133111EB
             return z XOR (z >> 31)

    hash(seed, c1, …, ck):  h = seed
                            for c in c1 … ck:  h = mix(h + (c + 1) * 0x9E3779B97F4A7C15)
                            return h

    uniform(seed, c1, …, ck) = (hash(seed, c1, …, ck) >> 11) * 2^-53        a float64 in [0, 1)

One round is output number c of a SplitMix64 generator seeded with h. Negative numbers are converted to two's
complement. `hash(0, 0)` is 0xE220A8397B1DCDAF, the published first output for seed 0.

All implementations of this function give the same bits, so a run draws the same numbers when it is resumed, moved to
another backend or distributed over processes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_MASK = (1 << 64) - 1

Counter = int | npt.NDArray[np.integer]


def _unsigned(value: Counter) -> npt.NDArray[np.uint64]:
    if isinstance(value, np.ndarray):
        return value.astype(np.uint64)
    return np.asarray(int(value) & _MASK, dtype=np.uint64)


def hash64(seed: Counter, *counters: Counter) -> npt.NDArray[np.uint64]:
    """Return the 64-bit hash of ``seed`` and the counters; arrays are broadcast.

    >>> hex(int(hash64(0, 0)))
    '0xe220a8397b1dcdaf'
    """
    h = _unsigned(seed)
    with np.errstate(over="ignore"):  # arithmetic modulo 2^64
        for counter in counters:
            z = h + (_unsigned(counter) + np.uint64(1)) * _STEP
            z = (z ^ (z >> np.uint64(30))) * _FIRST
            z = (z ^ (z >> np.uint64(27))) * _SECOND
            h = np.asarray(z ^ (z >> np.uint64(31)), dtype=np.uint64)
    return h


def uniform(seed: Counter, *counters: Counter) -> npt.NDArray[np.float64]:
    """Return uniform random numbers in [0, 1), of the broadcast shape of the arguments."""
    return np.asarray((hash64(seed, *counters) >> np.uint64(11)) * 2.0**-53, dtype=np.float64)
