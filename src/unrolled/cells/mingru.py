"""The minimal GRU (Feng et al. 2024, "Were RNNs all we needed?", section 3.1).

(1)  z_t = σ(W_z x_t + b_z)
(2)  g_t = W_h x_t + b_h                                  the paper's h̃_t; candidate="linear"
(2p) g_t = g(W_h x_t + b_h)                               candidate="positive", appendix B:
                                                          g(p) = p + 0.5 for p ≥ 0, σ(p) elsewhere
(3)  h_t = (1 − z_t) ∘ h_{t-1} + z_t ∘ g_t
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..checks import checked
from .parallel import Candidate, Coefficients, ParallelCell, candidate, check_candidate

# G gates stacked z, g


class MinGRUCell(ParallelCell):
    """Minimal gated recurrent unit; see the module for the numbered equations.

    Args:
        candidate: ``"positive"`` (2p), used in the experiments of the paper because its logarithms need it, or
            ``"linear"`` (2) of section 3.

    The other arguments are those of `ParallelCell`; ``forget_bias`` is the bias of 1 − z.

    Raises:
        ArgumentError: as `ParallelCell`, and for an unknown candidate.
    """

    gates = 2
    forget_gate = (0, -1)

    @checked
    def __init__(self, input_size: int, hidden_size: int, *, candidate: Candidate = "positive", **options: Any) -> None:
        super().__init__(input_size, hidden_size, **options)
        check_candidate(candidate)
        self.candidate: Candidate = candidate
        self.reset_parameters()

    def coefficients(self, p: Tensor, decay: Tensor | None) -> Coefficients:
        p_z, p_g = p.chunk(2, dim=-1)
        z = torch.sigmoid(p_z)  # (1)
        g = candidate(p_g, self.candidate)  # (2) or (2p)
        return Coefficients(1 - z, z * g, None, {"z": z, "g": g})  # (3)
