"""A tagger as the inspector sees it: it reads each line by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from ...analysis.inspection import Inspection
from ...analysis.passes import Lines
from ...analysis.tokenized import Read, lines_with_words, not_empty
from ...data.conll_words import word_spans
from .model import Tagger
from .words import Lexicon, stretches

if TYPE_CHECKING:
    from .trained import TrainedTagger


def reading(model: TrainedTagger, text: str) -> Inspection:
    """The text line by line."""
    config, lexicon = model.config, model.lexicon

    def twin() -> nn.Module:
        return Tagger(lexicon, model.tags, config.model, config.words)

    def call(one: Any, sentences: Any, lengths: Tensor) -> None:
        one(sentences)

    def batch(lines: list[Read]) -> Any:
        return lexicon.read([line.words for line in lines])

    through = Lines(lines(lexicon, text, config.data.max_words), call, batch)
    return Inspection(model.model, lambda one: one.stack, twin, len(lexicon.words) + 1, through)


def lines(lexicon: Lexicon, text: str, most: int) -> list[Read]:
    """Lines as a tagger reads them, long ones in stretches of at most ``most`` words."""
    found = []
    for begin, end in lines_with_words(text):
        spans = word_spans(text[begin:end])
        for a, b in stretches(len(spans), most):
            words = tuple(text[begin + x : begin + y] for x, y in spans[a:b])
            if words:
                ends = np.array([begin + y - 1 for _, y in spans[a:b]], dtype=np.int64)
                found.append(Read(lexicon.ids(words), ends, words=words))
    return not_empty(found)
