"""The parallel cells against their papers' formulas, written out number by number or in another form."""

import math

import pytest
import torch
import torch.nn.functional as F

from unrolled.cells import MinGRUCell, MinLSTMCell, QRNNCell, RGLRUCell, make_cell
from unrolled.errors import ArgumentError, ShapeError
from unrolled.scan import choose, explain, scan

NAMES = ["mingru", "minlstm", "rglru", "qrnn"]


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def with_weights(cell, weight, bias):
    """A cell of one input and one unit."""
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor(weight)[:, None] if torch.tensor(weight).dim() == 1 else torch.tensor(weight))
        cell.bias_ih.copy_(torch.tensor(bias))
    return cell.double()


def one(value):
    return torch.tensor([[value]], dtype=torch.float64)


@pytest.mark.parametrize("candidate", ["linear", "positive"])
@pytest.mark.parametrize("x", [0.7, -1.3])
def test_min_gru_by_hand(candidate, x):
    cell = with_weights(MinGRUCell(1, 1, candidate=candidate), [0.4, 0.9], [0.1, -0.2])
    z, p = sigmoid(0.4 * x + 0.1), 0.9 * x - 0.2
    g = p if candidate == "linear" else p + 0.5 if p >= 0 else sigmoid(p)
    y, after, trace = cell.step_traced(one(x), cell.initial_state(1)._replace(h=one(0.3)))
    assert y.item() == pytest.approx((1 - z) * 0.3 + z * g, abs=1e-7)
    assert after.h is y
    assert {name: gate.item() for name, gate in trace.items()} == pytest.approx({"z": z, "g": g, "h": y.item()}, 1e-6)


@pytest.mark.parametrize("candidate", ["linear", "positive"])
@pytest.mark.parametrize("x", [0.7, -1.3])
def test_min_lstm_by_hand(candidate, x):
    cell = with_weights(MinLSTMCell(1, 1, candidate=candidate), [0.4, -0.6, 0.9], [0.1, 0.2, -0.2])
    f, i, p = sigmoid(0.4 * x + 0.1), sigmoid(-0.6 * x + 0.2), 0.9 * x - 0.2
    g = p if candidate == "linear" else p + 0.5 if p >= 0 else sigmoid(p)
    y, _, trace = cell.step_traced(one(x), cell.initial_state(1)._replace(h=one(0.3)))
    assert y.item() == pytest.approx(f / (f + i) * 0.3 + i / (f + i) * g, abs=1e-7)
    assert trace["f"].item() == pytest.approx(f / (f + i), 1e-6)
    assert trace["i"].item() == pytest.approx(i / (f + i), 1e-6)


def test_rg_lru_by_hand():
    cell = with_weights(RGLRUCell(1, 1), [0.4, -0.6, 0.9], [0.1, 0.2, -0.2])
    with torch.no_grad():
        cell.lambda_.fill_(1.5)
    x = 0.7
    r, i, u = sigmoid(0.4 * x + 0.1), sigmoid(-0.6 * x + 0.2), 0.9 * x - 0.2
    a = sigmoid(1.5) ** (8 * r)
    y, _ = cell.step(one(x), cell.initial_state(1)._replace(h=one(0.3)))
    assert y.item() == pytest.approx(a * 0.3 + math.sqrt(1 - a * a) * i * u, abs=1e-7)


def test_rg_lru_begins_with_the_decays_of_its_paper():
    torch.manual_seed(0)
    a = torch.sigmoid(RGLRUCell(3, 4000).lambda_.detach()) ** 8
    assert 0.9 <= a.min() < 0.901
    assert 0.998 < a.max() <= 0.9991
    assert a.mean() == pytest.approx(0.9495, abs=0.002)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_quasi_recurrent_layer_is_a_causal_convolution_and_a_pool(width):
    torch.manual_seed(0)
    cell = QRNNCell(3, 4, filter_width=width).double()
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    kernel = cell.weight_ih.view(12, width, 3).transpose(1, 2)  # (3H, I, W) of conv1d
    padded = F.pad(x.permute(1, 2, 0), (width - 1, 0))
    g, f, o = F.conv1d(padded, kernel, cell.bias_ih).permute(2, 0, 1).chunk(3, dim=-1)
    c, wanted = torch.zeros(2, 4, dtype=torch.float64), []
    for t in range(6):
        c = f[t].sigmoid() * c + (1 - f[t].sigmoid()) * g[t].tanh()
        wanted.append(o[t].sigmoid() * c)
    for backend in ("reference", "auto"):
        outputs, after = scan(cell, x, backend=backend)
        torch.testing.assert_close(outputs, torch.stack(wanted))
        torch.testing.assert_close(after.c, c)
        assert torch.equal(after.x, x[6 - width + 1 :].transpose(0, 1).reshape(2, -1))


