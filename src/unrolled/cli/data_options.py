"""The options of `unrolled data`: its own, and each task's options for reading data, its config's group ``data``."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from ..errors import ArgumentError
from ..tasks.registry import task_class
from ..training.config import groups
from ..training.task import Task
from .arguments import Schema, parse

PROG = "unrolled data"
ABOUT = (
    "Without an argument: list the named data sets. With a NAME: download that data set and verify it. With a PATH or "
    "pattern: show how training would read the data."
)
TASKS = f"further options, by the task ({PROG} --task TASK --help explains them):"


@dataclass(frozen=True, kw_only=True)
class Data:
    """Data to describe."""

    text: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="NAME|PATH")] = None
    """a named data set, a file, a folder, a pattern or "text:…" """
    task: str | None = None
    """task that reads the data (default: by the data's name)"""
    check: bool = False
    """also run training's checks on the data"""
    json: bool = False
    """print one JSON object per line"""


class DataRequest:
    """A parsed command line of `unrolled data`.

    Attributes:
        general: the options of `unrolled data` itself.
        given: the given options of tasks, each with its arguments.
        schema: the schema of all options.
    """

    def __init__(self, argv: Sequence[str], tasks: Mapping[str, type[Task]]) -> None:
        self._groups = {name: _unchecked(cls) for name, cls in tasks.items()}
        own = {field.name for field in dataclasses.fields(Data)}
        self._owners: dict[str, list[str]] = {}
        for name, group in self._groups.items():
            for option in Schema(group, PROG).flags.keys() - own:
                self._owners.setdefault(option, []).append(name)
        fields = [("general", Data), *((f"task_{name}", group) for name, group in self._groups.items())]
        self.schema = Schema(dataclasses.make_dataclass("Options", fields), PROG)
        words: list[str] = []
        self.given: dict[str, list[str]] = {}
        for option, arguments in self.schema.options(argv):
            if option in self._owners:
                self.given.setdefault(option, []).extend(arguments)
            else:
                words += arguments
        if "--help" in words:
            self._help(parse(Data, [word for word in words if word != "--help"], PROG, ABOUT).task)
        self.general = parse(Data, words, PROG, ABOUT)
        if self.general.task is not None and self.general.task not in tasks:
            with self.schema.names():
                task_class(self.general.task)

    def words(self, task: str) -> list[str]:
        """Return the arguments of a task's given options."""
        words = [word for option, arguments in self.given.items() if task in self._owners[option] for word in arguments]
        return [part for word in words for part in _split(word)]

    def values(self, task: str) -> dict[str, Any]:
        """Return the parsed values of a task's given options.

        Raises:
            ArgumentError: a value is invalid.
        """
        given = {option: arguments for option, arguments in self.given.items() if task in self._owners[option]}
        words = [word for arguments in given.values() for word in arguments]
        parsed: Any = parse(self._groups[task], words, PROG, "")
        return {option: getattr(parsed, option) for option in given}

    def refuse(self, lead: str | None, others: Sequence[str] = ()) -> None:
        """Check that each given option belongs to the task ``lead``, or to all ``others``.

        Args:
            lead: the task whose report is shown; `None` without data: then no option is valid.
            others: further tasks that read the data.

        Raises:
            ArgumentError: an option does not apply.
        """
        for option, arguments in self.given.items():
            owners = self._owners[option]
            if lead is None:
                raise ArgumentError(option, "omitted without a file", _value(arguments))
            if lead not in owners and not (others and set(others) <= set(owners)):
                remedy = f"add --task {owners[0]}" if len(owners) == 1 else "add --task with one of them"
                raise ArgumentError(
                    option, f"omitted unless --task is {' or '.join(owners)}", _value(arguments), remedy
                )

    def _help(self, task: str | None) -> None:
        """Print the help, and exit."""
        if task is not None:
            task_class(task)
            both = dataclasses.make_dataclass(
                "Options", [("general", Data), (re.sub(r"\W", "_", task), self._groups[task])]
            )
            parse(both, ["--help"], f"{PROG} --task {task}", ABOUT)
        try:
            parse(Data, ["--help"], PROG, ABOUT)
        except SystemExit:
            print(TASKS)
            for name, group in self._groups.items():
                print(f"  {name:<12} {Schema(group, PROG).names_in_line()}")
            raise


def _unchecked(cls: type[Task]) -> type:
    """Return a task's group ``data`` without the option ``data``, which is the command's argument, and without checks,
    which run when the config is complete."""
    group = groups(cls.Config).get("data")
    if group is None:
        return dataclasses.make_dataclass("NoOptions", [])
    hidden = ("data", Annotated[str, tyro.conf.Suppress], "")
    unchecked = {"__post_init__": lambda self: None, "__doc__": group.__doc__}
    return dataclasses.make_dataclass(group.__name__, [hidden], bases=(group,), namespace=unchecked, frozen=True)


def _split(word: str) -> list[str]:
    """Split ``--name=value`` into two arguments, unless the value looks like an option."""
    name, equals, value = word.partition("=")
    return [name, value] if equals and value and not value.startswith("-") else [word]


def _value(words: Sequence[str]) -> str:
    """Return an option's value as text."""
    first, *rest = words
    return " ".join(rest) or first.partition("=")[2] or first
