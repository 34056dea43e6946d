"""A recurrence that looks at a memory before or after every step: attention.

A memory is what an encoder left of a sentence, h_1 … h_S, each of width C. Additive attention (Bahdanau et al. 2015,
appendix A) looks with the state before the step, and what it saw is an input of the step:

    (1)  k_i   = U h_i + b                               once for a sentence, not at every step
    (2)  e_ti  = vᵀ tanh(W s_{t-1} + k_i)
    (3)  a_ti  = softmax_i(e_ti)                         over the true positions i ≤ length
    (4)  c_t   = Σ_i a_ti h_i
    (5)  s_t   = cell([x_t; c_t], s_{t-1})
    (6)  y_t   = [s_t; c_t]

Multiplicative attention (Luong et al. 2015, section 3) looks with the state after it:

    (5')  s_t  = cell([x_t; u_{t-1}], s_{t-1})           x_t alone without input feeding (section 3.3); u_0 = 0
    (2')  e_ti = s_tᵀ k_i                                dot: k_i = h_i; scaled: k_i = h_i / √H; general: k_i = W h_i
    (3) (4)
    (6')  y_t  = u_t = tanh(W_c [c_t; s_t])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from ..checks import checked
from ..errors import ArgumentError, ShapeError
from .base import Cell, GatedCell, Trace, check_size
from .state import State

# T steps, N rows (B sentences in training, all their hypotheses in decoding), S source positions, I input_size,
# H hidden_size, C memory_size, A attention_size

SCORES = ("additive", "dot", "scaled", "general")


class Memory(NamedTuple):
    """What is looked at.

    h        (S, B, C)  the encoder's outputs; past a sentence's end they are never seen
    keys     (S, B, A)  (1), with which the state is compared
    values   (S, B, ·)  what a look brings into the recurrence: W_c h_i, multiplied once for a sentence instead of at
                        every step
    lengths  (B,)       int64, of the sentences, at least 1
    """

    h: Tensor
    keys: Tensor
    values: Tensor
    lengths: Tensor

    def of(self, rows: Tensor) -> Memory:
        """A sentence for each row: those with the numbers ``rows (N,)``."""
        return Memory(self.h[:, rows], self.keys[:, rows], self.values[:, rows], self.lengths[rows])


class AttentiveState(NamedTuple):
    """``cell``: the inner cell's state. ``fed (N, ·)``: u, the input that is fed back; of width 0 if none is."""

    cell: State
    fed: Tensor


