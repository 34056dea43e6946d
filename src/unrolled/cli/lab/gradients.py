"""unrolled lab gradients [RUN]: how gradients vanish or explode on the way back through time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ... import api
from ...analysis.units import stack_of
from ...cells import check_size
from ...errors import ArgumentError, RunError
from ...lab.gradients import Flow, Measured
from ...lab.gradients_networks import Network, build, defaults, measure
from ...lab.gradients_picture import draw_networks, draw_run
from ...lab.gradients_run import OF_INPUTS, affordable, choose, measure_stage, stages
from ...tasks.common.recurrent import Recurrent
from ...tasks.common.writer import Writer
from ..arguments import Schema, parse
from ..terminal.console import Counter
from ..terminal.look import BOLD, console, show
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs, show_table
from .kept import Kept
from .shannon import text_of

PROG = "unrolled lab gradients"
ABOUT = (
    "How the state at the end depends on the state k steps before: ∂h_T/∂h_{T−k} and ∂L_T/∂h_{T−k}, exactly. In "
    "vanilla networks they shrink or grow like powers of the recurrent matrix (Hochreiter 1991; Bengio, Simard and "
    "Frasconi 1994; Pascanu, Mikolov and Bengio 2013). Without options: tanh and ReLU with spectral radii below, at "
    "and above 1, and the usual cells as they begin. With --cell, --radius and so on: that network. With a RUN: its "
    "language model as it began, at its checkpoints, and as it was kept, on its own test text.\n\n"
    "unrolled lab gradients --cell rnn --radius 0.9 --radius 1.1 --inputs 0"
)
WIDTH = 100  # units of a layer
HEADER = ("network", "by", "ρ", "σ_max", "slope", "log ρ", "at 1", "10", "50", "T", "∂L", "memory", "a gradient")
COLUMNS = ("network", "layer", "of", "by", "k", "value")  # of the CSV
OF_NETWORKS = ("nonlinearity", "init", "forget_bias", "hidden_size", "num_layers", "radius", "inputs")
OF_RUNS = ("data", "positions")


@dataclass(frozen=True, kw_only=True)
class Gradients:
    """Whose gradients."""

    run: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="RUN")] = None
    """a language model's folder, or a model.safetensors; without one networks are drawn"""
    cell: str | None = None
    """rnn, gru, lstm or module:Class; with a RUN: its cell, if it is one of your own"""
    nonlinearity: Literal["tanh", "relu"] | None = None
    """rnn: the nonlinearity (default: tanh)"""
    init: str | None = None
    """initial weights: torch, xavier, lecun, orthogonal or identity (default: torch)"""
    forget_bias: float | None = None
    """lstm: initial bias of the forget gate (default: 1)"""
    hidden_size: int | None = None
    """units per layer (default: 100)"""
    num_layers: int | None = None
    """layers, one on top of the other (default: 1)"""
    radius: Annotated[tuple[float, ...], tyro.conf.UseAppendAction] = ()
    """scale W_hh, each gate's by itself, to this spectral radius; may be given several times"""
    inputs: float | None = None
    """standard deviation of the normal noise that is read; 0: zeros (default: 1)"""
    length: int = 100
    """T, how many steps back"""
    data: str | None = None
    """another text for a RUN: a file, a folder, a pattern, "text:…" or a named corpus"""
    positions: int | None = None
    """places in the text that a RUN is measured at (default: from 2 to 16, as many as take less than a minute)"""
    seed: int = 0
    """of weights and inputs that are drawn"""
    out: str | None = None
    """folder for the picture, the numbers and the command (default: lab/gradients)"""
    json: bool = False
    """print one JSON object"""

    def __post_init__(self) -> None:
        for name in ("hidden_size", "num_layers", "positions"):
            if getattr(self, name) is not None:
                check_size(name, getattr(self, name))
        check_size("length", self.length, least=2)
        check_size("seed", self.seed, least=0)
        if not all(0 < radius < math.inf for radius in self.radius):
            raise ArgumentError("radius", "a number above 0", min(self.radius))
        for name, least in (("inputs", 0.0), ("forget_bias", -math.inf)):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= least):
                raise ArgumentError(name, "a number of at least 0" if name == "inputs" else "a finite number", value)
        foreign, why = (OF_RUNS, "without a RUN") if self.run is None else (OF_NETWORKS, "with a RUN")
        for name in foreign:
            if getattr(self, name) not in (None, ()):
                raise ArgumentError(name, f"left out {why}", getattr(self, name))


