"""``unrolled data`` for the task ``frames``: a summary of clips."""

from __future__ import annotations

import numpy as np

from ...data.frame_sets import NAMES, PARTS, resolved, sized
from ...results import Animation, Pairs, Report
from .config import Frames
from .drawing import Shown, animation


def describe(data: Frames) -> Report:
    """See `Task.describe`."""
    sets = data.read(0)
    name = resolved(data.data)
    clip = sets.train.pick(np.arange(1))[0]
    rows = [
        ("data", f"{name}{f': {NAMES[name]}' if name in NAMES else ''}"),
        *((part, f"{len(getattr(sets, part)):,} windows") for part in PARTS),
        ("window", f"{data.context} + {data.horizon} frames"),
        ("frames", sized(sets.shape)),
        ("mean pixel", f"{clip.mean() / 255:.3f} of the first clip, from 0 to 1"),
    ]
    values = {
        "name": name,
        "shape": list(sets.shape),
        "context": data.context,
        "horizon": data.horizon,
        **{part: len(getattr(sets, part)) for part in PARTS},
    }
    shown = Shown(clip[: data.context], None, clip[data.context :])
    example = Animation("example", lambda: animation(shown), "a training clip")
    return Report(values, (Pairs(rows), example), how=tuple(sets.how), notes=tuple(sets.notes), event="frames")
