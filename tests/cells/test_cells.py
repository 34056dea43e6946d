"""The cells' arithmetic: worked examples, torch.nn's cells, the papers' formulas by hand, bad arguments."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn, tensor

from unrolled.cells import CELLS, GRUCell, GRUState, LSTMCell, LSTMState, Noise, RNNCell, RNNState, make_cell
from unrolled.cells import cell_class as find
from unrolled.errors import ArgumentError
from unrolled.scan import scan

few = settings(max_examples=15, deadline=None, derandomize=True)
PAIRS = {
    "rnn": (RNNCell, nn.RNNCell, {}),
    "relu": (RNNCell, nn.RNNCell, {"nonlinearity": "relu"}),
    "gru": (GRUCell, nn.GRUCell, {}),
    "lstm": (LSTMCell, nn.LSTMCell, {}),
}


def fill(cell, **values):
    """Set parameters by name, all others to zero."""
    with torch.no_grad():
        for name, parameter in cell.named_parameters():
            parameter.copy_(torch.as_tensor(values[name])) if name in values else parameter.zero_()
    return cell.double()


def rounded(x):
    return [round(value, 4) for value in x.flatten().tolist()]


# ── worked examples ──


def test_two_steps_by_hand():
    U, W, V = tensor([[0.5, 0.4], [0.4, 0.6]]), tensor([[0.4, 0.5], [0.3, 0.5]]), tensor([[0.4, 0.7], [0.3, 0.1]])
    cell = fill(RNNCell(2, 2), weight_ih=U, weight_hh=W)
    x, h = tensor([[0.4, 0.2]]).double(), tensor([[0.3, 0.8]]).double()
    assert rounded(x @ cell.weight_ih.T) == [0.28, 0.28]
    assert rounded(h @ cell.weight_hh.T) == [0.52, 0.49]
    output, state = cell.step(x, RNNState(h))
    assert rounded(output) == rounded(state.h) == [0.6640, 0.6469]
    assert rounded(torch.softmax(output @ V.double().T, -1)) == [0.6117, 0.3883]
    output, state = cell.step(tensor([[0.5, 0.4]]).double(), state)
    assert rounded(output) == [0.7612, 0.7455]


@pytest.mark.parametrize("reset_after", [True, False])
def test_gru_with_r_one_and_z_zero_is_the_vanilla_rnn(reset_after):
    torch.manual_seed(0)
    plain = RNNCell(3, 4, dtype=torch.float64)
    open_r, closed_z = torch.full((4,), 60.0), torch.full((4,), -60.0)
    zero = torch.zeros(8, 4)
    gru = fill(
        GRUCell(3, 4, reset_after=reset_after, dtype=torch.float64),
        weight_ih=torch.cat([torch.zeros(8, 3), plain.weight_ih]),
        weight_hh=torch.cat([zero, plain.weight_hh]),
        bias_ih=torch.cat([open_r, closed_z, plain.bias_ih]),
        bias_hh=torch.cat([torch.zeros(8), plain.bias_hh]),
    )
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    assert torch.allclose(scan(gru, x)[0], scan(plain, x)[0], rtol=0, atol=1e-14)


def test_reset_gate_before_or_after_the_product():
    cell = {after: GRUCell(1, 1, reset_after=after) for after in (True, False)}
    for one in cell.values():
        fill(one, weight_hh=[[0.0], [0.0], [2.0]], bias_ih=[0.0, -60.0, 0.0], bias_hh=[0.0, 0.0, 0.4])
    x, h = torch.zeros(1, 1).double(), GRUState(tensor([[0.3]]).double())
    # r = 1/2: after, tanh(½(2·0.3 + 0.4)); before, tanh(2·(½·0.3) + 0.4)
    assert cell[True].step(x, h)[0].item() == pytest.approx(torch.tanh(tensor(0.5)).item(), abs=1e-7)
    assert cell[False].step(x, h)[0].item() == pytest.approx(torch.tanh(tensor(0.7)).item(), abs=1e-7)


def test_peepholes_see_old_c_for_i_and_f_and_new_c_for_o():
    cell = fill(
        LSTMCell(1, 1, peepholes=True), peephole_i=[1.0], peephole_f=[2.0], peephole_o=[3.0], bias_ih=[0, 0, 1, 0]
    )
    before = LSTMState(torch.zeros(1, 1).double(), tensor([[0.5]]).double())
    _, after, gates = cell.step_traced(torch.zeros(1, 1).double(), before)
    c = torch.sigmoid(tensor(1.0)) * 0.5 + torch.sigmoid(tensor(0.5)) * torch.tanh(tensor(1.0))
    assert gates["i"].item() == pytest.approx(torch.sigmoid(tensor(0.5)).item(), abs=1e-7)
    assert gates["f"].item() == pytest.approx(torch.sigmoid(tensor(1.0)).item(), abs=1e-7)
    assert after.c.item() == pytest.approx(c.item(), abs=1e-7)
    assert gates["o"].item() == pytest.approx(torch.sigmoid(3 * c).item(), abs=1e-7)


# ── torch.nn ──


def both(ours, theirs, x, state, dtype):
    """Output, state and all gradients of one step of each, in ``dtype``."""
    results = []
    for cell in (ours.to(dtype), theirs.to(dtype)):
        given_ = [x.to(dtype).requires_grad_(), *(leaf.to(dtype).requires_grad_() for leaf in state)]
        if cell is ours:
            _, after = cell.step(given_[0], type(state)(*given_[1:]))
        else:
            after = cell(given_[0], given_[1] if len(state) == 1 else tuple(given_[1:]))
            after = (after,) if len(state) == 1 else after
        loss = sum((leaf * torch.arange(1.0, leaf.numel() + 1).view_as(leaf).cos()).sum() for leaf in after)
        names = ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if cell.bias else ()))
        grads = torch.autograd.grad(loss, [*given_, *(getattr(cell, name) for name in names)])
        results.append([leaf.detach() for leaf in (*after, *grads)])
    return results


@pytest.mark.parametrize("kind", PAIRS)
@few
@given(st.integers(1, 5), st.integers(1, 7), st.integers(1, 9), st.booleans(), st.integers(0, 99))
def test_matches_torch_forward_and_backward(kind, B, I, H, bias, seed):
    torch.manual_seed(seed)
    our_class, their_class, options = PAIRS[kind]
    ours, theirs = our_class(I, H, bias=bias, **options), their_class(I, H, bias=bias, **options)
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    x, state = torch.randn(B, I), ours.initial_state(B)
    state = type(state)(*(torch.randn_like(leaf) for leaf in state))
    exact, wanted = both(ours, theirs, x, state, torch.float64)
    for a, b in zip(exact, wanted, strict=True):
        assert torch.allclose(a, b, rtol=1e-12, atol=1e-13)
    ours32, theirs32 = both(ours, theirs, x, state, torch.float32)  # DESIGN's measure of agreement in float32
    eps = torch.finfo(torch.float32).eps
    for a, b, reference in zip(ours32, theirs32, wanted, strict=True):
        largest = reference.abs().max().clamp(min=1e-30)
        torchs_own = (b.double() - reference).abs().max() / largest
        assert (a.double() - reference).abs().max() / largest <= 2 * torchs_own + 16 * eps


# ── regularisers, by hand on small numbers ──


def test_zoneout_mixes_old_and_new_and_averages_in_evaluation():
    cell = fill(RNNCell(1, 3, zoneout=0.25), bias_ih=[1.0, 1.0, 1.0])
    x, h = torch.zeros(1, 1).double(), RNNState(tensor([[0.2, 0.4, 0.6]]).double())
    new = torch.tanh(tensor(1.0).double())
    kept = cell.step(x, h, Noise(zoneout_h=tensor([[1.0, 0.0, 1.0]]).double()))[1].h
    assert torch.allclose(kept, torch.stack([tensor(0.2).double(), new, tensor(0.6).double()])[None], atol=1e-7)
    assert torch.allclose(cell.step(x, h)[1].h, 0.25 * h.h + 0.75 * new)


def test_zoneout_of_an_lstm_leaves_the_new_c_inside_h():
    """Krueger et al. 2017, eq. 4–5: h_t reads the c computed in this step, whether or not c zones out."""
    cell = fill(LSTMCell(1, 1, zoneout=(0.1, 0.5)), bias_ih=[2.0, 1.0, 1.0, 0.5])
    x, before = torch.zeros(1, 1).double(), LSTMState(tensor([[0.3]]).double(), tensor([[0.7]]).double())
    i, f, o = (torch.sigmoid(tensor(v).double()) for v in (2.0, 1.0, 0.5))
    c = f * 0.7 + i * torch.tanh(tensor(1.0).double())
    h = o * torch.tanh(c)
    ones, zeros = torch.ones(1, 1).double(), torch.zeros(1, 1).double()
    _, after = cell.step(x, before, Noise(zoneout_h=zeros, zoneout_c=ones))
    assert after.c.item() == pytest.approx(0.7, abs=1e-7)
    assert after.h.item() == pytest.approx(h.item(), abs=1e-7)
    _, mean = cell.step(x, before)
    assert mean.h.item() == pytest.approx(0.1 * 0.3 + 0.9 * h.item(), abs=1e-7)
    assert mean.c.item() == pytest.approx(0.5 * 0.7 + 0.5 * c.item(), abs=1e-7)


def test_recurrent_dropout_masks_h_in_the_products_only():
    cell = fill(GRUCell(1, 2, recurrent_dropout=0.5), weight_hh=torch.cat([torch.zeros(4, 2), torch.eye(2)]))
    x, h = torch.zeros(1, 1).double(), GRUState(tensor([[0.4, 0.8]]).double())
    masked = cell.step(x, h, Noise(recurrent=tensor([[2.0, 0.0]]).double()))[1].h
    # r = z = ½: h' = ½ h + ½ tanh(½ m∘h); the h that z keeps is not masked
    wanted = 0.5 * h.h + 0.5 * torch.tanh(0.5 * tensor([[0.8, 0.0]]).double())
    assert torch.allclose(masked, wanted)


def test_weight_drop_masks_the_recurrent_weights():
    cell = RNNCell(2, 2, weight_drop=0.5, dtype=torch.float64)
    mask = tensor([[2.0, 0.0], [0.0, 2.0]]).double()
    x, h = torch.randn(3, 2).double(), RNNState(torch.randn(3, 2).double())
    wanted = torch.tanh(x @ cell.weight_ih.T + cell.bias_ih + h.h @ (cell.weight_hh * mask).T + cell.bias_hh)
    assert torch.allclose(cell.step(x, h, Noise(weight_hh=mask))[0], wanted)


def test_masks_are_scaled_shared_over_time_or_not_and_average_to_their_means():
    cell = LSTMCell(2, 50, recurrent_dropout=0.2, zoneout=(0.3, 0.6), weight_drop=0.5)
    noise = cell.draw_noise(40, 20, torch.Generator().manual_seed(0))
    assert set(noise.recurrent.unique().tolist()) == {0.0, 1.25}
    assert set(noise.weight_hh.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(noise.recurrent[0], noise.recurrent[39])
    assert torch.equal(noise.weight_hh[0], noise.weight_hh[39])
    assert not torch.equal(noise.zoneout_h[0], noise.zoneout_h[39])
    for mask, mean in ((noise.recurrent, 1), (noise.zoneout_h, 0.3), (noise.zoneout_c, 0.6), (noise.weight_hh, 1)):
        assert mask.mean() == pytest.approx(mean, rel=0.1)
    assert noise.weight_hh.untyped_storage().nbytes() == 4 * 200 * 50, "a shared mask is stored once"
    assert RNNCell(2, 3).draw_noise(4, 2) is None


# ── layer norm, a second implementation ──


def layer_norm(x, gain, bias=0.0):
    mean = x.mean(-1, keepdim=True)
    return gain * (x - mean) / torch.sqrt(((x - mean) ** 2).mean(-1, keepdim=True) + 1e-5) + bias


def random_norms(cell):
    with torch.no_grad():
        for name, parameter in cell.named_parameters():
            if "norm" in name:
                parameter.normal_()
    return cell.double()


def test_layer_norm_lstm():
    torch.manual_seed(0)
    cell = random_norms(LSTMCell(3, 4, layer_norm=True))
    x, h, c = torch.randn(2, 3).double(), torch.randn(2, 4).double(), torch.randn(2, 4).double()
    _, after = cell.step(x, LSTMState(h, c))
    a = layer_norm(x @ cell.weight_ih.T, cell.norm_ih.weight) + layer_norm(h @ cell.weight_hh.T, cell.norm_hh.weight)
    i, f, g, o = (a + cell.bias_ih + cell.bias_hh).split(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(layer_norm(c, cell.norm_c.weight, cell.norm_c.bias))
    assert torch.allclose(after.c, c, atol=1e-12)
    assert torch.allclose(after.h, h, atol=1e-12)


def test_layer_norm_gru_and_rnn():
    torch.manual_seed(0)
    gru, rnn = random_norms(GRUCell(3, 4, layer_norm=True)), random_norms(RNNCell(3, 4, layer_norm=True))
    x, h = torch.randn(2, 3).double(), torch.randn(2, 4).double()
    i, u, b = x @ gru.weight_ih.T, h @ gru.weight_hh.T, gru.bias_ih + gru.bias_hh
    rz = layer_norm(i[:, :8], gru.norm_ih.weight) + layer_norm(u[:, :8], gru.norm_hh.weight) + b[:8]
    r, z = torch.sigmoid(rz).split(4, dim=1)
    inner = layer_norm(u[:, 8:], gru.norm_hn.weight) + gru.bias_hh[8:]
    n = torch.tanh(layer_norm(i[:, 8:], gru.norm_in.weight) + gru.bias_ih[8:] + r * inner)
    assert torch.allclose(gru.step(x, GRUState(h))[0], z * h + (1 - z) * n, atol=1e-12)
    a = layer_norm(x @ rnn.weight_ih.T + h @ rnn.weight_hh.T, rnn.norm.weight) + rnn.bias_ih + rnn.bias_hh
    assert torch.allclose(rnn.step(x, RNNState(h))[0], torch.tanh(a), atol=1e-12)


# ── initial states ──


def first(cell):
    """The learned initial state's first leaf."""
    return getattr(cell, f"initial_{cell.state_leaves[0]}")


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("kind", CELLS)
def test_learned_state_gets_gradients_also_through_resets(kind, backend):
    cell = CELLS[kind](2, 3, initial="learned")
    x = torch.randn(5, 2, 2)
    scan(cell, x, backend=backend)[0].sum().backward()
    assert first(cell).grad.abs().sum() > 0
    cell.zero_grad()
    start = cell.initial_state(2).detach()  # so that only the reset can reach the parameter
    resets = torch.zeros(5, 2, dtype=torch.bool)
    scan(cell, x, start, resets=resets, backend=backend)[0].sum().backward()
    assert first(cell).grad is None or not first(cell).grad.any()
    resets[3, 1] = True
    scan(cell, x, start, resets=resets, backend=backend)[0].sum().backward()
    assert all(getattr(cell, f"initial_{leaf}").grad.abs().sum() > 0 for leaf in cell.state_leaves)


