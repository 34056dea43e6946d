"""How a translation is searched for, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..cells import check_size
from ..decoding.beam import Hypothesis, Search, beam_search, greedy
from ..errors import ArgumentError
from .translate_model import Translator
from .translate_units import BEGIN, END


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How a translation is searched for."""

    beam: int = 5
    """sentences that are kept while writing; 1: always the likeliest symbol"""
    length_penalty: float = 0.6
    """α of ((5 + length)/6)^α, by which log probabilities are divided (Wu et al. 2016, section 7); 0: none"""
    coverage_penalty: float = 0.0
    """β: prefer translations that have looked at every source symbol (Wu et al. 2016, section 7)"""
    min_length: int = 0
    """symbols that a translation has at least"""
    max_length: int = 0
    """and at most; 0: twice those of the source, and 10"""
    no_repeat_ngram: int = 0
    """never write the same so many symbols twice; 0: allow it"""
    replace_unknown: bool = True
    """write the source word that was looked at most instead of the unknown word"""

    def __post_init__(self) -> None:
        check_size("beam", self.beam)
        for name in ("min_length", "max_length", "no_repeat_ngram"):
            check_size(name, getattr(self, name), least=0)
        for name in ("length_penalty", "coverage_penalty"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ArgumentError(name, "a number of at least 0", getattr(self, name))
        if 0 < self.max_length < self.min_length:
            raise ArgumentError("max_length", f"at least min_length ({self.min_length})", self.max_length)

    def search(self, n_best: int = 1) -> Search:
        """What the search is asked for."""
        return Search(
            beam=self.beam,
            n_best=n_best,
            length_penalty=self.length_penalty,
            coverage_penalty=self.coverage_penalty,
            min_length=self.min_length,
            no_repeat_ngram=self.no_repeat_ngram,
        )


@dataclass(frozen=True)
class Translated:
    """One translation of a sentence.

    Attributes:
        text: it.
        score: what the search ranks by.
        log_probability: its own, in nats.
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
def search(
    model: Translator, ids: Tensor, lengths: Tensor, options: Decoding, n_best: int = 1
) -> list[list[Hypothesis]]:
    """The best translations of ``ids (S, B)``, of which ``lengths (B,)`` are true; each sentence's best first."""
    encoded = model.encode(ids, lengths)
    most = [options.max_length or 2 * int(length) + 10 for length in lengths]
    step, state = model.step(encoded.memory), model.begin(encoded)
    if options.beam == 1 and n_best == 1 and not options.coverage_penalty:
        found = greedy(
            step, state, len(most), begin=BEGIN, end=END, max_lengths=most, min_length=options.min_length,
            no_repeat_ngram=options.no_repeat_ngram,
        )  # fmt: skip
        return [[one] for one in found]
    return beam_search(
        step, state, len(most), options.search(n_best), begin=BEGIN, end=END, max_lengths=most, source_lengths=lengths
    )
