"""Checks of single values: strings, numbers, paths and choices."""

from __future__ import annotations

import math
import numbers
import os
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from ..errors import ArgumentError, did_you_mean

TEXTS = "a list of strings"
UNCHECKED = "unchecked"
"""``Annotated[…, UNCHECKED]``: an argument that the function checks itself."""


class Least(NamedTuple):
    """``Annotated[int, Least(1)]``: an integer of at least ``value``."""

    value: int


Size = Annotated[int, Least(1)]
"""An integer from 1."""
Count = Annotated[int, Least(0)]
"""An integer from 0."""


class Check(NamedTuple):
    """A ``description`` of valid values, and ``fit(name, value)``: returns the value or raises `ArgumentError`."""

    description: str
    fit: Callable[[str, Any], Any]


def plain(value: Any) -> Any:
    """Convert numpy scalars and arrays or tensors without dimensions to Python numbers; keep other values unchanged."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def where(fits: Callable[[Any], bool], description: str) -> Callable[[str, Any], Any]:
    """Return a ``fit`` function that accepts the values for which ``fits`` is true."""

    def fit(name: str, value: Any) -> Any:
        if not fits(value):
            raise ArgumentError(name, description, value)
        return value

    return fit


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value := plain(value), bool):
        raise ArgumentError(name, "True or False", value)
    return value


def _whole(name: str, value: Any) -> int:
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ArgumentError(name, "an integer", value)
    return value if isinstance(value, int) else int(value)


def at_least(least: Least) -> Check:
    """Accept integers of at least ``least``."""
    description = f"an integer of at least {least.value}"

    def fit(name: str, value: Any) -> int:
        number = reworded(SIMPLE[int], description).fit(name, value)
        if number < least.value:
            raise ArgumentError(name, description, value)
        if number >= 1 << 63:
            raise ArgumentError(name, "an integer below 2^63", value)
        return typing.cast(int, number)

    return Check(description, fit)


def _number(name: str, value: Any) -> float:
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ArgumentError(name, "a number", value)
    if not math.isfinite(value):
        raise ArgumentError(name, "a finite number", value)
    return value if isinstance(value, int | float) else float(value)


def _path(name: str, value: Any) -> Path:
    if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes):
        raise ArgumentError(name, "a path", value)
    return Path(value)


def array(name: str, value: Any) -> Any:
    """Convert ``value`` to an array of numbers, or raise `ArgumentError`."""
    import numpy as np

    try:
        converted = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):  # rows of different lengths; a tensor that requires a gradient
        converted = None
    if converted is None or converted.dtype.kind not in "biufc":
        raise ArgumentError(name, "an array of numbers", value)
    return converted


def one_of(choices: tuple[Any, ...]) -> Callable[[str, Any], Any]:
    """Return a ``fit`` function that accepts the values of a `Literal`."""

    def fit(name: str, value: Any) -> Any:
        if isinstance(value, str | int) and value in choices and type(value) in {type(choice) for choice in choices}:
            return value
        suggestion = did_you_mean(str(value), map(str, choices))
        raise ArgumentError(name, listed(choices), value, suggestion)

    return fit


def listed(choices: tuple[Any, ...]) -> str:
    """Return ``'a', 'b' or 'c'``."""
    *others, last = map(repr, choices)
    return f"{', '.join(others)} or {last}" if others else last


def reworded(check: Check, description: str) -> Check:
    """Return the same check with another description."""

    def fit(name: str, value: Any) -> Any:
        try:
            return check.fit(name, value)
        except ArgumentError as error:
            raise ArgumentError(name, description, value, error.remedy) from None

    return Check(description, fit)


ANYTHING = Check("anything", lambda name, value: value)
NOTHING = Check("None", where(lambda value: value is None, "None"))
TEXT = Check("a string", where(lambda value: isinstance(value, str), "a string"))
SIMPLE: dict[Any, Check] = {
    Any: ANYTHING,
    str: TEXT,
    bool: Check("True or False", _flag),
    int: Check("an integer", _whole),
    float: Check("a number", _number),
    Path: Check("a path", _path),
}
