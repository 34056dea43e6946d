"""unrolled inspect RUN [--data TEXT] [--hypothesis …] [--html PAGE] [--json]: find units that encode its properties."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import tyro

from ... import api
from ...cells import check_size
from ...data.pictures import is_picture
from ...errors import ArgumentError, SaveError, UnrolledError
from ...inspector import Found, Inspection, Labels, built_in, label, own, read, search
from ...inspector.findings import LEVEL, Encoded, nearest, table_of
from ...inspector.judgement import LEAST_AUC, LEAST_R2, explains, figure
from ...inspector.page import MOST_CHARACTERS, MOST_UNITS, PageUnit, page
from ...inspector.shown import values_of
from ...inspector.states import save_states
from ...inspector.traces import Traces
from ...inspector.unit_choice import units_named
from ...inspector.unit_search import TWINS, work
from ...tasks.common.writer import Writer
from ...training.files import write_atomically
from ..arguments import Schema, parse
from ..terminal.console import Counter
from ..terminal.look import clock, console, printable
from ..terminal.reporters import emit
from ..terminal.results import show_part
from ..terminal.tables import show_pairs
from . import of_task
from .of_task import has_own_view
from .text import text_of
from .view import VIEWS, requested_view

PROG = "unrolled inspect"
ABOUT = (
    "Find units of a trained model that encode the position in a text: inside quotes, in a comment, the depth of "
    "brackets, the position in the line. Every unit of every layer, gate and state is scored on a part of the text "
    "that was not used to select it, and compared with untrained networks of the same shape, with labels shifted along "
    "the text, and with a lookup table by the current token.\n\n"
    "A language model reads the text continuously; a classifier, tagger, translator or captioner reads each line "
    "separately.\n\n"
    f"More views of a language model, each with its own --help: unrolled inspect {', '.join(VIEWS)}."
)
UNFOUND = 3  # units on a page if nothing was found


@dataclass(frozen=True, kw_only=True)
class Inspect:
    """Options of the unit search."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """a run's folder, or a model.safetensors file"""
    data: str = ""
    """text: a file, folder, pattern, "text:…" or named corpus (default: the test part of the run's data)"""
    limit: int = 1_000_000
    """the most characters to read, from the beginning of the text"""
    hypothesis: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """custom hypothesis: NAME=REGEX, such as 'spaces=^ +', or module:function"""
    units: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """also report what a unit encodes: 157 (of h), c[157] or 'layer 1 h[157]'"""
    all: bool = False
    """also list the hypotheses that no unit explains"""
    top: int = 5
    """units listed for each hypothesis in the JSON object"""
    twins: int = TWINS
    """number of untrained networks to compare with, at least 19"""
    seed: int = 0
    """random seed of their weights"""
    html: str | None = None
    """write an HTML page of 100,000 characters, coloured by each unit found"""
    states: str | None = None
    """save all states of the text to this new folder, as NumPy arrays"""
    cell: str | None = None
    """the model's cell, if it is a custom one (module:Class)"""
    json: bool = False
    """print one JSON object"""
    web: bool = False
    """serve a live page on this machine instead, until Ctrl-C"""
    port: int = 8765
    """port of the live page; 0: any free port"""
    no_browser: bool = False
    """do not open the page in a browser"""

    def __post_init__(self) -> None:
        check_size("limit", self.limit)
        check_size("top", self.top)
        check_size("twins", self.twins, least=TWINS)
        check_size("seed", self.seed, least=0)
        if not 0 <= self.port <= 65535:
            raise ArgumentError("port", "from 0 to 65535", self.port)
        if self.web:
            self._refuse_beside_web()
        if self.html is not None and not Path(self.html).absolute().parent.is_dir():
            raise ArgumentError("html", "in a folder that exists", self.html)
        if self.states is not None and Path(self.states).exists():
            raise ArgumentError("states", "a folder that does not exist yet", self.states)

    def _refuse_beside_web(self) -> None:
        for name in ("html", "states", "json", "units"):
            if getattr(self, name):
                raise ArgumentError(name, "omitted with --web", getattr(self, name), "run it again without --web")


