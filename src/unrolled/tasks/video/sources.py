"""The named data sets of the task ``video``: generated clips, with a class each or a label per frame."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

import numpy as np

from ...data import generated_actions, generated_clips
from ...data.clip_sets import Labels
from ...data.drawn_clips import drawn_clips
from ...data.labelled_clips import Clips, ClipSets, whole
from ...data.pictures import Pixels
from ...data.sets import PARTS
from ...errors import ArgumentError

GENERATED, ACTIONS = "generated", "actions"
NAMES = {
    GENERATED: "clips whose class no single frame tells; with --labels frame: actions",
    ACTIONS: "actions of a stick figure, --labels frame (generated)",
}
"""the named data sets → titles"""


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


@cache
def _clips(part: str) -> Clips:
    seed, count = generated_clips.SEEDS[part], generated_clips.SIZES[part]
    frames = drawn_clips("video", [2, seed], count, lambda number: generated_clips.clip(seed, number)[0])
    labels = [generated_clips.motion(seed, number).label for number in range(count)]
    return in_memory(frames, labels=labels, where=part)


@cache
def _actions(part: str) -> Clips:
    frames, scenes = generated_actions.actions(part)
    return in_memory(frames, tracks=[scene.labels() for scene in scenes], where=part)


def in_memory(
    frames: list[Pixels],
    *,
    labels: Sequence[str] = (),
    tracks: Sequence[Sequence[str]] = (),
    where: str,
    rate: float = 0.0,
) -> Clips:
    """Return clips in memory, with a class each, or with a label for each frame."""
    names = [f"{where} clip {number}" for number in range(1, len(frames) + 1)]
    digests = [hashlib.blake2b(np.ascontiguousarray(clip).data, digest_size=16).hexdigest() for clip in frames]
    return Clips(frames, whole(frames), list(labels), list(tracks), names, digests, rate)
