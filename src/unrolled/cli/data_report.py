"""What tasks say of data, put together: one task's report, and a line of how each other task would read the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..results import Pairs, Part, Report
from .terminal.look import fitted

WIDTH = 100  # characters of an example
EXCERPT = "read: "


@dataclass(frozen=True)
class Said:
    """What a task says of data.

    Attributes:
        task: its name.
        report: what it finds there.
        train: the command that would train on it.
        checked: what its check says, if that was asked for.
        error: why it cannot read the data.
    """

    task: str
    report: Report = field(default_factory=lambda: Report({}))
    train: str = ""
    checked: tuple[str, ...] = ()
    error: str = ""

    @property
    def how(self) -> str:
        """How the files were read, in a line."""
        told = self.report.how or self.report.notes
        return f"no: {self.error}" if self.error else "; ".join(one for one in told if not one.startswith(EXCERPT))

    @property
    def first(self) -> list[str]:
        """The first examples."""
        return [one for one in (self.report.how or self.report.notes) if one.startswith(EXCERPT)]

    def whole(self) -> Report:
        """Its report, with the command that trains on the data and with what its check says."""
        checked: list[Part] = [Pairs(_labelled("check", self.checked))] if self.checked else []
        values = {**self.report.values, "check": list(self.checked)} if self.checked else self.report.values
        parts = (*_added(self.report.parts, [("train with", self.train)]), *checked)
        return replace(self.report, values=values, parts=parts)

    def as_json(self) -> dict[str, Any]:
        """How it would read the data, where another task's report is shown."""
        said: dict[str, Any] = {"task": self.task, "how": self.how, "first": self.first}
        said |= {"values": self.report.values} if not self.error else {}
        return said | ({"check": list(self.checked)} if self.checked else {})


def together(lead: Said, others: Sequence[Said], asked: str | None) -> Report:
    """The report of one task with lines for the others, and the parts of the task that was ``asked`` for."""
    rows = []
    for one in others:
        lines = [one.how, *(fitted(example, WIDTH) for example in one.first)]
        rows += _labelled(f"for {one.task}", lines) if any(lines) else []
    report = lead.whole()
    parts = _added(report.parts, rows)
    for one in others:
        if one.task == asked:
            parts += one.whole().parts
        elif one.checked:
            parts += (Pairs(_labelled(f"check for {one.task}", one.checked)),)
    values = report.values | {"read": [one.as_json() for one in others]}
    return replace(report, values=values, parts=parts)


def _added(parts: tuple[Part, ...], rows: list[tuple[str, str]]) -> tuple[Part, ...]:
    """The parts with rows added to their first pairs."""
    for at, part in enumerate(parts):
        if isinstance(part, Pairs):
            return (*parts[:at], Pairs([*part.rows, *rows]), *parts[at + 1 :])
    return (*parts, Pairs(rows)) if rows else parts


def _labelled(label: str, lines: Sequence[str]) -> list[tuple[str, str]]:
    """A label beside the first of several lines."""
    return [("" if at else label, line) for at, line in enumerate(lines)]
