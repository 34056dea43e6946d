"""Clamped units, against the equations written out by hand with the units overwritten."""

import pytest
import torch
from small_models import handle, some_text
from torch import nn
from torch.func import functional_call

from unrolled.analysis.capture import capture
from unrolled.analysis.clamp import clamp
from unrolled.analysis.edits import ablated
from unrolled.cells import Cell, RNNState
from unrolled.errors import ArgumentError
from unrolled.kernels import extension
from unrolled.layers import Stack
from unrolled.nn import GRU

CELLS = {
    "rnn": ("rnn", {}),
    "relu": ("rnn", {"nonlinearity": "relu"}),
    "rnn normed": ("rnn", {"layer_norm": True}),
    "gru": ("gru", {}),
    "gru before": ("gru", {"reset_after": False, "bias": False}),
    "gru normed": ("gru", {"layer_norm": True, "zoneout": 0.2}),
    "lstm": ("lstm", {}),
    "lstm bare": ("lstm", {"bias": False}),
    "peepholes": ("lstm", {"peepholes": True, "zoneout": (0.1, 0.3)}),
    "normed": ("lstm", {"layer_norm": True, "peepholes": True, "initial": "learned"}),
    "projected": ("lstm", {"proj_size": 3}),
    "learned": ("gru", {"initial": "learned"}),
}
EVERY = [(name, "h") for name in CELLS] + [(name, "c") for name, (cell, _) in CELLS.items() if cell == "lstm"]
H = 5


def stack_with(name, layers=2, bidirectional=False, dtype=torch.float64):
    cell, options = CELLS[name]
    torch.manual_seed(1)
    stack = Stack.build(cell, 4, H, layers, bidirectional=bidirectional, **options).to(dtype).eval()
    with torch.no_grad():
        for p in stack.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return stack


def lstm_step(cell, x, h, c, held):
    """The LSTM's equations with c overwritten between (4) and (5)."""
    from_x, from_h = x @ cell.weight_ih.T, h @ cell.weight_hh.T
    if cell.layer_norm:
        from_x, from_h = cell.norm_ih(from_x), cell.norm_hh(from_h)
    a = from_x + from_h + (cell.bias_ih + cell.bias_hh if cell.bias else 0)
    i, f, g, o = a.chunk(4, -1)
    if cell.peepholes:
        i, f = i + cell.peephole_i * c, f + cell.peephole_f * c
    new = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    new[:, list(held)] = torch.tensor(list(held.values()), dtype=x.dtype)
    if cell.peepholes:
        o = o + cell.peephole_o * new
    new_h = torch.sigmoid(o) * torch.tanh(cell.norm_c(new) if cell.layer_norm else new)
    if cell.proj_size:
        new_h = new_h @ cell.weight_hr.T
    keep_h, keep_c = cell.zoneout_h, cell.zoneout_c
    return keep_h * h + (1 - keep_h) * new_h, keep_c * c + (1 - keep_c) * new


def by_hand(cell, x, state, held, leaf, resets=None, lengths=None, reverse=False):
    """One recurrence, step by step, overwriting before and after every step."""

    def overwrite(state):
        values = getattr(state, leaf).clone()
        values[:, list(held)] = torch.tensor(list(held.values()), dtype=x.dtype)
        return state._replace(**{leaf: values})

    T, B = x.shape[:2]
    initial, state = overwrite(cell.initial_state(B)), overwrite(state)
    outputs = torch.zeros(T, B, cell.output_size, dtype=x.dtype)
    for t in reversed(range(T)) if reverse else range(T):
        for b in range(B):
            if lengths is not None and t >= lengths[b]:
                continue
            lane = type(state)(*(value[b : b + 1].clone() for value in state))
            begin = type(state)(*(value[b : b + 1] for value in initial))
            if resets is not None and resets[t, b] and not reverse:
                lane = begin
            if leaf == "c":
                lane = type(state)(*lstm_step(cell, x[t, b : b + 1], *lane, held))
            else:
                _, lane = cell.step(x[t, b : b + 1], lane)
            lane = overwrite(lane)
            outputs[t, b] = lane.h[0]
            if resets is not None and resets[t, b] and reverse:
                lane = begin
            state = type(state)(
                *(torch.cat([old[:b], new, old[b + 1 :]]) for old, new in zip(state, lane, strict=True))
            )
    return outputs, state


