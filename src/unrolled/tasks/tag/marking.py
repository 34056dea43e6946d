"""Entities in raw texts as marked pieces, with the contribution of each word outside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...analysis.saliency import gradient_times_input
from ...data.conll_words import line_spans, word_spans
from ...data.tags import entities
from ...results import Piece, Prediction

if TYPE_CHECKING:
    from .trained import TrainedTagger

Span = tuple[int, int]  # begin and end in a text
Mark = tuple[Span, str, float]  # span, label, weight


def marked(tagger: TrainedTagger, texts: Sequence[str], explain: bool) -> list[Prediction]:
    """See `TrainedTagger.predict`."""
    lines = [(text, [(a + x, a + y) for x, y in word_spans(text[a:b])]) for text in texts for a, b in line_spans(text)]
    sentences = [[text[a:b] for a, b in places] for text, places in lines]
    tagged = iter(zip(lines, sentences, tagger.tag(sentences), strict=True))
    predictions = []
    for text in texts:
        marks: list[Mark] = []
        for _ in line_spans(text):
            (_, places), words, tags = next(tagged)
            weights = _contributions(tagger, words, tags) if explain else [0.0] * len(words)
            marks += _marks(places, tags, weights, plain=tagger.tags.plain)
        predictions.append(Prediction(text, pieces=tuple(_pieces(text, marks))))
    return predictions


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
