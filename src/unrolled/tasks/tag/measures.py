"""Metrics of a tagger: loss, accuracy of tags, scores of entities; and its mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...analysis.bootstrap import resampled_sums
from ...analysis.intervals import Interval, known, percentiles
from ...data.batches import pad
from ...data.columns import Sentence
from ...data.tagged import check_known
from ...data.tags import OUTSIDE, Entity, Scores, entities
from ...errors import DataError
from .confidence import Chances, confidence

if TYPE_CHECKING:
    from .trained import TrainedTagger
    from .words import Ids

# S sentences

Mistake = tuple[str, int, str, str, str, float]
"""sentence, line, words, true tag or type, predicted tag or type, probability of the prediction"""


@dataclass(frozen=True)
class Measured:
    """Results of a tagger on tagged sentences.

    Attributes:
        metrics: ``loss`` in nats per word, ``accuracy`` and, unless the tags are plain, ``precision``, ``recall`` and
            ``f1`` of entities.
        counted: the counts of entities.
        sentences: the S sentences.
        predicted: the predicted tags of each.
        probabilities: the probability of each predicted tag; empty if they were not requested.
        chances: the probability of each predicted entity at its first word, and 1 at all others; also on request.
    """

    metrics: dict[str, float]
    counted: Scores
    sentences: Sequence[Sentence]
    predicted: list[list[str]]
    probabilities: list[Chances] = field(default_factory=list)
    chances: list[Chances] = field(default_factory=list)

    @property
    def plain(self) -> bool:
        """Whether the tags are plain."""
        return "f1" not in self.metrics

    def figures(self) -> dict[str, Any]:
        """Return the metrics, with precision, recall, F1 and the number of entities of each type under ``types``."""
        types = self.counted.types
        return {**self.metrics, "types": {type: types[type].as_json() for type in sorted(types)}}

    def intervals(self) -> dict[str, Interval]:
        """Return the 95 % interval of each metric but the loss: a bootstrap over sentences; none without a mistake."""
        counts = np.zeros((len(self.sentences), 5))  # right tags, words, right entities, predicted ones, true ones
        for row, sentence, tags in zip(counts, self.sentences, self.predicted, strict=True):
            found, expected = set(entities(tags)), set(entities(sentence.tags))
            right = sum(a == b for a, b in zip(tags, sentence.tags, strict=True))
            row[:] = right, len(sentence), len(found & expected), len(found), len(expected)
        tags, words, hits, found_, true = resampled_sums(counts).T
        drawn = {"accuracy": tags / words}
        if not self.plain:
            either = np.maximum(found_ + true, 1)
            drawn |= {
                "precision": hits / np.maximum(found_, 1),
                "recall": hits / np.maximum(true, 1),
                "f1": 2 * hits / either,
            }
        return known({name: percentiles(values) for name, values in drawn.items()})

    def mistakes(self) -> Iterator[Mistake]:
        """Yield wrong words of plain tags, or wrong and missed entities.

        The probability is that of the predicted entity or plain tag; of a missed entity, that of the word in it that is
        least probably outside.
        """
        rows = zip(self.sentences, self.predicted, self.probabilities, self.chances, strict=True)
        for sentence, tags, probabilities, chances in rows:
            text = " ".join(sentence.words)
            for start, stop, true, guess in _wrong(sentence.tags, tags, self.plain):
                p = probabilities[start:stop].min() if guess == OUTSIDE else chances[start]
                yield text, sentence.line + start, " ".join(sentence.words[start:stop]), true, guess, float(p)


def _wrong(true: Sequence[str], predicted: Sequence[str], plain: bool) -> Iterator[tuple[int, int, str, str]]:
    """Yield (first word, word after the last, true, predicted) of each mistake in a sentence.

    A wrong entity is beside the true ones that it overlaps; `OUTSIDE` stands for none.
    """
    if plain:
        yield from ((at, at + 1, a, b) for at, (a, b) in enumerate(zip(true, predicted, strict=True)) if a != b)
        return
    expected, found = entities(true), entities(predicted)
    for entity in found:
        if entity not in expected:
            there = [other for other in expected if _overlap(entity, other)]
            kinds = ", ".join(f"{other.type} (words {other.start + 1} to {other.stop})" for other in there)
            same = len(there) == 1 and there[0][:2] == entity[:2]
            yield entity.start, entity.stop, (there[0].type if same else kinds) or OUTSIDE, entity.type
    for entity in expected:
        if not any(_overlap(entity, other) for other in found):
            yield entity.start, entity.stop, entity.type, OUTSIDE


def _overlap(a: Entity, b: Entity) -> bool:
    return a.start < b.stop and b.start < a.stop


@torch.no_grad()
def measure(
    tagger: TrainedTagger,
    sentences: Sequence[Sentence],
    progress: Callable[[int], None] | None = None,
    *,
    probabilities: bool = False,
) -> Measured:
    """Evaluate a tagger on tagged sentences.

    Args:
        tagger: the tagger.
        sentences: sentences with their true tags.
        progress: called with the number of words tagged so far.
        probabilities: whether to compute the probabilities of predicted tags and entities.

    Raises:
        DataError: there are no sentences, or the model does not have one of the tags.
    """
    if not sentences:
        raise DataError("there are no sentences to evaluate on; provide sentences with --data")
    plain = tagger.tags.plain
    check_known([sentences], set(tagger.tags.tags), plain)
    predicted: list[Ids] = [np.zeros(len(sentence), dtype=np.int64) for sentence in sentences]
    sure, chances = ([np.ones(len(s)) for s in sentences] if probabilities else [] for _ in range(2))
    loss, count = 0.0, 0
    for at, batch, scores in tagger.scores([sentence.words for sentence in sentences]):
        lengths = batch.lengths.tolist()
        true = [tagger.tags.numbers(sentences[n].tags[a : a + T]) for (n, a), T in zip(at, lengths, strict=True)]
        log_p = tagger.model.log_likelihood(scores, pad(true)[0].to(scores.device), batch.lengths)
        loss -= float(log_p.double().sum())
        tagger.choose(predicted, at, batch, scores)
        if probabilities:
            p = tagger.model.probabilities(scores, batch.lengths).transpose(0, 1).cpu().numpy()  # (B, T, K)
            numbers = [predicted[n][a : a + T] for (n, a), T in zip(at, lengths, strict=True)]
            found = confidence(tagger.model, tagger.tags, scores, batch.lengths, numbers)
            for (n, a), T, rows, row, values in zip(at, lengths, p, numbers, found, strict=True):
                sure[n][a : a + T] = rows[np.arange(T), row]
                chances[n][a : a + T] = values
        count += sum(lengths)
        if progress is not None:
            progress(count)
    counted, right = Scores(), 0
    named = [tagger.tags.named(numbers) for numbers in predicted]
    for sentence, tags in zip(sentences, named, strict=True):
        right += sum(a == b for a, b in zip(tags, sentence.tags, strict=True))
        if not plain:
            counted.add(sentence.tags, tags)
    metrics = {"loss": loss / count, "accuracy": right / count}
    if not plain:
        overall = counted.all
        metrics |= {"precision": overall.precision, "recall": overall.recall, "f1": overall.f1}
    return Measured(metrics, counted, sentences, named, sure, chances)
