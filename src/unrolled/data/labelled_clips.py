"""Labelled clips: frames of one size, and a label per clip or per frame."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .pictures import Pixels
from .sets import Sets

# N clips, T frames of a clip, H × W pixels, C channels


class Frames(Protocol):
    """The frames of some videos, such as a store of decoded files, or a list of arrays in memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Pixels:
        """Return a video's frames ``(T, H, W, C)``; slicing them reads only what is needed."""


@dataclass
class Clips:
    """Labelled clips, each a stretch of frames of a video.

    Attributes:
        frames: the videos.
        stretches: ``(N, 3)``: of each clip its video, first frame, and frame after the last one.
        labels: the class of each clip; empty if each frame has its own.
        tracks: the label of each frame of each clip; empty if a clip has one.
        names: what each clip is called in messages: its path, with its stretch if that is not the whole file.
        digests: a digest of each clip's file and stretch; equal clips have equal ones.
        rate: frames per second; 0 if it is not known.
    """

    frames: Frames
    stretches: npt.NDArray[np.int64]
    labels: list[str] = field(default_factory=list)
    tracks: list[Sequence[str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    rate: float = 0.0

    def __len__(self) -> int:
        return len(self.stretches)

    def __getitem__(self, number: int) -> Pixels:
        """Return the frames ``(T, H, W, C)`` of a clip."""
        video, begin, end = self.stretches[number].tolist()
        return self.frames[video][begin:end]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The number of frames of each clip ``(N,)``."""
        lengths: npt.NDArray[np.int64] = self.stretches[:, 2] - self.stretches[:, 1]
        return lengths

    def pick(self, indices: Iterable[int]) -> Clips:
        """Return the clips with these indices."""
        chosen = list(indices)
        columns = (self.labels, self.names, self.digests)
        labels, names, digests = ([column[i] for i in chosen] if column else [] for column in columns)
        tracks = [self.tracks[i] for i in chosen] if self.tracks else []
        return Clips(self.frames, self.stretches[chosen].reshape(-1, 3), labels, tracks, names, digests, self.rate)

    def every_label(self) -> list[str]:
        """Return the labels of all clips, or of all their frames."""
        return self.labels or [label for track in self.tracks for label in track]

    def digest(self) -> str:
        """Return a SHA-256 digest of all clips and labels."""
        answers = self.labels or ["\t".join(track) for track in self.tracks]
        text = "\n".join(f"{digest} {answer}" for digest, answer in zip(self.digests, answers, strict=True))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class ClipSets(Sets[Clips]):
    """Training, validation and test sets of clips."""

    def classes(self, where: str) -> list[str]:
        """Return the sorted classes of clips, or of frames.

        Raises:
            DataError: there are fewer than two, or one that no training clip has.
        """
        known = set(self.train.every_label())
        if len(known) < 2:
            only = f"only the label {next(iter(known))!r}" if known else "no labelled clips"
            raise DataError(f"{where} has {only}; give clips with at least two labels")
        for split, part in (("validation", self.valid), ("test", self.test)):
            if unknown := sorted(set(part.every_label()) - known):
                raise DataError(
                    f"the label {unknown[0]!r} of the {split} clips has no training clips, so it cannot be learned; "
                    f"add some, or remove it (training has {', '.join(sorted(known)[:20])})"
                )
        return sorted(known)
