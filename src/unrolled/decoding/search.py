"""What a search for the best sequence is asked for, what it finds, and how finished sequences are scored.

    s(Y, X) = log P(Y|X) / lp(Y) + cp(X, Y)
    lp(Y) = (5 + |Y|)^α / 6^α
    cp(X, Y) = β Σ_i log min(Σ_j p_ij, 1)          i over the source's positions, j over the symbols of Y

Wu et al. 2016 (GNMT), section 7, equation 14. Here |Y| counts the end as a symbol and Σ_j the attention of its step,
for its probability is a factor of P(Y|X) too; so lp is at least 1. A position that attention never met at all counts
as `LEAST`: it costs 20.7 β, where log 0 would make all such sequences alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from ..cells import check_size
from ..checks import checked
from ..errors import ArgumentError

# N rows, V symbols, S source positions, T symbols of a hypothesis and its end

SearchStep = Callable[[Tensor, Any], tuple[Tensor, Tensor | None, Any]]
"""``(ids (N,) int64, state) -> (log_probs (N, V), weights (N, S) or None, state)``; every leaf of a state has N rows"""

LEAST = 1e-9
# a model file may ask for any
WIDEST = 1_000  # beam
LONGEST = 10_000  # min_length, max_length


@dataclass(frozen=True)
class Hypothesis:
    """A finished sequence.

    Attributes:
        ids: its symbols, without the end.
        score: s(Y, X), what it is ranked by; with both penalties 0 the log-probability.
        log_probability: ``log P(Y|X)``, that of the end included.
        weights: ``(T, S)`` float32, the attention of each symbol's step and, last, of the end's: ``T = len(ids) + 1``;
            `None` if the step gives none.
    """

    ids: list[int]
    score: float
    log_probability: float
    weights: Tensor | None = None


@checked
@dataclass(frozen=True, kw_only=True)
class Search:
    """How the best sequence is looked for.

    Raises:
        ArgumentError: a number out of range.
    """

    beam: int = 5
    """hypotheses kept for each sentence; 1 always takes the likeliest symbol"""
    n_best: int = 1
    """answers for each sentence, best first"""
    length_penalty: Annotated[float, "a number of at least 0"] = 0.6
    """0 compares log-probabilities, which favours short answers; the higher, the longer they are"""
    coverage_penalty: Annotated[float, "a number of at least 0"] = 0.0
    """above 0: prefer answers that have looked at every word of the source"""
    min_length: int = 0
    """no answer has fewer symbols"""
    max_length: int = 0
    """no answer has more symbols; 0: twice those of the source and ten, or min_length if that is more"""
    no_repeat_ngram: int = 0
    """no n symbols in a row occur twice in an answer; 0: they may"""

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

    def limits(self, source_lengths: Tensor) -> Tensor:
        """The most symbols of each sentence's answers, ``(sentences,)`` int64; never fewer than ``min_length``."""
        if self.max_length:
            return torch.full_like(source_lengths, self.max_length)
        return (2 * source_lengths + 10).clamp(min=self.min_length)


def length_penalty(length: npt.ArrayLike, alpha: float) -> npt.NDArray[np.float64]:
    """``lp``, of the shape of ``length``, which counts the end."""
    return ((5 + np.asarray(length, dtype=np.float64)) / 6) ** alpha


def coverage_penalty(
    covered: npt.NDArray[np.float64], source_lengths: npt.NDArray[np.int64], beta: float
) -> npt.NDArray[np.float64]:
    """``cp (N,)`` of ``covered (N, S)``, attention summed over the symbols; positions from ``source_lengths (N,)`` on
    are padding."""
    inside = np.arange(covered.shape[1]) < source_lengths[:, None]
    return beta * np.log(np.where(inside, covered.clip(LEAST, 1.0), 1.0)).sum(1)


def check_lengths(name: str, lengths: Tensor | Sequence[int], sentences: int) -> npt.NDArray[np.int64]:
    """One whole number for each sentence, ``(sentences,)``.

    Raises:
        ArgumentError: another number of them, or one below 0.
    """
    found = np.array(torch.as_tensor(lengths, device="cpu").tolist(), dtype=np.int64)
    if found.shape != (sentences,):
        raise ArgumentError(name, f"one number for each of the {sentences} sentences", found.shape)
    if (found < 0).any():
        raise ArgumentError(name, "numbers of at least 0", int(found.min()))
    return found


def first_ids(state: Any, sentences: int, begin: int) -> Tensor:
    """``begin`` for every sentence, ``(sentences,)``, where the state lies.

    Raises:
        ArgumentError: the state has not one row for each sentence.
    """
    leaves = [leaf for leaf in tree_leaves(state) if isinstance(leaf, Tensor)]
    for leaf in leaves:
        if leaf.dim() == 0 or leaf.size(0) != sentences:
            raise ArgumentError("state", f"tensors of {sentences} rows, one for each sentence", tuple(leaf.shape))
    device = leaves[0].device if leaves else torch.device("cpu")
    return torch.full((sentences,), begin, dtype=torch.int64, device=device)
