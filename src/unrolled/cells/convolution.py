"""The convolutions of recurrent cells over maps: kernel, stride, padding and dilation in one to three dimensions.

    y[o, p] = b[o] + Σ_c Σ_j W[o, c, j] x[c, s·p + d·j − l]        zero outside the map

with stride s, dilation d and l zeros before the first position, for each dimension of space. ``padding="same"`` gives
⌈n/s⌉ positions: of the zeros that are missing, the smaller half is before the map, the larger half after it, also with
even kernels and strides, as in TensorFlow; with stride 1 this is torch's ``padding="same"``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from ..errors import ArgumentError, ShapeError
from .arguments import check_size

Sizes = tuple[int, ...]
"""A number for each dimension of space."""
CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def sizes(name: str, value: int | Sequence[int], dims: int, least: int = 1) -> Sizes:
    """Return a number for each of ``dims`` dimensions; a single integer stands for all of them.

    Raises:
        ArgumentError: a number is below ``least``, or their count is wrong.
    """
    if isinstance(value, str) or (isinstance(value, Sequence) and len(value) != dims):
        raise ArgumentError(name, f"an integer, or {dims} of them for dims={dims}", value)
    values = tuple(value) if isinstance(value, Sequence) else (value,) * dims
    for number in values:
        check_size(name, number, least=least)
    return tuple(int(number) for number in values)


@dataclass(frozen=True)
class Convolution:
    """The geometry of a convolution; ``padding`` is a number of zeros at both ends, or `None` for ``"same"``."""

    kernel: Sizes
    stride: Sizes
    dilation: Sizes
    padding: Sizes | None

    @classmethod
    def of(
        cls,
        kernel_size: int | Sequence[int],
        dims: int,
        stride: int | Sequence[int] = 1,
        dilation: int | Sequence[int] = 1,
        padding: int | str | Sequence[int] = "same",
    ) -> Convolution:
        """Check the arguments, which have the names and meaning of those of ``torch.nn.Conv2d``.

        Raises:
            ArgumentError: an argument is invalid.
        """
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ArgumentError("padding", "'same', 'valid' or a number of zeros", padding)
            zeros = None if padding == "same" else (0,) * dims
        else:
            zeros = sizes("padding", padding, dims, least=0)
        return cls(
            sizes("kernel_size", kernel_size, dims),
            sizes("stride", stride, dims),
            sizes("dilation", dilation, dims),
            zeros,
        )

    @property
    def extent(self) -> Sizes:
        """The positions that the kernel spans, with dilation."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def plain(self) -> bool:
        """Whether torch's own ``padding`` covers the case: the same number of zeros at both ends, for any map."""
        if self.padding is not None:
            return True
        return all(s == 1 and e % 2 == 1 for s, e in zip(self.stride, self.extent, strict=True))

    def zeros(self, space: Sequence[int]) -> list[tuple[int, int]]:
        """Return the number of zeros before and after a map, for each dimension."""
        if self.padding is not None:
            return [(p, p) for p in self.padding]
        pairs = []
        for n, s, e in zip(space, self.stride, self.extent, strict=True):
            missing = e - 1 if s == 1 else max(((n + s - 1) // s - 1) * s + e - n, 0)
            pairs.append((missing // 2, missing - missing // 2))
        return pairs

    def output_space(self, space: Sequence[int]) -> Sizes:
        """Return the sizes of the result for a map of these sizes.

        Raises:
            ShapeError: the map is smaller than the kernel.
        """
        result = []
        for n, s, e, (before, after) in zip(space, self.stride, self.extent, self.zeros(space), strict=True):
            if n + before + after < e or n < 1:
                raise ShapeError(
                    f"inputs must have maps of at least the kernel's extent {self.extent}, got {tuple(space)}; "
                    "use larger maps, a smaller kernel or padding='same'"
                )
            result.append((n + before + after - e) // s + 1)
        return tuple(result)

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Convolve ``x (N, C, *space)`` with ``weight (O, C, *kernel)``."""
        padding: Sizes
        if self.plain:
            padding = self.padding if self.padding is not None else tuple((e - 1) // 2 for e in self.extent)
        else:
            pairs = reversed(self.zeros(x.shape[2:]))  # F.pad begins with the last dimension
            x, padding = F.pad(x, [number for pair in pairs for number in pair]), (0,) * len(self.kernel)
        return CONVOLVE[len(self.kernel)](x, weight, bias, stride=self.stride, padding=padding, dilation=self.dilation)
