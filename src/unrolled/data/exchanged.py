"""Whether source and target were exchanged by mistake, told by the words of each side.

Letters and figures between other characters are words here, in lower case, whatever a model's symbols are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from .bitext import Pairs

LEARNED = 20_000  # training texts that are looked at, spread over all there are
TEXTS = 2_000  # other texts
LEAST = 50  # words in fewer tell nothing…
DIFFERENT = 20  # …and neither do fewer different ones
FREQUENT = 2_000  # words of a language that are remembered
CLEARLY = 0.2  # difference of the parts of the words that are known

_WORD = re.compile(r"\w+")


def words_of_texts(texts: Iterable[str]) -> set[str]:
    """The different words of texts, as `closer_to_target` takes them."""
    return {word for text in texts for word in _WORD.findall(text.lower())}


def frequent_words(texts: Iterable[str]) -> list[str]:
    """The `FREQUENT` words that most texts have, most frequent first: by them `closer_to_target` tells a language."""
    counts = Counter(word for text in texts for word in sorted(words_of_texts([text])))
    return [word for word, _ in counts.most_common(FREQUENT)]


def looks_exchanged(train: Pairs, other: Pairs) -> bool:
    """Whether the sources of ``other`` read like the targets of ``train``, and its targets like the sources.

    Of the words of each side, the part that the one vocabulary knows must be larger by a fifth of all words than the
    part that the other knows. Where there are few words, or both sides share theirs, the answer is no.
    """
    sources, targets = (words_of_texts(_some(side, LEARNED)) for side in (train.source, train.target))
    return _nearer(other.source, targets, sources) and _nearer(other.target, sources, targets)


def closer_to_target(text: str, source_words: Collection[str], target_words: Collection[str]) -> bool:
    """Whether one text, given as a source, reads like a target.

    Args:
        text: what is to be translated.
        source_words: sets of words such as `words_of_texts` makes, or a vocabulary's.
        target_words: the same of the targets.

    At least three of its words must be known as target words only, and more than twice as many as are known as source
    words only.
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
    words = [word for text in _some(texts, TEXTS) for word in _WORD.findall(text.lower())]
    if len(words) < LEAST or len(set(words)) < DIFFERENT:
        return False
    return sum((word in to) - (word in than) for word in words) > CLEARLY * len(words)


def _some(texts: Sequence[str], about: int) -> Sequence[str]:
    return texts[:: max(1, len(texts) // about)]
