"""Options and results of a search for the best sequence, and the score of finished sequences.

    s(Y, X) = log P(Y|X) / lp(Y) + cp(X, Y)
    lp(Y) = (5 + |Y|)^α / 6^α
    cp(X, Y) = β Σ_i log min(Σ_j p_ij, 1)          i over the source positions, j over the tokens of Y

Wu et al. 2016 (GNMT), section 7, equation 14. Here |Y| includes the end token and Σ_j the attention of its step,
because its probability is a factor of P(Y|X) too; so lp is at least 1. The coverage of a position is clipped to at
least `LEAST`: without any attention it costs 20.7 β, where log 0 would give all such sequences the same score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from ..cells import check_size
from ..checks import checked, options_of
from ..errors import ArgumentError

# N rows, V tokens in the vocabulary, S source positions, T tokens of a hypothesis including the end token

SearchStep = Callable[[Tensor, Any], tuple[Tensor, Tensor | None, Any]]
"""``(ids (N,) int64, state) -> (log_probs (N, V), weights (N, S) or None, state)``; every leaf of a state has N rows"""

LEAST = 1e-9
# limits, because options may come from a model file
WIDEST = 1_000  # beam
LONGEST = 10_000  # min_length, max_length


@dataclass(frozen=True)
class Hypothesis:
    """A finished sequence.

    Attributes:
        ids: the token ids, without the end token.
        score: s(Y, X), used for ranking; with both penalties 0 the log-probability.
        log_probability: ``log P(Y|X)``, including the end token.
        weights: ``(T, S)`` float32, attention weights of every step, the last one that of the end token:
            ``T = len(ids) + 1``; `None` if the step returns none.
    """

    ids: list[int]
    score: float
    log_probability: float
    weights: Tensor | None = None


@checked
@dataclass(frozen=True, kw_only=True)
class Search:
    """Options of beam search.

    Raises:
        ArgumentError: a number is out of range.
    """

    beam: int = 5
    """beam size: hypotheses kept per sentence; 1: greedy decoding"""
    n_best: int = 1
    """hypotheses returned per sentence, best first"""
    length_penalty: Annotated[float, "a number of at least 0"] = 0.6
    """length penalty α: 0 favours short outputs, higher values longer ones"""
    coverage_penalty: Annotated[float, "a number of at least 0"] = 0.0
    """coverage penalty β: above 0 favours attention to every source token"""
    min_length: int = 0
    """minimum number of output tokens"""
    max_length: int = 0
    """maximum output tokens; 0: twice the source length plus 10"""
    no_repeat_ngram: int = 0
    """forbid n-grams of this size to occur twice in an output; 0: allow them"""

    def __post_init__(self) -> None:
        check_size("beam", self.beam)
        if self.beam > WIDEST:
            raise ArgumentError("beam", f"at most {WIDEST:,}", self.beam)
        check_size("n_best", self.n_best)
        for name in ("min_length", "max_length", "no_repeat_ngram"):
            check_size(name, getattr(self, name), least=0)
        for name in ("min_length", "max_length"):
            if getattr(self, name) > LONGEST:
                raise ArgumentError(name, f"at most {LONGEST:,}", getattr(self, name))
        for name in ("length_penalty", "coverage_penalty"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ArgumentError(name, "a number of at least 0", getattr(self, name))
        if self.n_best > self.beam:
            remedy = f"raise beam to {self.n_best}"
            raise ArgumentError("n_best", f"at most the beam ({self.beam})", self.n_best, remedy)
        if 0 < self.max_length < self.min_length:
            raise ArgumentError("min_length", f"at most max_length ({self.max_length})", self.min_length)

    def changed(self, **options: Any) -> Self:
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
        search: Self = options_of(type(self), new)
        return search

    def limits(self, source_lengths: Tensor) -> Tensor:
        """Return the maximum number of tokens for each sentence, ``(sentences,)`` int64; at least ``min_length``."""
        if self.max_length:
            return torch.full_like(source_lengths, self.max_length)
        return (2 * source_lengths + 10).clamp(min=self.min_length)


def length_penalty(length: npt.ArrayLike, alpha: float) -> npt.NDArray[np.float64]:
    """Compute lp with the shape of ``length``, which includes the end token."""
    return ((5 + np.asarray(length, dtype=np.float64)) / 6) ** alpha


def coverage_penalty(
    covered: npt.NDArray[np.float64], source_lengths: npt.NDArray[np.int64], beta: float
) -> npt.NDArray[np.float64]:
    """Compute cp ``(N,)`` from ``covered (N, S)``, the attention summed over the tokens.

    Positions from ``source_lengths (N,)`` on are padding.
    """
    inside = np.arange(covered.shape[1]) < source_lengths[:, None]
    return beta * np.log(np.where(inside, covered.clip(LEAST, 1.0), 1.0)).sum(1)


def check_lengths(name: str, lengths: Tensor | Sequence[int], sentences: int) -> npt.NDArray[np.int64]:
    """Return the lengths as an array of int64, ``(sentences,)``.

    Raises:
        ArgumentError: their number is not that of the sentences, or one is below 0.
    """
    array = np.array(torch.as_tensor(lengths, device="cpu").tolist(), dtype=np.int64)
    if array.shape != (sentences,):
        raise ArgumentError(name, f"one number for each of the {sentences} sentences", array.shape)
    if (array < 0).any():
        raise ArgumentError(name, "numbers of at least 0", int(array.min()))
    return array


def first_ids(state: Any, sentences: int, begin: int) -> Tensor:
    """Return ``begin`` for every sentence, ``(sentences,)``, on the device of the state.

    Raises:
        ArgumentError: the state does not have one row for each sentence.
    """
    leaves = [leaf for leaf in tree_leaves(state) if isinstance(leaf, Tensor)]
    for leaf in leaves:
        if leaf.dim() == 0 or leaf.size(0) != sentences:
            raise ArgumentError("state", f"tensors of {sentences} rows, one for each sentence", tuple(leaf.shape))
    device = leaves[0].device if leaves else torch.device("cpu")
    return torch.full((sentences,), begin, dtype=torch.int64, device=device)
