"""The verbs `evaluate`, `predict` and `sample`, whose options depend on the run's task.

The header of the model file names the task, so the run is found before the options are parsed. Without a run the help
lists the options of each task.
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
    """A verb on trained models.

    name       the verb
    about      the help's description
    general    the dataclass of the options of every task
    own        the attribute of `Task` that holds the class of the task's options
    does       what its models must support, as in "a model of the task lm cannot make predictions"
    several    whether it accepts several runs
    of_task    the help's description for a run, with {task} for its task; empty: ``about``
    """

    name: str
    about: str
    general: type
    own: str
    does: str
    several: bool = False
    of_task: str = ""

    @property
    def prog(self) -> str:
        """The command."""
        return f"unrolled {self.name}"


@dataclass(frozen=True)
class Request:
    """A parsed command line."""

    task: type[Task]
    runs: tuple[str, ...]
    words: tuple[str, ...]
    general: Any
    options: Any
    schema: Schema

    def models(self) -> dict[str, Any]:
        """Load the trained models: run → model.

        Raises:
            RunError: a model does not exist, or is damaged.
        """
        return {run: api.load(run, cell=self.general.cell) for run in self.runs}


RUN = "a run's folder, a model.safetensors, or a checkpoint: RUN/checkpoints/step-N"


def parse_request(verb: Verb, argv: Sequence[str]) -> Request:
    """Parse the command line with the options of the run's task.

    Raises:
        UnrolledError: the run does not exist, its task does not support the verb, or an option is invalid.
    """
    run = find_run(argv)
    if run is None:
        _help_or_error(verb, argv)
    task = registry.class_of_run(api.task_of(run), run)
    own = getattr(task, verb.own)
    if own is None:
        raise _unsupported(verb, task, run)
    group = re.sub(r"\W", "_", task.name)  # the title of its options
    options_class = _options_class(verb, own, group)
    about = verb.of_task.format(task=task.name) or verb.about
    if {"-h", "--help"} & {*argv}:
        parse(options_class, ["--help"], verb.prog, about)
    prog = f"{verb.prog} {run}"
    parsed: Any = parse(options_class, argv, prog, about)
    runs = parsed.run if verb.several else (parsed.run,)
    for other in runs:
        if (name := api.task_of(other)) != task.name:
            expected = f"runs of one task ({run} is of the task {task.name})"
            raise ArgumentError("run", expected, f"{other} of the task {name}")
    return Request(
        task,
        tuple(dict.fromkeys(runs)),
        parsed.words,
        parsed.general,
        getattr(parsed, group),
        Schema(options_class, prog),
    )


def _options_class(verb: Verb, own: type | None, name: str = "task") -> type:
    """Return a dataclass of the run, the inputs after it, the general options and the task's."""
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


def find_run(argv: Sequence[str]) -> str | None:
    """Return the first argument that is a run, else the first that may be meant as one: options are not known yet."""
    words = [
        (word, at > 0 and argv[at - 1].startswith("-") and "=" not in argv[at - 1])
        for at, word in enumerate(argv)
        if not word.startswith("-") or word == "-"
    ]
    runs = [word for word, _ in words if looks_like_run(Path(word))]
    candidates = [word for word, is_value in words if not is_value] or [word for word, _ in words]
    return next(iter([*runs, *candidates]), None)


def looks_like_run(path: Path) -> bool:
    try:
        if path.is_dir():
            return (path / "config.toml").exists() or (path / "manifest.json").exists()
        return path.suffix == ".safetensors" and path.is_file()
    except (OSError, ValueError):  # not a path: a long text, a NUL character
        return False


def _help_or_error(verb: Verb, argv: Sequence[str]) -> NoReturn:
    """Print the help for all tasks, or raise the error that RUN is missing."""
    if not {"-h", "--help"} & {*argv}:
        raise UnrolledError(f"{verb.prog} needs RUN; see {verb.prog} --help")
    try:
        parse(_options_class(verb, None), ["--help"], verb.prog, verb.about)
    finally:
        print(_index(verb))
    raise AssertionError("parse exits after printing the help")


def _index(verb: Verb) -> str:
    lines = [f"further options, by the run's task ({verb.prog} RUN --help explains them):"]
    for name in registry.names():
        try:
            own = getattr(task_class(name), verb.own)
        except UnrolledError as error:  # a task of another package that cannot be imported
            lines.append(f"  {name:<12} {printable(str(error))}")
            continue
        if own is not None:
            lines.append(f"  {name:<12} {Schema(own, verb.prog).names_in_line() or 'none'}")
    return "\n".join(lines)


def _unsupported(verb: Verb, task: type[Task], run: str) -> RunError:
    """Return the error for a task that does not support the verb, with the verbs it supports."""
    instead = "; ".join(f"{what}: {command(other, run)}" for what, other in task.use.items())
    return RunError(f"{run} is a model of the task {task.name}, which cannot {verb.does}; {instead}")
