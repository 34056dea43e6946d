"""The n-gram model: interpolated modified Kneser-Ney smoothing.

    P(w | h) = max(a(h w) − D(a(h w)), 0) / Σ_v a(h v)  +  γ(h) P(w | h′)                                  (1)
    γ(h)     = (D₁ N₁(h ·) + D₂ N₂(h ·) + D₃₊ N₃₊(h ·)) / Σ_v a(h v)                                        (2)
    P(w)     = max(a(w) − D(a(w)), 0) / Σ_v a(v)  +  γ() / V                                               (3)
    P(w | h) = P(w | h′)                                    if h was never followed by a token              (4)

    Y = n₁ / (n₁ + 2 n₂)    D₁ = 1 − 2 Y n₂/n₁    D₂ = 2 − 3 Y n₃/n₂    D₃₊ = 3 − 4 Y n₄/n₃                   (5)

h: the last n − 1 tokens; h′: h without its first token; a: the counts of ngram_counts.py; N_c(h ·): the number of
tokens with count c after h; n_c: the number of n-grams of the same length with count c. Chen and Goodman 1998, sec. 3.

Each length has its own discounts. Where (5) is undefined or not positive, because one of n₁ to n₄ is zero (short texts,
and single characters), the discounts are ½, 1 and 1½. All discounts are positive, so every token has a positive
probability in every context.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ...data import Split
from ...errors import RunError
from .history import NOTHING, History, empty, windows
from .ngram_counts import Numbers, Strings, count

# T steps, B lanes, V vocabulary size, n the order, R rows: T · B or a part of them

Floats = npt.NDArray[np.float64]
FALLBACK = (0.5, 1.0, 1.5)
AT_ONCE = 1 << 18  # probabilities per block, to fit the processor's cache


class Continuations(NamedTuple):
    """Continuations of the contexts h of one length; those of h are at ``first[h]`` to ``first[h + 1]``."""

    keys: Numbers  # number(h) · V + w, ascending
    first: Numbers
    symbols: npt.NDArray[np.int32]  # w
    gains: Floats  # the first term of (1)
    backoff: Floats  # γ(h)


class NGram(nn.Module):
    """``ids (T, B)`` → log-probabilities ``(T, B, V)`` of each next token.

    The model has no trainable parameters: `fit` counts n-grams, and a model file stores the counts as buffers.

    Args:
        symbols: V, the vocabulary size.
        strings: the distinct n-grams of 1, …, n tokens.
        discounts: ``(n, 3)``: D₁, D₂, D₃₊ for each length.
    """

    def __init__(self, symbols: int, strings: list[Strings], discounts: Floats) -> None:
        super().__init__()
        self.symbols, self.order = symbols, len(strings)
        for length, (keys, counts) in enumerate(strings, 1):
            self.register_buffer(f"keys_{length}", torch.from_numpy(keys))
            self.register_buffer(f"counts_{length}", torch.from_numpy(counts))
        self.register_buffer("discounts", torch.from_numpy(discounts))
        sizes = [1, *(len(keys) for keys, _ in strings)]
        self.levels = [_continuations(symbols, *level) for level in zip(strings, discounts, sizes[:-1], strict=True)]

    @property
    def size(self) -> int:
        """The number of distinct n-grams."""
        return sum(len(level.keys) for level in self.levels)

    @classmethod
    def fit(cls, text: Split, symbols: int, order: int) -> NGram:
        """Count the n-grams of ``text``."""
        strings = count(text.tokens, text.starts, symbols, order)
        return cls(symbols, strings, np.array([discounts(counts) for _, counts in strings]))

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], symbols: int, order: int) -> NGram:
        """Build the model from the buffers of a model file, which is not trusted.

        Raises:
            RunError: the tensors are not a valid model.
        """
        strings, size = [], 1
        for length in range(1, order + 1):
            keys = _array(tensors, f"keys_{length}", torch.int64)
            counts = _array(tensors, f"counts_{length}", torch.int32)
            _check(len(keys) == len(counts), f"there are {len(keys)} keys and {len(counts)} counts of length {length}")
            _check(bool((np.diff(keys) > 0).all()), f"keys_{length} does not ascend")
            _check(not len(keys) or (keys[0] >= 0 and keys[-1] < size * symbols), f"keys_{length} is out of range")
            _check(bool((counts > 0).all()), f"counts_{length} is not above 0")
            strings.append(Strings(keys, counts))
            size = len(keys)
        d = _array(tensors, "discounts", torch.float64, (order, 3))
        _check(bool(((d > 0) & (d <= np.array([1, 2, 3]))).all()), "a discount is not above 0 and at most its count")
        _check(len(tensors) == 2 * order + 1, f"it has {len(tensors)} tensors instead of {2 * order + 1}")
        return cls(symbols, strings, d)

    def forward(
        self, ids: Tensor, state: History | None = None, resets: Tensor | None = None
    ) -> tuple[Tensor, History]:
        """Return log-probabilities ``(T, B, V)`` and the final state; ``resets (T, B)`` mark starts of documents."""
        before = self.initial_state(ids.shape[1]) if state is None else state
        contexts = self.contexts(ids, before, resets)  # n − 1 of (T, B)
        rows, V = ids.numel(), self.symbols
        logits = np.empty((rows, V), dtype=np.float32)
        share = max(1, AT_ONCE // V)
        for at in range(0, rows, share):
            p = self.probabilities([h.reshape(-1)[at : at + share] for h in contexts], min(share, rows - at))
            logits[at : at + share] = np.log(p, out=p)
        _, after = windows(ids.cpu().long(), before, None if resets is None else resets.cpu())
        return torch.from_numpy(logits).view(*ids.shape, V).to(ids.device), after

    def contexts(self, ids: Tensor, before: History, resets: Tensor | None) -> list[npt.NDArray[np.int64]]:
        """Return, for k = 1, …, n − 1, the n-gram number ``(T, B)`` of the last k tokens; −1 if never seen."""
        C = self.order - 1
        x = torch.cat([before.symbols.t().cpu(), ids.cpu().long()]).numpy()  # (C + T, B)
        cut = np.zeros(x.shape, dtype=bool)
        if resets is not None:
            cut[C:] = resets.cpu().numpy()
        found: list[npt.NDArray[np.int64]] = []
        number = np.zeros(x.shape, dtype=np.int64)  # of the empty n-gram
        for level in self.levels[:C]:
            if found:  # the n-gram before x_t, one token shorter
                number = np.concatenate([np.full_like(number[:1], -1), number[:-1]])
                number[cut] = -1
            number = _look_up(level.keys, np.where((number < 0) | (x == NOTHING), -1, number * self.symbols + x))
            found.append(number)
        return [number[C:] for number in found]

    def probabilities(self, contexts: list[npt.NDArray[np.int64]], rows: int) -> Floats:
        """Return the probabilities ``(R, V)`` after contexts given by number, shortest first (equations 1 to 4)."""
        V, lowest = self.symbols, self.levels[0]
        single = np.full(V, lowest.backoff[0] / V)
        single[lowest.symbols] += lowest.gains  #                                              (3)
        p = np.repeat(single[None], rows, axis=0)
        for level, h in zip(self.levels[1:], contexts, strict=True):
            known = np.flatnonzero(h >= 0)
            first, last = level.first[h[known]], level.first[h[known] + 1]
            weight = np.ones((rows, 1))
            weight[known, 0] = level.backoff[h[known]]
            p *= weight
            many = last - first
            places = np.arange(many.sum()) + np.repeat(first - np.cumsum(many) + many, many)
            p.reshape(-1)[np.repeat(known * V, many) + level.symbols[places]] += level.gains[places]  # (1)
        return p

    def initial_state(self, batch_size: int) -> History:
        """Return the state before the first step."""
        return empty(batch_size, self.order - 1)


def discounts(counts: npt.NDArray[np.int32]) -> tuple[float, float, float]:
    """Return D₁, D₂ and D₃₊ for n-grams of one length with these counts (equation 5)."""
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == c)) for c in (1, 2, 3, 4))
    if min(n1, n2, n3, n4) > 0:
        Y = n1 / (n1 + 2 * n2)
        D = 1 - 2 * Y * n2 / n1, 2 - 3 * Y * n3 / n2, 3 - 4 * Y * n4 / n3
        if min(D) > 0:
            return D
    return FALLBACK


def _continuations(symbols: int, strings: Strings, d: Floats, parents: int) -> Continuations:
    keys, counts = strings
    h, w = np.divmod(keys, symbols)
    D = d[np.minimum(counts, 3) - 1]
    total = np.bincount(h, counts, minlength=parents)
    backoff = np.ones(parents)  # (4)
    np.divide(np.bincount(h, D, minlength=parents), total, out=backoff, where=total > 0)  # (2)
    first = np.searchsorted(h, np.arange(parents + 1))
    return Continuations(keys, first, w.astype(np.int32), (counts - D) / total[h], backoff)


def _look_up(keys: Numbers, queries: Numbers) -> Numbers:
    """Return the index of each query in ``keys``; −1 if it is absent."""
    if not len(keys):
        return np.full_like(queries, -1)
    place = np.minimum(np.searchsorted(keys, queries), len(keys) - 1)
    return np.where(keys[place] == queries, place, -1)


def _array(tensors: dict[str, Tensor], name: str, dtype: torch.dtype, shape: tuple[int, ...] | None = None) -> Any:
    tensor = tensors.get(name)
    _check(tensor is not None, f"it has no {name}")
    assert tensor is not None
    fits = tensor.dtype == dtype and (tensor.dim() == 1 if shape is None else tuple(tensor.shape) == shape)
    _check(fits, f"{name} is {tensor.dtype} of shape {tuple(tensor.shape)}")
    return tensor.numpy()


def _check(fits: bool, what: str) -> None:
    if not fits:
        raise RunError(f"the n-grams in the model file are damaged: {what}; restore it or train anew")
