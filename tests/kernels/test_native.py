"""The compiled kernels against the reference loop: numbers, gradients, threads, processes, memory and bad input."""

import copy
import gc
import os
import resource
import select
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from random_cases import nudge, random_cases
from team_size import threads
from torch import Tensor

from unrolled.cells import GRUCell, GRUState, LSTMCell, Noise, RNNCell
from unrolled.errors import ArgumentError, BackendError, ShapeError
from unrolled.kernels import extension
from unrolled.scan import choose, scan, scan_traced

pytestmark = pytest.mark.skipif(
    extension.missing is not None and os.environ.get("UNROLLED_NATIVE") != "1", reason=extension.missing or ""
)

KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "rnn": (RNNCell, {}),
    "relu": (RNNCell, {"nonlinearity": "relu"}),
    "gru": (GRUCell, {}),
    "gru, reset before": (GRUCell, {"reset_after": False}),
    "lstm": (LSTMCell, {}),
    "lstm, peepholes": (LSTMCell, {"peepholes": True}),
    "lstm, layer norm": (LSTMCell, {"layer_norm": True}),
    "lstm, projection": (LSTMCell, {"proj_size": 3}),
    "lstm, all three": (LSTMCell, {"peepholes": True, "layer_norm": True, "proj_size": 3}),
}
SMOOTH = ("rnn", "gru", "gru, reset before", "lstm", "lstm, peepholes", "lstm, projection")  # rounding grows little
ROUNDING = 16 * torch.finfo(torch.float32).eps
MASKS = {"zoneout": 0.3, "recurrent_dropout": 0.4, "weight_drop": 0.2}


