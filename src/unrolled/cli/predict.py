"""unrolled predict RUN [TEXT …] [options of the task] [--html PAGE] [--out FOLDER] [--json]: ask a trained model."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..results import Part, Prediction, is_blank
from .terminal.look import console, printable, to_terminal
from .terminal.marked import on_terminal, page
from .terminal.reporters import emit
from .terminal.results import is_drawn, kept, note_unkept, saved, show_part
from .terminal.results_folder import Folder, folder_of, save
from .verb import Verb, parse_request


@dataclass(frozen=True, kw_only=True)
class General:
    """What every task has."""

    html: str | None = None
    """write the answers, marked in colour, to this page too"""
    cell: str | None = None
    """the model's cell, if it is one of your own (module:Class)"""
    out: str | None = None
    """keep the answers in this folder: predictions.jsonl, and pictures and tables as files"""
    json: bool = False
    """print one JSON object for each answer"""


VERB = Verb(
    "predict",
    "Ask a trained model: the class of a text, the names in it, its translation. Inputs are given after RUN, in a file "
    "or on standard input, and answered in their order.",
    General,
    "Predict",
    "answer questions",
)


def run(argv: list[str]) -> int:
    """The verb."""
    request = parse_request(VERB, argv)
    [(name, model)] = request.models().items()
    own, reporter = request.own, PredictionWriter(request.general, getattr(request.own, "explain", False))
    if request.general.html is not None and hasattr(own, "explain"):
        own = dataclasses.replace(own, explain=True)
    with request.schema.names():
        for said in model.predictions(own.inputs(request.words), own):
            reporter.tell(said)
    reporter.end(Path(name).name)
    return 0


class PredictionWriter:
    """Prints answers as they come, and keeps what is to go into files.

    Args:
        general: the options.
        explain: whether the user asked what in an input decided the answer.
    """

    def __init__(self, general: General, explain: bool) -> None:
        self.general, self.explain = general, explain
        self.folder = folder_of(general.out)
        self.kept: list[Prediction] = []
        self.lines: list[str] = []
        self.count = self.unkept = 0

    def tell(self, said: Prediction | Part) -> None:
        """One answer, or a part about all of them."""
        if not isinstance(said, Prediction):
            self._whole(said)
            return
        self.count += 1
        if self.general.json:
            emit("prediction", **said.as_json())
        else:
            tell(said, explain=self.explain)
        files = [path.name for part in said.parts for path in self._part(part, f"{self.count:04}-")]
        if self.folder is not None:
            entry = {**said.as_json(), "files": files}
            entry.pop("parts", None)
            self.lines.append(Folder.json(entry, indent=None).decode())
        if self.general.html is not None:
            self.kept.append(said)

    def _whole(self, part: Part) -> None:
        """A part about all answers."""
        if not saved(part):
            self._part(part)

    def _part(self, part: Part, prefix: str = "") -> list[Path]:
        """Keep a part in the folder, and show it; where it is."""
        paths = kept(part, self.folder, prefix)
        if not self.general.json:
            show_part(part, paths)
            self.unkept += is_drawn(part) and not paths
        return paths

    def end(self, name: str) -> None:
        """Write the page and the list of answers."""
        note_unkept(self.unkept)
        if self.folder is not None:
            self.folder.keep("predictions.jsonl", "".join(self.lines).encode("utf-8", errors="replace"))
        if self.general.html is not None:
            text = page(f"{name}: {len(self.kept):,} answer{'s' * (len(self.kept) != 1)}", self.kept)
            path = save(Path(self.general.html), text.encode("utf-8", errors="replace"), "--html")
            print(f"page: {printable(str(path))}", file=sys.stderr)


def tell(said: Prediction, *, explain: bool) -> None:
    """Print one answer."""
    if said.lines is not None:
        for line in said.lines:
            _line(line)
    elif is_blank(said.text):
        print(flush=True)
    elif to_terminal():
        stream: Any = console()
        if said.answer:
            stream.print(printable(said.answer), style="bold", end="")
            stream.print(said.likeliest().removeprefix(said.answer), style="dim")
        stream.print(on_terminal(said, shades=stream.color_system in ("256", "truecolor")))
    else:
        shown = said.marked() if explain or not said.answer else said.text
        print(f"{said.likeliest() or said.answer}\t{shown}" if said.answer else shown, flush=True)


def _line(line: str) -> None:
    if to_terminal():
        console().print(printable(line), markup=False, highlight=False)
    else:
        print(line, flush=True)
