"""Labelled texts in folders: a folder per class with one text per file, and folders of the splits of a data set.

Splits are recognized by their names, ignoring case: ``train``, ``test``, and ``valid``, ``val``, ``dev`` or
``validation``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import DataError
from .textfile import TextFile, is_foreign, looks_wide

NO_CLASS = ("unsup",)  # folders of IMDb that are not classes
PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "val", "dev", "validation"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def class_folders(path: Path) -> list[Path]:
    """Return the folders of the classes in ``path``."""
    return sorted(p for p in path.iterdir() if p.is_dir() and p.name not in NO_CLASS and not p.name.startswith("."))


def find_parts(path: Path) -> tuple[dict[str, Path], list[str]]:
    """Return the folders of the splits ``train``, ``valid`` and ``test`` in ``path``, and notes on other folders.

    The result is empty unless ``path`` has ``train`` and another split.

    Raises:
        DataError: two folders are the same split.
    """
    found: dict[str, Path] = {}
    folders = class_folders(path) if path.is_dir() else []
    for folder in folders:
        if part := PARTS.get(folder.name.lower()):
            if part in found:
                raise DataError(
                    f"{path} has two folders for {part}, {found[part].name} and {folder.name}; remove one of them"
                )
            found[part] = folder
    if "train" not in found or len(found) < 2:
        return {}, []
    others = [folder.name for folder in folders if folder not in found.values()]
    return found, [f"{path}: folders skipped: {', '.join(others[:5])}"] if others else []


def folder_texts(path: Path, encoding: str, errors: str, foreign: list[str]) -> Iterator[tuple[Path, str, str]]:
    """Yield the path, text and class of every text file; append the names of other files to ``foreign``.

    Raises:
        DataError: there is no folder ``path``, the folders in it are not classes, or a file cannot be read.
    """
    if not path.is_dir():
        raise DataError(f"there is no folder {path}; give a folder with a folder per class")
    folders = class_folders(path)
    inner = [{subfolder.name for subfolder in class_folders(folder)} for folder in folders]
    if len(inner) > 1 and len(inner[0]) > 1 and all(names == inner[0] for names in inner):
        hint = "" if find_parts(path)[0] else ", or name the splits train, valid and test"
        raise DataError(
            f"{path}: {', '.join(folder.name for folder in folders[:4])} all contain the same folders, "
            f"{', '.join(sorted(inner[0])[:4])}; give the folder that contains the folders of the classes, such as "
            f"{folders[0]}{hint}"
        )
    for folder in folders:
        for file_path in sorted(folder.rglob("*")):
            if not file_path.is_file():
                continue
            relative, file = file_path.relative_to(folder), TextFile(file_path, encoding, errors)
            hidden = any(part.startswith(".") for part in relative.parts)
            if hidden or is_foreign(file_path) or (file.looks_binary() and not looks_wide(file.head())):
                foreign.append(f"{folder.name}/{relative}")
                continue
            yield file_path, "".join(file.read()), folder.name
