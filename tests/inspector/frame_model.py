"""A trained model of no task of this package: it reads frames, each as bright as a digit says, and has its own pane."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from unrolled.analysis.inspection import Inspection
from unrolled.analysis.passes import Lines
from unrolled.analysis.tokenized import TokenSequence
from unrolled.layers import Stack

FRAMES = "0123456789" * 12
CLIP = 40  # frames that are read with a fresh state


class Network(nn.Module):
    """Symbols ``(T, B)`` through a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = Stack.build("gru", 10, 3)

    def forward(self, ids, lengths):
        return self.stack(ids, lengths=lengths)[0]


class FrameModel:
    """What a plug-in's task might give."""

    task = "gesture"
    panes = ("text", "contour", "training")
    loss_unit = "nats per frame"

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = Network().eval()

    def reading(self, text, starts=(0,)):
        at = np.arange(len(text))
        clips = np.split(np.array([int(one) for one in text]), range(CLIP, len(text), CLIP))
        places = np.split(at, range(CLIP, len(text), CLIP))
        lines = Lines(
            [TokenSequence(*one) for one in zip(clips, places, strict=True)],
            lambda one, ids, lengths: one(ids, lengths),
        )
        return Inspection(self.model, lambda one: one.stack, Network, 10, lines, tick="frame")

    def pane(self, name, text):
        return {"pane": name, "heights": [int(one) for one in text]}
