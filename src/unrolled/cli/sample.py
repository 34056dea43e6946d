"""unrolled sample RUN [options of the task]: let a trained model write, or draw."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field

from ..results import Part, SamplePiece
from .interactive import converse
from .terminal.look import BOLD, DIM, end_line, show
from .terminal.reporters import emit
from .terminal.results import show_part
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
            samples = (collect if general.json else write)(pieces, getattr(own, "samples", 1))
    for number, one in enumerate(samples):
        if general.json:
            emit("sample", number=number, prompt=one.prompt, text=one.text, parts=[p.as_json() for p in one.parts])
        if folder is not None:
            _keep(folder, number + 1, one)
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


def collect(pieces: Iterable[SamplePiece], count: int) -> list[Sample]:
    """All samples, nothing printed."""
    samples = [Sample() for _ in range(count)]
    for piece in pieces:
        samples[piece.number].add(piece)
    return samples


def write(pieces: Iterable[SamplePiece], count: int) -> list[Sample]:
    """Print all samples: the first as it is made, the others, made beside it, after it."""
    samples = [Sample() for _ in range(count)]
    _open(1, count)
    last: str | None = None
    try:
        for piece in pieces:
            samples[piece.number].add(piece)
            if piece.number == 0:
                _show(piece)
                if isinstance(piece.part, str):
                    last = piece.part or last or ""
    finally:
        if last is not None:
            end_line(last)
    for number, sample in enumerate(samples[1:], 2):
        print()
        _open(number, count)
        show(sample.prompt, BOLD)
        show(sample.text)
        if sample.prompt or sample.text:
            end_line(sample.text or sample.prompt)
        for part in sample.parts:
            show_part(part)
    return samples


def _show(piece: SamplePiece) -> None:
    if isinstance(piece.part, str):
        show(piece.part, BOLD if piece.given else "")
    else:
        show_part(piece.part)


def _open(number: int, count: int) -> None:
    if count > 1:
        show(f"--- sample {number} of {count} ---", DIM)
        show("\n")


def _keep(folder: Folder, number: int, sample: Sample) -> None:
    if sample.prompt or sample.text:
        text = sample.prompt + sample.text
        folder.keep(f"sample-{number}.txt", text.encode("utf-8", errors="replace"))
    for part in sample.parts:
        folder.keep_all(part.files(), f"sample-{number}-")
