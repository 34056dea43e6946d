"""unrolled sample RUN [options of the task]: let a trained model write, or draw."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..results import Part, SamplePiece
from .interactive import converse
from .terminal.look import BOLD, DIM, end_line, show
from .terminal.reporters import emit
from .terminal.results import is_drawn, kept, note_unkept, show_part
from .terminal.results_folder import Folder, folder_of
from .verb import Verb, parse_request


@dataclass(frozen=True, kw_only=True)
class General:
    """What every task has."""

    cell: str | None = None
    """the model's cell, if it is one of your own (module:Class)"""
    out: str | None = None
    """keep the samples in this folder too, each as a file"""
    json: bool = False
    """print one JSON object for each sample, when it is whole"""


VERB = Verb(
    "sample",
    "Let a trained model write. The text appears as it is written; the same seed writes the same text.",
    General,
    "Sample",
    "make up anything",
)


def run(argv: list[str]) -> int:
    """The verb."""
    request = parse_request(VERB, argv)
    [model] = request.models().values()
    own, general = request.own, request.general
    folder = folder_of(general.out)
    with request.schema.names():
        if getattr(own, "interactive", False):
            return converse(model.conversation(own), own.prompt, own.sampling, own.length, own.stop)
        pieces = model.samples(own)
        closing = contextlib.closing(pieces) if isinstance(pieces, Generator) else contextlib.nullcontext()
        with closing:
            if general.json:
                write_json(pieces, folder)
            else:
                write(pieces, getattr(own, "samples", 1), folder)
    return 0


@dataclass
class Sample:
    """One sample, whole."""

    prompt: str = ""
    text: str = ""
    parts: list[Part] = field(default_factory=list)

    def add(self, piece: SamplePiece) -> None:
        """What comes next of it."""
        if not isinstance(piece.part, str):
            self.parts.append(piece.part)
        elif piece.given:
            self.prompt += piece.part
        else:
            self.text += piece.part

    def keep(self, number: int, folder: Folder | None) -> list[list[Path]]:
        """Keep it in the folder, if there is one; where each of its parts is."""
        name = f"sample-{number + 1}"
        if folder is not None and (self.prompt or self.text):
            folder.keep(f"{name}.txt", (self.prompt + self.text).encode("utf-8", errors="replace"))
        return [kept(part, folder, f"{name}-") for part in self.parts]

    def show_parts(self, number: int, folder: Folder | None) -> int:
        """Keep it, and print its parts; the number of pictures and drawings that are not kept."""
        places = self.keep(number, folder)
        for part, paths in zip(self.parts, places, strict=True):
            show_part(part, paths)
        return sum(is_drawn(part) and not paths for part, paths in zip(self.parts, places, strict=True))


def write_json(pieces: Iterable[SamplePiece], folder: Folder | None) -> None:
    """Print each sample as a JSON object."""
    samples = defaultdict[int, Sample](Sample)
    for piece in pieces:
        samples[piece.number].add(piece)
    for number, sample in sorted(samples.items()):
        parts = [part.as_json() for part in sample.parts]
        emit("sample", number=number, prompt=sample.prompt, text=sample.text, parts=parts)
        sample.keep(number, folder)


def write(pieces: Iterable[SamplePiece], count: int, folder: Folder | None) -> None:
    """Print all samples: the first as it is made, the others, made beside it, after it."""
    first, others = Sample(), defaultdict[int, Sample](Sample)
    _open(1, count)
    last: str | None = None
    try:
        for piece in pieces:
            (others[piece.number] if piece.number else first).add(piece)
            if piece.number == 0 and isinstance(piece.part, str):
                show(piece.part, BOLD if piece.given else "")
                last = piece.part or last or ""
    finally:
        if last is not None:
            end_line(last)
    unkept = first.show_parts(0, folder)
    for number, sample in sorted(others.items()):
        print()
        _open(number + 1, count)
        show(sample.prompt, BOLD)
        show(sample.text)
        if sample.prompt or sample.text:
            end_line(sample.text or sample.prompt)
        unkept += sample.show_parts(number, folder)
    note_unkept(unkept)


def _open(number: int, count: int) -> None:
    if count > 1:
        show(f"--- sample {number} of {count} ---", DIM)
        show("\n")
