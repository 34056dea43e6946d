"""Bag of n-grams: the mean of hashed n-gram embeddings.

    v = 1/N Σ_{n ≤ order} Σ_t E[hash(x_t … x_{t+n−1}) mod buckets]        over the N n-grams within the text

Joulin et al. 2017 (fastText), section 2. Next to a recurrent layer it represents which n-grams occur, so that the layer
can model their order.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# T steps, B texts, D width

_FACTOR = 0x9E3779B1  # odd, so that multiplying by it mixes


class NGramBag(nn.Module):
    """Embed texts by their n-grams: ``ids (T, B), lengths (B,)`` → ``(B, D)``.

    Args:
        order: largest n of the n-grams, in tokens.
        size: D, width of the embedding.
        buckets: number of rows of the embedding, shared by all n-grams.
        dropout: probability that an n-gram is dropped in training.
    """

    def __init__(self, order: int, size: int, buckets: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.order, self.buckets, self.rate = order, buckets, dropout
        self.weight = nn.Parameter(torch.empty(buckets, size).normal_(0, 0.05))

    def forward(self, ids: Tensor, lengths: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the vectors ``(B, D)``.

        ``present (T, B)`` weights each token (default: 1); the weight of an n-gram is the mean over its tokens, and the
        vectors are linear in it: N does not depend on it.
        """
        rows, inside = self.hashes(ids, lengths)  # (N, B) each
        weights = inside.to(self.weight.dtype)
        if self.training and self.rate:
            weights = weights * (torch.rand(weights.shape, device=weights.device) >= self.rate)
        weights = weights / weights.sum(0).clamp(min=1)
        if present is not None:
            weights = weights * torch.cat([present.unfold(0, n, 1).mean(-1) for n in self._sizes(ids)])
        return F.embedding_bag(rows.t(), self.weight, per_sample_weights=weights.t(), mode="sum")

    def _sizes(self, ids: Tensor) -> range:
        return range(1, min(self.order, ids.size(0)) + 1)

    def hashes(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the row of every n-gram and whether it lies within its text: ``(N, B)`` each, the shortest first."""
        T = ids.size(0)
        step = torch.arange(T, device=ids.device)[:, None]
        rows, inside = [], []
        h = torch.zeros_like(ids)
        for n in self._sizes(ids):
            h = (h[: T - n + 1] * 31 + ids[n - 1 :] + 1) * _FACTOR % (1 << 31)
            rows.append(h % self.buckets)
            inside.append(step[: T - n + 1] + n <= lengths)
        return torch.cat(rows), torch.cat(inside)
