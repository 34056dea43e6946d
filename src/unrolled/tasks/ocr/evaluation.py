"""``unrolled evaluate`` for the task ``ocr``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...results import Progress, Report
from ..common.unaligned.evaluation import EvaluatedReading, evaluated

if TYPE_CHECKING:
    from .trained import TrainedOcr


@dataclass(frozen=True, kw_only=True)
class Evaluate(EvaluatedReading):
    """The lines to evaluate on, and how their texts are found."""

    data: str | None = None
    """other lines: a folder, archive, table or npz, as for training"""


def evaluation(model: TrainedOcr, options: Evaluate, progress: Progress) -> Report:
    """See `Trained.evaluation`."""
    return evaluated(model, options, progress)
