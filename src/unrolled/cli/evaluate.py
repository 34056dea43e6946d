"""unrolled evaluate RUN [RUN …] [options of the task]: evaluate trained models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .terminal.console import counting
from .terminal.reporters import emit
from .terminal.results import note_folder, show_how_on_error, show_report
from .terminal.results_folder import folder_of
from .verb import Verb, parse_request


@dataclass(frozen=True, kw_only=True)
class General:
    """Options of every task."""

    cell: str | None = None
    """the models' custom cell (module:Class)"""
    out: str | None = None
    """save metrics, tables and pictures to this folder"""
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
            show_report(report, folder, as_json=general.json, beside=Path(name), extra={"run": name})
        else:
            _compare(request.task, models, request.options, general, folder)
    note_folder(folder)
    return 0


def _compare(task: Any, models: Mapping[str, Any], options: Any, general: General, folder: Any) -> None:
    comparison = task.compare(models, options, counting)
    for run, report in zip(models, comparison.reports, strict=True) if general.json else ():
        emit(report.event, run=run, **report.values)
    if folder is not None:
        for run, name, report in zip(models, short_names([*models]), comparison.reports, strict=True):
            subfolder = folder.within(name)
            subfolder.save_parts(report.parts)
            subfolder.save("report.json", subfolder.json({"run": run, **report.values}))
    show_report(comparison.together, folder, as_json=general.json)


def short_names(runs: Sequence[str]) -> list[str]:
    """Return a short, unique name for each run."""
    short = [Path(run).name if Path(run).name != "model.safetensors" else "" for run in runs]
    names: list[str] = []
    for run, name in zip(runs, short, strict=True):
        unique = name if name and short.count(name) == 1 else run
        names.append(unique if unique not in names else f"{unique} ({len(names) + 1})")
    return names
