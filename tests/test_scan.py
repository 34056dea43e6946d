"""`scan`: every backend computes the reference loop's function; what is asked for by name never degrades."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._pytree import tree_leaves

import unrolled
from unrolled.cells import GRUCell, GRUState, LSTMCell, LSTMState, Noise, RNNCell, RNNState
from unrolled.errors import ArgumentError, BackendError, ShapeError
from unrolled.kernels import extension
from unrolled.scan import choose, explain, scan, scan_traced

few = settings(max_examples=100, deadline=None, derandomize=True)
CELLS = {
    "rnn": lambda I, H: RNNCell(I, H),
    "relu": lambda I, H: RNNCell(I, H, nonlinearity="relu", bias=False),
    "gru": lambda I, H: GRUCell(I, H, initial="learned", weight_drop=0.4),
    "lstm": lambda I, H: LSTMCell(I, H, initial="learned", weight_drop=0.4),
    "projected": lambda I, H: LSTMCell(I, H + 1, proj_size=H),
}


@st.composite
def problems(draw):
    """A cell, inputs, a state, and every way to call scan that torch's layers can do."""
    I, H, T, B = (draw(st.integers(1, most)) for most in (3, 4, 6, 4))
    torch.manual_seed(draw(st.integers(0, 99)))
    cell = CELLS[draw(st.sampled_from(sorted(CELLS)))](I, H).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    state = None
    if draw(st.booleans()):
        state = type(cell.initial_state(B))(*(torch.randn_like(leaf) for leaf in cell.initial_state(B)))
    options = {"reverse": draw(st.booleans())}
    if draw(st.booleans()):
        options["lengths"] = torch.tensor(draw(st.lists(st.integers(0, T), min_size=B, max_size=B)))
    if draw(st.booleans()):
        rows = st.lists(st.booleans(), min_size=B, max_size=B)
        options["resets"] = torch.tensor(draw(st.lists(rows, min_size=T, max_size=T)))
    if draw(st.booleans()):
        options["noise"] = cell.draw_noise(T, B)
    return cell, torch.randn(T, B, I, dtype=torch.float64), state, options


def run(cell, inputs, state, backend, options):
    """Outputs, state and all gradients, as one flat list."""
    x = inputs.clone().requires_grad_()
    start = None if state is None else type(state)(*(leaf.clone().requires_grad_() for leaf in state))
    results = tree_leaves(scan(cell, x, start, backend=backend, **options))
    loss = sum((leaf * torch.arange(1.0, leaf.numel() + 1).view_as(leaf).cos()).sum() for leaf in results)
    given_ = [x, *([] if start is None else start), *cell.parameters()]
    grads = torch.autograd.grad(loss, given_, allow_unused=True)
    return [*results, *(torch.zeros_like(g) if d is None else d for g, d in zip(given_, grads, strict=True))]


