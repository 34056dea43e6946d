"""The metrics of a video classifier on labelled clips, and of the baseline of single frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...analysis.bootstrap import resampled_sums
from ...analysis.intervals import Interval, known, percentiles
from ...data.labelled_clips import Clips
from ...training.metrics import Metric
from ..common.class_measures import METRICS as OF_CLASSES
from ..common.class_measures import Matrix, Measures, scores, true_classes
from .segments import OVERLAPS, Labels, as_row, counts, summary

if TYPE_CHECKING:
    from .trained import TrainedVideo

SINGLE = Metric("single_frame", "single frame", larger_is_better=True)
OF_SEGMENTS = (
    Metric("edit", "edit score", ".2f", larger_is_better=True),
    *(
        Metric(f"f1_{share * 100:.0f}", f"F1@{share:g}", larger_is_better=True, shown=share == max(OVERLAPS))
        for share in OVERLAPS
    ),
)
METRICS = (*OF_CLASSES, *OF_SEGMENTS, SINGLE)


@dataclass(frozen=True)
class Results:
    """Metrics of a classifier of clips, or of their frames.

    Attributes:
        measures: of the classes of all clips, or all frames.
        single: accuracy of the best single frame; `None` without that baseline.
        probabilities: of each clip, ``(K,)``, or of its frames, ``(T, K)``.
        true: the class of each clip, ``()``, or of its frames, ``(T,)``.
        rows: the counts of the segments of each clip ``(N, 8)``; `None` for classes of clips.
    """

    measures: Measures
    single: float | None
    probabilities: list[Matrix]
    true: list[Labels]
    rows: npt.NDArray[np.float64] | None

    def summary(self) -> dict[str, float]:
        """Return the scalar metrics by name."""
        found = self.measures.summary()
        if self.rows is not None:
            figures = summary(self.rows.sum(0)).tolist()
            found |= {metric.name: figures[1 + n] for n, metric in enumerate(OF_SEGMENTS)}
        return found if self.single is None else found | {SINGLE.name: self.single}

    def intervals(self) -> dict[str, Interval]:
        """Return the 95 % intervals of the metrics; of frames by a bootstrap over the clips."""
        if self.rows is None:
            return self.measures.intervals()
        drawn = summary(resampled_sums(self.rows))  # (R, 5)
        names = ("accuracy", *(metric.name for metric in OF_SEGMENTS))
        return known({name: percentiles(drawn[:, n]) for n, name in enumerate(names)})


def measure(model: TrainedVideo, clips: Clips, done: Callable[[int], None] | None = None) -> Results:
    """Return the metrics of a model on labelled clips.

    Raises:
        DataError: a label is not one of the classes of the model.
    """
    true = truth(clips, model.classes)
    answers = model.answers(clips, single=True, done=done)
    if clips.tracks:
        probabilities, labels = np.concatenate([a.probabilities for a in answers]), np.concatenate(true)
        rows = np.array([as_row(counts(t, a.probabilities.argmax(1))) for t, a in zip(true, answers, strict=True)])
    else:
        probabilities, labels, rows = np.stack([a.probabilities for a in answers]), np.array(true), None
    right = [a.single == t for a, t in zip(answers, true, strict=True) if a.single is not None]
    single = float(np.concatenate([np.atleast_1d(part) for part in right]).mean()) if right else None
    measures = scores(probabilities, labels, model.classes)
    return Results(measures, single, [a.probabilities for a in answers], true, rows)


def truth(clips: Clips, classes: list[str]) -> list[Labels]:
    """Return the class of each clip, ``()``, or of its frames, ``(T,)``.

    Raises:
        DataError: a label is none of the classes.
    """
    if not clips.tracks:
        return list(true_classes(clips.labels, clips.names, classes))
    return [
        true_classes(track, [name] * len(track), classes) for track, name in zip(clips.tracks, clips.names, strict=True)
    ]
