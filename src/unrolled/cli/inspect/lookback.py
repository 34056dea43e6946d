"""unrolled inspect lookback RUN [--at POSITION …] [--reach 128]: the effective context length of predictions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from rich.text import Text

from ...analysis.lookback import Lookback, lookback
from ...analysis.lookback_picture import lookback_picture
from ...analysis.text_windows import expected_after
from ...cells import check_size
from ...data import Split
from ...errors import ArgumentError
from ...tasks.common.writer import Writer
from ..arguments import Schema, parse
from ..terminal.console import counting
from ..terminal.look import console, printable
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs, show_table
from .view import View, language_model, text_of, visible

PROG = "unrolled inspect lookback"
ABOUT = (
    "Compute the gradient of the log-probability of the next token with respect to the input (embedding) of each token "
    "before it: its norm measures the token's influence (Simonyan et al. 2013; Li et al. 2016), and its decay with "
    "distance how far back the model looks. With --at, show the text before single predictions, shaded by the norm.\n\n"
    "unrolled inspect lookback runs/lm-stdlib-1 --at 5000"
)
SHARE = 0.9  # share of the norm within the effective context
LINE = 64  # tokens
WARM = (255, 170, 60)  # background colour of the largest gradient
FAINT = 0.05  # gradients below this share of the largest are not shaded


@dataclass(frozen=True, kw_only=True)
class LookbackView(View):
    """Options of the gradient analysis."""

    at: Annotated[tuple[int, ...], tyro.conf.UseAppendAction] = ()
    """show the prediction of the token at this position of the text, from 0"""
    count: int = 200
    """number of predictions without --at, evenly spread over the text"""
    reach: int = 128
    """length of the gradient's window, in tokens"""
    picture: str | None = None
    """plot the norm by distance to this file (.png, .svg or .pdf)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size("count", self.count)
        check_size("reach", self.reach)


def run(argv: list[str]) -> int:
    """Run `unrolled inspect lookback`; return the exit status."""
    options = parse(LookbackView, argv, PROG, ABOUT)
    with Schema(LookbackView, PROG).names():
        model = language_model(options.run, options.cell)
        name, split = text_of(model, options.run, options.data, options.limit)
        for at in options.at:
            if not 1 <= at < len(split):
                expected = f"from 1 to {len(split) - 1}: a token of the text with one before it"
                raise ArgumentError("at", expected, at, "raise --limit to read more" if at > 0 else "")
        before = [at - 1 for at in options.at] or None  # the last token read
        with counting(len(before or ()) or min(options.count, len(split) - 1), "predictions") as counter:
            found = lookback(model, split, before, count=options.count, reach=options.reach, progress=counter)
        if options.picture is not None:
            lookback_picture(Path(options.picture), found, f"{options.run}: {name}", SHARE)
        if options.json:
            results = found.as_json()
            for result in results["positions"]:
                result["at"] = result["position"] + 1  # the predicted token, as for --at
            emit("lookback", run=options.run, data=name, symbols=len(split), reach=options.reach, **results)
            return 0
        if options.at:
            for row, best in enumerate(expected_after(model, split, found.positions.tolist())):
                _show(model, split, found, row, best)
            show_pairs(_about(name, options))
        else:
            _report(found, name, options)
    return 0


def _show(model: Writer, split: Split, found: Lookback, row: int, best: list[tuple[str, float]]) -> None:
    """Print the text before one prediction, shaded by the gradient, and the prediction."""
    at, n = int(found.positions[row]), int(found.available[row])
    norms = found.norms[row, :n][::-1]  # in the order of the text
    symbols = [model.vocabulary.decode([id]) for id in split.tokens[at + 1 - n : at + 1].tolist()]
    strength = norms / norms.max() if norms.max() > 0 else norms
    stream = console()
    if stream.is_terminal:
        stream.print(_shaded(symbols, strength), end="")
    else:
        print("\n".join(_underlined(symbols, strength)), end="")
    print()
    actual = model.vocabulary.decode([int(split.tokens[at + 1])])
    pairs = [
        ("token", f"{at + 1:,} of the text"),
        ("actual", f"{_quoted(actual)}  p {math.exp(found.log_p[row]):.3f}"),
        ("predicted", "   ".join(f"{_quoted(symbol)} {p:.3f}" for symbol, p in best)),
        ("looks back", f"{SHARE:.0%} of the gradient's norm within {found.memories(SHARE)[row]} of {n - 1} tokens"),
    ]
    show_pairs(pairs)
    print()


def _shaded(symbols: list[str], strength: Any) -> Text:
    """Return the text for a terminal, with a warmer background for larger gradients."""
    text = Text()
    for symbol, share in zip(symbols, strength, strict=True):
        shown = printable(symbol.replace("\n", "↵\n"))
        if share < FAINT:
            text.append(shown)
            continue
        colour = ",".join(str(round(255 - (255 - part) * math.sqrt(share))) for part in WARM)
        ink, *rest = shown.split("\n")
        text.append(ink, f"black on rgb({colour})")
        text.append("\n" * len(rest))
    return text.append("…" if symbols and symbols[-1] != "\n" else "")


def _underlined(symbols: list[str], strength: Any) -> list[str]:
    """Return the lines for a file: below each line of text the gradient in tenths of the largest; a dot is 0."""
    lines, upper, lower = [], "", ""
    for symbol, share in zip(symbols, strength, strict=True):
        shown = visible(symbol)
        upper += shown
        lower += ("·" if share < 0.1 else str(min(9, int(10 * share)))).ljust(len(shown))
        if symbol.endswith("\n") or len(upper) >= LINE:
            lines += [upper, lower.rstrip()]
            upper = lower = ""
    return [*lines, upper, lower.rstrip()] if upper else lines


def _quoted(symbol: str) -> str:
    return f"“{visible(symbol)}”"


def _report(found: Lookback, name: str, options: LookbackView) -> None:
    mean = found.mean()
    known = int(np.count_nonzero(~np.isnan(mean)))
    total = np.nan_to_num(mean).sum()
    steps = [0, *(2**k for k in range(20) if 2**k < known)]
    rows = [
        (str(d), f"{mean[d]:.2e}", f"{np.nan_to_num(mean[: d + 1]).sum() / total:.1%}" if total else "–")
        for d in steps
    ]  # fmt: skip
    header = ("tokens back", "gradient", "cumulative")
    show_table(header, rows, right=header)
    print()
    context = found.memory(SHARE)
    near = "; gradients beyond --reach are not counted: try a larger --reach" if context >= 0.9 * options.reach else ""
    pairs = [
        ("context", f"{SHARE:.0%} of the norm lies within {context} tokens before the last one read{near}"),
        ("gradient", f"norm with respect to the token's input: mean over {len(found.positions):,} predictions"),
        *_about(name, options),
    ]
    show_pairs(pairs)


def _about(name: str, options: LookbackView) -> list[tuple[str, str]]:
    return [("text", name), *([] if options.picture is None else [("picture", options.picture)])]