@dataclass(frozen=True)
class Case:
    """A call of scan. Its random numbers are single-precision, whatever it is computed in."""

    kind: str
    T: int = 5
    B: int = 3
    I: int = 4
    H: int = 6
    options: dict[str, Any] = field(default_factory=dict)
    training: bool = True
    lengths: bool = False
    resets: bool = False
    reverse: bool = False
    threads: int = 1
    seed: int = 0
    nudge: int = 0  # not 0: the inputs and weights are changed as little as rounding changes them

    def build(self, dtype: torch.dtype) -> tuple[Any, Tensor, Any, dict[str, Any], torch.Generator]:
        """The cell, inputs, state, the other arguments, and the generator for more numbers."""
        g = torch.Generator().manual_seed(self.seed)
        T, B, I, H = self.T, self.B, self.I, self.H
        build, options = KINDS[self.kind]
        if "proj_size" in options:
            options = {**options, "proj_size": 2 * H // 3}
        cell = build(I, H, **options, **self.options)
        with torch.no_grad():
            for parameter in cell.parameters():
                scale = 1 / max(1, parameter.size(-1)) ** 0.5 if parameter.dim() == 2 else 0.5
                parameter.copy_(scale * torch.randn(parameter.shape, generator=g))
        inputs = torch.randn(T, B, I, generator=g)
        state = type(cell.initial_state(B))(
            *(torch.randn(B, cell.leaf_width(leaf), generator=g) for leaf in cell.state_leaves)
        )
        noise = cell.draw_noise(T, B, g) if self.training else None
        how: dict[str, Any] = {"reverse": self.reverse}
        if self.lengths:
            how["lengths"] = torch.randint(0, T + 1, (B,), generator=g)
        if self.resets:
            how["resets"] = torch.rand(T, B, generator=g) < 0.3
        if noise is not None:
            how["noise"] = Noise(*(None if mask is None else in_type(mask, dtype) for mask in noise))
        state = type(state)(*(leaf.to(dtype).requires_grad_() for leaf in state))
        cell, inputs = cell.to(dtype), inputs.to(dtype)
        if self.nudge:
            nudge((inputs, *cell.parameters()), self.nudge)
        return cell, inputs.requires_grad_(), state, how, g


def in_type(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask for all steps stays one."""
    return mask[:1].to(dtype).expand_as(mask) if mask.size(0) and not mask.stride(0) else mask.to(dtype)


def run(case: Case, backend: str, dtype: torch.dtype) -> dict[str, Tensor]:
    """Everything that comes out of a forward and a backward pass, by name."""
    cell, inputs, state, how, g = case.build(dtype)
    with threads(case.threads):
        outputs, after = scan(cell, inputs, state, **how, backend=backend)
        results = {"outputs": outputs} | {f"after.{name}": leaf for name, leaf in after._asdict().items()}
        sources = {"inputs": inputs, **state._asdict(), **dict(cell.named_parameters())}
        loss = sum((torch.randn(r.shape, generator=g).to(dtype) * r).sum() for r in results.values())
        found = torch.autograd.grad(loss, list(sources.values()), allow_unused=True)
    for (name, source), gradient in zip(sources.items(), found, strict=True):
        results[f"∇{name}"] = torch.zeros_like(source) if gradient is None else gradient
    return {name: result.detach() for name, result in results.items()}


def error(a: Tensor, reference: Tensor) -> float:
    """``max|a - ref| / max|ref|``; a handful of numbers count as no smaller than 1, nothing but zeros as 0.1."""
    assert a.shape == reference.shape
    if not a.numel():
        return 0.0
    largest = reference.abs().max().item()
    scale = max(largest, 1.0) if reference.numel() < 8 else largest or 0.1
    difference = (a.double() - reference).abs().max().item()
    return difference / scale if difference == difference else float("inf")


def assert_agrees(case: Case) -> None:
    """In float32 as near to the loop in float64 as the loop in float32, twice over; in float64 the same."""
    exact = run(case, "reference", torch.float64)
    loop = run(case, "reference", torch.float32)
    single, double = run(case, "native", torch.float32), run(case, "native", torch.float64)
    for name, reference in exact.items():
        assert single[name].dtype == torch.float32, name
        assert error(double[name], reference) <= 1e-12, name
        allowed = 2 * error(loop[name], reference) + ROUNDING
        if error(single[name], reference) > allowed:  # the loop may have been lucky
            nudged = [run(replace(case, nudge=seed), "reference", torch.float64)[name] for seed in range(1, 6)]
            sensitive = max(error(one, reference) for one in nudged)
            small = ROUNDING / (reference.abs().max().item() or 1)  # saturated units: of 1 − y² little is left
            allowed = 4 * max(allowed, sensitive) + small
        assert error(single[name], reference) <= allowed, name


def assert_same(got: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    for name, one in wanted.items():
        assert torch.equal(got[name], one), name


def test_the_kernels_are_there_where_they_must_be():
    assert extension.missing is None, extension.missing


# ---- numbers -------------------------------------------------------------------------------------------------------


@st.composite
def cases(draw) -> Case:
    kind = draw(st.sampled_from(sorted(KINDS)))
    options: dict[str, Any] = {"bias": draw(st.booleans())}
    resets = draw(st.booleans())
    if resets:
        options["initial"] = draw(st.sampled_from(["learned", "zero"]))
    for name, rate in MASKS.items():
        if draw(st.booleans()):
            options[name] = (rate, rate / 2) if name == "zoneout" and kind.startswith("lstm") else rate
    return Case(
        kind=kind,
        T=draw(st.integers(0, 9)),
        B=draw(st.one_of(st.integers(0, 9), st.sampled_from([12, 33, 70]))),
        # of fewer than eight numbers, normalised, little but the sign is left, and of its gradient but rounding
        I=draw(st.one_of(st.integers(8 if "," in kind else 1, 40), st.sampled_from([64, 100]))),
        H=draw(st.one_of(st.integers(8 if "," in kind else 1, 70), st.sampled_from([16, 32, 64, 128, 200]))),
        options=options,
        training=draw(st.booleans()),
        lengths=draw(st.booleans()),
        resets=resets,
        reverse=draw(st.booleans()),
        threads=draw(st.integers(1, 2)),
        seed=draw(st.integers(0, 999)),
    )


@random_cases(cases(), usually=150)
def test_outputs_states_and_every_gradient_agree_with_the_loop(case, part):
    assert_agrees(case)


EVERYTHING = {"lengths": True, "resets": True, "options": {"initial": "learned", **MASKS}}
FIXED = {
    "few lanes": Case("lstm", T=7, B=2, I=9, H=21),
    "few lanes, whole panels, two threads": Case("gru", T=4, B=3, I=5, H=128, threads=2),
    "lanes divided": Case("lstm, peepholes", T=6, B=33, I=17, H=35, reverse=True, threads=2, **EVERYTHING),
    "units divided": Case("gru", T=6, B=6, I=3, H=70, threads=2, **EVERYTHING),
    "one panel": Case("rnn", T=9, B=16, I=8, H=64, reverse=True, **EVERYTHING),
    "many inputs": Case("relu", T=3, B=9, I=200, H=5, threads=2),
    "many units": Case("lstm", T=2, B=5, I=2, H=300),
    # products over all steps are cut into blocks
    "many rows": Case("gru", T=30, B=21, I=130, H=40, reverse=True, threads=2, **EVERYTHING),
    "many rows and units": Case("lstm", T=14, B=40, I=65, H=200, lengths=True, threads=2),
    **{f"reset before, B={B}": Case("gru, reset before", B=B, I=5, H=40) for B in (1, 8, 9, 12, 13, 23, 24, 25, 70)},
    **{f"layer norm, B={B}": Case("lstm, layer norm", B=B, I=5, H=40, threads=2) for B in (1, 6, 24, 40)},
    **{f"projection, B={B}": Case("lstm, projection", B=B, I=5, H=100, threads=2) for B in (1, 6, 24, 40)},
    "all three, everything": Case("lstm, all three", B=40, H=99, reverse=True, threads=2, **EVERYTHING),
    "all three, units divided": Case("lstm, all three", T=6, B=6, I=3, H=150, threads=2, **EVERYTHING),
    "reset before, everything": Case("gru, reset before", B=40, H=50, reverse=True, threads=2, **EVERYTHING),
}


@pytest.mark.parametrize("name", extension.instruction_sets())
@pytest.mark.parametrize("case", FIXED.values(), ids=FIXED)
def test_every_instruction_set_agrees_with_the_loop(monkeypatch, name, case):
    monkeypatch.setenv("UNROLLED_ISA", name)
    assert extension.instruction_set() == name
    assert_agrees(case)


@pytest.mark.parametrize("lanes", range(1, 41))
def test_any_number_of_lanes(lanes):
    """What a thread is given is cut into blocks of rows; every way to cut it must be there."""
    torch.manual_seed(0)
    for build, options in KINDS.values():
        cell, x = build(2, 20, **options), torch.randn(2, lanes, 2)
        with torch.no_grad(), threads(1):
            wanted, got = (scan(cell, x, backend=backend)[0] for backend in ("reference", "native"))
        torch.testing.assert_close(got, wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", extension.instruction_sets())
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lanes", [1, 6, 33])
@pytest.mark.parametrize("steps", [2, 21])
def test_symbols_are_one_hot_vectors(monkeypatch, kind, name, lanes, steps):
    monkeypatch.setenv("UNROLLED_ISA", name)
    case = Case(
        kind, T=steps, B=lanes, I=19, H=23, threads=2, lengths=True, resets=True, options={"initial": "learned"}
    )
    cell, _, state, how, g = case.build(torch.float64)
    symbols = torch.randint(19, (steps, lanes), generator=g)
    outside = torch.arange(steps)[:, None] >= how["lengths"]
    for reverse in (False, True):
        how["reverse"] = reverse
        found = []
        for inputs in (torch.where(outside, 18, symbols), F.one_hot(symbols, 19).double()):
            with threads(case.threads):
                outputs, after = scan(cell, inputs, state, **how, backend="native")
                loss = outputs.sin().sum() + sum(leaf.sin().sum() for leaf in after)
                found.append([outputs, *after, *torch.autograd.grad(loss, [*state, *cell.parameters()])])
        torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


def test_second_derivatives_by_symbols():
    cell, symbols = LSTMCell(5, 4).double(), torch.tensor([[0, 4], [3, 3], [1, 2]])

    def penalty(inputs: Tensor) -> list[Tensor]:
        outputs, _ = scan(cell, inputs, backend="native")
        first = torch.autograd.grad(outputs.sin().sum(), list(cell.parameters()), create_graph=True)
        return list(torch.autograd.grad(sum((one**2).sum() for one in first), list(cell.parameters())))

    torch.testing.assert_close(penalty(symbols), penalty(F.one_hot(symbols, 5).double()))


def test_an_unknown_instruction_set_names_those_there_are(monkeypatch):
    monkeypatch.setenv("UNROLLED_ISA", "avx1024")
    with pytest.raises(ArgumentError, match=f"UNROLLED_ISA must be one of {', '.join(extension.instruction_sets())}"):
        scan(RNNCell(2, 3), torch.zeros(4, 1, 2), backend="native")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [30.0, 1e4, 1e30])
def test_saturated_units_agree_with_the_loop(kind, scale):
    if KINDS[kind][1].get("layer_norm"):
        scale = min(scale, 1e15)  # beyond, its variance is infinite
    found = []
    for backend, dtype in (("reference", torch.float64), ("reference", torch.float32), ("native", torch.float32)):
        cell, inputs, state, *_ = Case(kind, B=6, H=20).build(dtype)
        with torch.no_grad():
            found.append(scan_traced(cell, scale * inputs, state, backend=backend)[2])
    exact, loop, got = found
    for name, gate in exact.items():
        assert error(got[name], gate) <= 8 * error(loop[name], gate) + ROUNDING, name


# ---- bfloat16 ----


def rounded(cell: Any, inputs: Tensor) -> tuple[Any, Tensor]:
    """The cell and inputs with what enters its products rounded, in float64."""
    cell, inputs = copy.deepcopy(cell).double(), inputs.double()
    with torch.no_grad():
        for weight in (cell.weight_ih, cell.weight_hh):
            weight.copy_(weight.bfloat16())
    return cell, inputs.bfloat16().double()


@pytest.mark.parametrize("name", extension.instruction_sets())
@pytest.mark.parametrize(("lanes", "inputs", "units"), [(6, 21, 40), (17, 70, 33), (32, 64, 64), (75, 99, 20)])
@pytest.mark.parametrize("kind", KINDS)
def test_products_of_bfloat16_are_exact_up_to_rounding_their_operands(monkeypatch, kind, lanes, inputs, units, name):
    """One step from zero: then h enters no product, and x and W_ih can be rounded beforehand."""
    monkeypatch.setenv("UNROLLED_ISA", name)
    cell, x, *_ = Case(kind, T=3, B=lanes, I=inputs, H=units, training=False).build(torch.float32)
    x = x[:1].detach().expand(3, lanes, inputs).contiguous()
    zero = cell.initial_state(lanes)
    every = torch.ones(3, lanes, dtype=torch.bool)
    with torch.no_grad(), threads(2):
        with torch.autocast("cpu", torch.bfloat16):
            got, _ = scan(cell, x, zero, resets=every, backend="native")
        exact, y = rounded(cell, x)
        wanted, _ = scan(exact, y, resets=every, backend="reference")
    assert got.dtype == torch.float32
    assert error(got, wanted) < 1e-5


@pytest.mark.parametrize("name", extension.instruction_sets())
@pytest.mark.parametrize(("lanes", "units"), [(3, 64), (24, 66), (40, 66)])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_in_bfloat16_are_those_of_float32_to_its_precision(monkeypatch, kind, lanes, units, name):
    monkeypatch.setenv("UNROLLED_ISA", name)
    case = Case(kind, T=7, B=lanes, I=30, H=units, threads=2, lengths=True, resets=True, options={"initial": "learned"})
    wanted = run(case, "native", torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        got = run(case, "native", torch.float32)
    errors = {name: error(got[name], result.double()) for name, result in wanted.items()}
    assert all(result.dtype == torch.float32 for result in got.values())
    assert all(value < (0.02 if kind in SMOOTH else 0.2) for value in errors.values()), errors
    assert 0 < min(value for name, value in errors.items() if "weight" in name), errors


def test_a_cell_in_bfloat16_keeps_float32_within():
    cell, x = LSTMCell(20, 40).bfloat16(), torch.randn(30, 20, 20).bfloat16()
    outputs, state = scan(cell, x, backend="native")
    assert {outputs.dtype, state.h.dtype, state.c.dtype} == {torch.bfloat16}
    exact = copy.deepcopy(cell).double()
    wanted, _ = scan(exact, x.double(), backend="reference")
    loop, _ = scan(cell, x, backend="reference")
    assert error(outputs, wanted) <= error(loop, wanted)
    outputs.float().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.bfloat16 for p in cell.parameters())


# ---- threads and processes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lanes", [3, 32])
def test_the_same_threads_give_the_same_bits(kind, lanes, number):
    case = Case(kind, T=20, B=lanes, I=16, H=48, threads=number, **EVERYTHING)
    first = run(case, "native", torch.float32)
    for _ in range(3):
        assert_same(run(case, "native", torch.float32), first)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lanes", [3, 32])
def test_other_numbers_of_threads_agree_to_rounding(kind, lanes):
    case = Case(kind, T=20, B=lanes, I=16, H=48)
    alone = run(case, "native", torch.float32)
    for number in (2, 3, 7):  # also more than there are cores, and than there are panels
        for name, result in run(replace(case, threads=number), "native", torch.float32).items():
            assert error(result, alone[name].double()) <= 4 * ROUNDING, name


def test_a_forked_child_runs_after_its_parent_used_threads():
    case = Case("lstm", T=8, B=32, I=16, H=64, threads=2)
    wanted = run(case, "native", torch.float32)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        verdict = b"failed"
        try:
            got = run(replace(case, threads=1), "native", torch.float32)
            torch.set_num_threads(2)  # for whoever asks: the kernels of a child use one all the same
            cell, inputs, state, how, _ = case.build(torch.float32)
            outputs, _ = scan(cell, inputs, state, **how, backend="native")
            got["outputs again"], wanted["outputs again"] = outputs.detach(), got["outputs"]
            if all(error(got[name], result.double()) <= 4 * ROUNDING for name, result in wanted.items()):
                verdict = b"agrees"
        finally:
            os.write(writing, verdict)
            os._exit(0)
    os.close(writing)
    try:
        ready, _, _ = select.select([reading], [], [], 30)
        assert ready, "the child hangs"
        assert os.read(reading, 16) == b"agrees"
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_several_python_threads_at_once():
    some = [Case(kind, T=12, B=8 + i, I=7, H=40, seed=i, **EVERYTHING) for i, kind in enumerate(KINDS)]
    with threads(2):
        wanted = [run(replace(case, threads=2), "native", torch.float32) for case in some]
        with ThreadPoolExecutor(4) as pool:
            for _ in range(3):
                found = pool.map(lambda case: run(replace(case, threads=2), "native", torch.float32), some)
                for got, one in zip(found, wanted, strict=True):
                    for name, result in one.items():
                        assert error(got[name], result.double()) <= 4 * ROUNDING, name


def test_several_python_threads_at_once_through_the_equations():
    cases = [Case("lstm", T=20, B=3, I=4, H=h, seed=h) for h in (5, 6, 7, 8)]
    wanted = [by_trace(case, "native") for case in cases]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for got, one in zip(pool.map(lambda case: by_trace(case, "native"), cases), wanted, strict=True):
                for a, b in zip(got, one, strict=True):
                    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


# ---- traces and higher derivatives ---------------------------------------------------------------------------------


def by_trace(case: Case, backend: str) -> list[Tensor]:
    """Gradients of a function of the gates, the outputs and the state."""
    cell, inputs, state, how, g = case.build(torch.float64)
    outputs, after, trace = scan_traced(cell, inputs, state, **how, backend=backend)
    every = [outputs, *after, *(trace[name] for name in sorted(trace))]
    loss = sum((torch.randn(one.shape, generator=g, dtype=torch.float64) * one.sin()).sum() for one in every)
    sources = [inputs, *state, *cell.parameters()]
    found = torch.autograd.grad(loss, sources, allow_unused=True)
    return [torch.zeros_like(s) if d is None else d for s, d in zip(sources, found, strict=True)]


def second(case: Case, backend: str) -> list[Tensor]:
    """Gradients of the squared gradients."""
    cell, inputs, state, how, _ = case.build(torch.float64)
    sources = [inputs, *state, *cell.parameters()]
    outputs, after = scan(cell, inputs, state, **how, backend=backend)
    loss = outputs.sin().sum() + sum((leaf**3).sum() for leaf in after)
    first = torch.autograd.grad(loss, sources, allow_unused=True, create_graph=True)
    found = torch.autograd.grad(sum((d**2).sum() for d in first if d is not None), sources, allow_unused=True)
    return [torch.zeros_like(s) if d is None else d for s, d in zip(sources, found, strict=True)]


TRACED = {
    f"{kind}: {what}": Case(kind, T=5, B=4, I=3, H=5, reverse=reverse, **more)
    for kind in KINDS
    for what, reverse, more in (("plain", False, {}), ("everything", False, EVERYTHING), ("reversed", True, EVERYTHING))
}


@pytest.mark.parametrize("case", TRACED.values(), ids=TRACED)
def test_traces_and_what_flows_back_through_them(case):
    cell, inputs, state, how, _ = case.build(torch.float64)
    got, wanted = (scan_traced(cell, inputs, state, **how, backend=backend) for backend in ("native", "reference"))
    assert got[2].keys() == wanted[2].keys()
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)
    for a, b in zip(by_trace(case, "native"), by_trace(case, "reference"), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("case", TRACED.values(), ids=TRACED)
def test_second_derivatives(case):
    for a, b in zip(second(case, "native"), second(case, "reference"), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


# ---- what is asked of it -------------------------------------------------------------------------------------------

T, B, I, H = 4, 6, 3, 5


def ones(*shape: int, **how: Any) -> Tensor:
    return torch.ones(shape, **how)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "inputs of another type": ({"inputs": ones(T, B, I).double()}, "inputs"),
    "half inputs to a single cell": ({"inputs": ones(T, B, I).half()}, "inputs"),
    "whole-number inputs": ({"inputs": ones(T, B, I).long()}, "inputs"),
    "inputs elsewhere": ({"inputs": ones(T, B, I, device="meta")}, "inputs"),
    "inputs too wide": ({"inputs": ones(T, B, I + 1)}, "inputs"),
    "inputs without lanes": ({"inputs": ones(T, I)}, "inputs"),
    "lengths of another type": ({"lengths": ones(B, dtype=torch.int32)}, "lengths"),
    "too few lengths": ({"lengths": ones(B - 1, dtype=torch.int64)}, "lengths"),
    "lengths past the end": ({"lengths": torch.full((B,), T + 1)}, "lengths"),
    "lengths below zero": ({"lengths": torch.full((B,), -1)}, "lengths"),
    "resets of another type": ({"resets": ones(T, B, dtype=torch.uint8)}, "resets"),
    "too few resets": ({"resets": ones(T, B - 1, dtype=torch.bool)}, "resets"),
    "resets elsewhere": ({"resets": ones(T, B, dtype=torch.bool, device="meta")}, "resets"),
    "a state of another type": ({"state": GRUState(ones(B, H).double())}, "state|h0"),
    "a state elsewhere": ({"state": GRUState(ones(B, H, device="meta"))}, "state|h0"),
    "a narrow state": ({"state": GRUState(ones(B, 1))}, "state"),
    "a state of few lanes": ({"state": GRUState(ones(1, H))}, "state"),
    "a tensor for a state": ({"state": ones(B, H)}, "state"),
    "noise for few steps": ({"noise": Noise(zoneout_h=ones(T - 1, B, H))}, "noise"),
    "zoneout of another type": ({"noise": Noise(zoneout_h=ones(T, B, H).double())}, "zone_h|zoneout_h"),
    "zoneout of truth values": ({"noise": Noise(zoneout_h=ones(T, B, H) > 0)}, "zone_h|zoneout_h"),
    "zoneout elsewhere": ({"noise": Noise(zoneout_h=ones(T, B, H, device="meta"))}, "zone_h|zoneout_h"),
    "a mask of another type": ({"noise": Noise(recurrent=ones(1, B, H).double().expand(T, B, H))}, "mask|recurrent"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("backend", ["native", "auto"])
def test_what_does_not_fit_is_named_and_reaches_no_kernel(monkeypatch, bad, backend):
    change, name = BAD[bad]
    arguments = {"inputs": ones(T, B, I), **change}
    monkeypatch.setattr(extension, "compiled", Untouched())
    with pytest.raises((ShapeError, TypeError, BackendError), match=name):
        scan(GRUCell(I, H), **arguments, backend=backend)


class Untouched:
    """In the extension's place, for calls that must not get there."""

    def sets(self) -> list[str]:
        return ["portable"]

    def run(self, *given: Any, **fields: Any) -> None:
        pytest.fail("a kernel ran")


BROADCAST = {
    "zoneout for all lanes": Noise(zoneout_h=(torch.arange(T * H) % 3 == 0).float().view(T, 1, H)),
    "zoneout for all units": Noise(zoneout_h=(torch.arange(T * B) % 3 == 0).float().view(T, B, 1)),
    "a recurrent mask for all lanes": Noise(recurrent=(2.0 * (torch.arange(H) % 2)).view(1, 1, H).expand(T, 1, H)),
    "a recurrent mask for all units": Noise(recurrent=(2.0 * (torch.arange(B) % 2)).view(1, B, 1).expand(T, B, 1)),
}


@pytest.mark.parametrize("noise", BROADCAST.values(), ids=BROADCAST)
def test_noise_that_broadcasts_does_so_or_is_refused(noise):
    cell, x = GRUCell(I, H), torch.randn(T, B, I)
    wanted = scan(cell, x, noise=noise, backend="reference")[0]
    torch.testing.assert_close(scan(cell, x, noise=noise)[0], wanted)
    try:
        got = scan(cell, x, noise=noise, backend="native")[0]
    except (BackendError, ShapeError, TypeError):
        return
    torch.testing.assert_close(got, wanted)


def test_gradients_by_noise_are_not_lost():
    cell, x = GRUCell(I, H), torch.randn(T, B, I)
    mask = torch.rand(T, B, H)
    found = []
    for backend in ("reference", "auto"):
        one = mask.clone().requires_grad_()
        scan(cell, x, noise=Noise(zoneout_h=one), backend=backend)[0].sum().backward()
        assert one.grad is not None, backend
        found.append(one.grad)
    torch.testing.assert_close(*found)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("weight_ih", (3 * H, I - 1)),
        ("weight_ih", (3 * H - 3, I)),
        ("weight_hh", (3 * H - 3, H)),
        ("weight_hh", (3 * H, H + 1)),
        ("bias_ih", (H,)),
        ("bias_hh", (1,)),
    ],
)
def test_weights_of_another_shape_reach_no_kernel(monkeypatch, name, shape):
    cell = GRUCell(I, H)
    setattr(cell, name, torch.nn.Parameter(ones(*shape)))
    monkeypatch.setattr(extension, "compiled", Untouched())
    with pytest.raises((ShapeError, ValueError, RuntimeError)):
        scan(cell, ones(T, B, I), GRUState(ones(B, cell.weight_hh.size(1))), backend="native")


