"""Episodic problems, such as copying a sequence, arranged in lanes (batch rows that carry their state) and windows.

    lane b:   … │ episode 7 of lane b │ episode 8 of lane b │ …          the state is reset at each start
                      ╰── window n ──╯╰── window n + 1 ──╯

An episode is a pure function of (seed, lane, number) and a window of its index, so a resumed run sees the same data.
Lanes start at different steps of their first episode, so that targets are spread over windows; the targets of this
incomplete episode do not count.
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

_PHASE = 0x9A5E  # seed of the start of each lane in its first episode


@dataclass(frozen=True)
class EpisodeArrays:
    """N episodes, padded with zeros to the length T of the longest.

    Attributes:
        inputs: ``(T, N, I)``.
        targets: class indices ``(T, N)``, or numbers ``(T, N, O)``.
        where: ``(T, N)``, the mask of steps with a target.
        lengths: ``(N,)``.
    """

    inputs: Floats
    targets: npt.NDArray[np.float32] | Integers
    where: npt.NDArray[np.bool_]
    lengths: Integers


class Episodes(ABC):
    """A problem that generates episodes.

    Attributes:
        kind: the type of the targets: a number, bits, or a class.
        input_size: I, the number of input features.
        outputs: O, the number of outputs; with ``kind`` class the number of classes.
        targets_per_episode, mean_length: expected values.
        per_pass: episodes per epoch.
    """

    kind: Kind
    input_size: int
    outputs: int
    targets_per_episode: float
    mean_length: float
    per_pass: int = 10_000

    @abstractmethod
    def lengths(self, lanes: Integers, numbers: Integers) -> Integers:
        """Return the lengths of episodes ``numbers`` of ``lanes``, ``(N,)``."""

    @abstractmethod
    def make(self, lanes: Integers, numbers: Integers) -> EpisodeArrays:
        """Generate the episodes ``numbers`` of ``lanes``."""


@dataclass(frozen=True)
class EpisodeWindow:
    """A batch: T steps of B lanes.

    Attributes:
        inputs, targets, where: as in `EpisodeArrays`, with B lanes in place of N episodes.
        resets: ``(T, B)``, the first steps of episodes.
        expected: the expected number of targets in such a batch.
        continues: whether the next batch continues with the final state.
    """

    inputs: Tensor
    targets: Tensor
    where: Tensor
    resets: Tensor
    expected: float
    continues: bool

    def part(self, steps: slice, continues: bool) -> EpisodeWindow:
        """Return the window of the given steps."""
        share = len(self.where[steps]) / len(self.where)
        inputs, targets, where, resets = (
            tensor[steps] for tensor in (self.inputs, self.targets, self.where, self.resets)
        )
        return EpisodeWindow(inputs, targets, where, resets, self.expected * share, continues)


class EpisodeStream:
    """An infinite stream of batches of B lanes: windows of ``bptt`` steps, or whole episodes if ``bptt`` is 0.

    Args:
        episodes: the problem.
        batch_size: B.
        bptt: steps per window.
        first_lane: index of the first lane; other lanes have other episodes.

    Raises:
        ArgumentError: ``batch_size`` is below 1, or ``bptt`` is negative.
    """

    def __init__(self, episodes: Episodes, batch_size: int, bptt: int = 0, first_lane: int = 0) -> None:
        for name, value, minimum in (("batch_size", batch_size, 1), ("bptt", bptt, 0)):
            if value < minimum:
                raise ArgumentError(name, f"at least {minimum}", value)
        self.episodes, self.batch_size, self.bptt = episodes, batch_size, bptt
        self.lanes: Integers = np.arange(first_lane, first_lane + batch_size, dtype=np.int64)
        self._next = -1  # the window at whose start the next two are valid
        self._numbers = self._done = np.zeros(0, np.int64)
        self._held: dict[int, tuple[int, EpisodeArrays, int]] = {}  # lane → episode number, arrays, column

    @property
    def per_pass(self) -> float:
        """Batches per epoch."""
        steps = self.episodes.per_pass * self.episodes.mean_length / self.batch_size
        return steps / self.bptt if self.bptt else self.episodes.per_pass / self.batch_size

    def batch(self, index: int) -> EpisodeWindow:
        """Return batch ``index``, from 0."""
        return self._window(index) if self.bptt else self.whole(index)

    def whole(self, number: int) -> EpisodeWindow:
        """Return episode ``number`` of every lane, padded to the longest."""
        arrays = self.episodes.make(self.lanes, np.full_like(self.lanes, number))
        resets = np.zeros(arrays.where.shape, np.bool_)
        resets[0] = True
        expected = float(arrays.where.sum())
        return _window_of(arrays.inputs, arrays.targets, arrays.where, resets, expected, continues=False)

    def _window(self, index: int) -> EpisodeWindow:
        if index != self._next:
            self._seek(index * self.bptt)
        T, B = self.bptt, self.batch_size
        inputs = np.zeros((T, B, self.episodes.input_size), np.float32)
        classes = self.episodes.kind == "class"
        targets = np.zeros((T, B), np.int64) if classes else np.zeros((T, B, self.episodes.outputs), np.float32)
        where, resets = np.zeros((T, B), np.bool_), np.zeros((T, B), np.bool_)
        filled = np.zeros(B, np.int64)
        while (unfilled := np.flatnonzero(filled < T)).size:
            self._generate(unfilled)
            for b in unfilled.tolist():
                number, arrays, column = self._held[b]
                begin, at = self._done[b], filled[b]
                length = arrays.lengths[column]
                count = min(length - begin, T - at)
                inputs[at : at + count, b] = arrays.inputs[begin : begin + count, column]
                targets[at : at + count, b] = arrays.targets[begin : begin + count, column]
                if number >= 0:
                    where[at : at + count, b] = arrays.where[begin : begin + count, column]
                resets[at, b] = begin == 0
                filled[b] += count
                self._done[b] += count
                if self._done[b] == length:
                    self._done[b] = 0
                    self._numbers[b] += 1
        if index == 0:
            resets[0] = True
        self._next = index + 1
        density = self.episodes.targets_per_episode / self.episodes.mean_length
        return _window_of(inputs, targets, where, resets, B * T * density, continues=True)

    def _generate(self, lanes: Integers) -> None:
        """Generate the current episodes of these lanes, unless cached."""
        new = np.array([b for b in lanes if self._held.get(b, (None,))[0] != self._numbers[b]], np.int64)
        if new.size:
            arrays = self.episodes.make(self.lanes[new], self._numbers[new])
            for column, b in enumerate(new):
                self._held[b] = int(self._numbers[b]), arrays, column

    def _seek(self, position: int) -> None:
        """Find the episode of each lane at step ``position``, and the number of its steps before it.

        Episode −1 of a lane is its incomplete first episode.
        """
        first = self.episodes.lengths(self.lanes, np.full_like(self.lanes, -1))
        phase = (hash64(_PHASE, self.lanes) % first.astype(np.uint64)).astype(np.int64)
        numbers, left = np.full_like(self.lanes, -1), phase + position
        block = max(16, int(1.1 * position / self.episodes.mean_length))
        while True:
            ahead = numbers[:, None] + np.arange(block)  # (B, block)
            lengths = self.episodes.lengths(np.repeat(self.lanes, block), ahead.ravel()).reshape(ahead.shape)
            ends = lengths.cumsum(1)
            passed = (ends <= left[:, None]).sum(1)  # episodes of the block that end before the position
            left = left - np.where(passed > 0, ends[np.arange(len(passed)), passed - 1], 0)
            numbers = numbers + passed
            if (passed < block).all():
                break
            block = 16
        self._numbers, self._done = numbers, left


def _window_of(
    inputs: Floats,
    targets: npt.NDArray[np.float32] | Integers,
    where: npt.NDArray[np.bool_],
    resets: npt.NDArray[np.bool_],
    expected: float,
    continues: bool,
) -> EpisodeWindow:
    return EpisodeWindow(
        torch.from_numpy(inputs),
        torch.from_numpy(targets),
        torch.from_numpy(where),
        torch.from_numpy(resets),
        expected,
        continues,
    )
