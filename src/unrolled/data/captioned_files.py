"""Find the pictures or clips that a file of captions describes, in a folder beside it or in a given one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from ..errors import DataError, abridged
from . import clip_codecs
from .clip_files import SUFFIXES as CLIPS
from .clips import is_clip
from .pictures import is_picture

Kind = Literal["auto", "pictures", "clips"]

BESIDE = ("Images", "images", "Flicker8k_Dataset", "Flickr8k_Dataset", "flickr30k_images", "photos", "pictures",
          "videos", "clips", ".")  # fmt: skip
MOST_FILES = 5_000_000
VIDEOS = (*clip_codecs.SUFFIXES, *(suffix for suffix in CLIPS if suffix != ".gif"))
ENDINGS = {"pictures": ("", ".jpg", ".png", ".jpeg"), "clips": ("", *clip_codecs.SUFFIXES, *CLIPS)}
"""the endings that names may lack"""


class Found(NamedTuple):
    """The file of each picture or clip by its name in the captions, whether they are clips, and notes on the others."""

    files: dict[str, Path]
    clips: bool
    notes: list[str]


def find_files(path: Path, images: str | None, names: Sequence[str], kind: Kind = "auto") -> Found:
    """Return the files of the pictures or clips that a file of captions names.

    Args:
        path: the file of captions.
        images: the folder of the pictures or clips (default: found beside the file).
        names: their names in the file.
        kind: what they are; ``auto``: clips if most have the ending of a video, else pictures, else clips.

    Raises:
        DataError: no file is found.
    """
    videos = sum(name.lower().endswith(VIDEOS) for name in names)
    kinds = [kind] if kind != "auto" else ["clips"] if 2 * videos > len(names) else ["pictures", "clips"]
    folders = _folders(path, images)
    for wanted in kinds:
        for folder in folders:
            files = _files(folder, wanted)
            found = {name: at for name in names if (at := _file(name, files, ENDINGS[wanted])) is not None}
            if found:
                return Found(found, wanted == "clips", _notes(folder, names, found, files, wanted))
    where = images or f"{path.parent} and its folders"
    what = kinds[0].removesuffix("s")
    raise DataError(f"no {what} of {path}, such as {names[0]}, is in {where}; give their folder with --images")


def _folders(path: Path, images: str | None) -> list[Path]:
    """Return the folders that may have the files."""
    if images is not None:
        given = Path(images).expanduser()
        if not given.is_dir():
            raise DataError(f"{images} is not a folder; give the folder of the pictures with --images")
        return [given]
    folders = sorted(entry for entry in path.parent.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    usual = [path.parent / name for name in BESIDE if (path.parent / name).is_dir()]
    return list(dict.fromkeys([*usual[:-1], *folders, usual[-1]]))


def _notes(folder: Path, names: Sequence[str], found: dict[str, Path], files: dict[str, Path], kind: str) -> list[str]:
    """Return notes on captions without a file and files without a caption."""
    absent = [name for name in names if name not in found]
    known = set(found.values())
    bare = sorted({str(other.relative_to(folder)) for other in files.values() if other not in known})
    notes = []
    if absent:
        notes.append(f"{len(absent):,} {kind} with captions are not in {folder}: {abridged(absent)}")
    if bare:
        notes.append(f"{len(bare):,} {kind} in {folder} have no caption: {abridged(bare)}")
    if kind == "pictures" and sum(file.suffix.lower() == ".gif" for file in known) > len(known) // 2:
        notes.append("of animations only the first frame is read; --inputs clips reads all")
    return notes


def _file(name: str, files: dict[str, Path], endings: Sequence[str]) -> Path | None:
    """Return the file of a picture or clip: by its path, or by its name in any folder."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return next((files[key + end] for key in (name, last) for end in endings if key + end in files), None)


def _readable(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.X_OK)


def _files(folder: Path, kind: str) -> dict[str, Path]:
    """Return the pictures or clips in a folder and the folders in it, by their paths in it and by their names."""
    wanted: Callable[[Path], bool] = is_clip if kind == "clips" else is_picture
    found: dict[str, Path] = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if kind == "clips":  # a folder of frames is a clip
            frames = [name for name in folders if _readable(Path(parent, name)) and is_clip(Path(parent, name))]
            folders[:] = [name for name in folders if name not in frames]
            names += frames
        for name in sorted(names):
            file = Path(parent, name)
            if wanted(file) and not name.startswith("."):
                found.setdefault(name, file)
                found[file.relative_to(folder).as_posix()] = file
        if len(found) > 2 * MOST_FILES:
            raise DataError(f"{folder} has more than {MOST_FILES:,} {kind}; give a folder with fewer")
    return found