@pytest.mark.parametrize("value", [0.0, 0.37])
@pytest.mark.parametrize(("name", "leaf"), EVERY)
@torch.no_grad()
def test_every_path_computes_what_the_clamped_loop_does(name, leaf, value, monkeypatch):
    stack = stack_with(name)
    x = torch.randn(9, 3, 4, dtype=torch.float64)
    resets = torch.rand(9, 3) < 0.2
    held = {0: {1: value, 2: -value}, 1: {0: value}}
    begin = tuple(type(one)(*(torch.randn_like(v) for v in one)) for one in stack.initial_state(3))
    y, after = x, []
    for layer, cell in enumerate(stack.cells):
        y, state = by_hand(cell, y, begin[layer], held[layer], leaf, resets)
        after.append(state)
    units = {(layer, 0, unit): v for layer, some in held.items() for unit, v in some.items()}
    for backend in ("auto", "reference"):
        monkeypatch.setenv("UNROLLED_BACKEND", backend)
        with clamp(stack, units, leaf=leaf):
            found, state = stack(x, begin, resets=resets)
        torch.testing.assert_close(found, y, rtol=0, atol=1e-12)
        torch.testing.assert_close(state, tuple(after), rtol=0, atol=1e-12)
        with clamp(stack, units, leaf=leaf):  # step by step
            state, steps = begin, []
            for t in range(9):
                one, state = stack(x[t : t + 1], state, resets=resets[t : t + 1])
                steps.append(one)
        torch.testing.assert_close(torch.cat(steps), y, rtol=0, atol=1e-12)
        torch.testing.assert_close(state, tuple(after), rtol=0, atol=1e-12)
    monkeypatch.undo()
    traces = {}
    with clamp(stack, units, leaf=leaf), capture(stack, lambda n, b, trace: traces.update({n: trace})):
        found, state = stack(x, begin, resets=resets)
        torch.testing.assert_close(found, y, rtol=0, atol=1e-12)
    assert set(traces["layers.1.0"][leaf][:, :, 0].flatten().tolist()) == {value}
    assert "runner" not in vars(stack)


@pytest.mark.parametrize(("name", "leaf"), [("rnn", "h"), ("gru", "h"), ("peepholes", "c"), ("learned", "h")])
@torch.no_grad()
def test_two_directions_and_lengths(name, leaf):
    stack = stack_with(name, 1, bidirectional=True)
    x, lengths = torch.randn(7, 4, 4, dtype=torch.float64), torch.tensor([7, 0, 3, 5])
    resets = torch.rand(7, 4) < 0.2
    with clamp(stack, {(0, 0, 1): 0.4, (0, 1, 3): -0.2}, leaf=leaf):
        found, after = stack(x, lengths=lengths, resets=resets)
    for number, (cell, held) in enumerate(zip(stack.cells, ({1: 0.4}, {3: -0.2}), strict=True)):
        begin = cell.initial_state(4)
        y, state = by_hand(cell, x, begin, held, leaf, resets, lengths, reverse=number == 1)
        torch.testing.assert_close(found[:, :, number * H : number * H + H], y, rtol=0, atol=1e-12)
        torch.testing.assert_close(after[number], state, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("name", "leaf"), EVERY)
