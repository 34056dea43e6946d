"""The written-out backpropagation through time against autograd, and what truncation leaves out."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.cells.state import detach
from unrolled.errors import ArgumentError, ShapeError
from unrolled.lab import Weights, bptt, truncated_bptt
from unrolled.scan import scan
from unrolled.testing import builtin_cells

NAMES = [one.name for one in fields(Weights)]
few = settings(max_examples=15, deadline=None, derandomize=True)
sizes = st.tuples(*(st.integers(1, 4) for _ in range(4)), st.integers(2, 5))  # T, B, I, H, K


def problem(T, B, I, H, K, seed=0):
    draw = np.random.default_rng(seed)
    shapes = {"U": (H, I), "W": (H, H), "V": (K, H), "b": (H,), "c": (K,)}
    weights = Weights(**{name: draw.normal(size=shape) for name, shape in shapes.items()})
    return weights, draw.normal(size=(T, B, I)), draw.integers(0, K, (T, B)), draw.normal(size=(B, H))


def autograd(weights, x, y, h_0, window=None):
    """The second implementation: torch's, the edge between windows cut by ``detach``."""
    p = {name: torch.tensor(getattr(weights, name), requires_grad=True) for name in NAMES}
    start = torch.tensor(h_0, requires_grad=True)
    h, loss = start, torch.zeros((), dtype=torch.float64)
    for t in range(len(x)):
        if window and t and t % window == 0:
            h = h.detach()
        h = torch.tanh(p["b"] + h @ p["W"].T + torch.tensor(x[t]) @ p["U"].T)
        loss = loss + torch.nn.functional.cross_entropy(p["c"] + h @ p["V"].T, torch.tensor(y[t]), reduction="sum")
    loss.backward()
    return loss.item(), Weights(**{name: p[name].grad.numpy() for name in NAMES}), start.grad.numpy()


def assert_near(got, wanted, relative):
    scale = max(np.abs(wanted).max(), 1e-3)
    assert np.abs(got - wanted).max() <= relative * scale


@few
@given(sizes, st.integers(0, 99))
def test_closed_form_agrees_with_autograd(size, seed):
    given_ = problem(*size, seed)
    loss, gradients, start = bptt(*given_)
    wanted_loss, wanted, wanted_start = autograd(*given_)
    assert loss == pytest.approx(wanted_loss, rel=1e-10)
    for name in NAMES:
        assert_near(getattr(gradients, name), getattr(wanted, name), 1e-10)
    assert_near(start, wanted_start, 1e-10)


@few
@given(sizes, st.integers(1, 5))
def test_truncation_keeps_the_loss_and_cuts_the_carried_edges(size, window):
    given_ = problem(size[0] + 4, *size[1:])
    loss, gradients = truncated_bptt(*given_, window)
    assert loss == pytest.approx(bptt(*given_)[0], rel=1e-14)
    _, wanted, _ = autograd(*given_, window)
    for name in NAMES:
        assert_near(getattr(gradients, name), getattr(wanted, name), 1e-12)


def test_truncation_does_leave_something_out():
    given_ = problem(8, 2, 3, 4, 3)
    assert np.abs(truncated_bptt(*given_, 2)[1].W - bptt(*given_)[1].W).max() > 1e-3
    assert_near(truncated_bptt(*given_, 8)[1].W, bptt(*given_)[1].W, 1e-15)


@pytest.mark.parametrize("name", [name for name in builtin_cells() if not name.startswith("conv")])
def test_scan_in_windows_equals_the_whole_with_the_edges_cut(name):
    cell = builtin_cells()[name].double().eval()
    T, B, window = 7, 2, 3
    torch.manual_seed(0)
    x, weigh = torch.randn(T, B, 2).double(), torch.randn(T, B, cell.output_size).double()
    parameters = list(cell.parameters())

    def grads(loss):
        return torch.autograd.grad(loss, parameters)

    # in windows, each with a backward pass of its own, as training does it
    state, total = cell.initial_state(B), 0.0
    summed = [torch.zeros_like(parameter) for parameter in parameters]
    for begin in range(0, T, window):
        part = slice(begin, begin + window)
        outputs, after = scan(cell, x[part], state)
        loss = (outputs * weigh[part]).square().sum()
        found = torch.autograd.grad(loss, parameters, allow_unused=True)  # a learned start acts in the first only
        summed = [s if g is None else s + g for s, g in zip(summed, found, strict=True)]
        total, state = total + loss.item(), detach(after)

    # one graph over the whole sequence, one step at a time, its edges cut at the same places
    state, outputs = cell.initial_state(B), []
    for t in range(T):
        output, state = cell.step(x[t], detach(state) if t and t % window == 0 else state)
        outputs.append(output)
    wanted = grads((torch.stack(outputs) * weigh).square().sum())
    full = (scan(cell, x)[0] * weigh).square().sum()

    assert total == pytest.approx(full.item(), rel=1e-13)
    scale = max(w.abs().max() for w in wanted)
    for s, w in zip(summed, wanted, strict=True):
        assert (s - w).abs().max() <= 1e-12 * scale
    assert any((s - f).abs().max() > 1e-6 for s, f in zip(summed, grads(full), strict=True))


def test_bad_arguments():
    weights, x, y, h_0 = problem(3, 2, 2, 2, 2)
    with pytest.raises(ArgumentError, match="window must be at least 1, got 0"):
        truncated_bptt(weights, x, y, h_0, 0)
    with pytest.raises(ShapeError, match=r"y must be \(3, 2\) and h_0 \(2, 2\)"):
        bptt(weights, x, y[:2], h_0)
