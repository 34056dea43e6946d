"""Inspection of a tagger, which reads each line as a separate sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from ...analysis.inspection import Inspection
from ...analysis.passes import Lines
from ...analysis.tokenized import TokenSequence, check_not_empty, lines_with_words
from ...data.conll_words import word_spans
from .model import Tagger
from .words import Lexicon, stretches

if TYPE_CHECKING:
    from .trained import TrainedTagger


def reading(model: TrainedTagger, text: str) -> Inspection:
    """Prepare ``text`` for inspection, line by line."""
    config, lexicon = model.config, model.lexicon

    def twin() -> nn.Module:
        return Tagger(lexicon, model.tags, config.model, config.words)

    def call(module: Any, sentences: Any, lengths: Tensor) -> None:
        module(sentences)

    def batch(lines: list[TokenSequence]) -> Any:
        return lexicon.read([line.words for line in lines])

    passes = Lines(lines(lexicon, text, config.data.max_words), call, batch)
    return Inspection(model.model, lambda module: module.stack, twin, len(lexicon.words) + 1, passes)


def lines(lexicon: Lexicon, text: str, most: int) -> list[TokenSequence]:
    """Split each line into words as the tagger does, with at most ``most`` words per sequence."""
    sequences = []
    for begin, end in lines_with_words(text):
        spans = word_spans(text[begin:end])
        for a, b in stretches(len(spans), most):
            words = tuple(text[begin + x : begin + y] for x, y in spans[a:b])
            if words:
                ends = np.array([begin + y - 1 for _, y in spans[a:b]], dtype=np.int64)
                sequences.append(TokenSequence(lexicon.ids(words), ends, words=words))
    return check_not_empty(sequences)
