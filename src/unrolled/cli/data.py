"""unrolled data [NAME | PATH]: list named data sets, download one, or show how your own data is read."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ..data import cache_folder
from ..data.named_data import NamedData
from ..errors import ArgumentError, DataError, RunError, UnrolledError
from ..results import Report
from ..tasks import registry
from ..tasks.common.clip_inputs import ClipInputs
from ..tasks.common.picture_inputs import PictureInputs
from ..training.config import update
from ..training.task import Task
from .data_options import DataRequest
from .data_report import EXCERPT, TaskReport, combined
from .terminal.look import command, printable, size
from .terminal.reporters import emit
from .terminal.results import show_how_on_error, show_report
from .terminal.tables import show_table

T = TypeVar("T")
Tasks = dict[str, type[Task]]
Named = dict[str, list[NamedData]]


def run(argv: list[str]) -> int:
    """Run the command and return its exit status."""
    tasks = _tasks()
    request = DataRequest(argv, tasks)
    with request.schema.names():
        if request.general.text is None:
            request.refuse(None)
            chosen = request.general.task
            _list(_named(tasks if chosen is None else {chosen: tasks[chosen]}), request.general.json)
        else:
            with show_how_on_error(as_json=request.general.json):
                for number, report in enumerate(_reports(request.general.text, request, tasks)):
                    if number and not request.general.json:
                        print()
                    show_report(report, None, as_json=request.general.json)
    return 0


def _tasks() -> Tasks:
    """Return all tasks; print a note on each that cannot be imported."""
    tasks = {}
    for name in registry.names():
        try:
            tasks[name] = registry.task_class(name)
        except RunError as error:
            _note(error)
    return tasks


def _named(tasks: Tasks) -> Named:
    """Return the named data sets of each task."""
    named = {}
    for name, cls in tasks.items():
        try:
            named[name] = _call(name, cls.named)
        except UnrolledError as error:
            _note(error)
    return named


def _list(named: Named, as_json: bool) -> None:
    rows = [(task, row) for task, data_sets in named.items() for row in data_sets]
    if as_json:
        for task, row in rows:
            values = {"name": row.name, "title": row.title, "task": task, "licence": row.licence}
            emit("corpus", **values, bytes=row.bytes, present=row.here == "yes")
        return
    table = [(r.name, r.title, task, r.licence, size(r.bytes) if r.bytes else "", r.here) for task, r in rows]
    if table:
        show_table(("name", "data", "for", "licence", "size", "here"), table, right=("size",))
    print(f"\ndownloads go to {cache_folder() / 'datasets'} (UNROLLED_CACHE); UNROLLED_DATA is searched first")
    print(f"your own data: {command('data', 'PATH')}, then {command('train', 'TASK', '--data', 'PATH')}")


def _reports(spec: str, request: DataRequest, tasks: Tasks) -> Iterator[Report]:
    """Yield a report of each task with a data set of this name; else one on the file or folder by all likely tasks."""
    task = request.general.task
    values = {name: _data_value(spec, name, cls) for name, cls in tasks.items()}
    owners = [name for name in ([task] if task else tasks) if values[name] is not None]
    if owners:
        request.refuse(owners[0], owners[1:])
    for name in owners:
        yield combined(_task_report(name, values[name] or spec, request, tasks, alone=True), [], None)
    if owners:
        return
    exists = os.path.exists(os.path.expanduser(spec))  # unlike Path.exists it accepts names of any length
    likely = [name for name, cls in tasks.items() if exists and _likely(name, cls, Path(spec).expanduser())]
    if task and _reads_pictures(tasks[task]):
        shown = [task]
    else:
        shown = list(dict.fromkeys([*likely[:1], task])) if task else likely
    request.refuse((shown or list(tasks))[0], shown[1:])
    reports = _task_reports(spec, shown, request, tasks)
    lead = next(report for report in reports if not report.error)
    yield combined(lead, [report for report in reports if report is not lead], task)


def _task_reports(spec: str, shown: list[str], request: DataRequest, tasks: Tasks) -> list[TaskReport]:
    """Return the reports of the tasks ``shown`` on a file; if there are none, that of the first task that can read it.

    Raises:
        UnrolledError: the requested task, or every task, cannot read the file.
    """
    reports: list[TaskReport] = []
    errors: list[UnrolledError] = []
    for name in shown or tasks:
        try:
            with request.schema.names():
                reports.append(_task_report(name, spec, request, tasks, alone=len(shown) < 2))
        except UnrolledError as error:
            if name == request.general.task:
                raise
            errors.append(error)
            reports += [TaskReport(name, error=str(error))] if shown else []
        if reports and not shown:
            break
    if all(report.error for report in reports):
        if len(reports) < 2:
            raise errors[0]
        failure = DataError(f"no task can read {spec}; correct the file, or use one of the options named above")
        for report in reports:
            failure.add_note(f"for {report.task}: {report.error}")
        raise failure
    return reports


def _task_report(name: str, data: str, request: DataRequest, tasks: Tasks, *, alone: bool) -> TaskReport:
    """Return a task's report on data. A failed check becomes a line, unless the task is ``alone`` or the requested one.

    Raises:
        UnrolledError: the task cannot read the data.
    """
    cls = registry.ready(tasks[name])
    try:
        config = update(cls.Config(), data=data, **request.values(name))
    except ArgumentError as error:
        if error.name == "data":
            raise ArgumentError("NAME", error.expected, error.received, error.remedy) from error
        raise
    report = _call(name, lambda: cls(config).describe())
    report = replace(report, values={"name": data, **report.values})
    checked: list[str] = []
    if request.general.check and request.general.task in (None, name):
        try:
            checked = [line for line in _call(name, lambda: cls(config).check()) if not line.startswith(EXCERPT)]
        except UnrolledError as error:
            if alone or request.general.task == name:
                raise
            checked = [f"no: {error}"]
    words = [data] if cls.word == "data" else ["--data", data]
    return TaskReport(name, report, command("train", name, *words, *request.words(name)), tuple(checked))


def _data_value(spec: str, name: str, cls: type[Task]) -> str | None:
    """Return the value of ``--data`` for a task's data set of this name; `None` if the task has none."""
    if spec in _call(name, cls.paths).get("data", ()):
        return spec
    rows = {row.name: row for row in _named({name: cls}).get(name, [])}
    return (rows[spec].data or spec) if spec in rows else None


def _likely(name: str, cls: type[Task], path: Path) -> bool:
    try:
        return _call(name, lambda: cls.likely(path))
    except UnrolledError as error:
        _note(error)
        return False


def _reads_pictures(cls: type[Task]) -> bool:
    """Return whether the inputs of a task are pictures or clips, so that a report on the file as a text is no help."""
    return cls.Predict is not None and issubclass(cls.Predict, PictureInputs | ClipInputs)


def _call(name: str, function: Callable[[], T]) -> T:
    """Return ``function()``; convert errors in another package's task into an `UnrolledError`.

    Raises:
        UnrolledError: the task failed.
    """
    try:
        return function()
    except UnrolledError:
        raise
    except Exception as error:
        if name in registry.TASKS:
            raise
        message = " ".join(str(error).split())
        raise RunError(f"the task {name} fails: {type(error).__name__}: {message}; repair or remove it") from error


def _note(error: Any) -> None:
    print(f"note: {printable(str(error))}", file=sys.stderr)
