"""Generation with a frozen model, as `generate` with a step, but many tokens per call.

The chunk size does not affect the tokens, because every random draw is keyed by its position.
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

# B streams, V tokens in the vocabulary

SHORTEST, LONGEST = 0.02, 0.08  # seconds of a chunk: smooth output at a low overhead of Python
MAX_CHUNK = 1 << 14  # tokens


class Pace:
    """Runs a frozen model in chunks, adapting their size to take 20 to 80 milliseconds."""

    def __init__(self) -> None:
        self.count = 4

    def run(
        self, frozen: Frozen, logits: Tensor, state: Any, sampling: Sampling, position: int, left: int
    ) -> tuple[Tensor, Tensor, Any]:
        """Generate at most ``left`` tokens; return ids ``(count, B)``, logits of the next token, and the state."""
        start = time.perf_counter()
        result = frozen.run(logits, state, min(self.count, left), draws(sampling, position, logits.size(0)))
        seconds = time.perf_counter() - start
        if seconds < SHORTEST:
            self.count = min(MAX_CHUNK, self.count * (8 if seconds < SHORTEST / 8 else 2))
        elif seconds > LONGEST:
            self.count = max(1, self.count // 2)
        return result


def draws(sampling: Sampling, position: int, streams: int) -> Draws:
    """Return the sampling parameters of the kernel for streams 0, 1, …, with the first draw at ``position``."""

    def full(value: float, dtype: torch.dtype) -> Tensor:
        return torch.full((streams,), value, dtype=dtype)

    seed = np.full(streams, sampling.seed & (1 << 64) - 1, dtype=np.uint64).view(np.int64)
    return Draws(
        seed=torch.from_numpy(seed),
        stream=torch.arange(streams),
        position=full(position, torch.int64),
        temperature=full(0.0 if sampling.greedy else sampling.temperature, torch.float64),
        top_k=full(min(sampling.top_k, (1 << 63) - 1), torch.int64),
        top_p=full(sampling.top_p, torch.float64),
    )


@checked
def generate_frozen(
    frozen: Frozen, logits: Logits, state: Any, sampling: Sampling, length: Count
) -> Iterator[npt.NDArray[np.int64]]:
    """Run `generate` with a frozen model instead of a step; the same seed gives the same tokens."""
    for chunk in frozen_chunks(frozen, logits, state, sampling, length):
        yield from chunk


@checked
def frozen_chunks(
    frozen: Frozen, logits: Logits, state: Any, sampling: Sampling, length: Count
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the tokens of `generate_frozen` in chunks ``(n, B)``."""
    pace, position, next_logits = Pace(), 0, torch.from_numpy(logits)
    while position < length:
        ids, next_logits, state = pace.run(frozen, next_logits, state, sampling, position, length - position)
        position += len(ids)
        yield ids.numpy()
