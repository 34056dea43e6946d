"""The fonts of this machine, and which characters each of them has.

Only the table ``cmap`` of a TrueType or OpenType file is read (OpenType 1.9, formats 4 and 12 for Unicode). A font is
named by its file without ending, such as ``NotoSerif-Italic``.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

FOLDERS = (
    *("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts"),
    *("/Library/Fonts", "/System/Library/Fonts", "~/Library/Fonts", "C:/Windows/Fonts"),
)
ENDINGS = (".ttf", ".otf")
FILES, TABLES, BYTES = 10_000, 256, 8 << 20  # at most: files that are opened, tables of a file, bytes of a cmap

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Font:
    """A font file.

    Attributes:
        name: the file's name without ending.
        path: the file.
        ranges: ``(N, 2)``: first and last code point of the stretches of characters that it has, ascending.
    """

    name: str
    path: str
    ranges: Codes

    def has(self, text: str) -> bool:
        """Return whether the font has a glyph for each character of a text."""
        codes = np.array([ord(character) for character in text], np.int64)
        at = np.searchsorted(self.ranges[:, 0], codes, side="right") - 1
        return bool(len(self.ranges) and np.all((at >= 0) & (codes <= self.ranges[at, 1])))


@cache
def system_fonts() -> tuple[Font, ...]:
    """Return the fonts of this machine by name; of equal names the first. Files that cannot be read are skipped."""
    data_home = os.environ.get("XDG_DATA_HOME")
    folders = [*FOLDERS, f"{data_home}/fonts"] if data_home else FOLDERS
    files = [
        Path(root, name)
        for folder in folders
        for root, _, names in os.walk(os.path.expanduser(folder))
        for name in names
        if name.lower().endswith(ENDINGS)
    ]
    found: dict[str, Font] = {}
    for path in sorted(files)[:FILES]:
        if path.stem not in found:
            try:
                with path.open("rb") as file:
                    font = Font(path.stem, str(path), _read_ranges(file))
            except OSError:
                continue
            if len(font.ranges):
                found[path.stem] = font
    return tuple(found[name] for name in sorted(found))


def matching(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a name matches a pattern such as ``NotoSerif-*``."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def font_of(name: str, path: str, content: bytes) -> Font:
    """Return a font of the bytes of its file."""
    return Font(name, path, _read_ranges(io.BytesIO(content)))


def _read_ranges(file: BinaryIO) -> Codes:
    """Return the stretches of characters of a font file; none if it is damaged or not such a file."""
    try:
        (count,) = struct.unpack(">4xH6x", file.read(12))
        directory = file.read(16 * min(count, TABLES))
        for at in range(0, len(directory) - 15, 16):
            tag, _, offset, size = struct.unpack(">4sIII", directory[at : at + 16])
            if tag == b"cmap":
                file.seek(offset)
                return _ranges(file.read(min(size, BYTES)))
    except (struct.error, ValueError):
        pass
    return np.zeros((0, 2), np.int64)


def _ranges(table: bytes) -> Codes:
    """Return the stretches of characters of a table ``cmap``."""
    (count,) = struct.unpack_from(">H", table, 2)
    found: list[Codes] = []
    for at in range(count):
        platform, encoding, offset = struct.unpack_from(">HHI", table, 4 + 8 * at)
        if platform == 0 or (platform == 3 and encoding in (1, 10)):
            (form,) = struct.unpack_from(">H", table, offset)
            if form == 12:
                (groups,) = struct.unpack_from(">I", table, offset + 12)
                groups = min(groups, (len(table) - offset - 16) // 12)
                found.append(
                    np.frombuffer(table, ">u4", 3 * groups, offset + 16).reshape(-1, 3)[:, :2].astype(np.int64)
                )
            elif form == 4:
                (double,) = struct.unpack_from(">H", table, offset + 6)
                last = np.frombuffer(table, ">u2", double // 2, offset + 14).astype(np.int64)
                first = np.frombuffer(table, ">u2", double // 2, offset + 16 + double).astype(np.int64)
                found.append(np.stack([first, last], 1)[last < 0xFFFF])
    ranges = max(found, key=len, default=np.zeros((0, 2), np.int64))
    return ranges[np.argsort(ranges[:, 0], kind="stable")]
