"""Batches of examples of like length, so that little of a batch is padding.

    batches = Batches(lengths, batch_size=32, seed=0)
    batches[step]           -> indices of the examples of that step, a pure function of (seed, step)
    pad(sequences)          -> ids (T, B) and lengths (B,)

In every pass each example comes once. Examples are ordered by their length times a random factor of up to 1.1, cut into
batches, and the batches put in random order: so batches differ from pass to pass, and their examples are nearly of one
length.
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
SPREAD = 0.1  # how much longer or shorter an example may seem
TOKENS = 1 << 16  # of a batch for evaluation, padding included: a bound for its memory


class Batches:
    """Training batches by number; see the module.

    Args:
        lengths: of every example.
        batch_size: examples of a batch; the last of a pass may have fewer.
        seed: decides all that is random.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        if not len(lengths):
            raise ArgumentError("lengths", "those of at least one example", list(lengths))
        self.lengths = np.maximum(np.asarray(lengths, dtype=np.float64), 1)
        self.batch_size, self.seed = batch_size, seed
        self.per_epoch = -(-len(lengths) // batch_size)
        self._pass: tuple[int, list[Indices]] = (-1, [])

    def __getitem__(self, step: int) -> Indices:
        epoch, within = divmod(step, self.per_epoch)
        if self._pass[0] != epoch:
            self._pass = epoch, self._cut(epoch)
        return self._pass[1][within]

    def _cut(self, epoch: int) -> list[Indices]:
        examples = np.arange(len(self.lengths))
        seeming = self.lengths * (1 + SPREAD * uniform(self.seed, epoch, 0, examples))
        order = np.argsort(seeming, kind="stable")
        parts = [order[at : at + self.batch_size] for at in range(0, len(order), self.batch_size)]
        return [parts[i] for i in np.argsort(uniform(self.seed, epoch, 1, np.arange(len(parts))), kind="stable")]


def in_order(lengths: Sequence[int], batch_size: int, tokens: int = TOKENS) -> Iterator[Indices]:
    """Every example once, the shortest first, in batches of at most ``batch_size`` examples and ``tokens`` steps.

    A single example of more steps is a batch of its own.
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
    """The sequences side by side: ids ``(T, B)`` int64, zeros past their ends, and lengths ``(B,)`` int64."""
    lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.int64)
    ids = np.zeros((len(sequences), int(lengths.max())), dtype=np.int64)
    for row, sequence in zip(ids, sequences, strict=True):
        row[: len(sequence)] = sequence
    return torch.from_numpy(ids).t().contiguous(), lengths  # (T, B)
