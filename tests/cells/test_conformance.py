"""Every built-in cell keeps the contract, docs/conformance.md says so, and the suite catches cells that don't."""

import re
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

import unrolled
import unrolled.kernels.torch as fused
from unrolled.cells import Cell, GRUCell, RNNCell, RNNState
from unrolled.errors import ArgumentError, ConformanceError, UnrolledError
from unrolled.kernels import extension
from unrolled.testing import CHECKS, builtin_cells, check_cell

DOCS = Path(__file__).parents[2] / "docs" / "conformance.md"
MARKS = {"ok": "✓", "none": "–"}
SAME_GRAPH = ("recurrent_dropout", "weight_drop", "random initial")  # in evaluation these are the plain cell
QUICK = ("compile", "export", "gradients", "double backward")  # skipped where another check is the point


@cache
def page():
    """docs/conformance.md as (backend, cell) → what it says of each check, reasons in place of their numbers."""
    rows = {}
    for section in DOCS.read_text(encoding="utf-8").split("## Backend ")[1:]:
        backend = section.split("`")[1]
        reasons = dict(re.findall(r"^(\d+)\. (.*)$", section, re.MULTILINE))
        for line in re.findall(r"^\| (?!cell)(.*) \|$", section, re.MULTILINE):
            cell, *marks = line.split(" | ")
            numbers = [re.fullmatch(r"no \((\d+)\)", mark) for mark in marks]
            rows[backend, cell] = [reasons[n[1]] if n else m for n, m in zip(numbers, marks, strict=True)]
    return rows


BACKENDS = ["reference", "native", "torch"]
RUNNABLE = [
    pytest.param(
        backend,
        marks=pytest.mark.skipif(backend == "native" and bool(extension.missing), reason=str(extension.missing)),
    )
    for backend in BACKENDS
]


@pytest.mark.parametrize("backend", RUNNABLE)
@pytest.mark.parametrize("name", builtin_cells())
def test_builtin_cell_conforms_and_the_page_is_up_to_date(name, backend):
    exempt = {}
    if name.endswith(SAME_GRAPH):  # tracing takes the most time; the page must say what it says of the plain cell
        plain = dict(zip(CHECKS, page()[backend, name.split(",")[0]], strict=True))
        exempt = {check: plain[check] for check in ("compile", "export")}
    report = check_cell(builtin_cells()[name], backend=backend, name=name, exempt=exempt)
    said = [MARKS.get(result.outcome, result.detail) for result in report.results]
    assert said == page()[backend, name], "run python -m unrolled.testing"


def test_page_lists_the_built_in_cells():
    assert set(page()) == {(backend, name) for backend in BACKENDS for name in builtin_cells()}


@pytest.mark.parametrize("name", ["rnn", "lstm"])
def test_auto_can_do_everything(name):
    report = check_cell(builtin_cells()[name], name=name)
    assert set(report.outcomes.values()) <= {"ok", "none"}
    assert list(report.outcomes) == list(CHECKS)