@few
@given(problems())
def test_torch_computes_what_the_loop_computes(problem):
    *what, options = problem
    for got, wanted in zip(run(*what, "torch", options), run(*what, "reference", options), strict=True):
        assert torch.allclose(got, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", CELLS)
def test_in_float32_torch_agrees_with_the_loop(kind):
    """By the measure: no further from float64 than twice what torch itself is, and 16 eps."""
    torch.manual_seed(0)
    cell, x = CELLS[kind](5, 8), torch.randn(20, 4, 5)
    with torch.no_grad():
        exact = scan(cell.double(), x.double(), backend="reference")[0]
        cell.float()
        fused, loop = scan(cell, x, backend="torch")[0], scan(cell, x, backend="reference")[0]
    largest = exact.abs().max()
    torchs_own = (fused - exact).abs().max() / largest
    assert (loop - exact).abs().max() / largest <= 2 * torchs_own + 16 * torch.finfo(torch.float32).eps


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("reverse", [False, True])
def test_what_stands_in_the_padding_reaches_nothing(backend, reverse):
    torch.manual_seed(0)
    cell, lengths = LSTMCell(2, 3), torch.tensor([4, 0, 2])
    x = torch.randn(4, 3, 2)
    found = []
    for padding in (0.0, math.nan, math.inf):
        padded = x.clone()
        padded[:, 1] = padding
        padded[2:, 2] = padding
        found.append(run(cell, padded, None, backend, {"lengths": lengths, "reverse": reverse}))
    for zero, *others in zip(*found, strict=True):
        assert zero.isfinite().all()
        for other in others:
            assert torch.equal(zero, other)
    outputs, after = scan(cell, x, lengths=lengths, backend=backend, reverse=reverse)
    assert not outputs[:, 1].any()
    assert not outputs[2:, 2].any()
    assert not after.h[1].any()


def test_traces_are_the_gates_and_zero_past_the_end():
    cell = GRUCell(2, 3)
    x, lengths = torch.randn(4, 2, 2), torch.tensor([4, 2])
    outputs, state, trace = scan_traced(cell, x, lengths=lengths, reverse=True)
    wanted, wanted_state = scan(cell, x, lengths=lengths, reverse=True, backend="reference")
    torch.testing.assert_close(outputs, wanted)
    torch.testing.assert_close(state.h, wanted_state.h)
    assert set(trace) == {"r", "z", "n", "h"}
    for gate in trace.values():
        assert gate.shape == (4, 2, 3)
        assert not gate[2:, 1].any()
        assert gate[:2].all()
    assert torch.equal(trace["h"], outputs)


def test_each_step_gets_its_own_noise():
    cell = RNNCell(1, 2, zoneout=0.5)
    x, keep = torch.randn(3, 1, 1), torch.tensor([[[0.0, 0.0]], [[1.0, 1.0]], [[0.0, 1.0]]])
    outputs, _ = scan(cell, x, noise=Noise(zoneout_h=keep))
    assert torch.equal(outputs[1], outputs[0])
    assert not torch.equal(outputs[2, 0, 0], outputs[1, 0, 0])
    assert torch.equal(outputs[2, 0, 1], outputs[1, 0, 1])


# ── which backend runs ──


@pytest.fixture
def without_kernels(monkeypatch):
    monkeypatch.setattr(extension, "missing", "left out")


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (GRUCell(2, 3, reset_after=False), "torch's GRU applies the reset gate only after the product"),
        (LSTMCell(2, 3, peepholes=True), "torch's LSTM has no peepholes"),
        (RNNCell(2, 3, layer_norm=True), "torch's layers have no layer norm"),
        (LSTMCell(2, 3, zoneout=(0.0, 0.1)), "torch's layers have no zoneout"),
        (type("Mine", (RNNCell,), {})(2, 3), "torch has no fused layer for Mine"),
    ],
)
def test_a_backend_asked_for_by_name_never_degrades(cell, reason, without_kernels):
    x = torch.randn(4, 2, 2)
    message = rf"backend 'torch' cannot run this {type(cell).__name__}: {reason}; use backend='auto'"
    with pytest.raises(BackendError, match=message):
        scan(cell, x, backend="torch")
    assert choose(cell, x) == "reference"
    assert dict(explain(cell, x)) == {
        "cudnn": "the inputs are on cpu, not on a CUDA device",
        "native": "left out",
        "torch": reason,
        "reference": None,
    }
    assert torch.equal(scan(cell, x)[0], scan(cell, x, backend="reference")[0])


@pytest.mark.parametrize(
    ("noise", "reason"),
    [
        (Noise(recurrent=torch.ones(4, 2, 3)), "no recurrent dropout"),
        (Noise(zoneout_h=torch.ones(4, 2, 3)), "no zoneout"),
        (Noise(weight_hh=torch.ones(4, 9, 3)), "need one weight mask for all steps"),
    ],
)
def test_noise_decides_too(noise, reason, without_kernels):
    cell, x = GRUCell(2, 3), torch.randn(4, 2, 2)
    assert choose(cell, x) == "torch"
    assert choose(cell, x, noise=noise) == "reference"
    with pytest.raises(BackendError, match=reason):
        scan(cell, x, noise=noise, backend="torch")


def two_eps() -> LSTMCell:
    cell = LSTMCell(2, 3, layer_norm=True)
    cell.norm_c.eps = 0.1
    return cell


