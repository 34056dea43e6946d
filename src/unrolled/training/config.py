"""Configurations: nested frozen dataclasses with one flat namespace of options.

The config of a task is a frozen dataclass whose fields are *groups*, which are frozen dataclasses too: `data`, `model`,
`training`… Option names are unique across groups, so an option has the same name everywhere:

    --hidden-size 256         on the command line
    hidden_size=256           in unrolled.train(…)
    [model]
    hidden_size = 256         in config.toml and in recipes

Options that are `None` are omitted from TOML. Each group validates its options in ``__post_init__``.
"""

from __future__ import annotations

import dataclasses
import platform
import tomllib
import types
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
import torch

from ..checks import check_of, plain
from ..errors import ArgumentError, RunError, UnknownOption, did_you_mean

FORMAT = 1
C = TypeVar("C")
LENGTH_OPTIONS = ("steps", "epochs", "time")
NO_LENGTH: dict[str, int | None] = {**dict.fromkeys(LENGTH_OPTIONS), "min_steps": 0}

# Names of the options in other tools (char-rnn, torch-rnn, PyTorch's word language model example, Keras).
ALIASES = {
    "rnn_size": "hidden_size",
    "nhid": "hidden_size",
    "units": "hidden_size",
    "nlayers": "num_layers",
    "model": "cell",
    "seq_length": "bptt",
    "emsize": "embedding_size",
    "learning_rate": "lr",
    "grad_clip": "clip_value",  # char-rnn and torch-rnn clip every gradient entry
    "clip_norm": "clip",
    "max_epochs": "epochs",
    "data_dir": "data",
    "input_txt": "data",
    "unit_forget_bias": "forget_bias",
    "eval_val_every": "eval_every",
    "primetext": "prompt",
    "start_text": "prompt",
    "from": "from_run",
}

FLAGS = {"from_run": "from"}
"""The flags of options that cannot have the same name in Python."""


def options(cls: type) -> dict[str, tuple[str, dataclasses.Field[Any]]]:
    """Return all options of a config class: name → (group, dataclass field)."""
    table = {}
    for group, group_cls in groups(cls).items():
        for field in dataclasses.fields(group_cls):
            assert field.name not in table, f"option {field.name} is in two groups"
            table[field.name] = (group, field)
    return table


def groups(cls: type) -> dict[str, type]:
    """Return the groups of a config class: field name → dataclass."""
    hints = typing.get_type_hints(cls).items()
    return {name: hint for name, hint in hints if isinstance(hint, type) and dataclasses.is_dataclass(hint)}


def update(config: C, /, **flat: Any) -> C:
    """Return a copy of ``config`` with the given options changed, whichever group they belong to.

    Raises:
        ArgumentError: an option is unknown (similar names are suggested), has the wrong type or is out of range.
    """
    table = options(type(config))
    changed: dict[str, dict[str, Any]] = {}
    for given, value in (_with_one_length(flat) if "epochs" in table else flat).items():
        name = given if given in table else ALIASES.get(given, given)
        if name not in table:
            known = [*table, *(alias for alias, target in ALIASES.items() if target in table)]
            raise UnknownOption(given, did_you_mean(given, known))
        group, _ = table[name]
        if name in changed.get(group, {}):
            raise ArgumentError(name, f"given under one name only, not as {given} too", value)
        hints = typing.get_type_hints(groups(type(config))[group])
        changed.setdefault(group, {})[name] = _fit(name, value, hints[name])
    parts = {group: dataclasses.replace(getattr(config, group), **values) for group, values in changed.items()}
    return dataclasses.replace(config, **parts)  # type: ignore[type-var]


def _with_one_length(flat: dict[str, Any]) -> dict[str, Any]:
    """Return ``flat`` with the other length options reset, so that defaults do not contradict it.

    The steps that were measured for a time are kept beside it.
    """
    names = {ALIASES.get(name, name) for name, value in flat.items() if value is not None}
    if names.isdisjoint(LENGTH_OPTIONS):
        return flat
    return {name: value for name, value in NO_LENGTH.items() if name not in names} | flat


