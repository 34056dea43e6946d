"""The columns of a table that were guessed in training: a model file has them, so that other tables are read alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...data.labelled import by_name
from ...training.config import update
from ...training.modelfile import ModelFile


def guessed_columns(guessed: Mapping[str, str]) -> dict[str, Any]:
    """Return the assets of a model file for ``guessed``, the names of the guessed columns by option."""
    return {"columns": by_name(guessed)} if guessed else {}


def with_guessed_columns(config: Any, file: ModelFile, options: tuple[str, ...]) -> Any:
    """Return a config with the values of these options in a model file."""
    columns = file.assets.get("columns")
    found = columns if isinstance(columns, dict) else {}
    return update(config, **{name: found[name] for name in options if isinstance(found.get(name), str)})
