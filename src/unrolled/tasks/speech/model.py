"""The encoder of recordings: normalised and stacked log-mel frames, then recurrent layers.

frames (B, T, 40) → x (B, T, 40) → (K, B, 40 s) → recurrent layers, in both directions or one → h (K, B, O)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...data.log_mel import BANDS
from ...layers.speech_features import Heard, SpeechFeatures, stacked
from ..common.unaligned.model import Encoder
from .config import SpeechConfig

# B recordings, T frames, K stacked frames


class StreamState(NamedTuple):
    """What a stream needs of the frames before: for normalisation and for the recurrent layers."""

    heard: Heard
    state: Any


class SpeechReader(Encoder):
    """``frames (B, T, 40)`` of recordings with ``lengths (B,)`` → h ``(K, B, O)``.

    Args:
        config: the options.
    """

    def __init__(self, config: SpeechConfig) -> None:
        super().__init__()
        sound = config.sound
        self.stacked = sound.stacked
        self.features = SpeechFeatures(BANDS, running=sound.streaming)
        self.stack = config.model.build(BANDS * sound.stacked, bidirectional=not sound.streaming)
        self.output_size = self.stack.output_size

    def frames(self, widths: Tensor) -> Tensor:
        return -(-widths // self.stacked)

    def forward(self, inputs: Tensor, widths: Tensor) -> Tensor:
        inside = torch.arange(inputs.size(1), device=inputs.device) < widths.to(inputs.device)[:, None]
        x = self.features(inputs, inside)
        x = stacked(torch.where(inside[..., None], x, 0), self.stacked)
        h, _ = self.stack(x, lengths=self.frames(widths).to(x.device))
        return h

    def before(self) -> StreamState:
        """Return the state before the first frame of a stream."""
        return StreamState(self.features.before(1), None)

    def step(self, frames: Tensor, state: StreamState) -> tuple[Tensor, StreamState]:
        """Return h ``(K, 1, O)`` of the next frames ``(1, T, 40)`` of a stream, and the new state."""
        x, heard = self.features.step(frames, state.heard)
        h, after = self.stack(stacked(x, self.stacked), state.state)
        return h, StreamState(heard, after)
