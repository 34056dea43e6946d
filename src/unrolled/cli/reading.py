"""How files that a task has not seen are read: the options of `unrolled evaluate` and `unrolled data`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from ..data.labelled import Form
from ..errors import ArgumentError
from ..tasks.common.excerpts import excerpts
from .terminal.look import fitted, printable

TASKS = {
    "classify": ("form", "text_column", "label_column", "header", "delimiter"),
    "tag": ("token_column", "tag_column", "scheme", "repair"),
    "translate": ("target", "form", "source_column", "target_column", "header", "delimiter"),
}
_EVERY = {name for names in TASKS.values() for name in names}
MAKERS = {"classify": "classifier", "tag": "tagger", "translate": "translator"}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a file is read."""

    form: Form | None = None
    """classifiers, translators: how the file is written (default: as its name tells)"""
    text_column: str | None = None
    """classifiers: name of the column (or key) with the text; its number with --no-header"""
    label_column: str | None = None
    """classifiers: name of the column with the label"""
    source_column: str | None = None
    """translators: name, key or number of the source's column"""
    target_column: str | None = None
    """translators: that of the target"""
    target: str | None = None
    """translators: the translations of the sentences, if they are in another file"""
    header: bool | None = None
    """classifiers, translators: whether the first row names the columns"""
    token_column: int | None = None
    """taggers: the column of words, counted from 0, or with negative numbers from the end"""
    tag_column: int | None = None
    """taggers: the column of tags"""

    def told(self, task: str, expected: str) -> dict[str, Any]:
        """What was said of how a file is read, for a task.

        Raises:
            ArgumentError: something that this task's files do not have; it is to be as ``expected``, in which ``{}``
                stands for those that have it.
        """
        names = [one.name for one in fields(self) if one.name in _EVERY and one.default is None]
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        for name, value in given.items():
            if name not in TASKS.get(task, ()):
                raise ArgumentError(name, expected.format(" or ".join(_owners(name))), value)
        if task == "translate" and given.get("form") == "folder":
            raise ArgumentError("form", "one of auto, lines, tsv, csv, jsonl for a translator", "folder")
        return given


def _owners(name: str) -> list[str]:
    return [MAKERS[task] for task, names in TASKS.items() if name in names]


def show_how(how: Iterable[str], examples: Iterable[str], *, as_json: bool) -> None:
    """How a file was read, and its first examples; beside JSON on standard error."""
    stream = sys.stderr if as_json else sys.stdout
    for line in [*how, *excerpts(examples)]:
        print(fitted(printable(line), 100) if line.startswith("read: ") else printable(line), file=stream)
    if not as_json:
        print()
