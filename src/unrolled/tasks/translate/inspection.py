"""A translator as the inspector sees it: its encoder reads each line by itself; a pane shows a translation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from ...analysis.inspection import Inspection
from ...analysis.passes import Lines
from ...analysis.tokenized import Read, last_characters, lines_with_words, not_empty
from .model import Translator
from .units import Language
from .writing import Translated

if TYPE_CHECKING:
    from .trained import TrainedTranslator


def reading(model: TrainedTranslator, text: str) -> Inspection:
    """The text line by line, through the encoder."""
    config, symbols = model.config, len(model.reader)

    def twin() -> nn.Module:
        return Translator(symbols, len(model.writer), config.model, config.translator)

    def call(one: Any, ids: Tensor, lengths: Tensor) -> None:
        one.encode(ids, lengths)

    through = Lines(lines(model.reader, text, config.units.reverse_source), call)
    return Inspection(model.model, lambda one: one.encoder, twin, symbols, through)


def lines(language: Language, text: str, backwards: bool) -> list[Read]:
    """Lines as a translator reads its source."""
    found = []
    for begin, end in lines_with_words(text):
        line = text[begin:end]
        begin += len(line) - len(line.lstrip())
        shown = line.strip()
        ids = language.encode(line)
        space = "" if language.vocabulary.one_per_character or language.vocabulary.kind == "byte" else " "
        places = last_characters(language.vocabulary, language.vocabulary.encode(space + shown), space + shown)
        if len(places) != len(ids):  # small letters may be more bytes than large ones
            places = np.linspace(0, len(shown) + len(space) - 1, len(ids)).astype(np.int64)
        places = begin + np.maximum(places - len(space), 0)
        found.append(Read(ids[::-1].copy(), places[::-1].copy()) if backwards else Read(ids, places))
    return not_empty(found)


def translation(one: Translated) -> dict[str, Any]:
    """A translation, and the attention weights of each of its symbols, as plain data."""
    weights = one.weights
    return {
        "source": one.source,
        "target": one.target,
        "text": one.text,
        "score": round(one.score, 6) if math.isfinite(one.score) else None,
        "weights": None if weights is None else [[round(w, 4) for w in row] for row in weights.tolist()],
    }