def refuse_changed(group: Any, names: Iterable[str], why: str) -> None:
    """Raise `ArgumentError` for the first of these options of a group that differs from its default.

    ``why`` completes "must be omitted …", as in "with --cell rnn, which has no such option".
    """
    fields = {field.name: field for field in dataclasses.fields(group)}
    for name in names:
        defaults = (fields[name].default, *fields[name].metadata.get("formerly", ()))
        if getattr(group, name) not in defaults:
            raise ArgumentError(name, f"omitted {why}", getattr(group, name))


def refuse_ignored(config: Any, ignored: Callable[[str, str], bool], why: str) -> None:
    """Raise `ArgumentError` for the first option that differs from the config's default and is ``ignored``.

    Args:
        config: a config.
        ignored: whether an option has no effect, by the names of its group and of the option.
        why: see `refuse_changed`.
    """
    for part in dataclasses.fields(config):
        group, usual = getattr(config, part.name), part.default_factory()  # type: ignore[operator]
        changed = [f.name for f in dataclasses.fields(group) if getattr(group, f.name) != getattr(usual, f.name)]
        refuse_changed(group, [name for name in changed if ignored(part.name, name)], why)


def changed_flags(group: Any, names: Iterable[str] | None = None, default: Any = None) -> list[str]:
    """Return the options of a group that differ from their defaults as flags of the command line.

    Args:
        group: a group of a config.
        names: the options to consider (default: all).
        default: the group of the task's default config (default: the default of each option).
    """
    flags = []
    hints = typing.get_type_hints(type(group))
    for field in dataclasses.fields(group):
        value = getattr(group, field.name)
        usual = field.default if default is None else getattr(default, field.name)
        if value is None or value == usual or (names is not None and field.name not in names):
            continue
        dashed = FLAGS.get(field.name, field.name).replace("_", "-")
        if isinstance(value, bool):
            flags.append(f"--{dashed}" if value else f"--no-{dashed}")
        elif typing.get_args(hints[field.name]) == (str, Ellipsis):
            flags += [word for item in value for word in (f"--{dashed}", str(item))]
        else:
            flags += [f"--{dashed}", *map(str, value if isinstance(value, tuple) else (value,))]
    return flags


def without_effect(config: Any) -> dict[str, str]:
    """Return the options that differ from their defaults but have no effect, each with the reason, such as "with
    --optimizer adamw".

    The groups report them in their ``without_effect`` methods. They do not raise an error themselves: saved runs and
    recipes may contain such options.
    """
    reasons: dict[str, str] = {}
    for name in groups(type(config)):
        group = getattr(config, name)
        defaults = {field.name: field.default for field in dataclasses.fields(group)}
        unused = group.without_effect() if hasattr(group, "without_effect") else {}
        reasons |= {option: why for option, why in unused.items() if getattr(group, option) != defaults[option]}
    return reasons


def refuse_without_effect(config: Any, given: Iterable[str]) -> None:
    """Raise `ArgumentError` for the first option in ``given`` that has no effect."""
    unused = without_effect(config)
    for name in given:
        if (name := ALIASES.get(name, name)) in unused:
            raise ArgumentError(name, f"omitted {unused[name]}, which does not use it", flatten(config)[name])


def notes_without_effect(config: Any) -> list[str]:
    """Return a note for each option that has no effect, shown when training starts or resumes."""
    flat = flatten(config)
    return [f"{name} = {flat[name]} has no effect {why}" for name, why in without_effect(config).items()]


def since(default: Any, *, before: Any) -> Any:
    """Return a field for an option added in a later version; runs saved without it use the value ``before``."""
    return dataclasses.field(default=default, metadata={"before": before})


def by_rule(*formerly: Any, before: Any = None) -> Any:
    """Return a field for an option that a rule decides unless it is given (see `defaults`).

    Args:
        formerly: its defaults in earlier versions.
        before: a function of the saved options that returns the value for runs saved without it.
    """
    absent = {} if before is None else {"before": before}
    return dataclasses.field(default=None, metadata={"formerly": formerly, **absent})


def formerly(default: Any, *values: Any) -> Any:
    """Return a field whose default was one of ``values`` in earlier versions; saved runs have them, so `refuse_changed`
    accepts them."""
    return dataclasses.field(default=default, metadata={"formerly": values})


def flatten(config: Any) -> dict[str, Any]:
    """Return the values of all options by name."""
    return {name: getattr(getattr(config, group), name) for name, (group, _) in options(type(config)).items()}


