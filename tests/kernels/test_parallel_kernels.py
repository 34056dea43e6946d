"""The parallel recurrences' kernels against the reference loop: numbers, gradients, threads, padding and bad input."""

import copy
import os
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from random_cases import random_cases
from team_size import threads
from torch import Tensor
from torch.func import vmap

from unrolled.cells import MinGRUCell, MinLSTMCell, QRNNCell, RGLRUCell
from unrolled.errors import BackendError, ShapeError
from unrolled.kernels import extension
from unrolled.kernels import parallel as kernels
from unrolled.scan import scan, scan_traced

pytestmark = pytest.mark.skipif(
    extension.missing is not None and os.environ.get("UNROLLED_NATIVE") != "1", reason=extension.missing or ""
)

KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "mingru": (MinGRUCell, {}),
    "mingru, linear": (MinGRUCell, {"candidate": "linear"}),
    "minlstm": (MinLSTMCell, {}),
    "minlstm, linear": (MinLSTMCell, {"candidate": "linear"}),
    "rglru": (RGLRUCell, {}),
    "qrnn": (QRNNCell, {}),
    "qrnn, one input": (QRNNCell, {"filter_width": 1}),
    "qrnn, four inputs": (QRNNCell, {"filter_width": 4}),
}
BENT = ("mingru", "minlstm")  # the slope of a positive candidate jumps at 0, to either side of which rounding may go
ROUNDING = 16 * torch.finfo(torch.float32).eps


@dataclass(frozen=True)
class Case:
    """A call of scan; its random numbers are single-precision, whatever it is computed in."""

    kind: str
    T: int = 5
    B: int = 3
    I: int = 4
    H: int = 6
    options: dict[str, Any] = field(default_factory=dict)
    lengths: bool = False
    resets: bool = False
    reverse: bool = False
    threads: int = 1
    seed: int = 0

    def build(self, dtype: torch.dtype) -> tuple[Any, Tensor, Any, dict[str, Any], torch.Generator]:
        """The cell, inputs, state, the other arguments, and the generator for more numbers."""
        g = torch.Generator().manual_seed(self.seed)
        build, options = KINDS[self.kind]
        cell = build(self.I, self.H, **options, **self.options)
        with torch.no_grad():
            for name, parameter in cell.named_parameters():
                scale = 1 / parameter.size(-1) ** 0.5 if parameter.dim() == 2 else 0.5
                drawn = scale * torch.randn(parameter.shape, generator=g)
                parameter.copy_(4 + drawn if name == "lambda_" else drawn)
        inputs = torch.randn(self.T, self.B, self.I, generator=g)
        leaves = [torch.randn(self.B, cell.leaf_width(leaf), generator=g) for leaf in cell.state_leaves]
        state = type(cell.initial_state(self.B))(*(leaf.to(dtype).requires_grad_() for leaf in leaves))
        how: dict[str, Any] = {"reverse": self.reverse}
        if self.lengths:
            how["lengths"] = torch.randint(0, self.T + 1, (self.B,), generator=g)
        if self.resets:
            how["resets"] = torch.rand(self.T, self.B, generator=g) < 0.3
        return cell.to(dtype), inputs.to(dtype).requires_grad_(), state, how, g


def run(case: Case, backend: str, dtype: torch.dtype) -> dict[str, Tensor]:
    """Everything that comes out of a forward and a backward pass, by name."""
    cell, inputs, state, how, g = case.build(dtype)
    with threads(case.threads):
        outputs, after = scan(cell, inputs, state, **how, backend=backend)
        results = {"outputs": outputs} | {f"after.{name}": leaf for name, leaf in after._asdict().items()}
        sources = {"inputs": inputs, **state._asdict(), **dict(cell.named_parameters())}
        loss = sum((torch.randn(r.shape, generator=g).to(r.dtype) * r).sum() for r in results.values())
        found = torch.autograd.grad(loss, list(sources.values()), allow_unused=True)
    for (name, source), gradient in zip(sources.items(), found, strict=True):
        results[f"∇{name}"] = torch.zeros_like(source) if gradient is None else gradient
    return {name: result.detach() for name, result in results.items()}


def by(loss: Any, sources: list[Tensor]) -> list[Tensor]:
    """Gradients; zeros by what the loss does not depend on."""
    found = torch.autograd.grad(loss, sources, allow_unused=True)
    return [torch.zeros_like(s) if one is None else one for one, s in zip(found, sources, strict=True)]


