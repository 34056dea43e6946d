"""A feed-forward block after a recurrent layer, as in a transformer, that mixes the units of each step.

    (1)  n_t = LayerNorm(y_t)
    (2)  y_t ← y_t + W_2 gelu(W_1 n_t + b_1) + b_2

Cells whose gates depend only on the inputs need it (De et al. 2024, section 2): their units do not interact otherwise.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..cells import check_size
from ..cells.norm import LayerNorm

# M width of the hidden layer, O output_size of the recurrent layer


class Mixing(nn.Module):
    """Apply (1) and (2) to outputs ``(…, O)``; initially the identity, because W_2 and b_2 are zero.

    Args:
        output_size: O.
        feedforward_size: M.
        dropout: dropout rate for what the block adds to its input.

    Raises:
        ArgumentError: a size is below 1.
    """

    def __init__(self, output_size: int, feedforward_size: int, dropout: float = 0.0) -> None:
        super().__init__()
        check_size("output_size", output_size)
        check_size("feedforward_size", feedforward_size)
        self.norm = LayerNorm(output_size)
        self.widen = nn.Linear(output_size, feedforward_size)
        self.narrow = nn.Linear(feedforward_size, output_size)
        self.drop = nn.Dropout(dropout)
        with torch.no_grad():
            self.narrow.weight.zero_()
            self.narrow.bias.zero_()

    def forward(self, y: Tensor) -> Tensor:
        mixed: Tensor = self.narrow(F.gelu(self.widen(self.norm(y)), approximate="tanh"))
        return y + self.drop(mixed)
