"""The real-gated linear recurrent unit, RG-LRU (De et al. 2024, "Griffin", section 2.4).

    (1)  r_t = σ(W_r x_t + b_r)                               recurrence gate
    (2)  i_t = σ(W_i x_t + b_i)                               input gate
    (3)  u_t = W_u x_t + b_u                                  the preceding linear layer of Griffin's block
    (4)  a_t = a^{8 r_t},  a = σ(Λ), that is log a_t = 8 r_t ∘ log σ(Λ)
    (5)  h_t = a_t ∘ h_{t-1} + √(1 − a_t²) ∘ i_t ∘ u_t

In Griffin the gates depend on u_t, here on x_t. W_r u_t = (W_r W_u) x_t is one matrix, so for I ≥ H the functions are
the same, and all three products become one. As in the paper, Λ is initialised with a⁸ uniform between 0.9 and 0.999.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checks import checked
from ..errors import ArgumentError
from .parallel import Coefficients, ParallelCell

# H hidden_size; G gates stacked r, i, u

SHARPNESS = 8.0  # the paper's c
SLOWEST, FASTEST = 0.999, 0.9  # range of the initial a⁸


class RGLRUCell(ParallelCell):
    """Real-gated linear recurrent unit; see the module for the numbered equations.

    The arguments are those of `ParallelCell` except ``forget_bias``: Λ controls how long h is kept.

    Raises:
        ArgumentError: as `ParallelCell`, and for a forget bias.
    """

    gates = 3

    @checked
    def __init__(self, input_size: int, hidden_size: int, **options: Any) -> None:
        if options.get("forget_bias") is not None:
            expected = "None for RGLRUCell, where Λ controls how long h is kept"
            raise ArgumentError("forget_bias", expected, options["forget_bias"])
        super().__init__(input_size, hidden_size, **options)
        self.lambda_ = nn.Parameter(self.weight_ih.new_empty(hidden_size))  # Λ
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        super().reset_parameters()
        a = self.lambda_.uniform_(FASTEST, SLOWEST).pow(1 / SHARPNESS)
        self.lambda_.copy_(torch.logit(a))

    def decay(self) -> Tensor:
        """Return log a⁸ of (4), ``(H,)``."""
        return SHARPNESS * F.logsigmoid(self.lambda_)

    def coefficients(self, p: Tensor, decay: Tensor | None) -> Coefficients:
        assert decay is not None
        p_r, p_i, u = p.chunk(3, dim=-1)
        r, i = torch.sigmoid(p_r), torch.sigmoid(p_i)  # (1) (2)
        log_a = r * decay  # (4)
        a = torch.exp(log_a)
        smallest = torch.finfo(p.dtype).tiny  # the gradient of the root is infinite at 0
        root = torch.sqrt((-torch.expm1(2 * log_a)).clamp_min(smallest))
        return Coefficients(a, root * i * u, None, {"r": r, "i": i, "u": u, "a": a})  # (5)
