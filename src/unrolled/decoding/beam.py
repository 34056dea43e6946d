"""Beam search: the best sequences of a model that gives one symbol's probabilities at a time, many sentences at once.

Every step takes the ``beam`` likeliest of all continuations of a sentence's hypotheses (Sutskever et al. 2014, section
3.2). Those that end are finished; the others are the rows of the next step.

A finished sequence of at most M symbols and its end, of which a part has log-probability ℓ ≤ 0, scores at most

    ℓ / lp(M + 1)            lp grows with the length, and no penalty of coverage is above 0

Where that is not above the n-th best finished score, the hypothesis leaves. Nothing is lost: its continuations, and
any others that they crowd out of the beam, have no higher ℓ and could not be among the n best either. So the answers
are those of a search that goes on until every length was tried; a sentence is done when no hypothesis of it is left.
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

# N live hypotheses (rows), those of a sentence next to each other; G sentences with any; t symbols written so far;
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
    """The ``n_best`` hypotheses of each sentence, best first; fewer if there are fewer.

    The step is called with live rows only: a finished hypothesis' row leaves at once, and so do all of a finished
    sentence. Which sentence a row belongs to is for the state to say, should the step need to know: its leaves are
    reordered with `cells.state.select`. What all rows of a sentence share, such as the source's encoding, should not
    be a leaf of the state, or it is copied at every step.

    A hypothesis of as many symbols as it may have ends then, at the end's own probability.

    Args:
        step: one step of the model; only where there are no sentences it may be `None`.
        state: what it begins with, one row for each sentence.
        sentences: how many.
        search: how to search; its ``max_length`` has no say here, ``max_lengths`` has (`Search.limits`).
        begin: the symbol that stands before the first.
        end: the symbol that ends a sequence.
        max_lengths: ``(sentences,)``, the most symbols of each, the end not counted.
        source_lengths: ``(sentences,)``, how many of the S positions are the source, for the penalty of coverage;
            `None`: all.

    Raises:
        ArgumentError: lengths or state do not fit ``sentences``, the step gives no log-probabilities, or coverage is
            to be penalised and the step gives no weights.
    """
    limits = check_lengths("max_lengths", max_lengths, sentences)
    lengths = None if source_lengths is None else check_lengths("source_lengths", source_lengths, sentences)
    ids = first_ids(state, sentences, begin)
    books = _Books(search, limits, lengths, end)
    while len(books.sentence):
        if step is None:
            raise ArgumentError("step", "a function", step)
        log_probs, weights, state = step(ids, state)
        values, symbols = candidates(
            log_probs,
            search.beam,
            books.written,
            limits[books.sentence],
            end=end,
            min_length=search.min_length,
            no_repeat_ngram=search.no_repeat_ngram,
        )
        parents = books.take(values, symbols, weights)
        state = select(state, torch.from_numpy(parents).to(ids.device))
        ids = torch.from_numpy(books.written[:, -1]).to(ids.device)
    return [[books.hypothesis(one) for _, _, one in finished] for finished in books.finished]


class _Finished(NamedTuple):
    ids: list[int]
    score: float
    log_probability: float
    row: int
    """where it stood in its last step"""


class _Books:
    """What is known of the live hypotheses, and the best finished ones."""

    def __init__(self, search: Search, limits: Ints, source_lengths: Ints | None, end: int) -> None:
        B = len(limits)
        self.search, self.source_lengths, self.end = search, source_lengths, end
        self.longest = length_penalty(limits + 1, search.length_penalty)  # (B,)
        self.sentence = np.arange(B)  # (N,)
        self.log_probability = np.zeros(B)  # (N,)
        self.written = np.zeros((B, 0), dtype=np.int64)  # (N, t)
        self.covered: Floats | None = None  # (N, S), attention so far
        self.to_beat = np.full(B, -np.inf)  # (B,), the log-probability that cannot be among the n best
        self.finished: list[list[tuple[float, int, _Finished]]] = [[] for _ in range(B)]  # (-score, serial number, it)
        self.count = 0
        self.parents: list[Ints] = []  # of each step's rows in the step before; none for the first
        self.weights: list[Tensor] = []  # (N, S) of each step

    def take(self, values: Floats, symbols: Ints, weights: Tensor | None) -> Ints:
        """Choose among ``values`` and ``symbols (N, k)``; the rows of this step whose continuations live on."""
        self._attend(weights)
        row, symbol, total = self._best(values, symbols)
        over = symbol == self.end
        self._finish(row[over], total[over])
        on = ~over & (total > self.to_beat[self.sentence[row]])
        row, symbol = row[on], symbol[on]
        self.log_probability = total[on]
        self.sentence = self.sentence[row]
        self.written = np.concatenate([self.written[row], symbol[:, None]], axis=1)
        self.covered = None if self.covered is None else self.covered[row]
        self.parents.append(row)
        return row

    def hypothesis(self, one: _Finished) -> Hypothesis:
        """With the weights of all its steps, found by going back from row to row."""
        if not self.weights:
            return Hypothesis(one.ids, one.score, one.log_probability)
        row, looked = one.row, []
        for t in reversed(range(len(one.ids) + 1)):
            looked.append(self.weights[t][row])
            row = int(self.parents[t - 1][row]) if t else row
        return Hypothesis(one.ids, one.score, one.log_probability, torch.stack(looked[::-1]))

    def _attend(self, weights: Tensor | None) -> None:
        if weights is not None:
            if weights.dim() != 2 or weights.size(0) != len(self.sentence):
                expected = f"(N, S) with N = {len(self.sentence)} rows"
                raise ArgumentError("weights of the step", expected, tuple(weights.shape))
            self.weights.append(weights.to("cpu", torch.float32, copy=True))
        if self.search.coverage_penalty:
            if weights is None:
                remedy = "a model without attention takes coverage_penalty 0"
                raise ArgumentError("weights of the step", "attention (N, S), which coverage needs", None, remedy)
            new = self.weights[-1].double().numpy()
            self.covered = new if self.covered is None else self.covered + new

    def _best(self, values: Floats, symbols: Ints) -> tuple[Ints, Ints, Floats]:
        """The continuations to keep, at most ``beam`` for each sentence: row, symbol, log-probability."""
        N, k = values.shape
        starts = np.flatnonzero(np.diff(self.sentence, prepend=-1))  # (G,), each sentence's first row
        group = np.cumsum(np.diff(self.sentence, prepend=-1) != 0) - 1  # (N,)
        slot = np.arange(N) - starts[group]
        every = np.full((len(starts), int(slot.max()) + 1, k), np.nan)
        every[group, slot] = self.log_probability[:, None] + values
        table = every.reshape(len(starts), -1)
        order = np.argsort(-table, axis=1, kind="stable")[:, : self.search.beam]  # NaN last
        best = np.take_along_axis(table, order, axis=1)
        there = ~np.isnan(best)
        row = starts[np.nonzero(there)[0]] + order[there] // k
        return row, symbols[row, order[there] % k], best[there]

    def _finish(self, row: Ints, log_probability: Floats) -> None:
        search = self.search
        t = self.written.shape[1]
        score = log_probability / length_penalty(t + 1, search.length_penalty)
        if self.covered is not None:
            covered = self.covered[row]
            lengths = np.full(len(row), covered.shape[1])
            if self.source_lengths is not None:
                lengths = self.source_lengths[self.sentence[row]]
            score = score + coverage_penalty(covered, lengths, search.coverage_penalty)
        for r, own, s in zip(row.tolist(), log_probability.tolist(), score.tolist(), strict=True):
            b = self.sentence[r]
            finished = self.finished[b]
            self.count += 1  # of equal ones the first is better
            insort(finished, (-s, self.count, _Finished(self.written[r].tolist(), s, own, r)))
            del finished[search.n_best :]
            if len(finished) == search.n_best:
                self.to_beat[b] = -finished[-1][0] * self.longest[b]
