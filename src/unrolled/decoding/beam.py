"""Beam search for the best sequences of an autoregressive model, batched over sentences.

Every step keeps the ``beam`` most likely of all continuations of a sentence's hypotheses (Sutskever et al. 2014,
section 3.2). Hypotheses that emit the end token are finished; the others are the rows of the next step.

A hypothesis with log-probability ℓ ≤ 0 can only become a finished sequence, of at most M tokens and the end token, with
a score of at most

    ℓ / lp(M + 1)            lp grows with the length, and the coverage penalty is never above 0

If that does not exceed the n-th best finished score, the hypothesis is pruned. This does not change the result: its
continuations, and others that they would displace from the beam, have no higher ℓ and could not be among the n best
either. A sentence is done when it has no hypotheses left.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..cells.state import select
from ..checks import Count, checked
from ..errors import ArgumentError
from .candidates import candidates
from .search import Hypothesis, Search, SearchStep, check_lengths, coverage_penalty, first_ids, length_penalty

# N live hypotheses (rows), those of a sentence adjacent; G sentences that have some; t tokens generated so far;
# S source positions

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@checked
@torch.no_grad()
def beam_search(
    step: SearchStep | None,
    state: Any,
    sentences: Count,
    search: Search,
    *,
    begin: int,
    end: int,
    max_lengths: Tensor | Sequence[int],
    source_lengths: Tensor | Sequence[int] | None = None,
) -> list[list[Hypothesis]]:
    """Return the ``n_best`` hypotheses of each sentence, best first, or fewer if fewer exist.

    The step is called with live rows only; the rows of finished hypotheses and sentences are removed at once. The
    leaves of the state are reordered with `cells.state.select`, so a step that needs to know the sentence of a row can
    keep it in the state. Tensors shared by all rows of a sentence, such as the encoder outputs, should not be leaves of
    the state, which would copy them at every step.

    A hypothesis that reaches its maximum length ends there, with the probability of the end token.

    Args:
        step: one step of the model; may be `None` only if there are no sentences.
        state: the initial state, one row for each sentence.
        sentences: number of sentences.
        search: the search options; ``max_lengths`` replaces its ``max_length`` (see `Search.limits`).
        begin: the token id before the first token.
        end: the token id that ends a sequence.
        max_lengths: ``(sentences,)``, maximum number of tokens, the end token not counted.
        source_lengths: ``(sentences,)``, number of source positions that are not padding, for the coverage penalty;
            `None`: all S.

    Raises:
        ArgumentError: lengths or state do not fit ``sentences``, the step does not return log-probabilities, or the
            coverage penalty is used and the step returns no attention weights.
    """
    limits = check_lengths("max_lengths", max_lengths, sentences)
    lengths = None if source_lengths is None else check_lengths("source_lengths", source_lengths, sentences)
    ids = first_ids(state, sentences, begin)
    beams = _Beams(search, limits, lengths, end)
    while len(beams.sentence):
        if step is None:
            raise ArgumentError("step", "a function", step)
        log_probs, weights, state = step(ids, state)
        values, tokens = candidates(
            log_probs,
            search.beam,
            beams.tokens,
            limits[beams.sentence],
            end=end,
            min_length=search.min_length,
            no_repeat_ngram=search.no_repeat_ngram,
        )
        parents = beams.advance(values, tokens, weights)
        state = select(state, torch.from_numpy(parents).to(ids.device))
        ids = torch.from_numpy(beams.tokens[:, -1]).to(ids.device)
    return [[beams.hypothesis(found) for _, _, found in finished] for finished in beams.finished]


class _Finished(NamedTuple):
    ids: list[int]
    score: float
    log_probability: float
    row: int
    """its row in its last step"""


class _Beams:
    """The live hypotheses of all sentences, and their best finished ones."""

    def __init__(self, search: Search, limits: Ints, source_lengths: Ints | None, end: int) -> None:
        B = len(limits)
        self.search, self.source_lengths, self.end = search, source_lengths, end
        self.longest = length_penalty(limits + 1, search.length_penalty)  # (B,)
        self.sentence = np.arange(B)  # (N,)
        self.log_probability = np.zeros(B)  # (N,)
        self.tokens = np.zeros((B, 0), dtype=np.int64)  # (N, t)
        self.covered: Floats | None = None  # (N, S), attention summed over the steps so far
        self.bound = np.full(B, -np.inf)  # (B,), hypotheses with at most this log-probability are pruned
        self.finished: list[list[tuple[float, int, _Finished]]] = [[] for _ in range(B)]  # (-score, serial number, …)
        self.count = 0
        self.parents: list[Ints] = []  # rows of each step's hypotheses in the step before; none for the first step
        self.weights: list[Tensor] = []  # (N, S) of each step

    def advance(self, values: Floats, candidate_tokens: Ints, weights: Tensor | None) -> Ints:
        """Keep the best of the candidates ``(N, k)``; return the rows of this step whose continuations stay live."""
        self._attend(weights)
        row, token, total = self._best(values, candidate_tokens)
        ended = token == self.end
        self._finish(row[ended], total[ended])
        live = ~ended & (total > self.bound[self.sentence[row]])
        row, token = row[live], token[live]
        self.log_probability = total[live]
        self.sentence = self.sentence[row]
        self.tokens = np.concatenate([self.tokens[row], token[:, None]], axis=1)
        self.covered = None if self.covered is None else self.covered[row]
        self.parents.append(row)
        return row

    def hypothesis(self, found: _Finished) -> Hypothesis:
        """Return a finished hypothesis with the attention weights of its steps, collected along its parents."""
        if not self.weights:
            return Hypothesis(found.ids, found.score, found.log_probability)
        row, weights = found.row, []
        for t in reversed(range(len(found.ids) + 1)):
            weights.append(self.weights[t][row])
            row = int(self.parents[t - 1][row]) if t else row
        return Hypothesis(found.ids, found.score, found.log_probability, torch.stack(weights[::-1]))

    def _attend(self, weights: Tensor | None) -> None:
        """Check and save the attention weights of a step, and add them to the coverage."""
        if weights is not None:
            if weights.dim() != 2 or weights.size(0) != len(self.sentence):
                expected = f"(N, S) with N = {len(self.sentence)} rows"
                raise ArgumentError("weights of the step", expected, tuple(weights.shape))
            self.weights.append(weights.to("cpu", torch.float32, copy=True))
        if self.search.coverage_penalty:
            if weights is None:
                remedy = "use coverage_penalty 0 for a model without attention"
                raise ArgumentError("weights of the step", "attention (N, S) for the coverage penalty", None, remedy)
            new = self.weights[-1].double().numpy()
            self.covered = new if self.covered is None else self.covered + new

    def _best(self, values: Floats, candidate_tokens: Ints) -> tuple[Ints, Ints, Floats]:
        """Return the continuations to keep, at most ``beam`` for each sentence: row, token, log-probability."""
        N, k = values.shape
        starts = np.flatnonzero(np.diff(self.sentence, prepend=-1))  # (G,), the first row of each sentence
        group = np.cumsum(np.diff(self.sentence, prepend=-1) != 0) - 1  # (N,)
        slot = np.arange(N) - starts[group]
        totals = np.full((len(starts), int(slot.max()) + 1, k), np.nan)
        totals[group, slot] = self.log_probability[:, None] + values
        table = totals.reshape(len(starts), -1)
        order = np.argsort(-table, axis=1, kind="stable")[:, : self.search.beam]  # NaN last
        best = np.take_along_axis(table, order, axis=1)
        valid = ~np.isnan(best)
        row = starts[np.nonzero(valid)[0]] + order[valid] // k
        return row, candidate_tokens[row, order[valid] % k], best[valid]

    def _finish(self, row: Ints, log_probability: Floats) -> None:
        """Score the hypotheses in these rows as finished, and keep the n best of each sentence."""
        search = self.search
        t = self.tokens.shape[1]
        score = log_probability / length_penalty(t + 1, search.length_penalty)
        if self.covered is not None:
            covered = self.covered[row]
            lengths = np.full(len(row), covered.shape[1])
            if self.source_lengths is not None:
                lengths = self.source_lengths[self.sentence[row]]
            score = score + coverage_penalty(covered, lengths, search.coverage_penalty)
        for r, log_p, s in zip(row.tolist(), log_probability.tolist(), score.tolist(), strict=True):
            b = self.sentence[r]
            finished = self.finished[b]
            self.count += 1  # among equal scores the first ranks higher
            insort(finished, (-s, self.count, _Finished(self.tokens[r].tolist(), s, log_p, r)))
            del finished[search.n_best :]
            if len(finished) == search.n_best:
                self.bound[b] = -finished[-1][0] * self.longest[b]
