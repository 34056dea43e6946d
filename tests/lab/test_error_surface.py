"""The error surface against the equations by hand and finite differences; descents stay, or leave, as published."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.errors import ArgumentError
from unrolled.lab.error_surface import Unit, descend, sigmoid


def test_two_steps_by_hand():
    error, gradient = Unit(start=0.0, goal=0.7, steps=2).error(np.array(2.0), np.array(-1.0))
    # x_1 = 2·½ − 1 = 0, x_2 = 0, σ = ½: E = 0.04; ∂x_1 = (½, 1), ∂x_2 = (½, 1) + 2·¼·(½, 1) = (¾, 1½)
    assert error == pytest.approx(0.04)
    assert gradient == pytest.approx(2 * -0.2 * 0.25 * np.array([0.75, 1.5]))


@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(1, 20))
@settings(deadline=None)
def test_the_gradient_is_that_of_the_error(w, b, steps):
    unit, d = Unit(steps=steps), 1e-6
    _, gradient = unit.error(np.array(w), np.array(b))
    by_w = (unit.error(np.array(w + d), np.array(b))[0] - unit.error(np.array(w - d), np.array(b))[0]) / (2 * d)
    by_b = (unit.error(np.array(w), np.array(b + d))[0] - unit.error(np.array(w), np.array(b - d))[0]) / (2 * d)
    assert gradient == pytest.approx([by_w, by_b], rel=1e-4, abs=1e-7)


def test_clipped_descent_stays_at_the_wall_and_the_other_leaves_by_orders_of_magnitude():
    points = np.array([5.5, -2.0])[:, None]
    free = descend(Unit(), points, 0.5, 300, None)
    clipped = descend(Unit(), points, 0.5, 300, 0.5)
    assert clipped.longest[0] == pytest.approx(0.25)  # η c: the wall was met
    assert clipped.errors[-1, 0] < 1e-3
    assert free.longest[0] > 100
    assert free.errors[-1, 0] > 0.08


def test_below_the_norm_clipping_changes_nothing():
    points = np.array([[3.0], [-1.0]])
    one, other = (descend(Unit(), points, 0.1, 50, clip) for clip in (None, 1.0))
    assert one.norms.max() < 1
    assert np.array_equal(one.points, other.points)


def test_steps_and_errors_belong_to_their_points():
    walk = descend(Unit(steps=5), np.array([[1.0, 2.0], [0.5, -1.0]]), 0.3, 4, 0.01)
    assert walk.points.shape == (5, 2, 2)
    error, gradient = Unit(steps=5).error(*walk.points[3])
    assert np.array_equal(walk.errors[3], error)
    assert walk.norms[3] == pytest.approx(np.linalg.norm(gradient, axis=0))


def test_sigmoid_at_its_ends():
    assert sigmoid(np.array([-1e9, 0.0, 1e9])).tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("goal", [0.0, 1.0, float("nan")])
def test_a_goal_out_of_reach(goal):
    with pytest.raises(ArgumentError, match="goal"):
        Unit(goal=goal)
