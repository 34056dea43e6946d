"""Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000).

    (1)  i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi [+ p_i ∘ c_{t-1}])
    (2)  f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf [+ p_f ∘ c_{t-1}])
    (3)  g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
    (4)  c_t = f_t ∘ c_{t-1} + i_t ∘ g_t
    (5)  o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho [+ p_o ∘ c_t])
    (6)  h_t = o_t ∘ tanh(c_t)
    (7)  h_t = W_hr h_t                                     with a projection (Sak et al. 2014)

The terms in brackets are the peepholes of Gers and Schmidhuber 2000. With layer norm (Ba et al. 2016, supplement)
W_i· x and W_h· h, each over all four gates together, and the c_t inside (6) are normalised.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checks import checked
from ..errors import ArgumentError
from .arguments import check_size
from .base import GatedCell, Noise, Trace
from .norm import LayerNorm
from .state import LSTMState

# B batch, I input_size, H hidden_size, P proj_size; gates stacked i, f, g, o as in torch


class LSTMCell(GatedCell):
    """Long short-term memory; see the module for the numbered equations.

    ``weight_ih (4·H, I)``, ``weight_hh (4·H, H or P)``; state `LSTMState` of ``h (B, H or P)`` and ``c (B, H)``.

    Args:
        forget_bias: if given, the initial total bias of the forget gate (1.0: Jozefowicz et al. 2015).
        peepholes: connect c_{t-1} to the gates i and f, and c_t to the gate o.
        proj_size: P, width of a projected h_t, less than H; 0 for none.

    The other arguments are those of `GatedCell`.

    Raises:
        ArgumentError: as `GatedCell`, and for proj_size ≥ hidden_size or a forget bias without biases.

    >>> cell = LSTMCell(8, 16, layer_norm=True)
    >>> output, state = cell.step(torch.zeros(2, 8), cell.initial_state(2))
    >>> output.shape, state.c.shape
    (torch.Size([2, 16]), torch.Size([2, 16]))
    """

    gates = 4
    state_leaves = ("h", "c")
    peephole_i: Tensor
    peephole_f: Tensor
    peephole_o: Tensor

    @checked
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        forget_bias: float | None = None,
        peepholes: bool = False,
        proj_size: int = 0,
        **options: Any,
    ) -> None:
        check_size("proj_size", proj_size, least=0)
        check_size("hidden_size", hidden_size)
        if proj_size >= hidden_size:
            raise ArgumentError("proj_size", f"less than hidden_size ({hidden_size})", proj_size)
        super().__init__(input_size, hidden_size, recurrent_size=proj_size or None, **options)
        if forget_bias is not None and not self.bias:
            raise ArgumentError("forget_bias", "None in a cell without biases", forget_bias, "use bias=True")
        self.forget_bias, self.peepholes, self.proj_size = forget_bias, peepholes, proj_size
        like: dict[str, Any] = {"device": self.weight_hh.device, "dtype": self.weight_hh.dtype}
        if proj_size:
            self.weight_hr = nn.Parameter(torch.empty(proj_size, hidden_size, **like))
        if peepholes:
            for gate in "ifo":
                self.register_parameter(f"peephole_{gate}", nn.Parameter(torch.empty(hidden_size, **like)))
        if self.layer_norm:
            self.norm_ih = LayerNorm(4 * hidden_size, bias=False, **like)
            self.norm_hh = LayerNorm(4 * hidden_size, bias=False, **like)
            self.norm_c = LayerNorm(hidden_size, **like)
        self.reset_parameters()

    @property
    def output_size(self) -> int:
        return self.proj_size or self.hidden_size

    def reset_parameters(self) -> None:
        super().reset_parameters()
        if self.forget_bias is not None:
            H = self.hidden_size
            with torch.no_grad():
                self.bias_ih[H : 2 * H].fill_(self.forget_bias)
                self.bias_hh[H : 2 * H].zero_()

    def initial_state(self, batch_size: int) -> LSTMState:
        return LSTMState(*self.initial_leaves(batch_size))

    def equations(self, x: Tensor, state: LSTMState, noise: Noise) -> tuple[Tensor, LSTMState, Trace]:
        h = state.h if noise.recurrent is None else state.h * noise.recurrent  # (B, H or P)
        from_x, from_h = F.linear(x, self.weight_ih), F.linear(h, self.recurrent_weight(noise))  # (B, 4H)
        if self.layer_norm:
            from_x, from_h = self.norm_ih(from_x), self.norm_hh(from_h)
        a = from_x + from_h
        if self.bias:
            a = a + self.bias_ih + self.bias_hh
        i, f, g, o = a.chunk(4, dim=-1)
        if self.peepholes:
            i, f = i + self.peephole_i * state.c, f + self.peephole_f * state.c
        i, f, g = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g)  # (1) (2) (3)
        c = f * state.c + i * g  # (4)
        if self.peepholes:
            o = o + self.peephole_o * c
        o = torch.sigmoid(o)  # (5)
        h = o * torch.tanh(self.norm_c(c) if self.layer_norm else c)  # (6)
        if self.proj_size:
            h = F.linear(h, self.weight_hr)  # (7)
        h = self.zone_out(state.h, h, noise.zoneout_h, self.zoneout_h)
        c = self.zone_out(state.c, c, noise.zoneout_c, self.zoneout_c)  # after (6), which uses the new c
        return h, LSTMState(h, c), {"i": i, "f": f, "g": g, "o": o, "c": c, "h": h}