@dataclass
class Outcome:
    """The inputs and the result of a search."""

    options: Inspect
    model: Any
    text: str
    source: str
    reading: Inspection
    found: Found
    labels: Labels
    seconds: float
    notes: list[str] = field(default_factory=list)


def run(argv: list[str]) -> int:
    """Run `unrolled inspect`; return the exit status."""
    view = requested_view(argv)
    if view is not None:
        return view(argv[1:])
    if has_own_view(argv):
        return of_task.run(argv)
    _refuse_pictures(argv)
    options = parse(Inspect, argv, PROG, ABOUT)
    with Schema(Inspect, PROG).names():
        always = {hypothesis.name for hypothesis in built_in()}
        custom = [own(given, limited=options.web) for given in options.hypothesis if given not in always]
        model = api.load(options.run, cell=options.cell)
        text, starts, source = text_of(model, options.data, options.limit)
        reading = read(model, text, starts)
        if custom or not options.web:
            reading.check_characters("unit search")
        hypotheses = [*built_in(reading.tick), *custom]
        if options.web:
            from .web import serve

            return serve(model, reading, text, source, hypotheses, options)
        chosen = units_named(options.units, Traces(reading).planes, MOST_UNITS) if options.units else []
        labels = label(text, hypotheses)
        counter = Counter(console(stderr=True), work(reading, options.twins), "steps")
        begin = time.monotonic()
        try:
            found = search(
                reading, labels, twins=options.twins, top=options.top, seed=options.seed, units=chosen, progress=counter
            )  # fmt: skip
        finally:
            counter.close()
        outcome = Outcome(options, model, text, source, reading, found, labels, time.monotonic() - begin)
        if options.html is not None:
            _save(outcome, Path(options.html))
        if options.states is not None:
            files = save_states(reading, text, Path(options.states))
            outcome.notes.append(f"{len(files)} states of {len(text):,} characters in {options.states}")
        _report(outcome)
    return 0


def _refuse_pictures(argv: list[str]) -> None:
    """Raise `UnrolledError` for a picture among the arguments: only tasks with views of their own show pictures."""
    for before, word in pairwise(["", *argv]):
        if is_picture(Path(word)) and not word.startswith(("-", "text:")) and before not in ("--html", "--states"):
            remedy = (
                "give a text with --data; unrolled predict RUN PICTURE --explain shows the attention of a captioner"
            )
            raise UnrolledError(f"{word} is a picture, and the units of this model are inspected on text; {remedy}")


def _save(outcome: Outcome, path: Path) -> None:
    """Write the HTML page."""
    findings = outcome.found.findings
    chosen = [nearest(encoded) for encoded in outcome.found.chosen]
    shown = [finding for finding in findings if finding.found][: MOST_UNITS - len(chosen)]
    shown = shown or ([] if chosen else findings[:UNFOUND])
    text = outcome.text[:MOST_CHARACTERS]
    units = [*(entry.scored.unit for entry in chosen), *(finding.best[0].unit for finding in shown)]
    part = outcome.reading if len(text) == len(outcome.text) else read(outcome.model, text)
    values = values_of(part, units, len(text))
    model = outcome.model
    spell = (lambda id: model.vocabulary.decode([id])) if isinstance(model, Writer) else str
    about = (
        f"{len(text):,} characters of {outcome.source}. Scores are from text that was not used to select units; in "
        "parentheses the best baseline (untrained twins, shifted labels, the current token). ★: significantly above it."
    )
    if chosen:
        about += " An entry headed by a unit was chosen by name, and its nearest hypothesis is given."
    if any(finding.found for finding in shown):
        about += f" An entry headed by a hypothesis is the unit that encodes it best, of {outcome.found.units:,}."
    elif shown:
        about += " No unit scored significantly higher than its baselines; these come nearest."
    if outcome.found.warning:
        about += f" Scores are not shown: {outcome.found.warning}."
    title = f"{Path(outcome.options.run).name}: units"
    page_units = [_page_unit(entry, outcome, chosen=True) for entry in chosen]
    page_units += [
        _page_unit(Encoded(finding.hypothesis, finding.binary, finding.best[0], finding.baseline, finding.p), outcome)
        for finding in shown
    ]
    try:
        write_atomically(path, page(title, about, text, page_units, values, spell).encode("utf-8"))
    except SaveError as error:
        raise SaveError(f"cannot write {path}: {error.__cause__}; choose another path with --html") from error
    outcome.notes.append(f"HTML page: {path}")


