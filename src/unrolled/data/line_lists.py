"""List the lines of text of ``--data``: folders and tar archives of pairs or pages, tables, arrays."""

from __future__ import annotations

from pathlib import Path

from ..errors import DataError
from .line_arrays import list_arrays
from .line_pairs import list_page, list_pairs
from .line_sources import ListedLines
from .line_tables import list_lines_table
from .picture_files import TableLayout
from .pictures import is_picture

COMPRESSED = (".tgz", ".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".rar")


def list_lines(path: Path, table: TableLayout) -> ListedLines:
    """Return the lines of a folder or file.

    Raises:
        ArgumentError: a given column of a table is invalid.
        DataError: it cannot be read, or has no lines.
    """
    suffix = path.suffix.lower()
    if path.is_dir() or suffix == ".tar":
        return list_pairs(path, table.encoding)
    if suffix in COMPRESSED and not path.name.lower().endswith((".tsv.gz", ".csv.gz", ".jsonl.gz")):
        raise DataError(f"{path} is compressed; decompress it, and give the folder or the .tar archive")
    if suffix == ".npz":
        return list_arrays(path)
    if suffix == ".xml":
        return list_page(path)
    if is_picture(path):
        raise DataError(f"{path} is a single picture; give a folder of pictures and texts, or a table of paths")
    return list_lines_table(path, table)
