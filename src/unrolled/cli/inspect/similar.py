"""unrolled inspect similar RUN --text 'a passage': find passages where the same units are active."""

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
    "Select a passage. The units that are active (above --threshold, or below its negative) throughout it, but not "
    "just before or after, characterise its hidden state. Find other passages where they are active, ranked by the "
    "number of these units they share, as in LSTMVis (Strobelt, Gehrmann, Pfister and Rush 2018).\n\n"
    "unrolled inspect similar runs/lm-stdlib-1 --text 'self.assertEqual('"
)
SHOWN_UNITS = 12
LONGEST = 40  # characters of a match to show


@dataclass(frozen=True, kw_only=True)
class SimilarView(View):
    """Options of the search for similar passages."""

    limit: int = 1_000_000
    """the most characters to read of each text, from its beginning"""
    text: str | None = None
    """the passage: the first occurrence of this string in the text"""
    begin: int | None = None
    """the passage's first token, from 0, instead of --text"""
    end: int | None = None
    """the token after the passage's last"""
    corpus: str | None = None
    """search here instead: a file, a folder, a pattern, "text:…" or a named corpus"""
    layer: int | None = None
    """number of the layer, from 1 (default: the last)"""
    leaf: Literal["h", "c"] = "h"
    """units of h, or of an LSTM's cell state c"""
    threshold: float = 0.3
    """a unit is active above this value, or below its negative"""
    share: float = 0.75
    """share of the units that must be active at every token of a match"""
    context: bool = True
    """exclude units that are also active just before or after"""
    most: int = 20
    """number of matches to show"""
    around: int = 24
    """tokens to show on either side"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size("most", self.most)
        check_size("around", self.around, least=0)
        if not 0 < self.share <= 1:
            raise ArgumentError("share", "above 0 and at most 1", self.share)
        if self.text == "":
            raise ArgumentError("text", "at least one character", self.text)
        if self.text is None and (self.begin is None or self.end is None):
            raise ArgumentError("text", "a passage of the text", "nothing", "or give --begin and --end, in tokens")
        if self.text is not None and (self.begin is not None or self.end is not None):
            raise ArgumentError("text", "omitted with --begin and --end", self.text)


def run(argv: list[str]) -> int:
    """Run `unrolled inspect similar`; return the exit status."""
    options = parse(SimilarView, argv, PROG, ABOUT)
    with Schema(SimilarView, PROG).names():
        model = language_model(options.run, options.cell)
        layers = stack_of(model.model).num_layers
        if options.layer is not None and not 1 <= options.layer <= layers:
            raise ArgumentError("layer", f"from 1 to {layers}, a layer of the model", options.layer)
        name, split = text_of(model, options.run, options.data, options.limit)
        begin, end = _passage(model, name, split, options)
        searched, corpus = name, split
        if options.corpus is not None:
            searched, corpus = text_of(model, options.run, options.corpus, options.limit)
        with counting(end + 1 + len(corpus), "tokens") as counter:
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
                "similar", run=options.run, data=name, corpus=searched, begin=begin, end=end, text=text,
                layer=chosen.layer + 1, leaf=chosen.leaf, units=chosen.units,
                matches=[match.as_json() for match in matches],
            )  # fmt: skip
        else:
            _report(chosen, matches, text, begin, searched, len(corpus))
    return 0


def _passage(model: Writer, name: str, split: Split, options: SimilarView) -> tuple[int, int]:
    """Return the passage's first token and the token after its last.

    Raises:
        ArgumentError: the passage is not in the text.
    """
    if options.text is None:
        assert options.begin is not None
        assert options.end is not None
        if not 0 <= options.begin < options.end <= len(split):
            expected = f"a passage within 0 and {len(split)}, the tokens that were read"
            raise ArgumentError("begin", expected, f"{options.begin} to {options.end}", "raise --limit to read more")
        return options.begin, options.end
    text, ends = places(model.vocabulary, split)
    at = text.find(options.text)
    if at < 0:
        remedy = "raise --limit to read more, or give another text with --data"
        raise ArgumentError("text", f"in the first {len(text):,} characters of {name}", options.text, remedy)
    last = at + len(options.text) - 1
    return int(np.searchsorted(ends, at)), int(np.searchsorted(ends, last)) + 1


def _report(chosen: Selection, matches: list[Match], text: str, begin: int, searched: str, tokens: int) -> None:
    stream = console()
    for match in matches:
        inside = match.text
        if len(inside) > LONGEST:
            inside = f"{inside[: LONGEST // 2]} … {inside[-LONGEST // 2 :]}"
        before, inside, after = (printable(visible(part)) for part in (match.before, inside, match.after))
        line = Text.assemble(
            f"{match.score:.2f} {match.start:>9,}  ", (before, "dim"), (f"[{inside}]", "bold"), (after, "dim")
        )
        if stream.is_terminal:
            stream.print(line, no_wrap=True, overflow="ellipsis", crop=True)
        else:
            print(line.plain)
    if not matches:
        print("no matches")
    print()
    units = [f"{chosen.leaf}[{unit}]{'' if sign > 0 else ' −'}" for unit, sign in chosen.units]
    more = f" and {len(units) - SHOWN_UNITS} more" if len(units) > SHOWN_UNITS else ""
    show_pairs(
        [
            ("passage", f"“{visible(text)}”, from token {begin:,}"),
            ("units", f"{len(units)} of layer {chosen.layer + 1}: {', '.join(units[:SHOWN_UNITS])}{more}"),
            ("", f"beyond ±{chosen.threshold:g} throughout it" + (", but not beside it" if chosen.context else "")),
            ("score", "share of the units also active there; other units active only there reduce it"),
            ("text", f"{searched}: {tokens:,} tokens; matches shown: {len(matches)}, with their first token"),
        ]
    )
