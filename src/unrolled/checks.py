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
import math
import numbers
import operator
import os
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from .errors import ArgumentError, did_you_mean

F = TypeVar("F", bound=Callable[..., Any])

TEXTS = "a list of texts"
UNCHECKED = "unchecked"  # Annotated[…, UNCHECKED]: the function itself has more to say about it


class Least(NamedTuple):
    """``Annotated[int, Least(1)]``: a whole number from there on."""

    value: int


Size = Annotated[int, Least(1)]
Count = Annotated[int, Least(0)]


class Check(NamedTuple):
    """What is expected, in words, and ``fit(name, value) -> value``, which raises `ArgumentError`."""

    words: str
    fit: Callable[[str, Any], Any]


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
            known.append((inspect.signature(function), _checks(function, _hints(annotated))))
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


def plain(value: Any) -> Any:
    """A Python number for one of numpy's, and for an array or tensor without a dimension; anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def check_texts(name: str, value: Any) -> list[str]:
    """A list of texts from anything that gives texts one after the other; a single text is not one of these."""
    return typing.cast(list[str], _check(Sequence[str]).fit(name, value))


def _checks(function: Any, hints: dict[str, Any]) -> dict[str, Check]:
    """For each parameter whose annotation says something, its check."""
    found = {}
    for name, hint in hints.items():
        if name != "return" and (check := _check(hint)) is not ANYTHING:
            found[name] = check
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            found.pop(parameter.name, None)  # its annotation is that of each
            extras = _extras(hints.get(parameter.name))
            if extras is not None:
                found[parameter.name] = extras
    return found


def _hints(function: Any) -> dict[str, Any]:
    """Its annotations; a name that is there for type checkers only may be anything."""
    unknown: dict[str, Any] = {}
    while True:
        try:
            return typing.get_type_hints(function, localns=unknown, include_extras=True)
        except NameError as error:
            unknown[str(error.name)] = _Unknown


class _Unknown:
    """What stands for a name that is not there, whatever is in brackets after it."""

    def __class_getitem__(cls, item: Any) -> Any:
        return Any


def _extras(hint: Any) -> Check | None:
    """The check of ``**extras: Unpack[Options]``, where ``Options`` is a dictionary with types."""
    if typing.get_origin(hint) is not typing.Unpack:
        return None
    options = {name: _check(one) for name, one in typing.get_type_hints(typing.get_args(hint)[0]).items()}

    def fit(_: str, given: dict[str, Any]) -> dict[str, Any]:
        for name in given:
            if name not in options:
                raise ArgumentError("option", f"one of {', '.join(options)}", name, did_you_mean(name, options))
        return {name: options[name].fit(name, value) for name, value in given.items()}

    return Check("options", fit)


def _check(hint: Any) -> Check:
    """The check that an annotation asks for."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        if UNCHECKED in parts[1:]:
            return ANYTHING
        check = _check(parts[0])
        for said in parts[1:]:
            check = (
                _reworded(check, said)
                if isinstance(said, str)
                else _at_least(said)
                if isinstance(said, Least)
                else check
            )
        return check
    if origin in (typing.Union, types.UnionType):
        return _either([_check(part) for part in parts])
    if origin is Literal:
        return Check(_listed(parts), _one_of(parts))
    if hint is _Unknown:
        return ANYTHING
    if hint in SIMPLE:
        return SIMPLE[hint]
    if hint is None or hint is types.NoneType:
        return NOTHING
    if origin is tuple and parts[-1:] != (Ellipsis,) and parts:
        return _tuple([_check(part) for part in parts])
    if origin in (tuple, list, Sequence):
        return _many(_check(parts[0]), tuple if origin is tuple else list)
    if origin is Iterable:
        return _iterable(_check(parts[0]))
    if origin in (dict, Mapping):
        return _mapping(_check(parts[0]), _check(parts[1]))
    if origin is Callable or hint is Callable:
        return Check("a function", _where(callable, "a function"))
    whole = origin or hint
    if getattr(whole, "__module__", "") == "numpy" and whole.__name__ == "ndarray":
        return Check("an array of numbers", _array)
    runtime = not getattr(whole, "_is_protocol", False) or getattr(whole, "_is_runtime_protocol", False)
    if isinstance(whole, type) and whole is not object and runtime:
        words = f"{'an' if whole.__name__[0] in 'AEIOU' else 'a'} {whole.__name__}"
        return Check(words, _where(lambda value: isinstance(value, whole), words))
    return ANYTHING


def _where(fits: Callable[[Any], bool], words: str) -> Callable[[str, Any], Any]:
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


def _at_least(least: Least) -> Check:
    words = f"a whole number of at least {least.value}"

    def fit(name: str, value: Any) -> int:
        number = _reworded(SIMPLE[int], words).fit(name, value)
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


def _array(name: str, value: Any) -> Any:
    import numpy as np

    try:
        found = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):  # rows of different lengths; a tensor that has a gradient
        found = None
    if found is None or found.dtype.kind not in "biufc":
        raise ArgumentError(name, "an array of numbers", value)
    return found


def _one_of(choices: tuple[Any, ...]) -> Callable[[str, Any], Any]:
    def fit(name: str, value: Any) -> Any:
        if isinstance(value, str | int) and value in choices and type(value) in {type(one) for one in choices}:
            return value
        near = did_you_mean(str(value), map(str, choices))
        raise ArgumentError(name, _listed(choices), value, near)

    return fit


def _listed(choices: tuple[Any, ...]) -> str:
    *some, last = map(repr, choices)
    return f"{', '.join(some)} or {last}" if some else last


def _reworded(check: Check, words: str) -> Check:
    def fit(name: str, value: Any) -> Any:
        try:
            return check.fit(name, value)
        except ArgumentError as error:
            raise ArgumentError(name, words, value, error.remedy) from None

    return Check(words, fit)


def _either(checks: list[Check]) -> Check:
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


def _many(one: Check, make: type) -> Check:
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


def _iterable(one: Check) -> Check:
    """As `_many`, but read as it is needed and not before."""
    words = TEXTS if one is TEXT else f"a sequence, each {one.words}"
    many = _many(one, list)

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


def _tuple(checks: list[Check]) -> Check:
    words = f"{len(checks)} values: {', '.join(check.words for check in checks)}"

    def fit(name: str, value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != len(checks):
            raise ArgumentError(name, words, value)
        return tuple(check.fit(f"{name}[{n}]", part) for n, (check, part) in enumerate(zip(checks, value, strict=True)))

    return Check(words, fit)


def _mapping(key: Check, value: Check) -> Check:
    words = "a dictionary"

    def fit(name: str, given: Any) -> Any:
        if not isinstance(given, Mapping):
            raise ArgumentError(name, words, given)
        if key is ANYTHING and value is ANYTHING:
            return given
        return {key.fit(f"a key of {name}", k): value.fit(f"{name}[{k!r}]", v) for k, v in given.items()}

    return Check(words, fit)


ANYTHING = Check("anything", lambda name, value: value)
NOTHING = Check("None", _where(lambda value: value is None, "None"))
TEXT = Check("a text", _where(lambda value: isinstance(value, str), "a text"))
SIMPLE: dict[Any, Check] = {
    Any: ANYTHING,
    str: TEXT,
    bool: Check("True or False", _flag),
    int: Check("a whole number", _whole),
    float: Check("a number", _number),
    Path: Check("a path", _path),
}
