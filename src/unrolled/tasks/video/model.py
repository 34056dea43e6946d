"""The network: frames in, a logit for each class out, per clip or per frame.

x_t (C, H, W) frames and their changes → e_t (E,) by convolutions, see `layers.frames`
y_t (O,) from recurrent layers over e_1 … e_L, one or two directions
labels of clips:   v = pooling of y_1 … y_L,  z = W v + b (K,)
labels of frames:  z_t = W y_t + b (K,)

The baseline of single frames is a second network: convolutions over one frame, without its change, and an output
layer. It has no part in the answers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ...cells import State
from ...layers.frames import Before, FrameEncoder, padded
from ...layers.pooling import Pooled, Pooling
from .config import VideoConfig

# N frames of all clips, T steps, B clips, E width of a frame's vector, O width of the outputs, K classes


class VideoState(NamedTuple):
    """The state of a stream: the frame before, the recurrent layers, and the pooling (of clips)."""

    before: Before
    layers: State
    pooled: Pooled | None


def encoder(shape: tuple[int, int, int], config: VideoConfig, *, differences: bool) -> FrameEncoder:
    """Return the encoder of frames ``(H, W, C)``."""
    options = config.frames
    return FrameEncoder(
        shape[2],
        shape[:2],
        options.maps,
        depth=options.depth,
        kernel_size=options.kernel_size,
        width=options.encoder_size,
        differences=differences,
    )


class SingleFrame(nn.Module):
    """The baseline: frames ``(N, …)``, each by itself → logits ``(N, K)``."""

    def __init__(self, shape: tuple[int, int, int], classes: int, config: VideoConfig) -> None:
        super().__init__()
        self.frames = encoder(shape, config, differences=False)
        self.drop = nn.Dropout(config.model.rate)
        self.head = nn.Linear(self.frames.output_size, classes)

    def forward(self, frames: Tensor) -> Tensor:
        logits: Tensor = self.head(self.drop(self.frames.encode(frames, torch.ones(len(frames), dtype=torch.int64))))
        return logits


class VideoClassifier(nn.Module):
    """``frames (N, …), lengths (B,)`` → logits ``(B, K)`` of clips, or ``(T, B, K)`` of their frames.

    Args:
        shape: of a frame, ``(H, W, C)``.
        classes: K.
        config: the options.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, config: VideoConfig) -> None:
        super().__init__()
        answer = config.answer
        self.shape = shape
        self.frames = encoder(shape, config, differences=config.frames.differences)
        self.drop_frames = nn.Dropout(config.model.rate)
        self.stack = config.model.build(self.frames.output_size, bidirectional=answer.bidirectional)
        self.pooling: Pooling | None = None
        width = self.stack.output_size
        if config.data.labels == "clip":
            self.pooling = Pooling(answer.pooling, width, 1 + answer.bidirectional)
            width = self.pooling.output_size
        self.drop = nn.Dropout(config.model.rate)
        self.head = nn.Linear(width, classes)
        self.single = SingleFrame(shape, classes, config) if answer.single_frame else None

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        return self.answer(padded(self.frames.encode(frames, lengths), lengths), lengths)

    def answer(self, e: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits for vectors of frames ``(T, B, E)``."""
        y, _ = self.stack(self.drop_frames(e), lengths=lengths)
        logits: Tensor = self.head(self.drop(y if self.pooling is None else self.pooling(y, lengths)))
        return logits

    def before(self, lanes: int) -> VideoState:
        """Return the state before the first frame of some streams."""
        frame = torch.zeros(1, *self.shape, dtype=torch.uint8, device=self.head.weight.device)
        pooled = None if self.pooling is None else self.pooling.before(lanes, self.head.weight)
        return VideoState(self.frames.before(lanes, frame), self.stack.initial_state(lanes), pooled)

    def step(self, frames: Tensor, state: VideoState) -> tuple[Tensor, VideoState]:
        """Return the logits ``(B, K)`` after the next frame ``(B, …)`` of each stream: of the clip up to this frame, or
        of this frame."""
        e, before = self.frames.step(frames, state.before)
        y, layers = self.stack(e[None], state.layers)
        if self.pooling is None or state.pooled is None:
            return self.head(y[0]), VideoState(before, layers, None)
        pooled = self.pooling.step(y[0], state.pooled)
        return self.head(self.pooling.so_far(pooled)), VideoState(before, layers, pooled)

    def normalise_by(self, frames: Any) -> None:
        """Take mean and deviation of the pixels from some training frames ``(N, H, W, C)``."""
        self.frames.normalise_by(torch.as_tensor(frames))
        if self.single is not None:
            self.single.frames.normalise_by(torch.as_tensor(frames))
