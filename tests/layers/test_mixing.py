"""Networks between recurrent layers: their equations, that they begin as nothing, and models made with them."""

import pytest
import torch
import torch.nn.functional as F

import unrolled
from unrolled.errors import ArgumentError, BackendError
from unrolled.layers import Stack
from unrolled.layers.mixing import Mixing

TEXT = "text:" + "to be or not to be, that is the question. " * 30


def test_the_equations_by_hand():
    torch.manual_seed(0)
    mixing = Mixing(5, 7).double()
    torch.nn.init.normal_(mixing.narrow.weight)
    y = torch.randn(4, 3, 5).double()
    n = (y - y.mean(-1, keepdim=True)) / (y.var(-1, unbiased=False, keepdim=True) + mixing.norm.eps).sqrt()
    wide = n @ mixing.widen.weight.t() + mixing.widen.bias
    wanted = y + F.gelu(wide, approximate="tanh") @ mixing.narrow.weight.t() + mixing.narrow.bias
    torch.testing.assert_close(mixing(y), wanted)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_stack_begins_as_one_without_and_then_differs(bidirectional):
    stacks = []
    for size in (0, 6):
        torch.manual_seed(1)
        stack = Stack.build("mingru", 4, 5, 3, residual=True, feedforward_size=size, bidirectional=bidirectional)
        stacks.append(stack)
    plain, mixed = stacks
    mixed.layers.load_state_dict(plain.layers.state_dict())
    x = torch.randn(6, 2, 4)
    torch.testing.assert_close(mixed(x), plain(x))
    with torch.no_grad():
        mixed.mixing[1].narrow.bias.fill_(1.0)
    before, after = plain.run(x)[0], mixed.run(x)[0]
    torch.testing.assert_close(after[0], before[0])
    torch.testing.assert_close(after[1], before[1] + 1)
    assert not torch.allclose(after[2], before[2] + 1)


def test_a_language_model_learns_opens_writes_and_cannot_be_frozen(tmp_path):
    options = {"data": TEXT, "steps": 30, "hidden_size": 16, "num_layers": 2, "bptt": 16, "batch_size": 4}
    model = unrolled.train("lm", run=tmp_path / "run", feedforward_size=24, cell="qrnn", **options)
    again = unrolled.load(tmp_path / "run")
    assert again.model.stack.mixing[0].widen.out_features == 24
    assert bool(again.model.stack.mixing[1].narrow.weight.abs().max() > 0)
    assert again.generate("to", length=20, seed=3) == model.generate("to", length=20, seed=3)
    with pytest.raises(BackendError, match="feedforward blocks between its layers"):
        again.model.freeze()


def test_what_it_refuses():
    with pytest.raises(ArgumentError, match="feedforward_size"):
        Stack.build("gru", 2, 3, feedforward_size=-1)
    with pytest.raises(ArgumentError, match="feedforward_size must be omitted with translate"):
        unrolled.train("translate", feedforward_size=8, steps=1)
