"""Greedy decoding: the most likely token at every step, batched over sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..cells.state import select
from ..checks import Count, checked
from .candidates import candidates
from .search import Hypothesis, SearchStep, check_lengths, first_ids
from .search import length_penalty as penalty

# N unfinished sentences, t tokens generated so far, S source positions


@checked
@torch.no_grad()
def greedy(
    step: SearchStep,
    state: Any,
    sentences: Count,
    *,
    begin: int,
    end: int,
    max_lengths: Tensor | Sequence[int],
    min_length: Count = 0,
    no_repeat_ngram: Count = 0,
    length_penalty: float = 0.0,
) -> list[Hypothesis]:
    """Return one hypothesis for each sentence, the result of `beam_search` with a beam of 1.

    The row of a finished sentence is removed from the batch, so later steps have fewer rows. A sentence that reaches
    its maximum length ends there, with the probability of the end token.

    Args:
        step: one step of the model.
        state: the initial state, one row for each sentence.
        sentences: number of sentences.
        begin: the token id before the first token.
        end: the token id that ends a sequence.
        max_lengths: ``(sentences,)``, maximum number of tokens, the end token not counted.
        min_length: minimum number of tokens.
        no_repeat_ngram: forbid n-grams of this size to occur twice; 0: allow them.
        length_penalty: α of the score, see search.py; it does not affect the tokens.

    Raises:
        ArgumentError: lengths or state do not fit ``sentences``, or the step does not return log-probabilities.
    """
    limits = check_lengths("max_lengths", max_lengths, sentences)
    ids = first_ids(state, sentences, begin)
    live = np.arange(sentences)  # (N,)
    tokens = np.zeros((sentences, 0), dtype=np.int64)  # (N, t)
    total = np.zeros(sentences)
    attention: list[tuple[Tensor, np.ndarray]] = []  # weights of each step, and the row of each sentence in them
    hypotheses: list[Hypothesis | None] = [None] * sentences
    while len(live):
        log_probs, weights, state = step(ids, state)
        values, next_tokens = candidates(
            log_probs, 1, tokens, limits[live], end=end, min_length=min_length, no_repeat_ngram=no_repeat_ngram
        )
        total = total + values[:, 0]
        if weights is not None:
            row_of = np.zeros(sentences, dtype=np.int64)
            row_of[live] = np.arange(len(live))
            attention.append((weights.to("cpu", torch.float32, copy=True), row_of))
        ended = next_tokens[:, 0] == end
        for row in np.flatnonzero(ended):
            b = live[row]
            own_weights = torch.stack([rows[row_of[b]] for rows, row_of in attention]) if attention else None
            score = float(total[row] / penalty(tokens.shape[1] + 1, length_penalty))
            hypotheses[b] = Hypothesis(tokens[row].tolist(), score, float(total[row]), own_weights)
        unfinished = np.flatnonzero(~ended)
        tokens = np.concatenate([tokens[unfinished], next_tokens[unfinished]], axis=1)
        live, total = live[unfinished], total[unfinished]
        if ended.any():
            state = select(state, torch.from_numpy(unfinished).to(ids.device))
        ids = torch.from_numpy(next_tokens[unfinished, 0]).to(ids.device)
    return [hypothesis for hypothesis in hypotheses if hypothesis is not None]
