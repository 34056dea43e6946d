"""Stacks against compositions of `scan` written out by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from unrolled.cells import Cell, GRUCell, LSTMCell, LSTMState, RNNState
from unrolled.errors import ArgumentError, BackendError, ShapeError
from unrolled.layers import Stack
from unrolled.scan import scan

T, B, I, H = 6, 4, 3, 5
EXACT = {"rtol": 1e-12, "atol": 1e-13}


def inputs(seed: int = 0, T: int = T, B: int = B) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(T, B, I, generator=generator, dtype=torch.float64)


def build(cell: str = "lstm", num_layers: int = 2, **options) -> Stack:
    torch.manual_seed(7)
    return Stack.build(cell, I, H, num_layers, dtype=torch.float64, **options)


def test_layers_and_directions_compose_as_written():
    stack = build(bidirectional=True)
    forward0, backward0, forward1, backward1 = stack.cells
    x, lengths = inputs(), torch.tensor([6, 3, 0, 5])
    resets = torch.rand(T, B, generator=torch.Generator().manual_seed(3)) < 0.3
    options = {"lengths": lengths, "resets": resets}

    a, a_state = scan(forward0, x, **options)
    b, b_state = scan(backward0, x, reverse=True, **options)
    y0 = torch.cat([a, b], dim=-1)
    c, c_state = scan(forward1, y0, **options)
    d, d_state = scan(backward1, y0, reverse=True, **options)

    outputs, state = stack(x, **options)
    torch.testing.assert_close(outputs, torch.cat([c, d], dim=-1), **EXACT)
    torch.testing.assert_close(state, (a_state, b_state, c_state, d_state), **EXACT)
    assert all(isinstance(entry, LSTMState) for entry in state)
    every, _ = stack.run(x, **options)
    torch.testing.assert_close(every, [y0, outputs], **EXACT)


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_residual_adds_the_input_from_the_second_layer_on(backend, bidirectional):
    plain = build("gru", 3, bidirectional=bidirectional, backend=backend)
    residual = build("gru", 3, bidirectional=bidirectional, backend=backend, residual=True)
    residual.load_state_dict(plain.state_dict())
    x = inputs()
    singles = [Stack([list(layer)], backend=backend) for layer in residual.layers]
    y0, s0 = singles[0](x)
    y1, s1 = singles[1](y0)
    y2, s2 = singles[2](y0 + y1)
    every, state = residual.run(x)
    torch.testing.assert_close(every, [y0, y0 + y1, y0 + y1 + y2], **EXACT)
    torch.testing.assert_close(state, s0 + s1 + s2, **EXACT)  # the state is the cells' own, nothing added


def test_residual_leaves_out_layers_whose_widths_differ_and_the_first():
    cells = [[GRUCell(4, 4)], [GRUCell(4, 6)], [GRUCell(6, 6)]]
    plain, residual = Stack(cells), Stack(cells, residual=True)
    x = torch.randn(T, B, 4)
    bare, added = plain.run(x)[0], residual.run(x)[0]
    assert torch.equal(bare[0], added[0])
    assert torch.equal(bare[1], added[1])
    torch.testing.assert_close(added[2], bare[2] + bare[1])


@settings(deadline=None, max_examples=25, derandomize=True)
@given(
    cell=st.sampled_from(["rnn", "gru", "lstm"]),
    cuts=st.lists(st.integers(0, 12), max_size=4),
    num_layers=st.integers(1, 3),
    residual=st.booleans(),
    layer_norm=st.booleans(),
    backend=st.sampled_from(["auto", "reference"]),
)
def test_windows_with_carried_state_equal_one_run(cell, cuts, num_layers, residual, layer_norm, backend):
    options = {"residual": residual, "layer_norm": layer_norm, "backend": backend, "initial": "learned"}
    stack = build(cell, num_layers, **options)
    x = inputs(T=12)
    resets = torch.rand(12, B, generator=torch.Generator().manual_seed(len(cuts))) < 0.2
    whole, end = stack(x, resets=resets)
    pieces, state = [], None
    for begin, stop in pairwise(sorted([0, *cuts, 12])):  # empty windows among them
        piece, state = stack(x[begin:stop], state, resets=resets[begin:stop])
        pieces.append(piece)
    torch.testing.assert_close(torch.cat(pieces), whole, **EXACT)
    torch.testing.assert_close(state, end, **EXACT)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_lengths_make_every_lane_what_it_is_alone(cell):
    stack = build(cell, bidirectional=True, residual=True)
    lengths = torch.tensor([6, 2, 5, 1])
    before = tuple(type(s)(*(torch.randn_like(leaf) for leaf in s)) for s in stack.initial_state(B))
    outputs, state = stack(inputs(), before, lengths=lengths)
    for lane, length in enumerate(lengths.tolist()):
        index = torch.tensor([lane])
        alone, end = stack(inputs()[:length, index], tuple(s.select(index) for s in before))
        torch.testing.assert_close(outputs[:length, index], alone, **EXACT)
        assert not outputs[length:, lane].any()
        torch.testing.assert_close(tuple(s.select(index) for s in state), end, **EXACT)


def test_gradients_reach_inputs_state_and_every_parameter():
    stack = build(bidirectional=True, residual=True, initial="learned", layer_norm=True, num_layers=2)
    x = inputs(T=3, B=2).requires_grad_()
    resets = torch.tensor([[True, False], [False, True], [False, False]])
    assert torch.autograd.gradcheck(lambda x: stack(x, resets=resets)[0], x)
    outputs, _ = stack(x, resets=resets)
    outputs.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in stack.parameters())


def dropped(stack: Stack, x: Tensor) -> tuple[Tensor, Tensor]:
    """Where dropout between two layers struck, (T, B, H), and the last layer's outputs."""
    every, _ = stack.run(x)
    return every[0] == 0, every[1]


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_dropout_between_layers(backend):
    x = inputs(T=50, B=40)
    for locked in (False, True):
        stack = build("gru", dropout=0.4, locked_dropout=locked, backend=backend)
        where, last = dropped(stack, x)
        units = where[0].numel() * (1 if locked else len(where))
        rate = where.double().mean().item()
        assert abs(rate - 0.4) < 5 * (0.24 / units) ** 0.5
        assert torch.equal(where, where[:1].expand_as(where)) is locked  # one mask for all steps, or not
        assert last.count_nonzero() == last.numel()  # none after the last layer
        assert not dropped(stack.eval(), x)[0].any()


