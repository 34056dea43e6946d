"""The tasks, by name. A task's module is imported when it is used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ArgumentError, did_you_mean

if TYPE_CHECKING:
    from ..training.task import Task


class Entry(NamedTuple):
    """Where a task lives and what it is, in one line."""

    place: str
    what: str


TASKS = {
    "lm": Entry("unrolled.tasks.lm:LanguageModelling", "language model by character, byte, word or subword"),
}


def task_class(name: str) -> type[Task]:
    """The class of the task ``name``.

    Raises:
        ArgumentError: there is none of that name.
    """
    if name not in TASKS:
        near = did_you_mean(name, TASKS).removeprefix("; ")
        raise ArgumentError("task", f"one of {', '.join(TASKS)}", name, near)
    module, _, attribute = TASKS[name].place.partition(":")
    found: type[Task] = getattr(importlib.import_module(module), attribute)
    return found
