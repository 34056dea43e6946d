"""Moving digits: the movement of Srivastava et al. 2015, and that a clip is a pure function of its number."""

import math

import numpy as np

from unrolled.data.counter import uniform
from unrolled.data.moving_digits import DIGIT, SIDE, moving, shapes


def test_a_clip_is_that_of_a_second_implementation():
    digits, side, frames = shapes(2), 48, 25
    found = moving(digits, 5, 2, np.array([7]), frames=frames, count=2, side=side)[0, ..., 0]
    expected = np.zeros((frames, side, side), np.uint8)
    for number in range(2):
        pick, y, x, angle = uniform(5, 2, 7, number, np.arange(4)).tolist()
        place, velocity = [y, x], [math.sin(2 * math.pi * angle), math.cos(2 * math.pi * angle)]
        for t in range(frames):
            for axis in range(2):
                place[axis] += velocity[axis] * 0.1
                if place[axis] <= 0:
                    place[axis], velocity[axis] = 0.0, -velocity[axis]
                elif place[axis] >= 1:
                    place[axis], velocity[axis] = 1.0, -velocity[axis]
            top, left = (int(p * (side - DIGIT)) for p in place)
            window = expected[t, top : top + DIGIT, left : left + DIGIT]
            np.maximum(window, digits[int(pick * len(digits))], out=window)
    np.testing.assert_array_equal(found, expected)


def test_clips_are_pure_functions_of_their_numbers():
    digits = shapes(0)
    together = moving(digits, 0, 1, np.arange(4))
    assert together.shape == (4, 20, SIDE, SIDE, 1)
    np.testing.assert_array_equal(together[2:3], moving(digits, 0, 1, np.array([2])))
    assert (moving(digits, 1, 1, np.arange(4)) != together).any()
    assert (moving(digits, 0, 2, np.arange(4)) != together).any()


def test_parts_have_shapes_of_their_own():
    assert shapes(0).shape == (120, DIGIT, DIGIT)
    shared = {picture.tobytes() for picture in shapes(0)} & {picture.tobytes() for picture in shapes(2)}
    assert len(shared) < 12  # circles of the same size
