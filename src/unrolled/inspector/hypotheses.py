"""Which hypotheses are tried: the built-in ones and the user's own, and the labels they give to a text."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import checked
from ..errors import ArgumentError
from .labels import BUILT_IN, Numbers, Text
from .source import inside

FEWEST = 20  # characters of a text for which a binary hypothesis must be true, and false, to be tried
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Hypothesis:
    """A name, and what gives each character of a text its label: booleans (binary) or numbers (numeric)."""

    name: str
    label: Callable[[Text], npt.NDArray[Any]]


@dataclass(frozen=True)
class Labels:
    """What the hypotheses say of one text of n characters.

    Attributes:
        names: of the J hypotheses that the text can tell something about.
        binary: ``(J,)``.
        values: ``(J, n)``; a binary one is 0 or 1.
        left_out: name → why there is nothing to tell.
    """

    names: list[str]
    binary: npt.NDArray[np.bool_]
    values: Numbers
    left_out: dict[str, str]


@checked
def built_in(tick: str = "character") -> list[Hypothesis]:
    """Those that are always tried on inputs whose places count such a tick; there are some for characters only."""
    return [Hypothesis(name, label) for name, label in BUILT_IN.items()] if tick == "character" else []


@checked
def own(said: str) -> Hypothesis:
    """A hypothesis of the user's: ``NAME=REGEX``, true inside matches, or ``module:function``, text → array.

    Raises:
        ArgumentError: it is neither, the expression does not compile, or there is no such function.
    """
    name, equals, expression = said.partition("=")
    if equals:
        return Hypothesis(_named(name, said), _matching(expression))
    if _FUNCTION.fullmatch(said):
        return Hypothesis(said, _calling(said))
    raise ArgumentError("hypothesis", "NAME=REGEX or module:function", said)


@checked
def label(text: str, hypotheses: Sequence[Hypothesis]) -> Labels:
    """The labels of a text.

    Raises:
        ArgumentError: a name comes twice, or a function gives no label for each character.
    """
    names = [one.name for one in hypotheses]
    for name in names:
        if names.count(name) > 1:
            raise ArgumentError("hypothesis", "a name that no other hypothesis has", name)
    shared = Text(text)
    kept, binary, values, left_out = list[str](), list[bool](), list[Numbers](), dict[str, str]()
    for one in hypotheses:
        found = one.label(shared)
        is_binary = found.dtype == np.bool_
        if why := _nothing(found, is_binary):
            left_out[one.name] = why
            continue
        kept.append(one.name)
        binary.append(is_binary)
        values.append(found.astype(np.float32))
    rows = np.stack(values) if values else np.zeros((0, len(text)), dtype=np.float32)
    return Labels(kept, np.array(binary, dtype=np.bool_), rows, left_out)


def _nothing(found: npt.NDArray[Any], binary: bool) -> str:
    """Why there is nothing to be learned from these labels; empty if there is."""
    if binary:
        true = int(np.count_nonzero(found))
        if true < FEWEST:
            return f"true for {true} characters of this text" if true else "nowhere in this text"
        if len(found) - true < FEWEST:
            return f"false for only {len(found) - true} characters of this text"
        return ""
    return "the same everywhere in this text" if len(found) == 0 or found.min() == found.max() else ""


def _named(name: str, said: str) -> str:
    if not name.strip():
        raise ArgumentError("hypothesis", "NAME=REGEX with a name before the =", said)
    return name.strip()


def _matching(expression: str) -> Callable[[Text], npt.NDArray[np.bool_]]:
    try:
        pattern = re.compile(expression, re.MULTILINE)
    except re.error as error:
        remedy = "correct it: it is a regular expression of Python's"
        raise ArgumentError("hypothesis", f"NAME=REGEX that compiles ({error})", expression, remedy) from None
    return lambda text: inside(len(text), (found.span() for found in pattern.finditer(text.text)))


def _calling(place: str) -> Callable[[Text], npt.NDArray[Any]]:
    module, _, name = place.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        remedy = "give module:function, the module in this folder or installed"
        raise ArgumentError("hypothesis", f"a function that can be imported ({error})", place, remedy) from None
    if not callable(function):
        raise ArgumentError("hypothesis", "a function, text -> array", place)

    def labels(text: Text) -> npt.NDArray[Any]:
        found = np.asarray(function(text.text))
        expected = f"a function that gives one number or truth value for each of the {len(text)} characters"
        if found.shape != (len(text),) or found.dtype.kind not in "biuf":
            raise ArgumentError("hypothesis", expected, f"{found.dtype} {found.shape} from {place}")
        if not np.isfinite(found).all():
            raise ArgumentError("hypothesis", expected, f"nan or infinity from {place}")
        return found

    return labels
