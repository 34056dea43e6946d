"""Resolve ``--data`` to training, validation and test sets of pictures with captions.

The data are generated scenes, or a file of captions and a folder of pictures. The split is by picture, never by
caption, and by a hash of the picture's name, so that it depends neither on the seed nor on the other pictures; a split
in the file itself (Karpathy's) is kept.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from .caption_files import CaptionFile, CaptionForm, read_captions
from .captioned import Captioned
from .generated_scenes import scenes
from .hashed_parts import fraction_of
from .near import exists, missing
from .pictures import is_picture
from .sets import Sets

SCENES, UNSEEN = "scenes", "scenes-unseen"
NAMES = {
    SCENES: "drawn objects and their relations (generated)",
    UNSEEN: "the same with combinations of colour and shape that do not occur in training (generated)",
}
FRACTIONS = (0.8, 0.1, 0.1)
VALID_SHARE = 0.1  # of the pictures outside the fold that is the test set
BESIDE = ("Images", "images", "Flicker8k_Dataset", "Flickr8k_Dataset", "flickr30k_images", "photos", "pictures", ".")
LISTED = 5  # names in a message
MOST_FILES = 5_000_000
ENDINGS = ("", ".jpg", ".png", ".jpeg")  # that the names of pictures may lack


@dataclass(frozen=True)
class CaptionSets(Sets[Captioned]):
    """Training, validation and test sets of pictures with captions."""


def open_captions(
    data: str,
    images: str | None = None,
    form: CaptionForm = "auto",
    fractions: tuple[float, float, float] | None = None,
    folds: int = 0,
    fold: int = 0,
) -> CaptionSets:
    """Read the training, validation and test sets that ``data`` names.

    Args:
        data: a named set, or a file of captions.
        images: the folder of the pictures (default: found beside the file).
        form: the form of the file.
        fractions: of the pictures for training, validation and test (default: the split in the file, or 0.8, 0.1, 0.1).
        folds, fold: with folds the test set is fold number ``fold``.

    Raises:
        DataError: a file cannot be read, no caption has a picture, or a set would be empty.
    """
    if data in NAMES:
        parts = [scenes(part) for part in ("train", "valid", "unseen" if data == UNSEEN else "test")]
        return CaptionSets(parts[0], parts[1], parts[2], [_sizes(parts)])
    file, whole, notes = _read(data, images, form)
    given = {} if fractions or folds else file.parts
    members: dict[str, list[int]] = {"train": [], "valid": [], "test": []}
    for n, name in enumerate(whole.names):
        members[given.get(name) or part_of(name, fractions or FRACTIONS, folds, fold)].append(n)
    for part in ("train", "valid"):
        if not members[part]:
            remedy = "give more pictures, or other --fractions"
            raise DataError(f"{data}: no picture of {len(whole):,} is in the {part} set; {remedy}")
    parts = [whole.pick(members[part]) for part in ("train", "valid", "test")]
    split = f"{data}: the split is that of the file" if given else f"{data}: split by a hash of the picture's name"
    return CaptionSets(parts[0], parts[1], parts[2], [*notes, split, _sizes(parts)], [f"{data}: {file.how}"])


def read_test(data: str, images: str | None, form: CaptionForm) -> tuple[Captioned, list[str]]:
    """Return the test pictures of a named set, or all pictures of a file, and notes.

    Raises:
        DataError: see `open_captions`.
    """
    if data in NAMES:
        return scenes("unseen" if data == UNSEEN else "test"), []
    _, whole, notes = _read(data, images, form)
    return whole, notes


def part_of(name: str, fractions: tuple[float, float, float], folds: int = 0, fold: int = 0) -> str:
    """Return the part of a picture: ``train``, ``valid`` or ``test``."""
    if folds:
        if int(folds * fraction_of(name)) == fold:
            return "test"
        return "valid" if fraction_of(name, 1) < VALID_SHARE else "train"
    at = fraction_of(name)
    return "test" if at < fractions[2] else "valid" if at < fractions[1] + fractions[2] else "train"


def _sizes(parts: list[Captioned]) -> str:
    sizes = [f"{len(part):,} {name}" for part, name in zip(parts, ("training", "validation", "test"), strict=True)]
    count = sum(map(len, parts[0].captions))
    return f"{', '.join(sizes)} pictures; {count:,} training captions"


def _read(data: str, images: str | None, form: CaptionForm) -> tuple[CaptionFile, Captioned, list[str]]:
    """Return the file, its captions that have a picture, and notes on the others."""
    if not exists(data):
        raise missing("file of captions or named set", data, NAMES)
    path = Path(data).expanduser()
    if path.is_dir():
        raise DataError(f"{data} is a folder; give the file of captions, and the folder of the pictures with --images")
    file = read_captions(path, form)
    folder, found = _pictures(path, images, file)
    names = [name for name in file.captions if name in found]
    absent = [name for name in file.captions if name not in found]
    known = {found[name] for name in names}
    bare = sorted(str(other.relative_to(folder)) for other in _files(folder).values() if other not in known)
    notes = list(file.notes)
    if absent:
        notes.append(f"{len(absent):,} pictures with captions are not in {folder}: {_listed(absent)}")
    if bare:
        notes.append(f"{len(bare):,} pictures in {folder} have no caption: {_listed(bare)}")
    return file, Captioned(names, [file.captions[name] for name in names], [found[name] for name in names]), notes


def _listed(names: list[str]) -> str:
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED:,} more" if len(names) > LISTED else "")


def _pictures(path: Path, images: str | None, file: CaptionFile) -> tuple[Path, dict[str, Path]]:
    """Return the folder of the pictures, and the file of each picture that has captions."""
    if images is not None:
        candidates = [Path(images).expanduser()]
        if not candidates[0].is_dir():
            raise DataError(f"{images} is not a folder; give the folder of the pictures with --images")
    else:
        folders = sorted(entry for entry in path.parent.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        candidates = [path.parent / name for name in BESIDE if (path.parent / name).is_dir()]
        candidates = list(dict.fromkeys([*candidates[:-1], *folders, candidates[-1]]))
    first = next(iter(file.captions))
    for folder in candidates:
        files = _files(folder)
        found = {name: at for name in file.captions if (at := _file(name, files)) is not None}
        if found:
            return folder, found
    where = images or f"{path.parent} and its folders"
    raise DataError(f"no picture of {path}, such as {first}, is in {where}; give their folder with --images")


def _file(name: str, files: dict[str, Path]) -> Path | None:
    """Return the file of a picture: by its path, or by its name in any folder."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return next((files[key + end] for key in (name, last) for end in ENDINGS if key + end in files), None)


def _files(folder: Path) -> dict[str, Path]:
    """Return the pictures in a folder and the folders in it, by their paths in it and by their names."""
    found: dict[str, Path] = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(parent, name)
            if is_picture(file) and not name.startswith("."):
                found.setdefault(name, file)
                found[file.relative_to(folder).as_posix()] = file
        if len(found) > 2 * MOST_FILES:
            raise DataError(f"{folder} has more than {MOST_FILES:,} pictures; give a folder with fewer")
    return found
