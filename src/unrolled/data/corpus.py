"""A corpus: documents in a fixed order, read lazily.

Each file is a document. With a ``separator``, documents end after each occurrence of the separator, which remains part
of the text, so that a model learns to generate it. The sequences of a FASTA file are documents, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..checks import checked
from ..errors import ArgumentError
from .pieces import Chunk
from .textfile import LineEnds, LiteralText, TextFile, normal


@checked
@dataclass
class Corpus:
    """Texts in order. ``notes`` tell the user which files were skipped and why."""

    name: str
    files: Sequence[TextFile | LiteralText]
    separator: str | None = None
    notes: list[str] = field(default_factory=list)
    line_ends: LineEnds | None = "keep"
    """line ending conversion of the files (see `TextFile`); "unify" also converts those of the separator"""
    keep: Callable[[str], str] | None = None
    """returns a piece of text without the characters to skip"""

    def __post_init__(self) -> None:
        if self.separator == "":
            raise ArgumentError("separator", "a nonempty text", self.separator)
        if self.separator is not None and self.line_ends == "unify":
            self.separator = normal(self.separator, "unify")

    @checked
    def chunks(self, changed: set[str] | None = None) -> Iterator[Chunk]:
        """Yield the text in chunks of about 256 thousand characters, with document starts; conversions are added to
        ``changed`` (see `textfile.describe_changes`)."""
        for file in self.files:
            texts = file.read(changed)
            separator = file.separator or self.separator
            yield from cut_documents(texts if self.keep is None else map(self.keep, texts), separator)

    def fingerprint(self) -> list[object]:
        """Return a list that changes if a file is added, removed or modified, or if an option changes."""
        return [self.separator, *(file.fingerprint() for file in self.files)]


def cut_documents(texts: Iterable[str], separator: str | None) -> Iterator[Chunk]:
    """Yield the text of one file in chunks; documents start at its beginning and after each separator."""
    begins = True  # whether the next character starts a document
    overlap = len(separator) - 1 if separator else 0
    held = ""  # text not yet yielded, which may end with part of a separator
    for text in texts:
        held += text
        starts = [0] if begins and held else []
        done = 0  # end of the last complete document
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
