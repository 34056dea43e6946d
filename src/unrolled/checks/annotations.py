"""Build the check that belongs to an annotation."""

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
    """Return the annotations of a function; names defined only for type checkers allow any value."""
    unknown: dict[str, Any] = {}
    while True:
        try:
            return typing.get_type_hints(function, localns=unknown, include_extras=True)
        except NameError as error:
            unknown[str(error.name)] = Unknown


class Unknown:
    """Placeholder for a name that is not defined at run time, with or without subscript."""

    def __class_getitem__(cls, item: Any) -> Any:
        return Any


def check_of(hint: Any) -> Check:
    """Return the check of an annotation."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        if UNCHECKED in parts[1:]:
            return ANYTHING
        check = check_of(parts[0])
        for metadata in parts[1:]:
            if isinstance(metadata, str):
                check = reworded(check, metadata)
            elif isinstance(metadata, Least):
                check = at_least(metadata)
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
    cls = origin or hint
    if getattr(cls, "__module__", "") == "numpy" and cls.__name__ == "ndarray":
        return Check("an array of numbers", array)
    runtime = not getattr(cls, "_is_protocol", False) or getattr(cls, "_is_runtime_protocol", False)
    if isinstance(cls, type) and cls is not object and runtime:
        description = f"{'an' if cls.__name__[0] in 'AEIOU' else 'a'} {cls.__name__}"
        return Check(description, where(lambda value: isinstance(value, cls), description))
    return ANYTHING
