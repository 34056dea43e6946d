"""Cells whose gates see inputs only, so that a sequence's length costs no sequential time.

    (1)  p_t = W_ih x_t + b_ih                 for all steps at once: one product of matrices
    (2)  h_t = a_t ∘ h_{t-1} + b_t             a_t and b_t are each cell's functions of p_t alone
    (3)  y_t = o_t ∘ h_t                       the quasi-recurrent layer's; elsewhere y_t = h_t

Every a_t lies between 0 and 1, so (2) can be run forward as it is written: nothing grows, whatever the length. The
logarithms of Heinsen 2023, which the papers' code takes, are needed only where (2) is turned into cumulative sums.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal, NamedTuple, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checks import checked
from ..errors import ArgumentError
from .base import BuiltinCell, InitialState, Trace, check_factory
from .state import RNNState, State

# B batch, I input_size, H hidden_size, G gates

Candidate = Literal["linear", "positive"]


class Coefficients(NamedTuple):
    """Of (2) and (3), each (…, H); ``output`` is `None` where y is h. ``trace``: the gates by name."""

    a: Tensor
    b: Tensor
    output: Tensor | None
    trace: Trace


class ParallelCell(BuiltinCell):
    """A recurrence (2) whose coefficients depend on inputs only; a subclass writes its `coefficients`.

    Args:
        input_size: I, width of x_t.
        hidden_size: H, width of h_t.
        bias: with ``bias_ih`` or without.
        initial: ``"zero"``, ``"random"`` (N(0, 0.1²), in training only) or ``"learned"``.
        init: name of the initialiser, see `cells.init`; not ``identity``, which is about recurrent weights.
        forget_bias: if given, where the bias of the gate that keeps h starts; large ones keep it long.

    Raises:
        ArgumentError: a size below 1, an unknown name, or a forget bias without biases.
    """

    filter_width = 1  # inputs that p_t is a function of: x_t and those before it
    keeping: tuple[int, int] = (0, 1)  # the gate whose bias is the forget bias, and its sign

    @checked
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        initial: InitialState = "zero",
        init: str = "torch",
        forget_bias: float | None = None,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, initial, init)
        if init == "identity":
            raise ArgumentError("init", f"another than identity for {type(self).__name__}, which has no W_hh", init)
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
            (gate, sign), H = self.keeping, self.hidden_size
            with torch.no_grad():
                self.bias_ih[gate * H : (gate + 1) * H].fill_(sign * self.forget_bias)

    @abstractmethod
    def coefficients(self, p: Tensor, decay: Tensor | None) -> Coefficients:
        """The numbered equations of the class's module, for ``p (…, G·H)`` of any number of steps."""

    def decay(self) -> Tensor | None:
        """What `coefficients` needs besides ``p``: ``(H,)``, or nothing."""
        return None

    def initial_state(self, batch_size: int) -> State:
        return RNNState(*self.initial_leaves(batch_size))

    def seen(self, x: Tensor, state: State) -> Tensor:
        """``(B, filter_width · I)``: what p_t is a function of."""
        return x

    def after(self, x: Tensor, state: State, h: Tensor) -> State:
        """The state after a step that read ``x`` and made ``h``."""
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
    """Raise `ArgumentError` unless it is a `Candidate`."""
    if name not in ("linear", "positive"):
        raise ArgumentError("candidate", "'linear' or 'positive'", name)


def candidate(p: Tensor, kind: Candidate) -> Tensor:
    """``p`` itself, or g(p) = p + 0.5 where p ≥ 0 and σ(p) elsewhere (Feng et al. 2024, appendix B)."""
    return p if kind == "linear" else torch.where(p >= 0, p + 0.5, torch.sigmoid(p))