def _page_unit(entry: Encoded, outcome: Outcome, chosen: bool = False) -> PageUnit:
    labels, name = outcome.labels, entry.scored.unit.name
    if outcome.found.warning:
        return PageUnit("not scored", name)
    if not explains(entry.scored.score, entry.binary):
        return PageUnit("no hypothesis explained", "no finding" if chosen else name, entry.meaning, heading=name)
    truth = labels.values[labels.names.index(entry.hypothesis), :MOST_CHARACTERS] > 0 if entry.binary else None
    measure = "AUC" if entry.binary else "R²"
    low = ", low when true" if entry.binary and entry.scored.sign < 0 else ""
    star, numbers = (
        "★ " if entry.found else "",
        f"{measure} {figure(entry.scored.score)} ({figure(entry.baseline)}){low}",
    )
    if chosen:
        of = f"{star}{entry.hypothesis}" if entry.found else f"no finding; nearest: {entry.hypothesis}"
        return PageUnit(entry.hypothesis, f"{of} · {numbers}", entry.meaning, truth, name)
    return PageUnit(entry.hypothesis, f"{name} · {numbers}", entry.meaning, truth, f"{star}{entry.hypothesis}")


def _show_chosen(found: Found) -> None:
    """Print what the chosen units encode: a sentence for each, and the scores that it follows from."""
    print()
    for verdict in found.verdicts:
        print(printable(verdict))
    if (table := found.table_of_chosen).rows:
        print()
        show_part(table)
        print("order: findings (★), then the excess as a share of 1 − baseline; p: with the best unit of each control")


def _show_table(found: Found, options: Inspect) -> None:
    """Print the hypotheses that some unit explains, or all."""
    shown = [finding for finding in found.findings if options.all or finding.explains]
    show_part(table_of(shown))
    if hidden := [finding.hypothesis for finding in found.findings if finding not in shown]:
        limits = f"AUC below {LEAST_AUC}, R² below {LEAST_R2}"
        print(f"{len(hidden)} hidden, which no unit explains ({limits}): {', '.join(hidden)}; --all lists them")


def _report(outcome: Outcome) -> None:
    found, options = outcome.found, outcome.options
    if options.json:
        emit(
            "inspect", run=options.run, data=options.data or outcome.source, characters=len(outcome.text),
            symbols=found.steps, scored=found.positions, units=found.units, twins=options.twins,
            seconds=outcome.seconds, left_out=found.left_out,
            findings=[finding.as_json() for finding in found.findings],
            chosen=[[entry.as_json() for entry in encoded] for encoded in found.chosen],
            **({"warning": found.warning} if found.warning else {}),
        )  # fmt: skip
        return
    if found.warning and not options.all:
        print(f"no scores: {found.warning}, or see them with --all")
    else:
        _show_table(found, options)
    print()
    count = sum(finding.found for finding in found.findings)
    pairs = [
        (
            "found",
            f"{count} of {len(found.findings)} hypotheses, each by the best of all units (★: p ≤ 0.05 and a positive "
            "excess; by chance one in twenty)",
        ),
        ("text", f"{outcome.source}: {len(outcome.text):,} characters, {found.positions:,} of them scored"),
        ("units", f"{found.units:,}, and as many in each of {options.twins} untrained twins"),
        ("time", clock(outcome.seconds)),
    ]
    if found.left_out:
        pairs.append(("not tested", "; ".join(f"{name} ({reason})" for name, reason in found.left_out.items())))
    if unstarred := [finding for finding in found.findings if finding.p <= LEVEL and not finding.found]:
        names = ", ".join(finding.hypothesis for finding in unstarred)
        pairs.append(("no ★", f"{names}: p ≤ {LEVEL}, but a baseline does as well (excess not above 0)"))
    show_pairs([*pairs, *(("", note) for note in outcome.notes)])
    if found.chosen and (options.all or not found.warning):
        _show_chosen(found)
