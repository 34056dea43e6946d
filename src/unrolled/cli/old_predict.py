"""unrolled predict RUN [TEXT …] [--file FILE] [--explain] [--html PAGE] [--json]: ask a trained model about texts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from .. import api
from ..errors import ArgumentError, RunError, SaveError
from ..results import Prediction, is_blank
from ..tasks.common.asked_texts import batches
from ..tasks.common.prediction import Predictor
from ..tasks.memory.trained import TrainedMemory
from ..tasks.translate.trained import TrainedTranslator
from .arguments import Schema, parse
from .predict_translation import Showing, refuse_for_others, show_translations
from .terminal.look import command, console, printable, to_terminal
from .terminal.marked import answer_line, on_terminal, page, plain
from .terminal.reporters import emit

PROG = "unrolled predict"
ABOUT = (
    "Ask a trained model about texts: the class of each, the names in it, or its translation. Texts are given in "
    "quotes after RUN, one per line of --file, or one per line on standard input."
)


@dataclass(frozen=True, kw_only=True)
class Predict(Showing):
    """What to ask."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """a run's folder, or a model.safetensors"""
    text: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[TEXT …]")] = ()
    """texts, each in quotes"""
    file: str | None = None
    """a file with a text per line, each answered by a line; - is standard input"""
    encoding: str = "utf-8"
    """its encoding; for standard input it is the terminal's unless another than utf-8 is named"""
    errors: Literal["strict", "replace", "ignore"] = "strict"
    """what to do with bytes that are no text in that encoding"""
    explain: bool = False
    """show which words moved the decision"""
    html: str | None = None
    """write the answers, marked in colour, to this page too"""
    cell: str | None = None
    """the model's cell, if it is one of your own (module:Class)"""
    json: bool = False
    """print one JSON object per text"""


def run(argv: list[str]) -> int:
    """The verb."""
    options = parse(Predict, argv, PROG, ABOUT)
    model = api.load(options.run, cell=options.cell)
    if isinstance(model, TrainedMemory):
        raise RunError(f"{options.run} reads no texts; measure it: {command('evaluate', options.run)}")
    if not isinstance(model, Predictor):
        remedy = command("sample", options.run)
        raise RunError(f"{options.run} is a model that writes and answers no questions; let it write: {remedy}")
    if isinstance(model, TrainedTranslator):
        with Schema(Predict, PROG).names():
            if options.explain or options.html is not None:
                name = "explain" if options.explain else "html"
                remedy = "see where it looked with --show-alignment or --picture"
                raise ArgumentError(name, "left out for a translator", getattr(options, name), remedy)
            show_translations(model, _batches(options), options)
        return 0
    kept: list[Prediction] = []
    with Schema(Predict, PROG).names():
        refuse_for_others(options)
        for some in _batches(options):
            for said in model.predict(some, explain=options.explain or options.html is not None):
                _tell(said, options)
                if options.html is not None:
                    kept.append(said)
    if options.html is not None:
        _save(Path(options.html), page(f"{Path(options.run).name}: {len(kept):,} texts", kept))
    return 0


def _batches(options: Predict) -> Iterator[list[str]]:
    encoding = None if options.encoding == Predict.encoding else options.encoding
    return batches(options.text, options.file, encoding, options.errors)


def _tell(said: Prediction, options: Predict) -> None:
    if options.json:
        emit("prediction", **said.as_json())
    elif is_blank(said.text):
        print(flush=True)
    elif to_terminal():
        stream: Any = console()
        if said.answer:
            stream.print(printable(said.answer), style="bold", end="")
            stream.print(answer_line(said).removeprefix(said.answer), style="dim")
        stream.print(on_terminal(said, shades=stream.color_system in ("256", "truecolor")))
    else:
        shown = plain(said) if options.explain or not said.answer else said.text
        print(f"{answer_line(said)}\t{shown}" if said.answer else shown, flush=True)


def _save(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="replace")  # arguments may be no text
    except OSError as error:
        raise SaveError(f"cannot write {path}: {error.strerror}; choose another place with --html") from error
    print(f"page: {printable(str(path))}", file=sys.stderr)