@torch.no_grad()
def test_an_ablated_copy_computes_what_the_clamp_does(name, leaf):
    stack = stack_with(name)
    before = {key: value.clone() for key, value in stack.state_dict().items()}
    units = [(0, 0, 1), (0, 0, 2), (1, 0, 0)]
    copy = ablated(stack, units, leaf=leaf)
    x, resets = torch.randn(9, 3, 4, dtype=torch.float64), torch.rand(9, 3) < 0.2
    with clamp(stack, dict.fromkeys(units, 0.0), leaf=leaf):
        expected, state = stack(x, resets=resets)
    found, after = copy(x, resets=resets)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(after, state, rtol=0, atol=1e-12)
    assert all(torch.equal(before[key], value) for key, value in stack.state_dict().items())
    assert all(isinstance(p, nn.Parameter) for p in copy.parameters())


@pytest.mark.skipif(bool(extension.missing), reason="no kernels")
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_sampling_is_clamped_too_and_a_frozen_ablated_copy_writes_the_same(cell):
    whole = handle(cell, 24)
    units = {(0, 0, 3): 0.0, (1, 0, 5): 0.0, (1, 0, 6): 0.0}
    prompt = some_text(20)
    with clamp(whole.model, units):
        text = whole.generate(prompt, 80, seed=3)
        frozen = whole.freeze()
    assert frozen.generate(prompt, 80, seed=3) == text
    assert whole.generate(prompt, 80, seed=3) != text
    without = type(whole)(ablated(whole.model, units), whole.vocabulary)
    assert without.generate(prompt, 80, seed=3) == text
    assert without.freeze().generate(prompt, 80, seed=3) == text


def test_clamps_nest_and_leave_nothing_behind():
    stack = stack_with("lstm")
    x = torch.randn(6, 2, 4, dtype=torch.float64)
    cells, expected = list(stack.cells), stack(x)
    with clamp(stack, {(0, 0, 1): 0.5, (0, 0, 2): 0.1}):
        with clamp(stack, {(0, 0, 1): 0.3}), clamp(stack, {(0, 0, 1): 0.7}, leaf="c"):
            _, state = stack(x)
            assert state[0].h[:, 1:3].tolist() == [[0.3, 0.1]] * 2
            assert state[0].c[:, 1].tolist() == [0.7] * 2
        _, state = stack(x)
        assert state[0].h[:, 1:3].tolist() == [[0.5, 0.1]] * 2
        with pytest.raises(ZeroDivisionError), clamp(stack, {(1, 0, 1): 0.5}):
            raise ZeroDivisionError
        assert state[0].h[:, 1:3].tolist() == [[0.5, 0.1]] * 2
    assert list(stack.cells) == cells
    torch.testing.assert_close(stack(x), expected, rtol=0, atol=0)


