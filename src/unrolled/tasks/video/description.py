"""``unrolled data`` for the task ``video``: a summary of labelled clips."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ...data.clips import is_clip
from ...data.labelled_clips import ClipSets
from ...data.labelled_folders import class_folders, find_parts
from ...data.named_data import NamedData
from ...data.sets import PARTS
from ...errors import DataError
from ...results import Pairs, Picture, Report
from ..common.description import LISTED, ambiguous, counted
from ..common.excerpts import visible
from ..common.picture_bytes import png
from ..common.strip import strip
from .config import LabelledVideos
from .sources import NAMES

SHOWN = 8  # clips, the first of each class


def named() -> list[NamedData]:
    """Return the named data sets."""
    return [NamedData(name, title) for name, title in NAMES.items()]


def likely(path: Path) -> bool:
    """Return whether ``path`` may be labelled clips: a folder of class folders with videos."""
    try:
        if not path.is_dir():
            return False
        folders = class_folders(find_parts(path)[0].get("train", path))
        first = [next((file for file in folder.iterdir() if not file.name.startswith(".")), None) for folder in folders]
    except (DataError, OSError):
        return False
    return len(first) > 1 and any(file is not None and file.is_file() and is_clip(file) for file in first)


def describe(data: LabelledVideos) -> Report:
    """See `Task.describe`."""
    sets = data.read()
    parts, train = sets.parts(), sets.train
    counts = Counter(label for clips in parts.values() for label in clips.every_label())
    h, w, channels = train[0].shape[1:]
    lengths = train.lengths
    rows = [
        ("data", f"{data.data}{f': {NAMES[data.data]}' if data.data in NAMES else ''}"),
        *((part, f"{len(clips):,} clips, {int(clips.lengths.sum()):,} frames") for part, clips in parts.items()),
        ("lengths", f"{lengths.min():,} to {lengths.max():,} frames"),
        ("pixels", f"{h} × {w}, {'grey' if channels == 1 else 'RGB'}"),
        ("classes of frames" if train.tracks else "classes", counted(counts)),
    ]
    values = {
        "name": data.data,
        "classes": dict(counts),
        "size": [h, w],
        "channels": channels,
        **{part: len(clips) for part, clips in parts.items()},
    }
    pictures = [
        Picture(f"clip-{number}", lambda at=at: png(strip(train[at]).image), _title(sets, at))  # type: ignore[misc]
        for number, at in enumerate(_first(sets), 1)
    ]
    return Report(values, (Pairs(rows), *pictures), how=tuple(sets.how), notes=tuple(sets.notes), event="labelled")


def _first(sets: ClipSets) -> list[int]:
    """Return the first training clip of each class, or the first clips."""
    train = sets.train
    first = {label: n for n, label in reversed(list(enumerate(train.labels)))}
    return (sorted(first.values()) or list(range(len(train))))[:SHOWN]


def _title(sets: ClipSets, number: int) -> str:
    label = f": {sets.train.labels[number]}" if sets.train.labels else ""
    return f"{sets.train.names[number]}{label}"


def suspicious(sets: ClipSets) -> list[str]:
    """Return notes on likely mistakes, such as clips with several labels and classes with a single clip."""
    train = sets.train
    if train.tracks:
        return []
    digests = {
        digest: name for clips in sets.parts().values() for digest, name in zip(clips.digests, clips.names, strict=True)
    }
    pairs = {
        part: [(digests[digest], label) for digest, label in zip(clips.digests, clips.labels, strict=True)]
        for part, clips in sets.parts().items()
    }
    assert pairs.keys() == set(PARTS)
    notes = ambiguous(pairs, "clips", "label")
    counts = Counter(train.labels)
    if single := sorted(label for label, count in counts.items() if count < 2):
        notes.append(f"classes with a single training clip: {visible(', '.join(single[:LISTED]))}")
    return notes
