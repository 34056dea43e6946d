"""Gradient times input, where the right answer is known."""

import torch

from unrolled.analysis.saliency import gradient_times_input


def test_of_a_linear_function_it_is_its_terms():
    torch.manual_seed(0)
    x, w = torch.randn(5, 3, 4), torch.randn(5, 3, 4)
    found = gradient_times_input(lambda x: (w * x).sum((0, 2)), x)
    torch.testing.assert_close(found, (w * x).sum(-1))
    torch.testing.assert_close(found.sum(0), (w * x).sum((0, 2)))


def test_it_works_where_gradients_are_off_and_leaves_the_input_alone():
    x = torch.tensor([[[2.0]], [[3.0]]])
    with torch.no_grad():
        found = gradient_times_input(lambda x: (x**2).sum((0, 2)), x)
    assert found.tolist() == [[8.0], [18.0]]
    assert not x.requires_grad
