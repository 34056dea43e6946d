"""An output layer for large vocabularies: adaptive softmax.

    P(w | y) = softmax(W_0 y)_w                               w among the most frequent tokens
    P(w | y) = softmax(W_0 y)_k · softmax(W_k P_k y)_w         w in cluster k of less frequent tokens

Grave, Joulin, Cissé, Grangier and Jégou 2017. In training, scores of a cluster are computed only for the targets
inside it, and the projections P_k have width D / 4^k. Evaluation and sampling use all probabilities, which are exact.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...errors import ArgumentError

# N rows, D features, V vocabulary size

SMALLEST = 4096  # tokens
CUTOFFS = (0.06, 0.3)  # of the vocabulary


class AdaptiveHead(nn.Module):
    """``y (…, D)`` → log-probabilities ``(…, V)``.

    Args:
        width: D.
        symbols: V; tokens are sorted by frequency, most frequent first.

    Raises:
        ArgumentError: the vocabulary is too small.
    """

    def __init__(self, width: int, symbols: int) -> None:
        super().__init__()
        if symbols < SMALLEST:
            raise ArgumentError("softmax", f"full with fewer than {SMALLEST:,} tokens", f"adaptive for {symbols:,}")
        cutoffs = [round(share * symbols) for share in CUTOFFS]
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(width, symbols, cutoffs, head_bias=True)

    def forward(self, y: Tensor) -> Tensor:
        with torch.autocast(y.device.type, enabled=False):  # torch's layer requires one dtype
            log_probabilities: Tensor = self.softmax.log_prob(y.flatten(0, -2).to(self._dtype))
        return log_probabilities.unflatten(0, y.shape[:-1])

    def loss(self, y: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of ``y (N, D)`` for ``targets (N,)``, in nats."""
        with torch.autocast(y.device.type, enabled=False):
            loss: Tensor = self.softmax(y.to(self._dtype), targets).loss
        return loss

    @property
    def _dtype(self) -> torch.dtype:
        return self.softmax.head.weight.dtype
