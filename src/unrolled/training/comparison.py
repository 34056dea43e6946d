"""Several runs of one task side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import RunError
from ..results import Comparison, Progress, Report, Table
from .metrics import Metric


def side_by_side(metrics: Iterable[Metric], models: Mapping[str, Any], options: Any, progress: Progress) -> Comparison:
    """Each model's report, and a table of the metrics that they share.

    Raises:
        RunError: they were trained on different data, and the options name none to compare them on.
    """
    if getattr(options, "data", None) is None:
        same_data({run: model.fingerprint for run, model in models.items()}, elsewhere=hasattr(options, "data"))
    reports = [model.evaluation(options, progress) for model in models.values()]
    shared = [one for one in metrics if all(one.name in report.values for report in reports)]
    header = ("run", *(one.label for one in shared))
    rows = [
        (run, *(f"{report.values[one.name]:{one.format}}" for one in shared))
        for run, report in zip(models, reports, strict=True)
    ]
    table = Table("comparison", header, rows, right=header[1:])
    notes = tuple(dict.fromkeys(note for report in reports for note in report.notes))
    return Comparison(reports, Report({}, (table,), how=reports[0].how, notes=notes))


def same_data(fingerprints: Mapping[str, object], what: str = "data", *, elsewhere: bool = True) -> None:
    """Raise `RunError` unless all runs, by name, have the same fingerprint of ``what`` they were trained on.

    ``elsewhere`` is whether ``--data`` can name other data.
    """
    remedy = "name the data to compare them on with --data" if elsewhere else "evaluate each by itself"
    (first, own), *others = fingerprints.items()
    for run, fingerprint in others:
        if fingerprint != own:
            raise RunError(f"{first} and {run} were not trained on the same {what}; {remedy}")
