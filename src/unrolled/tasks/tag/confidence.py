"""The probability of predicted entities.

    p(entity) = p(its words have these tags, and the next word does not continue it)

by equation (8) of `layers/crf.py` with a conditional random field, else a product over words.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...data.tags import Entity, entities, parse
from .model import Tagger
from .words import Ids, TagSet

# T words, B sentences, K tags

LANES = 128  # entities side by side

Chances = npt.NDArray[np.float64]  # of each word: the probability of the entity that begins with it, else 1


def confidence(model: Tagger, tags: TagSet, scores: Tensor, lengths: Tensor, numbers: Sequence[Ids]) -> list[Chances]:
    """Return the probabilities of the entities of B sentences, or of every tag if the tags are plain.

    Args:
        model: the network.
        tags: its tags.
        scores: ``(T, B, K)``.
        lengths: ``(B,)``.
        numbers: the predicted tags of each sentence.
    """
    if tags.plain:
        p = model.probabilities(scores, lengths).transpose(0, 1).cpu().numpy()  # (B, T, K)
        return [rows[np.arange(len(row)), row].astype(np.float64) for rows, row in zip(p, numbers, strict=True)]
    chances = [np.ones(len(row)) for row in numbers]
    found = [(n, entity) for n, row in enumerate(numbers) for entity in entities(tags.named(row))]
    for begin in range(0, len(found), LANES):
        some = found[begin : begin + LANES]
        lanes = torch.tensor([n for n, _ in some], device=scores.device)
        allowed = torch.stack([_allowed(len(scores), tags, entity, numbers[n]) for n, entity in some], dim=1)
        log_p = model.log_probability(scores[:, lanes], allowed.to(scores.device), lengths[lanes])
        for (n, entity), p in zip(some, log_p.double().exp().clamp(max=1.0).tolist(), strict=True):
            chances[n][entity.start] = p
    return chances


def _allowed(T: int, tags: TagSet, entity: Entity, numbers: Ids) -> Tensor:
    """Return the tags ``(T, K)`` bool with which a sentence has this entity."""
    allowed = torch.ones(T, len(tags), dtype=torch.bool)
    for t in range(entity.start, entity.stop):
        allowed[t] = False
        allowed[t, int(numbers[t])] = True
    if entity.stop < len(numbers):
        continuing = [k for k, tag in enumerate(tags.tags) if parse(tag) in (("I", entity.type), ("E", entity.type))]
        allowed[entity.stop, continuing] = False
    return allowed
