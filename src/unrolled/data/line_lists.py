"""List the lines of text of ``--data``: folders and tar archives of pairs or pages, tables, arrays."""

from __future__ import annotations

import tarfile
import zipfile
from itertools import islice
from pathlib import Path

from ..errors import DataError
from .line_arrays import PIXELS, TEXTS, list_arrays
from .line_pairs import list_page, list_pairs
from .line_sources import ListedLines
from .line_tables import list_lines_table
from .page_xml import is_page
from .picture_files import TableLayout
from .pictures import is_picture

LOOKED = 200  # files whose names are examined
COMPRESSED = (".tgz", ".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".rar")


def likely_lines(path: Path) -> bool:
    """Return whether a folder or file seems to have lines of text, by the names in it or by its beginning."""
    try:
        if path.suffix.lower() == ".npz":
            with zipfile.ZipFile(path) as packed:
                names = {name.removesuffix(".npy").rpartition("_")[2] for name in packed.namelist()}
            return bool(names & {*PIXELS} and names & {*TEXTS})
        if path.suffix.lower() == ".xml":
            with path.open("rb") as file:
                return is_page(file.read(4096))
        if path.suffix.lower() == ".tar":
            with tarfile.open(path, "r:") as archive:
                names = {member.name for member in islice(archive, LOOKED)}
        else:
            names = {str(file.name) for file in islice(path.rglob("*"), LOOKED)} if path.is_dir() else set()
    except (OSError, tarfile.TarError, zipfile.BadZipFile):
        return False
    return any(name.lower().endswith(".gt.txt") for name in names)


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
