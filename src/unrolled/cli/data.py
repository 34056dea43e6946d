"""unrolled data [NAME | PATH]: list the data sets that have a name, fetch one, or look at data of yours."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ..data import cache_folder
from ..data.named_data import NamedData
from ..errors import ArgumentError, RunError, UnrolledError
from ..results import Report
from ..tasks import registry
from ..training.config import update
from ..training.task import Task
from .data_options import Asked
from .data_report import EXCERPT, Said, together
from .terminal.look import command, printable, size
from .terminal.reporters import emit
from .terminal.results import show_report
from .terminal.tables import show_table

T = TypeVar("T")
Tasks = dict[str, type[Task]]
Named = dict[str, list[NamedData]]


def run(argv: list[str]) -> int:
    """The verb."""
    tasks = _tasks()
    asked = Asked(argv, tasks)
    with asked.schema.names():
        if asked.general.text is None:
            asked.refuse(None)
            chosen = asked.general.task
            _list(_named(tasks if chosen is None else {chosen: tasks[chosen]}), asked.general.json)
        else:
            for number, report in enumerate(_reports(asked.general.text, asked, tasks)):
                if number and not asked.general.json:
                    print()
                show_report(report, None, as_json=asked.general.json)
    return 0


def _tasks() -> Tasks:
    """Every task; one line about each that cannot be imported."""
    found = {}
    for name in registry.names():
        try:
            found[name] = registry.task_class(name)
        except RunError as error:
            _note(error)
    return found


def _named(tasks: Tasks) -> Named:
    """The named data sets of each task."""
    found = {}
    for name, cls in tasks.items():
        try:
            found[name] = _ask(name, cls.named)
        except UnrolledError as error:
            _note(error)
    return found


def _list(named: Named, as_json: bool) -> None:
    rows = [(task, row) for task, every in named.items() for row in every]
    if as_json:
        for task, row in rows:
            told = {"name": row.name, "title": row.title, "task": task, "licence": row.licence}
            emit("corpus", **told, bytes=row.bytes, present=row.here == "yes")
        return
    table = [(r.name, r.title, task, r.licence, size(r.bytes) if r.bytes else "", r.here) for task, r in rows]
    if table:
        show_table(("name", "data", "for", "licence", "size", "here"), table, right=("size",))
    print(f"\ndownloads go to {cache_folder() / 'datasets'} (UNROLLED_CACHE); UNROLLED_DATA is looked in first")
    print(f"data of yours: {command('data', 'PATH')}, then {command('train', 'TASK', '--data', 'PATH')}")


def _reports(spec: str, asked: Asked, tasks: Tasks) -> Iterator[Report]:
    """A report of each task that has data of this name; else one of the file or folder, by all that may read it."""
    task = asked.general.task
    values = {name: _value_of(spec, name, cls) for name, cls in tasks.items()}
    having = [name for name in ([task] if task else tasks) if values[name] is not None]
    if having:
        asked.refuse(having[0], having[1:])
    for name in having:
        yield together(_said(name, values[name] or spec, asked, tasks, alone=True), [], None)
    if having:
        return
    there = os.path.exists(os.path.expanduser(spec))  # unlike Path.exists it takes any name, however long
    likely = [name for name, cls in tasks.items() if there and _likely(name, cls, Path(spec).expanduser())]
    shown = list(dict.fromkeys([*likely[:1], task])) if task else likely
    asked.refuse((shown or list(tasks))[0], shown[1:])
    every = _readings(spec, shown, asked, tasks)
    lead = next(one for one in every if not one.error)
    yield together(lead, [one for one in every if one is not lead], task)


def _readings(spec: str, shown: list[str], asked: Asked, tasks: Tasks) -> list[Said]:
    """What the tasks say of a file, each that cannot read it why; the first of all that can if none of them is likely.

    Raises:
        UnrolledError: the task that is asked for, or every one, cannot read it: what the first of them says.
    """
    every: list[Said] = []
    refused: list[UnrolledError] = []
    for name in shown or tasks:
        try:
            with asked.schema.names():
                every.append(_said(name, spec, asked, tasks, alone=len(shown) < 2))
        except UnrolledError as error:
            if name == asked.general.task:
                raise
            refused.append(error)
            every += [Said(name, error=str(error))] if shown else []
        if every and not shown:
            break
    if all(one.error for one in every):
        raise refused[0]
    return every


def _said(name: str, data: str, asked: Asked, tasks: Tasks, *, alone: bool) -> Said:
    """What a task says of data. An error of its check is a line, unless the task is ``alone`` or the one asked for.

    Raises:
        UnrolledError: it cannot read the data.
    """
    cls = registry.ready(tasks[name])
    try:
        config = update(cls.Config(), data=data, **asked.values(name))
    except ArgumentError as error:
        if error.name == "data":
            raise ArgumentError("NAME", error.expected, error.received, error.remedy) from error
        raise
    report = _ask(name, lambda: cls(config).describe())
    report = replace(report, values={"name": data, **report.values})
    checked: list[str] = []
    if asked.general.check and asked.general.task in (None, name):
        try:
            checked = [line for line in _ask(name, lambda: cls(config).check()) if not line.startswith(EXCERPT)]
        except UnrolledError as error:
            if alone or asked.general.task == name:
                raise
            checked = [f"no: {error}"]
    words = [data] if cls.word == "data" else ["--data", data]
    return Said(name, report, command("train", name, *words, *asked.words(name)), tuple(checked))


def _value_of(spec: str, name: str, cls: type[Task]) -> str | None:
    """The value of ``--data`` for the data set that a task has under this name; `None` if it has none."""
    if spec in _ask(name, cls.paths).get("data", ()):
        return spec
    rows = {row.name: row for row in _named({name: cls}).get(name, [])}
    return (rows[spec].data or spec) if spec in rows else None


def _likely(name: str, cls: type[Task], path: Path) -> bool:
    try:
        return _ask(name, lambda: cls.likely(path))
    except UnrolledError as error:
        _note(error)
        return False


def _ask(name: str, question: Callable[[], T]) -> T:
    """What a task answers; whatever goes wrong in another package's code is one line.

    Raises:
        UnrolledError: the task cannot answer.
    """
    try:
        return question()
    except UnrolledError:
        raise
    except Exception as error:
        if name in registry.TASKS:
            raise
        told = " ".join(str(error).split())
        raise RunError(f"the task {name} fails: {type(error).__name__}: {told}; repair or remove it") from error


def _note(error: Any) -> None:
    print(f"note: {printable(str(error))}", file=sys.stderr)
