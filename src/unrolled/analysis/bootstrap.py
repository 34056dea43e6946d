"""Bootstrap: a metric on resampled data.

    m* = Σ_s x_{s'} / Σ_s n_{s'}          S segments s' drawn with replacement

Neighbouring tokens are correlated, so segments are resampled instead of tokens (block bootstrap: Künsch 1989, here with
non-overlapping blocks): stretches of a text, sentences, or whole examples.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# S segments, R draws

DRAWS = 1000
AT_ONCE = 4_000_000  # drawn segments in memory

Floats = npt.NDArray[np.float64]


def resampled(sums: Floats, counts: npt.NDArray[np.int64], *, draws: int = DRAWS, seed: int = 0) -> Floats:
    """Return the means ``(R, …)`` of R resampled texts.

    Args:
        sums: ``(S, …)``, the sum over each segment.
        counts: ``(S, …)``, the number of terms; a mean without terms is 0.
        draws: R.
        seed: seed of the draws.
    """
    both = resampled_sums(np.stack(np.broadcast_arrays(sums, counts), -1).astype(np.float64), draws=draws, seed=seed)
    return both[..., 0] / np.maximum(both[..., 1], 1)


def resampled_sums(values: Floats, *, draws: int = DRAWS, seed: int = 0) -> Floats:
    """Return the sums ``(R, …)`` of ``values (S, …)`` over R draws of S segments."""
    S = len(values)
    random = np.random.default_rng(seed)
    rows = max(1, AT_ONCE // S)
    totals = []
    for begin in range(0, draws, rows):
        chosen = random.integers(S, size=(min(rows, draws - begin), S))
        times = np.stack([np.bincount(row, minlength=S) for row in chosen]).astype(np.float64)  # (rows, S)
        totals.append(np.tensordot(times, values, 1))
    return np.concatenate(totals)