def test_random_state_in_training_only():
    cell = LSTMCell(2, 400, initial="random")
    state = cell.initial_state(50)
    assert state.h.std() == pytest.approx(0.1, rel=0.1)
    assert not torch.equal(state.h, state.c)
    assert not torch.equal(state.h[0], state.h[1])
    assert not any(leaf.any() for leaf in cell.eval().initial_state(50))


# ── names and bad arguments ──


class Own(RNNCell):
    """A cell of the user's own that builds on a built-in one."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size, nonlinearity="relu")


def test_cells_by_name():
    assert make_cell("gru", 2, 3, reset_after=False).reset_after is False
    assert find(f"{__name__}:Own") is Own
    assert isinstance(make_cell(f"{__name__}:Own", 2, 3, zoneout=0.1), Own), "one's own cell gets the sizes alone"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "ltsm",
            r"qrnn or module:Class, got 'ltsm'; did you mean 'lstm'\?",
        ),
        ("no_such_module:Cell", "importing it raised ModuleNotFoundError: No module named 'no_such_module'"),
        ("unrolled.cells:GRUCel", r"unrolled\.cells has no class GRUCel; did you mean 'GRUCell'"),
        ("unrolled.cells:make_cell", r"a class derived from unrolled\.Cell"),
    ],
)
def test_unknown_cells(name, message):
    with pytest.raises(ArgumentError, match=message):
        find(name)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: RNNCell(0, 3), "input_size must be an integer of at least 1, got 0"),
        (lambda: GRUCell(3, 0), "hidden_size must be an integer of at least 1, got 0"),
        (lambda: LSTMCell(3, 4, proj_size=4), r"proj_size must be less than hidden_size \(4\), got 4"),
        (lambda: LSTMCell(3, 4, proj_size=-1), "proj_size must be an integer of at least 0"),
        (lambda: LSTMCell(3, 4, bias=False, forget_bias=1.0), "forget_bias must be None in a cell without biases"),
        (lambda: RNNCell(3, 4, recurrent_dropout=1.0), "recurrent_dropout must be a rate of at least 0 and below 1"),
        (lambda: RNNCell(3, 4, weight_drop=-0.1), "weight_drop must be a rate"),
        (lambda: LSTMCell(3, 4, zoneout=(0.1, 1.5)), "zoneout must be a rate"),
        (lambda: GRUCell(3, 4, zoneout=(0.1, 0.1)), r"zoneout must be one rate, or for an LSTM a pair \(h, c\)"),
        (lambda: RNNCell(3, 4, initial="ones"), "initial must be 'zero', 'random' or 'learned', got 'ones'"),
        (lambda: RNNCell(3, 4, nonlinearity="gelu"), "nonlinearity must be 'tanh' or 'relu', got 'gelu'"),
    ],
)
def test_bad_arguments(build, message):
    with pytest.raises(ArgumentError, match=message):
        build()
