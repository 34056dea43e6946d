"""Clips of 5 to 200 frames in one batch: real frames only, against padded clips.    python benchmarks/clip_batches.py

Both sides are the network of the task `video` with its default options, float32, one thread: forward and backward pass
of a batch of 16 clips of 40 × 40 pixels. The peer pads every clip to the longest one, as most implementations of LRCN
do, computes the convolutions of all frames, (T · B, C, H, W), and masks the padding in the recurrent layers. First the
logits of the batch are compared with those of each clip alone. Rates are frames without padding per second of CPU time.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness import Work, arguments, compare, ratio_cell, table, worker
from unrolled.layers.frames import active
from unrolled.tasks.video.config import VideoConfig
from unrolled.tasks.video.model import VideoClassifier

CLIPS, SIDE, CLASSES = 16, 40, 4


def batch(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the frames of all clips, their lengths and classes; the lengths are uniform from 5 to 200."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(5, 201, CLIPS)
    lengths[:2] = 5, 200
    frames = draw.integers(0, 256, (int(lengths.sum()), SIDE, SIDE, 1), np.uint8)
    return torch.from_numpy(frames), torch.from_numpy(lengths), torch.from_numpy(draw.integers(CLASSES, size=CLIPS))


def network() -> VideoClassifier:
    torch.manual_seed(0)
    return VideoClassifier((SIDE, SIDE, 1), CLASSES, VideoConfig())


def padded_logits(model: VideoClassifier, frames: Tensor, lengths: Tensor) -> Tensor:
    """Return the logits as code with padded clips computes them."""
    longest, at = int(lengths.max()), 0
    clips = frames.new_zeros(longest, len(lengths), *frames.shape[1:])
    for n, length in enumerate(lengths.tolist()):
        clips[:length, n] = frames[at : at + length]
        at += length
    encoder: Any = model.frames
    x = encoder.normalised(clips.flatten(0, 1)).unflatten(0, (longest, -1))
    seen = torch.cat([x, torch.cat([torch.zeros_like(x[:1]), x[1:] - x[:-1]])], 2)
    e = active(encoder.project(encoder.features(seen.flatten(0, 1)).flatten(1))).unflatten(0, (longest, -1))
    return model.answer(e, lengths)


def side(name: str) -> Work:
    model, seed = network(), iter(range(1_000_000))

    def work() -> float:
        frames, lengths, labels = batch(next(seed))
        begin = time.process_time()
        logits = model(frames, lengths) if name == "ours" else padded_logits(model, frames, lengths)
        torch.nn.functional.cross_entropy(logits, labels).backward()
        model.zero_grad()
        return len(frames) / (time.process_time() - begin)

    torch.set_num_threads(1)
    return work


@torch.no_grad()
def largest_difference() -> float:
    """Return the largest difference between logits in the batch and those of each clip alone."""
    model = network().eval()
    frames, lengths, _ = batch(0)
    together, alone = model(frames, lengths), []
    for clip in frames.split(lengths.tolist()):
        alone.append(model(clip, torch.tensor([len(clip)])))
    return float((together - torch.cat(alone)).abs().max())


def main() -> None:
    options = arguments(__doc__, repetitions=9)
    if options.worker:
        worker(lambda: side(options.worker))
        return
    print(f"largest difference of a logit from that of the clip alone: {largest_difference():.1e}")
    mine, theirs, ratios = compare(sys.argv[0], ("ours", "peer"), [], options.repetitions)
    found = [[f"{CLIPS} clips of 5 to 200 frames", f"{mine:,.0f}", f"{theirs:,.0f}", ratio_cell(ratios)]]
    table(["batch", "unrolled, frames/s", "padded", "ratio (95 %)"], found)


if __name__ == "__main__":
    main()
