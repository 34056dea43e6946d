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
from ..errors import ArgumentError, RunError
from ..tasks import TASKS, task_class
from ..training.config import groups, update
from ..training.log import Reporter
from . import INTERRUPTED
from .arguments import Schema, given, parse
from .plain import reporter

HOW_LONG = ("steps", "epochs", "time")
ABOUT = (
    "{what}\n\nThe names that char-rnn, torch-rnn, PyTorch's examples and Keras have for these options work too: "
    "--rnn-size, --seq-length, --nhid, …"
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """This run."""

    recipe: str | None = None
    """begin with the options of a recipe: {recipes}, or a TOML file; flags change them"""
    run: str | None = None
    """folder for the run (default: runs/TASK-DATA-N)"""
    json: bool = False
    """tell how it goes as one JSON object per line"""


Run.__doc__ = "This run."


def run(argv: list[str]) -> int:
    """The verb."""
    name, rest = (argv[0], argv[1:]) if argv and not argv[0].startswith("-") else ("", argv)
    if not name and not _wants_recipe(rest):
        print(_tasks())
        return 0 if rest else 2
    recipe = None
    if not name:  # the recipe says which task
        name = next(iter(TASKS))
        found = _recipe_in(name, rest)
        recipe = recipes.read(found) if found else None
        name = recipe.task if recipe else name
    cls = task_class(name)
    prog = f"unrolled train {name}"
    invocation = _invocation(cls.Config)
    flags = given(invocation, rest, prog)
    if recipe is None and "recipe" in flags:
        recipe = recipes.read(flags["recipe"])
    config, options = _parse(cls.Config, invocation, name, rest, recipe, flags)
    with Schema(cls.Config, prog).names():
        return train(options.run, reporter(options.json), name, config)


def train(folder: str | None, to: Reporter, name: str, config: Any) -> int:
    """Train a new run and tell ``to`` about it; returns the exit status."""
    return status_of(to, lambda: api.start(name, config, folder, to))
