"""The interface of cells, and the base classes of the built-in ones. docs/architecture.md states the contract."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, final

import torch
from torch import Tensor, nn

from ..checks import checked, plain
from ..errors import ArgumentError
from .arguments import check_factory, check_rate, check_size
from .init import initialise
from .norm import MapNorm
from .state import State, named_leaves

Trace = dict[str, Tensor]
"""The gates of a step by name, each ``(B, ·)``; of a whole pass, ``(T, B, ·)``."""
InitialState = Literal["zero", "random", "learned"]


class Cell(nn.Module, ABC):
    """Base class of all cells, each one step of a recurrence.

    A subclass defines `step` and `initial_state`; `unrolled.scan`, the layers and the tasks can then run it.
    `unrolled.testing.check_cell` checks that it keeps the contract.

    Args:
        input_size: I, width of x_t. A subclass may set the attribute itself instead.
        hidden_size: H, width of the state; likewise.

    A cell over maps sets `space_dims`: then sizes are numbers of channels, and x_t, output and state are ``(B, ·,
    *space)``, with one to three dimensions of space.

    Raises:
        ArgumentError: a size is not an integer of at least 1.

    >>> import torch
    >>> from torch import nn
    >>> import unrolled
    >>> class Leaky(unrolled.Cell):
    ...     '''h_t = (1 − a) ∘ h_{t-1} + a ∘ tanh(W x_t + U h_{t-1} + b), with a = σ(rate).'''
    ...
    ...     def __init__(self, input_size, hidden_size):
    ...         super().__init__(input_size, hidden_size)
    ...         self.from_input = nn.Linear(input_size, hidden_size)
    ...         self.from_state = nn.Linear(hidden_size, hidden_size, bias=False)
    ...         self.rate = nn.Parameter(torch.zeros(hidden_size))
    ...
    ...     def step(self, x, state, noise=None):
    ...         a = torch.sigmoid(self.rate)
    ...         h = (1 - a) * state + a * torch.tanh(self.from_input(x) + self.from_state(state))
    ...         return h, h
    ...
    ...     def initial_state(self, batch_size):
    ...         return self.rate.new_zeros(batch_size, self.hidden_size)
    >>> outputs, state = unrolled.scan(Leaky(8, 16), torch.randn(5, 3, 8))  # 5 steps, 3 sequences
    >>> outputs.shape, state.shape
    (torch.Size([5, 3, 16]), torch.Size([3, 16]))
    """

    input_size: int
    hidden_size: int
    space_dims: int = 0
    """Dimensions of space of x_t: 0 for vectors."""

    def __init__(self, input_size: int | None = None, hidden_size: int | None = None) -> None:
        super().__init__()
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if size is not None:
                check_size(name, size)
                setattr(self, name, plain(size))

    @property
    def output_size(self) -> int:
        """Width of the output of `step`; `hidden_size` unless overridden."""
        return self.hidden_size

    def output_space(self, space: Sequence[int]) -> tuple[int, ...]:
        """Return the sizes of the maps of output and state for input maps of sizes ``space``; the same by default."""
        return tuple(space)

    @abstractmethod
    def step(self, x: Tensor, state: State, noise: State | None = None) -> tuple[Tensor, State]:
        """Compute one step.

        Args:
            x: ``(B, I)``.
            state: the state before the step, a pytree of tensors ``(B, …)``.
            noise: step t of `draw_noise`; `None` means evaluation.

        Returns:
            The output ``(B, O)`` and the state after the step. The method is pure: it changes nothing on ``self``.
        """

    @abstractmethod
    def initial_state(self, batch_size: int) -> State:
        """Return the state before the first step of ``batch_size`` sequences.

        A cell over maps has a second argument, the ``space`` of its inputs; `start` passes it.
        """

    def draw_noise(self, T: int, B: int, generator: torch.Generator | None = None) -> State | None:
        """Draw the random masks of one training pass, time in dimension 0; `None` if the cell has none."""
        return None

    def step_traced(self, x: Tensor, state: State, noise: State | None = None) -> tuple[Tensor, State, Trace]:
        """Compute `step` and also return the gates by name, each ``(B, ·)``.

        Unless the cell overrides this, these are the leaves ``(B, H)`` of its state (`named_leaves`), or the output if
        no leaf has a name and that shape.
        """
        output, state = self.step(x, state, noise)
        shape = x.size(0), self.hidden_size, *self.output_space(x.shape[2:])
        leaves = {name: leaf for name, leaf in named_leaves(state).items() if leaf.shape == shape}
        return output, state, leaves or {"output": output}


def start(cell: Any, batch_size: int, space: Sequence[int] = ()) -> State:
    """Return ``cell.initial_state(batch_size)``, for a cell over maps that for input maps of sizes ``space``.

    ``cell`` is a `Cell`, or a module with the same method, such as a `Stack`.
    """
    return cell.initial_state(batch_size, space) if space else cell.initial_state(batch_size)


class Noise(NamedTuple):
    """The masks of one step of a gated cell. For a whole pass every leaf has a leading dimension T.

    recurrent   (B, H)    variational dropout on h_{t-1} in the recurrent product, scaled by 1/(1-p)
                          (Gal and Ghahramani 2016); the same at every step
    zoneout_h   (B, H)    1 where h keeps its old value (Krueger et al. 2017); redrawn at each step
    zoneout_c   (B, H)    the same for an LSTM's c
    weight_hh   (G·H, H)  DropConnect on weight_hh, scaled by 1/(1-p) (Merity et al. 2018); the same at every step
    """

    recurrent: Tensor | None = None
    zoneout_h: Tensor | None = None
    zoneout_c: Tensor | None = None
    weight_hh: Tensor | None = None


class BuiltinCell(Cell):
    """Base class of the built-in cells: input weights, an initialiser chosen by name, three kinds of initial state.

    A subclass sets `gates`, the number of gates stacked in ``weight_ih``, and `state_leaves`.
    """

    gates: int
    state_leaves: tuple[str, ...] = ("h",)
    weight_ih: nn.Parameter
    bias_ih: Tensor  # None in a cell without biases, whose equations do not read it

    def __init__(self, input_size: int, hidden_size: int, bias: bool, initial_state: InitialState, init: str) -> None:
        super().__init__()
        check_size("input_size", input_size)
        check_size("hidden_size", hidden_size)
        if initial_state not in ("zero", "random", "learned"):
            raise ArgumentError("initial_state", "'zero', 'random' or 'learned'", initial_state)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        self.initial: InitialState = initial_state
        self.init = init

    def reset_parameters(self) -> None:
        """Reinitialise the weights with the initialiser given at construction; norms start at gain 1, bias 0."""
        initialise(self, self.init)
        for child in self.children():
            if isinstance(child, nn.LayerNorm | MapNorm):
                child.reset_parameters()

    def leaf_width(self, leaf: str) -> int:
        """Return the width of one leaf of the state."""
        return self.hidden_size

    @property
    def fan_in(self) -> int:
        """The number of terms of a gate's sum, for `cells.init`; H, as in torch's layers."""
        return self.hidden_size

    def learn_initial(self, **factory: Any) -> None:
        """Register the parameters of a learned initial state if the cell has one."""
        if self.initial == "learned":
            for leaf in self.state_leaves:
                self.register_parameter(f"initial_{leaf}", nn.Parameter(torch.zeros(self.leaf_width(leaf), **factory)))

    def initial_leaves(self, batch_size: int, space: Sequence[int] = ()) -> list[Tensor]:
        """Return the leaves of the initial state, ``(B, ·, *space)`` each, in the order of `state_leaves`."""
        leaves = []
        for leaf in self.state_leaves:
            shape = batch_size, self.leaf_width(leaf), *space
            if self.initial == "learned":
                learned: Tensor = getattr(self, f"initial_{leaf}")
                leaves.append(learned.view(-1, *[1] * len(space)).expand(shape))
            elif self.initial == "random" and self.training:
                leaves.append(0.1 * torch.randn_like(self.weight_ih.detach().flatten()[0].expand(shape)))
            else:
                leaves.append(self.weight_ih.new_zeros(shape))
        return leaves

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}"


class GatedCell(BuiltinCell):
    """Base class of the vanilla RNN, GRU and LSTM: ``G`` gates over ``weight_ih``, ``weight_hh`` and two biases.

    A subclass sets `gates` and implements its `equations`.

    Args:
        input_size: I, width of x_t.
        hidden_size: H, width of h_t.
        bias: whether the cell has ``bias_ih`` and ``bias_hh``.
        layer_norm: normalise the two products (and an LSTM's c) as in Ba et al. 2016, section 3.1.
        recurrent_dropout: rate of variational dropout on h_{t-1} (Gal and Ghahramani 2016).
        zoneout: probability that a unit of h keeps its old value (Krueger et al. 2017); for an LSTM also a
            pair ``(h, c)``.
        weight_drop: rate of DropConnect on ``weight_hh`` (Merity et al. 2018).
        initial_state: the state before the first step: ``"zero"``, ``"random"`` (N(0, 0.1²), in training only) or
            ``"learned"``.
        init: name of the initialiser, see `cells.init`.
        recurrent_size: width of h_t if it is projected; `None`: H.
        device: device of the parameters.
        dtype: dtype of the parameters.
        initial: the earlier name of ``initial_state``.

    Raises:
        ArgumentError: a size is below 1, a rate is outside [0, 1), or a name is unknown.
    """

    bias_hh: Tensor

    @checked
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        layer_norm: bool = False,
        recurrent_dropout: float = 0.0,
        zoneout: float | tuple[float, float] = 0.0,
        weight_drop: float = 0.0,
        initial_state: InitialState = "zero",
        init: str = "torch",
        recurrent_size: int | None = None,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
        initial: InitialState | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, initial or initial_state, init)
        check_rate("recurrent_dropout", recurrent_dropout)
        check_rate("weight_drop", weight_drop)
        zoneouts = tuple(zoneout) if isinstance(zoneout, tuple | list) else (zoneout, zoneout)
        if isinstance(zoneout, tuple | list) and (len(zoneouts) != 2 or "c" not in self.state_leaves):
            raise ArgumentError("zoneout", "one rate, or for an LSTM a pair (h, c)", zoneout)
        for rate in zoneouts:
            check_rate("zoneout", rate)
        self.layer_norm, self.recurrent_dropout, self.weight_drop = layer_norm, recurrent_dropout, weight_drop
        self.zoneout_h, self.zoneout_c = zoneouts
        factory = check_factory(device, dtype)
        rows, recurrent = self.gates * hidden_size, recurrent_size or hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size, **factory))
        self.weight_hh = nn.Parameter(torch.empty(rows, recurrent, **factory))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, nn.Parameter(torch.empty(rows, **factory)) if bias else None)
        self.learn_initial(**factory)

    @abstractmethod
    def equations(self, x: Tensor, state: State, noise: Noise) -> tuple[Tensor, State, Trace]:
        """Compute the numbered equations of the module: output, state after the step, gates by name."""

    @final
    def step(self, x: Tensor, state: State, noise: State | None = None) -> tuple[Tensor, State]:
        output, state, _ = self.equations(x, state, noise or Noise())
        return output, state

    @final
    def step_traced(self, x: Tensor, state: State, noise: State | None = None) -> tuple[Tensor, State, Trace]:
        return self.equations(x, state, noise or Noise())

    def leaf_width(self, leaf: str) -> int:
        """Return the width of one leaf of the state; that of ``h`` is the input width of ``weight_hh``."""
        return self.weight_hh.size(1) if leaf == "h" else self.hidden_size

    def draw_noise(self, T: int, B: int, generator: torch.Generator | None = None) -> Noise | None:
        """Draw Bernoulli masks for the regularisers whose rate is above 0; `None` if there are none."""
        if not (self.recurrent_dropout or self.zoneout_h or self.zoneout_c or self.weight_drop):
            return None
        recurrent = self.weight_hh.size(1)

        def bernoulli(probability: float, *shape: int) -> Tensor:
            if not torch.compiler.is_compiling() and torch._C._functorch.peek_interpreter_stack() is not None:
                # vmap does not support in-place random operations
                like = torch.full(shape, probability, dtype=self.weight_hh.dtype, device=self.weight_hh.device)
                return torch.bernoulli(like, generator=generator)
            return torch.empty(shape, dtype=self.weight_hh.dtype, device=self.weight_hh.device).bernoulli_(
                probability, generator=generator
            )

        def dropout_mask(rate: float, *shape: int) -> Tensor:  # shared by all T steps
            mask = bernoulli(1 - rate, *shape) / (1 - rate)
            return mask.expand(T, *shape)

        noise = Noise(
            recurrent=dropout_mask(self.recurrent_dropout, B, recurrent) if self.recurrent_dropout else None,
            zoneout_h=bernoulli(self.zoneout_h, T, B, recurrent) if self.zoneout_h else None,
            zoneout_c=bernoulli(self.zoneout_c, T, B, self.hidden_size)
            if self.zoneout_c and "c" in self.state_leaves
            else None,
            weight_hh=dropout_mask(self.weight_drop, *self.weight_hh.shape) if self.weight_drop else None,
        )
        return noise if any(mask is not None for mask in noise) else None

    def recurrent_weight(self, noise: Noise) -> Tensor:
        """Return ``weight_hh`` with the dropped connections set to zero."""
        return self.weight_hh if noise.weight_hh is None else self.weight_hh * noise.weight_hh

    def zone_out(self, old: Tensor, new: Tensor, mask: Tensor | None, rate: float) -> Tensor:
        """Return ``mask∘old + (1−mask)∘new``; in evaluation the mean ``rate`` replaces the mask."""
        if mask is None and not rate:
            return new
        keep = rate if mask is None else mask
        return keep * old + (1 - keep) * new
