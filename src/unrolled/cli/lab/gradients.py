"""unrolled lab gradients [RUN]: vanishing and exploding gradients through time."""

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
from ...lab.gradients import Flow, Measurement
from ...lab.gradients_networks import Network, build, defaults, measure
from ...lab.gradients_picture import draw_networks, draw_run
from ...lab.gradients_run import INPUT_POSITIONS, affordable, choose, measure_stage, stages
from ...tasks.common.recurrent import Recurrent
from ...tasks.common.writer import Writer
from ..arguments import Schema, parse
from ..terminal.console import Counter
from ..terminal.look import BOLD, console, show
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs, show_table
from .experiment_folder import ExperimentFolder
from .shannon import text_of

PROG = "unrolled lab gradients"
ABOUT = (
    "Measure how the last state depends on the state k steps before: the exact ∂h_T/∂h_{T−k} and ∂L_T/∂h_{T−k}. In "
    "vanilla networks they shrink or grow like powers of the recurrent matrix (Hochreiter 1991; Bengio, Simard and "
    "Frasconi 1994; Pascanu, Mikolov and Bengio 2013). Without options: tanh and ReLU networks with spectral radii "
    "below, at and above 1, and common cells with their default initialisation. With --cell, --radius and so on: that "
    "network. With a RUN: its language model with initial weights, at its checkpoints, and as saved, on its test "
    "text.\n\n"
    "unrolled lab gradients --cell rnn --radius 0.9 --radius 1.1 --inputs 0"
)
WIDTH = 100  # units of a layer
HEADER = ("network", "w.r.t.", "ρ", "σ_max", "slope", "log ρ", "at 1", "10", "50", "T", "∂L", "context", "gradient")
COLUMNS = ("network", "layer", "of", "by", "k", "value")  # columns of the CSV
NETWORK_OPTIONS = ("nonlinearity", "init", "forget_bias", "hidden_size", "num_layers", "radius", "inputs")
RUN_OPTIONS = ("data", "positions")


@dataclass(frozen=True, kw_only=True)
class Gradients:
    """Networks and inputs."""

    run: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="RUN")] = None
    """run folder or model.safetensors of a language model (default: random networks)"""
    cell: str | None = None
    """rnn, gru, lstm or module:Class; with a RUN: its custom cell"""
    nonlinearity: Literal["tanh", "relu"] | None = None
    """rnn: activation function (default: tanh)"""
    init: str | None = None
    """initial weights: torch, xavier, lecun, orthogonal or identity (default: torch)"""
    forget_bias: float | None = None
    """lstm: initial bias of the forget gate (default: 1)"""
    hidden_size: int | None = None
    """units per layer (default: 100)"""
    num_layers: int | None = None
    """number of stacked layers (default: 1)"""
    radius: Annotated[tuple[float, ...], tyro.conf.UseAppendAction] = ()
    """scale each gate's W_hh to this spectral radius"""
    inputs: float | None = None
    """standard deviation of the Gaussian inputs (default: 1)"""
    length: int = 100
    """number of time steps T"""
    data: str | None = None
    """text for a RUN: file, folder, pattern or named corpus"""
    positions: int | None = None
    """number of text positions for a RUN (default: 2 to 16)"""
    seed: int = 0
    """random seed of weights and inputs"""
    out: str | None = None
    """output folder (default: lab/gradients)"""
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
        excluded, why = (RUN_OPTIONS, "without a RUN") if self.run is None else (NETWORK_OPTIONS, "with a RUN")
        for name in excluded:
            if getattr(self, name) not in (None, ()):
                raise ArgumentError(name, f"omitted {why}", getattr(self, name))


def run(argv: list[str]) -> int:
    """Run the experiment and return the exit status."""
    options = parse(Gradients, argv, PROG, ABOUT)
    with Schema(Gradients, PROG).names():
        results = _measure_networks(options) if options.run is None else _measure_run(options, options.run)
        folder = ExperimentFolder("gradients", argv, options.out)
        if options.run is None:
            folder.picture(lambda path: draw_networks(results, path))
        else:
            folder.picture(lambda path: draw_run(results, f"{options.run}: {options.length} steps back", path))
        folder.table(COLUMNS, (row for result in results for row in _numbers(result)))
    if options.json:
        curves = [_curve(result, flow) for result in results for flow in result.flows]
        emit("gradients", length=options.length, curves=curves, matrices=[_matrices(result) for result in results],
             files=dict(folder.summary))  # fmt: skip
        return 0
    for group in dict.fromkeys(result.group for result in results):
        show(f"{group}\n", BOLD)
        rows = [_row(result, flow) for result in results if result.group == group for flow in result.flows]
        columns = [n for n in range(len(HEADER)) if any(row[n] for row in rows)]
        show_table([HEADER[n] for n in columns], [[row[n] for n in columns] for row in rows], right=HEADER[2:-1])
        print()
    if options.run is not None or len(results) == 1:
        _show_matrices(results)
    show_pairs([*_explained(results[0].flows[0]), *folder.summary])
    return 0


def _measure_networks(options: Gradients) -> list[Measurement]:
    """Measure the requested networks, or those of the default comparison."""
    names = [name for name in ("cell", *NETWORK_OPTIONS) if getattr(options, name) not in (None, ())]
    if names in ([], ["hidden_size"]):
        networks = defaults(options.hidden_size or WIDTH, options.seed)
    else:
        given = {name: getattr(options, name) for name in names if name not in ("radius", "inputs")}
        recurrent = Recurrent(**{"cell": "rnn", "hidden_size": WIDTH, "num_layers": 1, **given})
        inputs = 1.0 if options.inputs is None else options.inputs
        group = f"inputs of size {inputs:g}" if inputs else "zero inputs"
        networks = [
            Network(recurrent.cell, build(recurrent, options.seed, radius), inputs, radius, group)
            for radius in options.radius or (None,)
        ]
    with _counter(sum(network.stack.num_layers for network in networks), "layers") as counter:
        return [measure(network, options.length, options.seed, counter.next) for network in networks]


