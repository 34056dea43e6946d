"""Decoding: the search for translations and its results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...cells import check_size
from ...checks import checked, options_of
from ...decoding.beam import beam_search
from ...decoding.greedy import greedy
from ...decoding.search import Hypothesis, Search
from .model import Translator
from .units import BEGIN, END


@checked
@dataclass(frozen=True, kw_only=True)
class Decoding(Search):
    """The options of the search for translations."""

    replace_unknown: bool = True
    """replace the unknown token with the source token of the largest attention weight"""

    def changed(self, **options: Any) -> Decoding:
        """Return a copy with other options. An option that is not given is adjusted to one that is: ``beam`` to
        ``n_best`` and ``min_length`` to ``max_length``, and vice versa.

        Raises:
            ArgumentError: an option is invalid, or two given options contradict each other.
        """
        new = {**vars(self), **options}
        for name in ("beam", "n_best", "min_length", "max_length"):
            check_size(name, new[name], least=0)
        if "n_best" not in options:
            new["n_best"] = min(new["n_best"], new["beam"])
        elif "beam" not in options:
            new["beam"] = max(new["n_best"], new["beam"])
        if new["max_length"] and "min_length" not in options:
            new["min_length"] = min(new["min_length"], new["max_length"])
        elif new["max_length"] and "max_length" not in options:
            new["max_length"] = max(new["min_length"], new["max_length"])
        decoding: Decoding = options_of(Decoding, new)
        return decoding


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
    state = model.begin(encoded)
    model_step = model.step(encoded.memory)

    def step(ids: Tensor, state: Any) -> tuple[Tensor, Tensor | None, Any]:
        log_probs, weights, state = model_step(ids, state)
        log_probs[:, BEGIN] = -torch.inf  # not a token of any text
        return log_probs, weights, state

    count, limits = len(lengths), options.limits(lengths)
    if options.beam == 1 and not options.coverage_penalty:
        hypotheses = greedy(
            step,
            state,
            count,
            begin=BEGIN,
            end=END,
            max_lengths=limits,
            min_length=options.min_length,
            no_repeat_ngram=options.no_repeat_ngram,
            length_penalty=options.length_penalty,
        )
        return [[hypothesis] for hypothesis in hypotheses]
    return beam_search(step, state, count, options, begin=BEGIN, end=END, max_lengths=limits, source_lengths=lengths)
