"""Hypotheses about a text, built in or given by the user, and the labels that they assign to its characters."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import checked
from ..errors import ArgumentError, did_you_mean
from .labels import BUILT_IN, CODE, Numbers, Text
from .regex import matches
from .source import Mask, inside

FEWEST = 20  # a binary hypothesis is tested if it is true, and false, for at least so many characters of the text
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Hypothesis:
    """A named function that labels each character of a text: with booleans (binary) or numbers (numeric)."""

    name: str
    label: Callable[[Text], npt.NDArray[Any]]


@dataclass(frozen=True)
class Labels:
    """The labels of a text of n characters under J hypotheses.

    Attributes:
        names: the J hypotheses that can be tested on the text.
        binary: ``(J,)``: whether each is binary.
        values: ``(J, n)``: the labels; 0 or 1 for a binary hypothesis.
        left_out: the hypotheses that cannot be tested, name → reason.
    """

    names: list[str]
    binary: npt.NDArray[np.bool_]
    values: Numbers
    left_out: dict[str, str]


@checked
def built_in(tick: str = "character") -> list[Hypothesis]:
    """Return the built-in hypotheses for inputs counted in ``tick``; only characters have some."""
    return [Hypothesis(name, label) for name, label in BUILT_IN.items()] if tick == "character" else []


@checked
def own(specification: str, *, limited: bool = False) -> Hypothesis:
    """Return a custom hypothesis: ``NAME=REGEX``, true inside matches, or ``module:function``, text → array.

    With ``limited`` an expression is matched in a process of its own within a time limit, see `regex.matches`.

    Raises:
        ArgumentError: it has neither form, the expression does not compile, or the function does not exist.
    """
    name, equals, expression = specification.partition("=")
    if equals:
        checked_name, label = _checked_name(name, specification), _regex_label(expression)
        return Hypothesis(checked_name, inside_matches(expression) if limited else label)
    if _FUNCTION.fullmatch(specification):
        return Hypothesis(specification, _function_label(specification))
    if re.fullmatch(r"[\w ]+", specification):
        near = did_you_mean(specification, BUILT_IN)
        remedy = f"{near} " if near else ""
        remedy += f"give an expression a name, as in 'name={specification}'; built in: {', '.join(BUILT_IN)}"
    else:
        remedy = f"give the expression a name, as in 'spaces={specification}'"
    raise ArgumentError("hypothesis", "NAME=REGEX or module:function", specification, remedy)


@checked
def label(text: str, hypotheses: Sequence[Hypothesis]) -> Labels:
    r"""Return the labels of a text under the hypotheses.

    >>> from unrolled.inspector import label, own
    >>> labels = label("x = 12345\n" * 10, [own(r"a number=\d+"), own("a comment=#.*$")])
    >>> labels.names, labels.values.shape, int(labels.values.sum())
    (['a number'], (1, 100), 50)
    >>> labels.left_out
    {'a comment': 'never true in this text'}

    Raises:
        ArgumentError: two hypotheses have the same name, or a function does not return one label for each character.
    """
    names = [hypothesis.name for hypothesis in hypotheses]
    for name in names:
        if names.count(name) > 1:
            raise ArgumentError("hypothesis", "a name that no other hypothesis has", name)
    shared = Text(text)
    tested, binary, values, left_out = list[str](), list[bool](), list[Numbers](), dict[str, str]()
    for hypothesis in hypotheses:
        labels = hypothesis.label(shared)
        is_binary = labels.dtype == np.bool_
        if reason := _untestable(labels, is_binary):
            if hypothesis.name in CODE and shared.language == "prose":
                reason = "this text was not recognised as Python or C-like code"
            left_out[hypothesis.name] = reason
            continue
        tested.append(hypothesis.name)
        binary.append(is_binary)
        values.append(labels.astype(np.float32))
    rows = np.stack(values) if values else np.zeros((0, len(text)), dtype=np.float32)
    return Labels(tested, np.array(binary, dtype=np.bool_), rows, left_out)


def _untestable(labels: npt.NDArray[Any], binary: bool) -> str:
    """Return why these labels cannot be tested; an empty string if they can."""
    if binary:
        true = int(np.count_nonzero(labels))
        if true < FEWEST:
            return f"true for {true} characters of this text" if true else "never true in this text"
        if len(labels) - true < FEWEST:
            return f"false for only {len(labels) - true} characters of this text"
        return ""
    return "constant over this text" if len(labels) == 0 or labels.min() == labels.max() else ""


def _checked_name(name: str, specification: str) -> str:
    if not name.strip():
        raise ArgumentError("hypothesis", "NAME=REGEX with a name before the =", specification)
    return name.strip()


def _regex_label(expression: str) -> Callable[[Text], npt.NDArray[np.bool_]]:
    try:
        pattern = re.compile(expression, re.MULTILINE)
    except re.error as error:
        remedy = "correct the regular expression (Python's re syntax)"
        raise ArgumentError("hypothesis", f"NAME=REGEX that compiles ({error})", expression, remedy) from None
    return lambda text: inside(len(text), (match.span() for match in pattern.finditer(text.text)))


def inside_matches(expression: str) -> Callable[[Text], Mask]:
    """Return the label function of an expression that is matched within a time limit, see `regex.matches`."""
    return lambda text: matches(expression, text.text)


def _function_label(reference: str) -> Callable[[Text], npt.NDArray[Any]]:
    module, _, name = reference.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        remedy = "give module:function; the module must be installed or in the current folder"
        raise ArgumentError("hypothesis", f"a function that can be imported ({error})", reference, remedy) from None
    if not callable(function):
        raise ArgumentError("hypothesis", "a function, text -> array", reference)

    def labels(text: Text) -> npt.NDArray[Any]:
        values = np.asarray(function(text.text))
        expected = f"a function that returns one number or truth value for each of the {len(text)} characters"
        if values.shape != (len(text),) or values.dtype.kind not in "biuf":
            raise ArgumentError("hypothesis", expected, f"{values.dtype} {values.shape} from {reference}")
        if not np.isfinite(values).all():
            raise ArgumentError("hypothesis", expected, f"nan or infinity from {reference}")
        return values

    return labels
