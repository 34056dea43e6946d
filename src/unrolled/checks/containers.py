"""Checks of composite values: alternatives, sequences, tuples, dictionaries."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from ..errors import ArgumentError
from .values import ANYTHING, NOTHING, SIMPLE, TEXT, TEXTS, Check


def either(checks: list[Check]) -> Check:
    """Accept what one of the checks accepts. With a single alternative to `None`, its own message is kept."""
    if ANYTHING in checks:
        return ANYTHING
    alternatives = [check for check in checks if check is not NOTHING]
    description = " or ".join(c.description for c in checks if not (c is TEXT and SIMPLE[Path] in checks))

    def fit(name: str, value: Any) -> Any:
        if value is None and NOTHING in checks:
            return None
        if len(alternatives) == 1:
            return alternatives[0].fit(name, value)
        for check in alternatives:
            try:
                return check.fit(name, value)
            except ArgumentError:
                continue
        raise ArgumentError(name, description, value)

    return Check(description, fit)


def many_of(element: Check, make: type) -> Check:
    """Accept a sequence or another ordered iterable, but neither a string, which is one value, nor a set."""
    description = TEXTS if element is TEXT else f"a sequence (each element {element.description})"

    def fit(name: str, value: Any) -> Any:
        if isinstance(value, str | bytes | Mapping | Set) or not isinstance(value, Iterable):
            remedy = f"write [{value!r}]" if element is TEXT and isinstance(value, str) and len(value) < 40 else ""
            raise ArgumentError(name, description, value, remedy)
        if isinstance(value, Sequence) and not isinstance(value, list | tuple):
            return value  # a lazy sequence is not read here
        try:
            members = list(value)
        except TypeError:  # an array without dimensions
            raise ArgumentError(name, description, value) from None
        fitted = make(element.fit(f"{name}[{n}]", member) for n, member in enumerate(members))
        same = type(value) is make and all(map(operator.is_, fitted, value))
        return value if same else fitted  # keep the caller's list if nothing was converted

    return Check(description, fit)


def iterable_of(element: Check) -> Check:
    """Accept what `many_of` accepts, and iterators, whose values are checked lazily."""
    description = TEXTS if element is TEXT else f"a sequence (each element {element.description})"
    many = many_of(element, list)

    def each(name: str, values: Iterator[Any]) -> Iterator[Any]:
        for n, value in enumerate(values):
            yield element.fit(f"{name}[{n}]", value)

    def fit(name: str, value: Any) -> Any:
        if isinstance(value, Iterator):
            return each(name, value)
        if isinstance(value, list | tuple | str | bytes) or not isinstance(value, Iterable):
            return many.fit(name, value)
        return value

    return Check(description, fit)


def tuple_of(checks: list[Check]) -> Check:
    """Accept a tuple or list with one value for each check."""
    description = f"{len(checks)} values: {', '.join(check.description for check in checks)}"

    def fit(name: str, value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != len(checks):
            raise ArgumentError(name, description, value)
        return tuple(check.fit(f"{name}[{n}]", part) for n, (check, part) in enumerate(zip(checks, value, strict=True)))

    return Check(description, fit)


def mapping_of(key: Check, value: Check) -> Check:
    """Accept a mapping with valid keys and values."""
    description = "a dictionary"

    def fit(name: str, mapping: Any) -> Any:
        if not isinstance(mapping, Mapping):
            raise ArgumentError(name, description, mapping)
        if key is ANYTHING and value is ANYTHING:
            return mapping
        return {key.fit(f"a key of {name}", k): value.fit(f"{name}[{k!r}]", v) for k, v in mapping.items()}

    return Check(description, fit)
