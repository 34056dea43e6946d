"""A convolutional classifier: filters over windows of neighbouring tokens, and their maximum over the text.

    c_{i,k} = w_k · [x_i; …; x_{i+h−1}] + b_k       filter k, of width h, at window i
    v_k = ReLU(max_i c_{i,k})                       v (B, K · M) over K widths with M filters each
    z = W v + b (B, C)

Kim 2014, equations 2 to 5; ReLU(max c) = max ReLU(c). At both ends a text is padded with h − 1 zero vectors, so that
every window contains a token and a text may be shorter than h. Dropout is applied to embeddings and v.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import ClassifyConfig
from .text_input import Embedding

# T steps, B texts, E embedding width, h width of a window, M filters of a width, C classes


class ConvolutionalClassifier(nn.Module):
    """``ids (T, B), lengths (B,)`` → logits ``(B, C)``.

    Args:
        symbols: the vocabulary size.
        classes: C.
        config: the options.
        vectors: initial embedding weights ``(symbols, E)``.
        size: E of a saved model.
    """

    def __init__(
        self, symbols: int, classes: int, config: ClassifyConfig, vectors: Tensor | None = None, size: int | None = None
    ) -> None:
        super().__init__()
        self.embedding = Embedding(symbols, config.reading, vectors, size)
        self.widths, maps = config.baseline.filters, config.baseline.maps
        self.filters = nn.ModuleList(nn.Conv1d(self.embedding.size, maps, h, padding=h - 1) for h in self.widths)
        self.drop = nn.Dropout(config.model.rate)
        self.head = nn.Linear(len(self.widths) * maps, classes)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        x = self.embedding(ids)
        return self.answer(x if x.is_floating_point() else self.embedding.vectors(x), lengths)

    def scaled(self, ids: Tensor, lengths: Tensor, present: Tensor) -> Tensor:
        """Return logits ``(B, C)`` with each token's embedding scaled by ``present (T, B, 1)``."""
        return self.answer(self.embedding.vectors(ids) * present, lengths)

    def answer(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Return logits ``(B, C)`` for texts with embeddings ``x (T, B, E)``."""
        x = x.masked_fill(_beyond(lengths, len(x)).t()[..., None], 0).permute(1, 2, 0)  # (B, E, T)
        maxima = []
        for h, convolution in zip(self.widths, self.filters, strict=True):
            c = convolution(x)  # (B, M, T + h − 1), of which L + h − 1 windows contain a token
            maxima.append(c.masked_fill(_beyond(lengths + h - 1, c.size(2))[:, None], -torch.inf).amax(2))
        logits: Tensor = self.head(self.drop(F.relu(torch.cat(maxima, dim=1))))
        return logits


def _beyond(lengths: Tensor, steps: int) -> Tensor:
    """Return which of ``steps`` steps are beyond the end of each sequence: ``(B, steps)`` bool."""
    return torch.arange(steps, device=lengths.device) >= lengths[:, None]
