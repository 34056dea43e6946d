"""Files as inputs of `unrolled predict`: words that name files or folders, or one file on standard input."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ...errors import ArgumentError, DataError
from ...results import Input, chunked
from .standard_input import standard_input

AT_ONCE = 32  # files of a chunk


@dataclass(frozen=True, kw_only=True)
class FileInputs:
    """The files."""

    input_name: ClassVar[str] = "file"
    endings: ClassVar[tuple[str, ...]] = ()
    """of the files that are taken from a folder, such as ``.png``; none: all files"""

    def inputs(self, words: Sequence[str]) -> Iterator[list[Input]]:
        """See `training.input_options.InputOptions`; ``-`` is a file on standard input, and so is no word at all."""
        if not words and sys.stdin.isatty():
            raise ArgumentError(self.input_name, "at least one file or folder, or -", "nothing", "give it after RUN")
        return chunked(self._every(words or ["-"]), AT_ONCE)

    def is_one(self, folder: Path) -> bool:
        """Whether a folder is one input, such as the frames of a video; else each file in it is one."""
        return False

    def _is_taken(self, path: Path) -> bool:
        return path.is_file() and (not self.endings or path.suffix.lower() in self.endings)

    def _every(self, words: Sequence[str]) -> Iterator[Input]:
        for word in words:
            path = Path(word).expanduser()
            if word == "-":
                yield standard_input()
            elif path.is_dir() and not self.is_one(path):
                yield from map(Input, self._within(path))
            else:
                yield Input(path)

    def _within(self, folder: Path) -> list[Path]:
        found: list[Path] = []
        for parent, folders, files in os.walk(folder):
            whole = [name for name in folders if self.is_one(Path(parent, name))]
            folders[:] = [name for name in folders if name not in whole and not name.startswith(".")]
            taken = [name for name in files if self._is_taken(Path(parent, name))]
            found += [Path(parent, name) for name in whole + taken if not name.startswith(".")]
        if not found:
            kinds = ", ".join(self.endings) or "visible"
            raise DataError(f"{folder} has no {kinds} files in it; name files, or another folder")
        return sorted(found, key=natural)


def natural(path: Path) -> list[tuple[bool, int, str]]:
    """A key by which ``frame-2`` comes before ``frame-10``."""
    parts = re.split(r"(\d+)", str(path))
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]
