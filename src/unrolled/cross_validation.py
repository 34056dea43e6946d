"""Cross-validation: train a model on all folds of a data set but one, test it on that fold, for every fold.

    unrolled train classify --data tickets.csv --folds 5

Each fold is a run in the folder of the cross-validation, ``fold-0``, ``fold-1`` …, beside its options
(``cross-validation.toml``) and the results of the finished folds (``folds.json``). An interrupted cross-validation goes
on where it stopped. Every task whose config has the options ``folds`` and ``fold`` can be cross-validated.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from . import api
from .checks import Size, checked
from .errors import ArgumentError, RunError, SaveError
from .results import Report, Table, Text
from .results.markup import Shown
from .tasks.opening import custom_cell
from .tasks.registry import ready, task_class
from .training import lock
from .training.config import flatten, options, parse_toml, read_text, to_toml, update
from .training.files import write_atomically
from .training.folder import new_path, runs_folder
from .training.live import reporting
from .training.log import Progress, Reporter, Summary
from .training.metrics import Metric, line

CONFIG, RESULTS = "cross-validation.toml", "folds.json"
LARGEST = 1_000_000  # bytes of a file of results


@dataclass(frozen=True)
class CrossValidation(Shown):
    """The result of a cross-validation.

    Attributes:
        folder: its folder.
        task: the task's name.
        folds: the number of folds.
        metrics: the task's metrics.
        scores: the metrics of each finished fold on its test part.
        cell: ``module:Class`` of the models' custom cell, if any.
    """

    folder: Path
    task: str
    folds: int
    metrics: tuple[Metric, ...]
    scores: tuple[dict[str, float], ...]
    cell: str | None = None

    @property
    def complete(self) -> bool:
        """Whether every fold is finished."""
        return len(self.scores) == self.folds

    @property
    def runs(self) -> list[Path]:
        """The runs of the finished folds."""
        return [self.folder / f"fold-{fold}" for fold in range(len(self.scores))]

    @property
    def mean(self) -> dict[str, float]:
        """The mean of each metric over the finished folds."""
        return {name: fmean(values) for name, values in self._columns.items()}

    @property
    def spread(self) -> dict[str, float]:
        """The standard deviation of each metric over the finished folds (n − 1 in the denominator)."""
        return {name: stdev(values) if len(values) > 1 else math.nan for name, values in self._columns.items()}

    @cached_property
    def reports(self) -> list[Report]:
        """The report of each finished fold on its test part, evaluated on first use."""
        return [api.load(run, cell=self.cell).report() for run in self.runs]

    @property
    def table(self) -> Table:
        """The metrics by fold, their mean and their standard deviation."""
        shown = [metric for metric in self.metrics if metric.name in self._columns]
        rows = [(f"fold-{fold}", scores) for fold, scores in enumerate(self.scores)]
        rows += [("mean", self.mean), ("standard deviation", self.spread)] if self.scores else []
        header = ("", *("loss" if metric.name == "loss" else metric.label for metric in shown))
        cells = [(name, *(_figure(values[metric.name], metric.format) for metric in shown)) for name, values in rows]
        return Table("folds", header, cells, right=header[1:])

    def report(self) -> Report:
        """Return the result as a report: the table, and the values for JSON."""
        finished = f"{len(self.scores)} of {self.folds} folds"
        values = {
            "run": str(self.folder),
            "task": self.task,
            "folds": self.folds,
            "complete": self.complete,
            "scores": [dict(scores) for scores in self.scores],
            "mean": self.mean,
            "spread": self.spread,
        }
        title = f"test metrics of {finished if not self.complete else f'{self.folds} folds'}, {self.folder}"
        return Report(values, (Text(title), self.table), event="cross-validated")

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return self.report().values

    def plain(self) -> str:
        """Return the result as text."""
        return self.report().plain().replace("\n\n", "\n", 1)

    def _repr_html_(self) -> str:
        return self.report()._repr_html_()

    @property
    def _columns(self) -> dict[str, list[float]]:
        names = [name for name in (self.scores[0] if self.scores else {}) if all(name in row for row in self.scores)]
        return {name: [row[name] for row in self.scores] for name in names}


@checked
def cross_validate(
    task: str, *, folds: Size = 5, run: str | Path | None = None, reporter: Reporter | None = None, **given: Any
) -> CrossValidation:
    """Train and test a model on each of several folds.

        result = unrolled.cross_validate("classify", data="tickets.csv", folds=5)
        print(result)
        result.mean["accuracy"], result.spread["accuracy"]

    An interrupted cross-validation is continued by the same call. Folds are stratified by class; equal texts are in the
    same fold.

    Args:
        task: the task's name: ``"classify"`` or ``"tag"``, or another one with the options ``folds`` and ``fold``.
        folds: number of folds.
        run: the folder (default: ``runs/TASK-DATA-folds-N``).
        reporter: as in `train`.
        given: options of the task, as in `train`.

    Raises:
        ArgumentError: an option is unknown or invalid, or a class has fewer texts than there are folds.
        DataError, RunError, SaveError, DivergedError: see `unrolled.errors`.
        RunError: ``run`` holds something else, or the data has changed since its first fold was trained.
    """
    cls = ready(task_class(task))
    if not {"folds", "fold"} <= options(cls.Config).keys():
        raise ArgumentError("task", "one whose data is divided into folds: classify or tag", task)
    for name in cls.given:
        if not isinstance(given.get(name, ""), str | Path):
            remedy = "save the examples in a file: every fold reads it again"
            raise ArgumentError(name, "a path or the name of a data set", given[name], remedy)
    config = update(api.configured(cls, given), folds=folds)
    with reporting(reporter) as reporter:
        return start(task, config, run, reporter)


def trains_every_fold(config: Any) -> bool:
    """Return whether a config has ``folds`` without ``fold``."""
    flat = flatten(config)
    return bool(flat.get("folds")) and "fold" in flat and flat["fold"] is None


def start(task: str, config: Any, run: str | Path | None, reporter: Reporter) -> CrossValidation:
    """Train every fold of a complete config, or those that an earlier call left; see `cross_validate`."""
    config, stem = api.located(task, config)
    cls, folds = task_class(task), flatten(config)["folds"]
    if not folds or flatten(config)["fold"] is not None:
        raise ArgumentError("folds", "an integer of at least 2, without fold", folds)
    folder = Path(run) if run is not None else _unfinished(runs_folder(), f"{stem}-folds", task, config)
    metrics = tuple(cls(config).metrics)
    with _opened(folder, task, config):
        finished = _finished(folder)
        if finished and len(finished["scores"]) < folds:
            _check_unchanged(folder, cls(update(config, fold=0)), finished["data"])
        scores: list[dict[str, float]] = finished.get("scores", [])
        for fold in range(len(scores), folds):
            summary = _train(task, update(config, fold=fold), folder / f"fold-{fold}", _Fold(reporter, fold, folds))
            if summary.stopped == "interrupted":
                break
            data = finished.get("data") or api.load(folder / "fold-0", cell=custom_cell(config)).fingerprint
            finished = {"data": data, "scores": [*scores, summary.test]}
            scores = finished["scores"]
            write_atomically(folder / RESULTS, (json.dumps(finished, indent=1) + "\n").encode())
            reporter.note(f"fold {fold + 1} of {folds} (fold-{fold}): test {line(summary.test, metrics)}")
    return CrossValidation(folder, task, folds, metrics, tuple(scores), custom_cell(config))


def _train(task: str, config: Any, run: Path, reporter: Reporter) -> Summary:
    """Train one fold from its beginning, or from its newest checkpoint."""
    if not (run / "config.toml").exists():
        return api.start(task, config, run, reporter)
    cell = custom_cell(config)
    return api.resume(run, reporter, **({} if cell is None else {"cell": cell}))


def _unfinished(parent: Path, stem: str, task: str, config: Any) -> Path:
    """Return the folder of an unfinished cross-validation with the same options, else a new one."""
    folds = flatten(config)["folds"]
    for path in sorted(parent.glob(f"{stem}-*/{CONFIG}")):
        if _same(path, task, config) and len(_finished(path.parent).get("scores", ())) < folds:
            return path.parent
    return new_path(parent, stem)


@contextlib.contextmanager
def _opened(folder: Path, task: str, config: Any) -> Iterator[None]:
    """Create the folder, or check that it holds a cross-validation with the same options; lock it.

    Raises:
        RunError: it holds something else, or another process is training there.
        SaveError: it cannot be created.
    """
    path = folder / CONFIG
    if not path.exists() and folder.is_dir() and any(folder.iterdir()):
        raise RunError(f"{folder} holds files that are not of a cross-validation; name another folder with --run")
    if path.exists() and not _same(path, task, config):
        raise RunError(f"{folder} holds a cross-validation with other options; repeat them, or name another --run")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(f"cannot create {folder}: {error.strerror or error}; name another one with --run") from error
    try:
        with lock.held(folder):
            if not path.exists():
                write_atomically(path, to_toml(config, task).encode())
            yield
    finally:
        if not any(folder.glob("fold-*")):  # no fold was started
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                folder.rmdir()


def _same(path: Path, task: str, config: Any) -> bool:
    """Return whether a saved config has the same task and options."""
    try:
        return parse_toml(read_text(path), str(path)) == parse_toml(to_toml(config, task), str(path))
    except RunError:
        return False


def _finished(folder: Path) -> dict[str, Any]:
    """Return the saved results, ``{"data": fingerprint, "scores": [metrics of each finished fold]}``.

    Raises:
        RunError: the file is damaged.
    """
    path = folder / RESULTS
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_bytes()[:LARGEST])
        rows = [{str(name): float(value) for name, value in row.items()} for row in found["scores"]]
        return {"data": found["data"], "scores": rows}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RunError(f"{path} is damaged ({error}); restore it, or name another folder with --run") from error


def _check_unchanged(folder: Path, task: Any, fingerprint: object) -> None:
    task.prepare()
    if task.fingerprint() != fingerprint:
        raise RunError(
            f"the data has changed since the first fold in {folder} was trained; restore it, or name another folder "
            "with --run"
        )


class _Fold:
    """Passes the reports of one fold on; notes and previews of the first fold only, and no summaries."""

    def __init__(self, reporter: Reporter, fold: int, folds: int) -> None:
        self.reporter, self.fold, self.folds = reporter, fold, folds

    def start(self, folder: Path, task: str, unit: str, config: Any, notes: list[str]) -> None:
        self.reporter.start(folder, task, unit, config, notes if self.fold == 0 else [])

    def note(self, text: str) -> None:
        self.reporter.note(text)

    def progress(self, progress: Progress) -> None:
        self.reporter.progress(progress)

    def evaluated(self, step: int, metrics: dict[str, float], best: bool) -> None:
        self.reporter.evaluated(step, metrics, best)

    def preview(self, step: int, text: str) -> None: ...

    def end(self, summary: Summary) -> None: ...


def _figure(value: float, form: str) -> str:
    return f"{value:{form}}" if math.isfinite(value) else "–"
