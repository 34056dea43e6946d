"""The attention kernels against the reference loop: numbers, every gradient, padding, threads, bad input."""

import os
import select
import signal
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import strategies as st
from random_cases import NIGHTLY, nudge, random_cases
from team_size import threads
from torch import Tensor

from unrolled.attend import attend, choose
from unrolled.cells import GRUCell, GRUState, LSTMCell, LSTMState, RNNCell
from unrolled.cells.attentive import Attentive, AttentiveState, Memory
from unrolled.errors import BackendError, ShapeError
from unrolled.kernels import extension
from unrolled.kernels import reference as loops

pytestmark = pytest.mark.skipif(
    extension.missing is not None and os.environ.get("UNROLLED_NATIVE") != "1", reason=extension.missing or ""
)

CELLS: dict[str, Any] = {"gru": GRUCell, "lstm": LSTMCell}
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


@dataclass(frozen=True)
class Case:
    """A call of attend. Its random numbers are single-precision, whatever it is computed in."""

    kind: str = "gru"
    score: str = "additive"
    T: int = 4
    N: int = 3
    S: int = 5
    B: int = 0  # 0: as many sentences as rows, and no rows given
    I: int = 3
    H: int = 6
    C: int = 4
    A: int = 7
    bias: bool = True
    gate: bool = False  # additive only
    hard: str = ""  # likely: the largest weight; drawn: by random numbers
    late: bool = False  # additive only: c_t is multiplied in the step, instead of all values before
    lengths: bool = False
    threads: int = 1
    seed: int = 0

    def build(self, dtype: torch.dtype) -> tuple[Attentive, dict[str, Tensor], dict[str, Any], torch.Generator]:
        """The cell, all that gradients are asked by besides its parameters, the other arguments, more numbers."""
        g = torch.Generator().manual_seed(self.seed)
        additive = self.score == "additive"
        C = self.H if self.score in ("dot", "scaled") else self.C
        inner = CELLS[self.kind](self.I + (C if additive else self.H), self.H, bias=self.bias)
        size: dict[str, Any] = {"input_feeding": True}
        if additive:
            size = {"attention_size": self.A, "gate": self.gate, "hard": bool(self.hard)}
        cell = Attentive(inner, self.I, C, score=self.score, **size)
        with torch.no_grad():
            for parameter in cell.parameters():
                scale = 1 / max(1, parameter.size(-1)) ** 0.5 if parameter.dim() == 2 else 0.5
                parameter.copy_(scale * torch.randn(parameter.shape, generator=g))
        B = self.B or self.N
        sources = {
            "inputs": torch.randn(self.T, self.N, self.I, generator=g),
            "h": torch.randn(self.S, B, C, generator=g),
            "state.h": torch.randn(self.N, self.H, generator=g),
        }
        if self.kind == "lstm":
            sources["state.c"] = torch.randn(self.N, self.H, generator=g)
        if not additive:
            sources["fed"] = torch.randn(self.N, self.H, generator=g)
        how: dict[str, Any] = {"seen": torch.randint(1, self.S + 1, (B,), generator=g)}
        if self.B:
            how["rows"] = torch.randint(self.B, (self.N,), generator=g)
        if self.late:
            how["steps"] = 0
        if additive and self.hard == "drawn":
            how["draws"] = torch.rand(self.T, self.N, generator=g) * 1.5  # from 1 on: the mean of all positions
        if self.lengths:
            how["lengths"] = torch.randint(0, self.T + 1, (self.N,), generator=g)
        return cell.to(dtype), {name: one.to(dtype).requires_grad_() for name, one in sources.items()}, how, g


def start(cell: Attentive, sources: dict[str, Tensor]) -> AttentiveState:
    inner: Any = GRUState(sources["state.h"])
    if "state.c" in sources:
        inner = LSTMState(sources["state.h"], sources["state.c"])
    return AttentiveState(inner, sources["fed"]) if "fed" in sources else cell.begin(inner)


def call(cell: Attentive, sources: dict[str, Tensor], how: dict[str, Any], backend: str) -> dict[str, Tensor]:
    more = {name: how.get(name) for name in ("rows", "lengths", "draws")}
    memory = cell.remember(sources["h"], how["seen"], how.get("steps"))
    outputs, weights, after = attend(cell, sources["inputs"], start(cell, sources), memory, **more, backend=backend)
    leaves = {f"after.{name}": leaf for name, leaf in after.cell._asdict().items()}
    return {"outputs": outputs, "weights": weights, **leaves} | ({} if cell.additive else {"after.fed": after.fed})


