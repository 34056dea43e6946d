"""The convolutional LSTM (Shi et al. 2015, eq. 3), over maps of one to three dimensions.

    (1)  i_t = σ(W_i ∗ x_t + U_i ∗ h_{t-1} + b_i [+ p_i ∘ c_{t-1}])
    (2)  f_t = σ(W_f ∗ x_t + U_f ∗ h_{t-1} + b_f [+ p_f ∘ c_{t-1}])
    (3)  g_t = tanh(W_g ∗ x_t + U_g ∗ h_{t-1} + b_g)
    (4)  c_t = f_t ∘ c_{t-1} + i_t ∘ g_t
    (5)  o_t = σ(W_o ∗ x_t + U_o ∗ h_{t-1} + b_o [+ p_o ∘ c_t])
    (6)  h_t = o_t ∘ tanh(c_t)

The terms in brackets are peepholes. With a norm W ∗ x and U ∗ h, each over all four gates, and the c_t inside (6) are
normalised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..checks import checked
from ..errors import ArgumentError
from .base import Noise, Trace
from .convolution import sizes
from .convolutional import ConvolutionalCell, Maps
from .state import LSTMState

# B batch, I input_size, H hidden_size, both in channels; gates stacked i, f, g, o as in torch's LSTM


class ConvLSTMCell(ConvolutionalCell):
    """Convolutional long short-term memory (Shi et al. 2015); see the module for the numbered equations.

    State `LSTMState` of ``h (B, H, *space')`` and ``c (B, H, *space')``.

    Args:
        peepholes: connect c_{t-1} to the gates i and f, and c_t to the gate o. `True`: a weight for each channel; the
            sizes of the state's maps: a weight for each channel and position (as published), for maps of these sizes
            only.
        forget_bias: if given, the initial bias of the forget gate (1.0: Jozefowicz et al. 2015).

    The other arguments are those of `ConvolutionalCell`.

    Raises:
        ArgumentError: as `ConvolutionalCell`, and for a forget bias without biases.

    >>> cell = ConvLSTMCell(3, 16, kernel_size=5, stride=2)
    >>> output, state = cell.step(torch.zeros(2, 3, 32, 32), cell.initial_state(2, (32, 32)))
    >>> output.shape, state.c.shape
    (torch.Size([2, 16, 16, 16]), torch.Size([2, 16, 16, 16]))
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
        kernel_size: Maps = 3,
        *,
        peepholes: bool | Maps = False,
        forget_bias: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, kernel_size, **options)
        if forget_bias is not None and not self.bias:
            raise ArgumentError("forget_bias", "None in a cell without biases", forget_bias, "use bias=True")
        place = () if isinstance(peepholes, bool) else sizes("peepholes", peepholes, self.space_dims)
        self.peepholes, self.peephole_space, self.forget_bias = bool(peepholes), place, forget_bias
        if self.peepholes:
            for gate in "ifo":
                weight = torch.empty(hidden_size, *place, device=self.weight_hh.device, dtype=self.weight_hh.dtype)
                self.register_parameter(f"peephole_{gate}", nn.Parameter(weight))
        if self.normed:
            self.norm_ih, self.norm_hh, self.norm_c = self.map_norm(4), self.map_norm(4), self.map_norm(1, bias=True)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        super().reset_parameters()
        if self.forget_bias is not None:
            with torch.no_grad():
                self.bias_ih[self.hidden_size : 2 * self.hidden_size].fill_(self.forget_bias)

    def output_space(self, space: Sequence[int]) -> tuple[int, ...]:
        after = super().output_space(space)
        if self.peephole_space and after != self.peephole_space:
            expected = f"{after}, the sizes of the state's maps for these inputs"
            raise ArgumentError("peepholes", expected, self.peephole_space, "peepholes=True works for maps of any size")
        return after

    def initial_state(self, batch_size: int, space: Sequence[int] | None = None) -> LSTMState:
        return LSTMState(*self.maps(batch_size, space))

    def recur(self, p: Tensor, state: LSTMState, noise: Noise) -> tuple[Tensor, LSTMState, Trace]:
        h = state.h if noise.recurrent is None else state.h * noise.recurrent  # (B, H, *space')
        from_h = self.from_state(h, self.weight_hh)  # (B, 4H, *space')
        i, f, g, o = (p + (self.norm_hh(from_h) if self.normed else from_h)).chunk(4, dim=1)
        if self.peepholes:
            p_i, p_f, p_o = self.peephole_weights()
            i, f = i + p_i * state.c, f + p_f * state.c
        i, f, g = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g)  # (1) (2) (3)
        c = f * state.c + i * g  # (4)
        o = torch.sigmoid(o + p_o * c if self.peepholes else o)  # (5)
        h = o * torch.tanh(self.norm_c(c) if self.normed else c)  # (6)
        return h, LSTMState(h, c), {"i": i, "f": f, "g": g, "o": o, "c": c, "h": h}

    def peephole_weights(self) -> list[Tensor]:
        """Return the peephole weights of i, f and o, each ``(H, *space')`` or ``(H, 1, …)``."""
        weights = (self.peephole_i, self.peephole_f, self.peephole_o)
        return [w if self.peephole_space else w.view(-1, *[1] * self.space_dims) for w in weights]
