"""unrolled inspect saturation RUN [--data TEXT] [--picture FILE]: how much of the time each gate is shut, or open."""

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
    "Count how much of the time each gate of an LSTM or GRU is all but shut (left-saturated, below --low) or all but "
    "open (right-saturated, above --high) while the model reads a text, as in figure 2 of Karpathy, Johnson and "
    "Fei-Fei (2015): a forget gate that is right-saturated carries its memory on.\n\n"
    "unrolled inspect saturation runs/lm-stdlib-1 --picture gates.png"
)
MOSTLY = 0.9  # of the time: a unit that is all but stuck


@dataclass(frozen=True, kw_only=True)
class SaturationView(View):
    """Which gates, and when they count as saturated."""

    low: float = LOW
    """below it a gate is left-saturated"""
    high: float = HIGH
    """above it a gate is right-saturated"""
    lanes: int | None = None
    """stretches read side by side, each warmed up on the 256 symbols before it; 1 is exact (default: up to 32)"""
    picture: str | None = None
    """draw every unit into this file (.png, .svg or .pdf)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lanes is not None:
            check_size("lanes", self.lanes)


def run(argv: list[str]) -> int:
    """The view."""
    options = parse(SaturationView, argv, PROG, ABOUT)
    with Schema(SaturationView, PROG).names():
        model = language_model(options.run, options.cell)
        name, split = text_of(model, options.run, options.data, options.limit)
        with counting(len(split) - 1, "symbols") as counter:
            found = saturation(
                model, split, low=options.low, high=options.high, lanes=side_by_side(split, options.lanes),
                progress=counter,
            )  # fmt: skip
        if options.picture is not None:
            title = f"{options.run}: {found.steps:,} symbols of {name}"
            saturation_picture(Path(options.picture), found, title)
        if options.json:
            emit("saturation", run=options.run, data=name, symbols=len(split), **found.as_json())
        else:
            _tell(found, name, options)
    return 0


def _tell(found: Saturation, name: str, options: SaturationView) -> None:
    header = ("layer", "gate", "units", "left", "right", "mostly left", "mostly right")
    show_table(header, map(_row, found.gates), right=header[2:])
    print()
    pairs = [
        ("left, right", f"share of the time below {found.low:g}, above {found.high:g}: mean over the units"),
        ("mostly", f"units that are so for at least {MOSTLY:.0%} of the time"),
        ("text", f"{name}: {found.steps:,} symbols"),
    ]
    if options.picture is not None:
        pairs.append(("picture", options.picture))
    show_pairs(pairs)


def _row(one: Gate) -> tuple[str, ...]:
    shares = one.left, one.right
    return (
        named(one.recurrence),
        TITLES.get(one.gate, one.gate),
        f"{len(one.left)}",
        *(f"{share.mean():.1%}" for share in shares),
        *(f"{np.count_nonzero(share >= MOSTLY)}" for share in shares),
    )
