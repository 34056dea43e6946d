"""Jacobians over time against powers of W, the equations by hand, finite differences; what the spectrum predicts."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import unrolled
from unrolled.cells import Cell, LSTMState, RNNState, make_cell
from unrolled.errors import ArgumentError
from unrolled.lab.bptt import Weights, forward, through_time
from unrolled.lab.gradients import Flow, blocks_of, bound, flows, jacobians, parts, recurrent_matrices
from unrolled.lab.gradients_networks import SMALL, Network, build, defaults, measure, scale
from unrolled.layers import Stack
from unrolled.tasks.common.recurrent import Recurrent


class Linear(Cell):
    """h_t = W h_{t−1} + x_t, and a count of the steps, by which nothing can be differentiated."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.recurrent = nn.Parameter(torch.randn(hidden_size, hidden_size, dtype=torch.float64))

    def initial_state(self, batch_size):
        return torch.zeros(batch_size, self.hidden_size, dtype=torch.float64), torch.zeros(batch_size, 1).long()

    def step(self, x, state, noise=None):
        h = state[0] @ self.recurrent.t() + x
        return h, (h, state[1] + 1)


def vanilla(radius, inputs, *, size=40, length=60, seed=0, **options):
    recurrent = Recurrent(cell="rnn", init="lecun", hidden_size=size, num_layers=1, **options)
    return measure(Network("tanh", build(recurrent, seed, radius), inputs, radius), length, seed)


def drawn(name, **options):
    torch.manual_seed(0)
    return make_cell(name, 3, 5, **options).double()


def test_of_a_linear_cell_they_are_powers_of_w():
    torch.manual_seed(0)
    cell = Linear(70, 70)  # more units than are differentiated by at once
    cell.recurrent.data.mul_(0.1)
    found = jacobians(cell, torch.randn(6, 70, dtype=torch.float64), cell.initial_state(1))
    assert list(found) == ["0"]  # what is no number with a gradient is left out
    for k, J in enumerate(found["0"]):
        torch.testing.assert_close(J, torch.linalg.matrix_power(cell.recurrent.detach(), k), rtol=1e-10, atol=1e-12)
    assert cell.recurrent.grad is None


@pytest.mark.parametrize(
    ("name", "options"),
    [("rnn", {}), ("rnn", {"nonlinearity": "relu"}), ("gru", {}), ("gru", {"reset_after": False}), ("lstm", {}),
     ("lstm", {"peepholes": True, "layer_norm": True}), ("lstm", {"proj_size": 2})],
)  # fmt: skip
def test_against_finite_differences(name, options):
    cell, T, d = drawn(name, **options), 4, 1e-6
    x = torch.randn(T, 3, dtype=torch.float64)
    state = type(cell.initial_state(1))(*(torch.randn_like(leaf) for leaf in cell.initial_state(1)))
    found = jacobians(cell, x, state)
    assert tuple(found) == state._fields
    for name, J in found.items():
        for unit in range(getattr(state, name).size(1)):
            ends = []
            for sign in (1, -1):
                moved = getattr(state, name).clone()
                moved[0, unit] += sign * d
                ends.append(unrolled.scan(cell, x[:, None], state._replace(**{name: moved}))[1][0][0])
            torch.testing.assert_close(J[T, :, unit], (ends[0] - ends[1]) / (2 * d), rtol=1e-5, atol=1e-7)


def test_an_lstm_s_memory_is_a_node_whose_paths_lead_through_h_too():
    cell = drawn("lstm")
    x = torch.randn(3, 3, dtype=torch.float64)
    found = jacobians(cell, x, cell.initial_state(1))
    _, _, trace = unrolled.scan_traced(cell, x[:, None])
    torch.testing.assert_close(found["h"][0], torch.eye(5, dtype=torch.float64))
    o, c = trace["o"][-1, 0], trace["c"][-1, 0]
    torch.testing.assert_close(found["c"][0], torch.diag(o * (1 - torch.tanh(c) ** 2)))


def test_the_loss_s_gradients_are_those_of_the_equations_by_hand():
    T, B, H = 7, 3, 4
    generator = np.random.default_rng(0)
    stack = Stack.build("rnn", 2, H).double()
    cell = next(stack.cells)
    x = generator.normal(size=(T, B, 2))
    V, y = generator.normal(size=(5, H)), generator.integers(5, size=B)

    def losses():
        outputs, _ = stack(torch.from_numpy(x))
        return F.cross_entropy(outputs[-1] @ torch.from_numpy(V).t(), torch.from_numpy(y), reduction="none")

    (flow,) = flows(stack, losses)
    numbers = {name: one.detach().numpy() for name, one in cell.named_parameters()}
    b = numbers["bias_ih"] + numbers["bias_hh"]
    weights = Weights(numbers["weight_ih"], numbers["weight_hh"], V, b, np.zeros(5))
    done = forward(weights, x, np.tile(y, (T, 1)), np.zeros((B, H)))
    only_last = done.y_hat.copy()
    only_last[:-1] = np.eye(5)[y]  # no loss before T: ∇o is zero there
    errors = through_time(weights, np.tile(y, (T, 1)), type(done)(done.loss, done.h, only_last))
    by_hand = np.stack([*errors.h[::-1], errors.h_0])  # (T + 1, B, H)
    assert flow.loss == pytest.approx(np.linalg.norm(by_hand, axis=2).mean(1))
    assert flow.norm[0] == flow.largest[0] == pytest.approx(1)
    J = (1 - done.h[-1] ** 2)[:, :, None] * weights.W  # (B, H, H)
    assert flow.largest[1] == pytest.approx(np.linalg.norm(J, 2, axis=(1, 2)).mean())
    assert flow.norm[1] == pytest.approx(np.linalg.norm(J, axis=(1, 2)).mean() / H**0.5)