def run(argv: list[str]) -> int:
    """The experiment."""
    options = parse(Gradients, argv, PROG, ABOUT)
    with Schema(Gradients, PROG).names():
        every = _of_networks(options) if options.run is None else _of_run(options, options.run)
        kept = Kept("gradients", argv, options.out)
        if options.run is None:
            kept.picture(lambda path: draw_networks(every, path))
        else:
            kept.picture(lambda path: draw_run(every, f"{options.run}: {options.length} steps back", path))
        kept.table(COLUMNS, (row for one in every for row in _numbers(one)))
    if options.json:
        told = [_told(one, flow) for one in every for flow in one.flows]
        emit("gradients", length=options.length, curves=told, matrices=[_matrices(one) for one in every],
             files=dict(kept.told))  # fmt: skip
        return 0
    for group in dict.fromkeys(one.group for one in every):
        show(f"{group}\n", BOLD)
        rows = [_row(one, flow) for one in every if one.group == group for flow in one.flows]
        full = [n for n in range(len(HEADER)) if any(row[n] for row in rows)]
        show_table([HEADER[n] for n in full], [[row[n] for n in full] for row in rows], right=HEADER[2:-1])
        print()
    if options.run is not None or len(every) == 1:
        _show_matrices(every)
    show_pairs([*_explained(every[0].flows[0]), *kept.told])
    return 0


def _of_networks(options: Gradients) -> list[Measured]:
    """The comparison, or the networks asked for."""
    names = [name for name in ("cell", *OF_NETWORKS) if getattr(options, name) not in (None, ())]
    if names in ([], ["hidden_size"]):
        networks = defaults(options.hidden_size or WIDTH, options.seed)
    else:
        given = {name: getattr(options, name) for name in names if name not in ("radius", "inputs")}
        recurrent = Recurrent(**{"cell": "rnn", "hidden_size": WIDTH, "num_layers": 1, **given})
        inputs = 1.0 if options.inputs is None else options.inputs
        group = f"inputs of size {inputs:g}" if inputs else "inputs of zero"
        networks = [
            Network(recurrent.cell, build(recurrent, options.seed, radius), inputs, radius, group)
            for radius in options.radius or (None,)
        ]
    with _counter(sum(one.stack.num_layers for one in networks), "layers") as counter:
        return [measure(one, options.length, options.seed, counter.next) for one in networks]


def _of_run(options: Gradients, run: str) -> list[Measured]:
    """The stages of a run."""
    model = api.load(run, cell=options.cell)
    if not isinstance(model, Writer):
        raise RunError(f"{run} is not a language model; only of those the laboratory measures gradients")
    every = stages(Path(run), model)
    count = options.positions or affordable(stack_of(model.model), options.length, len(every))
    text, positions = choose(text_of(model, run, options.data), options.length, count, model)
    with _counter(len(every) * len(positions) * stack_of(model.model).num_layers, "Jacobians") as counter:
        return [measure_stage(one, text, positions, options.length, counter.next) for one in every]


class _Ticks:
    """Counts what is done."""

    def __init__(self, counter: Counter) -> None:
        self.counter, self.done = counter, 0

    def next(self) -> None:
        self.done += 1
        self.counter(self.done)


@contextmanager
def _counter(total: int, unit: str) -> Iterator[_Ticks]:
    counter = Counter(console(stderr=True), total, unit)
    try:
        yield _Ticks(counter)
    finally:
        counter.close()


