"""A corpus: documents in a fixed order, read lazily, as often as needed.

A file is a document; with a ``separator``, every stretch of a file that ends with the separator is one (the
separator stays part of the text, as its end, so that nothing is lost and a model learns to write it).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..checks import checked
from ..errors import ArgumentError
from .pieces import Chunk
from .textfile import LineEnds, LiteralText, TextFile, normal


@checked
@dataclass
class Corpus:
    """Texts in order. ``notes`` say, for a person, what was left out and why."""

    name: str
    files: Sequence[TextFile | LiteralText]
    separator: str | None = None
    notes: list[str] = field(default_factory=list)
    line_ends: LineEnds | None = "keep"
    """how the files are read (see `TextFile`); with "unify" the separator's line ends are read alike"""

    def __post_init__(self) -> None:
        if self.separator == "":
            raise ArgumentError("separator", "a text of at least one character", self.separator)
        if self.separator is not None and self.line_ends == "unify":
            self.separator = normal(self.separator, "unify")

    @checked
    def chunks(self, changed: set[str] | None = None) -> Iterator[Chunk]:
        """The text in order, in chunks of about 256 thousand characters, with the document starts; to ``changed`` is
        added what is read as something else (see `textfile.told`)."""
        for file in self.files:
            yield from cut_documents(file.read(changed), self.separator)

    def fingerprint(self) -> list[object]:
        """Changes when a file is added, removed or written to, or is to be read in another way."""
        return [self.separator, *(file.fingerprint() for file in self.files)]


def cut_documents(texts: Iterable[str], separator: str | None) -> Iterator[Chunk]:
    """The text of one file as chunks; a document begins at its start and after every separator."""
    begins = True  # whether the next character is the first of a document
    overlap = len(separator) - 1 if separator else 0
    held = ""  # the end of the text so far, which may be the beginning of a separator
    for text in texts:
        held += text
        starts = [0] if begins and held else []
        done = 0  # everything before this is a whole number of documents
        if separator:
            while (at := held.find(separator, done)) >= 0:
                done = at + len(separator)
                starts.append(done)
        end = max(done, len(held) - overlap)
        if end == 0:
            continue
        begins = bool(starts) and starts[-1] == end
        yield Chunk(held[:end], tuple(starts[:-1] if begins else starts))
        held = held[end:]
    if held:
        yield Chunk(held, (0,) if begins else ())