def test_what_the_kernels_cannot_do_is_refused_by_name_and_done_otherwise_by_auto():
    x = torch.randn(T, B, I)
    half = GRUCell(I, H).half()
    with pytest.raises(BackendError, match="bfloat16, float32 and float64"):
        scan(half, x.half(), backend="native")
    assert choose(half, x.half()) != "native"
    with torch.autocast("cpu", torch.float16):
        with pytest.raises(BackendError, match="bfloat16, float32 and float64"):
            scan(GRUCell(I, H), x, backend="native")
        assert scan(GRUCell(I, H), x)[0].isfinite().all()
    with pytest.raises(BackendError, match="layer norm"):
        scan(GRUCell(I, H, layer_norm=True), x, backend="native")


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_may_lie_in_memory_anyhow(kind):
    cell, inputs, state, how, _ = Case(kind, T=6, B=5, I=4, H=7, **EVERYTHING).build(torch.float64)
    wanted = scan(cell, inputs, state, **how, backend="native")[0]
    scattered = {name: apart(one) if isinstance(one, Tensor) else one for name, one in how.items()}
    scattered["noise"] = how["noise"]._replace(zoneout_h=apart(how["noise"].zoneout_h))
    for parameter in cell.parameters():
        parameter.data = apart(parameter.data)
    x = apart(inputs)
    got = scan(cell, x, type(state)(*map(apart, state)), **scattered, backend="native")[0]
    assert not x.is_contiguous()
    assert torch.equal(got, wanted)
    weight = torch.randn(got.shape, dtype=torch.float64)
    some = [inputs, *cell.parameters()]
    got, wanted = torch.autograd.grad(got, some, weight), torch.autograd.grad(wanted, some, apart(weight))
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)


