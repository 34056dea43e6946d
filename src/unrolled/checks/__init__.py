"""Arguments of public functions, checked against their annotations before anything is done with them.

    @checked
    def predict(self, texts: Sequence[str], *, explain: bool = False) -> …

What fits is handed on; numpy's numbers, and arrays and tensors without a dimension, become Python's numbers; anything
else is an `ArgumentError` that names the argument. So a function need check only what its annotation cannot say: ranges
and what fits together. ``Annotated[float, "a rate"]`` says in other words what is expected; `Size` and `Count` are
whole numbers from 1 and from 0 on.

Not for what runs at every step: looking costs some microseconds.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ..errors import ArgumentError, did_you_mean
from .annotations import check_of, hints_of
from .values import ANYTHING, UNCHECKED, Check, Count, Least, Size, plain

__all__ = [
    "UNCHECKED",
    "Check",
    "Count",
    "Least",
    "Size",
    "check_texts",
    "checked",
    "checked_methods",
    "options_of",
    "plain",
]

F = TypeVar("F", bound=Callable[..., Any])


def checked(function: F) -> F:
    """``function`` (a dataclass: its constructor), whose arguments are checked first, when it is called."""
    if isinstance(function, type):
        function.__init__ = _checked(function.__init__, function)  # type: ignore[misc]
        return function
    return _checked(function, function)


def _checked(function: F, annotated: Any) -> F:
    """``function``, whose arguments are checked by the annotations of ``annotated``."""
    known: list[tuple[inspect.Signature, dict[str, Check]]] = []  # looked up when first called, for a quick import

    @functools.wraps(function)
    def with_checks(*args: Any, **kwargs: Any) -> Any:
        if not known:
            known.append((inspect.signature(function), _checks(function, hints_of(annotated))))
        signature, checks = known[0]
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # which says it best
        for name, value in bound.arguments.items():
            if name in checks:
                bound.arguments[name] = checks[name].fit(name, value)
        return function(*bound.args, **bound.kwargs)

    return typing.cast(F, with_checks)


def checked_methods(cls: type) -> type:
    """A class decorator: `checked` for the constructor and every public method that ``cls`` itself defines."""
    for name, member in list(vars(cls).items()):
        if isinstance(member, types.FunctionType) and (name == "__init__" or not name.startswith("_")):
            setattr(cls, name, checked(member))
    return cls


def options_of(cls: type, options: Mapping[str, Any]) -> Any:
    """An instance of the dataclass ``cls`` with these options. `ArgumentError` for an unknown one, with the nearest."""
    known = list(inspect.signature(cls).parameters)
    for name in options:
        if name not in known:
            raise ArgumentError("option", "a known name", name, did_you_mean(name, known))
    return cls(**options)


def check_texts(name: str, value: Any) -> list[str]:
    """A list of texts from anything that gives texts one after the other; a single text is not one of these."""
    return typing.cast(list[str], check_of(Sequence[str]).fit(name, value))


def _checks(function: Any, hints: dict[str, Any]) -> dict[str, Check]:
    """For each parameter whose annotation says something, its check."""
    found = {}
    for name, hint in hints.items():
        if name != "return" and (check := check_of(hint)) is not ANYTHING:
            found[name] = check
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            found.pop(parameter.name, None)  # its annotation is that of each
            extras = _extras(hints.get(parameter.name))
            if extras is not None:
                found[parameter.name] = extras
    return found


def _extras(hint: Any) -> Check | None:
    """The check of ``**extras: Unpack[Options]``, where ``Options`` is a dictionary with types."""
    if typing.get_origin(hint) is not typing.Unpack:
        return None
    options = {name: check_of(one) for name, one in typing.get_type_hints(typing.get_args(hint)[0]).items()}

    def fit(_: str, given: dict[str, Any]) -> dict[str, Any]:
        for name in given:
            if name not in options:
                raise ArgumentError("option", f"one of {', '.join(options)}", name, did_you_mean(name, options))
        return {name: options[name].fit(name, value) for name, value in given.items()}

    return Check("options", fit)
