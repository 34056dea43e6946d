"""Frame-by-frame answers of a video classifier for a stream of frames, and the modules for export."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...layers.pooling import RUNNING
from ..common.stepwise import state_names
from ..common.trained import Modules
from .model import VideoClassifier, VideoState

# B streams, K classes


class Step(nn.Module):
    """One frame: ``frames (B, …), state -> logits (B, K), state``, of the clips up to this frame, or of this frame."""

    def __init__(self, model: VideoClassifier) -> None:
        super().__init__()
        self.model = model

    def initial_state(self, batch_size: int) -> VideoState:
        """Return the state before the first frame."""
        return self.model.before(batch_size)

    def forward(self, frames: Tensor, state: VideoState) -> tuple[Tensor, VideoState]:
        return self.model.step(frames, state)


class SteppedVideo:
    """The `Streaming` interface: class probabilities ``(B, K)`` after each frame ``(B, …)``."""

    def __init__(self, model: VideoClassifier, lanes: int = 1) -> None:
        self.lanes, self.model = lanes, model

    def initial_state(self) -> VideoState:
        """Return the state before the first frame."""
        return self.model.before(self.lanes)

    @torch.no_grad()
    def step(self, x: Tensor, state: VideoState) -> tuple[Tensor, VideoState]:
        """Return the probabilities after the frames ``x (B, …)``, and the new state."""
        logits, state = self.model.step(x, state)
        return logits.double().softmax(1), state

    @torch.no_grad()
    def finish(self, state: VideoState) -> Tensor | None:
        """Return the probabilities of the clips up to the last frame; `None` for labels of frames."""
        pooling = self.model.pooling
        if pooling is None or state.pooled is None:
            return None
        shares: Tensor = self.model.head(pooling.so_far(state.pooled)).double().softmax(1)
        return shares


def why_whole(model: VideoClassifier) -> str:
    """Return why a classifier needs the whole clip and which options avoid that; empty if it does not."""
    if model.stack.num_directions > 1:
        return "it reads a clip in both directions; train one with --no-bidirectional"
    if model.pooling is not None and model.pooling.kind not in RUNNING:
        return f"its pooling, {model.pooling.kind}, needs the whole clip; train one with --pooling last, mean or max"
    return ""


def modules(model: VideoClassifier, classes: list[str]) -> Modules:
    """See `Trained.modules`; with ``step`` if the classifier can run frame by frame."""
    states: tuple[str, ...] = ()
    if not (whole := bool(why_whole(model))):
        pooled = () if model.pooling is None else ("pooled", "steps")
        states = ("frame before", "frames before", *state_names(model.stack), *pooled)
    around = {"shape": list(model.shape), "classes": classes}
    return Modules(model, None if whole else Step(model), states, (("frames", "lengths"), ("logits",)), around)
