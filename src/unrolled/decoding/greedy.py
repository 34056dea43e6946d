"""The likeliest symbol at every step, for many sentences at once."""

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

# N sentences not yet ended, t symbols written so far, S source positions


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
    """One hypothesis for each sentence, the same that `beam_search` finds with a beam of 1.

    A sentence's row leaves the batch when it ends, so the step is called with fewer and fewer. A sentence of as many
    symbols as it may have ends then, at the end's own probability.

    Args:
        step: one step of the model.
        state: what it begins with, one row for each sentence.
        sentences: how many.
        begin: the symbol that stands before the first.
        end: the symbol that ends a sequence.
        max_lengths: ``(sentences,)``, the most symbols of each, the end not counted.
        min_length: the fewest symbols.
        no_repeat_ngram: no n symbols in a row occur twice; 0: they may.
        length_penalty: α of the score, see search.py; the choice is the same whatever it is.

    Raises:
        ArgumentError: lengths or state do not fit ``sentences``, or the step gives no log-probabilities.
    """
    limits = check_lengths("max_lengths", max_lengths, sentences)
    ids = first_ids(state, sentences, begin)
    live = np.arange(sentences)  # (N,)
    written = np.zeros((sentences, 0), dtype=np.int64)  # (N, t)
    total = np.zeros(sentences)
    seen: list[tuple[Tensor, np.ndarray]] = []  # each step's weights, and where each sentence stood in them
    found: list[Hypothesis | None] = [None] * sentences
    while len(live):
        log_probs, weights, state = step(ids, state)
        values, symbols = candidates(
            log_probs, 1, written, limits[live], end=end, min_length=min_length, no_repeat_ngram=no_repeat_ngram
        )
        total = total + values[:, 0]
        if weights is not None:
            place = np.zeros(sentences, dtype=np.int64)
            place[live] = np.arange(len(live))
            seen.append((weights.to("cpu", torch.float32, copy=True), place))
        over = symbols[:, 0] == end
        for row in np.flatnonzero(over):
            b = live[row]
            looked = torch.stack([rows[where[b]] for rows, where in seen]) if seen else None
            score = float(total[row] / penalty(written.shape[1] + 1, length_penalty))
            found[b] = Hypothesis(written[row].tolist(), score, float(total[row]), looked)
        on = np.flatnonzero(~over)
        written = np.concatenate([written[on], symbols[on]], axis=1)
        live, total = live[on], total[on]
        if over.any():
            state = select(state, torch.from_numpy(on).to(ids.device))
        ids = torch.from_numpy(symbols[on, 0]).to(ids.device)
    return [one for one in found if one is not None]
