"""Single values: what a check is, and those of texts, numbers, paths and choices."""

from __future__ import annotations

import math
import numbers
import os
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from ..errors import ArgumentError, did_you_mean

TEXTS = "a list of texts"
UNCHECKED = "unchecked"
"""``Annotated[…, UNCHECKED]``: an argument that the function checks itself."""


class Least(NamedTuple):
    """``Annotated[int, Least(1)]``: a whole number from there on."""

    value: int


Size = Annotated[int, Least(1)]
"""A whole number from 1."""
Count = Annotated[int, Least(0)]
"""A whole number from 0."""


class Check(NamedTuple):
    """What is expected, in words, and ``fit(name, value) -> value``, which raises `ArgumentError`."""

    words: str
    fit: Callable[[str, Any], Any]


def plain(value: Any) -> Any:
    """A Python number for one of numpy's, and for an array or tensor without a dimension; anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def where(fits: Callable[[Any], bool], words: str) -> Callable[[str, Any], Any]:
    def fit(name: str, value: Any) -> Any:
        if not fits(value):
            raise ArgumentError(name, words, value)
        return value

    return fit


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value := plain(value), bool):
        raise ArgumentError(name, "True or False", value)
    return value


def _whole(name: str, value: Any) -> int:
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ArgumentError(name, "a whole number", value)
    return value if isinstance(value, int) else int(value)


def at_least(least: Least) -> Check:
    words = f"a whole number of at least {least.value}"

    def fit(name: str, value: Any) -> int:
        number = reworded(SIMPLE[int], words).fit(name, value)
        if number < least.value:
            raise ArgumentError(name, words, value)
        if number >= 1 << 63:
            raise ArgumentError(name, "a whole number below 2^63", value)
        return typing.cast(int, number)

    return Check(words, fit)


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
    import numpy as np

    try:
        found = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):  # rows of different lengths; a tensor that has a gradient
        found = None
    if found is None or found.dtype.kind not in "biufc":
        raise ArgumentError(name, "an array of numbers", value)
    return found


def one_of(choices: tuple[Any, ...]) -> Callable[[str, Any], Any]:
    def fit(name: str, value: Any) -> Any:
        if isinstance(value, str | int) and value in choices and type(value) in {type(one) for one in choices}:
            return value
        near = did_you_mean(str(value), map(str, choices))
        raise ArgumentError(name, listed(choices), value, near)

    return fit


def listed(choices: tuple[Any, ...]) -> str:
    *some, last = map(repr, choices)
    return f"{', '.join(some)} or {last}" if some else last


def reworded(check: Check, words: str) -> Check:
    def fit(name: str, value: Any) -> Any:
        try:
            return check.fit(name, value)
        except ArgumentError as error:
            raise ArgumentError(name, words, value, error.remedy) from None

    return Check(words, fit)


ANYTHING = Check("anything", lambda name, value: value)
NOTHING = Check("None", where(lambda value: value is None, "None"))
TEXT = Check("a text", where(lambda value: isinstance(value, str), "a text"))
SIMPLE: dict[Any, Check] = {
    Any: ANYTHING,
    str: TEXT,
    bool: Check("True or False", _flag),
    int: Check("a whole number", _whole),
    float: Check("a number", _number),
    Path: Check("a path", _path),
}
