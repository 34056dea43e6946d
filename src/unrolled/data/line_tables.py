"""Tables of lines: a path and a text on each row, ``path<TAB>text``, CSV or JSON lines; a header is optional."""

from __future__ import annotations

from pathlib import Path

from ..errors import DataError, abridged
from .line_groups import grouped_lines
from .line_sources import FileBytes, ListedLine, ListedLines
from .near import exists
from .picture_files import ENDINGS, PATH_NAMES, TableLayout
from .rows import Column, form_by_name
from .table import Table
from .textfile import TextFile

TEXT_NAMES = ("text", "transcription", "transcript", "label", "gt", "ground_truth", "words", "sentence", "line", "y")
"""usual names of a column of texts; of several, the first one here is used"""


def list_lines_table(path: Path, layout: TableLayout) -> ListedLines:
    """Return the lines that a table names; paths are relative to the folder that it is in.

    Raises:
        ArgumentError: a given column is invalid.
        DataError: the table cannot be read, or files that it names do not exist.
    """
    given = (layout.path_column, layout.label_column)
    form = form_by_name(path, "csv")
    file = TextFile(path, layout.encoding)
    header = layout.header and not (given == (None, None) and form != "jsonl" and _is_pair(file, path.parent))
    places = given if header else (layout.path_column or "1", layout.label_column or "2")
    columns = (
        Column("path", "--path-column", places[0], PATH_NAMES),
        Column("text", "--text-column", places[1], TEXT_NAMES),
    )
    table = Table(file, form, columns, header, layout.delimiter, False, '{"path": …, "text": …}')
    how, found = table.read()
    listed, missing, bare = ListedLines(path, how=how), list[str](), 0
    for line, name, text in found:
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
    listed.notes += [*table.notes, *[f"{path}: {bare:,} rows without a path skipped"] * bool(bare)]
    return listed


def _is_pair(file: TextFile, root: Path) -> bool:
    """Return whether the first row is not a header, because it begins with the path of a picture."""
    first = next(iter(file.read()), "").splitlines()[:1]
    cells = first[0].replace(",", "\t").replace(";", "\t").split("\t") if first else [""]
    return _place(root, cells[0].strip().strip('"')) is not None


def _place(root: Path, name: str) -> Path | None:
    """Return the picture that a table names; `None` if it does not exist."""
    paths = (root / (name + end) for end in ENDINGS)
    return next((path for path in paths if name and exists(str(path)) and path.is_file()), None)