@pytest.mark.skipif(extension.missing is not None, reason=str(extension.missing))
@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (GRUCell(2, 3, layer_norm=True), "the kernels have no layer norm for GRUCell"),
        (two_eps(), "the kernels support only the cells' own layer norm, with a single eps"),
        (type("Mine", (RNNCell,), {})(2, 3), "there is no kernel for Mine"),
        (GRUCell(2, 3, dtype=torch.float16), "the kernels compute in bfloat16, float32 and float64"),
    ],
)
def test_kernels_run_by_default_unless_there_is_a_reason(cell, reason):
    assert choose(GRUCell(2, 3, reset_after=False), torch.randn(4, 2, 2)) == "native"
    x = torch.randn(4, 2, 2, dtype=cell.weight_ih.dtype)
    assert choose(cell, x) != "native"
    with pytest.raises(BackendError, match=f"'native' cannot run this {type(cell).__name__}: {reason}"):
        scan(cell, x, backend="native")


def test_cudnn_needs_cuda_and_torch_a_step_and_a_lane():
    cell = GRUCell(2, 3)
    with pytest.raises(BackendError, match="'cudnn' cannot run this GRUCell: the inputs are on cpu"):
        scan(cell, torch.randn(4, 2, 2), backend="cudnn")
    for empty in (torch.randn(0, 2, 2), torch.randn(4, 0, 2)):
        with pytest.raises(BackendError, match="torch's layers do not accept an empty batch or sequence"):
            scan(cell, empty, backend="torch")
        outputs, state = scan(cell, empty)
        assert outputs.shape == (*empty.shape[:2], 3)
        assert state.h.shape == (empty.size(1), 3)


def test_environment_replaces_auto_only(monkeypatch):
    plain, normed, x = GRUCell(2, 3), GRUCell(2, 3, layer_norm=True), torch.randn(4, 2, 2)
    monkeypatch.setenv("UNROLLED_BACKEND", "reference")
    assert choose(plain, x) == "reference"
    assert choose(plain, x, backend="torch") == "torch"
    monkeypatch.setenv("UNROLLED_BACKEND", "torch")
    with pytest.raises(BackendError, match="no layer norm"):
        scan(normed, x)
    monkeypatch.setenv("UNROLLED_BACKEND", "refrence")
    with pytest.raises(ArgumentError, match=r"backend must be one of .*, got 'refrence'; did you mean 'reference'"):
        scan(plain, x)


def test_traces_refuse_a_backend_that_has_none():
    cell, x = GRUCell(2, 3), torch.randn(4, 2, 2)
    with pytest.raises(BackendError, match="'torch' does not trace gates; use backend='native', 'reference' or 'auto'"):
        scan_traced(cell, x, backend="torch")
    with pytest.raises(ArgumentError, match="backend must be one of"):
        scan_traced(cell, x, backend="fast")


# ── what does not fit ──

