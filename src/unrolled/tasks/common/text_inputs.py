"""Texts as inputs of `unrolled predict`: words in quotes, the lines of a file, or of standard input as they come.

A file's bytes and the same bytes on standard input are the same lines, by the rules of `data.textfile` and `data.rows`.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from ...data.rows import lines, without_end
from ...data.textfile import BLOCK, TextFile, check_encoding
from ...errors import ArgumentError, DataError
from ...results import Input, is_blank
from ...results.inputs import AT_ONCE


@dataclass(frozen=True, kw_only=True)
class TextInputs:
    """The texts."""

    file: str | None = None
    """a file with a text per line, each answered by a line; - is standard input"""
    encoding: str = "utf-8"
    """its encoding; for standard input it is the terminal's unless another than utf-8 is named"""
    errors: Literal["strict", "replace", "ignore"] = "strict"
    """what to do with bytes that are no text in that encoding"""
    input_name: ClassVar[str] = "text"

    def inputs(self, words: Sequence[str]) -> Iterator[list[Input]]:
        """See `training.input_options.InputOptions`."""
        encoding = None if self.encoding == TextInputs.encoding else self.encoding
        for some in batches(tuple(words), self.file, encoding, self.errors):
            yield [Input(text) for text in some]


def readable(inputs: Sequence[Input]) -> tuple[list[str], DataError | None]:
    """The texts before the first input that cannot be read, and why it cannot."""
    texts: list[str] = []
    for source in inputs:
        try:
            texts.append(source.text())
        except DataError as error:
            return texts, error
    return texts, None


@dataclass(frozen=True)
class StandardInput(TextFile):
    """Standard input in the place of a file: read once, and no further than what is there."""

    path: Path = Path("standard input")
    ends: list[int] = field(default_factory=list)
    """how many line ends each block had"""

    def must_wait(self, seen: int) -> bool:
        """Whether a reader who has seen so many lines would wait for the next one: it is not there, nor is the end."""
        if not self.ends or seen < sum(self.ends):
            return False
        try:
            return not select.select([sys.stdin], [], [], 0)[0]
        except OSError:  # what is no file of the system's; on Windows no pipe is asked, and may have to be waited for
            return os.name == "nt"

    def blocks(self) -> Iterator[bytes]:
        stream: Any = getattr(sys.stdin, "buffer", None)
        if stream is None:  # text that somebody put in its place
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
    """The texts, or the lines of a file, as many at once as are there; "" for a blank one, so that each has an answer.

    Args:
        texts: what was given in words.
        file: a file of lines; "-", or `None` without texts, is standard input.
        encoding: the file's; `None` is UTF-8, and for standard input what the terminal has.
        errors: what to do with bytes that are no text.

    Raises:
        ArgumentError: there are neither texts nor lines to come, or all texts are blank.
        DataError: lines that cannot be read; those before are answered.
    """
    if texts and file is not None:
        raise ArgumentError("file", "left out when texts are given", file)
    if texts and all(map(is_blank, texts)):
        raise ArgumentError("text", "at least one word", texts[0])
    if not texts and file is None and sys.stdin.isatty():
        raise ArgumentError("text", "at least one text", "nothing", "give it in quotes after RUN")
    source = _source(file, encoding, errors)
    found: list[str] = []
    for number, line in enumerate(texts or map(without_end, lines(source)), 1):
        found.append("" if is_blank(line) else line)
        if len(found) == AT_ONCE or (isinstance(source, StandardInput) and source.must_wait(number)):
            yield found
            found = []
    if found:
        yield found


def _source(file: str | None, encoding: str | None, errors: str) -> TextFile:
    if file in (None, "-"):
        encoding = encoding or getattr(sys.stdin, "encoding", None)  # of a terminal's text the locale knows better
    encoding = encoding or "utf-8"
    check_encoding(encoding, errors)
    if file is None or file == "-":
        return StandardInput(encoding=encoding, errors=errors)
    return TextFile(Path(file).expanduser(), encoding, errors)
