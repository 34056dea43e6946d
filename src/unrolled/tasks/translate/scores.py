"""Quality of translations: BLEU (Papineni et al. 2002) and chrF (Popović 2015), computed by sacrebleu (Post 2018).

The scores equal those of its command line; signatures record how they were computed, for comparison with other work.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...analysis.bootstrap import resampled_sums
from ...analysis.intervals import Interval, percentiles
from ...checks import checked
from ...errors import ArgumentError, UnrolledError

INSTALL = "pip install sacrebleu"


@dataclass(frozen=True)
class Scores:
    """Scores of a corpus; BLEU and chrF range from 0 to 100.

    Attributes:
        bleu: BLEU, case-insensitive unless `score` had ``lowercase=False``.
        bleu_signature: its signature.
        cased_bleu: case-sensitive BLEU.
        cased_bleu_signature: its signature.
        chrf: chrF, with the case sensitivity of ``bleu``.
        chrf_signature: its signature.
        exact: fraction of translations equal to the reference, with the case sensitivity of ``bleu``.
        length_ratio: words of the translations per word of the references; BLEU penalizes values below 1.
        count: number of sentences.
    """

    bleu: float
    bleu_signature: str
    cased_bleu: float
    cased_bleu_signature: str
    chrf: float
    chrf_signature: str
    exact: float
    length_ratio: float
    count: int

    def as_json(self) -> dict[str, Any]:
        """Return the scores as JSON data."""
        return asdict(self)


@checked
def score(hypotheses: Sequence[str], references: Sequence[str], *, lowercase: bool = True) -> Scores:
    """Score translations against one reference each.

    Args:
        hypotheses: one detokenized translation per sentence; may be empty.
        references: the reference translations.
        lowercase: whether ``bleu``, ``chrf`` and ``exact`` ignore case.

    Raises:
        ArgumentError: there are no hypotheses, or their number differs from that of the references.
        UnrolledError: sacrebleu is not installed.
    """
    _check(hypotheses, references=references)
    metrics = _sacrebleu()
    bleu, cased, chrf = metrics.BLEU(lowercase=lowercase), metrics.BLEU(), metrics.CHRF(lowercase=lowercase)
    bleu_score, cased_score, chrf_score = (
        metric.corpus_score(hypotheses, [references]) for metric in (bleu, cased, chrf)
    )
    pairs = list(zip(hypotheses, references, strict=True))
    if lowercase:
        pairs = [(a.lower(), b.lower()) for a, b in pairs]
    return Scores(
        bleu=bleu_score.score,
        bleu_signature=str(bleu.get_signature()),
        cased_bleu=cased_score.score,
        cased_bleu_signature=str(cased.get_signature()),
        chrf=chrf_score.score,
        chrf_signature=str(chrf.get_signature()),
        exact=sum(a.strip() == b.strip() for a, b in pairs) / len(pairs),
        length_ratio=bleu_score.sys_len / bleu_score.ref_len if bleu_score.ref_len else 0.0,
        count=len(pairs),
    )


def by_length(
    hypotheses: Sequence[str],
    references: Sequence[str],
    sources: Sequence[str],
    width: int = 5,
    *,
    lowercase: bool = True,
) -> list[tuple[int, int, int, float]]:
    """Return BLEU by the number of source words: ``(low, high, count, bleu)`` for every non-empty bucket.

    The buckets are 1 to ``width`` words, ``width + 1`` to ``2 width`` and so on; an empty source counts as one word.

    Raises:
        ArgumentError: see `score`; or the width is below 1.
        UnrolledError: sacrebleu is not installed.
    """
    _check(hypotheses, references=references, sources=sources)
    bleu = _sacrebleu().BLEU(lowercase=lowercase)
    rows = []
    for low, members in buckets(sources, width).items():
        result = bleu.corpus_score([hypotheses[n] for n in members], [[references[n] for n in members]])
        rows.append((low, low + width - 1, len(members), float(result.score)))
    return rows


def buckets(sources: Sequence[str], width: int = 5) -> dict[int, list[int]]:
    """Group the indices of sources by number of words: ``low`` → sources of ``low`` to ``low + width - 1`` words.

    Raises:
        ArgumentError: the width is below 1.
    """
    if width < 1:
        raise ArgumentError("width", "an integer of at least 1", width)
    indices: dict[int, list[int]] = {}
    for n, source in enumerate(sources):
        words = max(1, len(source.split()))
        indices.setdefault(words - (words - 1) % width, []).append(n)
    return dict(sorted(indices.items()))


def bleu_interval(hypotheses: Sequence[str], references: Sequence[str], *, lowercase: bool = True) -> Interval | None:
    """Return the 95 % interval of BLEU: a bootstrap over the sentences (Koehn 2004).

    Raises:
        ArgumentError: see `score`.
        UnrolledError: sacrebleu is not installed.
    """
    _check(hypotheses, references=references)
    bleu = _sacrebleu().BLEU(lowercase=lowercase)
    counts = []
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        found = bleu.corpus_score([hypothesis], [[reference]])
        counts.append([*found.counts, *found.totals, found.sys_len, found.ref_len])
    drawn = resampled_sums(np.array(counts, dtype=np.float64)).round().astype(int)
    order = (drawn.shape[1] - 2) // 2
    figures = [
        bleu.compute_bleu(
            correct=row[:order],
            total=row[order : 2 * order],
            sys_len=row[-2],
            ref_len=row[-1],
            smooth_method="exp",  # the default of sacrebleu, as in `score`
        ).score
        for row in drawn.tolist()
    ]
    return percentiles(np.array(figures))


def _check(hypotheses: Sequence[str], **others: Sequence[str]) -> None:
    if not hypotheses:
        raise ArgumentError("hypotheses", "at least one", len(hypotheses))
    for name, sentences in others.items():
        if len(sentences) != len(hypotheses):
            raise ArgumentError(name, f"one for each of the {len(hypotheses)} hypotheses", len(sentences))


def _sacrebleu() -> Any:
    try:
        return importlib.import_module("sacrebleu.metrics")
    except ImportError as error:
        raise UnrolledError(f"BLEU and chrF need sacrebleu, which is not installed; {INSTALL}") from error
