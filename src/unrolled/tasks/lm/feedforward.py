"""The neural language model of a fixed window, before recurrent ones.

    x = (C(w_{t−n+1}), …, C(w_t))                the features of the last n symbols, one after the other   (1)
    y = b + U tanh(d + H x)                                                                               (2)
    y = b + W x + U tanh(d + H x)                with direct connections                                  (3)
    P(w_{t+1} = i | the last n) = e^{y_i} / Σ_j e^{y_j}                                                    (4)

Bengio, Ducharme, Vincent and Jauvin 2003, "A neural probabilistic language model", equation 1 (our 3). A symbol that
there is not, before the text's beginning, has features of its own. All positions of a training window are computed at
once; the n − 1 symbols before it come with the carried state, which is nothing but the last n symbols.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .history import History, empty, windows

# T steps, B lanes, n symbols seen, E features of a symbol, H hidden units, V symbols

FEATURES = 32  # of a symbol, unless embedding_size says otherwise


class FeedForward(nn.Module):
    """``ids (T, B)`` → logits ``(T, B, V)`` of each next symbol.

    Args:
        symbols: V.
        context: n, the symbols it sees.
        features: E, of each symbol.
        hidden_size: H.
        dropout: of hidden units, in training.
        direct: equation 3 instead of 2.
    """

    def __init__(
        self, symbols: int, context: int, features: int, hidden_size: int, dropout: float = 0.0, direct: bool = False
    ) -> None:
        super().__init__()
        self.symbols, self.context = symbols, context
        self.C = nn.Embedding(symbols + 1, features)  # the last row: no symbol
        self.H = nn.Linear(context * features, hidden_size)  # its bias is d
        self.U = nn.Linear(hidden_size, symbols)  # its bias is b
        self.W = nn.Linear(context * features, symbols, bias=False) if direct else None
        self.drop = nn.Dropout(dropout)

    def forward(
        self, ids: Tensor, state: History | None = None, resets: Tensor | None = None
    ) -> tuple[Tensor, History]:
        """Logits ``(T, B, V)`` and the state after; ``resets (T, B)`` mark first steps of documents."""
        before = self.initial_state(ids.shape[1]) if state is None else state
        w, state = windows(ids.long(), before, resets)  # (T, B, n)
        x = self.C(torch.where(w < 0, self.symbols, w)).flatten(-2)  # (T, B, n·E)            (1)
        y = self.U(self.drop(torch.tanh(self.H(x))))  # (T, B, V)                             (2)
        return y if self.W is None else y + self.W(x), state  #                               (3)

    def initial_state(self, batch_size: int) -> History:
        """Nothing has been read."""
        return empty(batch_size, self.context, self.C.weight.device)
