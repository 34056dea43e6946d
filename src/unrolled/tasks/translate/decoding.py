"""Decoding: the search for translations and its results."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...checks import checked
from ...decoding.best import best_sequences
from ...decoding.search import Hypothesis, Search
from ..common.language import BEGIN, END
from .model import Translator


@checked
@dataclass(frozen=True, kw_only=True)
class Decoding(Search):
    """The options of the search for translations."""

    replace_unknown: bool = True
    """replace the unknown token with the source token of the largest attention weight"""


@dataclass(frozen=True)
class Translated:
    """One translation of a sentence.

    Attributes:
        text: the translation.
        score: the ranking score, higher is better: the log-probability over the length penalty, plus the coverage
            penalty (decoding/search.py).
        log_probability: log-probability in nats, including the end token.
        source: the source tokens.
        target: the target tokens.
        weights: attention weights ``(len(target), len(source))``; `None` without attention.
    """

    text: str
    score: float
    log_probability: float
    source: list[str]
    target: list[str]
    weights: Tensor | None


@torch.no_grad()
def search(model: Translator, ids: Tensor, lengths: Tensor, options: Decoding) -> list[list[Hypothesis]]:
    """Return the translations of source sentences ``ids (S, B)`` of ``lengths (B,)``, best first for each sentence."""
    encoded = model.encode(ids, lengths)
    return best_sequences(
        model.step(encoded.memory),
        model.begin(encoded),
        len(lengths),
        options,
        begin=BEGIN,
        end=END,
        max_lengths=options.limits(lengths),
        source_lengths=lengths,
    )