def _row(one: Measured, flow: Flow) -> tuple[str, ...]:
    matrices = [matrix for matrix in one.matrices if matrix.layer == flow.layer]
    layer = f", layer {flow.layer}" if len({other.layer for other in one.flows}) > 1 else ""
    at = [f"{flow.followed[k]:.2g}" if k <= flow.length else "" for k in (1, 10, 50)]
    radius = one.predicted(flow) is not None
    return (
        f"{one.name}{layer}",
        flow.by,
        _range([matrix.radius for matrix in matrices]),
        _range([matrix.largest for matrix in matrices]),
        f"{flow.slope():+.3f}",
        f"{math.log(matrices[0].radius):+.3f}" if radius else "",
        *at,
        f"{flow.followed[-1]:.2g}",
        f"{flow.loss[-1] / flow.loss[0]:.2g}" if flow.loss[0] else "",
        "" if one.lookback is None else f"{one.lookback.memory()}",
        flow.verdict(),
    )


def _range(values: list[float]) -> str:
    """``0.59``, or of several gates the least and the largest; – where there is no W_hh."""
    if not values:
        return "–"
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return low if low == high else f"{low}–{high}"


def _show_matrices(every: list[Measured]) -> None:
    rows = [
        (
            one.name,
            f"{m.layer}",
            m.gate,
            f"{m.radius:.3f}",
            *(f"{m.singular[n]:.3f}" for n in (0, len(m.singular) // 2, -1)),
        )
        for one in every
        for m in one.matrices
    ]
    if rows:
        header = ("W_hh", "layer", "gate", "ρ", "σ_max", "σ median", "σ_min")
        show_table(header, rows, right=header[3:])
    else:
        show("this cell has no W_hh: there are no singular values\n")
    print()


def _explained(flow: Flow) -> Iterator[tuple[str, str]]:
    what = "‖∂h_T/∂h_{T−k}‖_F / √H" if flow.largest is None else "the largest singular value of ∂h_T/∂h_{T−k}"
    yield "at k", f"{what}; T = {flow.length}; by: the part of the state"
    predicts = "; log ρ: what the spectrum predicts where slopes are 1" if flow.largest is not None else ""
    yield "slope", f"of its logarithm by k, from {flow.length // 10} on{predicts}"
    yield "∂L", "‖∂L_T/∂h_0‖ over ‖∂L_T/∂h_T‖"
    if flow.largest is None:
        what = "within which 90 % of the gradient by the inputs lies"
        yield "memory", f"symbols before the last {what}, in the mean over {OF_INPUTS} positions"


def _numbers(one: Measured) -> Iterator[tuple[object, ...]]:
    """Every number, one a line."""
    for flow in one.flows:
        curves = {
            "∂h_T: Frobenius / √H": flow.norm,
            "∂h_T: largest singular value": flow.largest,
            "∂L_T": flow.loss,
            "ρ^k": one.predicted(flow),
            "bound": one.bound(flow),
        }
        for of, values in curves.items():
            for k, value in enumerate(() if values is None else values):
                yield one.label, flow.layer, of, flow.by, k, float(value)
    for matrix in one.matrices:
        for k, value in enumerate(matrix.singular):
            yield one.label, matrix.layer, "singular value of W_hh", matrix.gate, k, float(value)
    for k, value in enumerate(() if one.lookback is None else one.lookback.mean()):
        yield one.label, "", "∂ log p by the input", "x", k, float(value)


def _told(one: Measured, flow: Flow) -> dict[str, Any]:
    """A curve as plain data."""
    predicted, bound = one.predicted(flow), one.bound(flow)
    return {
        "group": one.group,
        "network": one.name,
        "layer": flow.layer,
        "by": flow.by,
        "slope": flow.slope(),
        "predicted": None if predicted is None else math.log(predicted[1]),
        "bound": None if bound is None else float(bound[1]),
        "verdict": flow.verdict(),
        "norm": flow.norm.tolist(),
        "largest": None if flow.largest is None else flow.largest.tolist(),
        "loss": flow.loss.tolist(),
        "memory": None if one.lookback is None else one.lookback.memory(),
    }


def _matrices(one: Measured) -> dict[str, Any]:
    every = [
        {"layer": m.layer, "gate": m.gate, "radius": m.radius, "singular": m.singular.tolist()} for m in one.matrices
    ]
    return {"group": one.group, "network": one.name, "matrices": every}
