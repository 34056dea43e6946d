"""unrolled evaluate RUN [RUN …] [options of the task]: measure trained models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .terminal.console import counting
from .terminal.reporters import emit
from .terminal.results import show_report, telling_how
from .terminal.results_folder import folder_of
from .verb import Verb, parse_request


@dataclass(frozen=True, kw_only=True)
class General:
    """What every task has."""

    cell: str | None = None
    """the models' cell, if it is one of your own (module:Class)"""
    out: str | None = None
    """keep the report in this folder: figures, tables and pictures as files"""
    json: bool = False
    """print one JSON object for each run"""


VERB = Verb(
    "evaluate",
    "Measure trained models: on a part of the data they were trained with, or on other data, read with the options "
    "that training has. Several runs of one task are measured on the same data and shown side by side.",
    General,
    "Evaluate",
    "be evaluated",
    several=True,
)


def run(argv: list[str]) -> int:
    """The verb."""
    request = parse_request(VERB, argv)
    models, general = request.models(), request.general
    folder = folder_of(general.out)
    with request.schema.names(), telling_how(as_json=general.json):
        if len(models) == 1:
            [(name, model)] = models.items()
            report = model.evaluation(request.own, counting)
            show_report(report, folder, as_json=general.json, beside=Path(name), extra={"run": name})
            return 0
        _compare(request.task, models, request.own, general, folder)
    return 0


def _compare(task: Any, models: Mapping[str, Any], options: Any, general: General, folder: Any) -> None:
    comparison = task.compare(models, options, counting)
    for run, report in zip(models, comparison.reports, strict=True) if general.json else ():
        emit(report.event, run=run, **report.values)
    if folder is not None:
        for run, name, report in zip(models, short_names([*models]), comparison.reports, strict=True):
            inner = folder.within(name)
            inner.keep_all(report.parts)
            inner.keep("report.json", inner.json({"run": run, **report.values}))
    show_report(comparison.together, folder, as_json=general.json)


def short_names(runs: Sequence[str]) -> list[str]:
    """A short name for each run, no two alike."""
    short = [Path(run).name if Path(run).name != "model.safetensors" else "" for run in runs]
    names: list[str] = []
    for run, name in zip(runs, short, strict=True):
        whole = name if name and short.count(name) == 1 else run
        names.append(whole if whole not in names else f"{whole} ({len(names) + 1})")
    return names
