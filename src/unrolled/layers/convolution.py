"""Convolutional layers for pictures: blocks of convolution, ReLU and 2 × 2 max-pooling.

    (1) a = W ∗ x + b                       k × k filters over all channels, zero padding (k − 1)/2: h and w are kept
    (2) y = ReLU(N(a))                      N: batch normalisation (Ioffe and Szegedy 2015), or nothing
    (3) y = x + ReLU(N(W ∗ x + b))          with ``residual``: every convolution of a block but its first
    (4) z_ij = max of y over rows 2i, 2i+1 and columns 2j, 2j+1

A block is ``depth`` convolutions (2, 3) and a pooling (4). With batch normalisation the convolutions have no b.
Activations are in channels-last layout, the faster one on CPUs; weights have torch's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..cells import check_size
from ..checks import checked
from ..errors import ArgumentError

# B pictures, C channels, H × W pixels, F feature maps of the last block, h × w positions, k width of a filter


class Block(nn.Module):
    """Convolutions and a max-pooling: ``(B, C, H, W)`` → ``(B, F, H/2, W/2)``, rounded down; see the module."""

    def __init__(self, channels: int, maps: int, *, kernel_size: int, depth: int, residual: bool, norm: bool) -> None:
        super().__init__()
        sizes = [channels, *[maps] * (depth - 1)]
        self.residual, self.kernel_size = residual, kernel_size
        self.activation: Callable[[Tensor], Tensor] = F.relu  # the inspector replaces it, see `analysis.picture_units`
        self.convolutions = nn.ModuleList(
            nn.Conv2d(size, maps, kernel_size, padding=kernel_size // 2, bias=not norm) for size in sizes
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(maps) if norm else nn.Identity() for _ in sizes)

    def forward(self, x: Tensor) -> Tensor:
        for n in range(len(self.convolutions)):
            x = self.convolution(n, x)
        return F.max_pool2d(x, 2)  # (4)

    def convolution(self, number: int, x: Tensor) -> Tensor:
        """Apply convolution number ``number`` with its normalisation and ReLU: (2), or (3)."""
        y = self.activation(self.norms[number](self.convolutions[number](x)))
        return x + y if self.residual and number else y


class Layer(NamedTuple):
    """The output of a layer: its name, such as ``block 1 convolution 2``, and its feature maps ``(B, F, h, w)``."""

    name: str
    maps: Tensor


class Convolutions(nn.Module):
    """Blocks of convolutions: pictures ``(B, C, H, W)`` → the feature grid ``(B, F, h, w)``.

    Args:
        channels: C.
        maps: the feature maps of each block.
        kernel_size: k, odd.
        depth: convolutions of a block.
        residual: add its input to each convolution of a block but the first.
        norm: batch normalisation after each convolution.

    Raises:
        ArgumentError: a size is invalid.
    """

    @checked
    def __init__(
        self,
        channels: int,
        maps: Sequence[int] = (32, 64, 128),
        *,
        kernel_size: int = 3,
        depth: int = 2,
        residual: bool = False,
        norm: bool = True,
    ) -> None:
        super().__init__()
        for name, value in (("channels", channels), ("kernel_size", kernel_size), ("depth", depth)):
            check_size(name, value)
        if not maps:
            raise ArgumentError("maps", "a number of feature maps for each block", maps)
        for count in maps:
            check_size("maps", count)
        if kernel_size % 2 == 0:
            raise ArgumentError("kernel_size", "odd, so that a filter has a middle", kernel_size)
        sizes = [channels, *maps]
        options = {"kernel_size": kernel_size, "depth": depth}
        self.blocks = nn.ModuleList(
            Block(sizes[n], sizes[n + 1], **options, residual=residual, norm=norm) for n in range(len(maps))
        )
        self.output_size = maps[-1]
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")  # He et al. 2015, section 2.2
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the features after the last block, ``(B, F, h, w)``."""
        x = pictures.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x = block(x)
        return x

    def grid(self, pictures: Tensor) -> Tensor:
        """Return the feature grid, ``(B, F, h, w)``: a vector of F numbers for each of h · w places of the picture."""
        grid: Tensor = self(pictures)
        return grid

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Return h and w for pictures of this size.

        Raises:
            ArgumentError: the pictures are too small for the number of blocks.
        """
        halvings = len(self.blocks)
        h, w = height >> halvings, width >> halvings
        if not h or not w:
            expected = f"at most {min(height, width).bit_length() - 1} blocks for pictures of {height} × {width} pixels"
            raise ArgumentError("maps", expected, f"{halvings} blocks", "larger pictures, or fewer blocks")
        return h, w

    def layers(self, pictures: Tensor) -> Iterator[Layer]:
        """Yield the feature maps of every convolution (after its ReLU) and every pooling, first to last."""
        x = pictures.contiguous(memory_format=torch.channels_last)
        for number, block in enumerate(self.blocks, 1):
            assert isinstance(block, Block)
            for n in range(len(block.convolutions)):
                x = block.convolution(n, x)
                yield Layer(f"block {number} convolution {n + 1}", x)
            x = F.max_pool2d(x, 2)
            yield Layer(f"block {number} pooling", x)
