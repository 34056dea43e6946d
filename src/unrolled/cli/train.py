"""unrolled train TASK [--recipe NAME] [--run FOLDER] [--json] [options of the task]

unrolled train lm
unrolled train lm --data shakespeare --hidden-size 512 --time 15m
unrolled train --recipe hello
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from .. import api, recipes
from ..cross_validation import trains_every_fold
from ..errors import ArgumentError, RunError
from ..tasks import registry
from ..tasks.registry import ready, task_class
from ..training.config import LENGTH_OPTIONS, NO_LENGTH, groups, refuse_without_effect, update
from . import BAD_INPUT, cross_validation
from .arguments import Schema, given, parse
from .terminal.reporters import choose, follow
from .threads import check_threads, threads


@dataclass(frozen=True, kw_only=True)
class General:
    """Run folder and output."""

    recipe: str | None = None
    """recipe to take options from: a name or a TOML file"""
    run: str | None = None
    """run folder (default: runs/TASK-DATA-N)"""
    json: bool = False
    """report progress as JSON lines"""
    threads: int | None = None
    """number of CPU threads (default: one per core, within a container's quota)"""

    def __post_init__(self) -> None:
        check_threads(self.threads)
        if self.run is not None and not self.run.strip():
            raise ArgumentError("run", "the name of a folder", self.run)


def run(argv: list[str]) -> int:
    """Run the command and return its exit status."""
    task = argv[0] if argv and not argv[0].startswith("-") else None
    rest = argv[1:] if task else argv
    recipe = _recipe(rest)
    if task is None and recipe is None:
        print(_tasks())
        return 0 if argv and argv[0] in ("-h", "--help") else BAD_INPUT
    name = task or (recipe.task if recipe else "")
    cls = task_class(name)
    if cls.word and rest and not rest[0].startswith("-"):
        rest = [f"--{cls.word}={rest[0]}", *rest[1:]]
    if recipe is not None and recipe.task != name:
        raise RunError(f"this recipe is for the task {recipe.task}, not {name}; use unrolled train {recipe.task}")
    general, config = _read(cls.Config, name, rest, recipe)
    ready(cls)  # not earlier: the help does not need the task's modules
    reporter = choose(general.json)
    with Schema(cls.Config, f"unrolled train {name}").names(), threads(general.threads):
        if trains_every_fold(config):
            return cross_validation.run(name, config, general.run, reporter, as_json=general.json)
        return follow(reporter, lambda: api.start(name, config, general.run, reporter))


def _read(config_class: type, name: str, argv: list[str], recipe: recipes.Recipe | None) -> tuple[General, Any]:
    """Return the general options, and the config: defaults, overridden by the recipe, overridden by flags."""
    prog = f"unrolled train {name}"
    both = dataclasses.make_dataclass(
        "Invocation",
        [("general", General, dataclasses.field(default_factory=General))],
        bases=(config_class,),
        frozen=True,
        kw_only=True,
    )
    flags = given(both, argv, prog)
    length = [flag for flag in LENGTH_OPTIONS if flag in flags]
    if len(length) > 1:
        raise ArgumentError(f"--{length[1]}", f"omitted with --{length[0]}", flags[length[1]])
    base = config_class()
    if length:
        base = update(base, **NO_LENGTH)  # drop the task's default length
    run = flags.get("from_run") or (recipe.options.get("from_run") if recipe is not None else None)
    if run is not None:
        with Schema(both, prog).names():
            started = api.start_defaults(task_class(name), str(run), flags)
        base = update(base, **_without_length(started, length))
    if recipe is not None:
        try:
            base = update(base, **_without_length(recipe.options, length))
        except ArgumentError as error:
            raise RunError(f"the recipe's {error}") from error
        api.check_trust(base, flags.get("cell"), "the recipe")
    names = groups(config_class)
    default = both(**{group: getattr(base, group) for group in names})
    parsed = parse(both, argv, prog, _about(name), default)
    config = config_class(**{group: getattr(parsed, group) for group in names})
    with Schema(both, prog).names():
        refuse_without_effect(config, flags)
    return parsed.general, config


def _without_length(options: dict[str, Any], length: list[str]) -> dict[str, Any]:
    """Return options without the length of training, if a flag gives it."""
    return {name: value for name, value in options.items() if not (length and name in NO_LENGTH)}


def _recipe(argv: list[str]) -> recipes.Recipe | None:
    """Return the recipe named in ``argv``; read before all other options, as it may determine the task."""
    for at, word in enumerate(argv):
        flag, equals, value = word.partition("=")
        if flag in ("--recipe", "-recipe"):
            if not equals and at + 1 == len(argv):
                raise ArgumentError("--recipe", f"followed by one of {', '.join(recipes.names())}", "nothing")
            return recipes.read(value if equals else argv[at + 1])
    return None


def _about(name: str) -> str:
    default = "five minutes on Python's own source code" if name == "lm" else "on generated examples"
    known = ", ".join(recipes.names(name))
    return (
        f"Train: {registry.what(name)}. Without options: {default}.{f' Recipes: {known}.' if known else ''}\n\n"
        "The option names of char-rnn, torch-rnn, PyTorch's examples and Keras are accepted too: --rnn-size, "
        "--seq-length, --nhid, --learning-rate…"
    )


def _tasks() -> str:
    names = registry.names()
    width = max(map(len, names))
    tasks = "\n".join(f"  {name:<{width}}  {registry.what(name)}" for name in names)
    return f"""usage: unrolled train TASK [options]

{tasks}

  unrolled train TASK --help       all options of a task
  unrolled train --recipe NAME     a prepared experiment: {", ".join(recipes.names())}"""
