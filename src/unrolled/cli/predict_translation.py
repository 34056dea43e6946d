"""unrolled predict RUN for translators: sentences in the other language, and where each word was looked for."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..analysis.alignment import Alignment, alignment_text
from ..analysis.alignment_picture import alignments_picture
from ..analysis.picture import check_picture
from ..errors import ArgumentError
from ..results import is_blank
from ..tasks.translate.trained import TrainedTranslator
from ..tasks.translate.writing import Translated
from .terminal.look import console, printable, to_terminal
from .terminal.reporters import emit

PICTURED = 12  # in one picture
WIDTH = 100  # of an alignment where there is no terminal


@dataclass(frozen=True, kw_only=True)
class Searching:
    """How a translator searches; as in training where nothing is said."""

    beam: int | None = None
    """translators: sentences kept while writing; 1: always the likeliest symbol"""
    length_penalty: float | None = None
    """translators: above 0 longer translations are preferred (Wu et al. 2016, section 7)"""
    coverage_penalty: float | None = None
    """translators: above 0 those that have looked at every word of the source are (the same)"""
    min_length: int | None = None
    """translators: symbols that a translation has at least"""
    max_length: int | None = None
    """translators: and at most"""
    no_repeat_ngram: int | None = None
    """translators: never write the same so many symbols twice"""

    def search(self) -> dict[str, Any]:
        """What was said."""
        names = ("beam", "length_penalty", "coverage_penalty", "min_length", "max_length", "no_repeat_ngram")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, kw_only=True)
class Showing(Searching):
    """What is shown of a translation."""

    n_best: int | None = None
    """translators: show so many translations of each sentence, best first, after the score of each: its log-probability
    (in nats) over the length penalty, plus the coverage penalty"""
    show_alignment: bool = False
    """translators: show where each word of the translation was looked for"""
    picture: str | None = None
    """translators: draw that into this PNG file, for the first 12 sentences"""


def refuse_for_others(options: Showing) -> None:
    """Raise `ArgumentError` if something is asked for that only a translator can do."""
    asked = {**options.search(), "n_best": options.n_best, "picture": options.picture}
    asked["show_alignment"] = options.show_alignment or None
    for name, value in asked.items():
        if value is not None:
            raise ArgumentError(name, "left out for a model that is no translator", value)


def refuse_coverage(model: TrainedTranslator, options: Searching) -> None:
    """Raise `ArgumentError` if coverage is asked for and there is no attention that could cover anything."""
    if options.coverage_penalty and model.model.attention is None:
        raise ArgumentError("coverage_penalty", "left out for a translator without attention", options.coverage_penalty)


def show_translations(model: TrainedTranslator, batches: Iterable[list[str]], options: Any) -> None:
    """Translate and print, a line for each sentence unless more is asked for.

    Line n of a file is answered by line n, be it empty: translations are read beside their sources.
    """
    looks = options.show_alignment or options.picture
    if looks and model.model.attention is None:
        name = "show_alignment" if options.show_alignment else "picture"
        raise ArgumentError(name, "left out for a translator without attention", getattr(options, name))
    refuse_coverage(model, options)
    if options.picture is not None:
        check_picture(Path(options.picture))
    asked = options.search() | ({"n_best": options.n_best} if options.n_best is not None else {})
    scored = model.config.decoding.changed(**asked).n_best > 1 or options.n_best is not None
    shown: list[tuple[str, Translated]] = []
    warned = False
    for some in batches:
        answers = iter(model.translate([text for text in some if not is_blank(text)], **asked))
        for text in some:
            if is_blank(text):
                _tell_nothing(options)
                continue
            found = next(answers)
            if not warned and model.reads_like_target(text):
                warned = True
                print(
                    f"note: {printable(text)[:60]!r} reads like the language that is translated into", file=sys.stderr
                )
            _tell(text, found, options, scored)
            if len(shown) < PICTURED:
                shown.append((text, found[0]))
    if options.picture is not None and shown:
        alignments_picture(Path(options.picture), [_alignment(one) for _, one in shown])
        print(f"picture: {printable(options.picture)}", file=sys.stderr)


def _alignment(one: Translated) -> Alignment:
    assert one.weights is not None
    return Alignment(one.source, one.target, one.weights)


def _tell_nothing(options: Any) -> None:
    """The answer to a line without any text."""
    if options.json:
        emit("prediction", text="", answer="", translations=[])
    else:
        print(flush=True)


def _tell(text: str, found: list[Translated], options: Any, scored: bool) -> None:
    if options.json:
        told = [{"text": one.text, "score": one.score, "log_probability": one.log_probability} for one in found]
        if options.show_alignment:
            for entry, one in zip(told, found, strict=True):
                entry |= {"source": one.source, "target": one.target, "weights": _alignment(one).weights.tolist()}
        emit("prediction", text=text, answer=found[0].text, translations=told)
        return
    for one in found:
        score = f"{one.score:8.3f}\t" if scored else ""
        if to_terminal():
            console().print(score + printable(one.text), markup=False, highlight=False)
        else:
            print(score + printable(one.text), flush=True)
        if options.show_alignment:
            width = console().width if to_terminal() else WIDTH
            print(alignment_text(one.source, one.target, _alignment(one).weights, width) + "\n", flush=True)
