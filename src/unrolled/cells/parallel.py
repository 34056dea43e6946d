"""Cells whose gates depend on the inputs only, so that all steps can be computed in parallel.

    (1)  p_t = W_ih x_t + b_ih                 one matrix product for all steps
    (2)  h_t = a_t ∘ h_{t-1} + b_t             a_t and b_t are functions of p_t, defined by each cell
    (3)  y_t = o_t ∘ h_t                       in the quasi-recurrent layer; otherwise y_t = h_t

Every a_t lies between 0 and 1, so evaluating (2) directly is numerically stable for any length. The logarithms of
Heinsen 2023, used in the papers' code, are needed only if (2) is turned into cumulative sums.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal, NamedTuple, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checks import checked
from ..errors import ArgumentError
from .arguments import check_factory
from .base import BuiltinCell, InitialState, Trace
from .state import RNNState, State

# B batch, I input_size, H hidden_size, G gates

Candidate = Literal["linear", "positive"]


class Coefficients(NamedTuple):
    """The coefficients a_t, b_t and o_t of (2) and (3), ``(…, H)`` each; ``output`` is `None` where y_t = h_t.

    ``trace`` holds the gates by name.
    """

    a: Tensor
    b: Tensor
    output: Tensor | None
    trace: Trace


class ParallelCell(BuiltinCell):
    """Base class of recurrences (2) whose coefficients depend on the inputs only.

    A subclass implements `coefficients`.

    Args:
        input_size: I, width of x_t.
        hidden_size: H, width of h_t.
        bias: whether the cell has ``bias_ih``.
        initial_state: the state before the first step: ``"zero"``, ``"random"`` (N(0, 0.1²), in training only) or
            ``"learned"``.
        init: name of the initialiser, see `cells.init`; not ``identity``, which needs recurrent weights.
        forget_bias: if given, the initial bias of the gate that keeps h; large values keep h longer.
        device: device of the parameters.
        dtype: dtype of the parameters.

    Raises:
        ArgumentError: a size is below 1, a name is unknown, or a forget bias is given without biases.
    """

    filter_width = 1  # number of inputs that p_t depends on: x_t and the ones before it
    forget_gate: tuple[int, int] = (0, 1)  # the gate with the forget bias, and the sign of the bias

    @checked
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        initial_state: InitialState = "zero",
        init: str = "torch",
        forget_bias: float | None = None,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
        initial: InitialState | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, initial or initial_state, init)
        if init == "identity":
            expected = f"an initialiser other than identity for {type(self).__name__}, which has no W_hh"
            raise ArgumentError("init", expected, init)
        if forget_bias is not None and not bias:
            raise ArgumentError("forget_bias", "None in a cell without biases", forget_bias, "use bias=True")
        self.forget_bias = forget_bias
        factory = check_factory(device, dtype)
        rows = self.gates * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, self.filter_width * input_size, **factory))
        self.register_parameter("bias_ih", nn.Parameter(torch.empty(rows, **factory)) if bias else None)
        self.learn_initial(**factory)

    def reset_parameters(self) -> None:
        super().reset_parameters()
        if self.forget_bias is not None:
            (gate, sign), H = self.forget_gate, self.hidden_size
            with torch.no_grad():
                self.bias_ih[gate * H : (gate + 1) * H].fill_(sign * self.forget_bias)

    @abstractmethod
    def coefficients(self, p: Tensor, decay: Tensor | None) -> Coefficients:
        """Compute the numbered equations of the cell's module for ``p (…, G·H)``, for any number of steps."""

    def decay(self) -> Tensor | None:
        """Return the learned decay ``(H,)`` that `coefficients` needs besides ``p``; `None` if it needs none."""
        return None

    def initial_state(self, batch_size: int) -> State:
        return RNNState(*self.initial_leaves(batch_size))

    def seen(self, x: Tensor, state: State) -> Tensor:
        """Return the inputs that p_t depends on, ``(B, filter_width · I)``."""
        return x

    def after(self, x: Tensor, state: State, h: Tensor) -> State:
        """Return the state after a step with input ``x`` and result ``h``."""
        return RNNState(h)

    @final
    def step(self, x: Tensor, state: State, noise: State | None = None) -> tuple[Tensor, State]:
        output, state, _ = self.step_traced(x, state)
        return output, state

    @final
    def step_traced(self, x: Tensor, state: State, noise: State | None = None) -> tuple[Tensor, State, Trace]:
        p = F.linear(self.seen(x, state), self.weight_ih, self.bias_ih).to(state[0].dtype)  # (1), (B, G·H)
        a, b, o, trace = self.coefficients(p, self.decay())
        h = a * state[0] + b  # (2)
        y = h if o is None else o * h  # (3)
        return y, self.after(x, state, h), {**trace, self.state_leaves[0]: h, "h": y}


def check_candidate(name: str) -> None:
    """Raise `ArgumentError` unless ``name`` is a `Candidate`."""
    if name not in ("linear", "positive"):
        raise ArgumentError("candidate", "'linear' or 'positive'", name)


def candidate(p: Tensor, kind: Candidate) -> Tensor:
    """Return ``p``, or for ``positive`` g(p) = p + 0.5 where p ≥ 0, σ(p) elsewhere (Feng et al. 2024, appendix B)."""
    return p if kind == "linear" else torch.where(p >= 0, p + 0.5, torch.sigmoid(p))
