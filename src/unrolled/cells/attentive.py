"""Cells with attention over a memory.

The memory holds the encoder outputs h_1 … h_S of a source sentence, each of width C. In additive attention (Bahdanau et
al. 2015, appendix A) the query is the state before the step, and the context is an input of the step:

    (1)  k_i   = U h_i + b                               once per sentence, not at every step
    (2)  e_ti  = vᵀ tanh(W s_{t-1} + k_i)
    (3)  a_ti  = softmax_i(e_ti)                         over the positions i ≤ length
    (4)  c_t   = Σ_i a_ti h_i
    (5)  s_t   = cell([x_t; c_t], s_{t-1})
    (6)  y_t   = [s_t; c_t]

With a gate c_t is multiplied by a number between 0 and 1 (Xu et al. 2015, section 4.2.1). Hard attention (section 4.1)
reads a single position l_t, drawn with the probabilities a_ti, or the most likely one in evaluation. In training some
steps read the weighted mean (4) instead, which makes the gradient less random (section 4.1):

    (4g) c_t   = σ(wᵀ s_{t-1} + b) Σ_i a_ti h_i
    (4h) c_t   = h_{l_t},  l_t ~ a_t                     not differentiable by a_t; with (4g) if there is a gate

In multiplicative attention (Luong et al. 2015, section 3) the query is the state after the step:

    (5')  s_t  = cell([x_t; u_{t-1}], s_{t-1})           only x_t without input feeding (section 3.3); u_0 = 0
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
from .arguments import check_size
from .base import Cell, GatedCell, Trace
from .state import State

# T steps, N rows (B sentences in training, all their hypotheses in decoding), S source positions, I input_size,
# H hidden_size, C memory_size, A attention_size

SCORES = ("additive", "dot", "scaled", "general")


class Memory(NamedTuple):
    """The encoded source sentences that a cell attends to.

    h        (S, B, C)  the encoder outputs; positions past the end of a sentence are ignored
    keys     (S, B, A)  the keys of (1)
    values   (S, B, ·)  W_c h_i, the contribution to the recurrence, multiplied once per sentence instead of at every
                        step; width 0 where c_t is multiplied by W_c in the step, see `Attentive.remember`
    lengths  (B,)       int64, lengths of the sentences, at least 1
    """

    h: Tensor
    keys: Tensor
    values: Tensor
    lengths: Tensor

    def of(self, rows: Tensor) -> Memory:
        """Select the sentences with the indices ``rows (N,)``, one for each row."""
        return Memory(self.h[:, rows], self.keys[:, rows], self.values[:, rows], self.lengths[rows])


class AttentiveState(NamedTuple):
    """The state of a cell with attention.

    ``cell`` is the state of the inner cell. ``fed (N, ·)`` is u_{t-1}, the fed-back input; its width is 0 without input
    feeding.
    """

    cell: State
    fed: Tensor


class Attentive(nn.Module):
    """A cell with attention; see the module for the numbered equations.

    Args:
        cell: the inner cell; its input size is ``input_size`` plus `feed_size`.
        input_size: I, width of x_t.
        memory_size: C, width of h_i.
        score: the score function: ``additive``, ``dot``, ``scaled`` or ``general``.
        attention_size: A, width of query and keys in additive attention (default: H); the other scores use H.
        input_feeding: for multiplicative attention, feed u_{t-1} into the step.
        gate: for additive attention, multiply the context by a gate (4g).
        hard: for additive attention, read a single position (4h).

    Raises:
        ArgumentError: sizes do not fit, the score is unknown, input feeding is combined with additive attention, or a
            gate or hard attention with another.
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
        gate: bool = False,
        hard: bool = False,
    ) -> None:
        super().__init__()
        check_size("memory_size", memory_size)
        H = cell.output_size
        fed = feed_size(score, memory_size, H, input_feeding)
        if cell.input_size != input_size + fed:
            raise ArgumentError("cell", f"a cell with input_size {input_size + fed}", cell.input_size)
        if score in ("dot", "scaled") and memory_size != H:
            remedy = "make the sizes equal, or use the score general or additive"
            raise ArgumentError(
                "memory_size", f"the width of the state ({H}) for the score {score}", memory_size, remedy
            )
        self.cell, self.input_size, self.memory_size, self.score = cell, input_size, memory_size, score
        self.input_feeding, self.feed_size, self.hard = input_feeding, fed, hard
        self.gate: nn.Linear | None = None  # w, b
        for name, given in (("gate", gate), ("hard", hard)):
            if given and not self.additive:
                raise ArgumentError(name, f"omitted with the score {score}, which has no such form", True)
        if self.additive:
            size = H if attention_size is None else attention_size
            check_size("attention_size", size)
            self.query = nn.Linear(H, size, bias=False)  # W
            self.key = nn.Linear(memory_size, size)  # U, b
            self.v = nn.Parameter(torch.empty(size).uniform_(-(size**-0.5), size**-0.5))
            self.gate = nn.Linear(H, 1) if gate else None
        else:
            if attention_size is not None:
                raise ArgumentError("attention_size", "omitted unless the score is additive", attention_size)
            if score == "general":
                self.key = nn.Linear(memory_size, H, bias=False)
            self.from_context = nn.Linear(memory_size, H, bias=False)  # the two halves of W_c
            self.from_state = nn.Linear(H, H, bias=False)
            for half in (self.from_context, self.from_state):
                nn.init.orthogonal_(half.weight)  # u is the only output of a step: it must not start small

    runner: Callable[..., Any] | None = None  # `analysis.capture` sets a tracing one

    @property
    def additive(self) -> bool:
        """Whether attention is additive, computed before the step."""
        return self.score == "additive"

    @property
    def feeds(self) -> bool:
        """Whether a step depends on earlier attention; otherwise attention can be computed for all steps at once."""
        return self.feed_size > 0

    @property
    def output_size(self) -> int:
        """Width of y_t."""
        return self.cell.output_size + (self.memory_size if self.additive else 0)

    def remember(self, h: Tensor, lengths: Tensor, steps: int | None = None) -> Memory:
        """Build the memory from encoder outputs ``h (S, B, C)`` and ``lengths (B,)``, with keys and values.

        ``steps`` is T · N, the total number of steps that will attend to the memory, if known. Additive attention then
        omits the values if that takes fewer multiplications: T·N·C for products with c_t in the steps, against S·B·C
        for the values and T·N·S for their weighted sums, each times the width of the values. Results are equal up to
        rounding.

        Raises:
            ShapeError: the shapes do not fit.
        """
        if h.dim() != 3 or h.size(2) != self.memory_size or lengths.shape != h.shape[1:2]:
            expected = f"(S, B, {self.memory_size}) with lengths (B,)"
            raise ShapeError(f"the memory must be {expected}, got {tuple(h.shape)} with {tuple(lengths.shape)}")
        if self.score in ("additive", "general"):
            keys = self.key(h)  # (1)
        else:
            keys = h * self.cell.output_size**-0.5 if self.score == "scaled" else h
        return Memory(h, keys, self._values(h, steps), lengths)

    def _values(self, h: Tensor, steps: int | None) -> Tensor:
        if not self.additive:
            return self.from_context(h)
        S, B, C = h.shape
        if steps is not None and steps * C <= S * B * C + S * steps:
            return h.new_zeros(S, B, 0)
        if not isinstance(self.cell, GatedCell) or self.cell.layer_norm:  # the cell multiplies c_t itself
            return h.new_zeros(*h.shape[:2], 0)
        return h @ self.cell.weight_ih[:, self.input_size :].t()  # the part of (5) that multiplies c_t

    def begin(self, state: State) -> AttentiveState:
        """Return the state before the first step, given that of the inner cell."""
        first = hidden(state)
        return AttentiveState(state, first.new_zeros(first.size(0), 0 if self.additive else self.feed_size))

    def step(
        self,
        x: Tensor,
        state: AttentiveState,
        memory: Memory,
        rows: Tensor | None = None,
        noise: State | None = None,
        draw: Tensor | None = None,
    ) -> tuple[Tensor, AttentiveState, Tensor]:
        """Compute one step: ``x (N, I)`` → ``y (N, O)``, the state after it, and the attention weights a ``(N, S)``.

        ``rows (N,)`` int64 is the sentence of the memory that each row attends to; `None`: row n to sentence n.
        ``draw (N,)`` are the numbers of `located`.
        """
        y, after, a, _ = self._step(lambda *args: (*self.cell.step(*args), {}), x, state, memory, rows, noise, draw)
        return y, after, a

    def step_traced(
        self,
        x: Tensor,
        state: AttentiveState,
        memory: Memory,
        rows: Tensor | None = None,
        noise: State | None = None,
        draw: Tensor | None = None,
    ) -> tuple[Tensor, AttentiveState, Tensor, Trace]:
        """Compute `step` and also return the inner cell's gates, ``attention`` (a) and, if multiplicative, ``u``."""
        y, after, a, trace = self._step(self.cell.step_traced, x, state, memory, rows, noise, draw)
        return y, after, a, {**trace, "attention": a, **({} if self.additive else {"u": y})}

    def _step(
        self,
        step: Callable[..., tuple[Tensor, State, Trace]],
        x: Tensor,
        state: AttentiveState,
        memory: Memory,
        rows: Tensor | None,
        noise: State | None,
        draw: Tensor | None,
    ) -> tuple[Tensor, AttentiveState, Tensor, Trace]:
        """Compute one step, with ``step`` as that of the inner cell."""
        if rows is not None:
            memory = memory.of(rows)
        if self.additive:
            before = hidden(state.cell)
            a = self.weights(before, memory)
            c = torch.einsum("ns,snc->nc", self.mix(a, before, draw), memory.h)  # (4)
            s, inner, trace = step(torch.cat([x, c], dim=1), state.cell, noise)  # (5)
            return torch.cat([s, c], dim=1), AttentiveState(inner, state.fed), a, trace  # (6)
        s, inner, trace = step(torch.cat([x, state.fed], dim=1), state.cell, noise)  # (5')
        a = self.weights(s, memory)
        u = self.combine(torch.einsum("ns,snv->nv", a, memory.values), s)  # (4) (6')
        return u, AttentiveState(inner, u if self.feeds else state.fed), a, trace

    def weights(self, s: Tensor, memory: Memory) -> Tensor:
        """Compute (2) and (3): ``s (N, H)`` → a ``(N, S)``, zero past the end of a sentence."""
        if self.additive:
            e = torch.tanh(self.query(s) + memory.keys) @ self.v  # (S, N)
        else:
            e = (memory.keys * s).sum(2)
        return masked_softmax(e.t(), memory.lengths)

    def mix(self, a: Tensor, s: Tensor, draw: Tensor | None) -> Tensor:
        """Return the factors of h_i in (4), (4g) and (4h): weights a ``(…, S)`` and s_{t-1} ``(…, H)`` → ``(…, S)``."""
        if self.hard:
            chosen = torch.nn.functional.one_hot(located(a, draw), a.size(-1)).to(a.dtype)
            a = chosen if draw is None else torch.where(draw[..., None] < 1, chosen, a)
        return a if self.gate is None else torch.sigmoid(self.gate(s)) * a

    def combine(self, context: Tensor, s: Tensor) -> Tensor:
        """Compute (6'); ``context`` is c_t already multiplied by the first half of W_c."""
        return torch.tanh(context + self.from_state(s))

    def extra_repr(self) -> str:
        return f"score={self.score!r}, input_feeding={self.input_feeding}, hard={self.hard}"


