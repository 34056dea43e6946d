"""The embedding of a language model, with dropout of whole words and of features.

    E'_w = E_w · m_w / (1 − p),   m_w ~ Bernoulli(1 − p)    word dropout: one mask per window, for the whole vocabulary
    x_t  = dropout(E'_{w_t})                                embedding dropout: one mask for all steps if it is locked

Gal and Ghahramani 2016, section 4; Merity, Keskar and Socher 2018, sections 4.2 and 4.3.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ...layers import LockedDropout

# T steps, B lanes, E width


class WordEmbedding(nn.Embedding):
    """``ids (T, B)`` → ``(T, B, E)``.

    Args:
        symbols: size of the vocabulary.
        width: E.
        words: rate of word dropout.
        features: rate of embedding dropout.
        locked: whether embedding dropout uses one mask for all steps.
    """

    def __init__(
        self, symbols: int, width: int, words: float = 0.0, features: float = 0.0, locked: bool = True
    ) -> None:
        super().__init__(symbols, width)
        self.words = words
        self.drop = LockedDropout(features) if locked else nn.Dropout(features)

    def forward(self, ids: Tensor) -> Tensor:
        x = super().forward(ids)
        if self.training and self.words:
            mask = F.dropout(x.new_ones(self.num_embeddings, 1), self.words)  # divided by 1 − p
            x = x * F.embedding(ids, mask)
        dropped: Tensor = self.drop(x)
        return dropped
