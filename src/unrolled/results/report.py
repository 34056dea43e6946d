"""The report of an evaluation."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, ItemsView, Iterator, KeysView
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from ..errors import did_you_mean
from . import markup
from .markup import Shown
from .parts import Part


@dataclass(frozen=True)
class Report(Shown):
    """Metrics, and parts that show them.

    A report can be read like a dictionary of its metrics: ``report["loss"]``, ``"loss" in report``, ``dict(report)``.

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

    def __getitem__(self, name: str) -> Any:
        if name not in self.values:
            near = did_you_mean(str(name), self.values)
            raise KeyError(f"{name!r} is none of {', '.join(self.values)}{near and f'; {near}'}")
        return self.values[name]

    def __contains__(self, name: object) -> bool:
        return name in self.values

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __bool__(self) -> bool:
        return True

    def keys(self) -> KeysView[str]:
        """Return the names of the metrics."""
        return self.values.keys()

    def items(self) -> ItemsView[str, Any]:
        """Return the names and values of the metrics."""
        return self.values.items()

    def get(self, name: str, default: Any = None) -> Any:
        """Return a metric, or ``default`` if the report does not have it."""
        return self.values.get(name, default)

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


def reporting_to(callback: Callable[[int], None] | None) -> Progress:
    """Return a `Progress` that calls a function with the amount done so far; `None`: `silent`."""

    @contextlib.contextmanager
    def progress(total: int, unit: str, /) -> Iterator[Callable[[int], None]]:
        yield callback or (lambda done: None)

    return progress
