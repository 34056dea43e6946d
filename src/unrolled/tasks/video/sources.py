"""The named data sets of the task ``video``: generated clips, with a class each or a label per frame.

They are drawn when they are first used; what is in them is known before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ...data import generated_actions, generated_clips
from ...data.clip_sets import Labels
from ...data.labelled_clips import Clips, ClipSets, Frames
from ...data.pictures import Pixels
from ...data.sets import PARTS
from ...errors import ArgumentError

GENERATED, ACTIONS = "generated", "actions"
NAMES = {
    GENERATED: "clips whose class no single frame tells; with --labels frame: actions",
    ACTIONS: "actions of a stick figure, --labels frame (generated)",
}
"""the named data sets → titles"""
VERSION = 3  # of the generated clips


class _OnDemand:
    """Clips that are drawn one by one when they are first used, and kept in memory."""

    def __init__(self, count: int, draw: Callable[[int], Pixels]) -> None:
        self.count, self.draw = count, draw
        self.drawn: dict[int, Pixels] = {}

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Pixels:
        if number not in self.drawn:
            self.drawn[number] = self.draw(number)
        return self.drawn[number]


class _Cached:
    """The generated actions of a part, drawn into the cache when the first is used."""

    def __init__(self, part: str) -> None:
        self.part = part

    @cached_property
    def frames(self) -> list[Pixels]:
        return generated_actions.actions(self.part)[0]

    def __len__(self) -> int:
        return generated_actions.SIZES[self.part]

    def __getitem__(self, number: int) -> Pixels:
        return self.frames[number]


def named(name: str, labels: Labels) -> ClipSets:
    """Return the sets of a named data set.

    Raises:
        ArgumentError: it has no such labels.
    """
    if name == ACTIONS and labels == "clip":
        raise ArgumentError("labels", f"frame with --data {ACTIONS}, whose frames have the labels", labels)
    make = _clips if labels == "clip" else _actions
    train, valid, test = (make(part) for part in PARTS)
    return ClipSets(train, valid, test)


def _clips(part: str) -> Clips:
    seed, count = generated_clips.SEEDS[part], generated_clips.SIZES[part]
    motions = [generated_clips.motion(seed, number) for number in range(count)]
    frames = _OnDemand(count, lambda number: generated_clips.clip(seed, number)[0])
    lengths = [motion.frames for motion in motions]
    return _whole(frames, part, lengths, labels=[motion.label for motion in motions])


def _actions(part: str) -> Clips:
    seed, count = generated_actions.SEEDS[part], generated_actions.SIZES[part]
    tracks = [generated_actions.scene(seed, number).labels() for number in range(count)]
    return _whole(_Cached(part), part, [len(track) for track in tracks], tracks=tracks)


def _whole(frames: Frames, part: str, lengths: Sequence[int], **labels: Any) -> Clips:
    """Return labelled clips, each a whole one of ``frames``."""
    stretches = np.array([(number, 0, length) for number, length in enumerate(lengths)], np.int64)
    names = [f"{part} clip {number}" for number in range(1, len(lengths) + 1)]
    return Clips(frames, stretches, names=names, digests=[f"{VERSION} {name}" for name in names], **labels)
