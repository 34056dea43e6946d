"""Tables on a terminal and in a log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from .look import console, printable


def show_table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Print rows under headers; the columns named in ``right`` are right-aligned."""
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    for name in header:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    _print(table)


def show_pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Print labels and values."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(Text(label), Text(printable(text)))
    _print(table)


def _print(table: Table) -> None:
    stream = console()
    if stream.is_terminal:
        stream.print(table)
        return
    stream.width = 1000  # do not wrap lines in a file
    with stream.capture() as captured:
        stream.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))
