"""The minimal LSTM (Feng et al. 2024, "Were RNNs all we needed?", section 3.2).

(1)  F_t = σ(W_f x_t + b_f)
(2)  I_t = σ(W_i x_t + b_i)
(3)  f_t = F_t / (F_t + I_t) = σ(log F_t − log I_t)       the paper's f′_t; the second form never divides 0 by 0
(4)  i_t = I_t / (F_t + I_t) = 1 − f_t
(5)  g_t = W_h x_t + b_h, or positive as in cells/mingru.py, (2p)
(6)  h_t = f_t ∘ h_{t-1} + i_t ∘ g_t
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..checks import checked
from .parallel import Candidate, Coefficients, ParallelCell, candidate, check_candidate

# G gates stacked f, i, g


class MinLSTMCell(ParallelCell):
    """Minimal long short-term memory; see the module for the numbered equations.

    Args:
        candidate: as in `MinGRUCell`.

    The other arguments are those of `ParallelCell`; ``forget_bias`` is the bias of F.

    Raises:
        ArgumentError: as `ParallelCell`, and for an unknown candidate.
    """

    gates = 3

    @checked
    def __init__(self, input_size: int, hidden_size: int, *, candidate: Candidate = "positive", **options: Any) -> None:
        super().__init__(input_size, hidden_size, **options)
        check_candidate(candidate)
        self.candidate: Candidate = candidate
        self.reset_parameters()

    def coefficients(self, p: Tensor, decay: Tensor | None) -> Coefficients:
        p_f, p_i, p_g = p.chunk(3, dim=-1)
        ratio = F.logsigmoid(p_f) - F.logsigmoid(p_i)  # (1) (2)
        f, i = torch.sigmoid(ratio), torch.sigmoid(-ratio)  # (3) (4)
        g = candidate(p_g, self.candidate)  # (5)
        return Coefficients(f, i * g, None, {"f": f, "i": i, "g": g})  # (6)
