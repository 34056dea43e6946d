"""Options of ``unrolled evaluate`` for tasks on files of examples: which examples, and how to read their file."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from ...errors import ArgumentError, RunError, UnrolledError
from ...results import Records
from ...results.records import SUFFIXES, Value
from ...training.config import update
from .own_data import TrainedOnSets
from .prediction import Part
from .trained import Trained

E = TypeVar("E", bound=Sized)
M = TypeVar("M", bound=Trained)


@dataclass(frozen=True, kw_only=True)
class EvaluatedExamples:
    """Data to evaluate on."""

    data: str | None = None
    """data to evaluate on: a file or a named data set (default: the run's own data)"""
    split: Literal["valid", "test", "train"] | None = None
    """split of the run's own data (default: test)"""
    of_files: ClassVar[tuple[str, ...]] = ()
    """options for reading a file; the config has options of the same names"""

    def __post_init__(self) -> None:
        if self.data is None:
            for name, value in self.reading().items():
                raise ArgumentError(name, "omitted without --data", value)
        elif self.split is not None:
            raise ArgumentError("split", "omitted with --data, which is evaluated whole", self.split)

    def reading(self) -> dict[str, Any]:
        """Return the reading options that differ from training."""
        return {name: value for name in self.of_files if (value := getattr(self, name)) is not None}

    @property
    def part(self) -> Part:
        """The split of the run's own data."""
        return self.split or "test"


@dataclass(frozen=True, kw_only=True)
class EvaluatedTexts(EvaluatedExamples):
    """Data in text files to evaluate on."""

    encoding: str | None = None
    """encoding of --data (default: as in training)"""
    errors: Literal["strict", "replace", "ignore"] | None = None
    """handling of undecodable bytes (default: as in training)"""


def same_examples(models: Mapping[str, TrainedOnSets[E]], options: EvaluatedExamples) -> tuple[E, list[str]]:
    """Return the examples to evaluate all models on, and notes.

    Raises:
        RunError: the runs' own examples differ.
    """
    (first, model), *others = models.items()
    found: Any
    found, notes = model.find(options.data, options.part, **options.reading())
    for run, other in others:
        same: Any = other.find(options.data, options.part, **options.reading())[0]
        if same.digest() != found.digest():
            message = f"{first} and {run} have different {options.part} {model.noun}"
            raise RunError(f"{message}; select the {model.noun} to compare them on with --data")
    return found, notes


def with_reading_options(model: M, options: EvaluatedExamples) -> M:
    """Return a copy of the model, with the same network, that reads files with these options.

    Raises:
        ArgumentError: an option has an invalid value.
    """
    other = copy.copy(model)
    other.config = update(model.config, **options.reading())
    return other


@dataclass(frozen=True, kw_only=True)
class WithMistakes(EvaluatedExamples):
    """Data to evaluate on, and where to save the mistakes."""

    errors_out: str | None = None
    """save all mistakes to this file: .csv or .jsonl"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mistakes_file is not None:
            if self.mistakes_file.suffix.lower() not in SUFFIXES:
                raise ArgumentError("errors_out", f"a file with the suffix {' or '.join(SUFFIXES)}", self.errors_out)
            if not self.mistakes_file.absolute().parent.is_dir():
                raise ArgumentError("errors_out", "a file in an existing folder", self.errors_out)

    @property
    def mistakes_file(self) -> Path | None:
        """The path of the file for the mistakes."""
        return None if self.errors_out is None else Path(self.errors_out).expanduser()


def mistakes(header: Sequence[str], rows: Iterable[Sequence[Value]], options: WithMistakes) -> Records:
    """Return mistakes, most confident first; the last column is the probability of the guess."""
    ordered = sorted(rows, key=lambda row: -float(row[-1]))
    title = f"{len(ordered):,} mistake{'s' * (len(ordered) != 1)}{', most confident first' * (len(ordered) > 1)}"
    return Records("mistakes", header, ordered, title if ordered else "no mistakes", options.mistakes_file)


@contextlib.contextmanager
def with_reading_notes(how: Sequence[str]) -> Iterator[None]:
    """Add the lines ``how`` on how a file was read to errors, as notes: a wrong column or encoding may be the cause."""
    try:
        yield
    except UnrolledError as error:
        for line in how:
            error.add_note(line)
        raise
