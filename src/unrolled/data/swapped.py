"""Detect swapped source and target texts by comparing the words of each side.

Words are lower-cased runs of letters and digits here, regardless of the tokenizer of the model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from .bitext import Pairs

LEARNED = 20_000  # training texts that are sampled
TEXTS = 2_000  # other texts that are sampled
LEAST = 50  # minimum number of words for a decision
DIFFERENT = 20  # minimum number of distinct words
FREQUENT = 2_000  # words stored per language
CLEARLY = 0.2  # minimum difference between the fractions of known words

_WORD = re.compile(r"\w+")


def distinct_words(texts: Iterable[str]) -> set[str]:
    """Return the set of words of texts, for `closer_to_target`."""
    return {word for text in texts for word in _WORD.findall(text.lower())}


def frequent_words(texts: Iterable[str]) -> list[str]:
    """Return the `FREQUENT` words with the highest document frequency, for `closer_to_target`."""
    counts = Counter(word for text in texts for word in sorted(distinct_words([text])))
    return [word for word, _ in counts.most_common(FREQUENT)]


def looks_swapped(train: Pairs, other: Pairs) -> bool:
    """Whether the sources of ``other`` look like the targets of ``train``, and its targets like the sources.

    On both sides, the fraction of words known from the opposite side must exceed the fraction known from the same side
    by `CLEARLY`. Return `False` if there are few words, or if both sides have the same words.
    """
    sources, targets = (distinct_words(_sampled(side, LEARNED)) for side in (train.source, train.target))
    return _nearer(other.source, targets, sources) and _nearer(other.target, sources, targets)


def closer_to_target(text: str, source_words: Collection[str], target_words: Collection[str]) -> bool:
    """Whether a source text looks like a target text.

    At least three of its words must be target words only, and more than twice as many as are source words only.

    Args:
        text: the text to translate.
        source_words: words of the sources, from `distinct_words` or a vocabulary.
        target_words: words of the targets.
    """
    only_source = only_target = 0
    for word in _WORD.findall(text):
        lower = word.lower()
        in_source = word in source_words or lower in source_words
        in_target = word in target_words or lower in target_words
        only_source += in_source and not in_target
        only_target += in_target and not in_source
    return only_target >= 3 and only_target > 2 * only_source


def _nearer(texts: Sequence[str], to: set[str], than: set[str]) -> bool:
    """Whether clearly more words of the texts are in ``to`` than in ``than``."""
    words = [word for text in _sampled(texts, TEXTS) for word in _WORD.findall(text.lower())]
    if len(words) < LEAST or len(set(words)) < DIFFERENT:
        return False
    return sum((word in to) - (word in than) for word in words) > CLEARLY * len(words)


def _sampled(texts: Sequence[str], about: int) -> Sequence[str]:
    """Return about this many texts, evenly spaced."""
    return texts[:: max(1, len(texts) // about)]
