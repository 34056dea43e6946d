"""Inspection of a translator: its encoder reads each line as a sentence; a pane shows the translation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from ...analysis.inspection import Inspection
from ...analysis.passes import Lines
from ...analysis.tokenized import TokenSequence, check_not_empty, last_characters, lines_with_words
from ..common.language import Language
from .decoding import Translated
from .model import Translator

if TYPE_CHECKING:
    from .trained import TrainedTranslator


def reading(model: TrainedTranslator, text: str) -> Inspection:
    """Prepare ``text`` for inspection of the encoder, line by line."""
    config, symbols = model.config, len(model.reader)

    def twin() -> nn.Module:
        return Translator(symbols, len(model.writer), config.model, config.translator)

    def call(module: Any, ids: Tensor, lengths: Tensor) -> None:
        module.encode(ids, lengths)

    passes = Lines(lines(model.reader, text, config.units.reverse_source), call)
    return Inspection(model.model, lambda module: module.encoder, twin, symbols, passes)


def lines(language: Language, text: str, backwards: bool) -> list[TokenSequence]:
    """Tokenize each line as the translator does its source."""
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
        sequences.append(
            TokenSequence(ids[::-1].copy(), places[::-1].copy()) if backwards else TokenSequence(ids, places)
        )
    return check_not_empty(sequences)


def translation(translated: Translated) -> dict[str, Any]:
    """Return a translation with its attention weights as JSON data."""
    weights = translated.weights
    return {
        "source": translated.source,
        "target": translated.target,
        "text": translated.text,
        "score": round(translated.score, 6) if math.isfinite(translated.score) else None,
        "weights": None if weights is None else [[round(w, 4) for w in row] for row in weights.tolist()],
    }
