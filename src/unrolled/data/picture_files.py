"""Lists of labelled picture files: a folder per class, or a table of paths and labels; and their pixels.

A folder per class may lie inside the folders ``train``, ``test`` and ``valid``. A table (CSV, TSV, JSONL) has a column
of paths, relative to the folder that it is in, and a column of labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..errors import DataError, abridged
from ..results import Input
from .labelled_folders import class_folders
from .labelled_lines import LABEL_NAMES
from .labelled_pictures import Pictures, check_room, digest
from .pictures import MOST_BYTES, Fit, fitted, is_picture, open_picture
from .rows import Column, form_by_name
from .table import Table
from .textfile import TextFile

PATH_NAMES = (
    *("path", "file", "filename", "file_name", "image", "picture", "photo", "img", "image_path", "image_id", "id"),
)
"""usual names of a column of paths; of several, the first one here is used"""
ENDINGS = ("", ".jpg", ".png", ".jpeg")  # that the paths of a table may lack
MOST_FILES = 5_000_000
PACKED = (".tar", ".tgz", ".zip", ".gz", ".bz2", ".xz", ".7z", ".rar")
PEEKED = 200  # pictures that decide on size and channels
GREY = 8  # largest difference between the channels of a grey picture that was saved as RGB with losses


@dataclass
class Listed:
    """Picture files and their labels.

    Attributes:
        root: the folder that the names are relative to.
        names: the files' paths.
        labels: their classes.
        how: how they were found, for messages.
        notes: what was skipped.
        guessed: names of columns that were guessed from their contents, by option.
    """

    root: Path
    names: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    how: str = ""
    notes: list[str] = field(default_factory=list)
    guessed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TableLayout:
    """How a table of paths and labels is read."""

    path_column: str | None = None
    label_column: str | None = None
    header: bool = True
    delimiter: str = "auto"
    encoding: str = "auto"

    def with_guessed(self, guessed: dict[str, str]) -> TableLayout:
        """Return the layout of other tables with the columns that were guessed in the first."""
        path, label = guessed.get("--path-column"), guessed.get("--label-column")
        return replace(self, path_column=path or self.path_column, label_column=label or self.label_column)


def list_folder(root: Path) -> Listed:
    """Return the pictures of a folder with a folder per class.

    Raises:
        DataError: there are no pictures in folders of classes.
    """
    listed, other, empty = Listed(root), 0, []
    folders = class_folders(root)
    for folder in folders:
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not _hidden(path.relative_to(root))]
        pictures = [path for path in files if is_picture(path)]
        other += len(files) - len(pictures)
        if not pictures:
            empty.append(folder.name)
        listed.names += [str(path.relative_to(root)) for path in pictures]
        listed.labels += [folder.name] * len(pictures)
        if len(listed.names) > MOST_FILES:
            raise DataError(f"{root} has more than {MOST_FILES:,} pictures; give fewer")
    if not listed.names:
        raise DataError(_no_pictures(root, folders))
    listed.how = f"{len(listed.names):,} pictures, one folder per class"
    if empty:
        listed.notes.append(f"{root}: class folders without pictures: {', '.join(empty[:5])}")
    if other:
        what = "files that are not pictures" if other > 1 else "file that is not a picture"
        listed.notes.append(f"{root}: {other:,} {what} skipped")
    return listed


def list_table(path: Path, layout: TableLayout) -> Listed:
    """Return the pictures that a table names.

    Raises:
        ArgumentError: a given column is invalid.
        DataError: the table cannot be read, or files that it names do not exist.
    """
    columns = (
        Column("path", "--path-column", layout.path_column, PATH_NAMES),
        Column("label", "--label-column", layout.label_column, LABEL_NAMES),
    )
    form = form_by_name(path, "csv")
    file = TextFile(path, layout.encoding)
    table = Table(file, form, columns, layout.header, layout.delimiter, False, '{"path": …, "label": …}')
    how, rows = table.read()
    listed, missing, bare = Listed(path.parent, how=how, notes=table.notes, guessed=table.guessed), list[str](), 0
    for line, name, label in rows:
        name, label = name.strip(), label.strip()
        if not name or not label:
            bare += 1
        elif found := next((name + end for end in ENDINGS if (path.parent / (name + end)).is_file()), None):
            listed.names.append(found)
            listed.labels.append(label)
        else:
            missing.append(f"{name!r} (line {line})")
    if missing:
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise DataError(
            f"{path} names pictures that do not exist: {missing[0]}{more}; paths are relative to {path.parent}, "
            "correct them or restore the files"
        )
    if bare:
        listed.notes.append(f"{path}: {bare:,} rows without a path or without a label skipped")
    if not listed.names:
        raise DataError(f"{path} names no pictures; give a table with a column of paths and one of labels")
    return listed


def peek(listed: Listed) -> tuple[list[tuple[int, int]], int]:
    """Return the sizes (height, width) of some of the pictures, evenly spaced, and the number of their channels.

    Pictures that cannot be read are passed over.
    """
    sizes, channels = [], 1
    for at in np.unique(np.linspace(0, len(listed.names) - 1, PEEKED).astype(int)).tolist():
        try:
            picture = open_picture(listed.root / listed.names[at])
        except DataError:
            continue
        sizes.append((picture.height, picture.width))
        if picture.mode == "RGB" and channels == 1:
            small = np.asarray(picture.resize((32, 32)), np.int16)
            channels = 3 if int((small.max(2) - small.min(2)).max()) > GREY else 1
    return sizes, channels


def decode(
    listed: Listed, size: int, channels: int, fit: Fit, *, skip: bool, done: Callable[[int], None] = lambda count: None
) -> tuple[Pictures, list[str]]:
    """Return the pictures, decoded and fitted to ``size`` × ``size`` pixels, and notes.

    Args:
        listed: the files.
        size: pixels of a side.
        channels: 1 (grey) or 3 (RGB).
        fit: how other aspect ratios are fitted.
        skip: omit files that cannot be read, instead of an error.
        done: called with the number of pictures read so far.

    Raises:
        DataError: a file cannot be read, or the pixels do not fit into memory.
    """
    check_room(len(listed.names), size, channels, listed.root)
    pixels = np.empty((len(listed.names), size, size, channels), np.uint8)
    found, digests, errors = list[int](), list[str](), list[str]()
    for number, name in enumerate(listed.names):
        path = listed.root / name
        try:
            data = Input(path).data(MOST_BYTES)
            picture = open_picture(data, str(path), least=(size, size))
        except DataError as error:
            errors.append(str(error))
            continue
        pixels[len(found)] = fitted(picture, (size, size), channels, fit=fit)
        found.append(number)
        digests.append(digest(data))
        done(number + 1)
    if errors and not (skip and found):
        more = f" (one of {len(errors):,} such files; --damaged skip omits them)" if len(errors) > 1 else ""
        raise DataError(errors[0] + (more or ("; --damaged skip omits it" if found else "")))
    notes = _skipped(errors, [listed.names[i] for i in sorted({*range(len(listed.names))} - {*found})])
    labels, names = ([column[i] for i in found] for column in (listed.labels, listed.names))
    return Pictures(pixels[: len(found)], labels, names, digests), notes


def _skipped(errors: list[str], names: list[str]) -> list[str]:
    """Return a note on the pictures that were skipped."""
    if len(errors) < 2:
        return [f"1 picture skipped: {error}" for error in errors]
    return [f"{len(errors):,} pictures skipped: {abridged(names)}; the first: {errors[0]}"]


def refuse_packed(path: Path) -> None:
    """Raise `DataError` if a file is an archive, with the command that unpacks it."""
    if path.is_file() and path.suffix.lower() in PACKED and "-ubyte" not in path.name:
        zipped = path.suffix.lower() == ".zip"
        command = f"unzip {path.name} -d FOLDER" if zipped else f"mkdir FOLDER && tar -xf {path.name} -C FOLDER"
        raise DataError(f"{path} is an archive; unpack it ({command}) and give the folder that contains the classes")


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in path.parts)


def _no_pictures(root: Path, folders: list[Path]) -> str:
    if any(is_picture(path) for path in root.iterdir()):
        return (
            f"{root} has pictures, but no folders of classes; put the pictures of each class into a folder of its own, "
            "or give a table of paths and labels"
        )
    if folders:
        names = ", ".join(folder.name for folder in folders[:4])
        return f"{root} has no pictures in its folders {names}; give the folder that contains the folders of classes"
    return f"{root} has no folders of classes; give a folder with a folder of pictures per class"
