"""The report of an evaluation."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from . import markup
from .markup import Shown
from .parts import Part


@dataclass(frozen=True)
class Report(Shown):
    """Metrics, and parts that show them.

    Attributes:
        values: the metrics by their JSON keys.
        parts: the parts to show, in order.
        how: lines on how files were read, and their first examples; shown first.
        notes: remarks.
        event: the JSON object's event name.
    """

    values: dict[str, Any]
    parts: tuple[Part, ...] = ()
    how: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    event: str = "evaluated"

    def plain(self) -> str:
        """Return the report as text."""
        return "\n\n".join(part.plain() for part in self.parts)

    def _repr_html_(self) -> str:
        notes = markup.dim((*self.how, *(f"note: {note}" for note in self.notes)))
        return f"<div>{notes}{''.join(map(markup.part, self.parts))}</div>"


class Comparison(NamedTuple):
    """Several models on the same data: a report of each (``values`` are for JSON), and one that shows all."""

    reports: list[Report]
    together: Report

    def __str__(self) -> str:
        return self.together.plain()

    def _repr_html_(self) -> str:
        return self.together._repr_html_()


@runtime_checkable
class Progress(Protocol):
    """Shows the progress of a long operation: ``with progress(total, "tokens") as done: …; done(1200)``."""

    def __call__(self, total: int, unit: str, /) -> AbstractContextManager[Callable[[int], None]]: ...


@contextlib.contextmanager
def silent(total: int, unit: str, /) -> Iterator[Callable[[int], None]]:
    """A `Progress` that shows nothing."""
    yield lambda done: None