class Attentive(nn.Module):
    """A cell with attention; see the module for the numbered equations.

    Args:
        cell: the inner cell, whose inputs are ``input_size`` wide and as much more as `feed_size` gives.
        input_size: I, width of x_t.
        memory_size: C, width of h_i.
        score: ``additive``, ``dot``, ``scaled`` or ``general``.
        attention_size: A, width of the comparison in additive attention (default: H); the others have H.
        input_feeding: multiplicative attention: feed u_{t-1} into the step.

    Raises:
        ArgumentError: sizes that do not fit, an unknown score, additive attention with input feeding.
    """

    @checked
    def __init__(
        self,
        cell: Cell,
        input_size: int,
        memory_size: int,
        *,
        score: str = "additive",
        attention_size: int | None = None,
        input_feeding: bool = False,
    ) -> None:
        super().__init__()
        check_size("memory_size", memory_size)
        H = cell.output_size
        fed = feed_size(score, memory_size, H, input_feeding)
        if cell.input_size != input_size + fed:
            raise ArgumentError("cell", f"a cell with input_size {input_size + fed}", cell.input_size)
        if score in ("dot", "scaled") and memory_size != H:
            remedy = "make them equal, or use the score general or additive"
            raise ArgumentError(
                "memory_size", f"the width of the state ({H}) for the score {score}", memory_size, remedy
            )
        self.cell, self.input_size, self.memory_size, self.score = cell, input_size, memory_size, score
        self.input_feeding, self.feed_size = input_feeding, fed
        if self.additive:
            size = H if attention_size is None else attention_size
            check_size("attention_size", size)
            self.query = nn.Linear(H, size, bias=False)  # W
            self.key = nn.Linear(memory_size, size)  # U, b
            self.v = nn.Parameter(torch.empty(size).uniform_(-(size**-0.5), size**-0.5))
        else:
            if attention_size is not None:
                raise ArgumentError("attention_size", "left out unless the score is additive", attention_size)
            if score == "general":
                self.key = nn.Linear(memory_size, H, bias=False)
            self.from_context = nn.Linear(memory_size, H, bias=False)  # the two halves of W_c
            self.from_state = nn.Linear(H, H, bias=False)
            for half in (self.from_context, self.from_state):
                nn.init.orthogonal_(half.weight)  # u is all that is read of a step: it must not begin small

    runner: Callable[..., Any] | None = None  # `analysis.capture` puts a tracing one here

    @property
    def additive(self) -> bool:
        """Whether it looks before the step."""
        return self.score == "additive"

    @property
    def feeds(self) -> bool:
        """Whether a step depends on what was seen: without, all steps can look at once."""
        return self.feed_size > 0

    @property
    def output_size(self) -> int:
        """Width of y_t."""
        return self.cell.output_size + (self.memory_size if self.additive else 0)

    def remember(self, h: Tensor, lengths: Tensor) -> Memory:
        """The memory of ``h (S, B, C)``, with all that can be computed of it before the first step."""
        if h.dim() != 3 or h.size(2) != self.memory_size or lengths.shape != h.shape[1:2]:
            expected = f"(S, B, {self.memory_size}) with lengths (B,)"
            raise ShapeError(f"the memory must be {expected}, got {tuple(h.shape)} with {tuple(lengths.shape)}")
        if self.score in ("additive", "general"):
            keys = self.key(h)  # (1)
        else:
            keys = h * self.cell.output_size**-0.5 if self.score == "scaled" else h
        return Memory(h, keys, self._values(h), lengths)

    def _values(self, h: Tensor) -> Tensor:
        if not self.additive:
            return self.from_context(h)
        if not isinstance(self.cell, GatedCell) or self.cell.layer_norm:  # it multiplies c_t itself
            return h.new_zeros(*h.shape[:2], 0)
        return h @ self.cell.weight_ih[:, self.input_size :].t()  # the part of (5) that sees c_t

    def begin(self, state: State) -> AttentiveState:
        """The state before the first step, from that of the inner cell."""
        first = hidden(state)
        return AttentiveState(state, first.new_zeros(first.size(0), 0 if self.additive else self.feed_size))

    def step(
        self, x: Tensor, state: AttentiveState, memory: Memory, rows: Tensor | None = None, noise: State | None = None
    ) -> tuple[Tensor, AttentiveState, Tensor]:
        """One step: ``x (N, I)`` → ``y (N, O)``, the state after, and the weights a ``(N, S)``.

        ``rows (N,)`` int64 says which sentence of the memory each row looks at; `None`: row n at sentence n.
        """
        y, after, a, _ = self._step(lambda *given: (*self.cell.step(*given), {}), x, state, memory, rows, noise)
        return y, after, a

    def step_traced(
        self, x: Tensor, state: AttentiveState, memory: Memory, rows: Tensor | None = None, noise: State | None = None
    ) -> tuple[Tensor, AttentiveState, Tensor, Trace]:
        """As `step`, and also the inner cell's gates; ``attention``, which is a; ``u``, unless it is additive."""
        y, after, a, trace = self._step(self.cell.step_traced, x, state, memory, rows, noise)
        return y, after, a, {**trace, "attention": a, **({} if self.additive else {"u": y})}

    def _step(
        self,
        step: Callable[..., tuple[Tensor, State, Trace]],
        x: Tensor,
        state: AttentiveState,
        memory: Memory,
        rows: Tensor | None,
        noise: State | None,
    ) -> tuple[Tensor, AttentiveState, Tensor, Trace]:
        """One step, of which ``step`` is the inner cell's part."""
        if rows is not None:
            memory = memory.of(rows)
        if self.additive:
            a = self.weights(hidden(state.cell), memory)
            c = torch.einsum("ns,snc->nc", a, memory.h)  # (4)
            s, inner, trace = step(torch.cat([x, c], dim=1), state.cell, noise)  # (5)
            return torch.cat([s, c], dim=1), AttentiveState(inner, state.fed), a, trace  # (6)
        s, inner, trace = step(torch.cat([x, state.fed], dim=1), state.cell, noise)  # (5')
        a = self.weights(s, memory)
        u = self.combine(torch.einsum("ns,snv->nv", a, memory.values), s)  # (4) (6')
        return u, AttentiveState(inner, u if self.feeds else state.fed), a, trace

    def weights(self, s: Tensor, memory: Memory) -> Tensor:
        """(2) (3): ``s (N, H)`` → a ``(N, S)``, zero past a sentence's end."""
        if self.additive:
            e = torch.tanh(self.query(s) + memory.keys) @ self.v  # (S, N)
        else:
            e = (memory.keys * s).sum(2)
        return masked_softmax(e.t(), memory.lengths)

    def combine(self, seen: Tensor, s: Tensor) -> Tensor:
        """(6') of ``seen``: what was seen, multiplied by the first half of W_c already."""
        return torch.tanh(seen + self.from_state(s))

    def extra_repr(self) -> str:
        return f"score={self.score!r}, input_feeding={self.input_feeding}"


def feed_size(score: str, memory_size: int, hidden_size: int, input_feeding: bool) -> int:
    """How much wider than x_t the inner cell's inputs are.

    Raises:
        ArgumentError: an unknown score, or additive attention with input feeding.
    """
    if score not in SCORES:
        raise ArgumentError("score", f"one of {', '.join(SCORES)}", score)
    if score == "additive":
        if input_feeding:
            raise ArgumentError("input_feeding", "left out with additive attention, whose context is fed anyway", True)
        return memory_size
    return hidden_size if input_feeding else 0


def hidden(state: State) -> Tensor:
    """s of an inner cell's state: its first leaf."""
    first: Tensor = tree_leaves(state)[0]
    return first


def check_begins_with_output(cell: Cell) -> None:
    """Raise `ArgumentError` unless the first leaf of the cell's state is as wide as its output: what looks at a memory,
    or hands it on, reads it there."""
    shapes = [tuple(leaf.shape) for leaf in tree_leaves(cell.initial_state(1))]
    if shapes[:1] != [(1, cell.output_size)]:
        expected = f"one whose state begins with a tensor (B, {cell.output_size}), as its output is, in a translator"
        raise ArgumentError("cell", expected, type(cell).__name__, f"for B = 1 its state has the shapes {shapes}")


def masked_softmax(e: Tensor, lengths: Tensor) -> Tensor:
    """(3): the softmax of ``e (…, N, S)`` over each row's first ``lengths (N,)`` positions; zero elsewhere."""
    past = torch.arange(e.size(-1), device=e.device) >= lengths[:, None]
    return e.masked_fill(past, -torch.inf).softmax(-1)
