"""Check the arguments of public functions against their annotations.

    @checked
    def predict(self, texts: Sequence[str], *, explain: bool = False) -> …

Valid values are passed on; numpy scalars and arrays or tensors without dimensions are converted to Python numbers;
anything else raises an `ArgumentError` that names the argument, and so does an unknown keyword, with the nearest known
name. A constructor that passes ``**options`` on accepts the keywords of its base classes. A function only has to check
what its annotations do not express, such as ranges and combinations. ``Annotated[float, "a rate"]`` replaces the
description of the expected value; `Size` and `Count` are integers of at least 1 and 0.

Do not use this for functions that run at every step: a check takes some microseconds.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypedDict, TypeVar

from ..errors import UnknownOption, did_you_mean
from .annotations import check_of, hints_of
from .values import ANYTHING, UNCHECKED, Check, Count, Least, Size, plain

__all__ = [
    "UNCHECKED",
    "Check",
    "Count",
    "Least",
    "NoOptions",
    "Size",
    "check_of",
    "check_texts",
    "checked",
    "checked_methods",
    "options_of",
    "plain",
    "refuse_unknown",
]

MOST_LISTED = 15  # known names in a message

F = TypeVar("F", bound=Callable[..., Any])


class NoOptions(TypedDict):
    """``**unknown: Unpack[NoOptions]``: a function without further keywords that names a misspelt one itself."""


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
    cached: list[tuple[inspect.Signature, dict[str, Check], str]] = []  # filled at first call, to keep imports fast

    @functools.wraps(function)
    def with_checks(*args: Any, **kwargs: Any) -> Any:
        if not cached:
            cached.append(_prepared(function, annotated))
        signature, checks, passed_on = cached[0]
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            refuse_unknown(kwargs, _keywords(signature))
            return function(*args, **kwargs)  # raises Python's own message
        if function.__name__ == "__init__" and passed_on in bound.arguments and passed_on not in checks:
            refuse_unknown(bound.arguments[passed_on], _constructor_keywords(type(args[0])))
        for name, value in bound.arguments.items():
            if name in checks:
                bound.arguments[name] = checks[name].fit(name, value)
        return function(*bound.args, **bound.kwargs)

    return typing.cast(F, with_checks)


def _prepared(function: Any, annotated: Any) -> tuple[inspect.Signature, dict[str, Check], str]:
    """Return the signature, the check of each parameter, and the name of the parameter ``**options`` or ``""``."""
    signature = inspect.signature(function)
    variable = [p.name for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD]
    return signature, _checks(signature, hints_of(annotated)), variable[0] if variable else ""


def refuse_unknown(given: Iterable[str], known: Collection[str]) -> None:
    """Raise `UnknownOption` for the first name in ``given`` that is not in ``known``; similar names are suggested."""
    for name in given:
        if name not in known:
            remedy = did_you_mean(name, known) or (f"known: {', '.join(known)}" if len(known) <= MOST_LISTED else "")
            raise UnknownOption(name, remedy)


def _keywords(signature: inspect.Signature) -> list[str]:
    """Return the names of the parameters that can be given by keyword, without ``self``."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [p.name for p in signature.parameters.values() if p.kind in named and p.name not in ("self", "cls")]


def _constructor_keywords(cls: type) -> list[str]:
    """Return the keywords of the constructors of a class and its base classes, which pass ``**options`` on."""
    constructors = [base.__init__ for base in cls.__mro__ if "__init__" in vars(base)]  # type: ignore[misc]
    return list(dict.fromkeys(name for function in constructors for name in _keywords(inspect.signature(function))))


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
    refuse_unknown(options, list(inspect.signature(cls).parameters))
    return cls(**options)


def check_texts(name: str, value: Any) -> list[str]:
    """Convert an iterable of strings to a list.

    Raises:
        ArgumentError: the value is not iterable, is a single string, or contains something else than strings.
    """
    return typing.cast(list[str], check_of(Sequence[str]).fit(name, value))


def _checks(signature: inspect.Signature, hints: dict[str, Any]) -> dict[str, Check]:
    """Return the check of each parameter whose annotation restricts its values."""
    checks = {}
    for name, hint in hints.items():
        if name != "return" and (check := check_of(hint)) is not ANYTHING:
            checks[name] = check
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            checks.pop(parameter.name, None)  # its annotation is that of each element
            extras = _extras(hints.get(parameter.name), _keywords(signature))
            if extras is not None:
                checks[parameter.name] = extras
    return checks


def _extras(hint: Any, parameters: list[str]) -> Check | None:
    """Return the check of ``**extras: Unpack[Options]``, where ``Options`` is a `TypedDict`; `None` for other hints.

    ``parameters`` are the function's other keywords, suggested for a misspelt name.
    """
    if typing.get_origin(hint) is not typing.Unpack:
        return None
    hints = typing.get_type_hints(typing.get_args(hint)[0], include_extras=True)
    options = {name: check_of(option) for name, option in hints.items()}

    def fit(_: str, values: dict[str, Any]) -> dict[str, Any]:
        refuse_unknown(values, [*options, *parameters])
        return {name: options[name].fit(name, value) for name, value in values.items()}

    return Check("options", fit)
