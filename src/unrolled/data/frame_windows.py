"""Windows of clips, for predicting frames: T frames in a row, generated on demand or cut from clips.

Window n is a pure function of n. Generated windows never end; an epoch of them has a nominal size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from . import moving_digits
from .pictures import Pixels
from .shuffled import Shuffled

# N windows, T frames, H × W pixels, C channels

Numbers = npt.NDArray[np.int64]


class Clips(Protocol):
    """Clips of several lengths; ``clips[i]`` is uint8 ``(T, H, W, C)``."""

    @property
    def lengths(self) -> Sequence[int] | Numbers:
        """The number of frames of each clip."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Pixels: ...

    @property
    def digests(self) -> list[str]:
        """A digest of each clip; equal clips have equal ones."""


class Windows(Protocol):
    """Windows of T frames: their number, and the windows with some numbers, ``(N, T, H, W, C)``."""

    @property
    def endless(self) -> bool:
        """Whether there are windows with any number; the length is nominal then."""

    def __len__(self) -> int: ...

    def pick(self, numbers: Numbers) -> Pixels:
        """Return the windows with these numbers."""

    def order(self, batch_size: int, seed: int) -> Order:
        """Return the numbers of the windows of each training step."""


class Order(Protocol):
    """The windows of each training step, a pure function of the step."""

    def __getitem__(self, step: int) -> Numbers: ...


class MovingWindows:
    """Generated windows of moving digits.

    Args:
        digits: the pictures that move, ``(M, d, d)``.
        seed, stream: see `moving_digits.moving`.
        nominal: the number of windows of an epoch, or of an evaluation.
        frames: T.
        count: digits in a frame.
    """

    endless = True

    def __init__(self, digits: Pixels, seed: int, stream: int, nominal: int, frames: int, count: int) -> None:
        self.digits, self.seed, self.stream, self.nominal = digits, seed, stream, nominal
        self.frames, self.count = frames, count

    def __len__(self) -> int:
        return self.nominal

    def pick(self, numbers: Numbers) -> Pixels:
        return moving_digits.moving(self.digits, self.seed, self.stream, numbers, frames=self.frames, count=self.count)

    def order(self, batch_size: int, seed: int) -> Order:
        return _OneByOne(batch_size)


class ClipWindows:
    """Windows that are cut from clips.

    Args:
        clips: the clips.
        chosen: the indices of those to cut.
        frames: T.
        stride: frames between the beginnings of two windows of a clip.
    """

    endless = False

    def __init__(self, clips: Clips, chosen: Sequence[int], frames: int, stride: int) -> None:
        self.clips, self.frames = clips, frames
        begins = [
            (index, begin) for index in chosen for begin in range(0, int(clips.lengths[index]) - frames + 1, stride)
        ]
        self.begins = np.array(begins, dtype=np.int64).reshape(-1, 2)

    def __len__(self) -> int:
        return len(self.begins)

    def pick(self, numbers: Numbers) -> Pixels:
        rows = self.begins[numbers].tolist()
        return np.stack([self.clips[index][begin : begin + self.frames] for index, begin in rows])

    def order(self, batch_size: int, seed: int) -> Order:
        return Shuffled(len(self), batch_size, seed)


class _OneByOne:
    """Generated windows in the order of their numbers, each used once."""

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size

    def __getitem__(self, step: int) -> Numbers:
        return step * self.batch_size + np.arange(self.batch_size)
