"""CIDEr-D (Vedantam et al. 2015, section 5 and equation 6): n-grams weighted by how few pictures have them.

    g_n(s)   = (h_k(s) · log(I / max(1, d_k)))_k      h_k: how often n-gram k is in s; d_k: pictures of I whose
                                                      references have it
    sim_n    = exp(−(l(c) − l(s))² / 2σ²) · min(g_n(c), g_n(s)) · g_n(s) / (‖g_n(c)‖ ‖g_n(s)‖)        σ = 6
    CIDEr-D  = 10 · mean over n = 1…4 and over the references of sim_n

As in the authors' code h_k is a count, not a fraction, and l a number of words. The mean over pictures is often
multiplied by 100; here it is not, so that a value of about 0.1 to 1.5 is usual.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from .bleu import ORDERS, Words, ngrams

SIGMA = 6.0
SCALE = 10.0

Gram = tuple[str, ...]


class Vector(NamedTuple):
    """A sentence: for each n the weights of its n-grams and their norm; and its number of words."""

    weights: list[dict[Gram, float]]
    norms: list[float]
    length: int


class Cider:
    """CIDEr-D against given references.

    Args:
        references: for each picture its references.
    """

    def __init__(self, references: Sequence[Sequence[Words]]) -> None:
        self._logs = math.log(max(1, len(references)))
        self._pictures: Counter[Gram] = Counter()
        for own in references:
            self._pictures.update({gram for sentence in own for n in ORDERS for gram in ngrams(sentence, n)})
        self.references = [[self.vector(sentence) for sentence in own] for own in references]

    def vector(self, sentence: Words) -> Vector:
        """Return the weighted n-grams of a sentence."""
        weights = [
            {gram: count * (self._logs - math.log(max(1, self._pictures[gram]))) for gram, count in found.items()}
            for found in (ngrams(sentence, n) for n in ORDERS)
        ]
        norms = [math.sqrt(sum(weight * weight for weight in own.values())) for own in weights]
        return Vector(weights, norms, len(sentence))

    def scores(self, captions: Sequence[Words]) -> list[float]:
        """Return the score of the caption of each picture."""
        return [
            SCALE * sum(similarity(self.vector(caption), reference) for reference in own) / len(own)
            for caption, own in zip(captions, self.references, strict=True)
        ]


def similarity(a: Vector, b: Vector) -> float:
    """Return the mean of sim_n of a candidate and a reference."""
    total = 0.0
    for n in range(len(ORDERS)):
        norm = a.norms[n] * b.norms[n]
        if norm:
            others = b.weights[n]
            shared = sum(
                min(weight, others[gram]) * others[gram] for gram, weight in a.weights[n].items() if gram in others
            )
            total += shared / norm
    return total / len(ORDERS) * math.exp(-((a.length - b.length) ** 2) / (2 * SIGMA**2))
