"""How a translation is searched for, and what is told of it."""

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
    """How a translation is searched for."""

    replace_unknown: bool = True
    """write the source word that was looked at most instead of the unknown word"""

    def changed(self, **options: Any) -> Decoding:
        """With other options. One that was not given makes room for one that was: ``n_best`` and ``beam`` for each
        other, and so do ``min_length`` and ``max_length``.

        Raises:
            ArgumentError: an option is wrong, or two that were given contradict each other.
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
        found: Decoding = options_of(Decoding, new)
        return found


@dataclass(frozen=True)
class Translated:
    """One translation of a sentence.

    Attributes:
        text: it.
        score: what answers are ranked by, whatever the beam: the log-probability over the length penalty, plus the
            coverage penalty (decoding/search.py); the higher, the better.
        log_probability: its own, in nats, the end's included.
        source: the source's symbols.
        target: its own.
        weights: ``(len(target), len(source))``, where each was looked for; `None` without attention.
    """

    text: str
    score: float
    log_probability: float
    source: list[str]
    target: list[str]
    weights: Tensor | None


@torch.no_grad()
def search(model: Translator, ids: Tensor, lengths: Tensor, options: Decoding) -> list[list[Hypothesis]]:
    """The best translations of ``ids (S, B)``, of which ``lengths (B,)`` are true; each sentence's best first."""
    encoded = model.encode(ids, lengths)
    state = model.begin(encoded)
    following = model.step(encoded.memory)

    def step(ids: Tensor, state: Any) -> tuple[Tensor, Tensor | None, Any]:
        log_probs, weights, state = following(ids, state)
        log_probs[:, BEGIN] = -torch.inf  # no text has it, and no vocabulary can spell it
        return log_probs, weights, state

    count, limits = len(lengths), options.limits(lengths)
    if options.beam == 1 and not options.coverage_penalty:
        found = greedy(
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
        return [[one] for one in found]
    return beam_search(step, state, count, options, begin=BEGIN, end=END, max_lengths=limits, source_lengths=lengths)