def error(a: Tensor, reference: Tensor) -> float:
    """``max|a − ref| / max|ref|``, which counts as no smaller than 1."""
    assert a.shape == reference.shape
    if not a.numel():
        return 0.0
    difference = (a.double() - reference).abs().max().item()
    return difference / max(1.0, reference.abs().max().item()) if difference == difference else float("inf")


def assert_agrees(case: Case) -> None:
    """In float32 as near to the loop in float64 as the loop in float32, twice over; in float64 the same."""
    exact = run(case, "reference", torch.float64)
    loop = run(case, "reference", torch.float32)
    single, double = run(case, "native", torch.float32), run(case, "native", torch.float64)
    assert exact["outputs"].shape == (case.T, case.B, case.H)
    for name, reference in exact.items():
        assert single[name].dtype == torch.float32, name
        assert error(double[name], reference) <= 1e-12, name
        assert error(single[name], reference) <= 2 * error(loop[name], reference) + ROUNDING, name


# ---- numbers -------------------------------------------------------------------------------------------------------


@st.composite
def cases(draw) -> Case:
    resets = draw(st.booleans())
    options: dict[str, Any] = {"bias": draw(st.booleans())}
    if resets:
        options["initial"] = draw(st.sampled_from(["learned", "zero"]))
    return Case(
        kind=draw(st.sampled_from(sorted(KINDS))),
        T=draw(st.integers(0, 9)),
        B=draw(st.one_of(st.integers(0, 9), st.sampled_from([12, 33]))),
        I=draw(st.one_of(st.integers(1, 20), st.sampled_from([64, 100]))),
        H=draw(st.one_of(st.integers(1, 70), st.sampled_from([16, 32, 64, 128, 200]))),
        options=options,
        lengths=draw(st.booleans()),
        resets=resets,
        reverse=draw(st.booleans()),
        threads=draw(st.integers(1, 2)),
        seed=draw(st.integers(0, 999)),
    )


@random_cases(cases(), usually=150)
def test_parallel_outputs_states_and_every_gradient_agree_with_the_loop(case, part):
    assert_agrees(case)


EVERYTHING: dict[str, Any] = {"lengths": True, "resets": True, "options": {"initial": "learned"}}


@pytest.mark.parametrize("name", extension.instruction_sets())
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reverse", [False, True])
def test_every_instruction_set_agrees_with_the_loop(monkeypatch, name, kind, reverse):
    monkeypatch.setenv("UNROLLED_ISA", name)
    assert extension.instruction_set() == name
    assert_agrees(Case(kind, T=21, B=9, I=7, H=45, reverse=reverse, **EVERYTHING))
    assert_agrees(Case(kind, T=70, B=3, I=7, H=100, reverse=reverse, threads=2))  # large enough to be divided
    # … and cut into stretches
    assert_agrees(Case(kind, T=90, B=7, I=70, H=100, lengths=True, reverse=reverse, threads=2))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_threads_give_the_same_bits_and_others_nearly(kind):
    case = Case(kind, T=64, B=6, I=5, H=70, **EVERYTHING)
    alone = run(case, "native", torch.float32)
    for number in (2, 3, 7):
        divided = Case(**{**vars(case), "threads": number})
        first, again = run(divided, "native", torch.float32), run(divided, "native", torch.float32)
        for name, result in first.items():
            assert torch.equal(result, again[name]), name
            assert error(result, alone[name].double()) <= 4 * ROUNDING, name


@pytest.mark.parametrize("name", extension.instruction_sets())
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [30.0, 1e3, 1e30])
def test_saturated_gates_agree_with_the_loop(monkeypatch, kind, name, scale):
    monkeypatch.setenv("UNROLLED_ISA", name)
    found = []
    for backend, dtype in (("reference", torch.float64), ("reference", torch.float32), ("native", torch.float32)):
        cell, inputs, state, *_ = Case(kind, T=9, B=4, H=20).build(dtype)
        outputs, _ = scan(cell, scale * inputs, state, backend=backend)
        largest = outputs.detach().abs().max()
        gradients = torch.autograd.grad((outputs / largest).sin().sum(), [inputs, cell.weight_ih, cell.bias_ih])
        found.append([outputs.detach() / largest, gradients[0] / scale, gradients[1] / scale, gradients[2]])
    for exact, loop, got in zip(*found, strict=True):
        assert got.isfinite().all()
        assert error(got, exact) <= 8 * error(loop, exact) + 4 * ROUNDING