def _measure_run(options: Gradients, run: str) -> list[Measurement]:
    """Measure the stages of a run."""
    model = api.load(run, cell=options.cell)
    if not isinstance(model, Writer):
        raise RunError(f"{run} is not a language model; name a run of a language model")
    found = stages(Path(run), model)
    count = options.positions or affordable(stack_of(model.model), options.length, len(found))
    text, positions = choose(text_of(model, run, options.data), options.length, count, model)
    with _counter(len(found) * len(positions) * stack_of(model.model).num_layers, "Jacobians") as counter:
        return [measure_stage(stage, text, positions, options.length, counter.next) for stage in found]


class _Ticks:
    """Counts completed items."""

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


def _row(result: Measurement, flow: Flow) -> tuple[str, ...]:
    matrices = [matrix for matrix in result.matrices if matrix.layer == flow.layer]
    layer = f", layer {flow.layer}" if len({other.layer for other in result.flows}) > 1 else ""
    at = [f"{flow.followed[k]:.2g}" if k <= flow.length else "" for k in (1, 10, 50)]
    radius = result.predicted(flow) is not None
    return (
        f"{result.name}{layer}",
        flow.by,
        _range([matrix.radius for matrix in matrices]),
        _range([matrix.largest for matrix in matrices]),
        f"{flow.slope():+z.3f}",
        f"{math.log(matrices[0].radius):+z.3f}" if radius else "",
        *at,
        f"{flow.followed[-1]:.2g}",
        f"{flow.loss[-1] / flow.loss[0]:.2g}" if flow.loss[0] else "",
        "" if result.lookback is None else f"{result.lookback.memory()}",
        flow.verdict(),
    )


def _range(values: list[float]) -> str:
    """Return ``0.59``, ``0.59–0.81`` for several gates, or – without W_hh."""
    if not values:
        return "–"
    low, high = f"{min(values):z.2f}", f"{max(values):z.2f}"
    return low if low == high else f"{low}–{high}"


def _show_matrices(results: list[Measurement]) -> None:
    rows = [
        (
            result.name,
            f"{m.layer}",
            m.gate,
            f"{m.radius:.3f}",
            *(f"{m.singular[n]:.3f}" for n in (0, len(m.singular) // 2, -1)),
        )
        for result in results
        for m in result.matrices
    ]
    if rows:
        header = ("W_hh", "layer", "gate", "ρ", "σ_max", "σ median", "σ_min")
        show_table(header, rows, right=header[3:])
    else:
        show("this cell has no W_hh, and so no singular values\n")
    print()


def _explained(flow: Flow) -> Iterator[tuple[str, str]]:
    norm = "‖∂h_T/∂h_{T−k}‖_F / √H" if flow.largest is None else "the largest singular value of ∂h_T/∂h_{T−k}"
    yield "at k", f"{norm}; T = {flow.length}; w.r.t.: the part of the state"
    spectrum = "; log ρ: the slope that the spectrum predicts if f' = 1" if flow.largest is not None else ""
    yield "slope", f"of its logarithm over k, from k = {flow.length // 10}{spectrum}"
    yield "∂L", "‖∂L_T/∂h_0‖ / ‖∂L_T/∂h_T‖"
    if flow.largest is None:
        share = "that hold 90 % of the gradient with respect to the inputs"
        yield "context", f"tokens before the last {share}, mean over {INPUT_POSITIONS} positions"


def _numbers(result: Measurement) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the CSV."""
    for flow in result.flows:
        curves = {
            "∂h_T: Frobenius / √H": flow.norm,
            "∂h_T: largest singular value": flow.largest,
            "∂L_T": flow.loss,
            "ρ^k": result.predicted(flow),
            "bound": result.bound(flow),
        }
        for curve, values in curves.items():
            for k, value in enumerate(() if values is None else values):
                yield result.label, flow.layer, curve, flow.by, k, float(value)
    for matrix in result.matrices:
        for k, value in enumerate(matrix.singular):
            yield result.label, matrix.layer, "singular value of W_hh", matrix.gate, k, float(value)
    for k, value in enumerate(() if result.lookback is None else result.lookback.mean()):
        yield result.label, "", "∂ log p by the input", "x", k, float(value)


def _curve(result: Measurement, flow: Flow) -> dict[str, Any]:
    """Return a curve as plain data."""
    predicted, bound = result.predicted(flow), result.bound(flow)
    return {
        "group": result.group,
        "network": result.name,
        "layer": flow.layer,
        "by": flow.by,
        "slope": flow.slope(),
        "predicted": None if predicted is None else math.log(predicted[1]),
        "bound": None if bound is None else float(bound[1]),
        "verdict": flow.verdict(),
        "norm": flow.norm.tolist(),
        "largest": None if flow.largest is None else flow.largest.tolist(),
        "loss": flow.loss.tolist(),
        "memory": None if result.lookback is None else result.lookback.memory(),
    }


def _matrices(result: Measurement) -> dict[str, Any]:
    matrices = [
        {"layer": m.layer, "gate": m.gate, "radius": m.radius, "singular": m.singular.tolist()} for m in result.matrices
    ]
    return {"group": result.group, "network": result.name, "matrices": matrices}
