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
    parts: Sequence[int] | None = None
    """number of files in each of the parts training, validation and test, in this order; `None`: not divided"""
    full_lines: bool = False
    """end every nonempty file with a line break"""

    def __post_init__(self) -> None:
        if self.separator == "":
            raise ArgumentError("separator", "a nonempty text", self.separator)
        if self.separator is not None and self.line_ends == "unify":
            self.separator = normal(self.separator, "unify")

    @checked
    def chunks(self, changed: set[str] | None = None) -> Iterator[Chunk]:
        """Yield the text in chunks of about 256 thousand characters, with document starts; conversions are added to
        ``changed`` (see `textfile.describe_changes`)."""
        return (chunk for _, chunk in self.numbered(changed))

    @checked
    def numbered(self, changed: set[str] | None = None) -> Iterator[tuple[int, Chunk]]:
        """Yield what `chunks` does, with the index of the part; without parts it is 0."""
        part_of_file = [part for part, count in enumerate(self.parts or [len(self.files)]) for _ in range(count)]
        for part, file in zip(part_of_file, self.files, strict=True):
            texts: Iterable[str] = file.read(changed)
            texts = texts if self.keep is None else map(self.keep, texts)
            texts = _full_lines(texts) if self.full_lines else texts
            separator = file.separator or self.separator
            yield from ((part, chunk) for chunk in cut_documents(texts, separator))

    def fingerprint(self) -> list[object]:
        """Return a list that changes if a file is added, removed or modified, or if an option changes."""
        return [self.separator, *(file.fingerprint() for file in self.files)]


def _full_lines(texts: Iterable[str]) -> Iterator[str]:
    last = ""
    for text in texts:
        yield text
        last = text or last
    if last and not last.endswith("\n"):
        yield "\n"


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
