"""``unrolled evaluate`` for the task ``speech``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...results import Progress, Report
from ..common.unaligned.evaluation import EvaluatedReading, evaluated

if TYPE_CHECKING:
    from .trained import TrainedSpeech


@dataclass(frozen=True, kw_only=True)
class Evaluate(EvaluatedReading):
    """The recordings to evaluate on, and how their texts are found."""

    data: str | None = None
    """other recordings: a folder, archive, table or manifest, as for training"""


def evaluation(model: TrainedSpeech, options: Evaluate, progress: Progress) -> Report:
    """See `Trained.evaluation`."""
    return evaluated(model, options, progress)
