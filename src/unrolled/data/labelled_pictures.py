"""Labelled pictures in memory: pixels of one size, their labels and their names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..errors import DataError
from .pictures import Pixels

# N pictures, h height, w width, C channels

MOST = 4 << 30  # bytes of the pixels of all pictures


@dataclass
class Pictures:
    """Labelled pictures.

    Attributes:
        pixels: ``(N, h, w, C)``, 0 to 255.
        labels: the name of each picture's class.
        names: what each picture is called in messages: its path in the data, or its number.
        digests: a digest of each picture's file or pixels; equal pictures have equal ones.
    """

    pixels: Pixels
    labels: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.labels)

    def pick(self, indices: Iterable[int]) -> Pictures:
        """Return the pictures with these indices."""
        chosen = list(indices)
        kept = ([column[i] for i in chosen] for column in (self.labels, self.names, self.digests))
        return Pictures(self.pixels[chosen], *kept)

    def digest(self) -> str:
        """Return a SHA-256 digest of all pictures and labels."""
        text = "\n".join(f"{digest} {label}" for digest, label in zip(self.digests, self.labels, strict=True))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def of_array(pixels: Pixels, labels: list[str], where: object) -> Pictures:
    """Return pictures ``(N, h, w, C)`` of a file that has no names for them: they are called ``where``, number."""
    names = [f"{where}, picture {number}" for number in range(1, len(pixels) + 1)]
    return Pictures(pixels, labels, names, [digest(picture.tobytes()) for picture in pixels])


def digest(data: bytes) -> str:
    """Return the digest of a picture."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def check_room(count: int, size: int, channels: int, where: object) -> None:
    """Raise `DataError` if so many pictures do not fit into memory."""
    if (needed := count * size * size * channels) > MOST:
        raise DataError(
            f"{where}: {count:,} pictures of {size} × {size} pixels take {needed / 2**30:.1f} GiB, more than the limit "
            f"of {MOST >> 30} GiB; give a lower --size, or fewer pictures"
        )
