"""Clips whose class no single frame tells: proofs that it does not, and that the order of the frames does."""

import math
from collections import Counter
from itertools import product

import numpy as np

from unrolled.data.generated_clips import CLASSES, LONGEST, SHORTEST, SIDE, clip, draw, motion


def test_a_clip_is_a_function_of_seed_and_number():
    frames, label = clip(1, 5)
    again, same = clip(1, 5)
    assert np.array_equal(frames, again)
    assert label == same == motion(1, 5).label
    assert frames.dtype == np.uint8
    assert SHORTEST <= len(frames) <= LONGEST
    assert frames.shape[1:] == (SIDE, SIDE, 1)
    assert not np.array_equal(clip(2, 5)[0][:SHORTEST], frames[:SHORTEST])


def test_all_classes_occur_equally_often():
    counts = Counter(motion(3, n).label for n in range(800))
    assert set(counts) == set(CLASSES)
    assert min(counts.values()) > 160


def test_backwards_is_the_other_direction_and_the_other_order():
    for number in range(20):
        shown = motion(1, number)
        other = shown._replace(clockwise=-shown.clockwise, order=-shown.order)
        assert np.array_equal(draw(shown)[::-1], draw(other))
        assert other.label != shown.label


def test_frames_at_each_time_are_the_same_in_all_classes():
    """All angles and places on a grid that the motions map onto itself: equal sets of frames at each time."""
    turn, period, found = 4, 6, {}
    angles = [2 * math.pi * n / turn for n in range(turn)]
    for clockwise, order in product((1, -1), repeat=2):
        counts = [Counter() for _ in range(3)]
        for first, second, place in product(angles, angles, range(period)):
            shown = motion(1, 0)._replace(
                frames=3, clockwise=clockwise, order=order, angles=(first, second), place=place / period + 0.07,
                speeds=(2 * math.pi / turn, 2 * math.pi / turn), period=float(period),
            )  # fmt: skip
            for time, frame in enumerate(draw(shown)):
                counts[time][np.rint(frame).astype(np.uint8).tobytes()] += 1
        found[clockwise, order] = counts
    one, *others = found.values()
    assert len(one[0]) > 40
    assert all(other == one for other in others)


def test_the_first_flash_is_followed_by_the_other_at_once():
    shown = motion(1, 0)._replace(frames=25, order=1, place=0.0, period=12.0, ground=120.0)
    contrasts = draw(shown) - 120
    circle, square = contrasts.max((1, 2, 3)) > 75, contrasts.min((1, 2, 3)) < -75
    assert "".join("-os"[c + 2 * s] for c, s in zip(circle, square, strict=True)) == "oooossss----" * 2 + "o"
