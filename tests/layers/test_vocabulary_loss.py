"""The loss without stored logits: cross entropy of the linear layer, its gradients, in blocks and in bfloat16."""

import pytest
import torch
import torch.nn.functional as F

from unrolled.layers import vocabulary_loss
from unrolled.layers.vocabulary_loss import linear_cross_entropy


def case(dtype=torch.float64, N=7, D=5, V=11):
    generator = torch.Generator().manual_seed(0)
    y, weight, bias = (
        torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_() for shape in ((N, D), (V, D), (V,))
    )
    return y, weight, bias, torch.randint(0, V, (N,), generator=generator)


@pytest.mark.parametrize("rows", [1, 3, 7, 100])
def test_loss_and_gradients_are_those_of_torch(monkeypatch, rows):
    monkeypatch.setattr(vocabulary_loss, "ROWS", rows)
    y, weight, bias, targets = case()
    expected = F.cross_entropy(F.linear(y, weight, bias), targets)
    gradients = torch.autograd.grad(3 * expected, (y, weight, bias))
    loss = linear_cross_entropy(y, weight, bias, targets)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(torch.autograd.grad(3 * loss, (y, weight, bias)), gradients)


def test_large_logits_do_not_overflow():
    y, weight, bias, targets = case(torch.float32)
    loss = linear_cross_entropy(y * 1e4, weight, bias, targets)
    torch.testing.assert_close(loss, F.cross_entropy(F.linear(y * 1e4, weight, bias), targets))
    assert torch.isfinite(torch.autograd.grad(loss, weight)[0]).all()


def test_under_autocast_sums_are_float32():
    y, weight, bias, targets = case(torch.float32, N=64, D=32, V=50)
    exact = torch.autograd.grad(F.cross_entropy(F.linear(y, weight, bias), targets), (y, weight, bias))
    with torch.autocast("cpu", torch.bfloat16):
        loss = linear_cross_entropy(y.bfloat16(), weight, bias, targets)
    assert loss.dtype == torch.float32
    for gradient, reference in zip(torch.autograd.grad(loss, (y, weight, bias)), exact, strict=True):
        assert gradient.dtype == torch.float32
        assert (gradient - reference).norm() < 0.02 * reference.norm()


def test_a_view_of_other_rows():
    y, weight, bias, targets = case(N=14)
    half = y.view(2, 7, 5)[1]
    torch.testing.assert_close(
        linear_cross_entropy(half, weight, bias, targets[7:]),
        F.cross_entropy(F.linear(half, weight, bias), targets[7:]),
    )