def feed_size(score: str, memory_size: int, hidden_size: int, input_feeding: bool) -> int:
    """Return the width that attention adds to the inputs of the inner cell.

    Raises:
        ArgumentError: the score is unknown, or input feeding is combined with additive attention.
    """
    if score not in SCORES:
        raise ArgumentError("score", f"one of {', '.join(SCORES)}", score)
    if score == "additive":
        if input_feeding:
            raise ArgumentError(
                "input_feeding", "omitted with additive attention, which always feeds the context", True
            )
        return memory_size
    return hidden_size if input_feeding else 0


def hidden(state: State) -> Tensor:
    """Return s, the first leaf of an inner cell's state."""
    first: Tensor = tree_leaves(state)[0]
    return first


def check_begins_with_output(cell: Cell) -> None:
    """Raise `ArgumentError` unless the first leaf of the cell's state is as wide as its output.

    Attention and the bridge between encoder and decoder read that leaf.
    """
    shapes = [tuple(leaf.shape) for leaf in tree_leaves(cell.initial_state(1))]
    if shapes[:1] != [(1, cell.output_size)]:
        expected = f"a cell whose state begins with a tensor (B, {cell.output_size}) like its output, in a translator"
        raise ArgumentError("cell", expected, type(cell).__name__, f"for B = 1 its state has the shapes {shapes}")


def located(a: Tensor, draw: Tensor | None) -> Tensor:
    """Return the positions l_t of (4h): int64 of the shape of ``a (…, S)`` without the last dimension.

    ``draw``, of that shape, has numbers in [0, 1), or larger ones for steps without a position: the position is the
    first at which the sum of the weights exceeds its number. `None`: the position of the largest weight.
    """
    if draw is None:
        return a.argmax(-1)
    passed = (a.cumsum(-1) <= draw[..., None]).sum(-1)
    last = (a > 0).sum(-1) - 1  # rounding may leave a sum below 1
    return torch.minimum(passed, last.clamp(min=0))


def masked_softmax(e: Tensor, lengths: Tensor) -> Tensor:
    """Compute (3), the softmax of ``e (…, N, S)`` over the first ``lengths (N,)`` positions; zero elsewhere."""
    padding = torch.arange(e.size(-1), device=e.device) >= lengths[:, None]
    return e.masked_fill(padding, -torch.inf).softmax(-1)
