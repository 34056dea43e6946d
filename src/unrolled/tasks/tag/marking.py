"""Entities in raw texts as marked pieces, with the contribution of each word outside them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...analysis.saliency import gradient_times_input
from ...data.columns import Sentence
from ...data.conll_words import line_spans, word_spans
from ...data.tags import entities
from ...results import Piece, Prediction

if TYPE_CHECKING:
    from .trained import TrainedTagger

Span = tuple[int, int]  # begin and end in a text
Mark = tuple[Span, str, float]  # span, label, weight


def marked(tagger: TrainedTagger, inputs: Sequence[str | Sentence], explain: bool) -> list[Prediction]:
    """See `TrainedTagger.predict`; a sentence is already split into words."""
    texts = [text if isinstance(text, str) else " ".join(text.words) for text in inputs]
    placed = [_lines(text) for text in inputs]
    lines = [(text, places) for text, of_text in zip(texts, placed, strict=True) for places in of_text]
    sentences = [[text[a:b] for a, b in places] for text, places in lines]
    tagged = iter(zip(lines, sentences, tagger.tag(sentences), strict=True))
    predictions = []
    for given, text, of_text in zip(inputs, texts, placed, strict=True):
        marks: list[Mark] = []
        columns: list[tuple[str, ...]] = []
        found: list[str] = []
        for places in of_text:
            _, words, tags = next(tagged)
            own = given.tags if isinstance(given, Sentence) and any(given.tags) else None
            columns += [*(zip(words, own, tags, strict=True) if own else zip(words, tags, strict=True)), ()]
            found += words
            weights = _contributions(tagger, words, tags) if explain else [0.0] * len(words)
            marks += _marks(places, tags, weights, plain=tagger.tags.plain)
        unknown = int((tagger.lexicon.ids(found) == 0).sum()) if found else 0
        cells = {"tags" if tagger.tags.plain else "entities": _listed(text, marks, tagger.tags.plain)} if found else {}
        predictions.append(
            Prediction(
                text,
                pieces=tuple(_pieces(text, marks)),
                cells=cells,
                words=tuple(columns),
                unknown=(unknown, len(found)) if found else None,
            )
        )
    return predictions


def _lines(given: str | Sentence) -> list[list[Span]]:
    """Return the places of the words of each line."""
    if isinstance(given, str):
        return [[(a + x, a + y) for x, y in word_spans(given[a:b])] for a, b in line_spans(given)]
    ends = itertools.accumulate(len(word) + 1 for word in given.words)
    return [[(end - 1 - len(word), end - 1) for word, end in zip(given.words, ends, strict=True)]]


def _listed(text: str, marks: list[Mark], plain: bool) -> str:
    """Return the entities for a cell, ``Teddy Roosevelt [person]; Ford [company]``, or plain tags."""
    if plain:
        return " ".join(label for _, label, _ in marks)
    return "; ".join(f"{text[begin:end]} [{label}]" for (begin, end), label, _ in marks if label)


def _marks(places: list[Span], tags: list[str], weights: list[float], *, plain: bool) -> Iterator[Mark]:
    """Yield the marks of one line in order."""
    if plain:
        yield from ((place, tag, 0.0) for place, tag in zip(places, tags, strict=True))
        return
    by_start = {entity.start: entity for entity in entities(tags)}
    at = 0
    while at < len(places):
        entity = by_start.get(at)
        if entity is None:
            yield places[at], "", weights[at]
            at += 1
        else:
            yield (places[at][0], places[entity.stop - 1][1]), entity.type or "entity", 0.0
            at = entity.stop


def _contributions(tagger: TrainedTagger, words: list[str], tags: list[str]) -> list[float]:
    """Return the contribution of each word to the log-probability of the entity tags, the largest being ±1."""
    chosen = [at for at, tag in enumerate(tags) if tag != "O"]
    if not chosen or len(words) > tagger.config.data.max_words:
        return [0.0] * len(words)
    batch = tagger.lexicon.read([words]).to(tagger.device)
    numbers = torch.from_numpy(tagger.tags.numbers(tags))[chosen].to(tagger.device)

    def score(x: Tensor) -> Tensor:
        log_p = tagger.model.score(x, batch.lengths)[chosen, 0].log_softmax(dim=1)
        return log_p.gather(1, numbers.unsqueeze(1)).sum(dim=0)

    weights = gradient_times_input(score, tagger.model.embed(batch).detach())[:, 0]  # (T,)
    return (weights / weights.abs().max().clamp(min=1e-12)).tolist()


def _pieces(text: str, marks: list[Mark]) -> Iterator[Piece]:
    """Yield the marked pieces of the text and the pieces between them."""
    at = 0
    for (begin, end), label, weight in marks:
        if not label and not weight:
            continue
        if begin > at:
            yield Piece(text[at:begin])
        yield Piece(text[begin:end], label, weight)
        at = end
    if at < len(text):
        yield Piece(text[at:])
