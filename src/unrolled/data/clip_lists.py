"""Lists of labelled clips: a folder per class, a table of paths and labels, or intervals of clips with labels.

    folder            a folder for each class; in each, files, or a folder of frames for each clip
    folder            clips anywhere in it, and for each a file of labels with the same name: a.mp4, a.align
    folder            clips anywhere in it, and a table of intervals
    table             path,label, or path,start,end,label

Any of these folders may have the folders ``train``, ``valid`` and ``test``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..errors import DataError
from .clips import is_clip
from .label_tracks import SCALES, TABLES, TimeUnit, Track, has_intervals, is_track, read_track, read_tracks
from .labelled_folders import class_folders
from .natural_order import natural
from .picture_files import TableLayout, list_table

MOST_FILES = 5_000_000
LISTED = 5  # names in a message


@dataclass
class ListedClips:
    """Files of clips with their labels.

    Attributes:
        root: the folder that the names are relative to.
        paths: the clips.
        labels: their classes; empty if they have tracks.
        tracks: their labelled intervals; empty if they have classes.
        how: how they were found, for messages.
        notes: what was skipped.
    """

    root: Path
    paths: list[Path] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    how: str = ""
    notes: list[str] = field(default_factory=list)

    @cached_property
    def names(self) -> list[str]:
        """The paths relative to the folder."""
        return [os.path.relpath(path, self.root).replace(os.sep, "/") for path in self.paths]


def list_clips(path: Path, frames: bool, unit: TimeUnit | None = None) -> ListedClips:
    """Return the clips of a folder or of a table, with their labels.

    Args:
        path: the folder or table.
        frames: whether each frame needs a label, so that clips must have intervals.
        unit: of the times in a table of intervals (default: by its columns).

    Raises:
        DataError: there are no labelled clips, a file of labels is invalid, or it names clips that do not exist.
    """
    if path.is_file():
        return _listed_in(path, path.parent, frames, unit)
    tables = [file for file in sorted(path.iterdir()) if file.suffix.lower() in TABLES and _begins_with_intervals(file)]
    if len(tables) > 1:
        names = ", ".join(file.name for file in tables[:LISTED])
        raise DataError(f"{path} has several tables of intervals, {names}; give one of them instead of the folder")
    if tables:
        return _listed_in(tables[0], path, frames, unit)
    clips, others = _within(path)
    if tracks := _beside(clips, others, frames):
        return _with_tracks(path, clips, tracks)
    if frames:
        raise DataError(
            f"{path} has no labels of frames; give a table with the columns path, start, end and label, or for each "
            f"clip a file of its name with the ending {', '.join(SCALES)} or .txt"
        )
    return _by_class(path, len(others))


def _begins_with_intervals(file: Path) -> bool:
    try:
        return has_intervals(file)
    except DataError:  # a folder may contain other tables
        return False


def _listed_in(table: Path, root: Path, frames: bool, unit: TimeUnit | None) -> ListedClips:
    """Return the clips that a table names."""
    if has_intervals(table):
        tracks = read_tracks(table, unit)
        found = _Index(_within(root)[0], root)
        listed = ListedClips(root, how=f"{table.name}: {sum(len(t.intervals) for t in tracks.values()):,} intervals")
        for name, track in tracks.items():
            clip = found.find(name)
            if clip is None:
                raise DataError(
                    f"{table}, line {track.intervals[0].line} has a label for {name!r}, a clip that does not exist in "
                    f"{root}; correct the path, or restore the file"
                )
            listed.paths.append(clip)
            listed.tracks.append(track)
        bare = len(found.clips) - len(set(listed.paths))
        listed.notes += [f"{root}: {bare:,} clips without a label in {table.name} skipped"] * (bare > 0)
        return listed
    if frames:
        raise DataError(f"{table} has one label for each clip; give path, start, end and label, or --labels clip")
    found_in = list_table(table, TableLayout())
    paths = [found_in.root / name for name in found_in.names]
    return ListedClips(found_in.root, paths, found_in.labels, how=found_in.how, notes=found_in.notes)


def _by_class(root: Path, others: int) -> ListedClips:
    """Return the clips of a folder with a folder per class."""
    listed, empty = ListedClips(root), []
    for folder in class_folders(root):
        if is_clip(folder):
            raise DataError(
                f"{folder} has frames, not clips: give each clip a folder of its own in it, such as {folder.name}/1"
            )
        clips, _ = _within(folder)
        empty += [folder.name] * (not clips)
        listed.paths += clips
        listed.labels += [folder.name] * len(clips)
    if not listed.paths:
        remedy = "give a folder with a folder of clips per class, or a table of paths and labels"
        raise DataError(f"{root} has no folders of classes with clips; {remedy}")
    listed.how = f"{len(listed.paths):,} clips, one folder per class"
    listed.notes += [f"{root}: class folders without clips: {', '.join(empty[:LISTED])}"] * bool(empty)
    listed.notes += [f"{root}: {others:,} files that are not clips skipped"] * (others > 0)
    return listed


def _with_tracks(root: Path, clips: list[Path], files: dict[str, Path]) -> ListedClips:
    """Return the clips that have a file of labels."""
    listed = ListedClips(root)
    bare = []
    for clip in clips:
        if file := files.get(_stem(clip)):
            listed.paths.append(clip)
            listed.tracks.append(read_track(file))
        else:
            bare.append(clip.name)
    known = {_stem(clip) for clip in clips}
    if lost := [file for stem, file in files.items() if stem not in known]:
        raise DataError(
            f"{lost[0]}, line 1 has a label for no clip: there is no clip {lost[0].stem!r} in {root}; remove the file, "
            "or restore the clip"
        )
    listed.how = f"{len(listed.paths):,} clips with a file of labels each ({next(iter(files.values())).suffix})"
    listed.notes += [f"{root}: {len(bare):,} clips without labels skipped: {', '.join(bare[:LISTED])}"] * bool(bare)
    return listed


def _beside(clips: list[Path], others: list[Path], frames: bool) -> dict[str, Path]:
    """Return the files of labels by their names without the ending; empty if none is that of a clip.

    With a class for each clip, text files are no labels.
    """
    endings = (*SCALES, ".txt") if frames else tuple(SCALES)
    files = {_stem(file): file for file in others if is_track(file) and file.suffix.lower() in endings}
    return files if files.keys() & {_stem(clip) for clip in clips} else {}


def _stem(path: Path) -> str:
    return path.name if path.is_dir() else path.stem


def _within(root: Path) -> tuple[list[Path], list[Path]]:
    """Return the clips in a folder and the folders in it, in natural order, and the other files."""
    clips, others = list[Path](), list[Path]()
    for path in _walk(root):
        (clips if is_clip(path) else others).append(path)
        if len(clips) + len(others) > MOST_FILES:
            raise DataError(f"{root} has more than {MOST_FILES:,} files; give a folder with fewer")
    return sorted(clips, key=natural), others


def _walk(root: Path) -> Iterator[Path]:
    """Yield the files in a folder and the folders in it, and folders of frames instead of their files."""
    for parent, folders, names in os.walk(root):
        paths = [Path(parent, name) for name in folders if not name.startswith((".", "__MACOSX"))]
        clips = [path for path in paths if is_clip(path)]
        yield from clips
        folders[:] = sorted(path.name for path in paths if path not in clips)
        yield from (Path(parent, name) for name in names if not name.startswith("."))


class _Index:
    """Clips by their path in the folder, their name and their name without the ending."""

    def __init__(self, clips: Iterable[Path], root: Path) -> None:
        self.clips: dict[str, Path] = {}
        self.names: dict[str, Path] = {}
        for clip in clips:
            self.clips[clip.relative_to(root).as_posix()] = clip
            self.names.setdefault(clip.name, clip)
            self.names.setdefault(_stem(clip), clip)

    def find(self, name: str) -> Path | None:
        """Return the clip that a table names; `None` if there is none."""
        spelled = name.strip().replace("\\", "/").removeprefix("./")
        last = spelled.rpartition("/")[2]
        return self.clips.get(spelled) or self.names.get(last) or self.names.get(Path(last).stem)
