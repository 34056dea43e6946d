"""A classifier as the inspector sees it: it reads each line by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from ...analysis.inspection import Inspection
from ...analysis.passes import Lines
from ...analysis.tokenized import Read, lines_with_words, not_empty
from .text_input import Tokenizer

if TYPE_CHECKING:
    from .trained import TrainedClassifier


def reading(model: TrainedClassifier, text: str) -> Inspection:
    """The text line by line."""
    inner: Any = model.model
    width = None if inner.embedding.table is None else inner.embedding.size
    symbols, classes = len(model.reader.vocabulary), len(model.classes)

    def twin() -> nn.Module:
        return type(inner)(symbols, classes, model.config, None, width)

    def call(one: Any, ids: Tensor, lengths: Tensor) -> None:
        one(ids, lengths)

    return Inspection(inner, lambda one: one.stack, twin, symbols, Lines(lines(model.reader, text), call))


def lines(reader: Tokenizer, text: str) -> list[Read]:
    """Lines as a classifier reads them."""
    found = []
    for begin, end in lines_with_words(text):
        at, places = begin, []
        for piece, number in reader.pieces(text[begin:end]):
            at += len(piece)
            if number is not None:
                places.append(max(begin, at - 1))
        ids = reader.encode(text[begin:end]).astype(np.int64)
        if len(ids) == len(places):  # a line without any symbol has one for nothing
            found.append(Read(ids, np.array(places, dtype=np.int64)))
    return not_empty(found)
