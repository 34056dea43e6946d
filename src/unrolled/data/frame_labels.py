"""A label for each frame of a clip, from labelled stretches in seconds or frames.

A frame gets the label that covers most of it; a frame that labels cover by less than a half is background.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

import numpy as np

from ..errors import DataError
from .label_tracks import Stretch, Track

BACKGROUND = "background"
SLACK = 1  # frames that a stretch may end before or after the end of its clip, or overlap the one before it


class Placed(NamedTuple):
    """A labelled stretch in frames of the decoded clip, as real numbers."""

    start: float
    end: float
    label: str


def placed(track: Track, title: str, length: int, rate: Fraction | None, own: Fraction | None) -> list[Placed]:
    """Return the stretches of a track in frames, in order.

    Args:
        track: the labels of the clip.
        title: the clip's name in errors.
        length: the number of its decoded frames.
        rate: their number per second; `None`: not known.
        own: the frames per second that a track in frames counts (default: ``rate``).

    Raises:
        DataError: a stretch ends after the clip, or overlaps another one, or it is in seconds and the clip has no
            times. The message names file and line.
    """
    scale = _scale(track, title, rate, own)
    if track.each and scale == 1 and len(track.stretches) != length:
        last = track.stretches[min(length, len(track.stretches) - 1)]
        raise DataError(
            f"{track.file} has {len(track.stretches):,} labels, and {title} has {length:,} frames: the two differ from "
            f"line {last.line:,} on; give a label for each frame"
        )
    found, before = [], None
    for stretch in sorted(track.stretches, key=lambda stretch: stretch.start):
        start, end = float(stretch.start * scale), float(stretch.end * scale)
        if end > length + SLACK:
            raise _past_the_end(track, stretch, title, length, rate)
        if before is not None and start < found[-1].end - SLACK:
            raise DataError(
                f"{track.file}, line {stretch.line} overlaps line {before.line} of {title}; a frame has one label: "
                "shorten one of the two"
            )
        found.append(Placed(start, end, stretch.label))
        before = stretch
    if found and length - SLACK < found[-1].end < length:  # a part of a frame
        found[-1] = found[-1]._replace(end=float(length))
    return found


def frame_labels(stretches: list[Placed], length: int, background: str = BACKGROUND) -> list[str]:
    """Return the label of each of ``length`` frames."""
    chosen = np.full(length, -1)
    most, covered = np.zeros(length), np.zeros(length)
    for number, stretch in enumerate(stretches):
        first, after = frames_of(stretch, length)
        frames = np.arange(first, after)
        overlap = np.minimum(stretch.end, frames + 1) - np.maximum(stretch.start, frames)
        covered[first:after] += overlap
        better = frames[overlap > most[first:after]]
        chosen[better], most[first:after] = number, np.maximum(most[first:after], overlap)
    chosen[covered < 0.5] = -1
    return [background if number < 0 else stretches[number].label for number in chosen.tolist()]


def frames_of(stretch: Placed, length: int) -> tuple[int, int]:
    """Return the first frame that a stretch touches, and the frame after the last one."""
    return min(floor(stretch.start), length), min(ceil(stretch.end), length)


def whole_frames(stretch: Placed, length: int) -> tuple[int, int]:
    """Return the first frame that a stretch covers by at least a half, and the frame after the last one; at least one
    frame."""
    first = min(floor(stretch.start + 0.5), length - 1)
    return first, max(first + 1, min(floor(stretch.end + 0.5), length))


def _scale(track: Track, title: str, rate: Fraction | None, own: Fraction | None) -> Fraction:
    """Return the factor from the track's unit to decoded frames."""
    if track.unit == "frames":
        return Fraction(1) if rate is None or own is None else rate / own
    if rate is None:
        raise DataError(
            f"{track.file} is in seconds, and {title} has no times; give its frames per second with --rate, or write "
            "the columns start_frame and end_frame"
        )
    return rate


def _past_the_end(track: Track, stretch: Stretch, title: str, length: int, rate: Fraction | None) -> DataError:
    number = f"{float(stretch.end):g} {'s' if track.unit == 'seconds' else 'frames'}"
    seconds = f" ({float(length / rate):.2f} s)" if rate else ""
    hint = "in the right unit" if track.unit == "seconds" else "counted at the rate of the clip"
    return DataError(
        f"{track.file}, line {stretch.line} ends at {number}, after {title}, which has {length:,} frames{seconds}; "
        f"correct it: is it {hint}?"
    )
