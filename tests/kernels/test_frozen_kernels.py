"""Frozen stacks in compiled code: the numbers of the unfrozen layers, and bits that depend on nothing else."""

import pytest
import torch
from team_size import threads
from torch.nn.utils.rnn import pack_padded_sequence, unpad_sequence

from unrolled import nn
from unrolled.kernels import extension

pytestmark = pytest.mark.skipif(extension.missing is not None, reason=str(extension.missing))

SETS = extension.instruction_sets()
CELLS = {
    "rnn": (nn.RNN, {}),
    "relu": (nn.RNN, {"nonlinearity": "relu", "bias": False}),
    "gru": (nn.GRU, {}),
    "gru before": (nn.GRU, {"reset_after": False, "zoneout": 0.2}),
    "lstm": (nn.LSTM, {"initial_state": "learned"}),
    "peepholes": (nn.LSTM, {"peepholes": True, "zoneout": (0.1, 0.2), "bias": False}),
}
SHAPES = {  # input and hidden size, layers, options
    "one": (7, 5, 1, {}),
    "whole vectors": (16, 64, 1, {"batch_first": True}),
    "deep": (33, 35, 3, {"residual": True, "batch_first": True}),
    "two ways": (5, 20, 2, {"bidirectional": True, "residual": True}),
}


def made(name, input_size=24, hidden_size=40, num_layers=1, **options):
    torch.manual_seed(1)
    build, more = CELLS[name]
    layer = build(input_size, hidden_size, num_layers, **more, **options).eval()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.6 / hidden_size**0.5)
    return layer.requires_grad_(False)


def state(layer, B):
    shape = layer.num_layers * (1 + layer.bidirectional), B, layer.hidden_size
    leaves = tuple(0.5 * torch.randn(shape) for _ in layer.state_names)
    return leaves if len(leaves) > 1 else leaves[0]


def parts(results):
    return [results[0], *(results[1] if isinstance(results[1], tuple) else (results[1],))]


@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("name", CELLS)
def test_the_numbers_of_the_unfrozen_layer(monkeypatch, name, isa):
    monkeypatch.setenv("UNROLLED_ISA", isa)
    for I, H, layers, options in SHAPES.values():
        layer = made(name, I, H, layers, **options)
        for T, B in ((1, 1), (1, 9), (5, 3), (70, 1), (2, 66)):
            x = torch.randn(*((B, T) if layer.batch_first else (T, B)), I)
            for hx in (None, state(layer, B)):
                expected = layer.unfreeze()(x, hx)
                found = layer.freeze()(x, hx)
                torch.testing.assert_close(parts(found), parts(expected), rtol=1e-4, atol=2e-5)
                assert found[0].is_contiguous()


@pytest.mark.parametrize(("precision", "bound"), [("bfloat16", 0.01), ("int8", 0.04)])
@pytest.mark.parametrize("isa", SETS)
def test_smaller_weights_are_close(monkeypatch, precision, bound, isa):
    monkeypatch.setenv("UNROLLED_ISA", isa)
    for name in ("rnn", "gru", "gru before", "lstm"):
        layer = made(name, 30, 50, 2)
        x = torch.randn(3, 4, 30)
        expected, found = layer.unfreeze()(x)[0], layer.freeze(precision)(x)[0]
        error = (found - expected).square().mean().sqrt()
        assert 1e-6 < error < bound, (name, error)


def test_int8_is_the_product_of_rounded_numbers():
    layer = made("rnn", 32, 16, bias=False)
    x = torch.randn(1, 5, 32)

    def rounded(rows):
        scales = rows.abs().amax(-1, keepdim=True) / 127
        return (rows / scales).round() * scales

    expected = torch.tanh(rounded(x[0]) @ rounded(layer.weight_ih_l0).t())
    torch.testing.assert_close(layer.freeze("int8")(x)[0][0], expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("name", ["rnn", "gru", "gru before", "lstm"])
def test_bits_do_not_depend_on_batch_threads_or_calls(name, precision):
    layer = made(name, 48, 80, 2).freeze(precision)
    T, B = 3, 65
    x, hx = torch.randn(T, B, 48), state(layer, B)
    whole = layer(x, hx)
    for first, last in ((0, 1), (1, 3), (3, 10), (10, 23), (23, 65)):
        some = tuple(leaf[:, first:last] for leaf in hx) if isinstance(hx, tuple) else hx[:, first:last]
        found = layer(x[:, first:last], some)
        assert all(torch.equal(a, b[:, first:last]) for a, b in zip(parts(found), parts(whole), strict=True))
    for n in (2, 3):
        with threads(n):
            assert all(map(torch.equal, parts(layer(x, hx)), parts(whole)))
    outputs = []
    for t in range(T):
        y, hx = layer(x[t : t + 1], hx)
        outputs.append(y)
    assert all(map(torch.equal, parts((torch.cat(outputs), hx)), parts(whole)))


@pytest.mark.parametrize("name", CELLS)
def test_packed_sequences(name):
    layer = made(name, 6, 9, 2, bidirectional=True)
    lengths = torch.tensor([2, 5, 1, 4])
    x = torch.randn(5, 4, 6)
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    for hx in (None, state(layer, 4)):
        expected, found = layer.unfreeze()(packed, hx), layer.freeze()(packed, hx)
        torch.testing.assert_close(found[0].data, expected[0].data, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(parts(found)[1:], parts(expected)[1:], rtol=1e-4, atol=1e-5)
    ordered = pack_padded_sequence(x[:, [1, 3, 0, 2]], lengths[[1, 3, 0, 2]])
    torch.testing.assert_close(layer(ordered)[0].data, layer(packed)[0].data)
    padded, ends = torch.nn.utils.rnn.pad_packed_sequence(layer(packed)[0])
    assert [len(one) for one in unpad_sequence(padded, ends)] == lengths.tolist()


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_not_a_number_stays_in_its_lane(precision):
    layer = made("lstm").freeze(precision)
    x = torch.randn(1, 4, 24)
    clean = layer(x)[0]
    x[0, 2, 5], x[0, 1, 0] = float("nan"), float("inf")
    found = layer(x)[0]
    assert torch.equal(found[0, [0, 3]], clean[0, [0, 3]])
    assert found[0, 2].isnan().all()
    assert precision == "float32" or found[0, 1].isnan().all()
