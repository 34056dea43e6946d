"""Problems of episodes, such as "copy this", and how they lie in lanes and windows.

    lane b:   … │ episode 7 of lane b │ episode 8 of lane b │ …          each begins with a reset of the state
                      ╰── window n ──╯╰── window n + 1 ──╯

An episode is a pure function of (seed, lane, number), a window of its number: a resumed run sees the same ones. Lanes
begin at different places of their first episode, lest all of them have their targets in the same windows; what is cut
off at its beginning cannot be known, and counts for nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import ArgumentError
from .counter import hash64

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Kind = Literal["number", "bits", "class"]

_PHASE = 0x9A5E  # of a lane, in its first episode


@dataclass(frozen=True)
class Made:
    """N episodes side by side, T the steps of the longest.

    ``inputs`` (T, N, I); ``where`` (T, N): the output of that step is asked for; ``targets`` (T, N), class numbers, or
    (T, N, O); ``lengths`` (N,). Past an episode's length there is nothing but zeros.
    """

    inputs: Floats
    targets: npt.NDArray[np.float32] | Integers
    where: npt.NDArray[np.bool_]
    lengths: Integers


class Episodes(ABC):
    """A problem.

    Attributes:
        kind: what is asked for: a number, bits, or a class.
        input_size: I, numbers of an input.
        outputs: O, numbers of an output; with ``kind`` class the number of classes.
        targets_per_episode, mean_length: expected values.
        per_pass: episodes that are called a pass over the data.
    """

    kind: Kind
    input_size: int
    outputs: int
    targets_per_episode: float
    mean_length: float
    per_pass: int = 10_000

    @abstractmethod
    def lengths(self, lanes: Integers, numbers: Integers) -> Integers:
        """Steps of the episodes with these numbers of these lanes, ``(N,)``."""

    @abstractmethod
    def make(self, lanes: Integers, numbers: Integers) -> Made:
        """The episodes themselves."""


@dataclass(frozen=True)
class Stretch:
    """A batch: T steps of B lanes.

    ``inputs`` (T, B, I), ``where`` (T, B), ``targets`` (T, B) or (T, B, O) as in `Made`; ``resets`` (T, B): an episode
    begins. ``expected``: how many targets such a batch has in the mean. ``goes_on``: the next batch goes on from the
    state after this one.
    """

    inputs: Tensor
    targets: Tensor
    where: Tensor
    resets: Tensor
    expected: float
    goes_on: bool

    def part(self, steps: slice, goes_on: bool) -> Stretch:
        """Some of its steps."""
        share = len(self.where[steps]) / len(self.where)
        inputs, targets, where, resets = (one[steps] for one in (self.inputs, self.targets, self.where, self.resets))
        return Stretch(inputs, targets, where, resets, self.expected * share, goes_on)


class EpisodeStream:
    """Batches of B lanes without end: windows of ``bptt`` steps, or with ``bptt`` 0 whole episodes.

    Args:
        episodes: the problem.
        batch_size: B.
        bptt: steps of a window.
        first_lane: number of the first lane: other lanes have other episodes.
    """

    def __init__(self, episodes: Episodes, batch_size: int, bptt: int = 0, first_lane: int = 0) -> None:
        for name, value, least in (("batch_size", batch_size, 1), ("bptt", bptt, 0)):
            if value < least:
                raise ArgumentError(name, f"at least {least}", value)
        self.episodes, self.batch_size, self.bptt = episodes, batch_size, bptt
        self.lanes: Integers = np.arange(first_lane, first_lane + batch_size, dtype=np.int64)
        self._next = -1  # the window for which the two below hold
        self._numbers = self._behind = np.zeros(0, np.int64)
        self._held: dict[int, tuple[int, Made, int]] = {}  # lane → number, where that episode lies

    @property
    def per_pass(self) -> float:
        """Batches in a pass."""
        steps = self.episodes.per_pass * self.episodes.mean_length / self.batch_size
        return steps / self.bptt if self.bptt else self.episodes.per_pass / self.batch_size

    def batch(self, index: int) -> Stretch:
        """Number ``index``, from 0."""
        return self._window(index) if self.bptt else self.whole(index)

    def whole(self, number: int) -> Stretch:
        """Episode ``number`` of every lane, from its beginning; shorter ones are followed by nothing."""
        made = self.episodes.make(self.lanes, np.full_like(self.lanes, number))
        resets = np.zeros(made.where.shape, np.bool_)
        resets[0] = True
        return _stretch(made.inputs, made.targets, made.where, resets, float(made.where.sum()), goes_on=False)

    def _window(self, index: int) -> Stretch:
        if index != self._next:
            self._seek(index * self.bptt)
        T, B = self.bptt, self.batch_size
        inputs = np.zeros((T, B, self.episodes.input_size), np.float32)
        classes = self.episodes.kind == "class"
        targets = np.zeros((T, B), np.int64) if classes else np.zeros((T, B, self.episodes.outputs), np.float32)
        where, resets = np.zeros((T, B), np.bool_), np.zeros((T, B), np.bool_)
        filled = np.zeros(B, np.int64)
        while (short := np.flatnonzero(filled < T)).size:
            self._hold(short)
            for b in short.tolist():
                number, made, row = self._held[b]
                behind, at = self._behind[b], filled[b]
                length = made.lengths[row]
                count = min(length - behind, T - at)
                inputs[at : at + count, b] = made.inputs[behind : behind + count, row]
                targets[at : at + count, b] = made.targets[behind : behind + count, row]
                if number >= 0:
                    where[at : at + count, b] = made.where[behind : behind + count, row]
                resets[at, b] = behind == 0
                filled[b] += count
                self._behind[b] += count
                if self._behind[b] == length:
                    self._behind[b] = 0
                    self._numbers[b] += 1
        if index == 0:
            resets[0] = True
        self._next = index + 1
        density = self.episodes.targets_per_episode / self.episodes.mean_length
        return _stretch(inputs, targets, where, resets, B * T * density, goes_on=True)

    def _hold(self, lanes: Integers) -> None:
        """Make the present episodes of these lanes, unless they are at hand."""
        new = np.array([b for b in lanes if self._held.get(b, (None,))[0] != self._numbers[b]], np.int64)
        if new.size:
            made = self.episodes.make(self.lanes[new], self._numbers[new])
            for row, b in enumerate(new):
                self._held[b] = int(self._numbers[b]), made, row

    def _seek(self, position: int) -> None:
        """Find the episode of each lane, and how many of its steps lie before ``position`` of the lane.

        Episode −1 of a lane is the one that it begins in the middle of.
        """
        first = self.episodes.lengths(self.lanes, np.full_like(self.lanes, -1))
        phase = (hash64(_PHASE, self.lanes) % first.astype(np.uint64)).astype(np.int64)
        numbers, left = np.full_like(self.lanes, -1), phase + position
        block = max(16, int(1.1 * position / self.episodes.mean_length))
        while True:
            ahead = numbers[:, None] + np.arange(block)  # (B, block)
            lengths = self.episodes.lengths(np.repeat(self.lanes, block), ahead.ravel()).reshape(ahead.shape)
            ends = lengths.cumsum(1)
            over = (ends <= left[:, None]).sum(1)  # episodes of the block that are over
            left = left - np.where(over > 0, ends[np.arange(len(over)), over - 1], 0)
            numbers = numbers + over
            if (over < block).all():
                break
            block = 16
        self._numbers, self._behind = numbers, left


def _stretch(
    inputs: Floats,
    targets: npt.NDArray[np.float32] | Integers,
    where: npt.NDArray[np.bool_],
    resets: npt.NDArray[np.bool_],
    expected: float,
    goes_on: bool,
) -> Stretch:
    return Stretch(
        torch.from_numpy(inputs),
        torch.from_numpy(targets),
        torch.from_numpy(where),
        torch.from_numpy(resets),
        expected,
        goes_on,
    )
