"""Dilated cells: the fast path against the loop over `step`, in everything that `scan` takes, and the loop by hand."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from unrolled import scan
from unrolled.cells import Cell, GRUCell, LSTMCell, RNNCell
from unrolled.cells.dilated import Dilated
from unrolled.errors import ArgumentError, ShapeError
from unrolled.scan import explain, scan_traced
from unrolled.testing import check_cell
from unrolled.testing.sequence import _gradients

I, H = 2, 3
MAKE = {
    "rnn": lambda: RNNCell(I, H),
    "gru": lambda: GRUCell(I, H, initial="learned", recurrent_dropout=0.3, zoneout=0.2),
    "lstm": lambda: LSTMCell(I, H, proj_size=2, zoneout=(0.1, 0.3), weight_drop=0.4, initial="learned"),
}


def dilated(kind, dilation):
    torch.manual_seed(3)
    cell = Dilated(MAKE[kind](), dilation).double()
    for name, parameter in cell.named_parameters():
        if "initial" in name:
            nn.init.normal_(parameter)
    return cell


def state_of(cell, B):
    return type(cell.initial_state(B))(*(torch.randn_like(leaf).requires_grad_() for leaf in cell.initial_state(B)))


@given(
    kind=st.sampled_from(sorted(MAKE)), dilation=st.integers(1, 5), T=st.integers(0, 11), B=st.integers(1, 4),
    seed=st.integers(0, 10_000), some=st.sets(st.sampled_from(["lengths", "resets", "noise", "reverse", "symbols"])),
)  # fmt: skip
@settings(deadline=None, max_examples=150)
def test_the_fast_path_is_the_loop(kind, dilation, T, B, seed, some):
    cell = dilated(kind, dilation)
    torch.manual_seed(seed)
    state = state_of(cell, B)
    inputs = torch.randint(I, (T, B)) if "symbols" in some else torch.randn(T, B, I).double().requires_grad_()
    options = {
        "lengths": torch.randint(0, T + 1, (B,)) if "lengths" in some else None,
        "resets": torch.rand(T, B) < 0.25 if "resets" in some else None,
        "noise": cell.draw_noise(T, B) if "noise" in some else None,
        "reverse": "reverse" in some,
    }
    wanted = scan(cell, inputs, state, **options, backend="reference")
    found = scan(cell, inputs, state, **options)
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)
    by = [*([] if "symbols" in some else [inputs]), *state, *cell.parameters()]
    for p, one, other in zip(by, _gradients(found, by), _gradients(wanted, by), strict=True):
        torch.testing.assert_close(one.double().expand_as(p), other.double().expand_as(p), rtol=1e-9, atol=1e-10)
    traced, loop = (scan_traced(cell, inputs, state, **options, backend=one) for one in ("auto", "reference"))
    if T:
        torch.testing.assert_close(traced, loop, rtol=1e-10, atol=1e-12)


def test_the_loop_by_hand():
    """(1), with a reset in the middle: afterwards each of the last d states is the initial one."""
    cell, d = dilated("rnn", 3), 3
    x = torch.randn(8, 1, I).double()
    state = state_of(cell, 1)
    resets = torch.zeros(8, 1, dtype=torch.bool)
    resets[4] = True
    zero = torch.zeros(1, H).double()
    before, wanted = [state.h[:, j] for j in range(d)], []
    for t in range(8):
        if t == 4:
            before = [zero] * d
        h = cell.cell.step(x[t], type(state)(before[0]))[0]
        before = [*before[1:], h]
        wanted.append(h)
    outputs, after = scan(cell, x, state, resets=resets)
    torch.testing.assert_close(outputs, torch.stack(wanted))
    torch.testing.assert_close(after.h, torch.stack(before, 1))


@pytest.mark.parametrize("cut", [1, 4, 6])
def test_a_reset_reaches_lanes_whose_next_step_is_in_the_next_window(cut):
    cell = dilated("lstm", 4)
    x, state = torch.randn(9, 2, I).double(), state_of(cell, 2)
    resets = torch.zeros(9, 2, dtype=torch.bool)
    resets[cut - 1, 0] = True
    whole, last = scan(cell, x, state, resets=resets, backend="reference")
    left, between = scan(cell, x[:cut], state, resets=resets[:cut])
    right, after = scan(cell, x[cut:], between, resets=resets[cut:])
    torch.testing.assert_close((torch.cat([left, right]), after), (whole, last))


def test_gradients_skip():
    """The way back has a dth of the products: ∂h_9/∂h_1 = W⁴ with d = 2, and 0 by the lane between."""
    cell = Dilated(RNNCell(1, 1, bias=False), 2).double()
    with torch.no_grad():
        cell.cell.weight_hh.fill_(0.5)
        cell.cell.weight_ih.fill_(0)
    state = type(cell.initial_state(1))(torch.full((1, 2, 1), 1e-9).double().requires_grad_())
    outputs, _ = scan(cell, torch.zeros(8, 1, 1).double(), state)
    by = torch.autograd.grad(outputs[-1].sum(), state.h)[0].flatten()
    assert by.tolist() == pytest.approx([0, 0.5**4])


@pytest.mark.parametrize("kind", sorted(MAKE))
def test_it_is_a_cell(kind):
    report = check_cell(dilated(kind, 2), exempt=() if kind == "rnn" else ("compile", "export", "double backward"))
    outcomes = dict(report.outcomes)
    assert outcomes.pop("jit.trace") == "cannot"
    assert set(outcomes.values()) <= {"ok", "none", "exempt"}


class Counting(Cell):
    """A cell of one's own, with a state of two leaves and noise of its own shape."""

    def __init__(self):
        super().__init__()
        self.input_size, self.hidden_size = I, H
        self.mix = nn.Linear(I + H, H)

    def initial_state(self, batch_size):
        return {"h": self.mix.weight.new_zeros(batch_size, H), "n": torch.zeros(batch_size, dtype=torch.int64)}

    def draw_noise(self, T, B, generator=None):
        return torch.rand(T, H, dtype=self.mix.weight.dtype, generator=generator)

    def step(self, x, state, noise=None):
        h = torch.tanh(self.mix(torch.cat([x, state["h"]], -1))) * (1 if noise is None else noise)
        return h, {"h": h, "n": state["n"] + 1}


def test_a_cell_of_ones_own():
    cell = Dilated(Counting(), 3)
    check_cell(cell, exempt=("compile", "export"))
    cell = cell.double()
    noise, x = cell.draw_noise(7, 2), torch.randn(7, 2, I).double()
    torch.testing.assert_close(scan(cell, x, noise=noise), scan(cell, x, noise=noise, backend="reference"))


def test_what_cannot_be():
    with pytest.raises(ArgumentError, match="dilation"):
        Dilated(RNNCell(I, H), 0)
    cell = Dilated(RNNCell(I, H), 2)
    with pytest.raises(ShapeError, match=r"\(1, 2, …\)"):
        scan(cell, torch.zeros(3, 1, I), RNNCell(I, H).initial_state(1))
    assert [path.backend for path in explain(cell, torch.zeros(3, 1, I)) if not path.reason][-1] == "reference"
