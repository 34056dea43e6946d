"""Metrics of a translator."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...training.metrics import LOSS, PERPLEXITY, Metric
from ..common.rouge import NAMES as ROUGES
from ..common.rouge import Rouge
from .scores import Scores

METRICS = (
    LOSS,
    PERPLEXITY,
    *(Metric(name, label, ".2f", larger_is_better=True) for name, label in ROUGES.items()),
    Metric("bleu", "BLEU", ".2f", larger_is_better=True),
    Metric("bleu_cased", "BLEU cased", ".2f", larger_is_better=True),
    Metric("chrf", "chrF", ".2f", larger_is_better=True),
    Metric("exact", "exact", ".2%", larger_is_better=True),
)


@dataclass(frozen=True)
class Measures:
    """Results of a translator on sentence pairs.

    Attributes:
        loss: nats per target token, including the end token, with teacher forcing.
        scores: BLEU and chrF of the translations.
        translations: the best translation of each sentence.
        rouge: ROUGE, if they are summaries.
    """

    loss: float
    scores: Scores
    translations: list[str]
    rouge: Rouge | None = None

    def summary(self) -> dict[str, float]:
        """Return the metrics of `METRICS` by name; ROUGE only for summaries."""
        scores = self.scores
        return {
            "loss": self.loss,
            "perplexity": perplexity(self.loss),
            **(self.rouge.f1() if self.rouge is not None else {}),
            "bleu": scores.bleu,
            "bleu_cased": scores.cased_bleu,
            "chrf": scores.chrf,
            "exact": scores.exact,
        }


def perplexity(loss: float) -> float:
    """Return e^loss, bounded so that it does not overflow."""
    return math.exp(min(loss, 700))