@pytest.mark.parametrize("kind", KINDS)
def test_symbols_are_one_hot_vectors(kind):
    case = Case(kind, T=21, B=6, I=19, H=23, **EVERYTHING)
    cell, _, state, how, g = case.build(torch.float64)
    symbols = torch.randint(19, (21, 6), generator=g)
    for reverse in (False, True):
        how["reverse"] = reverse
        found = []
        for inputs in (symbols, F.one_hot(symbols, 19).double()):
            outputs, after = scan(cell, inputs, state, **how, backend="native")
            loss = outputs.sin().sum() + sum(leaf.sin().sum() for leaf in after)
            found.append([outputs, *after, *by(loss, [*state, *cell.parameters()])])
        torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_second_derivatives(kind):
    case = Case(kind, T=6, **EVERYTHING)

    def penalty(backend: str) -> list[Tensor]:
        cell, inputs, state, how, _ = case.build(torch.float64)
        sources = [inputs, *state, *cell.parameters()]
        outputs, _ = scan(cell, inputs, state, **how, backend=backend)
        first = torch.autograd.grad(outputs.sin().sum(), sources, create_graph=True, allow_unused=True)
        loss = sum((one**2).sum() for one in first if one is not None)
        second = torch.autograd.grad(loss, sources, allow_unused=True)
        return [torch.zeros_like(s) if one is None else one for one, s in zip(second, sources, strict=True)]

    wanted = penalty("reference")
    assert any(one.abs().max() > 0.01 for one in wanted)
    for backend in ("native", "torch"):
        torch.testing.assert_close(penalty(backend), wanted)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reverse", [False, True])
def test_traces_and_what_flows_back_through_them(kind, reverse):
    case = Case(kind, T=6, reverse=reverse, **EVERYTHING)
    found = []
    for backend in ("reference", "native"):
        cell, inputs, state, how, _ = case.build(torch.float64)
        outputs, after, trace = scan_traced(cell, inputs, state, **how, backend=backend)
        loss = outputs.sum() + sum(gate.sin().sum() for gate in trace.values())
        sources = [inputs, *state[:1], *cell.parameters()]
        found.append([outputs, *after, *(trace[name] for name in sorted(trace)), *by(loss, sources)])
        assert set(trace) >= {"h"}
    torch.testing.assert_close(found[1], found[0])


@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_keeps_float32_within_and_its_gradients_are_near(kind):
    case = Case(kind, T=30, B=8, I=20, H=40, lengths=True, resets=True, options={"initial": "learned"})
    wanted = run(case, "native", torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        got = run(case, "native", torch.float32)
    for name, result in wanted.items():
        assert got[name].dtype == torch.float32, name
        assert error(got[name], result.double()) < (0.2 if kind in BENT else 0.03), name
    cell, inputs, state, how, _ = case.build(torch.float32)
    cell, inputs = copy.deepcopy(cell).bfloat16(), inputs.bfloat16()
    state = type(state)(*(leaf.bfloat16() for leaf in state))
    outputs, after = scan(cell, inputs, state, **how, backend="native")
    assert {outputs.dtype, *(leaf.dtype for leaf in after)} == {torch.bfloat16}
    assert error(outputs, wanted["outputs"].double()) < 0.05
    outputs.float().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.bfloat16 for p in cell.parameters() if p.numel())


@pytest.mark.parametrize("kind", KINDS)
def test_vmap_over_models(kind):
    cell, inputs, state, how, _ = Case(kind, resets=True).build(torch.float64)
    weights = torch.stack([cell.weight_ih.detach(), cell.weight_ih.detach() + 0.1])

    def outputs(weight: Tensor) -> Tensor:
        return torch.func.functional_call(Scanned(cell), {"cell.weight_ih": weight}, (inputs, state, how))

    found = vmap(outputs)(weights)
    torch.testing.assert_close(found, torch.stack([outputs(weight) for weight in weights]))
    assert (found[0] - found[1]).abs().max() > 1e-3


class Scanned(torch.nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, inputs, state, how):
        return scan(self.cell, inputs, state, **how, backend="native")[0]


class Plain(torch.nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, inputs):
        return scan(self.cell, inputs, backend="native")[0]


