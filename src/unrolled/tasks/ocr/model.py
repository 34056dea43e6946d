"""The encoder of lines: convolutions, then recurrent layers in both directions.

pixels (B, H, W) → convolutions → e (T, B, E) → recurrent layers → h (T, B, O)
"""

from __future__ import annotations

from torch import Tensor

from ...layers.line_encoder import LineEncoder
from ..common.unaligned.model import Encoder
from .config import OcrConfig

# B lines, H × W pixels, T frames


class LineReader(Encoder):
    """``pixels (B, H, W)`` uint8 of lines with ``widths (B,)`` → h ``(T, B, O)``.

    Args:
        config: the options.
    """

    def __init__(self, config: OcrConfig) -> None:
        super().__init__()
        lines = config.network
        self.lines = LineEncoder(config.data.height, lines.maps, stride=lines.stride)
        self.stack = config.model.build(self.lines.output_size, bidirectional=True)
        self.output_size = self.stack.output_size

    def frames(self, widths: Tensor) -> Tensor:
        return self.lines.frames(widths)

    def forward(self, inputs: Tensor, widths: Tensor) -> Tensor:
        h, _ = self.stack(self.lines(inputs, widths), lengths=self.frames(widths).to(inputs.device))
        return h
