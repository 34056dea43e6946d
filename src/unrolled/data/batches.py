"""Batches of examples of similar length, to minimize padding.

    batches = Batches(lengths, batch_size=32, seed=0)
    batches[step]           -> indices of the examples in that batch, a pure function of (seed, step)
    pad(sequences)          -> ids (T, B) and lengths (B,)

Each epoch contains every example once. Examples are sorted by their length times a random factor in [1, 1.1), cut into
batches, and the batches are shuffled. So batches differ between epochs, and their examples have nearly equal lengths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import ArgumentError
from .counter import uniform

Indices = npt.NDArray[np.int64]
SPREAD = 0.1  # maximum relative increase of a length for sorting
TOKENS = 1 << 16  # maximum tokens per evaluation batch, with padding: bounds its memory footprint


class Batches:
    """Training batches by step number, as described in this module.

    Args:
        lengths: the length of each example.
        batch_size: examples per batch; the last batch of an epoch may be smaller.
        seed: random seed.

    Raises:
        ArgumentError: ``lengths`` is empty.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        if not len(lengths):
            raise ArgumentError("lengths", "the lengths of one or more examples", list(lengths))
        self.lengths = np.maximum(np.asarray(lengths, dtype=np.float64), 1)
        self.batch_size, self.seed = batch_size, seed
        self.per_epoch = -(-len(lengths) // batch_size)
        self._epoch: tuple[int, list[Indices]] = (-1, [])

    def __getitem__(self, step: int) -> Indices:
        epoch, within = divmod(step, self.per_epoch)
        if self._epoch[0] != epoch:
            self._epoch = epoch, self._cut(epoch)
        return self._epoch[1][within]

    def _cut(self, epoch: int) -> list[Indices]:
        examples = np.arange(len(self.lengths))
        noisy = self.lengths * (1 + SPREAD * uniform(self.seed, epoch, 0, examples))
        order = np.argsort(noisy, kind="stable")
        parts = [order[at : at + self.batch_size] for at in range(0, len(order), self.batch_size)]
        return [parts[i] for i in np.argsort(uniform(self.seed, epoch, 1, np.arange(len(parts))), kind="stable")]


def in_order(lengths: Sequence[int], batch_size: int, tokens: int = TOKENS) -> Iterator[Indices]:
    """Yield batches of indices, shortest examples first, of at most ``batch_size`` examples and ``tokens`` tokens.

    An example of more than ``tokens`` tokens is a batch by itself.
    """
    order = np.argsort(np.asarray(lengths, dtype=np.int64), kind="stable")
    at = 0
    while at < len(order):
        end = at + 1
        while end < min(at + batch_size, len(order)) and lengths[order[end]] * (end + 1 - at) <= tokens:
            end += 1
        yield order[at:end]
        at = end


def pad(sequences: Sequence[npt.NDArray[Any]]) -> tuple[Tensor, Tensor]:
    """Pad sequences with zeros: return ids ``(T, B)`` int64, time first, and lengths ``(B,)`` int64."""
    lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.int64)
    ids = np.zeros((len(sequences), int(lengths.max())), dtype=np.int64)
    for row, sequence in zip(ids, sequences, strict=True):
        row[: len(sequence)] = sequence
    return torch.from_numpy(ids).t().contiguous(), lengths  # (T, B)