@pytest.mark.parametrize(("name", "leaf"), [("lstm", "c"), ("gru", "h"), ("normed", "c")])
def test_gradients_by_the_weights_pass_through_either_path(name, leaf, monkeypatch):
    stack = stack_with(name)
    x = torch.randn(5, 2, 4, dtype=torch.float64)
    grads = {}
    for backend in ("auto", "reference"):
        monkeypatch.setenv("UNROLLED_BACKEND", backend)
        with clamp(stack, {(0, 0, 1): 0.5}, leaf=leaf):
            grads[backend] = torch.autograd.grad(stack(x)[0].square().sum(), list(stack.parameters()))
    held = stack.get_submodule("layers.0.0")
    monkeypatch.undo()
    for one, two in zip(*grads.values(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-10)
    with torch.no_grad():  # the row of its own gate says nothing any more
        rows = H + 1 if leaf == "c" else 1
        names = [name for name, _ in stack.named_parameters()]
        gradient = grads["auto"][names.index("layers.0.0.bias_ih")]
        assert gradient.shape == held.bias_ih.shape
        if leaf == "c":
            assert gradient[rows] == 0


@torch.no_grad()
def test_changed_weights_are_seen_inside():
    stack = stack_with("gru")
    x = torch.randn(4, 2, 4, dtype=torch.float64)
    with clamp(stack, {(0, 0, 1): 0.5}):
        before, _ = stack(x)
        stack.get_submodule("layers.0.0").weight_ih.mul_(2)
        after, _ = stack(x)
    assert not torch.equal(before, after)
    with clamp(stack, {(0, 0, 1): 0.5}):
        torch.testing.assert_close(stack(x)[0], after, rtol=0, atol=0)


def test_in_training_with_noise():
    torch.manual_seed(0)
    stack = Stack.build("lstm", 3, H, recurrent_dropout=0.3, zoneout=0.2, weight_drop=0.2, initial="random").train()
    with clamp(stack, {(0, 0, 1): 0.5}), clamp(stack, {(0, 0, 2): 0.25}, leaf="c"):
        outputs, (state,) = stack(torch.randn(6, 2, 3))
        outputs.sum().backward()
    assert set(outputs[:, :, 1].flatten().tolist()) == {0.5}
    assert set(state.c[:, 2].tolist()) == {0.25}
    assert stack.training


class Mine(Cell):
    """h ← tanh(W x + h)"""

    def __init__(self):
        super().__init__()
        self.input_size, self.hidden_size = 3, 4
        self.W = nn.Linear(3, 4)

    def step(self, x, state, noise=None):
        h = torch.tanh(self.W(x) + state.h)
        return h, RNNState(h)

    def initial_state(self, batch_size):
        return RNNState(torch.zeros(batch_size, 4))


def test_a_cell_of_ones_own_and_the_drop_ins():
    torch.manual_seed(0)
    stack = Stack([[Mine()]])
    with clamp(stack, {(0, 0, 2): -0.5}):
        outputs, _ = stack(torch.randn(5, 2, 3))
    assert set(outputs[:, :, 2].flatten().tolist()) == {-0.5}
    with pytest.raises(ArgumentError, match="model must be one with built-in cells, got 'Mine'; clamp"):
        ablated(stack, [(0, 0, 2)])
    layer = GRU(3, 4)
    x = torch.randn(5, 2, 3)
    expected = layer(x)[0]
    with clamp(layer, {(0, 0, 2): -0.5}):
        assert set(layer(x)[0][:, :, 2].flatten().tolist()) == {-0.5}
        weights = dict(layer.named_parameters())
        assert "stack.layers.0.0.weight_ih" in weights
        assert set(functional_call(layer, weights, (x,))[0][:, :, 2].flatten().tolist()) == {-0.5}
    torch.testing.assert_close(layer(x)[0], expected)


def test_errors():
    stack = stack_with("gru", 1)

    def refused(match, model, units, **options):
        with pytest.raises(ArgumentError, match=match), clamp(model, units, **options):
            pass

    refused("layer must be from 0 to 0, got 1", stack, {(1, 0, 0): 0.0})
    refused("direction must be from 0 to 0, got 1", stack, {(0, 1, 0): 0.0})
    refused("unit must be from 0 to 4 in layer 0, got 5", stack, {(0, 0, 5): 0.0})
    refused("units must be finite values, got nan", stack, {(0, 0, 0): float("nan")})
    refused("units must be values with an absolute value of at most 1e\\+06, got 1e\\+40", stack, {(0, 0, 0): 1e40})
    refused("units must be keys .*, got 3", stack, {3: 0.0})
    refused("leaf must be one of h, the state of GRUCell, got 'c'", stack, {(0, 0, 0): 0.0}, leaf="c")
    refused("model must be a module with recurrent layers", nn.Linear(2, 2), {})
    two = nn.ModuleDict({"a": stack, "b": stack_with("gru", 1)})
    refused("stack must be one of 'a', 'b', got None", two, {(0, 0, 0): 0.0})
    with clamp(two, {(0, 0, 0): 0.0}, stack="b"):
        assert "runner" not in vars(two["a"])
    with capture(stack, print):
        refused(r"model must be outside capture\(\), got .*; enter capture", stack, {(0, 0, 0): 0.0})
