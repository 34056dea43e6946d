"""Entities in raw texts as marked pieces, with the contribution of each word outside them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...data.columns import Sentence
from ...data.conll_words import line_spans, word_spans
from ...data.tags import entities
from ...results import Piece, Prediction
from .confidence import Chances
from .explanation import Explained, explained

if TYPE_CHECKING:
    from .trained import TrainedTagger

Span = tuple[int, int]  # begin and end in a text
Mark = tuple[Span, Piece]  # its weight in nats


def marked(tagger: TrainedTagger, inputs: Sequence[str | Sentence], explain: bool) -> list[Prediction]:
    """See `TrainedTagger.predict`; a `Sentence` is already split into words."""
    texts = [text if isinstance(text, str) else " ".join(text.words) for text in inputs]
    placed = [_lines(text) for text in inputs]
    lines = [(text, places) for text, of_text in zip(texts, placed, strict=True) for places in of_text]
    sentences = [[text[a:b] for a, b in places] for text, places in lines]
    tagged = iter(zip(lines, zip(*tagger.tag_with_probabilities(sentences), strict=True), strict=True))
    labels = tuple(tagger.tags.tags if tagger.tags.plain else (type or "entity" for type in tagger.tags.types))
    predictions = []
    for given, text, of_text in zip(inputs, texts, placed, strict=True):
        marks: list[Mark] = []
        columns: list[tuple[str, ...]] = []
        words: list[str] = []
        largest = 0.0
        for places in of_text:
            _, (tags, chances) = next(tagged)
            own = given.tags if isinstance(given, Sentence) and any(given.tags) else None
            line = [text[a:b] for a, b in places]
            columns += [*(zip(line, own, tags, strict=True) if own else zip(line, tags, strict=True)), ()]
            words += line
            if tagger.tags.plain:
                marks += _tags(text, places, tags, chances)
            else:
                found, most = _entities(tagger, text, places, tags, chances, explain)
                marks, largest = marks + found, max(largest, most)
        predictions.append(
            Prediction(
                text,
                pieces=tuple(_pieces(text, marks, largest or 1.0)),
                labels=labels,
                scale=largest or None,
                cells=_cells(marks, tagger.tags.plain) if words else {},
                words=tuple(columns),
                unknown=(int((tagger.lexicon.ids(words) == 0).sum()), len(words)) if words else None,
            )
        )
    return predictions


def _lines(given: str | Sentence) -> list[list[Span]]:
    """Return the places of the words of each line."""
    if isinstance(given, str):
        return [[(a + x, a + y) for x, y in word_spans(given[a:b])] for a, b in line_spans(given)]
    ends = itertools.accumulate(len(word) + 1 for word in given.words)
    return [[(end - 1 - len(word), end - 1) for word, end in zip(given.words, ends, strict=True)]]


def _cells(marks: list[Mark], plain: bool) -> dict[str, str]:
    """Return the cell of a table: the entities, ``Teddy Roosevelt [person]; Ford [company]``, or plain tags."""
    if plain:
        return {"tags": " ".join(piece.label for _, piece in marks)}
    return {"entities": "; ".join(f"{piece.text} [{piece.label}]" for _, piece in marks if piece.label)}


def _tags(text: str, places: list[Span], tags: list[str], chances: Chances) -> Iterator[Mark]:
    """Yield a mark for each word of a line."""
    for (a, b), tag, chance in zip(places, tags, chances.tolist(), strict=True):
        yield (a, b), Piece(text[a:b], tag, probability=chance)


def _entities(
    tagger: TrainedTagger, text: str, places: list[Span], tags: list[str], chances: Chances, explain: bool
) -> tuple[list[Mark], float]:
    """Return marks of the entities of a line and, with ``explain``, of the other words, and the largest weight."""
    words = [text[a:b] for a, b in places]
    found = entities(tags)
    reasons = explained(tagger, words, found) if explain else [None] * len(found)
    unknown = tagger.lexicon.ids(words) == 0 if explain else np.zeros(len(words), dtype=np.bool_)
    marks: list[Mark] = []
    inside: set[int] = set()
    for entity, reason in zip(found, reasons, strict=True):
        span = (places[entity.start][0], places[entity.stop - 1][1])
        at = range(entity.start, entity.stop)
        inside.update(at)
        piece = Piece(
            text[slice(*span)],
            entity.type or "entity",
            probability=float(chances[entity.start : entity.stop].prod()),
            margin=reason and reason.margin,
            unknown=tuple(words[t] for t in at if unknown[t]),
        )
        marks.append((span, piece))
    given = [reason for reason in reasons if reason is not None]
    for t, (a, b) in enumerate(places):
        if t not in inside:
            weight, speaks_for = _strongest(given, t)
            marks.append(((a, b), Piece(text[a:b], "", weight, speaks_for, unknown=(text[a:b],) * bool(unknown[t]))))
    largest = max((abs(weight) for reason in given for weight in reason.weights), default=0.0)
    return sorted(marks, key=lambda mark: mark[0]), largest


def _strongest(reasons: Sequence[Explained], t: int) -> tuple[float, str]:
    """Return the largest contribution of word t to one of the entities, and the type that it speaks for."""
    if not reasons:
        return 0.0, ""
    reason = max(reasons, key=lambda reason: abs(reason.weights[t]))
    weight = reason.weights[t]
    return weight, reason.margin.chosen if weight > 0 else reason.margin.other


def _pieces(text: str, marks: list[Mark], scale: float) -> Iterator[Piece]:
    """Yield the marked pieces of the text, with weights in units of ``scale``, and the pieces between them."""
    at = 0
    for (begin, end), piece in marks:
        if not piece.marked:
            continue
        if begin > at:
            yield Piece(text[at:begin])
        yield replace(piece, weight=piece.weight / scale)
        at = end
    if at < len(text):
        yield Piece(text[at:])
