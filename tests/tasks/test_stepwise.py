"""One step of a model at a time, and the names of its state."""

import pytest
import torch
from torch.utils import _pytree as pytree

from unrolled.layers import Stack
from unrolled.tasks.common.stepwise import Step, Stepwise, state_names


class Doubled(torch.nn.Module):
    """y_t = 2 h_t of some layers."""

    def __init__(self, stack):
        super().__init__()
        self.stack = stack

    def forward(self, inputs, state=None):
        y, state = self.stack(inputs, state)
        return 2 * y, state

    def initial_state(self, lanes):
        return self.stack.initial_state(lanes)


@pytest.mark.parametrize(("cell", "layers"), [("lstm", 2), ("gru", 1), ("rnn", 3)])
def test_steps_are_the_same_as_the_whole(cell, layers):
    torch.manual_seed(0)
    model = Doubled(Stack.build(cell, 3, 4, layers)).eval()
    x = torch.randn(5, 2, 3)
    stream = Stepwise(model, 2)
    state, step = stream.initial_state(), Step(model)
    whole, after = model(x)
    for t in range(5):
        assert torch.allclose(step(x[t], state)[0], whole[t], atol=1e-6)
        y, state = stream.step(x[t], state)
        assert not y.requires_grad
        assert torch.allclose(y, whole[t], atol=1e-6)
    for found, expected in zip(pytree.tree_leaves(state), pytree.tree_leaves(after), strict=True):
        assert torch.allclose(found, expected, atol=1e-6)
    assert stream.finish(state) is None


@pytest.mark.parametrize(
    ("cell", "layers", "options", "expected"),
    [
        ("lstm", 2, {}, ["layer 1 h", "layer 1 c", "layer 2 h", "layer 2 c"]),
        ("gru", 1, {"bidirectional": True}, ["layer 1 h", "layer 1 backward h"]),
        ("rnn", 1, {}, ["layer 1 h"]),
    ],
)
def test_every_leaf_of_the_state_has_a_name(cell, layers, options, expected):
    stack = Stack.build(cell, 3, 4, layers, **options)
    assert list(state_names(stack)) == expected
    assert len(pytree.tree_leaves(stack.initial_state(1))) == len(expected)
