"""The options of `unrolled data`: its own, and those by which each task reads its data, its config's group ``data``."""

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
    "Without an argument: list the data sets that have a name. With a NAME: fetch that data set and verify it. With a "
    "PATH or pattern: show what a model would be given to learn."
)
TASKS = f"further options, by the task ({PROG} --task TASK --help explains them):"


@dataclass(frozen=True, kw_only=True)
class Data:
    """Which data."""

    text: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="NAME|PATH")] = None
    """a named data set; or a file, a folder, a pattern or "text:…" """
    task: str | None = None
    """show how this task would read the data, by its own options (default: the tasks that its name tells)"""
    check: bool = False
    """also say what training would say of the data, and what is suspicious in it"""
    json: bool = False
    """print one JSON object per line"""


class Asked:
    """A command line.

    Attributes:
        general: the options of `unrolled data` itself.
        given: the options of tasks that were given, each with its words.
        schema: all that there are.
    """

    def __init__(self, argv: Sequence[str], tasks: Mapping[str, type[Task]]) -> None:
        self._groups = {name: _unchecked(cls) for name, cls in tasks.items()}
        own = {field.name for field in dataclasses.fields(Data)}
        self._owners: dict[str, list[str]] = {}
        for name, group in self._groups.items():
            for option in Schema(group, PROG).flags.keys() - own:
                self._owners.setdefault(option, []).append(name)
        every = [("general", Data), *((f"of_{name}", group) for name, group in self._groups.items())]
        self.schema = Schema(dataclasses.make_dataclass("Options", every), PROG)
        words: list[str] = []
        self.given: dict[str, list[str]] = {}
        for option, said in self.schema.options(argv):
            if option in self._owners:
                self.given.setdefault(option, []).extend(said)
            else:
                words += said
        if "--help" in words:
            self._help(parse(Data, [word for word in words if word != "--help"], PROG, ABOUT).task)
        self.general = parse(Data, words, PROG, ABOUT)
        if self.general.task is not None and self.general.task not in tasks:
            with self.schema.names():
                task_class(self.general.task)

    def words(self, task: str) -> list[str]:
        """Those of a task's options, as they were typed."""
        every = [word for option, said in self.given.items() if task in self._owners[option] for word in said]
        return [part for word in every for part in _apart(word)]

    def values(self, task: str) -> dict[str, Any]:
        """A task's options that were given.

        Raises:
            ArgumentError: a value is wrong.
        """
        mine = {option: said for option, said in self.given.items() if task in self._owners[option]}
        parsed: Any = parse(self._groups[task], [word for said in mine.values() for word in said], PROG, "")
        return {option: getattr(parsed, option) for option in mine}

    def refuse(self, lead: str | None, others: Sequence[str] = ()) -> None:
        """Raise `ArgumentError` for an option that is neither the ``lead``'s nor that of every one of the other tasks;
        for any if there is no lead, and so no data."""
        for option, said in self.given.items():
            owners = self._owners[option]
            if lead is None:
                raise ArgumentError(option, "left out without a file", _value(said))
            if lead not in owners and not (others and set(others) <= set(owners)):
                raise ArgumentError(option, f"left out unless --task is {' or '.join(owners)}", _value(said))

    def _help(self, task: str | None) -> None:
        """Show the help, and end the program."""
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
                flags = " ".join(f"--{flag.replace('_', '-')}" for flag in Schema(group, PROG).flags)
                print(f"  {name:<12} {flags}")
            raise


def _unchecked(cls: type[Task]) -> type:
    """A task's group ``data`` without the option ``data``, which is the command's argument. Its checks are left out:
    they are made when the options are put together with the data."""
    group = groups(cls.Config).get("data")
    if group is None:
        return dataclasses.make_dataclass("NoOptions", [])
    hidden = ("data", Annotated[str, tyro.conf.Suppress], "")
    unchecked = {"__post_init__": lambda self: None, "__doc__": group.__doc__}
    return dataclasses.make_dataclass(group.__name__, [hidden], bases=(group,), namespace=unchecked, frozen=True)


def _apart(word: str) -> list[str]:
    """``--name=value`` as two words, unless the second could be taken for an option."""
    name, equals, value = word.partition("=")
    return [name, value] if equals and value and not value.startswith("-") else [word]


def _value(words: Sequence[str]) -> str:
    """What was given for an option."""
    first, *rest = words
    return " ".join(rest) or first.partition("=")[2] or first
