"""Random changes of lines."""

import numpy as np
import pytest
from line_making import line

from unrolled.data.line_augmentation import USUAL, LineChanges, changed_lines
from unrolled.errors import ArgumentError

LINES = [line(120, 24, 1), line(60, 24, 2)]


def test_lines_are_a_function_of_seed_and_step():
    first, again, other = (changed_lines(LINES, USUAL, 3, step) for step in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(a.shape == b.shape and np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert all(a.shape[0] == 24 and a.dtype == np.uint8 for a in first)
    assert changed_lines(LINES, LineChanges(), 3, 5)[0] is LINES[0]


def test_ink_becomes_thicker_or_thinner_by_one_pixel():
    pixels = np.full((9, 9), 255, np.uint8)
    pixels[3:6, 3:6] = 0
    areas = {int((changed_lines([pixels], LineChanges(ink=1), 0, step)[0] < 128).sum()) for step in range(20)}
    assert areas == {1, 9, 25}


def test_stretch_changes_the_width_within_its_limit():
    widths = [changed_lines(LINES[:1], LineChanges(stretch=0.5), 0, step)[0].shape[1] for step in range(40)]
    assert 80 <= min(widths) < 90
    assert 165 < max(widths) <= 180


def test_ends_of_long_lines_stay_inside_when_they_are_turned():
    long = np.full((48, 1600), 255, np.uint8)
    long[20:28] = 0
    for step in range(8):
        turned = changed_lines([long], LineChanges(rotate=10), 0, step)[0]
        assert all((turned[:, x] < 100).sum() in (7, 8, 9) for x in (4, 800, -5))


def test_noise_and_contrast_have_the_given_size():
    paper = np.full((48, 400), 200, np.uint8)
    deviations = [changed_lines([paper], LineChanges(noise=20), 0, step)[0].std() for step in range(20)]
    assert 10 < max(deviations) < 21
    assert min(deviations) < 6
    faint = [changed_lines([LINES[0]], LineChanges(contrast=0.4), 0, step)[0] for step in range(20)]
    assert 0 <= min(pixels.min() for pixels in faint) < 15
    assert 40 < max(pixels.min() for pixels in faint) <= 51


def test_invalid_numbers():
    with pytest.raises(ArgumentError, match="rotate"):
        LineChanges(rotate=90)
    with pytest.raises(ArgumentError, match="noise"):
        LineChanges(noise=float("nan"))
