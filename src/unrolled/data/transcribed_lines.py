"""Pictures of lines of text with their texts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .pictures import Pixels
from .sets import Sets

# N lines, H height, W width of a line


class LinePixels(Protocol):
    """The pixels of some lines, such as a store of decoded files, or a list of arrays in memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Pixels:
        """Return the pixels ``(H, W)`` of a line."""


@dataclass
class Lines:
    """Lines of text: pictures of one height, and what is written on them.

    Attributes:
        pixels: the pictures, of which these are some.
        places: ``(N,)``: the number of each line's picture.
        widths: ``(N,)``: W of each line.
        texts: the text of each line, in logical order.
        groups: the book, script, font or folder of each line, for figures per group.
        names: what each line is called in messages: its path in the data.
        digests: a digest of each picture; equal pictures have equal ones.
        height: H.
    """

    pixels: LinePixels | Sequence[Pixels]
    places: npt.NDArray[np.int64]
    widths: npt.NDArray[np.int64]
    texts: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    height: int = 0

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> Pixels:
        """Return the pixels ``(H, W)`` of a line: paper 255, ink 0."""
        return self.pixels[int(self.places[number])]

    def pick(self, indices: Iterable[int]) -> Lines:
        """Return the lines with these indices."""
        chosen = np.fromiter(indices, np.int64)
        columns = (self.texts, self.groups, self.names, self.digests)
        texts, groups, names, digests = ([column[i] for i in chosen.tolist()] for column in columns)
        places, widths = self.places[chosen], self.widths[chosen]
        return Lines(self.pixels, places, widths, texts, groups, names, digests, self.height)

    def digest(self) -> str:
        """Return a SHA-256 digest of all lines and texts."""
        pairs = zip(self.digests, self.texts, strict=True)
        text = "\n".join([str(self.height), *(f"{digest} {text}" for digest, text in pairs)])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def lines_of(
    pixels: Sequence[Pixels], texts: list[str], groups: list[str] | None = None, names: list[str] | None = None
) -> Lines:
    """Return lines in memory, of pixels ``(H, W)`` each."""
    return Lines(
        pixels,
        np.arange(len(pixels)),
        np.array([line.shape[1] for line in pixels], np.int64),
        texts,
        [""] * len(texts) if groups is None else groups,
        [f"line {number + 1}" for number in range(len(texts))] if names is None else names,
        [hashlib.blake2b(line.tobytes(), digest_size=16).hexdigest() for line in pixels],
        len(pixels[0]) if len(pixels) else 0,
    )


@dataclass(frozen=True)
class LineSets(Sets[Lines]):
    """Training, validation and test sets of lines."""
