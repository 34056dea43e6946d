"""Compare several runs of one task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import ArgumentError, RunError
from ..results import Comparison, Progress, Report, Table
from .metrics import Metric


def side_by_side(metrics: Iterable[Metric], models: Mapping[str, Any], options: Any, progress: Progress) -> Comparison:
    """Return the report of each model, and a table of the metrics they have in common.

    Raises:
        ArgumentError: ``options`` names one file for the mistakes of several models.
        RunError: the models were trained on different data, and ``options`` names no data to compare them on.
    """
    if (errors_out := getattr(options, "errors_out", None)) is not None:
        raise ArgumentError(
            "errors_out", "omitted with several runs", errors_out, "--out FOLDER saves the mistakes of each run"
        )
    if getattr(options, "data", None) is None:
        same_data({run: model.fingerprint for run, model in models.items()}, elsewhere=hasattr(options, "data"))
    reports = [model.evaluation(options, progress) for model in models.values()]
    shared = [metric for metric in metrics if all(metric.name in report.values for report in reports)]
    header = ("run", *(metric.label for metric in shared))
    rows = [
        (run, *(f"{report.values[metric.name]:{metric.format}}" for metric in shared))
        for run, report in zip(models, reports, strict=True)
    ]
    table = Table("comparison", header, rows, right=header[1:])
    notes = tuple(dict.fromkeys(note for report in reports for note in report.notes))
    return Comparison(reports, Report({}, (table,), how=reports[0].how, notes=notes))


def same_data(fingerprints: Mapping[str, object], what: str = "data", *, elsewhere: bool = True) -> None:
    """Raise `RunError` unless all runs have the same fingerprint of the data they were trained on.

    Args:
        fingerprints: run name → fingerprint.
        what: the noun for the data in the message.
        elsewhere: whether ``--data`` can name other data.
    """
    remedy = "name the data to compare them on with --data" if elsewhere else "evaluate each run separately"
    (first, own), *others = fingerprints.items()
    for run, fingerprint in others:
        if fingerprint != own:
            raise RunError(f"{first} and {run} were not trained on the same {what}; {remedy}")
