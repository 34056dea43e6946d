"""unrolled inspect saturation RUN [--data TEXT] [--picture FILE]: how often each gate is saturated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...analysis.saturation import HIGH, LOW, Gate, Saturation, saturation
from ...analysis.saturation_picture import TITLES, named, saturation_picture
from ...cells import check_size
from ..arguments import Schema, parse
from ..terminal.console import counting
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs, show_table
from .view import View, language_model, side_by_side, text_of

PROG = "unrolled inspect saturation"
ABOUT = (
    "Measure the share of steps in which each gate of an LSTM or GRU is almost closed (left-saturated, below --low) or "
    "almost open (right-saturated, above --high) while the model reads a text, as in figure 2 of Karpathy, Johnson and "
    "Fei-Fei (2015): a right-saturated forget gate preserves the cell state.\n\n"
    "unrolled inspect saturation runs/lm-stdlib-1 --picture gates.png"
)
MOSTLY = 0.9  # a unit saturated in this share of the steps counts as mostly saturated


@dataclass(frozen=True, kw_only=True)
class SaturationView(View):
    """Options of the saturation analysis."""

    low: float = LOW
    """a gate below this value is left-saturated"""
    high: float = HIGH
    """a gate above this value is right-saturated"""
    lanes: int | None = None
    """parts of the text read at once, each with a warm-up of 256 tokens; 1 is exact (default: up to 32)"""
    picture: str | None = None
    """plot every unit to this file (.png, .svg or .pdf)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lanes is not None:
            check_size("lanes", self.lanes)


def run(argv: list[str]) -> int:
    """Run `unrolled inspect saturation`; return the exit status."""
    options = parse(SaturationView, argv, PROG, ABOUT)
    with Schema(SaturationView, PROG).names():
        model = language_model(options.run, options.cell)
        name, split = text_of(model, options.run, options.data, options.limit)
        with counting(len(split) - 1, "tokens") as counter:
            found = saturation(
                model, split, low=options.low, high=options.high, lanes=side_by_side(split, options.lanes),
                progress=counter,
            )  # fmt: skip
        if options.picture is not None:
            title = f"{options.run}: {found.steps:,} tokens of {name}"
            saturation_picture(Path(options.picture), found, title)
        if options.json:
            emit("saturation", run=options.run, data=name, symbols=len(split), **found.as_json())
        else:
            _report(found, name, options)
    return 0


def _report(found: Saturation, name: str, options: SaturationView) -> None:
    header = ("layer", "gate", "units", "left", "right", "mostly left", "mostly right")
    show_table(header, map(_row, found.gates), right=header[2:])
    print()
    pairs = [
        ("left, right", f"share of the steps below {found.low:g}, above {found.high:g}: mean over the units"),
        ("mostly", f"units saturated in at least {MOSTLY:.0%} of the steps"),
        ("text", f"{name}: {found.steps:,} tokens"),
    ]
    if options.picture is not None:
        pairs.append(("picture", options.picture))
    show_pairs(pairs)


def _row(gate: Gate) -> tuple[str, ...]:
    shares = gate.left, gate.right
    return (
        named(gate.recurrence),
        TITLES.get(gate.gate, gate.gate),
        f"{len(gate.left)}",
        *(f"{share.mean():.1%}" for share in shares),
        *(f"{np.count_nonzero(share >= MOSTLY)}" for share in shares),
    )
