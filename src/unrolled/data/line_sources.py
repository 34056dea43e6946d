"""Lines that are listed but not yet decoded: their text, and where their pixels are.

FileBytes    a picture file, or a member of an archive: a stretch of bytes of a file
ArrayRow     a row of an array of pictures of equal size
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from ..errors import DataError
from .pictures import MOST_BYTES, from_array, open_picture


class Source(Protocol):
    """Where the pixels of a line are."""

    def digest(self) -> str:
        """Return a digest of the pixels, or of the file they are in; equal pictures have equal ones."""

    def picture(self) -> Image.Image:
        """Return the picture in mode ``L`` or ``RGB``."""


@dataclass(frozen=True)
class FileBytes:
    """A file, or a stretch of bytes of an archive that is not compressed.

    Attributes:
        path: the file or archive.
        name: its name in messages.
        offset, size: the stretch; a size of -1 is the whole file.
    """

    path: Path
    name: str
    offset: int = 0
    size: int = -1

    def data(self, most: int = MOST_BYTES) -> bytes:
        """Return the bytes.

        Raises:
            DataError: they cannot be read, or are more than ``most``.
        """
        if self.size > most:
            raise DataError(f"{self.name} has {self.size:,} bytes, more than the limit of {most:,}")
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                data = file.read(most + 1 if self.size < 0 else self.size)
        except OSError as error:
            raise DataError(f"cannot read {self.name}: {error.strerror}; check the path") from error
        if len(data) > most:
            raise DataError(f"{self.name} has more than the limit of {most:,} bytes")
        if len(data) < self.size:
            raise DataError(f"{self.path} ends within {self.name}: it is truncated; copy it again")
        return data

    def digest(self) -> str:
        return hashlib.blake2b(self.data(), digest_size=16).hexdigest()

    def picture(self) -> Image.Image:
        return open_picture(self.data(), self.name)


@dataclass(frozen=True, eq=False)
class ArrayRow:
    """A picture of an array ``(N, h, w)`` or ``(N, h, w, C)``.

    Attributes:
        array: the pictures.
        row: the number of the picture.
        name: its name in messages.
        size: width and height of the original, whose aspect ratio is restored; `None`: that of the array.
        width: pixels of ``w`` that are used; the rest is padding.
    """

    array: Any
    row: int
    name: str
    size: tuple[int, int] | None = None
    width: int | None = None

    def _pixels(self) -> Any:
        return np.ascontiguousarray(self.array[self.row][:, : self.width])

    def digest(self) -> str:
        found = hashlib.blake2b(repr((self._pixels().shape, self.size)).encode(), digest_size=16)
        found.update(self._pixels().tobytes())
        return found.hexdigest()

    def picture(self) -> Image.Image:
        picture = from_array(self._pixels(), self.name)
        if self.size is None:
            return picture
        width, height = self.size
        return picture.resize(
            (max(1, round(picture.height * width / height)), picture.height), Image.Resampling.BICUBIC
        )


@dataclass
class ListedLine:
    """A line before it is decoded.

    Attributes:
        name: its path in the data, or its number.
        text: its text, as in the data.
        source: where its pixels are.
        part: ``train``, ``valid`` or ``test``; empty: not given.
        folder: the book, script or font that its place in the data says; each is divided among the parts.
        group: the group of its figures: the folder, or the folder or archive of the data if there are several.
    """

    name: str
    text: str
    source: Source
    part: str = ""
    folder: str = ""
    group: str = ""


@dataclass
class ListedLines:
    """The lines of a folder or file.

    Attributes:
        path: the folder or file.
        rows: the lines.
        how: how they were found, for messages.
        notes: what was skipped, and what the user should know.
    """

    path: Path
    rows: list[ListedLine] = field(default_factory=list)
    how: str = ""
    notes: list[str] = field(default_factory=list)