def run(case: Case, backend: str, dtype: torch.dtype, nudged: int = 0) -> dict[str, Tensor]:
    """Everything that comes out of a forward and a backward pass, by name; ``nudged``, of other numbers by as
    little as they are rounded."""
    cell, sources, how, g = case.build(dtype)
    if nudged:
        nudge((*sources.values(), *cell.parameters()), nudged)
    with threads(case.threads):
        results = call(cell, sources, how, backend)
        every = {**sources, **dict(cell.named_parameters())}
        loss = sum((torch.randn(r.shape, generator=g).to(dtype) * r).sum() for r in results.values())
        found = torch.autograd.grad(loss, list(every.values()), allow_unused=True)
        with torch.no_grad():  # where nothing is to be learned the kernel keeps nothing
            quiet = call(cell, sources, how, backend)
    for name, result in quiet.items():
        torch.testing.assert_close(result, results[name], rtol=0, atol=TOLERANCE[dtype])
    for (name, source), gradient in zip(every.items(), found, strict=True):
        results[f"∇{name}"] = torch.zeros_like(source) if gradient is None else gradient
    return {name: result.detach() for name, result in results.items()}


@cache
def wanted(case: Case) -> dict[str, Tensor]:
    return run(case, "reference", torch.float64)


def error(a: Tensor, reference: Tensor) -> float:
    """``max|a - ref| / max|ref|``, where the reference is not smaller than its rounding."""
    assert a.shape == reference.shape
    if not a.numel():
        return 0.0
    difference = (a.double() - reference).abs().max().item()
    return difference / max(reference.abs().max().item(), 0.1) if difference == difference else float("inf")


def assert_agrees(case: Case) -> None:
    exact = wanted(replace(case, threads=1))
    for dtype, tolerance in TOLERANCE.items():
        for name, result in run(case, "native", dtype).items():
            assert result.dtype == dtype, name
            allowed = tolerance * (1 if dtype == torch.float64 else 1 + case.T)
            if dtype == torch.float32 and error(result, exact[name]) > allowed:  # is so little left of large numbers?
                others = [run(case, "reference", torch.float64, nudged=seed)[name] for seed in range(1, 6)]
                allowed = 4 * max(allowed, *(error(one, exact[name]) for one in others))
            assert error(result, exact[name]) <= allowed, name


# ---- numbers -------------------------------------------------------------------------------------------------------

SCORES = ("additive", "dot", "scaled", "general")


@st.composite
def cases(draw) -> Case:
    width = st.one_of(st.integers(1, 40), st.sampled_from([16, 64]))
    N = draw(st.one_of(st.integers(1, 9), st.sampled_from([24, 33])))
    return Case(
        kind=draw(st.sampled_from(sorted(CELLS))),
        score=draw(st.sampled_from(SCORES)),
        T=draw(st.integers(0, 7)),
        N=N,
        S=draw(st.integers(1, 11)),
        B=draw(st.sampled_from([0, 0, 1, 3])),
        I=draw(st.integers(1, 9)),
        H=draw(width),
        C=draw(width),
        A=draw(width),
        bias=draw(st.booleans()),
        gate=draw(st.booleans()),
        hard=draw(st.sampled_from(["", "", "likely", "drawn"])),
        late=draw(st.booleans()),
        lengths=draw(st.booleans()),
        threads=draw(st.integers(1, 2)),
        seed=draw(st.integers(0, 999)),
    )


@random_cases(cases(), usually=30)
def test_outputs_states_and_every_gradient_agree_with_the_loop_over_steps(case, part):
    assert_agrees(case)


