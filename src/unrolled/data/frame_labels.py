"""A label for each frame of a clip, from labelled intervals in seconds or frames.

A frame gets the label that covers most of it; a frame that labels cover by less than a half is background.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

import numpy as np

from ..errors import DataError
from .label_tracks import Interval, Track

BACKGROUND = "background"
SLACK = 1  # frames that an interval may end before or after the end of its clip, or overlap the one before it


class Placed(NamedTuple):
    """A labelled interval in frames of the decoded clip, as real numbers."""

    start: float
    end: float
    label: str


def placed(track: Track, title: str, length: int, rate: Fraction | None, own: Fraction | None) -> list[Placed]:
    """Return the intervals of a track in frames, in order.

    Args:
        track: the labels of the clip.
        title: the clip's name in errors.
        length: the number of its decoded frames.
        rate: their number per second; `None`: not known.
        own: the frames per second that a track in frames counts (default: ``rate``).

    Raises:
        DataError: an interval ends after the clip, or overlaps another one, or it is in seconds and the clip has no
            times. The message names file and line.
    """
    scale = _scale(track, title, rate, own)
    if track.each and scale == 1 and len(track.intervals) != length:
        last = track.intervals[min(length, len(track.intervals) - 1)]
        raise DataError(
            f"{track.file} has {len(track.intervals):,} labels, and {title} has {length:,} frames: the two differ from "
            f"line {last.line:,} on; give a label for each frame"
        )
    found, before = [], None
    for interval in sorted(track.intervals, key=lambda interval: interval.start):
        start, end = float(interval.start * scale), float(interval.end * scale)
        if end > length + SLACK:
            raise _past_the_end(track, interval, title, length, rate)
        if before is not None and start < found[-1].end - SLACK:
            raise DataError(
                f"{track.file}, line {interval.line} overlaps line {before.line} of {title}; a frame has one label: "
                "shorten one of the two"
            )
        found.append(Placed(start, end, interval.label))
        before = interval
    if found and length - SLACK < found[-1].end < length:  # a part of a frame
        found[-1] = found[-1]._replace(end=float(length))
    return found


def frame_labels(intervals: list[Placed], length: int, background: str = BACKGROUND) -> list[str]:
    """Return the label of each of ``length`` frames."""
    chosen = np.full(length, -1)
    most, covered = np.zeros(length), np.zeros(length)
    for number, interval in enumerate(intervals):
        first, after = frames_of(interval, length)
        frames = np.arange(first, after)
        overlap = np.minimum(interval.end, frames + 1) - np.maximum(interval.start, frames)
        covered[first:after] += overlap
        better = frames[overlap > most[first:after]]
        chosen[better], most[first:after] = number, np.maximum(most[first:after], overlap)
    chosen[covered < 0.5] = -1
    return [background if number < 0 else intervals[number].label for number in chosen.tolist()]


def frames_of(interval: Placed, length: int) -> tuple[int, int]:
    """Return the first frame that an interval touches, and the frame after the last one."""
    return min(floor(interval.start), length), min(ceil(interval.end), length)


def whole_frames(interval: Placed, length: int) -> tuple[int, int]:
    """Return the first frame that an interval covers by at least a half, and the frame after the last one; at least one
    frame."""
    first = min(floor(interval.start + 0.5), length - 1)
    return first, max(first + 1, min(floor(interval.end + 0.5), length))


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


def _past_the_end(track: Track, interval: Interval, title: str, length: int, rate: Fraction | None) -> DataError:
    number = f"{float(interval.end):g} {'s' if track.unit == 'seconds' else 'frames'}"
    seconds = f" ({float(length / rate):.2f} s)" if rate else ""
    hint = "in the right unit" if track.unit == "seconds" else "counted at the rate of the clip"
    return DataError(
        f"{track.file}, line {interval.line} ends at {number}, after {title}, which has {length:,} frames{seconds}; "
        f"correct it: is it {hint}?"
    )
