"""The verbs about a run, `evaluate`, `predict` and `sample`: its task says which options there are.

The task is named in the header of the model's file, so the file is found before the options are parsed. Without a run
the help lists what each task adds.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn

import tyro

from .. import api
from ..errors import ArgumentError, RunError, UnrolledError
from ..tasks import registry
from ..tasks.registry import task_class
from ..training.task import Task
from .arguments import Schema, parse
from .terminal.look import command, printable


class Verb(NamedTuple):
    """A verb.

    name       as it is typed
    about      what its help says
    general    the dataclass of the options that it has for every task
    own        the attribute of `Task` that is the class of a task's further options
    does       what its models must be able to do, as in "a model of the task lm cannot answer questions"
    several    whether it takes several runs
    """

    name: str
    about: str
    general: type
    own: str
    does: str
    several: bool = False

    @property
    def prog(self) -> str:
        """The command."""
        return f"unrolled {self.name}"


@dataclass(frozen=True)
class Request:
    """What a command line asks for."""

    task: type[Task]
    runs: tuple[str, ...]
    words: tuple[str, ...]
    general: Any
    own: Any
    schema: Schema

    def models(self) -> dict[str, Any]:
        """The trained models by run.

        Raises:
            RunError: there is none, or it is damaged.
        """
        return {run: api.load(run, cell=self.general.cell) for run in self.runs}


RUN = "a run's folder, a model.safetensors, or a checkpoint: RUN/checkpoints/step-N"


def parse_request(verb: Verb, argv: Sequence[str]) -> Request:
    """The command line, by the options of the run's task.

    Raises:
        UnrolledError: there is no run, its task lacks the verb, or an option is wrong.
    """
    run = _run_among(argv)
    if run is None:
        _help_or_complain(verb, argv)
    task = task_class(api.task_of(run))
    own = getattr(task, verb.own)
    if own is None:
        raise _lacking(verb, task, run)
    group = re.sub(r"\W", "_", task.name)  # what its options stand under
    together = _together(verb, own, group)
    if {"-h", "--help"} & {*argv}:
        parse(together, ["--help"], verb.prog, verb.about)
    prog = f"{verb.prog} {run}"
    parsed: Any = parse(together, argv, prog, verb.about)
    runs = parsed.run if verb.several else (parsed.run,)
    for other in runs:
        if (name := api.task_of(other)) != task.name:
            expected = f"runs of one task ({run} is of the task {task.name})"
            raise ArgumentError("run", expected, f"{other} of the task {name}")
    return Request(
        task, tuple(dict.fromkeys(runs)), parsed.words, parsed.general, getattr(parsed, group), Schema(together, prog)
    )


def _together(verb: Verb, own: type | None, name: str = "task") -> type:
    """One dataclass of the run, the words after it, the general options and the task's."""
    input_name = getattr(own, "input_name", None)
    several = Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="RUN [RUN …]", help=RUN)]
    single = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help=RUN)]
    fields: list[Any] = [("run", several if verb.several else single)]
    if input_name is not None:
        metavar = f"[{input_name.upper()} …]"
        words = Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar=metavar, help=f"{input_name}s")]
        fields.append(("words", words, ()))
    for title, group in (("general", verb.general), (name, own)):
        if group is not None:
            fields.append((title, group, dataclasses.field(default_factory=group)))
    base = () if input_name is not None else (_NoWords,)
    return dataclasses.make_dataclass("Invocation", fields, bases=base, frozen=True)


class _NoWords:
    words: tuple[str, ...] = ()


def _run_among(argv: Sequence[str]) -> str | None:
    """The first word that is a run, else the first that may have been meant as one: the options are not known yet."""
    words = [
        (word, at > 0 and argv[at - 1].startswith("-") and "=" not in argv[at - 1])
        for at, word in enumerate(argv)
        if not word.startswith("-") or word == "-"
    ]
    likely = [word for word, _ in words if _looks_like_run(Path(word))]
    meant = [word for word, is_value in words if not is_value] or [word for word, _ in words]
    return next(iter([*likely, *meant]), None)


def _looks_like_run(path: Path) -> bool:
    try:
        if path.is_dir():
            return (path / "config.toml").exists() or (path / "manifest.json").exists()
        return path.suffix == ".safetensors" and path.is_file()
    except (OSError, ValueError):  # what is no path at all: a long text, a character 0
        return False


def _help_or_complain(verb: Verb, argv: Sequence[str]) -> NoReturn:
    """Show the help that holds for any run, or say that there is none."""
    if not {"-h", "--help"} & {*argv}:
        raise UnrolledError(f"{verb.prog} needs RUN; see {verb.prog} --help")
    try:
        parse(_together(verb, None), ["--help"], verb.prog, verb.about)
    finally:
        print(_index(verb))
    raise AssertionError("help ends a command")


def _index(verb: Verb) -> str:
    lines = [f"further options, by the run's task ({verb.prog} RUN --help explains them):"]
    for name in registry.names():
        try:
            own = getattr(task_class(name), verb.own)
        except UnrolledError as error:  # another package's that cannot be imported
            lines.append(f"  {name:<12} {printable(str(error))}")
            continue
        if own is not None:
            flags = " ".join(f"--{flag.replace('_', '-')}" for flag in Schema(own, verb.prog).flags)
            lines.append(f"  {name:<12} {flags or 'none'}")
    return "\n".join(lines)


def _lacking(verb: Verb, task: type[Task], run: str) -> RunError:
    """The error for a task that has no such verb, with what it has instead."""
    instead = "; ".join(f"{what}: {command(other, run)}" for what, other in task.use.items())
    return RunError(f"{run} is a model of the task {task.name}, which cannot {verb.does}; {instead}")