def test_min_gru_is_the_papers_log_space_form():
    """Appendix B: exp(a* + logcumsumexp(log b − a*)), which needs positive candidates and a positive state."""
    torch.manual_seed(0)
    cell, x = MinGRUCell(5, 7).double(), torch.randn(40, 3, 5, dtype=torch.float64)
    h0 = torch.rand(3, 7, dtype=torch.float64)
    k, p = F.linear(x, cell.weight_ih, cell.bias_ih).chunk(2, dim=-1)
    log_g = torch.where(p >= 0, (F.relu(p) + 0.5).log(), -F.softplus(-p))
    sums = torch.cumsum(-F.softplus(k), dim=0)
    values = torch.cat([h0.log()[None], -F.softplus(-k) + log_g])
    sums = torch.cat([torch.zeros(1, 3, 7, dtype=torch.float64), sums])
    wanted = (sums + torch.logcumsumexp(values - sums, dim=0)).exp()[1:]
    for backend in ("reference", "torch", "auto"):
        torch.testing.assert_close(scan(cell, x, cell.initial_state(3)._replace(h=h0), backend=backend)[0], wanted)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_parallel_and_step_forms_agree_over_long_sequences(name, backend):
    torch.manual_seed(0)
    cell, x = make_cell(name, 8, 16), torch.randn(4096, 2, 8)
    with torch.no_grad():
        wanted, last = scan(cell, x, backend="reference")
        got, after = scan(cell, x, backend=backend)
    assert wanted.abs().max() > 0.1
    assert (got - wanted).abs().max() <= 1e-5
    assert max(float((a - b).abs().max()) for a, b in zip(after, last, strict=True)) <= 1e-5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("backend", ["reference", "torch", "auto"])
def test_gates_that_saturate_give_finite_numbers_and_gradients(name, backend):
    torch.manual_seed(0)
    cell = make_cell(name, 4, 6)
    x = (1e4 * torch.randn(50, 3, 4)).requires_grad_()
    outputs, _ = scan(cell, x, backend=backend)
    found = torch.autograd.grad((outputs / outputs.detach().abs().max()).sum(), [x, *cell.parameters()])
    assert outputs.isfinite().all()
    assert all(one.isfinite().all() for one in found)


@pytest.mark.parametrize(("name", "gate", "sign"), [("mingru", 0, -1), ("minlstm", 0, 1), ("qrnn", 1, 1)])
def test_forget_bias(name, gate, sign):
    cell = make_cell(name, 3, 5, forget_bias=2.0)
    assert (cell.bias_ih.detach().view(-1, 5)[gate] == 2.0 * sign).all()
    x = torch.randn(1, 1, 3)
    kept = [
        cell.coefficients(F.linear(x, cell.weight_ih[:, -3:], bias), None).a.mean()
        for cell in [cell]
        for bias in (cell.bias_ih, torch.zeros_like(cell.bias_ih))
    ]
    assert kept[0] > kept[1] + 0.1


@pytest.mark.parametrize("name", NAMES)
def test_what_a_cell_lacks_is_said(name):
    with pytest.raises(ArgumentError, match="init must be an initialiser other than identity"):
        make_cell(name, 3, 5, init="identity")
    with pytest.raises(ArgumentError, match="forget_bias must be None"):
        make_cell(name, 3, 5, bias=False, forget_bias=1.0)
    with pytest.raises(ArgumentError, match="initial must be"):
        make_cell(name, 3, 5, initial="one")
    assert scan(make_cell(name, 3, 5, bias=False), torch.zeros(2, 1, 3))[0].shape == (2, 1, 5)


def test_bad_options():
    with pytest.raises(ArgumentError, match="candidate must be 'linear' or 'positive'"):
        MinGRUCell(3, 5, candidate="tanh")
    with pytest.raises(ArgumentError, match="candidate must be 'linear' or 'positive'"):
        MinLSTMCell(3, 5, candidate="tanh")
    with pytest.raises(ArgumentError, match="filter_width must be an integer of at least 1"):
        QRNNCell(3, 5, filter_width=0)


def test_a_state_that_does_not_fit_is_refused():
    cell = QRNNCell(3, 5, filter_width=3)
    state = cell.initial_state(2)
    assert state.x.shape == (2, 6)
    with pytest.raises(ShapeError, match=r"the state of QRNNCell must have .*\(2, 6\)"):
        scan(cell, torch.zeros(4, 2, 3), state._replace(x=torch.zeros(2, 3)))
    with pytest.raises(ShapeError, match=r"inputs must be torch\.float32 on cpu as the cell is"):
        scan(cell, torch.zeros(4, 2, 3, dtype=torch.float64))


@pytest.mark.parametrize("name", NAMES)
def test_every_backend_but_cudnn_runs_it(name):
    cell, x = make_cell(name, 3, 5), torch.zeros(4, 2, 3)
    reasons = dict(explain(cell, x))
    assert "cuDNN has no layer for" in reasons["cudnn"]
    assert reasons["torch"] is None
    assert choose(cell, x, backend="torch") == "torch"