FIXED = {
    "one of everything": Case(T=1, N=1, S=1, I=1, H=1, C=1, A=1),
    "no steps": Case(T=0),
    "no steps, LSTM that feeds": Case("lstm", "dot", T=0, lengths=True),
    "wide": Case(T=3, N=9, S=9, H=130, C=70, A=35, lengths=True, threads=2),
    "wide LSTM": Case("lstm", T=3, N=9, S=9, H=130, C=70, A=35, lengths=True, threads=2),
    "wide with a gate": Case(T=3, N=9, S=9, H=130, C=70, A=35, gate=True, lengths=True, threads=2),
    "wide LSTM, hard": Case("lstm", T=3, N=9, S=9, H=130, C=70, A=32, gate=True, hard="drawn", lengths=True, threads=2),
    "wide, feeding": Case("gru", "general", T=3, N=9, S=9, H=130, C=70, lengths=True, threads=2),
    "wide LSTM, feeding": Case("lstm", "scaled", T=3, N=9, S=9, H=130, lengths=True, threads=2),
    "wide, late, with a gate": Case(T=5, N=9, S=9, H=130, C=70, A=35, gate=True, late=True, lengths=True, threads=2),
    "wide LSTM, late, shared": Case("lstm", T=5, N=9, B=4, S=9, H=70, C=130, A=35, late=True, lengths=True, threads=2),
    "wide, shared": Case(T=3, N=9, B=4, S=9, H=70, C=130, A=35, lengths=True, threads=2),
    "wide LSTM, feeding, shared": Case("lstm", "general", T=3, N=9, B=4, S=9, H=70, C=35, lengths=True, threads=2),
    "beams": Case(T=1, N=40, B=8, S=9, H=64, C=64, A=64, threads=2),
    "beams, feeding": Case("lstm", "general", T=1, N=40, B=8, S=9, H=64, C=32, threads=2),
}


@pytest.mark.parametrize("name", extension.instruction_sets())
@pytest.mark.parametrize("case", FIXED.values(), ids=FIXED)
def test_every_instruction_set_agrees_with_the_loop_over_steps(monkeypatch, name, case):
    monkeypatch.setenv("UNROLLED_ISA", name)
    assert_agrees(case)


SMALL = (
    {
        f"{kind}, {score}": Case(kind, score, T=3, N=2, S=3, I=2, H=3, C=2, A=4, lengths=True, seed=3)
        for kind in CELLS
        for score in ("additive", "general")
    }
    | {
        f"gate {hard}": Case("lstm", T=3, N=2, S=3, I=2, H=3, C=2, A=4, gate=True, hard=hard, lengths=True, seed=3)
        for hard in ("", "drawn")
    }
    | {
        "late, shared": Case(
            "lstm", T=3, N=2, B=1, S=3, I=2, H=3, C=2, A=4, gate=True, late=True, lengths=True, seed=3
        ),
        "shared": Case("gru", T=3, N=2, B=1, S=3, I=2, H=3, C=2, A=4, gate=True, hard="drawn", lengths=True, seed=3),
    }
)


@pytest.mark.parametrize("case", SMALL.values(), ids=SMALL)
def test_gradients_and_second_derivatives_are_those_of_finite_differences(case):
    cell, sources, how, _ = case.build(torch.float64)
    how["lengths"] = torch.tensor([3, 2])

    def function(*tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(call(cell, dict(zip(sources, tensors, strict=False)), how, "native").values())

    every = (*sources.values(), *cell.parameters())
    assert torch.autograd.gradcheck(function, every, fast_mode=not NIGHTLY)
    assert torch.autograd.gradgradcheck(function, every, fast_mode=not NIGHTLY)


@pytest.mark.parametrize("gate", [False, True])
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize(("score", "late"), [("additive", False), ("additive", True), ("general", False)])
def test_second_derivatives_are_those_of_the_loop(kind, score, late, gate):
    found = []
    for backend in ("reference", "native"):
        cell, sources, how, _ = Case(kind, score, B=2, gate=gate, late=late, lengths=True).build(torch.float64)
        every = [*sources.values(), *cell.parameters()]
        results = call(cell, sources, how, backend)
        loss = sum(one.sin().sum() for one in results.values())
        first = torch.autograd.grad(loss, every, create_graph=True, allow_unused=True)
        found.append(torch.autograd.grad(sum((d**2).sum() for d in first if d is not None), every, allow_unused=True))
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-9)