ZERO = torch.zeros(2, 3)
WRONG = {
    "two dimensions": ({"inputs": torch.zeros(4, 2)}, r"inputs must be \(T, B, 2\), got \(4, 2\)"),
    "input width": ({"inputs": torch.zeros(4, 2, 5)}, r"inputs must be \(T, B, 2\), got \(4, 2, 5\)"),
    "dtype": (
        {"inputs": torch.zeros(4, 2, 2).double()},
        r"inputs must be torch.float32 on cpu as the cell is, got torch.float64",
    ),
    "reset shape": ({"resets": torch.zeros(2, 4, dtype=torch.bool)}, r"resets must be bool \(4, 2\)"),
    "reset dtype": ({"resets": torch.zeros(4, 2)}, r"resets must be bool \(4, 2\), got torch.float32"),
    "length shape": ({"lengths": torch.tensor([1, 2, 3])}, r"lengths must be int64 \(2,\), got torch.int64 \(3,\)"),
    "length dtype": ({"lengths": torch.tensor([1.0, 2.0])}, r"lengths must be int64 \(2,\), got torch.float32"),
    "length range": ({"lengths": torch.tensor([-1, 5])}, r"lengths must lie in 0..4, got -1..5"),
    "noise time": ({"noise": Noise(recurrent=torch.ones(3, 2, 3))}, r"noise must have time 4 in dimension 0"),
    "state batch": ({"state": LSTMState(torch.zeros(1, 3), ZERO)}, r"batch 2 in dimension 0, got \(1, 3\)"),
    "state width": ({"state": LSTMState(ZERO, torch.zeros(2, 1))}, r"'c': \(2, 3\)}, got LSTMState .*'c': \(2, 1\)"),
    "state kind": ({"state": (ZERO, ZERO)}, r"state of LSTMCell must have {'h': \(2, 3\).*got tuple"),
    "other cell's state": ({"state": GRUState(ZERO)}, r"the state of LSTMCell must have .* got GRUState"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_what_does_not_fit_is_refused(case, backend):
    wrong, message = WRONG[case]
    given_ = {"inputs": torch.zeros(4, 2, 2), **wrong}
    with pytest.raises(ShapeError, match=message):
        scan(LSTMCell(2, 3), **given_, backend=backend)


def test_autocast_may_mix_dtypes():
    cell = GRUCell(2, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for backend in ("reference", "auto"):
            outputs, _ = scan(cell, torch.zeros(4, 2, 2).bfloat16(), backend=backend)
            assert outputs.isfinite().all()


def test_nothing_given_is_changed():
    cell = RNNCell(2, 3)
    x, state, lengths = torch.randn(4, 2, 2), RNNState(torch.randn(2, 3)), torch.tensor([4, 1])
    before = [tensor.clone() for tensor in (x, state.h, lengths)]
    for backend in ("reference", "torch"):
        scan(cell, x, state, lengths=lengths, reverse=True, backend=backend)
    assert all(torch.equal(old, new) for old, new in zip(before, (x, state.h, lengths), strict=True))


@pytest.mark.parametrize("cell", [RNNCell(5, 4), GRUCell(5, 4), LSTMCell(5, 4), GRUCell(5, 4, layer_norm=True)])
def test_symbols_stand_for_one_hot_vectors(cell):
    symbols = torch.randint(5, (6, 3))
    vectors = torch.nn.functional.one_hot(symbols, 5).float()
    wanted, last = scan(cell, vectors, backend="reference")
    for backend in ("auto", "reference"):
        outputs, state = scan(cell, symbols, backend=backend)
        torch.testing.assert_close(outputs, wanted)
        torch.testing.assert_close(state, last)
        torch.testing.assert_close(scan_traced(cell, symbols, backend=backend)[0], wanted)
    assert scan(cell, symbols[:0])[0].shape == (0, 3, 4)
    both = torch.stack([symbols, symbols.flip(0)])
    each = torch.vmap(lambda some: scan(cell, some)[0])(both)
    torch.testing.assert_close(each, torch.stack([scan(cell, some)[0] for some in both]))


def test_symbols_that_are_no_inputs_are_refused():
    for wrong in (-1, 5):
        with pytest.raises(ShapeError, match=r"token ids in inputs must lie in 0\.\.4, got"):
            scan(GRUCell(5, 4), torch.full((3, 2), wrong))
    with pytest.raises(ShapeError, match="inputs"):
        scan(GRUCell(5, 4), torch.zeros(3, 2, dtype=torch.int32))


@pytest.mark.skipif(extension.missing is not None, reason=str(extension.missing))
def test_compiled_and_exported_over_symbols():
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = GRUCell(5, 4)

        def forward(self, symbols):
            return scan(self.cell, symbols)[0]

    model, symbols = Model(), torch.randint(5, (6, 3))
    torch.testing.assert_close(torch.compile(model, backend="aot_eager", fullgraph=True)(symbols), model(symbols))
    dims = {0: torch.export.Dim("T", min=2, max=100), 1: torch.export.Dim("B", min=2, max=100)}
    program = torch.export.export(model, (symbols,), dynamic_shapes=(dims,))
    other = torch.randint(5, (9, 7))
    torch.testing.assert_close(program.module()(other), model(other))


def test_explain_refuses_a_layer():
    layer = unrolled.nn.LSTM(3, 4)
    with pytest.raises(ArgumentError, match=r"cell must be a Cell, got 'LSTM'; for a layer pass one of its cells"):
        explain(layer, torch.zeros(5, 2, 3))
    assert explain(next(iter(layer.stack.cells)), torch.zeros(5, 2, 3))
