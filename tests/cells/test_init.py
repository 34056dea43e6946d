"""How weights start: the statistics each initialiser promises."""

import math

import pytest
import torch

from unrolled.cells import INITIALISERS, GRUCell, LSTMCell, RNNCell
from unrolled.errors import ArgumentError

I, H = 300, 200


def gates(cell):
    return cell.weight_ih.detach().chunk(cell.gates), cell.weight_hh.detach().chunk(cell.gates)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("cls", [RNNCell, GRUCell, LSTMCell])
def test_torch_is_uniform_within_one_over_root_h(cls):
    cell = cls(I, H)
    for parameter in cell.parameters():
        assert parameter.abs().max() <= 1 / math.sqrt(H)
        assert parameter.detach().std() == pytest.approx(1 / math.sqrt(3 * H), rel=0.1)


@pytest.mark.parametrize("cls", [RNNCell, GRUCell, LSTMCell])
@pytest.mark.parametrize(
    ("name", "ih", "hh"),
    [("xavier", 2 / (I + H), 2 / (H + H)), ("lecun", 1 / I, 1 / H)],
)
def test_variances_per_gate(cls, name, ih, hh):
    cell = cls(I, H, init=name)
    for weights, variance in zip(gates(cell), (ih, hh), strict=True):
        for weight in weights:
            assert weight.var() == pytest.approx(variance, rel=0.05)
            assert abs(weight.mean()) < 5 * math.sqrt(variance / weight.numel())
    assert not cell.bias_ih.any()
    assert not cell.bias_hh.any()


@pytest.mark.parametrize("cls", [RNNCell, GRUCell, LSTMCell])
def test_orthogonal_per_gate(cls):
    cell = cls(I, H, init="orthogonal", dtype=torch.float64)
    from_x, from_h = gates(cell)
    for W in from_h:
        assert torch.allclose(W.T @ W, torch.eye(H, dtype=W.dtype), atol=1e-12)
    assert from_x[0].var() == pytest.approx(2 / (I + H), rel=0.05)


@pytest.mark.parametrize("cls", [RNNCell, GRUCell, LSTMCell])
def test_identity_per_gate(cls):
    from_x, from_h = gates(cls(I, H, init="identity"))
    assert all(torch.equal(W, torch.eye(H)) for W in from_h)
    assert from_x[0].std() == pytest.approx(0.001, rel=0.05)


def test_irnn_keeps_its_state_when_nothing_comes_in():
    cell = RNNCell(3, 4, nonlinearity="relu", init="identity")
    h = torch.rand(2, 4)
    _, after = cell.step(torch.zeros(2, 3), type(cell.initial_state(2))(h))
    assert torch.equal(after.h, h)


@pytest.mark.parametrize("init", INITIALISERS)
def test_forget_bias_is_the_total_bias(init):
    cell = LSTMCell(3, 4, forget_bias=1.0, init=init)
    total = (cell.bias_ih + cell.bias_hh).detach()
    assert torch.equal(total[4:8], torch.ones(4))
    if init != "torch":
        assert not total[:4].any()
        assert not total[8:].any()


@pytest.mark.parametrize("init", INITIALISERS)
def test_learned_state_starts_at_zero_and_norms_at_one(init):
    cell = LSTMCell(3, 4, init=init, initial="learned", layer_norm=True, peepholes=True, proj_size=2)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.fill_(7)
    cell.reset_parameters()
    assert not cell.initial_h.any()
    assert not cell.initial_c.any()
    assert torch.equal(cell.norm_c.weight, torch.ones(4))
    assert not (cell.weight_hr == 7).any()


def test_unknown_name():
    with pytest.raises(
        ArgumentError, match=r"init must be one of torch, .*, got 'ortogonal'; did you mean 'orthogonal'"
    ):
        RNNCell(2, 3, init="ortogonal")
