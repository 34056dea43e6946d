"""The vanilla recurrent network (Elman 1990; Goodfellow, Bengio and Courville 2016, eq. 10.8–10.9).

    (1)  a_t = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh
    (2)  h_t = f(a_t),   f = tanh or ReLU

With layer norm (Ba et al. 2016, eq. 4), (1) becomes  a_t = LN(W_ih x_t + W_hh h_{t-1}) + b_ih + b_hh.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ..checks import checked
from ..errors import ArgumentError
from .base import GatedCell, Noise, Trace
from .norm import LayerNorm
from .state import RNNState

# B batch, I input_size, H hidden_size


class RNNCell(GatedCell):
    """Vanilla RNN, ``h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)``; see the module for the numbered equations.

    With ``init="identity", nonlinearity="relu"`` it is the IRNN of Le et al. 2015. The state is an `RNNState` of
    ``h (B, H)``.

    Args:
        nonlinearity: f, ``"tanh"`` or ``"relu"``.

    The other arguments are those of `GatedCell`.

    Raises:
        ArgumentError: as `GatedCell`, and for an unknown nonlinearity.
    """

    gates = 1

    @checked
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        **options: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, **options)
        if nonlinearity not in ("tanh", "relu"):
            raise ArgumentError("nonlinearity", "'tanh' or 'relu'", nonlinearity)
        self.nonlinearity = nonlinearity
        if self.layer_norm:
            self.norm = LayerNorm(hidden_size, bias=False, device=self.weight_hh.device, dtype=self.weight_hh.dtype)
        self.reset_parameters()

    def initial_state(self, batch_size: int) -> RNNState:
        return RNNState(*self.initial_leaves(batch_size))

    def equations(self, x: Tensor, state: RNNState, noise: Noise) -> tuple[Tensor, RNNState, Trace]:
        h = state.h if noise.recurrent is None else state.h * noise.recurrent  # (B, H)
        W_hh = self.recurrent_weight(noise)
        if self.layer_norm:
            a = self.norm(F.linear(x, self.weight_ih) + F.linear(h, W_hh))  # (B, H)
            if self.bias:
                a = a + self.bias_ih + self.bias_hh
        else:
            a = F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, W_hh, self.bias_hh)  # (1)
        h = torch.tanh(a) if self.nonlinearity == "tanh" else torch.relu(a)  # (2)
        h = self.zone_out(state.h, h, noise.zoneout_h, self.zoneout_h)
        return h, RNNState(h), {"a": a, "h": h}
