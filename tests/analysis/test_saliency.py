"""Attributions, where the right answer is known."""

import math

import pytest
import torch

from unrolled.analysis.saliency import gradient_times_input, integrated_gradients
from unrolled.errors import ArgumentError, ShapeError


def test_of_a_linear_function_it_is_its_terms():
    torch.manual_seed(0)
    x, w = torch.randn(5, 3, 4), torch.randn(5, 3, 4)
    found = gradient_times_input(lambda x: (w * x).sum((0, 2)), x)
    torch.testing.assert_close(found, (w * x).sum(-1))
    torch.testing.assert_close(found.sum(0), (w * x).sum((0, 2)))
    weights, value, baseline = integrated_gradients(lambda y: (w[:, :1] * y).sum((0, 2)), x[:, 0])
    torch.testing.assert_close(weights, (w * x).sum(-1)[:, 0])
    assert (value, baseline) == (pytest.approx(float(weights.sum()), abs=1e-5), 0.0)


def test_it_works_where_gradients_are_off_and_leaves_the_input_alone():
    x = torch.tensor([[[2.0]], [[3.0]]])
    with torch.no_grad():
        found = gradient_times_input(lambda x: (x**2).sum((0, 2)), x)
        weights = integrated_gradients(lambda x: (x**2).sum((0, 2)), x[:, 0]).weights
    assert found.tolist() == [[8.0], [18.0]]
    assert weights.tolist() == pytest.approx([4.0, 9.0])
    assert not x.requires_grad


def test_they_are_complete_where_the_gradient_vanishes():
    x = torch.tensor([[3.0], [1.0]], dtype=torch.float64)

    def saturated(x):
        return torch.tanh(8 * x.sum((0, 2)) - 4)

    assert abs(float(gradient_times_input(saturated, x.unsqueeze(1)).sum())) < 1e-20
    weights, value, baseline = integrated_gradients(saturated, x)
    assert value - baseline == pytest.approx(1 + math.tanh(4))
    assert float(weights.sum()) == pytest.approx(value - baseline, abs=0.04)
    assert float(weights[0]) == pytest.approx(3 * float(weights[1]))  # 8 (x_1 + x_2): by their shares of the sum


def test_more_points_are_taken_only_until_the_weights_are_complete():
    sizes = []

    def step(x):
        sizes.append(x.size(1))
        return (x.mean((0, 2)) > 0.3) * x.mean((0, 2))  # the jump at 0.3 has no gradient, so they never are

    integrated_gradients(step, torch.ones(1, 1))
    assert sizes == [2, 8, 32, 128]
    sizes.clear()
    integrated_gradients(step, torch.ones(300, 1))
    assert sizes == [2, 8, 32]
    sizes.clear()
    integrated_gradients(lambda x: step(x) * 0, torch.ones(1, 1))
    assert sizes == [2, 8]


def test_long_inputs_are_divided():
    most = []

    def total(x):
        most.append(x.size(1))
        return (x**2).sum((0, 2))

    weights = integrated_gradients(total, torch.ones(4000, 1)).weights
    assert max(most) == 4
    most.clear()
    torch.testing.assert_close(integrated_gradients(total, torch.ones(4000, 1), at_once=1).weights, weights)
    assert max(most) == 2  # the input and the baseline
    torch.testing.assert_close(weights, torch.ones(4000))


def test_bad_input():
    with pytest.raises(ShapeError, match=r"inputs must be \(T, E\) with T at least 1, got \(0, 2\)"):
        integrated_gradients(lambda x: x.sum((0, 2)), torch.zeros(0, 2))
    with pytest.raises(ArgumentError, match="tolerance must be above 0"):
        integrated_gradients(lambda x: x.sum((0, 2)), torch.zeros(1, 2), tolerance=0.0)
