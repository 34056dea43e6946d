"""The encoder–forecaster (Shi et al. 2015, section 3.3): convolutional recurrent layers at several scales.

    encoder      x_t → cell 1 → ↓ → cell 2 → ↓ → …           fine to coarse; ↓ halves the height and the width
    forecaster   … → cell 2 → ↑ → cell 1 → features          coarse to fine (Shi et al. 2017, figure 1)

A cell of the forecaster begins with the last state of the encoder's cell at its scale. The coarsest one reads that
state at every step; the others read what comes from above. With feedback the finest one also reads the frame before,
the true one or the predicted one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from ..cells import ConvGRUCell, ConvLSTMCell, ConvolutionalCell, State, check_size
from ..checks import checked
from ..errors import ArgumentError
from ..scan import scan

# T given steps, N predicted steps, B clips, C channels, M_i feature maps at scale i, h × w places at the finest scale

Kind = Literal["convgru", "convlstm"]
SLOPE = 0.1  # of the leaky ReLU for negative values, between two scales


class Forecast:
    """The states of a forecaster, fine to coarse, and what its coarsest cell reads at every step."""

    def __init__(self, states: list[State], context: Tensor) -> None:
        self.states, self.context = states, context


class EncoderForecaster(nn.Module):
    """Maps ``(T, B, C, h, w)`` → features of the steps that follow, ``(N, B, M_1, h, w)``; see the module.

    Args:
        channels: C.
        maps: M_i, fine to coarse; h and w must be multiples of 2^(scales − 1).
        cell: the kind of the cells.
        kernel_size: side of the kernels of inputs and states, odd.
        feedback: the channels of the frame before, which the finest cell of the forecaster reads; 0: none.

    Raises:
        ArgumentError: a size is invalid.
    """

    @checked
    def __init__(
        self, channels: int, maps: Sequence[int], *, cell: Kind = "convgru", kernel_size: int = 3, feedback: int = 0
    ) -> None:
        super().__init__()
        if not maps:
            raise ArgumentError("maps", "a number of feature maps for each scale", maps)
        for name, value in (("channels", channels), ("kernel_size", kernel_size), *(("maps", count) for count in maps)):
            check_size(name, value)
        if kernel_size % 2 == 0:
            raise ArgumentError("kernel_size", "odd, so that a kernel has a middle", kernel_size)
        sizes = list(maps)
        inputs = [channels, *sizes[1:]]
        above = [sizes[0] + feedback, *sizes[1:]]  # of the forecaster's cells
        self.encoder = nn.ModuleList(_cell(cell, i, m, kernel_size) for i, m in zip(inputs, sizes, strict=True))
        self.forecaster = nn.ModuleList(_cell(cell, i, m, kernel_size) for i, m in zip(above, sizes, strict=True))
        pairs = list(itertools.pairwise(sizes))
        self.down = nn.ModuleList(nn.Conv2d(fine, coarse, 3, stride=2, padding=1) for fine, coarse in pairs)
        self.up = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, 4, stride=2, padding=1) for fine, coarse in pairs)
        self.output_size, self.feedback = sizes[0], feedback
        self.act = nn.LeakyReLU(SLOPE)

    def encode(self, x: Tensor) -> Forecast:
        """Return the states after ``x (T, B, C, h, w)``."""
        states = []
        for scale, cell in enumerate(self.encoder):
            assert isinstance(cell, ConvolutionalCell)
            if scale:
                x = self.act(_over_steps(self.down[scale - 1], x))
            x, state = scan(cell, x)
            states.append(state)
        return Forecast(states, x[-1])

    def forecast(self, begin: Forecast, steps: int) -> Tensor:
        """Return the features of the next steps without feedback, ``(N, B, M_1, h, w)``: scale by scale."""
        y = begin.context.expand(steps, *begin.context.shape)
        for scale, cell in self._coarse_to_fine():
            y, _ = scan(cell, y, begin.states[scale])
            if scale:
                y = self.act(_over_steps(self.up[scale - 1], y))
        return y

    def step(self, now: Forecast, before: Tensor | None = None) -> tuple[Tensor, Forecast]:
        """Return the features of the next step, ``(B, M_1, h, w)``, and the states after it.

        Args:
            now: the states.
            before: with feedback, the frame before, ``(B, feedback, h, w)``.
        """
        y, states = now.context, list(now.states)
        for scale, cell in self._coarse_to_fine():
            if scale == 0 and before is not None:
                y = torch.cat([y, before.to(y.dtype)], 1)
            y, states[scale] = cell.step(y, states[scale])
            if scale:
                y = self.act(self.up[scale - 1](y))
        return y, Forecast(states, now.context)

    def _coarse_to_fine(self) -> Iterator[tuple[int, ConvolutionalCell]]:
        """Yield the forecaster's cells and their scales."""
        for scale in reversed(range(len(self.forecaster))):
            cell = self.forecaster[scale]
            assert isinstance(cell, ConvolutionalCell)
            yield scale, cell


def _cell(kind: Kind, channels: int, maps: int, kernel_size: int) -> ConvolutionalCell:
    if kind == "convgru":
        return ConvGRUCell(channels, maps, kernel_size)
    return ConvLSTMCell(channels, maps, kernel_size, forget_bias=1.0)


def _over_steps(layer: nn.Module, x: Tensor) -> Tensor:
    """Apply a layer to every step of ``x (T, B, C, h, w)``."""
    y: Tensor = layer(x.flatten(0, 1))
    return y.unflatten(0, x.shape[:2])
