"""The contribution of each word to the entities that a tagger predicts.

    m = 1/n Σ_t [ log p(y_t has type c) − log p(y_t has type r) ]        over the n words of an entity of type c

r is the most probable of the other types and of "no entity". p is the marginal of a conditional random field (equation
(7) of `layers/crf.py`) or a softmax; a type's probability is the sum over its tags (B-c, I-c, …).
`integrated_gradients` divides this margin among the words of the sentence, those of the entity included; without them
all embeddings are 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from ...analysis.saliency import integrated_gradients
from ...data.tags import OUTSIDE, Entity
from ...results import Margin
from .words import stretches

if TYPE_CHECKING:
    from .trained import TrainedTagger

# T words, N points, D embedding width, K tags


class Explained(NamedTuple):
    """The margin of an entity, and the contribution of every word of the sentence, in nats."""

    margin: Margin
    weights: list[float]


def explained(tagger: TrainedTagger, words: Sequence[str], found: Sequence[Entity]) -> list[Explained | None]:
    """Explain the entities of a sentence, `None` for those across the stretches in which a long sentence is read."""
    done: dict[Entity, Explained] = {}
    for a, b in stretches(len(words), tagger.max_words):
        inside = [entity for entity in found if a <= entity.start and entity.stop <= b]
        if not inside:
            continue
        with torch.no_grad():
            batch = tagger.lexicon.read([words[a:b]]).to(tagger.device)
            x = tagger.model.embed(batch)[:, 0]  # (T, D)
        for entity in inside:
            margin, weights = _explained(tagger, x, Entity(entity.start - a, entity.stop - a, entity.type))
            done[entity] = Explained(margin, [0.0] * a + weights + [0.0] * (len(words) - b))
    return [done.get(entity) for entity in found]


def _explained(tagger: TrainedTagger, x: Tensor, entity: Entity) -> Explained:
    """Explain an entity of a sentence with embeddings ``x (T, D)``."""
    start, stop, chosen = entity
    groups = tagger.tags.groups()

    def log_p(x: Tensor) -> Tensor:
        """Return the log-marginals ``(n, N, K)`` of the entity's words for embeddings ``x (T, N, D)``."""
        lengths = torch.full((x.size(1),), x.size(0), device=x.device)
        return tagger.model.log_marginals(tagger.model.score(x, lengths).float(), lengths)[start:stop]

    def mean(log_p: Tensor, group: str) -> Tensor:
        """Return the mean over words of the log-probability of a type, ``(N,)``."""
        return log_p[..., groups[group]].logsumexp(dim=2).mean(dim=0)

    with torch.no_grad():
        here = log_p(x.unsqueeze(1))
        other = max((group for group in groups if group != chosen), key=lambda group: float(mean(here, group)))

    def margin(x: Tensor) -> Tensor:
        there = log_p(x)
        return mean(there, chosen) - mean(there, other)

    found = integrated_gradients(margin, x)
    weights = found.weights.tolist()
    names = (chosen or "entity", "no entity" if other == OUTSIDE else other or "entity")
    return Explained(Margin(*names, found.value, found.baseline, sum(weights[start:stop])), weights)
