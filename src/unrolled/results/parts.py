"""The parts of a result. Each has three forms:

    plain()     text for a terminal or a log, also what `print` shows
    as_json()   plain data, with its ``kind``
    files()     name → bytes, for a folder

They show themselves in a notebook too, as HTML, PNG or SVG. Pictures are rendered on first use.
"""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from . import markup
from .markup import Shown

BARS = " ▁▂▃▄▅▆▇█"
WIDTH = 60  # characters of a series in plain text


@runtime_checkable
class Part(Protocol):
    """A part of a result."""

    def plain(self) -> str:
        """Return the part as text."""

    def as_json(self) -> dict[str, Any]:
        """Return the part as plain data for JSON."""

    def files(self) -> dict[str, bytes]:
        """Return the part's files: name → content."""


@dataclass(frozen=True)
class Text(Shown):
    """Plain text; a file only if it has a ``name``. ``aside``: about the inputs, so on standard error beside JSON."""

    text: str
    name: str = ""
    aside: bool = False
    kind: ClassVar[str] = "text"

    def plain(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return markup.preformatted(self.text)

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "text": self.text}

    def files(self) -> dict[str, bytes]:
        return {f"{self.name}.txt": _encoded(f"{self.text}\n")} if self.name else {}


@dataclass(frozen=True)
class Pairs(Shown):
    """Labels and values."""

    rows: Sequence[tuple[str, str]]
    kind: ClassVar[str] = "pairs"

    def plain(self) -> str:
        width = max((len(label) for label, _ in self.rows), default=0)
        return "\n".join(f"{label:<{width}}  {text}".rstrip() for label, text in self.rows)

    def _repr_html_(self) -> str:
        return markup.pairs(self.rows)

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "rows": [list(row) for row in self.rows]}

    def files(self) -> dict[str, bytes]:
        return {}


@dataclass(frozen=True)
class Table(Shown):
    """A table of text.

    Attributes:
        name: the file's name, without suffix.
        header: the columns' names.
        rows: one text per column.
        right: the names of right-aligned columns.
    """

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[str] = ()
    kind: ClassVar[str] = "table"

    def plain(self) -> str:
        lines = [list(self.header), *map(list, self.rows)]
        widths = [max(len(row[n]) for row in lines) for n in range(len(self.header))]
        alignments = [">" if name in self.right else "<" for name in self.header]
        return "\n".join(
            "  ".join(
                f"{cell:{align}{width}}" for cell, align, width in zip(row, alignments, widths, strict=True)
            ).rstrip()
            for row in lines
        )

    def _repr_html_(self) -> str:
        return markup.table(self.header, self.rows, self.right)

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "header": list(self.header), "rows": [list(r) for r in self.rows]}

    def files(self) -> dict[str, bytes]:
        return {f"{self.name}.csv": _csv([self.header, *self.rows])}


@dataclass(frozen=True)
class Series(Shown):
    """Time series.

    Attributes:
        name: the file's name, without suffix.
        index: the time of each value: a date, a second, a step.
        columns: name → one value for each entry of the index.
        unit: the values' unit.
    """

    name: str
    index: Sequence[Any]
    columns: Mapping[str, Sequence[float]]
    unit: str = ""
    kind: ClassVar[str] = "series"

    def plain(self) -> str:
        width = max(map(len, self.columns), default=0)
        lines = (f"{name:<{width}}  {_spark(values)}" for name, values in self.columns.items())
        return "\n".join(f"{line} {self.unit}".rstrip() for line in lines)

    def _repr_html_(self) -> str:
        return markup.curves(self.columns.items(), self.unit)

    def as_json(self) -> dict[str, Any]:
        columns = {name: list(map(float, values)) for name, values in self.columns.items()}
        index = [entry if isinstance(entry, int | float) else str(entry) for entry in self.index]
        return {"kind": self.kind, "name": self.name, "unit": self.unit, "index": index, "columns": columns}

    def files(self) -> dict[str, bytes]:
        rows = zip(self.index, *self.columns.values(), strict=True)
        return {f"{self.name}.csv": _csv([["", *self.columns], *rows])}


@dataclass(frozen=True)
class Spans(Shown):
    """Labelled segments of a recording or a video, in seconds.

    Attributes:
        name: the file's name, without suffix.
        spans: (begin, end, label), ascending.
    """

    name: str
    spans: Sequence[tuple[float, float, str]]
    kind: ClassVar[str] = "spans"

    def plain(self) -> str:
        return "\n".join(f"{begin:8.2f}–{end:.2f} s  {label}" for begin, end, label in self.spans)

    def _repr_html_(self) -> str:
        rows = [(f"{begin:.2f} s", f"{end:.2f} s", label) for begin, end, label in self.spans]
        return markup.table(("begin", "end", "label"), rows, ("begin", "end"))

    def as_json(self) -> dict[str, Any]:
        spans = [{"begin": begin, "end": end, "label": label} for begin, end, label in self.spans]
        return {"kind": self.kind, "name": self.name, "spans": spans}

    def files(self) -> dict[str, bytes]:
        return {f"{self.name}.csv": _csv([["begin", "end", "label"], *self.spans])}


@dataclass(frozen=True)
class Picture(Shown):
    """A PNG image.

    Attributes:
        name: the file's name, without suffix.
        draw: renders the PNG file; called once, on first use.
        title: its title.
        path: where to save it, if the user chose a path (default: the results folder).
    """

    name: str
    draw: Callable[[], bytes] = field(repr=False)
    title: str = ""
    path: Path | None = None
    kind: ClassVar[str] = "picture"

    @cached_property
    def png(self) -> bytes:
        """The bytes of the PNG file."""
        return self.draw()

    def plain(self) -> str:
        return f"{self.title or self.name}{' (picture)' if self.path is None else f': {self.path}'}"

    def _repr_png_(self) -> bytes:
        return self.png

    def as_json(self) -> dict[str, Any]:
        png = base64.b64encode(self.png).decode()
        return {"kind": self.kind, "name": self.name, "title": self.title, "png": png}

    def files(self) -> dict[str, bytes]:
        return {f"{self.name}.png": self.png}

    def content(self, suffix: str) -> bytes:
        """Return the bytes of the file; ``draw`` decides on its format."""
        return self.png


@dataclass(frozen=True)
class Drawing(Shown):
    """An SVG drawing.

    Attributes:
        name: the file's name, without suffix.
        svg: the text of the SVG file.
        title: its title.
    """

    name: str
    svg: str
    title: str = ""
    kind: ClassVar[str] = "drawing"

    def plain(self) -> str:
        return f"{self.title or self.name} (picture)"

    def _repr_svg_(self) -> str:
        return self.svg

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "title": self.title, "svg": self.svg}

    def files(self) -> dict[str, bytes]:
        return {f"{self.name}.svg": _encoded(self.svg)}


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", errors="replace")  # command-line arguments may hold lone surrogates


def _csv(rows: Iterable[Iterable[Any]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return _encoded(out.getvalue())


def _spark(values: Sequence[float]) -> str:
    """Return a sparkline such as ``▁▂▅█`` of at most `WIDTH` values, scaled from their minimum to their maximum."""
    step = max(1, -(-len(values) // WIDTH))
    shown = [float(value) for value in values[::step]]
    finite = [value for value in shown if value - value == 0]
    if not finite:
        return " " * len(shown)
    low, high = min(finite), max(finite)
    scale = (len(BARS) - 2) / (high - low) if high > low else 0.0
    bars = "".join(BARS[1 + round((value - low) * scale)] if value - value == 0 else " " for value in shown)
    return f"{bars}  {low:.4g} to {high:.4g}"
