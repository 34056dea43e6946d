"""unrolled inspect ablate RUN --unit 'layer 1 h[58]' [--value 0] [--random 30]: hold units, and see the loss rise."""

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
    "Hold units of the state at a value, one at a time, while the model predicts a text, and tell by how much the loss "
    "rises: on the whole, and by what is predicted (newline, space, letter, …). Beside it stands what holding each of "
    "some random units of the same layer does.\n\n"
    "unrolled inspect ablate runs/lm-stdlib-1 --unit 'layer 1 c[106]' --picture newline.png"
)


@dataclass(frozen=True, kw_only=True)
class AblateView(View):
    """Which units, held at what."""

    limit: int = 50_000
    """read so many characters at most, from the text's beginning; each unit reads them anew"""
    unit: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """a unit of h or c as the cell search names it, e.g. 'layer 1 h[58]'; again for another"""
    value: str = "0"
    """at which it is held: a number, or mean: each unit at its own over the text, which takes out only what it says"""
    random: int = 30
    """random units of the same layer, held in the same way, to compare with; 0: none"""
    seed: int = 0
    """of the choice of random units, and of the stretches drawn anew"""
    hypothesis: str | None = None
    """tell apart what is predicted by this instead of by the kind of symbol: NAME=REGEX, module:function, or one that
    the cell search always tries, e.g. "inside double quotes" """
    lanes: int | None = None
    """stretches read side by side, each warmed up on the 256 symbols before it; 1 is exact (default: up to 32)"""
    picture: str | None = None
    """draw it as bars with error bars into this file (.png, .svg or .pdf)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size("random", self.random, least=0)
        check_size("seed", self.seed, least=0)
        if self.lanes is not None:
            check_size("lanes", self.lanes)
        if not self.unit:
            raise ArgumentError("unit", f"given, such as {EXAMPLE!r}", "nothing", "unrolled inspect RUN finds some")
        held_at(self.value)


def held_at(said: str) -> float | Literal["mean"]:
    """What ``--value`` says.

    Raises:
        ArgumentError: neither a number nor ``mean``.
    """
    if said == "mean":
        return "mean"
    try:
        value = float(said)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ArgumentError("value", "a number, or mean", said)
    if abs(value) > LARGEST:
        raise ArgumentError("value", f"a number of at most {LARGEST:g} either way, or mean", said)
    return value


def run(argv: list[str]) -> int:
    """The view."""
    options = parse(AblateView, argv, PROG, ABOUT)
    with Schema(AblateView, PROG).names():
        model = language_model(options.run, options.cell)
        units = [unit_named(one, model.model) for one in options.unit]
        name, split = text_of(model, options.run, options.data, options.limit)
        classes = _classes(model, split, options.hypothesis)
        groups = [(some, random_others(model, some, options.random, options.seed)) for some in groups_of(units)]
        passes = sum(1 + len(some) + len(others) for some, others in groups)
        found, before = list[Controlled](), 0
        with counting(passes * (len(split) - 1), "predictions") as counter:
            for some, others in groups:
                found.append(
                    controlled(
                        model, split, some, others, value=held_at(options.value), classes=classes, seed=options.seed,
                        lanes=side_by_side(split, options.lanes),
                        progress=counter.beyond(before),
                    )
                )  # fmt: skip
                before += (1 + len(some) + len(others)) * (len(split) - 1)
        if options.picture is not None:
            ablation_picture(Path(options.picture), found, f"{options.run} predicts {name}, with a unit held")
        if options.json:
            emit(
                "ablate", run=options.run, data=name, symbols=len(split), stretches=stretches_of(split),
                percentiles=[LOW, HIGH], groups=[one.as_json() for one in found],
            )  # fmt: skip
        else:
            _tell(found, name, split, options)
    return 0


def _classes(model: Writer, split: Split, hypothesis: str | None) -> Classes:
    """By kind of symbol, or for each symbol whether the hypothesis is true of its last character.

    Raises:
        ArgumentError: it is numeric, or true or false hardly anywhere in the text.
    """
    if hypothesis is None:
        return token_kind
    known = {one.name: one for one in built_in()}
    one = known.get(hypothesis) or own(hypothesis)
    text, ends = places(model.vocabulary, split)
    labels = label(text, [one])
    if not labels.names:
        expected = "true in some places of the text and false in others"
        raise ArgumentError("hypothesis", expected, hypothesis, f"it is {labels.left_out[one.name]}")
    if not labels.binary[0]:
        raise ArgumentError("hypothesis", "one that is true or false", hypothesis, "give NAME=REGEX")
    return [one.name if true else f"not {one.name}" for true in labels.values[0, ends]]


def _tell(found: list[Controlled], name: str, split: Split, options: AblateView) -> None:
    compared = any(one.others for one in found)
    header = ["predicted", "count", "loss", "rise", "from", "to", *(["random", "±", "above"] if compared else [])]
    for one in found:
        for u, unit in enumerate(one.units):
            print(f"{unit} held at {one.held[u]:.3g}")
            show_table(header, (_row(one, u, k) for k in range(len(one.kinds))), right=header[1:])
            print()
    stretches = stretches_of(split)
    sure = f"its {LOW}th and {HIGH}th percentile over {stretches} stretches of the text, drawn anew"
    if stretches == 1:
        sure = "how sure that is cannot be told: the text is too short to be cut into stretches"
    pairs = [("rise", "of the loss, in nats per symbol, by what is predicted"), ("from, to", sure)]
    for one in found:
        if one.others:
            how = "at its mean" if options.value == "mean" else f"at {options.value}"
            about = f"{len(one.others)} other units of {one.place}, each held {how}: mean and standard deviation"
            pairs.append(("random", about))
    if compared:
        pairs.append(("above", "how many of these raise the loss less"))
    pairs.append(("text", f"{name}: {len(split):,} symbols"))
    if options.picture is not None:
        pairs.append(("picture", options.picture))
    show_pairs(pairs)


def _row(one: Controlled, u: int, k: int) -> list[str]:
    low, high = one.ranges[:, u, k]
    cells = [one.kinds[k], f"{one.counts[k]:,}", f"{one.baseline[k]:.4f}"]
    cells += [f"{value:+.4f}" for value in (one.rises[u, k], low, high)]
    if one.others:
        cells += [f"{one.mean[k]:+.4f}", f"{one.deviation[k]:.4f}", f"{one.above[u, k]} of {len(one.others)}"]
    return cells
