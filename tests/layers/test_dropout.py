"""Locked dropout: one mask for all steps, the right rate, nothing in evaluation."""

from __future__ import annotations

import pytest
import torch

from unrolled.errors import ArgumentError
from unrolled.layers import LockedDropout


def test_the_mask_is_shared_by_all_steps_and_by_nothing_else():
    torch.manual_seed(0)
    y = LockedDropout(0.5)(torch.ones(20, 8, 16))  # (T, B, D)
    assert torch.equal(y, y[:1].expand_as(y))
    assert len({tuple(lane) for lane in y[0].tolist()}) == 8  # every lane has a mask of its own


def test_the_rate_is_p_and_the_mean_is_kept():
    torch.manual_seed(1)
    y = LockedDropout(0.3)(torch.ones(2, 200, 500))
    assert y.unique().tolist() == pytest.approx([0, 1 / 0.7])
    deviation = (0.3 * 0.7 / 100_000) ** 0.5
    assert abs((y[0] == 0).double().mean().item() - 0.3) < 5 * deviation


def test_a_mask_is_drawn_anew_each_pass():
    dropout = LockedDropout(0.5)
    x = torch.ones(3, 4, 16)
    assert not torch.equal(dropout(x), dropout(x))


def test_the_gradient_goes_through_the_kept_features_only():
    x = torch.ones(5, 3, 7, dtype=torch.float64, requires_grad=True)
    y = LockedDropout(0.4)(x)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, y.detach())  # x is 1, so y is the scaled mask


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_evaluation_passes_the_input_unchanged(p):
    x = torch.randn(3, 2, 4)
    assert LockedDropout(p).eval()(x) is x


def test_the_ends_of_the_range():
    x = torch.randn(3, 2, 4)
    assert torch.equal(LockedDropout(0)(x), x)
    assert torch.equal(LockedDropout(1)(x), torch.zeros_like(x))


@pytest.mark.parametrize("p", [-0.1, 1.5, True, "0.5", float("nan")])
def test_a_rate_that_is_none_is_refused(p):
    with pytest.raises(ArgumentError, match="dropout must be a probability from 0 to 1"):
        LockedDropout(p)


def test_it_says_its_rate():
    assert repr(LockedDropout(0.25)) == "LockedDropout(p=0.25)"
