"""Tables of lines: a path and a text on each row, as TSV, CSV, JSON lines or ``path text``; a header is optional."""

from __future__ import annotations

from pathlib import Path

from ..errors import DataError, abridged
from .line_groups import grouped_lines
from .line_sources import FileBytes, ListedLine, ListedLines
from .near import exists
from .picture_files import ENDINGS, PATH_NAMES, TableLayout
from .rows import Column, form_by_name, lines, without_end
from .table import Found, Table
from .textfile import TextFile

TEXT_NAMES = ("text", "transcription", "transcript", "label", "gt", "ground_truth", "words", "sentence", "line", "y")
"""usual names of a column of texts; of several, the first one here is used"""


def list_lines_table(path: Path, layout: TableLayout) -> ListedLines:
    """Return the lines that a table names; paths are relative to the folder that it is in.

    Raises:
        ArgumentError: a given column is invalid.
        DataError: the table cannot be read, or files that it names do not exist.
    """
    file = TextFile(path, layout.encoding)
    first = next(iter(file.read()), "").partition("\n")[0]
    if "\t" not in first and first.split(" ", 1)[1:] and _place(path.parent, first.split(" ", 1)[0]):
        rows = enumerate((without_end(line).partition(" ") for line in lines(file)), 1)
        return _listed(path, "path and text with a space between them", ((n, row[0], row[2]) for n, row in rows), [])
    given = (layout.path_column, layout.label_column)
    form = form_by_name(path, "csv")
    header = layout.header and not (given == (None, None) and form != "jsonl" and _is_pair(first, path.parent))
    places = given if header else (layout.path_column or "1", layout.label_column or "2")
    columns = (
        Column("path", "--path-column", places[0], PATH_NAMES),
        Column("text", "--text-column", places[1], TEXT_NAMES),
    )
    table = Table(file, form, columns, header, layout.delimiter, False, '{"path": …, "text": …}')
    return _listed(path, *table.read(), table.notes)


def _listed(path: Path, how: str, rows: Found, notes: list[str]) -> ListedLines:
    """Return the lines of rows: line number, path and text; ``notes`` are complete after all rows."""
    listed, missing, bare = ListedLines(path, how=how), list[str](), 0
    for line, name, text in rows:
        name = name.strip().replace("\\", "/")
        if not name:
            bare += 1
        elif place := _place(path.parent, name):
            listed.rows.append(ListedLine(name, text, FileBytes(place, str(place))))
        else:
            missing.append(f"{name!r} (line {line})")
    if missing:
        raise DataError(
            f"{path} names {len(missing):,} pictures that do not exist: {abridged(missing)}; paths are relative to "
            f"{path.parent}, correct them or restore the files"
        )
    if not listed.rows:
        raise DataError(f"{path} names no pictures; give a table with a column of paths and one of texts")
    listed.rows, listed.notes = grouped_lines(listed.rows, path)
    listed.notes += [*notes, *[f"{path}: {bare:,} rows without a path skipped"] * bool(bare)]
    return listed


def _is_pair(first: str, root: Path) -> bool:
    """Return whether the first row is not a header, because it begins with the path of a picture."""
    cells = first.replace(",", "\t").replace(";", "\t").split("\t")
    return _place(root, cells[0].strip().strip('"')) is not None


def _place(root: Path, name: str) -> Path | None:
    """Return the picture that a table names; `None` if it does not exist."""
    paths = (root / (name + end) for end in ENDINGS)
    return next((path for path in paths if name and exists(str(path)) and path.is_file()), None)