def test_of_several_layers_each_has_its_own_and_the_loss_comes_by_every_path():
    torch.manual_seed(0)
    stack = Stack.build("gru", 3, 5, 2).double()
    x = torch.randn(4, 1, 3, dtype=torch.float64)
    found = flows(stack, lambda: stack(x)[0][-1].sum(1))
    assert [(one.layer, one.by) for one in found] == [(1, "h"), (2, "h")]
    before = [torch.zeros(1, 5, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    cells = list(stack.cells)
    state = tuple(type(cell.initial_state(1))(h) for cell, h in zip(cells, before, strict=True))
    outputs, after = stack(x, state)
    by = torch.autograd.grad(outputs[-1].sum(), before, retain_graph=True)
    assert [one.loss[-1] for one in found] == pytest.approx([float(one.norm()) for one in by])
    own = torch.stack([torch.autograd.grad(unit, before[0], retain_graph=True)[0][0] for unit in after[0].h[0]])
    assert found[0].largest[-1] == pytest.approx(float(torch.linalg.matrix_norm(own, 2)))
    assert "runner" not in vars(stack)


@pytest.mark.parametrize("radius", [0.8, 1.2])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_in_the_linear_regime_the_slope_is_that_of_the_spectrum(radius, seed):
    (flow,) = vanilla(radius, SMALL, seed=seed).flows
    assert flow.slope() == pytest.approx(math.log(radius), rel=0.1)
    assert flow.verdict() == ("vanishes" if radius < 1 else "explodes")
    assert np.log(flow.loss[-1] / flow.loss[10]) / 50 == pytest.approx(math.log(radius), rel=0.25)


def test_at_one_it_keeps_and_saturated_it_vanishes_above_one():
    assert vanilla(1.0, SMALL).flows[0].verdict() == "keeps"
    assert vanilla(1.2, 1.0).flows[0].verdict() == "vanishes"
    assert vanilla(2.0, 1.0, nonlinearity="relu").flows[0].verdict() == "explodes"
    assert vanilla(0.8, 1.0, nonlinearity="relu").flows[0].verdict() == "vanishes"


@given(st.floats(0.3, 3), st.sampled_from([0.0, 0.1, 3.0]), st.sampled_from(["tanh", "relu"]), st.integers(0, 9))
@settings(deadline=None, max_examples=25)
def test_the_bound_is_never_exceeded(radius, inputs, nonlinearity, seed):
    measured = vanilla(radius, inputs, size=8, length=20, seed=seed, nonlinearity=nonlinearity)
    (flow,) = measured.flows
    limit = measured.bound(flow)
    assert limit[1] == pytest.approx(measured.matrices[0].largest)
    assert (flow.largest <= limit * (1 + 1e-9)).all()
    assert (flow.norm <= flow.largest * (1 + 1e-9)).all()


def test_as_they_usually_begin():
    every = [measure(one, 60, 0) for one in defaults(100, 0) if one.radius is None]
    found = {(one.kind, flow.by): flow for one in every for flow in one.flows}
    slopes = {key: flow.slope() for key, flow in found.items()}
    assert slopes["tanh", "h"] < slopes["tanh, orthogonal", "h"] < slopes["LSTM", "c"] < -0.1
    assert slopes["tanh", "h"] < slopes["GRU", "h"] < slopes["LSTM", "h"]
    assert found["ReLU, identity", "h"].verdict() == "keeps"
    assert found["ReLU, identity", "h"].largest == pytest.approx(np.ones(61))


def test_w_hh_gate_by_gate():
    torch.manual_seed(0)
    stack = Stack.build("lstm", 3, 4, 2, proj_size=2)
    found = recurrent_matrices(stack)
    assert [(one.layer, one.gate) for one in found] == [(layer, gate) for layer in (1, 2) for gate in "ifgo"]
    cell = list(stack.cells)[1]
    W = (cell.weight_hh[4:8] @ cell.weight_hr).detach().double()  # f of layer 2
    assert found[5].singular == pytest.approx(torch.linalg.svdvals(W).numpy(), abs=1e-6)
    assert found[5].radius == pytest.approx(float(torch.linalg.eigvals(W).abs().max()), abs=1e-6)
    assert recurrent_matrices(Stack([[Linear(3, 3)]])) == []
    assert bound(cell) is None


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm"])
def test_scaling(name):
    stack = build(Recurrent(cell=name, hidden_size=6, num_layers=2), 0, 1.5)
    count = 2 * len(blocks_of(next(stack.cells)))
    assert [one.radius for one in recurrent_matrices(stack)] == pytest.approx([1.5] * count)


def test_what_cannot_be_scaled():
    with pytest.raises(ArgumentError, match="no W_hh"):
        scale(Linear(3, 3), 1.0)
    cell = make_cell("rnn", 3, 3)
    cell.weight_hh.data.zero_()
    with pytest.raises(ArgumentError, match="eigenvalues are 0"):
        scale(cell, 1.0)


def test_what_dies_and_what_overflows():
    dead = Flow(1, "h", np.array([1.0, 0.5, 0]), None, np.ones(3))
    assert (dead.slope(), dead.verdict()) == (-math.inf, "vanishes")
    (flow,) = vanilla(1e30, 1.0, size=4, length=40, nonlinearity="relu").flows
    assert np.isinf(flow.largest[-1])
    assert flow.verdict() == "explodes"


def test_states_with_names_and_without():
    assert list(parts(LSTMState(torch.ones(1, 2), torch.ones(1, 2)))) == ["h", "c"]
    assert list(parts(RNNState(torch.ones(1, 2)))) == ["h"]
    assert list(parts((torch.ones(1, 2), {"n": torch.ones(1, 1)}))) == ["0", "1"]
