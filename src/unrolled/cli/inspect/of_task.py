"""unrolled inspect RUN for tasks with views of their own, such as images: pictures, and one page of all of them."""

from __future__ import annotations

import html
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ... import api
from ...results import Pairs, Picture, Report, Text
from ...results.markup import part
from ...tasks import registry
from ..terminal.console import counting
from ..terminal.look import printable
from ..terminal.marked import PAGE
from ..terminal.reporters import emit
from ..terminal.results import show_part
from ..terminal.results_folder import Folder, save
from ..verb import Verb, find_run, looks_like_run, parse_request

PAGE_NAME = "inspection.html"
STYLE = (
    "<style>body { max-width: 64rem; line-height: 1.5; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .3rem; } "
    "p { margin: 0; } td { overflow-wrap: normal; }</style>"
)


@dataclass(frozen=True, kw_only=True)
class General:
    """Options of every task."""

    html: str | None = None
    """write the page here (default: in the folder of the pictures)"""
    out: str | None = None
    """folder of the pictures (default: RUN/inspection)"""
    cell: str | None = None
    """the model's custom cell (module:Class)"""
    json: bool = False
    """print one JSON object"""


VERB = Verb(
    "inspect",
    "Look inside a trained model without recurrent layers: pictures of its filters and feature maps, of what excites "
    "its units, and of the places that its answer depends on, and one HTML page of all of them.",
    General,
    "Inspect",
    "be inspected",
)


def has_own_view(argv: Sequence[str]) -> bool:
    """Whether the arguments name a run whose task has views of its own."""
    run = find_run(argv)
    if run is None or not looks_like_run(Path(run)):
        return False
    return registry.class_of_run(api.task_of(run), run).Inspect is not None


def run(argv: list[str]) -> int:
    """Run the command and return its exit status."""
    request = parse_request(VERB, argv)
    [(name, model)] = request.models().items()
    general = request.general
    with request.schema.names():
        report = model.inspection(request.options, request.words, counting)
    path = Path(name)
    own = (path if path.is_dir() else path.parent) / "inspection"
    folder = Folder(Path(general.out).expanduser() if general.out else own)
    files = {picture: saved for picture in report.parts for saved in folder.save_parts([picture])}
    target = Path(general.html).expanduser() if general.html else folder.path / PAGE_NAME
    page = save(target, _page(path.name, report).encode("utf-8", errors="replace"), "--html")
    for note in report.notes:
        print(f"note: {printable(note)}", file=sys.stderr)
    if general.json:
        emit(report.event, **{**report.values, "page": str(page), "files": [str(file) for file in files.values()]})
        return 0
    for shown in report.parts:
        if isinstance(shown, Pairs | Text):
            show_part(shown)
    print(f"{len(files)} pictures: {printable(str(folder.path))}")
    print(f"page: {printable(str(page))}")
    return 0


def _page(name: str, report: Report) -> str:
    """Return a self-contained HTML page of the report."""
    body = [STYLE]
    for shown in report.parts:
        match shown:
            case Text():
                title, _, text = shown.text.partition("\n")
                body.append(f"<h2>{html.escape(title)}</h2>" + (f"<p>{html.escape(text)}</p>" if text else ""))
            case Picture():
                body.append(f'<div class="answer">{html.escape(shown.title)}</div>{part(shown)}')
            case _:
                body.append(part(shown))
    notes = "".join(f'<p class="answer">{html.escape(note)}</p>' for note in report.notes)
    return PAGE.format(title=html.escape(name), key="", body=notes + "\n".join(body))
