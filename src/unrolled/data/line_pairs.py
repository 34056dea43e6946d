"""Pairs of a picture and a text of a line, in folders and in tar archives, which are read without being extracted.

    x.png, x.nrm.png, x.bin.png, …    the picture (any format of pictures.py); of several, the first one here
    x.gt.txt, else x.txt              its text

Pictures of whole pages with ALTO or PAGE XML beside them are cut into their lines; see line_regions.py.
"""

from __future__ import annotations

import os
import tarfile
from pathlib import Path, PurePosixPath

from ..errors import DataError, abridged
from .line_groups import grouped_lines
from .line_regions import page_lines
from .line_sources import FileBytes, ListedLine, ListedLines
from .pictures import SUFFIXES

MOST_FILES = 5_000_000
MOST_TEXT = 1 << 20  # bytes of a text
KINDS = ("", ".nrm", ".bin", ".raw", ".dew", ".grey", ".gray", ".color", ".colour")
"""what is before the ending of a picture's name, in the order in which pictures of one line are preferred"""
TEXTS = (".gt.txt", ".txt")
TAR = (".tar",)

Files = dict[str, FileBytes]
"""name in a folder or archive, with slashes → the file"""


def list_pairs(path: Path, encoding: str = "auto") -> ListedLines:
    """Return the lines of a folder or a tar archive.

    Raises:
        DataError: it cannot be read, or has no pairs of a picture and a text.
    """
    listed = ListedLines(path)
    files = archive_files(path) if path.is_file() else folder_files(path)
    pictures, texts, others = _sorted(files)
    rows, pages, others = _pages(files, others)
    how = [f"{len(rows):,} lines of {len(pages):,} pages"] * bool(pages)
    pictures = {stem: names for stem, names in pictures.items() if not pages & {*names}}
    for stem in sorted(pictures.keys() & texts.keys()):
        name = pictures[stem][0]
        listed.rows.append(ListedLine(name, decoded(files[texts[stem]], encoding), files[name]))
    how += [f"{len(listed.rows):,} pictures with a text file each"] * bool(listed.rows)
    listed.rows += rows
    if not listed.rows:
        raise DataError(
            f"{path} has {len(pictures):,} pictures and {len(texts):,} texts, but no pair such as x.png and x.gt.txt; "
            "give each picture a text file of the same name, or ALTO or PAGE XML"
        )
    listed.how = ", ".join(how)
    listed.rows, listed.notes = grouped_lines(listed.rows, path)
    bare = [pictures[stem][0] for stem in sorted(pictures.keys() - texts.keys())]
    _note(listed, "picture", "without a text", bare)
    _note(listed, "text", "without a picture", [texts[stem] for stem in sorted(texts.keys() - pictures.keys())])
    _note(listed, "file", "that is neither skipped", others)
    return listed


def list_page(path: Path) -> ListedLines:
    """Return the lines of an ALTO or PAGE file, whose picture is beside it.

    Raises:
        DataError: it cannot be read, or has no lines with an outline.
    """
    parent = path.absolute().parent
    files: Files = {}
    for folder, prefix in ((parent.parent, ""), (parent, f"{parent.name}/")):
        files |= {f"{prefix}{file.name}": FileBytes(file, str(file)) for file in folder.iterdir() if file.is_file()}
    rows, picture = page_lines(files, f"{parent.name}/{path.name}")
    if not rows:
        raise DataError(f"{path} has no lines with an outline; give ALTO or PAGE XML with lines")
    for row in rows:
        row.folder = row.group = path.stem
    return ListedLines(path, rows, f"{len(rows):,} lines of the page {picture}")


def folder_files(root: Path) -> Files:
    """Return the files in a folder and the folders in it, without hidden ones."""
    files: Files = {}
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not _hidden(name))
        for name in sorted(names):
            if not _hidden(name):
                path = Path(parent, name)
                files[path.relative_to(root).as_posix()] = FileBytes(path, str(path))
        _check_number(len(files), root)
    return files


def archive_files(path: Path) -> Files:
    """Return the files in a tar archive that is not compressed: where their bytes are in it.

    Raises:
        DataError: it is compressed, damaged, or not an archive.
    """
    files: Files = {}
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                name = str(PurePosixPath(member.name))
                if member.isreg() and not member.issparse() and not any(map(_hidden, name.split("/"))):
                    files[name] = FileBytes(path, f"{path}/{name}", member.offset_data, member.size)
                archive.members.clear()  # type: ignore[attr-defined]  # it would grow with the archive
                _check_number(len(files), path)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as a tar archive ({error}); if it is compressed, decompress it, else copy it again"
        ) from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; change its permissions or copy it") from error
    return files


def decoded(file: FileBytes, encoding: str = "auto") -> str:
    """Return the text of a file: UTF-8, UTF-16 with a byte order mark, or the given encoding.

    Raises:
        DataError: it cannot be read as such, or is too long for the text of a line.
    """
    data = file.data(MOST_TEXT)
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    codec = ("utf-16" if wide else "utf-8-sig") if encoding == "auto" else encoding
    try:
        return data.decode(codec)
    except UnicodeError as error:
        raise DataError(
            f"{file.name} cannot be read as {codec} ({error}); give its encoding with --encoding"
        ) from error


def _sorted(files: Files) -> tuple[dict[str, list[str]], dict[str, str], list[str]]:
    """Return the names of pictures and of texts by what is before their ending, and the other names."""
    pictures: dict[str, list[tuple[int, str]]] = {}
    texts: dict[str, str] = {}
    others = []
    for name in files:
        lower = name.lower()
        if ending := next((end for end in TEXTS if lower.endswith(end)), ""):
            stem = name[: -len(ending)]
            if stem not in texts or ending == TEXTS[0]:
                texts[stem] = name
        elif ending := next((end for end in SUFFIXES if lower.endswith(end)), ""):
            stem, rank = _kind(name[: -len(ending)])
            pictures.setdefault(stem, []).append((rank, name))
        else:
            others.append(name)
    return {stem: [name for _, name in sorted(found)] for stem, found in pictures.items()}, texts, others


def _pages(files: Files, others: list[str]) -> tuple[list[ListedLine], set[str], list[str]]:
    """Return the lines of ALTO and PAGE files, the names of their pictures, and the other files."""
    rows, pages, rest = list[ListedLine](), set[str](), list[str]()
    for name in others:
        found, picture = page_lines(files, name) if name.lower().endswith(".xml") else ([], "")
        rows += found
        (pages.add(picture) if picture else rest.append(name))
    return rows, pages, rest


def _kind(stem: str) -> tuple[str, int]:
    """Return a picture's name without its kind, and the place of that in `KINDS`."""
    lower = stem.lower()
    rank = next((rank for rank, kind in enumerate(KINDS) if kind and lower.endswith(kind)), 0)
    return stem[: len(stem) - len(KINDS[rank])], rank


def _note(listed: ListedLines, noun: str, what: str, names: list[str]) -> None:
    if names:
        listed.notes.append(f"{listed.path}: {len(names):,} {noun}{'s' * (len(names) > 1)} {what}: {abridged(names)}")


def _hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))


def _check_number(count: int, where: Path) -> None:
    if count > MOST_FILES:
        raise DataError(f"{where} has more than {MOST_FILES:,} files; give fewer")
