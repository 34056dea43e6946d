"""unrolled evaluate RUN [RUN …] [options of the task]: evaluate trained models."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import UnrolledError
from ..results import Pairs, Report, Text
from ..training.checkpoint import is_checkpoint
from .terminal.console import counting
from .terminal.look import printable
from .terminal.reporters import emit
from .terminal.results import is_drawn, note_folder, show_how_on_error, show_report
from .terminal.results_folder import Folder, folder_of, safe, unused
from .verb import Verb, parse_request

LONGEST = 40  # characters of the data's name in the name of a folder


@dataclass(frozen=True, kw_only=True)
class General:
    """Options of every task."""

    cell: str | None = None
    """the models' custom cell (module:Class)"""
    out: str | None = None
    """save metrics, tables and pictures to this folder (default: RUN/evaluations/DATA-DATE)"""
    json: bool = False
    """print one JSON object per run"""


VERB = Verb(
    "evaluate",
    "Evaluate trained models on a split of their own data, or on other data, read with the options of training. "
    "Several runs of one task are evaluated on the same data and compared.",
    General,
    "Evaluate",
    "be evaluated",
    several=True,
)


def run(argv: list[str]) -> int:
    """Run the command and return its exit status."""
    request = parse_request(VERB, argv)
    models, general = request.models(), request.general
    folder = folder_of(general.out)
    with request.schema.names(), show_how_on_error(as_json=general.json):
        if len(models) == 1:
            [(name, model)] = models.items()
            report = model.evaluation(request.options, counting)
            about = _about(name, model, request.options)
            if folder is None and not general.json:
                folder = _own_folder(Path(name), report, about)
            show_report(report, folder, as_json=general.json, extra=about)
        else:
            _compare(request.task, models, request.options, general, folder)
    note_folder(folder)
    return 0


def _compare(task: Any, models: Mapping[str, Any], options: Any, general: General, folder: Any) -> None:
    comparison = task.compare(models, options, counting)
    about = {run: _about(run, model, options) for run, model in models.items()}
    for run, report in zip(models, comparison.reports, strict=True) if general.json else ():
        emit(report.event, **{**about[run], **report.values})
    if folder is not None:
        for run, name, report in zip(models, short_names([*models]), comparison.reports, strict=True):
            subfolder = folder.within(name)
            subfolder.save_parts(report.parts)
            subfolder.save("report.json", subfolder.json({**about[run], **report.values}))
    show_report(comparison.together, folder, as_json=general.json)


def _about(run: str, model: Any, options: Any) -> dict[str, Any]:
    """Return what was evaluated, on what and when, for JSON."""
    data = getattr(options, "data", None)
    own = getattr(getattr(model.config, "data", None), "data", None)
    split = {} if data is not None else {"split": getattr(options, "split", None) or "test"}
    date = datetime.now().astimezone().isoformat(timespec="seconds")
    return {"run": run, "data": own if data is None else data, **split, "date": date}


def _own_folder(run: Path, report: Report, about: Mapping[str, Any]) -> Folder | None:
    """Create a folder for a report with tables or pictures, ``RUN/evaluations/DATA-DATE``; `None` without a run's
    folder.

    A picture is also saved as ``RUN/NAME.png``, in place of that of the evaluation before.
    """
    within = run.absolute().parents[1] if is_checkpoint(run) else run
    if not (within / "config.toml").is_file() or all(isinstance(part, Pairs | Text) for part in report.parts):
        return None
    what = about.get("split") or Path(about["data"]).stem or "data"
    step = f"{run.name}-" if within != run else ""
    stem = f"{step}{safe(what)[:LONGEST]}-{datetime.now():%Y-%m-%d-%H%M%S}"
    try:
        folder = Folder(unused(within / "evaluations", stem))
        Folder(within).save_parts(
            part for part in report.parts if is_drawn(part) and getattr(part, "path", None) is None
        )
    except UnrolledError as error:
        print(f"note: the report is not saved: {printable(str(error))}; --out FOLDER saves it", file=sys.stderr)
        return None
    return folder


def short_names(runs: Sequence[str]) -> list[str]:
    """Return a short, unique name for each run."""
    short = [Path(run).name if Path(run).name != "model.safetensors" else "" for run in runs]
    names: list[str] = []
    for run, name in zip(runs, short, strict=True):
        unique = name if name and short.count(name) == 1 else run
        names.append(unique if unique not in names else f"{unique} ({len(names) + 1})")
    return names