class Minimal(Cell):
    """What the documentation asks of a user's own cell, and no more."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.mix = nn.Linear(input_size + hidden_size, hidden_size)

    def initial_state(self, batch_size):
        return self.mix.weight.new_zeros(batch_size, self.hidden_size)

    def step(self, x, state, noise=None):
        state = torch.tanh(self.mix(torch.cat([x, state], dim=-1)))
        return state, state


def test_minimal_cell_of_ones_own_passes():
    cell = Minimal(2, 3)
    before = {name: value.clone() for name, value in cell.state_dict().items()}
    torch.manual_seed(5)
    report = check_cell(cell)
    drawn = torch.rand(())
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(())), "the caller's random numbers are left alone"
    assert cell.training
    assert all(torch.equal(before[name], value) for name, value in cell.state_dict().items())
    assert report.outcomes["trace"] == "ok", "the leaves of the state, unless the cell overrides step_traced"
    assert "gradients" in str(report)
    assert "ok" in str(report)


class Counting(Minimal):
    """A state with an integer leaf: its own number of steps."""

    def initial_state(self, batch_size):
        return {"h": super().initial_state(batch_size), "steps": torch.zeros(batch_size, dtype=torch.int64)}

    def step(self, x, state, noise=None):
        h, _ = super().step(x, state["h"])
        return h / (1 + state["steps"][:, None]), {"h": h, "steps": state["steps"] + 1}


def test_state_may_be_any_pytree():
    check_cell(Counting(2, 3))


class InPlace(Minimal):
    def step(self, x, state, noise=None):
        output, after = super().step(x, state)
        state.copy_(after.detach())
        return output, after


class BatchSecond(Minimal):
    def initial_state(self, batch_size):
        return super().initial_state(batch_size).T


class Remembers(Minimal):
    """Keeps its state on itself, so that a reset does nothing."""

    def initial_state(self, batch_size):
        kept = getattr(self, "kept", None)
        return kept if kept is not None and len(kept) == batch_size else super().initial_state(batch_size)

    def step(self, x, state, noise=None):
        output, self.kept = super().step(x, state)
        return output, self.kept


class NoiseLaneFirst(Minimal):
    def draw_noise(self, T, B, generator=None):
        return torch.rand(B, T, self.hidden_size, dtype=torch.float64, generator=generator)

    def step(self, x, state, noise=None):
        return super().step(x, state if noise is None else state * noise[: len(x)])


class DrawsInside(Minimal):
    def step(self, x, state, noise=None):
        output, state = super().step(x, state)
        return output * torch.rand_like(output), state


class WrongWidth(Minimal):
    output_size = 5


class MixesLanes(Minimal):
    def step(self, x, state, noise=None):
        return super().step(x - x.mean(0), state)


class AlwaysSingle(Minimal):
    def initial_state(self, batch_size):
        return torch.zeros(batch_size, self.hidden_size)


class Detached(Minimal):
    def step(self, x, state, noise=None):
        return super().step(x, state.detach())


class Branches(Minimal):
    def step(self, x, state, noise=None):
        return super().step(x, -state if x.sum() > 0 else state)


class Clipped(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x * 2

    @staticmethod
    def backward(context, gradient):
        return gradient  # wrong by a factor of two


class WrongBackward(Minimal):
    def step(self, x, state, noise=None):
        return super().step(Clipped.apply(x), state)


class TraceDiffers(Minimal):
    def step_traced(self, x, state, noise=None):
        output, state = self.step(x, state)
        return output * 2, state, {"h": output}


class CountsOnSelf(Minimal):
    n = 0

    def step(self, x, state, noise=None):
        self.n += 1
        return super().step(x, state)


class Lists(Minimal):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.seen = []

    def step(self, x, state, noise=None):
        self.seen.append(1)
        return super().step(x, state)


class OutputAlone(Minimal):
    def step(self, x, state, noise=None):
        return super().step(x, state)[0]


class SingleForLinear(Minimal):
    """Its initial state is float32 and its step multiplies it by the weights, so every step raises in float64."""

    def initial_state(self, batch_size):
        return torch.zeros(batch_size, self.hidden_size)

    def step(self, x, state, noise=None):
        return super().step(x + 0 * nn.functional.linear(state, self.mix.weight[:2, :3]), state)


class ShrinkingState(Minimal):
    def step(self, x, state, noise=None):
        output, _ = super().step(x, state)
        return output, (output,)


BROKEN = {
    InPlace: ("purity", "step not to modify its state; the state changed in place"),
    BatchSecond: ("shapes", r"initial_state\(B\) to have the batch \(2\) in dimension 0; a leaf is \(3, 2\)"),
    Remembers: ("purity", "keep everything that later steps need in the returned state"),
    NoiseLaneFirst: ("noise", r"draw_noise\(T=5, B=2\) to have time in dimension 0; a leaf is \(2, 5, 3\)"),
    DrawsInside: ("purity", "the same step twice to give the same"),
    WrongWidth: ("shapes", r"output_size\) = \(3, 5\); it is \(3, 3\); define output_size"),
    MixesLanes: ("lanes", "let no operation mix the rows of dimension 0"),
    AlwaysSingle: ("dtypes", r"initial_state of a torch.float64 cell .* weight.new_zeros"),
    SingleForLinear: ("dtypes", r"initial_state .* to be torch.float64; it is torch.float32; .* weight.new_zeros"),
    CountsOnSelf: ("purity", "step not to modify the attributes of its cell; self.n changed; keep everything"),
    Lists: ("purity", "self.seen changed"),
    OutputAlone: ("shapes", r"a pair \(output, state\), the output a tensor; it returns a Tensor; end step with"),
    Detached: ("gradients", r"gradients to pass through every operation of step; \.detach\(\) cuts them"),
    Branches: ("lanes", r"a branch or bool\(\) reads them \(.*in step\)"),
    WrongBackward: ("gradients", "look for a custom backward"),
    TraceDiffers: ("trace", "step_traced to give the output and state of step"),
    ShrinkingState: ("shapes", "same structure before and after"),
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda cls: cls.__name__)
def test_broken_cell_fails_with_the_reason(broken):
    check, message = BROKEN[broken]
    skipped = [one for one in QUICK if one != check]
    with pytest.raises(ConformanceError, match=rf"(?s)- {check}: .*{message}") as error:
        check_cell(broken(2, 3), exempt=skipped, backend="reference")
    assert isinstance(error.value, UnrolledError | AssertionError)
    assert broken.__name__ in str(error.value)


@pytest.mark.parametrize("broken", [SingleForLinear, OutputAlone, BatchSecond])
def test_one_cause_is_reported_once(broken):
    with pytest.raises(ConformanceError, match=f"fails 1 of {len(CHECKS)} checks"):
        check_cell(broken(2, 3))


def test_a_cell_has_the_sizes_that_it_gives_its_base_class():
    class Sized(Minimal):
        def __init__(self, input_size, hidden_size):
            Cell.__init__(self, input_size, hidden_size)
            self.mix = nn.Linear(input_size + hidden_size, hidden_size)

    outputs, state = unrolled.scan(Sized(2, 3), torch.zeros(4, 1, 2))
    assert (outputs.shape, state.shape) == ((4, 1, 3), (1, 3))
    with pytest.raises(ArgumentError, match="hidden_size must be an integer of at least 1, got 0"):
        Sized(2, 0)


class Unsized(Minimal):
    def __init__(self):
        Cell.__init__(self)
        self.hidden_size = 3


@pytest.mark.parametrize(
    "call",
    [check_cell, lambda cell: unrolled.scan(cell, torch.zeros(4, 1, 2)), lambda cell: unrolled.layers.Stack([[cell]])],
)
def test_a_missing_size_is_named(call):
    expected = r"sets input_size, got 'Unsized'; call super\(\).__init__\(input_size, hidden_size\) in Unsized.__init__"
    with pytest.raises(ArgumentError, match=expected):
        call(Unsized())


def test_scan_refuses_a_step_without_a_state():
    with pytest.raises(
        ArgumentError, match=r"returns a pair \(output, state\), got 'OutputAlone'; .* returns a Tensor"
    ):
        unrolled.scan(OutputAlone(2, 3), torch.zeros(4, 2, 2))


def test_reset_ignored_by_a_fast_path_is_caught(monkeypatch):
    honest = fused.run
    monkeypatch.setattr(fused, "run", lambda *given, resets, **how: honest(*given, resets=None, **how))
    with pytest.raises(ConformanceError, match="resets: expected documents separated by resets") as error:
        check_cell(GRUCell(2, 3), backend="torch", exempt=QUICK)
    assert "agreement: expected the loop's results (resets)" in str(error.value)


def test_all_failures_are_listed_and_exemptions_told():
    with pytest.raises(ConformanceError, match="fails 3 of 28 checks") as error:
        check_cell(MixesLanes(2, 3), exempt={"lanes": "known", "compile": "slow", "vmap": "no", "export": "slow"})
    failed = [line.split(":")[0] for line in str(error.value).splitlines()[1:]]
    assert failed == ["- lengths", "- resets", "- vmap of grad and jvp"]
    report = check_cell(RNNCell(2, 3), exempt={"compile": "too slow for this test"})
    assert report.outcomes["compile"] == "exempt"
    assert "too slow for this test" in str(report)


def test_bad_arguments():
    with pytest.raises(ArgumentError, match=r"must be an instance of a class derived from unrolled\.Cell"):
        check_cell(nn.GRUCell(2, 3))
    with pytest.raises(ArgumentError, match=r"pass an instance: check_cell\(Minimal\(8, 16\)\)"):
        check_cell(Minimal)
    with pytest.raises(ArgumentError, match=r"exempt .*did you mean 'gradients'"):
        check_cell(RNNCell(2, 3), exempt=["gradient"])
    with pytest.raises(ArgumentError, match="backend must be one of"):
        check_cell(RNNCell(2, 3), backend="fast")


class Correct(Cell):
    """A correct cell, of which the classes below change one thing."""

    def __init__(self):
        super().__init__(2, 3)
        self.weight = nn.Parameter(torch.zeros(1))

    def step(self, x, state, noise=None):
        h = self.changed(torch.tanh(state.h + x.sum(1, keepdim=True)))
        return h, RNNState(h)

    def changed(self, h):
        return h

    def initial_state(self, batch_size):
        return RNNState(self.weight.new_zeros(batch_size, self.hidden_size))


class WithoutNoise(Correct):
    def step(self, x, state):
        return super().step(x, state)


class PlainTuple(Correct):
    def step(self, x, state, noise=None):
        output, after = super().step(x, state)
        return output, tuple(after)


class SubtractsMean(Correct):
    def changed(self, h):
        return h - h.mean(0)


class Detaches(Correct):
    def changed(self, h):
        return 0.5 * h + 0.5 * h.detach()


class ToNumpy(Correct):
    def changed(self, h):
        return torch.from_numpy(h.detach().numpy())


class BranchesRarely(Correct):
    def changed(self, h):
        return h * 0.5 if h.abs().max() > 1e9 else h


class Draws(Correct):
    def changed(self, h):
        return h * torch.rand(1, dtype=h.dtype)


@pytest.mark.parametrize(
    ("kind", "check", "message"),
    [
        (WithoutNoise, "shapes", r"add noise=None to its arguments: def step\(self, x, state, noise=None\)"),
        (PlainTuple, "shapes", r"RNNState became tuple; return the state as initial_state does: RNNState\(…\)"),
        (SubtractsMean, "lanes", "let no operation mix the rows of dimension 0"),
        (Detaches, "gradients", r"\.detach\(\) cuts them \(.*test_conformance.py:\d+, in changed\); remove it"),
        (
            ToNumpy,
            "gradients",
            r"\.numpy\(\) reads them \(.*test_conformance.py:\d+, in changed\); use operations",
        ),
        (
            BranchesRarely,
            "compile",
            r"a branch or bool\(\) reads them \(.*test_conformance.py:\d+, in changed\); use operations",
        ),
        (Draws, "purity", "draw no random numbers in step: draw masks in draw_noise"),
    ],
)
def test_only_the_cause_is_reported(kind, check, message, capfd):
    with pytest.raises(ConformanceError, match=message) as error:
        check_cell(kind())
    text = str(error.value)
    assert text.splitlines()[0].endswith(f"fails 1 of {len(CHECKS)} checks")
    assert text.splitlines()[1].startswith(f"- {check}: ")
    assert "``" not in text
    assert "TreeSpec" not in text
    assert capfd.readouterr().err == ""
