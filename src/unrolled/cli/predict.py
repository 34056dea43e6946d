"""unrolled predict RUN [TEXT …] [options of the task] [--html PAGE] [--out FOLDER] [--json]: predict with a model."""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..results import Input, Part, Prediction, Text, is_blank
from .terminal.look import console, printable, to_terminal
from .terminal.marked import on_terminal, page
from .terminal.prediction_notes import PredictionNotes
from .terminal.predictions_file import file_of
from .terminal.reporters import emit
from .terminal.results import is_drawn, note_folder, note_unsaved, save_part, save_picture, show_part
from .terminal.results_folder import Folder, folder_of, save
from .verb import Verb, parse_request


@dataclass(frozen=True, kw_only=True)
class General:
    """Options of every task."""

    html: str | None = None
    """also write the predictions to this HTML page"""
    cell: str | None = None
    """the model's custom cell (module:Class)"""
    out: str | None = None
    """save to this file (.csv, .tsv, .jsonl, .conll), not printed; or to this folder"""
    json: bool = False
    """print one JSON object per input"""


VERB = Verb(
    "predict",
    "Predict with a trained model: the class of a text, its named entities, its translation, a word for its gap. "
    "Inputs are given after RUN, in a file or on standard input, and predicted in order.",
    General,
    "Predict",
    "make predictions",
    of_task="Predict with a trained model of the task {task}. Inputs are given after RUN, in a file or on standard "
    "input, and predicted in order.",
)


def run(argv: list[str]) -> int:
    """Run the command and return its exit status."""
    request = parse_request(VERB, argv)
    [(name, model)] = request.models().items()
    options, writer = request.options, PredictionWriter(request.general, getattr(request.options, "explain", False))
    if request.general.html is not None and hasattr(options, "explain"):
        options = replace(options, explain=True)
    sent: deque[Input] = deque()
    with request.schema.names():
        for result in model.predictions(_remembered(model.inputs(options, request.words, note), sent), options):
            writer.write(result, sent.popleft() if sent and isinstance(result, Prediction) else None)
    writer.close(Path(name).name)
    return 0


def _remembered(chunks: Iterable[list[Input]], sent: deque[Input]) -> Iterator[list[Input]]:
    """Yield the chunks; append the inputs to ``sent``."""
    for chunk in chunks:
        sent.extend(chunk)
        yield chunk


def note(text: str) -> None:
    """Print a note on standard error."""
    print(f"note: {printable(text)}", file=sys.stderr)


class PredictionWriter:
    """Prints predictions as they arrive, and collects those for files.

    Args:
        general: the command's options.
        explain: whether to show explanations.
    """

    def __init__(self, general: General, explain: bool) -> None:
        self.general, self.explain = general, explain
        self.file = file_of(general.out)
        self.folder = folder_of(general.out) if self.file is None else None
        self.notes = PredictionNotes()
        self.predictions: list[Prediction] = []
        self.lines: list[str] = []
        self.count = self.unsaved = 0

    def write(self, result: Prediction | Part, source: Input | None = None) -> None:
        """Write one prediction, of the input ``source``, or a part about all of them."""
        if not isinstance(result, Prediction):
            if not save_picture(result):
                self._write_part(result)
            return
        self.count += 1
        row = None if source is None else source.row
        self.notes.add(result, "input" if row is None else "row")
        if self.file is not None:
            self.file.add(result, row)
        if self.general.json:
            emit("prediction", **result.as_json())
        elif self.file is None:
            show_prediction(result, explain=self.explain, one_line=row is not None)
        paged = self.general.html is not None
        files = [path.name for part in result.parts for path in self._write_part(part, f"{self.count:04}-", paged)]
        if self.folder is not None:
            entry = {**result.as_json(), "files": files}
            entry.pop("parts", None)
            self.lines.append(Folder.json(entry, indent=None).decode())
        if paged:
            self.predictions.append(result)

    def _write_part(self, part: Part, prefix: str = "", paged: bool = False) -> list[Path]:
        """Save a part in the folder, show it, and return its paths; ``paged``: it is also part of the page."""
        paths = save_part(part, self.folder, prefix)
        if isinstance(part, Text) and part.aside and (self.general.json or self.file is not None):
            note(part.text)
        elif not self.general.json and self.file is None:
            show_part(part, paths)
            self.unsaved += is_drawn(part) and not paths and not paged
        return paths

    def close(self, name: str) -> None:
        """Write the files, and notes on all predictions."""
        note_unsaved(self.unsaved)
        if self.file is not None:
            print(f"predictions: {printable(self.file.save())}", file=sys.stderr)
        if self.folder is not None:
            self.folder.save("predictions.jsonl", "".join(self.lines).encode("utf-8", errors="replace"))
        note_folder(self.folder)
        if self.general.html is not None:
            blank = self.notes.blank
            count = len(self.predictions) - blank
            title = f"{name}: {count:,} prediction{'s' * (count != 1)}"
            title += f" and {blank:,} blank input{'s' * (blank != 1)}" if blank else ""
            text = page(title, self.predictions)
            path = save(Path(self.general.html), text.encode("utf-8", errors="replace"), "--html")
            print(f"page: {printable(str(path))}", file=sys.stderr)
        for line in self.notes.lines():
            note(line)


def show_prediction(prediction: Prediction, *, explain: bool, one_line: bool = False) -> None:
    """Print one prediction; with ``one_line``, line breaks of the text as ↵, so that line n belongs to row n."""
    if one_line:
        pieces = tuple(replace(piece, text=_on_one_line(piece.text)) for piece in prediction.pieces)
        prediction = replace(prediction, text=_on_one_line(prediction.text), pieces=pieces)
    if prediction.lines is not None:
        for line in prediction.lines:
            _line(line)
    elif is_blank(prediction.text):
        print(flush=True)
    elif to_terminal():
        stream: Any = console()
        if prediction.answer:
            stream.print(printable(prediction.answer), style="bold", end="")
            stream.print(prediction.likeliest().removeprefix(prediction.answer), style="dim")
        stream.print(on_terminal(prediction, shades=stream.color_system in ("256", "truecolor")))
        if explanation := prediction.explanation():
            stream.print(printable(explanation), style="dim")
    else:
        shown = prediction.marked() if explain or not prediction.answer else prediction.text
        columns = (prediction.likeliest() or prediction.answer, shown, prediction.explanation() if explain else "")
        print("\t".join(filter(None, columns)), flush=True)


def _on_one_line(text: str) -> str:
    return re.sub(r"\r\n|\r|\n", "↵", text)


def _line(line: str) -> None:
    if to_terminal():
        console().print(printable(line), markup=False, highlight=False)
    else:
        print(line, flush=True)
