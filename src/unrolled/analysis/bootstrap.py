"""How far a mean over a text could lie elsewhere, had the text been another: a bootstrap over stretches of it.

    m* = Σ_s x_{s'} / Σ_s n_{s'}          S stretches s' drawn anew, with replacement

Neighbouring symbols are alike, so stretches are drawn and not symbols (Künsch 1989, with stretches that do not
overlap).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# S stretches, R draws

DRAWS = 1000

Floats = npt.NDArray[np.float64]


def resampled(sums: Floats, counts: npt.NDArray[np.int64], *, draws: int = DRAWS, seed: int = 0) -> Floats:
    """``(R, …)``: means of a text drawn anew R times.

    Args:
        sums: ``(S, …)``, of each stretch.
        counts: ``(S, …)``, over how many; where a drawn text has none of a kind, the mean is 0.
        draws: R.
        seed: of the draws.
    """
    S = len(sums)
    chosen = np.random.default_rng(seed).integers(S, size=(draws, S))
    times = np.stack([np.bincount(row, minlength=S) for row in chosen]).astype(np.float64)  # (R, S)
    return np.tensordot(times, sums, 1) / np.maximum(np.tensordot(times, counts, 1), 1)
