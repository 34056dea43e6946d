"""unrolled inspect ablate RUN --unit 'layer 1 h[58]' [--value 0] [--random 30]: hold units, measure the loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ...analysis.ablation import stretches_of
from ...analysis.ablation_picture import ablation_picture
from ...analysis.control import HIGH, LOW, Controlled, controlled, groups_of, random_others
from ...analysis.text_windows import Classes, token_kind
from ...analysis.unit_names import EXAMPLE, unit_named
from ...analysis.units import LARGEST
from ...cells import check_size
from ...data import Split
from ...errors import ArgumentError
from ...inspector import built_in, label, own
from ...tasks.common.writer import Writer
from ..arguments import Schema, parse
from ..terminal.console import counting
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs, show_table
from .view import View, language_model, places, side_by_side, text_of

PROG = "unrolled inspect ablate"
ABOUT = (
    "Hold units of the state at a value, one at a time, while the model predicts a text, and measure the rise in loss, "
    "overall and by the kind of token predicted (newline, space, letter, …), compared with holding random units of the "
    "same layer.\n\n"
    "unrolled inspect ablate runs/lm-stdlib-1 --unit 'layer 1 c[106]' --picture newline.png"
)


@dataclass(frozen=True, kw_only=True)
class AblateView(View):
    """Options of the ablation."""

    limit: int = 50_000
    """maximum characters to read from the start; each unit takes another pass"""
    unit: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """a unit of h or c, e.g. 'layer 1 h[58]'; with one layer h[58], or 58 for h"""
    value: str = "0"
    """value to hold it at: a number, or mean (removes only its variation)"""
    random: int = 30
    """number of random units of the same layer to hold for comparison; 0: none"""
    seed: int = 0
    """random seed for the random units and the bootstrap"""
    hypothesis: str | None = None
    """group predictions by hypothesis: NAME=REGEX, module:function or a built-in one"""
    lanes: int | None = None
    """parts of the text read at once, each with a warm-up of 256 tokens; 1 is exact (default: up to 32)"""
    picture: str | None = None
    """draw a bar chart with error bars to this file (.png, .svg or .pdf)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size("random", self.random, least=0)
        check_size("seed", self.seed, least=0)
        if self.lanes is not None:
            check_size("lanes", self.lanes)
        if not self.unit:
            raise ArgumentError(
                "unit", f"given, such as {EXAMPLE!r}", "nothing", "find units with unrolled inspect RUN"
            )
        held_at(self.value)


def held_at(argument: str) -> float | Literal["mean"]:
    """Parse ``--value``.

    Raises:
        ArgumentError: it is neither a finite number nor ``mean``.
    """
    if argument == "mean":
        return "mean"
    try:
        value = float(argument)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ArgumentError("value", "a number, or mean", argument)
    if abs(value) > LARGEST:
        raise ArgumentError("value", f"a number of at most {LARGEST:g} either way, or mean", argument)
    return value


def run(argv: list[str]) -> int:
    """Run `unrolled inspect ablate`; return the exit status."""
    options = parse(AblateView, argv, PROG, ABOUT)
    with Schema(AblateView, PROG).names():
        model = language_model(options.run, options.cell)
        units = [unit_named(name, model.model) for name in options.unit]
        name, split = text_of(model, options.run, options.data, options.limit)
        classes = _classes(model, split, options.hypothesis)
        groups = [(held, random_others(model, held, options.random, options.seed)) for held in groups_of(units)]
        passes = sum(1 + len(held) + len(others) for held, others in groups)
        found, before = list[Controlled](), 0
        with counting(passes * (len(split) - 1), "predictions") as counter:
            for held, others in groups:
                found.append(
                    controlled(
                        model, split, held, others, value=held_at(options.value), classes=classes, seed=options.seed,
                        lanes=side_by_side(split, options.lanes),
                        progress=counter.beyond(before),
                    )
                )  # fmt: skip
                before += (1 + len(held) + len(others)) * (len(split) - 1)
        if options.picture is not None:
            ablation_picture(Path(options.picture), found, f"{options.run} predicts {name}, with a unit held")
        if options.json:
            emit(
                "ablate", run=options.run, data=name, symbols=len(split), stretches=stretches_of(split),
                percentiles=[LOW, HIGH], groups=[result.as_json() for result in found],
            )  # fmt: skip
        else:
            _report(found, name, split, options)
    return 0


def _classes(model: Writer, split: Split, hypothesis: str | None) -> Classes:
    """Return the classes of predicted tokens: their kind, or whether the hypothesis is true of their last character.

    Raises:
        ArgumentError: the hypothesis is numeric, or almost never true or false in the text.
    """
    if hypothesis is None:
        return token_kind
    known = {candidate.name: candidate for candidate in built_in()}
    chosen = known.get(hypothesis) or own(hypothesis)
    text, ends = places(model.vocabulary, split)
    labels = label(text, [chosen])
    if not labels.names:
        expected = "true in some places of the text and false in others"
        raise ArgumentError("hypothesis", expected, hypothesis, f"it is {labels.left_out[chosen.name]}")
    if not labels.binary[0]:
        raise ArgumentError("hypothesis", "a binary one", hypothesis, "give NAME=REGEX")
    return [chosen.name if true else f"not {chosen.name}" for true in labels.values[0, ends]]


def _report(found: list[Controlled], name: str, split: Split, options: AblateView) -> None:
    compared = any(result.others for result in found)
    header = ["predicted", "count", "loss", "rise", "from", "to", *(["random", "±", "above"] if compared else [])]
    for result in found:
        for u, unit in enumerate(result.units):
            print(f"{unit} held at {result.held[u] + 0:.3g}")
            show_table(header, (_row(result, u, k) for k in range(len(result.kinds))), right=header[1:])
            print()
    stretches = stretches_of(split)
    interval = f"bootstrap interval: {LOW}th and {HIGH}th percentile, resampling {stretches} parts of the text"
    if stretches == 1:
        interval = "no bootstrap interval: the text is too short to resample parts of it"
    pairs = [("rise", "rise in loss in nats per token, by the kind of token predicted"), ("from, to", interval)]
    for result in found:
        if result.others:
            value = "at its mean" if options.value == "mean" else f"at {options.value}"
            note = f"{len(result.others)} other units of {result.place}, each held {value}: mean and standard deviation"
            pairs.append(("random", note))
    if compared:
        pairs.append(("above", "number of these that raise the loss less"))
    pairs.append(("text", f"{name}: {len(split):,} tokens"))
    if options.picture is not None:
        pairs.append(("picture", options.picture))
    show_pairs(pairs)


def _row(result: Controlled, u: int, k: int) -> list[str]:
    low, high = result.ranges[:, u, k]
    row = [result.kinds[k], f"{result.counts[k]:,}", f"{result.baseline[k]:.4f}"]
    row += [f"{value:+z.4f}" for value in (result.rises[u, k], low, high)]
    if result.others:
        row += [
            f"{result.mean[k]:+z.4f}",
            f"{result.deviation[k]:.4f}",
            f"{result.above[u, k]} of {len(result.others)}",
        ]
    return row
