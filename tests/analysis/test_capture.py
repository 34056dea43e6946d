import pytest
import torch

from unrolled.analysis import capture
from unrolled.errors import ArgumentError
from unrolled.layers import Stack
from unrolled.nn import LSTM
from unrolled.scan import scan_traced


@pytest.mark.parametrize("chunk", [1, 4, 100])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_chunks_join_to_the_whole_trace_and_outputs_are_unchanged(cell, chunk):
    torch.manual_seed(0)
    stack = Stack.build(cell, 3, 5, num_layers=2, bidirectional=True).double().eval()
    x = torch.randn(11, 4, 3, dtype=torch.float64)
    lengths, resets = torch.tensor([11, 0, 6, 9]), torch.rand(11, 4) < 0.2
    expected, expected_state = stack(x, lengths=lengths, resets=resets)
    seen = {}
    with capture(
        stack, lambda name, begin, trace: seen.setdefault(name, {}).update({begin: trace}), chunk=chunk
    ) as names:
        outputs, state = stack(x, lengths=lengths, resets=resets)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(state, expected_state, rtol=0, atol=1e-12)
    assert names == ["layers.0.0", "layers.0.1", "layers.1.0", "layers.1.1"] == sorted(seen)
    for name, reverse in (("layers.0.0", False), ("layers.0.1", True)):
        _, _, whole = scan_traced(stack.get_submodule(name), x, lengths=lengths, resets=resets, reverse=reverse)
        for gate, values in whole.items():
            joined = torch.cat([seen[name][begin][gate] for begin in sorted(seen[name])])
            torch.testing.assert_close(joined, values, rtol=0, atol=1e-12)


def test_the_drop_ins_are_watched_and_left_as_they_were():
    model = torch.nn.Sequential(LSTM(3, 4))
    shapes = []
    with capture(model, lambda name, begin, trace: shapes.append((name, tuple(trace["c"].shape)))):
        model(torch.randn(6, 2, 3))
    assert [shape for _, shape in shapes] == [(6, 2, 4)]
    model(torch.randn(6, 2, 3))
    assert len(shapes) == 1


def test_an_error_inside_leaves_the_model_as_it_was():
    stack = Stack.build("gru", 2, 3)
    with pytest.raises(ZeroDivisionError), capture(stack, lambda *_: 1 / 0):
        stack(torch.randn(2, 1, 2))
    stack(torch.randn(2, 1, 2))
    with pytest.raises(ArgumentError, match="chunk"), capture(stack, print, chunk=0):
        pass
    with pytest.raises(ArgumentError, match="model"), capture(torch.nn.Linear(2, 2), print):
        pass
