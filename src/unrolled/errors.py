"""The exceptions and warnings of `unrolled`.

UnrolledError
├── ArgumentError (ValueError)   an argument, option or config value is wrong
│   └── UnknownOption            an option or keyword does not exist
├── ShapeError    (ValueError)   a tensor has the wrong shape, dtype or device
├── BackendError  (RuntimeError) the requested backend cannot run this
├── DataError                    a data set is missing, empty, undecodable, altered or too short
├── RunError                     a run folder or model file is missing, damaged or from a newer version
├── SaveError                    a file could not be written (disk full, no permission)
├── DivergedError                the loss became infinite or NaN
└── ConformanceError             a cell violates the contract of cells

The message of an `ArgumentError` names the argument, what was expected, what was received and, if known, a remedy.
The command line prints the message of an `UnrolledError` on one line and exits with status 2.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence

LONGEST = 200  # characters of a value shown in a message


class UnrolledError(Exception):
    """Base class of all errors that `unrolled` raises."""


class UnrolledWarning(UserWarning):
    """Base class of all warnings: the result is valid, but the setup is not the best one."""


class ArgumentError(UnrolledError, ValueError):
    """An argument is wrong: ``name`` must be ``expected``, got ``received``; ``remedy`` says how to fix it."""

    def __init__(self, name: str, expected: str, received: object, remedy: str = "") -> None:
        self.name, self.expected, self.received, self.remedy = name, expected, received, remedy
        message = f"{name} must be {expected}, got {_format_value(received)}"
        super().__init__(f"{message}; {remedy}" if remedy else message)

    def __reduce__(self) -> tuple[type[ArgumentError], tuple[str, str, object, str]]:
        return type(self), (self.name, self.expected, self.received, self.remedy)


class UnknownOption(ArgumentError):
    """An option or keyword has a name that does not exist; ``remedy`` suggests the nearest one."""

    def __init__(self, received: object, remedy: str = "") -> None:
        super().__init__("option", "a known name", received, remedy)
        self.args = (f"{_format_value(received)} is not an option{clause(remedy)}",)

    def __reduce__(self) -> tuple[type[UnknownOption], tuple[object, str]]:  # type: ignore[override]
        return type(self), (self.received, self.remedy)


def _format_value(value: object) -> str:
    """Return ``repr(value)`` on one line, truncated to `LONGEST` characters."""
    try:
        text = repr(value)
    except Exception:  # a user-defined __repr__ may raise anything
        text = f"a {type(value).__name__}"
    if "\n" in text:
        text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


class ShapeError(UnrolledError, ValueError):
    """A tensor has the wrong shape, dtype or device."""


class BackendError(UnrolledError, RuntimeError):
    """The requested backend cannot run this; the message says why."""


class DataError(UnrolledError):
    """A corpus or data set cannot be used."""


class RunError(UnrolledError):
    """A run folder, checkpoint or model file cannot be used."""


class SaveError(UnrolledError):
    """A file could not be written; files saved earlier are unchanged."""


class DivergedError(UnrolledError):
    """A loss or gradient is infinite or NaN."""


class ConformanceError(UnrolledError, AssertionError):
    """A cell failed checks of `unrolled.testing.check_cell`; the message lists each failure with its remedy."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'x' or 'y'?`` for the known names closest to ``word``, or an empty string."""
    near = difflib.get_close_matches(word, list(known), n=3, cutoff=0.6)
    likeness = [difflib.SequenceMatcher(None, name, word).ratio() for name in near]  # in descending order
    near = [name for name, ratio in zip(near, likeness, strict=True) if ratio > likeness[0] - 0.2]
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""


LISTED = 5  # names in a message


def abridged(names: Sequence[str]) -> str:
    """Return the first names, and the number of the others: ``a, b, c, d, e and 3 more``."""
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED:,} more" if len(names) > LISTED else "")


def clause(text: str) -> str:
    """Return ``; text`` to append to a sentence, or an empty string if ``text`` is empty."""
    return f"; {text}" if text else ""


def origin(error: BaseException) -> str:
    """Return the innermost traceback frame in user code as ``mine.py:12, in step``, or an empty string.

    Frames of this package, of the standard library and of installed packages are skipped.
    """
    found, trace = "", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if user_code(code.co_filename):
            found = f"{code.co_filename}:{trace.tb_lineno}, in {code.co_name}"
        trace = trace.tb_next
    return found


def user_code(filename: str) -> bool:
    """Whether a file of code belongs neither to this package, nor to the standard library or an installed package."""
    import sysconfig

    skipped = tuple(os.path.join(path, "") for path in (os.path.dirname(__file__), sysconfig.get_path("stdlib")))
    return not (filename.startswith(("<", *skipped)) or "-packages" in filename)
