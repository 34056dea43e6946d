import pytest
import torch

from unrolled.analysis import capture
from unrolled.attend import attend
from unrolled.cells import make_cell
from unrolled.cells.attentive import Attentive, feed_size
from unrolled.errors import ArgumentError
from unrolled.layers import Stack
from unrolled.nn import LSTM
from unrolled.scan import scan_traced
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.tasks.translate.model import EncoderDecoder, Translator


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


@pytest.mark.parametrize("chunk", [1, 3, 100])
@pytest.mark.parametrize("kind", ["gru", "lstm"])
@pytest.mark.parametrize(
    ("score", "feeding"), [("additive", False), ("general", True), ("scaled", False)], ids=["additive", "fed", "scaled"]
)
def test_an_attentive_cell_is_traced_as_by_a_loop_over_its_own_step(kind, score, feeding, chunk):
    torch.manual_seed(0)
    fed = feed_size(score, 6, 6, feeding)
    cell = Attentive(make_cell(kind, 3 + fed, 6), 3, 6, score=score, input_feeding=feeding).double()
    x, h = torch.randn(7, 2, 3).double(), torch.randn(5, 2, 6).double()
    memory, lengths = cell.remember(h, torch.tensor([5, 3])), torch.tensor([7, 4])
    begun = cell.begin(cell.cell.initial_state(2))
    wanted = attend(cell, x, begun, memory, lengths=lengths)
    seen = {}
    with capture(cell, lambda name, begin, trace: seen.update({begin: trace}), chunk=chunk) as names:
        found = attend(cell, x, begun, memory, lengths=lengths)
    torch.testing.assert_close(found, wanted)
    assert names == ["cell"]
    assert sorted(seen) == list(range(0, 7, chunk))
    whole = {name: torch.cat([seen[begin][name] for begin in sorted(seen)]) for name in seen[0]}
    assert {"h", "attention"} < set(whole)
    for n, length in enumerate(lengths.tolist()):  # each sentence by itself
        alone, state = memory.of(torch.tensor([n])), cell.begin(cell.cell.initial_state(1))
        for t in range(length):
            before, looked = state, state.cell
            y, state, a = cell.step(x[t, n : n + 1], before, alone)
            given = cell.cell.input_size - 3
            more = torch.einsum("ns,snc->nc", a, alone.h) if score == "additive" else before.fed
            _, _, gates = cell.cell.step_traced(torch.cat([x[t, n : n + 1], more[:, :given]], 1), looked)
            steps = {**gates, "attention": a, **({} if score == "additive" else {"u": y})}
            assert set(steps) == set(whole)
            for name, values in steps.items():
                torch.testing.assert_close(whole[name][t, n], values[0])
        assert all(not values[length:, n].any() for values in whole.values())
    assert cell.runner is None


def test_both_sides_of_a_translator_are_seen():
    torch.manual_seed(0)
    layers = Recurrent(cell="gru", hidden_size=6, num_layers=2, dropout=0.0)
    model = Translator(9, 8, layers, EncoderDecoder(embedding_size=5)).eval()
    source, target = torch.randint(2, 9, (4, 3)), torch.randint(2, 8, (5, 3))
    given = (source, torch.tensor([4, 2, 3]), target, torch.tensor([5, 5, 1]))
    wanted, seen = model(*given), {}
    with capture(model, lambda name, begin, trace: seen.update({name: trace})) as names:
        torch.testing.assert_close(model(*given), wanted)
    encoder = [f"encoder.layers.{layer}.{way}" for layer in range(2) for way in range(2)]
    assert names == [*encoder, "decoder.layers.0.0", "attention.cell"]
    assert set(seen) == set(names)
    looked = seen["attention.cell"]["attention"]  # (T, N, S)
    assert looked.shape == (5, 3, 4)
    torch.testing.assert_close(looked.sum(2)[:, 0], torch.ones(5))
    assert not looked[:, 1, 2:].any()
