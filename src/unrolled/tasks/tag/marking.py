"""The entities in raw texts, marked where they stand, and how much each word outside them spoke for them."""

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
Mark = tuple[Span, str, float]  # and its label and weight


def marked(tagger: TrainedTagger, texts: Sequence[str], explain: bool) -> list[Prediction]:
    """See `TrainedTagger.predict`."""
    lines = [(text, [(a + x, a + y) for x, y in word_spans(text[a:b])]) for text in texts for a, b in line_spans(text)]
    sentences = [[text[a:b] for a, b in places] for text, places in lines]
    tagged = iter(zip(lines, sentences, tagger.tag(sentences), strict=True))
    found = []
    for text in texts:
        marks: list[Mark] = []
        for _ in line_spans(text):
            (_, places), words, tags = next(tagged)
            weights = _moved(tagger, words, tags) if explain else [0.0] * len(words)
            marks += _marks(places, tags, weights, plain=tagger.tags.plain)
        found.append(Prediction(text, pieces=tuple(_pieces(text, marks))))
    return found


def _marks(places: list[Span], tags: list[str], weights: list[float], *, plain: bool) -> Iterator[Mark]:
    """What is to be marked in one line, in its order."""
    if plain:
        yield from ((place, tag, 0.0) for place, tag in zip(places, tags, strict=True))
        return
    inside = {one.start: one for one in entities(tags)}
    at = 0
    while at < len(places):
        one = inside.get(at)
        if one is None:
            yield places[at], "", weights[at]
            at += 1
        else:
            yield (places[at][0], places[one.stop - 1][1]), one.type or "entity", 0.0
            at = one.stop


def _moved(tagger: TrainedTagger, words: list[str], tags: list[str]) -> list[float]:
    """How much each word moved the probability of the tags of the entities, the largest being 1 or −1."""
    chosen = [at for at, tag in enumerate(tags) if tag != "O"]
    if not chosen or len(words) > tagger.config.data.max_words:
        return [0.0] * len(words)
    batch = tagger.lexicon.read([words]).to(tagger.device)
    numbers = torch.from_numpy(tagger.tags.numbers(tags))[chosen].to(tagger.device)

    def score(x: Tensor) -> Tensor:
        own = tagger.model.score(x, batch.lengths)[chosen, 0].log_softmax(dim=1)
        return own.gather(1, numbers.unsqueeze(1)).sum(dim=0)

    moved = gradient_times_input(score, tagger.model.embed(batch).detach())[:, 0]  # (T,)
    return (moved / moved.abs().max().clamp(min=1e-12)).tolist()


def _pieces(text: str, marks: list[Mark]) -> Iterator[Piece]:
    """The marked stretches, and what is between them."""
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
