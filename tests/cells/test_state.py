"""Operations on states: any pytree, the batch in dimension 0."""

import pytest
import torch

from unrolled.cells import GRUState, LSTMState, RNNState, state

STATES = [
    RNNState(torch.arange(6.0).view(3, 2)),
    GRUState(torch.arange(6.0).view(3, 2)),
    LSTMState(torch.arange(6.0).view(3, 2), torch.arange(12.0).view(3, 4)),
    (LSTMState(torch.rand(3, 1), torch.rand(3, 2)), {"map": torch.rand(3, 2, 5, 5), "steps": torch.arange(3)}),
]


def leaves(tree):
    return torch.utils._pytree.tree_leaves(tree)


@pytest.mark.parametrize("tree", STATES, ids=lambda tree: type(tree).__name__)
def test_select_put_and_where_act_on_lanes(tree):
    index = torch.tensor([2, 0])
    chosen = state.select(tree, index)
    assert type(chosen) is type(tree)
    for whole, part in zip(leaves(tree), leaves(chosen), strict=True):
        assert torch.equal(part, whole[[2, 0]])

    back = state.put(tree, torch.tensor([0, 1]), chosen)
    for whole, new in zip(leaves(tree), leaves(back), strict=True):
        assert torch.equal(new, whole[[2, 0, 2]])

    mixed = state.where(torch.tensor([True, False, True]), tree, state.select(tree, torch.tensor([1, 0, 1])))
    for whole, new in zip(leaves(tree), leaves(mixed), strict=True):
        assert torch.equal(new, whole[[0, 0, 2]])


@pytest.mark.parametrize("tree", STATES[:3], ids=lambda tree: type(tree).__name__)
def test_the_same_as_methods(tree):
    index = torch.tensor([1])
    assert torch.equal(tree.select(index).h, tree.h[1:2])
    assert torch.equal(tree.put(index, tree.select(torch.tensor([0]))).h, tree.h[[0, 0, 2]])
    grown = type(tree)(*(leaf.clone().requires_grad_() * 2 for leaf in tree))
    assert grown.h.requires_grad
    assert not any(leaf.requires_grad for leaf in grown.detach())
    assert type(grown.detach()) is type(tree)


def test_gradients_flow_through_select_put_and_where():
    h = torch.rand(3, 2, dtype=torch.float64, requires_grad=True)
    index = torch.tensor([2, 2])
    torch.autograd.gradcheck(lambda h: RNNState(h).select(index).h, h)
    torch.autograd.gradcheck(lambda h: RNNState(h).put(index[:1], RNNState(h[:1])).h, h)
    torch.autograd.gradcheck(lambda h: state.where(torch.tensor([True, False, True]), (h,), (2 * h,))[0], h)