# ---- padding -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("score", ["additive", "general"])
def test_a_padded_batch_is_its_sentences(kind, score):
    cell, sources, how, _ = Case(kind, score, T=6, N=7, S=8, H=20, lengths=True).build(torch.float32)
    with torch.no_grad():
        batch = call(cell, sources, how, "native")
        for n, (seen, length) in enumerate(zip(how["seen"].tolist(), how["lengths"].tolist(), strict=True)):
            one = {name: source[n : n + 1] for name, source in sources.items() if source.dim() == 2}
            one |= {"inputs": sources["inputs"][:length, n : n + 1], "h": sources["h"][:seen, n : n + 1]}
            for name, result in call(cell, one, {"seen": how["seen"][n : n + 1]}, "native").items():
                wanted = batch[name][:length, n : n + 1] if result.dim() == 3 else batch[name][n : n + 1]
                wanted = wanted[:, :, :seen] if name == "weights" else wanted
                torch.testing.assert_close(result, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize(("score", "steps"), [("additive", None), ("additive", 0), ("general", None)])
@pytest.mark.parametrize("padding", [float("nan"), float("inf")])
def test_what_stands_in_the_padding_of_inputs_and_memory_reaches_nothing(kind, score, steps, padding):
    found = []
    for number in (0.0, padding):
        cell, sources, how, _ = Case(kind, score, T=6, N=7, S=8, H=20, lengths=True).build(torch.float32)
        outside = torch.arange(6)[:, None] >= how["lengths"]
        past = torch.arange(8)[:, None] >= how["seen"]
        inputs = sources["inputs"].detach().clone()
        inputs[outside] = number
        memory = cell.remember(sources["h"], how["seen"], steps)
        parts = [part.detach().clone() for part in memory[:3]]
        for part in parts:
            part[past] = number
        leaves = [one.requires_grad_() for one in (inputs, *parts)]
        outputs, weights, after = attend(
            cell, inputs, start(cell, sources), Memory(*parts, how["seen"]), lengths=how["lengths"], backend="native"
        )
        loss = outputs.sin().sum() + weights.sin().sum() + sum(leaf.sin().sum() for leaf in after.cell)
        every = [
            *leaves,
            sources["state.h"],
            *(p for name, p in cell.named_parameters() if not name.startswith("key.")),
        ]
        found.append([outputs, weights, *torch.autograd.grad(loss, every, allow_unused=True)])
    for zero, other in zip(*found, strict=True):
        if zero is not None:
            assert zero.isfinite().all()
            assert torch.equal(zero, other)


# ---- threads and processes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("score", "late"), [("additive", False), ("additive", True), ("general", False)])
@pytest.mark.parametrize("kind", CELLS)
def test_the_same_threads_give_the_same_bits_and_others_agree_to_rounding(kind, score, late):
    case = Case(kind, score, T=9, N=20, B=7, S=9, H=48, C=32, A=33, late=late, lengths=True)
    alone = run(case, "native", torch.float32)
    for number in (1, 2, 3):
        first = run(replace(case, threads=number), "native", torch.float32)
        again = run(replace(case, threads=number), "native", torch.float32)
        for name, result in first.items():
            assert torch.equal(again[name], result), name
            assert error(result, alone[name].double()) <= 1e-5, name


def test_a_forked_child_looks_after_its_parent_used_threads():
    case = Case("lstm", T=8, N=32, S=9, H=64, threads=2)
    wanted = run(case, "native", torch.float32)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        verdict = b"failed"
        try:
            got = run(replace(case, threads=1), "native", torch.float32)
            if all(error(got[name], result.double()) <= 1e-5 for name, result in wanted.items()):
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


# ---- what is asked of it -------------------------------------------------------------------------------------------


class Untouched:
    """In the extension's place, for calls that must not get there."""

    def sets(self) -> list[str]:
        return ["portable"]

    def attention(self, *given: Any, **fields: Any) -> None:
        pytest.fail("a kernel ran")


T, N, S, B, I, H, C = 4, 6, 5, 6, 3, 8, 4


def ones(*shape: int, **how: Any) -> Tensor:
    return torch.ones(shape, **how)


def given_memory(**change: Tensor) -> Memory:
    parts = {"h": ones(S, B, C), "keys": ones(S, B, H), "values": ones(S, B, 3 * H), "lengths": torch.full((B,), S)}
    return Memory(**{**parts, **change})


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "inputs of another type": ({"inputs": ones(T, N, I).double()}, "dtype|inputs"),
    "inputs too wide": ({"inputs": ones(T, N, I + 1)}, "inputs"),
    "a narrow state": ({"state": GRUState(ones(N, 1))}, "h0"),
    "a state of few rows": ({"state": GRUState(ones(1, H))}, "state must have"),
    "a state of another type": ({"state": GRUState(ones(N, H).double())}, "h0"),
    "a state elsewhere": ({"state": GRUState(ones(N, H, device="meta"))}, "h0"),
    "narrow keys": ({"memory": given_memory(keys=ones(S, B, H - 1))}, "weight_q|keys|v must"),
    "few keys": ({"memory": given_memory(keys=ones(S - 1, B, H))}, "keys|values"),
    "keys without rows": ({"memory": given_memory(keys=ones(S, H))}, "keys"),
    "narrow values": ({"memory": given_memory(values=ones(S, B, H))}, "values"),
    "values of no width": ({"memory": given_memory(values=ones(S, B, 0)), "score": "dot"}, "values"),
    "values of another type": ({"memory": given_memory(values=ones(S, B, 3 * H).double())}, "values"),
    "a short memory": ({"memory": given_memory(h=ones(S - 1, B, C))}, "looked|memory.s lengths"),
    "an empty sentence": ({"memory": given_memory(lengths=torch.tensor([5, 5, 0, 5, 5, 5]))}, "memory's lengths"),
    "a sentence too long": ({"memory": given_memory(lengths=torch.full((B,), S + 1))}, "memory's lengths"),
    "lengths of another type": ({"lengths": ones(N, dtype=torch.int32)}, "lengths"),
    "lengths past the end": ({"lengths": torch.full((N,), T + 1)}, "lengths"),
    "a row of no sentence": ({"rows": torch.full((N,), B)}, "rows"),
    "a row below zero": ({"rows": torch.full((N,), -1)}, "rows"),
    "rows of another type": ({"rows": ones(N, dtype=torch.int32)}, "rows"),
}


