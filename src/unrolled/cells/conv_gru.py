"""The convolutional GRU (Ballas et al. 2016, eq. 8 to 11), over maps of one to three dimensions.

    (1)  r_t = σ(W_r ∗ x_t + U_r ∗ h_{t-1} + b_r)
    (2)  z_t = σ(W_z ∗ x_t + U_z ∗ h_{t-1} + b_z)
    (3)  n_t = tanh(W_n ∗ x_t + U_n ∗ (r_t ∘ h_{t-1}) + b_n)
    (4)  h_t = (1 − z_t) ∘ h_{t-1} + z_t ∘ n_t

As published, z_t is the share of the new value; in `GRUCell`, as in torch, it is that of the old one. With a norm W ∗ x
is normalised over all three gates, U ∗ h over r and z, and U_n ∗ (r ∘ h) separately.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..checks import checked
from .base import Noise, Trace
from .convolutional import ConvolutionalCell, Maps
from .state import GRUState

# B batch, I input_size, H hidden_size, both in channels; gates stacked r, z, n as in torch's GRU


class ConvGRUCell(ConvolutionalCell):
    """Convolutional gated recurrent unit (Ballas et al. 2016); see the module for the numbered equations.

    State `GRUState` of ``h (B, H, *space')``. The arguments are those of `ConvolutionalCell`.

    Raises:
        ArgumentError: as `ConvolutionalCell`.
    """

    gates = 3

    @checked
    def __init__(self, input_size: int, hidden_size: int, kernel_size: Maps = 3, **options: Any) -> None:
        super().__init__(input_size, hidden_size, kernel_size, **options)
        if self.normed:
            self.norm_ih, self.norm_hh, self.norm_hn = self.map_norm(3), self.map_norm(2), self.map_norm(1)
        self.reset_parameters()

    def initial_state(self, batch_size: int, space: Sequence[int] | None = None) -> GRUState:
        return GRUState(*self.maps(batch_size, space))

    def recur(self, p: Tensor, state: GRUState, noise: Noise) -> tuple[Tensor, GRUState, Trace]:
        H = self.hidden_size
        h = state.h if noise.recurrent is None else state.h * noise.recurrent  # (B, H, *space')
        from_h = self.from_state(h, self.weight_hh[: 2 * H])  # (B, 2H, *space')
        rz = torch.sigmoid(p[:, : 2 * H] + (self.norm_hh(from_h) if self.normed else from_h))
        r, z = rz.chunk(2, dim=1)  # (1) (2)
        from_h = self.from_state(r * h, self.weight_hh[2 * H :])
        n = torch.tanh(p[:, 2 * H :] + (self.norm_hn(from_h) if self.normed else from_h))  # (3)
        new = (1 - z) * state.h + z * n  # (4)
        return new, GRUState(new), {"r": r, "z": z, "n": n, "h": new}
