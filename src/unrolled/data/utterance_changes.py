"""Random changes of recordings in training, as pure functions of seed and step.

    tempo       faster or slower by up to this fraction: frames are interpolated over time, so the pitch stays
    warp        a longer or shorter vocal tract (Jaitly and Hinton 2013): bands are moved by up to this fraction
    noise       steady noise, with this probability: in each band up to the mean energy of the recording in it
    time mask   stretches of time without sound, band mask: without some neighbouring bands (SpecAugment, Park et al.
                2019); they get the mean of the recording, which normalisation turns into 0

Numbers are drawn by (seed, step, place in the batch), so a resumed run sees the same frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from .counter import uniform
from .log_mel import BANDS, Frames

_CHANGES = 0x5BEC  # random stream
_DRAWS = 64
MOST_MASKS = 10

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class SoundChanges:
    """How recordings are changed at random; see the module.

    Raises:
        ArgumentError: a number is out of range.
    """

    tempo: float = 0.15
    """make recordings faster or slower by up to this fraction"""
    warp: float = 0.1
    """move the bands up or down by up to this fraction, as other voices have them"""
    noise: float = 0.3
    """add steady noise with this probability"""
    time_masks: int = 2
    """stretches of time without sound"""
    time_mask: float = 0.08
    """their largest length, as a fraction of the recording"""
    band_masks: int = 2
    """groups of neighbouring bands without sound"""
    band_mask: int = 6
    """their largest number of bands, of 40"""

    def __post_init__(self) -> None:
        for name, most in (("tempo", 0.5), ("warp", 0.3), ("noise", 1.0), ("time_mask", 0.5)):
            if not 0 <= (value := getattr(self, name)) <= most:
                raise ArgumentError(name, f"a fraction from 0 to {most:g}", value)
        for name, limit in (("time_masks", MOST_MASKS), ("band_masks", MOST_MASKS), ("band_mask", BANDS // 2)):
            if not 0 <= (value := getattr(self, name)) <= limit:
                raise ArgumentError(name, f"0..{limit}", value)


def changed_sounds(
    recordings: Sequence[Frames], changes: SoundChanges, least: Counts, seed: int, step: int
) -> list[Frames]:
    """Return the recordings of a batch ``(T_n, 40)`` with random changes.

    Args:
        recordings: the batch.
        changes: which changes.
        least: ``(B,)``, the frames that a recording must keep at least for its transcript.
        seed: the seed of the run.
        step: the number of the training step.
    """
    draws = uniform(seed, _CHANGES, step, np.arange(len(recordings))[:, None], np.arange(_DRAWS))
    return [_changed(*each, changes) for each in zip(recordings, draws, least.tolist(), strict=True)]


def _changed(frames: Frames, draws: npt.NDArray[np.float64], least: int, changes: SoundChanges) -> Frames:
    faster, wider, *_ = 2 * draws[:2] - 1
    T = max(round(len(frames) * (1 + faster * changes.tempo)), min(least, len(frames)))
    found = frames if len(frames) == T else _interpolated(frames, (np.arange(T) + 0.5) * len(frames) / T - 0.5)
    if changes.warp:
        found = _interpolated(found.T, np.arange(BANDS) * (1 + wider * changes.warp)).T
    mean = found.mean(0)
    if draws[2] < changes.noise:
        level = mean - 8 * draws[3]  # nats below the mean energy, 0 to 35 dB
        found = np.logaddexp(found, level + 0.5 * (draws[4] - 0.5), dtype=np.float32)
        mean = found.mean(0)
    found = np.array(found, np.float32)
    masks = draws[8:].reshape(-1, 2).tolist()
    for size, place in masks[: changes.time_masks]:
        length = int(size * (changes.time_mask * T + 1))
        begin = int(place * (T - length + 1))
        found[begin : begin + length] = mean
    for size, place in masks[MOST_MASKS : MOST_MASKS + changes.band_masks]:
        length = int(size * (changes.band_mask + 1))
        begin = int(place * (BANDS - length + 1))
        found[:, begin : begin + length] = mean[begin : begin + length]
    return found


def _interpolated(frames: Frames, places: npt.NDArray[np.float64]) -> Frames:
    """Return frames at these places between the given ones, linearly; outside, the nearest one."""
    places = np.clip(places, 0, len(frames) - 1)
    before = np.minimum(places.astype(np.int64), max(0, len(frames) - 2))
    share = (places - before)[:, None].astype(np.float32)
    after = np.minimum(before + 1, len(frames) - 1)
    found: Frames = (1 - share) * frames[before] + share * frames[after]
    return found
