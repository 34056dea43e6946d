"""``unrolled data`` for the task ``image``: a summary of labelled pictures; and pictures given in Python."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...checks import plain
from ...data.augmentation import Changes
from ...data.digits import MNIST as MNIST_FILES
from ...data.labelled_folders import class_folders, find_parts
from ...data.named_data import NamedData, named_data
from ...data.picture_arrays import array_parts
from ...data.picture_sets import MNIST, NAMES, PictureSets
from ...data.pictures import from_array, is_picture
from ...errors import ArgumentError, DataError
from ...results import Pairs, Picture, Report
from ..common.description import ambiguous, counted, single
from ..common.given_data import rows_of
from .config import LabelledPictures
from .sheet import sheet

SHOWN = 20  # pictures of the first of each class


def named() -> list[NamedData]:
    """Return the named data sets."""
    return [
        named_data(name, title, MNIST_FILES) if name == MNIST else NamedData(name, title)
        for name, title in NAMES.items()
    ]


def likely(path: Path) -> bool:
    """Return whether ``path`` may be labelled pictures: a folder of class folders, idx or CIFAR files."""
    try:
        if array_parts(path):
            return True
        if not path.is_dir():
            return False
        inner = find_parts(path)[0]
        folders = class_folders(inner.get("train", path))
        first = [
            next((file for file in folder.iterdir() if not file.name.startswith(".")), folder) for folder in folders
        ]
    except DataError:
        return True  # CIFAR's pickled version: it is for this task to explain
    except OSError:
        return False
    return len(first) > 1 and any(map(is_picture, first))


def describe(data: LabelledPictures) -> Report:
    """See `Task.describe`."""
    sets = data.read()
    parts = sets.parts()
    counts = Counter(label for pictures in parts.values() for label in pictures.labels)
    _, h, w, channels = sets.train.pixels.shape
    rows = [
        ("data", f"{data.data}{f': {NAMES[data.data]}' if data.data in NAMES else ''}"),
        *((part, f"{len(pictures):,} pictures") for part, pictures in parts.items()),
        ("pixels", f"{h} × {w}, {'grey' if channels == 1 else 'RGB'}"),
        ("classes", counted(counts)),
    ]
    values = {
        "name": data.data,
        "classes": dict(counts),
        "size": h,
        "channels": channels,
        **{part: len(pictures) for part, pictures in parts.items()},
    }
    first = {label: n for n, label in reversed(list(enumerate(sets.train.labels)))}
    shown = sorted(first)[:SHOWN]
    pixels = [sets.train.pixels[first[label]] for label in shown]
    examples = Picture("examples", lambda: sheet(pixels, [(label,) for label in shown]), "a picture of each class")
    notes = (*sets.notes, *doubtful(sets))
    return Report(values, (Pairs(rows), examples), how=tuple(sets.how), notes=notes, event="labelled")


def suspicious(sets: PictureSets) -> list[str]:
    """Return notes on likely mistakes, such as pictures with several labels and classes with a single picture."""
    parts = sets.parts()
    names = dict(pair for part in parts.values() for pair in zip(part.digests, part.names, strict=True))
    by_name = {
        name: [(names[digest], label) for digest, label in zip(part.digests, part.labels, strict=True)]
        for name, part in parts.items()
    }
    return [*ambiguous(by_name, "pictures", "label"), *single(sets.train.labels, "picture")]


def doubtful(sets: PictureSets) -> list[str]:
    """Return a warning on pixels that are all 0 or 1, as of floats in 0..1 that were rounded."""
    if len(sets.train) and int(sets.train.pixels.max()) <= 1:
        return [
            "all training pixels are 0 or 1 of 255, nearly black: floats in 0..1 were probably saved as whole numbers; "
            "multiply them by 255 first"
        ]
    return []


def changes(changes: Changes) -> str:
    """Return the augmentation in words."""
    words = [
        f"shift by up to {changes.shift} pixels" if changes.shift else "",
        "mirror" if changes.flip else "",
        f"crop at least {changes.crop:.0%} of the area" if changes.crop < 1 else "",
        f"turn by up to {changes.rotate:g} degrees" if changes.rotate else "",
        f"cover {changes.cutout} × {changes.cutout} pixels" if changes.cutout else "",
    ]
    return ", ".join(filter(None, words)) or "none"


def write_pictures(name: str, data: Any, folder: Path) -> Path:
    """Write rows (picture, label) as PNG files and a table of their paths; return the table's path.

    A picture is a path, the bytes of a file, an image of Pillow, or an array.

    Raises:
        ArgumentError: there are no rows, or a row is not a picture and its label.
    """
    table, target, count = folder / f"{name}.jsonl", folder / name, 0
    target.mkdir(exist_ok=True)
    with table.open("w", encoding="ascii", newline="\n") as file:
        for count, row in enumerate(rows_of(name, data, ("picture", "label")), 1):
            where = f"{name}[{count - 1}]"
            label = plain(row.get("label"))
            if not isinstance(label, str | int) or not str(label).strip():
                raise ArgumentError(f"{where} (label)", "text or a number", label)
            path = _written(row.get("picture"), target / f"{count - 1:06}", where)
            file.write(json.dumps({"path": path, "label": str(label)}) + "\n")
    if not count:
        raise ArgumentError(name, "a list with at least one row", data)
    return table


def _written(picture: Any, target: Path, where: str) -> str:
    """Write a picture that is not a file; return its path, relative to the table if it was written."""
    if isinstance(picture, str | Path):
        return str(Path(picture).expanduser().absolute())
    if isinstance(picture, bytes):
        target.write_bytes(picture)
        return f"{target.parent.name}/{target.name}"
    try:
        image = picture if isinstance(picture, Image.Image) else from_array(np.asarray(picture), where)
    except DataError as error:
        raise ArgumentError(f"{where} (picture)", "a path, an image or an array", str(error)) from error
    image.save(target.with_suffix(".png"), "PNG")
    return f"{target.parent.name}/{target.name}.png"
