"""EfficientNet-Lite0 without its head: photographs in, a grid of 7 × 7 vectors of 320 numbers out.

    inverted residual block (Sandler et al. 2018):  y = P(D(E(x))),  + x where shapes agree
    E   1 × 1 convolution to 6 times as many channels, ReLU6      (not in the first block)
    D   k × k convolution of each channel by itself, ReLU6
    P   1 × 1 convolution

Tan and Le 2019; the Lite variant has ReLU6 and no squeeze-and-excitation. Every convolution has its batch normalisation
(ε = 0.001), which is multiplied into its weights here. Zero padding is that of TensorFlow: more right and below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STAGES = ((1, 3, 1, 16), (2, 3, 2, 24), (2, 5, 2, 40), (3, 3, 2, 80), (3, 5, 1, 112), (4, 5, 2, 192), (1, 3, 1, 320))
"""repeats, k, stride of the first, channels"""
EPSILON = 1e-3
MIDDLE, SCALE = 127.0, 128.0  # inputs are (x − 127) / 128


class EfficientNetLite0(nn.Module):
    """``pixels (B, 224, 224, 3)`` uint8 → features ``(B, 320, 7, 7)``.

    Args:
        tensors: the weights by the names of the published model.
    """

    size = 224  # pixels of a side
    output_size = 320

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.plan = [*_plan()]
        for number, (convolution, norm, *_) in enumerate(self.plan):
            scale = tensors[f"{norm}.weight"] * (tensors[f"{norm}.running_var"] + EPSILON).rsqrt()
            weight = tensors[f"{convolution}.weight"] * scale[:, None, None, None]
            bias = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale
            self.register_buffer(f"weight{number}", weight.contiguous(memory_format=torch.channels_last))
            self.register_buffer(f"bias{number}", bias)

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> Tensor:
        x = ((pixels.float() - MIDDLE) / SCALE).permute(0, 3, 1, 2)  # channels last
        before = x
        for number, (_, _, k, stride, own, activated, begins, adds) in enumerate(self.plan):
            before = x if begins else before
            weight, bias = self.get_buffer(f"weight{number}"), self.get_buffer(f"bias{number}")
            high, wide = (max((-(-side // stride) - 1) * stride + k - side, 0) for side in x.shape[2:])
            if stride == 1:
                padding = k // 2
            else:
                x, padding = F.pad(x, (wide // 2, wide - wide // 2, high // 2, high - high // 2)), 0
            x = F.conv2d(x, weight, bias, stride, padding, groups=x.size(1) if own else 1)
            if activated:
                x = F.relu6(x)
            if adds:
                x = x + before
        return x


def _plan() -> Iterator[tuple[str, str, int, int, bool, bool, bool, bool]]:
    """Yield each convolution: its name, that of its normalisation, k, stride, whether channels are apart, whether ReLU6
    follows, whether a block begins with it, and whether the block's input is added after it."""
    yield "_conv_stem", "_bn0", 3, 2, False, True, True, False
    number, channels = 0, 32
    for repeats, k, first, outputs in STAGES:
        for n in range(repeats):
            name, stride = f"_blocks.{number}", first if n == 0 else 1
            if number:
                yield f"{name}._expand_conv", f"{name}._bn0", 1, 1, False, True, True, False
            yield f"{name}._depthwise_conv", f"{name}._bn1", k, stride, True, True, not number, False
            adds = stride == 1 and channels == outputs
            yield f"{name}._project_conv", f"{name}._bn2", 1, 1, False, False, False, adds
            number, channels = number + 1, outputs
