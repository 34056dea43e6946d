"""unrolled sample RUN [options of the task]: generate samples from a trained model."""

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
from .terminal.results import is_drawn, note_folder, note_unsaved, save_part, show_part
from .terminal.results_folder import Folder, folder_of
from .verb import Verb, parse_request


@dataclass(frozen=True, kw_only=True)
class General:
    """Options of every task."""

    cell: str | None = None
    """the model's custom cell (module:Class)"""
    out: str | None = None
    """also save each sample to this folder"""
    json: bool = False
    """print one JSON object per sample"""


VERB = Verb(
    "sample",
    "Generate samples from a trained model. Text is streamed as it is generated; the same seed gives the same sample.",
    General,
    "Sample",
    "generate samples",
)


def run(argv: list[str]) -> int:
    """Run the command and return its exit status."""
    request = parse_request(VERB, argv)
    [model] = request.models().values()
    options, general = request.options, request.general
    folder = folder_of(general.out)
    with request.schema.names():
        if getattr(options, "interactive", False):
            session = model.conversation(options)
            return converse(session, options.prompt, options.sampling, options.length, options.stop)
        pieces = model.samples(options)
        closing = contextlib.closing(pieces) if isinstance(pieces, Generator) else contextlib.nullcontext()
        with closing:
            if general.json:
                write_json(pieces, folder)
            else:
                write(pieces, getattr(options, "samples", 1), folder)
    note_folder(folder)
    return 0


@dataclass
class Sample:
    """A sample, collected from its pieces."""

    prompt: str = ""
    text: str = ""
    parts: list[Part] = field(default_factory=list)

    def add(self, piece: SamplePiece) -> None:
        """Add the next piece."""
        if not isinstance(piece.part, str):
            self.parts.append(piece.part)
        elif piece.given:
            self.prompt += piece.part
        else:
            self.text += piece.part

    def save(self, number: int, folder: Folder | None) -> list[list[Path]]:
        """Save the sample in the folder, if there is one; return the paths of each part."""
        name = f"sample-{number + 1}"
        if folder is not None and (self.prompt or self.text):
            folder.save(f"{name}.txt", (self.prompt + self.text).encode("utf-8", errors="replace"))
        return [save_part(part, folder, f"{name}-") for part in self.parts]

    def show_parts(self, number: int, folder: Folder | None) -> int:
        """Save the sample and print its parts; return the number of pictures that were not saved."""
        places = self.save(number, folder)
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
        sample.save(number, folder)


def write(pieces: Iterable[SamplePiece], count: int, folder: Folder | None) -> None:
    """Print all samples: stream the first, then print the others, which are generated in the same batch."""
    first, others = Sample(), defaultdict[int, Sample](Sample)
    _show_heading(1, count)
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
    unsaved = first.show_parts(0, folder)
    for number, sample in sorted(others.items()):
        print()
        _show_heading(number + 1, count)
        show(sample.prompt, BOLD)
        show(sample.text)
        if sample.prompt or sample.text:
            end_line(sample.text or sample.prompt)
        unsaved += sample.show_parts(number, folder)
    note_unsaved(unsaved)


def _show_heading(number: int, count: int) -> None:
    if count > 1:
        show(f"--- sample {number} of {count} ---", DIM)
        show("\n")
