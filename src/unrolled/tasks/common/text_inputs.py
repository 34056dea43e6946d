"""Texts as inputs of `unrolled predict`: arguments, the lines of a file, or lines of standard input as they arrive.

A file and standard input are split into lines by the same rules, those of `data.textfile` and `data.rows`.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from ...data.encodings import AUTO, UTF8
from ...data.rows import lines, without_end
from ...data.textfile import BLOCK, TextFile, check_encoding
from ...errors import ArgumentError, DataError
from ...results import Input, is_blank
from ...results.inputs import AT_ONCE


@dataclass(frozen=True, kw_only=True)
class TextInputs:
    """Texts to predict."""

    file: str | None = None
    """file with one text per line; -: standard input"""
    encoding: str = "auto"
    """encoding of the file (auto: UTF-8, or Windows-1252 if it looks like it)"""
    errors: Literal["strict", "replace", "ignore"] = "strict"
    """handling of undecodable bytes"""
    input_name: ClassVar[str] = "text"

    def inputs(self, words: Sequence[str]) -> Iterator[list[Input]]:
        """See `training.input_options.InputOptions`."""
        encoding = None if self.encoding == TextInputs.encoding else self.encoding
        for word in words:
            if _names_file(word):
                raise ArgumentError(self.input_name, "a text, not the name of a file", word, f"use --file {word}")
        for texts in batches(tuple(words), self.file, encoding, self.errors):
            yield [Input(text) for text in texts]


def _names_file(word: str) -> bool:
    """Return whether a text is the name of an existing file, with a suffix or a folder."""
    path = Path(word)
    try:
        return (path.suffix != "" or len(path.parts) > 1) and path.is_file()
    except (OSError, ValueError):  # not a path: a long text, a NUL character
        return False


@dataclass(frozen=True)
class StandardInput(TextFile):
    """Standard input read like a file: once, and only as far as data is available."""

    path: Path = Path("standard input")
    ends: list[int] = field(default_factory=list)
    """number of line ends in each block read"""

    def must_wait(self, seen: int) -> bool:
        """Return whether reading on after ``seen`` lines would block: neither another line nor the end has arrived."""
        if not self.ends or seen < sum(self.ends):
            return False
        try:
            return not select.select([sys.stdin], [], [], 0)[0]
        except OSError:  # not a file descriptor; Windows cannot poll pipes, so reading may block
            return os.name == "nt"

    def blocks(self) -> Iterator[bytes]:
        stream: Any = getattr(sys.stdin, "buffer", None)
        if stream is None:  # replaced by a text stream
            yield sys.stdin.read().encode(self.encoding)
            return
        read = getattr(stream, "read1", stream.read)
        try:
            while block := read(BLOCK):
                self.ends.append(block.count(b"\n"))
                yield block
        except OSError as error:
            raise DataError(f"cannot read standard input: {error.strerror or error}") from error


def batches(texts: tuple[str, ...], file: str | None, encoding: str | None, errors: str) -> Iterator[list[str]]:
    """Yield the texts, or the lines of a file, in lists of those available at once; a blank line is ``""``.

    Args:
        texts: the command's arguments.
        file: a file of lines; "-", or `None` without texts: standard input.
        encoding: the file's; `None`: UTF-8 or Windows-1252, for standard input the terminal's.
        errors: handling of bytes that cannot be decoded.

    Raises:
        ArgumentError: there are no texts and no lines, or all texts are blank.
        DataError: a line cannot be read; the lines before it have been yielded.
    """
    if texts and file is not None:
        raise ArgumentError("file", "omitted when texts are given", file)
    if texts and all(map(is_blank, texts)):
        raise ArgumentError("text", "at least one word", texts[0])
    if not texts and file is None and sys.stdin.isatty():
        raise ArgumentError("text", "at least one text", "nothing", "give it in quotes after RUN")
    source = _source(file, encoding, errors)
    batch: list[str] = []
    for number, line in enumerate(texts or map(without_end, lines(source)), 1):
        batch.append("" if is_blank(line) else line)
        if len(batch) == AT_ONCE or (isinstance(source, StandardInput) and source.must_wait(number)):
            yield batch
            batch = []
    if batch:
        yield batch


def _source(file: str | None, encoding: str | None, errors: str) -> TextFile:
    check_encoding(encoding or AUTO, errors)
    if file is None or file == "-":  # a terminal's encoding follows the locale
        return StandardInput(encoding=encoding or getattr(sys.stdin, "encoding", None) or UTF8, errors=errors)
    return TextFile(Path(file).expanduser(), encoding or AUTO, errors)
