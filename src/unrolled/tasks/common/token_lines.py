"""The lines of a text as token sequences, for models that read or write sentences."""

from __future__ import annotations

import numpy as np

from ...analysis.tokenized import TokenSequence, check_not_empty, last_characters, lines_with_words
from .language import Language


def token_lines(language: Language, text: str, backwards: bool = False) -> list[TokenSequence]:
    """Tokenize each line that is not blank; ``words`` of a sequence holds the line.

    Args:
        language: the tokenizer.
        text: the text.
        backwards: reverse the tokens of a line.

    Raises:
        DataError: the text is blank.
    """
    sequences = []
    for begin, end in lines_with_words(text):
        line = text[begin:end]
        begin += len(line) - len(line.lstrip())
        stripped = line.strip()
        ids = language.encode(line)
        space = "" if language.vocabulary.one_per_character or language.vocabulary.kind == "byte" else " "
        places = last_characters(language.vocabulary, language.vocabulary.encode(space + stripped), space + stripped)
        if len(places) != len(ids):  # lower case may have more bytes than upper case
            places = np.linspace(0, len(stripped) + len(space) - 1, len(ids)).astype(np.int64)
        places = begin + np.maximum(places - len(space), 0)
        if backwards:
            ids, places = ids[::-1].copy(), places[::-1].copy()
        sequences.append(TokenSequence(ids, places, words=(stripped,)))
    return check_not_empty(sequences)
