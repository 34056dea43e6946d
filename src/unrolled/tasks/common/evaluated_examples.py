"""``unrolled evaluate`` for tasks that learn from files of examples: which examples, and how their file is read."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

from ...errors import ArgumentError, UnrolledError
from ...training.config import update
from .prediction import Part
from .trained import Trained

M = TypeVar("M", bound=Trained)


@dataclass(frozen=True, kw_only=True)
class EvaluatedExamples:
    """A file of examples, read as the options say, or a part of the run's own data."""

    data: str | None = None
    """other examples: a file, or a named set"""
    split: Literal["valid", "test", "train"] | None = None
    """part of the run's own data (default: test)"""
    encoding: str | None = None
    """encoding of --data (default: as in training)"""
    errors: Literal["strict", "replace", "ignore"] | None = None
    """what to do with bytes that are no text in that encoding (default: as in training)"""
    of_files: ClassVar[tuple[str, ...]]
    """the options that say how a file is read; the config has options of the same names"""

    def __post_init__(self) -> None:
        if self.data is None:
            for name, value in self.reading().items():
                raise ArgumentError(name, "left out without --data", value)
        elif self.split is not None:
            raise ArgumentError("split", "left out with --data, which is measured whole", self.split)

    def reading(self) -> dict[str, Any]:
        """How the file is read, as far as that differs from the training."""
        return {name: value for name in self.of_files if (value := getattr(self, name)) is not None}

    @property
    def part(self) -> Part:
        """The part of the run's own data."""
        return self.split or "test"


def reading_as(model: M, options: EvaluatedExamples) -> M:
    """The same network, for files that are read as the options say.

    Raises:
        ArgumentError: an option has no such value.
    """
    other = copy.copy(model)
    other.config = update(model.config, **options.reading())
    return other


@contextlib.contextmanager
def noting(how: Sequence[str]) -> Iterator[None]:
    """An error within it has how the file was read as its notes: the cause may be a wrong column or encoding."""
    try:
        yield
    except UnrolledError as error:
        for line in how:
            error.add_note(line)
        raise
