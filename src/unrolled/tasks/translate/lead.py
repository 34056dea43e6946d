"""The baseline of a summary: the beginning of the text, its first sentence or its first words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..common.rouge import Rouge, rouge, words

_SENTENCE = re.compile(r".*?(?:[.!?…][\"'”’)\]]*(?=\s|$)|[。！？])|.+", re.DOTALL)
_WORD = re.compile(r"\S+")


def first_sentence(text: str) -> str:
    """Return the text up to the first full stop, question or exclamation mark at the end of a word.

    >>> first_sentence("It rained 3.5 cm. A tram stopped.")
    'It rained 3.5 cm.'
    """
    found = _SENTENCE.match(text.strip())
    return found[0] if found else ""


def first_words(text: str, count: int) -> str:
    """Return the first ``count`` words, separated by white space."""
    return " ".join(found[0] for _, found in zip(range(count), _WORD.finditer(text), strict=False))


def lead(sources: Sequence[str], references: Sequence[str]) -> dict[str, Rouge]:
    """Return the scores of the first sentence, and of as many first words as a reference has in the mean."""
    count = max(1, round(sum(len(words(text)) for text in references) / len(references)))
    return {
        "first sentence": rouge([first_sentence(text) for text in sources], references),
        f"first {count} words": rouge([first_words(text, count) for text in sources], references),
    }