def to_toml(config: Any, task: str) -> str:
    """Return the complete config as TOML, with defaults and the versions of unrolled, torch and Python."""
    from .. import __version__

    body: dict[str, Any] = {
        "format": FORMAT,
        "task": task,
        "versions": {
            "unrolled": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    }
    for group in groups(type(config)):
        values = dataclasses.asdict(getattr(config, group))
        body[group] = {name: value for name, value in values.items() if value is not None}
    return tomli_w.dumps(body)


def parse_toml(text: str, where: str) -> tuple[str, dict[str, Any]]:
    """Return ``(task, options by name)`` of a config.toml or a recipe.

    Raises:
        RunError: the text is not valid TOML, names no task, or was written by a newer version.
    """
    try:
        body = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RunError(f"{where} is not valid TOML: {error}; restore it or train a new run") from error
    version = body.get("format", FORMAT)
    if not isinstance(version, int) or version > FORMAT:
        raise RunError(
            f"{where} has config format {version}, but this version of unrolled reads formats up to {FORMAT}; "
            "upgrade with: pip install --upgrade unrolled"
        )
    task = body.get("task")
    if not isinstance(task, str):
        raise RunError(f"{where} does not name its task; is it a config of unrolled?")
    flat: dict[str, Any] = {}
    for key, value in body.items():
        if isinstance(value, dict) and key not in ("versions", "result"):
            flat.update(value)
    return task, flat


def from_toml(config: C, text: str, where: str) -> C:
    """Return ``config`` with the options of a saved run; options added later get their earlier value (see `since`).

    Raises:
        RunError: the text is not valid, or an option in it is unknown or invalid.
    """
    _, flat = parse_toml(text, where)
    later = {
        name: field.metadata["before"]
        for name, (_, field) in options(type(config)).items()
        if "before" in field.metadata
    }
    later = {name: before(flat) if callable(before) else before for name, before in later.items()}
    try:
        return update(config, **(NO_LENGTH if "epochs" in options(type(config)) else {}) | later | flat)
    except (ArgumentError, OverflowError) as error:
        raise RunError(f"{where}: {error}") from error


def read_text(path: Path) -> str:
    """Read a config or recipe file of at most 1 MB.

    Raises:
        RunError: the file cannot be read, is too large or is not UTF-8 text.
    """
    try:
        if path.stat().st_size > 1_000_000:
            raise RunError(f"{path} is larger than 1 MB, too large for a config; restore it or train a new run")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RunError(f"{path} is not UTF-8 text; restore it or train a new run") from error


UNIONS = (typing.Union, types.UnionType)


def _fit(name: str, value: Any, hint: Any) -> Any:
    """Convert ``value`` to the type ``hint``: arrays to tuples, integers to floats, NumPy scalars to Python numbers."""
    value = plain(value)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _fit(name, value, arguments[0])
    if origin in UNIONS:
        if value is None and type(None) in arguments:
            return None
        for choice in arguments:
            try:
                return _fit(name, value, choice)
            except ArgumentError:
                continue
    elif origin is typing.Literal:
        if isinstance(value, str | int) and value in arguments and type(value) in {type(a) for a in arguments}:
            return value
        near = did_you_mean(str(value), [str(a) for a in arguments])
        raise ArgumentError(name, f"one of {', '.join(map(str, arguments))}", value, near)
    elif origin is tuple and arguments[1:] == (Ellipsis,):
        if isinstance(value, list | tuple) or arguments[0] is str:
            values = value if isinstance(value, list | tuple) else [value]
            return tuple(_fit(name, v, arguments[0]) for v in values)
    elif origin is tuple:
        if isinstance(value, list | tuple) and len(value) == len(arguments):
            return tuple(_fit(name, v, a) for v, a in zip(value, arguments, strict=True))
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif hint is str and isinstance(value, str | Path):
        if str(value).encode(errors="ignore").decode() == str(value):
            return str(value)
        raise ArgumentError(name, "text that can be encoded as UTF-8", str(value))
    elif isinstance(hint, type) and isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    choices = [choice for choice in arguments if choice is not type(None)] if origin in UNIONS else [hint]
    raise ArgumentError(name, " or ".join(check_of(choice).description for choice in choices), value)
