"""The base class of cells over maps, in which every matrix product of a recurrent cell is a convolution.

    (1)  p_t = N(W ∗ x_t) + b            depends on the input alone, so that one convolution computes all steps
    (2)  h_t, state = recur(p_t, state_{t-1})

W ∗ x has stride, dilation and padding; the convolutions of the state, U ∗ h, keep the size of its maps. N is nothing,
or a normalisation over channels and positions.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from ..checks import checked
from ..errors import ArgumentError
from .arguments import check_factory, check_rate, check_size
from .base import BuiltinCell, InitialState, Noise, Trace
from .convolution import Convolution, sizes
from .norm import MapNorm
from .state import State

# B batch, I input_size, H hidden_size, both in channels; G gates; space: one to three sizes of a map

Maps = int | Sequence[int]
"""A size for every dimension of space, or one for all of them."""


class ConvolutionalCell(BuiltinCell):
    """Base class of `ConvLSTMCell` and `ConvGRUCell`: input maps ``(B, I, *space)``, states ``(B, H, *space')``.

    ``weight_ih (G·H, I, *kernel_size)``, ``weight_hh (G·H, H, *recurrent_kernel_size)``, ``bias_ih (G·H,)``. The size
    of maps is not fixed: the same cell runs on maps of any size.

    Args:
        input_size: I, channels of x_t.
        hidden_size: H, channels of h_t.
        kernel_size: size of the kernels on the input, odd or even.
        dims: dimensions of space: 1 for signals, 2 for pictures, 3 for volumes.
        stride: stride of the convolution of the input.
        padding: of the input: ``"same"`` (⌈n/stride⌉ positions, also with even kernels), ``"valid"`` (no zeros), or a
            number of zeros on both sides.
        dilation: dilation of the kernels on the input.
        recurrent_kernel_size: size of the kernels on the state, whose maps keep their size; `None`: kernel_size.
        bias: whether the cell has ``bias_ih``.
        layer_norm: normalise W ∗ x and U ∗ h (and an LSTM's c) over all channels and positions (Ba et al. 2016).
        group_norm: number of groups of channels of every gate to normalise over instead (Wu and He 2018); 0: none.
        recurrent_dropout: rate of variational dropout on h_{t-1} in U ∗ h. Whole channels are dropped, the same at
            every step (Gal and Ghahramani 2016; Tompson et al. 2015).
        initial_state: the state before the first step: ``"zero"``, ``"random"`` (N(0, 0.1²), in training only) or
            ``"learned"``, a number for each channel.
        init: name of the initialiser, see `cells.init`.
        device: device of the parameters.
        dtype: dtype of the parameters.

    Raises:
        ArgumentError: a size, a rate or a name is invalid, or both norms are requested.
    """

    norm_ih: MapNorm

    @checked
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        kernel_size: Maps = 3,
        *,
        dims: int = 2,
        stride: Maps = 1,
        padding: Maps | str = "same",
        dilation: Maps = 1,
        recurrent_kernel_size: Maps | None = None,
        bias: bool = True,
        layer_norm: bool = False,
        group_norm: int = 0,
        recurrent_dropout: float = 0.0,
        initial_state: InitialState = "zero",
        init: str = "torch",
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, initial_state, init)
        if dims not in (1, 2, 3):
            raise ArgumentError("dims", "1, 2 or 3", dims)
        check_rate("recurrent_dropout", recurrent_dropout)
        check_size("group_norm", group_norm, least=0)
        if group_norm and (layer_norm or hidden_size % group_norm):
            expected = f"a divisor of hidden_size ({hidden_size}), without layer_norm"
            raise ArgumentError("group_norm", expected, group_norm)
        self.space_dims, self.recurrent_dropout = dims, recurrent_dropout
        self.layer_norm, self.group_norm = layer_norm, group_norm
        self.from_input = Convolution.of(kernel_size, dims, stride, dilation, padding)
        if recurrent_kernel_size is not None:
            recurrent_kernel_size = sizes("recurrent_kernel_size", recurrent_kernel_size, dims)
        self.from_state = Convolution.of(recurrent_kernel_size or kernel_size, dims)
        factory = check_factory(device, dtype)
        rows = self.gates * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size, *self.from_input.kernel, **factory))
        self.weight_hh = nn.Parameter(torch.empty(rows, hidden_size, *self.from_state.kernel, **factory))
        self.register_parameter("bias_ih", nn.Parameter(torch.empty(rows, **factory)) if bias else None)
        self.learn_initial(**factory)

    @property
    def normed(self) -> bool:
        """Whether the cell has norms."""
        return self.layer_norm or self.group_norm > 0

    def map_norm(self, gates: int, bias: bool = False) -> MapNorm:
        """Return a normalisation of ``gates·H`` channels, all together or in groups of every gate."""
        groups = gates * self.group_norm if self.group_norm else 1
        weight = self.weight_hh
        return MapNorm(gates * self.hidden_size, groups, bias=bias, device=weight.device, dtype=weight.dtype)

    def output_space(self, space: Sequence[int]) -> tuple[int, ...]:
        """Return the sizes of the maps of output and state for input maps of sizes ``space``.

        Raises:
            ShapeError: they are smaller than the kernel.
        """
        return self.from_input.output_space(space)

    @property
    def fan_in(self) -> int:
        """The terms of both sums of a gate, over channels and positions of the kernels."""
        return self.weight_ih[0].numel() + self.weight_hh[0].numel()

    def maps(self, batch_size: int, space: Sequence[int] | None) -> list[Tensor]:
        """Return the leaves of the initial state for input maps of sizes ``space``."""
        if space is None or len(space) != self.space_dims:
            expected = f"the {self.space_dims} sizes of the input's maps"
            raise ArgumentError("space", expected, space, "a cell over maps needs them: initial_state(B, space)")
        return self.initial_leaves(batch_size, self.output_space(space))

    @abstractmethod
    def initial_state(self, batch_size: int, space: Sequence[int] | None = None) -> State:
        """Return the state before the first step of ``batch_size`` sequences of input maps of sizes ``space``."""

    def draw_noise(self, T: int, B: int, generator: torch.Generator | None = None) -> Noise | None:
        """Draw the mask of recurrent dropout, ``(T, B, H, 1, …)``, the same at every step; `None` without it."""
        rate, weight = self.recurrent_dropout, self.weight_hh
        if not rate:
            return None
        shape = B, self.hidden_size, *[1] * self.space_dims
        keep = torch.full(shape, 1 - rate, dtype=weight.dtype, device=weight.device)
        mask = torch.bernoulli(keep, generator=generator) / (1 - rate)
        return Noise(recurrent=mask.expand(T, *shape))

    def preactivation(self, x: Tensor) -> Tensor:
        """Compute (1) for any number of maps: ``x (N, I, *space)`` → ``(N, G·H, *space')``."""
        if not self.normed:
            return self.from_input(x, self.weight_ih, self.bias_ih)
        p: Tensor = self.norm_ih(self.from_input(x, self.weight_ih))
        return p + self.bias_ih.view(-1, *[1] * self.space_dims) if self.bias else p

    @abstractmethod
    def recur(self, p: Tensor, state: State, noise: Noise) -> tuple[Tensor, State, Trace]:
        """Compute (2), the numbered equations of the cell's module: output, state after the step, gates by name."""

    @final
    def step(self, x: Tensor, state: State, noise: State | None = None) -> tuple[Tensor, State]:
        output, state, _ = self.recur(self.preactivation(x), state, noise or Noise())
        return output, state

    @final
    def step_traced(self, x: Tensor, state: State, noise: State | None = None) -> tuple[Tensor, State, Trace]:
        return self.recur(self.preactivation(x), state, noise or Noise())

    def extra_repr(self) -> str:
        convolution = self.from_input
        padding = "same" if convolution.padding is None else convolution.padding
        shown = [f"{self.input_size}, {self.hidden_size}, kernel_size={convolution.kernel}"]
        shown += [f"stride={convolution.stride}"] if set(convolution.stride) != {1} else []
        shown += [f"padding={padding!r}"] if padding != "same" else []
        shown += [f"dilation={convolution.dilation}"] if set(convolution.dilation) != {1} else []
        return ", ".join(shown)
