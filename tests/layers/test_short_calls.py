"""Very short calls go to torch's own layer, and nobody can tell."""

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from unrolled import nn as ours
from unrolled.analysis import capture
from unrolled.errors import ShapeError
from unrolled.layers import torch_interface

LAYERS = {
    "rnn": (ours.RNN, {}),
    "relu": (ours.RNN, {"nonlinearity": "relu"}),
    "gru": (ours.GRU, {}),
    "lstm": (ours.LSTM, {}),
}
FORMS = {
    "plain": {},
    "two layers, two ways": {"num_layers": 2, "bidirectional": True},
    "batch first, no bias": {"batch_first": True, "bias": False},
}


@pytest.fixture
def went(monkeypatch):
    """What torch's layers returned."""
    found = []
    inner = torch_interface.DropIn._call_torch

    def spy(self, *given):
        found.append(inner(self, *given))
        return found[-1]

    monkeypatch.setattr(torch_interface.DropIn, "_call_torch", spy)
    return found


def tensors(results):
    output, state = results
    data = output.data if isinstance(output, torch.nn.utils.rnn.PackedSequence) else output
    return [data, *(state if isinstance(state, tuple) else (state,))]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", LAYERS)
def test_same_results_and_gradients_as_the_long_way(monkeypatch, went, name, form, given, packed):
    torch.manual_seed(0)
    build, options = LAYERS[name]
    layer = build(5, 6, **options, **FORMS[form]).double()
    x = torch.randn(3, 4, 5).double()  # (T, B, I) or (B, T, I)
    lanes = 3 if layer.batch_first else 4
    entries = layer.num_layers * (2 if layer.bidirectional else 1)
    states = tuple(torch.randn(entries, lanes, 6).double() for _ in layer.state_names)
    hx = None if not given else states if len(states) > 1 else states[0]
    if packed:
        lengths = torch.tensor([2, 1, 3] if layer.batch_first else [2, 1, 3, 3])
        x = pack_padded_sequence(x, lengths, batch_first=layer.batch_first, enforce_sorted=False)
    found = []
    for short in (True, False):
        monkeypatch.setattr(torch_interface, "faster_than_kernel", lambda *_, short=short: short)
        layer.zero_grad()
        got = tensors(layer(x, hx))
        sum((one.sin() * one).sum() for one in got).backward()
        found.append([*(one.detach() for one in got), *(p.grad.clone() for p in layer.parameters())])
    assert [one is not None for one in went] == [True, False]
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {"layer_norm": True},
        {"zoneout": 0.1},
        {"learned_initial_state": True},
        {"backend": "reference"},
        {"proj_size": 2},
        {"peepholes": True},
        {"weight_drop": 0.2},
    ],
)
def test_what_torch_has_not_goes_the_long_way(went, options):
    ours.LSTM(3, 4, **options)(torch.randn(2, 2, 3))
    assert went == [None]


def test_what_watches_is_not_passed_by(monkeypatch, went):
    layer, x = ours.GRU(3, 4), torch.randn(2, 2, 3)
    layer(x)
    assert went.pop() is not None
    with capture(layer, lambda name, begin, trace: None):
        layer(x)
    assert went.pop() is None
    torch.vmap(lambda one: layer(one)[0])(x[None])
    assert went.pop() is None
    monkeypatch.setenv("UNROLLED_BACKEND", "reference")
    layer(x)
    assert went.pop() is None
    noisy = ours.GRU(3, 4, num_layers=2, dropout=0.5)
    monkeypatch.delenv("UNROLLED_BACKEND")
    noisy(x)
    assert went.pop() is None
    noisy.eval()(x)
    assert went.pop() is not None


def test_a_wrong_state_is_named_here_too():
    with pytest.raises(ShapeError, match="h_0 must be"):
        ours.LSTM(3, 4)(torch.randn(2, 2, 3), (torch.zeros(1, 3, 4), torch.zeros(1, 2, 4)))
    packed = pack_padded_sequence(torch.randn(2, 2, 3), torch.tensor([1, 2]), enforce_sorted=False)
    with pytest.raises(ShapeError, match="hx must be"):
        ours.GRU(3, 4)(packed, torch.zeros(1, 3, 4))


@pytest.mark.parametrize("name", LAYERS)
def test_second_derivatives_are_there_too(monkeypatch, went, name):
    torch.manual_seed(0)
    build, options = LAYERS[name]
    layer, x = build(3, 4, **options), torch.randn(3, 2, 3, requires_grad=True)
    found = []
    for short in (True, False):
        monkeypatch.setattr(torch_interface, "faster_than_kernel", lambda *_, short=short: short)
        layer.zero_grad()
        (first,) = torch.autograd.grad(layer(x)[0].sin().sum(), x, create_graph=True)
        first.square().sum().backward()
        found.append([p.grad.clone() for p in layer.parameters()])
    assert [one is not None for one in went] == [True, False]
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-6)
