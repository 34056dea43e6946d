"""Recipes: named experiments. Each is a TOML file like a run's config.toml; what it leaves out is the default.

Its optional table ``[result]`` says what the recipe reaches and how long that took; training ignores it.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import RunError, clause, did_you_mean
from ..training.config import parse_toml, read_text


class Recipe(NamedTuple):
    """A recipe: the task, its options by name, and what it reaches."""

    task: str
    options: dict[str, Any]
    result: dict[str, Any]


def names(task: str | None = None) -> list[str]:
    """The recipes that come with the package: all, or those for ``task``."""
    files = resources.files(__name__).iterdir()
    every = sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))
    return every if task is None else [name for name in every if read(name).task == task]


def read(name_or_path: str) -> Recipe:
    """A recipe by name, or from a TOML file (also a run's config.toml).

    Raises:
        RunError: there is none of that name, or the file is not a recipe.
    """
    if name_or_path in names():
        text = resources.files(__name__).joinpath(f"{name_or_path}.toml").read_text(encoding="utf-8")
    elif name_or_path.endswith(".toml"):
        text = read_text(Path(name_or_path))
    else:
        near = clause(did_you_mean(name_or_path, names()))
        raise RunError(
            f"there is no recipe {name_or_path!r}{near}; give {', '.join([*names(), ''])}or a file that ends in .toml"
        )
    task, options = parse_toml(text, f"recipe {name_or_path}")
    return Recipe(task, options, tomllib.loads(text).get("result", {}))
