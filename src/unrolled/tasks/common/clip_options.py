"""The options of reading clips: their size, colours and rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...data.clip_sets import ClipLayout
from ...data.picture_sets import LEAST_SIZE
from ...data.pictures import Fit
from ...errors import ArgumentError

LARGEST = 1024  # pixels of a side
FASTEST = 1000.0  # frames per second


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """How clips are read."""

    size: tuple[int, ...] | None = None
    """height and width in pixels, or one number for both (default: by the data)"""
    channels: int | None = None
    """1: grey, 3: RGB (default: 1 if all clips are grey)"""
    fit: Fit = "crop"
    """fit other aspect ratios: crop the middle, pad with white, or stretch"""
    rate: float | None = None
    """frames per second that clips are read at (default: their own)"""
    damaged: Literal["error", "skip"] = "error"
    """clips that cannot be read: an error, or skip"""

    def __post_init__(self) -> None:
        if self.size is not None and not (
            len(self.size) in (1, 2) and all(LEAST_SIZE <= side <= LARGEST for side in self.size)
        ):
            expected = f"one or two numbers from {LEAST_SIZE} to {LARGEST}: height and width in pixels"
            raise ArgumentError("size", expected, " ".join(map(str, self.size)))
        if self.channels not in (None, 1, 3):
            raise ArgumentError("channels", "1 (grey) or 3 (RGB)", self.channels)
        if self.rate is not None and not 0 < self.rate <= FASTEST:
            raise ArgumentError("rate", f"frames per second, above 0 and at most {FASTEST:g}", self.rate)

    @property
    def sides(self) -> tuple[int, int] | None:
        """Height and width, if they are given."""
        return None if self.size is None else (self.size[0], self.size[-1])

    def decoding(self) -> ClipLayout:
        """Return the form that clips are decoded to."""
        return ClipLayout(
            size=self.sides,
            channels=self.channels,
            fit=self.fit,
            rate=self.rate,
            skip=self.damaged == "skip",
        )
