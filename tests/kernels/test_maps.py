"""The kernels of convolutional recurrences against the reference loop, with every option."""

import pytest
import torch
from hypothesis import strategies as st
from random_cases import random_cases
from team_size import threads

import unrolled
from unrolled.cells import ConvGRUCell, ConvLSTMCell
from unrolled.kernels import extension
from unrolled.scan import explain

pytestmark = pytest.mark.skipif(extension.missing is not None, reason="no compiled kernels")

T, B = 5, 3
LENGTHS = torch.tensor([5, 0, 3])
RESETS = torch.tensor([[1, 0, 0], [0, 0, 0], [0, 1, 1], [1, 0, 0], [0, 0, 1]], dtype=torch.bool)
PASSES = {
    "plain": {},
    "lengths": {"lengths": LENGTHS},
    "resets": {"resets": RESETS},
    "all": {"lengths": LENGTHS, "resets": RESETS, "reverse": True},
}
CELLS = [
    (ConvLSTMCell, {"kernel_size": (4, 3), "stride": 2, "initial_state": "learned"}),
    (ConvLSTMCell, {"peepholes": (6, 5), "recurrent_dropout": 0.3}),
    (ConvLSTMCell, {"peepholes": True, "dims": 1, "kernel_size": 2}),
    (ConvGRUCell, {"dims": 3, "kernel_size": (1, 3, 2), "initial_state": "learned"}),
    (ConvGRUCell, {"recurrent_dropout": 0.3, "recurrent_kernel_size": 2}),
]


def gradients(results, args):
    loss = sum((r * torch.arange(1, r.numel() + 1, dtype=r.dtype).view(r.shape).cos()).sum() for r in results)
    found = torch.autograd.grad(loss, args, allow_unused=True)
    return [torch.zeros_like(arg) if gradient is None else gradient for gradient, arg in zip(found, args, strict=True)]


def compare(cell, passes, dtype, tolerance, lanes=B):
    torch.manual_seed(0)
    cell = cell.to(dtype)
    space = (6, 5, 2)[: cell.space_dims]
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    for name in passes:
        options = {key: value[..., :lanes] if key != "reverse" else value for key, value in PASSES[name].items()}
        x = torch.randn(T, lanes, 2, *space, dtype=dtype, requires_grad=True)
        state = cell.initial_state(lanes, space)
        state = type(state)(*(torch.randn_like(leaf).requires_grad_() for leaf in state))
        noise, args = cell.draw_noise(T, lanes), [x, *state, *cell.parameters()]
        results = []
        for backend in ("reference", "native"):
            y, after = unrolled.scan(cell, x, state, noise=noise, backend=backend, **options)
            results.append([y, *after, *gradients([y, *after], args)])
        for expected, received in zip(*results, strict=True):
            scale = float(1 + expected.detach().abs().max())
            torch.testing.assert_close(received, expected, atol=tolerance * scale, rtol=0)


@pytest.mark.parametrize("number", range(len(CELLS)))
def test_results_and_gradients(number):
    kind, options = CELLS[number]
    compare(kind(2, 4, **options), PASSES, torch.float64, 1e-11)
    compare(kind(2, 19, **options), ["all"], torch.float32, 1e-4)


@st.composite
def cases(draw):
    """A cell, the passes, and the number of threads."""
    dims = draw(st.integers(1, 3))
    options = {"dims": dims, "initial_state": draw(st.sampled_from(["zero", "learned"]))}
    for name in ("kernel_size", "recurrent_kernel_size"):
        options[name] = tuple(draw(st.integers(1, 4)) for _ in range(dims))
    options["recurrent_dropout"] = draw(st.sampled_from([0.0, 0.3]))
    lstm = draw(st.booleans())
    if lstm:
        options["peepholes"] = draw(st.sampled_from([False, True, (6, 5, 2)[:dims]]))
    passes, lanes = draw(st.sets(st.sampled_from(sorted(PASSES)), min_size=1)), draw(st.integers(1, B))
    return lstm, draw(st.integers(1, 40)), options, sorted(passes), lanes, draw(st.integers(1, 3))


@random_cases(cases(), usually=3)
def test_outputs_states_and_every_gradient_agree_with_the_loop_over_steps(case, part):
    lstm, channels, options, passes, lanes, count = case
    with threads(count):
        cell = (ConvLSTMCell if lstm else ConvGRUCell)(2, channels, **options)
        compare(cell, passes, torch.float64, 1e-11, lanes)


@pytest.mark.parametrize("kind", [ConvLSTMCell, ConvGRUCell])
def test_fewer_lanes_than_threads(kind):
    with threads(2):
        compare(kind(2, 5), PASSES, torch.float64, 1e-11, lanes=1)
        compare(kind(2, 5), ["all"], torch.float64, 1e-11)


@pytest.mark.parametrize("name", extension.instruction_sets())
def test_every_instruction_set(name, monkeypatch):
    monkeypatch.setenv("UNROLLED_ISA", name)
    compare(ConvLSTMCell(2, 19, peepholes=True), ["all"], torch.float32, 1e-4)
    compare(ConvGRUCell(2, 19), ["all"], torch.float64, 1e-11)


@pytest.mark.parametrize("kind", [ConvLSTMCell, ConvGRUCell])
def test_gradients_stop_at_an_initial_state_of_zeros(kind):
    """Products with a state of zeros are omitted, also in the gradients."""
    cell, x = kind(2, 3).double(), torch.randn(3, 2, 2, 4, 4, dtype=torch.float64)
    found = []
    for backend in ("reference", "native"):
        y, _ = unrolled.scan(cell, x, backend=backend)
        found.append(torch.autograd.grad(y.square().sum(), list(cell.parameters())))
    torch.testing.assert_close(found[1], found[0])


@pytest.mark.parametrize("kind", [ConvLSTMCell, ConvGRUCell])
def test_bfloat16_under_autocast(kind):
    torch.manual_seed(0)
    cell, x = kind(3, 16), torch.randn(4, 2, 3, 6, 6)
    exact, _ = unrolled.scan(cell, x)
    with torch.autocast("cpu", torch.bfloat16):
        y, state = unrolled.scan(cell, x, backend="native")
    assert y.dtype == state.h.dtype == torch.float32
    assert 0 < float((y - exact).detach().abs().max()) < 0.02


def test_single_steps_give_the_bits_of_the_whole():
    torch.manual_seed(0)
    cell, x = ConvLSTMCell(2, 8), torch.randn(4, 2, 2, 6, 6)
    whole, _ = unrolled.scan(cell, x)
    state = None
    for t in range(4):
        y, state = unrolled.scan(cell, x[t : t + 1], state)
        torch.testing.assert_close(y[0], whole[t], atol=1e-6, rtol=0)


def test_what_the_kernels_do_not_run_is_said():
    reason = dict(explain(ConvGRUCell(2, 4, layer_norm=True), torch.zeros(1, 1, 2, 3, 3)))
    assert reason["native"] == "the kernels of cells over maps have no norm"
    assert reason["torch"] is None
