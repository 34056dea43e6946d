"""Files as inputs of `unrolled predict`: arguments that name files or folders, or one file on standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ...data.natural_order import natural
from ...errors import ArgumentError, DataError
from ...results import Input, chunked
from .standard_input import standard_input

AT_ONCE = 32  # files of a chunk


@dataclass(frozen=True, kw_only=True)
class FileInputs:
    """Files to predict."""

    input_name: ClassVar[str] = "file"
    endings: ClassVar[tuple[str, ...]] = ()
    """suffixes of the files to read in a folder, such as ``.png``; empty: all files"""

    def inputs(self, words: Sequence[str]) -> Iterator[list[Input]]:
        """See `training.input_options.InputOptions`; ``-``, or no argument, is a file on standard input."""
        if not words and sys.stdin.isatty():
            raise ArgumentError(self.input_name, "at least one file or folder, or -", "nothing", "give it after RUN")
        return chunked(self._inputs(words or ["-"]), AT_ONCE)

    def is_one(self, folder: Path) -> bool:
        """Return whether a folder is a single input, such as the frames of a video; else each of its files is one."""
        return False

    def _accepts(self, path: Path) -> bool:
        return path.is_file() and (not self.endings or path.suffix.lower() in self.endings)

    def _inputs(self, words: Sequence[str]) -> Iterator[Input]:
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
            inputs = [name for name in folders if self.is_one(Path(parent, name))]
            folders[:] = [name for name in folders if name not in inputs and not name.startswith(".")]
            inputs += [name for name in files if self._accepts(Path(parent, name))]
            found += [Path(parent, name) for name in inputs if not name.startswith(".")]
        if not found:
            kinds = ", ".join(self.endings) or "visible"
            raise DataError(f"{folder} has no {kinds} files; name files, or another folder")
        return sorted(found, key=natural)
