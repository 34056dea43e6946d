"""unrolled inspect similar RUN --text 'a stretch': where else in a text the same units are on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from rich.text import Text

from ...analysis.similar import Match, Selection, select, similar
from ...analysis.units import stack_of
from ...cells import check_size
from ...data import Split
from ...errors import ArgumentError
from ...tasks.common.writer import Writer
from ..arguments import Schema, parse
from ..terminal.console import counting
from ..terminal.look import console, printable
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs
from .view import View, language_model, places, text_of, visible

PROG = "unrolled inspect similar"
ABOUT = (
    "Choose a stretch of text. The units that are on (above --threshold, or below minus it) all through it and not "
    "just around it are what the model thinks of there; where else are they on? As in LSTMVis (Strobelt, Gehrmann, "
    "Pfister and Rush 2018). The stretches found are ranked by how many of these units they share.\n\n"
    "unrolled inspect similar runs/lm-stdlib-1 --text 'self.assertEqual('"
)
SHOWN_UNITS = 12
LONGEST = 40  # characters of a match that are shown


@dataclass(frozen=True, kw_only=True)
class SimilarView(View):
    """Which stretch, whose units, and where to look."""

    limit: int = 1_000_000
    """read so many characters of each text at most, from its beginning"""
    text: str | None = None
    """the stretch: where this stands for the first time in the text"""
    begin: int | None = None
    """the stretch by its first symbol, counted from 0, instead of by --text"""
    end: int | None = None
    """and by the symbol after its last"""
    corpus: str | None = None
    """look in this text instead: a file, a folder, a pattern, "text:…" or a named corpus"""
    layer: int | None = None
    """whose units, counted from 1 (default: the last)"""
    leaf: Literal["h", "c"] = "h"
    """h, or an LSTM's memory c"""
    threshold: float = 0.3
    """above it a unit is on"""
    share: float = 0.75
    """of the units, on at every symbol of what is found"""
    context: bool = True
    """leave out units that are on just before or after, too"""
    most: int = 20
    """stretches to show"""
    around: int = 24
    """symbols to show on either side"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size("most", self.most)
        check_size("around", self.around, least=0)
        if not 0 < self.share <= 1:
            raise ArgumentError("share", "above 0 and at most 1", self.share)
        if self.text == "":
            raise ArgumentError("text", "at least one character", self.text)
        if self.text is None and (self.begin is None or self.end is None):
            raise ArgumentError("text", "a stretch of the text", "nothing", "or give --begin and --end, in symbols")
        if self.text is not None and (self.begin is not None or self.end is not None):
            raise ArgumentError("text", "left out with --begin and --end", self.text)


def run(argv: list[str]) -> int:
    """The view."""
    options = parse(SimilarView, argv, PROG, ABOUT)
    with Schema(SimilarView, PROG).names():
        model = language_model(options.run, options.cell)
        layers = stack_of(model.model).num_layers
        if options.layer is not None and not 1 <= options.layer <= layers:
            raise ArgumentError("layer", f"from 1 to {layers}, which the model has", options.layer)
        name, split = text_of(model, options.run, options.data, options.limit)
        begin, end = _stretch(model, name, split, options)
        where, corpus = name, split
        if options.corpus is not None:
            where, corpus = text_of(model, options.run, options.corpus, options.limit)
        with counting(end + 1 + len(corpus), "symbols") as counter:
            chosen = select(
                model, split, begin, end, layer=(options.layer or layers) - 1, leaf=options.leaf,
                threshold=options.threshold, context=options.context, progress=counter,
            )  # fmt: skip
            matches = similar(
                model, corpus, chosen, share=options.share, most=options.most, around=options.around,
                progress=counter.beyond(end + 1),
            )  # fmt: skip
        text = model.vocabulary.decode(split.tokens[begin:end].tolist())
        if options.json:
            emit(
                "similar", run=options.run, data=name, corpus=where, begin=begin, end=end, text=text,
                layer=chosen.layer + 1, leaf=chosen.leaf, units=chosen.units,
                matches=[one.as_json() for one in matches],
            )  # fmt: skip
        else:
            _tell(chosen, matches, text, begin, where, len(corpus))
    return 0


def _stretch(model: Writer, name: str, split: Split, options: SimilarView) -> tuple[int, int]:
    """From which symbol to which.

    Raises:
        ArgumentError: it is not in the text.
    """
    if options.text is None:
        assert options.begin is not None
        assert options.end is not None
        if not 0 <= options.begin < options.end <= len(split):
            expected = f"a stretch within 0 and {len(split)}, the symbols that were read"
            raise ArgumentError("begin", expected, f"{options.begin} to {options.end}", "--limit reads more")
        return options.begin, options.end
    text, ends = places(model.vocabulary, split)
    at = text.find(options.text)
    if at < 0:
        remedy = "--limit reads more of it; --data 'text:…' gives one of your own"
        raise ArgumentError("text", f"in the first {len(text):,} characters of {name}", options.text, remedy)
    last = at + len(options.text) - 1
    return int(np.searchsorted(ends, at)), int(np.searchsorted(ends, last)) + 1


def _tell(chosen: Selection, matches: list[Match], text: str, begin: int, where: str, symbols: int) -> None:
    stream = console()
    for one in matches:
        inside = one.text if len(one.text) <= LONGEST else f"{one.text[: LONGEST // 2]} … {one.text[-LONGEST // 2 :]}"
        before, inside, after = (printable(visible(part)) for part in (one.before, inside, one.after))
        line = Text.assemble(
            f"{one.score:.2f} {one.start:>9,}  ", (before, "dim"), (f"[{inside}]", "bold"), (after, "dim")
        )
        if stream.is_terminal:
            stream.print(line, no_wrap=True, overflow="ellipsis", crop=True)
        else:
            print(line.plain)
    if not matches:
        print("nowhere")
    print()
    units = [f"{chosen.leaf}[{unit}]{'' if sign > 0 else ' −'}" for unit, sign in chosen.units]
    more = f" and {len(units) - SHOWN_UNITS} more" if len(units) > SHOWN_UNITS else ""
    show_pairs(
        [
            ("stretch", f"“{visible(text)}”, from symbol {begin:,} on"),
            ("units", f"{len(units)} of layer {chosen.layer + 1}: {', '.join(units[:SHOWN_UNITS])}{more}"),
            ("", f"beyond ±{chosen.threshold:g} all through it" + (", and not beside it" if chosen.context else "")),
            ("score", "of the units, the share that is on there too; others that are on only there count against it"),
            ("text", f"{where}: {symbols:,} symbols; matches shown: {len(matches)}, with the symbol they begin at"),
        ]
    )
