"""ROUGE (Lin 2004): the words of a summary that its reference has too.

    ROUGE-N    R = Σ_g min(n_g, m_g) / Σ_g m_g,  P = Σ_g min(n_g, m_g) / Σ_g n_g       section 2, equation 1
    ROUGE-L    R = LCS / m,  P = LCS / n                                                section 3.1, equations 2 and 3
    F1         = 2 P R / (P + R)                                                        equation 4 with β = 1

The n-gram g occurs n_g times in the summary and m_g times in the reference; n and m are their numbers of words; LCS is
the length of the longest common subsequence of all words, across sentences. Words are runs of letters, digits and
underscores in lower case, without stemming and with stop words; a text without spaces must be segmented before. The
score of several summaries is the mean over them, from 0 to 100; a summary with no n-gram in common has 0.

For ASCII text without underscores the scores equal those of Google's rouge_score (use_stemmer=False).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...analysis.bootstrap import resampled_sums
from ...analysis.intervals import Interval, known, percentiles
from ...checks import checked
from ...errors import ArgumentError

NAMES = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L"}

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Rouge:
    """ROUGE of N summaries, in the order of `NAMES`.

    Attributes:
        recalls: ``(N, 3)``, from 0 to 1.
        precisions: ``(N, 3)``.
        words: mean number of words.
    """

    recalls: npt.NDArray[np.float64]
    precisions: npt.NDArray[np.float64]
    words: float

    @property
    def f1s(self) -> npt.NDArray[np.float64]:
        """F1 of each summary, ``(N, 3)``."""
        both = self.recalls + self.precisions
        return 2 * self.recalls * self.precisions / np.where(both > 0, both, 1)

    def f1(self) -> dict[str, float]:
        """Return the mean F1 by name, from 0 to 100."""
        return dict(zip(NAMES, (100 * self.f1s.mean(0)).tolist(), strict=True))

    def recall(self) -> dict[str, float]:
        """Return the mean recall by name, from 0 to 100."""
        return dict(zip(NAMES, (100 * self.recalls.mean(0)).tolist(), strict=True))

    def intervals(self) -> dict[str, Interval]:
        """Return the 95 % interval of each F1: a bootstrap over the summaries."""
        drawn = 100 * resampled_sums(self.f1s) / len(self.f1s)
        return known({name: percentiles(drawn[:, at]) for at, name in enumerate(NAMES)})


@checked
def rouge(summaries: Sequence[str], references: Sequence[str]) -> Rouge:
    """Score summaries against one reference each.

    Raises:
        ArgumentError: there are no summaries, or their number differs from that of the references.
    """
    if not summaries:
        raise ArgumentError("summaries", "at least one", len(summaries))
    if len(references) != len(summaries):
        raise ArgumentError("references", f"one for each of the {len(summaries)} summaries", len(references))
    pairs = [(words(a), words(b)) for a, b in zip(summaries, references, strict=True)]
    overlaps = np.array([[_common(a, b, 1), _common(a, b, 2), lcs(a, b)] for a, b in pairs], dtype=np.float64)
    sizes = np.array([[[len(text), len(text) - 1, len(text)] for text in pair] for pair in pairs]).clip(min=1)
    return Rouge(overlaps / sizes[:, 1], overlaps / sizes[:, 0], float(np.mean([len(a) for a, _ in pairs])))


def words(text: str) -> list[str]:
    """Return the words of a text as ROUGE counts them."""
    return _WORD.findall(text.lower())


def lcs(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the length of the longest common subsequence.

    Bit i of ``rest`` is 0 where the subsequence of ``a[:i + 1]`` and the words of ``b`` so far is longer than that of
    ``a[:i]`` (Hyyrö 2004).

    >>> lcs("police killed the gunman".split(), "police kill the gunman".split())
    3
    """
    places: dict[str, int] = {}
    for at, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << at
    every = rest = (1 << len(a)) - 1
    for word in b:
        matched = rest & places.get(word, 0)
        rest = ((rest + matched) | (rest - matched)) & every
    return len(a) - rest.bit_count()


def _common(a: list[str], b: list[str], n: int) -> int:
    """Return the number of n-grams that both have, as often as both have them."""
    counts = [Counter(zip(*(text[at:] for at in range(n)), strict=False)) for text in (a, b)]
    return (counts[0] & counts[1]).total()
