"""Recipes: named experiments. A recipe is a TOML file like config.toml; omitted options have their defaults.

The optional table ``[result]`` records metrics and training time; training ignores it.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import RunError, clause, did_you_mean
from ..training.config import parse_toml, read_text


class Recipe(NamedTuple):
    """A recipe: task, options by name, and recorded results."""

    task: str
    options: dict[str, Any]
    result: dict[str, Any]


def names(task: str | None = None) -> list[str]:
    """Return the names of the packaged recipes, all or those for ``task``."""
    files = resources.files(__name__).iterdir()
    all_names = sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))
    return all_names if task is None else [name for name in all_names if read(name).task == task]


def read(name_or_path: str) -> Recipe:
    """Read a recipe by name, or from a TOML file (also the config.toml of a run).

    Raises:
        RunError: the recipe does not exist, or the file is not a recipe.
    """
    if name_or_path in names():
        text = resources.files(__name__).joinpath(f"{name_or_path}.toml").read_text(encoding="utf-8")
    elif name_or_path.endswith(".toml"):
        text = read_text(Path(name_or_path))
    else:
        near = clause(did_you_mean(name_or_path, names()))
        raise RunError(f"recipe {name_or_path!r} does not exist{near}; give {', '.join([*names(), ''])}or a .toml file")
    task, options = parse_toml(text, f"recipe {name_or_path}")
    return Recipe(task, options, tomllib.loads(text).get("result", {}))
