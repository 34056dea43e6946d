"""What stands between recurrent layers, as between the attention layers of a transformer, and mixes units at each step.

    (1)  n_t = LayerNorm(y_t)
    (2)  y_t ← y_t + W_2 gelu(W_1 n_t + b_1) + b_2

Cells whose gates see inputs only need it (De et al. 2024, section 2): within a layer their units never meet.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..cells import check_size
from ..cells.norm import LayerNorm

# M width between the two products, O output_size of the layer before


class Mixing(nn.Module):
    """(1) and (2) for outputs ``(…, O)``; begins as the identity, for W_2 and b_2 are zero.

    Raises:
        ArgumentError: a size below 1.
    """

    def __init__(self, output_size: int, feedforward_size: int) -> None:
        super().__init__()
        check_size("output_size", output_size)
        check_size("feedforward_size", feedforward_size)
        self.norm = LayerNorm(output_size)
        self.widen = nn.Linear(output_size, feedforward_size)
        self.narrow = nn.Linear(feedforward_size, output_size)
        with torch.no_grad():
            self.narrow.weight.zero_()
            self.narrow.bias.zero_()

    def forward(self, y: Tensor) -> Tensor:
        mixed: Tensor = self.narrow(F.gelu(self.widen(self.norm(y)), approximate="tanh"))
        return y + mixed
