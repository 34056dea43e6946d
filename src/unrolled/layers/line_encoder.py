"""Encoder of lines of text: pictures of one height and any widths in, a vector for every few columns out.

    (1) x = 1 − p / 255                       ink 1, paper 0: a line that goes on is a line on paper
    (2) a = W ∗ x                             4 × 4 filters in steps of 2 × 2; 4 × 3 in steps of 2 × 1 once a frame has
                                              its width
    (3) x = ReLU(N(a)), 0 past the line       N: batch normalisation (Ioffe and Szegedy 2015)
    (4) e_t = the columns of x, one vector each                            (T, B, E), E = F · h'

A frame is ``stride`` columns wide: T = ⌈W / stride⌉. A line has the same vectors in any batch, since (3) sets what is
behind it to the zeros that are around a line alone. Steps of two in place of the max-pooling of the usual network for
text (Shi et al. 2017) take a third of its time on a CPU (Springenberg et al. 2015).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..cells import check_size
from ..checks import checked
from ..errors import ArgumentError

# B lines, H pixels of height, W of width, F feature maps of the last block, h' rows of them, T frames

STRIDES = (1, 2, 4, 8)


class LineEncoder(nn.Module):
    """Blocks of convolutions over lines: ``pixels (B, H, W)`` uint8 → vectors ``(T, B, E)``.

    Args:
        height: H.
        maps: the feature maps of each block, which halves the height.
        stride: columns of a frame, a power of two: the first blocks halve the width, too.

    Raises:
        ArgumentError: a size is invalid, or the blocks do not fit the height or the stride.
    """

    @checked
    def __init__(self, height: int, maps: Sequence[int] = (16, 32, 48, 64), *, stride: int = 4) -> None:
        super().__init__()
        for name, value in (("height", height), *(("maps", count) for count in maps)):
            check_size(name, value)
        halvings = check_stride(height, len(maps), stride)
        self.stride, sizes = stride, [1, *maps]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(sizes[n], sizes[n + 1], (4, 4), (2, 2), padding=1, bias=False)
            if n < halvings
            else nn.Conv2d(sizes[n], sizes[n + 1], (4, 3), (2, 1), padding=1, bias=False)
            for n in range(len(maps))
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(count) for count in maps)
        self.output_size = maps[-1] * (height >> len(maps))
        for convolution in self.convolutions:
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")  # type: ignore[arg-type]

    def frames(self, widths: Tensor) -> Tensor:
        """Return the number of frames of lines with these widths."""
        return -(-widths // self.stride)

    def forward(self, pixels: Tensor, widths: Tensor) -> Tensor:
        """Return e ``(T, B, E)``; past the frames of a line it is 0.

        Args:
            pixels: ``(B, H, W)`` uint8; of a line narrower than W only its columns count.
            widths: ``(B,)``.
        """
        T = int(self.frames(widths.max()))
        inside = torch.arange(T * self.stride, device=pixels.device) < widths.to(pixels.device)[:, None]
        x = 1 - F.pad(pixels, (0, T * self.stride - pixels.size(2)), value=255).to(self.weight_dtype) / 255  # (1)
        x = (x * inside[:, None]).unsqueeze(1).contiguous(memory_format=torch.channels_last)
        padded = bool((self.frames(widths) < T).any())
        covered = self.frames(widths).to(pixels.device) * self.stride
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = F.relu(norm(convolution(x)))  # (2), (3)
            if padded:
                columns = torch.arange(x.size(3), device=x.device) * (T * self.stride // x.size(3))
                x = x * (columns < covered[:, None])[:, None, None]
        return x.permute(3, 0, 2, 1).flatten(2)  # (4)

    @property
    def weight_dtype(self) -> torch.dtype:
        """The dtype of the weights."""
        dtype: torch.dtype = self.norms[0].weight.dtype  # type: ignore[assignment]
        return dtype


def check_stride(height: int, blocks: int, stride: int) -> int:
    """Return how many of ``blocks`` blocks halve the width.

    Raises:
        ArgumentError: the stride is no power of two or needs more blocks, or the lines are too low for the blocks.
    """
    if stride not in STRIDES:
        raise ArgumentError("stride", f"one of {', '.join(map(str, STRIDES))} columns", stride)
    halvings = STRIDES.index(stride)
    if not halvings <= blocks:
        raise ArgumentError("maps", f"at least {halvings} blocks for a stride of {stride}", f"{blocks} blocks")
    if not blocks or not height >> blocks:
        expected = f"1 to {height.bit_length() - 1} blocks for lines of {height} pixels"
        raise ArgumentError("maps", expected, f"{blocks} blocks", "higher lines, or fewer blocks")
    return halvings
