"""How good translations are: BLEU (Papineni et al. 2002) and chrF (Popović 2015), counted by sacrebleu (Post 2018).

The numbers are those of its command line, and a signature says how each was made, so that they can be compared with
other people's.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...checks import checked
from ...errors import ArgumentError, UnrolledError

INSTALL = "pip install sacrebleu"


@dataclass(frozen=True)
class Scores:
    """Of a whole corpus; BLEU and chrF from 0 to 100.

    Attributes:
        bleu: without regard to upper and lower case, unless `score` was told otherwise.
        bleu_signature: how it was made.
        cased_bleu: with regard to case.
        cased_bleu_signature: how it was made.
        chrf: with the same regard to case as ``bleu``.
        chrf_signature: how it was made.
        exact: the share of translations that are the reference, with the same regard to case as ``bleu``.
        length_ratio: words of the translations for each word of the references; below 1 BLEU punishes them.
        count: how many sentences.
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
        """Plain data."""
        return asdict(self)


@checked
def score(hypotheses: Sequence[str], references: Sequence[str], *, lowercase: bool = True) -> Scores:
    """Translations against one reference each.

    Args:
        hypotheses: one translation a sentence, as a reader would see it; it may be empty.
        references: what they should be.
        lowercase: whether ``bleu``, ``chrf`` and ``exact`` take upper and lower case for the same.

    Raises:
        ArgumentError: there are none, or not as many of the one as of the other.
        UnrolledError: sacrebleu is not installed.
    """
    _check(hypotheses, references=references)
    metrics = _sacrebleu()
    bleu, cased, chrf = metrics.BLEU(lowercase=lowercase), metrics.BLEU(), metrics.CHRF(lowercase=lowercase)
    found, found_cased, found_chrf = (one.corpus_score(hypotheses, [references]) for one in (bleu, cased, chrf))
    pairs = list(zip(hypotheses, references, strict=True))
    if lowercase:
        pairs = [(a.lower(), b.lower()) for a, b in pairs]
    return Scores(
        bleu=found.score,
        bleu_signature=str(bleu.get_signature()),
        cased_bleu=found_cased.score,
        cased_bleu_signature=str(cased.get_signature()),
        chrf=found_chrf.score,
        chrf_signature=str(chrf.get_signature()),
        exact=sum(a.strip() == b.strip() for a, b in pairs) / len(pairs),
        length_ratio=found.sys_len / found.ref_len if found.ref_len else 0.0,
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
    """BLEU by the number of words of the source: ``(low, high, count, bleu)`` for every bucket that has any.

    The buckets are 1 to ``width`` words, ``width + 1`` to ``2 width`` and so on; an empty source counts as one word.

    Raises:
        ArgumentError: as `score`, or a width below 1.
        UnrolledError: sacrebleu is not installed.
    """
    _check(hypotheses, references=references, sources=sources)
    bleu = _sacrebleu().BLEU(lowercase=lowercase)
    rows = []
    for low, members in buckets(sources, width).items():
        found = bleu.corpus_score([hypotheses[n] for n in members], [[references[n] for n in members]])
        rows.append((low, low + width - 1, len(members), float(found.score)))
    return rows


def buckets(sources: Sequence[str], width: int = 5) -> dict[int, list[int]]:
    """The numbers of the sources of ``low`` to ``low + width - 1`` words, by low, ascending; see `by_length`.

    Raises:
        ArgumentError: a width below 1.
    """
    if width < 1:
        raise ArgumentError("width", "a whole number of at least 1", width)
    found: dict[int, list[int]] = {}
    for n, source in enumerate(sources):
        words = max(1, len(source.split()))
        found.setdefault(words - (words - 1) % width, []).append(n)
    return dict(sorted(found.items()))


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
        raise UnrolledError(f"BLEU and chrF are counted by sacrebleu, which is not installed; {INSTALL}") from error
