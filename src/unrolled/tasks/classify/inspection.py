"""Inspection of a classifier, which reads each line as a separate text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from ...analysis.inspection import Inspection
from ...analysis.passes import Lines
from ...analysis.tokenized import TokenSequence, check_not_empty, lines_with_words
from .text_input import Tokenizer

if TYPE_CHECKING:
    from .trained import TrainedClassifier


def reading(model: TrainedClassifier, text: str) -> Inspection:
    """Prepare ``text`` for inspection, line by line."""
    inner: Any = model.model
    width = None if inner.embedding.table is None else inner.embedding.size
    symbols, classes = len(model.reader.vocabulary), len(model.classes)

    def twin() -> nn.Module:
        return type(inner)(symbols, classes, model.config, None, width)

    def call(module: Any, ids: Tensor, lengths: Tensor) -> None:
        module(ids, lengths)

    return Inspection(inner, lambda module: module.stack, twin, symbols, Lines(lines(model.reader, text), call))


def lines(reader: Tokenizer, text: str) -> list[TokenSequence]:
    """Tokenize each line as the classifier does."""
    sequences = []
    for begin, end in lines_with_words(text):
        at, places = begin, []
        for piece, number in reader.pieces(text[begin:end]):
            at += len(piece)
            if number is not None:
                places.append(max(begin, at - 1))
        ids = reader.encode(text[begin:end]).astype(np.int64)
        if len(ids) == len(places):  # a line without tokens is encoded as one unknown token
            sequences.append(TokenSequence(ids, np.array(places, dtype=np.int64)))
    return check_not_empty(sequences)
