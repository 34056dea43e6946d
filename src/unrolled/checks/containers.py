"""Values that hold others: alternatives, sequences, tuples, dictionaries."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from ..errors import ArgumentError
from .values import ANYTHING, NOTHING, SIMPLE, TEXT, TEXTS, Check


def either(checks: list[Check]) -> Check:
    """The first that fits; where there is but one besides `None`, its own words about what does not."""
    if ANYTHING in checks:
        return ANYTHING
    some = [check for check in checks if check is not NOTHING]
    told = [check.words for check in checks if not (check is TEXT and SIMPLE[Path] in checks)]
    words = " or ".join(told)

    def fit(name: str, value: Any) -> Any:
        if value is None and NOTHING in checks:
            return None
        if len(some) == 1:
            return some[0].fit(name, value)
        for check in some:
            try:
                return check.fit(name, value)
            except ArgumentError:
                continue
        raise ArgumentError(name, words, value)

    return Check(words, fit)


def many_of(one: Check, make: type) -> Check:
    """A sequence, or whatever gives its members one after the other; a text is one value, and a set has no order."""
    words = TEXTS if one is TEXT else f"a sequence, each {one.words}"

    def fit(name: str, value: Any) -> Any:
        if isinstance(value, str | bytes | Mapping | Set) or not isinstance(value, Iterable):
            remedy = f"write [{value!r}]" if one is TEXT and isinstance(value, str) and len(value) < 40 else ""
            raise ArgumentError(name, words, value, remedy)
        if isinstance(value, Sequence) and not isinstance(value, list | tuple):
            return value  # one that reads what is asked for
        try:
            members = list(value)
        except TypeError:  # an array without a dimension
            raise ArgumentError(name, words, value) from None
        fitted = make(one.fit(f"{name}[{n}]", member) for n, member in enumerate(members))
        same = type(value) is make and all(map(operator.is_, fitted, value))
        return value if same else fitted  # a list stays the caller's own

    return Check(words, fit)


def iterable_of(one: Check) -> Check:
    """As `many_of`, but read as it is needed and not before."""
    words = TEXTS if one is TEXT else f"a sequence, each {one.words}"
    many = many_of(one, list)

    def each(name: str, values: Iterator[Any]) -> Iterator[Any]:
        for n, value in enumerate(values):
            yield one.fit(f"{name}[{n}]", value)

    def fit(name: str, value: Any) -> Any:
        if isinstance(value, Iterator):
            return each(name, value)
        if isinstance(value, list | tuple | str | bytes) or not isinstance(value, Iterable):
            return many.fit(name, value)
        return value

    return Check(words, fit)


def tuple_of(checks: list[Check]) -> Check:
    words = f"{len(checks)} values: {', '.join(check.words for check in checks)}"

    def fit(name: str, value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != len(checks):
            raise ArgumentError(name, words, value)
        return tuple(check.fit(f"{name}[{n}]", part) for n, (check, part) in enumerate(zip(checks, value, strict=True)))

    return Check(words, fit)


def mapping_of(key: Check, value: Check) -> Check:
    words = "a dictionary"

    def fit(name: str, given: Any) -> Any:
        if not isinstance(given, Mapping):
            raise ArgumentError(name, words, given)
        if key is ANYTHING and value is ANYTHING:
            return given
        return {key.fit(f"a key of {name}", k): value.fit(f"{name}[{k!r}]", v) for k, v in given.items()}

    return Check(words, fit)
