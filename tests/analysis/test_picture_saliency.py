"""Occlusion and gradient × input of scores that are known; projections of a network of one filter."""

import pytest
import torch

from unrolled.analysis.picture_saliency import covered, gradient_by_input, mean_colour, occlusion, top_share
from unrolled.analysis.picture_units import Response, projections, responses, window
from unrolled.layers import Convolutions

X = torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(0))


def linear(x):
    return (x * WEIGHT).sum((1, 2, 3))


WEIGHT = torch.zeros(3, 12, 12)
WEIGHT[:, 4:6, 7:9] = torch.tensor([1.0, 2.0, -1.0])[:, None, None]


def test_gradient_by_input_of_a_linear_score_is_its_terms():
    expected = ((X - mean_colour(X)) * WEIGHT).sum(0)
    torch.testing.assert_close(gradient_by_input(linear, X), expected)
    assert gradient_by_input(linear, X).sum().item() == pytest.approx(
        (linear(X[None]) - linear(mean_colour(X)[None])).item(), abs=1e-5
    )


def test_occlusion_of_single_pixels_is_the_drop():
    found = occlusion(linear, X, side=1, stride=1)
    torch.testing.assert_close(found, ((X - mean_colour(X)) * WEIGHT).sum(0))


def test_occlusion_is_the_mean_over_squares():
    found = occlusion(linear, X, side=3, stride=1)
    ground, drops = mean_colour(X), torch.zeros(12, 12)
    for row in range(3, 6):
        for column in range(6, 9):
            for top in range(row - 2, row + 1):
                for left in range(column - 2, column + 1):
                    other = X.clone()
                    other[:, top : top + 3, left : left + 3] = ground[:, top : top + 3, left : left + 3]
                    drops[row, column] += (linear(X[None]) - linear(other[None]))[0] / 9
    torch.testing.assert_close(found[3:6, 6:9], drops[3:6, 6:9])


def test_marked_pixels():
    marked = top_share(torch.arange(100.0).view(10, 10), 0.1)
    assert marked.sum() == 10
    assert marked[9].all()
    assert torch.equal(covered(X, torch.ones(12, 12, dtype=torch.bool)), mean_colour(X))


def bright_dot():
    """A network whose first unit answers to single pixels and its second to nothing."""
    network = Convolutions(1, (2,), depth=1, norm=False).eval()
    with torch.no_grad():
        weight = network.blocks[0].convolutions[0].weight.zero_()
        weight[0, 0, 1, 1] = 2.0
        weight[0, 0, 0, 0] = 1.0
    return network


def test_responses_and_projection():
    network, pictures = bright_dot(), torch.zeros(3, 1, 8, 8)
    pictures[1, 0, 4, 5] = 1.0
    pictures[2, 0, 2, 3] = 3.0
    [layer] = responses(network, lambda: iter(pictures.split(2)), count=2)
    assert [r[:3] for r in layer.best[0]] == [(2, 2, 3), (1, 4, 5)]
    assert [r.value for r in layer.best[0]] == [6.0, 2.0]
    assert layer.selective(2) == [0]
    found = projections(network, pictures[[2, 1]], layer.name, 0, layer.best[0])
    assert found[0, 0, 2, 3] == 6.0 * 2  # the value times the weight that it came by
    assert found[0, 0, 1, 2] == 6.0
    assert found[1].abs().sum() == 2.0 * 3
    assert window(network, layer.name, Response(0, 2, 3, 1.0), 8) == (1, 2, 3)
    assert window(network, layer.name, Response(0, 0, 0, 1.0), 8).cut(torch.ones(1, 8, 8)).sum() == 4