def apart(tensor: Tensor) -> Tensor:
    """The same numbers, every second place of memory between them."""
    return torch.stack([tensor, tensor], -1)[..., 0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lanes", [3, 9, 20])
@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_what_is_not_a_number_stays_in_its_lane(kind, lanes, poison):
    cell, inputs, state, *_ = Case(kind, T=6, B=lanes, I=5, H=18).build(torch.float32)
    clean = scan(cell, inputs, state, backend="native")[0]
    x = inputs.detach().clone()
    x[2, 1, 3] = poison
    x.requires_grad_()
    outputs, _ = scan(cell, x, state, backend="native")
    others = [b for b in range(lanes) if b != 1]
    assert torch.equal(outputs[:, others], clean[:, others])
    assert torch.equal(outputs[:2, 1], clean[:2, 1])
    if poison != poison:
        assert outputs[2:, 1].isnan().all()
    gradient = torch.autograd.grad(outputs.sum(), x)[0]
    assert torch.equal(gradient[:, others], torch.autograd.grad(clean.sum(), inputs)[0][:, others])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reverse", [False, True])
def test_what_stands_in_the_padding_reaches_nothing(kind, reverse):
    case = Case(kind, T=6, B=5, I=4, H=9)
    lengths = torch.tensor([6, 0, 2, 5, 1])
    found = []
    for padding in (0.0, float("nan"), float("inf")):
        cell, inputs, state, how, _ = case.build(torch.float32)
        x = inputs.detach().clone()
        x[torch.arange(6)[:, None] >= lengths] = padding
        x.requires_grad_()
        outputs, after = scan(cell, x, state, lengths=lengths, **how | {"reverse": reverse}, backend="native")
        loss = outputs.sum() + sum(leaf.sum() for leaf in after)
        found.append([outputs, *after, *torch.autograd.grad(loss, [x, *state, *cell.parameters()])])
    for zero, *others in zip(*found, strict=True):
        assert zero.isfinite().all()
        assert all(torch.equal(zero, other) for other in others)


# ---- memory --------------------------------------------------------------------------------------------------------


def page_faults(T: int, B: int, H: int, steps: int) -> float:
    """Minor page faults of a training step, on average after warm-up."""
    cell, x = LSTMCell(H, H), torch.randn(T, B, H)
    with threads(1):
        for step in range(-5, steps):
            if step == 0:
                before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            cell.zero_grad(set_to_none=False)
            outputs, _ = scan(cell, x, backend="native")
            outputs.backward(x)
            del outputs
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / steps


def test_blocks_stay_mapped_where_the_allocator_would_give_them_back(monkeypatch):
    """32 MiB is where glibc begins to map and unmap at every step."""
    assert page_faults(T=520, B=64, H=64, steps=10) < 1000
    monkeypatch.setattr(extension, "LARGE", 1 << 60)
    if page_faults(T=520, B=64, H=64, steps=2) < 5000:
        pytest.skip("this allocator keeps such blocks, too: nothing to tell apart")


def test_training_steps_find_their_memory_mapped():
    """In a process of its own, set up as training sets it up: the gradients, too, come from memory that is kept."""
    code = (
        "from unrolled.training.process import keep_freed_memory; keep_freed_memory();"
        "from test_native import page_faults; print(page_faults(T=100, B=64, H=256, steps=20))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 200


@pytest.mark.parametrize("kind", KINDS)
def test_the_cell_may_be_gone_by_the_time_of_the_backward_pass(kind):
    case = Case(kind, T=6, B=9, I=64, H=64, **EVERYTHING)
    wanted = run(case, "native", torch.float32)["∇inputs"]
    cell, inputs, state, how, g = case.build(torch.float32)
    outputs, after = scan(cell, inputs, state, **how, backend="native")
    results = [outputs, *after]
    loss = sum((torch.randn(r.shape, generator=g) * r).sum() for r in results)
    for module in cell.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            setattr(module, name, torch.nn.Parameter(torch.full_like(parameter, float("nan"))))
    del cell, state, how, outputs, after, results, parameter
    gc.collect()
    _ = [torch.full((64 * n, 64), float("nan")) for n in range(1, 5)]
    assert torch.equal(torch.autograd.grad(loss, inputs)[0], wanted)


def test_weights_changed_in_place_before_the_backward_pass_are_an_error():
    cell, x = LSTMCell(I, H), torch.randn(T, B, I)
    outputs, _ = scan(cell, x, backend="native")
    with torch.no_grad():
        cell.weight_hh.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()


def test_outputs_outlive_the_steps_after_them():
    cell, x = LSTMCell(32, 64), torch.randn(50, 64, 32)  # outputs as large as a block
    with torch.no_grad():
        kept = [scan(cell, x * n, backend="native")[0] for n in range(1, 5)]
        assert kept[0].nbytes >= extension.LARGE
        copies = copy.deepcopy(kept)
        for n in range(5, 9):
            scan(cell, x * n, backend="native")
    for one, other in zip(kept, copies, strict=True):
        assert torch.equal(one, other)
    assert len({one.data_ptr() for one in kept}) == 4
