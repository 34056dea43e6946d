"""The tasks, by name. A task's module is imported when it is used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple

from ..checks import checked
from ..errors import ArgumentError, did_you_mean

if TYPE_CHECKING:
    from ..training.task import Task


PREVIEW_LINES = 8


class Entry(NamedTuple):
    """Where a task lives, what it is and what to do with a trained model, each in one line."""

    place: str
    what: str
    use: dict[str, str]
    """what is done with a run → the verb for it"""
    preview_lines: int = PREVIEW_LINES
    """so many lines of a preview are shown as training goes on"""
    word: str | None = None
    """the option that a word after the task's name is for: ``unrolled train memory copy``"""


TASKS = {
    "lm": Entry(
        "unrolled.tasks.lm:LanguageModelling",
        "language model by character, byte, word or subword",
        {"let it write": "sample", "measure it": "evaluate"},
    ),
    "classify": Entry(
        "unrolled.tasks.classify:Classification",
        "the class of a text: sentiment, author, kind of question, any labels of yours",
        {"ask it": "predict", "measure it": "evaluate"},
    ),
    "tag": Entry(
        "unrolled.tasks.tag:Tagging",
        "a label for each word: names in a text, parts of speech, any tags of yours",
        {"ask it": "predict", "measure it": "evaluate"},
    ),
    "translate": Entry(
        "unrolled.tasks.translate:Translation",
        "a sentence into another: a language, a format, any pairs of texts of yours",
        {"ask it": "predict", "measure it": "evaluate"},
        preview_lines=48,  # a row of an alignment for each symbol
    ),
    "memory": Entry(
        "unrolled.tasks.memory:Memory",
        "problems of remembering: adding, copying, recalling",
        {"measure it": "evaluate"},
        preview_lines=16,
        word="data",
    ),
}


@checked
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
