"""Combine reports on data: one task's report, and lines on how each other task would read the same data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..results import Pairs, Part, Report
from .terminal.look import fitted

WIDTH = 100  # characters of an example
EXCERPT = "read: "


@dataclass(frozen=True)
class TaskReport:
    """A task's report on data.

    Attributes:
        task: the task's name.
        report: its description of the data.
        train: the command that trains on the data.
        checked: the result of its check, if requested.
        error: the reason why it cannot read the data.
    """

    task: str
    report: Report = field(default_factory=lambda: Report({}))
    train: str = ""
    checked: tuple[str, ...] = ()
    error: str = ""

    @property
    def how(self) -> str:
        """How the files were read, in one line."""
        lines = self.report.how or self.report.notes
        return f"no: {self.error}" if self.error else "; ".join(line for line in lines if not line.startswith(EXCERPT))

    @property
    def first(self) -> list[str]:
        """The first examples."""
        return [line for line in (self.report.how or self.report.notes) if line.startswith(EXCERPT)]

    def whole(self) -> Report:
        """Return the report with the command that trains on the data and the result of the check."""
        checked: list[Part] = [Pairs(_labelled("check", self.checked))] if self.checked else []
        values = {**self.report.values, "check": list(self.checked)} if self.checked else self.report.values
        parts = (*_added(self.report.parts, [("train with", self.train)]), *checked)
        return replace(self.report, values=values, parts=parts)

    def as_json(self) -> dict[str, Any]:
        """Return plain data on how the task would read the data, for the JSON of another task's report."""
        values: dict[str, Any] = {"task": self.task, "how": self.how, "first": self.first}
        values |= {"values": self.report.values} if not self.error else {}
        return values | ({"check": list(self.checked)} if self.checked else {})


def combined(lead: TaskReport, others: Sequence[TaskReport], requested: str | None) -> Report:
    """Return the report of one task with lines for the others, and the parts of the ``requested`` task."""
    rows = []
    for other in others:
        lines = [other.how, *(fitted(example, WIDTH) for example in other.first)]
        rows += _labelled(f"for {other.task}", lines) if any(lines) else []
    report = lead.whole()
    values = report.values | {"read": [other.as_json() for other in others]}
    for other in others:
        if other.task == requested:  # its facts first; of the others only what they say about the file
            shown = other.whole()
            return replace(report, values=values, parts=(*shown.parts, *lead.report.parts), how=shown.how)
    parts = _added(report.parts, [] if requested else rows)
    for other in others:
        if other.checked:
            parts += (Pairs(_labelled(f"check for {other.task}", other.checked)),)
    return replace(report, values=values, parts=parts)


def _added(parts: tuple[Part, ...], rows: list[tuple[str, str]]) -> tuple[Part, ...]:
    """Return the parts with rows added to the first `Pairs`."""
    for at, part in enumerate(parts):
        if isinstance(part, Pairs):
            return (*parts[:at], Pairs([*part.rows, *rows]), *parts[at + 1 :])
    return (*parts, Pairs(rows)) if rows else parts


def _labelled(label: str, lines: Sequence[str]) -> list[tuple[str, str]]:
    """Return (label, line) pairs with the label at the first line only."""
    return [("" if at else label, line) for at, line in enumerate(lines)]
