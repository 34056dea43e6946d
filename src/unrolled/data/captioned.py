"""Pictures or clips with captions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .pictures import Pixels


class Named(NamedTuple):
    """Which object each word of a caption names.

    of      for each word the number of an object, or −1
    boxes   of each object: left, top, right, bottom, as fractions of the picture
    """

    of: list[int]
    boxes: list[tuple[float, float, float, float]]


@dataclass(frozen=True)
class Captioned:
    """Pictures, or clips, with one or several captions each.

    Attributes:
        names: the names of the pictures.
        captions: the captions of each.
        pictures: the file of each, or the pixels ``(N, h, w, 3)``; of clips the files, or the frames ``(T, h, w, C)``.
        named: of generated scenes: for each caption which object each word names.
        clips: whether they are clips instead of pictures.
        rate: of clips in memory, frames per second.
    """

    names: list[str] = field(default_factory=list)
    captions: list[list[str]] = field(default_factory=list)
    pictures: Sequence[Path] | Sequence[Pixels] | Pixels = ()
    named: list[list[Named]] = field(default_factory=list)
    clips: bool = False
    rate: float = 0.0

    def __len__(self) -> int:
        return len(self.names)

    @property
    def noun(self) -> str:
        """What they are in messages."""
        return "clips" if self.clips else "pictures"

    def pick(self, indices: Sequence[int]) -> Captioned:
        """Return the pictures with these indices."""
        pictures: Any = self.pictures  # pictures of a list are a list, those of an array an array
        pictures = pictures[indices] if isinstance(pictures, np.ndarray) else [pictures[n] for n in indices]
        return Captioned(
            [self.names[n] for n in indices],
            [self.captions[n] for n in indices],
            pictures,
            [self.named[n] for n in indices] if self.named else [],
            self.clips,
            self.rate,
        )

    def pairs(self) -> list[tuple[int, str]]:
        """Return every caption with the index of its picture."""
        return [(n, caption) for n, captions in enumerate(self.captions) for caption in captions]

    def digest(self) -> str:
        """Return a digest of names and captions."""
        whole = hashlib.sha256()
        for name, captions in zip(self.names, self.captions, strict=True):
            whole.update(repr((name, captions)).encode("utf-8", "surrogatepass"))
        return whole.hexdigest()[:32]
