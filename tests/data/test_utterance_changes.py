"""Random changes of recordings: pure functions of seed and step, within their limits."""

import numpy as np
import pytest

from unrolled.data.utterance_changes import SoundChanges, changed_sounds
from unrolled.errors import ArgumentError

NONE = {"tempo": 0.0, "warp": 0.0, "noise": 0.0, "time_masks": 0, "band_masks": 0}


def recordings(count=20, T=50):
    return [np.random.default_rng(n).standard_normal((T, 40)).astype(np.float32) for n in range(count)]


def changed(step=0, least=0, **options):
    return changed_sounds(recordings(), SoundChanges(**{**NONE, **options}), np.full(20, least), 0, step)


def test_nothing_is_changed_without_changes():
    for before, after in zip(recordings(), changed(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_step_has_its_own_numbers_and_repeats_them():
    options = {"tempo": 0.2, "warp": 0.1, "noise": 0.5, "time_masks": 2, "band_masks": 2}
    for one, again, other in zip(changed(3, **options), changed(3, **options), changed(4, **options), strict=True):
        np.testing.assert_array_equal(one, again)
        assert one.shape != other.shape or (one != other).any()
        assert one.dtype == np.float32


def test_tempo_keeps_what_the_transcript_needs():
    lengths = {len(frames) for frames in changed(tempo=0.2)}
    assert 40 <= min(lengths) < 45
    assert 55 < max(lengths) <= 60
    assert min(len(frames) for frames in changed(tempo=0.2, least=48)) == 48


def test_masks_have_the_mean_of_the_recording():
    for before, after in zip(recordings(), changed(time_masks=1, time_mask=0.2), strict=True):
        rows = np.flatnonzero((before != after).any(1))
        assert len(rows) <= 10
        np.testing.assert_allclose(after[rows], np.broadcast_to(before.mean(0), (len(rows), 40)), atol=1e-6)
        assert (np.diff(rows) == 1).all()
    for before, after in zip(recordings(), changed(band_masks=1, band_mask=4), strict=True):
        assert len(np.flatnonzero((before != after).any(0))) <= 4


def test_warp_moves_bands():
    one = np.zeros((1, 40), np.float32)
    one[0, 20] = 1
    found = changed_sounds([one] * 50, SoundChanges(**{**NONE, "warp": 0.2}), np.zeros(50), 0, 0)
    tips = [int(frames[0].argmax()) for frames in found]
    assert 16 <= min(tips) < 19
    assert 22 < max(tips) <= 25


@pytest.mark.parametrize(("name", "value"), [("tempo", 0.6), ("noise", -0.1), ("band_mask", 21), ("time_masks", 11)])
def test_numbers_out_of_range(name, value):
    with pytest.raises(ArgumentError, match=f"{name} must be"):
        SoundChanges(**{name: value})
