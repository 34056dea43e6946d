"""BLEU of a corpus with several references (Papineni et al. 2002).

    p_n   = Σ clipped counts / Σ counts of the n-grams of all captions; a count is clipped to its largest in a reference
    BP    = 1 if c > r, else e^(1 − r/c)       c words in all captions, r in the references of the closest lengths
    BLEUn = BP · (p_1 · … · p_n)^(1/n)         from 0 to 100; 0 if a p is 0, without smoothing

Words are runs of letters, digits and apostrophes in lower case.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...errors import ArgumentError

ORDERS = (1, 2, 3, 4)
_WORD = re.compile(r"[a-z0-9']+")

Words = list[str]


def words(text: str) -> Words:
    """Return the words of a caption.

    >>> words("A dog's ball, 2 feet away.")
    ['a', "dog's", 'ball', '2', 'feet', 'away']
    """
    return _WORD.findall(text.lower())


def counts(caption: Words, references: Sequence[Words]) -> list[int]:
    """Return what BLEU sums over captions: four clipped counts, four counts, c and r.

    >>> counts(["a", "a", "cat"], [["a", "cat"], ["the", "cat", "sat", "down"]])
    [2, 1, 0, 0, 3, 2, 1, 0, 3, 2]
    """
    clipped, total = [], []
    for n in ORDERS:
        own = ngrams(caption, n)
        most: Counter[tuple[str, ...]] = Counter()
        for reference in references:
            most |= ngrams(reference, n)
        clipped.append((own & most).total())
        total.append(own.total())
    closest = min((len(reference) for reference in references), key=lambda r: (abs(r - len(caption)), r))
    return [*clipped, *total, len(caption), closest]


def ngrams(sentence: Words, n: int) -> Counter[tuple[str, ...]]:
    """Return how often each n-gram of a sentence occurs in it."""
    return Counter(zip(*(sentence[at:] for at in range(n)), strict=False))


def bleu(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> list[float]:
    """Return BLEU-1 to BLEU-4.

    Raises:
        ArgumentError: there are no captions, or their number differs from that of the references.
    """
    if not captions:
        raise ArgumentError("captions", "at least one", 0)
    if len(captions) != len(references):
        raise ArgumentError("references", f"a list for each of the {len(captions)} captions", len(references))
    found = np.array([counts(*pair) for pair in zip(captions, references, strict=True)])
    return bleu_of_sums(found.sum(0))


def bleu_of_sums(sums: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> list[float]:
    """Return BLEU-1 to BLEU-4 of the sums of `counts`."""
    *numbers, c, r = sums.tolist()
    penalty = 1.0 if c > r else math.exp(1 - r / c) if c else 0.0
    found, logs = [], 0.0
    for n in ORDERS:
        clipped, total = numbers[n - 1], numbers[n + 3]
        logs += math.log(clipped / total) if clipped else -math.inf
        found.append(100 * penalty * math.exp(logs / n))
    return found
