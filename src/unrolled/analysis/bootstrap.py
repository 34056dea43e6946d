"""Bootstrap of a mean over a text: resampling of its segments.

    m* = Σ_s x_{s'} / Σ_s n_{s'}          S segments s' drawn with replacement

Neighbouring tokens are correlated, so segments are resampled instead of tokens (block bootstrap: Künsch 1989, here with
non-overlapping blocks).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# S segments, R draws

DRAWS = 1000

Floats = npt.NDArray[np.float64]


def resampled(sums: Floats, counts: npt.NDArray[np.int64], *, draws: int = DRAWS, seed: int = 0) -> Floats:
    """Return the means ``(R, …)`` of R resampled texts.

    Args:
        sums: ``(S, …)``, the sum over each segment.
        counts: ``(S, …)``, the number of terms; a mean without terms is 0.
        draws: R.
        seed: seed of the draws.
    """
    S = len(sums)
    chosen = np.random.default_rng(seed).integers(S, size=(draws, S))
    times = np.stack([np.bincount(row, minlength=S) for row in chosen]).astype(np.float64)  # (R, S)
    return np.tensordot(times, sums, 1) / np.maximum(np.tensordot(times, counts, 1), 1)
