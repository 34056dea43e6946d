"""The encoder of recordings: normalised and stacked log-mel frames, then recurrent layers.

frames (B, T, 40) → e (K, B, 40 s) → recurrent layers, in both directions or one → h (K, B, O)
"""

from __future__ import annotations

from torch import Tensor

from ...data.log_mel import BANDS
from ...layers.speech_features import SpeechFeatures
from ..common.unaligned.model import CTCNetwork, Encoder
from .config import SpeechConfig

# B recordings, T frames, K stacked frames


class SpeechReader(Encoder):
    """``frames (B, T, 40)`` of recordings with ``lengths (B,)`` → h ``(K, B, O)``.

    Args:
        config: the options.
    """

    def __init__(self, config: SpeechConfig) -> None:
        super().__init__()
        self.features = SpeechFeatures(BANDS, config.sound.stacked, running=config.sound.streaming)
        self.stack = config.model.build(self.features.output_size, bidirectional=not config.sound.streaming)
        self.output_size = self.stack.output_size

    def frames(self, widths: Tensor) -> Tensor:
        return self.features.frames(widths)

    def forward(self, inputs: Tensor, widths: Tensor) -> Tensor:
        x = self.features(inputs, widths)
        h, _ = self.stack(x, lengths=self.frames(widths).to(x.device))
        return h


def network(config: SpeechConfig, classes: int) -> CTCNetwork:
    """Return a new network for this number of classes, the blank included."""
    return CTCNetwork(SpeechReader(config), classes, config.model.rate)
