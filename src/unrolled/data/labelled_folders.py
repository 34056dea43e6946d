"""A folder per class with a text in every file, and folders of such folders: the parts of a data set.

Parts are told by their names, in upper or lower case: ``train``, and beside it ``test``, or one of ``valid``, ``val``,
``dev`` and ``validation``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import DataError
from .textfile import TextFile, is_foreign, looks_wide

NO_CLASS = ("unsup",)  # folders of IMDb's that are no class
PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "val", "dev", "validation"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def class_folders(path: Path) -> list[Path]:
    """The folders of classes below ``path``."""
    return sorted(p for p in path.iterdir() if p.is_dir() and p.name not in NO_CLASS and not p.name.startswith("."))


def parts_of(path: Path) -> tuple[dict[str, Path], list[str]]:
    """The folders of the parts ``train``, ``valid`` and ``test`` by these names, and notes on what is no part of them.

    Nothing is found unless there are ``train`` and one more.

    Raises:
        DataError: two folders are one part.
    """
    found: dict[str, Path] = {}
    folders = class_folders(path) if path.is_dir() else []
    for folder in folders:
        if part := PARTS.get(folder.name.lower()):
            if part in found:
                raise DataError(
                    f"{path} has two folders for {part}, {found[part].name} and {folder.name}; keep one of them there"
                )
            found[part] = folder
    if "train" not in found or len(found) < 2:
        return {}, []
    others = [folder.name for folder in folders if folder not in found.values()]
    return found, [f"{path}: left out beside its parts: {', '.join(others[:5])}"] if others else []


def folder_texts(path: Path, encoding: str, errors: str, foreign: list[str]) -> Iterator[tuple[Path, str, str]]:
    """Every file with its text and its class; to ``foreign`` are added the names of files that are no texts.

    Raises:
        DataError: there is no such folder, the folders in it are no classes, or a file cannot be read.
    """
    if not path.is_dir():
        raise DataError(f"there is no folder {path}; give a folder with a folder per class in it")
    folders = class_folders(path)
    inner = [{one.name for one in class_folders(folder)} for folder in folders]
    if len(inner) > 1 and len(inner[0]) > 1 and all(names == inner[0] for names in inner):
        named = "" if parts_of(path)[0] else ", or call the parts train, valid and test"
        raise DataError(
            f"{path}: {', '.join(one.name for one in folders[:4])} all have the same folders, "
            f"{', '.join(sorted(inner[0])[:4])}, so which are the classes? give one that has them in it, "
            f"such as {folders[0]}{named}"
        )
    for folder in folders:
        for place in sorted(folder.rglob("*")):
            if not place.is_file():
                continue
            inside, file = place.relative_to(folder), TextFile(place, encoding, errors)
            hidden = any(part.startswith(".") for part in inside.parts)
            if hidden or is_foreign(place) or (file.looks_binary() and not looks_wide(file.head())):
                foreign.append(f"{folder.name}/{inside}")
                continue
            yield place, "".join(file.read()), folder.name