@pytest.mark.parametrize("bad", BAD)
def test_what_does_not_fit_is_named_and_does_not_reach_the_kernel(monkeypatch, bad):
    change, name = BAD[bad]
    cell = Attentive(GRUCell(I + C, H), I, C)
    arguments = {"inputs": ones(T, N, I), "state": GRUState(ones(N, H)), "memory": given_memory(), **change}
    if arguments.pop("score", "additive") == "dot":
        cell = Attentive(GRUCell(I + H, H), I, H, score="dot", input_feeding=True)
    arguments["state"] = AttentiveState(arguments["state"], ones(N, cell.feed_size * (not cell.additive)))
    monkeypatch.setattr(extension, "compiled", Untouched())
    with pytest.raises((ShapeError, TypeError, RuntimeError), match=name), torch.no_grad():
        attend(cell, **arguments, backend="native")


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "RNN": (RNNCell, {}, "no attention kernel for RNNCell"),
    "reset before": (GRUCell, {"reset_after": False}, "reset gate"),
    "layer norm": (LSTMCell, {"layer_norm": True}, "layer norm"),
    "peepholes": (LSTMCell, {"peepholes": True}, "peepholes"),
    "zoneout": (LSTMCell, {"zoneout": 0.1}, "noise"),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_inner_cells_without_a_kernel_are_refused_by_name_and_looped_by_auto(refused):
    build, options, why = REFUSED[refused]
    cell = Attentive(build(I + C, H, **options), I, C)
    x, memory, state = torch.randn(T, N, I), cell.remember(torch.randn(S, B, C), torch.full((B,), S)), None
    state = cell.begin(cell.cell.initial_state(N))
    with pytest.raises(BackendError, match=why):
        attend(cell, x, state, memory, backend="native")
    assert choose(cell, x) == "reference"
    assert attend(cell, x, state, memory)[0].isfinite().all()


def test_types_without_an_attention_kernel_are_looped_over():
    cell, x = Attentive(GRUCell(I + C, H), I, C), torch.randn(T, N, I)
    assert choose(cell, x) == "native"
    assert choose(cell.bfloat16(), x.bfloat16()) == "reference"
    with torch.autocast("cpu", torch.bfloat16):
        assert choose(cell, x) == "reference"


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("score", ["additive", "general"])
def test_tensors_of_attention_may_lie_in_memory_anyhow(kind, score):
    cell, sources, how, _ = Case(kind, score, lengths=True).build(torch.float64)
    wanted = call(cell, sources, how, "native")
    for parameter in cell.parameters():
        parameter.data = apart(parameter.data)
    how = {name: apart(one) for name, one in how.items()}
    got = call(cell, {name: apart(one) for name, one in sources.items()}, how, "native")
    every = [*sources.values(), *cell.parameters()]
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)
    gradients = [torch.autograd.grad(sum(one.sin().sum() for one in each.values()), every, allow_unused=True)
                 for each in (got, wanted)]  # fmt: skip
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)


