"""unrolled inspect RUN --data TEXT [--hypothesis …] [--html PAGE] [--json]: which units know what about a text."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from ... import api
from ...cells import check_size
from ...errors import ArgumentError, SaveError
from ...inspector import Finding, Found, Inspection, built_in, label, own, read, search
from ...inspector.page import MOST_CELLS, MOST_CHARACTERS, Cell, page
from ...inspector.shown import values_of
from ...inspector.states import keep_states
from ...inspector.unit_search import TWINS, work
from ...tasks.common.writer import Writer
from ...training.files import write_atomically
from ..arguments import Schema, parse
from ..terminal.console import Counter
from ..terminal.look import clock, console
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs, show_table
from .text import text_of
from .view import VIEWS, asked_for

PROG = "unrolled inspect"
ABOUT = (
    "Look for units of a trained model that know where they are in a text: inside quotes, in a comment, how deep in "
    "brackets, how far in the line. Every unit of every layer, gate and state is scored on a part of the text on which "
    "it was not chosen, and set against untrained networks of the same shape, labels moved along the text, and what "
    "the current symbol alone tells.\n\n"
    "A language model reads the text on and on; a classifier, tagger or translator reads each line by itself.\n\n"
    f"More views of a language model, each with its own --help: unrolled inspect {', '.join(VIEWS)}."
)
UNFOUND = 3  # units on a page, if nothing was found


@dataclass(frozen=True, kw_only=True)
class Inspect:
    """What to look for, and where."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """a run's folder, or a model.safetensors"""
    data: str = ""
    """the text: a file, a folder, a pattern, "text:…" or a named corpus; best one that the model was not trained on"""
    limit: int = 1_000_000
    """read so many characters at most, from the text's beginning"""
    hypothesis: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """one of your own, besides those that are always tried; again for another: NAME=REGEX is true inside matches;
    module:function takes the text and gives a number or truth value for each character"""
    top: int = 5
    """units told of for each hypothesis in the JSON object"""
    twins: int = TWINS
    """untrained networks to compare with"""
    seed: int = 0
    """of their weights"""
    html: str | None = None
    """show the text, coloured by each unit that was found, in this page; its first 100,000 characters"""
    states: str | None = None
    """keep every state of the text in this new folder, as NumPy arrays"""
    cell: str | None = None
    """the model's cell, if it is one of your own (module:Class)"""
    json: bool = False
    """print one JSON object"""
    web: bool = False
    """show it all on a live page instead: a server on this machine, for this machine only, until Ctrl-C"""
    port: int = 8765
    """its port; 0: any that is free"""
    no_browser: bool = False
    """do not open the page"""

    def __post_init__(self) -> None:
        check_size("limit", self.limit)
        check_size("top", self.top)
        check_size("twins", self.twins, least=TWINS)
        check_size("seed", self.seed, least=0)
        if not 0 <= self.port <= 65535:
            raise ArgumentError("port", "from 0 to 65535", self.port)
        if self.web:
            self._refuse_beside_web()
        elif not self.data:
            raise ArgumentError("data", "a text", self.data, "name a file, a folder, a pattern or a named corpus")
        if self.html is not None and not Path(self.html).absolute().parent.is_dir():
            raise ArgumentError("html", "in a folder that exists", self.html)
        if self.states is not None and Path(self.states).exists():
            raise ArgumentError("states", "a folder that is not there yet", self.states)

    def _refuse_beside_web(self) -> None:
        for name in ("html", "states", "json"):
            if getattr(self, name):
                raise ArgumentError(name, "left out with --web", getattr(self, name), "run it once more without --web")


@dataclass
class Looked:
    """What was looked at and what was found."""

    options: Inspect
    model: Any
    text: str
    reading: Inspection
    found: Found
    seconds: float
    notes: list[str] = field(default_factory=list)


