"""The quasi-recurrent layer with fo-pooling (Bradbury et al. 2016, sections 2 and 2.1).

    (1)  g_t = tanh(W_g X_t + b_g)                            the paper's z_t
    (2)  f_t = σ(W_f X_t + b_f)
    (3)  o_t = σ(W_o X_t + b_o)                               X_t = [x_{t-W+1}; …; x_t]: a convolution over time
    (4)  c_t = f_t ∘ c_{t-1} + (1 − f_t) ∘ g_t
    (5)  h_t = o_t ∘ c_t

The state also carries the W − 1 inputs before x_t; at the first step of a document they come from the initial state.
In reverse, X_t is [x_{t+W-1}; …; x_t].
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..checks import checked
from .arguments import check_size
from .parallel import Coefficients, ParallelCell
from .state import QRNNState

# B batch, I input_size, W filter_width; G gates stacked g, f, o


class QRNNCell(ParallelCell):
    """Quasi-recurrent layer; see the module for the numbered equations.

    Args:
        filter_width: W, the number of inputs that the gates depend on.

    The other arguments are those of `ParallelCell`; ``forget_bias`` is the bias of f.

    Raises:
        ArgumentError: as `ParallelCell`, and for a filter width below 1.
    """

    gates = 3
    state_leaves = ("c", "x")
    forget_gate = (1, 1)

    @checked
    def __init__(self, input_size: int, hidden_size: int, *, filter_width: int = 2, **options: Any) -> None:
        check_size("filter_width", filter_width)
        self.filter_width = filter_width
        super().__init__(input_size, hidden_size, **options)
        self.reset_parameters()

    def leaf_width(self, leaf: str) -> int:
        return (self.filter_width - 1) * self.input_size if leaf == "x" else self.hidden_size

    def initial_state(self, batch_size: int) -> QRNNState:
        return QRNNState(*self.initial_leaves(batch_size))

    def seen(self, x: Tensor, state: QRNNState) -> Tensor:
        return torch.cat([state.x, x], dim=-1)  # X_t, (B, W·I)

    def after(self, x: Tensor, state: QRNNState, h: Tensor) -> QRNNState:
        return QRNNState(h, self.seen(x, state)[:, self.input_size :])

    def coefficients(self, p: Tensor, decay: Tensor | None) -> Coefficients:
        p_g, p_f, p_o = p.chunk(3, dim=-1)
        g, f, o = torch.tanh(p_g), torch.sigmoid(p_f), torch.sigmoid(p_o)  # (1) (2) (3)
        return Coefficients(f, (1 - f) * g, o, {"g": g, "f": f, "o": o})  # (4) (5)
