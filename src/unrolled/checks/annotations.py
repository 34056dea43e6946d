"""From an annotation to its check."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from .containers import either, iterable_of, many_of, mapping_of, tuple_of
from .values import (
    ANYTHING,
    NOTHING,
    SIMPLE,
    UNCHECKED,
    Check,
    Least,
    array,
    at_least,
    listed,
    one_of,
    reworded,
    where,
)


def hints_of(function: Any) -> dict[str, Any]:
    """Its annotations; a name that is there for type checkers only may be anything."""
    unknown: dict[str, Any] = {}
    while True:
        try:
            return typing.get_type_hints(function, localns=unknown, include_extras=True)
        except NameError as error:
            unknown[str(error.name)] = Unknown


class Unknown:
    """What stands for a name that is not there, whatever is in brackets after it."""

    def __class_getitem__(cls, item: Any) -> Any:
        return Any


def check_of(hint: Any) -> Check:
    """The check that an annotation asks for."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        if UNCHECKED in parts[1:]:
            return ANYTHING
        check = check_of(parts[0])
        for said in parts[1:]:
            check = (
                reworded(check, said) if isinstance(said, str) else at_least(said) if isinstance(said, Least) else check
            )
        return check
    if origin in (typing.Union, types.UnionType):
        return either([check_of(part) for part in parts])
    if origin is Literal:
        return Check(listed(parts), one_of(parts))
    if hint is Unknown:
        return ANYTHING
    if hint in SIMPLE:
        return SIMPLE[hint]
    if hint is None or hint is types.NoneType:
        return NOTHING
    if origin is tuple and parts[-1:] != (Ellipsis,) and parts:
        return tuple_of([check_of(part) for part in parts])
    if origin in (tuple, list, Sequence):
        return many_of(check_of(parts[0]), tuple if origin is tuple else list)
    if origin is Iterable:
        return iterable_of(check_of(parts[0]))
    if origin in (dict, Mapping):
        return mapping_of(check_of(parts[0]), check_of(parts[1]))
    if origin is Callable or hint is Callable:
        return Check("a function", where(callable, "a function"))
    whole = origin or hint
    if getattr(whole, "__module__", "") == "numpy" and whole.__name__ == "ndarray":
        return Check("an array of numbers", array)
    runtime = not getattr(whole, "_is_protocol", False) or getattr(whole, "_is_runtime_protocol", False)
    if isinstance(whole, type) and whole is not object and runtime:
        words = f"{'an' if whole.__name__[0] in 'AEIOU' else 'a'} {whole.__name__}"
        return Check(words, where(lambda value: isinstance(value, whole), words))
    return ANYTHING