def test_the_list_holds_what_the_next_layer_receives():
    stack = build("rnn", 3, dropout=0.5, locked_dropout=True)
    every, _ = stack.run(inputs())
    cells = list(stack.cells)
    torch.testing.assert_close(scan(cells[2], every[1])[0], every[2], **EXACT)
    bare = scan(cells[1], every[0])[0]
    kept = every[1] != 0
    torch.testing.assert_close(every[1][kept], 2 * bare[kept], **EXACT)


def test_the_cells_noise_is_drawn_in_training_only():
    stack = build("lstm", recurrent_dropout=0.3, zoneout=0.1, weight_drop=0.2, bidirectional=True)
    x = inputs()
    torch.manual_seed(0)
    first = stack(x)[0]
    assert not torch.equal(first, stack(x)[0])  # drawn anew each pass
    torch.manual_seed(0)
    assert torch.equal(first, stack(x)[0])
    stack.eval()
    assert torch.equal(stack(x)[0], stack(x)[0])


@pytest.mark.parametrize("shape", [(0, B), (T, 0), (0, 0)])
@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_no_steps_and_no_lanes(shape, backend):
    stack = build("lstm", bidirectional=True, dropout=0.2, locked_dropout=True, zoneout=0.1, backend=backend)
    outputs, state = stack(inputs(T=shape[0], B=shape[1]))
    assert outputs.shape == (*shape, 2 * H)
    assert [tuple(s.h.shape) for s in state] == [(shape[1], H)] * 4


def test_what_a_stack_says_about_itself():
    stack = build("lstm", 3, bidirectional=True, proj_size=2)
    assert (stack.input_size, stack.hidden_size, stack.output_size) == (I, H, 4)
    assert (stack.num_layers, stack.num_directions, len(list(stack.cells))) == (3, 2, 6)
    assert [cell.input_size for cell in stack.cells] == [I, I, 4, 4, 4, 4]
    assert [tuple(leaf.shape) for leaf in stack.initial_state(7)[3]] == [(7, 2), (7, H)]


class Leaky(Cell):
    """A user's cell: no gates, options or noise of its own."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight = nn.Linear(input_size, hidden_size)

    def step(self, x, state, noise=None):
        h = 0.9 * state.h + 0.1 * self.weight(x)
        return h, RNNState(h)

    def initial_state(self, batch_size):
        return RNNState(torch.zeros(batch_size, self.hidden_size))


def test_a_users_cell_stacks():
    stack = Stack.build(f"{__name__}:Leaky", 3, 5, 2, bidirectional=True, dropout=0.1)
    outputs, state = stack(torch.randn(4, 2, 3), lengths=torch.tensor([4, 1]))
    assert outputs.shape == (4, 2, 10)
    assert len(state) == 4


def test_cells_of_different_kinds_stack():
    stack = Stack([[LSTMCell(3, 4, proj_size=2)], [GRUCell(2, 6)]])
    outputs, (first, second) = stack(torch.randn(5, 2, 3))
    assert outputs.shape == (5, 2, 6)
    assert (first.h.shape, first.c.shape, second.h.shape) == ((2, 2), (2, 4), (2, 6))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Stack([]), "layers must be layers of one cell each, or of two each"),
        (lambda: Stack([[GRUCell(3, 4)] * 3]), "layers must be layers of one cell each"),
        (lambda: Stack([[GRUCell(3, 4)], [GRUCell(4, 4)] * 2]), r"got \[1, 2\]"),
        (
            lambda: Stack([[GRUCell(3, 4)], [GRUCell(5, 4)]]),
            r"layers\[1\] must be cells with input_size 4, got 5",
        ),
        (lambda: Stack([[GRUCell(3, 4)]], dropout=1.5), "dropout must be a probability"),
        (lambda: Stack([[GRUCell(3, 4)]], backend="refrence"), "did you mean 'reference'"),
        (lambda: Stack.build("gru", 3, 4, 0), "num_layers must be an integer of at least 1, got 0"),
        (lambda: Stack.build("gruu", 3, 4), "did you mean 'gru'"),
    ],
)
def test_what_cannot_be_built(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_what_cannot_be_run():
    stack = build(bidirectional=True)
    with pytest.raises(ShapeError, match=r"inputs must be \(T, B, 3\), got \(6, 4, 2\)"):
        stack(torch.zeros(6, 4, 2))
    with pytest.raises(ShapeError, match="state must have 4 entries, one per layer and direction, got 2"):
        stack(inputs(), stack.initial_state(B)[:2])
    with pytest.raises(BackendError, match="layer norm"):
        build(layer_norm=True, backend="torch")(inputs())