def run(argv: list[str]) -> int:
    """The verb."""
    view = asked_for(argv)
    if view is not None:
        return view(argv[1:])
    options = parse(Inspect, argv, PROG, ABOUT)
    with Schema(Inspect, PROG).names():
        mine = [own(said) for said in options.hypothesis]
        model = api.load(options.run, cell=options.cell)
        text, starts, source = text_of(model, options.data, options.limit)
        reading = read(model, text, starts)
        if mine or not options.web:
            reading.check_characters("cells")
        hypotheses = [*built_in(reading.tick), *mine]
        if options.web:
            from .web import serve

            return serve(model, reading, text, source, hypotheses, options)
        labels = label(text, hypotheses)
        counter = Counter(console(stderr=True), work(reading, options.twins), "steps")
        begin = time.monotonic()
        try:
            found = search(
                reading, labels, twins=options.twins, top=options.top, seed=options.seed, progress=counter
            )  # fmt: skip
        finally:
            counter.close()
        looked = Looked(options, model, text, reading, found, time.monotonic() - begin)
        if options.html is not None:
            _save(looked, Path(options.html))
        if options.states is not None:
            kept = keep_states(reading, text, Path(options.states))
            looked.notes.append(f"{len(kept)} states of {len(text):,} characters in {options.states}")
        _tell(looked)
    return 0


def _save(looked: Looked, path: Path) -> None:
    """Write the page."""
    shown = [one for one in looked.found.findings if one.found][:MOST_CELLS] or looked.found.findings[:UNFOUND]
    text = looked.text[:MOST_CHARACTERS]
    units = [one.best[0].unit for one in shown]
    part = looked.reading if len(text) == len(looked.text) else read(looked.model, text)
    values = values_of(part, units, len(text))
    model = looked.model
    spell = (lambda id: model.vocabulary.decode([id])) if isinstance(model, Writer) else str
    about = (
        f"{len(text):,} characters of {looked.options.data}. Each unit is the best of {looked.found.units:,} for what "
        "stands beside it, scored on text on which it was not chosen; in brackets the best of what need not be learned "
        "(untrained twins, labels moved along, the current symbol)."
    )
    if not any(one.found for one in shown):
        about += " No unit was found that knows more than that; these come nearest."
    title = f"{Path(looked.options.run).name}: cells"
    cells = [Cell(one.hypothesis, _line(one)) for one in shown]
    try:
        write_atomically(path, page(title, about, text, cells, values, spell).encode("utf-8"))
    except SaveError as error:
        raise SaveError(f"cannot write {path}: {error.__cause__}; choose another place with --html") from error
    looked.notes.append(f"the text in colour: {path}")


def _line(one: Finding) -> str:
    measure = "AUC" if one.binary else "R²"
    low = ", low when true" if one.binary and one.best[0].sign < 0 else ""
    return f"{one.best[0].unit.name} · {measure} {one.score:.2f} ({one.baseline:.2f}){low}"


def _tell(looked: Looked) -> None:
    found, options = looked.found, looked.options
    if options.json:
        emit(
            "inspect", run=options.run, data=options.data, characters=len(looked.text), symbols=found.steps,
            scored=found.positions, units=found.units, twins=options.twins, seconds=looked.seconds,
            findings=[one.as_json() for one in found.findings], left_out=found.left_out,
        )  # fmt: skip
        return
    header = ("", "hypothesis", "unit", "measure", "score", "ρ", "twins", "shifted", "symbol", "excess", "p")
    show_table(header, map(_row, found.findings), right=header[4:])
    print()
    count = sum(one.found for one in found.findings)
    pairs = [
        ("found", f"{count} of {len(found.findings)} hypotheses (★: p ≤ 0.05 and an excess; by chance one in twenty)"),
        ("text", f"{options.data}: {len(looked.text):,} characters, {found.positions:,} of them scored"),
        ("units", f"{found.units:,}, and as many in each of {options.twins} untrained twins"),
        ("time", clock(looked.seconds)),
    ]
    if found.left_out:
        pairs.append(("left out", "; ".join(f"{name} ({why})" for name, why in found.left_out.items())))
    show_pairs([*pairs, *(("", note) for note in looked.notes)])


def _row(one: Finding) -> tuple[str, ...]:
    best = one.best[0]
    return (
        "★" if one.found else "",
        one.hypothesis,
        f"{best.unit.name}{' −' if best.sign < 0 else ''}",
        "AUC" if one.binary else "R²",
        f"{one.score:.3f}",
        "" if one.binary else f"{best.rank:+.3f}",
        *(f"{value:.3f}" for value in (max(one.twins), max(one.shifted), one.symbol)),
        f"{one.excess:+.3f}",
        f"{one.p:.2f}",
    )
