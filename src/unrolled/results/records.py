"""Records: many rows of values, of which the first are shown and all are saved."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from . import markup
from .markup import Shown
from .parts import Table

SHOWN = 10  # rows in plain text and HTML
LONGEST = 60  # characters of a text there
SUFFIXES = (".csv", ".jsonl")

Value = str | float | int


@dataclass(frozen=True)
class Records(Shown):
    """Rows of values.

    Attributes:
        name: the file's name, without suffix.
        header: the columns' names.
        rows: one value per column.
        title: what the rows are.
        path: where to save all rows: as CSV or, with the suffix ``.jsonl``, as an object per line (default: as CSV in
            the results folder).
    """

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[Value]]
    title: str = ""
    path: Path | None = None
    kind: ClassVar[str] = "records"

    @property
    def table(self) -> Table:
        """The first rows, with long texts shortened."""
        rows = [[_shown(value) for value in row] for row in self.rows[:SHOWN]]
        numbers = [name for at, name in enumerate(self.header) if any(isinstance(row[at], float) for row in self.rows)]
        return Table(self.name, self.header, rows, right=numbers)

    @property
    def heading(self) -> str:
        """The title, with the number of rows that are shown."""
        return f"{self.title} ({SHOWN} shown)" if len(self.rows) > SHOWN else self.title

    def plain(self) -> str:
        return "\n".join(filter(None, [self.heading, self.table.plain() if self.rows else ""]))

    def _repr_html_(self) -> str:
        return markup.dim([self.heading]) + (markup.part(self.table) if self.rows else "")

    def objects(self, count: int | None = None) -> list[dict[str, Value]]:
        """Return the first ``count`` rows, or all, as objects."""
        return [dict(zip(self.header, row, strict=True)) for row in self.rows[:count]]

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "title": self.title, "rows": self.objects()}

    def files(self) -> dict[str, bytes]:
        return {f"{self.name}.csv": self.content(".csv")}

    def content(self, suffix: str) -> bytes:
        """Return all rows as a file: CSV with a header, or an object per line for the suffix ``.jsonl``."""
        if suffix.lower() == ".jsonl":
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in self.objects())
        else:
            out = io.StringIO()
            csv.writer(out, lineterminator="\n").writerows([self.header, *self.rows])
            text = out.getvalue()
        return text.encode("utf-8", errors="replace")


def _shown(value: Value) -> str:
    if not isinstance(value, str):
        return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"
    text = " ".join(value.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