@pytest.mark.parametrize("kind", KINDS)
def test_exported_with_any_number_of_steps_and_lanes(kind):
    cell, *_ = Case(kind).build(torch.float32)
    steps, lanes = torch.export.Dim("steps", min=4), torch.export.Dim("lanes", min=2)
    program = torch.export.export(Plain(cell), (torch.randn(6, 3, 4),), dynamic_shapes={"inputs": {0: steps, 1: lanes}})
    inputs = torch.randn(11, 5, 4)
    torch.testing.assert_close(program.module()(inputs), Plain(cell)(inputs))


# ---- padding and bad input -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("backend", ["native", "torch"])
def test_what_stands_in_the_padding_reaches_nothing(kind, reverse, backend):
    found = []
    for poison in (0.0, float("nan")):
        case = Case(kind, T=6, B=4, lengths=True, reverse=reverse, seed=3)
        cell, inputs, state, how, _ = case.build(torch.float64)
        how["lengths"] = torch.tensor([4, 0, 6, 1])
        with torch.no_grad():
            inputs[torch.arange(6)[:, None] >= how["lengths"]] = poison
        outputs, after = scan(cell, inputs, state, **how, backend=backend)
        gradients = by(outputs.sum() + after[0].sum(), [inputs, *state[:1], *cell.parameters()])
        found.append([outputs, *after, *gradients])
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_a_number_stays_in_its_lane(kind):
    cell, inputs, state, how, _ = Case(kind, T=6, B=5, H=21).build(torch.float32)
    clean = scan(cell, inputs, state, **how, backend="native")[0]
    with torch.no_grad():
        inputs[2, 1] = float("nan")
        poisoned = scan(cell, inputs, state, **how, backend="native")[0]
    assert poisoned[2:, 1].isnan().all()
    others = [0, 2, 3, 4]
    assert torch.equal(poisoned[:, others], clean[:, others].detach())
    assert torch.equal(poisoned[:2, 1], clean[:2, 1].detach())


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_may_lie_in_memory_anyhow(kind):
    cell, inputs, state, how, _ = Case(kind, T=6, B=5, H=20).build(torch.float64)
    with torch.no_grad():
        turned = inputs.permute(2, 1, 0).contiguous().permute(2, 1, 0)
        strided = type(state)(*(torch.stack([leaf, leaf], dim=2)[..., 0] for leaf in state))
        wanted, got = (scan(cell, *given, **how, backend="native") for given in ((inputs, state), (turned, strided)))
    torch.testing.assert_close(got, wanted)


def test_what_does_not_fit_reaches_no_kernel(monkeypatch):
    monkeypatch.setattr(extension.compiled, "parallel", lambda *_, **__: pytest.fail("the kernel was called"))
    weight, x, h0 = torch.zeros(12, 4), torch.zeros(5, 3, 4), torch.zeros(3, 6)
    nothing: list[Any] = [None] * 4
    with pytest.raises(ShapeError, match=r"weight must be \(18, a multiple of 4\), got \(12, 4\)"):
        kernels.parallel(x, h0, None, weight, *nothing, 2, False, False)
    with pytest.raises(ShapeError, match=r"bias must be \(12,\)"):
        kernels.parallel(x, h0, None, weight, torch.zeros(6), *nothing[1:], 0, False, False)
    with pytest.raises(TypeError, match=r"bias must be torch\.float32"):
        kernels.parallel(x, h0, None, weight, torch.zeros(12).double(), *nothing[1:], 0, False, False)


def test_what_the_kernels_cannot_do_is_refused_by_name_and_done_otherwise_by_auto():
    class Own(MinGRUCell):
        """A cell derived from a built-in one may have other equations."""

    cell, x = Own(3, 4), torch.randn(5, 2, 3)
    with pytest.raises(BackendError, match="there is no kernel for Own"):
        scan(cell, x, backend="native")
    torch.testing.assert_close(scan(cell, x)[0], scan(cell, x, backend="reference")[0])


def test_the_cell_may_be_gone_by_the_time_of_the_backward_pass():
    cell, inputs, state, how, _ = Case("rglru", **EVERYTHING).build(torch.float64)
    outputs, _ = scan(cell, inputs, state, **how, backend="native")
    wanted = torch.autograd.grad(outputs.sum(), inputs, retain_graph=True)[0]
    del cell, state
    torch.testing.assert_close(torch.autograd.grad(outputs.sum(), inputs)[0], wanted)
