"""`attend`: the loop, the kernels and all steps at once compute one function; its kernels are in kernels/."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._pytree import tree_leaves

from unrolled.attend import attend, choose, unsupported
from unrolled.cells import GRUCell, LSTMCell, RNNCell
from unrolled.cells.attentive import SCORES, Attentive, feed_size
from unrolled.errors import ArgumentError, BackendError, ShapeError
from unrolled.kernels import extension

few = settings(max_examples=25, deadline=None, derandomize=True)
kernels = pytest.mark.skipif(extension.missing is not None, reason=str(extension.missing))
CELLS = {"gru": GRUCell, "lstm": LSTMCell, "rnn": RNNCell}


def made(kind, score, feeding, I=2, H=3, C=3, dtype=torch.float64, **options):
    inner = CELLS[kind](I + feed_size(score, C, H, feeding), H, **options)
    cell = Attentive(inner, I, C, score=score, input_feeding=feeding)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.copy_(0.7 * torch.randn_like(parameter))
    return cell.to(dtype)


def begun(cell, rows):
    zero = cell.cell.initial_state(rows)
    return cell.begin(type(zero)(*(torch.randn_like(leaf) for leaf in zero)))


@st.composite
def problems(draw):
    torch.manual_seed(draw(st.integers(0, 999)))
    T, N, S, I, H = (draw(st.integers(low, high)) for low, high in ((0, 5), (1, 4), (1, 5), (1, 3), (1, 4)))
    score = draw(st.sampled_from(SCORES))
    feeding = score != "additive" and draw(st.booleans())
    C = draw(st.integers(1, 4)) if score in ("additive", "general") else H
    cell = made(draw(st.sampled_from(sorted(CELLS))), score, feeding, I, H, C)
    options = {}
    B = N
    if draw(st.booleans()):
        B = draw(st.integers(1, 3))
        options["rows"] = torch.tensor(draw(st.lists(st.integers(0, B - 1), min_size=N, max_size=N)))
    if draw(st.booleans()):
        options["lengths"] = torch.tensor(draw(st.lists(st.integers(0, T), min_size=N, max_size=N)))
    known = torch.tensor(draw(st.lists(st.integers(1, S), min_size=B, max_size=B)))
    return cell, torch.randn(T, N, I).double(), begun(cell, N), torch.randn(S, B, C).double(), known, options


def run(cell, inputs, state, h, known, options, backend):
    """Outputs, weights, state, and every gradient, as one flat list."""
    x, h = inputs.clone().requires_grad_(), h.clone().requires_grad_()
    inner = type(state.cell)(*(leaf.clone().requires_grad_() for leaf in state.cell))
    results = attend(cell, x, state._replace(cell=inner), cell.remember(h, known), backend=backend, **options)
    leaves = tree_leaves(results)
    loss = sum((leaf * torch.arange(1.0, leaf.numel() + 1).view_as(leaf).cos()).sum() for leaf in leaves)
    wanted = [x, h, *inner, *cell.parameters()]
    grads = torch.autograd.grad(loss, wanted, allow_unused=True)
    return [*leaves, *(torch.zeros_like(w) if g is None else g for w, g in zip(wanted, grads, strict=True))]


@few
@given(problems())
def test_however_it_is_computed(problem):
    for got, wanted in zip(run(*problem, "auto"), run(*problem, "reference"), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-10)


@few
@given(problems())
def test_a_padded_batch_is_its_sentences_one_by_one(problem):
    """In float32, whatever stands in the padding of either side."""
    cell, inputs, state, h, known, options = problem
    cell, inputs, h = cell.float(), inputs.float(), h.float()
    state = type(state)(type(state.cell)(*(leaf.float() for leaf in state.cell)), state.fed.float())
    T, N = inputs.shape[:2]
    rows = options.get("rows", torch.arange(N))
    lengths = options.get("lengths", torch.full((N,), T))
    for b, n in enumerate(known.tolist()):
        h[n:, b] = math.nan
    for n, length in enumerate(lengths.tolist()):
        inputs[length:, n] = math.nan
    with torch.no_grad():
        y, a, after = attend(cell, inputs, state, cell.remember(h, known), **options)
        assert y.isfinite().all()
        assert a.isfinite().all()
        for n, (b, length) in enumerate(zip(rows.tolist(), lengths.tolist(), strict=True)):
            mine = type(state)(type(state.cell)(*(leaf[n : n + 1] for leaf in state.cell)), state.fed[n : n + 1])
            memory = cell.remember(h[: known[b], b : b + 1], known[b : b + 1])
            one, looked, end = attend(cell, inputs[:length, n : n + 1], mine, memory, backend="reference")
            torch.testing.assert_close(y[:length, n : n + 1], one, rtol=1e-6, atol=2e-6)
            torch.testing.assert_close(a[:length, n : n + 1, : known[b]], looked, rtol=1e-6, atol=2e-6)
            torch.testing.assert_close(after.cell[0][n : n + 1], end.cell[0], rtol=1e-6, atol=2e-6)
            assert not y[length:, n].any()
            assert not a[:, n, known[b] :].any()


@pytest.mark.parametrize(("kind", "score", "feeding"), [("gru", "additive", False), ("rnn", "scaled", False)])
def test_gradients_against_differences(kind, score, feeding):
    torch.manual_seed(0)
    cell = made(kind, score, feeding)
    state, known, lengths = begun(cell, 2), torch.tensor([3, 2]), torch.tensor([2, 1])
    x, h = torch.randn(2, 2, 2).double().requires_grad_(), torch.randn(3, 2, 3).double().requires_grad_()

    def of(x, h, start, *_):
        inner = type(state.cell)(start)
        return attend(cell, x, state._replace(cell=inner), cell.remember(h, known), lengths=lengths)[:2]

    start = state.cell[0].clone().requires_grad_()
    assert torch.autograd.gradcheck(of, (x, h, start, *cell.parameters()))


def test_a_loop_over_step_is_what_attend_is():
    torch.manual_seed(0)
    cell = made("lstm", "additive", False)
    x, state, memory = torch.randn(4, 2, 2).double(), begun(cell, 2), cell.remember(
        torch.randn(3, 2, 3).double(), torch.tensor([3, 1])
    )  # fmt: skip
    outputs, weights, after = attend(cell, x, state, memory)
    for t in range(4):
        y, state, a = cell.step(x[t], state, memory)
        torch.testing.assert_close(outputs[t], y)
        torch.testing.assert_close(weights[t], a)
    torch.testing.assert_close(after.cell, state.cell)


# ── which way is taken ──


@kernels
@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("rnn", {}, "there is no attention kernel for RNNCell"),
        ("gru", {"layer_norm": True}, "the attention kernels have no layer norm"),
        ("gru", {"reset_after": False}, "applies the reset gate only after the product"),
        ("lstm", {"zoneout": 0.2}, "the attention kernels do not support noise"),
        ("lstm", {"peepholes": True}, "neither peepholes nor a projection"),
    ],
)
def test_kernels_asked_for_by_name_never_degrade(kind, options, reason):
    torch.manual_seed(0)
    cell = made(kind, "additive", False, **options)
    x, state, memory = torch.randn(2, 1, 2).double(), begun(cell, 1), cell.remember(
        torch.randn(3, 1, 3).double(), torch.tensor([3])
    )  # fmt: skip
    with pytest.raises(BackendError, match=f"backend 'native' cannot run this attention: .*{reason}; use"):
        attend(cell, x, state, memory, backend="native")
    assert choose(cell, x) == "reference"
    assert reason in str(unsupported(cell, x))
    same = [attend(cell, x, state, memory, backend=backend)[0] for backend in ("auto", "reference")]
    assert torch.equal(*same)


@kernels
def test_which_is_taken_by_default(monkeypatch):
    torch.manual_seed(0)
    x = torch.randn(2, 1, 2).double()
    fed, plain, noisy = made("gru", "additive", False), made("rnn", "dot", False), made("gru", "dot", True, zoneout=0.5)
    assert [choose(cell, x) for cell in (fed, plain)] == ["native", "native"]
    assert choose(noisy, x, noisy.cell.draw_noise(2, 1)) == "reference"
    monkeypatch.setenv("UNROLLED_BACKEND", "reference")
    assert choose(fed, x) == "reference"
    assert choose(fed, x, backend="native") == "native"
    monkeypatch.setenv("UNROLLED_BACKEND", "cudnn")  # a way for recurrences that attention has not
    assert choose(fed, x) == "native"
    with pytest.raises(ArgumentError, match="backend must be one of auto, reference, native for attention"):
        choose(fed, x, backend="cudnn")


def test_noise_of_the_inner_cell_is_used_step_by_step():
    torch.manual_seed(0)
    cell = made("gru", "additive", False, zoneout=0.5)
    x, state, memory = torch.randn(3, 1, 2).double(), begun(cell, 1), cell.remember(
        torch.randn(3, 1, 3).double(), torch.tensor([3])
    )  # fmt: skip
    noise = cell.cell.draw_noise(3, 1)
    outputs, _, _ = attend(cell, x, state, memory, noise=noise)
    for t in range(3):
        one = type(noise)(*(None if leaf is None else leaf[t] for leaf in noise))
        y, state, _ = cell.step(x[t], state, memory, noise=one)
        torch.testing.assert_close(outputs[t], y)


@pytest.mark.parametrize(("kind", "score"), list(itertools.product(["gru", "rnn"], ["additive", "dot"])))
def test_no_step_at_all(kind, score):
    cell = made(kind, score, False)
    state, memory = begun(cell, 2), cell.remember(torch.randn(3, 2, 3).double(), torch.tensor([3, 1]))
    for backend in ("auto", "reference"):
        y, a, after = attend(cell, torch.zeros(0, 2, 2).double(), state, memory, backend=backend)
        assert y.shape == (0, 2, cell.output_size)
        assert a.shape == (0, 2, 3)
        assert torch.equal(after.cell[0], state.cell[0])


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        (torch.zeros(4, 2, 5), {}, r"inputs must be \(T, N, 2\), got \(4, 2, 5\)"),
        (torch.zeros(4, 2), {}, r"inputs must be \(T, N, 2\), got \(4, 2\)"),
        (torch.zeros(4, 3, 2), {}, "the memory must hold 3 sentences, one for each row, got 2; or give rows"),
        (torch.zeros(4, 2, 2), {"rows": torch.tensor([0])}, r"rows must be \(2,\) int64, got \(1,\)"),
        (torch.zeros(4, 2, 2), {"lengths": torch.ones(2)}, r"lengths must be \(2,\) int64, got \(2,\) torch.float32"),
    ],
)
def test_what_does_not_fit_is_refused(inputs, options, message):
    cell = made("gru", "dot", False, dtype=torch.float32)
    memory = cell.remember(torch.zeros(3, 2, 3), torch.tensor([3, 1]))
    with pytest.raises(ShapeError, match=message):
        attend(cell, inputs, begun(cell, inputs.size(1)), memory, **options)


@pytest.mark.parametrize(
    ("seen", "given", "expected"),
    [
        ([0, 3], {}, r"the memory's lengths must lie in 1\.\.6, got 0\.\.3"),
        ([9, 3], {}, r"the memory's lengths must lie in 1\.\.6, got 3\.\.9"),
        ([6, 3], {"rows": torch.tensor([-1, 0])}, r"rows must lie in 0\.\.1, got -1\.\.0"),
        ([6, 3], {"lengths": torch.tensor([9, -1])}, r"lengths must lie in 0\.\.5, got -1\.\.9"),
        ([6, 3], {"batch": 1}, "every leaf of the state must have 2 rows"),
    ],
)
@pytest.mark.parametrize("score", ["dot", "additive"])
def test_every_path_refuses_what_does_not_fit(score, seen, given, expected):
    """The loop and the path that looks at once, too, whatever the kernels check."""
    cell = Attentive(RNNCell(3 + (4 if score == "additive" else 0), 4), 3, 4, score=score)
    memory = cell.remember(torch.randn(6, 2, 4), torch.tensor(seen))
    options = {name: value for name, value in given.items() if name != "batch"}
    state = cell.begin(cell.cell.initial_state(given.get("batch", 2)))
    with pytest.raises(ShapeError, match=expected):
        attend(cell, torch.randn(5, 2, 3), state, memory, **options)
