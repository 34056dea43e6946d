"""Quality of captions: BLEU-1 to BLEU-4, ROUGE-L, CIDEr-D, exact and distinct captions.

    ROUGE-L = (1 + β²) P R / (R + β² P),  β = 1.2      P and R: the largest LCS / words of the caption (the reference)
                                                       over the references (Lin 2004; the COCO evaluation's form)

METEOR and SPICE are not computed: they need Java and downloads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from ...analysis.bootstrap import resampled_sums
from ...analysis.intervals import Interval, percentiles
from ...training.metrics import LOSS, PERPLEXITY, Metric
from ..common.rouge import lcs
from .bleu import Words, bleu_of_sums, counts, words
from .cider import Cider

BETA = 1.2

QUALITY = (
    *(Metric(f"bleu{n}", f"BLEU-{n}", ".2f", larger_is_better=True) for n in (1, 2, 3, 4)),
    Metric("rougeL", "ROUGE-L", ".2f", larger_is_better=True),
    Metric("cider", "CIDEr-D", ".3f", larger_is_better=True),
    Metric("exact", "exact", ".2%", larger_is_better=True),
    Metric("distinct", "distinct", ".1%", larger_is_better=True),
)
ATTENTION = Metric("attention", "attention on the object", ".3f", larger_is_better=True)
METRICS = (LOSS, PERPLEXITY, *QUALITY, ATTENTION)


@dataclass(frozen=True)
class Scores:
    """Scores of captions; BLEU and ROUGE-L range from 0 to 100, CIDEr-D from 0 to 10.

    Attributes:
        bleu1, bleu2, bleu3, bleu4: BLEU.
        rougeL: ROUGE-L.
        cider: CIDEr-D.
        exact: fraction of captions with the words of a reference.
        distinct: number of different captions per picture.
    """

    bleu1: float
    bleu2: float
    bleu3: float
    bleu4: float
    rougeL: float
    cider: float
    exact: float
    distinct: float

    def summary(self) -> dict[str, float]:
        """Return the scores by name."""
        return asdict(self)


def score(captions: Sequence[str], references: Sequence[Sequence[str]]) -> Scores:
    """Score one caption of each picture against the references of the picture."""
    own, others = [words(caption) for caption in captions], [[words(text) for text in texts] for texts in references]
    sums = sufficient(captions, references).sum(0)
    bleu1, bleu2, bleu3, bleu4 = bleu_of_sums(sums)
    return Scores(
        bleu1,
        bleu2,
        bleu3,
        bleu4,
        100 * float(np.mean([rouge_l(*pair) for pair in zip(own, others, strict=True)])),
        float(np.mean(Cider(others).scores(own))),
        float(np.mean([caption in texts for caption, texts in zip(own, others, strict=True)])),
        len({tuple(caption) for caption in own}) / len(own),
    )


def sufficient(captions: Sequence[str], references: Sequence[Sequence[str]]) -> npt.NDArray[np.int64]:
    """Return for each picture the numbers whose sums give BLEU, ``(N, 10)``; see `counts`."""
    pairs = zip(captions, references, strict=True)
    return np.array([counts(words(caption), [words(text) for text in texts]) for caption, texts in pairs])


def bleu4_interval(captions: Sequence[str], references: Sequence[Sequence[str]]) -> Interval | None:
    """Return the 95 % interval of BLEU-4: a bootstrap over the pictures."""
    drawn = resampled_sums(sufficient(captions, references).astype(np.float64))
    return percentiles(np.array([bleu_of_sums(row)[3] for row in drawn]))


def rouge_l(caption: Words, references: Sequence[Words]) -> float:
    """Return ROUGE-L of a caption, from 0 to 1."""
    common = [lcs(caption, reference) for reference in references]
    precision = max(common) / len(caption) if caption else 0.0
    recall = max(n / len(reference) if reference else 0.0 for n, reference in zip(common, references, strict=True))
    if not precision or not recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)
