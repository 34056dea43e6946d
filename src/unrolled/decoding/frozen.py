"""Writing with a frozen model: as `generate` with a step, but many symbols at a time.

The symbols are the same however they are cut into chunks, for every draw is keyed by its position.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..checks import Count, checked
from ..kernels.generation import Draws, Frozen
from .generate import Logits
from .sampling import Sampling

# B streams, V symbols

SOON, LATE = 0.02, 0.08  # seconds of a chunk: text should appear smoothly, and Python cost little
MOST = 64


class Pace:
    """Runs a frozen model in chunks, a few symbols at first and then as many as it writes in a moment."""

    def __init__(self) -> None:
        self.count = 4

    def run(
        self, frozen: Frozen, logits: Tensor, state: Any, sampling: Sampling, position: int, left: int
    ) -> tuple[Tensor, Tensor, Any]:
        """One chunk of at most ``left`` symbols: ids ``(count, B)``, logits of what comes next, and the state."""
        begun = time.perf_counter()
        found = frozen.run(logits, state, min(self.count, left), draws(sampling, position, logits.size(0)))
        seconds = time.perf_counter() - begun
        if seconds < SOON:
            self.count = min(MOST, 2 * self.count)
        elif seconds > LATE:
            self.count = max(1, self.count // 2)
        return found


def draws(sampling: Sampling, position: int, streams: int) -> Draws:
    """The same choice for streams 0, 1, …, the first draw at ``position``."""

    def all_alike(value: float, dtype: torch.dtype) -> Tensor:
        return torch.full((streams,), value, dtype=dtype)

    seed = np.full(streams, sampling.seed & (1 << 64) - 1, dtype=np.uint64).view(np.int64)
    return Draws(
        seed=torch.from_numpy(seed),
        stream=torch.arange(streams),
        position=all_alike(position, torch.int64),
        temperature=all_alike(0.0 if sampling.greedy else sampling.temperature, torch.float64),
        top_k=all_alike(min(sampling.top_k, (1 << 63) - 1), torch.int64),
        top_p=all_alike(sampling.top_p, torch.float64),
    )


@checked
def generate_frozen(
    frozen: Frozen, logits: Logits, state: Any, sampling: Sampling, length: Count
) -> Iterator[npt.NDArray[np.int64]]:
    """As `generate`, with a frozen model in place of a step: the same symbols from the same seed."""
    pace, position, ahead = Pace(), 0, torch.from_numpy(logits)
    while position < length:
        ids, ahead, state = pace.run(frozen, ahead, state, sampling, position, length - position)
        position += len(ids)
        yield from ids.numpy()
