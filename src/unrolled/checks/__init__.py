"""Check the arguments of public functions against their annotations.

    @checked
    def predict(self, texts: Sequence[str], *, explain: bool = False) -> …

Valid values are passed on; numpy scalars and arrays or tensors without dimensions are converted to Python numbers;
anything else raises an `ArgumentError` that names the argument. A function only has to check what its annotations do
not express, such as ranges and combinations. ``Annotated[float, "a rate"]`` replaces the description of the expected
value; `Size` and `Count` are integers of at least 1 and 0.

Do not use this for functions that run at every step: a check takes some microseconds.
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
    """Decorate a function, or the constructor of a dataclass, so that calls check the arguments first.

    >>> @checked
    ... def repeat(text: str, times: Count) -> str:
    ...     return text * times
    >>> repeat("ab", 2)
    'abab'
    >>> repeat("ab", -1)
    Traceback (most recent call last):
    unrolled.errors.ArgumentError: times must be an integer of at least 0, got -1
    """
    if isinstance(function, type):
        function.__init__ = _checked(function.__init__, function)  # type: ignore[misc]
        return function
    return _checked(function, function)


def _checked(function: F, annotated: Any) -> F:
    """Wrap ``function`` with checks by the annotations of ``annotated``."""
    cached: list[tuple[inspect.Signature, dict[str, Check]]] = []  # filled at the first call, to keep imports fast

    @functools.wraps(function)
    def with_checks(*args: Any, **kwargs: Any) -> Any:
        if not cached:
            cached.append((inspect.signature(function), _checks(function, hints_of(annotated))))
        signature, checks = cached[0]
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # raises Python's own message
        for name, value in bound.arguments.items():
            if name in checks:
                bound.arguments[name] = checks[name].fit(name, value)
        return function(*bound.args, **bound.kwargs)

    return typing.cast(F, with_checks)


def checked_methods(cls: type) -> type:
    """Class decorator: apply `checked` to the constructor and every public method that ``cls`` itself defines."""
    for name, member in list(vars(cls).items()):
        if isinstance(member, types.FunctionType) and (name == "__init__" or not name.startswith("_")):
            setattr(cls, name, checked(member))
    return cls


def options_of(cls: type, options: Mapping[str, Any]) -> Any:
    """Build the dataclass ``cls`` from options.

    Raises:
        ArgumentError: an option is unknown or invalid; the message suggests similar names.
    """
    known = list(inspect.signature(cls).parameters)
    for name in options:
        if name not in known:
            raise ArgumentError("option", "a known name", name, did_you_mean(name, known))
    return cls(**options)


def check_texts(name: str, value: Any) -> list[str]:
    """Convert an iterable of strings to a list.

    Raises:
        ArgumentError: the value is not iterable, is a single string, or contains something else than strings.
    """
    return typing.cast(list[str], check_of(Sequence[str]).fit(name, value))


def _checks(function: Any, hints: dict[str, Any]) -> dict[str, Check]:
    """Return the check of each parameter whose annotation restricts its values."""
    checks = {}
    for name, hint in hints.items():
        if name != "return" and (check := check_of(hint)) is not ANYTHING:
            checks[name] = check
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            checks.pop(parameter.name, None)  # its annotation is that of each element
            extras = _extras(hints.get(parameter.name))
            if extras is not None:
                checks[parameter.name] = extras
    return checks


def _extras(hint: Any) -> Check | None:
    """Return the check of ``**extras: Unpack[Options]``, where ``Options`` is a `TypedDict`; `None` for other hints."""
    if typing.get_origin(hint) is not typing.Unpack:
        return None
    options = {name: check_of(option) for name, option in typing.get_type_hints(typing.get_args(hint)[0]).items()}

    def fit(_: str, values: dict[str, Any]) -> dict[str, Any]:
        for name in values:
            if name not in options:
                raise ArgumentError("option", f"one of {', '.join(options)}", name, did_you_mean(name, options))
        return {name: options[name].fit(name, value) for name, value in values.items()}

    return Check("options", fit)