def apart(tensor: Tensor) -> Tensor:
    """The same numbers, every second place of memory between them."""
    return torch.stack([tensor, tensor], -1)[..., 0]


@pytest.mark.parametrize(("score", "late"), [("additive", False), ("additive", True), ("general", False)])
def test_the_attention_operators_are_what_they_say(score, late):
    cell, sources, how, _ = Case("lstm", score, C=6, lengths=True).build(torch.float64)
    memory = cell.remember(sources["h"], how["seen"])
    inner: Any = cell.cell
    additive = cell.additive
    W_ih = inner.weight_ih
    given = [
        torch.nn.functional.linear(sources["inputs"], W_ih[:, :3], inner.bias_ih), memory.keys,
        None if late else memory.values,
        memory.h if additive else None, cell.v if additive else None, cell.query.weight if additive else None,
        W_ih[:, 3:].contiguous() if late or not additive else None, None if additive else cell.from_state.weight,
        inner.weight_hh, inner.bias_hh, sources["state.h"], sources["state.c"], sources.get("fed"),
        None, None, how["seen"], None, how["lengths"], True, False, True,
    ]  # fmt: skip
    given = [one.detach().requires_grad_(one.is_floating_point()) if isinstance(one, Tensor) else one for one in given]
    quick = ("test_schema", "test_autograd_registration", "test_faketensor")
    tests: dict[str, Any] = {} if NIGHTLY else {"test_utils": quick}
    torch.library.opcheck(torch.ops.unrolled.attention.default, tuple(given), **tests)


def test_a_compiled_graph_holds_the_attention_operator():
    cell, sources, how, _ = Case("gru", T=3).build(torch.float32)

    def function(*tensors: Tensor) -> Tensor:
        return call(cell, dict(zip(sources, tensors, strict=True)), how, "native")["outputs"]

    wanted = function(*sources.values())
    got = torch.compile(function, fullgraph=True, backend="aot_eager")(*sources.values())
    torch.testing.assert_close(got, wanted)
    some = list(sources.values())
    torch.testing.assert_close(torch.autograd.grad(got.sum(), some), torch.autograd.grad(wanted.sum(), some))


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("score", ["additive", "general"])
def test_vmap_over_attention_is_a_loop(kind, score):
    """Over inputs, states and the memory's lengths; gradients flow back through it, and may themselves be batched."""
    cell, sources, how, g = Case(kind, score, lengths=True).build(torch.float64)
    several = {name: torch.randn(3, *one.shape, generator=g).double() for name, one in sources.items()}
    seen = torch.randint(1, 6, (3, 3), generator=g)

    def function(sources: dict[str, Tensor], seen: Tensor, backend: str = "native") -> dict[str, Tensor]:
        return call(cell, sources, {**how, "seen": seen}, backend)

    every = list(cell.parameters())
    found = torch.func.vmap(function)(several, seen)
    for i in range(3):
        one = function({name: each[i] for name, each in several.items()}, seen[i], "reference")
        torch.testing.assert_close({name: each[i] for name, each in found.items()}, one)
        gradients = [
            torch.autograd.grad(sum(result.sin().sum() for result in results), every, retain_graph=True)
            for results in ([each[i] for each in found.values()], one.values())
        ]
        torch.testing.assert_close(*gradients)
    result = function(sources, seen[0])["outputs"]
    many = torch.randn(4, *result.shape, generator=g).double()

    def backward(gradient: Tensor) -> Any:
        return torch.autograd.grad(result, [sources["inputs"], sources["h"], *every], gradient, retain_graph=True)

    for batched, *alone in zip(torch.func.vmap(backward)(many), *map(backward, many), strict=True):
        torch.testing.assert_close(batched, torch.stack(alone))


def test_the_reference_loop_is_the_oracle():
    """It is a loop over the specification's own step."""
    cell, sources, how, _ = Case(T=2).build(torch.float64)
    memory, state = cell.remember(sources["h"], how["seen"]), start(cell, sources)
    outputs, weights, after, _ = loops.attend(cell, sources["inputs"], state, memory, None, None, None)
    for t, x in enumerate(sources["inputs"]):
        y, state, a = cell.step(x, state, memory)
        torch.testing.assert_close((y, a), (outputs[t], weights[t]))
    torch.testing.assert_close(after.cell.h, state.cell.h)
