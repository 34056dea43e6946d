"""What is measured of a translator."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...training.metrics import LOSS, PERPLEXITY, Metric
from .scores import Scores

METRICS = (
    LOSS,
    PERPLEXITY,
    Metric("bleu", "BLEU", ".2f", larger_is_better=True),
    Metric("bleu_cased", "BLEU cased", ".2f", larger_is_better=True),
    Metric("chrf", "chrF", ".2f", larger_is_better=True),
    Metric("exact", "exact", ".2%", larger_is_better=True),
)


@dataclass(frozen=True)
class Measures:
    """How well a translator does on pairs.

    Attributes:
        loss: nats per target symbol, the end counted, the right words before being given.
        scores: of its own translations.
        translations: them.
    """

    loss: float
    scores: Scores
    translations: list[str]

    def summary(self) -> dict[str, float]:
        """The numbers that are one each: those of `METRICS`."""
        scores = self.scores
        return {
            "loss": self.loss,
            "perplexity": perplexity(self.loss),
            "bleu": scores.bleu,
            "bleu_cased": scores.cased_bleu,
            "chrf": scores.chrf,
            "exact": scores.exact,
        }


def perplexity(loss: float) -> float:
    """e^loss, of the largest losses a number all the same."""
    return math.exp(min(loss, 700))
