"""unrolled inspect compare RUN OTHER [--data TEXT]: compare two runs or checkpoints on the same text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from ...analysis.compare import Comparison, Place, compare
from ...analysis.inspection import has_recurrent_layers
from ...analysis.matching import UnitMatching, match_units
from ...analysis.text_windows import check_same_vocabulary
from ...analysis.unit_names import NamedUnit
from ...analysis.units import leaves_of, stack_of
from ...cells import check_size
from ...data import Split
from ...errors import ArgumentError
from ...tasks.common.writer import Writer
from ..arguments import Schema, parse
from ..terminal.console import counting
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs, show_table
from .view import View, language_model, side_by_side, text_of, visible

PROG = "unrolled inspect compare"
ABOUT = (
    "Compare two language models, runs or checkpoints of one run, on the same text: the loss by the kind of token, the "
    "positions with the largest difference, and units of the two that match, by their correlation over the text (Li et "
    "al. 2016). Both models need the same vocabulary.\n\n"
    "unrolled inspect compare runs/lm-stdlib-1/checkpoints/step-200 runs/lm-stdlib-1"
)
STRONG, FAIR = 0.9, 0.5  # |r|
PAIRS = 5  # matching units to show


@dataclass(frozen=True, kw_only=True)
class CompareView(View):
    """Options of the comparison."""

    other: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="OTHER")]
    """the other model: a run, a model.safetensors file, or a checkpoint"""
    most: int = 8
    """positions to show for each model where it is better"""
    leaf: Literal["h", "c"] = "h"
    """match units of h, or of an LSTM's cell state c"""
    lanes: int | None = None
    """parts of the text read at once, each with a warm-up of 256 tokens; 1 is exact (default: up to 32)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size("most", self.most)
        if self.lanes is not None:
            check_size("lanes", self.lanes)


@dataclass(frozen=True)
class Layer:
    """A layer of the first model matched with a layer of the other."""

    number: int
    other: int
    leaf: str
    matching: UnitMatching

    def pairs(self) -> list[tuple[str, str, float]]:
        """Return the matched units' names and their correlation, the strongest first."""
        best, strength = self.matching.best(), self.matching.strength()
        named = [
            (str(NamedUnit(self.number, 0, u, self.leaf)), str(NamedUnit(self.other, 0, int(best[u]), self.leaf)))
            for u in range(len(best))
        ]
        return [(*named[u], float(strength[u])) for u in np.argsort(-np.abs(strength), kind="stable") if best[u] >= 0]


def run(argv: list[str]) -> int:
    """Run `unrolled inspect compare`; return the exit status."""
    options = parse(CompareView, argv, PROG, ABOUT)
    with Schema(CompareView, PROG).names():
        a = language_model(options.run, options.cell, recurrent=False)
        b = language_model(options.other, options.cell, recurrent=False)
        _check(a, b, options)
        name, split = text_of(a, options.run, options.data, options.limit)
        layers = _layers(a, b, options.leaf)
        with counting((len(split) - 1) + len(layers) * len(split), "tokens") as counter:
            found = compare(a, b, split, most=options.most, lanes=side_by_side(split, options.lanes), progress=counter)
            matched = []
            for number, (layer, other) in enumerate(layers):
                before = len(split) - 1 + number * len(split)
                matching = match_units(
                    a, b, split, layer=layer, other_layer=other, leaf=options.leaf,
                    progress=counter.beyond(before),
                )  # fmt: skip
                matched.append(Layer(layer, other, options.leaf, matching))
        if options.json:
            layers_json = [
                {"layer": layer.number + 1, "other": layer.other + 1, **layer.matching.as_json()} for layer in matched
            ]
            emit(
                "compare", run=options.run, other=options.other, data=name, symbols=len(split), leaf=options.leaf,
                **found.as_json(), layers=layers_json,
            )  # fmt: skip
        else:
            _report(found, matched, name, split, options)
    return 0


def _check(a: Writer, b: Writer, options: CompareView) -> None:
    try:
        check_same_vocabulary(a, b)
    except ArgumentError as error:
        raise ArgumentError(
            "OTHER", f"a model with the vocabulary of {options.run}", options.other, f"{error.received}; {error.remedy}"
        ) from None
    for model, run in ((a, options.run), (b, options.other)):
        if options.leaf == "c" and not (
            has_recurrent_layers(model.model) and "c" in leaves_of(next(stack_of(model.model).cells))
        ):
            raise ArgumentError("leaf", f"h: {run} has no cell state c, which only an LSTM has", options.leaf)


def _layers(a: Writer, b: Writer, leaf: str) -> list[tuple[int, int]]:
    """Return the pairs of layers to match: the same number, or b's last; none without recurrent layers."""
    if not all(has_recurrent_layers(model.model) for model in (a, b)):
        return []
    if not all("h" in leaves_of(cell) for model in (a, b) for cell in stack_of(model.model).cells):
        return []
    last = stack_of(b.model).num_layers - 1
    return [(layer, min(layer, last)) for layer in range(stack_of(a.model).num_layers)]


def _report(found: Comparison, matched: list[Layer], name: str, split: Split, options: CompareView) -> None:
    header = ("predicted", "count", "RUN", "OTHER", "better by", "")
    rows = [*zip(found.classes, found.counts, found.losses, found.sums, strict=True)]
    rows = sorted((row for row in rows if row[1]), key=lambda row: -row[1])
    rows.append(("all", found.counts.sum(), found.losses.sum(), found.sums.sum()))
    show_table(header, (_row(*row) for row in rows), right=header[1:5])
    for title, better in (("OTHER", found.gained), ("RUN", found.lost)):
        if better:
            print()
            show_table(("", "RUN p", "OTHER p", f"largest advantage of {title}"), map(_place, better),
                       right=("", "RUN p", "OTHER p"))  # fmt: skip
    for layer in matched:
        if pairs := layer.pairs():
            print()
            show_table(
                ("unit of RUN", "unit of OTHER", "r"), ((a, b, f"{r:+z.3f}") for a, b, r in pairs[:PAIRS]), right=("r",)
            )
    print()
    match_notes = [(f"layer {layer.number + 1} {layer.leaf}", _matched(layer)) for layer in matched]
    show_pairs(
        [
            ("RUN", options.run),
            ("OTHER", options.other),
            ("loss", "nats per token, by the kind of token predicted"),
            *match_notes,
            ("text", f"{name}: {len(split):,} tokens"),
        ]
    )


def _row(name: str, count: int, loss: float, saved: float) -> tuple[str, ...]:
    better = "OTHER" if saved > 0 else "RUN" if saved < 0 else "equal"
    return (
        name,
        f"{count:,}",
        f"{loss / count:.4f}",
        f"{(loss - saved) / count:z.4f}",
        f"{abs(saved) / count:.4f}",
        better,
    )


def _place(place: Place) -> tuple[str, ...]:
    text = f"{visible(place.before)}[{visible(place.symbol)}]{visible(place.after)}"
    return f"{place.position:,}", _probability(place.p_a), _probability(place.p_b), text


def _probability(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.0e}"


def _matched(layer: Layer) -> str:
    strength = np.abs([r for *_, r in layer.pairs()])
    if not len(strength):
        return "all units are constant"
    counts: Any = [np.count_nonzero(strength >= level) for level in (STRONG, FAIR)]
    return (
        f"of {len(layer.matching.correlation)} units, {counts[0]} have a match with |r| ≥ {STRONG}, {counts[1]} with "
        f"|r| ≥ {FAIR}; median {np.median(strength):.2f}"
    )
