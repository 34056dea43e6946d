"""Resolve ``--data`` to training, validation and test sets of labelled clips; see clip_lists.py for their forms.

All clips are decoded once, at one size and rate, into a store in the cache (clip_store.py). A validation or test set
that is not given is split off by a hash of the file names; intervals of a file, and equal files, are in one part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isnan
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from ..errors import ArgumentError, DataError
from ..results import Progress, silent
from .clip_frames import LIMITS, ClipLimits
from .clip_lists import ListedClips, list_clips
from .clip_store import ClipForm, ClipStore
from .clips import ClipShape, check_form, shape_of
from .frame_labels import BACKGROUND, frame_labels, placed, whole_frames
from .hashed_parts import even_parts
from .label_tracks import TimeUnit
from .labelled_clips import Clips, ClipSets
from .labelled_folders import find_parts
from .near import exists, missing
from .picture_files import refuse_packed
from .pictures import Fit
from .sets import with_own

Labels = Literal["clip", "frame"]

USUAL, LARGEST = 64, 128  # pixels of the shorter side of clips of several sizes; of a side that is kept
LEAST_SIZE = 8
PEEKED = 50  # clips that decide on size, rate and channels
PARTS = ("train", "valid", "test")


@dataclass(frozen=True, kw_only=True)
class ClipLayout:
    """How labelled clips are read.

    Attributes:
        labels: ``clip``: a class for each clip, or for each labelled interval; ``frame``: a label for each frame.
        only: of clips and intervals, only those with these labels.
        size: height and width; `None`: by the data.
        channels: 1 (grey) or 3 (RGB); `None`: by the data.
        rate: frames per second; `None`: by the data.
        fit: how other aspect ratios are fitted.
        skip: omit clips that cannot be read.
        unit: of the times in a table of intervals; `None`: by its columns.
        background: the label of frames without one.
        limits: what is refused.
    """

    labels: Labels = "clip"
    only: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    channels: int | None = None
    rate: float | None = None
    fit: Fit = "crop"
    skip: bool = False
    unit: TimeUnit | None = None
    background: str = BACKGROUND
    limits: ClipLimits = LIMITS


def open_clips(
    spec: str,
    layout: ClipLayout,
    fractions: tuple[float, float, float] | None = None,
    test: str | None = None,
    folds: int = 0,
    fold: int = 0,
    progress: Progress = silent,
) -> ClipSets:
    """Read the training, validation and test sets that ``spec`` names.

    Args:
        spec: a folder or a table.
        layout: how clips are read.
        fractions: fractions of the training data for training, validation and test (default 0.8, 0.1, 0.1).
        test: a folder or table with the test set, instead of a fraction.
        folds: number of folds for cross-validation; 0: off. A separate test set is then not used.
        fold: the fold that is the test set.
        progress: shows the progress of decoding.

    Raises:
        ArgumentError: there are fewer files than folds.
        DataError: the data cannot be read, or a set would be empty.
        RunError: a clip is a video, and PyAV is not installed.
    """
    listed = _parts(spec, layout)
    notes: list[str] = []
    if (test is not None or folds) and listed.pop("test", None) is not None:
        notes.append(f"{spec}: its test part is not used, because {'--folds' if folds else '--test'} gives another")
    if test is not None:
        listed["test"] = _test_part(test, layout)
    read = _read(listed, layout, progress)
    pool = read.pop("train")
    shared = with_own(fractions, read)
    names, keys, classes = _files(pool)
    if folds > len(set(keys)):
        raise ArgumentError("folds", f"at most the number of different files, {len(set(keys)):,}", folds)
    indices = even_parts(names, keys, classes, shared, folds, fold)
    sets = {part: pool.pick(indices[part]) for part in PARTS} | read
    for part in PARTS[:2]:
        if not len(sets[part]):
            raise DataError(
                f"{spec} has {len(pool):,} labelled clips of {len(set(keys)):,} different files: too few for training "
                f"and validation fractions of {shared[0]:g} and {shared[1]:g}; give more, or other --fractions"
            )
    if folds:
        notes.append(f"the test set is fold {fold + 1} of {folds} (--fold {fold}), by a hash of the file names")
    how = [f"{listed[part].root.name}: {listed[part].how}" for part in listed]
    notes += [note for part in listed.values() for note in part.notes]
    return ClipSets(sets["train"], sets["valid"], sets["test"], how=how, notes=notes)


def read_clips(spec: str, layout: ClipLayout, progress: Progress = silent) -> tuple[Clips, list[str]]:
    """Return the clips of ``spec`` to evaluate on, and notes: its test part, or else all.

    Raises:
        DataError, RunError: see `open_clips`.
    """
    listed = _test_part(spec, layout)
    return _read({"test": listed}, layout, progress)["test"], listed.notes


def _test_part(spec: str, layout: ClipLayout) -> ListedClips:
    listed = _parts(spec, layout)
    return listed.get("test", listed.get("valid", listed["train"]))


def _parts(spec: str, layout: ClipLayout) -> dict[str, ListedClips]:
    """Return the parts of ``spec``, of which ``train`` is one."""
    path = Path(spec).expanduser()
    if not spec or not exists(spec):
        raise missing("file or folder", spec, ())
    refuse_packed(path)
    inner, notes = find_parts(path)
    found = {
        part: list_clips(at, layout.labels == "frame", layout.unit) for part, at in (inner or {"train": path}).items()
    }
    found["train"].notes += notes
    return found


def _read(parts: dict[str, ListedClips], layout: ClipLayout, progress: Progress) -> dict[str, Clips]:
    """Return the labelled clips of each part, decoded into one store."""
    first = next(iter(parts.values()))
    paths = [path for listed in parts.values() for path in listed.paths]
    form = decided(paths, layout, first.notes)
    store = ClipStore(paths, form, skip=layout.skip, limits=layout.limits, progress=progress)
    if store.skipped:
        first.notes.append(f"{len(store.skipped):,} clips skipped: {store.skipped[0][1]}")
    at, videos = 0, {number: video for video, number in enumerate(store.kept)}
    read = {}
    for part, listed in parts.items():
        numbers = range(at, at + len(listed.paths))
        read[part] = _labelled(listed, [videos.get(number) for number in numbers], store, layout)
        at += len(listed.paths)
    return read


class _Row(NamedTuple):
    """A labelled clip: frames ``begin`` to before ``end`` of a video."""

    video: int
    begin: int
    end: int
    name: str
    digest: str
    label: str = ""
    track: Sequence[str] = ()


def _labelled(listed: ListedClips, videos: list[int | None], store: ClipStore, layout: ClipLayout) -> Clips:
    """Return the labelled clips of the videos that were read."""
    rows = [
        row
        for number, video in enumerate(videos)
        if video is not None
        for row in _rows(listed, number, video, store, layout)
    ]
    if not rows:
        labels = f" with the labels {', '.join(layout.only)}" if layout.only else ""
        raise DataError(f"{listed.root} has no clips{labels}; check the labels, or omit --only")
    by_frame = layout.labels == "frame"
    return Clips(
        store,
        np.array([row[:3] for row in rows], np.int64),
        [] if by_frame else [row.label for row in rows],
        [row.track for row in rows] if by_frame else [],
        [row.name for row in rows],
        [row.digest for row in rows],
        float(store.form.rate or 0),
    )


def _rows(listed: ListedClips, number: int, video: int, store: ClipStore, layout: ClipLayout) -> Iterator[_Row]:
    """Yield the labelled clips of a video: itself, or its labelled intervals."""
    name, length, digest = listed.names[number], int(store.lengths[video]), store.digests[video]
    if not listed.tracks:
        if not layout.only or listed.labels[number] in layout.only:
            yield _Row(video, 0, length, name, digest, listed.labels[number])
        return
    own = None if isnan(store.rates[video]) else Fraction(store.rates[video]).limit_denominator(1001)
    intervals = placed(listed.tracks[number], name, length, store.form.rate or own, own)
    if layout.labels == "frame":
        yield _Row(video, 0, length, name, digest, track=frame_labels(intervals, length, layout.background))
        return
    for interval in intervals:
        if not layout.only or interval.label in layout.only:
            begin, end = whole_frames(interval, length)
            where = f"{name}, frames {begin}–{end - 1}"
            yield _Row(video, begin, end, where, f"{digest} {begin} {end}", interval.label)


def _files(clips: Clips) -> tuple[list[str], list[str], list[str]]:
    """Return the file name of each clip, a key that equal files share, and the class (of whole clips only)."""
    store = clips.frames
    assert isinstance(store, ClipStore)
    videos = clips.stretches[:, 0]
    names, keys = [store.paths[video].name for video in videos], [store.digests[video] for video in videos]
    whole = bool(clips.labels) and bool((clips.lengths == store.lengths[videos]).all())
    return names, keys, clips.labels if whole else [""] * len(keys)


def decided(paths: list[Path], layout: ClipLayout, notes: list[str]) -> ClipForm:
    """Return the form that clips are decoded to: what the layout leaves open, the data decide.

    The size is that of the clips if it is the same for all and at most 128 × 128, else one with a shorter side of 64;
    the rate is the most frequent one; and they are grey if all clips are.

    Raises:
        DataError, RunError: no clip can be read.
    """
    exact = check_form(layout.size, layout.rate, layout.channels or 3)
    shapes, failed = [], None
    for number in np.unique(np.linspace(0, len(paths) - 1, PEEKED).astype(int)).tolist():
        try:
            shapes.append(shape_of(paths[number], limits=layout.limits))
        except DataError as error:  # `ClipStore` names it, or skips it
            failed = failed or error
    if not shapes:
        raise failed or DataError("there are no clips; give some")
    sizes = Counter((shape.height, shape.width) for shape in shapes)
    rates = Counter(shape.rate for shape in shapes if shape.rate)
    size = layout.size or _size(shapes)
    rate = exact or (rates.most_common(1)[0][0].limit_denominator(1001) if rates else None)
    if len(sizes) > 1:
        small, large = min(sizes), max(sizes)
        notes.append(
            f"clips of {len(sizes)} sizes, {small[0]} × {small[1]} to {large[0]} × {large[1]}, resized to {size[0]} × "
            f"{size[1]} (--fit {layout.fit})"
        )
    others = sorted(float(own) for own in rates if rate and own != rate)
    if others and rate:
        notes.append(
            f"clips with {', '.join(f'{own:.4g}' for own in others[:3])} frames per second read at {float(rate):.4g}"
        )
    return ClipForm(size, rate, layout.channels or (3 if any(shape.colour for shape in shapes) else 1), layout.fit)


def _size(shapes: list[ClipShape]) -> tuple[int, int]:
    """Return the size that clips of these sizes are fitted to."""
    heights, widths = (np.array([getattr(shape, side) for shape in shapes]) for side in ("height", "width"))
    if len(set(zip(heights, widths, strict=True))) == 1 and max(heights[0], widths[0]) <= LARGEST:
        return max(LEAST_SIZE, int(heights[0])), max(LEAST_SIZE, int(widths[0]))
    ratio = float(np.median(widths / heights))
    if np.ptp(widths / heights) > 0.1 * ratio or not 1 / 3 <= ratio <= 3:
        ratio = 1.0
    short = max(LEAST_SIZE, min(USUAL, int(np.median(np.minimum(heights, widths))) // 8 * 8))
    long = round(short * max(ratio, 1 / ratio) / 8) * 8
    return (short, long) if ratio >= 1 else (long, short)
