"""Weights of another model: by name and shape, with rows mapped."""

import pytest
import torch
from torch import nn

from unrolled.errors import ArgumentError
from unrolled.training.transfer import Taken, transfer


def test_rows_are_mapped_and_new_ones_are_the_mean():
    model, old = nn.Linear(4, 3), torch.arange(6.0).view(2, 3)
    bias = model.bias.detach().clone()
    notes, new = transfer(
        model, {"weight": Taken(old, {0: torch.tensor([1, -1, 0]), 1: torch.tensor([2, 0, -1, 1])})}, "R", 3
    )
    rows = torch.tensor([[3, 4, 5], [1.5, 2.5, 3.5], [0, 1, 2]])
    expected = torch.stack([rows[:, 2], rows[:, 0], rows.mean(1), rows[:, 1]], 1)
    torch.testing.assert_close(model.weight.detach(), expected)
    assert torch.equal(model.bias, bias)
    assert notes == ["1 of 2 tensors (12 numbers) taken from R", "new: bias", "tensors of R that are not used: 2"]
    assert new == ["bias"]


def test_fresh_rows_keep_their_initial_values():
    model, old = nn.Linear(2, 2), torch.arange(4.0).view(2, 2)
    before = model.weight.detach().clone()
    places = torch.tensor([-1, 0])
    transfer(model, {"weight": Taken(old, {0: places, 1: places}, fresh=True)}, "R", 1)
    before[1, 1] = old[0, 0]
    assert torch.equal(model.weight, before)


def test_shapes_that_do_not_fit_are_listed():
    tensors = {"weight": Taken(torch.zeros(5, 4)), "bias": Taken(torch.zeros(5))}
    with pytest.raises(ArgumentError, match=r"R: weight is 5×4, needed is 3×4, bias is 5, needed is 3"):
        transfer(nn.Linear(4, 3), tensors, "R", 2)
    with pytest.raises(ArgumentError, match="a run that has a layer of this network"):
        transfer(nn.Linear(4, 3), {"other": Taken(torch.zeros(1))}, "R", 1)
