"""Metrics of labels per frame that look at segments: stretches of frames with one label.

    edit score   100 · (1 − d(true, predicted) / max(number of segments))       d: Levenshtein distance between the
                 labels of the segments, so it does not depend on when they begin and end
    F1 at k      a predicted segment is right if it overlaps a true one of its label that no other has taken, with
                 an intersection over union of at least k; 2 right / (true segments + predicted segments)

Lea et al. 2017, "Temporal Convolutional Networks for Action Segmentation and Detection", section 4.1. Every label
counts, silence and background too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...data.edits import distance

OVERLAPS = (0.1, 0.25, 0.5)

Labels = npt.NDArray[np.int64]


class Segment(NamedTuple):
    """A stretch of frames from ``begin`` up to, not including, ``end`` with one label."""

    begin: int
    end: int
    label: int


def segments(labels: Labels) -> list[Segment]:
    """Return the segments of the labels of the frames of a clip ``(T,)``.

    >>> [tuple(segment) for segment in segments(np.array([7, 7, 2]))]
    [(0, 2, 7), (2, 3, 2)]
    """
    edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    return [Segment(a, b, int(labels[a])) for a, b in pairwise(edges) if b > a]


def edit_score(true: Sequence[object], predicted: Sequence[object]) -> float:
    """Return the edit score of the labels of segments, 0 to 100.

    >>> edit_score("abc", "abbc")
    75.0
    """
    return 100 * (1 - distance(true, predicted) / max(len(true), len(predicted), 1))


def right(true: Sequence[Segment], predicted: Sequence[Segment], overlap: float) -> int:
    """Return how many of the predicted segments are right at an intersection over union of ``overlap``."""
    taken = [False] * len(true)
    count = 0
    for segment in predicted:
        shares = [_overlap(segment, other) if other.label == segment.label else 0.0 for other in true]
        best = max(range(len(true)), key=shares.__getitem__, default=-1)
        if best >= 0 and shares[best] >= overlap and not taken[best]:
            taken[best] = True
            count += 1
    return count


def _overlap(a: Segment, b: Segment) -> float:
    both = min(a.end, b.end) - max(a.begin, b.begin)
    return max(0, both) / (max(a.end, b.end) - min(a.begin, b.begin))


class Counts(NamedTuple):
    """What the metrics of a clip are sums of.

    frames       frames, and those with the right label
    hits         ditto
    edit         its edit score
    true         segments
    predicted    ditto, of the prediction
    right        right predicted segments at each of `OVERLAPS`
    """

    frames: int
    hits: int
    edit: float
    true: int
    predicted: int
    right: tuple[int, ...]


def counts(true: Labels, predicted: Labels) -> Counts:
    """Return the counts of one clip, from its labels ``(T,)``."""
    a, b = segments(true), segments(predicted)
    edit = edit_score([segment.label for segment in a], [segment.label for segment in b])
    found = tuple(right(a, b, overlap) for overlap in OVERLAPS)
    return Counts(len(true), int((true == predicted).sum()), edit, len(a), len(b), found)


def summary(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return accuracy, edit score and F1 at each of `OVERLAPS`, ``(…, 5)``, of the sums of `as_row` ``(…, 8)``."""
    clips, frames, hits, edit, total = (sums[..., n] for n in range(5))
    parts = [hits / np.maximum(frames, 1), edit / np.maximum(clips, 1)]
    parts += [2 * sums[..., 5 + n] / np.maximum(total, 1) for n in range(len(OVERLAPS))]
    return np.stack(parts, -1)


def as_row(found: Counts) -> list[float]:
    """Return the counts of a clip as numbers that can be added: 1 clip, frames, hits, edit, segments of both, right."""
    return [1, found.frames, found.hits, found.edit, found.true + found.predicted, *found.right]
