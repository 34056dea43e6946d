"""The best sequences of an autoregressive model: greedy decoding for a beam of 1, else beam search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .beam import beam_search
from .greedy import greedy
from .search import Hypothesis, Search, SearchStep


def best_sequences(
    step: SearchStep,
    state: Any,
    count: int,
    search: Search,
    *,
    begin: int,
    end: int,
    never: Sequence[int] = (),
    max_lengths: Tensor,
    source_lengths: Tensor,
) -> list[list[Hypothesis]]:
    """Return the ``n_best`` sequences of each of ``count`` inputs, best first; see `beam_search` for the arguments.

    The tokens ``begin`` and ``never`` are not generated.
    """

    def allowed(ids: Tensor, state: Any) -> tuple[Tensor, Tensor | None, Any]:
        log_probs, weights, state = step(ids, state)
        log_probs[:, [begin, *never]] = -torch.inf
        return log_probs, weights, state

    if search.beam > 1 or search.coverage_penalty:
        return beam_search(
            allowed, state, count, search, begin=begin, end=end, max_lengths=max_lengths, source_lengths=source_lengths
        )
    hypotheses = greedy(
        allowed,
        state,
        count,
        begin=begin,
        end=end,
        max_lengths=max_lengths,
        min_length=search.min_length,
        no_repeat_ngram=search.no_repeat_ngram,
        length_penalty=search.length_penalty,
    )
    return [[hypothesis] for hypothesis in hypotheses]
