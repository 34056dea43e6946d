"""Captions that need no training, to compare a captioner with.

    random               a caption of a random training picture
    one for all          the training caption that is most like the others, for every picture
    nearest neighbour    a caption of the most similar training picture
    ten neighbours       of the captions of the ten most similar training pictures the one most like the others
                         (Devlin et al. 2015, consensus caption)

Two pictures are as similar as the cosine of their mean features, less the mean over the training pictures; two captions
as their CIDEr-D.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...data.captioned import Captioned
from ...data.counter import uniform
from .bleu import words
from .cider import Cider, Vector, similarity

NEIGHBOURS = 10
SAMPLED = 300  # training captions among which the one for all is found
_DRAWN = 0xBA5E  # random stream

Features = npt.NDArray[np.float32]


def baselines(train: Captioned, own: Features, others: Features) -> dict[str, list[str]]:
    """Return a caption of each baseline for pictures with the mean features ``others (N, C)``.

    Args:
        train: the training pictures.
        own: their mean features, ``(M, C)``.
        others: those of the pictures to describe.
    """
    cider = Cider([[words(caption) for caption in captions] for captions in train.captions])
    pairs = train.pairs()
    drawn = uniform(_DRAWN, np.arange(len(others)))
    sample = [pairs[int(at * len(pairs))] for at in uniform(_DRAWN, 1, np.arange(min(SAMPLED, len(pairs))))]
    typical = _most_typical([caption for _, caption in sample], cider)
    near = neighbours(own, others, min(NEIGHBOURS, len(train)))
    return {
        "random": [pairs[int(at * len(pairs))][1] for at in drawn],
        "one for all": [typical] * len(others),
        "nearest neighbour": [train.captions[row[0]][0] for row in near],
        "ten neighbours": [
            _most_typical([caption for n in row for caption in train.captions[n]], cider) for row in near
        ],
    }


def neighbours(own: Features, others: Features, count: int) -> list[list[int]]:
    """Return for each of ``others (N, C)`` the indices of the most similar of ``own (M, C)``, nearest first."""
    mean = own.mean(0)
    a, b = ((x - mean) / np.maximum(np.linalg.norm(x - mean, axis=1, keepdims=True), 1e-9) for x in (others, own))
    found: list[list[int]] = np.argsort(-(a @ b.T), axis=1, kind="stable")[:, :count].tolist()
    return found


def _most_typical(captions: Sequence[str], cider: Cider) -> str:
    """Return the caption with the largest mean similarity to the others."""
    vectors: list[Vector] = [cider.vector(words(caption)) for caption in captions]
    totals = [sum(similarity(a, b) for b in vectors if b is not a) for a in vectors]
    return captions[int(np.argmax(totals))]
