"""Files as inputs of `unrolled predict`: words that name files or folders, or one file on standard input."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ...errors import ArgumentError, DataError
from ...results import Input, chunked
from ...results.inputs import MOST_BYTES

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

    def _every(self, words: Sequence[str]) -> Iterator[Input]:
        for word in words:
            path = Path(word).expanduser()
            if word == "-":
                yield Input(_standard_input(), "standard input")
            elif path.is_dir():
                yield from map(Input, self._within(path))
            else:
                yield Input(path)

    def _within(self, folder: Path) -> list[Path]:
        found = [one for one in folder.rglob("*") if one.is_file() and not one.name.startswith(".")]
        some = [one for one in found if not self.endings or one.suffix.lower() in self.endings]
        if not some:
            kinds = ", ".join(self.endings) or "visible"
            raise DataError(f"{folder} has no {kinds} files in it; name files, or another folder")
        return sorted(some, key=natural)


def natural(path: Path) -> list[tuple[bool, int, str]]:
    """A key by which ``frame-2`` comes before ``frame-10``."""
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", str(path))]


def _standard_input() -> bytes:
    """Its bytes; of what is too long for any input, the beginning, which is refused where it is read."""
    stream: Any = getattr(sys.stdin, "buffer", None)
    if stream is None:  # text that somebody put in its place
        return sys.stdin.read(MOST_BYTES + 1).encode("utf-8", errors="replace")
    try:
        content: bytes = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise DataError(f"cannot read standard input: {error.strerror or error}") from error
    return content
