"""The gated recurrent unit, in both published forms.

    (1)  r_t = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
    (2)  z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
    (3a) n_t = tanh(W_in x_t + b_in + r_t ∘ (W_hn h_{t-1} + b_hn))      reset after the product: torch, cuDNN
    (3b) n_t = tanh(W_in x_t + b_in + W_hn (r_t ∘ h_{t-1}) + b_hn)      reset before it: Cho et al. 2014, eq. 8
    (4)  h_t = z_t ∘ h_{t-1} + (1 − z_t) ∘ n_t

With layer norm (Ba et al. 2016, supplement) every product W_i· x and W_h· h is normalised with its own gain before the
biases are added: the products for r and z together, those for n separately.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..checks import checked
from .base import GatedCell, Noise, Trace
from .norm import LayerNorm
from .state import GRUState

# B batch, I input_size, H hidden_size; gates stacked r, z, n as in torch


class GRUCell(GatedCell):
    """Gated recurrent unit (Cho et al. 2014); see the module for the numbered equations.

    ``weight_ih (3·H, I)``, ``weight_hh (3·H, H)``; state `GRUState` of ``h (B, H)``.

    Args:
        reset_after: `True` for the form (3a) of torch, `False` for (3b) of Cho et al.

    The other arguments are those of `GatedCell`.

    Raises:
        ArgumentError: as `GatedCell`.
    """

    gates = 3

    @checked
    def __init__(self, input_size: int, hidden_size: int, *, reset_after: bool = True, **options: Any) -> None:
        super().__init__(input_size, hidden_size, **options)
        self.reset_after = reset_after
        if self.layer_norm:
            like: dict[str, Any] = {"device": self.weight_hh.device, "dtype": self.weight_hh.dtype}
            self.norm_ih = LayerNorm(2 * hidden_size, bias=False, **like)
            self.norm_hh = LayerNorm(2 * hidden_size, bias=False, **like)
            self.norm_in = LayerNorm(hidden_size, bias=False, **like)
            self.norm_hn = LayerNorm(hidden_size, bias=False, **like)
        self.reset_parameters()

    def initial_state(self, batch_size: int) -> GRUState:
        return GRUState(*self.initial_leaves(batch_size))

    def equations(self, x: Tensor, state: GRUState, noise: Noise) -> tuple[Tensor, GRUState, Trace]:
        H = self.hidden_size
        h = state.h if noise.recurrent is None else state.h * noise.recurrent  # (B, H)
        W_hh = self.recurrent_weight(noise)
        W_hrz, W_hn = W_hh[: 2 * H], W_hh[2 * H :]
        b_i = self.bias_ih if self.bias else x.new_zeros(3 * H)
        b_h = self.bias_hh if self.bias else x.new_zeros(3 * H)

        i_rz, i_n = F.linear(x, self.weight_ih).split([2 * H, H], dim=-1)
        h_rz = F.linear(h, W_hrz)  # (B, 2H)
        if self.layer_norm:
            i_rz, i_n, h_rz = self.norm_ih(i_rz), self.norm_in(i_n), self.norm_hh(h_rz)
        r, z = torch.sigmoid(i_rz + b_i[: 2 * H] + h_rz + b_h[: 2 * H]).chunk(2, dim=-1)  # (1) (2)

        h_n = F.linear(h if self.reset_after else r * h, W_hn)
        if self.layer_norm:
            h_n = self.norm_hn(h_n)
        h_n = h_n + b_h[2 * H :]
        n = torch.tanh(i_n + b_i[2 * H :] + (r * h_n if self.reset_after else h_n))  # (3a) or (3b)
        new = z * state.h + (1 - z) * n  # (4)
        new = self.zone_out(state.h, new, noise.zoneout_h, self.zoneout_h)
        return new, GRUState(new), {"r": r, "z": z, "n": n, "h": new}
