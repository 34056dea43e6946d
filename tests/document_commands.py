"""The commands that a page shows, and whether the command line accepts them: every verb parses them itself."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import tyro

from unrolled import api, cli, cross_validation
from unrolled.cli.arguments import Schema
from unrolled.cli.inspect import of_task
from unrolled.cli.inspect.view import VIEWS
from unrolled.cli.lab import EXPERIMENTS
from unrolled.errors import UnrolledError
from unrolled.tasks import registry

PROGRAM = re.compile(r"^(?:\$ )?(?:\w+=\S+ )*(unrolled|make|python3?) ")
ABOUT_A_RUN = ("evaluate", "predict", "sample", "inspect")  # their options are those of the run's task


class Accepted(BaseException):
    """The command line was understood; nothing is to be done. ``args[0]`` is the dataclass of its options."""


def blocks(text: str) -> Iterator[str]:
    """The lines of a page's code blocks, fenced or indented; a line that goes on after a backslash is one."""
    fenced = False
    for line in text.replace("\\\n", " ").splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line.strip()


def shown(text: str) -> list[str]:
    """The commands in a page's code blocks."""
    return [line for line in blocks(text) if PROGRAM.match(line)]


def mentioned(text: str) -> list[str]:
    """The commands between backticks in a page's prose, which need not be whole."""
    return [code for code in re.findall(r"`([^`]+)`", text.replace("\n", " ")) if PROGRAM.match(f"{code} ")]


def words(command: str) -> list[str]:
    """A command as a shell gives it to the program, the program first; without comments and what stands for more."""
    plain = PROGRAM.sub(r"\1 ", f"{command.split(' | ')[0]} ").replace("$(ls -dt runs/quickstart-* | head -n 1)", "RUN")
    return [word for word in shlex.split(plain, comments=True) if word not in ("…", "[…]")]


def check(command: str, root: Path) -> None:
    """Raise `UnrolledError` or `AssertionError` if a whole command would be refused before it does anything."""
    program, *rest = words(command)
    if program == "unrolled":
        understand(rest)
    elif program == "make":
        check_make(rest, root)
    elif rest[0].endswith(".py"):
        check_script(rest, root)


def check_make(rest: list[str], root: Path) -> None:
    """Every target must be one of the Makefile's."""
    targets = re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE)
    assert {word for word in rest if re.fullmatch("[a-z]+", word)} <= {*targets}, rest


def check_script(rest: list[str], root: Path) -> None:
    """The script must be there, and every option must stand in its source."""
    source = (root / rest[0]).read_text()
    for flag in (word.partition("=")[0] for word in rest if word.startswith("--")):
        assert f'"{flag}"' in source, f"{rest[0]} has no option {flag}"


def understand(rest: list[str]) -> None:
    """Let `unrolled` parse its arguments. `UnrolledError`: they are wrong, for a run of any task."""
    refused: list[UnrolledError] = []
    for task in registry.TASKS if rest[0] in ABOUT_A_RUN else ("lm",):
        try:
            _parse(rest, task)
        except UnrolledError as error:
            refused.append(error)
        else:
            return
    raise refused[0]


def flags(rest: list[str]) -> set[str]:
    """The options of a verb, experiment, view or task by the names that a user types, for runs of all tasks."""
    found = set[str]()
    for task in registry.TASKS if rest[0] in ABOUT_A_RUN else ("lm",):
        with contextlib.suppress(UnrolledError):  # a task without this verb
            for cls in _parse([*rest, *(["RUN"] if rest[0] in ABOUT_A_RUN else []), "--help"], task):
                schema = Schema(cls, "unrolled")
                found |= {name.replace("_", "-") for name in [*schema.flags, *schema.aliases]}
    return {"help", *found, *(f"no-{name}" for name in found)}


def verbs() -> list[list[str]]:
    """Every command that has options of its own."""
    inner = {"train": registry.TASKS, "lab": EXPERIMENTS, "inspect": VIEWS}
    outer = [[verb] for verb in cli.VERBS if verb not in ("train", "lab")]
    return [*outer, *([verb, name] for verb, names in inner.items() for name in names)]


def verb_of(rest: list[str]) -> list[str] | None:
    """The part of a command's words that decides its options; `None`: these are no command's."""
    return next((verb for verb in sorted(verbs(), key=len, reverse=True) if rest[: len(verb)] == verb), None)


def _parse(rest: list[str], task: str) -> list[type]:
    """The dataclass that the arguments were parsed into, in a list; none for help that has no options."""
    real = tyro.cli

    def parsed(cls: type, **given: Any) -> Any:
        if "--help" in given["args"]:
            raise Accepted(cls)
        value = real(cls, **given)
        if rest[0] == "train":
            return value  # more is checked before `api.start` or `cross_validation.start`
        raise Accepted(cls)

    def started(*_: Any) -> None:
        raise Accepted(object)

    with (
        mock.patch.object(tyro, "cli", parsed),
        mock.patch.object(api, "start", started),
        mock.patch.object(cross_validation, "start", started),
        mock.patch.object(api, "task_of", return_value=task),
        mock.patch.object(of_task, "looks_like_run", return_value=True),
        contextlib.redirect_stdout(None),
    ):
        try:
            cli._dispatch(rest)
        except Accepted as accepted:
            return [*accepted.args]
    return []
