"""The feedforward neural language model with a fixed context window.

    x = (C(w_{t−n+1}), …, C(w_t))                the embeddings of the last n tokens, concatenated         (1)
    y = b + U tanh(d + H x)                                                                               (2)
    y = b + W x + U tanh(d + H x)                with direct connections                                  (3)
    P(w_{t+1} = i | the last n) = e^{y_i} / Σ_j e^{y_j}                                                    (4)

Bengio, Ducharme, Vincent and Jauvin 2003, "A neural probabilistic language model", equation 1 (3 here). Positions
before the beginning of the text have an embedding of their own. All positions of a training window are computed at
once; the n − 1 tokens before it come from the carried state, which consists of the last n tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .history import History, empty, windows

# T steps, B lanes, n tokens of context, E embedding width, H hidden units, V vocabulary size

FEATURES = 32  # default embedding width


class FeedForward(nn.Module):
    """``ids (T, B)`` → logits ``(T, B, V)`` of each next token.

    Args:
        symbols: V, the vocabulary size.
        context: n, tokens of context.
        features: E, width of each token's embedding.
        hidden_size: H.
        dropout: rate for the hidden units.
        direct: use equation 3 instead of 2.
    """

    def __init__(
        self, symbols: int, context: int, features: int, hidden_size: int, dropout: float = 0.0, direct: bool = False
    ) -> None:
        super().__init__()
        self.symbols, self.context = symbols, context
        self.C = nn.Embedding(symbols + 1, features)  # the last row: before the beginning
        self.H = nn.Linear(context * features, hidden_size)  # bias: d
        self.U = nn.Linear(hidden_size, symbols)  # bias: b
        self.W = nn.Linear(context * features, symbols, bias=False) if direct else None
        self.drop = nn.Dropout(dropout)

    def forward(
        self, ids: Tensor, state: History | None = None, resets: Tensor | None = None
    ) -> tuple[Tensor, History]:
        """Return logits ``(T, B, V)`` and the final state; ``resets (T, B)`` mark the first steps of documents."""
        before = self.initial_state(ids.shape[1]) if state is None else state
        w, state = windows(ids.long(), before, resets)  # (T, B, n)
        x = self.C(torch.where(w < 0, self.symbols, w)).flatten(-2)  # (T, B, n·E)            (1)
        y = self.U(self.drop(torch.tanh(self.H(x))))  # (T, B, V)                             (2)
        return y if self.W is None else y + self.W(x), state  #                               (3)

    def initial_state(self, batch_size: int) -> History:
        """Return the state before the first step."""
        return empty(batch_size, self.context, self.C.weight.device)

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the leaves of the state, in order."""
        return ("last symbols",)
